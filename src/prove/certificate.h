#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "prove/inputs.h"
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

/// One tensor that differs in one trial.
struct Difference {
  std::string tensor;  // empty where it is about all of them
  std::string text;
  std::string set = {};   // the label of its inputs
  std::string why = {};   // what an error says
  std::size_t trial = 1;  // of those that the check counts
};

/// One comparison of one runnable with the source, on all inputs.
struct Check {
  std::string what;   // "outputs", "gradients", "weights"
  std::string where;  // the backend of the other: "torch", "mdf's own rules, in double precision"
  /// The same without the precision, where both are compared; empty where one alone is.
  std::string witness = {};
  bool in_double = false;
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
  std::vector<Difference> differences = {};
  std::vector<Difference> doubts = {};  // what differs where the source does from itself
  std::size_t refused = 0;              // sets that the source takes and the other does not
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

/// A file that a side was read from.
struct HashedFile {
  std::string path;
  std::size_t bytes = 0;
  std::uint32_t crc32 = 0;
};

/// The smallest set on which the two differ.
struct FailingSet {
  InputSet set;
  std::vector<std::string> ports;  // names of its arguments that both sides know
  bool derivatives = false;        // these alone differ there
};

/// What a proof found. Equivalent only when every check is the same and every control passed.
struct Certificate {
  std::string source;
  std::string other;
  Verdict verdict = Verdict::not_proved;
  std::vector<std::string> differences;  // that were seen, most telling first
  std::vector<std::string> doubts;       // why nothing is proved although none was seen
  /// What both are as graphs; nothing where one of them cannot be read as one.
  std::optional<StructureReport> structure = {};
  /// Whether all that the source takes is taken by the other, as far as was tried.
  bool takes_all = true;
  std::vector<std::string> inputs;    // a line for each set
  std::vector<std::string> tried;     // lengths and ranges of integers
  std::vector<std::string> engines;   // that graphs were run on
  std::vector<std::string> coverage;  // how many decisions took all sides, then those that did not
  std::vector<Check> checks;
  std::vector<Control> controls;
  std::optional<FirstDifference> first;
  std::vector<std::string> notes;
  std::uint64_t seed = 0;
  std::optional<Allowed> allowed;  // what was asked
  /// A line for each output: how far its elements are off, by percentiles.
  std::vector<std::string> distances;
  std::string_view effort = "normal";
  std::vector<std::pair<std::string, double>> seconds;  // wall time by phase
  std::optional<FailingSet> failing;
  std::vector<std::string> repeat;  // commands that show the difference again
  std::string program;              // "isomer 1.0.0"
  std::string processor;            // its name
  std::vector<HashedFile> source_files;
  std::vector<HashedFile> other_files;

  bool equivalent() const { return verdict == Verdict::equivalent; }
};

/// For people.
std::string to_text(const Certificate& certificate);
/// For machines.
std::string to_json(const Certificate& certificate);

}  // namespace isomer
