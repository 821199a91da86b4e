#include "source/python/names.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/names.h"
#include "base/text.h"
#include "source/python/layers.h"
#include "source/python/python_text.h"

namespace isomer::python {
namespace {

// What every nn.Module has: a tensor or module of that name would hide it, or be hidden by it.
constexpr std::string_view attributes[] = {"T_destination",
                                           "add_module",
                                           "apply",
                                           "bfloat16",
                                           "buffers",
                                           "call_super_init",
                                           "children",
                                           "compile",
                                           "cpu",
                                           "cuda",
                                           "double",
                                           "dump_patches",
                                           "eval",
                                           "extra_repr",
                                           "float",
                                           "forward",
                                           "get_buffer",
                                           "get_extra_state",
                                           "get_parameter",
                                           "get_submodule",
                                           "half",
                                           "ipu",
                                           "load_state_dict",
                                           "modules",
                                           "mtia",
                                           "named_buffers",
                                           "named_children",
                                           "named_modules",
                                           "named_parameters",
                                           "parameters",
                                           "register_backward_hook",
                                           "register_buffer",
                                           "register_forward_hook",
                                           "register_forward_pre_hook",
                                           "register_full_backward_hook",
                                           "register_full_backward_pre_hook",
                                           "register_load_state_dict_post_hook",
                                           "register_load_state_dict_pre_hook",
                                           "register_module",
                                           "register_parameter",
                                           "register_state_dict_post_hook",
                                           "register_state_dict_pre_hook",
                                           "requires_grad_",
                                           "set_extra_state",
                                           "set_submodule",
                                           "share_memory",
                                           "state_dict",
                                           "to",
                                           "to_empty",
                                           "train",
                                           "training",
                                           "type",
                                           "xpu",
                                           "zero_grad",
                                           "_apply",
                                           "_backward_hooks",
                                           "_backward_pre_hooks",
                                           "_buffers",
                                           "_call_impl",
                                           "_compiled_call_impl",
                                           "_forward_hooks",
                                           "_forward_hooks_always_called",
                                           "_forward_hooks_with_kwargs",
                                           "_forward_pre_hooks",
                                           "_forward_pre_hooks_with_kwargs",
                                           "_get_backward_hooks",
                                           "_get_backward_pre_hooks",
                                           "_get_name",
                                           "_is_full_backward_hook",
                                           "_load_from_state_dict",
                                           "_load_state_dict_post_hooks",
                                           "_load_state_dict_pre_hooks",
                                           "_maybe_warn_non_full_backward_hook",
                                           "_modules",
                                           "_named_members",
                                           "_non_persistent_buffers_set",
                                           "_parameters",
                                           "_register_load_state_dict_pre_hook",
                                           "_register_state_dict_hook",
                                           "_replicate_for_data_parallel",
                                           "_save_to_state_dict",
                                           "_slow_forward",
                                           "_state_dict_hooks",
                                           "_state_dict_pre_hooks",
                                           "_version",
                                           "_wrapped_call_impl"};

constexpr std::size_t deepest = 100;

/// Why the parts of a dotted name cannot be attributes; empty when they can.
std::string fault_of(const std::string& name) {
  if (!is_utf8(name)) return "is not UTF-8";
  if (name.empty() || name.front() == '.' || name.back() == '.' ||
      name.find("..") != std::string::npos)
    return "has an empty part";
  const auto parts = split_text(name, '.');
  if (parts.size() > deepest) return fmt::format("has more than {} parts", deepest);
  for (const std::string_view part : parts) {
    if (std::ranges::find(attributes, part) != std::end(attributes))
      return fmt::format("every nn.Module has '{}' already", part);
    if (part.starts_with("__")) return "Python keeps names that begin with '__' to itself";
  }
  return {};
}

class Faults {
 public:
  void check(const std::string& name, const std::string& fault) {
    if (!fault.empty() && seen_.insert(name).second)
      list_.push_back(fmt::format("{}: {}", quoted(name), fault));
  }
  const std::vector<std::string>& list() const { return list_; }

 private:
  std::set<std::string> seen_;
  std::vector<std::string> list_;
};

void check_tensor(Faults& faults, const std::vector<std::string>& names) {
  for (const std::string& name : names) faults.check(name, fault_of(name));
}

// Keys of arguments and results stand in the text as they are.
void check_keys(Faults& faults, const Structure& structure) {
  for (const std::string& key : structure.keys)
    faults.check(key, is_utf8(key) ? "" : "is not UTF-8");
  for (const Structure& child : structure.children) check_keys(faults, child);
}

// A tensor cannot be a module, too.
void check_prefixes(Faults& faults, const std::set<std::string>& names) {
  for (const std::string& name : names) {
    const auto inside = names.lower_bound(name + ".");
    if (inside != names.end() && inside->starts_with(name + "."))
      faults.check(name, fmt::format("{} lies in it, and a tensor is no module", quoted(*inside)));
  }
}

}  // namespace

void demand_names(const Graph& graph, std::string_view stem) {
  if (!is_utf8(stem)) {
    throw Error(Fault::usage, quoted(stem),
                "PyTorch source says the name of its weights; name files in UTF-8");
  }
  Faults faults;
  std::set<std::string> tensors;
  for (const Constant& constant : graph.constants) {
    check_tensor(faults, constant.names);
    tensors.insert(constant.names.begin(), constant.names.end());
  }
  for (const State& state : graph.states) {
    check_tensor(faults, state.names);
    tensors.insert(state.names.begin(), state.names.end());
  }
  check_prefixes(faults, tensors);
  for (const Node& node : graph.nodes) {
    if (!node.scope.empty()) faults.check(node.scope, fault_of(node.scope));
  }
  for (const auto* values : {&graph.inputs, &graph.outputs}) {
    for (const ValueId id : *values) {
      if (!is_utf8(graph[id].name)) faults.check(graph[id].name, "is not UTF-8");
    }
  }
  const Signature& signature = graph.signature;
  for (const Structure* side : {&signature.arguments, &signature.keywords, &signature.results})
    check_keys(faults, *side);
  if (faults.list().empty()) return;
  throw Error(Fault::unsupported, graph.name,
              fmt::format("{} that PyTorch source cannot have; rename in the model:\n  {}",
                          counted(faults.list().size(), "name"), listed(faults.list(), "\n  ")));
}

}  // namespace isomer::python
