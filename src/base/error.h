#pragma once

// The room of things that know nothing about models: errors with a place, names, bytes, text,
// progress.

#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace isomer {

/// Whose fault it is: of the command, of a file, of the model in it, of what we cannot do yet, or
/// of ourselves.
enum class Fault { usage, file, model, unsupported, bug };

/// The fault's name: "usage", "file", ...
std::string_view name_of(Fault fault);

/// Ends an operation. Says where it happened, what is wrong and what would be right.
class Error : public std::runtime_error {
 public:
  Error(Fault fault, std::string where, std::string_view what);

  Fault fault() const noexcept { return fault_; }
  /// "model.pt2: node 17 'relu'": outermost first; may be empty.
  const std::string& where() const noexcept { return where_; }
  /// The message without its place; `what()` has both.
  const std::string& text() const noexcept { return text_; }

 private:
  Fault fault_;
  std::string where_;
  std::string text_;
};

/// Runs `action`; an Error that leaves it gets `where` in front of its place: a text, or a function
/// that makes one, which is called only then.
template <class Where, class Action>
decltype(auto) with_place(const Where& where, Action&& action) {
  try {
    return std::forward<Action>(action)();
  } catch (const Error& error) {
    std::string place;
    if constexpr (std::is_invocable_v<const Where&>) {
      place = where();
    } else {
      place = where;
    }
    if (place.empty()) throw;
    if (!error.where().empty()) place += ": " + error.where();
    throw Error(error.fault(), std::move(place), error.text());
  }
}

/// States what must hold by our own doing. Input can never make it fail.
void expect(bool condition, std::string_view claim);

}  // namespace isomer
