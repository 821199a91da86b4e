// Our side of mdf.py: runs a document as `isomer run` does, or loads it, and says how long it took.
// usage: bench_document DOCUMENT [ENGINE] [INPUTS]

#include <rapidjson/document.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "systems/mdf/loading.h"
#include "systems/stored.h"
#include "systems/system.h"

namespace isomer {
namespace {

/// Seconds of the clock and of the processor.
template <class Action>
std::string time_of(const Action& action) {
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t processor = std::clock();
  action();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return fmt::format("{} {}", took.count(),
                     static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC);
}

std::vector<Tensor> inputs_of(const Runnable& model, const std::string& path) {
  const NamedTensors given = path.empty() ? NamedTensors() : read_tensors(map_file(path));
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < model.inputs.size(); ++i) {
    const Tensor* tensor = find(given, fmt::format("in{}", i));
    inputs.push_back(tensor != nullptr ? *tensor : model.defaults.at(i).value());
  }
  return inputs;
}

void parse_alone(const Files& files, const std::string& entry) {
  constexpr unsigned as_documents =
      rapidjson::kParseFullPrecisionFlag | rapidjson::kParseNanAndInfFlag |
      rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  const Bytes bytes = files.read(entry);
  rapidjson::Document document;
  document.Parse<as_documents>(bytes.text().data(), bytes.text().size());
  if (document.HasParseError()) throw Error(Fault::file, entry, "cannot be parsed");
}

/// Each line is a question: how many evaluations to make, "load", "parse" or "prepare". The answer
/// is the seconds, and after evaluations the sum of what the last one gave.
void serve(const std::string& path, std::string_view engine, const std::string& given) {
  const auto files = open_folder(std::filesystem::path(path).parent_path());
  const std::string entry = std::filesystem::path(path).filename();
  const System& mdf = system_named("mdf");
  RunOptions options{.engine = {.threads = 1}, .time_increment = 0.001};
  if (engine == "torch") options.operators = default_engine;
  std::optional<Runnable> model;
  std::vector<Tensor> inputs;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "load") {
      std::cout << time_of([&] { mdf::load(*files, entry); }) << std::endl;
    } else if (line == "parse") {
      std::cout << time_of([&] { parse_alone(*files, entry); }) << std::endl;
    } else if (line == "prepare") {
      std::cout << time_of([&] { mdf.simulate(*files, entry, options); }) << std::endl;
    } else {
      if (!model) {
        model = mdf.simulate(*files, entry, options);
        inputs = inputs_of(*model, given);
      }
      const int steps = std::stoi(line);
      std::vector<Tensor> outputs;
      const std::string took = time_of([&] {
        for (int i = 0; i < steps; ++i) outputs = model->executor->run(inputs);
      });
      double sum = 0;
      for (const Tensor& output : outputs) {
        for (const double element : output.doubles()) sum += element;
      }
      std::cout << took << ' ' << fmt::format("{}", sum) << std::endl;
    }
  }
}

}  // namespace
}  // namespace isomer

int main(int count, char** words) {
  try {
    isomer::serve(words[1], count > 2 ? words[2] : "", count > 3 ? words[3] : "");
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
