//! The bundles in `vectors/`: written again they are the same bytes, and the twins agree with them.
//!
//! After an intended change: `GOLDPATH_BLESS=1 cargo test --test cosim committed`, and say in the commit what moved.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::goldpath;

/// Each design's directed bundle: its own shape, or one that is small enough to commit.
const DIRECTED: [(&str, &str); 5] = [
    ("mac_s8_acc32", "--shape 6,6,48"),
    ("mac_s8_acc16sat", ""),
    ("tree8_s8_acc24", "--shape 6,47,28"),
    ("os8x8_s8_acc32", "--shape 8,6,40"),
    ("os16x16_s8_acc16sat", ""),
];

/// A real layer of each design.
const LAYER: &str = "--model tests/models/cnn_s8_qoperator.onnx --layer fc_quant --input tests/models/cnn_inputs.npy --images 0..2";

/// Small bundles that other tests here damage, wire otherwise and run: their folder, and the case.
const SMALL: [(&str, &str); 2] = [
    ("tests/cosim/bundles/random", "--case random --shape 3,9,2 --seed 1"),
    ("tests/cosim/bundles/saturating", "--case saturating --shape 3,9,2 --seed 1"),
];

/// Most bytes of the committed set.
const LIMIT_BYTES: u64 = 3_600_000;

/// Folder, design and arguments of every committed bundle.
fn bundles() -> Vec<(String, &'static str, String)> {
    let directed = DIRECTED.map(|(design, shape)| {
        (format!("vectors/{design}/directed"), design, format!("--case directed {shape}"))
    });
    let layers = DIRECTED.map(|(design, _)| (format!("vectors/{design}/layer"), design, LAYER.to_owned()));
    let small = SMALL.map(|(folder, words)| (folder.to_owned(), "mac_s8_acc16sat", words.to_owned()));
    directed.into_iter().chain(layers).chain(small).collect()
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
    for (folder, design, words) in bundles() {
        let committed = Path::new(&folder).to_path_buf();
        let again = if bless { committed.clone() } else { root.path().join(&folder) };
        let mut arguments = vec!["vectors".to_string(), format!("hw_models/{design}"), "--out".to_string()];
        arguments.push(again.display().to_string());
        arguments.extend(words.split_whitespace().map(String::from));
        fs::create_dir_all(again.parent().unwrap()).unwrap();
        goldpath(&arguments).success();
        let (old, new) = (files(&committed), files(&again));
        assert_eq!(old.keys().collect::<Vec<_>>(), new.keys().collect::<Vec<_>>(), "{}", committed.display());
        for (name, content) in &new {
            assert!(
                old[name] == *content,
                "{} changed; GOLDPATH_BLESS=1 accepts it",
                committed.join(name).display()
            );
            bytes += content.len() as u64;
        }
    }
    assert!(bytes < LIMIT_BYTES, "{bytes} bytes are too many to commit");
}

/// The directed bundle and a real layer, from the committed network, in every twin and both simulators.
#[test]
fn twins_agree_on_committed_bundles() {
    for (design, _) in DIRECTED {
        for case in ["directed", "layer"] {
            let assert = goldpath(&["cosim".to_string(), format!("vectors/{design}/{case}")]).success();
            let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
            assert_eq!(text.matches("PASS").count(), 2, "{text}");
            text.lines().for_each(|line| println!("{design}, {case}: {line}"));
        }
    }
}
