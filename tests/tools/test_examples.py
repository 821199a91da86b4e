#!/usr/bin/env python3
"""Runs every example of examples/mdf in a folder of its own; each says by itself whether it went well.

usage: test_examples.py ISOMER [WORD]      (those whose name has the word)
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/mdf"


def main():
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    environment = os.environ | {"ISOMER": str(Path(sys.argv[1]).resolve())}
    failed = []
    for example in sorted(EXAMPLES.glob("*.py")):
        if "main()" not in example.read_text() or word not in example.stem:
            continue
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-W", "ignore", example, folder],
                capture_output=True,
                text=True,
                env=environment,
                timeout=300,
            )
        print(f"{example.stem}: {'right' if done.returncode == 0 else 'WRONG'}", flush=True)
        if done.returncode != 0:
            failed.append(example.stem)
            print(done.stdout[-2000:] + done.stderr[-2000:])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
