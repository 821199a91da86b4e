#include "systems/mgs/run/links.h"

namespace isomer::mgs {
namespace {

std::ptrdiff_t distance_between(const void* from, const void* to) {
  return static_cast<const std::byte*>(to) - static_cast<const std::byte*>(from);
}

bool is_alike(const Link& a, const Link& b) { return a.layer == b.layer && a.weight == b.weight; }

}  // namespace

Link Links::Run::at(std::size_t i) const {
  Link link = first;
  const auto times = static_cast<std::int64_t>(i);
  link.source = static_cast<const std::byte*>(first.source) + stride * times;
  link.node = static_cast<std::uint32_t>(first.node + step * times);
  link.number += number_step * times;
  return link;
}

bool operator==(const Links::Run& a, const Links::Run& b) {
  return a.first.source == b.first.source && a.count == b.count &&
         (a.count == 1 || a.stride == b.stride);
}

Link Links::at(std::size_t i) const {
  for (const Run& run : runs_) {
    if (i < run.count) return run.at(i);
    i -= run.count;
  }
  return {};
}

void Links::push(const Link& link) {
  ++size_;
  if (runs_.empty() || !is_alike(runs_.back().first, link)) {
    runs_.push_back({link});
    return;
  }
  Run& last = runs_.back();
  const Link before = last.at(last.count - 1);
  const std::ptrdiff_t stride = distance_between(before.source, link.source);
  const std::int64_t step = std::int64_t{link.node} - before.node;
  const std::int64_t number_step = link.number - before.number;
  if (last.count == 1) {
    last.stride = stride;
    last.step = step;
    last.number_step = number_step;
  } else if (last.stride != stride || last.step != step || last.number_step != number_step) {
    runs_.push_back({link});
    return;
  }
  ++last.count;
}

}  // namespace isomer::mgs
