#pragma once

// Python's pickle as data: what it would build, and never what it would run.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace isomer {

/// The values of a pickle, which name each other by their place.
struct Pickle {
  using Ref = std::size_t;
  struct None {};
  struct List {  // a tuple, too
    std::vector<Ref> items;
  };
  struct Dict {
    std::vector<std::pair<Ref, Ref>> items;
  };
  struct Name {  // a class or function: "torch FloatStorage"
    std::string text;
  };
  /// What was to be called, and with what.
  struct Call {
    Ref function;
    Ref arguments;
  };
  /// Something that the pickle's surroundings know by that value.
  struct Outside {
    Ref id;
  };
  using Value =
      std::variant<None, bool, std::int64_t, double, std::string, List, Dict, Name, Call, Outside>;

  std::vector<Value> values;
  Ref root = 0;

  template <class Kind>
  const Kind* as(Ref ref) const {
    return std::get_if<Kind>(&values[ref]);
  }
};

/// Memory is linear in the text. Values may stand in several places, and in themselves. Throws
/// Fault::file for operations that tensors and containers do not need, by name.
Pickle read_pickle(std::string_view text);

}  // namespace isomer
