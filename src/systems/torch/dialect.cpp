#include "source/python/dialect.h"

#include "base/text.h"
#include "source/python/source.h"
#include "systems/torch/layers.h"
#include "systems/torch/program.h"
#include "systems/torch/spelling.h"
#include "systems/torch/torch.h"

namespace isomer::torch {
namespace {

// A tensor or module of such a name would hide what the module has, or be hidden by it.
constexpr std::string_view module_attributes =
    "T_destination add_module apply bfloat16 buffers call_super_init children compile cpu "
    "cuda double dump_patches eval extra_repr float forward get_buffer get_extra_state "
    "get_parameter get_submodule half ipu load_state_dict modules mtia named_buffers "
    "named_children named_modules named_parameters parameters register_backward_hook "
    "register_buffer register_forward_hook register_forward_pre_hook "
    "register_full_backward_hook register_full_backward_pre_hook "
    "register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module "
    "register_parameter register_state_dict_post_hook register_state_dict_pre_hook "
    "requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train "
    "training type xpu zero_grad _apply _backward_hooks _backward_pre_hooks _buffers "
    "_call_impl _compiled_call_impl _forward_hooks _forward_hooks_always_called "
    "_forward_hooks_with_kwargs _forward_pre_hooks _forward_pre_hooks_with_kwargs "
    "_get_backward_hooks _get_backward_pre_hooks _get_name _is_full_backward_hook "
    "_load_from_state_dict _load_state_dict_post_hooks _load_state_dict_pre_hooks "
    "_maybe_warn_non_full_backward_hook _modules _named_members _non_persistent_buffers_set "
    "_parameters _register_load_state_dict_pre_hook _register_state_dict_hook "
    "_replicate_for_data_parallel _save_to_state_dict _slow_forward _state_dict_hooks "
    "_state_dict_pre_hooks _version _wrapped_call_impl";

std::string tensor(std::string_view elements, DType dtype) {
  const bool natural = dtype == DType::f32 || dtype == DType::i64 || dtype == DType::boolean;
  return fmt::format("torch.tensor({}{})", elements, natural ? "" : ", dtype=" + dtype_text(dtype));
}

Construction zeros(const TensorType& type) {
  Construction made{"torch.zeros"};
  for (const Dim& dim : type.shape) made.arguments.push_back(positional("size", dim.value()));
  if (type.shape.empty()) made.arguments.push_back({"shape", "()"});
  made.arguments.push_back(in_type(type.dtype));
  return made;
}

InitLine registered(const OwnTensor& tensor, const TensorType& type) {
  const std::string name = python_literal(std::string_view(tensor.name));
  InitLine line{"", zeros(type), ")", tensor.name};
  if (!tensor.trainable) {
    line.before = fmt::format("self.register_buffer({}, ", name);
    line.after = tensor.persistent ? ")" : ", persistent=False)";
  } else if (is_python_name(tensor.name)) {
    line.before = fmt::format("self.{} = nn.Parameter(", tensor.name);
  } else {
    line.before = fmt::format("self.register_parameter({}, nn.Parameter(", name);
    line.after = "))";
  }
  return line;
}

std::string buffer(std::string_view object, std::string_view name, std::string_view value) {
  return fmt::format("{}.register_buffer({}, {})", object, python_literal(name), value);
}

std::string frozen(std::string_view object) {
  return fmt::format("{}.requires_grad_(False)", object);
}

std::string keep(std::string_view object, std::string_view name, std::string_view value) {
  return fmt::format("_keep({}, {}, {})", object, python_literal(name), value);
}

const Dialect& dialect() {
  static const Dialect pytorch{
      .name = "PyTorch",
      .spells = spells,
      .spell = spell,
      .dtype = dtype_text,
      .tensor = tensor,
      .keep = keep,
      .copied = ".clone()",
      .module = "nn.Module",
      .sequential = "nn.Sequential",
      .list = "nn.ModuleList",
      .dict = "nn.ModuleDict",
      .parameters = "nn.ParameterList",
      .identity = "nn.Identity",
      .layers = layer_rules(),
      .layer_parameters = "weight bias",
      .widths = "normalized_shape embedding_dim",
      .zeros = zeros,
      .registered = registered,
      .buffer = buffer,
      .frozen = frozen,
      .filled = "fill_constants(self)",
      .globals =
          "torch nn F Path load_file safe_open load fill_constants example_inputs "
          "_cond _scan _while_loop _keep",
      .attributes = module_attributes,
      .dict_attributes = "clear items keys pop update values",
      .program = program,
  };
  return pytorch;
}

}  // namespace

Written write(const Graph& graph, std::string_view entry) {
  return python::write(dialect(), graph, entry.substr(0, entry.rfind('.')));
}

}  // namespace isomer::torch
