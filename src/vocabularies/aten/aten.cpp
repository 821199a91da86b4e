#include "vocabularies/aten/aten.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <unordered_map>

#include "base/text.h"
#include "vocabularies/aten/complex.h"

namespace isomer::aten {
namespace {

constexpr std::pair<std::string_view, DType> dtypes[] = {
    {"bool", DType::boolean}, {"int8", DType::i8},       {"uint8", DType::u8},
    {"int16", DType::i16},    {"int32", DType::i32},     {"int64", DType::i64},
    {"float16", DType::f16},  {"bfloat16", DType::bf16}, {"float32", DType::f32},
    {"float64", DType::f64},  {"complex64", DType::c64}, {"complex128", DType::c128},
};

/// Twins whose overload is called otherwise than that of the operator that writes.
using Renamed = std::pair<std::string_view, std::string_view>;
constexpr Renamed other_overloads[] = {{"floor_divide.Tensor", "floor_divide.default"},
                                       {"pow.Scalar", "pow.Tensor_Scalar"},
                                       {"pow.Tensor", "pow.Tensor_Tensor"},
                                       {"transpose.default", "transpose.int"}};

using Families = std::array<std::span<const Row>, 27>;

Families families() {
  return {elementwise_rows(),   special_rows(),       activation_rows(), comparison_rows(),
          reduction_rows(),     shape_rows(),         slicing_rows(),    joining_rows(),
          diagonal_rows(),      sorting_rows(),       indexing_rows(),   linear_rows(),
          contraction_rows(),   algebra_rows(),       distance_rows(),   convolution_rows(),
          pooling_rows(),       resampling_rows(),    sampling_rows(),   plane_rows(),
          counting_rows(),      factorization_rows(), recurrent_rows(),  creation_rows(),
          normalization_rows(), loss_rows(),          frequency_rows()};
}

using Table = std::unordered_map<std::string_view, const Row*>;

Table by_target() {
  Table table;
  for (const Row* row : rows()) {
    for (const std::string_view target : split_text(row->targets, ' '))
      expect(table.emplace(target, row).second, "an ATen operator has one row");
  }
  return table;
}

Table by_ours() {
  Table table;
  for (const Row* row : rows()) {
    if (!row->ours.empty()) table.emplace(row->ours, row);
  }
  return table;
}

const Row* find(const Table& table, std::string_view name) {
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace

std::string_view dtype_name(DType dtype) {
  const auto* found = std::ranges::find(dtypes, dtype, &std::pair<std::string_view, DType>::second);
  expect(found != std::end(dtypes), "PyTorch has each of our types");
  return found->first;
}

std::optional<DType> dtype_named(std::string_view name) {
  const auto* found = std::ranges::find(dtypes, name, &std::pair<std::string_view, DType>::first);
  return found == std::end(dtypes) ? std::nullopt : std::optional(found->second);
}

std::vector<const Row*> rows() {
  std::vector<const Row*> all;
  for (const auto family : families()) {
    for (const Row& row : family) all.push_back(&row);
  }
  return all;
}

const Row* row_for(std::string_view target, bool complex) {
  if (complex) return complex_row_for(target);
  static const Table table = by_target();
  constexpr std::string_view default_overload = ".default";
  if (target.ends_with(default_overload)) target.remove_suffix(default_overload.size());
  return find(table, target);
}

const Row* row_of(std::string_view op) {
  static const Table table = by_ours();
  return find(table, op);
}

std::string python_name(const Row& row) {
  if (!row.python.empty() || row.read != nullptr) return std::string(row.python);
  std::string name(row.target().substr(0, row.target().find('.')));
  for (const std::string_view module : {"special", "linalg", "fft"}) {
    if (name.starts_with(module) && name[module.size()] == '_') name[module.size()] = '.';
  }
  return "torch." + name;
}

std::string_view paired(std::string_view list, std::string_view name, std::string_view fallback) {
  for (const std::string_view pair : split_text(list, ' ')) {
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name) return pair.substr(equals + 1);
  }
  return fallback;
}

bool writes_self(std::string_view target) {
  const std::string_view name = target.substr(0, target.find('.'));
  return name.ends_with('_') && !name.ends_with("__");
}

std::string functional(std::string_view target) {
  std::string twin(target);
  if (writes_self(target)) twin.erase(std::min(twin.find('.'), twin.size()) - 1, 1);
  const auto found = std::ranges::find(other_overloads, twin, &Renamed::first);
  return found == std::end(other_overloads) ? twin : std::string(found->second);
}

Sharing sharing_of(const Row& row, bool contiguous, bool unchanged) {
  const auto either = [](bool condition, Sharing then) { return condition ? then : Sharing::none; };
  switch (row.aliases) {
    case Aliasing::never: return Sharing::none;
    case Aliasing::always: return Sharing::certain;
    case Aliasing::if_contiguous: return either(contiguous, Sharing::certain);
    case Aliasing::if_viewable: return contiguous ? Sharing::certain : Sharing::possible;
    case Aliasing::if_unchanged: return either(unchanged, Sharing::certain);
    case Aliasing::may: return Sharing::possible;
    case Aliasing::may_if_unchanged: return either(unchanged, Sharing::possible);
  }
  return Sharing::none;
}

bool carries_gradient(const Builder& builder, ValueId id) {
  std::set<ValueId> seen;
  std::vector<ValueId> open{id};
  while (!open.empty()) {
    const ValueId next = open.back();
    open.pop_back();
    if (next == ValueId::none || !is_floating(builder.dtype(next))) continue;
    if (!seen.insert(next).second) continue;
    const Node* node = builder.maker(next);
    if (node == nullptr) {
      const Constant* constant = builder.constant_of(next);
      if (constant == nullptr || constant->trainable) return true;
    } else if (!traits_of(*node).stops_gradient) {
      open.insert(open.end(), node->inputs.begin(), node->inputs.end());
    }
  }
  return false;
}

std::vector<ValueId> emit(Builder& builder, const Call& call) {
  if (call.complex) return emit_complex(builder, call);
  const Row* row = row_for(call.target);
  if (row == nullptr)
    throw Error(Fault::unsupported, std::string(call.target),
                "there is no reading of this operator");
  Reading reading(builder, call, *row);
  std::vector<ValueId> results = row->read == nullptr ? renamed(reading) : row->read(reading);
  reading.finish();
  return results;
}

}  // namespace isomer::aten
