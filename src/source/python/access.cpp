#include "source/python/access.h"

#include <array>
#include <cmath>

#include "base/names.h"
#include "base/text.h"
#include "source/python/dialect.h"

namespace isomer::python {
namespace {

std::string attribute_of(const std::string& object, const std::string& name) {
  if (is_python_name(name)) return object + "." + name;
  return fmt::format("getattr({}, {})", object, python_literal(std::string_view(name)));
}

std::string element_text(const Tensor& data, std::size_t i) {
  if (is_floating(data.dtype())) {
    const double value = data.doubles()[i];
    // Read as a float again: 0.1, not 0.10000000149.
    if (data.dtype() == DType::f32) return python_literal(static_cast<float>(value));
    return python_literal(value);
  }
  const std::int64_t value = data.integers()[i];
  return data.dtype() == DType::boolean ? python_literal(value != 0) : std::to_string(value);
}

std::string nested_elements(const Tensor& data, std::size_t axis, std::size_t& next) {
  if (axis == data.shape().size()) return element_text(data, next++);
  std::vector<std::string> parts;
  for (std::int64_t i = 0; i < data.shape()[axis]; ++i)
    parts.push_back(nested_elements(data, axis + 1, next));
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

}  // namespace

double in_range(DType dtype, double value) {
  const double largest = largest_of(dtype);
  if (!std::isfinite(value) || std::abs(value) <= largest) return value;
  return Tensor::from_doubles(dtype, {}, std::array{value}).doubles()[0];
}

std::string module_access(const Modules& modules, std::size_t from, const std::string& path) {
  const std::size_t module = modules.at(path);
  if (module == from) return "self";
  if (module == 0) throw Error(Fault::bug, path, "a module that its user cannot reach");
  const std::size_t parent = modules.all[module].parent;
  const std::string object = module_access(modules, from, modules.all[parent].path);
  const std::string& name = modules.all[module].name;
  switch (modules.all[parent].kind) {
    case ModuleKind::sequential:
    case ModuleKind::list: return fmt::format("{}[{}]", object, name);
    case ModuleKind::dict:
      return fmt::format("{}[{}]", object, python_literal(std::string_view(name)));
    case ModuleKind::layer:
    case ModuleKind::parameters:
    case ModuleKind::own: return attribute_of(object, name);
  }
  throw Error(Fault::bug, "", "a module of no kind");
}

std::string tensor_access(const Modules& modules, std::size_t from, const std::string& name) {
  const std::string owner = parent_path(name);
  const std::string object = module_access(modules, from, owner);
  const bool listed = modules.all[modules.at(owner)].kind == ModuleKind::parameters;
  return listed ? fmt::format("{}[{}]", object, last_part(name))
                : attribute_of(object, last_part(name));
}

std::string assignment(const Modules& modules, std::size_t from, const std::string& name,
                       std::string_view value) {
  const std::string target = tensor_access(modules, from, name);
  if (!target.starts_with("getattr(")) return fmt::format("{} = {}", target, value);
  return fmt::format("setattr({}, {}, {})", module_access(modules, from, parent_path(name)),
                     python_literal(std::string_view(last_part(name))), value);
}

Expression inline_constant(const Dialect& dialect, const Constant& constant, bool tensor) {
  const Tensor& data = constant.data;
  std::size_t next = 0;
  const std::string text = !tensor && is_literal(constant) && is_floating(data.dtype())
                               ? python_literal(in_range(data.dtype(), number_of(constant)))
                               : nested_elements(data, 0, next);
  if (!tensor && data.shape().empty())
    return {text, text[0] == '-' ? Binding::sign : Binding::atom};
  return {dialect.tensor(text, data.dtype())};
}

}  // namespace isomer::python
