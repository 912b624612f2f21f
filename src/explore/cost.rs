//! What the accumulators and adders of a design cost, in bits.
//!
//! A PE is one accumulator with its lanes: there are rows · columns of them. *Accumulator bits* are its register's
//! width, once for every bank, register of its loop and capture register. *Adder bits* are full adders: a level of the reduction that sums a group of g terms takes g − 1 adders of
//! the level's width for every group (terms that no lane feeds are left out), the sums behind the last level (all
//! products, where there is none) take one adder less than there are sums, of the register's width, and one more adds
//! to the register; an accumulator that is only overwritten has the same adder. Multipliers, pipeline registers and
//! post steps are not counted: `--cost yosys` counts everything.

use super::answer::Cost;
use crate::design::Design;

/// Bits of all PEs of `design`; no synthesis.
pub fn cost(design: &Design) -> Cost {
    let elements = (design.array.rows * design.array.columns) as u64;
    let register = u64::from(design.accumulator.register.width());
    let (mut inputs, mut adder_bits) = (design.array.lanes, 0);
    for (index, level) in design.reduce.iter().chain(&design.after).enumerate() {
        if index == design.reduce.len() {
            // An adder into every accumulator.
            adder_bits += inputs as u64 * register;
        }
        let outputs = level.outputs(inputs);
        for output in 0..outputs {
            let terms = level.terms(output).filter(|term| *term < inputs).count();
            adder_bits += terms.saturating_sub(1) as u64 * u64::from(level.format.width());
        }
        inputs = outputs;
    }
    adder_bits += if design.after.is_empty() { inputs.max(1) as u64 * register } else { 0 };
    let drain = design.array.drain.is_some_and(|drain| drain.capture);
    let registers =
        (design.array.banks * design.partial_sums()) as u64 + u64::from(design.array.loop_latency) - 1
            + u64::from(drain);
    Cost {
        accumulator_bits: elements * registers * register,
        adder_bits: elements * adder_bits,
        synthesis: None,
    }
}
