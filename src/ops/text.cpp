#include "ops/text.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "graph/text.h"
#include "ops/builder.h"
#include "ops/expansion.h"

namespace isomer {
namespace {

/// An operand as it is written: a value, nothing, or a literal, which may have to wait for the
/// others' types.
struct Operand {
  std::size_t offset = 0;
  ValueId value = ValueId::none;
  bool literal = false;
  LiteralKind kind = LiteralKind::real;
};

/// Tensors that stand elsewhere, by key.
using Stored = std::unordered_map<std::string_view, const Tensor*>;

class GraphReader {
 public:
  /// `depth`: of bodies around it.
  GraphReader(Cursor cursor, const Stored& stored, int depth = 0)
      : cursor_(std::move(cursor)), stored_(stored), depth_(depth), builder_("") {}

  Graph read() {
    cursor_.demand("graph");
    header("graph");
    while (!cursor_.at_end()) {
      line();
      cursor_.next_line();
    }
    keep_states();
    std::vector<ValueId> outputs = results();
    if (!cursor_.at_line_end()) cursor_.fail("here the line should end");
    signature_.lengths = std::move(lengths_);
    const std::size_t leaves =
        count_leaves(signature_.arguments) + count_leaves(signature_.keywords);
    if (called_ && (leaves != builder_.graph().inputs.size() ||
                    count_leaves(signature_.results) != outputs.size())) {
      cursor_.fail("this needs a '*' for each input and each output", *called_);
    }
    Graph graph = std::move(builder_).finish(std::move(outputs), std::move(signature_));
    graph.classes = std::move(classes_);
    return graph;
  }

  /// A body: "then(a: f32[2]) -> (b) {", lines, "}". `cursor` is moved behind it.
  Body read_body(std::vector<LengthRange> lengths, Cursor& cursor) {
    lengths_ = std::move(lengths);
    header("body");
    while (cursor_.peek() != '}') {
      if (cursor_.at_end()) cursor_.fail("the body should end with '}'");
      body_line();
      cursor_.next_line();
    }
    cursor_.demand("}");
    const std::size_t end = cursor_.offset();
    std::vector<ValueId> outputs = results();
    cursor_.demand("{");
    if (!cursor_.at_line_end()) cursor_.fail("here the line should end");
    cursor.move_to(end);
    signature_.lengths = std::move(lengths_);
    return std::make_shared<const Graph>(
        std::move(builder_).finish(std::move(outputs), std::move(signature_)));
  }

 private:
  void header(std::string_view what) {
    const std::size_t begin = cursor_.offset();
    const std::string role = fmt::format("the {}'s name", what);
    std::string title =
        cursor_.peek() == '"' ? cursor_.quoted_text() : std::string(cursor_.name(role));
    if (title.size() > longest_name) cursor_.fail(role + " is too long", begin);
    builder_ = Builder(std::move(title));
    builder_.assume(lengths_);
    read_list(cursor_, "(", ")", [&] {
      const std::size_t where = cursor_.offset();
      const std::string name = new_name("an input's name");
      cursor_.demand(":");
      TensorType type = read_type(cursor_);
      define(name, cursor_.at(where, [&] { return builder_.input(name, std::move(type)); }));
    });
    cursor_.demand("->");
    results_ = cursor_.offset();
    if (cursor_.peek() != '(') cursor_.fail("the outputs should come here: (y)");
    cursor_.skip_line();
  }

  std::vector<ValueId> results() {
    cursor_.move_to(results_);
    std::vector<ValueId> outputs;
    read_list(cursor_, "(", ")", [&] { outputs.push_back(alone()); });
    return outputs;
  }

  // Names and values -----------------------------------------------------------------------

  std::string new_name(std::string_view what) {
    const std::size_t begin = cursor_.offset();
    std::string name(cursor_.name(what));
    if (values_.contains(name)) made_twice(name, begin);
    if (name.size() > longest_name) cursor_.fail("this name is too long", begin);
    return name;
  }

  [[noreturn]] void made_twice(std::string_view name, std::size_t begin) const {
    cursor_.fail(fmt::format("{} is made twice; a name stands for one value", quoted(name)), begin);
  }

  // One reader would take the first, another the last.
  [[noreturn]] void given_twice(std::string_view what, std::string_view name,
                                std::size_t begin) const {
    cursor_.fail(fmt::format("the {} {} is given twice", what, quoted(name)), begin);
  }

  void define(const std::string& name, ValueId id) { values_.emplace(name, id); }

  ValueId value() {
    const std::size_t begin = cursor_.offset();
    const std::string name(cursor_.name("a value's name or a number"));
    const auto found = values_.find(name);
    if (found != values_.end()) return found->second;
    std::vector<std::string_view> known;
    for (const auto& [one, id] : values_) known.push_back(one);
    std::ranges::sort(known);
    const std::string_view close = nearest(name, known);
    cursor_.fail(fmt::format("there is no value {} up to here{}", quoted(name),
                             close.empty() ? "" : fmt::format("; did you mean '{}'?", close)),
                 begin);
  }

  /// The number that comes next, as a literal: as its author wrote it where that is inside the
  /// type.
  ValueId literal(DType dtype) {
    const std::size_t begin = cursor_.offset();
    const bool has_bits = cursor_.take("nan");
    cursor_.move_to(begin);
    if (is_floating(dtype) && !has_bits) {
      const double number =
          read_elements(cursor_, DType::f64, std::vector<std::int64_t>{}).doubles()[0];
      if (!std::isfinite(number) || std::abs(number) <= largest_of(dtype))
        return builder_.literal(dtype, number);
      cursor_.move_to(begin);
    }
    const Tensor data = read_elements(cursor_, dtype, std::vector<std::int64_t>{});
    if (dtype == DType::boolean || is_integer(dtype))
      return builder_.literal(dtype, data.integers()[0]);
    const bool number = is_floating(dtype) && !has_bits;
    return number ? builder_.literal(dtype, data.doubles()[0]) : builder_.constant("", data);
  }

  /// "f32(0.5)", if that is what comes next.
  std::optional<ValueId> typed_literal() {
    const std::size_t begin = cursor_.offset();
    const std::optional<DType> dtype = dtype_named(cursor_.word());
    if (!dtype || cursor_.peek() != '(') {
      cursor_.move_to(begin);
      return std::nullopt;
    }
    cursor_.demand("(");
    const ValueId number = literal(*dtype);
    cursor_.demand(")");
    literals_.insert(number);
    return number;
  }

  /// A value where nothing says which type a bare literal has.
  ValueId alone() {
    if (const std::optional<ValueId> typed = typed_literal()) return *typed;
    return value();
  }

  // Lines ----------------------------------------------------------------------------------

  void line() {
    const std::size_t begin = cursor_.offset();
    const std::string_view word = cursor_.word();
    const char next = cursor_.peek();
    // A node's line has '=' or ',' behind its first name, even where that name is one of these
    // words.
    if (next == '=' || next == ',' || word.empty()) {
      cursor_.move_to(begin);
      return read_node();
    }
    if (word == "called") return read_called(begin);
    if (next == '(') no_body(begin);
    if (word == "length") return read_length();
    if (word == "module") return read_module(cursor_, classes_);
    if (word == "weight") return read_constant(true);
    if (word == "buffer") return read_constant(false);
    if (word == "state") return read_state();
    if (word == "graph")
      cursor_.fail("a graph inside a graph is not read, nor a second one", begin);
    constexpr std::string_view words[] = {"called", "length", "module",
                                          "weight", "buffer", "state"};
    const std::string_view close = nearest(word, words);
    cursor_.fail(
        fmt::format("a line begins with called, length, module, weight, buffer, state or 'y ='; "
                    "this one with {}{}",
                    quoted(word), close.empty() ? "" : fmt::format("; did you mean '{}'?", close)),
        begin);
  }

  [[noreturn]] void no_body(std::size_t begin) const {
    cursor_.fail("a body stands below an operator that has one; the one above has all its bodies",
                 begin);
  }

  /// Weights, states and how callers see it belong to the whole graph.
  void body_line() {
    const std::size_t begin = cursor_.offset();
    const std::string_view word = cursor_.word();
    const char next = cursor_.peek();
    cursor_.move_to(begin);
    if (next == '=' || next == ',' || word.empty()) return read_node();
    if (next == '(') no_body(begin);
    if (word != "buffer") {
      cursor_.fail(fmt::format("a line of a body begins with buffer or 'y ='; this one with {}",
                               quoted(word)),
                   begin);
    }
    cursor_.take("buffer");
    read_constant(false);
    if (!constant_names_.empty())
      cursor_.fail("a buffer of a body has no name in the state_dict", begin);
  }

  void read_length() {
    const std::size_t begin = cursor_.offset();
    LengthRange range = read_range(cursor_);
    for (const LengthRange& before : lengths_) {
      if (before.name == range.name) given_twice("length", range.name, begin);
    }
    lengths_.push_back(std::move(range));
    builder_.assume(lengths_);
  }

  /// What the lines of weights, buffers and states share.
  struct Declared {
    std::string name;
    std::vector<std::string> names;
    Tensor data;
  };

  Declared declared(std::unordered_set<std::string>& taken) {
    Declared result;
    const std::size_t begin = cursor_.offset();
    result.name = new_name("a name");
    cursor_.demand(":");
    const DType dtype = read_dtype(cursor_);
    const std::vector<std::int64_t> shape = read_shape(cursor_);
    while (cursor_.peek() == '"') {
      const std::size_t at = cursor_.offset();
      result.names.push_back(cursor_.quoted_text());
      if (!taken.insert(result.names.back()).second) given_twice("name", result.names.back(), at);
    }
    if (!cursor_.take("=")) {
      cursor_.fail(fmt::format("{} has no data; it needs = and its elements", quoted(result.name)),
                   begin);
    }
    const std::size_t data = cursor_.offset();
    if (!cursor_.take("stored")) {
      result.data = read_elements(cursor_, dtype, shape);
      return result;
    }
    const std::string key = cursor_.quoted_text();
    const auto found = stored_.find(key);
    if (found == stored_.end())
      cursor_.fail(fmt::format("there is no stored tensor {}", quoted(key)), data);
    const Tensor& tensor = *found->second;
    if (tensor.dtype() != dtype || tensor.shape() != shape) {
      cursor_.fail(fmt::format("the stored tensor {} is {} and should be {}", quoted(key),
                               to_text(tensor.dtype(), tensor.shape()), to_text(dtype, shape)),
                   data);
    }
    result.data = tensor;
    return result;
  }

  void read_constant(bool trainable) {
    Declared one = declared(constant_names_);
    define(one.name,
           builder_.constant(one.name, std::move(one.data), trainable, std::move(one.names)));
  }

  void read_state() {
    Declared one = declared(state_names_);
    const ValueId id = builder_.state(one.name, std::move(one.data), std::move(one.names));
    define(one.name, id);
    cursor_.demand("->");
    states_.emplace_back(id, cursor_.offset());
    alone_unchecked();
  }

  /// Steps over a value that may be made further down.
  void alone_unchecked() {
    if (!typed_literal()) cursor_.name("the state's next value");
  }

  void keep_states() {
    for (const auto& state : states_) {
      cursor_.move_to(state.second);
      const ValueId next = alone();
      cursor_.at(state.second, [&] { builder_.keep(state.first, next); });
    }
  }

  // Nodes ----------------------------------------------------------------------------------

  void read_node() {
    const std::size_t begin = cursor_.offset();
    const std::vector<std::string> names = output_names();
    cursor_.demand("=");
    const std::size_t where = cursor_.offset();
    const std::string op(cursor_.name("an operator's name"));
    const OpSchema& schema = cursor_.at(where, [&]() -> const OpSchema& { return op_named(op); });
    std::vector<Operand> operands;
    Attributes attributes;
    read_list(cursor_, "(", ")", [&] { argument(schema, operands, attributes); });
    std::string scope;
    Place place;
    read_origin(cursor_, scope, place);
    builder_.at(std::move(scope), std::move(place));
    std::vector<ValueId> inputs = settle(operands);
    std::vector<Body> bodies = read_bodies(schema);
    const std::vector<ValueId> outputs = cursor_.at(where, [&] {
      return builder_.emit_all(op, std::move(inputs), std::move(attributes), std::move(bodies));
    });
    if (outputs.size() != names.size()) {
      cursor_.fail(fmt::format("'{}' makes {} and {} named", op, counted(outputs.size(), "output"),
                               names.size() == 1 ? "1 is" : fmt::format("{} are", names.size())),
                   begin);
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      check_rank(cursor_, builder_.shape(outputs[i]).size(), where);
      builder_.name(outputs[i], names[i]);
      define(names[i], outputs[i]);
    }
  }

  std::vector<Body> read_bodies(const OpSchema& schema) {
    constexpr int deepest = 64;
    std::vector<Body> bodies;
    for (const std::string_view name : prototype(schema).bodies) {
      cursor_.next_line();
      if (depth_ >= deepest) cursor_.fail("bodies are nested too deep");
      const std::size_t begin = cursor_.offset();
      if (cursor_.at_end() || cursor_.peek() == '}') {
        cursor_.fail(
            fmt::format("'{}' has a body '{}', which should come here", schema.name(), name),
            begin);
      }
      bodies.push_back(
          GraphReader(cursor_, stored_, depth_ + 1).read_body(lengths_inside(lengths_), cursor_));
    }
    return bodies;
  }

  std::vector<std::string> output_names() {
    std::vector<std::string> names;
    if (cursor_.take("(")) {
      cursor_.demand(")");
      return names;
    }
    std::unordered_set<std::string> seen;
    do {
      const std::size_t begin = cursor_.offset();
      names.push_back(new_name("a name for an output"));
      if (!seen.insert(names.back()).second) made_twice(names.back(), begin);
    } while (cursor_.take(","));
    return names;
  }

  void argument(const OpSchema& schema, std::vector<Operand>& operands, Attributes& attributes) {
    const std::size_t begin = cursor_.offset();
    const std::string name(cursor_.word());
    if (!name.empty() && cursor_.take("=")) {
      if (find(attributes, name) != nullptr) given_twice("attribute", name, begin);
      attributes.push_back({name, read_attribute(cursor_, schema, name, begin)});
      return;
    }
    cursor_.move_to(begin);
    if (!attributes.empty()) cursor_.fail("inputs stand before attributes");
    operands.push_back(operand());
  }

  Operand operand() {
    Operand result;
    result.offset = cursor_.offset();
    if (cursor_.take("none")) return result;
    if (const std::optional<ValueId> typed = typed_literal()) {
      result.value = *typed;
      return result;
    }
    const std::string_view text = cursor_.expression();
    cursor_.move_to(result.offset);
    if (text == "true" || text == "false") {
      result.kind = LiteralKind::boolean;
    } else if (text == "inf" || text.find("nan") != text.npos ||
               text.find_first_of(".e") != text.npos || text.ends_with("inf")) {
      result.kind = LiteralKind::real;
    } else {
      result.kind = LiteralKind::integer;
    }
    const bool number = !text.empty() && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
    const bool word = text == "true" || text == "false" || text == "inf" || text == "nan" ||
                      text.starts_with("nan(");
    if (!number && !word) {
      result.value = value();
      return result;
    }
    result.literal = true;
    cursor_.expression();
    return result;
  }

  /// The operands' values, once it is known which type bare literals have.
  std::vector<ValueId> settle(const std::vector<Operand>& operands) {
    std::vector<DType> beside;
    for (const Operand& operand : operands) {
      if (operand.value == ValueId::none || literals_.contains(operand.value)) continue;
      beside.push_back(builder_.dtype(operand.value));
    }
    const std::size_t after = cursor_.offset();
    std::vector<ValueId> values;
    for (const Operand& operand : operands) {
      values.push_back(operand.literal ? bare_value(operand, beside) : operand.value);
    }
    cursor_.move_to(after);
    return values;
  }

  ValueId bare_value(const Operand& operand, std::span<const DType> beside) {
    const std::optional<DType> dtype = bare_literal(operand.kind, beside);
    if (!dtype) {
      cursor_.fail("no other input says which type this number has; write it as f32(0.5)",
                   operand.offset);
    }
    cursor_.move_to(operand.offset);
    return literal(*dtype);
  }

  // How callers see it ---------------------------------------------------------------------

  void read_called(std::size_t begin) {
    if (called_) cursor_.fail("how callers see the model is said twice", begin);
    called_ = begin;
    signature_ = read_signature(cursor_);
  }

  static constexpr std::size_t longest_name = 1000;

  Cursor cursor_;
  const Stored& stored_;
  int depth_;
  Builder builder_;
  std::unordered_map<std::string, ValueId> values_;
  std::unordered_set<ValueId> literals_;                 // that are written with their type
  std::vector<std::pair<ValueId, std::size_t>> states_;  // and where the next value's name stands
  std::size_t results_ = 0;                              // where the outputs' names stand
  std::optional<std::size_t> called_;
  Signature signature_;
  std::unordered_set<std::string> constant_names_;
  std::unordered_set<std::string> state_names_;
  std::vector<LengthRange> lengths_;
  std::map<std::string, std::string> classes_;
};

}  // namespace

Graph read_graph(Cursor cursor, std::span<const std::pair<std::string, Tensor>> stored) {
  Stored by_key;
  for (const auto& [key, tensor] : stored) by_key.emplace(key, &tensor);
  return GraphReader(std::move(cursor), by_key).read();
}

Graph parse_graph(std::string_view text) {
  Cursor cursor(text);
  const TextOpening opening = read_opening(cursor);
  if (!opening.data.empty()) cursor.fail("data in another file are read with that file only");
  return read_graph(cursor);
}

}  // namespace isomer
