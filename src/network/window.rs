//! How a kernel slides over an image: the geometry that convolution and pooling share.

/// What surrounds the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Top, left, bottom, right.
    Explicit([usize; 4]),
    /// As much as keeps ceil(input / stride) outputs; an odd tap goes to the end.
    SameUpper,
    /// As [`Padding::SameUpper`]; an odd tap goes to the start.
    SameLower,
}

/// Kernel, stride, dilation and padding of a 2-D window; `[height, width]` each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Taps per axis.
    pub kernel: [usize; 2],
    /// Input positions from one output to the next.
    pub stride: [usize; 2],
    /// Input positions from one tap to the next; 1 is dense.
    pub dilation: [usize; 2],
    /// What surrounds the image.
    pub padding: Padding,
    /// Count a last, partial window (pooling's `ceil_mode`).
    pub ceil: bool,
}

/// A window placed on an image of known size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Top and left padding.
    pub pad: [usize; 2],
    /// Bottom and right padding.
    pub pad_end: [usize; 2],
    /// Output height and width.
    pub output: [usize; 2],
}

impl Window {
    /// Places the window on an image of `[height, width]`; `None` when it does not fit or an extent is 0.
    ///
    /// Source: the ONNX operators Conv and MaxPool (`auto_pad`, `ceil_mode`): a partial window that would
    /// start in the end padding is not counted.
    pub fn place(&self, input: [usize; 2]) -> Option<Placed> {
        let mut placed = Placed { pad: [0; 2], pad_end: [0; 2], output: [0; 2] };
        for axis in 0..2 {
            let (extent, stride) = (input[axis], self.stride[axis]);
            let reach = self.kernel[axis].checked_sub(1)?.checked_mul(self.dilation[axis])?.checked_add(1)?;
            if extent == 0 || stride == 0 || self.dilation[axis] == 0 {
                return None;
            }
            let (start, end) = match self.padding {
                Padding::Explicit(pads) => (pads[axis], pads[axis + 2]),
                Padding::SameUpper | Padding::SameLower => {
                    let covered = (extent.div_ceil(stride) - 1).checked_mul(stride)?.checked_add(reach)?;
                    let total = covered.saturating_sub(extent);
                    let small = total / 2;
                    if self.padding == Padding::SameUpper {
                        (small, total - small)
                    } else {
                        (total - small, small)
                    }
                }
            };
            let room = extent.checked_add(start)?.checked_add(end)?.checked_sub(reach)?;
            let mut count = if self.ceil { room.div_ceil(stride) + 1 } else { room / stride + 1 };
            if self.ceil && (count - 1).saturating_mul(stride) >= extent + start {
                count -= 1;
            }
            (placed.pad[axis], placed.pad_end[axis], placed.output[axis]) = (start, end, count);
        }
        Some(placed)
    }

    /// Taps of the kernel.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_sizes_are_those_of_the_onnx_text() {
        let base = Window {
            kernel: [3, 3],
            stride: [2, 2],
            dilation: [1, 1],
            padding: Padding::SameUpper,
            ceil: false,
        };
        assert_eq!(base.place([8, 7]).unwrap(), Placed { pad: [0, 1], pad_end: [1, 1], output: [4, 4] });
        let lower = Window { padding: Padding::SameLower, ..base };
        assert_eq!(lower.place([8, 7]).unwrap().pad, [1, 1]);
        let valid = Window { padding: Padding::Explicit([0; 4]), dilation: [3, 3], ..base };
        assert_eq!(valid.place([8, 7]).unwrap().output, [1, 1]);
        assert_eq!(valid.place([6, 7]), None);
        let ceil = Window { padding: Padding::Explicit([0; 4]), kernel: [2, 2], ceil: true, ..base };
        assert_eq!(ceil.place([5, 6]).unwrap().output, [3, 3]);
    }
}
