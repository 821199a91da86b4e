#include "source/python/forward.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <span>

#include "base/names.h"
#include "base/text.h"
#include "source/python/access.h"
#include "source/python/dialect.h"
#include "source/python/loops.h"

namespace isomer::python {
namespace {

// Exporters number the values that their operators make: "relu_1" says no more than "relu".
std::string_view without_number(std::string_view name) {
  const std::size_t digits = name.find_last_not_of("0123456789");
  if (digits == std::string_view::npos || digits == 0 || digits + 1 == name.size() ||
      name[digits] != '_')
    return name;
  return name.substr(0, digits);
}

/// Writes one forward. An expression that is used once, by the next statement, stands in it; others
/// get a name.
class Forward {
 public:
  Forward(const Modules& modules, std::size_t module, const Parameters& parameters,
          Choices& choices, const std::set<std::size_t>& elided)
      : modules_(modules),
        graph_(modules.graph),
        index_(module),
        module_(modules.all[module]),
        parameters_(parameters),
        choices_(choices),
        repeats_(choices.made),
        names_(unreserved_names(modules.dialect)) {
    for (const Item& item : modules_.items(index_)) {
      if (item.callee && elided.contains(*item.callee)) {
        elided_[item.outputs[0]] = item.inputs[0];
      } else {
        items_.push_back(item);
      }
    }
    count_uses();
  }

  ForwardText write() {
    ForwardText text;
    text.head = index_ == 0 ? root_head() : head_of_part();
    read_lengths();
    keep_old_states();
    for (std::size_t i = 0; i < items_.size();) {
      const std::size_t length = loop_length(modules_, std::span(items_).subspan(i), uses_);
      if (length > 0) {
        write_loop(std::span(items_).subspan(i, length));
      } else if (items_[i].callee) {
        write_call(items_[i]);
      } else if (const Node& node = node_of(items_[i]); !is_number_alone(node)) {
        write_node(node);
      }
      i += std::max<std::size_t>(length, 1);
    }
    for (const State* state : module_.updates) write_update(*state);
    write_return();
    choices_.made = true;
    text.lines = std::move(first_lines_);
    text.lines.insert(text.lines.end(), lines_.begin(), lines_.end());
    return text;
  }

 private:
  struct Pending {
    ValueId id;
    Expression expression;
    int depth = 0;
    bool patient = false;  // may wait for a later statement: a view of something
  };

  // -- what another forward of the class has decided

  std::string name_for(std::string_view hint) {
    if (repeats_) return next_name_ < choices_.names.size() ? choices_.names[next_name_++] : "_";
    choices_.names.push_back(names_.take(without_number(hint)));
    return choices_.names.back();
  }

  bool decide(bool fallback) {
    if (repeats_)
      return next_split_ < choices_.splits.size() ? choices_.splits[next_split_++] : fallback;
    choices_.splits.push_back(fallback);
    return fallback;
  }

  std::string name_for(ValueId id, std::string_view fallback) {
    const std::string& hint = graph_[id].name;
    return name_for(hint.empty() ? fallback : std::string_view(hint));
  }

  // -- what is used how often

  // What a value is where the calls that make it are left out.
  ValueId resolved(ValueId id) const {
    const auto found = elided_.find(id);
    return found == elided_.end() ? id : resolved(found->second);
  }

  void count_uses() {
    const auto use = [&](ValueId id) {
      if (id != ValueId::none) ++uses_[resolved(id)];
    };
    for (const Item& item : items_) {
      std::ranges::for_each(item.inputs, use);
      if (item.callee || node_of(item).op != "length") continue;
      const Node& node = node_of(item);
      if (graph_[node.outputs[0]].type.dtype == DType::i64)
        counts_[node.outputs[0]] = &std::get<Dim>(*find(node.attributes, "value"));
    }
    std::size_t next = 0;
    const auto use_result = [&](const Structure& leaf) {
      const ValueId id = graph_.outputs[next++];
      if (!is_number(leaf, id)) use(id);
      return std::string();
    };
    if (index_ == 0) python_nested(graph_.signature.results, use_result);
    if (index_ != 0) std::ranges::for_each(module_.results, use);
    // A value that a state becomes is needed by name.
    for (const State* state : module_.updates) uses_[resolved(state->next)] += 2;
  }

  const Node& node_of(const Item& item) const { return *modules_.operations[item.operation].node; }

  // Callers find a number of Python's, which is known without the tensor.
  bool is_number(const Structure& leaf, ValueId id) const {
    return !leaf.type.empty() && (counts_.contains(id) || modules_.inlined(id) != nullptr);
  }

  bool is_number_alone(const Node& node) const {
    return counts_.contains(node.outputs[0]) && !uses_.contains(node.outputs[0]);
  }

  // -- the head

  std::string head_of_part() {
    std::vector<std::string> parameters{"self"};
    for (const ValueId id : module_.arguments) {
      const bool constant = !modules_.is_made(id);
      const std::string hint = constant && !graph_[id].name.empty() ? graph_[id].name : "x";
      parameters.push_back(
          define(id, module_.arguments.size() == 1 ? name_for("x") : name_for(hint)));
    }
    for (const std::string& length : module_.lengths)
      parameters.push_back(lengths_[length] = name_for(length));
    return fmt::format("def forward({}):", fmt::join(parameters, ", "));
  }

  std::string root_head() {
    // Callers use the parameters' names: they come before any other.
    for (const std::string& name : parameters_.positional) names_.take(name);
    for (const std::string& name : parameters_.keywords) names_.take(name);
    const Signature& signature = graph_.signature;
    std::vector<std::string> parameters{"self"};
    std::size_t next = 0;
    const auto add = [&](const Structure& side, const std::vector<std::string>& names) {
      for (std::size_t i = 0; i < names.size(); ++i) {
        const bool none = side.children[i].kind == Structure::Kind::none;
        parameters.push_back(names[i] +
                             (none && may_be_left_out(signature, side, i) ? "=None" : ""));
        if (!none) unpack(side.children[i], names[i], next);
      }
    };
    add(signature.arguments, parameters_.positional);
    if (!signature.keywords.children.empty()) parameters.emplace_back("*");
    add(signature.keywords, parameters_.keywords);
    return fmt::format("def forward({}):", fmt::join(parameters, ", "));
  }

  // Gives names to the tensors in a nested argument.
  void unpack(const Structure& structure, const std::string& name, std::size_t& next) {
    using Kind = Structure::Kind;
    if (structure.kind == Kind::leaf) {
      const ValueId id = graph_.inputs[next];
      if (const LengthRange* told = length_told_by(graph_, next++)) {
        // Callers give an integer of Python's.
        lengths_[told->name] = name;
        if (uses_.contains(id)) {
          const std::string& tensor = define(id, name_for(name));
          first_lines_.push_back(fmt::format("{} = torch.tensor({})", tensor, name));
          return;
        }
      }
      define(id, name);
      return;
    }
    for (std::size_t i = 0; i < structure.children.size(); ++i) {
      const Structure& child = structure.children[i];
      if (child.kind == Kind::none) continue;
      const bool keyed = structure.kind == Kind::dict;
      const std::string key =
          keyed ? python_literal(std::string_view(structure.keys[i])) : std::to_string(i);
      const std::string hint =
          keyed && !identifier(structure.keys[i]).empty() ? structure.keys[i] : name;
      const std::string part = name_for(hint);
      first_lines_.push_back(fmt::format("{} = {}[{}]", part, name, key));
      unpack(child, part, next);
    }
  }

  const std::string& define(ValueId id, std::string name) {
    return variables_[id] = std::move(name);
  }

  // -- lengths

  void read_lengths() {
    std::set<std::string> needed;
    for (const Item& item : items_) {
      needed.insert(item.lengths.begin(), item.lengths.end());
      if (!item.callee) needed.merge(lengths_in(*modules_.operations[item.operation].node));
    }
    for (const std::string& length : needed) {
      if (!lengths_.contains(length)) read_length(length);
    }
  }

  void read_length(const std::string& length) {
    const auto source = length_source(graph_, module_.arguments, length);
    if (!source) {
      throw Error(Fault::unsupported, module_.path,
                  fmt::format("the length '{}' is that of no input's axis", length));
    }
    std::string text = fmt::format("{}.shape[{}]", variables_.at(source->value), source->axis);
    if (source->offset != 0) text = fmt::format("({} - {})", text, source->offset);
    if (source->factor != 1) text = fmt::format("{} // {}", text, source->factor);
    const std::string& name = lengths_[length] = name_for(length);
    first_lines_.push_back(fmt::format("{} = {}", name, text));
  }

  Expression length(const Dim& dim) {
    return python_length(dim, [&](const std::string& symbol) { return lengths_.at(symbol); });
  }

  // -- operands

  Expression operand(ValueId id, bool tensor) {
    id = resolved(id);
    if (const auto variable = variables_.find(id); variable != variables_.end())
      return {variable->second};
    const auto pending = std::ranges::find(pending_, id, &Pending::id);
    if (pending != pending_.end()) {
      twice_ = twice_ || !consumed_.insert(id).second;
      return pending->expression;
    }
    if (const Constant* constant = modules_.inlined(id))
      return inline_constant(modules_.dialect, *constant, tensor);
    return {tensor_access(modules_, index_, name_here(id))};
  }

  std::string name_here(ValueId id) const {
    if (auto name = modules_.name_within(id, module_.path)) return *std::move(name);
    throw Error(Fault::bug, module_.path, "a value that the module does not know");
  }

  // -- statements

  void flush(const std::function<bool(const Pending&)>& keep) {
    std::vector<Pending> kept;
    for (Pending& pending : std::exchange(pending_, {})) {
      if (keep(pending)) {
        kept.push_back(std::move(pending));
      } else {
        assign({pending.id}, pending.expression);
      }
    }
    pending_ = std::move(kept);
  }

  void assign(const std::vector<ValueId>& targets, const Expression& value) {
    std::vector<std::string> names;
    for (const ValueId id : targets)
      names.push_back(id == ValueId::none ? "_" : define(id, name_for(id, "x")));
    lines_.push_back(fmt::format("{} = {}", fmt::join(names, ", "), value.text));
  }

  // Makes an expression out of pending ones where it stays short; the others get names first.
  template <class Make>
  auto made(Make&& make, int limit = deepest) {
    consumed_.clear();
    twice_ = false;
    auto value = make();
    if (decide(twice_ || size_of(value) > longest || depth() > limit)) {
      flush([](const Pending&) { return false; });
      consumed_.clear();
      return make();
    }
    flush(
        [&](const Pending& pending) { return pending.patient || consumed_.contains(pending.id); });
    return value;
  }

  static std::size_t size_of(const Expression& expression) { return expression.text.size(); }
  static std::size_t size_of(const PythonAssignments& assignments) {
    return assignments.size() == 1 ? assignments[0].value.text.size() : longest + 1;
  }

  int depth() const {
    int deepest_operand = 0;
    for (const Pending& pending : pending_) {
      if (consumed_.contains(pending.id))
        deepest_operand = std::max(deepest_operand, pending.depth);
    }
    return deepest_operand + 1;
  }

  void finish(const std::vector<ValueId>& targets, const Expression& value, bool patient = false) {
    const int reached = depth();
    // What is computed stays in its place: gradients are summed up in that order.
    const auto waits = [&](const Pending& one) {
      return one.patient || !consumed_.contains(one.id);
    };
    patient = patient && std::ranges::all_of(pending_, waits);
    std::erase_if(pending_, [&](const Pending& pending) { return consumed_.contains(pending.id); });
    if (targets.size() == 1 && targets[0] != ValueId::none && uses_[targets[0]] == 1) {
      pending_.push_back({targets[0], value, reached, patient});
    } else {
      assign(targets, value);
    }
  }

  void write_call(const Item& item) {
    const std::string& path = modules_.all[*item.callee].path;
    const Expression value = made([&] {
      std::vector<std::string> arguments;
      for (const ValueId id : item.inputs) arguments.push_back(operand(id, true).text);
      for (const std::string& name : item.lengths) arguments.push_back(lengths_.at(name));
      return Expression{
          fmt::format("{}({})", module_access(modules_, index_, path), fmt::join(arguments, ", "))};
    });
    if (item.outputs.empty()) {
      std::erase_if(pending_,
                    [&](const Pending& pending) { return consumed_.contains(pending.id); });
      lines_.push_back(value.text);
    } else {
      finish(item.outputs, value);
    }
  }

  void write_loop(std::span<const Item> items) {
    flush([](const Pending&) { return false; });
    const std::vector<ValueId>& inputs = items[0].inputs;
    const std::size_t at = carried(items[0], items[1]).value();
    const Module& list = modules_.all[modules_.all[items[0].callee.value()].parent];
    const ValueId begins = resolved(inputs[at]);
    const ValueId last = items.back().outputs[0];
    const std::string start = operand(begins, true).text;
    const auto variable = variables_.find(begins);
    const bool free = variable != variables_.end() && uses_[begins] == 1;
    const std::string name = free ? start : name_for(last, "x");
    if (!free) lines_.push_back(fmt::format("{} = {}", name, start));
    const std::string part = name_for(singular(list.name).value_or("layer"));
    std::vector<std::string> arguments;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      arguments.push_back(i == at ? name : operand(inputs[i], true).text);
    for (const std::string& length : items[0].lengths) arguments.push_back(lengths_.at(length));
    lines_.push_back(
        fmt::format("for {} in {}:", part, module_access(modules_, index_, list.path)));
    lines_.push_back(
        fmt::format("{}{} = {}({})", loop_indent, name, part, fmt::join(arguments, ", ")));
    define(last, name);
  }

  void write_node(const Node& node) {
    const OpSchema& schema = op_named(node.op);
    Attributes attributes = complete(schema, node.attributes);
    for (NamedAttribute& attribute : attributes) {
      if (auto* number = std::get_if<double>(&attribute.value))
        *number = in_range(graph_[node.outputs[0]].type.dtype, *number);
    }
    const PythonCall call{modules_.dialect,
                          graph_,
                          node,
                          prototype(schema),
                          attributes,
                          [this](ValueId id, bool tensor) { return operand(id, tensor); },
                          [this](const Dim& dim) { return length(dim); },
                          [this](ValueId id) {
                            const Constant* constant = modules_.constant(id);
                            return constant != nullptr && is_literal(*constant);
                          },
                          [this](const Body& body) { return modules_.bodies.name(body); },
                          [&](std::size_t i) {
                            return uses_.contains(node.outputs[i]) && uses_[node.outputs[i]] > 0;
                          }};
    const PythonAssignments assignments = made([&] { return modules_.dialect.spell(call); });
    if (assignments.size() == 1) {
      const Traits& traits = schema.traits;
      finish(assignments[0].targets, assignments[0].value,
             traits.views && traits.moves == Moves::freely);
      return;
    }
    for (const PythonAssignment& assignment : assignments)
      assign(assignment.targets, assignment.value);
  }

  // -- states

  // The old value of a state that is also given out must be kept before its buffer changes.
  void keep_old_states() {
    for (const State* state : module_.updates) {
      if (std::ranges::find(module_.results, state->now) == module_.results.end()) continue;
      const Expression old = operand(state->now, true);
      first_lines_.push_back(
          fmt::format("{} = {}", define(state->now, name_for(state->now, "old")), old.text));
    }
  }

  void write_update(const State& state) {
    flush([](const Pending&) { return false; });
    const std::string name = name_here(state.now);
    const Expression next = operand(state.next, true);
    const bool borrowed = modules_.is_borrowed(state.next);
    lines_.push_back(modules_.dialect.keep(
        module_access(modules_, index_, parent_path(name)), last_part(name),
        borrowed ? fmt::format("{}{}", bound(next, Binding::atom), modules_.dialect.copied)
                 : next.text));
    for (const std::string& tied : state.names) {
      if (tied == name) continue;
      lines_.push_back(assignment(modules_, index_, tied, tensor_access(modules_, index_, name)));
    }
  }

  // -- results

  void write_return() {
    if (index_ != 0 && module_.results.empty()) return flush([](const Pending&) { return false; });
    const Expression value =
        made([&] { return index_ == 0 ? nested_results() : listed_results(); }, deepest + 1);
    // A bare list of many results has no brackets to break in.
    const bool bare = decide(value.text.size() > longest) && module_.results.size() > 1;
    const bool open = bare && std::string_view("([{").find(value.text[0]) == std::string_view::npos;
    lines_.push_back("return " + (open ? "(" + value.text + ")" : value.text));
  }

  Expression listed_results() {
    std::vector<std::string> parts;
    for (const ValueId id : module_.results) parts.push_back(operand(id, true).text);
    return {fmt::format("{}", fmt::join(parts, ", "))};
  }

  Expression nested_results() {
    std::size_t next = 0;
    const Structure& results = graph_.signature.results;
    std::string text = python_nested(results, [&](const Structure& leaf) {
      const ValueId id = graph_.outputs[next++];
      if (!is_number(leaf, id)) return operand(id, true).text;
      const auto count = counts_.find(id);
      return count == counts_.end() ? operand(id, false).text : length(*count->second).text;
    });
    const bool tuple = results.kind == Structure::Kind::tuple && results.children.size() > 1;
    return {tuple ? text.substr(1, text.size() - 2) : text};
  }

  static constexpr std::size_t longest = 76;
  static constexpr int deepest = 4;

  const Modules& modules_;
  const Graph& graph_;
  std::size_t index_;
  const Module& module_;
  const Parameters& parameters_;
  Choices& choices_;
  bool repeats_;  // the choices, made before
  std::size_t next_name_ = 0;
  std::size_t next_split_ = 0;
  std::vector<Item> items_;
  std::map<ValueId, ValueId> elided_;
  Names names_;
  std::map<ValueId, int> uses_;
  std::map<ValueId, const Dim*> counts_;  // integers that are known as lengths
  std::map<ValueId, std::string> variables_;
  std::map<std::string, std::string> lengths_;
  std::vector<Pending> pending_;
  std::set<ValueId> consumed_;
  bool twice_ = false;
  std::vector<std::string> first_lines_;
  std::vector<std::string> lines_;
};

}  // namespace

ForwardText forward_text(const Modules& modules, std::size_t module, const Parameters& parameters,
                         Choices& choices, const std::set<std::size_t>& elided) {
  return Forward(modules, module, parameters, choices, elided).write();
}

}  // namespace isomer::python
