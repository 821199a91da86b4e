#pragma once

// Do two models behave the same? Both are made runnable, by their own system's rules where it has
// some; both get the same inputs, and a certificate says what was compared, with which
// tolerance, and how it came out. Nothing here knows a file format or an engine's inside.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.h"
#include "prove/certificate.h"
#include "prove/inputs.h"
#include "systems/system.h"

namespace isomer {

/// A model as its file has it.
struct Subject {
  std::string label;  // how the certificate calls it
  const System* system = nullptr;
  const Files* files = nullptr;
  std::string entry;
  /// What is compared instead of the graph that was read. Empty: that.
  std::function<Graph(const Graph&)> prepare = {};
};

/// How much a proof tries: few sets on one engine, all of them, those of three seeds.
enum class Effort { quick, normal, thorough };
inline constexpr std::array all_efforts = {Effort::quick, Effort::normal, Effort::thorough};

/// "quick", "normal", "thorough".
std::string_view name_of(Effort effort);

struct ProofOptions {
  /// The user's own inputs, asked for once the source's ports are known. Empty: none.
  std::function<std::vector<Tensor>(std::span<const Port>)> given = {};
  /// More of them, each behind its label. Empty: none.
  std::function<std::vector<std::pair<std::string, std::vector<Tensor>>>(std::span<const Port>)>
      cases = {};
  /// What inputs may be, by name, as the user says. Empty: of none.
  std::function<std::map<std::string, ValueRange>(std::span<const Port>)> ranges = {};
  /// Engines for graphs, the first is the source's; none: all that are available.
  std::vector<const Engine*> engines = {};
  std::uint64_t seed = 0;
  Effort effort = Effort::normal;
  std::optional<Allowed> allowed = {};  // a looser question: may be off by so much
  Progress progress = {};
};

/// Compares `other` with `source`, which is right by definition: interface, weights, outputs and
/// gradients. Throws what reading either of them throws, and Fault::unsupported for models that
/// cannot be judged.
Certificate prove(const Subject& source, const Subject& other, const ProofOptions& options = {});

}  // namespace isomer
