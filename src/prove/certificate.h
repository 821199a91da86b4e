#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "prove/structure.h"

namespace isomer {

/// The element that came nearest to its bound, or went farthest beyond it.
struct WorstElement {
  std::string tensor;               // "output 0 'logits'", "gradient of fc.weight"
  std::vector<std::int64_t> index;  // empty for a scalar
  double source = 0;
  double other = 0;
  double exact = 0;  // the source's, in double precision
  double bound = 0;
  /// |other - exact| in units of the bound: above 1 is a difference.
  double ratio = 0;
};

/// Of the elements of one tensor, those that rounding may decide either way.
struct Share {
  std::size_t elements = 0;
  std::size_t excused = 0;
};

/// One comparison of one runnable with the source, on all inputs.
struct Check {
  std::string what;   // "outputs", "gradients", "weights"
  std::string where;  // the backend of the other: "torch", "mdf's own rules, in double precision"
  bool same = true;
  std::size_t inputs = 0;  // sets of inputs
  std::size_t tensors = 0;
  std::size_t elements = 0;
  std::size_t excused = 0;  // elements that rounding may decide either way
  std::optional<WorstElement> worst = {};
  /// Both sides ran by their own systems: what differs was seen. Otherwise an engine of ours, or a
  /// reading of ours, may be what is wrong.
  bool own = true;
  std::map<std::string, Share> shares = {};  // by tensor
  std::size_t loose = 0;                     // elements that are within what was allowed only
  /// By tensor, where a looser question is asked: how far elements are off.
  std::map<std::string, std::vector<double>> distances = {};
  std::vector<std::string> differences = {};
  std::vector<std::string> doubts = {};  // what differs where the source does from itself
};

/// The earliest operator whose value differs.
struct FirstDifference {
  std::string value;
  std::string op;
  std::string scope;
  Place place;
  std::vector<std::int64_t> trips;  // of the loops around it, from outside in
  double ratio = 0;
  bool operator==(const FirstDifference&) const = default;
};

/// Does the comparison see what it should see?
struct Control {
  std::string name;  // "identity", "positive"
  std::string what;  // what was done
  bool passed = false;
};

/// How far a number may be from what it should be, where somebody asks a looser question.
struct Allowed {
  double relative = 0;
  double absolute = 0;

  double at(double exact) const { return absolute + relative * std::abs(exact); }
};

/// What can be said: both behave the same; they do within what was allowed; a difference of what
/// the two systems run was seen; or nothing.
enum class Verdict { equivalent, within, different, not_proved };

/// "EQUIVALENT", "WITHIN", "NOT EQUIVALENT", "NOT PROVED".
std::string_view name_of(Verdict verdict);

/// What a proof found. Equivalent only when every check is the same and every control passed.
struct Certificate {
  std::string source;
  std::string other;
  Verdict verdict = Verdict::not_proved;
  std::vector<std::string> differences;  // that were seen, most telling first
  std::vector<std::string> doubts;       // why nothing is proved although none was seen
  /// What both are as graphs; nothing where one of them cannot be read as one.
  std::optional<StructureReport> structure = {};
  std::vector<std::string> inputs;    // a line for each set
  std::vector<std::string> coverage;  // how many decisions took all sides, then those that did not
  std::vector<Check> checks;
  std::vector<Control> controls;
  std::optional<FirstDifference> first;
  std::vector<std::string> notes;
  std::uint64_t seed = 0;
  std::optional<Allowed> allowed;  // what was asked
  /// A line for each output: how far its elements are off, by percentiles.
  std::vector<std::string> distances;

  bool equivalent() const { return verdict == Verdict::equivalent; }
};

/// For people.
std::string to_text(const Certificate& certificate);
/// For machines.
std::string to_json(const Certificate& certificate);

}  // namespace isomer
