#include "source/python/spelling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "source/python/source.h"

namespace isomer::python {
namespace {

using Assignments = std::vector<PythonAssignment>;

/// A row says how an operator is written: as a text, or by a function for what a text cannot say.
/// In the text `{x}` is an input or an attribute; `{dims!}` is always a tuple, `{shape*}` one
/// without its parentheses, `{size~}` one number where all axes agree; `<, dim={dim}>` is left out
/// unless the input is there or the attribute is not at its default.
struct Row {
  std::string_view op;
  std::string_view text;
  Binding binding = Binding::atom;
  Assignments (*write)(const PythonCall&) = nullptr;
};

Expression input(const PythonCall& call, std::size_t i) {
  return call.operand(call.node.inputs[i], true);
}
std::string argument(const PythonCall& call, std::size_t i) { return input(call, i).text; }
// For what stands before a point or a bracket.
std::string receiver(const PythonCall& call, std::size_t i) {
  return bound(input(call, i), Binding::atom);
}

template <class T>
const T& setting(const PythonCall& call, std::string_view name) {
  return get<T>(call.attributes, name);
}

const Attribute& attribute(const PythonCall& call, std::string_view name) {
  const Attribute* value = find(call.attributes, name);
  expect(value != nullptr, "a row asks for an optional attribute only where it is given");
  return *value;
}

std::string value_of(const PythonCall& call, std::string_view name) {
  return python_value(attribute(call, name), call.length);
}

// One number where all axes agree.
std::string axes_of(const PythonCall& call, std::string_view name) {
  const Attribute& value = attribute(call, name);
  const auto* lengths = std::get_if<std::vector<std::int64_t>>(&value);
  return lengths != nullptr ? per_axis(*lengths) : python_value(value, call.length);
}

// Torch's defaults are ours: only what differs needs to be said.
bool stated(const PythonCall& call, std::string_view name) { return is_stated(call.node, name); }

Assignments one(const PythonCall& call, std::string text, Binding binding = Binding::atom) {
  return {{{call.node.outputs[0]}, {std::move(text), binding}}};
}

// -- texts with places ---------------------------------------------------------------------------

class Template {
 public:
  Template(const PythonCall& call, const Row& row) : call_(call), row_(row) {}

  std::string filled() {
    std::string result = part(row_.text);
    // The first of several optional arguments has no comma before it.
    if (const std::size_t at = result.find("(, "); at != std::string::npos) result.erase(at + 1, 2);
    return result;
  }

 private:
  std::string part(std::string_view text) {
    std::string result;
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t begin = text.find_first_of("{<", at);
      result += text.substr(at, begin - at);
      if (begin == std::string_view::npos) break;
      const std::size_t end = text.find(text[begin] == '{' ? "}" : ">", begin);
      const std::string_view inside = text.substr(begin + 1, end - begin - 1);
      // "{x} < {y}" has a sign, not a group.
      if (text[begin] == '<' && (end == std::string_view::npos || !inside.starts_with(','))) {
        result += '<';
        at = begin + 1;
        continue;
      }
      at = end + 1;
      if (text[begin] == '{') {
        const bool before = at < text.size() && (text[at] == '.' || text[at] == '[');
        result += place(inside, before);
      } else if (wanted(inside)) {
        result += part(inside);
      }
    }
    return result;
  }

  std::size_t input_named(std::string_view name) const {
    const auto& inputs = call_.prototype.inputs;
    return static_cast<std::size_t>(std::ranges::find(inputs, name, &Prototype::Input::name) -
                                    inputs.begin());
  }

  bool wanted(std::string_view group) const {
    const std::size_t begin = group.find('{');
    const std::string_view name =
        group.substr(begin + 1, group.find_first_of("!*~}", begin) - begin - 1);
    const std::size_t i = input_named(name);
    return i < call_.prototype.inputs.size() ? call_.has(i) : stated(call_, name);
  }

  std::string place(std::string_view name, bool before_point) const {
    const char form = name.back();
    if (form == '!' || form == '*' || form == '~') name.remove_suffix(1);
    const std::size_t i = input_named(name);
    if (i < call_.prototype.inputs.size()) return operand(i, before_point);
    if (form == '~') return axes_of(call_, name);
    const Attribute& value = attribute(call_, name);
    if (form != '!' && form != '*') return python_value(value, call_.length);
    return listed(value, form == '*');
  }

  std::string listed(const Attribute& value, bool open) const {
    std::vector<std::string> items;
    if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&value)) {
      for (const std::int64_t n : *numbers) items.push_back(std::to_string(n));
    } else {
      for (const Dim& dim : std::get<std::vector<Dim>>(value))
        items.push_back(call_.length(dim).text);
    }
    return open && !items.empty() ? fmt::format("{}", fmt::join(items, ", ")) : python_tuple(items);
  }

  std::string operand(std::size_t i, bool before_point) const {
    if (row_.binding == Binding::atom) {
      return bound(input(call_, i), before_point ? Binding::atom : Binding::comparison);
    }
    // One side of a sign may be a plain number. The left one may bind as the sign itself does, but
    // for comparisons, which chain.
    const bool number =
        i == 1 || (call_.node.inputs.size() > 1 && !call_.is_literal(call_.node.inputs[1]));
    const bool loose = i == 0 && (row_.binding == Binding::sum || row_.binding == Binding::product);
    const int tighter = row_.binding == Binding::sign ? 2 : 1;
    const auto least = static_cast<Binding>(static_cast<int>(row_.binding) + (loose ? 0 : tighter));
    return bound(call_.operand(call_.node.inputs[i], !number), least);
  }

  const PythonCall& call_;
  const Row& row_;
};

// -- elementwise ---------------------------------------------------------------------------------

// Plain operands stand close to the sign, as formatters have it.
Assignments write_pow(const PythonCall& call) {
  const Expression y = call.operand(call.node.inputs[1], false);
  const bool number = y.text.find_first_not_of("-.0123456789e") == std::string::npos;
  const std::string x = bound(call.operand(call.node.inputs[0], number), Binding::atom);
  const auto plain = [](const std::string& text) {
    return text.find_first_of(" ()[]") == std::string::npos;
  };
  const std::string exponent = bound(y, Binding::sign);
  const bool close = plain(x) && plain(exponent);
  return one(call, fmt::format("{}{}{}", x, close ? "**" : " ** ", exponent), Binding::power);
}

// F.prelu takes one slope, or one per channel; slopes that differ elsewhere have no function.
Assignments write_prelu(const PythonCall& call) {
  const Shape& x = call.type(0).shape;
  const Shape& slopes = call.type(1).shape;
  const std::string weight = receiver(call, 1);
  bool by_channel = slopes.size() == x.size() && x.size() > 1 && slopes[1] == x[1];
  for (std::size_t i = 0; by_channel && i < slopes.size(); ++i) {
    by_channel = i == 1 || slopes[i] == Dim(1);
  }
  if (by_channel || count_elements(slopes) == Dim(1)) {
    return one(call, fmt::format("F.prelu({}, {}.flatten())", argument(call, 0), weight));
  }
  const std::string text = receiver(call, 0);
  return one(call, fmt::format("torch.where({} > 0, {}, {} * {})", text, argument(call, 0), weight,
                               receiver(call, 0)));
}

Assignments write_elu(const PythonCall& call) {
  const double alpha = setting<double>(call, "alpha");
  const double scale = setting<double>(call, "scale");
  const double input_scale = setting<double>(call, "input_scale");
  const std::string x = argument(call, 0);
  if (scale == 1.0 && input_scale == 1.0) {
    return one(call, fmt::format("F.elu({}{})", x,
                                 alpha == 1.0 ? "" : ", alpha=" + python_literal(alpha)));
  }
  return one(call, fmt::format("torch.ops.aten.elu({}, {}, {}, {})", x, python_literal(alpha),
                               python_literal(scale), python_literal(input_scale)));
}

// A bound with a point would turn integers into reals.
Assignments write_clamp(const PythonCall& call) {
  std::string text = fmt::format("torch.clamp({}", argument(call, 0));
  for (const std::string_view name : {"min", "max"}) {
    if (!stated(call, name)) continue;
    const double limit = setting<double>(call, name);
    const bool whole = is_integer(call.type(0).dtype) && limit == std::trunc(limit);
    text +=
        fmt::format(", {}={}", name, whole ? fmt::format("{:.0f}", limit) : python_literal(limit));
  }
  return one(call, text + ")");
}

// PyTorch has no derivative for its sign.
Assignments write_floor_divide(const PythonCall& call) {
  const std::string y = call.operand(call.node.inputs[1], false).text;
  return one(call, fmt::format("torch.div({}, {}, rounding_mode=\"floor\")", argument(call, 0), y));
}

Assignments write_where(const PythonCall& call) {
  // Numbers take the other side's type; two numbers would take the default one.
  const Expression y = call.operand(call.node.inputs[2], false);
  const Expression x =
      call.operand(call.node.inputs[1], call.graph[call.node.inputs[2]].type.shape.empty());
  return one(call, fmt::format("torch.where({}, {}, {})", argument(call, 0), x.text, y.text));
}

// -- reduction -----------------------------------------------------------------------------------

// PyTorch cannot keep all axes of a reduction without naming them.
std::string reduced_axes(const PythonCall& call) {
  std::vector<std::int64_t> axes = setting<std::vector<std::int64_t>>(call, "dim");
  const bool keep = setting<bool>(call, "keepdim");
  if (axes.empty() && keep) {
    for (std::size_t i = 0; i < call.type(0).shape.size(); ++i)
      axes.push_back(static_cast<std::int64_t>(i));
  }
  std::string text;
  if (!axes.empty()) text += ", dim=" + python_value(axes, call.length);
  if (keep && !call.type(0).shape.empty()) text += ", keepdim=True";
  return text;
}

// "f(, a)" has a comma too many.
std::string with_arguments(std::string_view function, std::string arguments) {
  if (arguments.starts_with(", ")) arguments.erase(0, 2);
  return fmt::format("{}({})", function, arguments);
}

// Sums and products of integers are 64 bits wide unless said otherwise.
std::string kept_type(const PythonCall& call) {
  const DType dtype = call.result().dtype;
  const bool natural = is_floating(dtype) || is_complex(dtype) || dtype == DType::i64;
  return natural ? "" : ", dtype=" + torch_dtype(dtype);
}

Assignments write_reduction(const PythonCall& call) {
  std::string arguments = reduced_axes(call);
  if (call.node.op == "sum") arguments += kept_type(call);
  if (call.node.op == "var")
    arguments += fmt::format(", correction={}", value_of(call, "correction"));
  return one(call, with_arguments(receiver(call, 0) + "." + call.node.op, arguments));
}

// torch.prod takes one axis at a time.
Assignments write_prod(const PythonCall& call) {
  std::vector<std::int64_t> axes = setting<std::vector<std::int64_t>>(call, "dim");
  const bool keep = setting<bool>(call, "keepdim");
  const auto rank = static_cast<std::int64_t>(call.type(0).shape.size());
  if (axes.empty() && keep) {
    for (std::int64_t i = 0; i < rank; ++i) axes.push_back(i);
  }
  std::string text = receiver(call, 0);
  if (axes.empty()) return one(call, with_arguments(text + ".prod", kept_type(call)));
  for (std::int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  std::ranges::sort(axes, std::greater<>());
  for (const std::int64_t axis : axes) {
    text += fmt::format(".prod(dim={}{}{})", axis, keep ? ", keepdim=True" : "", kept_type(call));
  }
  return one(call, text);
}

Assignments write_cumsum(const PythonCall& call) {
  return one(call, fmt::format("{}.cumsum(dim={}{})", receiver(call, 0), value_of(call, "dim"),
                               kept_type(call)));
}

// -- shape ---------------------------------------------------------------------------------------

std::string subscripted(const PythonCall& call, std::int64_t axis, const std::string& last) {
  const auto rank = static_cast<std::int64_t>(call.type(0).shape.size());
  std::string text = receiver(call, 0) + "[";
  for (std::int64_t i = 0; i < axis + (axis < 0 ? rank : 0); ++i) text += ":, ";
  return text + last + "]";
}

Assignments write_slice(const PythonCall& call) {
  const Dim& start = setting<Dim>(call, "start");
  const Dim& end = setting<Dim>(call, "end");
  const std::int64_t step = setting<std::int64_t>(call, "step");
  std::string range = start == Dim(0) ? "" : call.length(start).text;
  range += ":";
  if (!(end == Dim(std::numeric_limits<std::int64_t>::max()))) range += call.length(end).text;
  if (step != 1) range += fmt::format(":{}", step);
  return one(call, subscripted(call, setting<std::int64_t>(call, "dim"), range));
}

Assignments write_select(const PythonCall& call) {
  const std::string index = call.length(setting<Dim>(call, "index")).text;
  return one(call, subscripted(call, setting<std::int64_t>(call, "dim"), index));
}

// Named one by one: a length that happens to be 1 in one run must stay.
Assignments write_squeeze(const PythonCall& call) {
  const Shape& shape = call.type(0).shape;
  const auto rank = static_cast<std::int64_t>(shape.size());
  std::set<std::int64_t> axes;
  for (const std::int64_t axis : setting<std::vector<std::int64_t>>(call, "dim")) {
    axes.insert(axis < 0 ? axis + rank : axis);
  }
  std::vector<std::int64_t> gone;
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    const bool meant = axes.empty() || axes.contains(axis);
    if (meant && shape[static_cast<std::size_t>(axis)] == Dim(1)) gone.push_back(axis);
  }
  const std::string dim = python_value(gone, call.length);
  return one(call, fmt::format("{}.squeeze({})", receiver(call, 0), dim));
}

Assignments write_flatten(const PythonCall& call) {
  const auto last = static_cast<std::int64_t>(call.type(0).shape.size()) - 1;
  const std::int64_t start = setting<std::int64_t>(call, "start_dim");
  const std::int64_t end = setting<std::int64_t>(call, "end_dim");
  std::string arguments = start == 0 ? "" : std::to_string(start);
  if (end != -1 && end != last) arguments += fmt::format(", end_dim={}", end);
  return one(call, with_arguments(receiver(call, 0) + ".flatten", arguments));
}

Assignments write_joined(const PythonCall& call) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < call.node.inputs.size(); ++i) parts.push_back(argument(call, i));
  const std::string dim = stated(call, "dim") ? ", dim=" + value_of(call, "dim") : "";
  return one(call, fmt::format("torch.{}({}{})", call.node.op, python_tuple(parts), dim));
}

Assignments write_split(const PythonCall& call) {
  std::vector<std::string> sizes;
  for (const Dim& size : setting<std::vector<Dim>>(call, "sizes"))
    sizes.push_back(call.length(size).text);
  const std::string dim = stated(call, "dim") ? ", dim=" + value_of(call, "dim") : "";
  PythonAssignment assignment{
      call.node.outputs,
      {fmt::format("{}.split([{}]{})", receiver(call, 0), fmt::join(sizes, ", "), dim)}};
  for (std::size_t i = 0; i < assignment.targets.size(); ++i) {
    if (!call.used(i)) assignment.targets[i] = ValueId::none;
  }
  if (assignment.targets.size() == 1) assignment.value.text += "[0]";
  return {assignment};
}

// -- convolution ---------------------------------------------------------------------------------

Assignments write_convolution(const PythonCall& call) {
  const bool transposed = setting<bool>(call, "transposed");
  const std::size_t axes = call.type(0).shape.size() - 2;
  std::string text = fmt::format("F.conv{}{}d({}, {}", transposed ? "_transpose" : "", axes,
                                 argument(call, 0), argument(call, 1));
  if (call.has(2)) text += ", " + argument(call, 2);
  for (const std::string_view name :
       {"stride", "padding", "output_padding", "groups", "dilation"}) {
    if (stated(call, name)) text += fmt::format(", {}={}", name, axes_of(call, name));
  }
  return one(call, text + ")");
}

std::string spread(const PythonCall& call, std::string_view name, std::size_t axes) {
  std::vector<std::int64_t> values = setting<std::vector<std::int64_t>>(call, name);
  if (values.size() == 1) values.assign(axes, values[0]);
  return fmt::format("[{}]", fmt::join(values, ", "));
}

Assignments write_convolution_backward(const PythonCall& call) {
  const std::size_t axes = call.type(1).shape.size() - 2;
  const std::string text = fmt::format(
      "torch.ops.aten.convolution_backward({}, {}, {}, None, {}, {}, {}, {}, {}, {}, [True, True, "
      "False])[:2]",
      argument(call, 0), argument(call, 1), argument(call, 2), spread(call, "stride", axes),
      spread(call, "padding", axes), spread(call, "dilation", axes), value_of(call, "transposed"),
      spread(call, "output_padding", axes), value_of(call, "groups"));
  return {{call.node.outputs, {text}}};
}

// A stride that is not given is that of the kernel.
bool has_own_stride(const PythonCall& call) {
  const auto& stride = setting<std::vector<std::int64_t>>(call, "stride");
  return !stride.empty() && stride != setting<std::vector<std::int64_t>>(call, "kernel_size");
}

std::string pooled(const PythonCall& call, std::initializer_list<std::string_view> settings) {
  std::string text =
      fmt::format("F.{}({}, {}", call.node.op, argument(call, 0), axes_of(call, "kernel_size"));
  if (has_own_stride(call)) text += ", stride=" + axes_of(call, "stride");
  for (const std::string_view name : settings) {
    if (stated(call, name)) text += fmt::format(", {}={}", name, axes_of(call, name));
  }
  return text;
}

Assignments write_max_pool(const PythonCall& call) {
  const std::string text = pooled(call, {"padding", "dilation", "ceil_mode"});
  if (!call.used(1)) return one(call, text + ")");
  return {{call.node.outputs, {text + ", return_indices=True)"}}};
}

Assignments write_avg_pool(const PythonCall& call) {
  const std::string text =
      pooled(call, {"padding", "ceil_mode", "count_include_pad", "divisor_override"});
  return one(call, text + ")");
}

Assignments write_topk(const PythonCall& call) {
  const Row row{"topk", "{x}.topk({k}<, dim={dim}><, largest={largest}><, sorted={sorted}>)"};
  return {{call.node.outputs, {Template(call, row).filled()}}};
}

// -- normalization -------------------------------------------------------------------------------

Assignments write_batch_norm_training(const PythonCall& call) {
  Assignments all;
  if (call.used(0)) {
    std::string text = fmt::format("F.batch_norm({}, None, None", argument(call, 0));
    if (call.has(1)) text += fmt::format(", weight={}", argument(call, 1));
    if (call.has(2)) text += fmt::format(", bias={}", argument(call, 2));
    text += ", training=True";
    if (stated(call, "eps")) text += ", eps=" + value_of(call, "eps");
    all.push_back({{call.node.outputs[0]}, {text + ")"}});
  }
  std::vector<std::int64_t> axes{0};
  for (std::size_t i = 2; i < call.type(0).shape.size(); ++i)
    axes.push_back(static_cast<std::int64_t>(i));
  const std::string dim = python_value(axes, call.length);
  if (call.used(1)) {
    all.push_back(
        {{call.node.outputs[1]}, {fmt::format("{}.mean(dim={})", receiver(call, 0), dim)}});
  }
  if (call.used(2)) {
    all.push_back({{call.node.outputs[2]},
                   {fmt::format("{}.var(dim={}, correction=0)", receiver(call, 0), dim)}});
  }
  return all;
}

// -- creation ------------------------------------------------------------------------------------

// The default type is f32; naming it would fix it where the whole program runs in doubles.
std::string unless_default(DType dtype) {
  return dtype == DType::f32 ? "" : ", dtype=" + torch_dtype(dtype);
}

Assignments write_full(const PythonCall& call) {
  std::vector<std::string> shape;
  for (const Dim& dim : setting<std::vector<Dim>>(call, "shape")) {
    shape.push_back(call.length(dim).text);
  }
  const DType dtype = setting<DType>(call, "dtype");
  const double value = setting<double>(call, "value");
  if (!shape.empty() && (value == 1 || (value == 0 && !std::signbit(value)))) {
    return one(call, fmt::format("torch.{}({}{})", value == 0 ? "zeros" : "ones",
                                 fmt::join(shape, ", "), unless_default(dtype)));
  }
  std::string text = python_literal(value);
  if (dtype == DType::boolean) {
    text = python_literal(value != 0);
  } else if (!is_floating(dtype) && !is_complex(dtype)) {
    text = fmt::format("{:.0f}", value);
  }
  const std::string type = dtype == DType::boolean ? "" : unless_default(dtype);
  return one(call, fmt::format("torch.full({}, {}{})", python_tuple(shape), text, type));
}

Assignments write_bernoulli(const PythonCall& call) {
  std::vector<std::string> shape;
  for (const Dim& dim : setting<std::vector<Dim>>(call, "shape"))
    shape.push_back(call.length(dim).text);
  const DType dtype = setting<DType>(call, "dtype");
  const std::string chances = fmt::format("torch.full({}, {})", python_tuple(shape),
                                          python_literal(setting<double>(call, "p")));
  const std::string drawn = fmt::format("torch.bernoulli({})", chances);
  return one(call,
             dtype == DType::f32 ? drawn : fmt::format("{}.to({})", drawn, torch_dtype(dtype)));
}

// At work in training, and off in evaluation as every layer of its kind.
Assignments write_dropout(const PythonCall& call) {
  const std::string_view pattern = call.node.op == "dropout" ? "F.dropout({}, p={}, training={})"
                                                             : "torch.feature_dropout({}, {}, {})";
  return one(call, fmt::format(fmt::runtime(pattern), argument(call, 0),
                               python_literal(setting<double>(call, "p")),
                               setting<bool>(call, "training") ? "self.training" : "False"));
}

// -- the table, by family ------------------------------------------------------------------------

constexpr Row rows[] = {
    // elementwise
    {"neg", "-{x}", Binding::sign},
    {"abs", "torch.abs({x})"},
    {"sign", "torch.sign({x})"},
    {"exp", "torch.exp({x})"},
    {"expm1", "torch.expm1({x})"},
    {"log", "torch.log({x})"},
    {"log1p", "torch.log1p({x})"},
    {"sqrt", "torch.sqrt({x})"},
    {"rsqrt", "torch.rsqrt({x})"},
    {"reciprocal", "torch.reciprocal({x})"},
    {"square", "torch.square({x})"},
    {"sin", "torch.sin({x})"},
    {"cos", "torch.cos({x})"},
    {"tan", "torch.tan({x})"},
    {"exp2", "torch.exp2({x})"},
    {"log2", "torch.log2({x})"},
    {"log10", "torch.log10({x})"},
    {"atan", "torch.atan({x})"},
    {"tanh", "torch.tanh({x})"},
    {"sigmoid", "torch.sigmoid({x})"},
    {"erf", "torch.erf({x})"},
    {"floor", "torch.floor({x})"},
    {"ceil", "torch.ceil({x})"},
    {"round", "torch.round({x})"},
    {"trunc", "torch.trunc({x})"},
    {"relu", "F.relu({x})"},
    {"silu", "F.silu({x})"},
    {"softplus", "F.softplus({x}<, beta={beta}><, threshold={threshold}>)"},
    {"gelu", "F.gelu({x}<, approximate={approximate}>)"},
    {"leaky_relu", "F.leaky_relu({x}<, negative_slope={negative_slope}>)"},
    {"elu", "", Binding::atom, write_elu},
    {"hardtanh", "F.hardtanh({x}<, min_val={min_val}><, max_val={max_val}>)"},
    {"hardsigmoid", "F.hardsigmoid({x})"},
    {"hardswish", "F.hardswish({x})"},
    {"mish", "F.mish({x})"},
    {"detach", "{x}.detach()"},
    {"log_sigmoid", "F.logsigmoid({x})"},
    {"softsign", "F.softsign({x})"},
    {"clamp", "", Binding::atom, write_clamp},
    {"logical_not", "torch.logical_not({x})"},
    {"isnan", "torch.isnan({x})"},
    {"isinf", "torch.isinf({x})"},
    {"isfinite", "torch.isfinite({x})"},
    {"add", "{x} + {y}", Binding::sum},
    {"sub", "{x} - {y}", Binding::sum},
    {"mul", "{x} * {y}", Binding::product},
    {"div", "{x} / {y}", Binding::product},
    {"floor_divide", "", Binding::atom, write_floor_divide},
    {"trunc_divide", "torch.div({x}, {y}, rounding_mode='trunc')"},
    {"fmod", "torch.fmod({x}, {y})"},
    {"remainder", "{x} % {y}", Binding::product},
    {"pow", "", Binding::power, write_pow},
    {"maximum", "torch.maximum({x}, {y})"},
    {"minimum", "torch.minimum({x}, {y})"},
    {"eq", "{x} == {y}", Binding::comparison},
    {"ne", "{x} != {y}", Binding::comparison},
    {"lt", "{x} < {y}", Binding::comparison},
    {"le", "{x} <= {y}", Binding::comparison},
    {"gt", "{x} > {y}", Binding::comparison},
    {"ge", "{x} >= {y}", Binding::comparison},
    {"logical_and", "torch.logical_and({x}, {y})"},
    {"logical_or", "torch.logical_or({x}, {y})"},
    {"logical_xor", "torch.logical_xor({x}, {y})"},
    {"where", "", Binding::atom, write_where},
    {"prelu", "", Binding::atom, write_prelu},
    {"cast", "{x}.to({dtype})"},
    {"detach", "{x}.detach()"},
    // reduction
    {"sum", "", Binding::atom, write_reduction},
    {"mean", "", Binding::atom, write_reduction},
    {"amax", "", Binding::atom, write_reduction},
    {"amin", "", Binding::atom, write_reduction},
    {"prod", "", Binding::atom, write_prod},
    {"all", "", Binding::atom, write_reduction},
    {"any", "", Binding::atom, write_reduction},
    {"var", "", Binding::atom, write_reduction},
    {"argmax", "{x}.argmax(<, dim={dim}><, keepdim={keepdim}>)"},
    {"argmin", "{x}.argmin(<, dim={dim}><, keepdim={keepdim}>)"},
    {"cumsum", "", Binding::atom, write_cumsum},
    {"softmax", "F.softmax({x}, dim={dim})"},
    {"log_softmax", "F.log_softmax({x}, dim={dim})"},
    {"logsumexp", "torch.logsumexp({x}, dim={dim}<, keepdim={keepdim}>)"},
    // shape
    {"reshape", "{x}.reshape({shape*})"},
    {"permute", "{x}.permute({dims*})"},
    {"expand", "{x}.expand({shape*})"},
    {"slice", "", Binding::atom, write_slice},
    {"cat", "", Binding::atom, write_joined},
    {"pad", "F.pad({x}, {pad!}<, value={value}>)"},
    {"flip", "{x}.flip({dims!})"},
    {"transpose", "{x}.transpose({dim0}, {dim1})"},
    {"unsqueeze", "{x}.unsqueeze({dim})"},
    {"squeeze", "", Binding::atom, write_squeeze},
    {"flatten", "", Binding::atom, write_flatten},
    {"select", "", Binding::atom, write_select},
    {"split", "", Binding::atom, write_split},
    {"stack", "", Binding::atom, write_joined},
    {"repeat", "{x}.repeat({repeats*})"},
    {"tril", "torch.tril({x}<, diagonal={diagonal}>)"},
    {"triu", "torch.triu({x}<, diagonal={diagonal}>)"},
    // indexing
    {"index_select", "{x}.index_select({dim}, {index})"},
    {"index_add", "{x}.index_add({dim}, {index}, {source})"},
    {"gather", "{x}.gather({dim}, {index})"},
    {"scatter_add", "{x}.scatter_add({dim}, {index}, {source})"},
    {"topk", "", Binding::atom, write_topk},
    {"embedding", "F.embedding({indices}, {weight}<, padding_idx={padding_idx}>)"},
    // linear
    {"matmul", "{x} @ {y}", Binding::product},
    {"linear", "F.linear({x}, {weight}<, {bias}>)"},
    // convolution
    {"convolution", "", Binding::atom, write_convolution},
    {"convolution_backward", "", Binding::atom, write_convolution_backward},
    {"max_pool2d", "", Binding::atom, write_max_pool},
    {"avg_pool2d", "", Binding::atom, write_avg_pool},
    {"adaptive_avg_pool2d", "F.adaptive_avg_pool2d({x}, {output_size~})"},
    {"upsample_nearest2d", "F.interpolate({x}, size={output_size!}, mode=\"nearest\")"},
    // normalization
    {"batch_norm",
     "F.batch_norm({x}, {running_mean}, {running_var}<, weight={weight}><, bias={bias}><, "
     "eps={eps}>)"},
    {"batch_norm_training", "", Binding::atom, write_batch_norm_training},
    {"layer_norm",
     "F.layer_norm({x}, {normalized_shape!}<, weight={weight}><, bias={bias}><, eps={eps}>)"},
    {"group_norm",
     "F.group_norm({x}, {num_groups}<, weight={weight}><, bias={bias}><, eps={eps}>)"},
    {"rms_norm", "F.rms_norm({x}, {normalized_shape!}<, weight={weight}><, eps={eps}>)"},
    // attention
    {"scaled_dot_product_attention",
     "F.scaled_dot_product_attention({query}, {key}, {value}<, attn_mask={mask}><, "
     "is_causal={is_causal}>"
     "<, scale={scale}>)"},
    // random
    {"dropout", "", Binding::atom, write_dropout},
    {"feature_dropout", "", Binding::atom, write_dropout},
    {"bernoulli", "", Binding::atom, write_bernoulli},
    // creation
    {"full", "", Binding::atom, write_full},
    {"arange", "torch.arange({start}, {end}<, step={step}>, dtype={dtype})"},
    {"length", "torch.full((), {value}, dtype={dtype})"},
    // loss
    {"nll_loss",
     "F.nll_loss({x}, {target}<, weight={weight}><, ignore_index={ignore_index}><, "
     "reduction={reduction}>)"},
    {"cross_entropy",
     "F.cross_entropy({x}, {target}<, weight={weight}><, ignore_index={ignore_index}><, "
     "reduction={reduction}>"
     "<, label_smoothing={label_smoothing}>)"},
    {"mse_loss", "F.mse_loss({x}, {target}<, reduction={reduction}>)"},
};

const Row* row_of(std::string_view op) {
  const auto found = std::ranges::find(rows, op, &Row::op);
  return found == std::end(rows) ? nullptr : &*found;
}

struct ValueText {
  const std::function<Expression(const Dim&)>& length;

  std::string operator()(bool value) const { return python_literal(value); }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return python_literal(value); }
  std::string operator()(const std::string& value) const { return python_literal(value); }
  std::string operator()(DType value) const { return torch_dtype(value); }
  std::string operator()(const Dim& value) const { return length(value).text; }

  template <class T>
  std::string operator()(const std::vector<T>& values) const {
    std::vector<std::string> items;
    for (const T& value : values) items.push_back((*this)(value));
    return items.size() == 1 ? items[0] : python_tuple(items);
  }
};

}  // namespace

bool spells(std::string_view op) { return row_of(op) != nullptr; }

std::string torch_dtype(DType dtype) {
  switch (dtype) {
    case DType::boolean: return "torch.bool";
    case DType::i8: return "torch.int8";
    case DType::u8: return "torch.uint8";
    case DType::i16: return "torch.int16";
    case DType::i32: return "torch.int32";
    case DType::i64: return "torch.int64";
    case DType::f16: return "torch.float16";
    case DType::bf16: return "torch.bfloat16";
    case DType::f32: return "torch.float32";
    case DType::f64: return "torch.float64";
    case DType::c64: return "torch.complex64";
    case DType::c128: return "torch.complex128";
  }
  throw Error(Fault::bug, "", "a dtype without a name");
}

std::string per_axis(const std::vector<std::int64_t>& lengths) {
  const bool equal = std::ranges::adjacent_find(lengths, std::not_equal_to<>()) == lengths.end();
  if (equal && !lengths.empty()) return std::to_string(lengths[0]);
  return fmt::format("({})", fmt::join(lengths, ", "));
}

bool is_stated(const Node& node, std::string_view attribute) {
  const Attribute* value = find(node.attributes, attribute);
  if (value == nullptr) return false;
  const auto& settings = prototype(op_named(node.op)).settings;
  const auto setting = std::ranges::find(settings, attribute, &Prototype::Setting::name);
  if (setting == settings.end() || !setting->otherwise) return true;
  const auto* lengths = std::get_if<std::vector<std::int64_t>>(value);
  const auto* defaults = std::get_if<std::vector<std::int64_t>>(&*setting->otherwise);
  if (lengths == nullptr || defaults == nullptr || defaults->size() != 1)
    return !(*value == *setting->otherwise);
  return std::ranges::any_of(*lengths,
                             [&](std::int64_t length) { return length != defaults->front(); });
}

std::string python_value(const Attribute& value,
                         const std::function<Expression(const Dim&)>& length) {
  return std::visit(ValueText{length}, value);
}

std::vector<PythonAssignment> spell(const PythonCall& call) {
  const Row& row = *row_of(call.node.op);
  if (row.write != nullptr) return row.write(call);
  return one(call, Template(call, row).filled(), row.binding);
}

}  // namespace isomer::python
