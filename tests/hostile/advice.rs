//! Advice is tried: what a help text says to add makes the same command succeed.

use std::fs;
use std::path::PathBuf;

use crate::bytes::{model, node, npy, tensor, value_info};
use crate::{root, within};

/// Models of the repository that hold integer layers, with their inputs.
fn models() -> Vec<(PathBuf, PathBuf)> {
    let folder = root().join("tests/models");
    let trained = ["mlp_u8_qdq", "mlp_s8_qdq", "cnn_u8_qdq", "cnn_u8_qoperator"].map(|name| {
        let input = format!("{}_inputs.npy", &name[..3]);
        (folder.join(format!("{name}.onnx")), folder.join(input))
    });
    trained.into()
}

fn design(folder: &std::path::Path) -> goldpath::design::Design {
    goldpath::design::Design::load(&folder.join("design.toml"), &[]).unwrap()
}

/// Those that run a network's layers: no advice makes room in a column of operands that stay, a requantizer multiply, an adder
/// for a bias, or post steps.
fn designs() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("hw_models")).unwrap().map(|entry| entry.unwrap().path());
    let sums_all = |path: &PathBuf| {
        let design = design(path);
        let adds_bias = design.parameters.iter().any(|parameter| parameter.name == "bias");
        let sums_all = design.memory.is_some() || design.array.column_products().is_none();
        adds_bias && sums_all && !design.post.is_empty() && !design.is_post_only()
    };
    let entries = entries.filter(|path| path.join("design.toml").exists());
    let mut all: Vec<PathBuf> = entries.filter(sums_all).collect();
    all.sort();
    all
}

/// The `--set` options of a help text, as a shell would read them.
fn options(text: &str) -> Vec<String> {
    let line = text.lines().map(str::trim).find(|line| line.starts_with("--set '"));
    let parts: Vec<&str> = line.unwrap_or("").split('\'').collect();
    parts.chunks(2).filter(|c| c.len() == 2).flat_map(|c| ["--set".to_string(), c[1].to_string()]).collect()
}

fn heard(arguments: &[String]) -> (Option<u8>, String) {
    let (status, heard) = within(arguments);
    (status, String::from_utf8_lossy(&heard).into_owned())
}

#[test]
fn advice_taken_literally_makes_the_same_command_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut advised, mut hopeless) = (0, 0);
    for (model, input) in models() {
        let one = folder.path().join("x.npy");
        first_image(&input, &one);
        for design in designs() {
            let [model, design, input] = [&model, &design, &one].map(|path| path.display().to_string());
            let out = folder.path().join(format!("{advised}_{hopeless}")).display().to_string();
            let commands: [&[&str]; 4] = [
                &["check", &design, "--model", &model],
                &["infer", &model, "--design", &design, "--input", &input, "--out", &out],
                &["overflow", &model, "--design", &design, "--input", &input, "--out", &out],
                &["sweep", &model, "--design", &design, "--input", &input, "--widths", "16", "--out", &out],
            ];
            for typed in commands {
                let typed: Vec<String> = typed.iter().map(|word| (*word).to_string()).collect();
                let (status, said) = heard(&typed);
                if status == Some(0) {
                    continue;
                }
                let set = options(&said);
                if set.is_empty() {
                    assert!(
                        said.contains("lets it run this") || !said.contains("outside"),
                        "{typed:?}\n{said}"
                    );
                    hopeless += 1;
                    continue;
                }
                let (status, again) = heard(&[typed.clone(), set.clone()].concat());
                assert_eq!(status, Some(0), "{typed:?}\n{said}\nwith {set:?}\n{again}");
                advised += 1;
            }
        }
    }
    println!("{advised} commands mended by their advice, {hopeless} that nothing mends");
    assert!(advised >= 20, "{advised}");
}

/// ONNX Runtime's default form, u8 activations and s8 weights, on every committed design: each command runs, or what it
/// says to set, taken as it is printed, makes it run, in a few rounds at most.
#[test]
fn the_default_form_of_onnx_runtime_runs_on_every_design_or_is_told_how() {
    let folder = tempfile::tempdir().unwrap();
    let data = root().join("tests/hostile/data/u8s8");
    let nets = [
        ("res_qdq", "x_res", &["conv1", "conv2", "dw", "fc"][..]),
        ("res_qop", "x_res", &["conv2_quant", "dw_quant", "fc_quant"]),
        ("res_dyn", "x_res", &["conv1_quant", "fc_MatMul_quant"]),
        ("att_qdq", "x_att", &["q", "scores", "mix"]),
    ];
    let (mut commands, mut advised) = (0, 0);
    for ((net, input, layers), design) in
        nets.iter().flat_map(|net| designs().into_iter().map(move |d| (net, d)))
    {
        let [model, input] =
            [format!("{net}.onnx"), format!("{input}.npy")].map(|n| data.join(n).display().to_string());
        let design = design.display().to_string();
        let mut typed: Vec<Vec<&str>> = vec![
            vec!["check", &design, "--model", &model],
            vec!["infer", &model, "--design", &design, "--input", &input],
            vec!["overflow", &model, "--design", &design, "--input", &input],
            vec!["sweep", &model, "--design", &design, "--widths", "16", "--input", &input],
        ];
        for layer in *layers {
            typed.push(vec!["vectors", &design, "--model", &model, "--layer", layer, "--input", &input]);
        }
        for words in typed {
            commands += 1;
            let mut line: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
            if words[0] != "check" {
                line.extend([
                    "--out".to_string(),
                    folder.path().join(commands.to_string()).display().to_string(),
                ]);
            }
            for round in 0.. {
                let (status, said) = heard(&line);
                if status == Some(0) {
                    break;
                }
                let set = options(&said);
                assert!(status == Some(2) && round < 4 && !set.is_empty(), "{line:?}\n{said}");
                advised += usize::from(round == 0);
                line.extend(set);
            }
        }
    }
    println!("{commands} commands, {advised} of them told what to set");
    assert!(advised >= 40, "{advised}");
}

/// The lines for the file do what the options do.
#[test]
fn the_lines_for_the_file_are_those_of_the_options() {
    let model = root().join("tests/models/cnn_u8_qdq.onnx").display().to_string();
    let design = root().join("hw_models/mac_s8_acc32/design.toml");
    let typed = ["check", &design.display().to_string(), "--model", &model].map(String::from);
    let (status, said) = heard(&typed);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("recode") && !said.contains("element 0"), "{said}");
    let line = said.lines().map(str::trim).find(|line| line.starts_with("activation = ")).unwrap();
    let text = fs::read_to_string(&design).unwrap();
    let old = text.lines().find(|line| line.starts_with("activation = ")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("design.toml");
    fs::write(&path, text.replace(old, line)).unwrap();
    let typed = ["check", &path.display().to_string(), "--model", &model].map(String::from);
    let (status, said) = heard(&typed);
    assert_eq!(status, Some(0), "{said}");
}

/// A `.npy` file's first image alone, so that the matrix takes seconds.
pub fn first_image(from: &std::path::Path, to: &std::path::Path) {
    let goldpath::network::Tensor::F32(images) = goldpath::import::npy::read_npy(from).unwrap() else {
        panic!("images are float32")
    };
    let first = images.slice_axis(ndarray::Axis(0), ndarray::Slice::from(0..1)).to_owned();
    ndarray_npy::write_npy(to, &first).unwrap();
}

/// Whether a command is for this model.
fn runs(command: &str, model: &str) -> bool {
    command != "infer" || model != "inside"
}

/// Models of other widths, signs and forms than the trained ones: int16 activations, u8 codes on both sides, a zero
/// point that is computed, and a sum inside a float layer alone. Advice was missing, or led into the next error.
#[test]
fn advice_reaches_every_form_of_model() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let float = |value: f32| value.to_le_bytes().to_vec();
    let scale = |name: &str, value: f32| tensor(name, 1, &[], &float(value));
    // Of ONNX: 2 is uint8, 3 int8, 5 int16, 6 int32.
    let linear = |x: u64, w: u64, zero: &[u8], codes: &[u8]| {
        let names = ["x", "sx", "zx", "w", "sw", "zw", "sx", "zx"];
        let nodes = [node("QLinearMatMul", "product", &names, &["y"], &[])];
        let zero_w = if w == 2 { 130 } else { 0 };
        let constants = [
            scale("sx", 0.5),
            scale("sw", 0.5),
            tensor("zx", x, &[], zero),
            tensor("zw", w, &[], &[zero_w]),
            tensor("w", w, &[4, 1], codes),
        ];
        model(&nodes, &constants, &[value_info("x", x, &[1, 4])], &[value_info("y", x, &[])])
    };
    let dynamic = {
        let nodes = [
            node("DynamicQuantizeLinear", "codes", &["x"], &["c", "s", "z"], &[]),
            node("MatMulInteger", "product", &["c", "w", "z"], &["y"], &[]),
        ];
        let weights = [tensor("w", 3, &[4, 1], &[1, 2, 3, 4])];
        model(&nodes, &weights, &[value_info("x", 1, &[1, 4])], &[value_info("y", 6, &[])])
    };
    let inside = {
        let nodes = [
            node("DequantizeLinear", "dx", &["x", "sx"], &["xf"], &[]),
            node("DequantizeLinear", "dw", &["w", "sx"], &["wf"], &[]),
            node("MatMul", "product", &["xf", "wf"], &["y"], &[]),
        ];
        let constants = [scale("sx", 0.5), tensor("w", 3, &[4, 1], &[1, 2, 3, 4])];
        model(&nodes, &constants, &[value_info("x", 2, &[1, 4])], &[value_info("y", 1, &[])])
    };
    let floats: Vec<u8> = [-1.0f32, 0.5, 2.0, -3.0].into_iter().flat_map(f32::to_le_bytes).collect();
    let shorts: Vec<u8> = [-1000i16, 5, 20_000, -3].into_iter().flat_map(i16::to_le_bytes).collect();
    let cases = [
        ("int16", linear(5, 3, &[0, 128], &[1, 2, 3, 4]), npy("<i2", "(1, 4)", &shorts)),
        ("both_u8", linear(2, 2, &[200], &[1, 130, 255, 4]), npy("|u1", "(1, 4)", &[1, 2, 250, 4])),
        ("dynamic", dynamic, npy("<f4", "(1, 4)", &floats)),
        ("inside", inside, npy("|u1", "(1, 4)", &[1, 2, 250, 4])),
    ];
    let mut advised = 0;
    for (name, bytes, data) in cases {
        let (m, x, out) = (file(&format!("{name}.onnx")), file(&format!("{name}.npy")), file(name));
        fs::write(&m, bytes).unwrap();
        fs::write(&x, data).unwrap();
        for folder in designs() {
            let design = folder.display().to_string();
            let commands: [&[&str]; 4] = [
                &["check", &design, "--model", &m],
                &["infer", &m, "--design", &design, "--input", &x, "--out", &out],
                &["overflow", &m, "--design", &design, "--input", &x, "--out", &out],
                &["sweep", &m, "--design", &design, "--input", &x, "--widths", "30", "--out", &out],
            ];
            // No layer of the last one is an integer layer: nothing of it runs on a design.
            for typed in commands.into_iter().filter(|typed| runs(typed[0], name)) {
                let typed: Vec<String> = typed.iter().map(|word| (*word).to_string()).collect();
                let _ = fs::remove_dir_all(&out);
                let (status, said) = heard(&typed);
                let set = options(&said);
                assert!(status == Some(0) || !set.is_empty(), "{typed:?}\n{said}");
                let _ = fs::remove_dir_all(&out);
                let (status, again) = heard(&[typed.clone(), set.clone()].concat());
                assert_eq!(status, Some(0), "{typed:?}\n{said}\nwith {set:?}\n{again}");
                assert!(options(&again).is_empty(), "{typed:?} with {set:?}\n{again}");
                advised += usize::from(!set.is_empty());
            }
        }
    }
    assert!(advised >= 50, "{advised}");
}

/// Outputs and reduction levels follow the operands, and the lines for the file say so, too.
#[test]
fn lines_for_the_file_reach_the_levels_and_the_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let model_path = folder.path().join("m.onnx");
    let names = ["x", "s", "zx", "w", "s", "zw", "s", "zx"];
    let constants = [
        tensor("s", 1, &[], &0.5f32.to_le_bytes()),
        tensor("zx", 5, &[], &[0, 128]),
        tensor("zw", 3, &[], &[0]),
        tensor("w", 3, &[4, 1], &[1, 2, 3, 4]),
    ];
    let nodes = [node("QLinearMatMul", "product", &names, &["y"], &[])];
    let bytes = model(&nodes, &constants, &[value_info("x", 5, &[1, 4])], &[value_info("y", 5, &[])]);
    fs::write(&model_path, bytes).unwrap();
    let design = root().join("hw_models/tree8_s8_acc24/design.toml");
    let check = |design: &std::path::Path| {
        heard(
            &["check", &design.display().to_string(), "--model", &model_path.display().to_string()]
                .map(String::from),
        )
    };
    let (status, said) = check(&design);
    assert_eq!(status, Some(2), "{said}");
    let lines: Vec<&str> =
        said.lines().skip_while(|line| !line.contains("with these lines")).skip(1).map(str::trim).collect();
    let said_of = |key: &str| {
        *lines.iter().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{key}: {said}"))
    };
    let text = fs::read_to_string(&design).unwrap();
    let mut formats = lines.iter().filter(|line| line.starts_with("format = "));
    let mut written: Vec<&str> = Vec::new();
    for line in text.lines() {
        let instead = ["post = ", "activation = "].into_iter().find(|key| line.starts_with(key));
        written.push(match instead {
            Some(key) => said_of(key),
            None if line.starts_with("format = ") => formats.next().expect("three levels"),
            None => line,
        });
    }
    let path = folder.path().join("design.toml");
    fs::write(&path, written.join("\n")).unwrap();
    let (status, said) = check(&path);
    assert_eq!(status, Some(0), "{said}");
}
