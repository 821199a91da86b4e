#include "systems/mdf/evaluate.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/numbers.h"
#include "vocabularies/numpy/operations.h"
#include "vocabularies/numpy/whole.h"

namespace isomer::mdf {
namespace {

// "numpy.linalg.norm" of a chain of attributes that begins with a free name; empty for others.
std::string path_of(const Expression& expression, const Table& names) {
  if (expression.kind == Expression::Kind::name)
    return names.find(expression.text) == nullptr ? expression.text : "";
  if (expression.kind != Expression::Kind::attribute) return "";
  const std::string before = path_of(expression.operands[0], names);
  return before.empty() ? "" : before + "." + expression.text;
}

Value builtin(const std::string& name) {
  const bool own = name.find("._") != std::string::npos;  // of Python's, not of the module
  const Value value = own ? Value{} : numpy::named(name);
  if (value.is_none() && name != "numpy.newaxis")
    refuse(fmt::format("there is no name {}", quoted(name)));
  return value;
}

/// What stands between operators: a value where it is, one made on the way, or a NumPy number of 64
/// bits by itself, since to make an array of each costs more than the arithmetic.
class Term {
 public:
  explicit Term(const Value& known) : known_(&known) {}
  explicit Term(Value&& made) : made_(std::move(made)) {}
  explicit Term(double number) : number_(number) {}
  Term(const Term&) = delete;
  Term& operator=(const Term&) = delete;

  const Value& value() {
    if (number_) {
      made_ = numpy::result_of(Tensor::from_doubles(DType::f64, {}, std::span(&*number_, 1)));
      number_.reset();
    }
    return known_ != nullptr ? *known_ : made_;
  }
  Value take() && {
    value();
    return known_ != nullptr ? *known_ : std::move(made_);
  }
  bool is_arrayed() const { return number_ || held().as<Array>() != nullptr; }
  std::optional<double> lone() const { return number_ ? number_ : numpy::lone_real(held()); }

 private:
  const Value& held() const { return known_ != nullptr ? *known_ : made_; }

  const Value* known_ = nullptr;
  Value made_;
  std::optional<double> number_;
};

class Evaluator {
 public:
  Evaluator(const Table& names, const Runtime& runtime) : names_(names), runtime_(runtime) {}

  Value value(const Expression& e) const {
    switch (e.kind) {
      case Expression::Kind::constant: return e.value;
      case Expression::Kind::name: return name(e);
      case Expression::Kind::unary: return unary(e);
      case Expression::Kind::binary: return term(e).take();
      case Expression::Kind::compare: return chain(e);
      case Expression::Kind::boolean: return boolean(e);
      case Expression::Kind::conditional: return conditional(e);
      case Expression::Kind::tuple: return {Tuple{values(e.operands)}};
      case Expression::Kind::list: return {List{values(e.operands)}};
      case Expression::Kind::dict: return dict(e);
      case Expression::Kind::subscript: return subscript_of(e);
      case Expression::Kind::attribute: return attribute(e);
      case Expression::Kind::call: return call_of(e);
      case Expression::Kind::comprehension: return comprehension(e);
      case Expression::Kind::slice: break;
    }
    refuse("a slice stands inside square brackets only");
  }

 private:
  Value name(const Expression& e) const {
    const Value* known = names_.find(e.text);
    return known != nullptr ? *known : builtin(e.text);
  }

  Term term(const Expression& e) const {
    if (e.kind == Expression::Kind::constant) return Term(e.value);
    if (e.kind == Expression::Kind::binary) return binary(e);
    if (e.kind == Expression::Kind::name) {
      if (const Value* known = names_.find(e.text)) return Term(*known);
    }
    return Term(value(e));
  }

  Value unary(const Expression& e) const {
    const Value x = value(e.operands[0]);
    if (e.text == "not" && x.as<Traced>() != nullptr) return choose(x, {false}, {true});
    return numpy::unary(e.text, x);
  }

  Term binary(const Expression& e) const {
    Term x = term(e.operands[0]);
    Term y = term(e.operands[1]);
    if (e.text == "@" && (is_array(x.value()) || is_array(y.value())))
      return Term(call("numpy.matmul", {{x.value(), y.value()}}, runtime_));
    if ((x.is_arrayed() || y.is_arrayed()) && e.text != "@") {
      if (const auto result = numpy::lone_result(numpy::binary_of(e.text), x.lone(), y.lone()))
        return Term(*result);
    }
    return Term(numpy::binary(e.text, x.value(), y.value()));
  }

  Value chain(const Expression& e) const {
    Value left = value(e.operands[0]);
    Value before;  // what the comparisons so far say, where only a graph knows
    for (std::size_t i = 0; i < e.words.size(); ++i) {
      Value right = value(e.operands[i + 1]);
      Value result = compare(e.words[i], left, right);
      if (before.as<Traced>() != nullptr) result = choose(before, result, before);
      if (i + 1 == e.words.size()) return result;
      if (result.as<Traced>() == nullptr && !truth_of(result)) return result;
      before = std::move(result);
      left = std::move(right);
    }
    return left;
  }

  Value conditional(const Expression& e) const {
    const Value test = value(e.operands[0]);
    if (test.as<Traced>() == nullptr) return value(e.operands[truth_of(test) ? 1 : 2]);
    return choose(test, value(e.operands[1]), value(e.operands[2]));
  }

  /// In a graph both are computed; the test has one element, as Python demands.
  Value choose(const Value& test, const Value& then, const Value& orelse) const {
    const Value truth = call("bool", {{test}}, runtime_);
    return either(truth, then, orelse, runtime_);
  }

  Value boolean(const Expression& e) const {
    Value result;
    bool traced = false;  // only a graph knows what the operands so far give
    for (const Expression& operand : e.operands) {
      const Value next = value(operand);
      if (traced) {
        result = e.text == "or" ? choose(result, result, next) : choose(result, next, result);
        continue;
      }
      result = next;
      traced = result.as<Traced>() != nullptr;
      if (!traced && &operand != &e.operands.back() && truth_of(result) == (e.text == "or"))
        return result;
    }
    return result;
  }

  Value dict(const Expression& e) const {
    Dict result;
    std::uint64_t count = 1;
    for (std::size_t i = 0; i < e.operands.size(); i += 2) {
      const Value key = value(e.operands[i]);
      const std::string* text = key.as<std::string>();
      if (text == nullptr) throw Error(Fault::unsupported, "", "the keys of a dict are texts");
      result.items.push_back({*text, value(e.operands[i + 1])});
      count += values_in(result.items.back().second, 1);
      numpy::bound_items(count);
    }
    return {std::move(result)};
  }

  Value call_of(const Expression& e) const {
    const Expression& function = e.operands[0];
    Arguments arguments;
    for (std::size_t i = 1; i < e.operands.size(); ++i)
      arguments.values.push_back(value(e.operands[i]));
    arguments.keywords = e.words;
    const std::string path = path_of(function, names_);
    if (!path.empty()) return call(path, arguments, runtime_);
    if (function.kind == Expression::Kind::attribute) {
      return call_method(value(function.operands[0]), function.text, arguments, runtime_);
    }
    refuse(fmt::format("{} cannot be called", describe(value(function))));
  }

  Value subscript_of(const Expression& e) const {
    const Value object = value(e.operands[0]);
    const Expression& place = e.operands[1];
    if (place.kind != Expression::Kind::tuple)
      return subscript(object, {index(place)}, false, runtime_);
    std::vector<Index> indices;
    for (const Expression& part : place.operands) indices.push_back(index(part));
    return subscript(object, indices, true, runtime_);
  }

  Value attribute(const Expression& e) const {
    const std::string path = path_of(e, names_);
    if (!path.empty()) return builtin(path);
    const Value object = value(e.operands[0]);
    Value result = attribute_of(object, e.text, runtime_);
    if (!result.is_none()) return result;
    refuse(fmt::format("{} has no attribute {}", describe(object), quoted(e.text)));
  }

  Index index(const Expression& e) const {
    if (e.kind != Expression::Kind::slice) return {false, value(e), {}};
    return {true, {}, {value(e.operands[0]), value(e.operands[1]), value(e.operands[2])}};
  }

  Value comprehension(const Expression& e) const {
    List result;
    Steps steps;
    walk(e, 0, result, steps);
    return {std::move(result)};
  }

  /// What a comprehension has made so far, and how often it has gone round.
  struct Steps {
    std::uint64_t values = 1;
    std::uint64_t rounds = 0;
  };

  void walk(const Expression& e, std::size_t clause, List& result, Steps& steps) const {
    const Value all = call("list", {{value(e.operands[2 * clause + 1])}}, runtime_);
    const auto targets = split_text(e.words[clause], ' ');
    for (const Value& item : *numpy::items_of(all)) {
      numpy::bound_items(++steps.rounds);
      Table own(&names_, targets.size());
      bind(targets, item, own);
      const Evaluator inner(own, runtime_);
      if (!truth_of(inner.value(e.operands[2 * clause + 2]))) continue;
      if (clause + 1 < e.words.size()) {
        inner.walk(e, clause + 1, result, steps);
        continue;
      }
      result.items.push_back(inner.value(e.operands[0]));
      steps.values += values_in(result.items.back(), 1);
      numpy::bound_items(steps.values);
    }
  }

  void bind(const std::vector<std::string_view>& targets, const Value& item, Table& own) const {
    if (targets.size() == 1) return own.set(targets[0], item);
    const Value parts = call("list", {{item}}, runtime_);
    if (numpy::items_of(parts)->size() != targets.size())
      refuse(fmt::format("{} does not give {}", describe(item), counted(targets.size(), "name")));
    for (std::size_t i = 0; i < targets.size(); ++i)
      own.set(targets[i], (*numpy::items_of(parts))[i]);
  }

  std::vector<Value> values(const std::vector<Expression>& expressions) const {
    std::vector<Value> result;
    std::uint64_t count = 1;
    for (const Expression& e : expressions) {
      result.push_back(value(e));
      count += values_in(result.back(), 1);
      numpy::bound_items(count);
    }
    return result;
  }

  const Table& names_;
  const Runtime& runtime_;
};

[[noreturn]] void refuse_text(std::string_view text, std::string_view why) {
  refuse(fmt::format("could not evaluate {}: {}", quoted(text), why));
}

/// Which of the names that it asks for have no value, for a message.
std::string missing_in(const Expression& expression, const Table& names) {
  std::set<std::string> used;
  collect_names(expression, used);
  std::string missing;
  for (const std::string& name : used) {
    const Value* value = names.entry(name);
    if (value != nullptr && value->is_none())
      missing += fmt::format("; {} has no value yet", quoted(name));
  }
  return missing;
}

// A list becomes an array where it is one; the rest stays.
Value settled(const Value& value) {
  if (value.as<List>() == nullptr) return value;
  Tensor tensor;
  return to_tensor(value, tensor) ? numpy::array_value(tensor) : value;
}

}  // namespace

std::size_t Table::place_of(std::string_view name) const {
  if (count_ > few) {
    const auto found = places_.find(std::string(name));
    return found == places_.end() ? count_ : std::min(found->second, count_);
  }
  const auto found = std::ranges::find(entries(), name, &std::pair<std::string, Value>::first);
  return static_cast<std::size_t>(found - entries().begin());
}

void Table::clear() {
  for (std::size_t i = 0; i < count_; ++i) entries_[i].second = {};
  count_ = 0;
}

const Value* Table::find(std::string_view name) const {
  const Value* found = entry(name);
  if (found != nullptr && found->as<numpy::Unread>() != nullptr) throw Unreadable();
  return found;
}

const Value* Table::entry(std::string_view name) const {
  const std::size_t place = place_of(name);
  if (place < count_) return &entries_[place].second;
  return outer_ == nullptr ? nullptr : outer_->entry(name);
}

void Table::set(std::string_view name, Value value) {
  // As the last time, when each name stood there once.
  if (count_ < entries_.size() && entries_[count_].first == name) {
    entries_[count_++].second = std::move(value);
    return;
  }
  const std::size_t place = place_of(name);
  if (place < count_) {
    entries_[place].second = std::move(value);
    return;
  }
  if (count_ < entries_.size()) {
    entries_.resize(count_);
    places_.clear();
  }
  entries_.emplace_back(name, std::move(value));
  ++count_;
  if (entries_.size() <= few) return;
  for (std::size_t i = places_.size(); i < entries_.size(); ++i)
    places_.emplace(entries_[i].first, i);
}

void collect_names(const Formula& formula, std::set<std::string>& names) {
  if (formula.expression() != nullptr) {
    collect_names(*formula.expression(), names);
  } else if (formula.text() != nullptr) {
    names.insert(*formula.text());
  }
}

Formula::Formula(const Tree& tree) {
  if (const std::string* text = tree.text()) {
    *this = Formula(*text);
    return;
  }
  constant_ = settled(numpy::value_of(tree));
}

Formula::Formula(std::string text)
    : is_text_(true), text_(std::move(text)), constant_(numpy::number_in(text_)) {
  if (!constant_.is_none()) return;
  try {
    parsed_ = std::make_shared<const Expression>(parse_expression(text_));
  } catch (const Error& error) {
    why_not_ = error.text();
  }
}

Formula Formula::of(Value value) {
  Formula formula;
  formula.constant_ = settled(value);
  return formula;
}

Value Formula::evaluate(const Table& names, const Runtime& runtime) const {
  if (!is_text_) return constant_;
  if (const Value* known = names.find(text_)) {
    const std::string* text = known->as<std::string>();
    if (text == nullptr) return settled(*known);
    // A name may stand for a text, which is then an expression itself; it is not looked up again.
    const Formula inner(*text);
    if (inner.parsed_ == nullptr || names.find(*text) == nullptr)
      return inner.evaluate(names, runtime);
    return mdf::evaluate(*inner.parsed_, names, runtime);
  }
  if (!constant_.is_none()) return constant_;
  if (text_ == "constant" || text_ == "math" || text_ == "numpy") return {text_};
  if (parsed_ == nullptr) refuse_text(text_, why_not_);

  Value result;
  try {
    result = mdf::evaluate(*parsed_, names, runtime);
  } catch (const Error& error) {
    throw Error(error.fault(), error.where(),
                fmt::format("could not evaluate {}: {}{}", quoted(text_), error.text(),
                            missing_in(*parsed_, names)));
  }
  if (result.as<std::string>() != nullptr) refuse_text(text_, "a text is no value of the format");
  if (const double* number = result.as<double>()) {
    if (!std::isfinite(*number)) refuse_text(text_, "the result is not finite");
    constexpr double largest = 9.2e18;
    if (std::floor(*number) == *number && std::abs(*number) < largest)
      return {static_cast<std::int64_t>(*number)};
  }
  return result;
}

Value evaluate(const Expression& expression, const Table& names, const Runtime& runtime) {
  return Evaluator(names, runtime).value(expression);
}

}  // namespace isomer::mdf
