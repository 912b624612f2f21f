//! Layers whose numbers the network computes itself: attention's products of two activations, zero points of
//! DynamicQuantizeLinear. What one input makes of them says nothing of the next; here every value that they can have
//! is allowed.
//!
//! A prefix of the sum is linear in each zero point, so its extremes lie at the extreme zero points. Only a reduction
//! level that can change a value breaks that: then every zero point of the type is looked at.

use ndarray::ArrayD;

use super::layer::farthest;
use super::terms::{Weights, has_lossy_levels, on_all};
use super::{BoundSummary, Exact, Inputs, Kind, NodeSummary, Prefixes, Proof, Range, Summary};
use crate::error::{Error, Kind as ErrorKind, Place, Result};
use crate::lower::{Program, folded_zero_point};
use crate::network::{Computed, DType, Layer};
use crate::num::Format;
use crate::post::bind;

/// Zero points of one tensor that are tried one by one.
const MOST_ZERO_POINTS: i64 = 256;

/// Per output channel, every value that can enter the accumulator over all inputs of the network, as long as nothing
/// leaves its format; the start is one of them, uncut.
pub fn entering_ranges(program: &Program) -> Vec<Range> {
    entering(program, Weights::Layer)
}

/// [`entering_ranges`] of a layer of which the network computes some numbers: over every code they can have.
///
/// # Errors
/// Nothing can be proved: the reason.
pub fn entering_ranges_of(program: &Program, layer: &Layer, computed: Computed) -> Result<Vec<Range>> {
    Ok(reaches(program, layer, computed)?.into_iter().map(|reach| reach.entering).collect())
}

/// What can reach the accumulator of one channel.
#[derive(Clone, Copy)]
struct Reach {
    /// The start as it is brought, and every prefix.
    entering: Range,
    /// The start alone.
    start: Range,
}

fn hull(a: Range, b: Range) -> Range {
    (a.0.min(b.0), a.1.max(b.1))
}

fn constant(program: &Program) -> Vec<Reach> {
    let start = |n: usize| (i128::from(program.bias(n)), i128::from(program.bias(n)));
    let reach = |(n, entering)| Reach { entering, start: start(n) };
    entering_ranges(program).into_iter().enumerate().map(reach).collect()
}

fn reaches(program: &Program, layer: &Layer, computed: Computed) -> Result<Vec<Reach>> {
    let unproved = |what: &str| {
        let message = format!("{what}: no width is proved for every input");
        Error::new(ErrorKind::Unsupported, message).at(Place::Signal(layer.name.clone()))
    };
    if !computed.any() {
        return Ok(constant(program));
    }
    if computed.bias {
        return Err(unproved("its bias is computed by the network"));
    }
    let lossy = has_lossy_levels(program);
    let values = |is_computed: bool, known: &[i32], dtype: DType| match dtype.format().filter(|_| is_computed)
    {
        None => Some(vec![known.to_vec()]),
        Some(all) if !lossy => Some(vec![vec![all.min() as i32], vec![all.max() as i32]]),
        Some(all) => (all.max() - all.min() < MOST_ZERO_POINTS)
            .then(|| (all.min() as i32..=all.max() as i32).map(|zero| vec![zero]).collect()),
    };
    let both = computed.input_zero_point && computed.weight_zero_points && lossy;
    let x = values(computed.input_zero_point, &[layer.input_carrier.zero_point], layer.input_carrier.dtype);
    let w = values(computed.weight_zero_points, &layer.weights.zero_points, layer.weights.dtype);
    let (Some(x), Some(w), false) = (x, w, both) else {
        return Err(unproved(
            "its zero points are computed by the network and a reduction level changes values",
        ));
    };
    let mut all: Option<Vec<Reach>> = None;
    for zero in &x {
        for weight_zeros in &w {
            let found = at(program, layer, computed, zero[0], weight_zeros, lossy)?;
            let join = |(a, b): (Reach, Reach)| Reach {
                entering: hull(a.entering, b.entering),
                start: hull(a.start, b.start),
            };
            all = Some(match all {
                None => found,
                Some(before) => before.into_iter().zip(found).map(join).collect(),
            });
        }
    }
    Ok(all.unwrap_or_default())
}

/// With these zero points.
fn at(
    program: &Program,
    layer: &Layer,
    computed: Computed,
    zero: i32,
    weight_zeros: &[i32],
    lossy: bool,
) -> Result<Vec<Reach>> {
    let mut varied = layer.clone();
    varied.input_carrier.zero_point = zero;
    varied.weights.zero_points = weight_zeros.to_vec();
    if computed.weights {
        // Weights that stand for 0 leave the bias alone: what any weights add to it comes below.
        let per_channel = layer.weights.codes.len() / layer.channels().max(1);
        let channels = layer.channels().max(1);
        let is_matrix = matches!(layer.geometry, crate::network::Geometry::Matrix);
        for (at, code) in varied.weights.codes.iter_mut().enumerate() {
            let channel = if is_matrix { at % channels } else { at / per_channel.max(1) };
            *code = if let [one] = weight_zeros { *one } else { weight_zeros[channel] };
        }
    }
    let one = Program::layer(program.design.clone(), &varied, &smallest_input(program, layer, zero))?;
    Ok(match computed.weights {
        false => constant(&one),
        true => {
            let folded = folded_zero_point(&one.design, &varied);
            if folded != 0 && !one.design.product_steps.is_empty() {
                let message =
                    "nothing is proved of weights that the network computes where products go through steps";
                return Err(Error::new(ErrorKind::Unsupported, message)
                    .at(Place::Signal("product.steps".to_string()))
                    .help(
                        "give the design an activation offset, so that no zero point is folded into the bias",
                    ));
            }
            any_weights(&one, folded, lossy)
        }
    })
}

/// One image, or one row, of nothing but the zero point.
fn smallest_input(program: &Program, layer: &Layer, zero: i32) -> ArrayD<i32> {
    use crate::lower::Gather;
    let shape = match &program.gather {
        Gather::Matrix => vec![1, layer.k()],
        Gather::Convolution(conv) => vec![1, program.shape.groups * conv.cin, conv.height, conv.width],
    };
    ArrayD::from_elem(shape, zero)
}

/// Over all codes of both operands. `folded` is what of the input's zero point the bias has to take: −folded · Σ w, of
/// which each product brings its part, (a − folded) · w, and each that is still to come has brought −folded · w.
fn any_weights(program: &Program, folded: i64, lossy: bool) -> Vec<Reach> {
    let (design, k) = (&program.design, program.shape.k as i128);
    let ends = |format: crate::num::Format, offset: i64| {
        (i128::from(format.min()) + i128::from(offset), i128::from(format.max()) + i128::from(offset))
    };
    let offset = |o: Option<crate::post::Operand>, n: usize| o.map_or(0, |o| bind(o, &program.parameters, n));
    let product = |a: Range, w: Range| {
        let corners = [a.0 * w.0, a.0 * w.1, a.1 * w.0, a.1 * w.1];
        corners.into_iter().fold((i128::MAX, i128::MIN), |(l, h), c| (l.min(c), h.max(c)))
    };
    let folded = i128::from(folded);
    let reduced = if lossy { entering(program, Weights::Format) } else { Vec::new() };
    let channel = |n: usize| {
        let a = ends(design.activation.format, offset(design.activation.offset, n));
        let (least, most) = design.weight.ends();
        let more = i128::from(offset(design.weight.offset, n));
        let w = (i128::from(least) + more, i128::from(most) + more);
        let start = i128::from(program.bias(n));
        let waiting = product((-folded, -folded), w);
        let begin = (start + k * waiting.0, start + k * waiting.1);
        let entering = match reduced.get(n) {
            Some(range) => hull(begin, (range.0 + k * waiting.0, range.1 + k * waiting.1)),
            None => {
                let done = product((a.0 - folded, a.1 - folded), w);
                hull(begin, (start + k * done.0, start + k * done.1))
            }
        };
        Reach { entering, start: begin }
    };
    (0..program.shape.channels()).map(channel).collect()
}

/// The start as it is brought, and every prefix.
fn entering(program: &Program, weights: Weights<'_>) -> Vec<Range> {
    let work = Prefixes { levels: has_lossy_levels(program) };
    let ranges = on_all(program, &Inputs::Format, weights, &work).into_iter().flatten();
    let uncut = |(n, (low, high)): (usize, Range)| {
        let bias = i128::from(program.bias(n));
        let cut = bias - i128::from(program.start(n));
        ((low + cut).min(bias), (high + cut).max(bias))
    };
    ranges.enumerate().map(uncut).collect()
}

impl Summary {
    /// What is proved of a layer of which the network computes some numbers: one bound, of every prefix, and the
    /// accumulator's nodes.
    ///
    /// # Errors
    /// As [`entering_ranges_of`].
    pub fn of_computed(program: &Program, layer: &Layer, computed: Computed) -> Result<Summary> {
        let accumulator = &program.design.accumulator;
        let fit = accumulator.register_fit();
        let reaches = reaches(program, layer, computed)?;
        let ranges: Vec<Range> = reaches.iter().map(|reach| reach.entering).collect();
        let widths: Vec<Option<u32>> =
            ranges.iter().map(|range| fit.narrowest(*range).map(Format::width)).collect();
        let worst_channel = farthest(ranges.iter().copied().zip(widths.iter().copied()));
        let (low, high) = ranges.get(worst_channel).copied().unwrap_or((0, 0));
        let width = widths.get(worst_channel).copied().flatten();
        let rails = fit.rails();
        let node = |node: &str, pick: fn(&Reach) -> Range| {
            let ranges: Vec<Range> = reaches.iter().map(pick).collect();
            let (low, high) = ranges.iter().copied().reduce(hull).unwrap_or((0, 0));
            NodeSummary {
                node: node.to_owned(),
                format: Some(fit.format.to_string()),
                low: Exact(low),
                high: Exact(high),
                achieved: false,
                channels_high: ranges.iter().filter(|range| range.1 > i128::from(rails.1)).count(),
                channels_low: ranges.iter().filter(|range| range.0 < i128::from(rails.0)).count(),
            }
        };
        let start = accumulator.bias.map(|_| node("accumulator.start", |reach| reach.start));
        let nodes = start.into_iter().chain([node("accumulator", |reach| reach.entering)]).collect();
        let bound = BoundSummary {
            kind: if computed.weights { Kind::DataType } else { Kind::Prefix },
            proof: Proof::EveryPrefix,
            width,
            worst_channel,
            low: Exact(low),
            high: Exact(high),
            achieved: false,
            widths,
        };
        Ok(Summary {
            k: program.shape.k,
            channels: program.shape.channels(),
            register: fit.format.to_string(),
            licence: bound.kind,
            proved_width: width,
            zero_in_every_input: false,
            bounds: vec![bound],
            nodes,
        })
    }
}
