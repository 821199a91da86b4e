// What a caller sees besides the numbers of a first call, with programs that are graphs on an
// engine and misbehave in one way each.

#include "prove/caller.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "graph/text_reader.h"
#include "subjects.h"

namespace isomer {
namespace {

using test::prove_texts;

const std::string twice = "graph g(x: f32[3]) -> (y)\n  y = mul(x, 2.0)\n";

/// As a process takes them: in the precision that it serves.
std::vector<Tensor> widened(std::span<const Tensor> inputs, DType dtype) {
  std::vector<Tensor> wide;
  for (const Tensor& input : inputs) wide.push_back(input.converted(dtype));
  return wide;
}

/// Counts its calls, which is no state that it tells of.
class Counting final : public Executor {
 public:
  Counting(std::unique_ptr<Executor> inner, DType dtype)
      : inner_(std::move(inner)), dtype_(dtype) {}
  std::vector<Tensor> run(std::span<const Tensor> inputs) override {
    const std::vector<Tensor> wide = widened(inputs, dtype_);
    return ++calls_ == 2 && counts ? wide : inner_->run(wide);
  }
  std::vector<Tensor> states() override { return inner_->states(); }
  void set_states(std::span<const Tensor> states) override { inner_->set_states(states); }
  void reset() override { calls_ = 0; }
  void set_constants(std::span<const Tensor> values) override { inner_->set_constants(values); }

  bool counts = true;

 private:
  std::unique_ptr<Executor> inner_;
  DType dtype_;
  int calls_ = 0;
};

enum class Habit {
  none,
  counts,
  asks_for_gradients,
  fails_with_gradients,
  writes,
  gives_a_class,
  another_in_training,
  draws_in_training,
  draws_always,
  renames
};

Seen seen_of(Executor& executor, std::span<const Tensor> inputs, const Manner& manner,
             Habit habit) {
  Seen seen{executor.run(inputs), {}, {inputs.begin(), inputs.end()}};
  const bool training = manner.mode == "train";
  const bool draws =
      habit == Habit::draws_always || (habit == Habit::draws_in_training && training);
  const double drawn = draws && manner.seed ? 0.25 : 0.5;
  const Tensor moved = Tensor::from_doubles(seen.outputs[0].dtype(), {3}, {{1.5, drawn, 2.0}});
  const bool moves = habit == Habit::asks_for_gradients && manner.gradients;
  if (draws || moves || (habit == Habit::another_in_training && training)) seen.outputs[0] = moved;
  if (habit == Habit::fails_with_gradients && manner.gradients)
    throw Error(Fault::model, "net.py: line 3", "no");
  if (habit == Habit::writes) seen.arguments[0] = seen.outputs[0];
  if (habit == Habit::gives_a_class) seen.results = parse_structure("\"net.Out\"('y'=*)");
  return seen;
}

template <Habit habit>
Runnable simulate(const Files& files, std::string_view entry, const RunOptions& options) {
  Runnable runnable = test::simulate_plainly(files, entry, options);
  runnable.results.reset();
  const DType dtype = runnable.inputs.at(0).type.dtype;
  runnable.observe = [=, executor = runnable.executor.get()](std::span<const Tensor> inputs,
                                                             const Manner& manner) {
    return seen_of(*executor, widened(inputs, dtype), manner, habit);
  };
  auto counting = std::make_unique<Counting>(std::move(runnable.executor), dtype);
  counting->counts = habit == Habit::counts;
  runnable.executor = std::move(counting);
  if constexpr (habit == Habit::renames)
    runnable.arguments = {{"z", CallArgument::Kind::either, ""}};
  return runnable;
}

template <Habit habit>
constexpr System program{
    .name = "plain", .about = "", .extensions = ".isomer", .simulate = simulate<habit>};

/// Whether the only thing to be said is a difference that begins so.
::testing::AssertionResult differs(const Certificate& certificate, std::string_view words) {
  const auto has = [&](const std::string& difference) { return difference.starts_with(words); };
  if (certificate.verdict == Verdict::different &&
      std::ranges::any_of(certificate.differences, has))
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << to_text(certificate);
}

Certificate proved(const System& system) { return prove_texts(twice, twice, system); }

TEST(Caller, SeesNothingWhereThereIsNothing) {
  const Certificate certificate = proved(program<Habit::none>);
  EXPECT_EQ(certificate.verdict, Verdict::equivalent) << to_text(certificate);
}

TEST(Caller, SeesACounterThatIsNoState) {
  EXPECT_TRUE(differs(proved(program<Habit::counts>),
                      "the same call, made twice: b.isomer gives two answers, the source does not: "
                      "output 0 at [0] is "));
}

TEST(Caller, SeesWhatAModelDoesWhileGradientsAreRecorded) {
  EXPECT_TRUE(differs(proved(program<Habit::asks_for_gradients>),
                      "while gradients are recorded: b.isomer gives other numbers, the source does "
                      "not: output 0 at [0] is "));
  EXPECT_TRUE(differs(proved(program<Habit::fails_with_gradients>),
                      "while gradients are recorded: b.isomer fails: net.py: line 3: no (random"));
}

TEST(Caller, SeesAWrittenArgument) {
  EXPECT_TRUE(differs(proved(program<Habit::writes>),
                      "input 0: b.isomer changes it in place for the caller, the source does not"));
  const std::string writing =
      "graph g(x: f32[3]) -> (y)\n  called ('x'=* written) {} -> *\n  y = mul(x, 2.0)\n";
  EXPECT_TRUE(differs(prove_texts(writing, twice),
                      "input 0: the source changes it in place for the caller, b.isomer does not"));
  const Certificate both = prove_texts(writing, writing);
  EXPECT_EQ(both.verdict, Verdict::not_proved) << to_text(both);
}

TEST(Caller, SeesClassesOfResults) {
  EXPECT_TRUE(differs(proved(program<Habit::gives_a_class>),
                      "results: the outputs are nested as * in the source and as \"Out\"('y'=*) in "
                      "b.isomer"));
  const auto nested = [](const std::string& results) {
    return "graph g(x: f32[3]) -> (x)\n  called ('x'=*) {} -> " + results + "\n";
  };
  EXPECT_FALSE(prove_texts(nested("(*)"), nested("[*]")).equivalent());
  EXPECT_FALSE(prove_texts(nested("*"), nested("\"float\"")).equivalent());
  EXPECT_FALSE(prove_texts(nested("{'a': *}"), nested("\"net.A\"{'a': *}")).equivalent());
  EXPECT_TRUE(prove_texts(nested("\"a.Out\"('y'=*)"), nested("\"b.Out\"('y'=*)")).equivalent());
}

TEST(Caller, SeesRenamedArguments) {
  EXPECT_TRUE(differs(proved(program<Habit::renames>),
                      "argument 0 is called 'x' in the source and 'z' in b.isomer"));
}

/// Both sides are programs: what one of them does in a mode, the other may do, too.
Certificate proved(const System& a, const System& b) {
  const auto files =
      in_memory({{"a.isomer", "isomer 1\n" + twice}, {"b.isomer", "isomer 1\n" + twice}});
  return prove({"a.isomer", &a, files.get(), "a.isomer"}, {"b.isomer", &b, files.get(), "b.isomer"},
               {.engines = {&engine_named("reference")}});
}

TEST(Caller, ComparesBothModes) {
  EXPECT_TRUE(differs(proved(program<Habit::none>, program<Habit::another_in_training>),
                      "in mode train: output 0 at [0] is "));
  EXPECT_TRUE(differs(proved(program<Habit::draws_in_training>, program<Habit::none>),
                      "in mode train: the source draws random numbers, b.isomer does not"));
  const auto is_quiet = [](const Certificate& certificate) {
    return std::ranges::none_of(certificate.differences, [](const std::string& difference) {
      return difference.starts_with("in mode");
    });
  };
  EXPECT_TRUE(
      is_quiet(proved(program<Habit::draws_in_training>, program<Habit::draws_in_training>)));
  EXPECT_TRUE(is_quiet(proved(program<Habit::none>, program<Habit::none>)));
}

}  // namespace
}  // namespace isomer
