//! What a layer's sum can be whatever runs it: bias plus products of codes, zero points taken off both.

use super::Range;
use crate::network::{Geometry, Layer};
use crate::num::{Format, Overflow, narrowest};

/// Smallest and largest of every prefix of every channel's sum, in any order of adding, over every code of the input's
/// type: the zero point is a code, so that each product may be 0 and the ends are those of the whole sum, or the bias's.
/// `None` where the input's type has no format.
pub fn range_of_codes(layer: &Layer) -> Option<Range> {
    let all = layer.input_carrier.dtype.format()?;
    let zero = i128::from(layer.input_carrier.zero_point);
    let (low, high) = (i128::from(all.min()) - zero, i128::from(all.max()) - zero);
    let (channels, k) = (layer.channels(), layer.k());
    let mut ranges: Vec<Range> = (0..channels)
        .map(|c| {
            layer.bias.as_ref().and_then(|b| b.get(c)).map_or((0, 0), |b| (i128::from(*b), i128::from(*b)))
        })
        .collect();
    for (at, code) in layer.weights.codes.iter().enumerate() {
        let channel = match layer.geometry {
            Geometry::Matrix => at % channels.max(1),
            Geometry::Convolution { .. } => at / k.max(1),
        };
        let weight = i128::from(*code) - i128::from(layer.weight_zero_point(channel));
        let (a, b) = (weight * low, weight * high);
        let range = &mut ranges[channel];
        *range = (range.0 + a.min(b), range.1 + a.max(b));
    }
    ranges.into_iter().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Bits of the signed accumulator that holds [`range_of_codes`]; `None` where no format does.
pub fn width_of_codes(layer: &Layer) -> Option<u32> {
    narrowest(range_of_codes(layer)?, true, Overflow::Saturate).map(Format::width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Carrier, DType, Weights};
    use ndarray::{ArrayD, IxDyn};

    /// Every pair of codes of a product of two.
    #[test]
    fn no_sum_is_outside_and_both_ends_are_reached() {
        for (zero, weight_zero, bias) in [(0, 0, 0), (3, 0, -50), (-128, 5, 7), (127, -128, 900)] {
            let codes = ArrayD::from_shape_vec(IxDyn(&[2, 1]), vec![-7, 19]).unwrap();
            let scales = vec![1.0];
            let weights = Weights { codes, dtype: DType::I8, scales, zero_points: vec![weight_zero] };
            let layer = Layer {
                name: String::new(),
                input: String::new(),
                output_name: String::new(),
                geometry: Geometry::Matrix,
                input_carrier: Carrier { dtype: DType::I8, scale: 1.0, zero_point: zero },
                weights,
                bias: Some(vec![bias]),
                output: None,
                low: 0,
                high: 0,
            };
            let (mut low, mut high) = (i128::MAX, i128::MIN);
            for x in -128..128 {
                for y in -128..128 {
                    let sum = bias + (x - zero) * (-7 - weight_zero) + (y - zero) * (19 - weight_zero);
                    (low, high) = (low.min(i128::from(sum)), high.max(i128::from(sum)));
                }
            }
            assert_eq!(range_of_codes(&layer), Some((low, high)), "{zero} {weight_zero} {bias}");
        }
    }
}
