#include <cmath>

#include "run/reference/arithmetic.h"
#include "run/reference/kernel.h"
#include "run/reference/strided.h"

namespace isomer {
namespace {

using Reals = std::vector<double>;
using Integers = std::vector<std::int64_t>;

/// Doubles stay doubles; everything else is kept as an integer.
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, double>, double, std::int64_t>;

template <class F, class T>
auto mapped(F f, const std::vector<T>& x) {
  std::vector<Stored<decltype(f(T{}))>> y;
  y.reserve(x.size());
  for (const T element : x) y.push_back(f(element));
  return y;
}

/// f(x), for every kind of number.
template <class F>
constexpr RunKernel* each(F) {
  return [](const KernelCall& call) {
    std::visit([&](const auto& x) { call.result().elements = mapped(F{}, x); },
               call.input(0).elements);
  };
}

/// f(x) in real numbers: integers are first converted to the result's type.
template <class F>
constexpr RunKernel* each_real(F) {
  return [](const KernelCall& call) {
    Reals converted;
    call.result().elements = mapped(F{}, reals_in(call.input(0), call.result().dtype, converted));
  };
}

/// The elements of an operand as they meet those of a result: where it has its shape or a single
/// element they stay where they are, else they are laid out anew.
template <class T>
class Broadcast {
 public:
  Broadcast(const std::vector<T>& elements, const Operand& from, const Operand& to)
      : first_(elements.data()), step_(elements.size() == 1 ? 0 : 1) {
    if (step_ == 0 || from.shape == to.shape) return;
    laid_out_ = laid_out(elements, to.shape, broadcast_layout(from.shape, to.shape));
    first_ = laid_out_.data();
  }
  Broadcast(const Broadcast&) = delete;
  Broadcast& operator=(const Broadcast&) = delete;

  T operator[](std::size_t i) const { return first_[i * step_]; }

 private:
  const T* first_;
  std::size_t step_;
  std::vector<T> laid_out_;
};

template <class F, class T>
void set_mapped(Operand& z, F f, const Broadcast<T>& x, const Broadcast<T>& y) {
  std::vector<Stored<decltype(f(T{}, T{}))>> elements(static_cast<std::size_t>(z.count()));
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = f(x[i], y[i]);
  z.elements = std::move(elements);
}

/// f(x, y), broadcasting, for every kind of number.
template <class F>
constexpr RunKernel* pairwise(F) {
  return [](const KernelCall& call) {
    const Operand& x = call.input(0);
    const Operand& y = call.input(1);
    Operand& z = call.result();
    if (is_floating(x.dtype)) {
      set_mapped(z, F{}, Broadcast(x.reals(), x, z), Broadcast(y.reals(), y, z));
    } else {
      set_mapped(z, F{}, Broadcast(x.integers(), x, z), Broadcast(y.integers(), y, z));
    }
  };
}

/// f(x, y) in real numbers: integers are first converted to the result's type.
template <class F>
constexpr RunKernel* pairwise_real(F) {
  return [](const KernelCall& call) {
    const Operand& x = call.input(0);
    const Operand& y = call.input(1);
    Operand& z = call.result();
    Reals x_converted;
    Reals y_converted;
    set_mapped(z, F{}, Broadcast(reals_in(x, z.dtype, x_converted), x, z),
               Broadcast(reals_in(y, z.dtype, y_converted), y, z));
  };
}

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

constexpr Kernel kernels[] = {
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
    {"where", run_where},
    {"cast", run_cast},
};

}  // namespace

std::span<const Kernel> elementwise_kernels() { return kernels; }

}  // namespace isomer
