#pragma once

// Numbers over time as a picture.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isomer {

/// One curve; where a value is not finite it has a gap.
struct Curve {
  std::string name;
  std::vector<double> values;
};

/// How many curves can be told apart.
constexpr std::size_t most_curves = 10;

/// An SVG file with axes and a legend. Each curve has as many values as `x`, which does not fall;
/// of very many in a row, the lowest and the highest are drawn.
std::string plot(std::string_view title, std::string_view x_name, std::span<const double> x,
                 std::span<const Curve> curves);

}  // namespace isomer
