#include <gtest/gtest.h>

#include <map>

#include "base/text.h"
#include "systems/mgs/gsl/gsl.h"
#include "systems/mgs/gsl/lexer.h"
#include "systems/mgs/mdl/lexer.h"
#include "systems/mgs/mdl/mdl.h"
#include "systems/mgs/source/preprocess.h"

namespace isomer::mgs {
namespace {

std::unique_ptr<Files> one_file(std::string text, std::map<std::string, std::string> more = {}) {
  more["net.gsl"] = std::move(text);
  return in_memory(std::move(more));
}

std::string preprocessed(std::string text, std::map<std::string, std::string> more = {}) {
  Problems problems;
  const auto files = one_file(std::move(text), std::move(more));
  std::string result = preprocess(*files, "net.gsl", problems).text;
  for (const Problem& one : problems.all()) result += "!" + one.text();
  return std::string(trimmed(result));
}

/// The words with their kinds, "name a, real 1.5".
template <class Lexer>
std::string words_of(const std::string& text) {
  Problems problems;
  const auto files = one_file(text);
  const Preprocessed source = preprocess(*files, "net.gsl", problems);
  Lexer lexer(source);
  std::string result;
  for (Token token = lexer.next(); token.kind != Lexeme::end; token = lexer.next()) {
    constexpr std::string_view kinds[] = {"name", "keyword", "integer", "real",
                                          "text", "sign",    "end",     "bad"};
    result += fmt::format("{}{} {}", result.empty() ? "" : ", ",
                          kinds[static_cast<std::size_t>(token.kind)], token.text);
  }
  return result;
}

TEST(MgsPreprocessor, DoesWhatCDoes) {
  for (const auto& [text, expected] : std::map<std::string, std::string>{
           {"#define N 3\nN N1 1N", "3 N1 1N"},
           {"#define f(x) [x]\nf (1) f", "[1] f"},
           {"#define f(x, y) x+y\nf((1,2), 3)", "(1,2)+3"},
           {"#define s(x) #x\n#define t(x) s(x)\n#define N 3\ns(N) t(N) s( a  b ) s(\"q\")",
            R"("N" "3" "a b" "\"q\"")"},
           {"#define g(a, b) a##b\ng(x, 1) g(, y) g(1, 2)", "x1 y 12"},
           {"#define a a b\na", "a b"},
           {"#define f(x) x f\nf(1)(2)", "1 f(2)"},
           {"#define e\ne e 1", "1"},
           {"#define v(...) {__VA_ARGS__}\nv(1, 2) v()", "{1, 2} {}"},
           {"#define N 5\n-N N-1 N", "-5 5 -1 5"},
           {"\"N // no\" // yes\n1 /* 2\n3 */ 4", "\"N // no\" \n1  4"},
           {"a\\\nb", "a b"},
           {"__LINE__\n__LINE__ __FILE__", "1\n2 \"net.gsl\""},
           {"#line 7 \"other\"\n__LINE__ __FILE__", "7 \"other\""},
           {"linux unix", "1 1"},
       }) {
    SCOPED_TRACE(text);
    EXPECT_EQ(preprocessed(text), expected);
  }
}

TEST(MgsPreprocessor, ChoosesByConditions) {
  for (const char* holds :
       {"1", "defined(A)", "defined A && !defined B", "A == 2", "A*2+1 == 5", "(A > 1) && (A < 3)",
        "0 || 1", "B == 0", "0x10 == 16", "010 == 8", "-1 < 0", "1 ? 1 : 0", "1 << 3 == 8",
        "2 - 1 - 1 == 0", "0 && 1 / 0 || 1", "~0 == -1", "!__has_include(\"a\")",
        "__has_include(<std.gsl>) && defined(__has_include)"}) {
    SCOPED_TRACE(holds);
    EXPECT_EQ(preprocessed(fmt::format("#define A 2\n#if {}\nyes\n#else\nno\n#endif", holds)),
              "yes");
    EXPECT_EQ(preprocessed(fmt::format("#define A 2\n#if !({})\nno\n#elif 1\nyes\n#endif", holds)),
              "yes");
  }
  EXPECT_EQ(preprocessed("#ifdef A\n#if nonsense +\n#endif\n/*\n#else\n*/\n#else\nyes\n#endif"),
            "yes");
}

TEST(MgsPreprocessor, FindsIncludesBesideThenAtTheRoot) {
  EXPECT_EQ(preprocessed("#include \"d/a\"\n",
                         {{"d/a", "#include \"b\"\n"}, {"d/b", "beside\n"}, {"b", "root\n"}}),
            "beside");
  EXPECT_EQ(preprocessed("#include \"d/a\"\n", {{"d/a", "#include \"b\"\n"}, {"b", "root\n"}}),
            "root");
  EXPECT_EQ(preprocessed("#include \"a\"\n#include \"a\"\n", {{"a", "#pragma once\nx\n"}}), "x");
  EXPECT_NE(preprocessed("#include <std.gsl>\n").find("connectNodeSets"), std::string::npos);
}

TEST(MgsGsl, ReadsWordsAsMgsDoes) {
  EXPECT_EQ(words_of<gsl::Lexer>("1e5 -1e5 1e-5 1. -2.5 1.0e5 12ab 3-1 +5.0"),
            "name 1e5, real -1e5, real 1e-5, real 1., real -2.5, real 1.0e5, name 12ab, integer 3, "
            "integer -1, real +5.0");
  EXPECT_EQ(words_of<gsl::Lexer>("+5 .5 a-c _a x->y"),
            "sign +, integer 5, sign ., integer 5, name a, sign -, name c, bad _, name a, name x, "
            "sign ->, name y");
  EXPECT_EQ(words_of<gsl::Lexer>(R"("a" "" "b c" on On ::: :: ... && &)"),
            "text a, bad \", text  , name b, name c, bad \", keyword on, name On, sign :::, sign "
            "::, sign ..., "
            "sign &&, bad &");
}

TEST(MgsMdl, ReadsWordsAsMgsDoes) {
  EXPECT_EQ(words_of<mdl::Lexer>("_a _1 12ab 1e5 -1 -1.5 +1.5 <<& >> <= ..."),
            "name _a, name _1, integer 12, name ab, real 1e5, integer -1, real -1.5, real +1.5, "
            "sign <<, sign &, sign >>, sign <=, sign ...");
  EXPECT_EQ(words_of<mdl::Lexer>("Node node \"\" _ @"),
            "keyword Node, name node, bad \", bad \", bad _, bad @");
}

TEST(MgsGsl, KnowsWhereThingsStand) {
  const auto files = one_file(
      "#include \"a\"\n#define M print(1)\n/* two\n lines */ print(2);\n  M; print\\\n(3);\n",
      {{"a", "\n\n   print(0);\n"}});
  const gsl::Script script = gsl::read(*files, "net.gsl");
  std::vector<std::string> places;
  for (const gsl::Statement& one : script.statements)
    places.push_back(to_text(one.place, script.files));
  EXPECT_EQ(places,
            (std::vector<std::string>{"a:3:4", "net.gsl:4:11", "net.gsl:5:3", "net.gsl:5:6"}));
}

TEST(MgsGsl, WritesWhatItReads) {
  const std::string text = R"gsl(Functor F;
Layout U(int, list<float> f, ...);
Functor G { Initialize(string s); Function(list<int>); Return(int); };
Trigger T(string about, Service value);
ConnectionScript W(NodeSet u, NodeSet v) {
  connectNodeSets(u, v, , s());
  Return r(1);
};
NodeType N(<a={1.5, 2}, b={1, "x"}, c={}>) {a->b, c->d};
VariableType V;
ConstantType C;
InitPhases = { a, b(GPU) };
int k = -3;
float f = 1e-05;
list<int> l = {1, 2};
Pset<N, NodeInit> p(<a=1>);
NDPair q(a=1);
NDPairList r(<a=1, b="x">);
NodeSet s(g[0:4, 2, 0:2:8].Layer(a, b-c).NodeIndex(0:1));
NodeSet t(s.Layer(kind=="a" && !(side!="b") || Member(x)));
RelNodeSet u([0:1].Layer(n));
RepName v(net/left/./x);
RepName v(net/left/x);
RepName w(./x);
NodeTypeSet x(a, b-c);
IndexSet y(0, 1:2);
Service z(::Iteration);
Service z(a, "y");
Trigger aa((a && b) || c ^^ ::Iteration);
Port ab(1);
Matrix<float> ac[2, 2] = {1, 2, 3, 4};
Stride ad({0}{1}{3});
Grid G {
  Dimension(4, 2);
  Layer(n, N, U(1), <kind="P">);
  InitNodes(.[].Layer(n), Same(Pset<N, NodeInit>(<>)));
} g;
Composite D {
  G a;
  Recorder b<fileName="x">;
  polyConnect(a[].Layer(n), b, <>, <w=1e-05, v=list<int>({1, x})>);
};
SeperationConstraint(a, b[]);
r.collect(<a=1>) on t;
Stop on t;
Pause on ::Iteration;
system("ls");
)gsl";
  std::string wanted = text;
  wanted.erase(wanted.find("RepName v(net/left/./x);\n"), 25);
  Problems problems;
  const auto files = one_file(wanted);
  const gsl::Script script = gsl::read(*files, "net.gsl", problems);
  for (const Problem& one : problems.all())
    ADD_FAILURE() << to_text(one.place, script.files) << ": " << one.text();
  EXPECT_EQ(gsl::to_text(script), wanted);
}

TEST(MgsMdl, WritesWhatItReads) {
  const std::string text = R"mdl(Struct Tap {
  double* source;
  double weight;
}
Interface Value {
  double* value;
}
Node N Implements Value {
  double y;
  long double l;
  double []* array;
  Tap [] taps (10, 4) : "all of them";
  Optional Derived string s;
  Shared {
    int a;
    InitPhase start;
    Serial TriggeredFunction f;
  }
  InAttrPSet {
    string id;
    double w;
  }
  InitPhase initialize;
  RuntimePhase GridLayers update(y);
  Value.value << &y;
  UserFunction note;
  Connection Pre Node ((PSet.id == "a") && (PSet.w >= 0.5)) Expects Value {
    Value.value >> taps.source;
    PSet.w >> taps.weight;
    note();
  }
  Connection Pre Constant () Expects Value {
    ;
  }
}
Functor F Category "SAMPFCTR2" {
  Initialize(int a, ...);
  double [] Execute();
}
)mdl";
  const auto files = in_memory({{"t.mdl", text}});
  const mdl::Document document = mdl::read(*files, "t.mdl");
  std::string wanted = text;
  wanted.replace(wanted.find("taps (10"), 8, "taps(10");
  EXPECT_EQ(mdl::to_text(document), wanted);
}

TEST(MgsMdl, TakesWhatMgsTakes) {
  const std::string head =
      "Interface V { double* v; } Node N { double* x; bool b; int n; Shared { InitPhase s(), t; } "
      "InAttrPSet { string id; unsigned u; float f; } PredicateFunction ok; ";
  for (const char* predicate :
       {"", "1", "PSet.u == 1", "PSet.f < 1", "PSet.u >= PSet.f", "(PSet.id == \"a\") && ok()",
        "PSet.id < \"b\"", "b == true", "true != (n > 2)"}) {
    SCOPED_TRACE(predicate);
    const auto files =
        in_memory({{"t.mdl", fmt::format("{}Connection Pre Node ({}) Expects V {{ V.v >> x; }} }}",
                                         head, predicate)}});
    EXPECT_NO_THROW(mdl::read(*files, "t.mdl"));
  }
}

TEST(MgsMdl, ImportsWhatMgsImports) {
  const auto reads = [](std::string_view from, std::string_view to) {
    const auto files = in_memory(
        {{"t.mdl", fmt::format("Interface V {{ {} v; }} Node N {{ {} x; Connection Pre Node () "
                               "Expects V {{ V.v >> x; }} }}",
                               from, to)}});
    Problems problems;
    mdl::read(*files, "t.mdl", problems);
    return problems.errors() == 0;
  };
  EXPECT_TRUE(reads("double*", "double*"));
  EXPECT_TRUE(reads("double*", "double* []"));
  EXPECT_TRUE(reads("double []*", "double []*"));
  EXPECT_TRUE(reads("int* []*", "int* []"));
  EXPECT_TRUE(reads("int", "int []"));
  EXPECT_FALSE(reads("double []*", "double []* []"));
  EXPECT_FALSE(reads("double*", "int*"));
  EXPECT_FALSE(reads("double []*", "double*"));
}

TEST(MgsMdl, KnowsTheTypesOfTheFolder) {
  Problems problems;
  const auto files = in_memory({{"mine.mdl", "Node Mine { int a; }"},
                                {"wrong.mdl", "Node Wrong { int a }"},
                                {"deep/other.mdl", "Node Other { int a; }"}});
  const mdl::Document types = mdl::known_types(*files, problems);
  EXPECT_NE(mdl::find_model(types, "DNNode"), nullptr);
  EXPECT_NE(mdl::find_model(types, "Probe"), nullptr);
  EXPECT_NE(mdl::find_model(types, "Mine"), nullptr);
  EXPECT_EQ(mdl::find_model(types, "Wrong"), nullptr);
  EXPECT_EQ(mdl::find_model(types, "Other"), nullptr);
  EXPECT_EQ(problems.errors(), 0u);
  EXPECT_EQ(problems.all().size(), 1u);
}

TEST(MgsGsl, KeepsListsOfNumbersTogether) {
  const auto files = one_file("f({1, 2.5, -3}, {1, 2, x}, {1, }, {});");
  const gsl::Script script = gsl::read(*files, "net.gsl");
  const auto& arguments = std::get<gsl::Execute>(script.statements[0].what).arguments;
  EXPECT_EQ(std::get<gsl::NumberList>(arguments[0].value).numbers,
            (std::vector<gsl::Number>{std::int64_t{1}, 2.5, std::int64_t{-3}}));
  EXPECT_EQ(std::get<gsl::List>(arguments[1].value).items.size(), 3u);
  EXPECT_EQ(std::get<gsl::List>(arguments[2].value).items.size(), 2u);
  EXPECT_TRUE(std::get<gsl::List>(arguments[3].value).items.empty());
}

}  // namespace
}  // namespace isomer::mgs
