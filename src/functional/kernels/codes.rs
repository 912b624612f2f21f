//! Codes of 8 bits: rescaling, and moving them between planes (`[channels][positions]`) and rows (`[positions][channels]`).

use super::Isa;
#[cfg(target_arch = "x86_64")]
use super::Kernels;
use super::float::copies;
use crate::post::onnx::{self, Codes, Sum};

/// How accumulators become codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rescale {
    /// Where they live.
    pub codes: Codes,
    /// They are clamped to this once more: a Relu or Clip.
    pub limits: [i32; 2],
}

copies! {
    /// [`onnx::requantize`](crate::post::onnx::requantize) of every sum by its factor, clamped to the limits; the low
    /// 8 bits of each code.
    rescale, rescale_form, (out: &mut [u8], sums: &[i32], factors: &[f32], how: Rescale)
}

#[inline(always)]
fn rescale_form(out: &mut [u8], sums: &[i32], factors: &[f32], how: Rescale) {
    let [least, most] = how.limits;
    let count = out.len().min(sums.len()).min(factors.len());
    for ((out, sum), factor) in out[..count].iter_mut().zip(&sums[..count]).zip(&factors[..count]) {
        let code = onnx::requantize(*sum, *factor, how.codes);
        *out = code.max(least).min(most) as u8;
    }
}

macro_rules! add {
    ($($type:ty, $name:ident;)*) => {
        $(copies! {
            /// [`Sum::apply`](crate::post::onnx::Sum::apply) of every pair, as codes of the rails' type.
            $name, add_form, (out: &mut [$type], a: &[$type], b: &[$type], sum: Sum)
        })*
    };
}
add! {
    u8, add_u8;
    i8, add_i8;
}

#[inline(always)]
fn add_form<B: Byte>(out: &mut [B], a: &[B], b: &[B], sum: Sum) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = B::of(sum.apply(a.wide(), b.wide()));
    }
}

copies! {
    /// `sums[j] ← sums[j] + scale · by[j]` modulo 2^32.
    add_scaled, add_scaled_form, (sums: &mut [i32], by: &[i32], scale: i32)
}

#[inline(always)]
fn add_scaled_form(sums: &mut [i32], by: &[i32], scale: i32) {
    for (sum, by) in sums.iter_mut().zip(by) {
        *sum = sum.wrapping_add(scale.wrapping_mul(*by));
    }
}

copies! {
    /// The sum of all.
    total, total_form, (codes: &[u8]) -> i32
}

#[inline(always)]
fn total_form(codes: &[u8]) -> i32 {
    codes.iter().fold(0, |sum: i32, code| sum.wrapping_add(i32::from(*code)))
}

/// Rows and columns of a block of 8 × 8 bytes, exchanged: a row is a word, its first byte the lowest.
#[inline(always)]
fn turned(mut rows: [u64; 8]) -> [u64; 8] {
    for (step, mask) in
        [(4, 0x0000_0000_ffff_ffff), (2, 0x0000_ffff_0000_ffff), (1, 0x00ff_00ff_00ff_00ff_u64)]
    {
        for row in (0..8).filter(|row| row & step == 0) {
            let shift = 8 * step;
            let moved = ((rows[row] >> shift) ^ rows[row + step]) & mask;
            rows[row] ^= moved << shift;
            rows[row + step] ^= moved;
        }
    }
    rows
}

/// One byte of a code.
pub trait Byte: Copy + Send + Sync {
    /// Its bits.
    fn bits(self) -> u8;
    /// As a number.
    fn wide(self) -> i32;
    /// Of a number inside the type's range.
    fn of(code: i32) -> Self;
}

impl Byte for u8 {
    fn bits(self) -> u8 {
        self
    }

    fn wide(self) -> i32 {
        i32::from(self)
    }

    fn of(code: i32) -> u8 {
        code as u8
    }
}

impl Byte for i8 {
    fn bits(self) -> u8 {
        self.cast_unsigned()
    }

    fn wide(self) -> i32 {
        i32::from(self)
    }

    fn of(code: i32) -> i8 {
        code as i8
    }
}

/// Where the bytes of a matrix lie.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// Bytes from one line to the next.
    pub stride: usize,
    /// Lines, and bytes of each.
    pub extents: [usize; 2],
}

/// The columns of `from` (lines of bytes) as lines: column `c` goes to `to[place(c)..]`, unless it has no place; every byte
/// with the bits of `flip` exchanged.
pub fn turn<B: Byte>(
    to: &mut [u8],
    place: impl Fn(usize) -> Option<usize>,
    from: &[B],
    lines: Lines,
    flip: u8,
) {
    let Lines { stride, extents: [rows, columns] } = lines;
    let flips = u64::from_ne_bytes([flip; 8]);
    let (whole_rows, whole_columns) = (rows / 8 * 8, columns / 8 * 8);
    for first in (0..whole_rows).step_by(8) {
        let lines: [&[B]; 8] = std::array::from_fn(|row| &from[(first + row) * stride..][..columns]);
        for column in (0..whole_columns).step_by(8) {
            let block = lines.map(|line| {
                let bytes = line[column..].first_chunk::<8>().expect("a whole block");
                u64::from_le_bytes(bytes.map(B::bits)) ^ flips
            });
            for (offset, bytes) in turned(block).into_iter().enumerate() {
                if let Some(at) = place(column + offset) {
                    to[at + first..][..8].copy_from_slice(&bytes.to_le_bytes());
                }
            }
        }
    }
    let mut one = |row: usize, column: usize| {
        if let Some(at) = place(column) {
            to[at + row] = from[row * stride + column].bits() ^ flip;
        }
    };
    for column in 0..columns {
        let first = if column < whole_columns { whole_rows } else { 0 };
        (first..rows).for_each(|row| one(row, column));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functional::kernels::Kernels;

    #[test]
    fn rescaling_is_its_formula() {
        let u8 = Codes { zero_point: 3, low: 0, high: 255 };
        let s8 = Codes { zero_point: -7, low: -128, high: 127 };
        let mut ties = 0;
        for isa in Kernels::available().into_iter().map(Isa::new) {
            for codes in [u8, s8] {
                for factor in [0.5f32, 0.25, 1e-3, 1e-9, 3.0, 1e30, f32::INFINITY, f32::NAN] {
                    let sums: Vec<i32> =
                        (-700..700).chain([i32::MIN, i32::MAX, 1 << 24, (1 << 24) + 1]).collect();
                    let how = Rescale { codes, limits: [codes.low + 2, codes.high - 1] };
                    let mut out = vec![0; sums.len()];
                    rescale(isa, &mut out, &sums, &vec![factor; sums.len()], how);
                    for (sum, out) in sums.iter().zip(out) {
                        let code = onnx::requantize(*sum, factor, codes);
                        let code = code.max(codes.low + 2).min(codes.high - 1);
                        assert_eq!(out, code as u8, "{isa:?} {codes:?} {sum} · {factor}");
                        ties += u32::from((*sum as f32 * factor).fract().abs() == 0.5);
                    }
                }
            }
        }
        assert!(ties > 1000);
    }

    #[test]
    fn every_byte_is_turned_once() {
        for [rows, columns, stride] in
            [[1, 1, 1], [8, 8, 8], [16, 24, 31], [13, 9, 9], [7, 30, 30], [20, 5, 6]]
        {
            let from: Vec<u8> = (0..rows * stride).map(|i| (i * 37 % 251) as u8).collect();
            let mut to = vec![0; columns * rows];
            let lines = Lines { stride, extents: [rows, columns] };
            turn(&mut to, |column| (column != 3).then_some(column * rows), &from, lines, 0x80);
            for at in 0..rows * columns {
                let (row, column) = (at % rows, at / rows);
                let expected = if column == 3 { 0 } else { from[row * stride + column] ^ 0x80 };
                assert_eq!(to[at], expected, "{rows} × {columns}: {row}, {column}");
            }
        }
    }
}
