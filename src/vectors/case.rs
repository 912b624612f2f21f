//! Made-up operands and parameters: random, extreme, or chosen so that the accumulator overflows both ways.

use std::sync::Arc;

use ndarray::{Array2, ArrayView1};

use crate::design::{Coding, Design};
use crate::error::{Error, Kind, Place, Result};
use crate::limits::{bytes, check_room, element_count};
use crate::lower::{Numbers, Outcome, Program, Shape, check_extents};
use crate::num::{Chance, Format};
use crate::post::{Operand, Parameter, Per, Role};

/// A way to make operands and parameters up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Uniform operands.
    Random,
    /// The formats' corners: −128·−128, alternating signs.
    Extreme,
    /// Sums that leave the accumulator's format high and low.
    Saturating,
}

impl Case {
    /// Every case, for tests and the command line.
    pub const ALL: [Case; 3] = [Case::Random, Case::Extreme, Case::Saturating];

    /// The case as `--case` and the manifest spell it.
    pub fn name(self) -> &'static str {
        match self {
            Case::Random => "random",
            Case::Extreme => "extreme",
            Case::Saturating => "saturating",
        }
    }
}

/// A matrix product of `[m, k, n]` for a design.
///
/// `run` gives a program's outcome, with counts: the scales are chosen by the accumulators, so that outputs
/// use their whole range, and a saturating case is proved to saturate.
///
/// # Errors
/// A product that `Program::matrix` refuses; a saturating case whose shape is too small to overflow both ways.
pub fn make(
    design: &Arc<Design>,
    case: Case,
    [m, k, n]: [usize; 3],
    seed: u64,
    run: &dyn Fn(&Program) -> Outcome,
) -> Result<Program> {
    let at_shape = |error: Error| error.at(Place::Option(format!("--shape {m},{k},{n}")));
    if design.is_post_only() {
        return values(design, case, [m, k, n], seed).map_err(at_shape);
    }
    element_count(&[m, k]).map_err(at_shape)?;
    check_room(bytes(&[m, k], 12), || format!("{m} x {k} activations")).map_err(at_shape)?;
    check_extents(Shape { images: 1, groups: 1, m, k, n }).map_err(at_shape)?;
    let mut random = Random::new(seed);
    let (activations, weights) = match case {
        Case::Random => {
            (random.matrix([m, k], design.activation.format), random.matrix([k, n], design.weight.format))
        }
        Case::Extreme => (
            random.corners(m, k, design.activation.format),
            random.corners(n, k, design.weight.format).reversed_axes(),
        ),
        Case::Saturating => random.runs(design, [m, k, n]),
    };
    let bias = random.bias(design, case, n);
    let program =
        |numbers: &Numbers| Program::matrix(design.clone(), activations.view(), weights.view(), numbers);
    let unscaled = program(&random.numbers(design, &bias, None))?;
    let accumulators = run(&unscaled).accumulators;
    let scaled = program(&random.numbers(design, &bias, Some(&accumulators)))?;
    if case == Case::Saturating {
        prove(design, &run(&scaled))?;
    }
    Ok(scaled)
}

/// Values for a requantizer alone, each with the numbers of a channel of its own.
fn values(design: &Arc<Design>, case: Case, [m, k, n]: [usize; 3], seed: u64) -> Result<Program> {
    if [m, k] != [1, 1] {
        return Err(Error::new(Kind::Value, "a requantizer alone has N values and multiplies nothing")
            .help("choose M = K = 1"));
    }
    if case == Case::Saturating {
        return Err(Error::new(Kind::Value, "a requantizer alone sums nothing that would saturate")
            .help("--case extreme has the ends of its format, --case directed those of every step"));
    }
    check_extents(Shape { images: 1, groups: 1, m, k, n })?;
    let mut random = Random::new(seed);
    let values = random.values(design.value_format(), case, n);
    // Scales are those of a few values together: some of them are small beside the largest.
    let together = Array2::from_shape_fn([SCALED.min(n), n], |(row, n)| values[(n + row) % values.len()]);
    let quarter = design.value_format().max() / 4;
    let bias = design.parameters.iter().find(|parameter| parameter.name == "bias");
    let bias: Vec<i64> = bias.map_or_else(Vec::new, |parameter| {
        let count = if parameter.per == Per::Channel { n } else { 1 };
        let any = |_| random.within(-quarter, quarter).clamp(parameter.min, parameter.max);
        (0..count).map(any).collect()
    });
    let mut numbers = random.numbers(design, &bias, Some(&together));
    numbers.extend(design.value_parameter().map(|index| (design.parameters[index].name.clone(), values)));
    let zeros = |shape| Array2::<i64>::zeros(shape);
    Program::matrix(design.clone(), zeros([1, 1]).view(), zeros([1, n]).view(), &numbers)
}

/// Values whose largest one chooses a scale.
const SCALED: usize = 8;

/// The layer's program with an output stage that works: a layer without a requantisation of its own brings no numbers for
/// it. What only post steps read is made up of the layer's `accumulators` (`[rows, channels]`, as `program` ends with) by
/// the rule of made-up cases. The bias, and what belongs to operands, stays. The names of what was made up, none where the
/// design's post steps take no such number.
pub fn requantized(mut program: Program, accumulators: &Array2<i64>, seed: u64) -> (Program, Vec<String>) {
    let design = Arc::clone(&program.design);
    let read = |index: usize| {
        let operand = Some(Operand::Parameter(index));
        let elsewhere = design.activation.offset == operand || design.weight.offset == operand;
        let by_steps = design.post.iter().flat_map(|step| step.operands());
        by_steps.map(Some).any(|o| o == operand) && !elsewhere && design.accumulator.bias != Some(index)
    };
    let mut sums = accumulators.clone();
    if let Some(bias) = design.parameters.iter().position(|p| p.name == "bias").filter(|index| read(*index)) {
        let bias = &program.parameters[bias];
        for (channel, mut column) in sums.columns_mut().into_iter().enumerate() {
            column.mapv_inplace(|sum| sum.saturating_add(bias[channel % bias.len()]));
        }
    }
    let (mut random, mut made, mut numbers) = (Random::new(seed), Vec::new(), Numbers::new());
    for (index, parameter) in design.parameters.iter().enumerate() {
        if parameter.name == "bias" || !read(index) {
            continue;
        }
        let is_threshold = is_threshold(&design, index);
        let values = random.parameter(parameter, is_threshold, &numbers, &sums);
        made.push(parameter.name.clone());
        numbers.insert(parameter.name.clone(), values.clone());
        Arc::make_mut(&mut program.parameters)[index] = values;
    }
    (program, made)
}

/// Uniform random small operands prove nothing about overflow: the hits are asserted.
fn prove(design: &Design, outcome: &Outcome) -> Result<()> {
    let nodes = outcome.counts.iter().flat_map(|c| &c.nodes);
    let (high, low) =
        nodes.filter(|n| n.node == "accumulator").map(|n| (n.high, n.low)).next().unwrap_or_default();
    if high > 0 && low > 0 {
        return Ok(());
    }
    Err(Error::new(
        Kind::Value,
        format!("this shape overflows the accumulator {high} times high and {low} times low"),
    )
    .at(Place::Option("--case saturating".to_string()))
    .help(match enough_products(design) {
        Some(k) => {
            format!("both must happen: choose N of at least 2, a K of about {k}, or a narrower accumulator")
        }
        None => {
            "both must happen, and products of one sign leave one end only: one operand must be signed".into()
        }
    }))
}

/// How far inside an end a bias of a saturating case is, at most.
fn nearly(high: i64) -> i64 {
    (high / 8).min(1 << 14)
}

/// Products after which the runs of one sign (a quarter and a half of K, each at least 7/8 of the extreme codes) have left
/// the format at both ends; none where products have one sign.
fn enough_products(design: &Design) -> Option<i64> {
    let least = match large_powers(design) {
        None => least_product(design)?,
        Some(codes) => {
            let high = design.activation.format.max();
            let term = |code: &i64| term_of(design, high - high / 8, *code).saturating_abs();
            // Where weights have one sign, activations turn.
            let turning = if design.weight.sum.min() < 0 { &codes[..] } else { &codes[..1] };
            turning.iter().flatten().map(term).min().unwrap_or(0)
        }
    };
    let high = design.accumulator.format.max();
    // A bias starts every other channel this near to an end.
    let way = if design.accumulator.bias.is_some() { nearly(high) } else { high };
    let quarter = way.checked_div(least.max(0))?.checked_add(1)?;
    // A beat adds the products of all lanes at once: they must be of one sign.
    let lanes = i64::try_from(design.array.lanes).ok()?.max(1);
    quarter.checked_add(lanes - 1)?.checked_div(lanes)?.checked_mul(lanes)?.checked_mul(4)
}

/// Codes of weights that are powers of two whose terms, of a large activation, are nearly as large as any: above 0, and below
/// where there are such. None: a code is its weight.
fn large_powers(design: &Design) -> Option<[Vec<i64>; 2]> {
    let format = design.weight.format;
    if design.weight.coding == Coding::Integer {
        return None;
    }
    let terms: Vec<(i64, i64)> = (format.min()..=format.max())
        .map(|code| (term_of(design, design.activation.format.max(), code), code))
        .collect();
    let (most, least) = (terms.iter().max()?.0, terms.iter().min()?.0);
    let codes = |is_near: &dyn Fn(i64) -> bool| {
        terms.iter().filter(|(term, _)| is_near(*term)).map(|(_, code)| *code).collect::<Vec<i64>>()
    };
    Some([codes(&|term| term >= most - most / 8), codes(&|term| term <= least - least / 8)])
}

/// What codes without offsets add, where parameters are as near to 0 as they may be.
fn term_of(design: &Design, activation: i64, code: i64) -> i64 {
    let numbers: Vec<Vec<i64>> = design.parameters.iter().map(|p| vec![0.clamp(p.min, p.max)]).collect();
    let term = design.formed(activation, design.weight.value(code)).term(&numbers, 0);
    // A term has at most 64 bits.
    i64::try_from(term).unwrap_or(i64::MAX)
}

/// The smallest product of two nearly extreme codes whose sign turns.
fn least_product(design: &Design) -> Option<i64> {
    let up = |format: Format| format.max() - format.max() / 8;
    let both = |format: Format| up(format).min(-(format.min() + format.max() / 8));
    let [activation, weight] = [&design.activation, &design.weight];
    match weight.sum.min() < 0 {
        true => up(activation.format).checked_mul(both(weight.format)),
        false => both(activation.format).checked_mul(up(weight.format)),
    }
}

/// Whether sums are compared with a parameter, and counted.
fn is_threshold(design: &Design, index: usize) -> bool {
    design.post_program().role(index) == Some(Role::Threshold)
}

struct Random(Chance);

impl Random {
    fn new(seed: u64) -> Self {
        Random(Chance::new(seed, 0))
    }

    fn within(&mut self, low: i64, high: i64) -> i64 {
        self.0.within(low, high)
    }

    fn matrix(&mut self, shape: [usize; 2], format: Format) -> Array2<i64> {
        Array2::from_shape_simple_fn(shape, || self.0.of(format))
    }

    /// Numbers of a format: any, by turns with any of fewer bits; or its ends, and powers of two.
    fn values(&mut self, format: Format, case: Case, n: usize) -> Vec<i64> {
        let (low, high) = (format.min(), format.max());
        let ends = [low, high, low.saturating_add(1), high - 1, 0, -1, 1];
        let value = |at: usize| {
            let bits = self.within(0, i64::from(format.width()) - 1);
            let power = 1_i64.checked_shl(u32::try_from(bits).unwrap_or(0)).unwrap_or(0);
            match (case, at.checked_sub(ends.len())) {
                (Case::Extreme, None) => ends[at],
                (Case::Extreme, Some(at)) if at.is_multiple_of(2) => {
                    [power, power.wrapping_neg()][at / 2 % 2]
                }
                (Case::Extreme, Some(at)) => [power.wrapping_sub(1), !power][at / 2 % 2],
                _ if at.is_multiple_of(2) => self.within(low, high),
                _ => self.within(low, high) >> bits,
            }
        };
        (0..n).map(value).map(|value| value.clamp(low, high)).collect()
    }

    /// Lines of `k` codes, by turns: all at the minimum, alternating, alternating the other way, any corner.
    fn corners(&mut self, lines: usize, k: usize, format: Format) -> Array2<i64> {
        let (low, high) = (format.min(), format.max());
        let corners = [low, low + 1, high - 1, high, 0, (-1).max(low)];
        let pick = |(line, k): (usize, usize)| match line % 4 {
            0 => low,
            1 => [low, high][k % 2],
            2 => [high, low][k % 2],
            // At most 6 corners: the index fits any usize.
            _ => corners[self.within(0, 5) as usize],
        };
        Array2::from_shape_fn([lines, k], pick)
    }

    /// Large products of one sign for a quarter of k, of the other for half, then uniform ones. The sign that
    /// comes first changes from channel to channel (from row to row, when only the activation is signed).
    fn runs(&mut self, design: &Design, [m, k, n]: [usize; 3]) -> (Array2<i64>, Array2<i64>) {
        let [activation, weight] = [&design.activation, &design.weight];
        let weight_turns = weight.sum.min() < 0;
        let first = k.div_ceil(4);
        let second = (3 * k).div_ceil(4).max(first);
        let mut code = |format: Format, turns: bool, line: usize, k: usize| {
            let up = !turns || (k < first) == line.is_multiple_of(2);
            let (low, high) = (format.min(), format.max());
            match (k >= second, up) {
                (true, _) => self.within(low, high),
                (_, true) => self.within(high - high / 8, high),
                // Below zero when there is anything below zero.
                (_, false) => self.within(low, low + high / 8),
            }
        };
        let a = Array2::from_shape_fn([m, k], |(i, k)| code(activation.format, !weight_turns, i, k));
        let Some([above, below]) = large_powers(design) else {
            let w = Array2::from_shape_fn([k, n], |(k, j)| code(weight.format, weight_turns, j, k));
            return (a, w);
        };
        let w = Array2::from_shape_fn([k, n], |(k, j)| {
            let up = !weight_turns || (k < first) == j.is_multiple_of(2);
            let codes = if up { &above } else { &below };
            match k >= second {
                true => self.within(weight.format.min(), weight.format.max()),
                false => codes[self.within(0, codes.len() as i64 - 1) as usize],
            }
        });
        (a, w)
    }

    /// Where each channel starts: anywhere near 0, at the rails, or just inside the rail it is driven over.
    fn bias(&mut self, design: &Design, case: Case, n: usize) -> Vec<i64> {
        let Some(parameter) = design.accumulator.bias.map(|index| &design.parameters[index]) else {
            return vec![];
        };
        let (low, high) = (design.accumulator.format.min(), design.accumulator.format.max());
        let limit = |value: i64| value.clamp(parameter.min, parameter.max);
        let quarter = high / 4;
        (0..n)
            .map(|j| match (case, j % 4) {
                (Case::Extreme, 0) => low,
                (Case::Extreme, 2) => high,
                (Case::Saturating, 0 | 2) => high - self.within(0, nearly(high)),
                (Case::Saturating, _) => low + self.within(0, nearly(high)),
                _ => self.within(-quarter, quarter),
            })
            .map(limit)
            .collect()
    }

    /// A value for every parameter; scales only when the accumulators are known.
    fn numbers(&mut self, design: &Design, bias: &[i64], accumulators: Option<&Array2<i64>>) -> Numbers {
        let mut numbers = Numbers::new();
        for (index, parameter) in design.parameters.iter().enumerate() {
            let values = match accumulators {
                _ if parameter.name == "bias" => bias.to_vec(),
                None => vec![parameter.default.unwrap_or(0).clamp(parameter.min, parameter.max)],
                Some(accumulators) => {
                    self.parameter(parameter, is_threshold(design, index), &numbers, accumulators)
                }
            };
            if !values.is_empty() {
                numbers.insert(parameter.name.clone(), values);
            }
        }
        numbers
    }

    /// One parameter by its well-known name; `known` holds those before it.
    fn parameter(
        &mut self,
        parameter: &Parameter,
        is_threshold: bool,
        known: &Numbers,
        accumulators: &Array2<i64>,
    ) -> Vec<i64> {
        let columns: Vec<ArrayView1<'_, i64>> = match parameter.per {
            Per::Channel => accumulators.columns().into_iter().collect(),
            Per::Layer => vec![],
        };
        let channels = columns.len().max(1);
        let all = || accumulators.iter().map(|v| v.unsigned_abs()).max();
        let largest = |channel: usize| match columns.get(channel) {
            Some(column) => column.iter().map(|v| v.unsigned_abs()).max(),
            None => all(),
        };
        (0..channels)
            .map(|channel| {
                let largest = u128::from(largest(channel).unwrap_or(1).max(1));
                let value = match is_threshold {
                    // Anywhere among the sums, so that every number of them is reached.
                    true => i64::try_from(largest).map_or(0, |largest| self.within(-largest, largest)),
                    false => self.value(parameter, known, channel, largest),
                };
                value.clamp(parameter.min, parameter.max)
            })
            .collect()
    }

    /// Scales that carry the channel's largest accumulator to 64..256: beyond an 8-bit output's range or half
    /// of it, so that outputs are spread and some are clamped.
    fn value(&mut self, parameter: &Parameter, known: &Numbers, channel: usize, largest: u128) -> i64 {
        let multiplier =
            known.get("multiplier").map_or(1, |values| values[channel % values.len()].unsigned_abs());
        let digits = (largest * u128::from(multiplier.max(1))).ilog2();
        let doubt = self.within(0, 1);
        match parameter.name.as_str() {
            "multiplier" => self.within(parameter.max / 2 + 1, parameter.max),
            "shift" => i64::from(digits) - 7 + doubt,
            "right_shift" => i64::from(digits) - 31 - 7 + doubt,
            "left_shift" => 0,
            // The float32 with this exponent and no fraction: 2^(7 − digits).
            "scale" => (127 + 7 - i64::from(digits)) << 23,
            "zero_point" => self.within(-16, 16),
            "low" => parameter.min.saturating_add(self.within(0, 16)),
            "high" => parameter.max.saturating_sub(self.within(0, 16)),
            _ => parameter.default.unwrap_or_else(|| self.within(parameter.min, parameter.max)),
        }
    }
}
