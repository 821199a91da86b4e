#pragma once

// Which nodes run when: MDF's scheduler, which goes through the layers of the nodes in passes and
// asks each node's condition, until a condition of the whole says that the evaluation is over.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "systems/mdf/conditions.h"
#include "systems/mdf/dialect.h"
#include "systems/mdf/wiring.h"

namespace isomer::mdf {

class NodeExecutor;

class Schedule {
 public:
  /// Runs nodes, which stand for their places in the document.
  using Execute = std::function<void(std::span<const std::size_t>)>;

  /// Of a graph whose nodes are wired without faults; `nodes` outlive it. Adds to `problems`
  /// conditions that have no meaning.
  Schedule(const DocumentGraph& graph, const Wiring& wiring,
           const std::vector<std::unique_ptr<NodeExecutor>>& nodes, const Dialect& dialect,
           Problems& problems);

  /// Goes through one evaluation, set by set; what was counted before counts on. Throws
  /// Fault::model where it does not come to an end.
  void run(const Execute& execute);
  /// Forgets what was counted.
  void reset();
  /// The type of the node's condition.
  std::string_view condition_of(std::size_t node) const;
  /// Whether each node runs once, after all that send to it.
  bool is_plain() const { return plain_; }
  /// What counts on from one evaluation to the next, as it stands after one. Throws Fault::model
  /// for as many counts as it has not.
  std::vector<std::int64_t> counts();
  void set_counts(std::span<const std::int64_t> counts);
  /// Whether any condition says when nodes run.
  static bool is_conditional(const DocumentGraph& graph);
  /// Adds to `problems` the conditions for which one evaluation need not be like another.
  void find_unlike(Problems& problems) const;

 private:
  struct Termination {
    std::string name;  // in the document
    Condition condition;
  };

  void read_nodes(const Tree::Map& group, const Wiring& wiring, const ConditionNames& names,
                  Problems& problems);
  void read_terminations(const Tree::Map& group, const ConditionNames& names, Problems& problems);
  void add_defaults(const Wiring& wiring);
  void prepare_counters();
  void prepare_times();
  void place_intervals();
  std::vector<Condition*> of_type(std::string_view type);

  std::vector<std::int64_t*> kept_counts();
  bool is_over();
  /// Whether a node ran.
  bool pass(const Execute& execute);
  void choose_in(const std::vector<std::size_t>& layer, const std::vector<std::size_t>& moving);
  bool choose(std::size_t node);
  void end_set();
  std::string endless(std::string_view what) const;
  [[noreturn]] void refuse_endless(std::string_view what) const;

  std::vector<std::string> ids_;
  std::vector<std::vector<std::size_t>> layers_;
  bool plain_ = true;  // each node runs once, after all that send to it

  std::vector<Condition> conditions_;              // of nodes
  std::vector<std::vector<Condition*>> counters_;  // inside them: what is used up when a node runs
  std::vector<std::vector<std::size_t>> moving_;   // of each layer: what may change within a set
  Termination update_;
  Termination sequence_;
  bool moves_ = false;      // something may come to hold though no node runs
  bool absolute_ = false;   // layers take time, even if nothing runs
  std::int64_t begin_ = 0;  // when an evaluation begins at the earliest

  Moment moment_;
  std::vector<std::size_t> chosen_;
  std::int64_t work_ = 0;  // in this evaluation
};

}  // namespace isomer::mdf
