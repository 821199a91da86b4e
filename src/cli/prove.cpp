#include "prove/prove.h"

#include <chrono>
#include <fstream>

#include "base/bytes.h"
#include "base/names.h"
#include "base/text.h"
#include "cli/failing_set.h"
#include "cli/lengths.h"
#include "cli/model_file.h"
#include "cli/progress.h"
#include "cli/ranges.h"
#include "cli/staging.h"
#include "cli/tensor_files.h"
#include "cli/verb.h"
#include "codecs/zip.h"
#include "prove/certificate.h"

namespace isomer::cli {
namespace {

constexpr Option prove_table[] = {
    {"A", "FILE", "the model that is right by definition", true},
    {"B", "FILE", "the model that should behave as A does", true},
    {"--inputs", "FILE", "tensors to compare on besides those we make, as for run", false, true},
    {"--cases", "FOLDER", "the same from each file of tensors there"},
    {"--range", "NAME=LEAST:MOST", "what elements of an input may be, both ends included", false,
     true},
    weights_option,
    decompose_option,
    {"--json", "FILE", "also write the certificate for machines"},
    {"--length", "NAME=NUMBER", "compare for this one number of a named length of A", false, true},
    {"--engine", "ENGINE", "run graphs on this engine only; default: on all there are"},
    {"--effort", "EFFORT",
     "quick: few inputs on one engine; normal; thorough: inputs of three seeds"},
    {"--allow", "RTOL,ATOL", "what B may be off by, where rounding explains less: 1e-3,1e-5"},
    {"--save-inputs", "FOLDER", "write the smallest inputs that show a difference there"},
    {"--seed", "NUMBER", "of the random inputs and directions; default: 0"},
};

Effort effort_asked(const Words& words) {
  if (!words.has("effort")) return Effort::normal;
  std::vector<std::string_view> names;
  for (const Effort effort : all_efforts) {
    if (words.text("effort") == name_of(effort)) return effort;
    names.push_back(name_of(effort));
  }
  return with_place("--effort",
                    [&]() -> Effort { refuse_name("effort", words.text("effort"), names); });
}

std::optional<Allowed> allowed_asked(const Words& words) {
  if (!words.has("allow")) return std::nullopt;
  const std::string& word = words.text("allow");
  const std::vector<std::string_view> parts = split_text(word, ',');
  std::vector<double> numbers;
  for (const std::string_view part : parts) {
    if (const auto number = finite_number(part); number && *number >= 0) numbers.push_back(*number);
  }
  if (parts.size() != 2 || numbers.size() != 2) {
    throw Error(Fault::usage, "--allow",
                fmt::format("{} is not two numbers that are 0 or more, the relative and the "
                            "absolute one; write 1e-3,1e-5",
                            quoted(word)));
  }
  return Allowed{numbers[0], numbers[1]};
}

/// Wall time by phase, as the progress of a proof names them.
class Clock {
 public:
  /// Also goes on to `shown`, which may be empty.
  Progress watching(Progress shown) {
    return
        [this, shown = std::move(shown)](std::string_view phase, std::size_t done, std::size_t of) {
          const auto now = std::chrono::steady_clock::now();
          if (!seconds_.empty())
            seconds_.back().second += std::chrono::duration<double>(now - since_).count();
          since_ = now;
          if (seconds_.empty() || seconds_.back().first != phase) seconds_.emplace_back(phase, 0.0);
          if (shown) shown(phase, done, of);
        };
  }

  const std::vector<std::pair<std::string, double>>& seconds() const { return seconds_; }

 private:
  std::vector<std::pair<std::string, double>> seconds_;
  std::chrono::steady_clock::time_point since_;
};

std::vector<HashedFile> hashed(const Files& files) {
  std::vector<HashedFile> hashed;
  std::error_code unknown;
  for (const std::filesystem::path& path : files.used()) {
    if (!std::filesystem::is_regular_file(path, unknown)) continue;
    const Bytes content = map_file(path);
    hashed.push_back({path.string(), content.size(), checksum_of(content.data())});
  }
  return hashed;
}

/// As the system calls it; empty where it does not say.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

void save_inputs(const std::string& folder, Certificate& certificate) {
  if (certificate.failing) {
    certificate.repeat = save_set(folder, certificate);
  } else {
    say("--save-inputs: no inputs show a difference; none are written");
  }
}

/// For machines, with what it takes to say again what was proved, and where.
void save_certificate(const Words& words, Certificate& certificate, const ModelFile& a,
                      const ModelFile& b) {
  check_not_used(words.text("json"), *a.files);
  check_not_used(words.text("json"), *b.files);
  certificate.program = "isomer " ISOMER_VERSION;
  certificate.processor = processor_name();
  certificate.source_files = hashed(*a.files);
  certificate.other_files = hashed(*b.files);
  save(words.text("json"), {bytes_of(to_json(certificate))});
}

Subject subject_of(const ModelFile& model) {
  return {model.path, model.system, model.files.get(), model.entry};
}

/// What the user gives to compare on. `words` must outlive it.
void add_inputs(const Words& words, ProofOptions& proof) {
  if (words.has("inputs")) {
    proof.given = [&](std::span<const Port> ports) {
      return read_inputs(words.all("inputs"), ports);
    };
  }
  if (words.has("cases")) {
    proof.cases = [&](std::span<const Port> ports) {
      return read_cases(words.text("cases"), ports);
    };
  }
  if (words.has("range")) {
    proof.ranges = [ranges = ranges_asked(words)](std::span<const Port> ports) {
      check_ranges(ranges, ports);
      return ranges;
    };
  }
}

}  // namespace

Usage prove_usage() {
  return {prove_table,
          "  isomer prove net.pt2 net.json\n"
          "  isomer prove net.pt2 net.py --inputs digits.safetensors --json report.json\n"
          "  isomer prove net.pt2 net.py --range ids=0:30521 --cases recorded\n"
          "  isomer prove net.py net.json --engine reference --effort quick\n"
          "  isomer prove net.pt2 net.py --allow 1e-3,1e-5 --save-inputs differing\n"
          "  isomer prove net.pt2 net32.json --length s77=32"};
}

int prove(const Words& words) {
  if (words.has("json")) {
    check_output(words.text("json"), "report.json");
    if (words.has("inputs")) check_not_read(words.text("json"), words.all("inputs"));
  }
  if (words.has("save-inputs")) check_set_folder(words.text("save-inputs"));
  Clock clock;
  ProofOptions proof{.seed = static_cast<std::uint64_t>(words.number("seed", 0, 0)),
                     .effort = effort_asked(words),
                     .allowed = allowed_asked(words),
                     .progress = clock.watching(progress_bar())};
  if (words.has("engine")) proof.engines = {&engine_named(words.text("engine"))};
  add_inputs(words, proof);
  const ModelFile a = open_model(words.text("A"), words);
  const ModelFile b = open_model(words.text("B"), words);
  Subject source = subject_of(a);
  if (words.has("length") && a.system->simulate != nullptr) {
    throw Error(Fault::usage, "--length",
                fmt::format("{} is run by {}'s own rules, for any length; only a graph that is "
                            "read has one fixed",
                            a.path, a.system->name));
  }
  if (a.system->simulate != nullptr) refuse_weights(words, a);
  source.prepare = preparing_asked(words);
  let_threads_sleep();
  Certificate certificate = isomer::prove(source, subject_of(b), proof);
  print_links(a);
  print_links(b);
  certificate.seconds = clock.seconds();
  if (words.has("save-inputs")) save_inputs(words.text("save-inputs"), certificate);
  if (words.has("json")) save_certificate(words, certificate, a, b);
  print(to_text(certificate));
  switch (certificate.verdict) {
    case Verdict::equivalent:
    case Verdict::within: return yes;
    case Verdict::different: return no;
    case Verdict::not_proved: return unproved;
  }
  return unproved;
}

}  // namespace isomer::cli
