//! Advice is tried: what a help text says to add makes the same command succeed.

use std::fs;
use std::path::PathBuf;

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

fn designs() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("hw_models")).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = entries.filter(|path| path.join("design.toml").exists()).collect();
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
