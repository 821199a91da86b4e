#include "systems/mgs/mdl/rules.h"

#include <algorithm>
#include <unordered_set>

#include "base/text.h"
#include "systems/mgs/mdl/mdl.h"

namespace isomer::mgs::mdl {
namespace {

const Name& name_of_declaration(const Declaration& declaration) {
  return std::visit([](const auto& one) -> const Name& { return one.name; }, declaration);
}

void check_type(const Type& type, std::string_view whose, const Declared& declared,
                Problems& problems) {
  if (type.core == Core::structure && declared.structure(type.name) == nullptr)
    problems.error(Mistake::unknown_name, type.place,
                   fmt::format("{}: there is no struct {}", whose, quoted(type.name)),
                   "a struct is declared before it is used");
  for (std::size_t i = 0; i + 1 < type.suffixes.size(); ++i) {
    if (type.suffixes[i] != Suffix::array || type.suffixes[i + 1] != Suffix::array) continue;
    problems.warning(Mistake::silent, type.place,
                     fmt::format("{}: arrays of arrays are not sent to other processes", whose));
    break;
  }
}

void check_functor(const Functor& functor, const Declared& declared, Problems& problems) {
  const std::string whose = fmt::format("functor {}", quoted(functor.name.text));
  for (const auto* arguments : {&functor.initialize, &functor.execute}) {
    if (!*arguments) continue;
    std::unordered_set<std::string_view> names;
    for (const Argument& one : (*arguments)->list) {
      check_type(one.type, whose, declared, problems);
      if (!names.insert(one.name.text).second)
        problems.error(
            Mistake::duplicate, one.name.place,
            fmt::format("{}: argument {} stands there twice", whose, quoted(one.name.text)));
    }
  }
  if (functor.gives) check_type(*functor.gives, whose, declared, problems);
}

}  // namespace

bool Declared::add(const Declaration& declaration) {
  const std::string_view name = name_of_declaration(declaration).text;
  if (!all_.emplace(name, &declaration).second) return false;
  if (std::holds_alternative<Interface>(declaration)) interfaces_.push_back(name);
  return true;
}

std::string Declared::interfaces() const {
  return interfaces_.empty() ? "none is declared before"
                             : fmt::format("there are: {}", listed(interfaces_));
}

std::string members_there(const std::vector<Member>& members) {
  std::vector<std::string_view> names;
  for (const Member& one : members) names.emplace_back(one.name.text);
  return names.empty() ? "there are none" : fmt::format("there are: {}", listed(names));
}

void check_members(const std::vector<Member>& members, std::string_view whose,
                   const Declared& declared, Problems& problems) {
  std::unordered_set<std::string_view> names;
  for (const Member& one : members) {
    check_type(one.type, whose, declared, problems);
    if (!names.insert(one.name.text).second)
      problems.error(Mistake::duplicate, one.name.place,
                     fmt::format("{}: member {} is there already", whose, quoted(one.name.text)));
    if (one.blocks && !one.type.is_array())
      problems.error(
          Mistake::type, one.name.place,
          fmt::format("{}: {} has block sizes, and is no array", whose, quoted(one.name.text)));
    if (one.blocks && (one.blocks->size < 1 || one.blocks->growth.value_or(1) < 1))
      problems.error(
          Mistake::range, one.name.place,
          fmt::format("{}: the block sizes of {} are not positive", whose, quoted(one.name.text)));
  }
}

void check_rules(const Document& document, Problems& problems) {
  Declared declared;
  for (const Declaration& declaration : document.declarations) {
    const Name& name = name_of_declaration(declaration);
    if (const auto* one = std::get_if<Structure>(&declaration))
      check_members(one->members, fmt::format("struct {}", quoted(name.text)), declared, problems);
    if (const auto* one = std::get_if<Interface>(&declaration))
      check_members(one->members, fmt::format("interface {}", quoted(name.text)), declared,
                    problems);
    if (const auto* one = std::get_if<Model>(&declaration))
      ModelRules(*one, declared, problems).check();
    if (const auto* one = std::get_if<Functor>(&declaration))
      check_functor(*one, declared, problems);
    if (!declared.add(declaration))
      problems.error(Mistake::duplicate, name.place,
                     fmt::format("{} is declared already", quoted(name.text)));
  }
}

// ---- a model

void ModelRules::check() {
  const std::size_t before = problems_.errors();
  check_implements();
  check_names();
  if (model_.kind != ModelKind::constant || !model_.exports.empty() || !model_.implements.empty())
    check_exports();
  // What is wrong with members and exports would be told again for each phase.
  if (problems_.errors() == before) check_phases();
  for (const Connection& one : model_.connections) check_connection(one);
}

void ModelRules::check_implements() {
  std::unordered_set<std::string_view> seen;
  for (const Name& one : model_.implements) {
    if (declared_.interface(one.text) == nullptr)
      problems_.error(
          Mistake::unknown_name, one.place,
          fmt::format("{}: there is no interface {}", model_.name.text, quoted(one.text)),
          declared_.interfaces());
    if (!seen.insert(one.text).second)
      problems_.error(
          Mistake::duplicate, one.place,
          fmt::format("{}: interface {} stands there twice", model_.name.text, quoted(one.text)));
  }
}

void ModelRules::check_names() {
  const std::string& whose = model_.name.text;
  check_members(model_.members, whose, declared_, problems_);
  check_members(model_.shared.members, whose + ", shared", declared_, problems_);
  check_members(model_.in_attributes, whose + ", InAttrPSet", declared_, problems_);
  check_members(model_.out_attributes, whose + ", OutAttrPSet", declared_, problems_);
  std::unordered_set<std::string_view> seen;
  const auto once = [&](const Name& name, std::string_view what) {
    if (!seen.insert(name.text).second)
      problems_.error(Mistake::duplicate, name.place,
                      fmt::format("{}: {} {} is there already", whose, what, quoted(name.text)));
  };
  for (const auto* phases : {&model_.phases, &model_.shared.phases})
    for (const Phase& one : *phases) once(one.name, "phase");
  for (const auto* functions : {&model_.functions, &model_.shared.functions})
    for (const Function& one : *functions) once(one.name, "function");
}

void ModelRules::check_exports() {
  std::vector<std::string> done;
  for (const Export& one : model_.exports) check_export(one, done);
  check_missing_exports(done);
}

void ModelRules::check_export(const Export& one, std::vector<std::string>& done) {
  const std::string& whose = model_.name.text;
  const auto implemented = std::ranges::find(model_.implements, one.interface.text, &Name::text);
  if (implemented == model_.implements.end()) {
    problems_.error(Mistake::exports, one.interface.place,
                    fmt::format("{} does not implement {}", whose, quoted(one.interface.text)),
                    "the interface stands after 'Implements'");
    return;
  }
  const Interface* interface = declared_.interface(one.interface.text);
  if (interface == nullptr) return;
  const Member* asked = find_member(interface->members, one.member.text);
  if (asked == nullptr) {
    problems_.error(Mistake::unknown_name, one.member.place,
                    fmt::format("interface {} has no member {}", quoted(one.interface.text),
                                quoted(one.member.text)),
                    members_there(interface->members));
    return;
  }
  std::string key = one.interface.text + "." + one.member.text;
  if (std::ranges::find(done, key) != done.end()) {
    problems_.error(Mistake::exports, one.interface.place,
                    fmt::format("{}: {} is exported already", whose, key));
    return;
  }
  done.push_back(std::move(key));
  const Target source = target_of(one.source);
  if (source.member == nullptr) return;
  if (!one.source.shared) exported_.emplace_back(one.source.parts[0].text);
  Type given = source.member->type;
  if (one.address) given.suffixes.push_back(Suffix::pointer);
  const bool same = given.name == asked->type.name && given.suffixes == asked->type.suffixes;
  if (same && source.member->blocks == asked->blocks) return;
  const auto with_blocks = [](const Type& type, const std::optional<Blocks>& blocks) {
    if (!blocks) return to_text(type);
    return fmt::format("{} ({},{})", to_text(type), blocks->size, blocks->growth.value_or(0));
  };
  problems_.error(Mistake::type, one.source.parts[0].place,
                  fmt::format("{}: {}.{} is of type {}, and is given {}", whose, one.interface.text,
                              one.member.text, with_blocks(asked->type, asked->blocks),
                              with_blocks(given, source.member->blocks)),
                  "both must be the same, block sizes too");
}

void ModelRules::check_missing_exports(const std::vector<std::string>& done) {
  for (const Name& implemented : model_.implements) {
    const Interface* interface = declared_.interface(implemented.text);
    if (interface == nullptr) continue;
    for (const Member& one : interface->members) {
      const std::string key = implemented.text + "." + one.name.text;
      if (std::ranges::find(done, key) != done.end()) continue;
      // Where the export is there and wrong, that was told.
      const bool tried = std::ranges::any_of(model_.exports, [&](const Export& given) {
        return given.interface == implemented && given.member == one.name;
      });
      if (tried) continue;
      problems_.error(Mistake::exports, implemented.place,
                      fmt::format("{}: {} is not exported", model_.name.text, key),
                      fmt::format("'{} << &member;'", key));
    }
  }
}

void ModelRules::check_phases() {
  std::vector<std::string_view> changed;
  for (const Phase& phase : model_.phases) {
    for (const Name& one : phase.changes) {
      changed.emplace_back(one.text);
      if (std::ranges::find(exported_, one.text) != exported_.end()) continue;
      const bool there = find_member(model_.members, one.text) != nullptr;
      problems_.error(there ? Mistake::exports : Mistake::unknown_name, one.place,
                      there
                          ? fmt::format("phase {} lists {}, which feeds no interface",
                                        quoted(phase.name.text), quoted(one.text))
                          : fmt::format("{} has no member {}", model_.name.text, quoted(one.text)),
                      there ? "only exported members are listed" : members_there(model_.members));
    }
  }
  if (model_.kind == ModelKind::constant) return;
  std::ranges::sort(exported_);
  const auto last = std::ranges::unique(exported_);
  exported_.erase(last.begin(), last.end());
  for (const std::string_view one : exported_) {
    if (std::ranges::find(changed, one) != changed.end()) continue;
    problems_.warning(Mistake::silent, model_.name.place,
                      fmt::format("{}: {} feeds an interface, and no phase lists it",
                                  model_.name.text, quoted(one)),
                      "other processes never see its new values");
  }
}

ModelRules::Target ModelRules::target_of(const Path& path) {
  Target result;
  const std::vector<Member>* members = path.shared ? &model_.shared.members : &model_.members;
  for (std::size_t i = 0; i < path.parts.size(); ++i) {
    const Name& part = path.parts[i];
    if (i > 0) {
      const Type& outer = result.member->type;
      const Structure* structure =
          outer.core == Core::structure ? declared_.structure(outer.name) : nullptr;
      if (structure == nullptr || outer.is_pointer()) {
        problems_.error(Mistake::type, part.place,
                        fmt::format("{} is of type {}, which has no members",
                                    quoted(path.parts[i - 1].text), to_text(outer)));
        return {};
      }
      result.in_array = result.in_array || outer.is_array();
      members = &structure->members;
    }
    result.member = find_member(*members, part.text);
    if (result.member != nullptr) continue;
    problems_.error(Mistake::unknown_name, part.place,
                    fmt::format("{}{} has no member {}", model_.name.text,
                                path.shared && i == 0 ? ", shared," : "", quoted(part.text)),
                    members_there(*members));
    return {};
  }
  return result;
}

}  // namespace isomer::mgs::mdl
