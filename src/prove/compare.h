#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "prove/certificate.h"
#include "prove/spread.h"

namespace isomer {

// More runs for what fewer call different: of millions of elements some were lucky in each of them.
// Where runs take long, as many as leave one chance in a hundred that what rounding does now and
// then it did in none of them.
constexpr int few_runs = 8, more_runs = 24, costly_runs = 40, many_runs = 64;

/// What the source says of one trial, once for all that are compared with it.
struct Expected {
  std::vector<std::string> names;   // of the tensors, for messages
  std::vector<Tensor> exact = {};   // in double precision
  std::vector<Tensor> source = {};  // in single
  /// By tensor, the same by the source's other engines: where those differ in an integer, or in
  /// what an overflow leaves behind, any of their answers is right.
  std::map<std::size_t, std::vector<Tensor>> exact_elsewhere = {};
  std::map<std::size_t, std::vector<Tensor>> source_elsewhere = {};
  /// Empty: nothing is measured, and the largest error of the source's tensor bounds each element.
  Spread spread = {};
  /// What is within the largest error of its tensor is not measured.
  bool by_tensor_first = false;
  /// Double precision is held to what single precision is: where a float stands in a formula.
  bool double_as_single = false;
  std::optional<Allowed> allowed = {};  // is enough, where rounding explains less
  /// What is called different is measured by so many.
  int most_runs = many_runs;
  /// Tensors of each call that are known to differ, of which nothing is measured any more.
  std::set<std::size_t> decided = {};
  std::size_t calls = 1;  // in a row, with as many tensors each

  /// The place of a tensor among those of its call.
  std::size_t in_call(std::size_t tensor) const { return tensor % (names.size() / calls); }
};

/// Compares tensor by tensor and adds what is found to `check`; `situation` says which inputs.
/// A floating element is to be within what rounding does to it, integers and booleans are to be
/// equal; what rounding decides either way is counted. Returns whether all is the same.
bool compare(Check& check, const Expected& expected, std::span<const Tensor> other,
             Precision precision, const std::string& situation);

/// Of what the source gives by another engine, that of which any answer is right.
void keep_elsewhere(Expected& expected, Precision precision, std::span<const Tensor> found);

/// Adds what one trial gave to what the trials before it gave.
void absorb(Check& check, Check part);

/// |other - exact| in units of the largest that the source's own rounding explains anywhere in the
/// tensor; infinite where they cannot be compared. For bisecting.
double distance(const Tensor& exact, const Tensor& source, const Tensor& other);

/// The index of a flat position.
std::vector<std::int64_t> unravelled(std::size_t position, std::span<const std::int64_t> shape);

}  // namespace isomer
