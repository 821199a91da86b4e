#!/usr/bin/env python3
"""Rebuilds exports of tests/data/models as older releases of torch laid them out: the same program and tensors.

    NAME.2.6.pt2   an archive without folders: the program, and pickles of weights, constants and inputs (2.5 to 2.7)
    NAME.2.8.pt2   the archive of today, with a pickle in place of weights and of constants
    NAME.2.9.pt2   lists of weights and constants under the names that they had while 2.9 was made

What the program says otherwise is undone, too: later fields, and those that were left out where they are null.

usage: make_layouts.py [FOLDER]
"""

import io
import json
import sys
import zipfile
from pathlib import Path

import torch

HERE = Path(__file__).parent
NAMES = ("tied", "buffers", "dynamic_batch", "train_bn")


def older_program(program, minor, without_null):
    """The program in the schema of that minor version."""
    program = json.loads(json.dumps(program))
    program["schema_version"]["minor"] = minor
    program.pop("guards_code", None)
    for node in program["graph_module"]["graph"]["nodes"]:
        node.pop("name", None)
        node.pop("is_hop_single_tensor_return", None)
        for one in node["inputs"]:
            one.pop("kind", None)
    return dropped(program) if without_null else program


def dropped(value):
    """Without fields that are null; a tag stays one."""
    if isinstance(value, list):
        return [dropped(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: dropped(one) for key, one in value.items() if one is not None}


def saved(value):
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


class Source:
    def __init__(self, name):
        path = HERE.parent / "models" / f"{name}.pt2"
        self.archive = zipfile.ZipFile(path)
        self.root = self.archive.namelist()[0].split("/")[0]
        self.program = json.loads(self.read("models/model.json"))
        self.exported = torch.export.load(path)

    def read(self, name):
        return self.archive.read(f"{self.root}/{name}")

    def records(self):
        """What stands in the archive, below its root."""
        return {name.split("/", 1)[1]: self.archive.read(name) for name in self.archive.namelist()}


def write(path, records):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in records.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def layout_2_6(source):
    program = older_program(source.program, 7, True)
    return {
        "version": "8.7",
        "serialized_exported_program.json": json.dumps(program),
        "serialized_state_dict.pt": saved(source.exported.state_dict),
        "serialized_constants.pt": saved(source.exported.constants),
        "serialized_example_inputs.pt": saved(source.exported.example_inputs),
    }


def layout_2_8(source, root):
    kept = {
        name: content
        for name, content in source.records().items()
        if not name.startswith(("data/weights/", "data/constants/", "models/"))
    }
    kept["models/model.json"] = json.dumps(older_program(source.program, 12, False))
    kept["data/weights/model.pt"] = saved(source.exported.state_dict)
    kept["data/constants/model.pt"] = saved(source.exported.constants)
    return {f"{root}/{name}": content for name, content in kept.items()}


def layout_2_9(source, root):
    names = {
        "data/weights/model_weights_config.json": "data/weights/model_model_param_config.json",
        "data/constants/model_constants_config.json": "data/constants/model_model_constants_config.json",
    }
    return {
        f"{root}/{names.get(name, name)}": content for name, content in source.records().items()
    }


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for name in NAMES:
        source = Source(name)
        write(folder / f"{name}.2.6.pt2", layout_2_6(source))
        write(folder / f"{name}.2.8.pt2", layout_2_8(source, name))
        write(folder / f"{name}.2.9.pt2", layout_2_9(source, name))
        print(name)


if __name__ == "__main__":
    main()
