#include "vocabularies/contraction.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/composites.h"

namespace isomer {
namespace {

using Labels = std::vector<int>;

/// A tensor whose axes have labels, each once.
struct Labelled {
  ValueId value = ValueId::none;
  Labels labels;

  bool has(int label) const { return std::ranges::find(labels, label) != labels.end(); }
  std::int64_t axis(int label) const { return std::ranges::find(labels, label) - labels.begin(); }
};

Dim length_of(const Emitter& b, const Labelled& x, int label) {
  return b.shape(x.value)[static_cast<std::size_t>(x.axis(label))];
}

/// The sum over the axes whose labels are not kept.
Labelled summed(Emitter& b, const Labelled& x, const auto& kept) {
  std::vector<std::int64_t> gone;
  Labelled y{x.value, {}};
  for (std::size_t i = 0; i < x.labels.size(); ++i) {
    if (kept(x.labels[i])) {
      y.labels.push_back(x.labels[i]);
    } else {
      gone.push_back(static_cast<std::int64_t>(i));
    }
  }
  if (!gone.empty()) y.value = b.emit("sum", {x.value}, {{"dim", std::move(gone)}});
  return y;
}

/// The axes in another order; labels that it does not have become axes of length 1.
ValueId arranged(Emitter& b, const Labelled& x, const Labels& order) {
  std::vector<std::int64_t> dims;
  Shape shape;
  for (const int label : order) {
    if (x.has(label)) dims.push_back(x.axis(label));
    shape.push_back(x.has(label) ? length_of(b, x, label) : Dim(1));
  }
  return reshape_to(b, permuted(b, x.value, std::move(dims)), std::move(shape));
}

Labels joined(std::initializer_list<Labels> parts) {
  Labels all;
  for (const Labels& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Shape part_of(const Shape& shape, std::size_t begin, std::size_t count) {
  const auto first = shape.begin() + static_cast<std::ptrdiff_t>(begin);
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

/// The product of two, summed over what is not kept. A label of length 1 in one of them stands for
/// any length.
class Product {
 public:
  Product(Emitter& b, const Labelled& x, const Labelled& y, const auto& kept)
      : b_(b),
        x_(summed(b, x, [&](int label) { return kept(label) || y.has(label); })),
        y_(summed(b, y, [&](int label) { return kept(label) || x.has(label); })) {
    for (const int label : x_.labels) {
      if (!y_.has(label)) {
        left_.push_back(label);
      } else {
        (kept(label) ? batch_ : taken_).push_back(label);
      }
    }
    std::ranges::copy_if(y_.labels, std::back_inserter(right_),
                         [&](int label) { return !x_.has(label); });
  }

  Labelled run() {
    if (taken_.empty()) {
      const Labels all = joined({batch_, left_, right_});
      return {b_.emit("mul", {arranged(b_, x_, all), arranged(b_, y_, all)}), all};
    }
    stretch(x_, y_);
    stretch(y_, x_);
    const Labels rows = joined({batch_, left_, taken_});
    const Labels columns = joined({batch_, taken_, right_});
    const ValueId product = b_.emit("matmul", {matrix(x_, rows, left_.size(), taken_.size()),
                                               matrix(y_, columns, taken_.size(), right_.size())});
    Shape shape = b_.shape(product);
    shape.resize(batch_.size());
    for (const int label : left_) shape.push_back(length_of(b_, x_, label));
    for (const int label : right_) shape.push_back(length_of(b_, y_, label));
    return {reshape_to(b_, product, std::move(shape)), joined({batch_, left_, right_})};
  }

 private:
  void stretch(Labelled& x, const Labelled& like) {
    Shape shape = b_.shape(x.value);
    for (const int label : taken_) {
      Dim& own = shape[static_cast<std::size_t>(x.axis(label))];
      if (own == Dim(1)) own = length_of(b_, like, label);
    }
    x.value =
        b_.shape(x.value) == shape ? x.value : b_.emit("expand", {x.value}, {{"shape", shape}});
  }

  ValueId matrix(const Labelled& x, const Labels& order, std::size_t rows, std::size_t columns) {
    const ValueId y = arranged(b_, x, order);
    const Shape shape = b_.shape(y);
    Shape flat = part_of(shape, 0, batch_.size());
    flat.push_back(count_elements(part_of(shape, batch_.size(), rows)));
    flat.push_back(count_elements(part_of(shape, batch_.size() + rows, columns)));
    return reshape_to(b_, y, std::move(flat));
  }

  Emitter& b_;
  Labelled x_;
  Labelled y_;
  Labels batch_;  // of both, kept
  Labels taken_;  // of both, summed
  Labels left_;
  Labels right_;
};

/// A label that stands there twice takes the diagonal.
Labelled diagonal(Emitter& b, Labelled x) {
  for (std::size_t i = 0; i < x.labels.size(); ++i) {
    const auto again = std::ranges::find(x.labels.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                         x.labels.end(), x.labels[i]);
    if (again == x.labels.end()) continue;
    const auto second = static_cast<std::size_t>(again - x.labels.begin());
    Shape shape = b.shape(x.value);
    const Dim length = shape[i];
    if (length != shape[second]) refuse("a diagonal needs axes of one length");
    std::vector<std::int64_t> order = all_axes(b.rank(x.value));
    std::erase_if(order, [&](std::int64_t axis) {
      return axis == static_cast<std::int64_t>(i) || axis == static_cast<std::int64_t>(second);
    });
    order.insert(order.begin(), {static_cast<std::int64_t>(i), static_cast<std::int64_t>(second)});
    Shape flat;
    for (const std::int64_t axis : order) flat.push_back(shape[static_cast<std::size_t>(axis)]);
    flat.erase(flat.begin());
    flat[0] = length * length;
    const ValueId places =
        b.emit("mul", {b.emit("arange", {}, {{"end", length}}), length_value(b, length + Dim(1))});
    const int label = x.labels[i];
    x.value = b.emit("index_select",
                     {reshape_to(b, permuted(b, x.value, std::move(order)), flat), places});
    std::erase(x.labels, label);
    x.labels.insert(x.labels.begin(), label);
  }
  return x;
}

/// The labels of one operand: letters, and negative numbers for the axes that "..." stands for,
/// counted from the last, -1.
Labels labels_of(std::string_view text, std::int64_t rank) {
  constexpr std::string_view dots = "...";
  const std::size_t at = text.find(dots);
  const bool open = at != std::string_view::npos;
  const std::int64_t letters = static_cast<std::int64_t>(text.size()) - (open ? 3 : 0);
  if (letters > rank || (!open && letters != rank))
    refuse(fmt::format("{} does not fit rank {}", quoted(text), rank));
  Labels labels;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == at) {
      for (std::int64_t k = rank - letters; k > 0; --k) labels.push_back(static_cast<int>(-k));
      i += dots.size() - 1;
    } else {
      const char c = text[i];
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
        refuse(fmt::format("{} is no label", quoted(text.substr(i, 1))));
      labels.push_back(c);
    }
  }
  return labels;
}

/// Without an arrow: what "..." stands for, then every label that stands there once, sorted.
Labels implied(const std::vector<Labels>& terms) {
  std::map<int, int> counts;
  for (const Labels& term : terms) {
    for (const int label : term) ++counts[label];
  }
  Labels labels;
  for (const auto& [label, count] : counts) {
    if (label < 0 || count == 1) labels.push_back(label);
  }
  return labels;
}

/// Contracts pairs until one is left; `path` names them by their places, and what comes of a pair
/// goes to the end.
Labelled contracted(Emitter& b, std::vector<Labelled> operands, const Labels& result,
                    const std::vector<std::int64_t>& path) {
  for (std::size_t step = 0; operands.size() > 1; ++step) {
    const bool told = 2 * step + 1 < path.size();
    std::int64_t i = told ? path[2 * step] : 0;
    std::int64_t j = told ? path[2 * step + 1] : 1;
    if (i > j) std::swap(i, j);
    if (i < 0 || i == j || j >= std::ssize(operands)) refuse("the path names no two operands");
    const Labelled x = operands[static_cast<std::size_t>(i)];
    const Labelled y = operands[static_cast<std::size_t>(j)];
    operands.erase(operands.begin() + j);
    operands.erase(operands.begin() + i);
    const auto kept = [&](int label) {
      return std::ranges::find(result, label) != result.end() ||
             std::ranges::any_of(operands, [&](const Labelled& z) { return z.has(label); });
    };
    Labelled product = Product(b, x, y, kept).run();
    operands.insert(told ? operands.end() : operands.begin(), std::move(product));
  }
  return operands[0];
}

Labels numbered(std::int64_t rank, int first) {
  Labels labels(static_cast<std::size_t>(rank));
  std::iota(labels.begin(), labels.end(), first);
  return labels;
}

}  // namespace

ValueId einsum(Emitter& b, std::string equation, const std::vector<ValueId>& tensors,
               const std::vector<std::int64_t>& path) {
  std::erase(equation, ' ');
  const std::size_t arrow = equation.find("->");
  const std::vector<std::string_view> terms =
      split_text(std::string_view(equation).substr(0, arrow), ',');
  if (terms.size() != tensors.size() || tensors.empty())
    refuse("there are not as many terms as tensors");
  std::vector<Labels> taken;
  std::vector<Labelled> operands;
  std::int64_t open = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    taken.push_back(labels_of(terms[i], b.rank(tensors[i])));
    for (const int label : taken[i]) open = std::max<std::int64_t>(open, -label);
    operands.push_back(diagonal(b, {tensors[i], taken[i]}));
  }
  Labels result = implied(taken);
  if (arrow != std::string::npos) {
    const std::string_view text = std::string_view(equation).substr(arrow + 2);
    const bool dots = text.find("...") != std::string_view::npos;
    const auto letters = static_cast<std::int64_t>(text.size()) - (dots ? 3 : 0);
    result = labels_of(text, letters + (dots ? open : 0));
  }
  for (const int label : result) {
    if (std::ranges::none_of(operands, [&](const Labelled& x) { return x.has(label); }))
      refuse("a label of the result stands in no term");
  }
  const auto kept = [&](int label) { return std::ranges::find(result, label) != result.end(); };
  const Labelled all = contracted(b, std::move(operands), result, path);
  return arranged(b, summed(b, all, kept), result);
}

ValueId paired_product(Emitter& b, ValueId x, ValueId y, const std::vector<std::int64_t>& of_x,
                       const std::vector<std::int64_t>& of_y) {
  constexpr int others = 1000;
  if (of_x.size() != of_y.size()) refuse("there are not as many axes of one as of the other");
  const Labelled left{x, numbered(b.rank(x), 0)};
  Labelled right{y, numbered(b.rank(y), others)};
  std::vector<bool> taken(left.labels.size());
  for (std::size_t i = 0; i < of_x.size(); ++i) {
    const auto own = static_cast<std::size_t>(axis_from_front(of_x[i], b.rank(x)));
    const auto other = static_cast<std::size_t>(axis_from_front(of_y[i], b.rank(y)));
    if (own >= taken.size() || other >= right.labels.size() || taken[own] ||
        right.labels[other] < others)
      refuse("an axis is named that is not there, or twice");
    taken[own] = true;
    right.labels[other] = static_cast<int>(own);
  }
  const auto kept = [&](int label) {
    return label >= others || !taken[static_cast<std::size_t>(label)];
  };
  Labels order;
  for (const Labelled* z : std::initializer_list<const Labelled*>{&left, &right})
    std::ranges::copy_if(z->labels, std::back_inserter(order), kept);
  return arranged(b, Product(b, left, right, kept).run(), order);
}

}  // namespace isomer
