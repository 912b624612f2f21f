"""Compares the tensors that `goldpath infer` wrote with a framework's, by name.

    python scripts/compare_tensors.py OUT T.npz

OUT is the folder that `infer --out` wrote, T.npz what scripts/capture_tensors.py captured, or any archive by tensor name.
Exit status: 0 all the same, 1 some differ, 2 nothing to compare.
"""

import json
import pathlib
import sys

import numpy as np


def compare(folder, captured):
    """How many tensors both have, and those that differ, each with how many of its values and by how much at most."""
    compared, others = 0, []
    for entry in json.loads((folder / "tensors.json").read_text())["tensors"]:
        if entry["name"] not in captured:
            continue
        own, other = np.load(folder / entry["file"]), captured[entry["name"]]
        compared += 1
        if own.shape != other.shape or own.dtype != other.dtype:
            others.append(f"{entry['name']}: {own.dtype} {list(own.shape)}, not {other.dtype} {list(other.shape)}")
        elif not np.array_equal(own, other):
            apart = np.abs(own.astype(np.int64) - other.astype(np.int64))
            others.append(f"{entry['name']}: {np.count_nonzero(apart)} of {apart.size} values, by at most {apart.max()}")
    return compared, others


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    compared, others = compare(pathlib.Path(sys.argv[1]), np.load(sys.argv[2]))
    print("\n".join([*others, f"{compared} tensors compared, {len(others)} differ"]))
    sys.exit(2 if compared == 0 else int(bool(others)))
