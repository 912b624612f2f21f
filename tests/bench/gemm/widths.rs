//! The committed CNN, all 64 images: overflow counts at every width from 8 to 48 under two rules, layer by layer, against
//! one run with counts at one width.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::explore::overflowing;
use goldpath::functional::graph::{layer, layer_names};
use goldpath::functional::operators::Designed;
use goldpath::functional::{self, Kernels, Tracker};
use goldpath::import::{npy::read_npy, onnx};
use goldpath::lower::Program;
use goldpath::num::Overflow;
use rayon::ThreadPool;

use super::clock::processor_seconds;

const ROUNDS: usize = 20;

pub fn report(pool: &ThreadPool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let models = root.join("tests/models");
    let network = onnx::read(&models.join("cnn_s8_qoperator.onnx")).expect("the CNN").fused();
    let x = read_npy(&models.join("cnn_inputs.npy")).expect("its inputs");
    let design = Design::load(&root.join("hw_models/os8x8_s8_acc32/design.toml"), &[]).expect("a design");
    let design = Arc::new(design);
    let rule = Designed::new(Arc::clone(&design));
    let programs: Vec<Program> = layer_names(&network)
        .iter()
        .map(|name| {
            let (layer, codes) = layer(&network, name, &x, &rule).expect("a layer");
            Program::layer(Arc::clone(&design), &layer, &codes.to_i32().expect("codes")).expect("it fits")
        })
        .collect();
    let time = |work: &(dyn Fn(&Program) + Sync)| {
        let once = || {
            let begin = processor_seconds();
            pool.install(|| programs.iter().for_each(work));
            processor_seconds() - begin
        };
        (0..ROUNDS).map(|_| once()).fold(f64::MAX, f64::min) * 1e3
    };
    let run = time(&|program| drop(black_box(functional::run(program, true))));
    let rules = [Overflow::Wrap, Overflow::Saturate];
    let all = time(&|program| {
        drop(black_box(overflowing(program, &functional::prefixes(program), &rules)));
    });
    let bits = time(&|program| drop(black_box(Tracker::new(program, Kernels::best()).widths(program))));
    println!(
        "\nThe committed CNN, 64 images, weights analysed inside the clock, one thread; asked: at most 2 runs"
    );
    println!("  one run with counts            {run:.2} ms");
    println!("  41 widths x 2 rules, a channel {all:.2} ms, {:.2} runs", all / run);
    println!("  bits that outputs need         {bits:.2} ms, {:.2} runs", bits / run);
}
