#pragma once

#include <span>
#include <string_view>

namespace isomer::aten {

/// What PyTorch's dispatcher calls one of our operators. Inputs go to the schema's tensor arguments
/// in order; our attributes go by name, after `renames`; `fixed` arguments have always that value;
/// others take the schema's defaults.
struct Row {
  std::string_view op;        // ours
  std::string_view name;      // "aten::add"
  std::string_view overload;  // "Tensor"
  std::string_view renames;   // "value=fill_value": ours=theirs, separated by blanks
  std::string_view fixed;     // "training=False dtype=self.dtype", as Python writes literals
};

/// All of them.
std::span<const Row> rows();
/// Null where PyTorch has no such operator; it is then expanded.
const Row* row_of(std::string_view op);

}  // namespace isomer::aten
