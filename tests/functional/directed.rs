//! Sums that are aimed: at a rail, one before it and one behind it, at a chosen beat; and beyond both rails so that
//! what one takes the other gives back.

use goldpath::design::{Accumulator, AccumulatorOverflow, Array, Dataflow, Level, Operand, Parts, Start};
use goldpath::num::{Format, Overflow};
use goldpath::post;
use ndarray::Array2;

use super::cases::{Case, with_accumulator};
use super::oracle::program;
use super::work::Random;
use super::{designs, random};

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

/// Sums of more than one block over a few dozen rows.
pub fn rare_extents(random: &mut Random, least: usize) -> [usize; 3] {
    let k = if least > 1 { random.within(200, 700) } else { random.within(65, 110) } as usize;
    [20 + random.below(10), k, random.pick(&[15, 16, 17, 24, 33])]
}

/// A register that sums of small operands seldom leave, in front of operands of 8 bits.
pub fn rarely(design: Parts, random: &mut Random) -> Parts {
    let [activation, weight] = [random.pick(&["s8", "u8"]), random.pick(&["s8", "s7"])];
    let (activation, weight) = (designs::operand(activation), designs::operand(weight));
    let mut design = Parts { activation, weight, ..design };
    let format = Format::signed(random.pick(&[16, 18, 20, 20, 22, 24, 32])).unwrap();
    let overflow = random.pick(&random::ACCUMULATORS);
    let accumulator = Accumulator { format, register: format, overflow, start: Start::Bias, bias: None };
    with_accumulator(&mut design, accumulator, Format::signed(40).unwrap());
    if random.below(3) == 0 {
        let format = Format::signed(40).unwrap();
        let level = |id: &str, group, stride| Level {
            id: id.to_string(),
            group,
            stride,
            format,
            overflow: Overflow::Saturate,
            latency: 0,
        };
        let lanes = random.pick(&[2, 3, 4, 8]);
        design.array = Array { dataflow: Dataflow::Tree, lanes, ..designs::sequential() };
        design.reduce = vec![level("reduce.0", 2, random.pick(&[1, 2]))];
    }
    design
}

/// Starts that take the largest or smallest prefix of a channel's outputs to a rail, or one beyond: at most a few of
/// its outputs overflow.
pub fn aim_at_few(case: &mut Case, random: &mut Random) {
    let [m, _, n] = case.shape();
    case.numbers.insert("bias".to_string(), vec![0; n]);
    let outcome = program::run(&case.machine(), &case.work());
    let (low, high) = case.machine().register.rails();
    let aimed = (0..n).map(|channel| {
        let column = |table: &[i128]| (0..m).map(|row| table[row * n + channel]).collect::<Vec<_>>();
        let (highest, lowest) =
            (column(&outcome.highs).into_iter().max(), column(&outcome.lows).into_iter().min());
        let beyond = i128::from(random.within(0, 1));
        let bias = match random.below(4) {
            0 => 0,
            1 => low - beyond - lowest.unwrap(),
            _ => high + beyond - highest.unwrap(),
        };
        i64::try_from(bias).unwrap().clamp(-1 << 39, (1 << 39) - 1)
    });
    let aimed = aimed.collect();
    case.numbers.insert("bias".to_string(), aimed);
}

/// A register that some channels are proved for, behind a bias that can move it anywhere.
pub fn proved_or_not(design: Parts, random: &mut Random) -> Parts {
    let mut design = design;
    if random.below(2) == 0 {
        // Activations of one sign: only the weights turn a sum.
        let offset = Some(post::Operand::Constant(random.pick(&[1, 100, -300])));
        let format = "s10".parse().unwrap();
        design.activation = Operand { offset, sum: format, ..designs::operand("u8") };
        design.weight = designs::operand("s8");
        design.array = designs::sequential();
        let format = Format::signed(random.pick(&[18, 20, 22, 24])).unwrap();
        design.accumulator = Accumulator { format, register: format, ..design.accumulator };
    }
    let accumulator = Accumulator { start: Start::Bias, ..design.accumulator };
    with_accumulator(&mut design, accumulator, Format::signed(64).unwrap());
    if random.below(3) == 0
        && design.array.dataflow == Dataflow::Sequential
        && design.activation.offset.is_none()
    {
        design.array = Array { dataflow: Dataflow::Tree, lanes: random.pick(&[2, 3, 4]), ..design.array };
    }
    design
}

/// Row n of the activations takes channel n's sum as far as any input can, up to one beat: the channel's largest or
/// smallest prefix of all, the end of a block, or the last one. The bias is such that this is a rail, or one beyond.
pub fn achieve(case: &mut Case, random: &mut Random) {
    let [m, k, n] = case.shape();
    let (machine, format) = (case.machine(), case.design.activation.format);
    let lanes = machine.lanes;
    let (rail_low, rail_high) = machine.register.rails();
    let offset = machine.activation_offset.at(0);
    let mut biases = Vec::new();
    for channel in 0..n {
        let upwards = random.below(2) == 0;
        let weight = |k: usize| i128::from(case.weights[[k, channel]]) + machine.weight_offset.at(channel);
        // The code that makes each product largest or smallest.
        let codes: Vec<i64> =
            (0..k).map(|k| if (weight(k) > 0) == upwards { format.max() } else { format.min() }).collect();
        let mut sum = 0;
        let sums: Vec<i128> = (0..k)
            .map(|k| {
                sum += (i128::from(codes[k]) + offset) * weight(k);
                sum
            })
            .collect();
        let ends: Vec<usize> = (0..k).filter(|k| (k + 1) % lanes == 0 || k + 1 == sums.len()).collect();
        let farthest = ends.iter().copied().max_by_key(|k| if upwards { sums[*k] } else { -sums[*k] });
        let blocks: Vec<usize> = ends.iter().copied().filter(|k| (k + 1) % 64 == 0).collect();
        let last =
            if blocks.is_empty() || random.below(2) == 0 { farthest.unwrap() } else { random.pick(&blocks) };
        if channel < m {
            for (at, code) in codes.iter().enumerate().take(last + 1) {
                case.activations[[channel, at]] = *code;
            }
        }
        let beyond = i128::from(random.within(0, 1));
        let bias = if upwards { rail_high + beyond } else { rail_low - beyond } - sums[last];
        biases.push(i64::try_from(bias.clamp(i128::from(i64::MIN), i128::from(i64::MAX))).unwrap());
    }
    case.numbers.insert("bias".to_string(), biases);
}

/// A narrow register, and operands that can take it anywhere in one step.
pub fn narrow(design: &mut Parts, random: &mut Random) {
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
