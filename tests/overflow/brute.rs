//! One output in big integers, from the definitions: every event at every node, and the exact sum.
//!
//! Knows a design as data only: who adds what in which order is written here anew.

use goldpath::design::{AccumulatorOverflow, Design, LaneMap};
use goldpath::num::{Format, Overflow, Rounding};
use goldpath::post::{Op, Operand};

use super::oracle;

/// A value outside a node's format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub node: String,
    pub beat: Option<usize>,
    pub entering: i128,
    pub excess: i128,
    pub high: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub events: Vec<Event>,
    pub accumulator: i128,
    /// Start and products, whole.
    pub exact: i128,
    pub output: i128,
    /// The post steps on the exact sum.
    pub corrected: i128,
}

impl Output {
    /// Whether anything was taken from the sum: at a reduction level, from the start, or at the accumulator.
    pub fn overflows(&self) -> bool {
        self.events.iter().any(|e| !e.node.starts_with("post"))
    }

    /// Whether only post steps acted.
    pub fn only_post(&self) -> bool {
        !self.overflows() && !self.events.is_empty()
    }

    pub fn class(&self) -> &'static str {
        match (self.exact == self.accumulator, self.corrected == self.output) {
            (true, _) => "transient",
            (_, true) => "surviving",
            _ => "wrong",
        }
    }
}

fn rule(overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::Wrap => "wrap",
        Overflow::Saturate => "saturate",
        Overflow::SaturateSymmetric => "saturate_symmetric",
    }
}

fn rounding(mode: Rounding) -> &'static str {
    let at = Rounding::ALL.iter().position(|m| *m == mode).unwrap();
    let names: Vec<String> = Rounding::ALL.iter().map(|m| format!("{m:?}").to_lowercase()).collect();
    let plain = |name: &str| name.replace('_', "");
    oracle::ROUNDINGS.iter().find(|name| plain(name) == names[at]).unwrap()
}

/// Fits and notes.
fn fit(events: &mut Vec<Event>, node: &str, beat: Option<usize>, value: i128, to: (Format, &str)) -> i128 {
    let (format, rule) = to;
    let (fitted, high, low) = oracle::fit(value, format.width(), format.is_signed(), rule);
    if high || low {
        let (mut bottom, top) = oracle::range(format.width(), format.is_signed());
        if rule == "saturate_symmetric" && format.is_signed() {
            bottom = -top;
        }
        let excess = if high { value - top } else { bottom - value };
        events.push(Event { node: node.to_string(), beat, entering: value, excess, high });
    }
    fitted
}

/// The number an operand stands for.
pub fn number(operand: Operand, parameters: &[Vec<i64>], channel: usize) -> i128 {
    match operand {
        Operand::Exponent { .. } => unreachable!("no design here reads exponents"),
        Operand::Constant(value) => i128::from(value),
        Operand::Parameter(index) => {
            let values = &parameters[index];
            i128::from(if values.len() == 1 { values[0] } else { values[channel] })
        }
    }
}

/// The sums of neighbours or of terms `stride` apart, block by block.
fn reduce(terms: &[i128], group: usize, stride: usize) -> Vec<i128> {
    let mut sums = Vec::new();
    for block in terms.chunks(group * stride) {
        for first in 0..stride.min(block.len()) {
            sums.push(block.iter().skip(first).step_by(stride).sum());
        }
    }
    sums
}

/// `products[k]`, exact, in the order of the schedule.
pub fn output(design: &Design, products: &[i128], parameters: &[Vec<i64>], channel: usize) -> Output {
    let mut events = Vec::new();
    let (lanes, accumulator) = (design.array.lanes, &design.accumulator);
    let step = match accumulator.overflow {
        AccumulatorOverflow::Saturate => "saturate",
        AccumulatorOverflow::SaturateSymmetric => "saturate_symmetric",
        _ => "wrap",
    };
    let start = accumulator.bias.map_or(0, |bias| number(Operand::Parameter(bias), parameters, channel));
    let mut exact = start;
    // The start enters with the first beat, behind its reduction.
    let mut started = Vec::new();
    let start = fit(&mut started, "accumulator.start", Some(0), start, (accumulator.register, step));
    let mut held = vec![start];
    let beats = products.len().div_ceil(lanes);
    for beat in 0..beats {
        let k = |lane: usize| match design.order.lane_map {
            LaneMap::Adjacent => beat * lanes + lane,
            LaneMap::Strided => lane * beats + beat,
        };
        let mut terms: Vec<i128> =
            (0..lanes).map(|lane| products.get(k(lane)).copied().unwrap_or(0)).collect();
        let mut whole = terms.clone();
        for step in &design.product_steps {
            let get = |operand| number(operand, parameters, channel);
            let to = (step.format.unwrap(), rule(step.overflow));
            let made = terms.iter().map(|x| of_product(&step.op, *x, get)).collect::<Vec<_>>();
            terms = made.iter().map(|x| fit(&mut events, &step.id, Some(beat), *x, to)).collect();
            whole = whole.iter().map(|x| of_product(&step.op, *x, get)).collect();
        }
        exact += whole.iter().sum::<i128>();
        for level in &design.reduce {
            let to = (level.format, rule(level.overflow));
            terms = reduce(&terms, level.group, level.stride)
                .into_iter()
                .map(|sum| fit(&mut events, &level.id, Some(beat), sum, to))
                .collect();
        }
        if design.after.is_empty() {
            terms = vec![terms.iter().sum()];
        }
        events.append(&mut started);
        held.resize(terms.len(), start);
        for (held, term) in held.iter_mut().zip(terms) {
            *held = fit(&mut events, "accumulator", Some(beat), *held + term, (accumulator.register, step));
        }
    }
    for level in &design.after {
        let to = (level.format, rule(level.overflow));
        held = reduce(&held, level.group, level.stride)
            .into_iter()
            .map(|sum| fit(&mut events, &level.id, None, sum, to))
            .collect();
    }
    let mut value = held[0];
    if accumulator.overflow == AccumulatorOverflow::SaturateOutput {
        value = fit(&mut events, "accumulator.output", None, value, (accumulator.format, "saturate"));
    }
    let output = post(design, value, parameters, channel, false, &mut events);
    let corrected = post(design, exact, parameters, channel, true, &mut Vec::new());
    Output { events, accumulator: value, exact, output, corrected }
}

/// What a step makes of a product.
fn of_product(op: &Op, x: i128, get: impl Fn(Operand) -> i128) -> i128 {
    match op {
        Op::Add(v) => x + get(*v),
        Op::Max(v) => x.max(get(*v)),
        Op::Min(v) => x.min(get(*v)),
        Op::ShiftLeft(v) => x * oracle::power_of_two(get(*v) as u32) as i128,
        Op::ShiftRight(v, mode, None) => oracle::round(x, get(*v) as u32, rounding(*mode)),
        Op::ShiftRight(v, mode, Some(adder)) => {
            let held = |sum| oracle::fit(sum, adder.width(), adder.is_signed(), "wrap");
            oracle::round_in(x, get(*v) as u32, rounding(*mode), &held).0
        }
        Op::Clamp { low, high } => x.min(get(*high)).max(get(*low)),
        Op::Fit => x,
        _ => panic!("no product goes through {}", op.name()),
    }
}

/// The post steps. An `exact` sum does not meet the formats between steps that nothing inside the accumulator's range can
/// leave; those of a `fit` and of the last step saturate it.
fn post(
    design: &Design,
    value: i128,
    parameters: &[Vec<i64>],
    n: usize,
    exact: bool,
    events: &mut Vec<Event>,
) -> i128 {
    let mut x = value;
    let idle: Vec<bool> = design.node_ranges().iter().map(|range| range.always_fits).collect();
    for (index, step) in design.post.iter().enumerate() {
        let get = |operand| number(operand, parameters, n);
        x = match &step.op {
            Op::Add(v) => x + get(*v),
            Op::Subtract(v) => x - get(*v),
            Op::Multiply(v) => x * get(*v),
            Op::Max(v) => x.max(get(*v)),
            Op::Min(v) => x.min(get(*v)),
            Op::ShiftLeft(v) => x * oracle::power_of_two(get(*v) as u32) as i128,
            Op::ShiftRight(v, mode, None) => oracle::round(x, get(*v) as u32, rounding(*mode)),
            Op::Clamp { low, high } => x.min(get(*high)).max(get(*low)),
            Op::Fit => x,
            Op::Float(float, Rounding::HalfEven) if float.as_scale().is_some() => {
                let scale = f32::from_bits(u32::try_from(get(float.as_scale().unwrap())).unwrap());
                (x as f32 * scale).round_ties_even() as i128
            }
            Op::Float(..) => panic!("not done here"),
            _ => panic!("no committed design has {}", step.op.name()),
        };
        let levels = design.reduce.len() + design.after.len();
        let spared = exact && idle[design.product_steps.len() + levels + index];
        let output = index + 1 == design.post.len() || matches!(step.op, Op::Fit);
        let how = if spared && output { "saturate" } else { rule(step.overflow) };
        if let Some(format) = step.format.filter(|_| !spared || output) {
            x = fit(events, &step.id, None, x, (format, how));
        }
    }
    x
}
