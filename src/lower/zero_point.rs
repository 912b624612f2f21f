//! Codes and zero points as the multiplier meets them.
//!
//! With a = x + c and v = w + d the array's operands behind its offsets (0 where it has none), the layer wants
//! Σ (a − zx')(v − zw'), zx' = zx + c and zw' = zw + d. What is left of zx' is folded into the bias: − zx' Σ v.
//! What is left of zw' would need Σ a, which no bias holds: such a layer is refused.

use ndarray::{ArrayD, Dimension};

use super::Shape;
use super::parameters::Numbers;
use crate::design::{BiasIn, Coding, Design, Operand, Recode};
use crate::error::{Error, Kind, Place, Result};
use crate::network::{DType, Geometry, Layer};
use crate::num::{Rounding, shift_right};
use crate::post::{self, Per};

/// Recoded operands, inside their formats.
pub struct Codes {
    /// In the tensor's own layout.
    pub activations: Vec<i32>,
    pub activation_zero_point: i32,
    pub weights: ArrayD<i32>,
    /// One per output channel.
    weight_zero_points: Vec<i32>,
}

impl Codes {
    pub fn new(design: &Design, layer: &Layer, input: &ArrayD<i32>) -> Result<Codes> {
        let shift = recoding(&design.activation, layer.input_carrier.dtype);
        let activations = input.mapv(|code| code - shift);
        let activation_zero_point = layer.input_carrier.zero_point - shift;
        let less = if shift == 0 { String::new() } else { format!(" - {shift}") };
        check_codes("activation", &activations, layer.input_carrier.dtype, &less, &design.activation)?;
        check_zero_point("activation", activation_zero_point, &design.activation)?;
        let (weights, weight_zero_points) = weights(design, layer)?;
        Ok(Codes {
            activations: activations
                .as_slice()
                .map_or_else(|| activations.iter().copied().collect(), <[i32]>::to_vec),
            activation_zero_point,
            weights,
            weight_zero_points,
        })
    }

    /// Values of the offset parameters: minus the zero points.
    pub fn offsets(&self, design: &Design, layer: &Layer) -> Result<Numbers> {
        let mut numbers = Numbers::new();
        if let Some(parameter) = offset_parameter(design, &design.activation) {
            numbers.insert(parameter.name.clone(), vec![-i64::from(self.activation_zero_point)]);
        }
        if let Some(parameter) = offset_parameter(design, &design.weight) {
            let all: Vec<i64> = self.weight_zero_points.iter().map(|z| -i64::from(*z)).collect();
            let values = match parameter.per {
                Per::Channel => all,
                Per::Layer if all.iter().all(|z| *z == all[0]) => all[..1].to_vec(),
                Per::Layer => {
                    let message = format!("{} channels have different weight zero points", layer.channels());
                    return Err(Error::new(Kind::Value, message)
                        .at(Place::Signal(parameter.name.clone()))
                        .help("make the design's weight offset a parameter per channel"));
                }
            };
            numbers.insert(parameter.name.clone(), values);
        }
        Ok(numbers)
    }

    /// The bias with the zero points folded in, or `None` when it is 0 and the design has no place for one, or when it is
    /// left out on purpose.
    /// `weights` are `[groups][k][n]`.
    pub fn bias(
        &self,
        design: &Design,
        layer: &Layer,
        weights: &[i32],
        shape: Shape,
    ) -> Result<Option<Vec<i64>>> {
        let zx = left_of(&design.activation, self.activation_zero_point);
        let fold = |channel: usize| {
            let zero_point = self.weight_zero_points[channel];
            if left_of(&design.weight, zero_point) != 0 {
                let message = format!("output channel {channel} has weight zero point {zero_point}");
                return Err(Error::new(Kind::Unsupported, message)
                    .at(Place::Signal("operands.weight".to_string()))
                    .help(
                        "give the design a weight offset, or operands.weight.recode = \"minus_zero_point\" and one \
                         bit more: the product with the zero point fits no bias",
                    ));
            }
            let (group, n) = (channel / shape.n, channel % shape.n);
            let row = |k: usize| design.weight.value(i64::from(weights[(group * shape.k + k) * shape.n + n]));
            let sum: i64 = (0..shape.k).map(row).sum();
            // Behind the weight's offset every weight is w − zw.
            let centred = sum - shape.k as i64 * i64::from(zero_point);
            let bias = layer.bias.as_ref().map_or(0, |bias| i64::from(bias[channel]));
            at_sums(design, bias - zx * centred)
        };
        let bias: Vec<i64> = (0..shape.channels()).map(fold).collect::<Result<_>>()?;
        let has_place = design.parameters.iter().any(|p| p.name == "bias");
        let is_brought = design.bias_in != BiasIn::Nowhere && (has_place || bias.iter().any(|b| *b != 0));
        Ok(is_brought.then_some(bias))
    }
}

/// A bias on the sums' own scale, which steps of the products may have moved: ties to even, as a quantiser makes it.
fn at_sums(design: &Design, bias: i64) -> Result<i64> {
    match known(design, design.bias_shift())? {
        0 => Ok(bias),
        right @ 1.. => {
            // Rounded right, it is no larger than it was.
            Ok(shift_right(i128::from(bias), right.unsigned_abs(), Rounding::HalfEven) as i64)
        }
        left => {
            let scaled = i128::from(bias).checked_mul(1_i128.checked_shl(left.unsigned_abs()).unwrap_or(0));
            scaled.and_then(|bias| i64::try_from(bias).ok()).ok_or_else(|| {
                let message = format!("its bias {bias} has no place behind a shift of {} bits", -left);
                Error::new(Kind::Value, message).at(Place::Signal("product.steps".to_string()))
            })
        }
    }
}

/// By how many bits sums are moved right.
pub(super) fn moved(design: &Design) -> Result<i32> {
    known(design, design.sums_shift())
}

fn known(design: &Design, shift: Option<i32>) -> Result<i32> {
    shift.ok_or_else(|| {
        let message = "a layer's scale is lost where a parameter says by how much products or sums are shifted, or memory.load shifts";
        let is_memory = !design.store_steps.is_empty() || !design.load_steps.is_empty();
        Error::new(Kind::Unsupported, message)
            .at(Place::Signal(if is_memory { "memory" } else { "product.steps" }.to_string()))
            .help("write the counts of shifts as constants, or bring a product of its own with --params")
    })
}

/// A layer's weights as the operand takes them, and what is left of the zero point of each output channel.
fn weights(design: &Design, layer: &Layer) -> Result<(ArrayD<i32>, Vec<i32>)> {
    let (operand, dtype) = (&design.weight, layer.weights.dtype);
    let zero_points = (0..layer.channels()).map(|channel| layer.weight_zero_point(channel));
    if operand.recode == Some(Recode::MinusZeroPoint) {
        let (mut weights, channels) = (layer.weights.codes.clone(), layer.channels().max(1));
        let of_channel = (weights.len() / channels).max(1);
        let is_matrix = matches!(layer.geometry, Geometry::Matrix);
        // A matrix has its output channels last, a convolution first.
        for (at, code) in weights.iter_mut().enumerate() {
            *code -= layer.weight_zero_point(if is_matrix { at % channels } else { at / of_channel });
        }
        check_codes("weight", &weights, dtype, " - their zero point", operand)?;
        return Ok((weights, vec![0; layer.channels()]));
    }
    if design.exponent.is_some() {
        let message = "a layer's weights have no exponents of their own, which product.steps read";
        return Err(Error::new(Kind::Unsupported, message)
            .at(Place::Signal("weight".to_string()))
            .help("bring matrices of codes, a sign and an exponent each: --activations and --weights"));
    }
    if operand.coding == Coding::PowerOfTwo {
        return Ok((powers_of_two(operand, layer)?, zero_points.collect()));
    }
    let shift = recoding(operand, dtype);
    let weights = layer.weights.codes.mapv(|code| code - shift);
    let less = if shift == 0 { String::new() } else { format!(" - {shift}") };
    check_codes("weight", &weights, dtype, &less, operand)?;
    Ok((weights, zero_points.map(|zero| zero - shift).collect()))
}

/// The codes of weights that are powers of two, less their zero points, which are 0 or leave no such weights.
fn powers_of_two(operand: &Operand, layer: &Layer) -> Result<ArrayD<i32>> {
    let codes = &layer.weights.codes;
    let mut coded = codes.clone();
    for ((at, weight), code) in codes.indexed_iter().zip(&mut coded) {
        let Some(found) = operand.code(i64::from(*weight)) else {
            let (_, most) = operand.ends();
            let message = format!(
                "weight {:?} is {weight}, which is no power of two up to {most}; the design's weights are powers of two",
                at.slice()
            );
            return Err(Error::new(Kind::Value, message)
                .at(Place::Signal("weight".to_string()))
                .help("quantise the layer to powers of two, or let operands.weight.coding be \"integer\""));
        };
        // Of at most 5 bits.
        *code = found as i32;
    }
    Ok(coded)
}

/// What of a zero point an operand's offset leaves over.
fn left_of(operand: &Operand, zero_point: i32) -> i64 {
    match operand.offset {
        None => i64::from(zero_point),
        Some(post::Operand::Constant(c)) => i64::from(zero_point) + c,
        // The parameter is bound to minus the zero point.
        Some(post::Operand::Parameter(_) | post::Operand::Exponent { .. }) => 0,
    }
}

/// zx': what of the input's zero point a layer's bias has to take, as − zx' Σ v.
pub fn folded_zero_point(design: &Design, layer: &Layer) -> i64 {
    let shift = recoding(&design.activation, layer.input_carrier.dtype);
    left_of(&design.activation, layer.input_carrier.zero_point - shift)
}

/// What `recode` subtracts from the codes of a tensor: 128 from u8 ones.
pub fn recoding(operand: &Operand, dtype: DType) -> i32 {
    if operand.recode == Some(Recode::Minus128) && dtype == DType::U8 { 128 } else { 0 }
}

fn offset_parameter<'a>(design: &'a Design, operand: &Operand) -> Option<&'a post::Parameter> {
    match operand.offset {
        Some(post::Operand::Parameter(index)) => Some(&design.parameters[index]),
        _ => None,
    }
}

/// Nobody counts the elements of a network's tensor: what is said is which codes it may hold.
fn check_codes(node: &str, codes: &ArrayD<i32>, dtype: DType, less: &str, operand: &Operand) -> Result<()> {
    // Operands have at most 16 bits.
    let (min, max) = (operand.format.min() as i32, operand.format.max() as i32);
    let inside = |code: &i32| (*code >= min) & (*code <= max);
    // Nearly always all are: one pass without a branch.
    if codes.as_slice().is_some_and(|codes| codes.iter().fold(true, |all, code| all & inside(code))) {
        return Ok(());
    }
    let Some(bad) = codes.iter().copied().find(|code| !inside(code)) else { return Ok(()) };
    let what = if node == "weight" { "its weights" } else { "its activations" };
    let (low, high) = dtype.format().map_or((i64::MIN, i64::MAX), |f| (f.min(), f.max()));
    let message = format!(
        "{what} are {dtype} ({low}..{high}){less} and hold {bad}; the design's {node} operand is {} ({min}..{max})",
        operand.format
    );
    Err(Error::new(Kind::Value, message).at(Place::Signal(node.to_string())))
}

fn check_zero_point(node: &str, zero_point: i32, operand: &Operand) -> Result<()> {
    if operand.format.contains(i128::from(zero_point)) {
        return Ok(());
    }
    let message =
        format!("its zero point {zero_point} is not in the design's {node} operand, {}", operand.format);
    Err(Error::new(Kind::Value, message).at(Place::Signal(node.to_string())))
}
