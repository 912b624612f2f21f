//! A network of ResNet-18's size, weights made: first its layers one by one, values, counts and all widths; then all of it
//! as a model through `goldpath overflow`. Seconds and peak memory, in a process of its own for each size of the batch.

use std::path::Path;
use std::process::Command;

use goldpath::functional::{Kernels, Options, Prepared, Tracker};
use goldpath::lower::{Convolution, Gather, Numbers, Program, Shape};
use ndarray::Array2;

use super::clock::{peak_of_children, wall_seconds};
use super::operands::{Draw, draw};
use super::ours::Hardware;
use super::peer;
use super::shapes::{CONVOLUTIONS, Product};

const BATCHES: [usize; 3] = [1, 2, 8];

/// Runs every batch in a child and prints what it says.
pub fn report(folder: &Path, quick: bool) {
    let batches = &BATCHES[..if quick { 1 } else { BATCHES.len() }];
    println!(
        "\nResNet-18's layers as convolutions, 20-bit saturate: values, counts and all widths, all threads"
    );
    batches.iter().for_each(|images| in_child("--layers", images, folder));
    println!("\nResNet-18 as a model, 20-bit saturate: goldpath overflow, all threads, reports written");
    let made = Command::new(peer::python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/gemm/resnet18.py"))
        .args([folder.join("resnet18.onnx"), folder.join("images.npy")])
        .arg(BATCHES[batches.len() - 1].to_string())
        .output();
    if made.is_ok_and(|output| output.status.success()) {
        batches.iter().for_each(|images| in_child("--model", images, folder));
    } else {
        println!("  left out: numpy and onnx are needed to make it");
    }
}

/// A process of our own, because the system tells only the largest of all children.
fn in_child(what: &str, images: &usize, folder: &Path) {
    let program = std::env::current_exe().expect("this program");
    let output =
        Command::new(program).arg(what).arg(images.to_string()).arg(folder).output().expect("a child");
    print!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
}

/// The child that runs `goldpath overflow` on some of the images.
pub fn model(images: usize, folder: &Path) {
    let all: ndarray::Array4<u8> = ndarray_npy::read_npy(folder.join("images.npy")).expect("just written");
    let some = all.slice(ndarray::s![..images, .., .., ..]).to_owned();
    let input = folder.join(format!("images-{images}.npy"));
    ndarray_npy::write_npy(&input, &some).expect("room under target");
    let (design, out) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_models/mac_s8_acc32"), folder.join("overflow"));
    // An earlier benchmark's, if any.
    let _ = std::fs::remove_dir_all(&out);
    let mut command = Command::new(env!("CARGO_BIN_EXE_goldpath"));
    command.arg("overflow").arg(folder.join("resnet18.onnx")).arg("--design").arg(design);
    for set in [
        "accumulator.width=20",
        "accumulator.overflow=\"saturate\"",
        "operands.activation.signed=false",
        "post.format=\"u8\"",
    ] {
        command.args(["--set", set]);
    }
    let begin = wall_seconds();
    let output = command.arg("--input").arg(input).arg("--out").arg(&out).output().expect("goldpath starts");
    let seconds = wall_seconds() - begin;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        println!("  batch {images:>2}: left out: {}", message.lines().next().unwrap_or("no reason given"));
        return;
    }
    let overflow = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            line.trim().split_once(" outputs overflow")?.0.split(' ').next()?.parse::<u64>().ok()
        })
        .sum::<u64>();
    let peak =
        peak_of_children().map_or("not known here".to_string(), |megabytes| format!("{megabytes:.0} MB"));
    println!(
        "  batch {images:>2}: {seconds:.2} s, {:.2} s an image; {overflow} outputs overflow; peak {peak}",
        seconds / images as f64,
    );
}

/// The child: image after image through all layers. Memory must not grow with the images.
pub fn layers(images: usize) {
    let hardware = Hardware::new(20, "saturate", 1);
    let (mut macs, mut events, mut widest) = (0.0, 0, 0);
    let mut seconds = 0.0;
    for [cin, size, cout, kernel, stride, pad, times] in CONVOLUTIONS {
        let mut program = convolution(hardware, [cin, size, cout, kernel, stride, pad]);
        let begin = wall_seconds();
        let prepared = Prepared::new(&program, Options::new(true));
        let tracker = Tracker::new(&program, Kernels::best());
        seconds += wall_seconds() - begin;
        for image in 0..images * times {
            // Another image: the same codes, elsewhere.
            program.activations.rotate_right(image);
            let begin = wall_seconds();
            let outcome = prepared.run(&program);
            let widths = tracker.widths(&program);
            seconds += wall_seconds() - begin;
            events += outcome.counts.map_or(0, |counts| counts.accumulator.sum());
            let needed = widths.iter().filter_map(|w| w.iter().rposition(|count| *count > 0)).max();
            widest = widest.max(needed.unwrap_or(0));
            let Shape { m, k, n, .. } = program.shape;
            macs += m as f64 * k as f64 * n as f64;
        }
    }
    println!(
        "  batch {images:>2}: {:.2} GMAC in {seconds:.3} s, {:.3} s an image; {events} events, {widest} bits hold all; peak {}",
        macs / 1e9,
        seconds / images as f64,
        peak()
    );
}

fn convolution(hardware: Hardware, [cin, size, cout, kernel, stride, pad]: [usize; 6]) -> Program {
    let out = (size + 2 * pad - kernel) / stride + 1;
    let k = cin * kernel * kernel;
    let codes = draw(Draw::Trained, Product::new(cin * size, size, 1, 1)).a;
    let weights = draw(Draw::Trained, Product::new(1, k, cout, 1)).w;
    // A program of one row, so that codes and parameters are checked, then given its convolution.
    let row = Array2::zeros((1, k));
    let product =
        Program::matrix(hardware.design(Draw::Trained), row.view(), weights.view(), &Numbers::new());
    let tap = |index: usize| [index / (kernel * cin), index / cin % kernel, index % cin];
    Program {
        shape: Shape { images: 1, groups: 1, m: out * out, k, n: cout },
        activations: codes.iter().map(|code| *code as i32).collect(),
        gather: Gather::Convolution(Box::new(Convolution {
            cin,
            height: size,
            width: size,
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1; 2],
            pad: [pad; 2],
            output: [out; 2],
            padding_code: 0,
            taps: (0..k).map(tap).collect(),
        })),
        ..product.expect("codes fit their formats")
    }
}

/// This process's largest resident set, where the system tells.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("not known here".to_string(), |text| text.trim().to_string())
}
