#pragma once

// What declarations must keep to beyond the grammar.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "systems/mgs/mdl/ast.h"
#include "systems/mgs/problems.h"

namespace isomer::mgs::mdl {

/// Tells all that is wrong with the declarations, each by those before it.
void check_rules(const Document& document, Problems& problems);

/// The declarations so far by name; of a name that stands there twice, the first.
class Declared {
 public:
  /// False where the name was there.
  bool add(const Declaration& declaration);
  const Structure* structure(std::string_view name) const { return find<Structure>(name); }
  const Interface* interface(std::string_view name) const { return find<Interface>(name); }
  /// "there are: A, B" of the interfaces.
  std::string interfaces() const;

 private:
  template <class Kind>
  const Kind* find(std::string_view name) const {
    const auto found = all_.find(name);
    return found == all_.end() ? nullptr : std::get_if<Kind>(found->second);
  }

  std::unordered_map<std::string_view, const Declaration*> all_;
  std::vector<std::string_view> interfaces_;
};

/// The rules of one type of nodes, edges, variables or constants.
class ModelRules {
 public:
  ModelRules(const Model& model, const Declared& declared, Problems& problems)
      : model_(model), declared_(declared), problems_(problems) {}

  void check();

 private:
  void check_implements();
  void check_names();
  void check_exports();
  void check_export(const Export& one, std::vector<std::string>& done);
  void check_missing_exports(const std::vector<std::string>& done);
  void check_phases();
  void check_connection(const Connection& connection);
  void check_import(const Import& import, const Connection& connection);
  void check_call(const Call& call, FunctionKind kind);
  std::string predicate_type(const Predicate& predicate);
  std::string term_type(const PredicateTerm& term);
  std::string joined_type(const std::string& left, const PredicateTerm& term);

  /// The member that a path leads to, with its type; of a field, that of one element of `array`.
  struct Target {
    const Member* member = nullptr;  // nothing: it was told that there is none
    bool in_array = false;
  };
  Target target_of(const Path& path);
  const Member* imported(const Import& import, const Connection& connection);

  const Model& model_;
  const Declared& declared_;
  Problems& problems_;
  std::vector<std::string_view> exported_;  // own members that feed an interface
};

/// "there are: a, b" of members, for messages.
std::string members_there(const std::vector<Member>& members);
/// Members' names are there once, and their types are known.
void check_members(const std::vector<Member>& members, std::string_view whose,
                   const Declared& declared, Problems& problems);

}  // namespace isomer::mgs::mdl
