//! Sums, means, extremes and products over axes; ArgMax, ArgMin and TopK.
//!
//! float32 sums are to the last bit those of ONNX Runtime with one thread: which order they have depends on which axes
//! go (see [`sums`]), and there, with more threads, on their number.

use ndarray::{ArrayD, Axis, IxDyn};

use super::layout::{axes_of, either};
use super::size::room;
use super::{Call, axis_of, rails};
use crate::error::{Error, Kind, Result};
use crate::network::{Arg, Reduce, Reduction, Tensor, map_tensor};
use crate::post::{float, onnx};

/// Which axes go, for a tensor of `rank`; none goes where the operator then does nothing.
fn reduced_axes(call: &Call, reduce: &Reduce, input: usize, rank: usize) -> Result<Vec<bool>> {
    let axes = either(call, reduce.axes.as_deref(), input)?.unwrap_or_default();
    if axes.is_empty() {
        return Ok(vec![!reduce.noop; rank]);
    }
    let axes = axes_of(&axes, rank)?;
    Ok((0..rank).map(|axis| axes.contains(&axis)).collect())
}

fn output_shape(shape: &[usize], goes: &[bool], keep: bool) -> Vec<usize> {
    let extents = shape.iter().zip(goes);
    extents.filter(|(_, goes)| keep || !**goes).map(|(d, goes)| if *goes { 1 } else { *d }).collect()
}

pub(super) fn reduce(call: &Call, reduce: &Reduce) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let goes = reduced_axes(call, reduce, 1, x.shape().len())?;
    if reduce.noop && !goes.contains(&true) && !goes.is_empty() {
        return untouched(x, reduce.kind);
    }
    let shape = output_shape(x.shape(), &goes, reduce.keep);
    room(&shape)?;
    let places = Places::new(x.shape(), &goes)?;
    macro_rules! integers {
        ($variant:ident, $a:ident, $type:ty) => {{
            let elements: Vec<$type> = $a.iter().copied().collect();
            let count = places.inside.len();
            let reduced = places.each(|inside| {
                let mut values = inside.map(|at| elements[at]);
                // Integers are added and multiplied as float64 numbers, and saturate; NaN, of infinities and 0, becomes
                // the smallest.
                let real = |v: $type| v as f64;
                let whole = |v: f64| if v.is_nan() { <$type>::MIN } else { v as $type };
                Some(match reduce.kind {
                    Reduction::Sum => whole(values.fold(0.0, |s, v| s + real(v))),
                    Reduction::Prod => whole(values.fold(1.0, |p, v| p * real(v))),
                    Reduction::SumSquare => whole(values.fold(0.0, |s, v| s + real(v) * real(v))),
                    Reduction::Mean if count == 0 => return None,
                    Reduction::Mean => (values.fold(0.0, |s, v| s + real(v)) / count as f64) as $type,
                    Reduction::Max => values.by_ref().max()?,
                    Reduction::Min => values.by_ref().min()?,
                    Reduction::L1 | Reduction::L2 => return None,
                })
            });
            let reduced: Option<Vec<$type>> = reduced.into_iter().collect();
            let reduced = reduced.ok_or_else(|| undefined(x))?;
            Tensor::$variant(ArrayD::from_shape_vec(IxDyn(&shape), reduced).expect("one per output"))
        }};
    }
    Ok(match x {
        Tensor::F32(a) => {
            let elements: Vec<f32> = a.iter().copied().collect();
            let reduced = real(reduce.kind, &elements, &places);
            Tensor::F32(ArrayD::from_shape_vec(IxDyn(&shape), reduced).expect("one per output"))
        }
        Tensor::I32(a) => integers!(I32, a, i32),
        Tensor::I64(a) => integers!(I64, a, i64),
        Tensor::U8(a) => integers!(U8, a, u8),
        Tensor::I8(a) => integers!(I8, a, i8),
        other => return Err(undefined(other)),
    })
}

/// Each element reduced by itself.
fn untouched(x: &Tensor, kind: Reduction) -> Result<Tensor> {
    match (x, kind) {
        (Tensor::F32(a), Reduction::L1) => Ok(Tensor::F32(a.mapv(f32::abs))),
        (Tensor::F32(a), Reduction::L2) => Ok(Tensor::F32(a.mapv(|v| (v * v).sqrt()))),
        (Tensor::F32(a), Reduction::SumSquare) => Ok(Tensor::F32(a.mapv(|v| v * v))),
        (_, Reduction::L1 | Reduction::L2 | Reduction::SumSquare) => Err(undefined(x)),
        _ => Ok(x.clone()),
    }
}

fn undefined(x: &Tensor) -> Error {
    let what = format!("it is not defined for shape {:?} of type {}", x.shape(), x.dtype());
    Error::new(Kind::Value, what)
}

/// Where the elements lie that make up each output, in C order.
struct Places {
    /// Extents of neighbouring axes that all go or all stay, taken together.
    runs: Vec<usize>,
    /// Whether the first run goes; the others alternate.
    first_goes: bool,
    /// Of the outputs' first elements.
    starts: Vec<usize>,
    /// Of an output's elements, from its first one.
    inside: Vec<usize>,
}

impl Places {
    fn new(shape: &[usize], goes: &[bool]) -> Result<Places> {
        let offsets = |wanted: bool| -> Result<Vec<usize>> {
            let axes: Vec<usize> = (0..shape.len()).filter(|axis| goes[*axis] == wanted).collect();
            let extents: Vec<usize> = axes.iter().map(|axis| shape[*axis]).collect();
            let count = room(&extents)?;
            let strides: Vec<usize> = axes.iter().map(|axis| shape[axis + 1..].iter().product()).collect();
            let offset = |index: usize| {
                let (mut rest, mut offset) = (index, 0);
                for (extent, stride) in extents.iter().zip(&strides).rev() {
                    offset += rest % extent * stride;
                    rest /= extent;
                }
                offset
            };
            Ok((0..count).map(offset).collect())
        };
        let mut runs: Vec<usize> = Vec::new();
        for (axis, extent) in shape.iter().enumerate() {
            match runs.last_mut() {
                Some(run) if goes[axis] == goes[axis - 1] => *run *= extent,
                _ => runs.push(*extent),
            }
        }
        let first_goes = goes.first().copied().unwrap_or(true);
        Ok(Places { runs, first_goes, starts: offsets(false)?, inside: offsets(true)? })
    }

    /// Whether one output takes everything.
    fn is_whole(&self) -> bool {
        self.first_goes && self.runs.len() <= 1
    }

    /// One result per output, of the places of its elements.
    fn each<T>(&self, mut result: impl FnMut(&mut dyn Iterator<Item = usize>) -> T) -> Vec<T> {
        self.starts.iter().map(|start| result(&mut self.inside.iter().map(|at| start + at))).collect()
    }
}

fn real(kind: Reduction, elements: &[f32], places: &Places) -> Vec<f32> {
    let count = places.inside.len();
    let over_count = |sum: f32| if count == 0 { 0.0 } else { sum / count as f32 };
    let fold = |first: f32, rule: fn(f32, f32) -> f32| -> Vec<f32> {
        places.each(|inside| {
            let start = inside.next().map_or(first, |at| elements[at]);
            inside.fold(start, |sum, at| rule(sum, elements[at]))
        })
    };
    let mapped = |rule: fn(f32) -> f32| -> Vec<f32> {
        let mapped: Vec<f32> = elements.iter().map(|v| rule(*v)).collect();
        // Only sums and means have orders of their own when not everything goes.
        if places.is_whole() {
            return vec![float::sum(&mapped, 0)];
        }
        one_by_one(&mapped, places)
    };
    match kind {
        Reduction::Sum => sums(elements, places),
        Reduction::Mean => sums(elements, places).into_iter().map(over_count).collect(),
        Reduction::L1 => mapped(f32::abs),
        Reduction::SumSquare => mapped(|v| v * v),
        Reduction::L2 => mapped(|v| v * v).into_iter().map(f32::sqrt).collect(),
        Reduction::Prod if places.is_whole() => vec![float::product(elements)],
        Reduction::Prod => fold(1.0, |product, v| product * v),
        Reduction::Max => fold(f32::NEG_INFINITY, |top, v| if v > top { v } else { top }),
        Reduction::Min => fold(f32::INFINITY, |low, v| if v < low { v } else { low }),
    }
}

fn one_by_one(elements: &[f32], places: &Places) -> Vec<f32> {
    places.each(|inside| inside.fold(0.0f32, |sum, at| sum + elements[at]))
}

/// Sums in ONNX Runtime's order, by which runs of axes stay (K) or go (R), outermost first:
///
/// | runs | order |
/// |---|---|
/// | R, KR | Eigen's packets along each row: [`float::sum`] |
/// | KRK | four at a time, as MlasSgemm multiplies with ones |
/// | RKR | packets along each row, then the rows' sums in turn |
/// | others, or where only one output is kept | one by one |
///
/// Source: `reduction_ops.cc`, by comparison with ONNX Runtime 1.32.
fn sums(elements: &[f32], places: &Places) -> Vec<f32> {
    let row = |start: usize, length: usize| float::sum(&elements[start..start + length], start);
    match (places.first_goes, places.runs.as_slice()) {
        _ if elements.is_empty() => vec![0.0; places.starts.len()],
        (true, [_] | []) => vec![float::sum(elements, 0)],
        (false, [kept, length]) if *kept >= 2 => (0..*kept).map(|k| row(k * length, *length)).collect(),
        (false, [outer, count, inner]) if *outer >= 2 => {
            let terms =
                |start: usize| (0..*count).map(move |r| elements[start + r * inner]).collect::<Vec<f32>>();
            places.starts.iter().map(|start| float::sum_of_ones(&terms(*start))).collect()
        }
        (true, [outer, kept, length]) if *kept >= 2 => {
            let rows = |k: usize| (0..*outer).map(move |o| row((o * kept + k) * length, *length));
            (0..*kept).map(|k| rows(k).reduce(|sum, v| sum + v).unwrap_or(0.0)).collect()
        }
        _ => one_by_one(elements, places),
    }
}

/// com.microsoft: the mean of codes, by DequantizeLinear, ReduceMean and QuantizeLinear, as its text says. ONNX Runtime
/// 1.32 has no kernel for it on a CPU.
pub(super) fn quantized_mean(call: &Call, reduce: &Reduce) -> Result<Tensor> {
    let carrier = call.carrier(0, 1, 2)?;
    let out = call.output_carrier(3, 4, carrier.dtype)?;
    let codes = rails(out.dtype, out.zero_point)?;
    let x = call.codes(0)?;
    let goes = reduced_axes(call, reduce, usize::MAX, x.ndim())?;
    let shape = output_shape(x.shape(), &goes, reduce.keep);
    room(&shape)?;
    let elements: Vec<f32> =
        x.iter().map(|code| onnx::dequantize(*code, carrier.zero_point, carrier.scale)).collect();
    let means = real(Reduction::Mean, &elements, &Places::new(x.shape(), &goes)?);
    let means = means.into_iter().map(|mean| onnx::quantize(mean, out.scale, codes)).collect();
    let means = ArrayD::from_shape_vec(IxDyn(&shape), means).expect("one per output");
    Ok(Tensor::from_codes(means, out.dtype))
}

/// Float elements with NaN go by C's comparisons: the first of a lane stays until another one is larger.
pub(super) fn arg(call: &Call, arg: &Arg) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let rank = x.shape().len();
    let axis = axis_of(arg.axis, rank)?;
    if x.shape()[axis] == 0 {
        return Err(undefined(x));
    }
    macro_rules! indices {
        ($($variant:ident),*) => {
            match x {
                $(Tensor::$variant(a) => a.map_axis(Axis(axis), |lane| {
                    let mut best = 0;
                    for (at, value) in lane.iter().enumerate() {
                        let wins = if arg.largest { *value > lane[best] } else { *value < lane[best] };
                        if wins || (arg.last && *value == lane[best]) {
                            best = at;
                        }
                    }
                    i64::try_from(best).unwrap_or(i64::MAX)
                }),)*
                other => return Err(undefined(other)),
            }
        };
    }
    let mut found = indices!(F32, I32, I64, U8, I8);
    if arg.keep {
        found = found.insert_axis(Axis(axis));
    }
    Ok(Tensor::I64(found.as_standard_layout().into_owned()))
}

/// Values and indices of the k first, sorted; of equal ones, the first. NaN counts as larger than every number.
pub(super) fn top(call: &Call, axis: i64, largest: bool, k: Option<i64>) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    let axis = axis_of(axis, x.shape().len())?;
    let k = match k {
        Some(k) => k,
        None => call.tensor(1)?.to_i64()?.first().copied().unwrap_or(-1),
    };
    let k = usize::try_from(k)
        .ok()
        .filter(|k| *k <= x.shape()[axis])
        .ok_or_else(|| Error::new(Kind::Value, format!("the first {k} of {} elements", x.shape()[axis])))?;
    let mut shape = x.shape().to_vec();
    shape[axis] = k;
    room(&shape)?;
    let order = |a: f64, b: f64| {
        let order = a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
        if largest { order.reverse() } else { order }
    };
    let mut indices = ArrayD::<i64>::zeros(IxDyn(&shape));
    macro_rules! sorted {
        ($($variant:ident: $compare:expr),*) => {
            match x {
                $(Tensor::$variant(a) => {
                    for (lane, mut out) in a.lanes(Axis(axis)).into_iter().zip(indices.lanes_mut(Axis(axis))) {
                        let mut places: Vec<usize> = (0..lane.len()).collect();
                        places.sort_by(|i, j| $compare(lane[*i], lane[*j]));
                        for (out, place) in out.iter_mut().zip(places) {
                            *out = i64::try_from(place).unwrap_or(i64::MAX);
                        }
                    }
                })*
                other => return Err(undefined(other)),
            }
        };
    }
    macro_rules! integers {
        () => {
            |a, b| if largest { Ord::cmp(&b, &a) } else { Ord::cmp(&a, &b) }
        };
    }
    sorted!(F32: |a: f32, b: f32| order(f64::from(a), f64::from(b)), I32: integers!(), I64: integers!(),
        U8: integers!(), I8: integers!());
    let values = map_tensor!(x, a => ArrayD::from_shape_fn(indices.raw_dim(), |mut at| {
        at[axis] = usize::try_from(indices[&at]).unwrap_or(0);
        a[at]
    }));
    Ok(vec![values, Tensor::I64(indices)])
}
