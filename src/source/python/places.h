#pragma once

// Where the text of a class may differ between its modules.

#include <map>
#include <span>
#include <string>
#include <vector>

#include "source/python/class_parameters.h"
#include "source/python/construction.h"
#include "source/python/forward.h"

namespace isomer::python {

/// A text and the numbers in it, apart.
struct Numbered {
  std::string text;  // each number is "#"
  std::vector<std::string> numbers;
};

Numbered numbers_apart(const ForwardText& forward);
/// The text with these numbers instead of its own.
ForwardText with_numbers(const ForwardText& forward, std::span<const std::string> numbers);

/// The arguments in an __init__ and the numbers in a forward, by module of the class.
class Places {
 public:
  /// The pattern has every line that any of the modules has; it must outlive this.
  Places(std::vector<InitLine>& pattern, std::size_t modules);

  void add(std::vector<InitLine> lines, std::size_t module);
  void add_numbers(std::span<const std::string> numbers, std::size_t module);
  const std::vector<ClassParameter>& slots() const { return slots_; }

  /// Writes expressions, by slot, into the pattern's lines; the empty ones change nothing.
  void write(const std::vector<std::string>& expressions);
  /// Those of the forward's numbers.
  std::span<const std::string> of_numbers(const std::vector<std::string>& expressions) const;

 private:
  static constexpr std::size_t nothing = ~std::size_t{0};

  std::size_t modules_;
  std::vector<ClassParameter> slots_;
  std::vector<Argument*> places_;
  std::map<std::string, std::size_t> first_;  // slot, by member
  std::size_t numbers_ = nothing;             // their first slot
};

}  // namespace isomer::python
