//! A network of ResNet-18's size, weights made: every layer in full, values, counts and all widths; seconds and peak
//! memory in a process of its own, for batches of several sizes.

use std::process::Command;

use goldpath::functional::{self, Options, Prepared};
use goldpath::lower::{Convolution, Gather, Numbers, Program, Shape};
use ndarray::Array2;

use super::clock::wall_seconds;
use super::operands::{Draw, draw};
use super::ours::Hardware;
use super::shapes::{CONVOLUTIONS, Product};

const BATCHES: [usize; 3] = [1, 2, 8];

/// Runs every batch in a child and prints what it says.
pub fn report(quick: bool) {
    println!(
        "\nResNet-18's layers as convolutions, 20-bit saturate: values, counts and all widths, two threads"
    );
    for images in &BATCHES[..if quick { 1 } else { BATCHES.len() }] {
        let program = std::env::current_exe().expect("this program");
        let output =
            Command::new(program).args(["--network", &images.to_string()]).output().expect("a child");
        print!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The child: image after image through all layers. Memory must not grow with the images.
pub fn child(images: usize) {
    let hardware = Hardware::new(20, "saturate", 1);
    let (mut macs, mut events, mut widest) = (0.0, 0, 0);
    let mut seconds = 0.0;
    for [cin, size, cout, kernel, stride, pad, times] in CONVOLUTIONS {
        let mut program = convolution(hardware, [cin, size, cout, kernel, stride, pad]);
        let begin = wall_seconds();
        let prepared = Prepared::new(&program, Options::new(true));
        seconds += wall_seconds() - begin;
        for image in 0..images * times {
            // Another image: the same codes, elsewhere.
            program.activations.rotate_right(image);
            let begin = wall_seconds();
            let outcome = prepared.run(&program);
            let prefixes = functional::prefixes(&program);
            seconds += wall_seconds() - begin;
            events += outcome.counts.map_or(0, |counts| counts.accumulator.sum());
            let furthest = prefixes.high.iter().chain(&prefixes.low).map(|v| v.unsigned_abs()).max();
            widest = widest.max(furthest.unwrap_or(0));
            let Shape { m, k, n, .. } = program.shape;
            macs += m as f64 * k as f64 * n as f64;
        }
    }
    println!(
        "  batch {images:>2}: {:.2} GMAC in {seconds:.3} s, {:.3} s an image; {events} events, furthest prefix {widest}; peak {}",
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
