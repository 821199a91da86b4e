#include "vocabularies/aten/aten.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "vocabularies/aten/reading.h"

namespace isomer::aten {
namespace {

using Table = std::unordered_map<std::string_view, const ImportRow*>;

Table make_table() {
  Table table;
  for (const auto rows : {elementwise_rows(), comparison_rows(), reduction_rows(), shape_rows(),
                          slicing_rows(), indexing_rows(), linear_rows(), convolution_rows(),
                          normalization_rows(), creation_rows(), loss_rows()}) {
    for (const ImportRow& row : rows)
      expect(table.emplace(row.target, &row).second, "an ATen operator has one row");
  }
  return table;
}

const ImportRow* row_for(std::string_view target) {
  static const Table table = make_table();
  constexpr std::string_view default_overload = ".default";
  if (target.ends_with(default_overload)) target.remove_suffix(default_overload.size());
  const auto found = table.find(target);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace

bool reads(std::string_view target) { return row_for(target) != nullptr; }

std::vector<std::string_view> targets() {
  std::vector<std::string_view> names;
  for (const auto& [name, row] : make_table()) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

std::vector<ValueId> emit(Builder& builder, const Call& call) {
  const ImportRow* row = row_for(call.target);
  if (row == nullptr)
    throw Error(Fault::unsupported, std::string(call.target),
                "there is no reading of this operator");
  Reading reading(builder, call, row->ours);
  std::vector<ValueId> results = row->emit(reading);
  reading.finish();
  return results;
}

}  // namespace isomer::aten
