//! Two threads against one: time of day, because that is what threads are for; and processor time, which tells on a
//! busy machine what the second thread costs.

use super::clock::{processor_seconds, wall_seconds};
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
const ROUNDS: usize = 11;

pub fn report(quick: bool) {
    println!(
        "\nTwo threads, time of day, 1024 x 1024 x 1024; asked: 1.8 times one (best and median\n  round; work: processor time)"
    );
    let product = if quick { Product::new(64, 256, 256, 1) } else { CUBE };
    let pools = [ours::pool(1), ours::pool(2)];
    for (name, kind, hardware, ask) in CASES {
        let engine = &Engine::new(hardware.program(kind, &draw(kind, product)), ask);
        let rounds = |clock: fn() -> f64, rounds| {
            let spin = |pool| Contestant::new("ours", timed(clock, move || engine.spin(pool)));
            contest(&mut pools.iter().map(spin).collect::<Vec<_>>(), rounds)
        };
        let (seconds, processor) = (rounds(wall_seconds, ROUNDS), rounds(processor_seconds, 3));
        let best = |of: &[f64]| of.iter().copied().fold(f64::INFINITY, f64::min);
        let rate = |of: &[f64]| product.macs() / best(of) / 1e9;
        let middle = median(seconds[0].iter().zip(&seconds[1]).map(|(one, two)| one / two));
        println!(
            "  {name:<24} one {:>6.1} GMAC/s  two {:>6.1} GMAC/s  {:.2} times ({middle:.2}), {:.2} times the work",
            rate(&seconds[0]),
            rate(&seconds[1]),
            best(&seconds[0]) / best(&seconds[1]),
            best(&processor[1]) / best(&processor[0]),
        );
    }
}
