//! Resize, Upsample and ConvTranspose.

use super::Entry;
use super::layer::conv;
use super::layout::one_of;
use crate::network::{AspectRatio, ConvTranspose, Coordinates, Interpolation, Nearest, Operator, Resize};

const COORDINATES: [(&str, Coordinates); 7] = [
    ("half_pixel", Coordinates::HalfPixel),
    ("asymmetric", Coordinates::Asymmetric),
    ("pytorch_half_pixel", Coordinates::PytorchHalfPixel),
    ("tf_half_pixel_for_nn", Coordinates::TfHalfPixelForNearest),
    ("align_corners", Coordinates::AlignCorners),
    ("tf_crop_and_resize", Coordinates::CropAndResize),
    ("half_pixel_symmetric", Coordinates::HalfPixelSymmetric),
];

pub(super) const ENTRIES: &[Entry] = &[
    ("ConvTranspose", |a, _| {
        let (more, output) = (a.sizes("output_padding")?, a.sizes("output_shape")?);
        let conv = conv(a)?;
        Ok(Operator::ConvTranspose(ConvTranspose {
            groups: conv.groups,
            sliding: conv.sliding,
            more,
            output,
        }))
    }),
    ("Resize", |a, opset| {
        a.only("antialias", 0)?;
        let old = opset < 11;
        let coordinates =
            match COORDINATES[one_of(a, "coordinate_transformation_mode", &COORDINATES.map(|c| c.0))?].1 {
                _ if old => Coordinates::Asymmetric,
                coordinates => coordinates,
            };
        const ROUND: [&str; 4] = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"];
        let nearest = match one_of(a, "nearest_mode", &ROUND)? {
            _ if old => Nearest::Simple,
            0 => Nearest::RoundPreferFloor,
            1 => Nearest::RoundPreferCeil,
            2 => Nearest::Floor,
            _ => Nearest::Ceil,
        };
        let (cubic, exclude_outside) =
            (a.float("cubic_coeff_a")?.unwrap_or(-0.75), a.flag("exclude_outside")?);
        let mode = match one_of(a, "mode", &["nearest", "linear", "cubic"])? {
            0 => Interpolation::Nearest(nearest),
            1 => Interpolation::Linear,
            _ => Interpolation::Cubic { a: cubic, exclude_outside },
        };
        let policy = match one_of(a, "keep_aspect_ratio_policy", &["stretch", "not_larger", "not_smaller"])? {
            0 => AspectRatio::Stretch,
            1 => AspectRatio::NotLarger,
            _ => AspectRatio::NotSmaller,
        };
        let extrapolation = a.float("extrapolation_value")?.unwrap_or(0.0);
        let scales_at = if old { 1 } else { 2 };
        Ok(Operator::Resize(Resize {
            mode,
            coordinates,
            extrapolation,
            axes: a.ints("axes"),
            policy,
            scales_at,
            scales: None,
        }))
    }),
    ("Upsample", |a, _| {
        let mode = match one_of(a, "mode", &["nearest", "linear"])? {
            0 => Interpolation::Nearest(Nearest::Simple),
            _ => Interpolation::Linear,
        };
        Ok(Operator::Resize(Resize {
            mode,
            coordinates: Coordinates::Asymmetric,
            extrapolation: 0.0,
            axes: None,
            policy: AspectRatio::Stretch,
            scales_at: 1,
            scales: a.floats("scales"),
        }))
    }),
];
