#pragma once

// The command line. Each verb is one file with one function and its options; main.cpp is the table
// of them. Results go to standard output; notes, bars and the one message of a failure to standard
// error. Nothing here decides anything.

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isomer::cli {

/// A word that a verb takes: an option ("--to", "-o,--output") or, without dashes, an argument
/// ("MODEL").
struct Option {
  std::string_view name;
  std::string_view
      value;  // what follows it, for help and completion: "SYSTEM", "FILE"; empty: a flag
  std::string_view about;
  bool required = false;
  bool several = false;  // takes one or more values

  bool positional() const { return name.front() != '-'; }
  /// The long name without its dashes: "output".
  std::string_view key() const;
};

/// What stood on the command line, by the options' keys.
class Words {
 public:
  void put(std::string_view key, std::vector<std::string> values);

  bool has(std::string_view key) const { return values_.contains(key); }
  /// The value, or an empty text.
  const std::string& text(std::string_view key) const;
  std::span<const std::string> all(std::string_view key) const;
  /// The value as a whole number, or `by_default`. Throws Fault::usage for any other text, and for
  /// numbers beyond the bounds.
  std::int64_t number(std::string_view key, std::int64_t by_default, std::int64_t least,
                      std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
  /// The value as a number; nothing where it is not there. Throws Fault::usage for any other text,
  /// and for what is not finite.
  std::optional<double> real(std::string_view key) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct Usage {
  std::span<const Option> options;
  std::string_view examples;  // one a line
};

struct Verb {
  std::string_view name;
  std::string_view about;  // one sentence
  Usage (*usage)();
  int (*run)(const Words&);  // the exit code
};

/// The table in main.cpp.
std::span<const Verb> all_verbs();

/// A line to standard error; what cannot be written there is lost.
void say(std::string_view line);
/// What came out of a model or a proof, to standard output. Both this and `say` send nothing that a
/// terminal would obey.
void print(std::string_view text);

constexpr int yes = 0;
constexpr int no = 1;
constexpr int faulty = 3;  // as a fault of a file is
constexpr int unproved = 5;

Usage show_usage();
int show(const Words& words);
Usage check_usage();
int check_file(const Words& words);
Usage convert_usage();
int convert(const Words& words);
Usage export_usage();
int export_model(const Words& words);
Usage run_usage();
int run(const Words& words);
Usage prove_usage();
int prove(const Words& words);
Usage diff_usage();
int diff(const Words& words);
Usage train_usage();
int train(const Words& words);
Usage ops_usage();
int ops(const Words& words);
Usage systems_usage();
int systems(const Words& words);
Usage passes_usage();
int passes(const Words& words);
Usage completion_usage();
int completion(const Words& words);

/// What `--mode` asks for: "train", "eval" or nothing. Throws Fault::usage for anything else.
std::string mode_asked(const Words& words);

/// Threads of libtorch sleep where they wait for each other: a proof shares the processors with the
/// programs that it runs. To be called before an engine is.
void let_threads_sleep();

}  // namespace isomer::cli
