//! `goldpath sweep` as typed: kills, shards, threads, costs, and bad input.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use goldpath::explore::Sweep;
use goldpath::explore::answer::{Outcome, Point};
use tempfile::TempDir;

use super::{models, root};

/// The committed CNN on an 8 × 8 array.
fn cnn(extra: &[&str], out: &Path) -> Command {
    sweep("cnn_s8_qoperator.onnx", "cnn_inputs.npy", "os8x8_s8_acc32", extra, out)
}

fn sweep(model: &str, input: &str, design: &str, extra: &[&str], out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_goldpath"));
    command.arg("sweep").arg(models().join(model)).arg("--input").arg(models().join(input));
    command.arg("--design").arg(root().join("hw_models").join(design));
    command.args(["--labels"]).arg(models().join("labels.npy")).args(extra).arg("--out").arg(out);
    command
}

fn done(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Exit status 2, and everything that was said.
fn refused(mut command: Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{said}");
    said
}

/// Every file of a folder, by its path from there.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            files.extend(
                tree(&entry.path()).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)),
            );
        } else {
            files.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
    files
}

fn same(a: &Path, b: &Path) {
    let (a, b) = (tree(a), tree(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    let other: Vec<&String> =
        a.iter().filter(|(name, bytes)| b[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(other.is_empty(), "other bytes in {other:?}");
}

fn report(folder: &Path) -> Sweep {
    serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap()
}

const SMALL: [&str; 4] = ["--images", "0..6", "--widths", "14..22"];

/// Kills the sweep as soon as some pieces are there; how many there were.
fn killed(mut command: Command, out: &Path) -> usize {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pieces = || std::fs::read_dir(out.join("pieces")).map_or(0, |pieces| pieces.count());
    while pieces() < 3 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!out.join("report.json").exists(), "it ended before it was killed");
    pieces()
}

#[test]
fn killed_sharded_and_single_threaded_sweeps_give_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = done(cnn(&SMALL, &path("whole")));
    assert!(text.contains("minimal width 22 proved") && text.contains("networks run, 0 of them"), "{text}");
    let (text, _) = text.split_once("\nanswer: ").unwrap();
    assert_eq!(text.as_bytes(), std::fs::read(path("whole").join("report.txt")).unwrap());

    let pieces = killed(cnn(&SMALL, &path("killed")), &path("killed"));
    println!("killed after {pieces} of 19 pieces");
    let mut again = cnn(&SMALL, &path("killed"));
    let output = again.env("RAYON_NUM_THREADS", "1").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("pieces are there already"));
    same(&path("whole"), &path("killed"));

    let mut merge = Command::new(env!("CARGO_BIN_EXE_goldpath"));
    merge.args(["sweep", "merge"]);
    for shard in ["1/3", "3/3"] {
        let out = path(&format!("shard {}", &shard[..1]));
        let said = done(cnn(&[&SMALL[..], &["--shard", shard]].concat(), &out));
        assert!(said.contains("of 19 pieces") && !out.join("report.json").exists(), "{said}");
        merge.arg(&out);
    }
    let mut early = Command::new(merge.get_program());
    early.args(merge.get_args()).arg("--out").arg(path("early"));
    let said = refused(early);
    assert!(said.contains("6 pieces are missing") && !path("early").exists(), "{said}");
    done(cnn(&[&SMALL[..], &["--shard", "2/3"]].concat(), &path("shard 2")));
    merge.arg(path("shard 2")).arg("--out").arg(path("merged"));
    done(merge);
    same(&path("whole"), &path("merged"));
    a_folder_of_another_sweep_is_refused(&path("whole"));
}

fn a_folder_of_another_sweep_is_refused(whole: &Path) {
    let before = tree(whole);
    let said = refused(cnn(&["--images", "0..6", "--widths", "14..23"], whole));
    assert!(said.contains("--widths differs") && said.contains("plan.json"), "{said}");
    let said = refused(cnn(&[&SMALL[..], &["--set", "array.rows=4"]].concat(), whole));
    assert!(said.contains("the design differs"), "{said}");
    assert!(tree(whole) == before);
    let piece = whole.join("pieces/v0000_15_wrap.json");
    let text = String::from_utf8(before["pieces/v0000_15_wrap.json"].clone()).unwrap();
    for bad in [text[..text.len() / 2].to_owned(), text.replace("{\"plan\":\"", "{\"plan\":\"0")] {
        std::fs::write(&piece, bad).unwrap();
        let said = refused(cnn(&SMALL, whole));
        assert!(said.contains("v0000_15_wrap.json"), "{said}");
    }
    std::fs::remove_file(&piece).unwrap();
    done(cnn(&SMALL, whole));
    assert!(tree(whole) == before);
}

/// The bias in front of or behind the accumulator, and two sizes of the array: four variants of one sweep.
#[test]
fn bias_position_and_array_size_are_dimensions() {
    const POST: &str = "post=[{step=\"bias\"},{step=\"multiply\",value=\"multiplier\"},\
                        {step=\"shift_right\",value=\"shift\",rounding=\"half_up\",format=\"s32\",overflow=\"wrap\"},\
                        {step=\"zero_point\"},{step=\"clamp\",min=\"low\",max=\"high\",format=\"s8\"}]";
    const PARAMETERS: &str = "parameters={bias={format=\"s32\",per=\"channel\"},\
                              multiplier={format=\"s32\",per=\"channel\",min=0},\
                              shift={format=\"u6\",per=\"channel\",max=62},\
                              low={format=\"s8\"},high={format=\"s8\"}}";
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let start = format!("accumulator.start=bias,zero;{POST};{PARAMETERS}");
    let extra = ["--images", "0..2", "--widths", "17,19,24", "--modes", "saturate"];
    let vary = ["--vary", &start, "--vary", "array.rows=4,8"];
    done(cnn(&[&extra[..], &vary].concat(), &out));
    let sweep = report(&out);
    assert_eq!(sweep.variants.len(), 4);
    assert_eq!(sweep.variants[2].settings["accumulator.start"], "zero");
    let layers = |v: usize| {
        sweep.variants[v].layers.done().unwrap_or_else(|| panic!("{:?}", sweep.variants[v].layers))
    };
    let answers: Vec<_> = (0..4).map(|v| layers(v).answers.clone()).collect();
    assert!(
        answers.iter().all(|a| *a == answers[0]),
        "the exact network does not depend on where the bias enters"
    );
    let observed: Vec<u32> = (0..4).map(|v| layers(v).minimal_observed_width).collect();
    println!("minimal observed widths: {observed:?}");
    assert_eq!((observed[0], observed[2]), (observed[1], observed[3]));
    // The bias holds the zero point's share of the products, which it takes back from the start.
    assert!(observed[2] > observed[0], "a bias added last needs a wider accumulator here");
    let bits = |v: usize| match &sweep.variants[v].points[0] {
        Point { result: Outcome::Done(result), .. } => result.cost.bits(),
        point => panic!("{point:?}"),
    };
    assert_eq!(bits(1), 2 * bits(0));
    let front = &sweep.fronts[0];
    assert!(front.points.iter().all(|p| p.variant % 2 == 0), "the smaller array is cheaper: {front:?}");
    let schema = done({
        let mut command = Command::new(env!("CARGO_BIN_EXE_goldpath"));
        command.args(["schema", "sweep"]);
        command
    });
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert!(schema["properties"]["variants"].is_object() && schema["$defs"]["PointResult"].is_object());
}

/// The answer is said in a sentence, with the place of its page; a report of another build is not called a changed one.
#[test]
fn a_sweep_says_its_answer_and_where_its_page_is() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let extra = ["--images", "0..1", "--widths", "16", "--modes", "wrap"];
    let ask = || sweep("mlp_s8_qoperator.onnx", "mlp_inputs.npy", "mac_s8_acc16sat", &extra, &out);
    let said = done(ask());
    let page = out.join("report.html");
    assert!(said.contains("\nanswer: On 1 image "), "{said}");
    assert!(said.ends_with(&format!("page: {}\n", page.display())), "{said}");
    let text = std::fs::read_to_string(&page).unwrap();
    std::fs::write(&page, text.replace("</html>", "<!-- another build's --></html>")).unwrap();
    let said = refused(ask());
    assert!(said.contains("report.html") && said.contains("another build of goldpath wrote it"), "{said}");
    // What the help says is so.
    ["report.html", "report.json", "report.txt"]
        .iter()
        .for_each(|name| std::fs::remove_file(out.join(name)).unwrap());
    done(ask());
    assert_eq!(std::fs::read_to_string(&page).unwrap(), text);
}

/// Yosys on the smallest twin at one width: its own rule has cells, another rule is another circuit.
#[test]
fn the_twin_is_synthesised_where_it_is_the_design() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let extra = ["--images", "0..1", "--widths", "12", "--cost", "yosys"];
    done(sweep("mlp_s8_qoperator.onnx", "mlp_inputs.npy", "mac_s8_acc16sat", &extra, &out));
    let sweep = report(&out);
    let cells: Vec<_> =
        sweep.variants[0].points.iter().map(|p| p.result.done().unwrap().cost.synthesis).collect();
    let why = sweep.variants[0].points[0].result.done().unwrap().not_synthesised.clone();
    let told = "accumulator.overflow=wrap changes the design, but no Verilog parameter of its twin";
    assert_eq!(why.as_deref(), Some(told));
    for page in ["report.txt", "report.html"] {
        let text = std::fs::read_to_string(out.join(page)).unwrap();
        assert!(text.contains(told), "{page} does not say why there are no cells");
    }
    let (wrap, saturate) = (cells[0], cells[1].expect("the twin saturates"));
    println!("12 bits: {} flip-flops, {} LUTs", saturate.flip_flops, saturate.luts);
    assert_eq!(wrap, None);
    assert!(saturate.flip_flops >= 12 && saturate.luts >= 12, "{saturate:?}");
    assert_eq!(
        sweep.fronts.iter().map(|f| f.cost.as_str()).collect::<Vec<_>>(),
        ["bits", "flip_flops", "luts"]
    );
}

#[test]
fn bad_input_is_refused_and_nothing_is_written() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let bad = |extra: &[&str], parts: &[&str]| {
        let said = refused(cnn(extra, &out));
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in:\n{said}");
        }
        assert!(!out.exists(), "something was written");
    };
    bad(&["--widths", "9..8"], &["--widths", "1 to 64"]);
    bad(&["--modes", "round"], &["--modes", "saturate_symmetric"]);
    bad(&["--shard", "0/4"], &["--shard", "from 1 to N"]);
    bad(&["--images", "60..65"], &["--images 60..65", "0..64"]);
    bad(&["--set", "accumulator.nonsense=1"], &["--set accumulator.nonsense", "nonsense"]);
    bad(&["--vary", "accumulator.nonsense=1,2"], &["nonsense"]);
    bad(&["--vary", "accumulator.width=8,9"], &["--vary accumulator.width", "--widths"]);
    bad(&["--vary", "array.rows=2", "--vary", "array.rows=4"], &["--vary array.rows", "twice"]);
    bad(&["--set", "operands.weight.width=4"], &["conv1_quant", "weight"]);
    let other = |model: &str, input: &str, design: &str, extra: &[&str], parts: &[&str]| {
        let said = refused(sweep(model, input, design, extra, &out));
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in:\n{said}");
        }
        assert!(!out.exists(), "something was written");
    };
    other("absent.onnx", "cnn_inputs.npy", "mac_s8_acc32", &[], &["absent.onnx", "cannot read"]);
    other("cnn_s8_qdq.onnx", "mlp_inputs.npy", "mac_s8_acc32", &[], &["cnn_s8_qdq.onnx", "shape"]);
    other("cnn_s8_qdq.onnx", "cnn_inputs.npy", "absent", &[], &["absent"]);
    let labels = folder.path().join("labels.npy");
    let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }\n";
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    let bytes = [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), &[0; 24]].concat();
    std::fs::write(&labels, bytes).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_goldpath"));
    command
        .arg("sweep")
        .arg(models().join("cnn_s8_qdq.onnx"))
        .arg("--input")
        .arg(models().join("cnn_inputs.npy"));
    command.arg("--design").arg(root().join("hw_models/mac_s8_acc32")).arg("--labels").arg(&labels);
    let said = refused({
        command.arg("--out").arg(&out);
        command
    });
    assert!(said.contains("labels.npy") && said.contains("3 labels") && !out.exists(), "{said}");
    costs_that_nobody_can_say(folder.path(), &out);
}

fn costs_that_nobody_can_say(folder: &Path, out: &Path) {
    let mut without = cnn(&["--cost", "yosys"], out);
    let said = refused({
        without.env("PATH", folder);
        without
    });
    assert!(
        said.contains("yosys is not installed") && said.contains("--cost bits") && !out.exists(),
        "{said}"
    );
    let design = folder.join("design.toml");
    std::fs::copy(root().join("hw_models/mac_s8_acc32/design.toml"), &design).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_goldpath"));
    command
        .arg("sweep")
        .arg(models().join("cnn_s8_qdq.onnx"))
        .arg("--input")
        .arg(models().join("cnn_inputs.npy"));
    command.args(["--cost", "yosys", "--design"]).arg(&design).arg("--out").arg(out);
    let said = refused(command);
    assert!(said.contains("files.f") && said.contains("twin") && !out.exists(), "{said}");
    let file = folder.join("file");
    std::fs::write(&file, "mine").unwrap();
    let said = refused(cnn(&[], &file));
    assert!(said.contains("is a file"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    let mut nothing = Command::new(env!("CARGO_BIN_EXE_goldpath"));
    nothing.args(["sweep", "merge"]).arg(folder.join("absent")).arg("--out").arg(out);
    assert!(refused(nothing).contains("plan.json") && !out.exists());
    let mut nothing = Command::new(env!("CARGO_BIN_EXE_goldpath"));
    nothing.args(["sweep", "model.onnx"]);
    assert!(refused(nothing).contains("--design"));
}
