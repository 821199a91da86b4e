#include "systems/stored.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

struct DTypeName {
  std::string_view text;
  DType dtype;
};

constexpr DTypeName names[] = {
    {"BOOL", DType::boolean}, {"I8", DType::i8},   {"U8", DType::u8},   {"I16", DType::i16},
    {"I32", DType::i32},      {"I64", DType::i64}, {"F16", DType::f16}, {"BF16", DType::bf16},
    {"F32", DType::f32},      {"F64", DType::f64}, {"C64", DType::c64},
};

bool all_zero_or_one(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return std::to_integer<int>(b) <= 1; });
}

}  // namespace

Tensor tensor_of(const StoredTensor& stored) {
  const auto found = std::ranges::find(names, stored.dtype, &DTypeName::text);
  if (found == std::end(names)) {
    std::vector<std::string_view> known;
    for (const DTypeName& name : names) known.push_back(name.text);
    throw Error(
        Fault::unsupported, stored.name,
        fmt::format("elements are {}; {} are read", isomer::quoted(stored.dtype), listed(known)));
  }
  if (found->dtype == DType::boolean && !all_zero_or_one(stored.bytes.data())) {
    throw Error(Fault::file, stored.name, "has a boolean that is neither 0 nor 1");
  }
  return with_place(stored.name, [&] { return Tensor(found->dtype, stored.shape, stored.bytes); });
}

StoredTensor stored(const Tensor& tensor, std::string name) {
  const auto found = std::ranges::find(names, tensor.dtype(), &DTypeName::dtype);
  if (found == std::end(names)) {
    throw Error(Fault::unsupported, std::move(name),
                fmt::format("safetensors has no word for {}", name_of(tensor.dtype())));
  }
  return {std::move(name), std::string(found->text), tensor.shape(), tensor.bytes()};
}

NamedTensors read_tensors(const Bytes& file) {
  NamedTensors tensors;
  for (const StoredTensor& one : read_safetensors(file).tensors) {
    tensors.emplace_back(one.name, tensor_of(one));
  }
  return tensors;
}

Parts write_tensors(const NamedTensors& tensors) {
  SafeTensors content;
  for (const auto& [name, tensor] : tensors) content.tensors.push_back(stored(tensor, name));
  return write_safetensors(content);
}

std::string weights_beside(std::string_view entry) { return fmt::format("{}.safetensors", entry); }

const Tensor* find(const NamedTensors& tensors, std::string_view name) {
  const auto found = std::ranges::find(tensors, name, &NamedTensors::value_type::first);
  return found == tensors.end() ? nullptr : &found->second;
}

}  // namespace isomer
