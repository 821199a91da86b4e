#include <cmath>
#include <numeric>

#include "run/reference/arithmetic.h"
#include "run/reference/elementwise.h"

namespace isomer {
namespace {

double minus(double x, double y) { return x - y; }
std::int64_t minus(std::int64_t x, std::int64_t y) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(x) - static_cast<std::uint64_t>(y));
}

// Not 0 - x, which turns 0 into 0 instead of -0.
double negative(double x) { return -x; }
std::int64_t negative(std::int64_t x) { return minus(std::int64_t{0}, x); }

double magnitude(double x) { return std::abs(x); }
std::int64_t magnitude(std::int64_t x) { return x < 0 ? negative(x) : x; }

double power(double x, double y) { return std::pow(x, y); }
std::int64_t power(std::int64_t x, std::int64_t y) {
  if (y < 0) {
    // 1 / x^-y, cut towards 0; PyTorch gives 0 for x = 0, too.
    if (x == 1) return 1;
    return x == -1 ? (y % 2 == 0 ? 1 : -1) : 0;
  }
  std::int64_t result = 1;
  for (; y > 0; y /= 2) {
    if (y % 2 == 1) result = times(result, x);
    x = times(x, x);
  }
  return result;
}

[[noreturn]] void refuse_zero() {
  throw Error(Fault::model, "",
              "an integer is divided by 0; divide floats, or keep the divisor away from 0");
}

double modulo(double x, double y) {
  const double rest = std::fmod(x, y);
  return rest != 0 && (y < 0) != (rest < 0) ? rest + y : rest;
}
std::int64_t modulo(std::int64_t x, std::int64_t y) {
  if (y == 0) refuse_zero();
  if (y == -1) return 0;  // the machine's division overflows for the least integer
  const std::int64_t rest = x % y;
  return rest != 0 && (y < 0) != (rest < 0) ? rest + y : rest;
}

// The quotient that belongs to `modulo`, so that x = y * quotient + rest even where x / y rounds up
// to a whole number.
double floored_quotient(double x, double y) {
  if (y == 0) return x / y;
  const double rest = std::fmod(x, y);
  double quotient = (x - rest) / y;
  if (rest != 0 && (y < 0) != (rest < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, x / y);
  const double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}
std::int64_t floored_quotient(std::int64_t x, std::int64_t y) {
  if (y == 0) refuse_zero();
  if (y == -1) return negative(x);
  const std::int64_t quotient = x / y;
  return x % y != 0 && (x < 0) != (y < 0) ? quotient - 1 : quotient;
}

bool not_a_number(double x) { return std::isnan(x); }
bool not_a_number(std::int64_t) { return false; }

std::int64_t width_of(DType dtype) {
  switch (dtype) {
    case DType::i8:
    case DType::u8: return 8;
    case DType::i16: return 16;
    case DType::i32: return 32;
    default: return 64;
  }
}

/// f(x, y, bits of the type) of integers.
template <class F>
constexpr RunKernel* bitwise(F) {
  return [](const KernelCall& call) {
    const Operand& x = call.input(0);
    const Operand& y = call.input(1);
    Operand& z = call.result();
    const std::int64_t width = width_of(z.dtype);
    const auto f = [&](std::int64_t a, std::int64_t b) { return F{}(a, b, width); };
    set_mapped(z, f, Broadcast(x.integers(), x, z), Broadcast(y.integers(), y, z));
  };
}

// Too far, which C++ leaves open, is all the way: nothing is left but the sign.
std::int64_t shifted_left(std::int64_t x, std::int64_t by, std::int64_t width) {
  if (by < 0 || by >= width) return 0;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(x) << by);
}
std::int64_t shifted_right(std::int64_t x, std::int64_t by, std::int64_t width) {
  return x >> (by < 0 || by >= width ? 63 : by);
}

void run_where(const KernelCall& call) {
  const Operand& condition = call.input(0);
  const Operand& x = call.input(1);
  const Operand& y = call.input(2);
  Operand& z = call.result();
  const Broadcast chosen(condition.integers(), condition, z);
  std::visit(
      [&]<class T>(const std::vector<T>& x_elements) {
        const Broadcast ones(x_elements, x, z);
        const Broadcast others(std::get<std::vector<T>>(y.elements), y, z);
        std::vector<T> result(static_cast<std::size_t>(z.count()));
        for (std::size_t i = 0; i < result.size(); ++i)
          result[i] = chosen[i] != 0 ? ones[i] : others[i];
        z.elements = std::move(result);
      },
      x.elements);
}

void run_cast(const KernelCall& call) {
  const Operand& x = call.input(0);
  Operand& y = call.result();
  if (is_floating(y.dtype)) {
    Reals converted;
    y.elements = reals_in(x, y.dtype, converted);
  } else if (!is_floating(x.dtype)) {
    y.elements = x.integers();
  } else if (y.dtype == DType::boolean) {
    y.elements = mapped([](double element) { return element != 0; }, x.reals());
  } else {
    y.elements = mapped([&](double element) { return truncated(element, y.dtype); }, x.reals());
  }
}

constexpr Kernel elementwise_table[] = {
    {"neg", each([](auto x) { return negative(x); })},
    {"abs", each([](auto x) { return magnitude(x); })},
    // Of nan it is 0: neither comparison holds.
    {"sign", each([](auto x) { return static_cast<decltype(x)>((x > 0) - (x < 0)); })},
    {"exp", each_real([](double x) { return std::exp(x); })},
    {"expm1", each_real([](double x) { return std::expm1(x); })},
    {"log", each_real([](double x) { return std::log(x); })},
    {"log1p", each_real([](double x) { return std::log1p(x); })},
    {"sqrt", each_real([](double x) { return std::sqrt(x); })},
    {"sin", each_real([](double x) { return std::sin(x); })},
    {"cos", each_real([](double x) { return std::cos(x); })},
    {"atan", each_real([](double x) { return std::atan(x); })},
    {"tanh", each_real([](double x) { return std::tanh(x); })},
    {"sigmoid", each_real([](double x) { return 1 / (1 + std::exp(-x)); })},
    {"erf", each_real([](double x) { return std::erf(x); })},
    {"floor", each_real([](double x) { return std::floor(x); })},
    {"ceil", each_real([](double x) { return std::ceil(x); })},
    // Halves go to the even neighbour, the rounding mode that every program starts with.
    {"round", each_real([](double x) { return std::nearbyint(x); })},
    // Asked this way round, nan stays nan.
    {"relu", each([](auto x) { return x < 0 ? decltype(x){0} : x; })},
    {"isnan", each([](auto x) { return not_a_number(x); })},
    {"logical_not", each([](auto x) { return x == 0; })},
    {"add", pairwise([](auto x, auto y) { return plus(x, y); })},
    {"sub", pairwise([](auto x, auto y) { return minus(x, y); })},
    {"mul", pairwise([](auto x, auto y) { return times(x, y); })},
    {"div", pairwise_real([](double x, double y) { return x / y; })},
    {"pow", pairwise([](auto x, auto y) { return power(x, y); })},
    {"maximum", pairwise([](auto x, auto y) { return not_a_number(x) || x >= y ? x : y; })},
    {"minimum", pairwise([](auto x, auto y) { return not_a_number(x) || x <= y ? x : y; })},
    {"floor_divide", pairwise([](auto x, auto y) { return floored_quotient(x, y); })},
    {"remainder", pairwise([](auto x, auto y) { return modulo(x, y); })},
    {"eq", pairwise([](auto x, auto y) { return x == y; })},
    {"lt", pairwise([](auto x, auto y) { return x < y; })},
    {"le", pairwise([](auto x, auto y) { return x <= y; })},
    {"logical_and", pairwise([](auto x, auto y) { return x != 0 && y != 0; })},
    {"logical_or", pairwise([](auto x, auto y) { return x != 0 || y != 0; })},
    {"bitwise_not", [](const KernelCall& call) {
       call.result().elements =
           mapped([](std::int64_t x) { return ~x; }, call.input(0).integers());
     }},
    {"bitwise_and", bitwise([](auto x, auto y, auto) { return x & y; })},
    {"bitwise_or", bitwise([](auto x, auto y, auto) { return x | y; })},
    {"bitwise_xor", bitwise([](auto x, auto y, auto) { return x ^ y; })},
    {"shift_left", bitwise([](auto x, auto y, auto width) { return shifted_left(x, y, width); })},
    {"shift_right", bitwise([](auto x, auto y, auto width) { return shifted_right(x, y, width); })},
    {"gcd", bitwise([](auto x, auto y, auto) { return std::gcd(x, y); })},
    {"where", run_where},
    {"cast", run_cast},
};

}  // namespace

std::span<const Kernel> elementwise_kernels() { return elementwise_table; }

}  // namespace isomer
