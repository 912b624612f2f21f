//! Families of designs and operands, each case drawn from a seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use goldpath::design::{
    Accumulator, AccumulatorOverflow, Array, Dataflow, Design, Drain, LaneMap, Level, Operand, Parts, Skew,
    Start,
};
use goldpath::lower::{Numbers, Program};
use goldpath::num::{Format, Overflow, Rounding};
use goldpath::post::{self, Op, Parameter, Per, Step};
use ndarray::{Array2, s};

use super::designs::{self, f, operand};
use super::oracle::machine::Machine;
use super::oracle::program::Work;
use super::work::{self, Random};
use super::{directed, neutral, operands, random};

/// A design with its operands, for the engines and for the oracle.
#[derive(Clone)]
pub struct Case {
    pub family: &'static str,
    pub seed: u64,
    pub spread: &'static str,
    pub design: Arc<Design>,
    /// `[m][k]` and `[k][n]`.
    pub activations: Array2<i64>,
    pub weights: Array2<i64>,
    pub numbers: Numbers,
}

pub const FAMILIES: [&str; 10] = [
    "anything",
    "widths",
    "special",
    "groups",
    "near 2^31",
    "near 2^63",
    "rails",
    "return",
    "rare",
    "bounds",
];

pub const KS: [usize; 19] = [1, 2, 3, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257, 1000, 4608];
pub const NS: [usize; 10] = [1, 15, 16, 17, 31, 32, 33, 64, 65, 100];
pub const MS: [usize; 6] = [1, 2, 5, 6, 7, 13];

/// Accumulators that routes are made for: format, and the register's where it is another.
pub const ACCUMULATORS: [(&str, &str, AccumulatorOverflow); 24] = [
    ("s16", "s16", AccumulatorOverflow::Saturate),
    ("s16", "s16", AccumulatorOverflow::Wrap),
    ("s16", "s16", AccumulatorOverflow::SaturateSymmetric),
    ("s15", "s15", AccumulatorOverflow::Saturate),
    ("s17", "s17", AccumulatorOverflow::Saturate),
    ("u16", "u16", AccumulatorOverflow::Saturate),
    ("s12", "s12", AccumulatorOverflow::Wrap),
    ("s20", "s20", AccumulatorOverflow::Saturate),
    ("s20", "s20", AccumulatorOverflow::Wrap),
    ("s20", "s20", AccumulatorOverflow::SaturateSymmetric),
    ("s16", "s20", AccumulatorOverflow::SaturateOutput),
    ("s20", "s20", AccumulatorOverflow::SaturateOutput),
    ("s16", "s32", AccumulatorOverflow::SaturateOutput),
    ("s24", "s24", AccumulatorOverflow::Saturate),
    ("s24", "s24", AccumulatorOverflow::Wrap),
    ("s31", "s31", AccumulatorOverflow::Saturate),
    ("u31", "u31", AccumulatorOverflow::Wrap),
    ("s32", "s32", AccumulatorOverflow::Wrap),
    ("s32", "s32", AccumulatorOverflow::Saturate),
    ("u32", "u32", AccumulatorOverflow::Saturate),
    ("s33", "s33", AccumulatorOverflow::Saturate),
    ("s33", "s33", AccumulatorOverflow::Wrap),
    ("s48", "s48", AccumulatorOverflow::Saturate),
    ("s64", "s64", AccumulatorOverflow::Wrap),
];

const OPERANDS: [(&str, &str); 12] = [
    ("s8", "s8"),
    ("s8", "s8"),
    ("u8", "s8"),
    ("s8", "u8"),
    ("u8", "u8"),
    ("s4", "s4"),
    ("u4", "s8"),
    ("s16", "s8"),
    ("s16", "s16"),
    ("u16", "s16"),
    ("s1", "s1"),
    ("u1", "s3"),
];

impl Case {
    pub fn shape(&self) -> [usize; 3] {
        [self.activations.nrows(), self.activations.ncols(), self.weights.ncols()]
    }

    pub fn program(&self) -> Program {
        let built =
            Program::matrix(self.design.clone(), self.activations.view(), self.weights.view(), &self.numbers);
        built.unwrap_or_else(|error| panic!("{}: {error}", self.what()))
    }

    pub fn machine(&self) -> Machine {
        let parameters: Vec<_> =
            self.design.parameters.iter().map(|p| self.numbers[&p.name].clone()).collect();
        neutral::machine(&self.design, &parameters)
    }

    pub fn work(&self) -> Work {
        let [m, k, n] = self.shape();
        let flat = |codes: &Array2<i64>| codes.iter().copied().collect();
        let (activations, weights) = (flat(&self.activations), flat(&self.weights));
        Work { images: 1, groups: 1, m, k, n, activations, weights }
    }

    pub fn what(&self) -> String {
        let [m, k, n] = self.shape();
        let Accumulator { format, register, overflow, start, .. } = self.design.accumulator;
        format!(
            "{} seed {}: {} · {}, accumulator {format} in {register} {overflow:?} from {start:?}, {} levels, \
             lanes {}, {} operands, M {m} K {k} N {n}",
            self.family,
            self.seed,
            self.design.activation.format,
            self.design.weight.format,
            self.design.reduce.len(),
            self.design.array.lanes,
            self.spread
        )
    }

    /// The part of the case at `from`, `[m, k, n]` large.
    pub fn part(&self, from: [usize; 3], [m, k, n]: [usize; 3]) -> Case {
        let [m0, k0, n0] = from;
        let channels = |parameter: &Parameter| {
            let all = &self.numbers[&parameter.name];
            let part = if all.len() == 1 { all.clone() } else { all[n0..n0 + n].to_vec() };
            (parameter.name.clone(), part)
        };
        Case {
            activations: self.activations.slice(s![m0..m0 + m, k0..k0 + k]).to_owned(),
            weights: self.weights.slice(s![k0..k0 + k, n0..n0 + n]).to_owned(),
            numbers: self.design.parameters.iter().map(channels).collect(),
            ..self.clone()
        }
    }
}

/// Extents with at most `macs` products, at least `least` an output; half of the time as many rows as that allows.
fn extents(random: &mut Random, macs: usize, least: usize) -> [usize; 3] {
    let all: Vec<usize> = KS.into_iter().filter(|k| *k >= least).collect();
    loop {
        let small = least == 1 && random.below(2) == 0;
        let k = if small { 1 + random.below(24) } else { random.pick(&all) };
        let n = if random.below(6) == 0 { 1 + random.below(12) } else { random.pick(&NS) };
        let m = random.pick(&MS);
        if m * k * n <= macs {
            let filled = (macs / (k * n)).min(300);
            return [if random.below(2) == 0 { m } else { filled }, k, n];
        }
        // Long sums come at one output, if need be.
        if k <= macs && random.below(4) == 0 {
            let m = random.pick(&[1, 2]);
            return [m, k, random.pick(&NS).min((macs / k / m).max(1))];
        }
    }
}

pub fn case(family: &'static str, seed: u64, macs: usize) -> Case {
    let mut random = Random::new(seed);
    let design = match family {
        "anything" if random.below(2) == 0 => random::language(&mut random),
        "anything" => random::design(&mut random),
        "widths" => widths(&mut random),
        "special" => special(&mut random),
        "groups" => groups(&mut random),
        "near 2^31" => near_two_to_31(&mut random),
        "near 2^63" => near_two_to_63(&mut random),
        "bounds" => directed::proved_or_not(special(&mut random), &mut random),
        "rare" => directed::rarely(special(&mut random), &mut random),
        "return" => {
            let mut design = base(&mut random, ("s16", "s8"));
            directed::narrow(&mut design, &mut random);
            design
        }
        _ => rails(&mut random),
    };
    let design = designs::drawn(design);
    // Every eighth case has sums of several blocks.
    let least = if seed.is_multiple_of(8) && family != "return" { 255 } else { 1 };
    let macs = if least > 1 { 8 * macs } else { macs };
    let [m, mut k, n] = match family {
        "rare" => directed::rare_extents(&mut random, least),
        "bounds" => [16, random.pick(&[1, 5, 17, 63, 64, 65, 70, 128, 129, 150, 200]), 16],
        _ => extents(&mut random, macs, least),
    };
    // A tile's worth of lanes fills a beat: wide beats still come more than once.
    if !matches!(family, "rare" | "bounds") {
        k = k.max(design.array.lanes.min(8)).min((macs / (m * n)).max(1));
    }
    if matches!(family, "near 2^63" | "rails" | "bounds") {
        // Idle lanes would need a code that these offsets leave none for.
        k = k.next_multiple_of(design.array.lanes);
    }
    let k = random::room(&design, k);
    let spread = if family == "rare" { "gaussian" } else { random.pick(&operands::SPREADS) };
    // Runs on both sides cancel into one sign: the other side stays mostly positive.
    let other = match spread {
        "runs" | "long runs" | "last large" => random.pick(&["even", "sparse", "rails"]),
        _ if random.below(2) == 0 => spread,
        _ => random.pick(&operands::SPREADS),
    };
    let activations = operands::codes(&mut random, [m, k], design.activation.format, spread);
    // Sums that turn inside a block, whatever the activations.
    let other = if family == "bounds" && random.below(2) == 0 { "runs" } else { other };
    let mut weights = operands::codes(&mut random, [n, k], design.weight.format, other);
    if random.below(3) == 0 {
        // Channels of several sizes: some are proved, some are not.
        for mut channel in weights.rows_mut() {
            let divisor = random.pick(&[1, 1, 2, 8, 64, 1 << 15]);
            channel.mapv_inplace(|w| w / divisor);
        }
    }
    let weights = weights.reversed_axes();
    let numbers = work::numbers(&design, n, &mut random);
    let design = Arc::new(design);
    let mut case = Case { family, seed, spread, design, activations, weights, numbers };
    match family {
        "rails" => directed::aim(&mut case, &mut random),
        "bounds" => directed::achieve(&mut case, &mut random),
        "rare" => directed::aim_at_few(&mut case, &mut random),
        "return" => directed::return_again(&mut case, &mut random),
        _ => {}
    }
    case
}

/// Gives an accumulator that starts from a bias its parameter, in `format`.
pub fn with_accumulator(design: &mut Parts, accumulator: Accumulator, format: Format) {
    design.accumulator = Accumulator { bias: None, ..accumulator };
    if accumulator.start != Start::Bias {
        return;
    }
    let at = design.parameters.iter().position(|p| p.name == "bias").unwrap_or(design.parameters.len());
    design.accumulator.bias = Some(at);
    let (min, max) = (format.min(), format.max());
    let name = "bias".to_string();
    let bias = Parameter::new(name, format, Per::Channel).within(min, max).or(0);
    if at == design.parameters.len() { design.parameters.push(bias) } else { design.parameters[at] = bias }
}

fn start(random: &mut Random) -> Start {
    random.pick(&[Start::Zero, Start::Bias, Start::Bias, Start::Overwrite])
}

/// Every accumulator width from 1 to 64, every rule, operands as they come.
fn widths(random: &mut Random) -> Parts {
    let mut design = random::design(random);
    let signed = random.below(3) > 0;
    let width = random.within(1, if signed { 64 } else { 63 }) as u32;
    let format = Format::new(width, signed).unwrap();
    let overflow = random.pick(&random::ACCUMULATORS);
    let register = match overflow {
        AccumulatorOverflow::SaturateOutput => {
            Format::new(random.within(i64::from(width), if signed { 64 } else { 63 }) as u32, signed).unwrap()
        }
        _ => format,
    };
    let bias = Format::signed(random.within(1, 64) as u32).unwrap();
    let accumulator = Accumulator { format, register, overflow, start: start(random), bias: None };
    with_accumulator(&mut design, accumulator, bias);
    design
}

fn array(random: &mut Random) -> Array {
    let grid = |random: &mut Random, rows, columns| Array {
        dataflow: Dataflow::OutputStationary,
        rows,
        columns,
        hop_activation: random.below(2) as u32,
        hop_weight: random.below(2) as u32,
        skew: random.pick(&[Skew::Host, Skew::Internal]),
        drain: Some(Drain::ROWS),
        ..designs::sequential()
    };
    match random.below(6) {
        0 | 1 => grid(random, 16, 16),
        2 => grid(random, 8, 8),
        3 => {
            let [rows, columns] = [1 + random.below(7), 1 + random.below(20)];
            grid(random, rows, columns)
        }
        _ => designs::sequential(),
    }
}

/// Float32 rescaling by any finite factor, or what random designs have, or nothing.
fn finish(design: &mut Parts, random: &mut Random) {
    match random.below(4) {
        0 => design.post.clear(),
        1 => {
            let at = design.parameters.len();
            let mut scale = designs::parameter("scale", "s32", Per::Channel, None);
            (scale.min, scale.max) = (0, i64::from(f32::MAX.to_bits()));
            if random.below(2) == 0 {
                // From 2^-20 to 1: what networks have.
                (scale.min, scale.max) = (i64::from((0.5f32).powi(20).to_bits()), i64::from(1f32.to_bits()));
            }
            design.parameters.push(scale);
            let float = Op::float_scale(post::Operand::Parameter(at), random.pick(&Rounding::ALL));
            design.post = vec![Step::new("post.0", float, Some(f("s8")), Overflow::Saturate, 0)];
        }
        _ => {}
    }
}

/// A design of plain operands, around which the family's own parts are put.
fn base(random: &mut Random, (activation, weight): (&str, &str)) -> Parts {
    let mut design = random::design(random);
    (design.activation, design.weight) = (operand(activation), operand(weight));
    design.reduce.clear();
    design.after.clear();
    design.array = array(random);
    finish(&mut design, random);
    design
}

fn spelled(
    random: &mut Random,
    (format, register, overflow): (&str, &str, AccumulatorOverflow),
) -> Accumulator {
    Accumulator { format: f(format), register: f(register), overflow, start: start(random), bias: None }
}

/// An offset in front of the multiplier now and then: u8 codes less 128, or their zero point; or one that leaves one
/// sign only, for which an array has no idle code.
fn offset(random: &mut Random, operand: &mut Operand, alone: bool) {
    if operand.format == f("u8") && random.below(2) == 0 {
        let values: &[i64] = if alone { &[-128, -255, 1, 100, -300] } else { &[-128, -255, -1, -7, 0] };
        let value = random.pick(values);
        *operand = Operand { offset: Some(post::Operand::Constant(value)), sum: f("s10"), ..*operand };
    }
}

/// The accumulators that routes are made for, one product a beat.
fn special(random: &mut Random) -> Parts {
    let operands = random.pick(&OPERANDS);
    let mut design = base(random, operands);
    let alone = design.array.dataflow == Dataflow::Sequential;
    offset(random, &mut design.activation, alone);
    offset(random, &mut design.weight, alone);
    let accumulator = random.pick(&ACCUMULATORS);
    let accumulator = spelled(random, accumulator);
    let bias = random.pick(&["s8", "s16", "s20", "s33"]);
    with_accumulator(&mut design, accumulator, f(bias));
    design
}

/// Pairs as vpmaddubsw and mlal take them, quads, trees, sums over terms that are missing.
fn groups(random: &mut Random) -> Parts {
    let operands = random.pick(&OPERANDS);
    let mut design = base(random, operands);
    let lanes = random.pick(&[2, 2, 3, 4, 4, 5, 8, 16, 32]);
    if design.array.dataflow == Dataflow::Sequential {
        design.array.dataflow = Dataflow::Tree;
    } else {
        (design.array.rows, design.array.columns) = (design.array.rows.min(4), design.array.columns.min(4));
    }
    design.array.lanes = lanes;
    design.order.lane_map = random.pick(&[LaneMap::Adjacent, LaneMap::Adjacent, LaneMap::Strided]);
    let level = |group, stride, format: &str, overflow| Level {
        id: String::new(),
        group,
        stride,
        format: f(format),
        overflow,
        latency: 0,
    };
    let format = random.pick(&["s16", "s16", "s15", "s17", "s18", "s24", "s32", "s12", "u16"]);
    let rule = random.pick(&random::RULES);
    design.reduce = match random.below(6) {
        0 => vec![level(2, 1, "s16", Overflow::Saturate)],
        1 => vec![level(2, 8, "s16", rule)],
        2 => vec![level(4, 1, format, rule)],
        3 => vec![level(2, 1, "s16", Overflow::Saturate), level(2, 1, "s32", Overflow::Wrap)],
        4 => {
            // A whole tree, every level a bit wider than the first.
            let levels = usize::BITS - (lanes - 1).leading_zeros();
            let width = f(format).width();
            (0..levels).map(|i| level(2, 1, &format!("s{}", width + i), rule)).collect()
        }
        _ => {
            let random_level = |random: &mut Random| {
                let (group, stride) = (random.pick(&[2, 2, 3, 4, 7]), random.pick(&[1, 2, 3, 8]));
                let format = format!("s{}", random.within(6, 40));
                level(group, stride, &format, random.pick(&random::RULES))
            };
            (0..1 + random.below(3)).map(|_| random_level(random)).collect()
        }
    };
    for (index, level) in design.reduce.iter_mut().enumerate() {
        level.id = format!("reduce.{index}");
    }
    let accumulator = random.pick(&ACCUMULATORS);
    let accumulator = spelled(random, accumulator);
    with_accumulator(&mut design, accumulator, f("s18"));
    design
}

/// Products and sums where a lane of 32 bits would overflow, and a register that may or may not.
fn near_two_to_31(random: &mut Random) -> Parts {
    let wide = [("s16", "s16"), ("u16", "s16"), ("s16", "u16"), ("u16", "u16"), ("s16", "s15")];
    let operands = random.pick(&wide);
    let mut design = base(random, operands);
    if random.below(3) == 0 {
        let value = random.pick(&[-32768, -65535, -1]);
        if design.activation.format == f("u16") {
            let offset = Some(post::Operand::Constant(value));
            design.activation = Operand { offset, sum: f("s17"), ..design.activation };
        }
    }
    let width = random.pick(&[30, 31, 32, 32, 33, 34, 35, 40, 63]);
    let overflow = random.pick(&random::ACCUMULATORS);
    let signed = random.below(3) > 0;
    let format = Format::new(width, signed).unwrap();
    let register = match overflow {
        AccumulatorOverflow::SaturateOutput => {
            Format::new((width + random.below(4) as u32).min(63), signed).unwrap()
        }
        _ => format,
    };
    let accumulator = Accumulator { format, register, overflow, start: start(random), bias: None };
    let bias = random.pick(&["s31", "s32", "s33", "s40"]);
    with_accumulator(&mut design, accumulator, f(bias));
    design
}

/// Operands of up to 32 bits behind their offsets: products and sums at the edge of 64 bits, and beyond.
fn near_two_to_63(random: &mut Random) -> Parts {
    let mut design = base(random, ("s16", "s16"));
    design.array = designs::sequential();
    if random.below(3) == 0 {
        design.array = Array { dataflow: Dataflow::Tree, lanes: random.pick(&[2, 4, 8, 16]), ..design.array };
    }
    let sum = f(random.pick(&["s28", "s30", "s31", "s32", "s32"]));
    let most = (sum.max() - 32768).min(i64::from(i32::MAX) - 32768);
    let constant =
        |random: &mut Random| post::Operand::Constant(random.pick(&[most, -most, most / 2, -most / 3]));
    design.activation = Operand { offset: Some(constant(random)), sum, ..design.activation };
    let offset = if random.below(2) == 0 {
        constant(random)
    } else {
        let mut parameter = designs::parameter("far", "s32", Per::Channel, None);
        (parameter.min, parameter.max) = (-most, most);
        design.parameters.push(parameter);
        post::Operand::Parameter(design.parameters.len() - 1)
    };
    design.weight = Operand { offset: Some(offset), sum, ..design.weight };
    let signed = random.below(3) > 0;
    let most = if signed { 64 } else { 63 };
    let width = random.within(52, most) as u32;
    let overflow = random.pick(&random::ACCUMULATORS);
    let format = Format::new(width, signed).unwrap();
    let register = match overflow {
        AccumulatorOverflow::SaturateOutput => {
            Format::new(random.within(i64::from(width), most) as u32, signed).unwrap()
        }
        _ => format,
    };
    let accumulator = Accumulator { format, register, overflow, start: start(random), bias: None };
    with_accumulator(&mut design, accumulator, f("s64"));
    design
}

/// A start that takes one prefix of each channel exactly to a rail, or one beside it: see [`super::directed`].
fn rails(random: &mut Random) -> Parts {
    let mut design = match random.below(5) {
        0 => widths(random),
        3 => near_two_to_63(random),
        1 => groups(random),
        2 => near_two_to_31(random),
        _ => special(random),
    };
    let accumulator = Accumulator { start: Start::Bias, ..design.accumulator };
    with_accumulator(&mut design, accumulator, f("s64"));
    design
}

/// How many of each thing there are, by name.
pub type Count = BTreeMap<String, u64>;
