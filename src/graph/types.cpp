#include "graph/types.h"

#include <algorithm>
#include <array>
#include <limits>

namespace isomer {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  std::size_t size;
};

constexpr std::array<Row, 12> rows = {{
    {DType::boolean, "bool", 1},
    {DType::i8, "i8", 1},
    {DType::u8, "u8", 1},
    {DType::i16, "i16", 2},
    {DType::i32, "i32", 4},
    {DType::i64, "i64", 8},
    {DType::f16, "f16", 2},
    {DType::bf16, "bf16", 2},
    {DType::f32, "f32", 4},
    {DType::f64, "f64", 8},
    {DType::c64, "c64", 8},
    {DType::c128, "c128", 16},
}};

const Row& row_of(DType dtype) { return rows.at(static_cast<std::size_t>(dtype)); }

}  // namespace

std::size_t size_of(DType dtype) { return row_of(dtype).size; }

std::string_view name_of(DType dtype) { return row_of(dtype).name; }

std::optional<DType> dtype_named(std::string_view name) {
  const auto* const row = std::ranges::find(rows, name, &Row::name);
  if (row == rows.end()) return std::nullopt;
  return row->dtype;
}

bool is_floating(DType dtype) { return dtype >= DType::f16 && dtype <= DType::f64; }

bool is_complex(DType dtype) { return dtype >= DType::c64; }

bool is_integer(DType dtype) { return dtype >= DType::i8 && dtype <= DType::i64; }

std::string to_text(const TensorType& type) {
  return std::string(name_of(type.dtype)) + to_text(type.shape);
}

DType promoted(DType a, DType b) {
  if (a == b) return a;
  if (a > b) std::swap(a, b);
  // Neither of two holds the other: the next that holds both.
  if (a == DType::i8 && b == DType::u8) return DType::i16;
  if (a == DType::f16 && b == DType::bf16) return DType::f32;
  if (a == DType::f64 && b == DType::c64) return DType::c128;
  return b;
}

double largest_of(DType dtype) {
  switch (dtype) {
    case DType::f16: return 65504.0;
    case DType::bf16: return 0x1.fep127;
    case DType::f32: return 0x1.fffffep127;
    default: return std::numeric_limits<double>::max();
  }
}

double epsilon_of(DType dtype) {
  switch (dtype) {
    case DType::f16: return 0x1p-10;
    case DType::bf16: return 0x1p-7;
    case DType::f32: return 0x1p-23;
    default: return 0x1p-52;
  }
}

bool is_half(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

std::vector<TensorType> within(std::vector<TensorType> types, std::span<const LengthRange> ranges) {
  if (ranges.empty()) return types;
  for (TensorType& type : types) {
    for (Dim& length : type.shape) length = within(length, ranges);
  }
  return types;
}

}  // namespace isomer
