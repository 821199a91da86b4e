#include "passes/pipeline.h"

#include "base/text.h"
#include "cli/verb.h"
#include "codecs/json.h"

namespace isomer::cli {
namespace {

constexpr Option passes_table[] = {{"--json", "", "print a list for machines"}};

}  // namespace

Usage passes_usage() {
  return {passes_table,
          "  isomer passes\n"
          "  isomer convert net.pt2 -o net.json --without simplify --dump steps"};
}

int passes(const Words& words) {
  if (words.has("json")) {
    Tree::List list;
    for (const Pass& pass : conversion_passes()) {
      list.push_back(
          {Tree::Map{{"name", {std::string(pass.name)}}, {"why", {std::string(pass.why)}}}});
    }
    fmt::print("{}\n", write_json({std::move(list)}));
    return yes;
  }
  for (const Pass& pass : conversion_passes()) fmt::print("{:<20} {}\n", pass.name, pass.why);
  return yes;
}

}  // namespace isomer::cli
