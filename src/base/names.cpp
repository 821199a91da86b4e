#include "base/names.h"

#include <cctype>

#include "base/error.h"
#include "base/text.h"

namespace isomer {

std::string identifier(std::string_view hint) {
  std::string name;
  for (const char c : hint) {
    const auto code = static_cast<unsigned char>(c);
    name += code < 128 && (std::isalnum(code) != 0) ? c : '_';
  }
  if (!name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) != 0) name.insert(0, "_");
  return name;
}

Names::Names(std::vector<std::string_view> reserved) {
  for (const std::string_view word : reserved) taken_.emplace(word);
}

bool Names::claim(const std::string& name) {
  return !(is_reserved_ && is_reserved_(name)) && taken_.insert(name).second;
}

std::string Names::take(std::string_view hint) {
  const std::string base = identifier(hint);
  if (!base.empty() && claim(base)) return base;
  const std::string stem = base.empty() ? "v" : base + "_";
  int& next = next_.try_emplace(stem, base.empty() ? 0 : 1).first->second;
  while (true) {
    std::string name = stem + std::to_string(next++);
    if (claim(name)) return name;
  }
}

void refuse_name(std::string_view kind, std::string_view name,
                 const std::vector<std::string_view>& names) {
  throw Error(Fault::usage, "",
              fmt::format("there is no {} {}; there are: {}", kind, quoted(name), listed(names)));
}

}  // namespace isomer
