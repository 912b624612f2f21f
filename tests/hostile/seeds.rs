//! Valid files of every format, and the commands that read them.

use std::fs;
use std::path::{Path, PathBuf};

use goldpath::import::npy::read_npz;
use goldpath::network::Tensor;

use crate::bytes::{npy, npz};
use crate::{root, within};

/// A valid file or folder of a command, which one case damages.
pub struct Seed {
    /// The damaged file; in the copy of `folder` where there is one.
    pub file: PathBuf,
    /// A folder that the file belongs to and that is copied with it.
    pub folder: Option<PathBuf>,
    /// Words of the command: `@` is the damaged file, `%` its folder, `^` where it writes.
    pub commands: Vec<Vec<String>>,
}

impl Seed {
    fn new(file: &Path, folder: Option<&Path>, commands: &[&str]) -> Seed {
        let words = |command: &&str| command.split(' ').map(String::from).collect();
        Seed {
            file: file.to_path_buf(),
            folder: folder.map(Path::to_path_buf),
            commands: commands.iter().map(words).collect(),
        }
    }
}

fn run(command: &str) {
    let words: Vec<String> = command.split(' ').map(String::from).collect();
    let (status, heard) = within(&words);
    assert_eq!(status, Some(0), "{command}\n{}", String::from_utf8_lossy(&heard));
}

/// Makes the seeds in `folder`.
pub fn all(folder: &Path) -> Vec<Seed> {
    let at = |name: &str| folder.join(name);
    let shown = |path: &Path| path.display().to_string();
    fs::write(at("a.npy"), npy("|i1", "(3, 4)", &[1, 2, 3, 4, 5, 6, 7, 8, 255, 254, 253, 252])).unwrap();
    fs::write(at("w.npy"), npy("|i1", "(4, 2)", &[9, 8, 7, 6, 5, 4, 3, 2])).unwrap();
    fs::write(at("b.npy"), npy("<i4", "(2,)", &[1, 0, 0, 0, 2, 0, 0, 0])).unwrap();
    let numbers = [
        ("multiplier", npy("<i8", "(2,)", &[0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 65, 0, 0, 0, 0])),
        ("shift", npy("|u1", "()", &[33])),
        ("zero_point", npy("|i1", "()", &[0])),
        ("low", npy("|i1", "()", &[128])),
        ("high", npy("|i1", "()", &[127])),
    ];
    npz(&at("p.npz"), &numbers, false);
    let [a, w, b, p] = ["a.npy", "w.npy", "b.npy", "p.npz"].map(|name| shown(&at(name)));
    let mac = shown(&root().join("hw_models/mac_s8_acc32/design.toml"));
    let product = |a: &str, w: &str, b: &str, p: &str| {
        format!("--activations {a} --weights {w} --bias {b} --params {p}")
    };
    run(&format!("run {mac} {} --out {}", product(&a, &w, &b, &p), shown(&at("first"))));
    let mut seeds = Vec::new();
    for (place, name) in ["a.npy", "w.npy", "b.npy", "p.npz"].into_iter().enumerate() {
        let mut four = [a.as_str(), &w, &b, &p];
        four[place] = "@";
        let files = product(four[0], four[1], four[2], four[3]);
        seeds.push(Seed::new(
            &at(name),
            None,
            &[
                &format!("run {mac} {files} --out ^"),
                &format!("run {mac} {files} --engine functional --out ^"),
                &format!("overflow {mac} {files} --out ^"),
                &format!("vectors {mac} {files} --out ^"),
                &format!("check {mac} {files}"),
            ],
        ));
    }
    let samples = [format!("identify --acc @ --out {a}"), format!("identify --acc {a} --out @ --scale 0.5")];
    seeds.push(Seed::new(&at("a.npy"), None, &samples.each_ref().map(String::as_str)));
    seeds.extend(designs(&product(&a, &w, &b, &p)));
    seeds.extend(models(folder, &mac));
    seeds.extend(answers(folder, &mac));
    seeds
}

fn designs(product: &str) -> Vec<Seed> {
    let mut seeds = Vec::new();
    for name in ["mac_s8_acc32", "mac_s8_acc16sat", "os8x8_s8_acc32", "tree8_s8_acc24"] {
        let path = root().join("hw_models").join(name).join("design.toml");
        seeds.push(Seed::new(
            &path,
            None,
            &[
                "check @ --shape 7,9,5",
                "params @",
                &format!("run @ {product} --out ^"),
                "vectors @ --case extreme --shape 3,5,2 --out ^",
            ],
        ));
    }
    seeds
}

/// The input of a reference archive as a file of its own.
fn input(archive: &Path, to: &Path) {
    let mut tensors = read_npz(archive).unwrap();
    match tensors.remove("__input").unwrap() {
        Tensor::F32(x) => ndarray_npy::write_npy(to, &x).unwrap(),
        Tensor::U8(x) => ndarray_npy::write_npy(to, &x).unwrap(),
        Tensor::I8(x) => ndarray_npy::write_npy(to, &x).unwrap(),
        other => panic!("an input of {}", other.dtype()),
    }
}

fn models(folder: &Path, mac: &str) -> Vec<Seed> {
    let mut seeds = Vec::new();
    for name in
        ["conv_s8s8", "gemm_u8s8", "matmul_s8s8", "concat_u8", "add_s8", "dynamic", "float_s8", "pool_s8"]
    {
        let model = root().join("tests/models/operators").join(format!("{name}.onnx"));
        let x = folder.join(format!("{name}.npy"));
        input(&model.with_extension("npz"), &x);
        let with = |m: &str, x: &str| {
            [
                format!("infer {m} --input {x} --out ^"),
                format!("check {mac} --model {m}"),
                format!("check {mac} --model {m} --input {x}"),
                format!("infer {m} --design {mac} --input {x} --out ^"),
                format!("overflow {m} --design {mac} --input {x} --out ^"),
                format!("sweep {m} --design {mac} --input {x} --widths 16 --modes wrap --out ^"),
                format!("layers {m} --design {mac}"),
            ]
        };
        let commands = with("@", &x.display().to_string());
        seeds.push(Seed::new(&model, None, &commands.each_ref().map(String::as_str)));
        let commands = with(&model.display().to_string(), "@");
        seeds.push(Seed::new(&x, None, &commands.each_ref().map(String::as_str)[..3]));
        // The same input under its name in an archive.
        let archive = folder.join(format!("{name}.npz"));
        let fed = &goldpath::import::onnx::read(&model).unwrap().inputs[0].name;
        crate::bytes::npz(&archive, &[(fed.as_str(), fs::read(&x).unwrap())], true);
        let m = model.display();
        let fed = [
            format!("infer {m} --tensors @ --out ^"),
            format!("check {mac} --model {m} --tensors @"),
            format!("overflow {m} --design {mac} --tensors @ --out ^"),
        ];
        seeds.push(Seed::new(&archive, None, &fed.each_ref().map(String::as_str)));
    }
    seeds
}

/// What goldpath itself has written: bundles, witnesses, plans, pieces.
fn answers(folder: &Path, mac: &str) -> Vec<Seed> {
    let at = |name: &str| folder.join(name);
    let model = root().join("tests/models/mlp_s8_qdq.onnx").display().to_string();
    let x = at("image.npy").display().to_string();
    crate::advice::first_image(&root().join("tests/models/mlp_inputs.npy"), &at("image.npy"));
    let narrow = "--set accumulator.width=10";
    run(&format!("overflow {model} --design {mac} --input {x} {narrow} --out {}", at("over").display()));
    run(&format!("vectors {mac} --case random --shape 2,3,2 --out {}", at("bundle").display()));
    let sweep =
        |m: &str, out: &str| format!("sweep {m} --design {mac} --input {x} --widths 10,16 --out {out}");
    run(&sweep(&model, &at("sweep").display().to_string()));
    let text = fs::read_to_string(at("over/witness.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let id = file["witnesses"][0]["id"].as_str().unwrap_or("none").to_string();
    let mut seeds = vec![Seed::new(
        &at("over/witness.json"),
        None,
        &[&format!("vectors {mac} --witness @#{id} --out ^")],
    )];
    let sweep_folder = at("sweep");
    let pieces = fs::read_dir(at("sweep/pieces")).unwrap().map(|entry| entry.unwrap().path());
    for file in std::iter::once(at("sweep/plan.json")).chain(pieces) {
        seeds.push(Seed::new(&file, Some(&sweep_folder), &["sweep merge % --out ^", &sweep(&model, "%")]));
    }
    let bundle = at("bundle");
    for name in
        ["manifest.json", "expected.hex", "stimulus.hex", "header.hex", "channels.hex", "beats_in.hex"]
    {
        seeds.push(Seed::new(
            &bundle.join(name),
            Some(&bundle),
            &[
                "cosim % --simulator icarus",
                "cosim % --simulator icarus --selftest",
                "strength %",
                "strength % %",
            ],
        ));
    }
    seeds
}
