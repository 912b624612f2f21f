//! A 2-D convolution as the list of products of each output: from the raw tensors, over an image that is really
//! padded, in the kernel order named.

use super::machine::Number;
use super::program::Work;

/// Geometry and raw tensors; pairs are height and width.
#[derive(Debug, Clone)]
pub struct Convolution {
    pub groups: usize,
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// `explicit`, `same_upper` or `same_lower`.
    pub padding: &'static str,
    /// Top, left, bottom, right; of matter when explicit.
    pub pads: [usize; 4],
    /// Outermost first: `kh`, `kw`, `cin`.
    pub order: [&'static str; 3],
    /// `[images, groups · cin, height, width]`
    pub input: Tensor,
    /// `[groups · n, cin, kh, kw]`
    pub weights: Tensor,
    pub zero_point: i64,
    /// One per output channel.
    pub weight_zero_points: Vec<i64>,
    pub bias: Vec<i64>,
}

/// Row-major, four axes.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub shape: [usize; 4],
    pub values: Vec<i64>,
}

impl Tensor {
    fn at(&self, index: [usize; 4]) -> i64 {
        let flat = index.iter().zip(self.shape).fold(0, |flat, (i, extent)| flat * extent + i);
        self.values[flat]
    }
}

impl Convolution {
    fn reach(&self, axis: usize) -> usize {
        (self.weights.shape[2 + axis] - 1) * self.dilation[axis] + 1
    }

    /// Padding before and after, and outputs, along an axis.
    fn placed(&self, axis: usize) -> (usize, usize, usize) {
        let (extent, stride, reach) = (self.input.shape[2 + axis], self.stride[axis], self.reach(axis));
        let (before, after) = match self.padding {
            "explicit" => (self.pads[axis], self.pads[axis + 2]),
            same => {
                let outputs = (0..extent).step_by(stride).count();
                let total = ((outputs - 1) * stride + reach).saturating_sub(extent);
                let (small, large) = (total / 2, total - total / 2);
                if same == "same_upper" { (small, large) } else { (large, small) }
            }
        };
        let outputs = (0..before + extent + after).step_by(stride);
        (before, after, outputs.filter(|start| start + reach <= before + extent + after).count())
    }

    /// Output height and width.
    pub fn output(&self) -> [usize; 2] {
        [self.placed(0).2, self.placed(1).2]
    }

    /// The image with its padding, every code less `recoding`.
    fn padded(&self, recoding: i64) -> Tensor {
        let [images, depth, height, width] = self.input.shape;
        let ((top, bottom, _), (left, right, _)) = (self.placed(0), self.placed(1));
        let shape = [images, depth, top + height + bottom, left + width + right];
        let mut values = Vec::new();
        for image in 0..images {
            for channel in 0..depth {
                for y in 0..shape[2] {
                    for x in 0..shape[3] {
                        let inside = y >= top && y < top + height && x >= left && x < left + width;
                        values.push(if inside {
                            self.input.at([image, channel, y - top, x - left]) - recoding
                        } else {
                            self.zero_point - recoding
                        });
                    }
                }
            }
        }
        Tensor { shape, values }
    }

    /// (kh, kw, cin) of each product: three nested loops in the order named.
    fn taps(&self) -> Vec<[usize; 3]> {
        let [_, cin, kh, kw] = self.weights.shape;
        let extent = |axis: &str| match axis {
            "kh" => kh,
            "kw" => kw,
            _ => cin,
        };
        let [outer, middle, inner] = self.order;
        let mut taps = Vec::new();
        for i in 0..extent(outer) {
            for j in 0..extent(middle) {
                for k in 0..extent(inner) {
                    let of = |axis: &str| {
                        if axis == outer {
                            i
                        } else if axis == middle {
                            j
                        } else {
                            k
                        }
                    };
                    taps.push([of("kh"), of("kw"), of("cin")]);
                }
            }
        }
        taps
    }

    /// The products of every output; codes of either side are recoded first (128 less for u8 in a signed operand).
    pub fn work(&self, recoding: i64, weight_recoding: i64) -> Work {
        let padded = self.padded(recoding);
        let taps = self.taps();
        let ([height, width], [channels, cin, ..]) = (self.output(), self.weights.shape);
        let (images, n) = (self.input.shape[0], channels / self.groups);
        let (mut activations, mut weights) = (Vec::new(), Vec::new());
        for image in 0..images {
            for group in 0..self.groups {
                for y in 0..height {
                    for x in 0..width {
                        activations.extend(taps.iter().map(|[kh, kw, c]| {
                            let (row, column) = (
                                y * self.stride[0] + kh * self.dilation[0],
                                x * self.stride[1] + kw * self.dilation[1],
                            );
                            padded.at([image, group * cin + c, row, column])
                        }));
                    }
                }
            }
        }
        for group in 0..self.groups {
            for [kh, kw, c] in &taps {
                let weight = |n: usize| self.weights.at([n, *c, *kh, *kw]) - weight_recoding;
                weights.extend((group * n..(group + 1) * n).map(weight));
            }
        }
        Work { images, groups: self.groups, m: height * width, k: taps.len(), n, activations, weights }
    }

    /// The start value where the operands' offsets leave `left` of the activation's zero point: the bias less
    /// left · Σ (w − zw).
    pub fn folded_bias(&self, left: i64) -> Number {
        let fold = |channel: usize| {
            let products = self.weights.shape[1..].iter().product::<usize>();
            let row = &self.weights.values[channel * products..(channel + 1) * products];
            let sum: i64 = row.iter().map(|w| w - self.weight_zero_points[channel]).sum();
            self.bias[channel] - left * sum
        };
        Number((0..self.weights.shape[0]).map(fold).collect())
    }
}
