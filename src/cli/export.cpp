#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "cli/model_file.h"
#include "cli/staging.h"
#include "cli/verb.h"

namespace isomer::cli {
namespace fs = std::filesystem;
namespace {

constexpr Option export_table[] = {
    {"MODEL", "FILE", "a program: PyTorch source with load() and example_inputs()", true},
    {"-o,--output", "FILE", "the .pt2 file to write", true},
    {"--mode", "MODE", "train or eval; default: as load() leaves it"},
    {"--from", "SYSTEM", "the system of MODEL, where its name does not say"},
};

}  // namespace

Usage export_usage() {
  return {export_table,
          "  isomer export net.py -o net.pt2\n"
          "  isomer export net.py -o train.pt2 --mode train"};
}

int export_model(const Words& words) {
  const fs::path output = words.text("output");
  check_output(output, "net.pt2");
  if (output.extension() != ".pt2")
    throw Error(Fault::usage, output.string(), "is no .pt2 file, which torch.export writes");
  const ModelFile model = open_model(words.text("MODEL"), words);
  if (model.system->exports == nullptr) {
    throw Error(Fault::usage, model.path,
                fmt::format("is a file of {}, which runs no program; what is exported is PyTorch "
                            "source",
                            model.system->name));
  }
  check_not_used(output, *model.files);
  const std::string mode = mode_asked(words);
  const Bytes file = with_file(model.path, model.entry, [&] {
    return model.system->exports(*model.files, model.entry, {.mode = mode});
  });
  save(output.string(), {file});
  return yes;
}

}  // namespace isomer::cli
