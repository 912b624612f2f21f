//! Networks of as many nodes as are taken: what passes over a graph cost, in time and in memory.
//!
//! Time is that of the processor, so that a busy machine does not matter: a few seconds, where passes that look through
//! the nodes for each node took 30 to 90, or hours.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use goldpath::limits::MAX_NODES;

use crate::bytes::{field, model, node, npy, tensor, value_info};
use crate::{assert_refused, root};

const MAC: &str = "hw_models/mac_s8_acc32";

/// Processor time that one run may take: 3 s are needed.
const LONGEST: Duration = Duration::from_secs(15);

/// Scale 1, zero point 0, and a weight of 1, all of one element.
fn constants(scale: &str) -> Vec<Vec<u8>> {
    let one = 1f32.to_le_bytes();
    vec![tensor(scale, 1, &[], &one), tensor("z", 3, &[], &[0]), tensor("w", 3, &[1, 1], &[1])]
}

/// A model of one int8 input `t0` and one output.
fn network(nodes: &[Vec<u8>], scale: &str, output: (&str, u64)) -> Vec<u8> {
    let answer = value_info(output.0, output.1, &[1, 1]);
    model(nodes, &constants(scale), &[value_info("t0", 3, &[1, 1])], &[answer])
}

/// A chain of QLinearMatMul.
fn layers(count: usize) -> Vec<u8> {
    let one = |i: usize| {
        let (read, written) = (format!("t{i}"), format!("t{}", i + 1));
        let inputs = [read.as_str(), "s", "z", "w", "s", "z", "s", "z"];
        node("QLinearMatMul", &format!("l{i}"), &inputs, &[&written], &[])
    };
    let nodes: Vec<Vec<u8>> = (0..count).map(one).collect();
    network(&nodes, "s", (&format!("t{count}"), 3))
}

/// A chain of DequantizeLinear, MatMul, QuantizeLinear.
fn qdq(count: usize) -> Vec<u8> {
    let mut nodes = vec![node("DequantizeLinear", "dw", &["w", "s", "z"], &["wf"], &[])];
    let layers = (count - 1) / 3;
    for i in 0..layers {
        let (t, f, y, next) = (format!("t{i}"), format!("f{i}"), format!("y{i}"), format!("t{}", i + 1));
        nodes.push(node("DequantizeLinear", "", &[&t, "s", "z"], &[&f], &[]));
        nodes.push(node("MatMul", &format!("l{i}"), &[&f, "wf"], &[&y], &[]));
        nodes.push(node("QuantizeLinear", "", &[&y, "s", "z"], &[&next], &[]));
    }
    network(&nodes, "s", (&format!("t{layers}"), 3))
}

/// One DequantizeLinear, `moves` of its tensor in a chain, and MatMuls that all read the last.
fn fan(count: usize, moves: usize, scale: &str) -> Vec<u8> {
    let mut nodes = vec![
        node("DequantizeLinear", "dw", &["w", scale, "z"], &["wf"], &[]),
        node("DequantizeLinear", "dx", &["t0", scale, "z"], &["m0"], &[]),
    ];
    for i in 0..moves {
        nodes.push(node("Identity", "", &[&format!("m{i}")], &[&format!("m{}", i + 1)], &[]));
    }
    let layers = count - nodes.len();
    for i in 0..layers {
        let (read, written) = (format!("m{moves}"), format!("y{i}"));
        nodes.push(node("MatMul", &format!("l{i}"), &[&read, "wf"], &[&written], &[]));
    }
    network(&nodes, scale, (&format!("y{}", layers - 1), 1))
}

/// How a run of the program ended.
#[derive(Debug)]
struct Ran {
    /// None where it took too long.
    status: Option<i32>,
    said: String,
    errors: String,
    /// Processor time of all threads, where the system says it.
    took: Duration,
    /// The most memory it ever held, where the system says it.
    peak_mib: u64,
}

/// Runs the program for as long as it may take.
fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let (said, errors) = (folder.join("said"), folder.join("errors"));
    let file = |path: &Path| Stdio::from(fs::File::create(path).unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_goldpath"))
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(file(&said))
        .stderr(file(&errors))
        .spawn()
        .unwrap();
    let (began, mut took, mut peak_mib) = (Instant::now(), Duration::ZERO, 0);
    let status = loop {
        took = took.max(time_of(child.id()));
        peak_mib = peak_mib.max(peak_of(child.id()));
        match child.try_wait().unwrap() {
            Some(status) => break status.code(),
            None if took > LONGEST || began.elapsed() > 20 * LONGEST => {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    Ran { status, said: text(&said), errors: text(&errors), took, peak_mib }
}

/// Processor time of a child that still runs.
fn time_of(child: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    // Behind the name in parentheses; utime and stime, in hundredths of a second.
    let fields = stat.rsplit_once(')').map_or("", |(_, behind)| behind).split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The most memory of a child that still runs.
fn peak_of(child: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap_or(0) / 1024
}

/// Checks and infers a model of [`MAX_NODES`] nodes, in a memory of 512 MiB.
fn assert_quick(bytes: &[u8], layers: usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(file("m.onnx"), bytes).unwrap();
    fs::write(file("x.npy"), npy("|i1", "(1, 1)", &[3])).unwrap();
    let (m, x, o) = (file("m.onnx"), file("x.npy"), file("o"));
    let check = ["--max-memory", "512M", "check", MAC, "--model", &m];
    let infer = ["--max-memory", "512M", "infer", &m, "--input", &x, "--out", &o];
    for arguments in [&check[..], &infer] {
        let ran = run(folder.path(), arguments);
        assert_eq!(ran.status, Some(0), "{arguments:?} after {:?}: {}", ran.took, ran.errors);
        assert!(ran.peak_mib < 512, "{arguments:?} held {} MiB", ran.peak_mib);
        println!("{}: {:?}, {} MiB", arguments[2], ran.took, ran.peak_mib);
        if arguments == check {
            assert_eq!(ran.said.matches(": K = 1, 1 channels").count(), layers);
        }
    }
}

#[test]
fn as_many_integer_layers_as_are_taken_take_seconds() {
    assert_quick(&layers(MAX_NODES), MAX_NODES);
}

#[test]
fn as_many_layers_between_dequantize_and_quantize_as_are_taken_take_seconds() {
    assert_quick(&qdq(MAX_NODES), (MAX_NODES - 1) / 3);
}

#[test]
fn as_many_readers_of_one_tensor_as_are_taken_take_seconds() {
    assert_quick(&fan(MAX_NODES, 0, "s"), MAX_NODES - 2);
}

#[test]
fn as_many_layers_behind_as_many_moves_as_are_taken_take_seconds_and_little_memory() {
    assert_quick(&fan(MAX_NODES, MAX_NODES / 2 - 1, "s"), MAX_NODES / 2 - 1);
}

#[test]
fn a_long_name_that_every_layer_shares_is_not_copied_beyond_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    fs::write(&path, fan(10_000, 0, &"s".repeat(1 << 20))).unwrap();
    let m = path.display().to_string();
    let check = ["--max-memory", "512M", "check", MAC, "--model", &m];
    let ran = run(folder.path(), &check);
    assert!(ran.peak_mib < 512, "{ran:?}");
    assert_eq!(ran.status, Some(2), "{}", ran.errors);
    assert!(ran.errors.contains("names of up to 1048576 bytes"), "{}", ran.errors);
}

/// An empty message is two bytes in the file and some hundred in memory.
#[test]
fn messages_are_counted_before_they_are_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    let m = path.display().to_string();
    let check = ["--max-memory", "256M", "check", MAC, "--model", &m];
    let many = 4 << 20;
    // Nodes; attributes of one, and strings of one of these; initialisers, and where one of them is kept; the model's
    // inputs; sparse initialisers.
    let one_node = |tag: u64| field(1, &field(tag, &[]).repeat(many));
    let graphs = [
        (field(1, &[]).repeat(many), "4194304 nodes"),
        (one_node(5), "more than 256 MiB"),
        (field(1, &field(5, &field(9, &[]).repeat(many))), "more than 256 MiB"),
        (field(5, &[]).repeat(many), "more than 256 MiB"),
        (field(5, &field(13, &[]).repeat(many)), "more than 256 MiB"),
        (field(11, &[]).repeat(many), "more than 256 MiB"),
        (field(15, &[]).repeat(many), "more than 256 MiB"),
    ];
    for (graph, word) in graphs {
        fs::write(&path, field(7, &graph)).unwrap();
        let ran = run(folder.path(), &check);
        assert!(ran.peak_mib < 128, "{word}: {} MiB", ran.peak_mib);
        assert_eq!(ran.status, Some(2), "{}", ran.errors);
        assert!(ran.errors.contains(word), "{}", ran.errors);
    }
    fs::write(&path, field(7, &field(1, &[]).repeat(MAX_NODES + 1))).unwrap();
    assert_refused(&check, &["32769 nodes", "32768"]);
}
