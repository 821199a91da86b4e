"""What the examples share: they call the program, say how, and leave their files in one folder."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ISOMER = os.environ.get("ISOMER", str(ROOT / "build/release/isomer"))


def folder():
    """Where the example's files go: the first word, else build/examples."""
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build/examples"
    place.mkdir(parents=True, exist_ok=True)
    os.chdir(place)


def isomer(*words, quiet=False):
    """Runs the program in that folder; gives what it prints."""
    words = [str(word) for word in words]
    print("$ isomer", *words, flush=True)
    done = subprocess.run([ISOMER, *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    if not quiet:
        print(done.stdout, end="", flush=True)
    return done.stdout


def verdict(*words):
    """The first word of a proof, which must be good."""
    answer = isomer("prove", *words, quiet=True).splitlines()[0]
    print(answer)
    assert answer.startswith("EQUIVALENT"), answer


def need(claim, holds):
    print(("yes: " if holds else "NO: ") + claim)
    if not holds:
        sys.exit(1)
