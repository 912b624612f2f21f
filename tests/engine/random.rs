//! Random parts of designs, as far as a file can say them once [`designs::drawn`] made a design of them: every width, rule, start, latency, hop, lane count and reduction the vocabulary allows.

use std::sync::Arc;

use goldpath::design::{
    Accumulator, AccumulatorOverflow, Array, Coding, Dataflow, Drain, DrainOrder, KernelAxis, LaneMap, Level,
    Load, LoadKind, Mirror, Operand, Order, Parts, Skew, Start, SumRegister, Switch,
};
use goldpath::lower::{Numbers, Program};
use goldpath::num::{Format, Overflow, Rounding, product_format};
use goldpath::post::{self, Op, Parameter, Per, Step, Table, When};

use super::designs::{self, mended::takes_after};
use super::work::Random;

pub const RULES: [Overflow; 3] = [Overflow::Wrap, Overflow::Saturate, Overflow::SaturateSymmetric];
pub const ACCUMULATORS: [AccumulatorOverflow; 4] = [
    AccumulatorOverflow::Wrap,
    AccumulatorOverflow::Saturate,
    AccumulatorOverflow::SaturateSymmetric,
    AccumulatorOverflow::SaturateOutput,
];

fn format(random: &mut Random, widths: std::ops::RangeInclusive<i64>) -> Format {
    let width = random.within(*widths.start(), *widths.end()) as u32;
    Format::new(width, random.below(4) > 0).unwrap_or(Format::signed(width).unwrap())
}

/// An operand; an offset's values are those whose negative is a code, so that idle lanes have one.
fn operand(random: &mut Random, name: &str, per: Per, parameters: &mut Vec<Parameter>) -> Operand {
    let format = format(random, 1..=16);
    let (min, max) = (-format.max(), -format.min());
    let offset = match random.below(4) {
        0 => post::Operand::Constant(random.within(min, max)),
        1 => {
            let holding = Format::holding(i128::from(min), i128::from(max)).unwrap();
            let name = name.to_string();
            parameters.push(Parameter::new(name, holding, per).within(min, max));
            post::Operand::Parameter(parameters.len() - 1)
        }
        _ => return Operand { format, offset: None, sum: format, recode: None, coding: Coding::Integer },
    };
    let (low, high) = (format.min() + min, format.max() + max);
    let sum = Format::holding(i128::from(low.min(-1)), i128::from(high)).unwrap();
    Operand { format, offset: Some(offset), sum, recode: None, coding: Coding::Integer }
}

fn levels(random: &mut Random, lanes: usize) -> Vec<Level> {
    let count = if lanes == 1 { 0 } else { random.below(4) };
    let level = |index: usize, random: &mut Random| Level {
        id: format!("reduce.{index}"),
        group: random.pick(&[2, 2, 2, 3, 4]),
        stride: random.pick(&[1, 1, 2, 3]),
        format: format(random, 2..=40),
        overflow: random.pick(&RULES),
        latency: random.below(3) as u32,
    };
    (0..count).map(|index| level(index, random)).collect()
}

/// Levels behind the last beat for a design that has a place for them: what its own levels leave has an accumulator each.
pub fn add_after(design: &mut Parts, random: &mut Random) {
    while design.reduce.iter().fold(design.array.lanes, |inputs, level| level.outputs(inputs)) == 1 {
        design.reduce.pop();
    }
    let mut terms = design.reduce.iter().fold(design.array.lanes, |inputs, level| level.outputs(inputs));
    let near = i64::from(design.accumulator.register.width());
    while terms > 1 {
        let closes = design.after.len() == 2 || random.below(2) == 0;
        let level = Level {
            id: format!("reduce.{}", design.reduce.len() + design.after.len()),
            group: if closes { terms + random.below(2) } else { 2 },
            stride: if closes { 1 } else { random.pick(&[1, 1, 2]) },
            format: format(random, (near - 2).max(1)..=(near + 1).min(63)),
            overflow: random.pick(&RULES),
            latency: random.below(3) as u32,
        };
        terms = level.outputs(terms);
        design.after.push(level);
    }
}

fn number(random: &mut Random, parameters: &mut Vec<Parameter>, low: i64, high: i64) -> post::Operand {
    if random.below(2) == 0 {
        return post::Operand::Constant(random.within(low, high));
    }
    let name = format!("p{}", parameters.len());
    let format = Format::holding(i128::from(low), i128::from(high)).unwrap();
    let per = random.pick(&[Per::Layer, Per::Channel]);
    parameters.push(Parameter::new(name, format, per).within(low, high));
    post::Operand::Parameter(parameters.len() - 1)
}

fn op(random: &mut Random, parameters: &mut Vec<Parameter>) -> Op {
    let rounding = random.pick(&Rounding::ALL);
    match random.below(11) {
        0 => Op::Add(number(random, parameters, -70000, 70000)),
        1 => Op::Subtract(number(random, parameters, -300, 300)),
        2 => Op::Multiply(number(random, parameters, -1 << 31, (1 << 31) - 1)),
        3 => Op::Max(number(random, parameters, -10, 10)),
        4 => Op::Min(number(random, parameters, -10, 1000)),
        5 => Op::ShiftLeft(number(random, parameters, 0, 20)),
        6 => Op::ShiftRight(number(random, parameters, 0, 70), rounding, None),
        7 => Op::Clamp { low: number(random, parameters, -200, 0), high: number(random, parameters, 0, 300) },
        8 => Op::Fit,
        _ => Op::Float(Arc::new(designs::float(random)), rounding),
    }
}

fn steps(random: &mut Random, parameters: &mut Vec<Parameter>) -> Vec<Step> {
    let count = random.below(5);
    let mut steps = Vec::new();
    for index in 0..count {
        let (id, op) = (format!("post.{index}"), op(random, parameters));
        let (format, overflow) = (format(random, 1..=64), random.pick(&RULES));
        steps.push(Step::new(&id, op, Some(format), overflow, random.below(3) as u32));
    }
    // A product of more than 64 bits is fused with the shift behind it (R8).
    if random.below(4) == 0 {
        let value = number(random, parameters, 1 << 40, 1 << 50);
        let product = Op::Multiply(value);
        let shift = Op::ShiftRight(number(random, parameters, 20, 60), random.pick(&Rounding::ALL), None);
        let at = steps.len();
        let id = |index: usize| format!("post.{index}");
        let overflow = random.pick(&RULES);
        steps.push(Step::new(&id(at), product, None, overflow, 0));
        let latency = random.below(2) as u32;
        let format = Some(format(random, 8..=33));
        steps.push(Step::new(&id(at + 1), shift, format, overflow, latency));
    }
    steps
}

/// A step of any kind, those inside steps included, at most so deep.
fn any_step(random: &mut Random, parameters: &mut Vec<Parameter>, deep: usize) -> Step {
    let rounding = random.pick(&Rounding::ALL);
    let mut value_steps = Vec::new();
    let op = match random.below(9) {
        0 | 1 => {
            let adder = Some(format(random, 2..=40));
            Op::ShiftRight(number(random, parameters, 0, 70), rounding, adder)
        }
        2 | 3 if deep > 0 => {
            value_steps = any_steps(random, parameters, deep - 1);
            let value = number(random, parameters, -900, 900);
            random.pick(&[
                Op::Add(value),
                Op::Subtract(value),
                Op::Multiply(value),
                Op::Max(value),
                Op::Min(value),
            ])
        }
        4 => {
            let values = (0..random.within(1, 12)).map(|_| random.within(-5000, 5000)).collect();
            let [first, below, above] = [9, 5000, 5000].map(|far| random.within(-far, far));
            Op::Lut(Arc::new(Table { first, values, below, above }))
        }
        5 => {
            let values = (0..random.within(1, 6)).map(|_| number(random, parameters, -300, 300)).collect();
            Op::Thresholds { values, offset: number(random, parameters, -9, 9) }
        }
        6 | 7 if deep > 0 => {
            let [negative, otherwise] = [0, 1].map(|_| any_steps(random, parameters, deep - 1));
            Op::Branch { negative, otherwise }
        }
        _ => op(random, parameters),
    };
    let (format, overflow) = (format(random, 2..=40), random.pick(&RULES));
    Step { value_steps, ..Step::new("", op, Some(format), overflow, 0) }
}

fn any_steps(random: &mut Random, parameters: &mut Vec<Parameter>, deep: usize) -> Vec<Step> {
    (0..random.below(3)).map(|_| any_step(random, parameters, deep)).collect()
}

/// Weights that are powers of two, of 1 to 4 bits of exponent.
pub fn power_of_two_weights(design: &mut Parts, random: &mut Random) {
    let (bits, signed) = (random.within(1, 4) as u32, random.below(4) > 0);
    let format = Format::new(bits + u32::from(signed), signed).unwrap();
    let most = 1_i128 << ((1 << bits) - 1);
    let sum = Format::holding(if signed { -most } else { 1 }, most).unwrap();
    design.weight = Operand { format, offset: None, sum, recode: None, coding: Coding::PowerOfTwo };
}

/// What may stand between a multiplier and an adder: a product of 0 stays 0, whatever the numbers are.
pub fn add_product_steps(design: &mut Parts, random: &mut Random) {
    let input = product_format(design.activation.sum, design.weight.sum).unwrap();
    let exact = input.width();
    for index in 0..1 + random.below(3) {
        let parameters = &mut design.parameters;
        let rounding = random.pick(&Rounding::ALL);
        let op = match random.below(10) {
            0..4 => {
                let most = i64::from(exact / 2 + 2);
                let adder = (random.below(6) == 0).then(|| format(random, 2..=i64::from(exact) + 2));
                Op::ShiftRight(number(random, parameters, 0, most), rounding, adder)
            }
            4 => Op::ShiftLeft(number(random, parameters, 0, 3)),
            5 => {
                let most = 1 << (exact / 2).min(20);
                let low = number(random, parameters, -most, 0);
                Op::Clamp { low, high: number(random, parameters, 0, most) }
            }
            6 => Op::Max(number(random, parameters, -900, 0)),
            7 => Op::Min(number(random, parameters, 0, 900)),
            _ => Op::Fit,
        };
        let near = i64::from(exact);
        let (to, overflow) = (format(random, (near / 3).max(1)..=(near + 2).min(63)), random.pick(&RULES));
        design.product_steps.push(Step::new(&format!("product.steps.{index}"), op, Some(to), overflow, 0));
        // Half of a shift may leave a narrow adder, even of 0.
        if !keeps_no_product(design, input) {
            design.product_steps[index].op = Op::Fit;
        }
    }
    // Half of a quotient that a shift rounds by hand.
    if random.below(4) == 0 {
        let half = post::Operand::Constant(1 << random.below(4));
        let wide = Format::signed((exact + 6).min(64));
        let count = post::Operand::Constant(5);
        let shift = Op::ShiftRight(count, Rounding::Floor, None);
        for op in [Op::Add(half), shift] {
            let id = format!("product.steps.{}", design.product_steps.len());
            design.product_steps.push(Step::new(&id, op, wide, Overflow::Saturate, 0));
        }
    }
    assert!(keeps_no_product(design, input), "{:?}", design.product_steps);
}

/// As [`goldpath::design::Design::keeps_no_product`], of one that is not yet made.
fn keeps_no_product(parts: &Parts, input: Format) -> bool {
    let (parameters, steps) = (&parts.parameters, &parts.product_steps);
    let ranges = post::Program { input, parameters, steps }.ranges((0, 0));
    ranges.iter().all(|range| range.always_fits) && ranges.last().is_none_or(|range| range.fitted == (0, 0))
}

/// A random design whose post steps are of any kind, some of whose products go through steps, and some of whose weights are
/// powers of two.
pub fn language(random: &mut Random) -> Parts {
    let mut design = design(random);
    design.post.clear();
    for index in 0..1 + random.below(4) {
        let mut step = any_step(random, &mut design.parameters, 2);
        (step.id, step.latency) = (format!("post.{index}"), random.below(3) as u32);
        if random.below(3) == 0 {
            let (format, per) = (Format::unsigned(1).unwrap(), Per::Layer);
            let name = format!("p{}", design.parameters.len());
            let bit = Parameter::new(name, format, per).within(0, 1);
            design.parameters.push(bit);
            let bit = post::Operand::Parameter(design.parameters.len() - 1);
            let wire = step.latency > 0 && random.below(2) == 0;
            step.when = Some(When { bit, is: random.below(2) == 0, wire });
        }
        design.post.push(step);
    }
    if random.below(4) == 0 {
        power_of_two_weights(&mut design, random);
    }
    if random.below(2) == 0 {
        add_product_steps(&mut design, random);
    }
    design
}

fn array(random: &mut Random) -> Array {
    let mut array = straight(random);
    let kinds = [Mirror::Columns, Mirror::Rows];
    let allowed = [array.columns > 1, array.rows > 1 && !array.sums_travel()];
    let allowed: Vec<Mirror> =
        kinds.into_iter().zip(allowed).filter(|(_, is)| *is).map(|(kind, _)| kind).collect();
    if !allowed.is_empty() && random.below(4) == 0 {
        array.mirror = random.pick(&allowed);
    }
    array
}

/// PEs are counted as their outputs are.
fn straight(random: &mut Random) -> Array {
    match random.below(7) {
        0 => Array { lanes: random.pick(&[1, 1, 1, 3]), ..banks(random) },
        1 => Array {
            dataflow: Dataflow::Tree,
            columns: random.pick(&[1, 1, 2, 5]),
            lanes: random.within(1, 9) as usize,
            ..banks(random)
        },
        2..4 => travelling(random),
        _ => {
            let (columns, hop) = (random.within(1, 5) as usize, random.below(4) as u32);
            Array {
                dataflow: Dataflow::OutputStationary,
                rows: random.within(1, 5) as usize,
                columns,
                lanes: random.pick(&[1, 1, 2, 3, 4]),
                hop_activation: hop,
                hop_weight: random.below(4) as u32,
                skew: random.pick(&[Skew::Host, Skew::Internal]),
                drain: Some(drain(random, hop > 0 || columns == 1)),
                ..designs::sequential()
            }
        }
    }
}

/// One MAC with one accumulator, or several.
fn banks(random: &mut Random) -> Array {
    let banks = random.pick(&[1, 1, 1, 2, 3, 5]);
    Array { banks, loop_latency: random.within(1, banks as i64) as u32, ..designs::sequential() }
}

/// Any way out of a grid in which sums stay, the fast engine's most often.
fn drain(random: &mut Random, diagonal: bool) -> Drain {
    let latency = random.below(3) as u32;
    let orders = [DrainOrder::Rows, DrainOrder::Columns, DrainOrder::Parallel, DrainOrder::Diagonal];
    let order = orders[random.below(if diagonal { 4 } else { 3 })];
    match random.below(2) {
        0 => Drain { latency, ..Drain::ROWS },
        _ if matches!(order, DrainOrder::Parallel | DrainOrder::Diagonal) => {
            Drain { order, first: false, capture: false, latency }
        }
        _ => Drain { order, first: random.below(2) == 0, capture: random.below(2) == 0, latency },
    }
}

/// Weights or activations stay, and sums travel.
fn travelling(random: &mut Random) -> Array {
    let turned = random.below(2) == 0;
    let hop = random.below(4) as u32;
    let kind = random.pick(&[LoadKind::Row, LoadKind::Shift, LoadKind::AtOnce]);
    let switch = match kind {
        LoadKind::AtOnce => random.pick(&[None, Some(Switch::Wave)]),
        _ => random.pick(&[None, Some(Switch::Wave), Some(Switch::Global)]),
    };
    Array {
        dataflow: if turned { Dataflow::InputStationary } else { Dataflow::WeightStationary },
        rows: random.within(1, 5) as usize,
        columns: random.within(1, 5) as usize,
        lanes: random.pick(&[1, 1, 2, 3]),
        hop_activation: if turned { 0 } else { hop },
        hop_weight: if turned { hop } else { 0 },
        hop_sum: random.within(1, 3) as u32,
        skew: random.pick(&[Skew::Host, Skew::Internal]),
        sum_register: random.pick(&[SumRegister::After, SumRegister::Before]),
        load: Some(Load { kind, switch, clears_sums: switch.is_none() && random.below(2) == 0 }),
        ..designs::sequential()
    }
}

fn accumulator(random: &mut Random, products: u32) -> Accumulator {
    let overflow = random.pick(&ACCUMULATORS);
    let start = random.pick(&[Start::Zero, Start::Bias, Start::Overwrite]);
    // Near the products' own width, so that it overflows now and then, but not always.
    let near = i64::from(products);
    let format = format(random, (near - 3).max(1)..=(near + 4).min(63));
    let register = match overflow {
        AccumulatorOverflow::SaturateOutput => {
            Format::new(format.width() + random.below(2) as u32, format.is_signed()).unwrap_or(format)
        }
        _ => format,
    };
    Accumulator { format, register, overflow, start, bias: None }
}

/// A random design.
pub fn design(random: &mut Random) -> Parts {
    let mut parameters = Vec::new();
    let activation = operand(random, "activation_offset", Per::Layer, &mut parameters);
    let per = random.pick(&[Per::Layer, Per::Channel]);
    let weight = operand(random, "weight_offset", per, &mut parameters);
    let mut array = array(random);
    let mut accumulator = accumulator(random, activation.sum.width() + weight.sum.width());
    if accumulator.start == Start::Bias {
        accumulator.bias = Some(parameters.len());
        // Wider than the accumulator now and then: the start value is fitted, too.
        let format = format(random, 8..=33);
        let (min, max) = (format.min(), format.max());
        let name = "bias".to_string();
        parameters.push(Parameter::new(name, format, Per::Channel).within(min, max).or(0));
    }
    if accumulator.start == Start::Zero && !array.sums_travel() {
        array.clears_at_once = random.below(2) == 0;
    }
    let post = steps(random, &mut parameters);
    let axes = [KernelAxis::Kh, KernelAxis::Kw, KernelAxis::Cin];
    let mut design = Parts {
        name: "random".to_string(),
        activation,
        weight,
        operand_latency: random.below(4) as u32,
        product_latency: random.below(3) as u32,
        reduce: levels(random, array.lanes),
        accumulator,
        array,
        post,
        parameters,
        order: Order {
            kernel: axes,
            lane_map: random.pick(&[LaneMap::Adjacent, LaneMap::Strided]),
            down_first: random.below(2) == 0,
            max_k: None,
        },
        ..designs::mac_s8_acc32().into()
    };
    if takes_after(&design) && random.below(3) > 0 {
        add_after(&mut design, random);
    }
    design
}

/// A value for every parameter, inside its limits.
fn numbers(design: &Parts, channels: usize, random: &mut Random) -> Numbers {
    let mut numbers = Numbers::new();
    for parameter in &design.parameters {
        let count = if parameter.per == Per::Channel { channels } else { 1 };
        let values = (0..count).map(|_| random.within(parameter.min, parameter.max)).collect();
        numbers.insert(parameter.name.clone(), values);
    }
    numbers
}

/// So many products of an output, or what there is room for where sums travel.
pub fn room(design: &Parts, k: usize) -> usize {
    match design.array.column_products() {
        Some(most) if design.memory.is_none() => k.min(most),
        _ => k,
    }
}

/// A random product for a design, ragged more often than not.
pub fn program(parts: Parts, random: &mut Random) -> Program {
    let design = designs::drawn(parts);
    let [m, mut k, n] = [1 + random.below(9), 1 + random.below(20), 1 + random.below(9)];
    k = room(&design, k);
    let extreme = random.below(3) == 0;
    let a = random.matrix([m, k], design.activation.format, extreme);
    let w = random.matrix([k, n], design.weight.format, extreme);
    let numbers = numbers(&design, n, random);
    Program::matrix(Arc::new(design), a.view(), w.view(), &numbers).unwrap()
}

/// A requantizer alone: values of any format, any steps, some of which the layer switches off, with their registers or without.
pub fn post_only(random: &mut Random) -> Parts {
    let format = format(random, 1..=64);
    let (name, per, min, max) = ("value".to_string(), Per::Channel, format.min(), format.max());
    let mut parameters = vec![Parameter::new(name, format, per).within(min, max)];
    let mut post = steps(random, &mut parameters);
    for step in post.iter_mut().filter(|step| step.latency > 0) {
        if random.below(3) > 0 {
            continue;
        }
        let (name, format) = (format!("p{}", parameters.len()), Format::unsigned(1).unwrap());
        let (per, min, max) = (Per::Layer, 0, 1);
        parameters.push(Parameter::new(name, format, per).within(min, max));
        let bit = post::Operand::Parameter(parameters.len() - 1);
        step.when = Some(When { bit, is: random.below(2) == 0, wire: random.below(2) == 0 });
    }
    let one_bit = Format::unsigned(1).unwrap();
    let operand =
        Operand { format: one_bit, offset: None, sum: one_bit, recode: None, coding: Coding::Integer };
    let overflow = AccumulatorOverflow::Wrap;
    Parts {
        name: "random".to_string(),
        activation: operand,
        weight: operand,
        operand_latency: 0,
        product_latency: 0,
        accumulator: Accumulator { format, register: format, overflow, start: Start::Value, bias: Some(0) },
        array: Array { dataflow: Dataflow::PostOnly, ..designs::sequential() },
        post,
        parameters,
        ..designs::mac_s8_acc32().into()
    }
}

/// Values for one, each with the numbers of its own channel.
pub fn values(parts: Parts, random: &mut Random) -> Program {
    let n = 1 + random.below(40);
    values_of(parts, n, random)
}

/// So many.
pub fn values_of(parts: Parts, n: usize, random: &mut Random) -> Program {
    let design = designs::drawn(parts);
    let numbers = numbers(&design, n, random);
    let zeros = |shape: [usize; 2]| ndarray::Array2::<i64>::zeros(shape);
    Program::matrix(Arc::new(design), zeros([1, 1]).view(), zeros([1, n]).view(), &numbers).unwrap()
}
