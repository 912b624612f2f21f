//! Cost against K, M, N and the batch: a line through the origin's neighbourhood, and how far the points lie from it.

use rayon::ThreadPool;

use super::clock::processor_seconds;
use super::contest::{Contestant, contest, timed};
use super::operands::{Draw, draw};
use super::ours::{self, Ask, Engine, Hardware};
use super::shapes::Product;

const CASES: [(&str, Draw, Hardware, Ask); 4] = [
    ("32-bit wrap, values", Draw::Unsigned, Hardware::new(32, "wrap", 1), Ask::Values),
    ("16-bit saturate, counts", Draw::Signed, Hardware::new(16, "saturate", 1), Ask::Counts),
    ("20-bit saturate, counts", Draw::Trained, Hardware::new(20, "saturate", 1), Ask::Counts),
    ("all widths", Draw::Trained, Hardware::new(20, "saturate", 1), Ask::AllWidths),
];
const SIZES: [usize; 5] = [128, 256, 512, 1024, 2048];
const BATCHES: [usize; 5] = [1, 2, 4, 8, 16];
const ROUNDS: usize = 5;

pub fn report(quick: bool) {
    let base = if quick { 32 } else { 256 };
    println!("\nCost against one extent, the others {base}; best of {ROUNDS} rounds, one thread");
    for (name, kind, hardware, ask) in CASES {
        let program = |product| hardware.program(kind, &draw(kind, product));
        let sizes = SIZES.map(|size| if quick { size / 16 } else { size });
        let axis = |axis: &str, make: &dyn Fn(usize) -> Product| {
            let engines = sizes.map(|size| (size, make(size).macs(), Engine::new(program(make(size)), ask)));
            line(name, axis, &engines, Engine::spin);
        };
        axis("K", &|k| Product::new(base, k, base, 1));
        axis("M", &|m| Product::new(m, base, base, 1));
        axis("N", &|n| Product::new(base, base, n, 1));
        let batches = BATCHES.map(|images| {
            let product = Product::new(images * base / 2, base, base, 1);
            let mut batch = program(product);
            (batch.shape.images, batch.shape.m) = (images, base / 2);
            (images, product.macs(), Engine::new(batch, ask))
        });
        line(name, "batch", &batches, Engine::spin_outcome);
    }
}

/// Least squares of seconds on MACs, weighted so that every point's relative error counts alike.
fn line(name: &str, axis: &str, engines: &[(usize, f64, Engine)], spin: fn(&Engine, &ThreadPool)) {
    let pool = ours::pool(1);
    let mut contestants: Vec<Contestant<'_>> = engines
        .iter()
        .map(|(.., engine)| Contestant::new("ours", timed(processor_seconds, || spin(engine, &pool))))
        .collect();
    let best = |rounds: &Vec<f64>| rounds.iter().copied().fold(f64::INFINITY, f64::min);
    let seconds: Vec<f64> = contest(&mut contestants, ROUNDS).iter().map(best).collect();
    let points = || engines.iter().map(|(_, macs, _)| *macs).zip(seconds.iter().copied());
    let sum = |of: &dyn Fn(f64, f64) -> f64| points().map(|(x, y)| of(x, y) / (y * y)).sum::<f64>();
    let (w, x, y) = (sum(&|_, _| 1.0), sum(&|x, _| x), sum(&|_, y| y));
    let (xx, xy) = (sum(&|x, _| x * x), sum(&|x, y| x * y));
    let slope = (w * xy - x * y) / (w * xx - x * x);
    let offset = (y - slope * x) / w;
    let furthest = points().map(|(x, y)| ((offset + slope * x) / y - 1.0).abs()).fold(0.0, f64::max);
    print!("  {name:<24} {axis:<5}");
    for ((size, ..), seconds) in engines.iter().zip(&seconds) {
        print!(" {size}: {:.3} ms ", seconds * 1e3);
    }
    let (each, start) = (slope * 1e12, offset * 1e6);
    println!(" = {each:.2} ps a MAC + {start:.0} us, within {:.0} %", furthest * 100.0);
}
