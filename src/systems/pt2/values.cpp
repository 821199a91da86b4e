#include "systems/pt2/values.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"

namespace isomer::pt2 {
namespace {

struct Row {
  std::string_view target;  // without the overload
  Sharing sharing;
};

// Operators whose results share memory with `self`, as their schemas say (`Tensor(a)`).
constexpr std::array rows = {
    Row{"alias", Sharing::same},
    Row{"lift_fresh", Sharing::same},
    Row{"detach", Sharing::view},
    Row{"view", Sharing::view},
    Row{"view_as", Sharing::view},
    Row{"unflatten", Sharing::view},
    Row{"unsqueeze", Sharing::view},
    Row{"squeeze", Sharing::view},
    Row{"transpose", Sharing::view},
    Row{"swapaxes", Sharing::view},
    Row{"t", Sharing::view},
    Row{"numpy_T", Sharing::view},
    Row{"permute", Sharing::view},
    Row{"movedim", Sharing::view},
    Row{"select", Sharing::view},
    Row{"slice", Sharing::view},
    Row{"narrow", Sharing::view},
    Row{"expand", Sharing::view},
    Row{"expand_as", Sharing::view},
    Row{"diagonal", Sharing::view},
    Row{"unfold", Sharing::view},
    Row{"as_strided", Sharing::view},
    Row{"split", Sharing::view},
    Row{"split_with_sizes", Sharing::view},
    Row{"chunk", Sharing::view},
    Row{"tensor_split", Sharing::view},
    Row{"unbind", Sharing::view},
    Row{"real", Sharing::view},
    Row{"imag", Sharing::view},
    Row{"view_as_real", Sharing::view},
    Row{"view_as_complex", Sharing::view},
    // They copy where they must.
    Row{"contiguous", Sharing::perhaps},
    Row{"reshape", Sharing::perhaps},
    Row{"reshape_as", Sharing::perhaps},
    Row{"flatten", Sharing::perhaps},
    Row{"ravel", Sharing::perhaps},
    Row{"to", Sharing::perhaps},
};

std::string_view without_overload(std::string_view target) {
  return target.substr(0, target.find('.'));
}

template <class T>
std::optional<T> argument_of(const std::vector<aten::NamedArgument>& arguments,
                             std::string_view name) {
  const auto found = std::ranges::find(arguments, name, &aten::NamedArgument::name);
  if (found == arguments.end()) return std::nullopt;
  const T* value = std::get_if<T>(&found->value);
  return value == nullptr ? std::nullopt : std::optional<T>(*value);
}

/// A length given as a number or symbolically.
std::optional<Dim> length_of(const std::vector<aten::NamedArgument>& arguments,
                             std::string_view name) {
  if (const auto number = argument_of<std::int64_t>(arguments, name)) return Dim(*number);
  return argument_of<Dim>(arguments, name);
}

bool is_known(const Dim& dim, std::int64_t number) { return dim.known() && dim.value() == number; }

/// A position as Python counts it: negative from the end, and never outside.
Dim position(const Dim& given, const Dim& length) {
  const Dim from_front = given.known() && given.value() < 0 ? length + given : given;
  if (is_known(from_front, 0) || from_front == length) return from_front;
  return smaller(larger(from_front, 0), length);
}

/// `base` with the part from `begin` to `end` along `axis` replaced.
ValueId replace_part(Builder& b, ValueId base, ValueId part, std::int64_t axis, const Dim& begin,
                     const Dim& end) {
  const Dim length = b.shape(base)[static_cast<std::size_t>(axis)];
  std::vector<ValueId> pieces;
  if (!is_known(begin, 0))
    pieces.push_back(b.emit("slice", {base}, {{"dim", axis}, {"start", Dim(0)}, {"end", begin}}));
  pieces.push_back(part);
  if (!(end == length))
    pieces.push_back(b.emit("slice", {base}, {{"dim", axis}, {"start", end}, {"end", length}}));
  if (pieces.size() == 1) return part;
  return b.emit("cat", pieces, {{"dim", axis}});
}

/// Has the view the elements of its base in the same order?
bool is_reshape(std::string_view name) {
  constexpr std::array names = {
      std::string_view("view"),    std::string_view("view_as"),    std::string_view("unflatten"),
      std::string_view("squeeze"), std::string_view("reshape_as"), std::string_view("flatten"),
      std::string_view("ravel"),   std::string_view("reshape"),    std::string_view("unsqueeze"),
  };
  return std::ranges::find(names, name) != names.end();
}

std::vector<std::int64_t> inverse(const std::vector<std::int64_t>& permutation) {
  const auto rank = static_cast<std::int64_t>(permutation.size());
  std::vector<std::int64_t> inverted(permutation.size());
  for (std::int64_t i = 0; i < rank; ++i) {
    const std::int64_t axis = permutation[static_cast<std::size_t>(i)];
    inverted.at(static_cast<std::size_t>(axis < 0 ? axis + rank : axis)) = i;
  }
  return inverted;
}

}  // namespace

Sharing sharing_of(std::string_view target, bool contiguous) {
  const std::string_view name = without_overload(target);
  const auto row = std::ranges::find(rows, name, &Row::target);
  if (row == rows.end()) return Sharing::none;
  if (name == "contiguous") return contiguous ? Sharing::same : Sharing::none;
  if (row->sharing == Sharing::perhaps && contiguous && name != "to") return Sharing::view;
  return row->sharing;
}

Cell Cells::add(ValueId value, std::string name) {
  Entry entry;
  entry.value = value;
  entry.name = std::move(name);
  entries_.push_back(std::move(entry));
  return Cell{entries_.size() - 1};
}

Cell Cells::add_view(ValueId value, std::string name, Cell base, const aten::Call& call,
                     std::size_t index, bool certain) {
  // Deriving walks down the views one function call each.
  constexpr int deepest = 1000;
  const int depth = at(base).depth + 1;
  if (depth > deepest) throw Error(Fault::unsupported, "", "is a view of a view, too often");
  const Cell cell = add(value, std::move(name));
  at(cell).depth = depth;
  at(cell).view =
      View{base, at(base).version, std::string(call.target), call.arguments, index, certain};
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
      entry.value = derive(view, base);
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

ValueId Cells::derive(const View& view, ValueId base) {
  aten::Call call{view.target, view.arguments};
  std::ranges::find(call.arguments, "self", &aten::NamedArgument::name)->value = base;
  return aten::emit(builder_, call).at(view.index);
}

ValueId Cells::carry_back(const View& view, ValueId base, ValueId value) {
  const std::string_view name = without_overload(view.target);
  const std::int64_t rank = builder_.rank(base);
  const auto axis = [&](std::string_view key, std::int64_t otherwise) {
    const std::int64_t given = argument_of<std::int64_t>(view.arguments, key).value_or(otherwise);
    return given < 0 ? given + rank : given;
  };
  if (name == "detach") return value;
  if (is_reshape(name)) return builder_.emit("reshape", {value}, {{"shape", builder_.shape(base)}});
  if (name == "transpose") {
    return builder_.emit("transpose", {value},
                         {{"dim0", axis("dim0", 0)}, {"dim1", axis("dim1", 0)}});
  }
  if (name == "t") {
    return rank < 2 ? value
                    : builder_.emit("transpose", {value},
                                    {{"dim0", std::int64_t{0}}, {"dim1", std::int64_t{1}}});
  }
  if (name == "permute") {
    if (const auto dims = argument_of<std::vector<std::int64_t>>(view.arguments, "dims")) {
      return builder_.emit("permute", {value}, {{"dims", inverse(*dims)}});
    }
  }
  if (name == "select") {
    const std::int64_t dim = axis("dim", 0);
    const Dim index = position(length_of(view.arguments, "index").value_or(0),
                               builder_.shape(base).at(static_cast<std::size_t>(dim)));
    const ValueId part = builder_.emit("unsqueeze", {value}, {{"dim", dim}});
    return replace_part(builder_, base, part, dim, index, index + 1);
  }
  if (name == "slice" && argument_of<std::int64_t>(view.arguments, "step").value_or(1) == 1) {
    const std::int64_t dim = axis("dim", 0);
    const Dim length = builder_.shape(base).at(static_cast<std::size_t>(dim));
    const Dim begin = position(length_of(view.arguments, "start").value_or(0), length);
    const Dim end = position(length_of(view.arguments, "end").value_or(length), length);
    return replace_part(builder_, base, value, dim, begin, end);
  }
  throw Error(Fault::unsupported, "",
              fmt::format("writes to what aten.{} gave, a view that cannot be written through",
                          view.target));
}

}  // namespace isomer::pt2
