#include <cmath>
#include <limits>
#include <string>

#include "base/text.h"
#include "systems/mgs/gsl/gsl.h"

namespace isomer::mgs::gsl {
namespace {

constexpr std::string_view set_kind_words[] = {"In", "Out", "NodeInit", "EdgeInit"};
constexpr std::string_view model_type_words[] = {"NodeType", "EdgeType", "VariableType",
                                                 "ConstantType", "Struct"};
constexpr std::string_view phase_list_words[] = {"InitPhases", "RuntimePhases", "LoadPhases",
                                                 "FinalPhases"};
constexpr std::string_view trigger_words[] = {" && ", " || ", " ^^ "};

/// Goes over the tree and writes what reads as the same.
class Printer {
 public:
  std::string taken() { return std::move(out_); }

  // ---- arguments

  void put(const Argument& argument) {
    std::visit([&](const auto& value) { put(value); }, argument.value);
  }
  void put(const Nothing&) {}
  void put(const Number& number) {
    if (const auto* integer = std::get_if<std::int64_t>(&number)) {
      out_ += std::to_string(*integer);
      return;
    }
    const double value = std::get<double>(number);
    if (std::isinf(value)) {
      out_ += value < 0 ? "-1.0e999" : "1.0e999";
    } else {
      out_ += real_text(value);
    }
  }
  void put(const Text& text) {
    out_ += fmt::format("\"{}\"", text.text);
    // The preprocessor, other than GSL, takes a quote after a backslash for a part of the text.
    if (text.text.ends_with('\\')) out_ += '\n';
  }
  void put(const Reference& reference) { out_ += reference.name.text; }
  void put(const Product& product) {
    if (product.owner) out_ += product.owner->text;
    out_ += "::" + product.name.text;
  }
  void put(const List& list) { in_brackets("{", list.items, "}"); }
  void put(const NumberList& list) { in_brackets("{", list.numbers, "}"); }
  void put(const Call& call) {
    out_ += call.name.text;
    in_brackets("(", call.arguments, ")");
  }
  void put(const Pair& pair) {
    out_ += pair.name.text + "=";
    put(pair.value);
  }
  void put(const Pairs& pairs) { in_brackets("<", pairs.pairs, ">"); }
  void put(const SetType& type) {
    out_ += fmt::format("<{}, {}>", type.model.text,
                        set_kind_words[static_cast<std::size_t>(type.kind)]);
  }
  void put(const ParameterSet& set) {
    out_ += "Pset";
    put(set.type);
    out_ += "(";
    put(set.pairs);
    out_ += ")";
  }
  void put(const TypedList& list) {
    put(list.type);
    in_brackets("({", list.items, "})");
  }
  void put(const TypeName& type) {
    out_ += type.text;
    if (!type.of.empty()) in_brackets("<", type.of, ">");
    if (type.set_type) put(*type.set_type);
  }

  // ---- sets of nodes

  void put(const GridPath& path) {
    if (path.current) out_ += path.names.empty() ? "." : "./";
    separated(path.names, "/");
  }
  void put(const Name& name) { out_ += name.text; }
  void put(const Index& index) {
    out_ += std::to_string(index.from);
    if (!index.is_range) return;
    if (index.step != 1) out_ += fmt::format(":{}", index.step);
    out_ += fmt::format(":{}", index.to);
  }
  void put(const LayerRange& range) {
    put(range.first);
    if (range.last) out_ += "-" + range.last->text;
  }
  void put(const NodeSet& set) {
    put(set.grid);
    if (set.has_points) in_brackets("[", set.points, "]");
    if (set.member) out_ += "." + set.member->text;
    put(set.extension);
  }
  void put(const RelativeNodeSet& set) {
    in_brackets("[", set.points, "]");
    put(set.extension);
  }
  void put(const Extension& extension) {
    if (!extension.layers.empty()) in_brackets(".Layer(", extension.layers, ")");
    if (!extension.tags.empty()) {
      out_ += ".Layer(";
      put(extension.tags);
      out_ += ")";
    }
    if (!extension.node_indices.empty()) in_brackets(".NodeIndex(", extension.node_indices, ")");
  }
  void put(const TagCondition& condition) {
    for (std::size_t i = 0; i < condition.size(); ++i) {
      if (i > 0) out_ += condition[i].before == TagOperator::both ? " && " : " || ";
      if (condition[i].negated) out_ += "!";
      std::visit([&](const auto& value) { put_tag(value); }, condition[i].value);
    }
  }
  void put_tag(const TagTest& test) {
    out_ += test.name.text + (test.equal ? "==" : "!=");
    put(test.value);
  }
  void put_tag(const TagMember& member) { in_brackets("Member(", member.names, ")"); }
  void put_tag(const TagCondition& condition) {
    out_ += "(";
    put(condition);
    out_ += ")";
  }

  void put(const TriggerExpression& trigger) {
    for (std::size_t i = 0; i < trigger.size(); ++i) {
      if (i > 0) out_ += trigger_words[static_cast<std::size_t>(trigger[i].before)];
      const auto* inner = std::get_if<TriggerExpression>(&trigger[i].value);
      if (inner != nullptr) out_ += "(";
      std::visit([&](const auto& value) { put(value); }, trigger[i].value);
      if (inner != nullptr) out_ += ")";
    }
  }

  // ---- statements

  void line(const Statement& statement) {
    out_.append(indent_, ' ');
    std::visit([&](const auto& what) { put_statement(what); }, statement.what);
    out_ += ";\n";
  }

 private:
  template <class Items>
  void separated(const Items& items, std::string_view separator) {
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += separator;
      put(item);
      first = false;
    }
  }

  template <class Items>
  void in_brackets(std::string_view opening, const Items& items, std::string_view closing) {
    out_ += opening;
    separated(items, ", ");
    out_ += closing;
  }

  void put(const Parameter& parameter) {
    put(parameter.type);
    if (parameter.name) out_ += " " + parameter.name->text;
  }
  void put(const PhaseMap& map) { out_ += map.model.text + "->" + map.simulation.text; }
  void put(const SimulationPhase& phase) {
    put(phase.name);
    if (phase.machine) out_ += fmt::format("({})", phase.machine->text);
  }
  void put(const std::vector<LayerRange>& layers) { separated(layers, ", "); }
  void put(const std::vector<Index>& indices) { separated(indices, ", "); }
  void put(std::int64_t number) { out_ += std::to_string(number); }
  void put(const StrideValue& stride) {
    for (const auto* part : {&stride.from, &stride.step, &stride.to}) in_brackets("{", *part, "}");
  }
  void put(const ServiceValue& service) {
    put(service.owner);
    out_ += ", ";
    put(service.member);
  }

  void body(const std::vector<Statement>& statements, const std::optional<Name>& instance) {
    indent_ += 2;
    for (const Statement& one : statements) line(one);
    indent_ -= 2;
    out_ += "}";
    if (instance) out_ += " " + instance->text;
  }

  void put_statement(const FunctorType& type) {
    out_ += type.category + " " + type.name.text;
    const bool plain = type.signatures.size() == 1 && type.signatures[0].role.text == "Initialize";
    if (plain) {
      in_brackets("(", type.signatures[0].parameters, ")");
    } else if (!type.signatures.empty()) {
      out_ += " {";
      for (const Signature& one : type.signatures) {
        out_ += " " + one.role.text;
        in_brackets("(", one.parameters, ");");
      }
      out_ += " }";
    }
  }
  void put_statement(const ConnectionScript& script) {
    out_ += "ConnectionScript " + script.name.text;
    in_brackets("(", script.parameters, ") {\n");
    body(script.body, {});
  }
  void put_statement(const ModelType& type) {
    out_ +=
        fmt::format("{} {}", model_type_words[static_cast<std::size_t>(type.kind)], type.name.text);
    if (type.shared) {
      out_ += "(";
      put(*type.shared);
      out_ += ")";
    }
    if (!type.phases.empty()) in_brackets(" {", type.phases, "}");
  }
  void put_statement(const Grid& grid) {
    out_ += fmt::format("Grid {} {{\n", grid.name.text);
    out_.append(indent_ + 2, ' ');
    in_brackets("Dimension(", grid.dimensions, ");\n");
    body(grid.body, grid.instance);
  }
  void put_statement(const Composite& composite) {
    out_ += fmt::format("Composite {} {{\n", composite.name.text);
    body(composite.body, composite.instance);
  }
  void put_statement(const Layer& layer) {
    out_ += "Layer(" + layer.name.text;
    for (const Argument& one : layer.arguments) {
      out_ += ", ";
      put(one);
    }
    out_ += ")";
  }
  void put_statement(const InitNodes& init) { in_brackets("InitNodes(", init.arguments, ")"); }
  void put_statement(const Instance& instance) {
    out_ += instance.type.text + " " + instance.name.text;
    if (instance.form == InstanceForm::arguments) in_brackets("(", instance.arguments, ")");
    if (instance.form == InstanceForm::pairs) put(instance.pairs);
  }
  void put_statement(const Value& value) {
    put(value.type);
    out_ += " " + value.name.text;
    if (!value.dimensions.empty()) in_brackets("[", value.dimensions, "]");
    const std::string& type = value.type.text;
    const bool equals = type == "int" || type == "float" || type == "list" || type == "Matrix";
    out_ += equals ? " = " : "(";
    const auto* argument = std::get_if<Argument>(&value.value);
    if (type == "NDPair" && argument != nullptr) {
      separated(std::get<Pairs>(argument->value).pairs, ", ");
    } else {
      std::visit([&](const auto& one) { put(one); }, value.value);
    }
    if (!equals) out_ += ")";
  }
  void put_statement(const PhaseList& list) {
    out_ += phase_list_words[static_cast<std::size_t>(list.kind)];
    in_brackets(" = { ", list.phases, " }");
  }
  void put_statement(const SeparationConstraint& constraint) {
    in_brackets("SeperationConstraint(", constraint.arguments, ")");
  }
  void put_statement(const Execute& execute) {
    if (execute.returned) out_ += "Return ";
    out_ += execute.functor.text;
    in_brackets("(", execute.arguments, ")");
  }
  void put_statement(const Action& action) {
    out_ += fmt::format("{}.{}(", action.object.text, action.function.text);
    if (!action.pairs.pairs.empty()) put(action.pairs);
    out_ += ") on ";
    put(action.trigger);
  }
  void put_statement(const Halt& halt) {
    out_ += halt.kind == HaltKind::stop ? "Stop on " : "Pause on ";
    put(halt.trigger);
  }
  void put_statement(const SystemCommand& system) {
    out_ += "system(";
    put(system.command);
    out_ += ")";
  }

  std::string out_;
  std::size_t indent_ = 0;
};

/// Whether statements of the file stand in the body of one of the main file.
bool is_in_a_body(const Script& script, std::uint32_t file) {
  const auto stands_in = [&](const std::vector<Statement>& body) {
    for (const Statement& one : body)
      if (one.place.file == file) return true;
    return false;
  };
  for (const Statement& one : script.statements) {
    if (one.place.file != 0) continue;
    if (const auto* grid = std::get_if<Grid>(&one.what); grid && stands_in(grid->body)) return true;
    const auto* composite = std::get_if<Composite>(&one.what);
    if (composite != nullptr && stands_in(composite->body)) return true;
  }
  return false;
}

}  // namespace

std::string to_text(const Script& script, bool all) {
  std::string text;
  std::size_t included = 0;
  const auto include_up_to = [&](const Place& place) {
    for (; included < script.includes.size(); ++included) {
      const Include& one = script.includes[included];
      if (one.name.place.line > place.line) break;
      // What a body includes is printed with it.
      if (!is_in_a_body(script, one.file)) text += fmt::format("#include \"{}\"\n", one.name.text);
    }
  };
  for (const Statement& one : script.statements) {
    if (!all && one.place.file != 0) continue;
    if (!all) include_up_to(one.place);
    text += to_text(one);
  }
  if (!all) include_up_to({0, std::numeric_limits<std::uint32_t>::max(), 0});
  return text;
}

std::string to_text(const Argument& argument) {
  Printer printer;
  printer.put(argument);
  return printer.taken();
}

std::string to_text(const Statement& statement) {
  Printer printer;
  printer.line(statement);
  return printer.taken();
}

std::string to_text(const TriggerExpression& trigger) {
  Printer printer;
  printer.put(trigger);
  return printer.taken();
}

}  // namespace isomer::mgs::gsl
