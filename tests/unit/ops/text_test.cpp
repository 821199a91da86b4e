#include "ops/text.h"

#include <gtest/gtest.h>

#include <array>
#include <ctime>
#include <filesystem>
#include <random>

#include "base/error.h"
#include "graph/text.h"
#include "ops/builder.h"
#include "ops/validate.h"
#include "run/engine.h"
#include "systems/text/text.h"

namespace isomer {
namespace {

std::string printed(const Graph& graph) { return to_text(graph, Data::all); }

/// The message for a text that cannot be read.
std::string fault_of(std::string_view text) {
  try {
    parse_graph(text);
  } catch (const Error& error) {
    EXPECT_TRUE(error.fault() == Fault::file || error.fault() == Fault::model) << error.what();
    return error.what();
  }
  return "";
}

std::string example() {
  const std::string page(map_file(ISOMER_SOURCE "/docs/text-form.md").text());
  const std::string fence = "```isomer\n";
  const std::size_t begin = page.find(fence) + fence.size();
  return page.substr(begin, page.find("```", begin) - begin);
}

TEST(Text, TheDocumentedExampleIsWhatItPrints) {
  const Graph graph = parse_graph(example());
  validate(graph);
  EXPECT_EQ(printed(graph), example());
  EXPECT_EQ(graph.constants[0].names, (std::vector<std::string>{"fc.weight", "tied.weight"}));
  EXPECT_TRUE(graph.constants[0].trainable);
  EXPECT_FALSE(graph.constants[1].trainable);
  EXPECT_EQ(graph.states[0].names[0], "bn.num_batches_tracked");
  EXPECT_EQ(graph.nodes[1].scope, "fc");
  EXPECT_EQ(graph.nodes[1].place, (Place{"net.py", 12}));
  EXPECT_EQ(graph.signature.keywords.keys[0], "mask");
  EXPECT_EQ(graph.signature.lengths[0], (LengthRange{"s0", 2, 1024}));
  EXPECT_EQ(to_text(graph[graph.outputs[0]].type), "f32[s0, 2]");
}

TEST(Text, WithoutDataItIsForPeople) {
  const std::string text = to_text(parse_graph(example()));
  EXPECT_NE(text.find("weight w: f32[3, 4] \"fc.weight\" \"tied.weight\"\n"), std::string::npos);
  EXPECT_NE(text.find("-> n_next\n"), std::string::npos);
  EXPECT_NE(fault_of(text).find("'w' has no data"), std::string::npos) << fault_of(text);
}

/// What is printed is read again, and printed the same.
TEST(Text, PrintsWhatItReads) {
  for (const std::string_view body : {
           "graph g() -> ()\n",
           "graph g(x: f32[]) -> (x, x)\n",
           "graph g() -> (f32(0.5), i64(3), bool(true), f64(-inf))\n",
           "graph \"my graph\"(x: f64[s0, 2*s0 + 1, floordiv(s0 + 1, 2)]) -> (x)\n  length s0: "
           "1..\n",
           "graph g(x: f32[]) -> (x)\n  module a.0: Block\n  module \"b c\": \"Net[int]\"\n",
           "graph g(weight: f32[2], stored: f32[2]) -> (graph)\n  graph = add(weight, stored)\n",
           "graph g(x: f32[2], i: i64[2]) -> (y)\n  y = gather(x, i, dim=0)\n",
           "graph g(x: f32[2], i: i64[2]) -> (y, z)\n  y = mul(x, 2.0)\n  z = add(i, 1)\n",
           "graph g(x: f16[2]) -> (y)\n  y = add(x, 0.1)\n",
           "graph g(c: bool[2], x: f32[2]) -> (y)\n  y = where(c, x, nan)\n",
           "graph g(c: bool[2], x: f32[2]) -> (y)\n  y = where(c, x, -nan)\n",
           "graph g(c: bool[2], x: f64[2]) -> (y)\n  y = where(c, x, nan(7ff8000000000001))\n",
           "graph g(c: bool[2]) -> (y)\n  y = where(c, f64(1.0), f64(1e-300))\n",
           "graph g(c: bool[2]) -> (y)\n  y = logical_and(c, true)\n",
           "graph g(x: f32[4, 3]) -> (a, b)\n  a, b = split(x, sizes=[1, 3])\n",
           "graph g(x: f32[4]) -> (y)\n  y = cast(x, dtype=bf16)  @a.0.b\n",
           "graph g(x: f32[4]) -> (y)\n  y = relu(x)  my/net-2.py:7\n",
           "graph g(x: f32[4]) -> (y)\n  y = relu(x)  @\"a b\" \"my file.py\":0\n",
           "graph g(x: f32[n]) -> (y)\n  y = slice(x, start=n - 1)\n",
           "graph g(x: f32[2]) -> (y)\n  y = clamp(x, min=-inf, max=0.5)\n",
           "graph g(a: f32[], b: f32[], c: f32[]) -> (a, b)\n"
           "  called (*, [(*, none)]) {'k': *} -> {'left': *, 'right\\'s': *}\n",
           "graph g(x: f32[1]) -> (x)\n  called ('x'=*) {} -> (*)\n",
           "graph g() -> (w)\n  weight w: f32[0, 3] \"w\" = []\n",
           "graph g() -> (w)\n  buffer w: c64[2] \"a\\\"b\\x01\" = [(1.0, -0.0), (inf, nan)]\n",
           "graph g() -> (w)\n  buffer w: f32[3] = [nan(7fc00001), -nan, -0.0]\n",
           "graph g() -> (w)\n  buffer w: bool[2, 1] = [[true], [false]]\n",
           "graph g() -> (w)\n  buffer w: i8[2] = [-128, 127]\n",
           "graph g() -> ()\n  buffer unused: f32[] = 1.5\n",
           "graph g() -> (n)\n  state n: i64[] = 4 -> i64(5)\n",
           "graph g(x: f32[2]) -> (y)\n  state n: f32[2] \"s\" = [0.0, 1.0] -> y\n  y = add(n, "
           "x)\n",
       }) {
    const std::string text = "isomer 1\n" + std::string(body);
    try {
      EXPECT_EQ(printed(parse_graph(text)), text);
    } catch (const Error& error) {
      ADD_FAILURE() << text << error.what();
    }
  }
}

TEST(Text, ReadsWhatPeopleWrite) {
  const Graph graph = parse_graph(R"(
# a comment, and no version
graph g(x: f32[2, 2],   # one
        y: i64[2]) -> (b)
  weight w: f32[2, 2] = [[1, 2],
                         [3, 4]]  # lines go on in brackets
  a=matmul( x,w )
  b = mul(a, 2)
)");
  EXPECT_EQ(graph.constants[0].data.doubles(), (std::vector<double>{1, 2, 3, 4}));
  EXPECT_NE(printed(graph).find("b = mul(a, 2.0)"), std::string::npos);
}

TEST(Text, NamesAreMadeLegalAndUnique) {
  Builder builder("g");
  const ValueId x = builder.input("x.1", {DType::f32, {2}});
  const ValueId y = builder.input("x.1", {DType::f32, {2}});
  const ValueId sum = builder.emit("add", {x, y});
  builder.name(sum, "none");
  const Graph graph = std::move(builder).finish({builder.emit("neg", {sum})});
  const std::string text = printed(graph);
  EXPECT_NE(text.find("none_1 = add(x_1, x_1_1)"), std::string::npos) << text;
  EXPECT_NE(text.find("v0 = neg(none_1)"), std::string::npos) << text;
  EXPECT_EQ(printed(parse_graph(text)), text);
}

TEST(Text, MessagesSayWhereAndWhatWouldBeRight) {
  const std::string head = "graph g(x: f32[2]) -> (y)\n";
  const auto fault = [&](std::string_view rest) { return fault_of(head + std::string(rest)); };
  EXPECT_EQ(fault("  y = reluu(x)\n"), "2:7: there is no operator 'reluu'; did you mean 'relu'?");
  EXPECT_EQ(fault("  y = relu(z)\n"), "2:12: there is no value 'z' up to here; did you mean 'x'?");
  EXPECT_EQ(fault("  y = softmax(x, dmi=0)\n"),
            "2:18: 'softmax' has no attribute 'dmi'; did you mean 'dim'?");
  EXPECT_EQ(fault("  y = relu(x\n"), "3:1: ')' should come here, and the line ends");
  EXPECT_EQ(fault("  y = relu(x) @a b\n"), "2:19: ':' should come here, and the line ends");
  EXPECT_EQ(fault("  x = relu(x)\n"), "2:3: 'x' is made twice; a name stands for one value");
  EXPECT_EQ(fault("  a, a = split(x, sizes=[1, 1])\n"),
            "2:6: 'a' is made twice; a name stands for one value");
  EXPECT_EQ(fault("  y, z = relu(x)\n"), "2:3: 'relu' makes 1 output and 2 are named");
  EXPECT_EQ(
      fault("  wieght w: f32[1] = [1]\n"),
      "2:3: a line begins with called, length, module, weight, buffer, state or 'y ='; this one "
      "with 'wieght'; did you mean 'weight'?");
  EXPECT_EQ(fault("  module a: B\n  module a: C\n"), "3:10: this module's class is said twice");
  EXPECT_EQ(fault("  weight w: f32[2] = [1]\n"),
            "2:22: these elements are f32[1] and should be f32[2]");
  EXPECT_EQ(fault("  weight w: f32[2, 2] = [[1, 2], [3]]\n"),
            "2:34: a list has 1 element where others of this depth have 2");
  EXPECT_EQ(fault("  weight w: float[2] = [1, 2]\n"),
            "2:13: 'float' is no type; there are bool, i8, u8, i16, i32, i64, f16, bf16, f32, f64, "
            "c64 and c128");
  EXPECT_EQ(fault("  buffer b: u8[1] = [256]\n"), "2:22: 256 does not fit in u8");
  EXPECT_EQ(fault("  y = full(shape=[2], value=1.0) extra\n"),
            "2:39: ':' should come here, and the line ends");
  EXPECT_EQ(fault("  y = add(1.0, 2.0)\n"),
            "2:11: no other input says which type this number has; write it as f32(0.5)");
  EXPECT_EQ(fault("  y = relu(x)\ngraph h() -> ()\n"),
            "3:1: a graph inside a graph is not read, nor a second one");
  EXPECT_EQ(fault(""), "1:24: there is no value 'y' up to here; did you mean 'x'?");
  EXPECT_EQ(fault_of("isomer 2\n"), "1:8: this is version 2 of the text form; version 1 is read");
  EXPECT_EQ(fault_of(""), "1:1: 'graph' should come here, and the line ends");
  EXPECT_NE(fault("  y = matmul(x, x)\n").find("2:7: operator 'matmul'"), std::string::npos);
}

TEST(Text, EndlessThingsEnd) {
  const std::string open(100000, '[');
  EXPECT_NE(fault_of("graph g() -> (w)\n  weight w: f32[1] = " + open).find("nested too deep"),
            std::string::npos);
  EXPECT_NE(fault_of("graph g() -> ()\n  called " + std::string(100000, '(')).find("too deep"),
            std::string::npos);
  EXPECT_NE(fault_of("graph g(x: f32[99999999999, 99999999999, 99999999999]) -> (y)\n  y = "
                     "reshape(x, shape=[99999999999999999999])"),
            "");
  EXPECT_NE(fault_of("graph g() -> (w)\n  weight w: f32[99999999999, 99999999999] = []"), "");
}

/// Whatever is done to a text, it is read or refused; and what is read prints and validates.
TEST(Text, DamageIsReadOrRefused) {
  std::mt19937 random(7);
  const auto any = [&](std::size_t below) { return static_cast<std::size_t>(random()) % below; };
  const std::string whole = example();
  const std::string_view spice = "()[]{},:=@#*'\"\\-.\n 0e9fnw\x01\xff";
  std::size_t refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text = whole;
    for (std::size_t times = 1 + any(3); times > 0; --times) {
      const std::size_t at = any(text.size());
      switch (any(4)) {
        case 0: text.erase(at, 1 + any(8)); break;
        case 1: text.insert(at, 1, spice[any(spice.size())]); break;
        case 2: text[at] = spice[any(spice.size())]; break;
        default: text.insert(at, text.substr(any(text.size()), any(40)));
      }
    }
    try {
      const Graph graph = parse_graph(text);
      validate(graph);
      EXPECT_EQ(printed(parse_graph(printed(graph))), printed(graph)) << text;
    } catch (const Error& error) {
      ++refused;
      EXPECT_TRUE(error.fault() == Fault::file || error.fault() == Fault::model)
          << error.what() << "\n"
          << text;
    }
  }
  EXPECT_GT(refused, 1000U);
}

TEST(Text, LargeDataStandBeside) {
  const std::string text =
      "isomer 1\ngraph g() -> (w, v)\n  weight w: f32[17] \"a\" = stored \"a\"\n"
      "  buffer v: f32[2] \"b\" = [1.0, 2.0]\n";
  std::vector<double> values(17, 0.25);
  Builder builder("g");
  const ValueId w =
      builder.constant("w", Tensor::from_doubles(DType::f32, {17}, values), true, {"a"});
  const std::vector<double> two = {1, 2};
  const ValueId v = builder.constant("v", Tensor::from_doubles(DType::f32, {2}, two), false, {"b"});
  const Graph graph = std::move(builder).finish({w, v});
  const Written written = write_text(graph, "net.isomer");
  ASSERT_EQ(written.files.size(), 2U);
  EXPECT_EQ(written.files[0].name, "net.isomer");
  EXPECT_EQ(written.files[1].name, "net.isomer.safetensors");
  std::map<std::string, std::string> files;
  for (const File& file : written.files) files[file.name] = bytes_of(file.parts).text();
  EXPECT_EQ(files["net.isomer"], "isomer 1 data \"net.isomer.safetensors\"" + text.substr(8));
  EXPECT_EQ(printed(read_text(*in_memory(files), "net.isomer").graph), printed(graph));
  EXPECT_TRUE(recognises_text(*in_memory(files), "net.isomer"));
  EXPECT_FALSE(recognises_text(*in_memory(files), "net.isomer.safetensors"));
  // Without the file, or with another shape in it.
  EXPECT_THROW(read_text(*in_memory({{"net.isomer", files["net.isomer"]}}), "net.isomer"), Error);
  files["net.isomer"].replace(files["net.isomer"].find("[17]"), 4, "[18]");
  EXPECT_THROW(read_text(*in_memory(files), "net.isomer"), Error);
}

/// Eight times the text takes about eight times as long: nothing is walked over for every line.
TEST(Text, LongTextsTakeNoLongerPerLine) {
  const auto seconds = [](int lines) {
    std::string text = "graph g(v: f32[4], a: f32[1]";
    for (int i = 0; i < lines; ++i) text += ", in" + std::to_string(i) + ": f32[2]";
    text += ") -> (v)\n  buffer c: f32[] = 0.5\n  v0 = abs(v)\n";
    for (int i = 0; i < lines; ++i) {
      text += "  v" + std::to_string(i + 1) + " = add(v" + std::to_string(i) + ", f32(" +
              std::to_string(i) + "))\n";
    }
    const std::clock_t begin = std::clock();
    parse_graph(text);
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  };
  seconds(100);
  EXPECT_LT(seconds(16000), 24 * seconds(2000));
}

TEST(Text, MoreAxesThanAnyProgramBearsAreRefused) {
  std::string axes = "1";
  for (int i = 0; i < 64; ++i) axes += ", 1";
  for (const std::string& text :
       {"graph g(v: f32[" + axes + "]) -> (v)\n",
        "graph g() -> (c)\n  buffer c: f32[" + axes + "] = 1\n",
        "graph g(v: f32[1]) -> (y)\n  y = reshape(v, shape=[" + axes + "])\n"}) {
    EXPECT_NE(fault_of(text).find("65 axes; a tensor has at most 64"), std::string::npos)
        << fault_of(text);
  }
}

/// Names, places, nested signatures, ranges, states and weights of real exports survive both ways.
TEST(Text, RealExportsComeBack) {
  const std::filesystem::path folder = ISOMER_SOURCE "/tests/data/models";
  const std::unique_ptr<Files> models = open_folder(folder);
  std::size_t count = 0;
  for (const std::string& name : models->names()) {
    if (!name.ends_with(".pt2")) continue;
    const Graph graph = system_named("pt2").read(*models, name).graph;
    EXPECT_EQ(printed(parse_graph(printed(graph))), printed(graph)) << name;
    std::map<std::string, std::string> files;
    for (const File& file : write_text(graph, "net.isomer").files)
      files[file.name] = bytes_of(file.parts).text();
    const Graph stored = read_text(*in_memory(files), "net.isomer").graph;
    EXPECT_EQ(printed(stored), printed(graph)) << name;
    EXPECT_EQ(stored.signature, graph.signature) << name;
    ++count;
  }
  EXPECT_GE(count, 28U);
}

TEST(Text, BodiesKnowLengthsThatAnInputTells) {
  const std::string text = R"(graph told(n: i64[], x: f32[2]) -> (y)
  length k = input 0: 0..9
  c = gt(n, 3)
  y = if(c, x)
    then(x: f32[2]) -> (z) {
      v = length(value=k, dtype=f32)
      z = mul(x, v)
    }
    else(x: f32[2]) -> (x) {
    }
)";
  const Graph graph = parse_graph(text);
  EXPECT_EQ(printed(graph), "isomer 1\n" + text);
  const std::vector<Tensor> inputs{
      Tensor::from_integers(DType::i64, {}, std::array{std::int64_t{5}}),
      Tensor::from_doubles(DType::f32, {2}, std::array{1.0, 2.0})};
  EXPECT_EQ(make_reference_executor(graph)->run(inputs).at(0).doubles(),
            (std::vector<double>{5, 10}));
}

TEST(Elements, ShapeIsThatOfTheNesting) {
  EXPECT_EQ(parse_elements("[[1, 2, 3], [4, 5, 6]]", DType::f32).shape(),
            (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(parse_elements("0.5", DType::f64).shape(), (std::vector<std::int64_t>{}));
  EXPECT_EQ(parse_elements("[]", DType::i64).shape(), (std::vector<std::int64_t>{0}));
  for (const std::string_view text : {"[1, [2]]", "[[1], 2]", "[[1], [[2]]]", "[1 2]", "[1,", "1 1",
                                      "x", "[0x10]", "1e999", "--1", "[[[]], [1]]"}) {
    EXPECT_THROW(parse_elements(text, DType::f32), Error) << text;
  }
  EXPECT_THROW(parse_elements("[1.5]", DType::i64), Error);
  EXPECT_THROW(parse_elements("[2]", DType::boolean), Error);
  EXPECT_THROW(parse_elements("99999999999999999999", DType::i64), Error);
}

}  // namespace
}  // namespace isomer
