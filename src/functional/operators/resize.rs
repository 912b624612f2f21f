//! Resize and Upsample, as ONNX Runtime computes them: to the last bit in float32.

use ndarray::{ArrayD, IxDyn};

use super::layout::{NONE, axes_of, empty, pick};
use super::size::room;
use super::{Call, axis_of, linear};
use crate::error::{Error, Kind, Result};
use crate::network::{AspectRatio, Coordinates, DType, Interpolation, Nearest, Resize, Tensor, map_tensor};

/// One axis of a resize.
#[derive(Debug, Clone, Copy)]
struct Line {
    scale: f32,
    from: usize,
    to: usize,
    /// Where the region of interest begins and ends, as a part of the input.
    region: [f32; 2],
}

impl Line {
    /// Where output position `x` lies in the input.
    fn origin(&self, x: usize, coordinates: Coordinates) -> f32 {
        let (x, scale, from, to) = (x as f32, self.scale, self.from as f32, self.to as f32);
        if scale == 1.0 {
            return x;
        }
        match coordinates {
            Coordinates::HalfPixel => (x + 0.5) / scale - 0.5,
            Coordinates::PytorchHalfPixel if to > 1.0 => (x + 0.5) / scale - 0.5,
            Coordinates::PytorchHalfPixel => 0.0,
            Coordinates::TfHalfPixelForNearest => (x + 0.5) / scale,
            Coordinates::Asymmetric => x / scale,
            Coordinates::AlignCorners if to == 1.0 => 0.0,
            Coordinates::AlignCorners => x * (from - 1.0) / (to - 1.0),
            Coordinates::HalfPixelSymmetric => {
                let adjustment = to / (scale * from);
                let offset = from / 2.0 * (1.0 - adjustment);
                (f64::from(offset) + (f64::from(x) + 0.5) / f64::from(scale) - 0.5) as f32
            }
            Coordinates::CropAndResize => {
                let [start, end] = self.region;
                match to > 1.0 {
                    true => start * (from - 1.0) + (x * (end - start) * (from - 1.0)) / (to - 1.0),
                    false => (0.5 * f64::from(start + end) * f64::from(from - 1.0)) as f32,
                }
            }
        }
    }

    /// The two elements around a point, and the point pulled inside.
    fn around(&self, origin: f32) -> (usize, usize, f32) {
        let last = self.from - 1;
        let inside = origin.min(last as f32).max(0.0);
        let first = (inside as usize).min(last);
        (first, (first + 1).min(last), inside)
    }

    fn is_outside(&self, origin: f32) -> bool {
        origin < 0.0 || origin > (self.from as f32 - 1.0)
    }

    /// The input position for each output position; [`NONE`] outside the region that is cropped.
    fn nearest(&self, rule: Nearest, coordinates: Coordinates) -> Vec<usize> {
        let last = self.from - 1;
        let place = |x: usize| {
            if self.scale == 1.0 {
                return x.min(last);
            }
            let origin = self.origin(x, coordinates);
            if coordinates == Coordinates::CropAndResize && self.is_outside(origin) {
                return NONE;
            }
            let rounded = match rule {
                Nearest::Simple if self.scale < 1.0 => origin.ceil(),
                Nearest::Simple => origin.trunc(),
                Nearest::RoundPreferFloor if origin == origin.trunc() + 0.5 => origin.floor(),
                Nearest::RoundPreferFloor | Nearest::RoundPreferCeil => origin.round(),
                Nearest::Floor => origin.floor(),
                Nearest::Ceil => origin.ceil(),
            };
            // Between 0 and the last position, so that nothing is lost.
            (rounded.max(0.0) as usize).min(last)
        };
        (0..self.to).map(place).collect()
    }
}

pub(super) fn resize(call: &Call, resize: &Resize) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let lines = lines(call, resize)?;
    let shape: Vec<usize> = lines.iter().map(|line| line.to).collect();
    room(&shape)?;
    room(&[shape.iter().fold(0usize, |sum, extent| sum.saturating_add(*extent))])?;
    if shape.contains(&0) {
        return Ok(empty(x, &shape));
    }
    if x.is_empty() {
        return Err(Error::new(Kind::Value, format!("shape {:?} cannot become {shape:?}", x.shape())));
    }
    if shape == x.shape() {
        return Ok(x.clone());
    }
    match (resize.mode, x) {
        (Interpolation::Nearest(rule), _) => nearest(x, &lines, rule, resize),
        (Interpolation::Linear, Tensor::F32(a)) => {
            let axes = interpolated(&lines, true)?;
            Ok(Tensor::F32(interpolate(a, &lines, &axes, resize, &linear_value)))
        }
        (Interpolation::Linear, Tensor::U8(_) | Tensor::I8(_) | Tensor::I32(_)) => {
            let axes = interpolated(&lines, true)?;
            let a = x.to_i64()?.mapv(|code| code as f32);
            // 8-bit codes with their channels last have a kernel of their own.
            let is_fixed = axes == [1, 2] && x.dtype() != DType::I32;
            let value: &Value = if is_fixed { &fixed_value } else { &linear_value };
            linear::cast(&Tensor::F32(interpolate(&a, &lines, &axes, resize, value)), x.dtype())
        }
        (Interpolation::Cubic { a: coefficient, exclude_outside }, Tensor::F32(a)) => {
            let axes = interpolated(&lines, false)?;
            let cubic =
                |plane: &Plane, at: &[(f32, Line)]| cubic_value(plane, at, coefficient, exclude_outside);
            Ok(Tensor::F32(interpolate(a, &lines, &axes, resize, &cubic)))
        }
        (_, other) => {
            Err(Error::new(Kind::Unsupported, format!("interpolation of {} is not supported", other.dtype()))
                .help("supported: float32; uint8, int8 and int32 in mode linear; any type in mode nearest"))
        }
    }
}

fn lines(call: &Call, resize: &Resize) -> Result<Vec<Line>> {
    let shape = call.tensor(0)?.shape();
    let rank = shape.len();
    let wrong = |what: String| Err(Error::new(Kind::Value, what));
    let axes: Vec<usize> = match &resize.axes {
        None => (0..rank).collect(),
        Some(axes) => {
            axes_of(axes, rank)?;
            axes.iter().map(|axis| axis_of(*axis, rank)).collect::<Result<_>>()?
        }
    };
    let mut lines: Vec<Line> =
        shape.iter().map(|d| Line { scale: 1.0, from: *d, to: *d, region: [0.0, 1.0] }).collect();
    let given = |index: usize| call.optional(index).filter(|tensor| !tensor.is_empty());
    if resize.coordinates == Coordinates::CropAndResize {
        let region: Vec<f32> = call.f32(1)?.iter().copied().collect();
        if region.len() != 2 * axes.len() {
            return wrong(format!("a region of {} numbers for {} axes", region.len(), axes.len()));
        }
        for (i, axis) in axes.iter().enumerate() {
            lines[*axis].region = [region[i], region[axes.len() + i]];
        }
    }
    if resize.scales.is_some() || given(resize.scales_at).is_some() {
        let scales = match &resize.scales {
            Some(scales) => scales.clone(),
            None => call.f32(resize.scales_at)?.iter().copied().collect(),
        };
        if scales.len() != axes.len() {
            return wrong(format!("{} scales for {} axes", scales.len(), axes.len()));
        }
        for (scale, axis) in scales.iter().zip(&axes) {
            if !(scale.is_finite() && *scale > 0.0) {
                return wrong(format!("a scale of {scale}"));
            }
            lines[*axis].scale = *scale;
            // Cut to an integer; a size beyond any memory is refused by its size.
            lines[*axis].to = (scale * shape[*axis] as f32) as usize;
        }
        return Ok(lines);
    }
    let Some(sizes) = given(resize.scales_at + 1) else {
        return wrong("neither scales nor sizes".to_owned());
    };
    let sizes: Vec<i64> = sizes.to_i64()?.iter().copied().collect();
    if sizes.len() != axes.len() {
        return wrong(format!("{} sizes for {} axes", sizes.len(), axes.len()));
    }
    for (size, axis) in sizes.iter().zip(&axes) {
        let Ok(to) = usize::try_from(*size) else { return wrong(format!("a size of {size}")) };
        if shape[*axis] == 0 && to != 0 {
            return wrong(format!("an extent of 0 cannot become {to}"));
        }
        lines[*axis].to = to;
        lines[*axis].scale = if shape[*axis] == 0 { 1.0 } else { to as f32 / shape[*axis] as f32 };
    }
    keep_ratio(&mut lines, &axes, resize.policy);
    Ok(lines)
}

fn keep_ratio(lines: &mut [Line], axes: &[usize], policy: AspectRatio) {
    let scales = axes.iter().map(|axis| lines[*axis].scale);
    let scale = match policy {
        AspectRatio::Stretch => return,
        AspectRatio::NotLarger => scales.fold(f32::MAX, f32::min),
        AspectRatio::NotSmaller => scales.fold(f32::MIN_POSITIVE, f32::max),
    };
    for axis in axes {
        lines[*axis].scale = scale;
        lines[*axis].to = (scale * lines[*axis].from as f32).round() as usize;
    }
}

fn nearest(x: &Tensor, lines: &[Line], rule: Nearest, resize: &Resize) -> Result<Tensor> {
    let lists: Vec<Vec<usize>> = lines.iter().map(|line| line.nearest(rule, resize.coordinates)).collect();
    let fill = match x {
        Tensor::F32(_) => Tensor::F32(ndarray::arr0(resize.extrapolation).into_dyn()),
        // To an integer and then to the type, which wraps.
        _ => linear::cast(&Tensor::I64(ndarray::arr0(resize.extrapolation as i64).into_dyn()), x.dtype())?,
    };
    macro_rules! picked {
        ($($variant:ident),*) => {
            match (x, &fill) {
                $((Tensor::$variant(a), Tensor::$variant(fill)) => {
                    Ok(Tensor::$variant(pick(a, &lists, fill.first().copied().unwrap_or_default())))
                })*
                _ => Ok(map_tensor!(x, a => pick(a, &lists, Default::default()))),
            }
        };
    }
    picked!(U8, I8, U16, I16, U32, I32, U64, I64, F32, Bool)
}

/// The axes that ONNX Runtime interpolates along: its kernels take planes and, in mode linear, volumes.
fn interpolated(lines: &[Line], linear: bool) -> Result<Vec<usize>> {
    let scales: Vec<f32> = lines.iter().map(|line| line.scale).collect();
    match scales.as_slice() {
        [_, _] => Ok(vec![0, 1]),
        [_, _, _] if linear => Ok(vec![0, 1, 2]),
        [1.0, 1.0, _, _] => Ok(vec![2, 3]),
        [1.0, _, _, 1.0] if linear => Ok(vec![1, 2]),
        [1.0, 1.0, _, _, _] if linear => Ok(vec![2, 3, 4]),
        _ => Err(Error::new(Kind::Unsupported, format!("interpolation with scales {scales:?} is not supported"))
            .help("supported: planes and, in mode linear, volumes; axes 0 and 1 with scales of 1, if there are more")),
    }
}

/// The elements of the axes that are interpolated along, the others fixed.
struct Plane<'a> {
    elements: &'a [f32],
    start: usize,
    strides: Vec<usize>,
}

impl Plane<'_> {
    fn at(&self, places: impl Iterator<Item = usize>) -> f32 {
        self.elements
            [self.start + places.zip(&self.strides).map(|(place, stride)| place * stride).sum::<usize>()]
    }
}

/// An output of a plane, and of where it lies on each axis.
type Value<'a> = dyn Fn(&Plane, &[(f32, Line)]) -> f32 + 'a;

/// `value` makes an output of a plane and where it lies on each axis.
fn interpolate(
    x: &ArrayD<f32>,
    lines: &[Line],
    axes: &[usize],
    resize: &Resize,
    value: &Value,
) -> ArrayD<f32> {
    let elements: Vec<f32> = x.iter().copied().collect();
    let stride = |axis: usize| x.shape()[axis + 1..].iter().product::<usize>();
    let strides: Vec<usize> = (0..lines.len()).map(stride).collect();
    let shape: Vec<usize> = lines.iter().map(|line| line.to).collect();
    let origins: Vec<Vec<f32>> =
        lines.iter().map(|line| (0..line.to).map(|x| line.origin(x, resize.coordinates)).collect()).collect();
    ArrayD::from_shape_fn(IxDyn(&shape), |at| {
        let others = (0..lines.len()).filter(|axis| !axes.contains(axis));
        let start = others.map(|axis| at[axis] * strides[axis]).sum();
        let places: Vec<(f32, Line)> =
            axes.iter().map(|axis| (origins[*axis][at[*axis]], lines[*axis])).collect();
        if resize.coordinates == Coordinates::CropAndResize
            && places.iter().any(|(origin, line)| line.is_outside(*origin))
        {
            return resize.extrapolation;
        }
        let strides = axes.iter().map(|axis| strides[*axis]).collect();
        value(&Plane { elements: &elements, start, strides }, &places)
    })
}

/// The weighted corners around a point, the innermost axis first; an axis's last element counts half twice.
fn linear_value(plane: &Plane, at: &[(f32, Line)]) -> f32 {
    let ends: Vec<[(usize, f32); 2]> = at
        .iter()
        .map(|(origin, line)| {
            let (first, second, inside) = line.around(*origin);
            match first == second {
                true => [(first, 0.5), (second, 0.5)],
                false => [(first, (inside - second as f32).abs()), (second, (inside - first as f32).abs())],
            }
        })
        .collect();
    let axes = ends.len();
    let corner = |corner: usize| {
        let end = |axis: usize| ends[axis][corner >> (axes - 1 - axis) & 1];
        // The innermost axis's weight is the first factor.
        let weight = (0..axes).rev().map(|axis| end(axis).1).reduce(|product, w| product * w).unwrap_or(1.0);
        weight * plane.at((0..axes).map(|axis| end(axis).0))
    };
    (0..1usize << axes).map(corner).reduce(|sum, v| sum + v).unwrap_or(0.0)
}

/// As [`linear_value`], in weights of 1/1024 an axis, which are integers; what lies behind the point is cut off.
fn fixed_value(plane: &Plane, at: &[(f32, Line)]) -> f32 {
    let weighted = |(origin, line): &(f32, Line)| {
        let (first, second, inside) = line.around(*origin);
        let weight = |other: usize| (f64::from(inside * 1024.0).trunc() - other as f64 * 1024.0).abs();
        match first == second {
            true => [(first, 512.0), (second, 512.0)],
            false => [(first, weight(second)), (second, weight(first))],
        }
    };
    let [outer, inner] = at else { return f32::NAN };
    let (rows, columns) = (weighted(outer), weighted(inner));
    let corners = rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column)));
    // Every product and sum is an integer below 2^53.
    let sum: f64 = corners
        .map(|((row, down), (column, along))| down * along * f64::from(plane.at([*row, *column].into_iter())))
        .sum();
    (sum / f64::from(1 << 20)).trunc() as f32
}

/// Weights of the four elements around a point that lies `s` behind the second.
fn cubic_weights(s: f32, a: f32) -> [f32; 4] {
    let far = |d: f32| ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
    let near = |d: f32| ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
    [far(s + 1.0), near(s), near(1.0 - s), far(2.0 - s)]
}

/// Four rows along the inner axis, then one along the outer.
fn cubic_value(plane: &Plane, at: &[(f32, Line)], a: f32, exclude_outside: bool) -> f32 {
    let axis = |(origin, line): (f32, Line)| {
        let floor = origin.floor();
        let mut weights = cubic_weights(origin - floor, a);
        let last = line.from as f32 - 1.0;
        let place = |i: usize| floor + i as f32 - 1.0;
        let mut sum = 1.0;
        if exclude_outside {
            for (i, weight) in weights.iter_mut().enumerate() {
                if place(i) < 0.0 || place(i) > last {
                    *weight = 0.0;
                }
            }
            sum = weights.iter().fold(0.0, |sum, w| sum + w);
        }
        let places = [0, 1, 2, 3].map(|i| place(i).clamp(0.0, last) as usize);
        (weights, sum, places)
    };
    let &[outer, inner] = at else { return f32::NAN };
    let ((wy, sum_y, rows), (wx, sum_x, columns)) = (axis(outer), axis(inner));
    let mut result = 0.0f32;
    for (row, weight) in rows.into_iter().zip(wy) {
        let mut along = 0.0f32;
        for (column, weight) in columns.into_iter().zip(wx) {
            along += weight / sum_x * plane.at([row, column].into_iter());
        }
        result += along * weight / sum_y;
    }
    result
}
