"""Makes the corpus: ARCHITECTURE.npz, each form of the network with ONNX Runtime's answers, and TABLE.md.

    python tests/corpus/make.py [ARCHITECTURE...]
    python tests/corpus/make.py extract ARCHITECTURE FORM FOLDER   # model, inputs, and every tensor of ONNX Runtime's

An archive's only array, `cases`, is as in tests/operators: u32 length and name, u32 length and .npy bytes. Names:
`in.NAME`; `FORM.model`; `FORM.out.NAME`, the final outputs; `FORM.digests`, a JSON text that gives of every integer
tensor its type, its shape and the first 16 bytes of the SHA-256 of its values as little-endian int64. Packages: numpy,
onnx, onnxruntime (tests/operators/README.md).
"""

import hashlib
import io
import json
import logging
import struct
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

import architectures
import forms

HERE = Path(__file__).parent
# Images, and calibration samples of as many.
IMAGES, SAMPLES = 2, 4
MACS = "Conv ConvInteger QLinearConv MatMul MatMulInteger QLinearMatMul Gemm QGemm".split()


def digest(value):
    return hashlib.sha256(value.astype("<i8").tobytes()).hexdigest()[:32]


def alive(place, model, tensors):
    """Codes are neither all the same nor all at their rails; how many values of QuantizeLinear are ties."""
    writers = {name: node for node in model.graph.node for name in node.output}
    ties, constants = 0, {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    for name, value in tensors.items():
        if value.dtype.kind not in "iu" or value.dtype.itemsize > 2 or value.size < 16:
            continue
        _, counts = np.unique(value, return_counts=True)
        info = np.iinfo(value.dtype)
        high = (value == info.max).mean()
        assert len(counts) >= min(8, value.size // 4), f"{place}: {name}: {len(counts)} codes in {value.size}"
        assert counts.max() < 0.8 * value.size, f"{place}: {name}: one code {counts.max()} times of {value.size}"
        assert high < 0.35, f"{place}: {name}: {high:.0%} at the upper rail"
        node = writers[name]
        if node.op_type == "QuantizeLinear" and node.input[0] in tensors:
            scale = constants[node.input[1]]
            with np.errstate(all="ignore"):
                ratio = tensors[node.input[0]] / (scale if scale.ndim == 0 else scale[0])
            ties += int((np.abs(ratio - np.trunc(ratio)) == 0.5).sum())
    return ties


def made(architecture, form):
    """The network, its feeds and its model in one form."""
    net = architectures.network(architecture)
    feeds = net.feeds(IMAGES)
    samples = [net.feeds(IMAGES) for _ in range(SAMPLES)]
    return feeds, forms.made(net, samples, form, list(architectures.ALL).index(architecture))


def entries_of(architecture):
    entries, rows = {}, []
    for form in forms.ALL:
        place = f"{architecture.__name__} {form}"
        feeds, model = made(architecture, form)
        del model.graph.value_info[:]
        raw = model.SerializeToString()
        tensors = forms.answers(raw, feeds)
        ties = alive(place, model, tensors | feeds)
        assert form != "qdq_s8s8" or ties > 0, f"{place}: {ties} ties"
        integers = {name: value for name, value in tensors.items() if value.dtype.kind in "iu"}
        outputs = [value.name for value in model.graph.output]
        truths = [name for name, value in tensors.items() if value.dtype == bool and name not in outputs]
        assert not truths, f"{place}: {truths} are no outputs"
        about = {n: [str(v.dtype), list(v.shape), digest(v)] for n, v in integers.items()}
        entries[f"{form}.model"] = np.frombuffer(raw, np.uint8)
        entries[f"{form}.digests"] = json.dumps(about)
        entries |= {f"in.{name}": value for name, value in feeds.items()}
        entries |= {f"{form}.out.{name}": tensors[name] for name in outputs}
        macs = sum(node.op_type in MACS for node in model.graph.node)
        values = sum(v.size for v in integers.values())
        rows.append((architecture.__name__, form, len(model.graph.node), macs, len(integers), values, ties))
    return entries, rows


def packed(entries):
    parts = []
    for name, value in entries.items():
        if isinstance(value, str):
            value = np.frombuffer(value.encode(), np.uint8)
        file = io.BytesIO()
        np.save(file, np.array(value, order="C"))
        for part in (name.encode(), file.getvalue()):
            parts += [struct.pack("<I", len(part)), part]
    return np.frombuffer(b"".join(parts), np.uint8)


def table(rows):
    """TABLE.md; rows of architectures that are not made now are kept."""
    path, kept = HERE / "TABLE.md", {}
    for line in path.read_text().splitlines()[2:] if path.exists() else []:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        kept[cells[0], cells[1]] = cells
    for row in rows:
        kept[row[:2]] = [str(cell) for cell in row]
    head = ["architecture", "form", "nodes", "MACs", "integer tensors", "values", "ties"]
    order = [(a.__name__, form) for a in architectures.ALL for form in forms.ALL]
    lines = [head, ["---"] * len(head), *(kept[key] for key in order if key in kept)]
    path.write_text("".join("| " + " | ".join(cells) + " |\n" for cells in lines))


def extract(architecture, form, folder):
    feeds, model = made(architecture, form)
    folder.mkdir(exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    np.savez(folder / "inputs.npz", **feeds)
    tensors = forms.answers(model.SerializeToString(), feeds)
    np.savez(folder / "tensors.npz", **tensors)
    print(f"{folder}: model.onnx, inputs.npz, tensors.npz with {len(tensors)} tensors")


def main(arguments):
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    ort.set_default_logger_severity(4)
    by_name = {architecture.__name__: architecture for architecture in architectures.ALL}
    if arguments[:1] == ["extract"]:
        return extract(by_name[arguments[1]], arguments[2], Path(arguments[3]))
    rows = []
    for name in arguments or by_name:
        entries, more = entries_of(by_name[name])
        rows += more
        path = HERE / f"{name}.npz"
        np.savez_compressed(path, cases=packed(entries))
        print(f"{name}: {path.stat().st_size} bytes, ties {[row[-1] for row in more]}")
    table(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
