//! Convolutions from the layer's raw tensors: padding, stride, dilation, groups, kernel order, zero points in front of
//! the multiplier or in the start value.

use std::sync::Arc;

use goldpath::design::{
    Accumulator, AccumulatorOverflow, Array, Dataflow, Design, Drain, KernelAxis, LaneMap, Level, Parts,
    Recode, Start,
};
use goldpath::functional::{self, Prepared};
use goldpath::lower::Program;
use goldpath::network::{Carrier, DType, Geometry, Layer, Padding, Weights, Window};
use goldpath::num::{Format, Overflow};
use goldpath::post::Parameter;
use goldpath::post::{self, Per};
use goldpath::simulate::{self, Options};
use ndarray::{Array2, ArrayD};
use rayon::prelude::*;

use super::cases::with_accumulator;
use super::designs::{self, f};
use super::equal::{difference, routes};
use super::oracle::convolution::{Convolution, Tensor};
use super::oracle::machine::{Machine, Number};
use super::oracle::program::{self, Work};
use super::tally::Tally;
use super::work::Random;
use super::{neutral, operands, random};

const AXES: [KernelAxis; 3] = [KernelAxis::Kh, KernelAxis::Kw, KernelAxis::Cin];
const NAMES: [&str; 3] = ["kh", "kw", "cin"];
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// What the design does about zero points and signs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    /// Codes as they are.
    Plain,
    /// u8 codes less 128.
    Recoded,
    /// The zero point is subtracted in front of the multiplier.
    Offset,
    /// A constant is added there; what is left goes into the start value.
    Constant(i64),
}

struct Case {
    design: Design,
    layer: Layer,
    input: ArrayD<i32>,
    raw: Convolution,
    sides: [Side; 2],
}

fn tensor(random: &mut Random, shape: [usize; 4], dtype: DType, spread: &str) -> Tensor {
    let (format, k) = (dtype.format().unwrap(), shape[1..].iter().product());
    Tensor { shape, values: operands::codes(random, [shape[0], k], format, spread).into_iter().collect() }
}

fn codes(tensor: &Tensor) -> ArrayD<i32> {
    let codes = tensor.values.iter().map(|code| i32::try_from(*code).unwrap()).collect();
    ArrayD::from_shape_vec(tensor.shape.to_vec(), codes).unwrap()
}

/// Random geometry and tensors; `order` indexes [`NAMES`].
fn raw(random: &mut Random, dtypes: [DType; 2], order: [usize; 3], weight_zero_points: bool) -> Convolution {
    let depthwise = random.below(5) == 0;
    let (groups, cin) = if depthwise {
        (random.pick(&[3, 8]), 1)
    } else {
        (random.pick(&[1, 1, 2, 3]), random.pick(&[1, 2, 3, 7, 16]))
    };
    let n = if depthwise { random.pick(&[1, 2]) } else { random.pick(&[1, 3, 5, 16, 17]) };
    let kernel = [random.pick(&[1, 2, 3, 5]), random.pick(&[1, 3, 3, 4])];
    let spreads = [0; 2].map(|_| random.pick(&operands::SPREADS));
    let [images, height, width] =
        [random.pick(&[1, 1, 2, 3]), random.pick(&[9, 10, 13]), random.pick(&[9, 11])];
    let channels = groups * n;
    let input = tensor(random, [images, groups * cin, height, width], dtypes[0], spreads[0]);
    let weights = tensor(random, [channels, cin, kernel[0], kernel[1]], dtypes[1], spreads[1]);
    let [x, w] = dtypes.map(|dtype| dtype.format().unwrap());
    let extreme = random.below(3) == 0;
    let zero_point = random.code(x, extreme);
    let weight_zero_point = |random: &mut Random| if weight_zero_points { random.code(w, false) } else { 0 };
    Convolution {
        groups,
        stride: [0; 2].map(|_| random.pick(&[1, 1, 2, 3])),
        dilation: [0; 2].map(|_| random.pick(&[1, 1, 2])),
        padding: random.pick(&["explicit", "explicit", "same_upper", "same_lower"]),
        pads: [0; 4].map(|_| random.below(4)),
        order: order.map(|axis| NAMES[axis]),
        input,
        zero_point,
        weight_zero_points: (0..channels).map(|_| weight_zero_point(random)).collect(),
        bias: (0..channels).map(|_| random.within(-40_000, 40_000)).collect(),
        weights,
    }
}

fn layer(raw: &Convolution, dtypes: [DType; 2]) -> Layer {
    let int = |values: &[i64]| values.iter().map(|v| i32::try_from(*v).unwrap()).collect::<Vec<i32>>();
    let window = Window {
        kernel: [raw.weights.shape[2], raw.weights.shape[3]],
        stride: raw.stride,
        dilation: raw.dilation,
        padding: match raw.padding {
            "explicit" => Padding::Explicit(raw.pads),
            "same_upper" => Padding::SameUpper,
            _ => Padding::SameLower,
        },
        ceil: false,
    };
    Layer {
        name: "conv".to_string(),
        input: "x".to_string(),
        output_name: "y".to_string(),
        geometry: Geometry::Convolution { groups: raw.groups, window },
        input_carrier: Carrier { dtype: dtypes[0], scale: 0.5, zero_point: raw.zero_point as i32 },
        weights: Weights {
            codes: codes(&raw.weights),
            dtype: dtypes[1],
            scales: vec![0.01],
            zero_points: int(&raw.weight_zero_points),
        },
        bias: Some(int(&raw.bias)),
        output: None,
        low: -128,
        high: 127,
    }
}

fn array(design: &mut Parts, random: &mut Random) {
    design.reduce.clear();
    let lanes = random.pick(&[1, 1, 2, 4, 9]);
    design.array = match random.below(3) {
        0 if lanes == 1 => designs::sequential(),
        0 => Array { dataflow: Dataflow::Tree, lanes, ..designs::sequential() },
        _ => {
            let [rows, columns] = random.pick(&[[16, 16], [8, 8], [3, 5], [4, 1]]);
            let dataflow = Dataflow::OutputStationary;
            let drain = Some(Drain::ROWS);
            Array { dataflow, rows, columns, lanes: lanes.min(4), drain, ..designs::sequential() }
        }
    };
    if design.array.lanes > 1 && random.below(2) == 0 {
        let (stride, overflow) = (random.pick(&[1, 1, 2]), random.pick(&random::RULES));
        let format = f(random.pick(&["s14", "s16", "s17"]));
        design.reduce.push(Level { id: "reduce.0".into(), group: 2, stride, format, overflow, latency: 0 });
    }
    design.order.lane_map = random.pick(&[LaneMap::Adjacent, LaneMap::Strided]);
}

/// One operand's side of a design: format, offset, recoding.
fn side(design: &mut Parts, random: &mut Random, weight: bool, dtype: DType) -> Side {
    let unsigned = dtype == DType::U8;
    let side = match random.below(4) {
        0 if unsigned => Side::Recoded,
        1 if unsigned && !weight => Side::Constant(-128),
        2 | 3 => Side::Offset,
        _ => Side::Plain,
    };
    let parameters = design.parameters.len();
    let operand = if weight { &mut design.weight } else { &mut design.activation };
    *operand = designs::operand(if unsigned && side != Side::Recoded { "u8" } else { "s8" });
    match side {
        Side::Plain => {}
        Side::Recoded => operand.recode = Some(Recode::Minus128),
        Side::Constant(value) => {
            (operand.offset, operand.sum) = (Some(post::Operand::Constant(value)), f("s9"));
        }
        Side::Offset => {
            (operand.offset, operand.sum) = (Some(post::Operand::Parameter(parameters)), f("s9"));
            let (name, per) =
                if weight { ("weight_offset", Per::Channel) } else { ("activation_offset", Per::Layer) };
            let code = operand.format;
            design.parameters.push(designs::offset(name, per, code));
        }
    }
    side
}

const WIDTHS: [&str; 12] =
    ["s12", "s16", "s16", "s18", "s20", "s20", "s24", "s31", "s32", "s33", "s48", "u20"];

fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let dtypes = [0; 2].map(|_| random.pick(&[DType::I8, DType::U8]));
    let mut design = random::design(&mut random);
    design.after.clear();
    // The layer brings none of a random design's numbers: they are drawn afterwards.
    for parameter in &mut design.parameters {
        parameter.default = Some(parameter.min);
        if parameter.name.ends_with("_offset") {
            parameter.name.insert_str(0, "unused_");
        }
    }
    array(&mut design, &mut random);
    let sides = [0, 1].map(|i| side(&mut design, &mut random, i == 1, dtypes[i]));
    let order = random.pick(&ORDERS);
    design.order.kernel = order.map(|axis| AXES[axis]);
    let (format, overflow) = (f(random.pick(&WIDTHS)), random.pick(&random::ACCUMULATORS));
    let wider = Format::new(format.width() + random.below(8) as u32, format.is_signed()).unwrap();
    let register = if overflow == AccumulatorOverflow::SaturateOutput { wider } else { format };
    let accumulator = Accumulator { format, register, overflow, start: Start::Bias, bias: None };
    with_accumulator(&mut design, accumulator, f("s40"));
    // A zero point the design cannot subtract must be 0 behind the recoding.
    let mut raw = loop {
        let raw = raw(&mut random, dtypes, order, sides[1] == Side::Offset);
        if raw.output().iter().all(|extent| *extent > 0) {
            break raw;
        }
    };
    if sides[1] == Side::Recoded {
        raw.weight_zero_points.fill(128);
    }
    if random.below(3) == 0 && sides[1] != Side::Offset {
        raw.weight_zero_points.truncate(1);
    }
    let layer = layer(&raw, dtypes);
    let all = raw.weight_zero_points[0];
    raw.weight_zero_points.resize(raw.weights.shape[0], all);
    let input = codes(&raw.input);
    Case { design: designs::drawn(design), layer, input, raw, sides }
}

/// A layer on a design, its other numbers drawn.
fn lowered(case: &Case, seed: u64, what: &str) -> Program {
    let mut random = Random::new(seed + 1_000_000);
    let layer = Program::layer(Arc::new(case.design.clone()), &case.layer, &case.input);
    let mut program = layer.unwrap_or_else(|error| panic!("{what}: {error}"));
    let known = ["bias", "activation_offset", "weight_offset"];
    let drawn: Vec<(usize, &Parameter)> =
        case.design.parameters.iter().enumerate().filter(|(_, p)| !known.contains(&&*p.name)).collect();
    for (index, parameter) in drawn {
        let values = &mut std::sync::Arc::make_mut(&mut program.parameters)[index];
        values.iter_mut().for_each(|value| *value = random.within(parameter.min, parameter.max));
    }
    program
}

/// A random convolution on a random design.
pub fn program(seed: u64) -> Program {
    lowered(&case(seed), seed, "convolution")
}

/// The oracle's machine and operands: offsets and start from the raw layer, the rest as drawn.
fn expected(case: &Case, parameters: &[Vec<i64>]) -> (Machine, Work) {
    let recoding = case.sides.map(|side| if side == Side::Recoded { 128 } else { 0 });
    let mut machine = neutral::machine(&case.design, parameters);
    let zero_point = case.raw.zero_point - recoding[0];
    let (offset, left) = match case.sides[0] {
        Side::Offset => (-zero_point, 0),
        Side::Constant(value) => (value, zero_point + value),
        _ => (0, zero_point),
    };
    machine.activation_offset = Number(vec![offset]);
    if case.sides[1] == Side::Offset {
        machine.weight_offset = Number(case.raw.weight_zero_points.iter().map(|z| -z).collect());
    }
    machine.bias = Some(case.raw.folded_bias(left));
    (machine, case.raw.work(recoding[0], recoding[1]))
}

fn check(seed: u64) -> Tally {
    let case = case(seed);
    compared(&case, seed, &format!("convolution seed {seed}: {:?}", case.sides))
}

fn compared(case: &Case, seed: u64, what: &str) -> Tally {
    let program = lowered(case, seed, what);
    let (machine, work) = expected(case, &program.parameters);
    let expected = program::run(&machine, &work);
    let found = functional::run(&program, true);
    difference(&expected, &found).unwrap_or_else(|why| panic!("{what}: {why}\n{:#?}", case.raw));
    let mut tally = Tally::default();
    routes(&program, &expected, &mut tally).unwrap_or_else(|why| panic!("{what}: {why}\n{:#?}", case.raw));
    let prefixes = functional::prefixes(&program);
    for (found, expected) in
        [(&prefixes.sums, &expected.sums), (&prefixes.low, &expected.lows), (&prefixes.high, &expected.highs)]
    {
        assert!(found.iter().zip(expected).all(|(f, e)| i128::from(*f) == *e), "{what}: prefixes");
    }
    let array = &case.design.array;
    let registers = (array.rows * array.columns * array.lanes) as u64;
    if simulate::Timing::new(&program).total_cycles() * registers < 1_000_000 {
        let run = simulate::run(&program, Options { counts: true, ..Default::default() }, &mut []).unwrap();
        assert_eq!(run.outcome, found, "{what}: cycle engine");
        tally.cycle_outputs += found.outputs.len() as u64;
    }
    tally.cases += 1;
    tally.outputs += found.outputs.len() as u64;
    tally.macs += (found.outputs.len() * work.k) as u64;
    note(&mut tally, case, &expected);
    tally
}

fn note(tally: &mut Tally, case: &Case, outcome: &program::Outcome) {
    let accumulator = outcome.nodes.iter().find(|(id, ..)| id == "accumulator").unwrap();
    let overflow = case.design.accumulator.overflow;
    tally.add(format!("accumulator {overflow:?} high"), accumulator.1);
    tally.add(format!("accumulator {overflow:?} low"), accumulator.2);
    for (axis, side) in ["activation", "weight"].iter().zip(case.sides) {
        tally.add(format!("{axis} {side:?}"), 1);
    }
    tally.add(format!("order {:?}", case.raw.order), 1);
    tally.add(format!("padding {}", case.raw.padding), 1);
    tally.add(format!("groups {}", case.raw.groups), 1);
    tally.add(format!("images {}", case.raw.input.shape[0]), 1);
    for (what, values) in [("stride", case.raw.stride), ("dilation", case.raw.dilation)] {
        tally.add(format!("{what} {}", values.iter().max().unwrap()), 1);
    }
    tally.add(format!("levels {}", case.design.reduce.len()), 1);
}

fn run(cases: u64) -> Tally {
    let tally = (0..cases).into_par_iter().map(check).reduce(Tally::default, Tally::merge);
    tally.print("convolutions");
    for overflow in random::ACCUMULATORS {
        for side in ["high", "low"] {
            tally.at_least(&format!("accumulator {overflow:?} {side}"), 200);
        }
    }
    for order in ORDERS {
        tally.at_least(&format!("order {:?}", order.map(|axis| NAMES[axis])), 5);
    }
    for what in [
        "activation Plain",
        "activation Recoded",
        "activation Offset",
        "activation Constant(-128)",
        "weight Plain",
        "weight Recoded",
        "weight Offset",
        "padding explicit",
        "padding same_upper",
        "padding same_lower",
        "groups 8",
        "images 3",
        "stride 3",
        "dilation 2",
        "levels 1",
    ] {
        tally.at_least(what, 5);
    }
    tally
}

#[test]
fn convolutions() {
    assert!(run(300).outputs >= 100_000);
}

/// Thousands of images of one output each, and none of them takes part in another's.
#[test]
fn many_small_images() {
    for (images, seed) in [(1, 1), (4095, 2), (4096, 3), (4097, 4), (9000, 5)] {
        let mut random = Random::new(seed);
        let mut case = loop {
            let case = case(random.below(10_000) as u64);
            if case.sides == [Side::Offset, Side::Plain] && case.raw.padding == "explicit" {
                break case;
            }
        };
        case.raw.pads = [1, 0, 0, 1];
        case.raw.dilation = [1; 2];
        let [_, depth, ..] = case.raw.input.shape;
        let [_, _, kh, kw] = case.raw.weights.shape;
        let shape = [images, depth, kh.max(2) - 1, kw.max(2) - 1];
        case.raw.input = tensor(&mut random, shape, case.layer.input_carrier.dtype, "even");
        case.input = codes(&case.raw.input);
        case.layer = layer(&case.raw, [case.layer.input_carrier.dtype, case.layer.weights.dtype]);
        let tally = compared(&case, seed, &format!("{images} images"));
        println!("{images} images: {} outputs, 0 differences", tally.outputs);
        assert!(tally.outputs >= images as u64);
    }
}

/// An analysis does not serve another geometry, even where all the numbers are the same.
#[test]
fn another_geometry_is_not_served() {
    let served = |one: &Program, other: &Program| {
        [true, false].map(|counts| Prepared::new(one, functional::Options::new(counts)).serves(other, counts))
    };
    let design = Arc::new(designs::mac_s8_acc16sat());
    let product = |shape: [usize; 3]| {
        let [m, k, n] = shape;
        let (a, w) = (Array2::zeros([m, k]), Array2::from_elem([k, n], 3));
        Program::matrix(design.clone(), a.view(), w.view(), &[("shift".to_string(), vec![1])].into()).unwrap()
    };
    assert_eq!(served(&product([2, 4, 6]), &product([5, 4, 6])), [true; 2]);
    assert_eq!(served(&product([2, 4, 6]), &product([2, 6, 4])), [false; 2]);
    let convolution = |kernel: [usize; 2], stride, size: usize| {
        let raw = Convolution {
            groups: 1,
            stride: [stride, 1],
            dilation: [1; 2],
            padding: "explicit",
            pads: [0; 4],
            order: NAMES,
            input: Tensor { shape: [1, 1, size, size], values: vec![1; size * size] },
            weights: Tensor { shape: [1, 1, kernel[0], kernel[1]], values: vec![1, -2] },
            zero_point: 0,
            weight_zero_points: vec![0],
            bias: vec![0],
        };
        let layer = layer(&raw, [DType::I8; 2]);
        Program::layer(design.clone(), &layer, &codes(&raw.input)).unwrap()
    };
    let one = convolution([2, 1], 1, 6);
    assert_eq!(served(&one, &convolution([2, 1], 1, 6)), [true; 2]);
    assert_eq!(served(&one, &convolution([1, 2], 1, 6)), [false; 2]);
    // What a run takes from its own program may differ; the result is that program's.
    for other in [convolution([2, 1], 2, 6), convolution([2, 1], 1, 7)] {
        for counts in [true, false] {
            let prepared = Prepared::new(&one, functional::Options::new(counts));
            if prepared.serves(&other, counts) {
                assert_eq!(prepared.run(&other), functional::run_plain(&other, counts));
            }
        }
    }
}

#[test]
#[ignore = "long: cargo test --test functional -- --ignored --nocapture"]
fn many_convolutions() {
    let tally = run(3000);
    assert!(tally.outputs >= 3_000_000 && tally.cycle_outputs >= 1_000_000);
}

/// Overflow rules of levels come up, too.
#[test]
fn every_rule_has_a_name() {
    assert_eq!(Overflow::ALL.map(neutral::rule), super::oracle::OVERFLOWS);
}
