#include "vocabularies/onnx/onnx.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/text.h"

namespace isomer::onnx {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::size_t least_inputs(const OnnxOperator& op) {
  if (op.variadic()) return 1;
  std::size_t count = 0;
  for (const std::string_view name : split_text(op.inputs, ' '))
    count += name.ends_with('?') ? 0 : 1;
  return count;
}

void check(const OnnxOperator& op, const OnnxCall& call) {
  const std::size_t least = least_inputs(op);
  const std::size_t most = op.variadic() ? call.inputs.size() : split_text(op.inputs, ' ').size();
  if (call.inputs.size() < least || call.inputs.size() > most) {
    throw Error(
        Fault::model, "",
        fmt::format("it takes {} and is given {}; arguments of other names do not count",
                    op.variadic() ? "one input or more" : "the inputs " + std::string(op.inputs),
                    counted(call.inputs.size(), "input")));
  }
  for (const std::string_view entry : split_text(op.attributes, ' ')) {
    const std::string_view name = entry.substr(0, entry.find(':'));
    if (entry.ends_with('!') && !call.given(name)) {
      throw Error(Fault::model, "", fmt::format("it needs its attribute '{}'", name));
    }
  }
}

}  // namespace

std::int64_t OnnxCall::integer(std::string_view name, std::int64_t otherwise) const {
  return given(name) ? get<std::int64_t>(attributes, name) : otherwise;
}

double OnnxCall::real(std::string_view name, double otherwise) const {
  return given(name) ? get<double>(attributes, name) : otherwise;
}

std::vector<std::int64_t> OnnxCall::integers(std::string_view name,
                                             std::vector<std::int64_t> otherwise) const {
  return given(name) ? get<std::vector<std::int64_t>>(attributes, name) : otherwise;
}

const OnnxOperator* find_onnx(std::string_view name) {
  const std::string wanted = lower(name);
  for (const auto family : {onnx_elementwise(), onnx_shapes(), onnx_layers()}) {
    for (const OnnxOperator& op : family) {
      if (lower(op.name) == wanted) return &op;
    }
  }
  return nullptr;
}

std::vector<ValueId> emit_onnx(Emitter& emitter, const OnnxOperator& op, const OnnxCall& call) {
  return with_place(fmt::format("onnx::{}", op.name), [&] {
    check(op, call);
    if (op.emit != nullptr) return op.emit(emitter, call);
    return emitter.emit_all(op.ours, call.inputs, {});
  });
}

std::vector<std::int64_t> known_integers(const Emitter& emitter, ValueId id,
                                         std::string_view what) {
  const auto tensor = emitter.known(id);
  if (!tensor) {
    throw Error(Fault::unsupported, "",
                fmt::format("{} must be constant to be read; it is computed", what));
  }
  if (is_floating(tensor->dtype()) && tensor->count() > 0) {
    throw Error(Fault::model, "",
                fmt::format("{} must be integers, not {}", what, name_of(tensor->dtype())));
  }
  return tensor->integers();
}

std::int64_t axis_of(std::int64_t axis, std::int64_t rank) {
  if (axis < -rank || axis >= rank) {
    throw Error(Fault::model, "", fmt::format("there is no axis {} among {}", axis, rank));
  }
  return axis < 0 ? axis + rank : axis;
}

}  // namespace isomer::onnx
