#pragma once

// Which nodes of two sets are connected, and in which order.

#include <memory>

#include "base/random.h"
#include "systems/mgs/run/values.h"

namespace isomer::mgs {

/// Gives pairs, one after the other.
class PairSampler {
 public:
  virtual ~PairSampler() = default;
  /// Nothing is left where it gives false.
  virtual bool next(Node& source, Node& destination) = 0;
  /// Whose coordinates a sampler of the other side starts from: "source", "destination" or nothing.
  virtual std::string_view reference() const { return {}; }
};

/// Of one set, for one node of the other: places in the set.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// `reference` are coordinates in the set's grid, the slowest first.
  virtual std::span<const std::uint32_t> sample(const std::vector<double>& reference) = 0;
};

/// A functor by its name and arguments over both sets; null where no sampler has that name. Throws
/// Ended where MGS ends, and Mismatch for wrong arguments.
std::unique_ptr<PairSampler> pair_sampler(const FunctorValue& functor, const NodeList& sources,
                                          const NodeList& destinations, Random& random);

/// How many arguments a functor takes, where its C++ insists; nothing else is known.
struct FunctorArity {
  std::string_view name;
  std::size_t least;
  std::size_t most;
};
const FunctorArity* find_arity(std::string_view name);
/// Whether a value is a sampler of one set.
bool is_set_sampler(std::string_view name);
bool is_pair_sampler(std::string_view name);

}  // namespace isomer::mgs
