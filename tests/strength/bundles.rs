//! `goldpath strength BUNDLE…`: the program read back out of a bundle is the one that was written, the set is scored as the
//! union of its bundles, and what is no bundle as it was written is refused with its place.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::DESIGNS;

fn goldpath<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    assert_cmd::Command::cargo_bin("goldpath").unwrap().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes a bundle as the words say.
fn written(design: &str, words: &str, out: PathBuf) -> PathBuf {
    let mut arguments = vec!["vectors".to_string(), format!("hw_models/{design}")];
    arguments.extend(words.split(' ').map(String::from));
    arguments.extend(["--out".to_string(), out.display().to_string()]);
    let output = goldpath(&arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    out
}

fn answer(bundles: &[PathBuf]) -> Value {
    let named = bundles.iter().map(|bundle| bundle.display().to_string());
    let output = goldpath(["strength", "--format", "json"].map(String::from).into_iter().chain(named));
    assert!(output.status.success(), "{bundles:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "a manifest counts otherwise");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn manifest(bundle: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(bundle.join("manifest.json")).unwrap()).unwrap()
}

/// Names of neighbours in a score's list.
fn missed(score: &Value) -> BTreeSet<String> {
    let all = score["missed"].as_array().unwrap().iter();
    all.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// Each answer says of each bundle what its manifest says.
fn assert_as_written(bundles: &[PathBuf]) -> Value {
    let all = answer(bundles);
    for (bundle, said) in bundles.iter().zip(all["bundles"].as_array().unwrap()) {
        let told = manifest(bundle);
        assert_eq!(said["strength"], told["strength"], "{}", bundle.display());
        assert!(number(&told["strength"]["caught"]) > 0);
        assert_eq!(said["cycles"], told["cycles"]);
    }
    all
}

#[test]
fn a_bundle_read_back_is_as_strong_as_its_manifest_says() {
    let folder = tempfile::tempdir().unwrap();
    for design in DESIGNS {
        let entries = fs::read_dir(format!("vectors/{design}")).unwrap();
        let mut bundles: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        bundles.sort();
        assert!(!bundles.is_empty());
        let made =
            ["--case directed", "--case single", "--case numbers", "--case random --shape 9,5,7 --seed 3"];
        for (at, words) in made.into_iter().enumerate() {
            bundles.push(written(design, words, folder.path().join(format!("{design}-{at}"))));
        }
        let all = assert_as_written(&bundles);
        assert_eq!(missed(&all["strength"]), BTreeSet::new(), "the directed ones tell everything apart");
    }
}

/// Several images, padding, strides, groups, ragged tiles; other orders, lanes, starts and dataflows.
#[test]
fn layers_and_overridden_designs_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let network =
        "--model tests/models/cnn_s8_qoperator.onnx --input tests/models/cnn_inputs.npy --images 0..3";
    let cases = [
        ("mac_s8_acc32", format!("{network} --layer fc_quant")),
        ("os8x8_s8_acc32", format!("{network} --layer conv2_quant")),
        ("os8x8_s8_acc32", format!("{network} --layer conv2_quant --set array.skew=\"internal\"")),
        ("os16x16_s8_acc16sat", format!("{network} --layer conv1_quant")),
        ("tree8_s8_acc24", format!("{network} --layer fc_quant --set order.lane_map=\"strided\"")),
        ("tree8_s8_acc24", "--case random --shape 5,13,3 --set order.lane_map=\"strided\"".to_string()),
        ("mac_s8_acc16sat", "--case random --shape 5,13,3 --set accumulator.start=\"zero\"".to_string()),
        ("mac_s8_acc32", "--case extreme --shape 1,1,1 --set accumulator.width=20".to_string()),
    ];
    for (at, (design, words)) in cases.iter().enumerate() {
        let out = folder.path().join(at.to_string());
        assert_as_written(&[written(design, words, out)]);
    }
}

#[test]
fn the_set_is_the_union_and_no_fewer_bundles_do() {
    let folder = tempfile::tempdir().unwrap();
    let made =
        |case: &str| written("mac_s8_acc16sat", case, folder.path().join(case.replace([' ', ','], "_")));
    let mut bundles = vec![
        made("--case single --shape 2,1,2"),
        made("--case random --shape 8,24,8"),
        made("--case extreme --shape 8,24,8"),
        made("--case single"),
        made("--case saturating --shape 8,96,8"),
    ];
    for with_directed in [false, true] {
        if with_directed {
            bundles.push(made("--case directed"));
        }
        let all = answer(&bundles);
        let each: Vec<BTreeSet<String>> =
            all["bundles"].as_array().unwrap().iter().map(|b| missed(&b["strength"])).collect();
        let by = |choice: u32| {
            let chosen = each.iter().enumerate().filter(|(at, _)| choice >> at & 1 == 1).map(|(_, set)| set);
            chosen.cloned().reduce(|all, more| &all & &more)
        };
        let every = by((1 << each.len()) - 1).unwrap();
        assert_eq!(missed(&all["strength"]), every);
        let (score, count) = (&all["strength"], |list: &Value| list.as_array().map_or(0, Vec::len) as u64);
        let equal = score["equal"].as_object().unwrap().len() as u64;
        assert_eq!(number(&score["neighbours"]), number(&score["caught"]) + equal + count(&score["missed"]));
        let enough = (1..1_u32 << each.len()).filter(|choice| by(*choice).as_ref() == Some(&every));
        let fewest = enough.map(u32::count_ones).min().unwrap();
        assert_eq!((count(&all["smallest"]), &all["none_fewer"]), (u64::from(fewest), &json!(true)));
        let names: Vec<Value> = bundles.iter().map(|bundle| json!(bundle)).collect();
        let chosen: u32 = all["smallest"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| 1 << names.iter().position(|known| known == name).unwrap())
            .sum();
        assert_eq!(by(chosen).unwrap(), every, "what is named keeps the score");
        let sum = |key: &str| -> u64 {
            let bundles = all["bundles"].as_array().unwrap().iter();
            bundles.map(|bundle| number(&bundle["strength"]["nodes"][1][key])).sum()
        };
        for key in ["high", "low", "inside", "at_high"] {
            assert_eq!(number(&score["nodes"][1][key]), sum(key), "{key}");
        }
    }
    let said =
        goldpath(["strength".to_string()].into_iter().chain(bundles.iter().map(|b| b.display().to_string())));
    let said = text(&said.stdout);
    for words in [
        "6 bundles of mac_s8_acc16sat",
        "together: ",
        "(no fewer do)",
        "proved equal, whatever",
        "shift counts",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let said = text(&goldpath(["strength", bundles[0].to_str().unwrap()]).stdout);
    assert!(said.contains("so it looks like") && !said.contains("told apart by"), "{said}");
}

fn copied(from: &Path, to: &Path) -> PathBuf {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    to.to_path_buf()
}

/// Writes a file of a bundle, and its hash into the manifest.
fn forge(bundle: &Path, name: &str, bytes: &[u8]) {
    fs::write(bundle.join(name), bytes).unwrap();
    edit(bundle, |manifest| {
        let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        manifest["files"][name]["sha256"] = json!(hash);
    });
}

fn edit(bundle: &Path, edit: impl FnOnce(&mut Value)) {
    let mut manifest = manifest(bundle);
    edit(&mut manifest);
    fs::write(bundle.join("manifest.json"), manifest.to_string()).unwrap();
}

fn refused(bundles: &[&Path], words: &[&str]) {
    let named = bundles.iter().map(|bundle| bundle.display().to_string());
    let output = goldpath(["strength".to_string()].into_iter().chain(named));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty());
    words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
}

const LAYER: &str = "vectors/os8x8_s8_acc32/layer";

/// A copy of a bundle, damaged, is refused with these words.
fn damaged(damage: impl FnOnce(&Path), words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let bundle = copied(Path::new(LAYER), &folder.path().join("bundle"));
    damage(&bundle);
    refused(&[&bundle], words);
}

#[test]
fn damaged_data_files_are_refused_with_their_line() {
    let beats = fs::read(Path::new(LAYER).join("beats_in.hex")).unwrap();
    let line = beats.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let with = |at: usize, byte: u8| {
        let mut bytes = beats.clone();
        bytes[at] = if bytes[at] == byte { b'0' } else { byte };
        bytes
    };
    let put = |bytes: Vec<u8>| move |b: &Path| fs::write(b.join("beats_in.hex"), bytes).unwrap();
    damaged(put(with(2 * line, b'g')), &["beats_in.hex:3:1", "digit"]);
    damaged(put(with(2 * line - 1, b'0')), &["beats_in.hex:2:", "line ends"]);
    // The last digit holds the flags `first` and `last`, and some of the channel's number.
    let flags = with(2 * line - 2, b'f');
    damaged(|b| forge(b, "beats_in.hex", &flags), &["beats_in.hex:2:1", "is no beat 1 of tile 0"]);
    damaged(put(beats[..beats.len() - line].to_vec()), &["beats_in.hex", "bytes"]);
    damaged(|b| fs::remove_file(b.join("beats_in.hex")).unwrap(), &["beats_in.hex"]);
    damaged(
        |b| {
            fs::remove_file(b.join("beats_in.hex")).unwrap();
            fs::create_dir(b.join("beats_in.hex")).unwrap();
        },
        &["beats_in.hex", "is no file"],
    );
    damaged(|b| fs::write(b.join("expected.hex"), "0\n").unwrap(), &["expected.hex", "manifest.json names"]);
    damaged(|b| forge(b, "expected.hex", b"0\n"), &["expected.hex", "is not what goldpath makes"]);
}

#[test]
fn manifests_that_say_something_else_are_refused() {
    let with = |key: &'static str, value: Value| move |b: &Path| edit(b, |m| m[key] = value);
    let shape = |m: u64, k: u64, n: u64, groups: u64| {
        with("shape", json!({ "images": 2, "groups": groups, "m": m, "k": k, "n": n }))
    };
    damaged(shape(3, 32, 10, 1), &["manifest.json", "beats_in.hex", "records"]);
    damaged(shape(1, 0, 10, 1), &["manifest.json", "K = 0"]);
    damaged(shape(1, 32, 10, 0), &["manifest.json", "groups = 0"]);
    damaged(shape(1, 32, 1 << 40, 1), &["manifest.json", "too large"]);
    damaged(shape(20_000, 1, 20_000, 1), &["manifest.json", "GiB", "--max-memory"]);
    damaged(with("cycles", json!(7)), &["manifest.json", "header.hex"]);
    damaged(with("columns", json!(4)), &["manifest.json", "columns"]);
    damaged(|b| edit(b, |m| m["design"]["sha256"] = json!("0")), &["design.toml", "hashes differ"]);
    damaged(|b| edit(b, |m| m["design"]["name"] = json!("no_such_design")), &["no_such_design"]);
    let other = manifest(Path::new("vectors/mac_s8_acc32/layer"));
    damaged(with("beats_in", other["beats_in"].clone()), &["manifest.json", "beats"]);
    damaged(
        |b| edit(b, |m| drop(m["parameters"].as_array_mut().unwrap().pop())),
        &["manifest.json", "parameters"],
    );
    damaged(|b| fs::write(b.join("manifest.json"), "{}").unwrap(), &["manifest.json"]);
}

#[test]
fn folders_that_are_none_and_bundles_of_other_designs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let layer = Path::new(LAYER);
    refused(&[Path::new("hw_models")], &["hw_models/manifest.json", "`goldpath vectors`"]);
    refused(&[Path::new("no/such/folder")], &["no/such/folder"]);
    let others = [layer, Path::new("vectors/mac_s8_acc32/layer")];
    refused(&others, &["vectors/mac_s8_acc32/layer", "mac_s8_acc32", "os8x8"]);
    let narrow = written(
        "os8x8_s8_acc32",
        "--case random --shape 2,2,2 --set accumulator.width=20",
        folder.path().join("narrow"),
    );
    refused(&[layer, &narrow], &["narrow", "--set accumulator.width=20", "one design"]);
}

/// In this process: the exit status, `None` after a panic.
fn status_of(bundle: &Path) -> (Option<u8>, String) {
    static HEARD: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    let lock = || HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    lock().clear();
    let typed = ["goldpath".into(), "strength".into(), bundle.as_os_str().to_owned()];
    let status = catch_unwind(|| goldpath::cli::in_process(typed.map(OsString::from), &HEARD));
    (status.unwrap_or(None), text(&lock()))
}

/// Whatever digit of a data file is another one, with a manifest that says it belongs there: the other files contradict it.
#[test]
fn every_edited_digit_is_noticed_though_its_hash_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 7_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let designs = [("mac_s8_acc16sat", "3,9,2"), ("tree8_s8_acc24", "3,19,2"), ("os8x8_s8_acc32", "7,6,10")];
    let whole = designs.map(|(design, shape)| {
        let words = format!("--case random --shape {shape} --strength none");
        written(design, &words, folder.path().join(design))
    });
    assert!(whole.iter().all(|bundle| status_of(bundle).0 == Some(0)));
    for round in 0..150 {
        let bundle = copied(&whole[round % 3], &folder.path().join("edited"));
        let name =
            ["beats_in.hex", "channels.hex", "stimulus.hex", "beats_out.hex", "expected.hex", "header.hex"]
                [draw(6)];
        let mut bytes = fs::read(bundle.join(name)).unwrap();
        let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != b'\n').collect();
        let at = digits[draw(digits.len())];
        let digit = b"0123456789abcdef"[draw(16)];
        bytes[at] = if digit == bytes[at] { digit ^ 1 } else { digit };
        if !bytes[at].is_ascii_hexdigit() {
            continue;
        }
        forge(&bundle, name, &bytes);
        let (status, said) = status_of(&bundle);
        assert_eq!(status, Some(2), "{name}, byte {at}: {said}");
        assert!(said.contains("edited"), "no place: {said}");
    }
}
