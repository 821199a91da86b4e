"""The checks in tools/ catch what they are for: each test plants one fault in a small tree."""

import io
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import check_layers
import check_tree
import coverage
import sizes


def plant(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


class Tree(unittest.TestCase):
    """A test with an empty folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)


HEALTHY = {
    "layers.txt": (
        "base:\ngraph: base\nsystems: base graph\nsystems/registry.cpp: systems systems/mdf\n"
        "systems/mdf: graph systems\n"
        "torch: graph\n<torch>: torch\n<fmt>: base/text.h\n"
    ),
    "base/text.h": "#include <fmt/format.h>\n",
    "base/error.h": "#include <string>\n",
    "graph/graph.h": '#include "base/error.h"\n',
    "graph/graph.cpp": '#include "base/text.h"\n#include "graph/graph.h"\n',
    "systems/system.h": '#include "graph/graph.h"\n',
    "systems/registry.cpp": '#include "systems/mdf/mdf.h"\n#include "systems/system.h"\n',
    "systems/mdf/mdf.h": '#include "systems/system.h"\n',
    "torch/module.cpp": "#include <torch/types.h>\n",
}


class Layers(Tree):
    def faults(self, changes):
        plant(self.root, {**HEALTHY, **changes})
        return check_layers.check(self.root)

    def assert_caught(self, words, faults):
        self.assertTrue(any(words in fault for fault in faults), faults)

    def test_healthy_tree_passes(self):
        self.assertEqual(self.faults({}), [])

    def test_wrong_include(self):
        faults = self.faults({"base/error.h": '#include "graph/types.h"\n', "graph/types.h": "\n"})
        self.assert_caught("'base' may not include 'graph'", faults)

    def test_one_system_inside_another(self):
        row = HEALTHY["layers.txt"] + "systems/text: systems\n"
        faults = self.faults(
            {"layers.txt": row, "systems/text/text.h": '#include "systems/mdf/mdf.h"\n'}
        )
        self.assert_caught("'systems/text' may not include 'systems/mdf'", faults)

    def test_one_system_beside_the_registry(self):
        faults = self.faults({"systems/files.cpp": '#include "systems/mdf/mdf.h"\n'})
        self.assert_caught("'systems' may not include 'systems/mdf'", faults)

    def test_libtorch_outside_its_room(self):
        faults = self.faults({"graph/graph.cpp": "#include <torch/torch.h>\n"})
        self.assert_caught("includes <torch/torch.h>, which only torch may", faults)

    def test_text_in_a_header(self):
        faults = self.faults({"graph/graph.h": '#include "base/text.h"\n'})
        self.assert_caught("includes base/text.h", faults)

    def test_circle_of_headers(self):
        faults = self.faults(
            {"graph/a.h": '#include "graph/b.h"\n', "graph/b.h": '#include "graph/a.h"\n'}
        )
        self.assert_caught("circle: graph/a.h -> graph/b.h -> graph/a.h", faults)

    def test_circle_of_rooms(self):
        table = HEALTHY["layers.txt"].replace("base:\n", "base: graph\n")
        self.assert_caught("rooms in a circle", self.faults({"layers.txt": table}))

    def test_circle_through_an_inner_room(self):
        table = HEALTHY["layers.txt"].replace("systems: base", "systems: systems/mdf base")
        faults = self.faults({"layers.txt": table})
        self.assert_caught("rooms in a circle: systems -> systems/mdf -> systems", faults)

    def test_folder_without_a_row(self):
        self.assert_caught("src/extra: has no row", self.faults({"extra/x.cpp": "\n"}))

    def test_row_without_a_folder(self):
        table = HEALTHY["layers.txt"] + "prove: base\n"
        self.assert_caught("row 'prove' has no folder", self.faults({"layers.txt": table}))

    def test_include_that_is_not_there(self):
        faults = self.faults({"graph/graph.cpp": '#include "graph.h"\n'})
        self.assert_caught('includes "graph.h", which is not there', faults)


class Sizes(Tree):
    def test_budgets(self):
        plant(
            self.root,
            {
                "ops/shape.cpp": "\n" * 800,
                "prove/shape.cpp": "\n" * 501,
                "systems/mdf/spelling.cpp": "\n" * 801,
                "base/error.h": "\n" * 500,
            },
        )
        faults = sizes.check(sizes.measure(self.root))
        self.assertEqual(
            faults,
            [
                "src/prove/shape.cpp: 501 lines; the budget is 500",
                "src/systems/mdf/spelling.cpp: 801 lines; the budget is 800",
            ],
        )

    def test_functions(self):
        text = (
            "namespace a {\nnamespace {\n\n"
            "constexpr Row rows[] = {\n    {1, f(2)},\n};\n\n"
            "struct Plain {\n  int x = 0;\n};\n\n"
            "template <class T>\nint head(int x,\n         int y) {\n  if (x) {\n    y = 1;\n  }\n"
            "  return y;\n}\n\n"
            "class Some final : public Other {\n public:\n  explicit Some(int x) : x_(x) {\n"
            "    run();\n  }\n\n  int x() const { return x_; }\n\n private:\n  int x_ = 0;\n};\n\n"
            "}  // namespace\n\nint last() {\n  return 1;\n}\n\n}  // namespace a\n"
        )
        found = [(begin, count) for begin, _, count in sizes.functions(text)]
        self.assertEqual(found, [(12, 8), (23, 3), (35, 3)])
        body = "  x();\n"
        texts = {"a.cpp": "void f() {\n" + body * 48 + "}\n"}
        self.assertEqual(sizes.long_functions(texts), [])
        texts["a.cpp"] += "\nclass A {\n  void g() {\n" + "  " + ("  x();\n  " * 49) + "}\n};\n"
        self.assertEqual(
            sizes.long_functions(texts),
            ["src/a.cpp:53: a function of 51 lines; the budget is 50: void g() {"],
        )

    def test_rooms(self):
        budget = sizes.ROOMS["base"]
        many = {f"base/{i}.cpp": 500 for i in range(budget // 500 + 1)}
        total = sum(many.values())
        many |= {"systems/new/reader.cpp": 500, "run/reference/loss.cpp": 10}
        self.assertEqual(
            sizes.check(many), [f"src/base: {total} lines; the budget of this room is {budget}"]
        )
        self.assertEqual(sizes.rooms(many)["systems/new"], 500)


OPS = [
    {
        "name": "add",
        "family": "elementwise",
        "meaning": "x + y",
        "primitive": True,
        "differentiable": True,
        "systems": {"mdf": "native"},
        "engines": {"reference": "native"},
    },
    {
        "name": "gelu",
        "family": "elementwise",
        "meaning": "x | y",
        "primitive": False,
        "differentiable": True,
        "systems": {"mdf": "expanded"},
        "engines": {},
    },
]


class Coverage(unittest.TestCase):
    def test_page(self):
        page = coverage.page(OPS)
        self.assertIn("2 operators, 1 of them primitive.", page)
        self.assertIn("| system `mdf` | 1 native, 1 expanded |", page)
        self.assertIn("| engine `reference` | 1 native, 1 no |", page)
        self.assertIn("| `add` | x + y | yes | yes | native | native |", page)
        self.assertIn("| `gelu` | x \\| y |  | yes | expanded | no |", page)

    def test_counts_in_texts(self):
        self.assertEqual(
            coverage.counted("| operators | 7, of them 3 primitive; 9 systems |", OPS),
            "| operators | 2, of them 1 primitive; 9 systems |",
        )


class Promises(Tree):
    def test_operator_without_a_case(self):
        plant(self.root, {"tests/cases/ops/add.case": "\n"})
        faults = list(check_tree.missing_cases(["add", "mul"], self.root))
        self.assertEqual(faults, ["operator 'mul' has no tests/cases/ops/mul.case"])

    def test_known_failures(self):
        one = "# list\nops/a.case | torch | rounds | 7\n"
        two = one + "ops/b.case | mdf | no word | 8\n"
        self.assertEqual(list(check_tree.bad_known_failures(one, two)), [])
        self.assertIn("has grown", *check_tree.bad_known_failures(two, one))
        self.assertIn("is not 'case |", *check_tree.bad_known_failures("ops/a.case | torch\n", one))

    def test_dead_references(self):
        plant(self.root, {"docs/a.md": "", "src/x.h": ""})
        text = "[a](a.md#top) [b](b.md) `src/x.h` `src/y.h` [out](https://example.org)"
        faults = list(check_tree.dead_references("docs/c.md", text, self.root))
        self.assertEqual(len(faults), 2, faults)
        self.assertIn("'b.md'", faults[0])
        self.assertIn("'src/y.h'", faults[1])

    def test_stale_quotes(self):
        sources = [check_tree.squeezed("  {" + '"mish(x) -> y",\n   expand_mish},\n')]
        page = "```cpp\n{" + '"mish(x) -> y", expand_mish},\n```\n'
        self.assertEqual(list(check_tree.stale_quotes("a.md", page, sources)), [])
        stale = page.replace("expand", "spell")
        self.assertEqual(len(list(check_tree.stale_quotes("a.md", stale, sources))), 1)
        other = "```\nno C++\n```\n```python\nx = 1\n```\n"
        self.assertEqual(list(check_tree.stale_quotes("a.md", other, sources)), [])

    def test_machine_paths(self):
        somewhere = b"see /" + b"home/ada/model.pt2"
        self.assertEqual(len(list(check_tree.machine_paths("a.txt", somewhere))), 1)
        self.assertEqual(len(list(check_tree.machine_paths("a.bin", b"\xff\0" + somewhere))), 1)
        self.assertEqual(list(check_tree.machine_paths("a.txt", b"see ${x}/" + b"work/a")), [])
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            archive = io.BytesIO()
            with zipfile.ZipFile(archive, "w", method) as writer:
                writer.writestr("models/model.json", b"x" * 100 + somewhere)
            faults = list(check_tree.machine_paths("a.pt2", archive.getvalue()))
            self.assertEqual(len(faults), 1)
            self.assertIn("a.pt2/models/model.json:1:", faults[0])


if __name__ == "__main__":
    unittest.main()
