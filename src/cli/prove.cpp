#include "prove/prove.h"

#include "base/text.h"
#include "cli/lengths.h"
#include "cli/model_file.h"
#include "cli/progress.h"
#include "cli/ranges.h"
#include "cli/staging.h"
#include "cli/tensor_files.h"
#include "cli/verb.h"
#include "prove/certificate.h"

namespace isomer::cli {
namespace {

constexpr Option options[] = {
    {"A", "FILE", "the model that is right by definition", true},
    {"B", "FILE", "the model that should behave as A does", true},
    {"--inputs", "FILE", "tensors to compare on besides those we make, as for run", false, true},
    {"--cases", "FOLDER", "the same from each file of tensors there"},
    {"--range", "NAME=LEAST:MOST", "what elements of an input may be, both ends included", false,
     true},
    {"--json", "FILE", "also write the certificate for machines"},
    {"--length", "NAME=NUMBER", "compare for this one number of a named length of A", false, true},
    {"--engine", "ENGINE", "run graphs on this engine only; default: on all there are"},
    {"--seed", "NUMBER", "of the random inputs and directions; default: 0"},
};

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
  return {options,
          "  isomer prove net.pt2 net.json\n"
          "  isomer prove net.pt2 net.py --inputs digits.safetensors --json report.json\n"
          "  isomer prove net.pt2 net.py --range ids=0:30521 --cases recorded\n"
          "  isomer prove net.py net.json --engine reference\n"
          "  isomer prove net.pt2 net32.json --length s77=32"};
}

int prove(const Words& words) {
  if (words.has("json")) {
    check_output(words.text("json"), "report.json");
    if (words.has("inputs")) check_not_read(words.text("json"), words.all("inputs"));
  }
  ProofOptions proof{.seed = static_cast<std::uint64_t>(words.number("seed", 0, 0)),
                     .progress = progress_bar()};
  if (words.has("engine")) proof.engines = {&engine_named(words.text("engine"))};
  add_inputs(words, proof);
  const ModelFile a = open_model(words.text("A"), "");
  const ModelFile b = open_model(words.text("B"), "");
  Subject source = subject_of(a);
  if (words.has("length") && a.system->simulate != nullptr) {
    throw Error(Fault::usage, "--length",
                fmt::format("{} is run by {}'s own rules, for any length; only a graph that is "
                            "read has one fixed",
                            a.path, a.system->name));
  }
  source.prepare = fixing_asked(words);
  let_threads_sleep();
  const Certificate certificate = isomer::prove(source, subject_of(b), proof);
  print_links(a);
  print_links(b);
  if (words.has("json")) {
    check_not_used(words.text("json"), *a.files);
    check_not_used(words.text("json"), *b.files);
    save(words.text("json"), {bytes_of(to_json(certificate))});
  }
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
