#include "vocabularies/numpy/functions.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numbers>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/numpy/call.h"
#include "vocabularies/numpy/operations.h"

namespace isomer::numpy {
namespace {

Value run_binary(const Call& c) { return apply(*c.function.binary, c[0], c[1]); }

/// A row by one of its names, and its parameters one by one.
struct Known {
  std::string_view name;
  Function row;
  std::vector<std::string_view> parameters;
};
using Functions = std::unordered_map<std::string_view, Known>;

const Functions& all_functions() {
  static const Functions functions = [] {
    Functions result;
    const auto add = [&](const Function& row) {
      for (const std::string_view name : split_text(row.names, ' '))
        result.emplace(name, Known{name, row, split_text(row.parameters, ' ')});
    };
    for (const auto rows :
         {python_functions(), elementwise_functions(), reduction_functions(), shape_functions(),
          creation_functions(), order_functions(), math_functions(), statistics_functions(),
          matrix_functions(), array_functions(), random_functions()}) {
      for (const Function& row : rows) add(row);
    }
    for (const UnaryUfunc& row : unary_ufuncs()) {
      add({row.names, "x", run_unary, false, &row});
      add({row.math, "x", run_math, false, &row});
    }
    for (const BinaryUfunc& row : binary_ufuncs())
      add({row.names, "x y", run_binary, false, nullptr, &row});
    return result;
  }();
  return functions;
}

const Known& function_named(const std::string& name) {
  const auto found = all_functions().find(name);
  if (found != all_functions().end()) return found->second;
  // What all of a module's names begin with brings no two of them nearer.
  const std::string module = name.substr(0, name.rfind('.') + 1);
  std::vector<std::string_view> names;
  for (const std::string_view known : function_names()) {
    if (known.starts_with(module)) names.push_back(known.substr(module.size()));
  }
  const std::string_view near = nearest(std::string_view(name).substr(module.size()), names);
  const std::string hint = near.empty() ? "" : fmt::format("; did you mean '{}{}'?", module, near);
  throw Error(Fault::unsupported, "",
              fmt::format("there is no function {} here{}", quoted(name), hint));
}

std::vector<const Value*> bind(const Known& function, const Arguments& arguments) {
  const std::vector<std::string_view>& parameters = function.parameters;
  std::vector<const Value*> bound(parameters.size(), nullptr);
  std::size_t position = 0;
  for (std::size_t i = 0; i < arguments.values.size(); ++i) {
    const std::string keyword = i < arguments.keywords.size() ? arguments.keywords[i] : "";
    std::size_t at = keyword.empty() ? position++ : 0;
    // The first parameter goes by many names (a, x, array); it is always given by position.
    while (!keyword.empty() && at < parameters.size() && parameters[at] != keyword &&
           parameters[at] != keyword + "?") {
      ++at;
    }
    if (at >= parameters.size()) {
      const std::string what = keyword.empty()
                                   ? fmt::format("at most {} arguments", parameters.size())
                                   : fmt::format("no argument {}", quoted(keyword));
      throw Error(Fault::unsupported, "", fmt::format("'{}' is read with {}", function.name, what));
    }
    bound[at] = &arguments.values[i];
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (bound[i] == nullptr && !parameters[i].ends_with('?'))
      refuse(fmt::format("'{}' needs its argument '{}'", function.name, parameters[i]));
  }
  return bound;
}

}  // namespace

std::vector<std::string_view> function_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, row] : all_functions()) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

bool is_builtin(std::string_view name) {
  constexpr std::array<std::string_view, 78> builtins = {
      "False",       "None",    "True",       "abs",       "all",     "any",          "ascii",
      "bin",         "bool",    "breakpoint", "bytearray", "bytes",   "callable",     "chr",
      "classmethod", "compile", "complex",    "copyright", "credits", "delattr",      "dict",
      "dir",         "divmod",  "enumerate",  "eval",      "exec",    "exit",         "filter",
      "float",       "format",  "frozenset",  "getattr",   "globals", "hasattr",      "hash",
      "help",        "hex",     "id",         "input",     "int",     "isinstance",   "issubclass",
      "iter",        "len",     "license",    "list",      "locals",  "map",          "max",
      "memoryview",  "min",     "next",       "object",    "oct",     "open",         "ord",
      "pow",         "print",   "property",   "quit",      "range",   "repr",         "reversed",
      "round",       "set",     "setattr",    "slice",     "sorted",  "staticmethod", "str",
      "sum",         "super",   "tuple",      "type",      "vars",    "zip",          "Exception",
      "ValueError"};
  return std::ranges::find(builtins, name) != builtins.end();
}

Value named(const std::string& name) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const bool in_module = name.starts_with("math.") || name.starts_with("numpy.");
  const std::string_view last =
      in_module ? std::string_view(name).substr(name.find('.') + 1) : std::string_view();
  if (last == "pi") return {std::numbers::pi};
  if (last == "e") return {std::numbers::e};
  if (last == "tau") return {2 * std::numbers::pi};
  if (name == "Ellipsis") return {Word{name}};
  if (last == "inf") return {infinity};
  if (last == "nan") return {std::numeric_limits<double>::quiet_NaN()};
  if (name == "numpy.newaxis") return {};
  if (name == "numpy" || name == "math" || name == "numpy.linalg" || in_module ||
      is_builtin(name)) {
    return {Word{name}};
  }
  return {};
}

Value call(const std::string& name, const Arguments& arguments, const Runtime& runtime) {
  const Known& function = function_named(name);
  const Call call(function.row, bind(function, arguments), runtime);
  if (function.row.needs_values && call.in_graph()) {
    throw Error(Fault::unsupported, "",
                fmt::format("what '{}' gives depends on values that are known only when the model "
                            "runs: it is no operator of a graph",
                            function.name));
  }
  return function.row.run(call);
}

Value call_method(const Value& object, const std::string& name, const Arguments& arguments,
                  const Runtime& runtime) {
  if (const Word* word = object.as<Word>(); word != nullptr && word->stream != nullptr) {
    Runtime own = runtime;
    own.random = word->stream;
    return call("numpy.random." + name, arguments, own);
  }
  if (!is_array(object)) refuse(fmt::format("{} has no method {}", describe(object), quoted(name)));
  if (!all_functions().contains("." + name))
    throw Error(Fault::unsupported, "", fmt::format("arrays have no method {} here", quoted(name)));
  Arguments all{{object}, {""}};
  const bool loose =
      (name == "reshape" || name == "transpose") && !arguments.values.empty() &&
      (is_number(arguments.values[0]) || arguments.values[0].as<Length>() != nullptr);
  if (loose) {
    all.values.push_back({Tuple{arguments.values}});
  } else {
    all.values.insert(all.values.end(), arguments.values.begin(), arguments.values.end());
    all.keywords.insert(all.keywords.end(), arguments.keywords.begin(), arguments.keywords.end());
  }
  return call("." + name, all, runtime);
}

Value attribute_of(const Value& object, std::string_view name, const Runtime& runtime) {
  if (!is_array(object)) return {};
  for (const auto& [attribute, function] :
       {std::pair("T", "numpy.transpose"), std::pair("shape", "numpy.shape"),
        std::pair("ndim", "numpy.ndim"), std::pair("size", "numpy.size")}) {
    if (name == attribute) return call(function, {{object}}, runtime);
  }
  return {};
}

}  // namespace isomer::numpy
