#include "cli/failing_set.h"

#include <algorithm>

#include "base/text.h"
#include "cli/staging.h"
#include "cli/steps.h"
#include "systems/stored.h"

namespace isomer::cli {
namespace {
namespace fs = std::filesystem;

/// A word as a shell reads it.
std::string shell_word(const std::string& word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=,:+-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char letter : word) quoted += letter == '\'' ? "'\\''" : std::string(1, letter);
  return quoted + "'";
}

/// Under the names of the ports.
NamedTensors named(const FailingSet& failing, const std::vector<Tensor>& arguments) {
  NamedTensors all;
  for (std::size_t i = 0; i < arguments.size(); ++i)
    all.emplace_back(failing.ports.at(i), arguments[i]);
  return all;
}

/// All calls, each argument with an axis of steps in front.
std::vector<Tensor> in_steps(const std::vector<std::vector<Tensor>>& calls) {
  StepStack stack;
  for (const std::vector<Tensor>& call : calls) stack.add(call);
  return std::move(stack).finish(static_cast<std::int64_t>(calls.size()));
}

}  // namespace

void check_set_folder(const std::string& folder) {
  std::error_code unknown;
  if (!fs::exists(fs::symlink_status(folder, unknown))) return;
  if (!fs::is_directory(folder, unknown))
    throw Error(Fault::usage, folder, "is no folder; --save-inputs takes a new one");
  if (!fs::is_empty(folder, unknown))
    throw Error(Fault::usage, folder, "holds files already; --save-inputs takes a new folder");
}

std::vector<std::string> save_set(const std::string& folder, const Certificate& certificate) {
  const FailingSet& failing = *certificate.failing;
  const InputSet& set = failing.set;
  const bool several = set.calls.size() > 1;
  Staging staging(folder, Staging::Missing::made);
  for (std::size_t call = 0; call < set.calls.size(); ++call)
    staging.write({fmt::format("call{}.safetensors", call + 1),
                   write_tensors(named(failing, set.calls[call]))});
  if (several)
    staging.write({"calls.safetensors", write_tensors(named(failing, in_steps(set.calls)))});
  if (!set.states.empty()) staging.write({"states.safetensors", write_tensors(set.states)});
  if (!set.parameters.empty())
    staging.write({"parameters.safetensors", write_tensors(set.parameters)});
  staging.publish([] {});

  const auto file = [&](std::string_view name) {
    return shell_word((fs::path(folder) / name).string());
  };
  const std::string a = shell_word(certificate.source), b = shell_word(certificate.other);
  std::vector<std::string> commands;
  if (!set.parameters.empty()) {
    commands.push_back(
        fmt::format("# with the parameters of {} in both", file("parameters.safetensors")));
  }
  if (failing.derivatives) {
    commands.push_back(
        fmt::format("isomer prove {} {} --inputs {}", a, b, file("call1.safetensors")));
    return commands;
  }
  for (const auto& [model, name] : {std::pair(a, "a"), std::pair(b, "b")}) {
    std::string command = fmt::format("isomer run {} --inputs {}", model,
                                      file(several ? "calls.safetensors" : "call1.safetensors"));
    if (several) command += fmt::format(" --steps {}", set.calls.size());
    if (!set.states.empty()) command += " --states " + file("states.safetensors");
    commands.push_back(fmt::format("{} -o {}.safetensors", command, name));
  }
  return commands;
}

}  // namespace isomer::cli
