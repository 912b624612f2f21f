"""Makes FAMILY.npz: random single-operator models, their feeds, and ONNX Runtime's answers, optimisations off.

    python tests/operators/make.py FAMILY...

A family is a module in `families/` with `cases(random)`, which yields `Case`s; every family has its own committed seed,
the CRC of its name. The archive's only array, `cases`, packs small ones behind one another, so that they compress
together: u32 length and name, u32 length and .npy bytes. Names: `i.model` (the .onnx), `i.in.NAME`, `i.out.NAME`.
A case that ONNX Runtime refuses is counted and left out: there is no answer to compare with.
"""

import importlib
import io
import struct
import sys
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime as ort

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
ort.set_default_logger_severity(4)


def answers(model, feeds):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds)))


def packed(entries):
    parts = []
    for name, value in entries.items():
        file = io.BytesIO()
        # A scalar stays one: ascontiguousarray would give it an axis.
        np.save(file, np.array(value, order="C"))
        for part in (name.encode(), file.getvalue()):
            parts += [struct.pack("<I", len(part)), part]
    return b"".join(parts)


def make(family):
    random = np.random.default_rng(zlib.crc32(family.encode()))
    entries, made, refused, why = {}, 0, Counter(), {}
    with np.errstate(all="ignore"):
        for case in importlib.import_module(f"families.{family}").cases(random):
            try:
                outputs = answers(case.oracle or case.model, case.feeds)
            except Exception as error:
                refused[case.kind] += 1
                why[case.kind] = str(error)[:300]
                continue
            entries[f"{made}.model"] = np.frombuffer(case.model, np.uint8)
            entries |= {f"{made}.in.{name}": np.asarray(value) for name, value in case.feeds.items()}
            entries |= {f"{made}.out.{name}": np.asarray(value) for name, value in outputs.items()}
            made += 1
    path = HERE / f"{family}.npz"
    np.savez_compressed(path, cases=np.frombuffer(packed(entries), np.uint8))
    print(f"{family}: {made} models, {path.stat().st_size} bytes, refused: {dict(refused)}")
    for kind, text in why.items():
        print(f"  {kind}: {text}")


if __name__ == "__main__":
    for family in sys.argv[1:]:
        make(family)
