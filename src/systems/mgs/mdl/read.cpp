#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "systems/mgs/mdl/built_in.h"
#include "systems/mgs/mdl/mdl.h"
#include "systems/mgs/mdl/parser.h"
#include "systems/mgs/mdl/rules.h"

namespace isomer::mgs::mdl {
namespace {

template <class Kind>
const Kind* find_declaration(const Document& document, std::string_view name) {
  for (const Declaration& one : document.declarations) {
    const Kind* found = std::get_if<Kind>(&one);
    if (found != nullptr && found->name.text == name) return found;
  }
  return nullptr;
}

/// The declarations of `more` that have other names than all so far; places count on.
void take_over(Document& document, Document more) {
  const auto first = static_cast<std::uint32_t>(document.files.size());
  for (std::string& file : more.files) document.files.push_back(std::move(file));
  for (Declaration& one : more.declarations) {
    std::visit(
        [&](auto& declaration) {
          using Kind = std::decay_t<decltype(declaration)>;
          declaration.name.place.file += first;
          if (find_declaration<Kind>(document, declaration.name.text) == nullptr)
            document.declarations.emplace_back(std::move(declaration));
        },
        one);
  }
}

Document read_source(const Preprocessed& source, Problems& problems) {
  Document document;
  document.declarations = Parser(source, problems).declarations();
  document.files = source.files;
  document.includes = source.includes;
  // Rules are checked of what could be read; names that were not would be missed by all others.
  if (problems.errors() == 0) check_rules(document, problems);
  return document;
}

/// The MDL files in the folder itself, in alphabetical order.
std::vector<std::string> files_of_types(const Files& files) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  const fs::path folder = files.path(".");
  if (folder.empty()) {
    names = files.names();
  } else {
    std::error_code failed;
    for (fs::directory_iterator i(folder, failed), end; !failed && i != end; i.increment(failed))
      names.push_back(i->path().filename().string());
  }
  std::erase_if(names, [](const std::string& name) {
    return !name.ends_with(".mdl") || name.find('/') != std::string::npos;
  });
  std::ranges::sort(names);
  return names;
}

Document read_built_in(std::string_view name, std::string_view text) {
  Problems problems;
  const auto nothing = in_memory({});
  const std::string all = std::string(built_in_file("DNNTools.mdl")) + std::string(text);
  Document document = read_source(preprocess(*nothing, name, all, problems), problems);
  problems.refuse_errors(document.files);
  return document;
}

}  // namespace

Document read(const Files& files, std::string_view entry, Problems& problems) {
  return read_source(preprocess(files, entry, problems), problems);
}

Document read(const Files& files, std::string_view entry) {
  Problems problems;
  Document document = read(files, entry, problems);
  problems.refuse_errors(document.files);
  return document;
}

Document known_types(const Files& files, Problems& problems) {
  Document document = read_built_in("built-in types", neuron_types);
  take_over(document, read_built_in("built-in types of the cases", case_types));
  for (const std::string& name : files_of_types(files)) {
    try {
      take_over(document, read(files, name));
    } catch (const Error& error) {
      if (error.fault() == Fault::bug) throw;
      problems.warning(Mistake::file, {},
                       fmt::format("the types of {} are not known: {}", quoted(name),
                                   error.where().empty() ? error.text() : error.what()),
                       "'isomer check' of that file says more");
    }
  }
  return document;
}

const Model* find_model(const Document& document, std::string_view name) {
  return find_declaration<Model>(document, name);
}
const Interface* find_interface(const Document& document, std::string_view name) {
  return find_declaration<Interface>(document, name);
}
const Structure* find_structure(const Document& document, std::string_view name) {
  return find_declaration<Structure>(document, name);
}
const Functor* find_functor(const Document& document, std::string_view name) {
  return find_declaration<Functor>(document, name);
}

const Member* find_member(const std::vector<Member>& members, std::string_view name) {
  const auto found =
      std::ranges::find_if(members, [&](const Member& one) { return one.name.text == name; });
  return found == members.end() ? nullptr : &*found;
}

}  // namespace isomer::mgs::mdl
