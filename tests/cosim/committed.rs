//! The bundles in `vectors/`: written again they are the same bytes, and the twins agree with them.
//!
//! After an intended change: `GOLDPATH_BLESS=1 cargo test --test cosim committed`, and say in the commit what moved.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::goldpath;

/// Design and shape of the made-up cases. Arrays get ragged tiles.
const DESIGNS: [(&str, &str); 5] = [
    ("mac_s8_acc32", "3,9,2"),
    ("mac_s8_acc16sat", "3,9,2"),
    ("tree8_s8_acc24", "3,19,2"),
    ("os8x8_s8_acc32", "7,6,10"),
    ("os16x16_s8_acc16sat", "13,8,11"),
];

/// Most bytes of the committed set.
const LIMIT_BYTES: u64 = 3_000_000;

/// The case of a design, as the command line asks for it.
fn arguments(shape: &str, case: &str) -> Vec<String> {
    let words = match case {
        "layer" => "--model tests/models/cnn_s8_qoperator.onnx --layer fc_quant --input tests/models/cnn_inputs.npy --images 0..2".to_string(),
        case => format!("--case {case} --shape {shape} --seed 1"),
    };
    words.split(' ').map(String::from).collect()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

#[test]
fn committed_bundles_are_written_again_byte_for_byte() {
    let root = tempfile::tempdir().unwrap();
    let bless = std::env::var_os("GOLDPATH_BLESS").is_some();
    let mut bytes = 0;
    for (design, shape) in DESIGNS {
        for case in ["random", "extreme", "saturating", "layer"] {
            let committed = Path::new("vectors").join(design).join(case);
            let again = if bless { committed.clone() } else { root.path().join(design).join(case) };
            let mut words = vec!["vectors".to_string(), format!("hw_models/{design}"), "--out".to_string()];
            words.push(again.display().to_string());
            words.extend(arguments(shape, case));
            goldpath(&words).success();
            let (old, new) = (files(&committed), files(&again));
            assert_eq!(
                old.keys().collect::<Vec<_>>(),
                new.keys().collect::<Vec<_>>(),
                "{}",
                committed.display()
            );
            for (name, content) in &new {
                assert!(
                    old[name] == *content,
                    "{} changed; GOLDPATH_BLESS=1 accepts it",
                    committed.join(name).display()
                );
                bytes += content.len() as u64;
            }
        }
    }
    assert!(bytes < LIMIT_BYTES, "{bytes} bytes are too many to commit");
}

/// A real layer, from the committed network, in every twin and both simulators.
#[test]
fn twins_agree_on_committed_real_layers() {
    for (design, _) in DESIGNS {
        let bundle = format!("vectors/{design}/layer");
        let assert = goldpath(&["cosim".to_string(), bundle]).success();
        let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
        assert_eq!(text.matches("PASS").count(), 2, "{text}");
        text.lines().for_each(|line| println!("{design}, layer fc_quant: {line}"));
    }
}
