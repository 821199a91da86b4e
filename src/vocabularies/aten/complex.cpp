#include "vocabularies/aten/complex.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "graph/pairs.h"
#include "ops/rules.h"

namespace isomer::aten {
namespace {

using Part = std::optional<Operand>;

Part negative(Builder& b, const Part& x) {
  if (!x) return x;
  if (x->is_tensor()) return Operand(b.emit("neg", {x->id}));
  return Operand(Scalar(-real_of(x->scalar)));
}

Part sum(Builder& b, const Part& x, const Part& y) {
  if (!x || !y) return x ? x : y;
  return Operand(arithmetic(b, "add", *x, *y));
}

Part difference(Builder& b, const Part& x, const Part& y) {
  if (!x || !y) return x ? x : negative(b, y);
  return Operand(arithmetic(b, "sub", *x, *y));
}

Part product(Builder& b, const Part& x, const Part& y) {
  if (!x || !y) return std::nullopt;
  if (!x->is_tensor() && is_one(x->scalar)) return y;
  if (!y->is_tensor() && is_one(y->scalar)) return x;
  return Operand(arithmetic(b, "mul", *x, *y));
}

Part part_of(double number) { return number == 0 ? Part() : Part(Operand(Scalar(number))); }

ValueId zeros(Builder& b, DType dtype, const Shape& shape) {
  return expanded(b, b.literal(dtype, 0.0), shape);
}

bool are_zeros(const Builder& b, ValueId id) {
  const Node* node = b.maker(id);
  if (node == nullptr || node->op != "expand") return false;
  const Constant* constant = b.constant_of(node->inputs[0]);
  return constant != nullptr && is_literal(*constant) && constant->data.doubles()[0] == 0;
}

/// One part of pairs: that of which they were made, if they were.
ValueId part_in(Builder& b, ValueId pairs, std::size_t which) {
  const std::int64_t axis = b.rank(pairs) - 1;
  const Node* node = b.maker(pairs);
  if (node != nullptr && node->op == "stack" && node->inputs.size() == 2 &&
      get<std::int64_t>(complete(op_named("stack"), node->attributes), "dim") == axis)
    return node->inputs[which];
  return b.emit("select", {pairs},
                {{"dim", axis}, {"index", Dim(static_cast<std::int64_t>(which))}});
}

}  // namespace

// -- numbers of two parts -------------------------------------------------------------------------

Complex plus(Builder& b, const Complex& x, const Complex& y) {
  return {sum(b, x.re, y.re), sum(b, x.im, y.im)};
}

Complex minus(Builder& b, const Complex& x, const Complex& y) {
  return {difference(b, x.re, y.re), difference(b, x.im, y.im)};
}

Complex times(Builder& b, const Complex& x, const Complex& y) {
  return {difference(b, product(b, x.re, y.re), product(b, x.im, y.im)),
          sum(b, product(b, x.re, y.im), product(b, x.im, y.re))};
}

Complex conjugate(Builder& b, const Complex& z) { return {z.re, negative(b, z.im)}; }

std::pair<ValueId, ValueId> tensors_of(Builder& b, const Complex& z) {
  std::vector<Operand> there;
  for (const Part& part : {z.re, z.im}) {
    if (part) there.push_back(*part);
  }
  const DType dtype = there.empty() ? DType::f32 : floating(result_type(b, there));
  Shape shape;
  for (Operand& part : there) {
    part = as_type(b, part, dtype);
    shape = broadcast(shape, b.shape(part.id));
  }
  const auto tensor = [&](const Part& part) {
    return part ? expanded(b, as_type(b, *part, dtype), shape) : zeros(b, dtype, shape);
  };
  const ValueId re = tensor(z.re);
  return {re, tensor(z.im)};
}

ValueId joined(Builder& b, const Complex& z) {
  const auto [re, im] = tensors_of(b, z);
  return b.emit("stack", {re, im}, {{"dim", b.rank(re)}});
}

Complex parts_of(Builder& b, ValueId pairs) {
  const auto part = [&](std::size_t which) {
    const ValueId id = part_in(b, pairs, which);
    return are_zeros(b, id) ? Part() : Part(id);
  };
  const Part re = part(0);
  return {re, part(1)};
}

bool ComplexReading::is_complex(std::string_view name) const {
  return std::ranges::find(*call_.complex, name) != call_.complex->end();
}

bool ComplexReading::is_pairs(std::string_view name) const {
  const auto found = std::ranges::find(call_.arguments, name, &NamedArgument::name);
  return is_complex(name) && !std::holds_alternative<std::vector<double>>(found->value);
}

void ComplexReading::ignore_all() {
  for (const NamedArgument& argument : call_.arguments) ignore({argument.name});
}

Complex ComplexReading::complex(std::string_view name) {
  if (!is_complex(name)) return {operand(name)};
  const auto* number = std::get_if<std::vector<double>>(look(name));
  if (number != nullptr) return {part_of(number->at(0)), part_of(number->at(1))};
  return parts_of(b, tensor(name));
}

ValueId ComplexReading::pairs(std::string_view name) {
  return is_pairs(name) ? tensor(name) : joined(b, complex(name));
}

// -- calls ----------------------------------------------------------------------------------------

namespace {

struct NamedNumber {
  std::string_view name;
  std::optional<std::int64_t> number;
};

/// "size=2 shape=2" and the like.
std::vector<NamedNumber> named_numbers(std::string_view text) {
  std::vector<NamedNumber> all;
  for (const std::string_view one : split_text(text, ' ')) {
    const std::size_t equals = std::min(one.find('='), one.size());
    const std::string_view number = one.substr(std::min(equals + 1, one.size()));
    all.push_back({one.substr(0, equals), number.empty() ? std::optional<std::int64_t>()
                                                         : std::stoll(std::string(number))});
  }
  return all;
}

bool names(std::string_view list, std::string_view name) {
  const std::vector<std::string_view> all = split_text(list, ' ');
  return std::ranges::find(all, name) != all.end();
}

/// An axis that is counted from the end stands one further from it.
Argument moved(Argument axes) {
  const auto move = [](std::int64_t& axis) { axis -= axis < 0 ? 1 : 0; };
  if (auto* axis = std::get_if<std::int64_t>(&axes)) move(*axis);
  if (auto* all = std::get_if<std::vector<std::int64_t>>(&axes)) std::ranges::for_each(*all, move);
  return axes;
}

/// That part of an argument; of one that is real the imaginary parts are 0.
Argument part_of(ComplexReading& r, const NamedArgument& argument, std::size_t which) {
  if (const auto* all = std::get_if<std::vector<ValueId>>(&argument.value)) {
    Values parts;
    for (const ValueId x : *all) parts.push_back(part_in(r.b, x, which));
    return parts;
  }
  if (const auto* number = std::get_if<std::vector<double>>(&argument.value))
    return number->at(which);
  const auto* const tensor = std::get_if<ValueId>(&argument.value);
  if (tensor != nullptr && r.is_complex(argument.name)) return part_in(r.b, *tensor, which);
  if (which == 0) return argument.value;
  if (tensor == nullptr) return 0.0;
  return zeros(r.b, floating(r.b.dtype(*tensor)), r.b.shape(*tensor));
}

Values part_by_part(ComplexReading& r, const ComplexRow& row) {
  Values results[2];
  for (const std::size_t which : {0, 1}) {
    Call call = for_pairs(r.call());
    for (NamedArgument& argument : call.arguments) {
      if (r.is_complex(argument.name) || names(row.parts, argument.name))
        argument.value = part_of(r, argument, which);
    }
    results[which] = emit(r.b, call);
  }
  Values all;
  for (std::size_t i = 0; i < results[0].size(); ++i)
    all.push_back(joined(r.b, {Operand(results[0][i]), Operand(results[1][i])}));
  return all;
}

/// A product of some kind, multiplied out.
class MultipliedOut {
 public:
  MultipliedOut(ComplexReading& r, const ComplexRow& row) : r_(r), plain_(for_pairs(r.call())) {
    std::erase_if(plain_.arguments, [](const NamedArgument& one) { return one.name == "bias"; });
    for (std::size_t i = 0; i < plain_.arguments.size(); ++i) {
      const NamedArgument& argument = plain_.arguments[i];
      if (!r.is_complex(argument.name) || !names(row.factors, argument.name)) continue;
      if (const auto* one = std::get_if<ValueId>(&argument.value))
        factors_.push_back({i, 0, parts_of(r.b, *one)});
      if (const auto* all = std::get_if<std::vector<ValueId>>(&argument.value)) {
        for (std::size_t k = 0; k < all->size(); ++k)
          factors_.push_back({i, k, parts_of(r.b, (*all)[k])});
      }
    }
    constexpr std::size_t most = 6;
    if (factors_.size() > most) r.refuse("a product of more than 6 complex tensors is not read");
  }

  ValueId result() {
    Complex result;
    for (std::size_t choice = 0; choice < std::size_t{1} << factors_.size(); ++choice)
      add_term(choice, result);
    if (r_.given("bias")) result = plus(r_.b, result, bias());
    return joined(r_.b, result);
  }

 private:
  struct Factor {
    std::size_t argument;
    std::size_t place;  // in a list
    Complex parts;
  };

  /// Each bit of `choice` says which part of a factor is taken; every imaginary one is a quarter
  /// turn.
  void add_term(std::size_t choice, Complex& result) {
    Call call = plain_;
    std::size_t turns = 0;
    for (std::size_t i = 0; i < factors_.size(); ++i) {
      const Factor& factor = factors_[i];
      const bool imaginary = (choice >> i & 1U) != 0;
      turns += imaginary ? 1 : 0;
      const Part& part = imaginary ? factor.parts.im : factor.parts.re;
      if (!part) return;
      Argument& argument = call.arguments[factor.argument].value;
      if (auto* all = std::get_if<std::vector<ValueId>>(&argument)) {
        (*all)[factor.place] = part->id;
      } else {
        argument = part->id;
      }
    }
    const Part term = Operand(emit(r_.b, call)[0]);
    Part& into = turns % 2 == 0 ? result.re : result.im;
    into = turns % 4 > 1 ? difference(r_.b, into, term) : sum(r_.b, into, term);
  }

  /// In front of the axes along which a convolution runs.
  Complex bias() {
    Complex bias = r_.complex("bias");
    const std::int64_t behind =
        r_.row.target() == "linear" ? 0 : r_.b.rank(r_.tensor("weight")) - 2;
    for (Part* part : {&bias.re, &bias.im}) {
      if (!*part) continue;
      Shape shape = r_.b.shape((*part)->id);
      shape.insert(shape.end(), static_cast<std::size_t>(behind), Dim(1));
      *part = Operand(reshaped(r_.b, (*part)->id, std::move(shape)));
    }
    return bias;
  }

  ComplexReading& r_;
  Call plain_;
  std::vector<Factor> factors_;
};

struct Entry {
  const ComplexRow* how;
  Row row;
};

using ComplexTable = std::unordered_map<std::string_view, Entry>;

ComplexTable complex_by_target() {
  ComplexTable table;
  for (const auto& family : {complex_arithmetic_rows(), complex_shape_rows(), spectral_rows()}) {
    for (const ComplexRow& how : family) {
      for (const std::string_view target : split_text(how.targets, ' ')) {
        const Row* same = row_for(target);
        Row row{.targets = target};
        if (same != nullptr)
          row = Row{.targets = target, .inputs = same->inputs, .aliases = same->aliases};
        if (how.aliases) row.aliases = *how.aliases;
        expect(table.emplace(target, Entry{&how, row}).second, "it has one row");
      }
    }
  }
  return table;
}

const Entry* find(std::string_view target) {
  static const ComplexTable table = complex_by_target();
  constexpr std::string_view default_overload = ".default";
  if (target.ends_with(default_overload)) target.remove_suffix(default_overload.size());
  const auto found = table.find(target);
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace

Call for_pairs(const Call& call, const ComplexRow& row) {
  Call pairs{call.target, call.arguments, {}};
  for (NamedArgument& argument : pairs.arguments) {
    if (auto* const dtype = std::get_if<DType>(&argument.value))
      *dtype = as_pairs(TensorType{*dtype, {}}).dtype;
  }
  const auto place = [&](std::string_view name) {
    return std::ranges::find(pairs.arguments, name, &NamedArgument::name);
  };
  for (const NamedNumber& axis : named_numbers(row.axes)) {
    const auto found = place(axis.name);
    if (found != pairs.arguments.end()) {
      found->value = moved(found->value);
    } else if (axis.number) {
      pairs.arguments.push_back({std::string(axis.name), moved(*axis.number)});
    }
  }
  for (const NamedNumber& shape : named_numbers(row.shapes)) {
    const auto found = place(shape.name);
    if (found == pairs.arguments.end()) continue;
    if (auto* known = std::get_if<std::vector<std::int64_t>>(&found->value))
      known->push_back(*shape.number);
    if (auto* lengths = std::get_if<std::vector<Dim>>(&found->value))
      lengths->emplace_back(*shape.number);
  }
  return pairs;
}

const Row* complex_row_for(std::string_view target) {
  const Entry* entry = find(target);
  return entry == nullptr ? nullptr : &entry->row;
}

Values emit_complex(Builder& builder, const Call& call) {
  const Entry* entry = find(call.target);
  if (entry == nullptr)
    throw Error(Fault::unsupported, std::string(call.target), "is not read of complex numbers");
  const ComplexRow& how = *entry->how;
  ComplexReading reading(builder, call, entry->row);
  if (!how.parts.empty()) return part_by_part(reading, how);
  if (!how.factors.empty()) return {MultipliedOut(reading, how).result()};
  if (how.function == nullptr && how.read == nullptr) return emit(builder, for_pairs(call, how));
  Values results = how.read != nullptr
                       ? how.read(reading)
                       : Values{joined(builder, how.function(builder, reading.complex("self")))};
  reading.finish();
  return results;
}

}  // namespace isomer::aten
