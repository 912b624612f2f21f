//! Both engines give the same outcome.

use std::sync::Arc;

use goldpath::lower::{Outcome, Program};
use goldpath::trace::MemorySink;
use goldpath::{functional, simulate};

use super::designs;
use super::work::product;

/// Runs both engines and compares everything.
pub fn both(program: &Program, what: &str) -> (Outcome, simulate::Run) {
    let plain = functional::run(program, true);
    let options = simulate::Options { counts: true, progress: None };
    let run = simulate::run(program, options, &mut []).unwrap();
    assert_eq!(plain, run.outcome, "{what}");
    assert_eq!(run.cycles, simulate::Timing::new(program).total_cycles(), "{what}");
    (plain, run)
}

#[test]
fn twins_on_small_products() {
    for design in designs::twins().into_iter() {
        let design = Arc::new(design);
        for (seed, shape) in [[1, 1, 1], [3, 5, 2], [2, 9, 17], [20, 33, 9]].into_iter().enumerate() {
            for extreme in [false, true] {
                let program = product(&design, shape, seed as u64, extreme);
                both(&program, &format!("{} {shape:?} {extreme}", design.name));
            }
        }
    }
}

#[test]
fn every_cycle_of_a_small_mac() {
    let design = Arc::new(designs::mac_s8_acc32());
    let program = product(&design, [1, 2, 1], 7, false);
    let mut memory = MemorySink::default();
    let run = simulate::run(&program, simulate::Options::default(), &mut [&mut memory]).unwrap();
    assert_eq!(run.cycles as usize, memory.cycles());
    let done: Vec<_> = memory.signal("pe.done").unwrap().iter().map(|v| v[0]).collect();
    assert_eq!(done, [0, 0, 0, 0, 1, 0, 0, 0, 0]);
}
