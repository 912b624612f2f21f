//! One output, written out: every value that enters every node. Shares no code with `src` but the names of things.

use goldpath::design::{AccumulatorOverflow, Coding, Design, LaneMap, Level};
use goldpath::num::{Format, Overflow, Rounding};
use goldpath::post::{Op, Operand, Precision};

use super::oracle;

/// What happened on the way of one output.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// Per fitting node: every value that entered it.
    pub entering: Vec<Vec<i128>>,
    /// Per fitting node: every value that left it; of the accumulator, the last.
    pub leaving: Vec<Vec<i128>>,
    /// Of each accumulator: the bias, and that plus every prefix of beats, never fitted.
    pub prefixes: Vec<Vec<i128>>,
    /// What each beat added to each.
    pub beats: Vec<Vec<i128>>,
}

fn rule(overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::Wrap => "wrap",
        Overflow::Saturate => "saturate",
        Overflow::SaturateSymmetric => "saturate_symmetric",
    }
}

fn fit(value: i128, format: Format, overflow: Overflow) -> i128 {
    oracle::fit(value, format.width(), format.is_signed(), rule(overflow)).0
}

fn rounding(mode: Rounding) -> String {
    // HalfUp → half_up
    let mut name = String::new();
    for c in format!("{mode:?}").chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// The value of an operand; `numbers` has one number per parameter of the design.
fn number(operand: Operand, numbers: &[i64]) -> i128 {
    match operand {
        Operand::Exponent { .. } => unreachable!("no design here reads exponents"),
        Operand::Constant(value) => i128::from(value),
        Operand::Parameter(index) => i128::from(numbers[index]),
    }
}

/// k of each lane of each beat.
fn schedule(design: &Design, count: usize) -> Vec<Vec<Option<usize>>> {
    let lanes = design.array.lanes;
    let beats = count.div_ceil(lanes);
    let k = |beat: usize, lane: usize| match design.order.lane_map {
        LaneMap::Adjacent => beat * lanes + lane,
        LaneMap::Strided => lane * beats + beat,
    };
    let inside = |k: usize| (k < count).then_some(k);
    (0..beats).map(|beat| (0..lanes).map(|lane| inside(k(beat, lane))).collect()).collect()
}

/// The sums of a level, unfitted.
fn sums(level: &Level, terms: &[i128]) -> Vec<i128> {
    let block = level.group * level.stride;
    let mut sums = Vec::new();
    for start in (0..terms.len()).step_by(block) {
        for first in start..(start + level.stride).min(terms.len()) {
            let members = (0..level.group).map(|i| first + i * level.stride);
            sums.push(members.filter_map(|at| terms.get(at)).sum());
        }
    }
    sums
}

fn step(op: &Op, x: i128, numbers: &[i64]) -> i128 {
    let get = |operand| number(operand, numbers);
    match op {
        Op::Add(v) => x + get(*v),
        Op::Subtract(v) => x - get(*v),
        Op::Multiply(v) => x * get(*v),
        Op::Max(v) => x.max(get(*v)),
        Op::Min(v) => x.min(get(*v)),
        Op::ShiftLeft(v) => x * oracle::power_of_two(get(*v) as u32) as i128,
        Op::ShiftRight(v, mode, Some(adder)) => {
            let held = |sum| oracle::fit(sum, adder.width(), adder.is_signed(), "wrap");
            oracle::round_in(x, get(*v) as u32, &rounding(*mode), &held).0
        }
        Op::ShiftRight(v, mode, None) => oracle::round(x, get(*v) as u32, &rounding(*mode)),
        Op::Clamp { low, high } => {
            let below = if x > get(*high) { get(*high) } else { x };
            if below < get(*low) { get(*low) } else { below }
        }
        Op::Fit => x,
        Op::Float(float, mode) => {
            let ops: Vec<(&str, usize)> =
                float.ops.iter().map(|op| (op.name(), op.operands().len())).collect();
            let numbers: Vec<i128> = op.operands().into_iter().map(get).collect();
            let double = float.precision == Precision::F64;
            oracle::float::of_ops(x, double, &ops, &numbers).to_integer(&rounding(*mode))
        }
        _ => panic!("no design here has {}", op.name()),
    }
}

/// Codes per scheduled k through one channel.
pub fn replay(design: &Design, x: &[i64], w: &[i64], numbers: &[i64]) -> Replay {
    let offset = |o: Option<Operand>| o.map_or(0, |o| number(o, numbers));
    let (a, b) = (offset(design.activation.offset), offset(design.weight.offset));
    let mut replay = Replay::default();
    let levels = design.product_steps.len();
    let register = levels + design.reduce.len() + usize::from(design.accumulator.bias.is_some());
    replay.entering = vec![vec![]; design.fitting_nodes().len()];
    replay.leaving = replay.entering.clone();
    let accumulator = &design.accumulator;
    let register_rule = match accumulator.overflow {
        AccumulatorOverflow::Wrap | AccumulatorOverflow::SaturateOutput => Overflow::Wrap,
        AccumulatorOverflow::Saturate => Overflow::Saturate,
        AccumulatorOverflow::SaturateSymmetric => Overflow::SaturateSymmetric,
    };
    let bias = accumulator.bias.map_or(0, |index| i128::from(numbers[index]));
    let start = fit(bias, accumulator.register, register_rule);
    let mut held: Vec<i128> = vec![];
    if accumulator.bias.is_some() {
        replay.entering[register - 1].push(bias);
        replay.leaving[register - 1].push(start);
    }
    for beat in schedule(design, x.len()) {
        let weight = |code: i64| match design.weight.coding {
            Coding::Integer => i128::from(code),
            Coding::PowerOfTwo => {
                let format = design.weight.format;
                oracle::power(code.into(), format.width(), format.is_signed())
            }
        };
        let product = |k: usize| (i128::from(x[k]) + a) * (weight(w[k]) + b);
        let mut terms: Vec<i128> = beat.iter().map(|k| k.map_or(0, product)).collect();
        for (index, of_product) in design.product_steps.iter().enumerate() {
            for (term, _) in terms.iter_mut().zip(&beat).filter(|(_, k)| k.is_some()) {
                *term = step(&of_product.op, *term, numbers);
                replay.entering[index].push(*term);
                *term = fit(*term, of_product.format.unwrap(), of_product.overflow);
                replay.leaving[index].push(*term);
            }
        }
        for (index, level) in design.reduce.iter().enumerate() {
            let exact = sums(level, &terms);
            replay.entering[levels + index].extend(&exact);
            terms = exact.into_iter().map(|sum| fit(sum, level.format, level.overflow)).collect();
            replay.leaving[levels + index].extend(&terms);
        }
        if design.after.is_empty() {
            terms = vec![terms.iter().sum()];
        }
        held.resize(terms.len(), start);
        replay.beats.resize(terms.len(), vec![]);
        replay.prefixes.resize(terms.len(), vec![bias]);
        for (lane, term) in terms.into_iter().enumerate() {
            replay.beats[lane].push(term);
            let exact = replay.prefixes[lane].last().unwrap() + term;
            replay.prefixes[lane].push(exact);
            replay.entering[register].push(held[lane] + term);
            held[lane] = fit(held[lane] + term, accumulator.register, register_rule);
        }
    }
    finish(design, &mut replay, held, register, numbers);
    replay
}

/// What becomes of the accumulators behind the last beat; theirs is node `register`.
fn finish(design: &Design, replay: &mut Replay, mut held: Vec<i128>, register: usize, numbers: &[i64]) {
    let accumulator = &design.accumulator;
    replay.leaving[register].extend(&held);
    let mut value = held[0];
    let mut node = register + 1;
    if accumulator.overflow == AccumulatorOverflow::SaturateOutput {
        replay.entering[node].push(value);
        value = fit(value, accumulator.format, Overflow::Saturate);
        replay.leaving[node].push(value);
        node += 1;
    }
    for (index, level) in design.after.iter().enumerate() {
        let exact = sums(level, &held);
        replay.entering[node + index].extend(&exact);
        held = exact.into_iter().map(|sum| fit(sum, level.format, level.overflow)).collect();
        replay.leaving[node + index].extend(&held);
        value = held[0];
    }
    node += design.after.len();
    for (index, post) in design.post.iter().enumerate() {
        value = step(&post.op, value, numbers);
        replay.entering[node + index].push(value);
        if let Some(format) = post.format {
            value = fit(value, format, post.overflow);
        }
        replay.leaving[node + index].push(value);
    }
}
