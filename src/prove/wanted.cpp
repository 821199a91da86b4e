#include "prove/wanted.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "ops/schema.h"
#include "passes/rewrite.h"
#include "prove/known.h"
#include "prove/probes.h"
#include "prove/wanted_rules.h"

namespace isomer {
namespace {

constexpr std::size_t most_points = 96;

template <class Number>
void add_once(std::vector<Number>& numbers, Number number) {
  if (numbers.size() < most_points && std::ranges::find(numbers, number) == numbers.end())
    numbers.push_back(number);
}

/// The least, the greatest and one between of many.
template <class Number>
std::vector<Number> telling(std::vector<Number> numbers) {
  constexpr std::size_t few = 24;
  constexpr std::ptrdiff_t each = 3;
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  if (numbers.size() <= few) return numbers;
  std::vector<Number> chosen(numbers.end() - each, numbers.end());
  chosen.insert(chosen.end(), numbers.begin(), numbers.begin() + each);
  chosen.push_back(numbers[numbers.size() / 2]);
  return chosen;
}

bool is_number(DType dtype) { return is_integer(dtype) || is_floating(dtype); }

/// A whole number plus what an integer value is, moved perhaps.
struct Shifted {
  ValueId root = ValueId::none;
  std::int64_t by = 0;
};

/// Where a condition on some value surely holds, and where it surely does not.
struct Region {
  Intervals holds{1, 0};
  Intervals fails{1, 0};
};

/// Walks from what values are used for to what makes them.
class Backwards {
 public:
  Backwards(const Graph& graph, const Lengths& lengths, std::map<ValueId, Tensor> given = {})
      : graph_(graph),
        lengths_(lengths),
        uses_(graph),
        known_(graph, lengths, std::move(given)),
        wanted_(graph.values.size()) {}

  Wanted& at(ValueId id) { return wanted_[static_cast<std::size_t>(id)]; }
  void run() {
    for (const ValueId id : graph_.outputs) at(id).valued = true;
    for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) visit(*node);
  }

 private:
  const TensorType& type(ValueId id) const { return graph_[id].type; }

  bool asks_only(const Node& node) const;
  void visit(const Node& node);
  bool visit_bodies(const Node& node);
  void visit_table(const Node& node);
  void visit_where(const Node& node);
  void visit_cast(const Node& node);
  bool visit_rules(const Node& node);
  void visit_pair(const Node& node);
  /// What is behind `y` is reached in a way that is not understood.
  void guess(const Node& node);

  void meet(const IntegerRule& rule, const Node& node, std::size_t side, const Tensor& number);
  void meet(const RealRule& rule, const Node& node, std::size_t side, const Tensor* number);
  Shifted shifted(ValueId id);
  Region region(ValueId condition, const Shifted& value, int depth);
  Region compared(const Node& node, const Shifted& value);

  const Graph& graph_;
  const Lengths& lengths_;
  Uses uses_;
  KnownValues known_;
  std::vector<Wanted> wanted_;  // by value
};

/// Whether it asks no more of its inputs than whether they are equal to something.
bool Backwards::asks_only(const Node& node) const {
  return node.op == "eq" || (node.op == "cast" && type(node.outputs[0]).dtype == DType::boolean);
}

void Backwards::visit(const Node& node) {
  const Traits& traits = traits_of(node);
  const bool passes = traits.moves != Moves::none || node.op == "cat" || node.op == "cast";
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const bool passed = passes && !(traits.indexes && traits.indexes->indices == i);
    if (node.inputs[i] != ValueId::none && !passed && !asks_only(node))
      at(node.inputs[i]).valued = true;
  }
  if (!node.bodies.empty() && visit_bodies(node)) return;
  if (traits.indexes) visit_table(node);
  if ((node.op == "floor_divide" || node.op == "remainder") &&
      is_integer(type(node.inputs[1]).dtype))
    at(node.inputs[1]).allowed = at(node.inputs[1]).allowed & Intervals(0, 0).complement();
  if (node.op == "where") return visit_where(node);
  if (node.op == "cast") return visit_cast(node);
  if (visit_rules(node)) return;
  if (traits.moves != Moves::none || node.op == "pad" || node.op == "tril") {
    for (const ValueId output : node.outputs) {
      if (is_number(type(output).dtype)) at(node.inputs[0]).add(at(output));
    }
  } else if (node.op == "cat") {
    for (const ValueId id : node.inputs) at(id).add(at(node.outputs[0]));
  } else if (traits.decides == Decision::none) {
    guess(node);
  }
}

// Bodies ------------------------------------------------------------------------------------------

/// Inputs of bodies are those of the node; of an `if` they stand behind the condition.
bool Backwards::visit_bodies(const Node& node) {
  const std::size_t first = node.op == "if" ? 1 : 0;
  const auto count = [&](std::string_view name) {
    const Attribute* found = find(node.attributes, name);
    return found == nullptr ? 0 : static_cast<std::size_t>(std::get<std::int64_t>(*found));
  };
  const std::size_t changing = first + count("carried") + count("scanned");
  std::map<const Graph*, bool> seen;
  for (const Body& body : node.bodies) {
    if (!seen.emplace(body.get(), true).second) continue;
    std::map<ValueId, Tensor> given;
    for (std::size_t i = changing; i < node.inputs.size(); ++i) {
      if (const Tensor* tensor = known_.find(node.inputs[i]))
        given.emplace(body->inputs[i - first], *tensor);
    }
    Backwards inside(*body, lengths_, std::move(given));
    if (body->outputs.size() >= node.outputs.size()) {
      for (std::size_t i = 0; i < node.outputs.size(); ++i)
        inside.at(body->outputs[i]).add(at(node.outputs[i]));
    }
    inside.run();
    for (std::size_t i = first; i < node.inputs.size(); ++i)
      at(node.inputs[i]).add(inside.at(body->inputs[i - first]));
  }
  // A number that may say how often something repeats stays one that is soon counted to.
  constexpr std::int64_t most_trips = 40;
  for (const ValueId id : node.inputs) {
    if (node.op == "while" && is_integer(type(id).dtype))
      at(id).allowed = at(id).allowed & Intervals(-9, most_trips);
  }
  return true;
}

// Tables ------------------------------------------------------------------------------------------

void Backwards::visit_table(const Node& node) {
  const Indexing& indexing = *traits_of(node).indexes;
  const Shape& shape = type(node.inputs[indexing.table]).shape;
  if (shape.empty()) return;
  const std::int64_t length = shape[table_axis(node, shape.size())].evaluate(lengths_);
  Wanted& indices = at(node.inputs[indexing.indices]);
  indices.allowed = indices.allowed & Intervals(0, std::max<std::int64_t>(length - 1, 0));
  const Attribute* padding = find(node.attributes, "padding_idx");
  if (padding != nullptr) indices.add(std::get<std::int64_t>(*padding));
  for (const std::int64_t row : {length - 1, std::int64_t{0}, length - 2, std::int64_t{1}})
    indices.add(row);
  const Tensor* table = known_.find(node.inputs[indexing.table]);
  if (table == nullptr || table->shape().size() != 1 || !is_integer(table->dtype())) return;
  const std::vector<std::int64_t> rows = table->integers();
  for (const std::int64_t point : at(node.outputs[0]).integers) {
    const auto found = std::ranges::find(rows, point);
    if (found != rows.end()) indices.add(std::int64_t{found - rows.begin()});
  }
}

// Conditions --------------------------------------------------------------------------------------

Shifted Backwards::shifted(ValueId id) {
  Shifted result{id, 0};
  for (const Node* node = uses_.node(graph_, id); node != nullptr;
       node = uses_.node(graph_, result.root)) {
    const bool moved = traits_of(*node).moves == Moves::in_order;
    const bool widened = node->op == "cast" && is_integer(type(node->inputs[0]).dtype) &&
                         is_integer(type(node->outputs[0]).dtype);
    if (moved || widened) {
      result.root = node->inputs[0];
      continue;
    }
    if (node->op != "add" && node->op != "sub") break;
    const std::size_t side = known_.is_fixed(node->inputs[1]) || node->op == "sub" ? 0 : 1;
    const Tensor* number = known_.find(node->inputs[1 - side]);
    if (number == nullptr || number->count() != 1 || !is_integer(number->dtype())) break;
    const std::int64_t by = number->integers()[0];
    result.by = node->op == "add" ? sum_within(result.by, by) : difference_within(result.by, by);
    result.root = node->inputs[side];
  }
  return result;
}

Region Backwards::compared(const Node& node, const Shifted& value) {
  for (const std::size_t side : {0U, 1U}) {
    const Tensor* number = known_.find(node.inputs[1 - side]);
    const Shifted operand = shifted(node.inputs[side]);
    const bool known = number != nullptr && number->count() == 1 && is_integer(number->dtype());
    if (!known || operand.root != value.root) continue;
    const std::int64_t bound = number->integers()[0];
    const std::int64_t strict = node.op == "lt" ? 1 : 0;
    Intervals holds(bound, bound);
    if (node.op != "eq" && side == 0) holds = {Interval{}.least, difference_within(bound, strict)};
    if (node.op != "eq" && side == 1) holds = {sum_within(bound, strict), Interval{}.most};
    const std::int64_t by = difference_within(value.by, operand.by);
    const auto moved = [&](Interval part) -> Interval {
      return {sum_within(part.least, by), sum_within(part.most, by)};
    };
    return {holds.mapped(moved), holds.complement().mapped(moved)};
  }
  return {};
}

Region Backwards::region(ValueId condition, const Shifted& value, int depth) {
  constexpr int deepest = 16;
  const Node* node = uses_.node(graph_, condition);
  if (node == nullptr || depth > deepest) return {};
  if (node->op == "eq" || node->op == "lt" || node->op == "le") return compared(*node, value);
  if (traits_of(*node).moves == Moves::in_order) return region(node->inputs[0], value, depth + 1);
  if (node->op == "logical_not") {
    const Region inner = region(node->inputs[0], value, depth + 1);
    return {inner.fails, inner.holds};
  }
  if (node->op != "logical_and" && node->op != "logical_or") return {};
  const Region a = region(node->inputs[0], value, depth + 1);
  const Region b = region(node->inputs[1], value, depth + 1);
  if (node->op == "logical_and") return {a.holds & b.holds, a.fails | b.fails};
  return {a.holds | b.holds, a.fails & b.fails};
}

void Backwards::visit_where(const Node& node) {
  const Wanted y = at(node.outputs[0]);
  for (const std::size_t side : {1U, 2U}) {
    Wanted operand = y;
    if (!y.allowed.is_all()) {
      const Region where = region(node.inputs[0], shifted(node.inputs[side]), 0);
      operand.allowed = y.allowed | (side == 1 ? where.fails : where.holds);
    }
    if (is_number(type(node.inputs[side]).dtype)) at(node.inputs[side]).add(operand);
  }
}

// Casts -------------------------------------------------------------------------------------------

void Backwards::visit_cast(const Node& node) {
  const DType from = type(node.inputs[0]).dtype;
  const DType to = type(node.outputs[0]).dtype;
  const Wanted& y = at(node.outputs[0]);
  Wanted& x = at(node.inputs[0]);
  x.mask = x.mask || y.mask;
  x.scaled = x.scaled || y.scaled;
  x.valued = x.valued || (y.valued && !asks_only(node));
  if (is_integer(from) && is_integer(to)) {
    const Intervals narrow = numbers_of(to);
    Wanted own = y;
    if (!narrow.contains(numbers_of(from))) {
      const Interval ends = narrow.parts()[0];
      for (const std::int64_t end : {ends.most, ends.most + 1, ends.least - 1}) own.add(end);
      if (!y.allowed.is_all()) own.allowed = y.allowed & narrow;
    }
    x.add(own);
  } else if (is_integer(from)) {
    x.guessed = x.guessed || y.guessed;
    for (const double point : y.reals) {
      for (const double near : {std::floor(point), std::ceil(point), point - 1, point + 1})
        x.add(whole(near));
    }
    x.equals = x.equals || to == DType::boolean;
    if (to == DType::boolean) x.add(std::int64_t{1}), x.add(std::int64_t{0});
    if (to == DType::f32) x.add((std::int64_t{1} << 24) + 1);
    if (is_half(to)) x.add(std::int64_t{257}), x.add(std::int64_t{2049});
  } else if (is_floating(from)) {
    x.guessed = x.guessed || y.guessed || !y.allowed.is_all();
    for (const std::int64_t point : y.integers) {
      x.add(static_cast<double>(point));
      x.add(static_cast<double>(point) + (point < 0 ? -1.0 : 1.0));
    }
    for (const double point : y.reals) x.add(point);
    x.equals = x.equals || to == DType::boolean;
    if (to == DType::boolean) x.add(0.0);
    if (is_integer(to)) {
      for (const double point : {1.0, -0.5, 1.5, -1.0}) x.add(point);
    }
    if (to == DType::f16 && from != DType::f16) x.add(65520.0);
  }
}

// Arithmetic --------------------------------------------------------------------------------------

void Backwards::meet(const IntegerRule& rule, const Node& node, std::size_t side,
                     const Tensor& number) {
  const Wanted y = at(node.outputs[0]);
  const bool gives_numbers = is_integer(type(node.outputs[0]).dtype);
  Wanted x;
  const std::vector<std::int64_t> numbers = telling(number.integers());
  for (const std::int64_t c : numbers) {
    if (rule.before != nullptr && gives_numbers && !y.allowed.is_all())
      x.allowed = x.allowed & rule.before(y.allowed, c);
    if (rule.decides != nullptr) rule.decides(c, x);
    if (rule.points == nullptr || !gives_numbers) continue;
    for (const std::int64_t point : y.integers) rule.points(point, c, x);
  }
  const bool only = numbers.size() == 1;
  x.guessed = y.guessed || (rule.before == nullptr && gives_numbers && !y.allowed.is_all());
  x.scaled = only && is_large_factor(node.op, static_cast<double>(numbers[0]), y.scaled);
  x.mask = only && is_mask(node.op, side, static_cast<double>(numbers[0]), y.scaled);
  at(node.inputs[side]).add(x);
}

void Backwards::meet(const RealRule& rule, const Node& node, std::size_t side,
                     const Tensor* number) {
  const Wanted y = at(node.outputs[0]);
  const bool gives_numbers = is_floating(type(node.outputs[0]).dtype);
  Wanted x;
  const std::vector<double> numbers =
      number == nullptr ? std::vector<double>{0.0} : telling(number->doubles());
  for (const double c : numbers) {
    if (rule.decides != nullptr) rule.decides(c, x);
    if (rule.points == nullptr || !gives_numbers) continue;
    for (const double point : y.reals) rule.points(point, c, x);
  }
  const bool only = number != nullptr && numbers.size() == 1;
  x.guessed = y.guessed;
  x.scaled = only && is_large_factor(node.op, numbers[0], y.scaled);
  x.mask = only && is_mask(node.op, side, numbers[0], y.scaled);
  at(node.inputs[side]).add(x);
}

bool Backwards::visit_rules(const Node& node) {
  const DType dtype = type(node.inputs.empty() ? node.outputs[0] : node.inputs[0]).dtype;
  if (node.inputs.size() == 1) {
    const RealRule* rule = is_floating(dtype) ? real_rule(node.op, 0) : nullptr;
    const IntegerRule* whole = is_integer(dtype) ? integer_rule(node.op, 0) : nullptr;
    if (rule != nullptr) meet(*rule, node, 0, nullptr);
    if (whole != nullptr) meet(*whole, node, 0, Tensor::zeros(DType::i64, {1}));
    return rule != nullptr || whole != nullptr;
  }
  if (node.inputs.size() != 2 || !is_number(dtype)) return false;
  const bool known_op = real_rule(node.op, 0) != nullptr || integer_rule(node.op, 0) != nullptr;
  if (!known_op) return false;
  bool met = false;
  for (const std::size_t side : {0U, 1U}) {
    const Tensor* number = known_.find(node.inputs[1 - side]);
    if (number == nullptr || known_.is_fixed(node.inputs[side])) continue;
    const RealRule* rule = is_floating(dtype) ? real_rule(node.op, side) : nullptr;
    const IntegerRule* whole = is_integer(dtype) ? integer_rule(node.op, side) : nullptr;
    if (rule != nullptr) meet(*rule, node, side, number);
    if (whole != nullptr) meet(*whole, node, side, *number);
    met = met || rule != nullptr || whole != nullptr;
  }
  if (!met) visit_pair(node);
  return true;
}

/// Neither operand is known: each is kept so small, or large, that together they stay inside.
void Backwards::visit_pair(const Node& node) {
  const Wanted y = at(node.outputs[0]);
  const bool extreme = node.op == "maximum" || node.op == "minimum";
  if (node.inputs[0] == node.inputs[1] && node.op == "mul") {
    for (const double point : y.reals) {
      if (point >= 0) at(node.inputs[0]).add(std::sqrt(point));
    }
  }
  if (!is_number(type(node.outputs[0]).dtype)) return;
  if (extreme) {
    for (const ValueId id : node.inputs) at(id).add(y);
    return;
  }
  if (y.allowed.is_all() && !y.guessed) return;
  const Interval whole = y.allowed.empty() ? Interval{0, 0} : y.allowed.parts().back();
  const std::int64_t middle = whole.least / 2 + whole.most / 2;
  const auto root = static_cast<std::int64_t>(std::sqrt(std::max(0.0, double(whole.most))));
  for (const std::size_t side : {0U, 1U}) {
    Wanted& x = at(node.inputs[side]);
    x.guessed = true;
    if (node.op == "add") x.allowed = x.allowed & Intervals(whole.least / 2, whole.most / 2);
    if (node.op == "mul") x.allowed = x.allowed & Intervals(whole.least > 0 ? 1 : 0, root);
    if (node.op == "sub" && side == 0) x.allowed = x.allowed & Intervals(middle, whole.most);
    if (node.op == "sub" && side == 1)
      x.allowed = x.allowed &
                  Intervals(0, std::max<std::int64_t>(difference_within(middle, whole.least), 0));
  }
}

void Backwards::guess(const Node& node) {
  const bool behind = std::ranges::any_of(
      node.outputs, [&](ValueId id) { return at(id).guessed || !at(id).allowed.is_all(); });
  if (!behind) return;
  for (const ValueId id : node.inputs) {
    if (id != ValueId::none && is_number(type(id).dtype)) at(id).guessed = true;
  }
}

/// What an integer is at last: no other than 0 and 1 where its way to a table is not seen, or where
/// it is asked for no more than whether it is 0.
Wanted settled(Wanted wanted, DType dtype) {
  const auto is_flag = [](std::int64_t point) { return -1 <= point && point <= 2; };
  const bool asked = wanted.equals && !wanted.valued;
  if (dtype == DType::boolean) return {.allowed = {0, 1}};
  if (is_floating(dtype)) {
    wanted.mask = wanted.mask || (asked && wanted.reals.size() == 1);
    return wanted;
  }
  if (wanted.mask || (wanted.guessed && wanted.allowed.is_all()))
    wanted.allowed = wanted.allowed & Intervals(0, 1);
  wanted.mask = wanted.mask ||
                (asked && wanted.allowed.is_all() && std::ranges::all_of(wanted.integers, is_flag));
  return wanted;
}

}  // namespace

void Wanted::add(std::int64_t number) { add_once(integers, number); }
void Wanted::add(double number) {
  if (std::isfinite(number)) add_once(reals, number);
}

void Wanted::add(const Wanted& other) {
  allowed = allowed & other.allowed;
  guessed = guessed || other.guessed;
  mask = mask || other.mask;
  scaled = scaled || other.scaled;
  equals = equals || other.equals;
  valued = valued || other.valued;
  for (const std::int64_t number : other.integers) add(number);
  for (const double number : other.reals) add(number);
}

Graph with_plain_decisions(const Graph& graph) {
  const auto stays = [](std::string_view op) {
    static const std::set<std::string_view> rooms = {"elementwise", "loss", "shape"};
    if (op == "call") return false;
    const OpSchema& schema = op_named(op);
    if (schema.expand == nullptr || op == "embedding" || op == "mse_loss") return true;
    return std::ranges::none_of(op_families(), [&](const OpFamily& family) {
      return rooms.contains(family.name) &&
             std::ranges::find(family.ops, op, &OpSchema::name) != family.ops.end();
    });
  };
  return expand_unsupported(graph, stays);
}

std::vector<Wanted> wanted_of(const Graph& plain, const Lengths& lengths) {
  Backwards backwards(plain, lengths);
  backwards.run();
  std::vector<Wanted> wanted;
  for (const ValueId id : plain.inputs)
    wanted.push_back(settled(backwards.at(id), plain[id].type.dtype));
  for (const State& state : plain.states)
    wanted.push_back(settled(backwards.at(state.now), plain[state.now].type.dtype));
  return wanted;
}

}  // namespace isomer
