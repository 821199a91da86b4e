// Runs exported samples in every way that Isomer has, for tests/opinfo/opinfo.py: way_runner WAY...
// Each line of standard input is a folder with net.pt2 and given.safetensors (in0, ..., and
// cotangent0, ... where gradients are wanted). For each way there is a line of output, "WAY ok
// NOTE", "WAY refused WHY" or "WAY wrong WHY", and its tensors in WAY.safetensors; of source there
// is source/net.py instead, to be run by others. "done" ends the answer.

#include <fmt/format.h>

#include <iostream>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "run/engine.h"
#include "run/runnable.h"
#include "systems/stored.h"
#include "systems/system.h"

namespace isomer {
namespace {

namespace fs = std::filesystem;

void answer(std::string_view way, std::string_view verdict, std::string_view why = {}) {
  std::string line(why);
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  fmt::print("{} {} {}\n", way, verdict, line);
  std::fflush(stdout);
}

/// One exported sample.
class Sample {
 public:
  explicit Sample(fs::path folder)
      : folder_(std::move(folder)), given_(read_tensors(map_file(folder_ / "given.safetensors"))) {}

  void read() {
    const std::unique_ptr<Files> files = open_folder(folder_);
    graph_ =
        std::make_shared<const Graph>(read_model(system_named("pt2"), *files, "net.pt2").graph);
  }
  bool has_gradients() const { return find(given_, "cotangent0") != nullptr; }

  std::vector<Tensor> run(std::string_view engine) const {
    return on_engine(graph_, engine_named(engine)).executor->run(tensors("in"));
  }
  std::vector<Tensor> gradients(std::string_view engine) const {
    const Runnable runnable = on_engine(graph_, engine_named(engine));
    if (runnable.gradient == nullptr)
      throw Error(Fault::unsupported, "", "the model has no gradient");
    std::vector<Tensor> inputs = tensors("in");
    for (Tensor& cotangent : tensors("cotangent")) inputs.push_back(std::move(cotangent));
    return runnable.gradient->run(inputs);
  }
  Written write(std::string_view system) const {
    const System& target = system_named(system);
    return target.write(prepare_for(target, *graph_), entry_of(target, "net"));
  }
  /// What the conversion notes; likewise below.
  std::string write_source() const {
    const Written written = write("pytorch");
    fs::create_directories(folder_ / "source");
    for (const File& file : written.files) write_file(folder_ / "source" / file.name, file.parts);
    return noted(written);
  }
  std::string run_document() const {
    const Written written = write("mdf");
    std::map<std::string, std::string> files;
    for (const File& file : written.files)
      files[file.name] = std::string(bytes_of(file.parts).text());
    const Runnable document =
        system_named("mdf").simulate(*in_memory(std::move(files)), "net.json", {});
    save("mdf", document.executor->run(tensors("in")));
    return noted(written);
  }
  void save(std::string_view way, std::span<const Tensor> tensors) const {
    NamedTensors named;
    for (const Tensor& tensor : tensors)
      named.emplace_back(fmt::format("out{}", named.size()), tensor);
    write_file(folder_ / fmt::format("{}.safetensors", way), write_tensors(named));
  }

 private:
  static std::string noted(const Written& written) {
    return written.notes.empty() ? "" : written.notes.front().text;
  }
  std::vector<Tensor> tensors(std::string_view kind) const {
    std::vector<Tensor> all;
    while (const Tensor* next = find(given_, fmt::format("{}{}", kind, all.size())))
      all.push_back(*next);
    return all;
  }

  fs::path folder_;
  NamedTensors given_;
  std::shared_ptr<const Graph> graph_;
};

/// What is noted on the way.
std::string go(const Sample& sample, std::string_view way) {
  constexpr std::string_view gradient = "_gradient";
  if (way == "source") return sample.write_source();
  if (way == "mdf") return sample.run_document();
  const bool differentiates = way.ends_with(gradient);
  const std::string_view engine = way.substr(0, way.find('_'));
  sample.save(way, differentiates ? sample.gradients(engine) : sample.run(engine));
  return "";
}

/// Whether `action` ran; what it threw is answered for all ways.
template <class Action>
bool tried(std::span<const std::string> ways, Action&& action) {
  try {
    action();
    return true;
  } catch (const Error& error) {
    const bool refused = error.fault() != Fault::bug;
    for (const std::string& way : ways) answer(way, refused ? "refused" : "wrong", error.what());
  } catch (const std::exception& error) {
    for (const std::string& way : ways) answer(way, "wrong", error.what());
  }
  return false;
}

void serve(const fs::path& folder, std::span<const std::string> ways) {
  std::unique_ptr<Sample> sample;
  std::vector<std::string> asked;
  const bool readable = tried(ways, [&] {
    sample = std::make_unique<Sample>(folder);
    for (const std::string& way : ways) {
      if (sample->has_gradients() || !way.ends_with("_gradient")) asked.push_back(way);
    }
  });
  if (!readable || !tried(asked, [&] { sample->read(); })) return;
  for (const std::string& way : asked) {
    std::string note;
    if (tried({&way, 1}, [&] { note = go(*sample, way); })) answer(way, "ok", note);
  }
}

}  // namespace
}  // namespace isomer

int main(int count, char** words) {
  const std::vector<std::string> ways(words + 1, words + count);
  std::string folder;
  while (std::getline(std::cin, folder)) {
    isomer::serve(folder, ways);
    fmt::print("done\n");
    std::fflush(stdout);
  }
}
