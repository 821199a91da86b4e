#include "systems/mdf/order.h"

#include <algorithm>
#include <utility>

namespace isomer::mdf {

std::vector<std::size_t> running_order(const std::vector<std::vector<std::size_t>>& senders,
                                       bool within_rank) {
  std::vector<std::vector<std::size_t>> receivers(senders.size());
  std::vector<std::size_t> awaited(senders.size());
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < senders.size(); ++i) {
    awaited[i] = senders[i].size();
    if (awaited[i] == 0) order.push_back(i);
    for (const std::size_t sender : senders[i]) receivers[sender].push_back(i);
  }
  std::vector<std::size_t> rank(senders.size());
  for (std::size_t next = 0; next < order.size(); ++next) {
    const std::size_t sender = order[next];
    for (const std::size_t i : receivers[sender]) {
      rank[i] = std::max(rank[i], rank[sender] + (within_rank && sender < i ? 0 : 1));
      if (--awaited[i] == 0) order.push_back(i);
    }
  }
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(rank[i], i); });
  return order;
}

std::vector<std::size_t> left_out(const std::vector<std::size_t>& order, std::size_t count) {
  std::vector<bool> runs(count);
  for (const std::size_t i : order) runs[i] = true;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < count; ++i) {
    if (!runs[i]) others.push_back(i);
  }
  return others;
}

}  // namespace isomer::mdf
