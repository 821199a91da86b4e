"""Scripts and declarations that are broken, each in its own way, and what `isomer check` is to say of them.

A case has a name, its files, and the class and line of every error: no more, no less. A line is None where the error is
told of another file, or of none.
"""

from dataclasses import dataclass


@dataclass
class Case:
    name: str
    files: dict
    errors: list
    entry: str


CASES = []


def script(name, text, *errors, **files):
    """A script; other files by their stems."""
    others = {f"{stem}.gsl": more for stem, more in files.items()}
    CASES.append(Case(name, {"net.gsl": text, **others}, list(errors), "net.gsl"))


def types(name, text, *errors, **files):
    others = {f"{stem}.mdl": more for stem, more in files.items()}
    CASES.append(Case(name, {"case.mdl": text, **others}, list(errors), "case.mdl"))


# ---- GSL: words

script("empty", "", ("syntax", 1))
script("only a comment", "// nothing\n\n", ("syntax", 1))
script("zero bytes", "\0" * 1000, ("syntax", 1))
script("no text at all", bytes(range(128, 256)) * 20, ("syntax", 1))
script("empty text", 'print("");\n', ("syntax", 1))
script("text over two lines", 'print("a\nb");\n', ("syntax", 1))
script("text without an end", 'print(1);\nprint("a);\n', ("syntax", 2))
script("number without a digit", "print(1, .5);\n", ("syntax", 1))
script("name with an underscore first", "print(_a);\n", ("syntax", 1))
script("plus before an integer", "print(+5);\n", ("syntax", 1))
script("hexadecimal number", "int a = 0x10;\n", ("syntax", 1))
script("quote of a character", "print('a');\n", ("syntax", 1))
script("one stroke", "Trigger t(a | b);\n", ("syntax", 1))
script("keyword as an instance", "Grid S { Dimension(1); print(1); };\nS Out;\n", ("syntax", 2))
script("keyword as a member", "print(<list=1>);\n", ("syntax", 1))
script("keyword as a phase", "InitPhases = { In };\n", ("syntax", 1))
script("two faults in two lines", "print(1;\nprint(2);\nprint(.5);\n", ("syntax", 1), ("syntax", 3))

# ---- GSL: statements

script("no semicolon", "print(1)\nprint(2);\nprint(3);\n", ("syntax", 2))
script("no bracket", "print(1;\n", ("syntax", 1))
script("bracket too many", "print(1));\n", ("syntax", 1))
script("brace too many", "print(1);\n}\nprint(2);\n", ("syntax", 2))
script("brace never closed", "Grid S { Dimension(1);\nprint(1);\nStop on t;\n", ("syntax", 4))
script("grid without dimensions", "Grid S { print(1); };\nprint(2);\n", ("syntax", 1))
script("dimension of no points", "Grid S { Dimension(0); print(1); };\n", ("range", 1))
script("dimension that is no integer", "Grid S { Dimension(1.5); print(1); };\n", ("syntax", 1))
script("layer outside of a grid", "Layer(n, P, u);\n", ("syntax", 1))
script("InitNodes in a composite", "Composite C {\n InitNodes(a, b);\n};\n", ("syntax", 2))
script("grid in a grid", "Grid S { Dimension(1);\n Grid T { Dimension(1); };\n};\n", ("syntax", 2))
script("type in a composite", "Composite C {\n NodeType N {};\n print(1); };\n", ("syntax", 2))
script("empty composite", "Composite C { };\n", ("syntax", 1))
script("empty phases", "InitPhases = { };\n", ("syntax", 1))
script("phases without a list", "InitPhases = initialize;\n", ("syntax", 1))
script("map without an arrow", "NodeType N { a - b };\n", ("syntax", 1))
script("map of nothing", "NodeType N { };\n", ("syntax", 1))
script("pairs without a value", "print(<a=>);\n", ("syntax", 1))
script("pairs without an end", "print(<a=1);\n", ("syntax", 1))
script("points without an end", "print(s[1:2);\n", ("syntax", 1))
script("point that is no integer", "print(s[1.0]);\n", ("syntax", 1))
script("grid without points", "print(a/b);\n", ("syntax", 1))
script("layer without a name", "print(s[].Layer());\n", ("syntax", 1))
script("tag without a value", "print(s[].Layer(kind==));\n", ("syntax", 1))
script("tag negated without brackets", 'print(s[].Layer(!kind=="a"));\n', ("syntax", 1))
script("set of another kind", "print(Pset<N, Inside>(<a=1>));\n", ("syntax", 1))
script("trigger without a term", "Trigger t(a &&);\n", ("syntax", 1))
script("stop without a trigger", "Stop on ;\n", ("syntax", 1))
script("function without a trigger", "a.f();\n", ("syntax", 1))
script("integer that is a fraction", "int a = 1.5;\n", ("syntax", 1))
script("list that is a number", "list<int> a = 3;\n", ("syntax", 1))
script("type of no list", "list<a> a = {1};\n", ("syntax", 1))
script("sets of edges", "EdgeSet e(a);\n", ("syntax", 1))
script("command that is a name", "system(ls);\n", ("syntax", 1))
script("functor with a wrong role", "Functor F { Perform(int); };\nprint(1);\n", ("syntax", 1))
script("return at the top", "Return print(1);\n", ("syntax", 1))

# ---- GSL: what the first pass finds

FRAME = """#include "std.gsl"
InitPhases = { initialize }; RuntimePhases = { p, q, last }; FinalPhases = { finalize };
NodeType Probe { sharedInit->initialize, tick->last, a->p, b2->q, finish->finalize };
BindName XN("identifier", "x"); NdplInAttrInit toX(XN);
Grid S { Dimension(3); Layer(n, Probe, UniformLayout(1), <kind="P">); };
S s; S t;
"""  # then comes line 7


def network(name, text, *errors):
    script(name, FRAME + text + "\n", *errors)


network("unknown name", "print(nothing);", ("unknown name", 7))
network("unknown grid", "NodeSet a(u[]);", ("unknown name", 7))
network("unknown type", "Nothing x;", ("unknown name", 7))
network("unknown node type", "NodeType Nothing;", ("unknown name", 7))
network("unknown phase", "NodeType Probe2 { a->nowhere };", ("phase", 7))
network("name twice", "S s;", ("duplicate", 7))
network("point outside", "NodeSet a(s[5]);", ("range", 7))
network("too many dimensions", "NodeSet a(s[0, 0]);", ("range", 7))
network(
    "sampler of another kind",
    "connectNodeSets(s[], t[], EachAvg(1.0), outAttrDef, toX);",
    ("type", 7),
)
network("too few arguments", "connectNodeSets(s[], t[]);", ("arity", 7))
network("trigger in no phase", 'UnsignedTrigger e("e", ::Iteration, "==", 1, 0, no);', ("phase", 7))
network(
    "two mistakes", "print(nothing);\nNodeSet a(u[]);", ("unknown name", 7), ("unknown name", 8)
)

# ---- The preprocessor

script("file that is not there", '#include "none.gsl"\nprint(1);\n', ("file", 1))
script("file outside", '#include "../none.gsl"\nprint(1);\n', ("file", 1))
script("include of nothing", "#include\nprint(1);\n", ("preprocessor", 1))
script("file that includes itself", '#include "net.gsl"\nprint(1);\n', ("limit", 1))
script(
    "files that include each other twice",
    '#include "a.gsl"\nprint(1);\n',
    ("limit", None),
    a='#include "b.gsl"\n#include "b.gsl"\n',
    b='#include "a.gsl"\n#include "a.gsl"\n',
)
script(
    "fault in an included file", '#include "a.gsl"\nprint(1);\n', ("syntax", None), a="print(;\n"
)
script("error", "print(1);\n#error no\n", ("preprocessor", 2))
script("no directive", "print(1);\n#perform\n", ("preprocessor", 2))
script("condition without an end", "print(1);\n#if 1\nprint(2);\n", ("preprocessor", 2))
script("end without a condition", "print(1);\n#endif\n", ("preprocessor", 2))
script("else twice", "#if 1\nprint(1);\n#else\n#else\n#endif\n", ("preprocessor", 4))
script("condition of nothing", "print(1);\n#if\n#endif\n", ("preprocessor", 2))
script("condition that divides by zero", "print(1);\n#if 1 / 0\n#endif\n", ("preprocessor", 2))
script(
    "condition that is nested deep",
    "print(1);\n#if " + "(" * 5000 + "1\n#endif\n",
    ("preprocessor", 2),
)
script("comment without an end", "print(1);\n/* print(2);\n", ("preprocessor", 2))
script("macro of no name", "print(1);\n#define 1\n", ("preprocessor", 2))
script(
    "macro with other arguments",
    "#define f(a, b) print(a);\nf(1)\nprint(1);\n",
    ("preprocessor", 2),
)
script("arguments without an end", "#define f(a) print(a);\nprint(1);\nf(1\n", ("preprocessor", 3))
script("macro that joins nothing", "print(1);\n#define f(a) ## a\n", ("preprocessor", 2))
script("macro that makes no word", "#define f(a, b) a##b\nprint(f(1, +));\n", ("preprocessor", 2))
script(
    "macros that double",
    "".join(f"#define m{i + 1} m{i} m{i}\n" for i in range(60)) + "#define m0 1,\nprint(m60 1);\n",
    ("limit", 62),
)
script(
    "macros that double their arguments",
    "#define d(x) x x\nprint(" + "d(" * 60 + "1" + ")" * 60 + ");\n",
    ("limit", 2),
)
script(
    "macros deep in arguments",
    "#define d(x) x\nprint(" + "d(" * 3000 + "1" + ")" * 3000 + ");\n",
    ("preprocessor", 2),
)

# ---- Bounds

script("lists deep in lists", "print(" + "{" * 100_000 + "1" + "}" * 100_000 + ");\n", ("limit", 1))
script("calls deep in calls", "print(" + "f(" * 100_000 + ")" * 100_000 + ");\n", ("limit", 1))
script("triggers deep in brackets", "Trigger t(" + "(" * 100_000 + "a);\n", ("limit", 1))
script("types deep in types", "Functor F(" + "list<" * 100_000 + "int);\n", ("limit", 1))
script("a million brackets", "print(" + "[" * 1_000_000 + ";\n", ("syntax", 1))
script("a million signs", "=" * 1_000_000, ("syntax", 1))
script(
    "a thousand faults",
    "print(;\n" * 2000,
    *(("syntax", line) for line in range(1, 1001)),
)
script(
    "a fault after a long list",
    "print({" + "0.25, " * 1_000_000 + "1});\nprint(.5);\n",
    ("syntax", 2),
)

# ---- MDL: words and items

HEAD = "Interface Value { double* value; }\nInterface Vec { double []* vec; }\n"


def node(name, items, *errors, before=""):
    """A type whose items begin in line 4, after two interfaces."""
    text = (
        HEAD + f"{before}Node N Implements Value {{\n{items}\ndouble y;\nValue.value << &y;\n}}\n"
    )
    types(name, text, *errors)


def clause(name, items, *errors, expects="Value", predicate=""):
    head = "double* x; double* [] xs; int n; InAttrPSet { string id; int k; double w; }\n"
    text = f"Connection Pre Node ({predicate}) Expects {expects} {{\n{items}\n}}"
    node(name, head + text, *errors)


types("types: empty", "", ("syntax", 1))
types("types: statement of a script", "print(1);\n" + HEAD, ("syntax", 1))
types("types: empty interface", "Interface I { }\n", ("syntax", 1))
types("types: brace never closed", "Interface I { double* a;\n", ("syntax", 2))
types(
    "types: two faults",
    "Interface I { double a }\nInterface J { dbl* b; }\nStruct S { int a; b }\n",
    ("syntax", 1),
    ("syntax", 3),
)
node("types: no semicolon", "int a\nint b;", ("syntax", 5))
node("types: keyword as a member", "int Node;", ("syntax", 4))
node("types: number as a member", "int 5;", ("syntax", 4))
node("types: unsigned char", "unsigned char c;", ("syntax", 4))
node("types: array with a size", "double [3] a;", ("syntax", 4))
node("types: optional pointer", "Optional int* p;", ("syntax", 4))
node("types: stray character", "int a; @", ("syntax", 4))
node("types: empty text", 'int a : "";', ("syntax", 4))
node("types: connection after nodes", "Connection Post Node () Expects Value { ; }", ("syntax", 4))
node("types: connection that expects nothing", "Connection Pre Node () { ; }", ("syntax", 4))
node("types: shared phase with a list", "Shared { InitPhase a(y); }", ("syntax", 4))
node("types: phase without a name", "InitPhase ;", ("syntax", 4))
types("types: phase of a constant", "Constant C { int a; InitPhase i; }\n", ("syntax", 1))
types("types: framework of nodes", "Framework Node N { int a; }\n", ("syntax", 1))
types("types: functor without execute", "Functor F { int; }\n", ("syntax", 1))
types("types: type deep in itself", f"Struct S {{ int {'[]' * 100_000} a; }}\n", ("limit", 1))
clause(
    "types: predicate deep in brackets", "Value.value >> x;", ("limit", 5), predicate="(" * 100_000
)

# ---- MDL: rules

types("types: file that is not there", '#include "none.mdl"\n' + HEAD, ("file", 1))
types("types: file that includes itself", '#include "case.mdl"\n' + HEAD, ("limit", 1))
types("types: one name twice", HEAD + "Struct Value { int a; }\n", ("duplicate", 3))
types("types: member twice", "Struct S { int a; double a; }\n", ("duplicate", 1))
types("types: struct of itself", "Struct S { S a; }\n", ("unknown name", 1))
types(
    "types: struct that comes later",
    "Struct S { T a; }\nStruct T { int a; }\n",
    ("unknown name", 1),
)
types(
    "types: interface that is a struct",
    "Struct S { int a; }\nNode N Implements S { int a; }\n",
    ("unknown name", 2),
)
types(
    "types: interface twice",
    HEAD + "Node N Implements Value, Value { double y; Value.value << &y; }\n",
    ("duplicate", 3),
)
types(
    "types: argument of an unknown type",
    "Functor F { void Execute(T a, int b); }\n",
    ("unknown name", 1),
)
types("types: argument twice", "Functor F { void Execute(int a, int a); }\n", ("duplicate", 1))
types("types: nothing exported", HEAD + "Node N Implements Value { double y; }\n", ("export", 3))
types(
    "types: export of a number",
    HEAD + "Node N Implements Value { float y; Value.value << &y; }\n",
    ("type", 3),
)
types(
    "types: export by value",
    HEAD + "Node N Implements Value { double y; Value.value << y; }\n",
    ("type", 3),
)
types(
    "types: export of a field of a number",
    HEAD + "Node N Implements Value { double y; Value.value << &y.a; }\n",
    ("type", 3),
)
types(
    "types: export of an unknown member of an interface",
    HEAD + "Node N Implements Value { double y; Value.value << &y; Value.other << &y; }\n",
    ("unknown name", 3),
)
node("types: block sizes of a number", "int a(4,4);", ("type", 4))
node("types: block size of zero", "int [] a(0);", ("range", 4))
node("types: phase that lists an unknown member", "RuntimePhase a(nothing);", ("unknown name", 4))
node("types: phase that lists what feeds nothing", "int a; RuntimePhase p(a);", ("export", 4))
node("types: two signs of a directive", "int a;\n##define B\nint b;", ("syntax", 5))
node("types: phase twice", "InitPhase a; RuntimePhase a;", ("duplicate", 4))
node("types: function twice", "UserFunction f; PredicateFunction f;", ("duplicate", 4))
clause("types: interface not expected", "Vec.vec >> x;", ("unknown name", 6))
clause("types: interface expected twice", ";", ("duplicate", 5), expects="Value, Value")
clause("types: unknown interface expected", ";", ("unknown name", 5), expects="Nothing")
clause("types: unknown member imported", "Value.other >> x;", ("unknown name", 6))
clause("types: import into nothing", "Value.value >> nothing;", ("unknown name", 6))
clause("types: import into another type", "Value.value >> n;", ("type", 6))
clause("types: import into a field of a number", "Value.value >> n.a;", ("type", 6))
clause("types: import twice", "Value.value >> x; Value.value >> xs;", ("duplicate", 6))
clause("types: unknown attribute", "PSet.nothing >> n;", ("unknown name", 6))
clause("types: attribute of another type", "PSet.w >> n;", ("type", 6))
clause(
    "types: import into an unknown shared member", "Value.value >> Shared.x;", ("unknown name", 6)
)
clause("types: unknown function", "f();", ("unknown name", 6))
clause("types: unknown predicate", ";", ("unknown name", 5), predicate="ok()")
clause("types: predicate of two types", ";", ("type", 5), predicate='PSet.k == "a"')
clause(
    "types: predicate without brackets", ";", ("type", 5), predicate='PSet.id == "a" && PSet.k == 1'
)
clause("types: predicate of numbers joined", ";", ("type", 5), predicate="PSet.k && PSet.k")
clause("types: predicate of an unknown member", ";", ("unknown name", 5), predicate="nothing == 1")
clause("types: order of truth values", ";", ("type", 5), predicate="true < false")
clause("types: pointers compared", ";", ("type", 5), predicate="x == x")
types(
    "types: field of another type",
    HEAD
    + "Struct S { double d; }\nNode N { S [] s;\n"
    + "Connection Pre Node () Expects Value { Value.value >> s.d; } }\n",
    ("type", 5),
)
