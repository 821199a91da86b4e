#include "cli/record.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "cli/tensor_files.h"
#include "prove/compare.h"

namespace isomer::cli {
namespace {

/// As it must stand where commas separate.
std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? "\"\"" : std::string(1, c);
  return result + "\"";
}

/// The elements as Python prints them.
std::vector<std::string> element_texts(const Tensor& tensor) {
  std::vector<std::string> texts;
  if (is_floating(tensor.dtype())) {
    const bool single = tensor.dtype() == DType::f32;
    for (const double value : tensor.doubles())
      texts.push_back(single ? real_text(static_cast<float>(value)) : real_text(value));
    return texts;
  }
  for (const std::int64_t value : tensor.integers()) {
    const bool flag = tensor.dtype() == DType::boolean;
    texts.push_back(flag ? (value != 0 ? "True" : "False") : std::to_string(value));
  }
  return texts;
}

}  // namespace

Recording::Recording(std::optional<double> time_increment) : time_increment_(time_increment) {
  column("step");
  if (time_increment_) column("time");
}

std::size_t Recording::column(const std::string& name) {
  const auto [found, fresh] = places_.try_emplace(name, columns_.size());
  if (fresh) columns_.push_back(name);
  if (row_.size() < columns_.size()) row_.resize(columns_.size());
  return found->second;
}

void Recording::add(const std::string& name, const Tensor& tensor) {
  constexpr std::int64_t most_elements = 10'000;
  if (tensor.count() > most_elements || is_complex(tensor.dtype())) {
    left_out_.insert(name);
    return;
  }
  const std::vector<std::string> texts = element_texts(tensor);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto place = unravelled(i, tensor.shape());
    row_[column(place.empty() ? name : fmt::format("{}[{}]", name, fmt::join(place, ",")))] =
        texts[i];
  }
}

void Recording::add(const Runnable& model, std::span<const Tensor> outputs) {
  constexpr std::size_t most_bytes = std::size_t{1} << 30U;
  row_.assign(columns_.size(), "");
  row_[0] = std::to_string(rows_.size());
  if (time_increment_) row_[1] = real_text(static_cast<double>(rows_.size()) * *time_increment_);
  if (model.quantities) {
    for (const auto& [name, tensor] : model.quantities()) add(name, tensor);
  } else {
    for (std::size_t i = 0; i < outputs.size(); ++i) add(name_of_output(model, i), outputs[i]);
    const std::vector<Tensor> states = model.executor->states();
    for (std::size_t i = 0; i < states.size(); ++i) add(model.states[i].name, states[i]);
  }
  rows_.emplace_back(fmt::format("{}", fmt::join(row_, ",")), row_.size());
  bytes_ += rows_.back().first.size();
  if (bytes_ > most_bytes)
    throw Error(Fault::model, "--record", "the table grows beyond a gigabyte; record fewer steps");
}

std::vector<Curve> Recording::curves() const {
  std::vector<Curve> curves;
  for (const std::string& name : columns_)
    curves.push_back({name, std::vector<double>(rows_.size(), std::nan(""))});
  for (std::size_t step = 0; step < rows_.size(); ++step) {
    std::string_view rest = rows_[step].first;  // no cell of a number has a comma
    for (std::size_t i = 0; i < rows_[step].second; ++i) {
      const std::string_view one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      if (one == "True" || one == "False") curves[i].values[step] = one == "True" ? 1 : 0;
      std::from_chars(one.data(), one.data() + one.size(), curves[i].values[step]);
    }
  }
  return curves;
}

Parts Recording::table() const {
  std::vector<std::string> head;
  for (const std::string& name : columns_) head.push_back(cell(name));
  Parts parts{bytes_of(fmt::format("{}\n", fmt::join(head, ",")))};
  for (const auto& [text, cells] : rows_)
    parts.push_back(bytes_of(text + std::string(columns_.size() - cells, ',') + "\n"));
  return parts;
}

}  // namespace isomer::cli
