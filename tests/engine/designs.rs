//! Designs made in code: the five that have twins, and random ones.

use std::collections::BTreeMap;

use goldpath::design::{
    Accumulator, AccumulatorOverflow, Array, Coding, Dataflow, Design, Drain, KernelAxis, LaneMap, Level,
    Mirror, Operand, Order, Parts, Skew, Start, SumRegister,
};
use goldpath::num::{Format, Overflow, Rounding};
use goldpath::post::{self, Float, FloatOp, Op, Parameter, Per, Precision, Step};

use super::work::Random;

#[path = "mended.rs"]
pub mod mended;

pub use mended::{design, drawn};

/// A design's parts, edited.
pub fn edited(design: &Design, edit: impl FnOnce(&mut Parts)) -> Design {
    let mut parts = design.clone().into();
    edit(&mut parts);
    mended::design(parts)
}

pub fn f(text: &str) -> Format {
    text.parse().unwrap()
}

pub fn operand(format: &str) -> Operand {
    Operand { format: f(format), offset: None, sum: f(format), recode: None, coding: Coding::Integer }
}

pub fn parameter(name: &str, format: &str, per: Per, default: Option<i64>) -> Parameter {
    let format = f(format);
    Parameter {
        name: name.to_string(),
        format,
        per,
        min: format.min(),
        max: format.max(),
        default,
        aligned: true,
        source: None,
    }
}

/// What makes up for a zero point: the negative of any code.
pub fn offset(name: &str, per: Per, code: Format) -> Parameter {
    Parameter { min: -code.max(), max: -code.min(), ..parameter(name, "s9", per, None) }
}

pub fn step(index: usize, op: Op, format: &str, overflow: Overflow, latency: u32) -> Step {
    Step::new(&format!("post.{index}"), op, Some(f(format)), overflow, latency)
}

fn p(index: usize) -> post::Operand {
    post::Operand::Parameter(index)
}

pub fn sequential() -> Array {
    Array {
        dataflow: Dataflow::Sequential,
        rows: 1,
        columns: 1,
        lanes: 1,
        hop_activation: 0,
        hop_weight: 0,
        hop_sum: 0,
        skew: Skew::Host,
        mirror: Mirror::None,
        drain: None,
        sum_register: SumRegister::After,
        load: None,
        banks: 1,
        loop_latency: 1,
        clears_at_once: false,
    }
}

pub fn accumulator(format: &str, overflow: AccumulatorOverflow, start: Start) -> Accumulator {
    let bias = (start == Start::Bias).then_some(0);
    Accumulator { format: f(format), register: f(format), overflow, start, bias }
}

/// The preset multiply_shift, behind parameter 0 (bias).
pub fn multiply_shift(accumulator: &str, product: &str, latency: [u32; 4]) -> (Vec<Parameter>, Vec<Step>) {
    let mut shift = parameter("shift", "u6", Per::Channel, None);
    shift.max = 62;
    let mut multiplier = parameter("multiplier", "s32", Per::Channel, None);
    multiplier.min = 0;
    let parameters = vec![
        parameter("bias", accumulator, Per::Channel, Some(0)),
        multiplier,
        shift,
        parameter("zero_point", "s8", Per::Layer, Some(0)),
        parameter("low", "s8", Per::Layer, Some(-128)),
        parameter("high", "s8", Per::Layer, Some(127)),
    ];
    let steps = vec![
        step(0, Op::Multiply(p(1)), product, Overflow::Wrap, latency[0]),
        step(1, Op::ShiftRight(p(2), Rounding::HalfUp, None), "s32", Overflow::Wrap, latency[1]),
        step(2, Op::Add(p(3)), "s33", Overflow::Wrap, latency[2]),
        step(3, Op::Clamp { low: p(4), high: p(5) }, "s8", Overflow::Saturate, latency[3]),
    ];
    (parameters, steps)
}

/// The preset shift, behind parameter 0 (bias), for a 16-bit accumulator.
pub fn shift(latency: [u32; 3]) -> (Vec<Parameter>, Vec<Step>) {
    let parameters = vec![
        parameter("bias", "s16", Per::Channel, Some(0)),
        parameter("shift", "u4", Per::Channel, None),
        parameter("zero_point", "s8", Per::Layer, Some(0)),
        parameter("low", "s8", Per::Layer, Some(-128)),
        parameter("high", "s8", Per::Layer, Some(127)),
    ];
    let steps = vec![
        step(0, Op::ShiftRight(p(1), Rounding::HalfUp, None), "s16", Overflow::Wrap, latency[0]),
        step(1, Op::Add(p(2)), "s17", Overflow::Wrap, latency[1]),
        step(2, Op::Clamp { low: p(3), high: p(4) }, "s8", Overflow::Saturate, latency[2]),
    ];
    (parameters, steps)
}

fn parts(name: &str, array: Array, accumulator: Accumulator, post: (Vec<Parameter>, Vec<Step>)) -> Parts {
    Parts {
        name: name.to_string(),
        activation: operand("s8"),
        weight: operand("s8"),
        operand_latency: 1,
        product_steps: vec![],
        exponent: None,
        product_latency: 1,
        dsp: None,
        reduce: vec![],
        after: vec![],
        accumulator,
        array,
        memory: None,
        store_steps: vec![],
        load_steps: vec![],
        parameters: post.0,
        post: post.1,
        drained: 0,
        order: Order {
            kernel: [KernelAxis::Kh, KernelAxis::Kw, KernelAxis::Cin],
            lane_map: LaneMap::Adjacent,
            down_first: false,
            max_k: None,
        },
        bias_in: goldpath::design::BiasIn::Design,
        twin: BTreeMap::new(),
        twin_values: BTreeMap::new(),
        hash: String::new(),
    }
}

pub fn mac_s8_acc32() -> Design {
    let acc = accumulator("s32", AccumulatorOverflow::Wrap, Start::Bias);
    design(parts("mac_s8_acc32", sequential(), acc, multiply_shift("s32", "s64", [1, 1, 0, 1])))
}

pub fn mac_s8_acc16sat() -> Design {
    let acc = accumulator("s16", AccumulatorOverflow::Saturate, Start::Bias);
    design(Parts { product_latency: 0, ..parts("mac_s8_acc16sat", sequential(), acc, shift([1, 0, 1])) })
}

pub fn tree8_s8_acc24() -> Design {
    let array = Array { dataflow: Dataflow::Tree, lanes: 8, ..sequential() };
    let acc = accumulator("s24", AccumulatorOverflow::Wrap, Start::Bias);
    let level = |index: usize, format: &str, latency| Level {
        id: format!("reduce.{index}"),
        group: 2,
        stride: 1,
        format: f(format),
        overflow: Overflow::Wrap,
        latency,
    };
    design(Parts {
        reduce: vec![level(0, "s17", 1), level(1, "s18", 0), level(2, "s19", 1)],
        ..parts("tree8_s8_acc24", array, acc, multiply_shift("s24", "s56", [1, 1, 0, 1]))
    })
}

fn grid(extent: usize, skew: Skew) -> Array {
    Array {
        dataflow: Dataflow::OutputStationary,
        rows: extent,
        columns: extent,
        hop_activation: 1,
        hop_weight: 1,
        skew,
        drain: Some(Drain::ROWS),
        ..sequential()
    }
}

pub fn os8x8_s8_acc32() -> Design {
    let acc = accumulator("s32", AccumulatorOverflow::Wrap, Start::Bias);
    design(parts("os8x8_s8_acc32", grid(8, Skew::Host), acc, multiply_shift("s32", "s64", [1, 1, 0, 1])))
}

pub fn os16x16_s8_acc16sat() -> Design {
    let acc = accumulator("s16", AccumulatorOverflow::Saturate, Start::Bias);
    design(Parts {
        product_latency: 0,
        ..parts("os16x16_s8_acc16sat", grid(16, Skew::Internal), acc, shift([0, 0, 1]))
    })
}

/// The five designs with twins.
pub fn twins() -> Vec<Design> {
    vec![mac_s8_acc32(), mac_s8_acc16sat(), tree8_s8_acc24(), os8x8_s8_acc32(), os16x16_s8_acc16sat()]
}

/// Some operations in floats, of numbers that keep values where they round.
pub fn float(random: &mut Random) -> Float {
    let scale = random.within(1, 1 << 20) as f32 / 65536.0;
    if random.below(2) == 0 {
        return Float::scale(post::Operand::Constant(i64::from(scale.to_bits())));
    }
    let precision = random.pick(&[Precision::F32, Precision::F64]);
    let bits = |value: f64| post::Operand::Constant(precision.bits(value));
    let whole = |low, high, random: &mut Random| post::Operand::Constant(random.within(low, high));
    let mut ops = vec![FloatOp::Multiply(bits(scale.into()))];
    for _ in 0..random.below(4) {
        let term = bits(random.within(-4000, 4000) as f64 / 16.0);
        let op = match random.below(6) {
            0 => FloatOp::Multiply(bits(random.within(1, 300) as f64 / 128.0)),
            1 => FloatOp::Add(term),
            // The oracle's integers are too narrow for more.
            2 if precision == Precision::F32 => FloatOp::MultiplyAdd(bits(0.75), term),
            2 | 3 => FloatOp::AddInteger(whole(-300, 300, random)),
            4 => FloatOp::Clamp(whole(-200, 0, random), whole(0, 300, random)),
            _ => FloatOp::AddHalf,
        };
        let at = random.below(ops.len() + 1);
        ops.insert(at, op);
    }
    Float { precision, ops }
}
