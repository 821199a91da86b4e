#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../codecs/zip_maker.h"
#include "base/error.h"
#include "base/text.h"
#include "codecs/zip.h"
#include "graph/text.h"
#include "ops/validate.h"
#include "passes/passes.h"
#include "run/engine.h"
#include "systems/pt2/guards.h"
#include "systems/pt2/pt2.h"
#include "systems/pt2/structure.h"
#include "systems/pt2/types.h"
#include "systems/stored.h"

namespace isomer {
namespace {

constexpr std::string_view folder = ISOMER_SOURCE "/tests/data/models";

Loaded read_model(const std::string& file) { return pt2::read(*open_folder(folder), file); }

NamedTensors recorded(const std::string& model) {
  return read_tensors(open_folder(folder)->read(model + ".safetensors"));
}

std::vector<Tensor> inputs_of(const NamedTensors& tensors) {
  std::vector<Tensor> inputs;
  while (const Tensor* input = find(tensors, "in" + std::to_string(inputs.size())))
    inputs.push_back(*input);
  return inputs;
}

void expect_near(const Tensor& got, const Tensor& wanted, const std::string& what) {
  ASSERT_EQ(got.dtype(), wanted.dtype()) << what;
  ASSERT_EQ(got.shape(), wanted.shape()) << what;
  const std::vector<double> a = got.doubles();
  const std::vector<double> b = wanted.doubles();
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(a[i], b[i], 2e-5 * std::max(1.0, std::abs(b[i]))) << what << " element " << i;
  }
}

const Constant& weight(const Graph& graph, std::string_view name) {
  for (const Constant& constant : graph.constants) {
    if (std::ranges::find(constant.names, name) != constant.names.end()) return constant;
  }
  throw Error(Fault::usage, "test", "no weight " + quoted(name));
}

class Models : public testing::TestWithParam<std::string> {};

// Eager torch wrote the outputs; the reference interpreter, which knows no torch, runs what was
// read.
TEST_P(Models, ComputeWhatTorchDid) {
  const std::string model = GetParam().substr(0, GetParam().find('.'));
  const NamedTensors tensors = recorded(model);
  const Graph graph = read_model(GetParam()).graph;
  validate(graph);
  auto executor = make_reference_executor(graph);
  const std::vector<Tensor> outputs = executor->run(inputs_of(tensors));
  ASSERT_FALSE(outputs.empty());
  EXPECT_EQ(find(tensors, "out" + std::to_string(outputs.size())), nullptr) << "torch gave more";
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string name = "out" + std::to_string(i);
    ASSERT_NE(find(tensors, name), nullptr);
    expect_near(outputs[i], *find(tensors, name), name);
  }
  const std::vector<Tensor> states = executor->states();
  ASSERT_EQ(states.size(), graph.states.size());
  const auto changed = std::ranges::count_if(
      tensors, [](const auto& one) { return one.first.starts_with("after."); });
  EXPECT_EQ(static_cast<std::size_t>(changed), states.size());
  for (std::size_t i = 0; i < states.size(); ++i) {
    ASSERT_EQ(graph.states[i].names.size(), 1U);
    const std::string name = "after." + graph.states[i].names[0];
    ASSERT_NE(find(tensors, name), nullptr) << name;
    expect_near(states[i], *find(tensors, name), name);
  }
}

// The core form of `no_grad` does not say any more where the gradient stops.
TEST_P(Models, HaveTheGradientsThatTorchHas) {
  if (GetParam() == "no_grad.core.pt2") GTEST_SKIP();
  const NamedTensors tensors = recorded(GetParam().substr(0, GetParam().find('.')));
  const Graph graph = read_model(GetParam()).graph;
  std::vector<Tensor> inputs = inputs_of(tensors);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (is_floating(inputs[i].dtype())) names.push_back("grad.in" + std::to_string(i));
  }
  for (const Constant& constant : graph.constants) {
    if (constant.trainable) names.push_back("grad." + constant.names.at(0));
  }
  for (std::size_t i = 0; const Tensor* output = find(tensors, "out" + std::to_string(i)); ++i) {
    if (!is_floating(output->dtype())) continue;
    const std::vector<double> ones(static_cast<std::size_t>(output->count()), 1.0);
    inputs.push_back(Tensor::from_doubles(output->dtype(), output->shape(), ones));
  }
  const std::vector<Tensor> gradients = make_reference_executor(differentiate(graph))->run(inputs);
  ASSERT_EQ(gradients.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    ASSERT_NE(find(tensors, names[i]), nullptr) << names[i];
    expect_near(gradients[i], *find(tensors, names[i]), names[i]);
  }
}

std::vector<std::string> model_files() {
  std::vector<std::string> files = open_folder(folder)->names();
  std::erase_if(files, [](const std::string& name) { return !name.ends_with(".pt2"); });
  return files;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param.substr(0, info.param.size() - 4);
  std::ranges::replace(name, '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Exports, Models, testing::ValuesIn(model_files()), test_name);

TEST(PytorchReader, FindsTheModelsThereAre) { EXPECT_GE(model_files().size(), 28U); }

TEST(PytorchReader, KeepsStateDictNamesScopesAndPlaces) {
  const Graph graph = read_model("lenet.pt2").graph;
  EXPECT_EQ(graph.name, "LeNet");
  EXPECT_TRUE(weight(graph, "features.0.weight").trainable);
  EXPECT_FALSE(weight(graph, "features.1.running_mean").trainable);
  EXPECT_NO_THROW(weight(graph, "features.1.num_batches_tracked"));
  const auto linear = std::ranges::find(graph.nodes, "linear", &Node::op);
  ASSERT_NE(linear, graph.nodes.end());
  EXPECT_EQ(linear->scope, "classify");
  EXPECT_EQ(linear->place.file, "make_models.py");
  EXPECT_GT(linear->place.line, 0);
  EXPECT_EQ(graph[graph.inputs[0]].name, "image");
}

TEST(PytorchReader, TiedWeightsAreOneConstant) {
  for (const std::string file : {"tied.pt2", "tied.core.pt2"}) {
    const Graph graph = read_model(file).graph;
    EXPECT_EQ(weight(graph, "embed.weight").value, weight(graph, "out.weight").value) << file;
    EXPECT_EQ(weight(graph, "out.weight").names.size(), 2U) << file;
  }
}

TEST(PytorchReader, BuffersOutsideTheStateDictHaveNoName) {
  const Graph graph = read_model("buffers.pt2").graph;
  EXPECT_NO_THROW(weight(graph, "shift"));
  EXPECT_THROW(weight(graph, "scale"), Error);
  EXPECT_THROW(weight(graph, "lifted_tensor_0"), Error);
}

TEST(PytorchReader, KeepsTheNesting) {
  const Signature signature = read_model("multi_io.pt2").graph.signature;
  using Kind = Structure::Kind;
  const Structure leaf;
  EXPECT_EQ(signature.arguments.keys, (std::vector<std::string>{"pair", "extra"}));
  EXPECT_EQ(signature.arguments.children.at(0), (Structure{Kind::dict, {"a", "b"}, {leaf, leaf}}));
  EXPECT_EQ(signature.arguments.children.at(1), (Structure{Kind::list, {}, {leaf, leaf}}));
  const Structure none{Kind::none, {}, {}};
  const Structure both{Kind::tuple, {}, {leaf, leaf}};
  EXPECT_EQ(signature.results,
            (Structure{Kind::dict, {"sum", "both", "none"}, {leaf, both, none}}));
}

TEST(PytorchReader, ADynamicBatchIsANamedLength) {
  for (const std::string file : {"dynamic_batch.pt2", "dynamic_batch.core.pt2"}) {
    const Graph graph = read_model(file).graph;
    const auto symbol = graph[graph.inputs[0]].type.shape.at(0).lone_symbol();
    ASSERT_TRUE(symbol) << file;
    ASSERT_EQ(graph.signature.lengths.size(), 1U);
    EXPECT_EQ(graph.signature.lengths[0], (LengthRange{*symbol, 1, 64}));
    auto executor = make_reference_executor(graph);
    for (const std::int64_t batch : {1, 5}) {
      const auto outputs = executor->run(std::vector{Tensor::zeros(DType::f32, {batch, 4})});
      EXPECT_EQ(outputs.at(0).shape(), (std::vector<std::int64_t>{3 * batch}));
    }
  }
}

TEST(PytorchReader, AnIntegerArgumentTellsALength) {
  for (const std::string file : {"counted.pt2", "counted.core.pt2"}) {
    const Graph graph = read_model(file).graph;
    ASSERT_EQ(graph.inputs.size(), 2U);
    EXPECT_EQ(graph[graph.inputs[1]].name, "n");
    const LengthRange* told = length_told_by(graph, 1);
    ASSERT_NE(told, nullptr);
    EXPECT_EQ(graph[graph.outputs[0]].type.shape.at(0), Dim::symbol(told->name));
    auto executor = make_reference_executor(graph);
    const std::int64_t n = 4;
    const auto outputs =
        executor->run(std::vector{Tensor::zeros(DType::f32, {2, 4}),
                                  Tensor::from_integers(DType::i64, {}, std::span(&n, 1))});
    EXPECT_EQ(outputs.at(0).shape(), (std::vector<std::int64_t>{4, 2, 3}));
    EXPECT_EQ(outputs.at(1).integers(), std::vector<std::int64_t>{8});
  }
}

TEST(PytorchReader, ChangedBuffersAreStates) {
  for (const std::string file : {"train_bn.pt2", "train_bn.core.pt2"}) {
    const Graph graph = read_model(file).graph;
    std::vector<std::string> names;
    for (const State& state : graph.states) names.push_back(state.names.at(0));
    std::ranges::sort(names);
    EXPECT_EQ(names, (std::vector<std::string>{"bn.num_batches_tracked", "bn.running_mean",
                                               "bn.running_var"}));
    EXPECT_THROW(weight(graph, "bn.running_mean"), Error);
  }
}

/// Also parameters, in either form of the export.
TEST(PytorchReader, ChangedParametersAreStates) {
  const NamedTensors tensors = recorded("changing");
  for (const std::string file : {"changing.pt2", "changing.core.pt2"}) {
    const Loaded loaded = read_model(file);
    EXPECT_TRUE(loaded.notes.empty());
    const auto executor = make_reference_executor(loaded.graph);
    executor->run(inputs_of(tensors));
    const std::vector<Tensor> states = executor->states();
    ASSERT_EQ(states.size(), 2U);
    for (std::size_t i = 0; i < states.size(); ++i) {
      const std::string after = "after." + loaded.graph.states[i].names.at(0);
      expect_near(states[i], *find(tensors, after), file + ": " + after);
    }
  }
}

// Files that are wrong ---------------------------------------------------------------------------

using Edits = std::vector<std::pair<std::string, std::string>>;

/// A stored model with the first occurrence of each text, in whatever record, replaced; an empty
/// replacement of a record's name drops it.
std::string edited(const std::string& file, const Edits& edits) {
  const Zip zip(open_folder(folder)->read(file));
  std::vector<test::Member> members;
  for (const Zip::Entry& entry : zip.entries()) {
    members.push_back({entry.name, std::string(zip.read(entry.name).text())});
  }
  for (const auto& [from, to] : edits) {
    bool done = false;
    for (auto member = members.begin(); member != members.end() && !done; ++member) {
      // The sample inputs are an archive of their own, which nobody reads.
      if (member->name.ends_with(".pt")) continue;
      const std::size_t at = member->data.find(from);
      if (at != std::string::npos) {
        member->data.replace(at, from.size(), to);
        done = true;
      } else if (member->name.ends_with(from)) {
        members.erase(member);
        done = true;
        break;
      }
    }
    EXPECT_TRUE(done) << "nothing to edit: " << from;
  }
  return test::archive(members);
}

std::string message(const std::string& bytes, Fault fault) {
  try {
    pt2::read(*in_memory({{"m.pt2", bytes}}), "m.pt2");
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), fault) << error.what();
    EXPECT_TRUE(std::string_view(error.what()).starts_with("m.pt2: ")) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "was read";
  return "";
}

std::string message(const std::string& file, const Edits& edits, Fault fault) {
  return message(edited(file, edits), fault);
}

testing::AssertionResult says(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << text;
}

TEST(PytorchReader, ReadsWhatTheEditorOfTheseTestsWrites) {
  EXPECT_NO_THROW(pt2::read(*in_memory({{"m.pt2", edited("mlp.pt2", {})}}), "m.pt2"));
}

TEST(PytorchReader, AChangedParameterHasNoGradient) {
  const std::string scale =
      R"("scale": {"path_name": "weight_0", "is_param": true, "use_pickle": false, )"
      R"("tensor_meta": {"dtype": 7, "sizes": [{"as_int": 3}], "requires_grad": )";
  const std::string bytes = edited("changing.core.pt2", {{scale + "false", scale + "true"}});
  const Loaded loaded = pt2::read(*in_memory({{"m.pt2", bytes}}), "m.pt2");
  ASSERT_EQ(loaded.notes.size(), 1U);
  EXPECT_EQ(loaded.notes[0].where, "parameter 'scale'");
  EXPECT_EQ(loaded.graph.states.size(), 2U);
}

// Each truth value asks twice for the one before it, which is there once.
TEST(PytorchReader, ReadsSharedConditionsOnce) {
  const std::string cond =
      R"({"target": "torch.ops.higher_order.cond", "inputs": [{"name": "", "arg": {"as_sym_bool": {"as_name": ")";
  constexpr int count = 40;
  std::string chain, last = "gt";
  for (int i = 0; i < count; ++i) {
    const auto side = [&](std::string_view name) {
      return fmt::format(
          R"({{"name": "{}", "arg": {{"as_sym_bool": {{"as_name": "{}"}}}}, "kind": 1}})", name,
          last);
    };
    const std::string next = fmt::format("and_{}", i);
    chain += fmt::format(
        R"({{"target": "_operator.and_", "inputs": [{}, {}], "outputs": [{{"as_sym_bool": {{"as_name": "{}"}}}}], )"
        R"("metadata": {{}}, "is_hop_single_tensor_return": null, "name": "{}"}}, )",
        side("a"), side("b"), next, next);
    last = next;
  }
  const std::string bytes = edited("branches.pt2", {{cond + "gt\"", chain + cond + last + "\""}});
  const Graph graph = pt2::read(*in_memory({{"m.pt2", bytes}}), "m.pt2").graph;
  EXPECT_EQ(std::ranges::count(graph.nodes, "logical_and", &Node::op), count);
}

TEST(PytorchReader, ListsAllThatIsNotReadAtOnce) {
  const std::string text =
      message("lenet.pt2",
              {{"torch.ops.aten.relu.default", "torch.ops.aten.fft_fft.default"},
               {"torch.ops.aten.relu.default", "torch.ops.aten.fft_fft.default"},
               {"torch.ops.aten.max_pool2d.default", "torch.ops.mine.pool.default"}},
              Fault::unsupported);
  EXPECT_TRUE(says(
      text,
      "2 operators are not read: aten.fft_fft.default (2x, first in features.2, make_models.py:"));
  EXPECT_TRUE(says(text, "mine.pool.default (1x, first in features.3, make_models.py:"));
}

// Advice is for all that is not read, or none.
TEST(PytorchReader, AdvisesToDecomposeWhereThatHelps) {
  const std::string advice = "--decompose asks PyTorch";
  const auto text = [](const std::string& first, const std::string& second) {
    return message(
        "lenet.pt2",
        {{"torch.ops.aten.relu.default", first}, {"torch.ops.aten.relu.default", second}},
        Fault::unsupported);
  };
  const std::string helped = "torch.ops.aten.pad_sequence.default";
  EXPECT_TRUE(says(text(helped, helped), advice));
  EXPECT_FALSE(says(text(helped, "torch.ops.aten.sspaddmm.default"), advice));
  EXPECT_FALSE(says(text("torch.ops.aten._cslt_compress.default", helped), advice));
  EXPECT_FALSE(says(text("torch.ops.mine.pad_sequence.default", helped), advice));
}

// A class of its own, which torch.export registers by name, becomes a tuple; not without a word.
TEST(PytorchReader, NotesClassesThatItCannotKeep) {
  const auto notes = [](const Edits& edits) {
    std::vector<std::string> texts;
    for (const Note& note :
         pt2::read(*in_memory({{"m.pt2", edited("multi_io.pt2", edits)}}), "m.pt2").notes)
      texts.push_back(note.where + ": " + note.text);
    return texts;
  };
  const std::string list = R"(\"type\": \"builtins.list\", \"context\": \"null\")";
  const std::string rest = "; its fields are known by their place alone";
  EXPECT_EQ(notes({}), std::vector<std::string>());
  EXPECT_EQ(notes({{list, R"(\"type\": \"case.Out\", \"context\": \"null\")"}}),
            std::vector<std::string>{"arguments: case.Out becomes a tuple" + rest});
  EXPECT_EQ(notes({{R"(\"type\": \"builtins.dict\")", R"(\"type\": \"collections.OrderedDict\")"}}),
            std::vector<std::string>{"arguments: collections.OrderedDict becomes a dict"});
}

TEST(PytorchReader, SaysWhichArgumentsAreNotRead) {
  const std::string text = message("mlp.pt2",
                                   {{R"("arg": {"as_tensor": {"name": "p_hidden_bias"}}, "kind")",
                                     R"("arg": {"as_operator": "sum"}, "kind")"}},
                                   Fault::unsupported);
  EXPECT_TRUE(says(text,
                   "1 operator is not read: aten.linear.default: has an argument of kind "
                   "as_operator (1x, first in hidden"));
}

TEST(PytorchReader, NamesTheNodeOfWhatIsWrong) {
  EXPECT_TRUE(says(message("mlp.pt2",
                           {{R"("arg": {"as_tensor": {"name": "p_hidden_bias"}}, "kind")",
                             R"("arg": {"as_thing": 1}, "kind")"}},
                           Fault::file),
                   "node 'linear': argument 'bias': as_thing: is an unknown kind of argument"));
  EXPECT_TRUE(says(message("mlp.pt2",
                           {{R"("arg": {"as_tensor": {"name": "tanh"}})",
                             R"("arg": {"as_tensor": {"name": "linear_1"}})"}},
                           Fault::file),
                   "node 'linear_1' (aten.linear.default), in out, make_models.py:"));
  EXPECT_TRUE(says(
      message("mlp.pt2", {{"torch.ops.aten.tanh.default", "torch.ops.aten.logical_not.default"}},
              Fault::model),
      "node 'tanh' (aten.logical_not.default)"));
}

TEST(PytorchReader, ChecksWeights) {
  EXPECT_TRUE(says(message("mlp.pt2", {{"data/weights/weight_0", ""}}, Fault::file),
                   "tensor 'hidden.weight': its record 'weight_0' is missing"));
  EXPECT_TRUE(
      says(message("mlp.pt2", {{R"({"config": {"hidden.weight")", R"({"config": {"other")"}},
                   Fault::file),
           "parameter 'hidden.weight': the archive does not hold its data"));
  const std::string sizes =
      R"("tensor_meta": {"dtype": 7, "sizes": [{"as_int": 8}, {"as_int": 4}])";
  EXPECT_TRUE(says(
      message("mlp.pt2",
              {{sizes, R"("tensor_meta": {"dtype": 5, "sizes": [{"as_int": 8}, {"as_int": 4}])"}},
              Fault::model),
      "storage"));
  EXPECT_TRUE(says(
      message("mlp.pt2",
              {{sizes, R"("tensor_meta": {"dtype": 7, "sizes": [{"as_int": 8}, {"as_int": 3}])"}},
              Fault::model),
      "parameter 'hidden.weight': is stored as f32[8, 3]; the program needs f32[8, 4]"));
  EXPECT_TRUE(says(
      message(
          "mlp.pt2",
          {{sizes,
            R"("tensor_meta": {"dtype": 7, "sizes": [{"as_int": 1099511627776}, {"as_int": 4}])"}},
          Fault::file),
      "record 'data/weights/weight_0' has 128"));
  EXPECT_TRUE(says(
      message("mlp.pt2", {{R"("use_pickle": false)", R"("use_pickle": true)"}}, Fault::unsupported),
      "pickled"));
}

TEST(PytorchReader, SaysWhatToDoWithOtherArchives) {
  EXPECT_TRUE(says(message("mlp.pt2", {{R"("major": 8)", R"("major": 7)"}}, Fault::unsupported),
                   "export schema 7.20; we read 8"));
  EXPECT_TRUE(says(message("mlp.pt2", {{"little", "big"}}, Fault::unsupported), "big-endian"));
  EXPECT_TRUE(says(
      message(test::archive({{"m/serialized_exported_program.json", "{}"}, {"m/version", "1"}}),
              Fault::file),
      "the record 'serialized_state_dict.pt' is missing"));
  EXPECT_TRUE(
      says(message(test::archive({{"m/constants.pkl", ""}}), Fault::unsupported), "TorchScript"));
  EXPECT_TRUE(says(message(test::archive({{"m/data.pkl", ""}}), Fault::unsupported), "no program"));
  EXPECT_TRUE(
      says(message(test::archive({{"m/x", ""}}), Fault::file), "no archive of torch.export.save"));
  EXPECT_TRUE(says(message("no archive at all", Fault::file), "is no zip archive"));
}

// What lengths show, or ranges bound, is nobody's concern; what was chosen by a remainder is told.
TEST(PytorchReader, TellsGuardsThatLengthsDoNotShow) {
  const Dim n = Dim::symbol("n");
  const std::pair<std::string, TensorType> arguments[] = {{"x", {DType::f32, {Dim(2) * n, 3}}},
                                                          {"y", {DType::f32, {n}}}};
  const auto open = [&](std::string_view guard) { return pt2::open_guard(guard, arguments, {}); };
  EXPECT_EQ(open("L['x'].size()[0] == 2*L['y'].size()[0]"), "");
  EXPECT_EQ(open("(L['x'].size()[0] % 2) == 0"), "");
  EXPECT_EQ(open("2*L['y'].size()[0] <= 100"), "");
  EXPECT_EQ(open("L['flag'] is True"), "");
  EXPECT_EQ(open("L['x'].size()[7] == 0"), "");
  EXPECT_EQ(open("(L['y'].size()[0] % 2) == 0"), "(L['y'].size()[0] % 2) == 0");
  EXPECT_EQ(open("(L['y'].size()[0] % 2) != 1"), "(L['y'].size()[0] % 2) != 1");
  EXPECT_EQ(open("L['y'].size()[0] == exec(1)"), "L['y'].size()[0] == exec(1)");
  EXPECT_EQ(open("L['y'].size()[0"), "");
  EXPECT_EQ(open("L['y'].size()[0 % 2"), "");
}

// tests/data/layouts/make_layouts.py says what they are.
TEST(PytorchReader, ReadsWhatOlderReleasesSaved) {
  const auto files = open_folder(ISOMER_SOURCE "/tests/data/layouts");
  std::size_t read = 0;
  for (const std::string& name : files->names()) {
    if (!name.ends_with(".pt2")) continue;
    const Graph older = pt2::read(*files, name).graph;
    const std::string model = name.substr(0, name.find('.')) + ".pt2";
    const Graph now = pt2::read(*open_folder(folder), model).graph;
    EXPECT_EQ(to_text(older), to_text(now)) << name;
    ASSERT_EQ(older.constants.size(), now.constants.size()) << name;
    for (std::size_t i = 0; i < now.constants.size(); ++i)
      EXPECT_TRUE(older.constants[i].data.same_bits(now.constants[i].data)) << name;
    ++read;
  }
  EXPECT_EQ(read, 12U);
}

TEST(PytorchReader, EveryTruncationIsAFault) {
  const std::string whole(open_folder(folder)->read("mlp.pt2").text());
  for (std::size_t size = 0; size < whole.size(); size += 37) {
    EXPECT_THROW(pt2::read(*in_memory({{"m.pt2", whole.substr(0, size)}}), "m.pt2"), Error) << size;
  }
}

// With the checksum mended, so that the damage reaches the reader.
TEST(PytorchReader, DamagedProgramsNeverCrash) {
  const Zip zip(open_folder(folder)->read("counter.pt2"));
  std::vector<test::Member> members;
  std::size_t program = 0;
  for (const Zip::Entry& entry : zip.entries()) {
    if (entry.name.ends_with("models/model.json")) program = members.size();
    members.push_back({entry.name, std::string(zip.read(entry.name).text())});
  }
  const std::string text = members[program].data;
  std::size_t faults = 0;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    members[program].data = text;
    members[program].data[at] = static_cast<char>(text[at] ^ static_cast<char>(1 << (at % 7)));
    try {
      pt2::read(*in_memory({{"m.pt2", test::archive(members)}}), "m.pt2");
    } catch (const Error& error) {
      EXPECT_NE(error.fault(), Fault::bug) << at << ": " << error.what();
      EXPECT_NE(error.fault(), Fault::usage) << at << ": " << error.what();
      ++faults;
    }
  }
  EXPECT_GT(faults, 500U);
}

/// What the reader says of the model with more tensors, each a view of a record of 8 MB of zeros.
std::string fault_with(std::size_t count, bool many_records, const std::string& sizes, int step) {
  const Zip zip(open_folder(folder)->read("mlp.pt2"));
  std::vector<test::Member> members;
  const std::string zeros(many_records ? 1U << 20U : 8U << 20U, '\0');
  for (const Zip::Entry& entry : zip.entries()) {
    members.push_back({entry.name, std::string(zip.read(entry.name).text())});
    if (!entry.name.ends_with("model_weights_config.json")) continue;
    std::string more = "{\"config\": {";
    for (std::size_t i = 0; i < count; ++i) {
      more += fmt::format(
          R"("more.{}": {{"path_name": "more_{}", "is_param": true, "use_pickle": false, "tensor_meta": )"
          R"({{"dtype": 7, "sizes": [{{"as_int": {}}}], "requires_grad": true, "device": )"
          R"({{"type": "cpu", "index": null}}, "strides": [{{"as_int": 1}}], "storage_offset": )"
          R"({{"as_int": {}}}, "layout": 7}}}}, )",
          i, many_records ? i : 0, sizes, i * step);
    }
    members.back().data.replace(0, std::string_view("{\"config\": {").size(), more);
  }
  for (std::size_t i = 0; i < (many_records ? count : 1); ++i)
    members.push_back({fmt::format("mlp/data/weights/more_{}", i), zeros, 8});
  try {
    pt2::read(*in_memory({{"m.pt2", test::archive(members)}}), "m.pt2");
  } catch (const Error& error) {
    return error.text();
  }
  return "";
}

TEST(PytorchReader, BoundsTheSumOfWhatASmallFileMakes) {
  EXPECT_EQ(fault_with(3, true, "262144", 0), "");
  EXPECT_NE(fault_with(200, true, "262144", 0).find("with the views before it more than"),
            std::string::npos);
  EXPECT_EQ(fault_with(5, false, "2097152", 0), "");
  EXPECT_NE(fault_with(200, false, "2000000", 1).find("with the views before it more than"),
            std::string::npos);
  EXPECT_NE(fault_with(200, false, "2097152", 0).find("with the tied tensors before it more than"),
            std::string::npos);
}

TEST(PytorchReader, RecognisesItsFiles) {
  const auto files = open_folder(folder);
  EXPECT_TRUE(pt2::recognises(*files, "mlp.pt2"));
  EXPECT_FALSE(pt2::recognises(*files, "mlp.safetensors"));
  EXPECT_FALSE(pt2::recognises(*files, "there is none.pt2"));
}

// Lengths, structures, places
// -------------------------------------------------------------------------------------

std::string expression(std::string_view text) { return to_text(pt2::parse_expression(text)); }

TEST(ExportTypes, ReadsLengthsAsSympyPrintsThem) {
  const Lengths lengths{{"s0", 7}, {"s1", 3}};
  const auto value = [&](std::string_view text) {
    return pt2::parse_expression(text).evaluate(lengths);
  };
  EXPECT_EQ(expression("Symbol('s77', positive=True, integer=True)"), "s77");
  EXPECT_EQ(value("Integer(-4)"), -4);
  EXPECT_EQ(value("Add(Mul(Integer(2), Symbol('s0', integer=True)), Integer(-1), Symbol('s1'))"),
            16);
  EXPECT_EQ(value("FloorDiv(Symbol('s0'), Integer(2))"), 3);
  EXPECT_EQ(value("Mul(Rational(1, 2), Add(Symbol('s0'), Integer(1)))"), 4);
  EXPECT_EQ(value("Pow(Symbol('s1'), Integer(2))"), 9);
  EXPECT_EQ(value("Mod(Symbol('s0'), Symbol('s1'))"), 1);
  EXPECT_EQ(value("Max(Symbol('s0'), Symbol('s1'), Integer(5))"), 7);
  EXPECT_EQ(value("TruncToInt(Mul(Float('0.5', precision=53), ToFloat(Symbol('s0'))))"), 3);
  EXPECT_EQ(value("CeilToInt(FloatTrueDiv(ToFloat(Symbol('s0')), Integer(2)))"), 4);
  // What is rounded is rounded before it goes on.
  EXPECT_EQ(value("Mul(Integer(2), TruncToInt(Mul(Float('1.25', precision=53), Symbol('s1'))))"),
            6);
  EXPECT_EQ(value("ModularIndexing(Symbol('s0'), Integer(2), Integer(2))"), 1);
}

std::string message_of(std::string_view text) {
  try {
    return expression(text);
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ExportTypes, RefusesOtherTexts) {
  for (const std::string_view text :
       {"", "Symbol(", "Symbol('s0'", "Integer(1) Integer(2)", "Integer(x)", "FloorDiv(Integer(1))",
        "sin(Symbol('s0'))", "Pow(Symbol('s0'), Symbol('s1'))", "Rational(1, 0)"}) {
    EXPECT_THROW(pt2::parse_expression(text), Error) << text;
  }
  EXPECT_EQ(
      message_of("TruncToInt(Mul(Float('0.3', precision=53), Symbol('s0')))"),
      "length 'TruncToInt(Mul(Float(\\'0.3\\', precision=53), Symbol(\\'s0\\')))': multiplies a "
      "length by 0.3, which Python rounds at some lengths; give a size, or a factor such as "
      "0.5 or 1.25");
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "Add(";
  EXPECT_THROW(pt2::parse_expression(deep), Error);
}

TEST(ExportStructure, FindsTheModule) {
  const auto scope = [](std::string_view stack) { return pt2::parse_modules(stack).back().path; };
  EXPECT_EQ(scope("L__self__,,net.Net;L__self___a_0@1,a.0,torch.nn.Linear"), "a.0");
  EXPECT_EQ(scope("L__self__,,net.Net"), "");
  EXPECT_EQ(scope("1,L['self'],net.Net;2,L['self'].a[0].b,net.Pair[int, str]"), "a.0.b");
  EXPECT_TRUE(pt2::parse_modules("").empty());
  EXPECT_EQ(pt2::parse_modules("L__self__,,net.Net;x,a,b.C").front().type, "net.Net");
}

TEST(ExportStructure, FindsTheAuthorsLine) {
  const std::string trace =
      "  File \"/elsewhere/net.py\", line 12, in forward\n    y = self.fc(x)\n"
      "  File \"/usr/lib/python3/site-packages/torch/nn/modules/linear.py\", line 134, in "
      "forward\n    return F.linear(";
  EXPECT_EQ(pt2::parse_place(trace), (Place{"net.py", 12}));
  EXPECT_EQ(pt2::parse_place("File \"/x/site-packages/timm/models/vit.py\", line 3, in f"),
            (Place{"timm/models/vit.py", 3}));
  EXPECT_EQ(pt2::parse_place(""), Place{});
}

}  // namespace
}  // namespace isomer
