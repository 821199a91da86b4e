#pragma once

// What the vocabularies share: a foreign call as it is read. Arguments are asked for by name, kind
// and default, and one that nobody asked for is refused rather than lost.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ops/emitter.h"
#include "ops/schema.h"

namespace isomer {

/// One argument of a foreign call. None is monostate; an absent tensor in a list is ValueId::none.
/// Symbolic integers are Dims.
using Argument = std::variant<std::monostate, ValueId, std::vector<ValueId>, bool, std::int64_t,
                              double, std::string, DType, Dim, std::vector<std::int64_t>,
                              std::vector<Dim>, std::vector<double>, std::vector<bool>>;

struct NamedArgument {
  std::string name;
  Argument value;
};

/// A call being read. Questions throw Fault::model for an argument that is missing or of another
/// kind, and Fault::unsupported for one that must be known and is computed from values. What is
/// asked for with a fallback may be absent.
class Arguments {
 public:
  /// All must outlive it. With a prototype, one that equals its default there may stay unasked.
  Arguments(Emitter& emitter, std::string_view operation, std::span<const NamedArgument> arguments,
            const Prototype* prototype = nullptr);

  /// Present and not None. Does not count as asking for it.
  bool given(std::string_view name) const;
  ValueId tensor(std::string_view name);
  /// ValueId::none where it is absent.
  ValueId optional_tensor(std::string_view name);
  /// Elements may be ValueId::none.
  std::vector<ValueId> tensors(std::string_view name);
  bool flag(std::string_view name, std::optional<bool> fallback = {});
  std::int64_t integer(std::string_view name, std::optional<std::int64_t> fallback = {});
  double real(std::string_view name, std::optional<double> fallback = {});
  std::string text(std::string_view name, std::optional<std::string_view> fallback = {});
  std::optional<DType> dtype(std::string_view name);
  Dim dim(std::string_view name, std::optional<Dim> fallback = {});
  /// A number counts as a list of one, and the elements of a tensor are one, where they are
  /// constant or made of lengths.
  std::vector<std::int64_t> integers(std::string_view name,
                                     std::optional<std::vector<std::int64_t>> fallback = {});
  std::vector<Dim> dims(std::string_view name);
  std::vector<double> reals(std::string_view name);
  /// Says that arguments have no bearing on the result.
  void ignore(std::span<const std::string_view> names);
  void ignore(std::initializer_list<std::string_view> names) {
    ignore(std::span(names.begin(), names.size()));
  }

  /// An axis counted from the front. A scalar has one axis, as in PyTorch.
  std::int64_t wrap(std::int64_t axis, std::int64_t rank) const;

  /// Fault::unsupported, placed at this operation.
  [[noreturn]] void refuse(std::string_view what) const;
  /// Fault::model, placed at this operation.
  [[noreturn]] void fail(std::string_view what) const;
  /// Refuses when an argument was never asked for, unless it equals its default.
  void finish() const;

 protected:
  /// Null where it is absent or None. Counts as asking for it.
  const Argument* look(std::string_view name);
  const Argument& need(std::string_view name, std::string_view kind);
  [[noreturn]] void wrong(std::string_view name, std::string_view kind) const;

 private:
  const Attribute* default_of(std::string_view name) const;
  Dim dim_in(std::string_view name, const Argument& argument, std::string_view kind) const;
  std::vector<Dim> elements_of(std::string_view name, ValueId id) const;

  Emitter& emitter_;
  std::string_view operation_;
  std::span<const NamedArgument> arguments_;
  const Prototype* prototype_;
  std::vector<std::string_view> seen_;
};

}  // namespace isomer
