//! Sums that are aimed: at a rail, one before it and one behind it, at a chosen beat; and beyond both rails so that
//! what one takes the other gives back.

use goldpath::design::{Accumulator, AccumulatorOverflow, Design, Start};
use goldpath::num::Format;
use ndarray::Array2;

use super::cases::{Case, with_accumulator};
use super::oracle::program;
use super::work::Random;

/// Sets every channel's bias so that one prefix of one of its outputs, as long as nothing overflows, is a rail of the
/// register plus −1, 0 or 1.
pub fn aim(case: &mut Case, random: &mut Random) {
    let (machine, work) = (case.machine(), case.work());
    let [m, _, n] = case.shape();
    let (low, high) = machine.register.rails();
    let aimed = (0..n).map(|channel| {
        let row = random.below(m);
        let beats = program::beats(&machine, &work, row, channel);
        let beat = if random.below(2) == 0 { beats.len() - 1 } else { random.below(beats.len()) };
        let sum: i128 = beats[..=beat].iter().map(|b| b.term).sum();
        let rail = random.pick(&[low, high]);
        let bias = rail + i128::from(random.within(-1, 1)) - sum;
        i64::try_from(bias.clamp(i128::from(i64::MIN), i128::from(i64::MAX))).unwrap()
    });
    let aimed = aimed.collect();
    case.numbers.insert("bias".to_string(), aimed);
}

/// A narrow register, and operands that can take it anywhere in one step.
pub fn narrow(design: &mut Design, random: &mut Random) {
    let format = Format::signed(random.within(3, 13) as u32).unwrap();
    let overflow = random.pick(&[AccumulatorOverflow::Saturate, AccumulatorOverflow::SaturateSymmetric]);
    let start = random.pick(&[Start::Zero, Start::Overwrite]);
    with_accumulator(design, Accumulator { format, register: format, overflow, start, bias: None }, format);
}

/// Sums that stay inside the rails but for one visit beyond each: d above the upper one, then, while the register is d
/// behind, to the lower one, or the other way round. From there on the register is the exact sum again.
pub fn return_again(case: &mut Case, random: &mut Random) {
    let [m, k, n] = case.shape();
    let (low, high) = case.machine().register.rails();
    let (low, high) = (low as i64, high as i64);
    case.weights = Array2::from_elem([k, n], 1);
    case.activations = Array2::zeros([m, k]);
    for mut row in case.activations.rows_mut() {
        let (mut sum, over) = (0, random.within(1, high));
        let (beyond, rail) = random.pick(&[(high + over, low), (low - over, high)]);
        let visit = random.below(k.max(2) - 1);
        for (at, code) in row.iter_mut().enumerate() {
            let next = match at {
                at if at == visit => beyond,
                at if at == visit + 1 => rail,
                _ => random.within(low, high),
            };
            *code = next - sum;
            sum = next;
        }
    }
}
