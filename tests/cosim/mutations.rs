//! Bundles that somebody changed: none passes unless what is compared is the same, none hangs, all are answered.

use std::fs;
use std::path::Path;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin_cmd;
use goldpath::vectors::{Manifest, manifest, sha256};

const BUNDLE: &str = "tests/cosim/bundles/saturating";
const HEX: [&str; 6] =
    ["stimulus.hex", "expected.hex", "beats_in.hex", "beats_out.hex", "channels.hex", "header.hex"];
const TEXTS: [&str; 3] = ["tb.sv", "design.vh", "manifest.json"];
const SEED: u64 = 20;

/// SplitMix64: the same mutations everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

fn copy_to(folder: &Path) {
    for name in HEX.iter().chain(&TEXTS) {
        fs::copy(Path::new(BUNDLE).join(name), folder.join(name)).unwrap();
    }
}

const MUTATIONS: [&str; 12] = [
    "bit",
    "digit",
    "byte",
    "truncated",
    "empty",
    "lines swapped",
    "line repeated",
    "CRLF",
    "upper case",
    "x",
    "z",
    "_",
];

/// The content after one mutation; the same content where it does not apply.
fn mutate(kind: &str, bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut new = bytes.to_vec();
    let at = random.below(new.len());
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    let digit_at = (at..new.len()).chain(0..at).find(|i| new[*i].is_ascii_hexdigit()).unwrap();
    match kind {
        "bit" => new[at] ^= 1 << random.below(8),
        "digit" => new[digit_at] = b"0123456789abcdef"[random.below(16)],
        "byte" => new[at] = random.below(256) as u8,
        "truncated" => new.truncate(at),
        "empty" => new.clear(),
        "lines swapped" => {
            let mut lines = lines;
            let (a, b) = (random.below(lines.len()), random.below(lines.len()));
            lines.swap(a, b);
            new = lines.concat();
        }
        "line repeated" => {
            let mut lines = lines;
            let a = random.below(lines.len());
            lines.insert(a, lines[a]);
            new = lines.concat();
        }
        "CRLF" => {
            new = lines.iter().flat_map(|l| [l.strip_suffix(b"\n").unwrap_or(l), b"\r\n"].concat()).collect()
        }
        "upper case" => new.make_ascii_uppercase(),
        digit => new[digit_at] = digit.as_bytes()[0],
    }
    new
}

/// Exit status and words; a hang fails.
fn cosim(folder: &Path, simulator: &str) -> (i32, String) {
    let mut command = cargo_bin_cmd!("goldpath");
    command.args(["cosim", "--simulator", simulator, "--timeout", "60"]).arg(folder);
    let output = command.timeout(Duration::from_secs(120)).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}

/// A failure with its reason or an error with its place; never a crash.
fn answered(status: i32, text: &str) -> bool {
    match status {
        1 => text.contains("FAIL, "),
        2 => text.contains("error: ") && !text.contains("panicked"),
        _ => false,
    }
}

/// What a run of the twin depends on: all but what is only there to be read.
fn essential(folder: &Path) -> Option<Manifest> {
    let mut m = manifest::read(folder).ok()?;
    m.generator.clear();
    m.source = Default::default();
    m.design.verilog.clear();
    (m.shape.images, m.shape.groups, m.shape.m, m.shape.k, m.shape.n) = (0, 0, 0, 0, 0);
    m.values = 0;
    m.timing.clear();
    m.packing.clear();
    m.flags.clear();
    m.run.clear();
    m.events = None;
    m.strength = None;
    for file in m.files.values_mut() {
        (file.holds, file.sum, file.words_per_record, file.word_bits, file.records) =
            (None, None, None, None, None);
    }
    for signal in &mut m.signals {
        (signal.port, signal.node, signal.role) = (None, String::new(), String::new());
    }
    for parameter in &mut m.parameters {
        (parameter.port, parameter.per) = (String::new(), String::new());
    }
    Some(m)
}

/// The manifest believes the new content: now only the testbench can see it.
fn repair_hash(folder: &Path, name: &str, new: &[u8]) {
    let old = fs::read(Path::new(BUNDLE).join(name)).unwrap();
    let path = folder.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(&sha256(&old)));
    fs::write(&path, text.replace(&sha256(&old), &sha256(new))).unwrap();
}

/// Mutates one file in every way, and answers how many runs failed, were refused, and passed as they may.
fn attack(names: &[&str], kinds: &[&str], simulator: &str, repair: bool) {
    let mut random = Random(SEED);
    let mut counts = [0; 3];
    for name in names {
        for kind in kinds {
            let folder = tempfile::tempdir().unwrap();
            copy_to(folder.path());
            let old = fs::read(folder.path().join(name)).unwrap();
            let new = mutate(kind, &old, &mut random);
            if new == old {
                continue;
            }
            fs::write(folder.path().join(name), &new).unwrap();
            if repair {
                repair_hash(folder.path(), name, &new);
            }
            let (status, text) = cosim(folder.path(), simulator);
            let what = format!(
                "seed {SEED}, {name}, {kind}, hash repaired: {repair}, {simulator}: {status}\n{text}"
            );
            match status {
                0 => {
                    let original = essential(Path::new(BUNDLE));
                    assert!(*name == "manifest.json" && essential(folder.path()) == original, "{what}");
                }
                _ => assert!(answered(status, &text), "{what}"),
            }
            counts[usize::try_from(status).unwrap()] += 1;
        }
    }
    let [same, failed, refused] = counts;
    println!(
        "seed {SEED}, {simulator}, hash repaired: {repair}: {failed} failed, {refused} refused, {same} the same"
    );
    assert!(failed + refused > 0);
}

#[test]
fn changed_files_never_pass_in_icarus() {
    attack(&HEX, &MUTATIONS, "icarus", false);
    attack(&["tb.sv", "design.vh"], &MUTATIONS[..6], "icarus", false);
}

#[test]
fn changed_manifests_pass_only_where_nothing_depends_on_it() {
    // More than half of a manifest says how strong the bundle is, which is there to be read.
    attack(&["manifest.json"; 16], &MUTATIONS[..5], "icarus", false);
}

#[test]
fn files_that_the_manifest_believes_are_caught_by_the_testbench() {
    attack(&HEX, &["digit", "truncated", "lines swapped", "line repeated", "_"], "icarus", true);
    attack(&HEX, &["digit", "x", "line repeated"], "verilator", true);
}

#[test]
fn header_counts_are_not_believed() {
    let header = fs::read_to_string(Path::new(BUNDLE).join("header.hex")).unwrap();
    let lines: Vec<&str> = header.lines().collect();
    for at in 0..lines.len() {
        for count in ["00000000", "00000001", "7fffffff", "ffffffff"] {
            if lines[at] == count {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            copy_to(folder.path());
            let mut new = lines.clone();
            new[at] = count;
            let new = new.join("\n") + "\n";
            fs::write(folder.path().join("header.hex"), &new).unwrap();
            repair_hash(folder.path(), "header.hex", new.as_bytes());
            let (status, text) = cosim(folder.path(), if at == 2 { "all" } else { "icarus" });
            assert!(status != 0 && answered(status, &text), "word {at} = {count}: {status}\n{text}");
        }
    }
}

#[test]
fn a_missing_file_is_missed() {
    for name in HEX.iter().chain(&TEXTS) {
        let folder = tempfile::tempdir().unwrap();
        copy_to(folder.path());
        fs::remove_file(folder.path().join(name)).unwrap();
        let (status, text) = cosim(folder.path(), "icarus");
        assert!(answered(status, &text) && text.contains(name), "{name}: {status}\n{text}");
    }
}

/// A hand-made change whose sum was repaired is a mismatch at its cycle, not a complaint about hashes alone.
#[test]
fn a_repaired_sum_is_a_mismatch_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    copy_to(folder.path());
    let path = folder.path().join("expected.hex");
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(String::from).collect();
    let digits = lines[30].len();
    let last = u32::from_str_radix(&lines[30][digits - 1..], 16).unwrap();
    lines[30].replace_range(digits - 1.., &format!("{:x}", last ^ 1));
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    // Bit 0 of the word's first 32-bit chunk; chunk i of the file weighs 2i + 1.
    let path = folder.path().join("header.hex");
    let mut header: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(String::from).collect();
    let chunk = 30 * u32::try_from((digits * 4).div_ceil(32)).unwrap();
    let sum = u32::from_str_radix(&header[6], 16).unwrap();
    let weight = 2 * chunk + 1;
    let sum = if last & 1 == 0 { sum.wrapping_add(weight) } else { sum.wrapping_sub(weight) };
    header[6] = format!("{sum:08x}");
    fs::write(&path, header.join("\n") + "\n").unwrap();
    for simulator in ["icarus", "verilator"] {
        let (status, text) = cosim(folder.path(), simulator);
        assert!(status == 1 && text.contains("FAIL, mismatch (mismatches=1)"), "{text}");
        assert!(
            text.contains("first: cycle 30, ") && text.contains("warning: expected.hex is not the file"),
            "{text}"
        );
    }
}
