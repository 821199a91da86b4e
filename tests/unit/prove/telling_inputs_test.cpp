#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/text.h"
#include "prove/aim.h"
#include "prove/coverage.h"
#include "prove/inputs.h"
#include "run/engine.h"

namespace isomer {
namespace {

/// A model, and a piece of it that somebody gets wrong.
struct Slip {
  std::string name;
  std::string model;
  std::string right;
  std::string wrong;
  std::string unreached = "";  // what no input can take
};

std::string replaced(std::string text, const std::string& right, const std::string& wrong) {
  const std::size_t at = text.find(right);
  EXPECT_NE(at, std::string::npos) << right;
  return at == std::string::npos ? text : text.replace(at, right.size(), wrong);
}

/// Far more than rounding explains.
bool differ(const Tensor& a, const Tensor& b, double relative) {
  if (a.type() != b.type()) return true;
  if (a.dtype() == DType::i64) return a != b;
  const std::vector<double> x = a.doubles();
  const std::vector<double> y = b.doubles();
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]) != std::isnan(y[i])) return true;
    if (std::isnan(x[i]) || x[i] == y[i]) continue;
    const double size = std::max(std::abs(x[i]), std::abs(y[i]));
    if (std::isinf(size) || std::abs(x[i] - y[i]) > relative * size) return true;
  }
  return false;
}

bool differ(std::span<const Tensor> a, std::span<const Tensor> b, double relative) {
  if (a.size() != b.size()) return true;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (differ(a[i], b[i], relative)) return true;
  }
  return false;
}

/// A model on the reference engine.
struct Side {
  explicit Side(const Graph& graph) {
    backend.f32 = on_engine(graph, reference_engine());
    backend.f64 = on_engine(to_float64(graph), reference_engine());
    for (const Port& port : backend.f32.states) states.names.push_back(port.name);
    for (const State& state : graph.states) states.initial.push_back(state.initial);
  }

  /// What each call gives and leaves behind, then the gradients of the first, where there are some.
  std::vector<Tensor> run(Precision precision, const InputSet& set) const {
    std::vector<Tensor> results = backend.observe(precision, set, states);
    const bool derives = set.smooth || set.kinks;
    if (!derives || !backend.has(&Runnable::gradient)) return results;
    InputSet first = set;
    first.calls.resize(1);
    std::vector<Tensor> cotangents;
    for (const Tensor& output : backend.observe(precision, first, {})) {
      if (!is_floating(output.dtype())) continue;
      std::vector<double> values(static_cast<std::size_t>(output.count()));
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = 1 + 0.25 * static_cast<double>(i % 5);
      cotangents.push_back(Tensor::from_doubles(output.dtype(), output.shape(), values));
    }
    try {
      for (Tensor& one : backend.gradient(&Runnable::gradient, precision, first, cotangents, {}))
        results.push_back(std::move(one));
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::unsupported) << error.what();
    }
    return results;
  }

  Backend backend;
  StateNames states;
};

bool shows(const Side& a, const Side& b, const InputSet& set, Precision precision) {
  const std::vector<Tensor> expected = a.run(precision, set);
  try {
    return differ(expected, b.run(precision, set), precision == Precision::f32 ? 1e-4 : 1e-9);
  } catch (const Error&) {
    return true;
  }
}

std::vector<InputSet> all_inputs(const Graph& graph, std::uint64_t seed) {
  const InputPlan plan = plan_for(graph);
  std::vector<InputSet> sets = make_inputs(plan, seed);
  for (InputSet& set : aimed_inputs(plan, reference_engine(), sets, seed))
    sets.push_back(std::move(set));
  return sets;
}

/// The label of the first set that shows the difference, in either precision; empty: none does.
std::string shown_by(const Graph& right, const Graph& wrong, const std::vector<InputSet>& sets) {
  const Side a(right);
  const Side b(wrong);
  for (const InputSet& set : sets) {
    SCOPED_TRACE(set.label);
    if (shows(a, b, set, Precision::f32) || shows(a, b, set, Precision::f64)) return set.label;
  }
  return "";
}

const std::vector<Slip>& slips() {
  static const std::vector<Slip> all = {
      {"kind of a token", R"(graph g(x: f32[n, 2], kind: i64[n]) -> (y, z)
  length n: 1..64
  k = unsqueeze(kind, dim=1)
  is = eq(k, 42)
  twice = mul(x, 2.0)
  y = where(is, twice, x)
  above = gt(k, 100)
  minus = neg(x)
  z = where(above, x, minus)
)",
       "eq(k, 42)", "eq(k, 43)"},
      {"kind of a token, beyond", R"(graph g(x: f32[n, 2], kind: i64[n]) -> (z)
  length n: 1..64
  k = unsqueeze(kind, dim=1)
  above = gt(k, 100)
  minus = neg(x)
  z = where(above, x, minus)
)",
       "gt(k, 100)", "ge(k, 100)"},
      {"ignored class", R"(graph g(x: f32[n, 4], y: i64[n]) -> (loss)
  length n: 1..64
  loss = cross_entropy(x, y, none)
)",
       "none)", "none, ignore_index=-1)"},
      {"another ignored class", R"(graph g(x: f32[n, 4], y: i64[n]) -> (loss)
  length n: 1..64
  loss = nll_loss(x, y, none, ignore_index=2)
)",
       "=2", "=3"},
      {"mask of a score", R"(graph g(q: f32[n, 6, 4], k: f32[n, 6, 4], mask: bool[n, 6]) -> (p)
  length n: 1..64
  t = transpose(k, dim0=1, dim1=2)
  s = matmul(q, t)
  m = unsqueeze(mask, dim=1)
  hidden = logical_not(m)
  filled = where(hidden, -1e+09, s)
  p = softmax(filled, dim=2)
)",
       "-1e+09", "-1e+04"},
      {"mask that is a number", R"(graph g(q: f32[n, 6, 4], k: f32[n, 6, 4], mask: i64[n, 6]) -> (p)
  length n: 1..64
  t = transpose(k, dim0=1, dim1=2)
  s = matmul(q, t)
  m = unsqueeze(mask, dim=1)
  f = cast(m, dtype=f32)
  rest = sub(1.0, f)
  bias = mul(rest, -1e+09)
  filled = add(s, bias)
  p = softmax(filled, dim=2)
)",
       "-1e+09", "-1e+04"},
      {"positions that are cut", R"(graph g(ids: i64[b, n]) -> (y)
  length n: 0..512
  weight e: f32[5, 2] "e" = [[0.5, 1.0], [1.5, -1.0], [0.25, 0.75], [-0.5, 2.0], [3.0, 1.0]]
  at = arange(end=n)
  cut = clamp(at, max=99.0)
  f = cast(cut, dtype=f32)
  position = unsqueeze(f, dim=1)
  token = embedding(e, ids)
  y = add(token, position)
)",
       "max=99.0", "max=7.0"},
      {"average that forgets", R"(graph g(x: f32[3]) -> (y)
  state ema: f32[3] "ema" = [0.0, 0.0, 0.0] -> next
  kept = mul(ema, 0.9)
  new = mul(x, 0.1)
  next = add(kept, new)
  y = sub(x, next)
)",
       "0.9", "0.99"},
      {"kink at zero", R"(graph g(x: f32[n, 3]) -> (y)
  length n: 1..64
  y = relu(x)
)",
       "relu(x)", "clamp(x, min=0.0)"},
      {"gate that is shut", R"(graph g(x: f32[n, 3]) -> (y)
  length n: 1..64
  weight alpha: f32[] "alpha" = 0.0
  gate = tanh(alpha)
  more = gelu(x)
  gated = mul(gate, more)
  y = add(x, gated)
)",
       "tanh(alpha)", "sin(alpha)"},
      {"slope of a bias", R"(graph g(x: f32[n, 5, 4]) -> (s)
  length n: 1..64
  buffer m: bool[5, 5] = [[true, false, false, false, false], [true, true, false, false, false], [true, true, true, false, false], [true, true, true, true, false], [true, true, true, true, true]]
  t = transpose(x, dim0=1, dim1=2)
  a = matmul(x, t)
  at = arange(end=5)
  f = cast(at, dtype=f32)
  bias = mul(f, 0.1)
  b = sub(a, bias)
  hidden = logical_not(m)
  s = where(hidden, -1e+09, b)
)",
       "0.1", "0.0"},
      {"two units", R"(graph g(x: f32[n, 2]) -> (y)
  length n: 1..64
  a = mul(x, 1.01325e+11)
  r = mul(x, 0.001)
  b = add(r, 0.25)
  y = cat(a, b, dim=1)
)",
       "0.25", "0.75"},
      {"number in nested arithmetic", R"(graph g(k: i64[4]) -> (y)
  twice = mul(k, 2)
  more = add(twice, 6)
  y = eq(more, 90)
)",
       "90", "92"},
      {"remainder", "graph g(k: i64[3]) -> (y)\n  y = remainder(k, 42)\n", "42", "43"},
      {"remainder of what was moved", R"(graph g(k: i64[3]) -> (y)
  more = add(k, 1000)
  rest = remainder(more, 97)
  y = lt(rest, 50)
)",
       "50", "51"},
      {"floor division", "graph g(k: i64[3]) -> (y)\n  y = floor_divide(k, 60)\n", "60", "61"},
      {"floor against cut division", "graph g(k: i64[3]) -> (y)\n  y = floor_divide(k, 16)\n",
       "floor_divide", "trunc_divide"},
      {"bound of integers", "graph g(k: i64[2]) -> (y)\n  y = clamp(k, min=-50.0, max=500.0)\n",
       "500.0", "501.0"},
      {"least bound of integers", "graph g(k: i32[2]) -> (y)\n  y = clamp(k, min=-50.0)\n", "-50.0",
       "-51.0"},
      {"padding row", R"(graph g(ids: i64[b, 4]) -> (y)
  weight e: f32[7, 2] "e" = [[0.5, 1.0], [1.5, -1.0], [0.25, 0.75], [-0.5, 2.0], [3.0, 1.0], [2.0, 1.0], [5.0, 4.0]]
  y = embedding(e, ids, padding_idx=1)
)",
       "=1", "=5"},
      {"classes of one-hot", R"(graph g(k: i64[b]) -> (y)
  c = arange(end=300)
  wide = unsqueeze(k, dim=1)
  is = eq(wide, c)
  y = cast(is, dtype=f32)
)",
       "arange(end=300)", "arange(start=1, end=301)"},
      {"buckets", R"(graph g(k: i64[b]) -> (y)
  buffer bounds: i64[4] = [10, 50, 200, 1000]
  wide = unsqueeze(k, dim=1)
  beyond = ge(wide, bounds)
  n = cast(beyond, dtype=i64)
  y = sum(n, dim=[1])
)",
       "200", "201"},
      {"buckets of floats", R"(graph g(x: f32[b]) -> (y)
  buffer bounds: f32[3] = [-0.5, 0.75, 31.5]
  wide = unsqueeze(x, dim=1)
  beyond = gt(wide, bounds)
  n = cast(beyond, dtype=i64)
  y = sum(n, dim=[1])
)",
       "31.5", "31.51"},
      {"above against at", R"(graph g(x: f32[b]) -> (y)
  is = gt(x, 0.3)
  twice = mul(x, 2.0)
  y = where(is, twice, x)
)",
       "gt", "ge"},
      {"threshold by a little", R"(graph g(x: f32[b, 3]) -> (y)
  a = mul(x, 4.0)
  h = sub(a, 1.0)
  y = gt(h, 2.5)
)",
       "2.5", "2.501"},
      {"threshold of a sum of integers", R"(graph g(k: i64[4]) -> (y)
  total = sum(k)
  y = ge(total, 1234)
)",
       "1234", "1235"},
      {"threshold of two integers", R"(graph g(k: i64[4], m: i64[4]) -> (y)
  total = add(k, m)
  y = lt(total, 777)
)",
       "777", "778"},
      {"mean of nothing", R"(graph g(x: f32[n, 3]) -> (y)
  length n: 0..20
  m = mean(x, dim=[0])
  t = isfinite(x)
  u = cast(t, dtype=f32)
  c = sum(u, dim=[0])
  d = maximum(c, 0.0)
  s = sum(x, dim=[0])
  q = div(s, d)
  y = isnan(q)
)",
       "maximum(c, 0.0)", "maximum(c, 1.0)", "'d' (maximum) was never below the second"},
      {"threshold behind a squashing", R"(graph g(x: f32[b, 3]) -> (y)
  a = sigmoid(x)
  y = gt(a, 0.9)
)",
       "0.9", "0.901"},
      {"threshold behind a layer", R"(graph g(x: f32[b, 3]) -> (y)
  weight w: f32[2, 3] "w" = [[0.5, -1.0, 0.25], [1.5, 0.75, -0.5]]
  h = linear(x, w, none)
  y = gt(h, 0.25)
)",
       "0.25)", "0.2501)"},
      {"threshold that is far", R"(graph g(x: f32[b, 3]) -> (y)
  weight w: f32[2, 3] "w" = [[0.5, -1.0, 0.25], [1.5, 0.75, -0.5]]
  h = linear(x, w, none)
  s = softplus(h)
  m = mean(s, dim=[1])
  far = lt(m, 90.0)
  l = log(m)
  y = where(far, m, l)
)",
       "90.0", "90.1"},
      {"halves", R"(graph g(x: f32[b, 3]) -> (y)
  y = round(x)
)",
       "round(x)", "floor(x)"},
      {"halves to even", R"(graph g(x: f32[b, 3]) -> (y)
  r = add(x, 0.5)
  y = floor(r)
)",
       "r = add(x, 0.5)\n  y = floor(r)", "y = round(x)"},
      {"bounds of hardtanh",
       "graph g(x: f32[b]) -> (y)\n  y = hardtanh(x, min_val=-3.0, max_val=30.0)\n", "30.0",
       "30.01"},
      {"slope at a bound", "graph g(x: f32[b]) -> (y)\n  y = hardtanh(x)\n", "hardtanh(x)",
       "clamp(x, min=-1.0, max=1.0)"},
      {"threshold of softplus",
       "graph g(x: f32[b]) -> (y)\n  y = softplus(x, beta=0.1, threshold=2.0)\n", "2.0", "20.0"},
      {"window", R"(graph g(x: f32[n, 2]) -> (y)
  length n: 1..1024
  i = arange(end=n)
  row = unsqueeze(i, dim=1)
  apart = sub(row, i)
  inside = lt(apart, 100)
  m = cast(inside, dtype=f32)
  y = matmul(m, x)
)",
       "100", "101"},
      {"diagonal", R"(graph g(x: f32[n, n]) -> (y)
  length n: 1..256
  y = triu(x, diagonal=20)
)",
       "20", "21"},
      {"key positions against lengths", R"(graph g(x: f32[n, 8], lengths: i64[n]) -> (y)
  length n: 1..64
  i = arange(end=8)
  l = unsqueeze(lengths, dim=1)
  inside = lt(i, l)
  y = where(inside, x, 0.0)
)",
       "lt", "le"},
      {"table of positions", R"(graph g(ids: i64[n]) -> (y)
  length n: 1..40
  buffer p: f32[40] = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 7.5, 8.0, 8.5, 9.0, 9.5, 10.0, 10.5, 11.0, 11.5, 12.0, 12.5, 13.0, 13.5, 14.0, 14.5, 15.0, 15.5, 16.0, 16.5, 17.0, 17.5, 18.0, 18.5, 19.0, 19.5]
  i = arange(end=n)
  at = index_select(p, i)
  f = cast(ids, dtype=f32)
  y = add(at, f)
)",
       "19.5", "19.25"},
      {"ids of positions from a mask", R"(graph g(ids: i64[b, n]) -> (y)
  length n: 1..30
  weight p: f32[33, 1] "p" = [[0.0], [0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0], [8.0], [9.0], [10.0], [11.0], [12.0], [13.0], [14.0], [15.0], [16.0], [17.0], [18.0], [19.0], [20.0], [21.0], [22.0], [23.0], [24.0], [25.0], [26.0], [27.0], [28.0], [29.0], [30.0], [31.0]]
  is = ne(ids, 1)
  m = cast(is, dtype=i64)
  count = cumsum(m, dim=1)
  kept = mul(count, m)
  at = add(kept, 1)
  y = embedding(p, at)
)",
       "ne(ids, 1)", "ne(ids, 0)", "'y' (embedding) was never at the first row or at the last row"},
      {"integer through a float", R"(graph g(k: i64[4]) -> (y)
  y = add(k, 1)
)",
       "y = add(k, 1)", "f = cast(k, dtype=f32)\n  g = add(f, 1.0)\n  y = cast(g, dtype=i64)"},
      {"byte that wraps", R"(graph g(k: i64[4]) -> (y)
  y = add(k, 0)
)",
       "y = add(k, 0)", "f = cast(k, dtype=i8)\n  y = cast(f, dtype=i64)"},
      {"unsigned byte", "graph g(k: u8[4]) -> (y)\n  y = gt(k, 200)\n", "200", "201"},
      {"sign of zero", R"(graph g(x: f32[b]) -> (y)
  y = reciprocal(x)
)",
       "y = reciprocal(x)", "p = add(x, 0.0)\n  y = reciprocal(p)"},
      {"bias of a padded key", R"(graph g(q: f32[n, 6, 4], mask: f32[n, 6]) -> (p)
  length n: 1..64
  t = transpose(q, dim0=1, dim1=2)
  s = matmul(q, t)
  m = unsqueeze(mask, dim=1)
  rest = sub(1.0, m)
  bias = mul(rest, -1e+09)
  filled = add(s, bias)
  p = softmax(filled, dim=2)
)",
       "-1e+09", "-1e+04"},
      {"gate of an indicator", R"(graph g(x: f32[b, 3], on: f32[b, 1]) -> (y)
  is = ne(on, 0.0)
  y = where(is, x, 1.0)
)",
       "1.0", "2.0"},
      {"rows behind arithmetic", R"(graph g(ids: i64[b]) -> (y)
  weight e: f32[12] "e" = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]
  twice = mul(ids, 2)
  more = add(twice, 1)
  wide = unsqueeze(more, dim=1)
  flat = reshape(wide, shape=[b])
  y = index_select(e, flat)
)",
       "11.0]", "12.0]", "'y' (index_select) was never at the first row"},
      {"rows behind a bound", R"(graph g(ids: i64[b]) -> (y)
  buffer e: f32[12] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]
  cut = clamp(ids, min=0.0, max=11.0)
  y = index_select(e, cut)
)",
       "max=11.0", "max=10.0"},
      {"rows behind a remainder", R"(graph g(ids: i64[b]) -> (y)
  buffer e: f32[5] = [0.0, 1.0, 2.0, 3.0, 4.0]
  cut = remainder(ids, 5)
  y = index_select(e, cut)
)",
       "remainder", "fmod"},
      {"rows counted from the end", R"(graph g(ids: i64[b]) -> (y)
  buffer e: f32[5] = [0.0, 1.0, 2.0, 3.0, 4.0]
  below = lt(ids, 0)
  wrapped = add(ids, 5)
  row = where(below, wrapped, ids)
  y = index_select(e, row)
)",
       "lt(ids, 0)", "lt(ids, -1)"},
      {"counter", R"(graph g(x: f32[2]) -> (y)
  state step: i64[] "step" = 0 -> next
  next = add(step, 1)
  warm = lt(next, 100)
  half = mul(x, 0.5)
  y = where(warm, half, x)
)",
       "100", "101"},
      {"branch", R"(graph g(x: f32[2], n: i64[]) -> (y)
  is = gt(n, 77)
  y = if(is, x)
    then(a: f32[2]) -> (b) {
      b = mul(a, 2.0)
    }
    else(a: f32[2]) -> (a) {
    }
)",
       "77", "78"},
      {"number in a body", R"(graph g(x: f32[3, 2], k: i64[3]) -> (last, ys)
  zero = full(shape=[2], value=0.0)
  last, ys = scan(zero, x, k, carried=1, scanned=2)
    body(h: f32[2], a: f32[2], n: i64[]) -> (next, next) {
      is = eq(n, 500)
      b = where(is, a, h)
      next = add(b, a)
    }
)",
       "500", "501"},
  };
  return all;
}

class TellingInputs : public testing::TestWithParam<std::size_t> {};

TEST_P(TellingInputs, ShowWhatSomebodyGotWrong) {
  const Slip& slip = slips()[GetParam()];
  const Graph right = parse_graph(slip.model);
  const Graph wrong = parse_graph(replaced(slip.model, slip.right, slip.wrong));
  for (const std::uint64_t seed : {0, 1, 2}) {
    const std::string label = shown_by(right, wrong, all_inputs(right, seed));
    EXPECT_NE(label, "") << slip.name << ", seed " << seed;
  }
  Coverage coverage(right, reference_engine());
  for (const InputSet& set : all_inputs(right, 0)) coverage.add(set);
  std::vector<std::string> lines = coverage.lines();
  if (!lines.empty()) lines.erase(lines.begin());
  EXPECT_EQ(fmt::format("{}", fmt::join(lines, "; ")), slip.unreached) << slip.name;
  InputPlan few = plan_for(right);
  few.few_sets = true;
  EXPECT_LE(make_inputs(few, 0).size(), 6);
}

INSTANTIATE_TEST_SUITE_P(Slips, TellingInputs, testing::Range(std::size_t{0}, slips().size()));

}  // namespace
}  // namespace isomer
