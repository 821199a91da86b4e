#include "vocabularies/lengths.h"

#include <algorithm>
#include <array>

#include "ops/schema.h"
#include "vocabularies/composites.h"

namespace isomer {
namespace {

using Lengths = std::optional<std::vector<Dim>>;

constexpr std::size_t most_elements = 64;

class Search {
 public:
  explicit Search(const Emitter& emitter) : e_(emitter) {}

  Lengths of(ValueId id) {
    if (is_floating(e_.dtype(id)) || ++steps_ > most_steps) return std::nullopt;
    const auto shape = known_shape(e_.shape(id));
    const bool small = shape && std::ranges::all_of(*shape, [](std::int64_t length) {
                         return length <= static_cast<std::int64_t>(most_elements);
                       });
    if (!small || shape->size() > 1) return std::nullopt;
    if (const auto tensor = e_.known(id)) {
      const std::vector<std::int64_t> elements = tensor->integers();
      return Lengths({elements.begin(), elements.end()});
    }
    // Narrow integers wrap, lengths do not.
    if (e_.dtype(id) != DType::i64 && e_.dtype(id) != DType::i32) return std::nullopt;
    const Node* maker = e_.maker(id);
    return maker == nullptr ? std::nullopt : made_by(*maker);
  }

 private:
  // A value that many others use is looked at for each: the limit is on all together.
  static constexpr std::size_t most_steps = 1000;

  Lengths made_by(const Node& node) {
    const Attributes attributes = complete(op_named(node.op), node.attributes);
    if (node.op == "length") return Lengths({get<Dim>(attributes, "value")});
    constexpr std::array<std::string_view, 6> same = {"reshape", "squeeze", "unsqueeze",
                                                      "flatten", "expand",  "cast"};
    if (node.op == "cat") return joined(node);
    if (node.inputs.empty()) return std::nullopt;
    const Lengths first = of(node.inputs[0]);
    if (!first) return std::nullopt;
    if (std::ranges::find(same, node.op) != same.end()) {
      const auto shape = known_shape(e_.shape(node.outputs[0]));
      const std::size_t count = shape->empty() ? 1 : static_cast<std::size_t>((*shape)[0]);
      if (first->size() == count) return first;
      return first->size() == 1 ? Lengths(std::vector<Dim>(count, (*first)[0])) : std::nullopt;
    }
    if (node.op == "select") return picked(*first, {get<Dim>(attributes, "index")});
    if (node.op == "index_select") {
      const Lengths places = of(node.inputs[1]);
      return places ? picked(*first, *places) : std::nullopt;
    }
    if (node.op == "slice") return sliced(*first, attributes);
    return computed(node, *first);
  }

  Lengths joined(const Node& node) {
    std::vector<Dim> all;
    for (const ValueId id : node.inputs) {
      const Lengths part = of(id);
      if (!part || all.size() + part->size() > most_elements) return std::nullopt;
      all.insert(all.end(), part->begin(), part->end());
    }
    return all;
  }

  static Lengths picked(const std::vector<Dim>& from, const std::vector<Dim>& places) {
    std::vector<Dim> found;
    for (const Dim& place : places) {
      const auto count = static_cast<std::int64_t>(from.size());
      if (!place.known() || place.value() < -count || place.value() >= count) return std::nullopt;
      found.push_back(
          from[static_cast<std::size_t>(place.value() + (place.value() < 0 ? count : 0))]);
    }
    return found;
  }

  static Lengths sliced(const std::vector<Dim>& from, const Attributes& attributes) {
    const Dim start = get<Dim>(attributes, "start");
    const Dim end = get<Dim>(attributes, "end");
    if (!start.known() || !end.known()) return std::nullopt;
    const Places places =
        places_of(start.value(), end.value(), get<std::int64_t>(attributes, "step"),
                  static_cast<std::int64_t>(from.size()));
    std::vector<Dim> found;
    for (std::int64_t i = 0; i < places.count; ++i)
      found.push_back(from[static_cast<std::size_t>(places.start + i * places.step)]);
    return found;
  }

  Lengths computed(const Node& node, const std::vector<Dim>& x) {
    constexpr std::array<std::string_view, 4> signs = {"add", "sub", "mul", "floor_divide"};
    if (std::ranges::find(signs, node.op) == signs.end()) return std::nullopt;
    const Lengths y = of(node.inputs[1]);
    if (!y || x.empty() || y->empty()) return std::nullopt;
    std::vector<Dim> found;
    for (std::size_t i = 0; i < std::max(x.size(), y->size()); ++i) {
      const Dim& a = x[x.size() == 1 ? 0 : i];
      const Dim& b = (*y)[y->size() == 1 ? 0 : i];
      if (node.op == "floor_divide" && b == Dim(0)) return std::nullopt;
      found.push_back(node.op == "add"   ? a + b
                      : node.op == "sub" ? a - b
                      : node.op == "mul" ? a * b
                                         : floor_divide(a, b));
    }
    return found;
  }

  const Emitter& e_;
  std::size_t steps_ = 0;
};

}  // namespace

std::optional<std::vector<Dim>> known_lengths(const Emitter& emitter, ValueId id) {
  return Search(emitter).of(id);
}

}  // namespace isomer
