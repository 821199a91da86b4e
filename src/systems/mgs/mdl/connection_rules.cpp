#include <algorithm>
#include <unordered_set>

#include "base/text.h"
#include "systems/mgs/mdl/mdl.h"
#include "systems/mgs/mdl/rules.h"

namespace isomer::mgs::mdl {
namespace {

constexpr std::string_view comparison_words[] = {"==", "!=", "<", "<=", ">", ">=", "&&", "||"};

bool is_logical(Comparison op) { return op == Comparison::both || op == Comparison::either; }

bool is_order(Comparison op) {
  return op != Comparison::equal && op != Comparison::unequal && !is_logical(op);
}

/// What can be compared with each other: all numbers are alike.
enum class Compared { nothing, text, truth, number };

Compared compared_as(std::string_view type) {
  if (type == "string") return Compared::text;
  if (type == "bool") return Compared::truth;
  for (const std::string_view one :
       {"char", "short", "int", "long", "unsigned", "float", "double", "long double"})
    if (type == one) return Compared::number;
  return Compared::nothing;
}

template <class... Kinds>
struct Overloaded : Kinds... {
  using Kinds::operator()...;
};
template <class... Kinds>
Overloaded(Kinds...) -> Overloaded<Kinds...>;

bool same_type(const Type& a, const Type& b) {
  return a.name == b.name && a.suffixes == b.suffixes;
}

Type without_pointer(Type type) {
  if (type.is_pointer()) type.suffixes.pop_back();
  return type;
}

/// Whether a value of type `from` can be kept in `to`: as it is, or appended. Of the outermost
/// pointer MGS says nothing: an array is taken for a pointer to one.
bool can_import(const Type& from, const Type& to) {
  const Type given = without_pointer(from);
  Type kept = without_pointer(to);
  if (kept.is_array() && !given.is_array()) {
    kept.suffixes.pop_back();
    kept = without_pointer(std::move(kept));
  }
  return same_type(given, kept);
}

std::string import_advice(const Type& from) {
  if (from.is({Suffix::array, Suffix::pointer}))
    return fmt::format("it is kept in a {}, or in a field of that type of an array of structs",
                       to_text(from));
  Type appended = from;
  appended.suffixes.push_back(Suffix::array);
  return fmt::format("it is kept in a {} or appended to a {}", to_text(from), to_text(appended));
}

}  // namespace

void ModelRules::check_connection(const Connection& connection) {
  std::unordered_set<std::string_view> expected;
  for (const Name& one : connection.expects) {
    if (declared_.interface(one.text) == nullptr)
      problems_.error(
          Mistake::unknown_name, one.place,
          fmt::format("{}: there is no interface {}", model_.name.text, quoted(one.text)),
          declared_.interfaces());
    if (!expected.insert(one.text).second)
      problems_.error(
          Mistake::duplicate, one.place,
          fmt::format("{}: interface {} is expected twice", model_.name.text, quoted(one.text)));
  }
  if (!connection.predicate.empty()) {
    const std::string type = predicate_type(connection.predicate);
    if (!type.empty() && type != "bool")
      problems_.warning(Mistake::type, connection.predicate[0].place,
                        fmt::format("this predicate is of type {}, and no truth value", type),
                        "MGS takes it, and holds it for true where it is not zero");
  }
  std::unordered_set<std::string> done;
  for (const ConnectionItem& item : connection.items) {
    if (const auto* call = std::get_if<Call>(&item)) {
      check_call(*call, FunctionKind::user);
      continue;
    }
    const Import& import = std::get<Import>(item);
    const std::string from = import.interface ? import.interface->text : "PSet";
    if (!done.insert(from + "." + import.member.text).second) {
      problems_.error(Mistake::duplicate, import.member.place,
                      fmt::format("{}: {}.{} is imported already in this connection",
                                  model_.name.text, from, import.member.text),
                      "a user function can copy it");
      continue;
    }
    check_import(import, connection);
  }
}

/// What an import takes; nothing where it was told that there is no such thing.
const Member* ModelRules::imported(const Import& import, const Connection& connection) {
  const std::vector<Member>* members = &model_.in_attributes;
  std::string whose = "InAttrPSet";
  if (import.interface) {
    const Name& name = *import.interface;
    if (std::ranges::find(connection.expects, name.text, &Name::text) == connection.expects.end()) {
      problems_.error(Mistake::unknown_name, name.place,
                      fmt::format("{}: this connection does not expect {}", model_.name.text,
                                  quoted(name.text)),
                      "the interface stands after 'Expects'");
      return nullptr;
    }
    const Interface* interface = declared_.interface(name.text);
    if (interface == nullptr) return nullptr;
    members = &interface->members;
    whose = fmt::format("interface {}", quoted(name.text));
  }
  const Member* found = find_member(*members, import.member.text);
  if (found == nullptr)
    problems_.error(
        Mistake::unknown_name, import.member.place,
        fmt::format("{}: {} has no member {}", model_.name.text, whose, quoted(import.member.text)),
        members_there(*members));
  return found;
}

void ModelRules::check_import(const Import& import, const Connection& connection) {
  const Member* from = imported(import, connection);
  const Target to = target_of(import.target);
  if (from == nullptr || to.member == nullptr) return;
  // A field has exactly the type.
  const bool field = import.target.parts.size() > 1;
  if (field ? same_type(from->type, to.member->type) : can_import(from->type, to.member->type))
    return;
  problems_.error(Mistake::type, import.target.parts[0].place,
                  fmt::format("{}: {}.{} is of type {}, and is imported into a {}",
                              model_.name.text, import.interface ? import.interface->text : "PSet",
                              import.member.text, to_text(from->type), to_text(to.member->type)),
                  import_advice(from->type));
}

void ModelRules::check_call(const Call& call, FunctionKind kind) {
  const bool there = std::ranges::any_of(model_.functions, [&](const Function& one) {
    return one.kind == kind && one.name == call.function;
  });
  if (there) return;
  const std::string_view word = kind == FunctionKind::user ? "UserFunction" : "PredicateFunction";
  problems_.error(
      Mistake::unknown_name, call.function.place,
      fmt::format("{}: there is no {} {}", model_.name.text, word, quoted(call.function.text)),
      fmt::format("'{} {};' declares it", word, call.function.text));
}

/// The type that a predicate has; empty where it was told that it has none.
std::string ModelRules::predicate_type(const Predicate& predicate) {
  std::string type = term_type(predicate[0]);
  for (std::size_t i = 1; i < predicate.size(); ++i) type = joined_type(type, predicate[i]);
  return type;
}

std::string ModelRules::joined_type(const std::string& left, const PredicateTerm& term) {
  const std::string right = term_type(term);
  if (left.empty() || right.empty()) return {};
  const std::string_view op = comparison_words[static_cast<std::size_t>(term.before)];
  const auto wrong = [&](const std::string& type) {
    const Compared compared = compared_as(type);
    if (is_logical(term.before)) return compared != Compared::truth;
    return compared == Compared::nothing || (is_order(term.before) && compared == Compared::truth);
  };
  std::string what;
  if (wrong(left) || wrong(right)) {
    what = fmt::format("'{}' does not take a {}", op, wrong(left) ? left : right);
  } else if (compared_as(left) != compared_as(right)) {
    what = fmt::format("'{}' compares a {} with a {}", op, left, right);
  } else {
    return "bool";
  }
  problems_.error(Mistake::type, term.place, fmt::format("{}: {}", model_.name.text, what),
                  "operators all bind alike, from the left: each comparison stands in brackets");
  return {};
}

std::string ModelRules::term_type(const PredicateTerm& term) {
  const auto member_type = [&](const Name& name, const std::vector<Member>& members) {
    const Member* found = find_member(members, name.text);
    if (found != nullptr) return to_text(found->type);
    problems_.error(
        Mistake::unknown_name, name.place,
        fmt::format("{}: there is no {} to compare", model_.name.text, quoted(name.text)),
        members_there(members));
    return std::string();
  };
  return std::visit(
      Overloaded{
          [&](const Attribute& one) { return member_type(one.name, model_.in_attributes); },
          [&](const OwnMember& one) {
            return member_type(one.name, one.shared ? model_.shared.members : model_.members);
          },
          [&](const Call& one) {
            check_call(one, FunctionKind::predicate);
            return std::string("bool");
          },
          [&](const Predicate& one) { return predicate_type(one); },
          [](const std::string&) { return std::string("string"); },
          [](std::int64_t) { return std::string("int"); },
          [](double) { return std::string("double"); }, [](bool) { return std::string("bool"); }},
      term.value);
}

}  // namespace isomer::mgs::mdl
