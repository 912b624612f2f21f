//! Operators that change the resolution of an image.

use super::Sliding;

/// Resize and Upsample. Names and attributes are ONNX's.
#[derive(Debug, Clone, PartialEq)]
pub struct Resize {
    /// What a new element is made of.
    pub mode: Interpolation,
    /// Where an output position lies in the input.
    pub coordinates: Coordinates,
    /// What lies outside the input, for `Coordinates::CropAndResize` alone.
    pub extrapolation: f32,
    /// Axes that scales, sizes and regions name; all of them when absent.
    pub axes: Option<Vec<i64>>,
    /// What becomes of sizes of another aspect ratio (`keep_aspect_ratio_policy`).
    pub policy: AspectRatio,
    /// The input that holds the scales; the region of interest is in front of it from opset 11 on, sizes behind it.
    pub scales_at: usize,
    /// The scales, where they are an attribute (Upsample before opset 9).
    pub scales: Option<Vec<f32>>,
}

/// What a new element is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Interpolation {
    /// The nearest element.
    Nearest(Nearest),
    /// The two nearest elements per axis.
    Linear,
    /// The four nearest elements per axis, by Keys's polynomial.
    Cubic {
        /// The polynomial's coefficient a.
        a: f32,
        /// Elements outside the input have no weight, and the others have all of it.
        exclude_outside: bool,
    },
}

/// Which element is the nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nearest {
    /// Before opset 11: the next one where the image shrinks, else the one before.
    Simple,
    /// Half goes to the one before.
    RoundPreferFloor,
    /// Half goes to the next.
    RoundPreferCeil,
    /// The one before.
    Floor,
    /// The next.
    Ceil,
}

/// Where output position x of an axis lies in the input (`coordinate_transformation_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coordinates {
    /// (x + 1/2) / scale − 1/2.
    HalfPixel,
    /// As `HalfPixel`, with the rounding of the output's extent spread over both ends.
    HalfPixelSymmetric,
    /// As `HalfPixel`, 0 for an output of one element.
    PytorchHalfPixel,
    /// (x + 1/2) / scale.
    TfHalfPixelForNearest,
    /// The first and last elements meet.
    AlignCorners,
    /// x / scale.
    Asymmetric,
    /// Inside the region of interest.
    CropAndResize,
}

/// `keep_aspect_ratio_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AspectRatio {
    /// Sizes are taken as they are.
    Stretch,
    /// The ratio stays; no axis becomes longer than asked for.
    NotLarger,
    /// The ratio stays; no axis becomes shorter than asked for.
    NotSmaller,
}

/// What ConvTranspose is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvTranspose {
    /// Attribute `group`.
    pub groups: usize,
    /// Kernel, strides, dilations, and the padding that is cut off.
    pub sliding: Sliding,
    /// `output_padding`: more positions at the end of every axis; empty is 0.
    pub more: Vec<usize>,
    /// `output_shape` of the spatial axes; empty where padding tells it.
    pub output: Vec<usize>,
}
