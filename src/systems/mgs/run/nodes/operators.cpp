#include <bit>
#include <cfloat>
#include <cmath>

#include "base/text.h"
#include "systems/mgs/run/nodes/nodes.h"

namespace isomer::mgs {
namespace {

constexpr std::int64_t most_elements = std::int64_t{1} << 28U;

[[noreturn]] void crash(std::string what) {
  throw Ended{crashed, {Mistake::crash, {}, std::move(what) + ", and MGS reads beyond it"}};
}

struct Sizes {
  std::int64_t weights = 0;
  std::int64_t biases = 0;
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
};

struct TensorOp;
using Step = void (*)(const TensorOp&, const double* x, double* out);

/// An operator by its name: how many numbers `dims` has, what they make, and the operator.
struct TensorOperator {
  std::string_view name;
  std::size_t dimensions;
  Sizes (*sizes)(const std::vector<int>& dims);
  Step step;
  bool second = false;  // takes in1, too
};

/// A whole tensor's operator, in s<level>.
struct TensorOp {
  Reals y = {};
  Reals w = {};
  Reals b = {};
  std::vector<int> dims = {};
  std::string op = {};
  std::string weight_file = {};
  unsigned level = 0;
  const Reals* in0 = nullptr;
  const Reals* in1 = nullptr;
  const TensorOperator* kind = nullptr;
  Sizes sizes = {};
  Reals weights = {}, biases = {}, out = {};

  void initialize(Visit& visit);
  void step();
  template <unsigned level_of_phase>
  void act_at(Visit&) {
    if (level == level_of_phase) step();
  }
};

std::int64_t product(std::initializer_list<std::int64_t> lengths) {
  std::int64_t all = 1;
  for (const std::int64_t length : lengths) {
    if (length < 0 || length > most_elements || (all *= length) > most_elements) {
      throw Ended{aborted,
                  {Mistake::limit,
                   {},
                   "a TensorOp has negative dims, or a tensor of more than 2^28 "
                   "elements"}};
    }
  }
  return all;
}

Sizes linear_sizes(const std::vector<int>& d) {
  return {product({d[0], d[1]}), d[0], d[1], product({d[0]})};
}

std::int64_t window_count(std::int64_t length, std::int64_t window, std::int64_t stride,
                          std::int64_t padding) {
  if (stride <= 0) {
    throw Ended{divided_by_zero, {Mistake::crash, {}, "a TensorOp has a stride or window of 0"}};
  }
  return (length + 2 * padding - window) / stride + 1;
}

Sizes convolution_sizes(const std::vector<int>& d) {
  return {
      product({d[0], d[1], d[4], d[4]}), d[0], product({d[1], d[2], d[3]}),
      product({d[0], window_count(d[2], d[4], d[5], d[6]), window_count(d[3], d[4], d[5], d[6])})};
}

Sizes pool_sizes(const std::vector<int>& d) {
  return {0, 0, product({d[0], d[1], d[2]}),
          product({d[0], window_count(d[1], d[3], d[3], 0), window_count(d[2], d[3], d[3], 0)})};
}

Sizes same_sizes(const std::vector<int>& d) { return {0, 0, d[0], product({d[0]})}; }

void linear_step(const TensorOp& op, const double* x, double* out) {
  const int columns = op.dims[1];
  for (int row = 0; row < op.dims[0]; ++row) {
    double sum = op.biases[static_cast<std::size_t>(row)];
    const double* weights = op.weights.data() + std::ptrdiff_t{row} * columns;
    for (int i = 0; i < columns; ++i) sum += weights[i] * x[i];
    out[row] = sum;
  }
}

/// One output of a convolution: taps in the padding are left out.
double convolved(const TensorOp& op, const double* x, int channel, int row, int column) {
  const int channels = op.dims[1], height = op.dims[2], width = op.dims[3], window = op.dims[4];
  const int top = row * op.dims[5] - op.dims[6], left = column * op.dims[5] - op.dims[6];
  double sum = op.biases[static_cast<std::size_t>(channel)];
  const double* weights = op.weights.data() + std::ptrdiff_t{channel} * channels * window * window;
  for (int c = 0; c < channels; ++c)
    for (int p = 0; p < window; ++p)
      for (int q = 0; q < window; ++q, ++weights) {
        const int r = top + p, t = left + q;
        if (r < 0 || t < 0 || r >= height || t >= width) continue;
        sum += *weights * x[(std::ptrdiff_t{c} * height + r) * width + t];
      }
  return sum;
}

void convolution_step(const TensorOp& op, const double* x, double* out) {
  const std::vector<int>& d = op.dims;
  const auto rows = static_cast<int>(window_count(d[2], d[4], d[5], d[6]));
  const auto columns = static_cast<int>(window_count(d[3], d[4], d[5], d[6]));
  for (int channel = 0; channel < d[0]; ++channel)
    for (int row = 0; row < rows; ++row)
      for (int column = 0; column < columns; ++column)
        *out++ = convolved(op, x, channel, row, column);
}

template <bool mean>
void pool_step(const TensorOp& op, const double* x, double* out) {
  const int height = op.dims[1], width = op.dims[2], window = op.dims[3];
  for (int c = 0; c < op.dims[0]; ++c)
    for (int i = 0; i < height / window; ++i)
      for (int j = 0; j < width / window; ++j) {
        double most = -DBL_MAX, sum = 0;
        for (int p = 0; p < window; ++p)
          for (int q = 0; q < window; ++q) {
            const double value =
                x[(std::ptrdiff_t{c} * height + i * window + p) * width + j * window + q];
            sum += value;
            if (value > most) most = value;
          }
        *out++ = mean ? sum / (window * window) : most;
      }
}

void softmax_step(const TensorOp& op, const double* x, double* out) {
  const std::size_t count = op.out.size();
  double most = -DBL_MAX, sum = 0;
  for (std::size_t i = 0; i < count; ++i)
    if (x[i] > most) most = x[i];
  for (std::size_t i = 0; i < count; ++i) sum += out[i] = std::exp(x[i] - most);
  for (std::size_t i = 0; i < count; ++i) out[i] /= sum;
}

template <Activation activation>
void activation_step(const TensorOp& op, const double* x, double* out) {
  for (std::size_t i = 0; i < op.out.size(); ++i) out[i] = activated(activation, x[i]);
}

template <bool multiply>
void combine_step(const TensorOp& op, const double* x, double* out) {
  for (std::size_t i = 0; i < op.in1->size(); ++i)
    out[i] = multiply ? x[i] * (*op.in1)[i] : x[i] + (*op.in1)[i];
}

constexpr TensorOperator tensor_operators[] = {
    {"linear", 2, linear_sizes, linear_step},
    {"conv2d", 7, convolution_sizes, convolution_step},
    {"maxpool2d", 4, pool_sizes, pool_step<false>},
    {"avgpool2d", 4, pool_sizes, pool_step<true>},
    {"softmax", 1, same_sizes, softmax_step},
    {"tanh", 1, same_sizes, activation_step<Activation::tanh>},
    {"relu", 1, same_sizes, activation_step<Activation::relu>},
    {"sigmoid", 1, same_sizes, activation_step<Activation::sigmoid>},
    {"add", 1, same_sizes, combine_step<false>, true},
    {"mul", 1, same_sizes, combine_step<true>, true},
    {"copy", 1, same_sizes, activation_step<Activation::identity>},
};

void TensorOp::initialize(Visit& visit) {
  for (const TensorOperator& row : tensor_operators)
    if (row.name == op) kind = &row;
  if (kind == nullptr) visit.give_up(fmt::format("TensorOp: unknown op {}", op));
  if (dims.size() < kind->dimensions) {
    throw Ended{aborted,
                {Mistake::crash,
                 {},
                 fmt::format("TensorOp {}: it has {} dims, not {}, and MGS ends "
                             "the program",
                             op, dims.size(), kind->dimensions)}};
  }
  sizes = kind->sizes(dims);
  const auto weight_count = static_cast<std::size_t>(sizes.weights);
  const auto bias_count = static_cast<std::size_t>(sizes.biases);
  if (!weight_file.empty()) {
    const std::string lost = fmt::format("TensorOp: cannot read {}", weight_file);
    weights = read_reals(visit, weight_file, 0, weight_count, lost, lost);
    biases = read_reals(visit, weight_file, weight_count, bias_count, lost, lost);
  } else {
    weights.insert(weights.end(), w.begin(), w.end());
    biases.insert(biases.end(), b.begin(), b.end());
    if (weights.size() != weight_count || biases.size() != bias_count) {
      visit.give_up(fmt::format("TensorOp: {} weights, expected {}", weights.size(), weight_count));
    }
  }
  const auto count = static_cast<std::size_t>(sizes.outputs);
  y.resize(std::max(y.size(), count));
  std::fill_n(y.begin(), count, 0.0);
  out.resize(count);
}

void TensorOp::step() {
  if (in0 == nullptr || (kind->second && in1 == nullptr))
    crash(fmt::format("TensorOp {}: an input is not connected", op));
  if (in0->size() < static_cast<std::size_t>(sizes.inputs)) {
    crash(fmt::format("TensorOp {}: its input has {} elements, not {}", op, in0->size(),
                      sizes.inputs));
  }
  if (kind->second && (in1->size() > out.size() || in1->size() > in0->size()))
    crash(fmt::format("TensorOp {}: its second input is longer than its first", op));
  const Reals x = *in0;  // it may read itself
  kind->step(*this, x.data(), out.data());
  if (y.size() > out.size()) crash(fmt::format("TensorOp {}: y was given more elements", op));
  std::copy(out.begin(), out.end(), y.begin());
}

constexpr Field tensor_op_fields[] = {
    field<&TensorOp::y>("y"),         field<&TensorOp::w>("w"),
    field<&TensorOp::b>("b"),         field<&TensorOp::dims>("dims"),
    field<&TensorOp::op>("op"),       field<&TensorOp::weight_file>("weightFile"),
    field<&TensorOp::level>("level"), field<&TensorOp::in0>("in0"),
    field<&TensorOp::in1>("in1"),
};
constexpr Method tensor_op_methods[] = {
    method<&TensorOp::initialize>("initialize"), method<&TensorOp::act_at<0>>("s0"),
    method<&TensorOp::act_at<1>>("s1"),          method<&TensorOp::act_at<2>>("s2"),
    method<&TensorOp::act_at<3>>("s3"),          method<&TensorOp::act_at<4>>("s4"),
    method<&TensorOp::act_at<5>>("s5"),          method<&TensorOp::act_at<6>>("s6"),
    method<&TensorOp::act_at<7>>("s7"),
};

/// A constant, given as the bits of doubles, and any number of inputs times their place from 1.
struct CombineOp {
  Reals y = {};
  Links ins = {};
  std::vector<int> bits = {};
  int level = 0;
  Reals constant = {};

  void initialize(Visit&);
  void step();
  template <int level_of_phase>
  void act_at(Visit&) {
    if (level == level_of_phase) step();
  }
};

void CombineOp::initialize(Visit&) {
  for (std::size_t i = 0; i + 1 < bits.size(); i += 2) {
    const auto high = static_cast<std::uint64_t>(static_cast<std::uint32_t>(bits[i]));
    constant.push_back(
        std::bit_cast<double>((high << 32U) | static_cast<std::uint32_t>(bits[i + 1])));
  }
  y.resize(std::max(y.size(), constant.size()));
  std::fill(y.begin(), y.end(), 0.0);
}

void CombineOp::step() {
  ins.each([&](const Link& link) {
    if (static_cast<const Reals*>(link.source)->size() < y.size())
      crash("CombineOp: an input is shorter than its constant");
  });
  if (y.size() > constant.size()) crash("CombineOp: y was given more elements than bits say");
  for (std::size_t i = 0; i < y.size(); ++i) {
    double sum = constant[i];
    ins.each([&](const Link& link) {
      const double place = static_cast<unsigned>(link.number) + 1U;
      sum += place * (*static_cast<const Reals*>(link.source))[i];
    });
    y[i] = sum;
  }
}

constexpr Field combine_op_fields[] = {
    field<&CombineOp::y>("y"),
    field<&CombineOp::ins>("ins"),
    field<&CombineOp::bits>("bits"),
    field<&CombineOp::level>("level"),
};
constexpr Method combine_op_methods[] = {
    method<&CombineOp::initialize>("initialize"), method<&CombineOp::act_at<0>>("s0"),
    method<&CombineOp::act_at<1>>("s1"),          method<&CombineOp::act_at<2>>("s2"),
    method<&CombineOp::act_at<3>>("s3"),
};

}  // namespace

const NativeType tensor_op_type{.name = "TensorOp",
                                .fields = tensor_op_fields,
                                .methods = tensor_op_methods,
                                .make = make_nodes<TensorOp>};
const NativeType combine_op_type{.name = "CombineOp",
                                 .fields = combine_op_fields,
                                 .methods = combine_op_methods,
                                 .make = make_nodes<CombineOp>};

}  // namespace isomer::mgs
