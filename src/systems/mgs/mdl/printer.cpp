#include <string>

#include "base/text.h"
#include "systems/mgs/mdl/mdl.h"

namespace isomer::mgs::mdl {
namespace {

constexpr std::string_view model_words[] = {"Node", "Variable", "Edge", "Constant"};
constexpr std::string_view phase_kind_words[] = {"InitPhase", "RuntimePhase", "FinalPhase",
                                                 "LoadPhase"};
constexpr std::string_view function_kind_words[] = {"UserFunction", "PredicateFunction",
                                                    "TriggeredFunction"};
constexpr std::string_view scheduling_words[] = {"", "Serial ", "Parallel "};
constexpr std::string_view peer_words[] = {"Node", "Edge", "Constant", "Variable"};
constexpr std::string_view operator_words[] = {"==", "!=", "<", "<=", ">", ">=", "&&", "||"};

std::string names_text(const std::vector<Name>& names) {
  std::string text;
  for (const Name& one : names) text += (text.empty() ? "" : ", ") + one.text;
  return text;
}

std::string path_text(const Path& path) {
  std::string text = path.shared ? "Shared" : "";
  for (const Name& one : path.parts) text += (text.empty() ? "" : ".") + one.text;
  return text;
}

class Writer {
 public:
  std::string taken() { return std::move(out_); }

  void put(const Include& include) { line(fmt::format("#include \"{}\"", include.name.text)); }

  void put(const Structure& structure) {
    open(fmt::format("{}Struct {}", structure.framework ? "Framework " : "", structure.name.text));
    for (const Member& one : structure.members) put(one);
    close();
  }

  void put(const Interface& interface) {
    open("Interface " + interface.name.text);
    for (const Member& one : interface.members) put(one);
    close();
  }

  void put(const Functor& functor) {
    const std::string category =
        functor.category.empty() ? "" : fmt::format(" Category \"{}\"", functor.category);
    open(fmt::format("{}Functor {}{}", functor.framework ? "Framework " : "", functor.name.text,
                     category));
    if (functor.initialize) line(fmt::format("Initialize({});", text_of(*functor.initialize)));
    if (functor.execute)
      line(fmt::format("{} Execute({});", functor.gives ? to_text(*functor.gives) : "void",
                       text_of(*functor.execute)));
    if (!functor.initialize && !functor.execute) line(";");
    close();
  }

  void put(const Model& model) {
    const std::string implements =
        model.implements.empty() ? "" : " Implements " + names_text(model.implements);
    open(fmt::format("{} {}{}", model_words[static_cast<std::size_t>(model.kind)], model.name.text,
                     implements));
    const std::size_t before = out_.size();
    for (const Member& one : model.members) put(one);
    put(model.shared);
    put("InAttrPSet", model.in_attributes);
    put("OutAttrPSet", model.out_attributes);
    for (const Phase& one : model.phases) put(one);
    for (const Export& one : model.exports)
      line(fmt::format("{}.{} << {}{};", one.interface.text, one.member.text,
                       one.address ? "&" : "", path_text(one.source)));
    for (const Function& one : model.functions) put(one);
    for (const Connection& one : model.connections) put(one);
    if (out_.size() == before) line(";");
    close();
  }

 private:
  void line(std::string_view text) {
    out_.append(indent_, ' ');
    out_ += text;
    out_ += '\n';
  }
  void open(std::string_view head) {
    line(fmt::format("{} {{", head));
    indent_ += 2;
  }
  void close() {
    indent_ -= 2;
    line("}");
  }

  void put(const Member& member) {
    std::string sizes;
    if (member.blocks) {
      sizes = fmt::format("({}", member.blocks->size);
      if (member.blocks->growth) sizes += fmt::format(", {}", *member.blocks->growth);
      sizes += ")";
    }
    const std::string comment =
        member.comment.empty() ? "" : fmt::format(" : \"{}\"", member.comment);
    line(fmt::format("{}{}{} {}{}{};", member.optional ? "Optional " : "",
                     member.derived ? "Derived " : "", to_text(member.type), member.name.text,
                     sizes, comment));
  }

  void put(std::string_view head, const std::vector<Member>& members) {
    if (members.empty()) return;
    open(head);
    for (const Member& one : members) put(one);
    close();
  }

  void put(const Phase& phase) {
    const std::string changes = phase.listed ? fmt::format("({})", names_text(phase.changes)) : "";
    line(fmt::format("{}{} {}{};", phase_kind_words[static_cast<std::size_t>(phase.kind)],
                     phase.grid_layers ? " GridLayers" : "", phase.name.text, changes));
  }

  void put(const Function& function) {
    line(fmt::format("{}{} {};", scheduling_words[static_cast<std::size_t>(function.scheduling)],
                     function_kind_words[static_cast<std::size_t>(function.kind)],
                     function.name.text));
  }

  void put(const Shared& shared) {
    if (shared.members.empty() && shared.phases.empty() && shared.functions.empty()) return;
    open("Shared");
    for (const Member& one : shared.members) put(one);
    for (const Phase& one : shared.phases) put(one);
    for (const Function& one : shared.functions) put(one);
    close();
  }

  static std::string text_of(const Arguments& arguments) {
    std::string text;
    for (const Argument& one : arguments.list)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", to_text(one.type), one.name.text);
    if (arguments.more) text += text.empty() ? "..." : ", ...";
    return text;
  }

  void put(const Connection& connection) {
    open(fmt::format("Connection {} {} ({}) Expects {}",
                     connection.side == Side::pre ? "Pre" : "Post",
                     peer_words[static_cast<std::size_t>(connection.peer)],
                     text_of(connection.predicate), names_text(connection.expects)));
    for (const ConnectionItem& item : connection.items) {
      if (const auto* call = std::get_if<Call>(&item)) {
        line(call->function.text + "();");
        continue;
      }
      const Import& one = std::get<Import>(item);
      line(fmt::format("{}.{} >> {};", one.interface ? one.interface->text : "PSet",
                       one.member.text, path_text(one.target)));
    }
    if (connection.items.empty()) line(";");
    close();
  }

  std::string text_of(const Predicate& predicate) {
    std::string text;
    for (std::size_t i = 0; i < predicate.size(); ++i) {
      if (i > 0)
        text += fmt::format(" {} ", operator_words[static_cast<std::size_t>(predicate[i].before)]);
      text += std::visit([&](const auto& value) { return term_text(value); }, predicate[i].value);
    }
    return text;
  }
  static std::string term_text(const Attribute& one) { return "PSet." + one.name.text; }
  static std::string term_text(const OwnMember& one) {
    return (one.shared ? "Shared." : "") + one.name.text;
  }
  static std::string term_text(const Call& one) { return one.function.text + "()"; }
  static std::string term_text(const std::string& one) { return fmt::format("\"{}\"", one); }
  static std::string term_text(std::int64_t one) { return std::to_string(one); }
  static std::string term_text(double one) { return real_text(one); }
  static std::string term_text(bool one) { return one ? "true" : "false"; }
  std::string term_text(const Predicate& one) { return fmt::format("({})", text_of(one)); }

  std::string out_;
  std::size_t indent_ = 0;
};

const Place& place_of(const Declaration& declaration) {
  return std::visit([](const auto& one) -> const Place& { return one.name.place; }, declaration);
}

}  // namespace

std::string to_text(const Type& type) {
  std::string text = type.name;
  for (const Suffix one : type.suffixes) {
    if (one == Suffix::array) {
      text += " []";
    } else {
      text += "*";
    }
  }
  return text;
}

std::string to_text(const Document& document, bool all) {
  Writer writer;
  if (!all)
    for (const Include& one : document.includes) writer.put(one);
  for (const Declaration& one : document.declarations)
    if (all || place_of(one).file == 0)
      std::visit([&](const auto& declaration) { writer.put(declaration); }, one);
  return writer.taken();
}

}  // namespace isomer::mgs::mdl
