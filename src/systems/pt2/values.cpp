#include "systems/pt2/values.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/composites.h"

namespace isomer::pt2 {
namespace {

/// A position as Python counts it: negative from the end, and never outside.
Dim position(const Dim& given, const Dim& length) {
  const Dim from_front = given.known() && given.value() < 0 ? length + given : given;
  if (from_front == Dim(0) || from_front == length) return from_front;
  return smaller(larger(from_front, 0), length);
}

}  // namespace

Cell Cells::add(ValueId value, std::string name) {
  entries_.push_back({.value = value, .name = std::move(name), .doubt = {}, .view = {}});
  return Cell{entries_.size() - 1};
}

Cell Cells::add_view(ValueId value, std::string name, Cell base, bool certain,
                     const std::function<Show()>& show) {
  // Deriving walks down the views one function call each.
  constexpr int deepest = 1000;
  const int depth = at(base).depth + 1;
  if (depth > deepest) throw Error(Fault::unsupported, "", "is a view of a view, too often");
  const Cell cell = add(value, std::move(name));
  at(cell).depth = depth;
  std::optional<std::vector<Step>> steps = steps_between(at(base).value, value);
  if (!steps) steps = {Step{.op = {}, .attributes = {}, .show = show()}};
  at(cell).view = View{base, at(base).version, *std::move(steps), certain};
  return cell;
}

ValueId Cells::read(Cell cell) {
  if (at(cell).view) {
    const ValueId base = read(at(cell).view->base);
    Entry& entry = at(cell);
    View& view = *entry.view;
    const Entry& origin = at(view.base);
    if (view.base_version != origin.version) {
      if (!view.certain) {
        throw Error(Fault::unsupported, "",
                    fmt::format("reads {} after {} was changed in place, and the export does not "
                                "tell whether they share memory",
                                quoted(entry.name), quoted(origin.name)));
      }
      view.base_version = origin.version;
      entry.value = base;
      for (const Step& step : view.steps) entry.value = apply(step, entry.value);
      ++entry.version;
    }
  }
  const Entry& entry = at(cell);
  if (!entry.doubt.empty()) {
    throw Error(Fault::unsupported, "",
                fmt::format("reads {} after {} was changed in place, and the export does not tell "
                            "whether they share memory",
                            quoted(entry.name), quoted(entry.doubt)));
  }
  return entry.value;
}

std::optional<Cell> Cells::detached_from(Cell cell) const {
  while (at(cell).view) {
    const View& view = *at(cell).view;
    if (std::ranges::find(view.steps, "detach", &Step::op) != view.steps.end()) return view.base;
    cell = view.base;
  }
  return std::nullopt;
}

void Cells::write(Cell cell, ValueId value) {
  at(cell).value = value;
  ++at(cell).version;
  at(cell).doubt.clear();
  if (!at(cell).view) return;
  const Cell base = at(cell).view->base;
  if (!at(cell).view->certain) {
    at(base).doubt = at(cell).name;
  } else {
    write(base, carry_back(*at(cell).view, read(base), value));
  }
  at(cell).view->base_version = at(base).version;
}

/// Nothing where the view is made by other means than operators that rearrange.
std::optional<std::vector<Cells::Step>> Cells::steps_between(ValueId base, ValueId view) const {
  std::vector<Step> steps;
  for (ValueId id = view; id != base;) {
    const Node* node = builder_.maker(id);
    if (node == nullptr || !traits_of(*node).views) return std::nullopt;
    const auto output = std::ranges::find(node->outputs, id) - node->outputs.begin();
    steps.push_back({node->op,
                     complete(op_named(node->op), node->attributes),
                     static_cast<std::size_t>(output),
                     {}});
    id = node->inputs[0];
  }
  std::ranges::reverse(steps);
  return steps;
}

ValueId Cells::apply(const Step& step, ValueId x) {
  if (step.show) return step.show(x);
  return builder_.emit_all(step.op, {x}, step.attributes)[step.output];
}

/// `base` with `part` in place of what the step gives of it.
ValueId Cells::replace(const Step& step, ValueId base, ValueId part) {
  if (step.show) return replace_places(step, base, part);
  if (op_named(step.op).traits.moves == Moves::in_order) {
    const Shape shape = builder_.shape(base);
    if (builder_.shape(part) == shape) return part;
    return builder_.emit("reshape", {part}, {{"shape", shape}});
  }
  if (step.op == "transpose") return builder_.emit("transpose", {part}, step.attributes);
  if (step.op == "permute") {
    const auto& dims = get<std::vector<std::int64_t>>(step.attributes, "dims");
    return builder_.emit("permute", {part}, {{"dims", inverse_order(dims)}});
  }
  if (step.op == "select" || step.op == "slice") return replace_slice(step, base, part);
  if (step.op == "split") {
    const auto dim = get<std::int64_t>(step.attributes, "dim");
    const auto& sizes = get<std::vector<Dim>>(step.attributes, "sizes");
    Dim begin = 0;
    for (std::size_t i = 0; i < step.output; ++i) begin = begin + sizes[i];
    return with_part(builder_, base, part, dim, begin, begin + sizes[step.output]);
  }
  return replace_places(step, base, part);
}

ValueId Cells::replace_slice(const Step& step, ValueId base, ValueId part) {
  const auto dim = get<std::int64_t>(step.attributes, "dim");
  const Dim length = builder_.shape(base)[static_cast<std::size_t>(dim)];
  const auto bound = [&](std::string_view name) {
    return position(get<Dim>(step.attributes, name), length);
  };
  if (step.op == "select") {
    const Dim index = bound("index");
    part = builder_.emit("unsqueeze", {part}, {{"dim", dim}});
    return with_part(builder_, base, part, dim, index, index + 1);
  }
  if (get<std::int64_t>(step.attributes, "step") == 1)
    return with_part(builder_, base, part, dim, bound("start"), bound("end"));
  Attributes along = step.attributes;
  std::ranges::find(along, "dim", &NamedAttribute::name)->value = std::int64_t{0};
  return with_places(
      builder_, base, part, dim,
      builder_.emit("slice", {builder_.emit("arange", {}, {{"end", length}})}, along));
}

/// Whether a view shows an element several times: windows that overlap.
bool Cells::repeats(ValueId base, ValueId view) const {
  while (view != base) {
    const Node* node = builder_.maker(view);
    if (node == nullptr || node->inputs.empty()) return false;
    const ValueId from = node->inputs[0];
    if (node->op == "expand" && builder_.shape(view) != builder_.shape(from)) return true;
    const auto index =
        node->op == "index_select" ? builder_.known(node->inputs[1]) : std::optional<Tensor>();
    if (index) {
      std::vector<std::int64_t> places = index->integers();
      std::ranges::sort(places);
      if (std::ranges::adjacent_find(places) != places.end()) return true;
    }
    view = from;
  }
  return false;
}

/// Of any other view it is asked which elements it shows.
ValueId Cells::replace_places(const Step& step, ValueId base, ValueId part) {
  const Shape shape = builder_.shape(base);
  const Dim count = count_elements(shape);
  const Dim shown = count_elements(builder_.shape(part));
  const ValueId all = reshape_to(builder_, builder_.emit("arange", {}, {{"end", count}}), shape);
  const ValueId view = apply(step, all);
  // In what order they are read and written is PyTorch's own affair.
  if (repeats(all, view))
    throw Error(Fault::unsupported, "", "writes to a view that shows elements several times");
  const ValueId places = reshape_to(builder_, view, {shown});
  const ValueId flat = with_places(builder_, reshape_to(builder_, base, {count}),
                                   reshape_to(builder_, part, {shown}), 0, places);
  return reshape_to(builder_, flat, shape);
}

ValueId Cells::carry_back(const View& view, ValueId base, ValueId value) {
  std::vector<ValueId> bases;  // of each step
  for (std::size_t i = 0; i < view.steps.size(); ++i)
    bases.push_back(i == 0 ? base : apply(view.steps[i - 1], bases.back()));
  for (std::size_t i = view.steps.size(); i-- > 0;) value = replace(view.steps[i], bases[i], value);
  return value;
}

}  // namespace isomer::pt2
