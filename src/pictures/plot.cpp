#include "pictures/plot.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "codecs/markup.h"

namespace isomer {
namespace {

constexpr double width = 900, height = 480;
constexpr double left = 80, right = 640, top = 40, bottom = 430;
constexpr std::array<std::string_view, most_curves> colors = {
    "#1666ff", "#cc3355", "#188855", "#b06000", "#441199",
    "#00889a", "#d050c0", "#6a7a00", "#444444", "#e08030"};

/// The numbers between two ends, and where they are on the paper.
struct Axis {
  double low, high;
  double from, to;

  double place(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

Axis axis_of(double low, double high, double from, double to) {
  if (!(low <= high)) low = 0, high = 1;  // there is no finite number
  if (low == high) {
    const double room = low == 0 ? 1 : std::abs(low) * 0.1;
    low -= room;
    high += room;
  }
  return {low, high, from, to};
}

/// Round numbers, about six of them.
std::vector<double> ticks_of(const Axis& axis) {
  const double rough = (axis.high - axis.low) / 6;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double part : {1.0, 2.0, 5.0}) {
    if (part * power >= rough) {
      step = part * power;
      break;
    }
  }
  std::vector<double> ticks;
  constexpr std::size_t most = 20;  // where the ends are so close that steps are lost
  for (double tick = std::ceil(axis.low / step) * step; tick <= axis.high; tick += step) {
    ticks.push_back(std::abs(tick) < step / 2 ? 0.0 : tick);
    if (ticks.size() == most) break;
  }
  return ticks;
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     escaped_markup(text));
}

std::string line_between(double x1, double y1, double x2, double y2, std::string_view color) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", x1, y1, x2,
      y2, color);
}

std::string axes(const Axis& x, const Axis& y, std::string_view x_name) {
  std::string text;
  for (const double tick : ticks_of(x)) {
    text += line_between(x.place(tick), top, x.place(tick), bottom, "#e4e4e4");
    text += text_at(x.place(tick), bottom + 18, "middle", fmt::format("{:.6g}", tick));
  }
  for (const double tick : ticks_of(y)) {
    text += line_between(left, y.place(tick), right, y.place(tick), "#e4e4e4");
    text += text_at(left - 8, y.place(tick) + 4, "end", fmt::format("{:.6g}", tick));
  }
  text += line_between(left, bottom, right, bottom, "#444444");
  text += line_between(left, top, left, bottom, "#444444");
  return text + text_at((left + right) / 2, bottom + 38, "middle", x_name);
}

/// The places of the values to draw: all of them, or of each small part the lowest and the highest.
std::vector<std::size_t> chosen(const std::vector<double>& values) {
  constexpr std::size_t parts = 1'000;
  const std::size_t size = std::max<std::size_t>(1, values.size() / parts);
  std::vector<std::size_t> places;
  for (std::size_t begin = 0; begin < values.size(); begin += size) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = first + static_cast<std::ptrdiff_t>(std::min(size, values.size() - begin));
    const auto [low, high] = std::minmax_element(first, last);
    const auto one = std::min(low, high);
    const auto other = std::max(low, high);
    places.push_back(static_cast<std::size_t>(one - values.begin()));
    if (other != one) places.push_back(static_cast<std::size_t>(other - values.begin()));
  }
  return places;
}

std::string curve_on(const Curve& curve, std::span<const double> times, const Axis& x,
                     const Axis& y, std::string_view color) {
  std::string path;
  bool drawing = false;
  for (const std::size_t i : chosen(curve.values)) {
    const bool finite = std::isfinite(curve.values[i]);
    if (finite)
      path += fmt::format("{}{:.2f},{:.2f} ", drawing ? "L" : "M", x.place(times[i]),
                          y.place(curve.values[i]));
    drawing = finite;
  }
  return fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>\n",
                     trimmed(path), color);
}

}  // namespace

std::string plot(std::string_view title, std::string_view x_name, std::span<const double> x,
                 std::span<const Curve> curves) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const Curve& curve : curves) {
    for (const double value : curve.values) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  const Axis across = axis_of(x.empty() ? 0 : x.front(), x.empty() ? 1 : x.back(), left, right);
  const Axis up = axis_of(low, high, bottom, top);
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#444444\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height);
  text += text_at((left + right) / 2, top - 16, "middle", title) + axes(across, up, x_name);
  for (std::size_t i = 0; i < std::min(curves.size(), most_curves); ++i) {
    constexpr double line = 20;
    const double y = top + 10 + line * static_cast<double>(i);
    text += curve_on(curves[i], x, across, up, colors[i]);
    text += fmt::format("<rect x=\"{}\" y=\"{:.1f}\" width=\"16\" height=\"3\" fill=\"{}\"/>\n",
                        right + 16, y - 5, colors[i]);
    text += text_at(right + 38, y, "start", curves[i].name);
  }
  return text + "</svg>\n";
}

}  // namespace isomer
