#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/dim.h"

namespace isomer {

enum class DType : std::uint8_t { boolean, i8, u8, i16, i32, i64, f16, bf16, f32, f64, c64, c128 };

/// Bytes of one element.
std::size_t size_of(DType dtype);
/// "bool", "i64", "f32", ...
std::string_view name_of(DType dtype);
std::optional<DType> dtype_named(std::string_view name);
bool is_floating(DType dtype);
bool is_complex(DType dtype);
/// Of an integer type; boolean is none.
bool is_integer(DType dtype);

struct TensorType {
  DType dtype = DType::f32;
  Shape shape;
  bool operator==(const TensorType&) const = default;
};

/// f16 or bf16.
bool is_half(DType dtype);
/// The greatest finite number of a floating type.
double largest_of(DType dtype);
/// By how much the next number of a floating type after 1 is larger.
double epsilon_of(DType dtype);

/// Every length as simple as the ranges allow.
std::vector<TensorType> within(std::vector<TensorType> types, std::span<const LengthRange> ranges);

/// "f32[s0, 10]"
std::string to_text(const TensorType& type);

/// The type both operands are converted to before arithmetic. Only for tensors of rank one or more:
/// scalars rank lower, which is the reader's affair (torch.result_type).
DType promoted(DType a, DType b);

}  // namespace isomer
