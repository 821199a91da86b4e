#include "tower.h"

#include <vector>

#include "../unit/codecs/zip_maker.h"
#include "base/text.h"
#include "ops/builder.h"

namespace isomer::test {
namespace {

std::string tensor_meta(const std::string& sizes, const std::string& strides) {
  return fmt::format(
      R"({{"dtype": 7, "sizes": [{}], "requires_grad": true, "device": {{"type": "cpu", "index": null}}, )"
      R"("strides": [{}], "storage_offset": {{"as_int": 0}}, "layout": 7}})",
      sizes, strides);
}

std::string as_int(std::size_t number) { return fmt::format(R"({{"as_int": {}}})", number); }

/// One row of activations, and a weight.
struct Types {
  explicit Types(std::size_t width)
      : row(tensor_meta(
            R"json({"as_expr": {"expr_str": "Symbol('batch', integer=True)", "hint": )json" +
                as_int(2) + "}}, " + as_int(width),
            as_int(width) + ", " + as_int(1))),
        weight(
            tensor_meta(as_int(width) + ", " + as_int(width), as_int(width) + ", " + as_int(1))) {}
  std::string row;
  std::string weight;
};

std::string node(const std::string& name, const std::string& op, const std::string& inputs,
                 std::size_t module, bool inner) {
  const std::string path = fmt::format("layers.{}", module);
  const std::string stack =
      fmt::format("L__self__,,net.Tower;L__self__{0},{0},net.Block{1}", path,
                  inner ? fmt::format(";L__self__{0}.linear,{0}.linear,net.Linear", path) : "");
  return fmt::format(
      R"({{"target": "torch.ops.aten.{}", "inputs": [{}], "outputs": [{{"as_tensor": {{"name": "{}"}}}}], )"
      R"("metadata": {{"stack_trace": "File \"/net.py\", line {}, in forward\n    x", "nn_module_stack": "{}"}}, )"
      R"("is_hop_single_tensor_return": null, "name": "{}"}})",
      op, inputs, name, inner ? 12 : 13, stack, name);
}

std::string tensor(const std::string& name, const std::string& value) {
  return fmt::format(R"({{"name": "{}", "arg": {{"as_tensor": {{"name": "{}"}}}}, "kind": 1}})",
                     name, value);
}

/// Parts of the program's JSON, each with a comma behind every item but the last.
struct Lists {
  void add(std::string& list, const std::string& item) {
    list += (list.empty() ? "" : ", ") + item;
  }
  std::string nodes, values, inputs, specs, weights;
};

Lists lists_of(std::size_t modules, const Types& types) {
  Lists all;
  std::string x = "x";
  const auto value = [&](const std::string& name, const std::string& type) {
    all.add(all.values, fmt::format(R"("{}": {})", name, type));
  };
  const auto call = [&](const std::string& name, const std::string& op, const std::string& inputs,
                        std::size_t module, bool inner) {
    all.add(all.nodes, node(name, op, inputs, module, inner));
    value(name, types.row);
  };
  for (std::size_t i = 0; i < modules; ++i) {
    const std::string parameter = fmt::format("p_layers_{}_linear_weight", i);
    const std::string key = fmt::format("layers.{}.linear.weight", i);
    value(parameter, types.weight);
    all.add(all.inputs, fmt::format(R"({{"as_tensor": {{"name": "{}"}}}})", parameter));
    all.add(all.specs,
            fmt::format(R"({{"parameter": {{"arg": {{"name": "{}"}}, "parameter_name": "{}"}}}})",
                        parameter, key));
    all.add(
        all.weights,
        fmt::format(R"("{}": {{"path_name": "weight_{}", "is_param": true, "use_pickle": false, )"
                    R"("tensor_meta": {}}})",
                    key, i, types.weight));
    const std::string suffix = i == 0 ? "" : fmt::format("_{}", i);
    call("linear" + suffix, "linear.default",
         tensor("input", x) + ", " + tensor("weight", parameter), i, true);
    call("tanh" + suffix, "tanh.default", tensor("self", "linear" + suffix), i, false);
    call("mul" + suffix, "mul.Tensor",
         tensor("self", "tanh" + suffix) +
             R"(, {"name": "other", "arg": {"as_float": 0.5}, "kind": 1})",
         i, false);
    call("add" + suffix, "add.Tensor", tensor("self", "mul" + suffix) + ", " + tensor("other", x),
         i, false);
    x = "add" + suffix;
  }
  value("x", types.row);
  all.add(all.inputs, R"({"as_tensor": {"name": "x"}})");
  all.add(all.specs, R"({"user_input": {"arg": {"as_tensor": {"name": "x"}}}})");
  return all;
}

std::string program_of(const Lists& all, std::size_t modules) {
  const std::string result = modules == 1 ? "add" : fmt::format("add_{}", modules - 1);
  const std::string output = fmt::format(R"({{"as_tensor": {{"name": "{}"}}}})", result);
  constexpr std::string_view in_spec =
      R"([1, {\"type\": \"builtins.tuple\", \"context\": \"null\", \"children_spec\": [)"
      R"({\"type\": \"builtins.tuple\", \"context\": \"null\", \"children_spec\": [)"
      R"({\"type\": null, \"context\": null, \"children_spec\": []}]}, )"
      R"({\"type\": \"builtins.dict\", \"context\": \"[]\", \"children_spec\": []}]}])";
  constexpr std::string_view out_spec =
      R"([1, {\"type\": null, \"context\": null, \"children_spec\": []}])";
  return fmt::format(
      R"({{"graph_module": {{"graph": {{"inputs": [{}], "outputs": [{}], "nodes": [{}], "tensor_values": {{{}}}, )"
      R"("sym_int_values": {{}}, "sym_bool_values": {{}}, "is_single_tensor_return": false, "custom_obj_values": {{}}, )"
      R"("sym_float_values": {{}}}}, "signature": {{"input_specs": [{}], "output_specs": [{{"user_output": {{"arg": {}}}}}]}}, )"
      R"("module_call_graph": [{{"fqn": "", "signature": {{"inputs": [], "outputs": [], "in_spec": "{}", )"
      R"("out_spec": "{}", "forward_arg_names": ["x"]}}}}], "metadata": {{}}, "treespec_namedtuple_fields": {{}}}}, )"
      R"("opset_version": {{"aten": 10}}, "range_constraints": {{"batch": {{"min_val": 1, "max_val": 64}}}}, )"
      R"("schema_version": {{"major": 8, "minor": 20}}, "verifiers": ["TRAINING"], "torch_version": "2.13.0", )"
      R"("guards_code": []}})",
      all.inputs, output, all.nodes, all.values, all.specs, output, in_spec, out_spec);
}

}  // namespace

Graph tower(std::size_t modules, std::size_t width) {
  const auto side = static_cast<std::int64_t>(width);
  Builder b("tower");
  ValueId x = b.input("x", {DType::f32, {Dim::symbol("batch"), side}});
  std::vector<ValueId> weights;
  const std::vector<double> numbers(width * width, 0.25);
  for (std::size_t i = 0; i < modules; ++i) {
    const std::string path = "layers." + std::to_string(i);
    weights.push_back(b.constant("weight", Tensor::from_doubles(DType::f32, {side, side}, numbers),
                                 true, {path + ".linear.weight"}));
  }
  for (std::size_t i = 0; i < modules; ++i) {
    const std::string path = "layers." + std::to_string(i);
    b.at(path + ".linear", {"net.py", 12});
    const ValueId y = b.emit("linear", {x, weights[i]});
    b.at(path, {"net.py", 13});
    const ValueId h = b.emit("tanh", {y});
    const ValueId scaled = b.emit("mul", {h, b.literal(DType::f32, 0.5)});
    x = b.emit("add", {scaled, x});
  }
  Signature signature;
  signature.lengths = {{"batch", 1, 64}};
  return std::move(b).finish({x}, signature);
}

std::string exported_tower(std::size_t modules, std::size_t width) {
  const Lists all = lists_of(modules, Types(width));
  std::vector<Member> members = {
      {"tower/archive_format", "pt2"},
      {"tower/archive_version", "0"},
      {"tower/byteorder", "little"},
      {"tower/models/model.json", program_of(all, modules)},
      {"tower/data/weights/model_weights_config.json", "{\"config\": {" + all.weights + "}}"},
      {"tower/data/constants/model_constants_config.json", "{\"config\": {}}"}};
  std::size_t end = 0;
  const auto size_of_header = [](const Member& member) { return 30 + member.name.size(); };
  for (const Member& member : members) end += size_of_header(member) + member.data.size();
  const std::string zeros(width * width * sizeof(float), '\0');
  for (std::size_t i = 0; i < modules; ++i) {
    Member member{fmt::format("tower/data/weights/weight_{}", i), zeros};
    // As libtorch does: weights begin at multiples of 64.
    const std::size_t begin = end + size_of_header(member) + 4;
    const std::size_t padding = (64 - begin % 64) % 64;
    member.local_extra = "FB" + number(padding, 2) + std::string(padding, 'Z');
    end = begin + padding + zeros.size();
    members.push_back(std::move(member));
  }
  return archive(members);
}

}  // namespace isomer::test
