#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "base/text.h"
#include "graph/text.h"
#include "graph/uses.h"
#include "ops/builder.h"
#include "ops/rules.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "run/torch_module.h"
#include "runner/operators.h"

namespace isomer::runner {
namespace {

/// One node of a case, alone in a graph with the inputs of its own and the constants that it takes
/// as further inputs.
struct Sample {
  Graph graph;
  std::vector<Tensor> inputs;
  std::vector<std::optional<std::size_t>> operands;  // of the node, among the inputs

  const Node& node() const { return graph.nodes[0]; }
};

/// Nothing where the node takes what another one makes.
std::optional<Sample> sample_of(const OperatorCase& one, const Node& node) {
  Sample sample{{}, one.inputs, {}};
  const Uses uses(one.graph);
  Builder b("sample");
  b.assume(one.graph.signature.lengths);
  std::vector<ValueId> inputs;
  for (const ValueId id : one.graph.inputs) inputs.push_back(b.input("", one.graph[id].type));
  std::vector<ValueId> operands;
  for (const ValueId id : node.inputs) {
    const auto input = std::ranges::find(one.graph.inputs, id);
    auto at = static_cast<std::size_t>(input - one.graph.inputs.begin());
    if (id != ValueId::none && input == one.graph.inputs.end()) {
      const Constant* constant = uses.constant(one.graph, id);
      if (constant == nullptr) return std::nullopt;
      at = inputs.size();
      inputs.push_back(b.input("", constant->data.type()));
      sample.inputs.push_back(constant->data);
    }
    sample.operands.push_back(id == ValueId::none ? std::nullopt : std::optional(at));
    operands.push_back(id == ValueId::none ? id : inputs[at]);
  }
  Signature signature;
  signature.lengths = one.graph.signature.lengths;
  const std::vector<ValueId> outputs = b.emit_all(node.op, operands, node.attributes);
  sample.graph = std::move(b).finish(outputs, std::move(signature));
  return sample;
}

std::vector<Sample> samples_of(std::string_view op, const std::vector<OperatorCase>& cases) {
  std::vector<Sample> samples;
  for (const OperatorCase& one : cases) {
    for (const Node& node : one.graph.nodes) {
      if (node.op != op) continue;
      if (std::optional<Sample> sample = sample_of(one, node))
        samples.push_back(std::move(*sample));
    }
  }
  return samples;
}

std::vector<Tensor> run(const Graph& graph, const std::vector<Tensor>& inputs,
                        std::uint64_t seed = 0) {
  return make_reference_executor(graph, {.seed = seed})->run(inputs);
}

// Draws -----------------------------------------------------------------------------------------

/// The sample with a setting that draws, where it has one.
Graph unsettled(const Sample& sample) {
  Graph graph = sample.graph;
  Node& node = graph.nodes[0];
  node.attributes = complete(op_named(node.op), node.attributes);
  for (NamedAttribute& attribute : node.attributes) {
    if (attribute.name == "training") attribute.value = true;
    if (attribute.name == "p") attribute.value = 0.4;
  }
  return graph;
}

bool draws_numbers(const Sample& sample) {
  const Graph graph = unsettled(sample);
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    std::string bits;
    for (const Tensor& output : run(graph, sample.inputs, seed)) bits += output.bytes().text();
    seen.insert(bits);
  }
  return seen.size() > 1;
}

// Moves -----------------------------------------------------------------------------------------

bool takes(const Sample& sample, const std::vector<Tensor>& inputs) {
  try {
    run(unsettled(sample), inputs);
    return true;
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return false;
  }
}

/// The sample with elements that no arithmetic gives twice, in floating inputs; as it is where the
/// operator does not take such, as Cholesky's decomposition.
std::vector<Tensor> unlike(const Sample& sample, double next) {
  std::vector<Tensor> inputs = sample.inputs;
  for (Tensor& input : inputs) {
    if (!is_floating(input.dtype())) continue;
    std::vector<double> elements(static_cast<std::size_t>(input.count()));
    for (double& element : elements) element = 9 * std::sin(next++);
    input = Tensor::from_doubles(input.dtype(), input.shape(), elements);
  }
  return takes(sample, inputs) ? inputs : sample.inputs;
}

Moves moved(const Tensor& x, const std::vector<Tensor>& outputs) {
  const std::vector<double> from = x.doubles();
  const std::set<double> known(from.begin(), from.end());
  Moves result = Moves::in_order;
  for (const Tensor& output : outputs) {
    const std::vector<double> to = output.doubles();
    const auto is_known = [&](double element) {
      return !std::isnan(element) && known.contains(element);
    };
    if (output.dtype() != x.dtype() || !std::ranges::all_of(to, is_known)) return Moves::none;
    if (to != from) result = Moves::freely;
  }
  return result;
}

/// The least that the samples show: one that moves freely may leave a tensor as it is.
Moves moved(const std::vector<Sample>& samples) {
  std::optional<Moves> least;
  for (const Sample& sample : samples) {
    if (sample.operands.empty() || !sample.operands[0]) continue;
    const std::size_t first = *sample.operands[0];
    if (!is_floating(sample.inputs[first].dtype()) || sample.inputs[first].count() == 0) continue;
    for (const double next : {1.0, 3.5, 5.0}) {
      const std::vector<Tensor> inputs = unlike(sample, next);
      const Moves one = moved(inputs[first], run(unsettled(sample), inputs));
      least = std::min(least.value_or(one), one);
    }
  }
  return least.value_or(Moves::none);
}

// Rounds ----------------------------------------------------------------------------------------

/// The tensors in the types that the graph takes.
std::vector<Tensor> as_taken(const Graph& graph, std::vector<Tensor> tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    tensors[i] = tensors[i].converted(graph[graph.inputs[i]].type.dtype);
  return tensors;
}

/// The nearest numbers of the types of `like`.
std::vector<Tensor> to_nearest(const std::vector<Tensor>& tensors,
                               const std::vector<Tensor>& like) {
  std::vector<Tensor> nearest;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    nearest.push_back(tensors[i].converted(like[i].dtype()));
  return nearest;
}

/// How the sample rounds on these inputs, as far as it shows: never, to the nearest, or otherwise.
/// Nothing where no float comes out.
std::optional<Rounds> rounding(const Sample& sample, const std::vector<Tensor>& inputs) {
  const Graph graph = unsettled(sample), wide = to_float64(graph);
  const std::vector<Tensor> single = run(graph, inputs);
  if (std::ranges::none_of(single, [](const Tensor& t) { return is_floating(t.dtype()); }))
    return {};
  const std::vector<Tensor> exact = run(wide, as_taken(wide, inputs));
  const auto same = [](const Tensor& x, const Tensor& y) {
    return elements_text(x) == elements_text(y);
  };
  if (std::ranges::equal(to_nearest(single, exact), exact, same)) return Rounds::never;
  if (std::ranges::equal(single, to_nearest(exact, single), same)) return Rounds::nearest;
  return Rounds::each;
}

/// What is wrong about how the operator rounds, or nothing. The reference rounds each result to the
/// nearest, so that it cannot show who does not.
std::string check_rounding(const std::vector<Sample>& samples, Rounds told) {
  bool rounds = false, floating = false;
  for (const Sample& sample : samples) {
    for (const std::vector<Tensor>& inputs :
         {sample.inputs, unlike(sample, 1.0), unlike(sample, 3.5)}) {
      const std::optional<Rounds> found = rounding(sample, inputs);
      if (!found) continue;
      floating = true;
      rounds = rounds || *found != Rounds::never;
      // An integer may be rounded to double precision first.
      if (told == Rounds::nearest && *found == Rounds::each && is_floating(inputs[0].dtype()))
        return "rounds is 'nearest'; the cases show another rounding";
    }
  }
  if (!floating || rounds == (told != Rounds::never)) return "";
  return fmt::format("rounds is {}never; the cases show the contrary", rounds ? "" : "not ");
}

// Decides ---------------------------------------------------------------------------------------

bool is_flat(const Sample& sample) { return op_named(sample.node().op).vjp == no_gradient; }

/// Floats come in, and what comes out is no float, or has no slope.
bool decides(const Sample& sample) {
  const Graph& graph = sample.graph;
  const auto floating = [&](ValueId id) {
    return id != ValueId::none && is_floating(graph[id].type.dtype);
  };
  if (!std::ranges::any_of(sample.node().inputs, floating)) return false;
  return (is_flat(sample) && moved(std::vector{sample}) != Moves::in_order) ||
         !std::ranges::all_of(graph.outputs, floating);
}

/// It has no slope, and is no staircase: what it is given goes on as it is.
bool stops(const Sample& sample) {
  return is_flat(sample) && moved(std::vector{sample}) == Moves::in_order;
}

// Commutes --------------------------------------------------------------------------------------

/// Whether the sample's two operands may change places; nothing where it has not two of one kind.
std::optional<bool> commutes(const Sample& sample) {
  if (sample.operands.size() != 2 || !sample.operands[0] || !sample.operands[1]) return {};
  const std::size_t x = *sample.operands[0], y = *sample.operands[1];
  if (sample.inputs[x].type() != sample.inputs[y].type()) return {};
  std::vector<Tensor> swapped = sample.inputs;
  std::swap(swapped[x], swapped[y]);
  const auto text = [&](const std::vector<Tensor>& inputs) {
    std::vector<std::string> outputs;
    for (const Tensor& output : run(sample.graph, inputs)) outputs.push_back(elements_text(output));
    return outputs;
  };
  return text(sample.inputs) == text(swapped);
}

/// Whether all samples that can show it do.
bool commutes(const std::vector<Sample>& samples) {
  std::set<bool> seen;
  for (const Sample& sample : samples) {
    if (const auto found = commutes(sample)) seen.insert(*found);
  }
  return seen == std::set{true};
}

// Indexes ---------------------------------------------------------------------------------------

/// Whether the sample runs with every element of operand `i` this.
bool takes(const Sample& sample, std::size_t i, std::int64_t element) {
  std::vector<Tensor> inputs = sample.inputs;
  Tensor& index = inputs[*sample.operands[i]];
  const std::vector<std::int64_t> all(static_cast<std::size_t>(index.count()), element);
  index = Tensor::from_integers(index.dtype(), index.shape(), all);
  return takes(sample, inputs);
}

std::int64_t table_length(const Sample& sample, const Indexing& indexing) {
  const std::vector<std::int64_t>& shape = sample.inputs[*sample.operands[indexing.table]].shape();
  const std::int64_t last = std::ssize(shape) - 1;
  if (last < 0) return 1;
  if (indexing.axis) return shape[static_cast<std::size_t>(std::min(*indexing.axis, last))];
  const Attributes attributes = complete(op_named(sample.node().op), sample.node().attributes);
  const auto dim = get<std::int64_t>(attributes, "dim");
  return shape[static_cast<std::size_t>(dim < 0 ? dim + last + 1 : dim)];
}

/// What is wrong about the positions that the operator takes, or nothing.
std::string check_indexing(const Sample& sample, const std::optional<Indexing>& indexing) {
  constexpr std::int64_t far = std::int64_t{1} << 30;
  for (std::size_t i = 0; i < sample.operands.size(); ++i) {
    if (!sample.operands[i]) continue;
    const Tensor& operand = sample.inputs[*sample.operands[i]];
    // Narrower ones hold no positions, and not so large a number.
    if (operand.dtype() != DType::i32 && operand.dtype() != DType::i64) continue;
    if (operand.count() == 0) continue;
    const bool told = indexing && indexing->indices == i;
    if (!told && !takes(sample, i, far)) return fmt::format("operand {} holds positions", i);
    if (!told) continue;
    const std::int64_t length = table_length(sample, *indexing);
    if (length > 0 && (!takes(sample, i, length - 1) || takes(sample, i, length)))
      return fmt::format("positions in operand {} do not end at {}", i, length);
  }
  return "";
}

// Views -----------------------------------------------------------------------------------------

/// As PyTorch's schemas say; of an operator that it lacks, as what it expands to is.
bool fits_torch(std::string_view op, bool views, const std::vector<Sample>& samples) {
  const TorchModule* module = torch_module();
  if (module == nullptr) return true;
  if (const std::optional<bool> theirs = module->views(op)) return *theirs == views;
  const auto all_views = [&](const Sample& sample) {
    const Graph expanded = expand_unsupported(sample.graph, [&](auto name) { return name != op; });
    return std::ranges::all_of(expanded.nodes,
                               [](const Node& node) { return traits_of(node).views; });
  };
  return !views || std::ranges::all_of(samples, all_views);
}

std::string_view name_of(Moves moves) {
  constexpr std::string_view names[] = {"none", "freely", "in order"};
  return names[static_cast<std::size_t>(moves)];
}

}  // namespace

std::string check_traits(std::string_view op, const std::vector<OperatorCase>& cases) {
  // What has bodies does as they do.
  if (!prototype(op_named(op)).bodies.empty()) return "";
  const Traits& traits = op_named(op).traits;
  const std::vector<Sample> samples = samples_of(op, cases);
  if (samples.empty()) return "no case has the operator on operands that are given";
  std::vector<std::string> wrong;
  if (const bool found = std::ranges::any_of(samples, draws_numbers); found != traits.random)
    wrong.push_back(fmt::format("random is {}; it draws: {}", traits.random, found));
  if (const Moves found = moved(samples); found != traits.moves) {
    wrong.push_back(
        fmt::format("moves is '{}'; the cases show '{}'", name_of(traits.moves), name_of(found)));
  }
  if (const bool found = std::ranges::any_of(samples, decides);
      found != (traits.decides != Decision::none)) {
    wrong.push_back(
        fmt::format("decides is {}none; the cases show the contrary", found ? "" : "not "));
  }
  if (const bool found = std::ranges::any_of(samples, stops); found != traits.stops_gradient) {
    wrong.push_back(
        fmt::format("stops_gradient is {}; the cases show {}", traits.stops_gradient, found));
  }
  if (std::string found = check_rounding(samples, traits.rounds); !found.empty())
    wrong.push_back(std::move(found));
  // Operands of which one alone has the slope at a tie do not change places, though values would.
  if (const bool found = commutes(samples);
      found != traits.commutes && !(found && traits.own_slope))
    wrong.push_back(fmt::format("commutes is {}; the cases show {}", traits.commutes, found));
  std::set<std::string> indexing;
  for (const Sample& sample : samples) indexing.insert(check_indexing(sample, traits.indexes));
  indexing.erase("");
  wrong.insert(wrong.end(), indexing.begin(), indexing.end());
  if (!fits_torch(op, traits.views, samples))
    wrong.push_back(fmt::format("views is {}, other than in PyTorch", traits.views));
  return fmt::format("{}", fmt::join(wrong, "; "));
}

}  // namespace isomer::runner
