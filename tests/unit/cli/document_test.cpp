// Documents of other systems by their own rules: from form to form, and run over time.

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "codecs/json.h"
#include "program.h"
#include "systems/stored.h"

namespace isomer {
namespace {

using test::Cli;
using test::content;
using test::Ended;
using test::models;
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

TEST_F(Documents, LoseNothingThatTheFormatDrops) {
  // Arguments beside those in a mapping, empty maps, kwargs that are null, conditions' old key.
  write_file(at("m.json"), R"({"m": {"format": "f", "generating_application": "a", "graphs": {"g": {
    "nodes": {"n": {
      "functions": {"f": {"function": {"linear": {"slope": 0.1}}, "args": {"slope": 3}},
                    "h": {"function": "sin", "args": {}}},
      "parameters": {"p": {"value": {}, "args": {}}}}},
    "edges": {"e": {"sender": "n", "receiver": "n", "sender_port": "o", "receiver_port": "i",
                    "parameters": {}}},
    "parameters": {},
    "conditions": {"node_specific": {"n": {"type": "Always", "kwargs": null}}, "termination": {}}}}}})");
  expect_ends("convert " + at("m.json") + " -o " + at("m.yaml"), 0);
  expect_ends("convert " + at("m.yaml") + " -o " + at("m.bson"), 0);
  expect_ends("convert " + at("m.bson") + " -o " + at("again.json"), 0);
  const Tree before = read_json(content(at("m.json")));
  const Tree after = read_json(content(at("again.json")));
  EXPECT_EQ(after, before) << content(at("again.json"));
}

TEST_F(Documents, AreCheckedWithAllThatIsWrong) {
  write_file(at("m.yaml"), R"yaml(m:
    graphs:
        g:
            nodes:
                n:
                    input_ports:
                        i: {shape: "(2,)"}
                    parameters:
                        p: {value: i + q}
                    output_ports:
                        o: {value: p.T}
            edges:
                e: {sender: k, receiver: n, sender_port: o, receiver_port: i}
)yaml");
  const Ended broken = call("check " + at("m.yaml"));
  EXPECT_EQ(broken.code, 3);
  EXPECT_EQ(broken.err, "");
  const std::string path = at("m.yaml");
  EXPECT_EQ(broken.out,
            path +
                ":7:36: warning: graphs/g/nodes/n/input_ports/i/shape: no release takes a shape "
                "that is a text; write [2]\n" +
                path +
                ":9:28: error: graphs/g/nodes/n/parameters/p: the name 'q' is not known in "
                "the node\n" +
                path + ":13:29: error: graphs/g/edges/e/sender: there is no node 'k'\n" + path +
                ": 2 errors, 1 warning\n");
  const Tree told = read_json(call("check " + at("m.yaml") + " --json --dialect 0.4.13").out);
  EXPECT_EQ(*told.find("errors")->integer(), 3);  // the shape, too
  const Tree& first = told.find("problems")->list()->at(0);
  EXPECT_EQ(*first.find("path")->text(), "graphs/g/nodes/n/input_ports/i/shape");
  EXPECT_EQ(*first.find("line")->integer(), 7);
  EXPECT_EQ(call("check " + at("cell.yaml")).out, at("cell.yaml") + ": 0 errors, 0 warnings\n");
}

// Of any system: what reading it, or making it ready, says.
TEST_F(Documents, AndOthersAreChecked) {
  EXPECT_EQ(call("check " + test::models + "mlp.pt2").code, 0);
  const Ended refused = call("check " ISOMER_SOURCE "/tests/data/refused/complex_inside.pt2");
  EXPECT_EQ(refused.code, 3);
  EXPECT_NE(refused.out.find("error: 1 operator is not read"), std::string::npos) << refused.out;
  expect_ends("check " + test::models + "mlp.pt2 --dialect 1", 2,
              "isomer: --dialect: system 'pt2' has one only\n");
  write_file(at("bad.isomer"), "isomer 1\ngraph g(x: f32[2]) -> (y)\n  y = noop(x)\n");
  EXPECT_EQ(call("check " + at("bad.isomer")).code, 3);
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

// A schedule counts calls in the life of the document, a cycle carries values, and what was a
// number of Python's stays one: a run that is cut says what the whole one says.
TEST_F(Documents, GoOnAsIfTheyHadNotBeenCut) {
  write_file(at("m.json"), R"({"m": {"graphs": {"g": {
    "nodes": {
      "a": {"input_ports": {"back": {"default_value": 1}},
            "parameters": {"c": {"value": "c + 0.5", "default_initial_value": 0}},
            "output_ports": {"o": {"value": "back * 2 + c"}}},
      "b": {"input_ports": {"x": {}}, "output_ports": {"o": {"value": "x + 1"}}},
      "late": {"input_ports": {"x": {}}, "output_ports": {"o": {"value": "x * 10"}}},
      "few": {"input_ports": {"x": {}}, "output_ports": {"o": {"value": "x * 100"}}}},
    "edges": {
      "ab": {"sender": "a", "receiver": "b", "sender_port": "o", "receiver_port": "x"},
      "ba": {"sender": "b", "receiver": "a", "sender_port": "o", "receiver_port": "back"},
      "bl": {"sender": "b", "receiver": "late", "sender_port": "o", "receiver_port": "x"},
      "bf": {"sender": "b", "receiver": "few", "sender_port": "o", "receiver_port": "x"}},
    "conditions": {
      "node_specific": {
        "late": {"type": "AfterNCalls", "kwargs": {"dependency": "b", "n": 4,
                                                   "time_scale": "TimeScale.LIFE"}},
        "few": {"type": "NWhen", "kwargs": {"n": 3, "condition": {"type": "EveryNCalls",
                 "kwargs": {"dependency": "b", "n": 1}}}}},
      "termination": {"environment_state_update": {"type": "AfterNPasses", "kwargs": {"n": 1}}}}
  }}}})");
  const std::string run = "run " + at("m.json");
  expect_ends(run + " --steps 6 --record " + at("whole.csv"), 0);
  expect_ends(run + " --steps 2 --record " + at("t.csv") + " --save-states " + at("s.safetensors"),
              0);
  expect_ends(run + " --steps 4 --record " + at("t.csv") + " --states " + at("s.safetensors") +
                  " --save-states " + at("s.safetensors"),
              0);
  const std::string whole = content(at("whole.csv"));
  const std::string part = content(at("t.csv"));
  const auto last = [](const std::string& table) {
    const std::string row = table.substr(table.rfind('\n', table.size() - 2) + 1);
    return row.substr(row.find(','));
  };
  EXPECT_EQ(last(part), last(whole)) << whole << part;
  EXPECT_EQ(last(whole), ",91.5,3,186,186,187,20.5,2050,187,1870\n");
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

// With the rules of a release in which a port without a value has one, None.
TEST_F(Documents, SayWhyAPortHasNoValue) {
  write_file(at("m.json"), R"({"m": {"graphs": {"g": {
    "nodes": {"b": {"output_ports": {"o": {"value": "1"}}},
              "c": {"input_ports": {"x": {}}, "output_ports": {"o": {"value": "x*2"}}}},
    "edges": {"e": {"sender": "b", "receiver": "c", "sender_port": "o", "receiver_port": "x"}},
    "conditions": {
      "node_specific": {"b": {"type": "AtPass", "kwargs": {"n": 1}}, "c": {"type": "Always"}},
      "termination": {"environment_state_update": {"type": "AfterNPasses", "kwargs": {"n": 1}}}}
  }}}})");
  expect_ends("run " + at("m.json") + " --dialect 0.4.13", 3,
              "isomer: " + at("m.json") +
                  ": node 'c': output port 'o': could not evaluate 'x*2': '*' does not join None "
                  "and 2; 'x' has no value yet; input port 'x' waits for edge 'e' from node 'b', "
                  "whose condition AtPass has not held yet\n");
  EXPECT_EQ(call("run " + at("m.json")).out, "o: i64[] 0\n");
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
  expect_ends("run " + at("cell.yaml") + " --dt inf", 2,
              "isomer: --dt: 'inf' is no finite number\n");
  for (const std::string dt : {"0", "-0.5"}) {
    expect_ends("run " + at("cell.yaml") + " --dt=" + dt, 2,
                "isomer: --dt: '" + dt + "' is no time that passes; a step is more than 0\n");
  }
  expect_ends("run " + at("sum.isomer") + " --engine reference", 2,
              "isomer: --inputs: it is needed: the model takes x\n");
  expect_ends("run " + at("cell.yaml") + " --record " + at("cell.txt"), 2,
              "isomer: --record: tables are written as .csv files\n");
}

TEST_F(Documents, AreShownAsTheyStand) {
  EXPECT_EQ(call("show " + at("cell.yaml")).out, R"(document cell (ModECI MDF v0.4)
graph g
  node cell
    input i: float
    parameter tau = 2.0
    state v = at first 1, d/dt (i - v)/tau
    output out = v*1.0
)");
  EXPECT_TRUE(call("show --graph " + at("cell.yaml")).out.starts_with("isomer 1\ngraph "));
  EXPECT_TRUE(call("show --graph --dot " + at("cell.yaml")).out.starts_with("digraph \"cell"));
  EXPECT_EQ(call("show --graph " + models + "mlp.pt2").out, call("show " + models + "mlp.pt2").out);
  expect_ends("show --level 1 " + at("cell.yaml"), 2,
              "isomer: --level: is for pictures; add --dot or --svg\n");
  expect_ends("show --dot --level 4 " + at("cell.yaml"), 2,
              "isomer: --level: '4' is no whole number from 1 to 3\n");
  expect_ends("show --dot --level 1 " + models + "mlp.pt2", 2,
              "isomer: --level: is for documents; mlp.pt2 is drawn as a graph\n");
}

/// Two nodes that are no graph: with conditions, names that mark up, and an edge to nowhere.
constexpr std::string_view awkward = R"({"m": {"graphs": {"g": {
  "nodes": {
    "<b>&\"A": {
      "metadata": {"color": ".8 0 .8"},
      "parameters": {"w": {"value": [[1, 2, 3], [4, 5, 6], [7, 8, 9]]},
                     "y": {"function": "linear", "args": {"variable0": "w", "slope": 2, "intercept": 0},
                           "conditions": [{"id": "on", "test": "w < 3", "value": "w"}]}},
      "output_ports": {"o": {"value": "y[0] @ w"}}},
    "B": {"input_ports": {"i": {"shape": [3], "type": "float", "reduce": "add"}},
          "functions": {"f": {"function": "onnx::Nothing", "args": {"X": "i"}}},
          "output_ports": {"o": {"value": "f"}}}},
  "edges": {"e": {"sender": "<b>&\"A", "receiver": "B", "sender_port": "o", "receiver_port": "i",
                  "parameters": {"weight": 0.5}},
            "lost": {"sender": "B", "receiver": "C", "sender_port": "o", "receiver_port": "i"}},
  "conditions": {
    "node_specific": {"B": {"type": "EveryNCalls", "kwargs": {"dependency": "A", "n": 2}}},
    "termination": {"environment_state_update": {"type": "Any", "kwargs": {"dependencies": [
      {"type": "AfterNPasses", "kwargs": {"n": 3}},
      {"type": "Sometimes", "kwargs": {"p": 0.5}}]}}}}}}}})";

TEST_F(Documents, AreShownWhatTheyMayBe) {
  write_file(at("awkward.json"), awkward);
  EXPECT_EQ(call("show " + at("awkward.json")).out, R"(document m (ModECI MDF v0.4)
graph g
  node <b>&"A
    parameter w = i64[3, 3]: 1, 2, 3, 4, ...
    parameter y = linear(variable0=w, slope=2, intercept=0)
      on: if w < 3 then y = w
    output o = y[0] @ w
  node B
    input i: [3], float, reduce add
    function f = onnx::Nothing(X=i)
    runs every 2 calls of A
    output o = f
  edge e: <b>&"A.o -> B.i, weight: 0.5
  edge lost: B.o -> C.i
  environment_state_update ends Any(dependencies=[after 3 passes, Sometimes(p=0.5)])
)");
  const auto picture = [&](const std::string& words) {
    return call("show " + words + " " + at("awkward.json")).out;
  };
  const auto has = [](const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  };
  const std::string names = picture("--dot --level 1");
  EXPECT_TRUE(has(names, "color=\"#cc00cc\", penwidth=2")) << names;
  EXPECT_TRUE(has(names, "<b>&lt;b&gt;&amp;&quot;A</b>")) << names;
  EXPECT_TRUE(has(names, "n0 -> n1 [arrowhead=empty];")) << names;
  EXPECT_FALSE(has(names, "linear"));
  const std::string inside = picture("--dot");
  EXPECT_TRUE(has(inside, "weight: </font>")) << inside;
  EXPECT_TRUE(has(inside, "<i>linear</i>")) << inside;
  EXPECT_TRUE(has(inside, "end -> n1 [style=invis];")) << inside;
  EXPECT_FALSE(has(inside, "variable0 * slope"));
  EXPECT_TRUE(has(picture("--dot --level 3"), "linear: variable0 * slope + intercept"));
}

TEST_F(Documents, AreDrawnByGraphviz) {
  write_file(at("awkward.json"), awkward);
  const Ended missing = call("show --svg " + at("awkward.json"), "PATH=/nowhere");
  EXPECT_EQ(missing.code, 2);
  EXPECT_NE(missing.err.find("dot: cannot be started"), std::string::npos) << missing.err;
  if (std::system("dot -V >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no Graphviz";
  for (const std::string level : {"1", "2", "3"}) {
    const Ended drawn = call("show --svg --level " + level + " " + at("awkward.json"));
    EXPECT_EQ(drawn.code, 0) << drawn.err;
    EXPECT_NE(drawn.out.find("&lt;b&gt;&amp;"), std::string::npos) << drawn.out;
  }
  EXPECT_NE(call("show --svg " + models + "mlp.pt2").out.find("<svg"), std::string::npos);
}

TEST_F(Documents, ArePlottedOverTime) {
  const std::string run = "run " + at("cell.yaml") + " --steps 3 --dt 0.5 --plot ";
  expect_ends(run + at("cell.svg"), 0);
  const std::string picture = content(at("cell.svg"));
  EXPECT_NE(picture.find(">cell.v</text>"), std::string::npos) << picture;
  EXPECT_NE(picture.find(">time</text>"), std::string::npos) << picture;
  EXPECT_EQ(picture.find("cell.tau"), std::string::npos) << picture;  // it stays as it is
  // From the top to the bottom, evenly over the paper.
  EXPECT_NE(picture.find("d=\"M80.00,40.00 L360.00,"), std::string::npos) << picture;
  expect_ends("run " + at("cell.yaml") + " --plot " + at("still.svg"), 0,
              "note: --plot: nothing changes from step to step; --steps says how many there are\n");
  expect_ends(run + at("cell.png"), 2, "isomer: --plot: plots are written as .svg files\n");
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
