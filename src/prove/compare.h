#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "prove/certificate.h"
#include "systems/system.h"

namespace isomer {

/// How far a tensor may be from the source's exact values.
struct Tolerance {
  double bound = 0;  // of every element of the tensor
};

/// A small multiple of max(the error that the source itself makes in single precision, a few ulp of
/// the tensor's scale). `exact` is the source's tensor in double precision, `source` the one in
/// single.
Tolerance tolerance_of(const Tensor& exact, const Tensor& source, double terms = 0);

/// Where both ran in double precision: `relative` to the tensor's scale, or what of the
/// source's error in single precision remains in double, where nothing but rounding is left of
/// terms that cancel.
Tolerance exact_tolerance_of(const Tensor& exact, const Tensor& source, double relative,
                             double terms = 0);

/// The largest finite magnitude in any of them.
double scale_of(std::span<const Tensor> tensors);

/// What the source says, once for all that are compared with it.
struct Expected {
  std::vector<Tensor> exact = {};   // in double precision
  std::vector<Tensor> source = {};  // in single
  /// The same by the source's other engines, where some element is not finite: those agree on
  /// numbers, and not always on what an overflow leaves behind.
  std::vector<std::vector<Tensor>> exact_elsewhere = {};
  std::vector<std::vector<Tensor>> source_elsewhere = {};
  /// Of the numbers that were summed up to these: what cancels leaves rounding errors of that size.
  /// Gradients that are 0 by their nature, as of a bias before a normalisation, have nothing else
  /// in them.
  double terms = 0;
  double relative = 1e-9;  // of a comparison in double precision
};

/// Whether an integer element that differs may do so, because rounding decides it.
using Undecided = std::function<bool(std::size_t tensor, std::size_t element, std::int64_t other)>;

/// Compares tensor by tensor and adds what is found to `check`. `names` are for messages;
/// `situation` says which inputs. Floating
/// elements are to be within the bound, infinities and not-a-numbers to coincide with the source's
/// unless its own precisions or engines differ there, integers and booleans to be equal or excused.
/// Returns whether all is the same.
bool compare(Check& check, std::span<const std::string> names, const Expected& expected,
             std::span<const Tensor> other, Precision precision, const std::string& situation,
             const Undecided& undecided = {});

/// How much wider than the bound of a comparison in double precision one is that a float in the
/// formula allows: 2^-22 to 1e-9.
constexpr double float_in_formula = 0x1p-22 / 1e-9;

/// Takes a check for the same whose worst element is within `times` its bound. Returns whether it
/// is the same now.
bool forgive(Check& check, double times);

/// The worst of two tensors in units of the bound; infinite where they cannot be compared. For
/// bisecting.
double distance(const Tensor& exact, const Tensor& source, const Tensor& other);

/// The index of a flat position.
std::vector<std::int64_t> unravelled(std::size_t position, std::span<const std::int64_t> shape);

}  // namespace isomer
