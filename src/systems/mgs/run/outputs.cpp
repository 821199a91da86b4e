#include "systems/mgs/run/outputs.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

namespace isomer::mgs {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t most_in_memory = std::size_t{64} << 20U;
constexpr std::size_t most_written = std::size_t{16} << 30U;
constexpr std::size_t most_files = 100'000;

bool leads_out(std::string_view name) {
  const auto parts = split_text(name, '/');
  return name.empty() || name.starts_with('/') || name.find('\0') != std::string_view::npos ||
         std::ranges::find(parts, "..") != parts.end();
}

}  // namespace

void Outputs::check(const std::string& name) const {
  if (leads_out(name)) {
    throw Error(Fault::file, name,
                "a node would write it, and the name leads out of the network's folder; names are "
                "relative, without '..'");
  }
  if (folder_.empty()) return;
  std::error_code unknown;
  const fs::path target = folder_ / name;
  for (const fs::path& used : inputs_.used()) {
    if (!fs::equivalent(used, target, unknown)) continue;
    throw Error(Fault::file, name, "a node would write over a file that this run has read");
  }
  const fs::file_status status = fs::symlink_status(target, unknown);
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw Error(Fault::file, name, "a node would write it, and it is no regular file");
  if (!fs::is_directory(target.parent_path(), unknown))
    throw Error(Fault::file, name, "a node would write it, and its folder is not there");
}

void Outputs::begin(const std::string& name) {
  if (!files_.contains(name)) {
    check(name);
    if (files_.size() >= most_files) {
      throw Error(Fault::model, name,
                  fmt::format("nodes write more than {} files; that is our limit", most_files));
    }
  }
  Pending& pending = files_[name];
  in_memory_ -= pending.text.size();
  if (!pending.aside.empty()) fs::remove(pending.aside);
  pending = {};
}

void Outputs::append(const std::string& name, std::string_view text) {
  if (!files_.contains(name)) begin(name);
  files_.find(name)->second.text += text;
  in_memory_ += text.size();
  written_ += text.size();
  if (written_ > most_written)
    throw Error(Fault::model, name, "nodes write more than 16 GiB; that is our limit");
  if (in_memory_ <= most_in_memory || folder_.empty()) return;
  for (auto& [unused, pending] : files_) spill(pending);
  in_memory_ = 0;
}

void Outputs::write(const std::string& name, std::string_view text, bool anew) {
  if (anew) begin(name);
  append(name, text);
}

void Outputs::spill(Pending& pending) {
  if (aside_ == nullptr) aside_ = std::make_unique<TemporaryFolder>(folder_ / ".isomer-");
  if (pending.aside.empty()) pending.aside = aside_->path() / std::to_string(spilled_++);
  std::ofstream file(pending.aside, std::ios::binary | std::ios::app);
  file.write(pending.text.data(), static_cast<std::streamsize>(pending.text.size()));
  file.close();
  if (!file) throw Error(Fault::file, pending.aside.string(), "cannot be written");
  pending.text.clear();
}

std::vector<std::string> Outputs::names() const {
  std::vector<std::string> names;
  for (const auto& [name, pending] : files_) names.push_back(name);
  return names;
}

std::string Outputs::text(const std::string& name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) return {};
  std::string all;
  if (!found->second.aside.empty()) {
    std::ifstream file(found->second.aside, std::ios::binary);
    all.assign(std::istreambuf_iterator<char>(file), {});
  }
  return all + found->second.text;
}

void Outputs::publish() {
  if (folder_.empty()) return;
  for (auto& [name, pending] : files_) spill(pending);
  uninterrupted([&] {
    for (const auto& [name, pending] : files_) {
      std::error_code failed;
      fs::rename(pending.aside, folder_ / name, failed);
      if (failed) throw Error(Fault::file, name, "cannot be written: " + failed.message());
    }
  });
}

}  // namespace isomer::mgs
