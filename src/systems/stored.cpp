#include "systems/stored.h"

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

struct Word {
  std::string_view text;
  DType dtype;
};

constexpr Word words[] = {
    {"BOOL", DType::boolean}, {"I8", DType::i8},   {"U8", DType::u8},   {"I16", DType::i16},
    {"I32", DType::i32},      {"I64", DType::i64}, {"F16", DType::f16}, {"BF16", DType::bf16},
    {"F32", DType::f32},      {"F64", DType::f64}, {"C64", DType::c64}, {"C128", DType::c128},
};

}  // namespace

Tensor tensor_of(const StoredTensor& stored) {
  for (const Word& word : words) {
    if (word.text != stored.dtype) continue;
    return with_place(stored.name, [&] { return Tensor(word.dtype, stored.shape, stored.bytes); });
  }
  std::vector<std::string_view> known;
  for (const Word& word : words) known.push_back(word.text);
  throw Error(
      Fault::unsupported, stored.name,
      fmt::format("elements are {}; {} are read", isomer::quoted(stored.dtype), fmt::join(known, ", ")));
}

StoredTensor stored(const Tensor& tensor, std::string name) {
  for (const Word& word : words) {
    if (word.dtype == tensor.dtype()) {
      return {std::move(name), std::string(word.text), tensor.shape(), tensor.bytes()};
    }
  }
  throw Error(Fault::bug, name, "a type without a word in safetensors");
}

}  // namespace isomer
