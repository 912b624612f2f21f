//! Two threads against one: time of day, because that is what threads are for.

use super::clock::wall_seconds;
use super::contest::{Contestant, contest, median, timed};
use super::operands::{Draw, draw};
use super::ours::{self, Ask, Engine, Hardware};
use super::shapes::{CUBE, Product};

const CASES: [(&str, Draw, Hardware, Ask); 4] = [
    ("32-bit wrap, values", Draw::Unsigned, Hardware::new(32, "wrap", 1), Ask::Values),
    ("16-bit saturate, counts", Draw::Signed, Hardware::new(16, "saturate", 1), Ask::Counts),
    ("20-bit saturate, counts", Draw::Trained, Hardware::new(20, "saturate", 1), Ask::Counts),
    ("all widths", Draw::Trained, Hardware::new(20, "saturate", 1), Ask::AllWidths),
];
/// More than elsewhere: whatever else runs here takes a processor away.
const ROUNDS: usize = 15;

pub fn report(quick: bool) {
    println!("\nTwo threads, time of day, 1024 x 1024 x 1024; asked: 1.8 times one (best and median round)");
    let product = if quick { Product::new(64, 256, 256, 1) } else { CUBE };
    let pools = [ours::pool(1), ours::pool(2)];
    for (name, kind, hardware, ask) in CASES {
        let engine = Engine::new(hardware.program(kind, &draw(kind, product)), ask);
        let mut contestants: Vec<Contestant<'_>> = pools
            .iter()
            .map(|pool| Contestant::new("ours", timed(wall_seconds, || engine.spin(pool))))
            .collect();
        let seconds = contest(&mut contestants, ROUNDS);
        let best = |of: &[f64]| of.iter().copied().fold(f64::INFINITY, f64::min);
        let middle = median(seconds[0].iter().zip(&seconds[1]).map(|(one, two)| one / two));
        println!(
            "  {name:<24} one {:>6.1} GMAC/s  two {:>6.1} GMAC/s  {:.2} ({middle:.2})",
            product.macs() / best(&seconds[0]) / 1e9,
            product.macs() / best(&seconds[1]) / 1e9,
            best(&seconds[0]) / best(&seconds[1]),
        );
    }
}
