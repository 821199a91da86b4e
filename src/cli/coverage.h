#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "ops/schema.h"

namespace isomer::cli {

/// How somebody has an operator: a word of their own, through its expansion, or not at all.
enum class Support { native, expanded, none };
std::string_view name_of(Support support);

/// Who has one operator, and how.
class Coverage {
 public:
  /// Throws Fault::bug when we know no example of a call that its type rule takes.
  explicit Coverage(const OpSchema& schema);

  Support support(const std::function<bool(std::string_view)>& spells) const;
  bool differentiable() const;

 private:
  const OpSchema& schema_;
  std::optional<Graph>
      example_;  // one call of the operator; none of a primitive one without bodies
};

}  // namespace isomer::cli
