//! What a design's key makes of the files of `goldpath run`.

use std::path::Path;

use assert_cmd::Command;
use goldpath::import::npy::read_npy;
use goldpath::wave::npy_header;

const DESIGN: &str = r#"schema = 1
name = "mac"
post = [{ step = "float_scale", value = "factor", rounding = "half_even", format = "s8", overflow = "saturate" }]

[operands]
activation = { width = 8, signed = true, recode = "minus_128" }
weight = { width = 8, signed = true }

[accumulator]
width = 32
signed = true
overflow = "wrap"
start = "overwrite"

[array]
dataflow = "sequential"

[parameters]
factor = { format = "s32", per = "channel" }
"#;

/// Runs `a.npy` (`descr`, one element) times 3 and -1, with float32 factors under `key`.
fn run(descr: &str, element: u8, key: &str, factors: [f32; 2]) -> (Vec<i64>, Vec<i64>) {
    let folder = tempfile::tempdir().unwrap();
    let output = output(folder.path(), descr, element, key, factors);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (values(folder.path(), "acc.npy"), values(folder.path(), "out.npy"))
}

fn output(folder: &Path, descr: &str, element: u8, key: &str, factors: [f32; 2]) -> std::process::Output {
    use std::io::Write;
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    write("d.toml", DESIGN.as_bytes());
    write("a.npy", &[&npy_header(descr, &[1, 1])[..], &[element]].concat());
    write("w.npy", &[&npy_header("|i1", &[1, 2])[..], &[3, 255]].concat());
    let mut archive = zip::ZipWriter::new(std::fs::File::create(folder.join("p.npz")).unwrap());
    archive.start_file(format!("{key}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(&npy_header("<f4", &[2])).unwrap();
    factors.iter().for_each(|f| archive.write_all(&f.to_le_bytes()).unwrap());
    archive.finish().unwrap();
    let arguments = ["run", "d.toml", "--activations", "a.npy", "--weights", "w.npy"];
    let more = ["--params", "p.npz", "--out", "out"];
    let mut command = Command::cargo_bin("goldpath").unwrap();
    command.args(arguments).args(more).current_dir(folder).output().unwrap()
}

fn values(folder: &Path, name: &str) -> Vec<i64> {
    read_npy(&folder.join("out").join(name)).unwrap().to_i64().unwrap().into_iter().collect()
}

#[test]
fn float_scales_may_be_negative_and_have_any_name() {
    for key in ["factor", "post.0"] {
        // 10 * 3 * -1.5 = -45; 10 * -1 * 0.25 = -2.5, a tie.
        assert_eq!(run("|i1", 10, key, [-1.5, 0.25]), (vec![30, -10], vec![-45, -2]));
    }
}

#[test]
fn a_factor_that_is_no_finite_number_is_refused() {
    for (bad, said) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let folder = tempfile::tempdir().unwrap();
        let output = output(folder.path(), "|i1", 10, "factor", [1.0, bad]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        let words = ["p.npz", "factor", said, "finite number"];
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
        assert!(!folder.path().join("out").exists());
    }
}

/// `recode = "minus_128"`: the codes of a u8 tensor enter a signed operand less 128, those of an s8 one as they are.
#[test]
fn recode_takes_u8_tensors() {
    assert_eq!(run("|u1", 255, "factor", [1.0, 1.0]).0, [381, -127]);
    assert_eq!(run("|u1", 0, "factor", [1.0, 1.0]).0, [-384, 128]);
    assert_eq!(run("|i1", 127, "factor", [1.0, 1.0]).0, [381, -127]);
}
