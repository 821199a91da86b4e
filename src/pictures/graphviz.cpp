#include "pictures/graphviz.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "graph/text.h"
#include "systems/temporary.h"

namespace isomer {
namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

}  // namespace

std::string value_name(const Graph& graph, ValueId id) {
  if (id == ValueId::none) return "none";
  const std::string& name = graph[id].name;
  return name.empty() ? fmt::format("v{}", static_cast<std::uint32_t>(id)) : name;
}

std::string dot_of(const Graph& graph) {
  std::string text;
  const auto add = [&]<class... Values>(fmt::format_string<Values...> form, Values&&... values) {
    text += fmt::format(form, std::forward<Values>(values)...);
  };
  add("digraph \"{}\" {{\n  rankdir=TB;\n  node [shape=box, fontname=\"sans\"];\n",
      escaped(graph.name));
  std::map<ValueId, std::string> made_by;
  for (const ValueId id : graph.inputs) {
    made_by[id] = fmt::format("v{}", static_cast<std::uint32_t>(id));
    add("  {} [shape=ellipse, label=\"{}\\n{}\"];\n", made_by[id], escaped(value_name(graph, id)),
        escaped(to_text(graph[id].type)));
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    add("  n{} [label=\"{}\\n{}\"];\n", i, escaped(node.op), escaped(node.scope));
    for (const ValueId id : node.inputs) {
      const auto from = made_by.find(id);
      if (from == made_by.end()) continue;
      add("  {} -> n{} [label=\"{}\"];\n", from->second, i, escaped(to_text(graph[id].type)));
    }
    for (const ValueId id : node.outputs) made_by[id] = fmt::format("n{}", i);
  }
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const ValueId id = graph.outputs[i];
    add("  out{} [shape=ellipse, label=\"{}\\n{}\"];\n", i, escaped(value_name(graph, id)),
        escaped(to_text(graph[id].type)));
    const auto from = made_by.find(id);
    if (from != made_by.end()) add("  {} -> out{};\n", from->second, i);
  }
  add("}}\n");
  return text;
}

namespace {

/// Starts a program that is searched as a shell does; what it complains of goes to `complaints`.
int run_program(std::vector<std::string> words, const std::filesystem::path& complaints) {
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, complaints.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                   S_IRUSR | S_IWUSR);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t process = 0;
  const int failed = posix_spawnp(&process, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    throw Error(Fault::usage, words[0],
                fmt::format("cannot be started ({}); it lays pictures out: install Graphviz, in "
                            "Debian the package 'graphviz', or take --dot",
                            std::strerror(failed)));
  }
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

std::string laid_out(const std::string& dot) {
  // What it needs grows with the square and more of what there is to lay out.
  constexpr std::ptrdiff_t most_lines = 10'000;
  if (std::ranges::count(dot, '\n') > most_lines) {
    throw Error(Fault::unsupported, "",
                fmt::format("more than {} nodes and edges are laid out too slowly to wait for; "
                            "take --dot and a program of your own",
                            most_lines));
  }
  const TemporaryFolder folder(std::filesystem::temp_directory_path() / "isomer-picture-");
  const std::filesystem::path picture = folder.path() / "picture.dot";
  const std::filesystem::path result = folder.path() / "picture.svg";
  const std::filesystem::path complaints = folder.path() / "complaints";
  write_file(picture, {bytes_of(dot)});
  const int code = run_program({"dot", "-Tsvg", "-o", result, picture}, complaints);
  if (code == 0) return std::string(map_file(result).text());
  throw Error(Fault::unsupported, "dot",
              fmt::format("could not lay the picture out: {}",
                          quoted(trimmed(map_file(complaints).text()))));
}

}  // namespace isomer
