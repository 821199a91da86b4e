// When nodes run, and what their ports hold then: recorded from both releases of the format's own
// program.

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "mdf_expected.h"
#include "systems/mdf/executor.h"

namespace isomer {
namespace {

using Sets = std::vector<std::string>;

/// The sets of nodes that run, ids sorted: "A", "BC", and "-" for none.
class Observed {
 public:
  Observed(const Tree& document, const std::string& dialect)
      : document_(mdf::read_document(document, "")),
        executor_(document_.graphs.at(0).second, {.dialect = dialect}) {
    executor_.observe([this](std::span<const std::size_t> set) {
      std::string ids;
      for (const std::size_t place : set) ids += executor_.nodes()[place]->id();
      std::ranges::sort(ids);
      sets.push_back(ids.empty() ? "-" : ids);
    });
  }

  mdf::DocumentExecutor& executor() { return executor_; }

  Sets sets;

 private:
  mdf::Document document_;
  mdf::DocumentExecutor executor_;
};

Tree wrapped(Tree graph, const Tree* conditions) {
  if (conditions != nullptr)
    std::get<Tree::Map>(graph.value).emplace_back("conditions", *conditions);
  return {Tree::Map{{"m", {Tree::Map{{"graphs", {Tree::Map{{"g", std::move(graph)}}}}}}}}};
}

Tree document_with(const Tree& graphs, const std::string& graph, const std::string& conditions) {
  const Tree tree = read_json(conditions);
  return wrapped(*graphs.find(graph), &tree);
}

void run_scheduled(const Tree& row) {
  Observed observed(*row.find("document"), "0.4.13");
  mdf_test::run_row(observed.executor(), row);
  Sets expected;
  if (row.find("execution_sets") == nullptr) return;
  for (const Tree& set : *row.find("execution_sets")->list()) {
    std::string ids;
    for (const Tree& id : *set.list()) ids += *id.text();
    expected.push_back(ids.empty() ? "-" : ids);
  }
  EXPECT_EQ(observed.sets, expected);
}

TEST(MdfSchedule, RunsTheTableAsTheReferenceDoes) {
  EXPECT_EQ(mdf_test::expect_table("scheduler_cases.json", run_scheduled), 55u);
}

void run_condition(const Tree& graphs, const Tree& row, const std::string& dialect) {
  Observed observed(wrapped(*graphs.find(*row.find("graph")->text()), row.find("conditions")),
                    dialect);
  const Tree* runs = row.find("runs");
  const Tree* outputs = row.find("outputs");
  for (std::int64_t i = 0; i < (runs == nullptr ? 1 : *runs->integer()); ++i) {
    mdf_test::give(observed.executor(), row.find("initializer"));
    observed.executor().evaluate();
    if (outputs == nullptr) continue;
    const Tree snapshot{Tree::Map{{"outputs", (*outputs->list())[static_cast<std::size_t>(i)]}}};
    mdf_test::expect_snapshot(observed.executor(), snapshot, 1e-12);
  }
  if (row.find("sets") == nullptr) return;
  EXPECT_EQ(fmt::format("{}", fmt::join(observed.sets, "|")), *row.find("sets")->text());
}

// Each type of condition at its bounds, each time scale, ports and cycles.
TEST(MdfSchedule, HoldsEachConditionWhenBothReleasesDo) {
  const Tree table = mdf_test::read_document(mdf_test::data_folder() / "condition_cases.json");
  ASSERT_GT(table.find("cases")->list()->size(), 300u);
  for (const Tree& row : *table.find("cases")->list()) {
    const Tree* only = row.find("dialect");
    for (const std::string dialect : {"0.4.13", "0.4.15"}) {
      if (only != nullptr && *only->text() != dialect) continue;
      SCOPED_TRACE(*row.find("name")->text() + " in " + dialect);
      const auto run = [&] { run_condition(*table.find("graphs"), row, dialect); };
      if (row.find("error") != nullptr) {
        EXPECT_THROW(run(), Error);
      } else {
        try {
          run();
        } catch (const Error& error) {
          ADD_FAILURE() << error.what();
        }
      }
    }
  }
}

std::string fault_of(const std::string& graph, const std::string& conditions) {
  const Tree table = mdf_test::read_document(mdf_test::data_folder() / "condition_cases.json");
  try {
    Observed observed(document_with(*table.find("graphs"), graph, conditions), "");
    observed.executor().evaluate();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::model);
    return error.what();
  }
  return "";
}

TEST(MdfSchedule, SaysWhichConditionHasNoMeaning) {
  const std::string fault = fault_of("chain", R"({
    "node_specific": {
      "A": {"type": "AtPas", "kwargs": {"n": 2}},
      "B": {"type": "All", "kwargs": {"dependencies": [
        {"type": "EveryNCalls", "kwargs": {"dependency": "Q", "n": 1}}]}},
      "C": {"type": "AfterPass", "kwargs": {}},
      "D": {"type": "Always"}},
    "termination": {"trial": {"type": "Never"},
                    "environment_state_update": {"type": "AllHaveRun", "kwargs": {"n": 1}}}})");
  for (const char* part :
       {"6 problems", "condition of node 'A': there is no condition 'AtPas'; the nearest is AtPass",
        "condition of node 'B': All: EveryNCalls: 'dependency': there is no node 'Q'",
        "condition of node 'C': AfterPass: needs 'n' in its kwargs",
        "condition of node 'D': there is no such node",
        "termination 'trial': there is 'environment_state_update'",
        "termination 'environment_state_update': AllHaveRun: has no 'n'"}) {
    EXPECT_NE(fault.find(part), std::string::npos) << part << " in " << fault;
  }
}

TEST(MdfSchedule, EndsWhereNothingEndsIt) {
  EXPECT_NE(fault_of("chain", R"({"termination": {"ENVIRONMENT_STATE_UPDATE": {"type": "Never"}}})")
                .find("termination 'ENVIRONMENT_STATE_UPDATE': the evaluation does not end: Never"),
            std::string::npos);
  EXPECT_NE(
      fault_of("chain", R"({"node_specific": {"B": {"type": "Never"}, "A": {"type": "AtNCalls",
    "kwargs": {"dependency": "A", "n": 0}}}})")
          .find("does not hold, and no node runs any more"),
      std::string::npos);
  EXPECT_NE(fault_of("chain", R"({"termination": {"environment_state_update": {"type": "NWhen",
    "kwargs": {"condition": {"type": "AfterNCalls", "kwargs": {"dependency": "A", "n": 1}}}}}})")
                .find("does not hold after"),
            std::string::npos);
}

// What PsyNeuLink writes and no release takes has the only meaning that it can have.
TEST(MdfSchedule, TakesListsOfNodesWhereNoReleaseIsAskedFor) {
  const Tree table = mdf_test::read_document(mdf_test::data_folder() / "condition_cases.json");
  const auto sets = [&](const std::string& conditions) {
    Observed observed(document_with(*table.find("graphs"), "chain", conditions), "");
    observed.executor().evaluate();
    return observed.sets;
  };
  EXPECT_EQ(sets(R"({"termination": {"environment_state_update":
    {"type": "AllHaveRun", "args": {"dependencies": ["A", "B"]}}}})"),
            (Sets{"A", "B"}));
  EXPECT_EQ(sets(R"({"termination": {"environment_state_update":
    {"type": "AfterNCallsCombined", "kwargs": {"dependencies": ["A", "B"], "n": 3}}}})"),
            (Sets{"A", "B", "C", "A"}));
}

TEST(MdfSchedule, BeginsAnew) {
  const Tree table = mdf_test::read_document(mdf_test::data_folder() / "condition_cases.json");
  Observed observed(document_with(*table.find("graphs"), "one", R"({
    "node_specific": {"A": {"type": "NWhen", "kwargs": {"condition": {"type": "Always"}}}},
    "termination": {"environment_state_update": {"type": "AfterNPasses", "kwargs": {"n": 2}}}})"),
                    "");
  for (int i = 0; i < 2; ++i) observed.executor().evaluate();
  EXPECT_EQ(observed.sets, (Sets{"A", "-", "-", "-"}));
  observed.executor().reset();
  observed.executor().evaluate();
  EXPECT_EQ(observed.sets, (Sets{"A", "-", "-", "-", "A", "-"}));
}

TEST(MdfSchedule, KnowsTheReleases) {
  const Tree table = mdf_test::read_document(mdf_test::data_folder() / "condition_cases.json");
  try {
    Observed observed(wrapped(*table.find("graphs")->find("one"), nullptr), "0.4.1");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::usage);
  }
}

}  // namespace
}  // namespace isomer
