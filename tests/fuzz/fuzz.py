#!/usr/bin/env python3
"""Fuzzes the readers with libFuzzer, from what the tests have: exports, weights, arrays, graphs, and damaged ones.

usage: fuzz.py FOLDER [--runs NUMBER] [TARGET ...]     builds in FOLDER; findings stay there, as TARGET-crash-...
       targets: archive program pickle weights arrays json text gsl mdl; needs clang 16 or later with its runtime
       (apt install clang-16 libclang-rt-16-dev), for older ones do not know the views of libstdc++ 12
"""

import io
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGETS = ("archive", "program", "pickle", "weights", "arrays", "json", "text", "gsl", "mdl")
LONGEST = 1 << 14


def members(path, ending):
    """The entries of an archive that end so, those of archives inside it, too."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith(ending):
                yield content
            elif content.startswith(b"PK\3\4"):
                yield from members(io.BytesIO(content), ending)


def arrays():
    for array in (np.arange(6.0).reshape(2, 3), np.array(True), np.zeros((0, 2), np.int16)):
        file = io.BytesIO()
        np.save(file, array)
        yield file.getvalue()
        file = io.BytesIO()
        np.savez(file, x=array, y=array)
        yield file.getvalue()


def graphs():
    """The graphs of the cases, which stand before their first line of dashes."""
    for path in sorted((ROOT / "tests/cases").rglob("*.case")):
        for case in path.read_text().split("\n===\n"):
            text = case.split("\n---")[0]
            if "graph " in text:
                yield ("isomer 1\n" + text[text.index("graph ") :]).encode()


def scripts(name):
    """The cases of MGS, and the broken files as far as they are short."""
    sys.path.insert(0, str(ROOT / "tests/tools"))
    import broken_mgs

    texts = [path.read_bytes() for path in sorted(ROOT.glob(f"tests/data/mgs/*/*/{name}"))]
    broken = [case.files[name] for case in broken_mgs.CASES if name in case.files]
    return texts + [one if isinstance(one, bytes) else one.encode() for one in broken]


def corpus(target):
    if target in ("gsl", "mdl"):
        return scripts("net.gsl" if target == "gsl" else "case.mdl")
    exports = sorted(ROOT.glob("tests/data/*/*.pt2"))
    if target == "archive":
        return [path.read_bytes() for path in exports]
    if target == "program":
        return [one for path in exports for one in members(path, "models/model.json")]
    if target == "pickle":
        return [one for path in exports for one in members(path, "data.pkl")]
    if target == "weights":
        pickled = [one for path in exports for one in members(path, "state_dict.pt")]
        return [
            path.read_bytes() for path in ROOT.glob("tests/data/models/*.safetensors")
        ] + pickled
    if target == "json":
        return [one for path in exports for one in members(path, ".json")]
    return list(arrays() if target == "arrays" else graphs())


def build(folder):
    known = (shutil.which(name) for name in ("clang++-16", "clang++"))
    compiler = next((path for path in known if path), None)
    if compiler is None:
        sys.exit("fuzz: there is no clang; tools/setup --fuzz installs one")
    source = ("cmake", "-S", HERE, "-B", folder, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={compiler}")
    subprocess.run(source, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(("cmake", "--build", folder, "--parallel", "2"), check=True)


def fuzz(folder, target, runs):
    """Whether nothing was found."""
    seeds = folder / "corpus" / target
    seeds.mkdir(parents=True, exist_ok=True)
    for i, content in enumerate(corpus(target)):
        if len(content) <= LONGEST:
            (seeds / f"seed{i}").write_bytes(content)
    options = (f"-runs={runs}", f"-max_len={LONGEST}", "-timeout=20", "-rss_limit_mb=3000")
    words = (folder / f"fuzz_{target}", *options, f"-artifact_prefix={folder}/{target}-", seeds)
    done = subprocess.run(words, capture_output=True, text=True)
    print(f"{target}: {done.stderr.strip().splitlines()[-1]}", flush=True)
    if done.returncode != 0:
        print(done.stderr[-3000:], flush=True)
    return done.returncode == 0


def main():
    words = sys.argv[1:]
    runs = 200_000
    if "--runs" in words:
        at = words.index("--runs")
        runs = int(words[at + 1])
        del words[at : at + 2]
    if not words or not set(words[1:]) <= set(TARGETS):
        sys.exit(__doc__)
    folder = Path(words[0]).resolve()
    build(folder)
    results = [fuzz(folder, target, runs) for target in words[1:] or TARGETS]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
