#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace isomer {

/// Hands out unique, legal names in one scope. Authors' names are hints: they may be empty, equal
/// or illegal.
class Names {
 public:
  using IsReserved = std::function<bool(std::string_view)>;
  /// Words that may not be used, e.g. the keywords of a language.
  explicit Names(std::vector<std::string_view> reserved = {});
  explicit Names(IsReserved is_reserved) : is_reserved_(std::move(is_reserved)) {}

  /// A name made from `hint`: letters, digits and underscores, not starting with a digit, never
  /// given before. An empty hint gives "v0", "v1", ...; a repeated one "x_1", "x_2", ...
  std::string take(std::string_view hint);

 private:
  bool claim(const std::string& name);

  IsReserved is_reserved_;
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> next_;
};

/// `hint` with everything but letters, digits and underscores replaced by underscores; may be
/// empty.
std::string identifier(std::string_view hint);

/// "there is no engine 'x'; there are: a, b", as Fault::usage.
[[noreturn]] void refuse_name(std::string_view kind, std::string_view name,
                              const std::vector<std::string_view>& names);

/// The row of that name; throws what `refuse_name` does. `kind` is what a row is.
template <class Rows>
const auto& row_named(std::string_view kind, std::string_view name, const Rows& rows) {
  std::vector<std::string_view> names;
  for (const auto& row : rows) {
    if (row.name == name) return row;
    names.push_back(row.name);
  }
  refuse_name(kind, name, names);
}

}  // namespace isomer
