#include "systems/mdf/document_fields.h"

namespace isomer::mdf {
namespace {

class FieldWriter {
 public:
  template <class T>
  using Of = const T;

  template <class T>
  static Tree write(const T& element) {
    FieldWriter writer;
    each_field(writer, element);
    return {std::move(writer.map_)};
  }

  template <class T>
  void always(std::string_view key, const T& value) {
    put(key, {value});
  }
  void required(std::string_view key, const std::string& text) { put(key, {text}); }
  void unused(std::string_view) {}
  void others(const Tree::Map& others) { map_.insert(map_.end(), others.begin(), others.end()); }
  void field(std::string_view key, const std::string& text) {
    if (!text.empty()) put(key, {text});
  }
  void field(std::string_view key, const std::optional<std::string>& text) {
    if (text) put(key, {*text});
  }
  void field(std::string_view key, const Tree& tree) {
    if (!tree.is_null()) put(key, tree);
  }
  void field(std::string_view key, const std::vector<std::int64_t>& shape) {
    Tree::List lengths;
    for (const std::int64_t length : shape) lengths.push_back({length});
    if (!lengths.empty()) put(key, {std::move(lengths)});
  }
  void field(std::string_view key, const std::optional<OrderedMap<Tree>>& values) {
    if (values) put(key, {*values});
  }
  template <class T>
  void elements(std::string_view key, const OrderedMap<T>& elements) {
    if (elements.empty()) return;
    Tree::Map map;
    for (const auto& [id, element] : elements) map.emplace_back(id, write(element));
    put(key, {std::move(map)});
  }
  void metadata(const Tree& metadata) { field("metadata", metadata); }
  void conditions(const Tree& conditions) {
    if (conditions.is_null()) return;
    Tree::Map groups;
    for (const auto& [name, group] : *conditions.map()) {
      Tree::Map members;
      const bool known = name == "node_specific" || name == "termination";
      if (known && group.map() != nullptr) {
        for (const auto& [id, condition] : *group.map())
          members.emplace_back(id, normal_condition(condition));
      }
      groups.emplace_back(name, members.empty() ? group : Tree{std::move(members)});
    }
    put("conditions", {std::move(groups)});
  }
  void conditions(const OrderedMap<ParameterCondition>& conditions) {
    if (conditions.empty()) return;
    Tree::List list;
    for (const auto& [id, condition] : conditions) {
      list.push_back(write(condition));
      auto& entries = std::get<Tree::Map>(list.back().value);
      entries.emplace(entries.begin(), "id", Tree{id});
    }
    put("conditions", {std::move(list)});
  }
  void function(const Function& function) {
    if (!function.unused_args) {
      field("function", function.function);
      return field("args", function.args);
    }
    Tree::Map call{{function.function, function.args ? Tree{*function.args} : Tree{}}};
    put("function", {std::move(call)});
    field("args", function.unused_args);
  }

 private:
  /// With `kwargs` even where there are none, and nodes that stand in them by their ids.
  static Tree normal_condition(const Tree& condition) {
    Tree::Map map;
    for (const auto& [key, value] : *condition.map())
      map.emplace_back(key, key == "kwargs" ? normal_arguments(value) : value);
    if (condition.find("kwargs") == nullptr) map.emplace_back("kwargs", Tree{Tree::Map{}});
    return {std::move(map)};
  }
  static Tree normal_arguments(const Tree& arguments) {
    if (arguments.map() == nullptr) return arguments;
    Tree::Map map;
    for (const auto& [key, value] : *arguments.map()) map.emplace_back(key, normal_argument(value));
    return {std::move(map)};
  }
  static Tree normal_argument(const Tree& argument) {
    if (const Tree* id = argument.find("id")) return *id;
    if (argument.find("type") != nullptr) return normal_condition(argument);
    if (argument.list() == nullptr) return argument;
    Tree::List list;
    for (const Tree& item : *argument.list()) list.push_back(normal_argument(item));
    return {std::move(list)};
  }

  void put(std::string_view key, Tree value) { map_.emplace_back(key, std::move(value)); }

  Tree::Map map_;
};

}  // namespace

Tree to_tree(const Document& document) {
  Tree::Map top{{document.id, FieldWriter::write(document)}};
  top.insert(top.end(), document.models.begin(), document.models.end());
  return {std::move(top)};
}

}  // namespace isomer::mdf
