#pragma once

// Calls of PyTorch's in which a tensor is complex: a real one with a last axis of 2, the real parts
// and the imaginary ones. Only for this room.

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "vocabularies/aten/reading.h"

namespace isomer::aten {

/// Numbers, or tensors of them, that broadcast: the two parts, of which nothing stands for 0.
struct Complex {
  std::optional<Operand> re = {};
  std::optional<Operand> im = {};
};

inline Complex real_number(Operand x) {
  Complex z;
  z.re = std::move(x);
  return z;
}

Complex plus(Builder& b, const Complex& x, const Complex& y);
Complex minus(Builder& b, const Complex& x, const Complex& y);
Complex times(Builder& b, const Complex& x, const Complex& y);
Complex conjugate(Builder& b, const Complex& z);

/// Both parts as tensors of one type and shape.
std::pair<ValueId, ValueId> tensors_of(Builder& b, const Complex& z);
/// The pairs.
ValueId joined(Builder& b, const Complex& z);
/// What `joined` put together, else what pairs hold.
Complex parts_of(Builder& b, ValueId pairs);

/// A call in which some arguments are complex.
class ComplexReading : public Reading {
 public:
  /// All must outlive it.
  ComplexReading(Builder& builder, const Call& call, const Row& its_row)
      : Reading(builder, call, its_row), call_(call) {}

  const Call& call() const { return call_; }
  bool is_complex(std::string_view name) const;
  /// A complex tensor, no number.
  bool is_pairs(std::string_view name) const;
  /// Of a call that is handed on.
  void ignore_all();
  Complex complex(std::string_view name);
  /// A complex tensor as pairs; of a real one the imaginary parts are 0.
  ValueId pairs(std::string_view name);

 private:
  const Call& call_;
};

/// How an operator of complex numbers is read: by the first column that says something; where none
/// does, the operator of the same name is read of the pairs.
struct ComplexRow {
  std::string_view targets;
  /// "dim0 dim1=-1": axes, and what they are where they are not given. They are counted without the
  /// axis of the pairs.
  std::string_view axes = {};
  /// "size=2": shapes, and what the axis of the pairs is in them.
  std::string_view shapes = {};
  /// The operator is read of all real parts, then of all imaginary ones. Of these arguments real
  /// ones have the imaginary part 0; all others that are real are the same to both.
  std::string_view parts = {};
  /// The operator is linear in each of these: a product of some kind. It may add a `bias`.
  std::string_view factors = {};
  /// What is made of `self`.
  Complex (*function)(Builder&, const Complex& self) = nullptr;
  Values (*read)(ComplexReading&) = nullptr;
  /// Otherwise as of the operator of the same name.
  std::optional<Aliasing> aliases = {};
};

/// The call of which nothing is complex, of pairs as the columns `axes` and `shapes` say.
Call for_pairs(const Call& call, const ComplexRow& row = {});

std::span<const ComplexRow> complex_arithmetic_rows();
std::span<const ComplexRow> complex_shape_rows();
std::span<const ComplexRow> spectral_rows();

/// Null where there is none.
const Row* complex_row_for(std::string_view target);
/// The call's results by that row.
Values emit_complex(Builder& builder, const Call& call);

}  // namespace isomer::aten
