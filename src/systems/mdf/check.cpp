#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "codecs/json.h"
#include "systems/mdf/check_graph.h"
#include "systems/mdf/forms.h"
#include "systems/mdf/loading.h"
#include "systems/mdf/mdf.h"
#include "systems/mdf/remarks.h"

namespace isomer::mdf {
namespace {

/// Finds lines and columns in a text, and elements of the tree that was read from it.
class Places {
 public:
  explicit Places(const Content& content) : text_(content.text), body_(body_of(content.tree)) {
    lines_.push_back(0);
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '\n') lines_.push_back(i + 1);
    }
  }

  Diagnostic at(const Problem& problem) {
    Diagnostic found{.severity = problem.severity,
                     .path = to_text(problem.path),
                     .what = problem.what,
                     .instead = problem.instead};
    if (text_.empty()) return found;
    const std::uint64_t offset =
        beginning(problem.offset ? *problem.offset : element(problem.path).offset);
    const auto line = std::ranges::upper_bound(lines_, offset) - 1;
    found.line = static_cast<std::size_t>(line - lines_.begin()) + 1;
    found.column = offset - *line + 1;
    return found;
  }

  /// The deepest on the way that there is.
  const Tree& element(const Path& path) {
    const Tree* tree = &body_;
    for (const std::string& part : path) {
      const Tree* next = child(*tree, part);
      if (next == nullptr) break;
      tree = next;
    }
    return *tree;
  }

 private:
  /// Mostly the next in a map after the last that was asked for.
  const Tree* child(const Tree& tree, const std::string& part) {
    if (const Tree::Map* map = tree.map()) {
      std::size_t& last = last_[map];
      for (std::size_t i = 0; i < map->size(); ++i) {
        const std::size_t place = (last + i) % map->size();
        if ((*map)[place].first != part) continue;
        last = place;
        return &(*map)[place].second;
      }
    }
    if (tree.list() == nullptr) return nullptr;
    std::size_t index = 0;
    const auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), index);
    if (failed == std::errc() && end == part.data() + part.size() && index < tree.list()->size())
      return &(*tree.list())[index];
    const auto found = std::ranges::find_if(*tree.list(), [&](const Tree& item) {
      const Tree* id = item.find("id");
      return id != nullptr && text_of(*id) == part;
    });
    return found == tree.list()->end() ? nullptr : &*found;
  }

  /// Of a block on the lines below its key, the key's line.
  std::uint64_t beginning(std::uint64_t offset) const {
    const std::size_t before = text_.substr(0, offset).find_last_not_of(" \t\r\n");
    if (before == std::string_view::npos || text_[before] != ':') return offset;
    if (text_.substr(before, offset - before).find('\n') == std::string_view::npos) return offset;
    const std::size_t line = text_.substr(0, before).rfind('\n') + 1;
    return text_.find_first_not_of(" \t", line);
  }

  std::string_view text_;
  const Tree& body_;
  std::vector<std::uint64_t> lines_;
  std::unordered_map<const Tree::Map*, std::size_t> last_;
};

/// What a codec says of a file that it cannot read: its place begins with "line:column".
Diagnostic of_form(const Error& error) {
  Diagnostic found{.what = error.text()};
  const std::string& where = error.where();
  const char* end = where.data() + where.size();
  const auto [colon, failed] = std::from_chars(where.data(), end, found.line);
  if (failed == std::errc() && colon != end && *colon == ':') {
    std::from_chars(colon + 1, end, found.column);
  } else {
    found.line = 0;
    found.path = where;
  }
  return found;
}

/// Keys of other maps than those of elements, of which the structure tells.
void add_repeated_keys(const Tree& tree, Problems& problems) {
  std::vector<std::uint64_t> told;
  for (const Problem& problem : problems.all()) {
    if (problem.offset) told.push_back(*problem.offset);
  }
  std::ranges::sort(told);
  for (const RepeatedKey& key : repeated_keys(tree)) {
    if (std::ranges::binary_search(told, key.value->offset)) continue;
    problems.add({Diagnostic::Severity::error, key.path,
                  fmt::format("the key {} stands twice in one map", quoted(key.path.back())),
                  "of such keys one reader takes the first, another the last", key.value->offset});
  }
}

/// Of a graph: the problems of its structure, whose paths then begin in it.
Problems of_graph(const Problems& all, const std::string& id) {
  Problems found;
  for (const Problem& problem : all.all()) {
    const Path& path = problem.path;
    if (path.size() < 2 || path[0] != "graphs" || path[1] != id) continue;
    Problem inner = problem;
    inner.path.erase(inner.path.begin(), inner.path.begin() + 2);
    found.add(std::move(inner));
  }
  return found;
}

/// Shapes as texts, which no release takes.
void add_old_shapes(const Document& document, Places& places, Problems& problems) {
  for (const auto& [id, graph] : document.graphs) {
    for (const auto& [node, body] : graph.nodes) {
      const auto look = [&](const std::string& key, const auto& ports) {
        for (const auto& [port, declared] : ports) {
          Path path{"graphs", id, "nodes", node, key, port, "shape"};
          if (declared.shape.empty() || places.element(path).text() == nullptr) continue;
          problems.warning(std::move(path), "no release takes a shape that is a text",
                           fmt::format("write [{}]", fmt::join(declared.shape, ", ")));
        }
      };
      look("input_ports", body.input_ports);
      look("output_ports", body.output_ports);
    }
  }
}

void check_document(const Document& document, const RunOptions& options, Places& places,
                    Problems& problems) {
  const Problems structure = problems;
  add_ignored(document, problems);
  if (document.graphs.empty() && structure.errors() == 0)
    problems.warning({}, "the document has no graph", "there is nothing to run");
  for (const auto& [id, body] : document.models)
    problems.warning({}, fmt::format("the model {} is not looked at", quoted(id)),
                     "only the first one is");
  for (std::size_t i = 0; i < document.graphs.size(); ++i) {
    const auto& [id, graph] = document.graphs[i];
    const Path path{"graphs", id};
    if (i > 0) problems.warning(path, "only the first graph is run");
    Problems found;
    check_graph(graph, options, of_graph(structure, id), found);
    found.noting(Path{"metadata"}, [&, &metadata = graph.metadata] { origin_of(metadata); });
    problems.add(std::move(found), path);
  }
  add_old_shapes(document, places, problems);
}

}  // namespace

std::vector<Diagnostic> check(const Files& files, std::string_view entry,
                              const RunOptions& options) {
  const Dialect dialect = dialect_named(options.dialect);
  const Bytes file = files.read(entry);
  Content content;
  try {
    content = content_of(entry, file);
  } catch (const Error& error) {
    if (error.fault() != Fault::file) throw;
    return {of_form(error)};
  }
  Problems problems;
  const Document document = read_document(content.tree, dialect, problems);
  add_repeated_keys(body_of(content.tree), problems);
  Places places(content);
  check_document(document, options, places, problems);
  const bool stored = !document.graphs.empty() && problems.errors() == 0 &&
                      origin_of(document.graphs.front().second.metadata);
  if (stored) {
    problems.noting(Path{}, [&] {
      try {
        load(files, entry, dialect).weights();
      } catch (const Error& error) {
        throw Error(error.fault(), std::string(place_in(entry, error.where())), error.text());
      }
    });
  }
  std::vector<Diagnostic> found;
  for (const Problem& problem : problems.all()) found.push_back(places.at(problem));
  std::ranges::stable_sort(found, {},
                           [](const Diagnostic& one) { return std::pair(one.line, one.column); });
  return found;
}

}  // namespace isomer::mdf
