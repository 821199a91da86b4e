#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "pictures/plot.h"
#include "run/runnable.h"

namespace isomer::cli {

/// What a model's quantities were after each of many runs, as a table of comma-separated values: a
/// row for each step, a column for each element, "node.port[0,1]". What comes later, or with
/// another shape, has columns of its own; a cell without a value is empty.
class Recording {
 public:
  /// `time_increment` lies between two steps; nothing: there is no column of time.
  explicit Recording(std::optional<double> time_increment);

  /// After the next step: the model's own quantities, else its outputs and states. Throws
  /// Fault::model where the table grows beyond a gigabyte.
  void add(const Runnable& model, std::span<const Tensor> outputs);
  /// The numbers are the shortest decimals that read back as the same.
  Parts table() const;
  /// The columns as numbers; what is none is not a number.
  std::vector<Curve> curves() const;
  /// Quantities of more elements than anybody reads: they are not in the table.
  const std::set<std::string>& left_out() const { return left_out_; }

 private:
  void add(const std::string& name, const Tensor& tensor);
  std::size_t column(const std::string& name);

  std::optional<double> time_increment_;
  std::vector<std::string> columns_;
  std::map<std::string, std::size_t, std::less<>> places_;  // of columns
  std::vector<std::string> row_;                            // the present one's cells
  std::vector<std::pair<std::string, std::size_t>> rows_;   // with their numbers of cells
  std::size_t bytes_ = 0;
  std::set<std::string> left_out_;
};

}  // namespace isomer::cli
