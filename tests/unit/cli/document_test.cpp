// Documents of other systems by their own rules: from form to form, and run over time.

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "program.h"
#include "systems/stored.h"

namespace isomer {
namespace {

using test::Cli;
using test::content;
using test::Ended;
using test::reals;

namespace fs = std::filesystem;

class Documents : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    write_file(at("cell.yaml"), R"(# a cell that leaks
cell:
    format: ModECI MDF v0.4
    graphs:
        g:
            nodes:
                cell:
                    metadata: {color: .8 0 .8, seen: on}
                    input_ports:
                        i: {type: float}
                    parameters:
                        tau: {value: 2.0}
                        v: {default_initial_value: 1, time_derivative: (i - v)/tau}
                    output_ports:
                        out: {value: v*1.0}
)");
  }

  void expect_ends(const std::string& words, int code, const std::string& err = "") const {
    const Ended ended = call(words);
    EXPECT_EQ(ended.code, code) << words << "\n" << ended.err;
    EXPECT_EQ(ended.err, err) << words;
  }
};

TEST_F(Documents, SpreadANumberThatBecomesAnArray) {
  write_file(at("grows.json"), R"({"m": {"format": "ModECI MDF v0.4", "graphs": {"g": {"nodes": {
      "n": {"parameters": {"k": {"value": [1, 2]},
                           "v": {"default_initial_value": 1, "value": "3 if numpy.sum(v) < 2 else v*k"}},
            "output_ports": {"o": {"value": "v"}}}}}}}})");
  expect_ends("run " + at("grows.json") + " --steps 3 -o " + at("o.safetensors"), 0);
  EXPECT_EQ(read_tensors(map_file(at("o.safetensors")))[0].second.doubles(),
            (std::vector<double>{3, 3, 3, 6, 3, 12}));
}

TEST_F(Documents, GoFromFormToFormWithoutLoss) {
  std::string text = content(at("cell.yaml"));
  text.insert(text.find("}\n", text.find("time_derivative")), ", units: mV");
  write_file(at("cell.yaml"), text);
  expect_ends("convert " + at("cell.yaml") + " -o " + at("cell.json"), 0);
  expect_ends("convert " + at("cell.json") + " -o " + at("cell.bson"), 0);
  expect_ends("convert " + at("cell.json") + " -o " + at("cell.bson"), 0);  // the same again
  expect_ends("convert " + at("cell.bson") + " -o " + at("again.yml"), 0);
  expect_ends("convert " + at("again.yml") + " -o " + at("again.json"), 0);
  const std::string json = content(at("cell.json"));
  EXPECT_EQ(content(at("again.json")), json);
  // What has no meaning, too.
  EXPECT_NE(json.find(R"("units": "mV")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("seen": true)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("value": 2.0)"), std::string::npos) << json;
}

TEST_F(Documents, GiveWhatFollowsTheirGraphInEveryForm) {
  expect_ends("convert " + test::models + "mlp.pt2 -o " + at("net.yaml"), 0);
  EXPECT_NE(content(at("net.yaml")).find("generating_application: isomer"), std::string::npos);
  expect_ends("convert " + test::models + "mlp.pt2 -o " + at("net.yaml"), 0);  // ours
  expect_ends("prove " + test::models + "mlp.pt2 " + at("net.yaml") + " --effort quick", 0);
  expect_ends("convert " + at("net.yaml") + " -o " + at("net.bson"), 0);
  expect_ends("convert " + at("net.bson") + " -o " + at("net.json"), 0);
  expect_ends("convert " + test::models + "mlp.pt2 -o " + at("direct.json"), 0);
  EXPECT_EQ(content(at("net.json")), content(at("direct.json")));
}

TEST_F(Documents, RunOverTime) {
  // The first step gives initial values; what is not given has the document's default.
  expect_ends("run " + at("cell.yaml") + " --steps 3 --dt 0.5 --record " + at("cell.csv") + " -o " +
                  at("y.safetensors"),
              0);
  EXPECT_EQ(content(at("cell.csv")),
            "step,time,cell.i,cell.tau,cell.v,cell.out\n0,0.0,0.0,2.0,1,1\n"
            "1,0.5,0.0,2.0,0.75,0.75\n2,1.0,0.0,2.0,0.5625,0.5625\n");
  // An output that becomes real is real from the first step on.
  const Tensor out = *find(read_tensors(map_file(at("y.safetensors"))), "out0");
  EXPECT_EQ(out.dtype(), DType::f64);
  EXPECT_EQ(out.doubles(), (std::vector<double>{1, 0.75, 0.5625}));
}

TEST_F(Documents, ContinueFromStatesAndBecomeSource) {
  const std::string run = "run " + at("cell.yaml") + " --dt 0.5 ";
  expect_ends(run + "--steps 2 -o " + at("y.safetensors") + " --save-states " + at("s.safetensors"),
              0);
  expect_ends(run + "--steps 1 -o " + at("y.safetensors") + " --states " + at("s.safetensors"), 0);
  EXPECT_EQ(find(read_tensors(map_file(at("y.safetensors"))), "out0")->doubles(),
            std::vector<double>{0.5625});
  expect_ends("convert " + at("cell.yaml") + " -o " + at("cell.isomer"), 0);
  const Ended ended = call("prove " + at("cell.yaml") + " " + at("cell.isomer"));
  EXPECT_EQ(ended.code, 0) << ended.out;
}

TEST_F(Documents, KeepStatesWithoutAnOutput) {
  expect_ends("run " + at("cell.yaml") + " --steps 2 --dt 1 --record " + at("a.csv") +
                  " --save-states " + at("s.safetensors"),
              0);
  expect_ends("run " + at("cell.yaml") + " --dt 1 --record " + at("b.csv") + " --states " +
                  at("s.safetensors"),
              0);
  EXPECT_NE(content(at("b.csv")).find(",0.25,0.25\n"), std::string::npos) << content(at("b.csv"));
}

TEST_F(Documents, AreRefusedWhereTheyAreBroken) {
  for (const char* name : {"e.yaml", "e.bson", "e.json"}) {
    write_file(at(name), "");
    EXPECT_EQ(call("run " + at(name)).code, 3) << name;
  }
  // Groups of conditions that there are not are kept as they are.
  write_file(at("c.json"), R"({"m": {"graphs": {"g": {"conditions": {"u": {"k": 1}}}}}})");
  expect_ends("convert " + at("c.json") + " -o " + at("c.yaml"), 0);
  EXPECT_NE(content(at("c.yaml")).find("k: 1"), std::string::npos);
  // One evaluation that never ends.
  write_file(at("long.yaml"), R"(m:
    graphs:
        g:
            nodes:
                n: {parameters: {c: {value: c + 1, default_initial_value: numpy.zeros(3000000) + 0}}}
            conditions:
                termination:
                    environment_state_update: {type: AfterNPasses, kwargs: {n: 1000000000000}}
)");
  EXPECT_EQ(call("run " + at("long.yaml")).code, 3);
}

TEST_F(Documents, PrintWhatTheyGive) {
  const Ended ended = call("run " + at("cell.yaml"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, "out: i64[] 1\n");
}

TEST_F(Documents, RefuseOptionsThatOthersHave) {
  write_file(at("x.safetensors"), write_tensors({{"x", reals({2}, {1, 2})}}));
  write_file(at("sum.isomer"), "isomer 1\ngraph sum(x: f32[2]) -> (y)\n  y = mul(x, 2.0)\n");
  const std::string sum =
      "run " + at("sum.isomer") + " --engine reference --inputs " + at("x.safetensors");
  expect_ends(sum + " --dt 0.1", 2,
              "isomer: --dt: is for documents run by their own rules, and this runs the graph of "
              "sum.isomer\n");
  expect_ends("run " + at("cell.yaml") + " --dialect 0.3", 2,
              "isomer: --dialect: there is no dialect '0.3'; there are: 0.4.13, 0.4.15\n");
  expect_ends("run " + at("cell.yaml") + " --dt soon", 2, "isomer: --dt: 'soon' is no number\n");
  expect_ends("run " + at("sum.isomer") + " --engine reference", 2,
              "isomer: --inputs: it is needed: the model takes x\n");
  expect_ends("run " + at("cell.yaml") + " --record " + at("cell.txt"), 2,
              "isomer: --record: tables are written as .csv files\n");
}

TEST_F(Documents, RecordGraphsByTheirOutputsAndStates) {
  write_file(at("x.safetensors"), write_tensors({{"x", reals({2, 1}, {1, 2})}}));
  write_file(
      at("sum.isomer"),
      "isomer 1\ngraph sum(x: f32[1]) -> (y)\n  state total: f32[1] \"total\" = [0] -> next\n"
      "  next = add(total, x)\n  y = mul(next, 0.1)\n");
  expect_ends("run " + at("sum.isomer") + " --engine reference --steps 2 --inputs " +
                  at("x.safetensors") + " -o " + at("y.safetensors") + " --record " + at("t.csv"),
              0);
  EXPECT_EQ(content(at("t.csv")), "step,y[0],total[0]\n0,0.1,1.0\n1,0.3,3.0\n");
}

}  // namespace
}  // namespace isomer
