#include "graph/pairs.h"
#include "ops/rules.h"
#include "vocabularies/aten/complex.h"

// What rearranges, joins and makes complex tensors.

namespace isomer::aten {
namespace {

Values permute(ComplexReading& r) {
  const ValueId x = r.tensor("self");
  std::vector<std::int64_t> dims = r.axes("dims", r.b.rank(x) - 1);
  dims.push_back(r.b.rank(x) - 1);
  return {permuted(r.b, x, std::move(dims))};
}

/// The last two axes but that of the pairs.
ValueId transposed(ComplexReading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t last = r.b.rank(x) - 2;
  if (last < 1) return x;
  return r.b.emit("transpose", {x}, {{"dim0", last - 1}, {"dim1", last}});
}

Values transpose(ComplexReading& r) { return {transposed(r)}; }
Values adjoint(ComplexReading& r) {
  return {joined(r.b, conjugate(r.b, parts_of(r.b, transposed(r))))};
}

/// The type that it is cast to; a real one keeps the real parts alone.
Values to(ComplexReading& r) {
  const auto dtype = r.dtype("dtype");
  if (!dtype) return {r.pairs("self")};
  const DType real = as_pairs(TensorType{*dtype, {}}).dtype;
  if (!is_complex(*dtype)) return {as_type(r.b, tensors_of(r.b, r.complex("self")).first, real)};
  if (r.is_pairs("self")) return {as_type(r.b, r.tensor("self"), real)};
  return {joined(r.b, real_number(as_type(r.b, r.operand("self"), real)))};
}

Values copy(ComplexReading& r) {
  const ValueId target = r.tensor("self");
  if (!r.is_pairs("self"))
    r.refuse("a complex tensor is copied into a real one; copy its real part");
  const ValueId source = as_type(r.b, r.pairs("src"), r.b.dtype(target));
  return {expanded(r.b, source, r.b.shape(target))};
}

/// Real numbers of the kind that is asked for.
Values of_real(ComplexReading& r) {
  Call call = for_pairs(r.call());
  for (NamedArgument& argument : call.arguments) {
    if (r.is_pairs(argument.name)) argument.value = tensors_of(r.b, r.complex(argument.name)).first;
  }
  r.ignore_all();
  return {joined(r.b, real_number(emit(r.b, call)[0]))};
}

using enum Aliasing;

constexpr ComplexRow complex_shape_table[] = {
    {.targets = "view view_copy _unsafe_view", .shapes = "size=2"},
    {.targets = "reshape", .shapes = "shape=2"},
    {.targets = "flatten.using_ints", .axes = "start_dim=0 end_dim=-1"},
    {.targets = "unflatten.int unsqueeze unsqueeze_copy squeeze.dim squeeze.dims squeeze_copy.dim "
                "squeeze_copy.dims select.int index_select",
     .axes = "dim"},
    {.targets = "squeeze squeeze_copy index.Tensor neg positive"},
    {.targets = "transpose.int transpose_copy.int swapdims", .axes = "dim0 dim1"},
    {.targets = "swapaxes", .axes = "axis0 axis1"},
    {.targets = "movedim.int movedim.intlist", .axes = "source destination"},
    {.targets = "expand expand_copy broadcast_to", .shapes = "size=2"},
    {.targets = "repeat", .shapes = "repeats=1"},
    {.targets = "tile", .shapes = "dims=1"},
    {.targets = "permute permute_copy", .read = permute},
    {.targets = "t t_copy mT", .read = transpose},
    {.targets = "mH matrix_H adjoint", .read = adjoint, .aliases = may},
    {.targets = "slice.Tensor split.Tensor split_with_sizes chunk unbind.int cat concat "
                "concatenate stack narrow narrow_copy slice_copy.Tensor",
     .axes = "dim=0"},
    {.targets = "flip", .axes = "dims"},
    {.targets = "clone lift lift_fresh lift_fresh_copy alias alias_copy detach detach_copy "
                "contiguous resolve_neg"},
    {.targets = "resolve_conj", .aliases = may},
    {.targets = "to.dtype to.device to.dtype_layout _to_copy", .read = to},
    {.targets = "copy", .read = copy},
    {.targets = "zeros empty.memory_format new_zeros new_empty", .shapes = "size=2"},
    {.targets = "full scalar_tensor", .parts = "fill_value s"},
    {.targets = "zeros_like empty_like", .parts = "self"},
    {.targets = "full_like new_full fill.Scalar fill.Tensor", .parts = "self fill_value value"},
    {.targets = "ones ones_like new_ones eye", .read = of_real},
    {.targets = "where.self where.ScalarOther where.ScalarSelf", .parts = "self other"},
    {.targets = "masked_fill.Scalar masked_fill.Tensor", .parts = "self value"},
    {.targets = "pad constant_pad_nd", .parts = "self value"},
    {.targets = "roll gather tril triu diagonal diag diag_embed repeat_interleave.self_int "
                "unfold expand_as",
     .parts = "self"},
    {.targets = "index_put index_add scatter.src scatter.value scatter_add slice_scatter "
                "select_scatter diagonal_scatter",
     .parts = "self values source src value"},
};

}  // namespace

std::span<const ComplexRow> complex_shape_rows() { return complex_shape_table; }

}  // namespace isomer::aten
