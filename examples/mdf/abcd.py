#!/usr/bin/env python3
"""ABCD to PyTorch: four of MDF's own functions in a row become a module, which is proved to be the same."""

import math
import shutil
from pathlib import Path

from commands import folder, isomer, need, verdict


def main():
    document = Path(__file__).with_name("abcd.json")
    folder()
    shutil.copyfile(document, "abcd.json")
    isomer("show", "abcd.json")
    printed = isomer("run", "abcd.json")
    a = 0.25 * 1.5 - 0.5
    b = 1 / (1 + math.exp(-2.0 * (0.8 * a + 0.1)))
    d = 4 * math.sin(0.5 * math.exp(1.2 * b) + 0.3)
    need(f"D gives {d:.12g}, as by hand", abs(float(printed.split()[-1].strip("[]")) - d) < 1e-12)
    isomer("convert", "abcd.json", "-o", "abcd.py")
    verdict("abcd.json", "abcd.py")


if __name__ == "__main__":
    main()
