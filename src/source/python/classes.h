#pragma once

// The classes of a model: one for all modules that do the same, whatever numbers they have.

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/names.h"
#include "source/python/class_parameters.h"
#include "source/python/forward.h"
#include "source/python/initialisation.h"
#include "source/python/modules.h"

namespace isomer::python {

class Classes {
 public:
  Classes(const Modules& modules, const Parameters& parameters, const std::string& model);

  /// The name of the model's own class.
  const std::string& model() const { return model_; }
  const std::string& text() const { return text_; }

 private:
  /// What is compared of a module before its forward.
  struct Outline {
    std::string hint;                                        // for the name of its class
    std::vector<std::pair<std::string, std::string>> lines;  // by the member that each makes
    std::string rest;                                        // fixes, steps
  };
  /// Modules of one class. The pattern has every member that any of them has.
  struct Group {
    std::string name;
    std::size_t pattern = 0;
    Outline outline;
    std::vector<std::size_t> modules;
    std::vector<std::size_t> variants;  // modules that lack a member, one of each kind
    Choices choices;
    ForwardText forward;
    bool numbers_differ = false;    // in the forwards
    std::set<std::size_t> depends;  // groups of the modules in its modules
    bool written = false;
    std::vector<ClassParameter> parameters;
  };

  void sort(std::size_t module);
  Outline outline(std::size_t module) const;
  std::string hint(std::size_t module) const;
  std::string fresh_name(const std::string& hint);
  bool joins(Group& group, const Outline& outline, std::size_t module) const;
  bool joins_as_variant(Group& group, const Outline& outline, std::size_t module);
  bool matches_without(std::size_t full, std::size_t other) const;
  std::optional<std::set<std::size_t>> missing(std::size_t full, std::size_t other) const;
  bool can_be_identity(std::size_t module, std::size_t child) const;
  std::set<std::size_t> groups_in(std::size_t module) const;

  void write_group(std::size_t group);
  std::vector<ClassParameter> flags(const Group& group, std::vector<InitLine>& pattern,
                                    Names& names) const;
  static std::vector<std::string> remember(Group& group, std::span<const std::string> expressions);
  void write_children(std::size_t module);
  void write_model();
  void write_class(std::string_view head, std::string_view init,
                   const std::vector<std::string>& lines, const ForwardText* forward);
  Construction construction(std::size_t module) const;
  std::vector<InitLine> lines_of(std::size_t module) const;

  const Modules& modules_;
  const Parameters& parameters_;
  Initialisation initialisation_;
  Names names_;
  std::map<std::string, int> uses_;  // of a hint for a name
  std::string model_;
  std::vector<Group> groups_;
  std::vector<std::size_t> group_of_;                          // by module
  std::map<std::string, std::vector<std::size_t>> same_rest_;  // groups that a module may join
  std::map<std::string, std::vector<std::size_t>> same_hint_;
  std::map<std::size_t, std::size_t> place_;  // of a module in its group
  std::string text_;
};

}  // namespace isomer::python
