//! What each operator must give, by `goldpath::num`: one line of `operators.v` against its rule.

use goldpath::num::{Format, Overflow, Rounding, fit, product, shift_right};

/// A line of the testbench: `operator parameters : inputs : output`, the last two as hexadecimal bit patterns.
pub struct Line<'a> {
    pub operator: &'a str,
    parameters: Vec<u32>,
    inputs: Vec<&'a str>,
    output: &'a str,
}

/// The value of a bit pattern as wide as the format says; none for x, z or a pattern that is too wide.
fn value(hex: &str, width: u32) -> Option<i64> {
    let format = Format::signed(width)?;
    let bits = i128::from(u64::from_str_radix(hex, 16).ok()?);
    (bits >> width == 0).then(|| fit(bits, format, Overflow::Wrap).value)
}

fn fitted(exact: i128, width: u32, saturate: u32) -> Option<i64> {
    let overflow = if saturate == 0 { Overflow::Wrap } else { Overflow::Saturate };
    Some(fit(exact, Format::signed(width)?, overflow).value)
}

impl<'a> Line<'a> {
    pub fn parse(line: &'a str) -> Option<Line<'a>> {
        let mut parts = line.split(" : ");
        let (head, inputs, output) = (parts.next()?, parts.next()?, parts.next()?);
        let (operator, parameters) = head.split_once(' ')?;
        let parameters: Result<Vec<u32>, _> = parameters.split_whitespace().map(str::parse).collect();
        Some(Line {
            operator,
            parameters: parameters.ok()?,
            inputs: inputs.split_whitespace().collect(),
            output: output.trim(),
        })
    }

    fn input(&self, index: usize, width: u32) -> Option<i128> {
        value(self.inputs.get(index)?, width).map(i128::from)
    }

    /// The rule's answer and its width.
    fn expected(&self) -> Option<(i64, u32)> {
        match (self.operator, self.parameters.as_slice()) {
            ("fit", &[width, out, saturate]) => Some((fitted(self.input(0, width)?, out, saturate)?, out)),
            ("add", &[a, b, out, saturate]) => {
                Some((fitted(self.input(0, a)? + self.input(1, b)?, out, saturate)?, out))
            }
            ("accumulate", &[acc, addend, saturate]) => {
                let first = self.inputs.first()? == &"1";
                let base = self.input(if first { 1 } else { 2 }, acc)?;
                Some((fitted(base + self.input(3, addend)?, acc, saturate)?, acc))
            }
            ("multiply", &[a, b]) => {
                let exact = product(value(self.inputs[0], a)?, value(self.inputs.get(1)?, b)?);
                Some((i64::try_from(exact).ok()?, a + b))
            }
            ("shift", &[width, _]) => {
                let count = u32::from_str_radix(self.inputs.get(1)?, 16).ok()?;
                let exact = shift_right(self.input(0, width)?, count, Rounding::HalfUp);
                Some((i64::try_from(exact).ok()?, width))
            }
            ("clamp", &[width, bound]) => {
                let [value, low, high] =
                    [self.input(0, width)?, self.input(1, bound)?, self.input(2, bound)?];
                Some((i64::try_from(value.min(high).max(low)).ok()?, bound))
            }
            _ => None,
        }
    }

    /// Whether the operator gave what the rule says; a line that makes no sense does not agree.
    pub fn agrees(&self) -> bool {
        self.expected().is_some_and(|(expected, width)| value(self.output, width) == Some(expected))
    }
}
