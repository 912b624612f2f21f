//! Codes of 8 bits: rescaling, and moving them between planes (`[channels][positions]`) and rows (`[positions][channels]`).

use super::Isa;
#[cfg(target_arch = "x86_64")]
use super::Kernels;
use super::float::{Code, copies};
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

/// What an int32 sum counts in a wider one.
#[derive(Debug, Clone, Copy)]
pub struct Share<'a> {
    /// One sum a channel or position.
    pub sums: &'a [i32],
    /// A power of two.
    pub weight: f64,
}

/// Most sums of one `rescale_wide_*`.
pub const WIDE_SUMS: usize = 64;

/// One of `rescale_wide_*`.
pub type RescaleWide<T> = fn(Isa, &mut [T], &[f64], &[Share], &[f32], Rescale);

macro_rules! rescale_wide {
    ($($type:ty, $name:ident;)*) => {
        $(copies! {
            /// [`onnx::requantize_exact`](crate::post::onnx::requantize_exact) of `begin` and all shares, which float64
            /// must hold exactly, by its factor, clamped to the limits.
            $name, rescale_wide_form,
            (out: &mut [$type], begin: &[f64], shares: &[Share], factors: &[f32], how: Rescale)
        })*
    };
}
rescale_wide! {
    u8, rescale_wide_u8;
    i8, rescale_wide_i8;
    u16, rescale_wide_u16;
    i16, rescale_wide_i16;
}

#[inline(always)]
fn rescale_wide_form<C: Code>(out: &mut [C], begin: &[f64], shares: &[Share], factors: &[f32], how: Rescale) {
    let [least, most] = how.limits;
    let mut wide = [0.0; WIDE_SUMS];
    let wide = &mut wide[..out.len()];
    wide.copy_from_slice(&begin[..out.len()]);
    for Share { sums, weight } in shares {
        wide.iter_mut().zip(&sums[..out.len()]).for_each(|(wide, sum)| *wide += f64::from(*sum) * weight);
    }
    for ((out, wide), factor) in out.iter_mut().zip(wide).zip(factors) {
        *out = C::of(onnx::requantize_exact(*wide, *factor, how.codes).max(least).min(most));
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
fn add_form<C: Code>(out: &mut [C], a: &[C], b: &[C], sum: Sum) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = C::of(sum.apply(a.wide(), b.wide()));
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

/// A code whose bytes can be looked at one by one.
pub trait Bytes: Copy + Send + Sync {
    /// The byte that begins at bit `from`.
    fn byte(self, from: u32) -> u8;
}

macro_rules! bytes {
    ($($type:ty, $byte:expr;)*) => {
        $(impl Bytes for $type {
            #[inline(always)]
            fn byte(self, from: u32) -> u8 {
                $byte(self, from)
            }
        })*
    };
}
// A code of 8 bits has no other: bytes cannot be shifted side by side.
bytes! {
    u8, |code: u8, _| code;
    i8, |code: i8, _| code.cast_unsigned();
    u16, |code: u16, from| (code >> from) as u8;
    i16, |code: i16, from| (code.cast_unsigned() >> from) as u8;
}

/// Where the codes of a matrix lie.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// Codes from one line to the next.
    pub stride: usize,
    /// Lines, and codes of each.
    pub extents: [usize; 2],
}

/// A byte of every code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The bit it begins at.
    pub from: u32,
    /// Bits that are exchanged in it.
    pub flip: u8,
}

impl Look {
    /// The lowest one as it is.
    pub const PLAIN: Look = Look { from: 0, flip: 0 };

    /// That of one code.
    #[inline(always)]
    pub fn at<B: Bytes>(self, code: B) -> u8 {
        code.byte(self.from) ^ self.flip
    }
}

/// One byte of the columns of `from` (lines of codes) as lines: column `c` goes to `to[place(c)..]`, unless it has no place.
pub fn turn<B: Bytes>(
    to: &mut [u8],
    place: impl Fn(usize) -> Option<usize>,
    from: &[B],
    lines: Lines,
    look: Look,
) {
    let Lines { stride, extents: [rows, columns] } = lines;
    let flips = u64::from_ne_bytes([look.flip; 8]);
    let (whole_rows, whole_columns) = (rows / 8 * 8, columns / 8 * 8);
    for first in (0..whole_rows).step_by(8) {
        let lines: [&[B]; 8] = std::array::from_fn(|row| &from[(first + row) * stride..][..columns]);
        for column in (0..whole_columns).step_by(8) {
            // Loops: what `map` of an array is made of need not be inlined.
            let mut block = [0; 8];
            for (word, line) in block.iter_mut().zip(lines) {
                let codes = line[column..].first_chunk::<8>().expect("a whole block");
                let mut bytes = [0; 8];
                bytes.iter_mut().zip(codes).for_each(|(byte, code)| *byte = code.byte(look.from));
                *word = u64::from_le_bytes(bytes) ^ flips;
            }
            for (offset, bytes) in turned(block).into_iter().enumerate() {
                if let Some(at) = place(column + offset) {
                    to[at + first..][..8].copy_from_slice(&bytes.to_le_bytes());
                }
            }
        }
    }
    let mut one = |row: usize, column: usize| {
        if let Some(at) = place(column) {
            to[at + row] = look.at(from[row * stride + column]);
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

    /// Sums put together from their bytes' round as the whole int64 does: at ties, beyond int32, and NaN.
    #[test]
    fn wide_rescaling_is_its_formula() {
        let u16 = Codes { zero_point: 30_000, low: 0, high: 65_535 };
        let limits = [7, 65_000];
        // Halfway between float32 numbers, and one off.
        let near: Vec<i64> = (24..47)
            .flat_map(|bit| (-3i64..4).map(move |off| (1i64 << bit) + (1i64 << (bit - 24)) + off))
            .chain(-600..600)
            .flat_map(|sum| [sum, -sum])
            .collect();
        let mut inside = 0;
        for isa in Kernels::available().into_iter().map(Isa::new) {
            for factor in [0.5, 1.0, 1e-3, 3e-6, 2f32.powi(-30), 1e30, f32::INFINITY, f32::NAN] {
                for sums in near.chunks(WIDE_SUMS).chain(near.chunks(13)) {
                    let begin: Vec<i32> = (0..sums.len()).map(|at| i32::MAX - 3 * at as i32).collect();
                    let rest: Vec<i64> =
                        sums.iter().zip(&begin).map(|(sum, b)| sum - i64::from(*b)).collect();
                    let split = |of: fn(i64) -> i64| rest.iter().map(|sum| of(*sum) as i32).collect();
                    let [low, high]: [Vec<i32>; 2] = [split(|sum| sum & 0xffff), split(|sum| sum >> 16)];
                    let shares = [Share { sums: &low, weight: 1.0 }, Share { sums: &high, weight: 65_536.0 }];
                    let begin: Vec<f64> = begin.into_iter().map(f64::from).collect();
                    let how = Rescale { codes: u16, limits };
                    let mut out = vec![0u16; sums.len()];
                    rescale_wide_u16(isa, &mut out, &begin, &shares, &[factor; WIDE_SUMS], how);
                    for (sum, out) in sums.iter().zip(out) {
                        let code = onnx::requantize_wide(*sum, factor, u16).max(limits[0]).min(limits[1]);
                        assert_eq!(i32::from(out), code, "{isa:?} {sum} · {factor}");
                        inside += u32::from((8..64_999).contains(&code));
                    }
                }
            }
        }
        assert!(inside > 5000, "{inside}");
    }

    #[test]
    fn every_byte_is_turned_once() {
        for [rows, columns, stride] in
            [[1, 1, 1], [8, 8, 8], [16, 24, 31], [13, 9, 9], [7, 30, 30], [20, 5, 6]]
        {
            let from: Vec<u8> = (0..rows * stride).map(|i| (i * 37 % 251) as u8).collect();
            let mut to = vec![0; columns * rows];
            let lines = Lines { stride, extents: [rows, columns] };
            turn(
                &mut to,
                |column| (column != 3).then_some(column * rows),
                &from,
                lines,
                Look { from: 0, flip: 0x80 },
            );
            for (at, found) in to.iter().enumerate() {
                let (row, column) = (at % rows, at / rows);
                let expected = if column == 3 { 0 } else { from[row * stride + column] ^ 0x80 };
                assert_eq!(*found, expected, "{rows} × {columns}: {row}, {column}");
            }
            // The upper byte of codes of 16 bits.
            let codes: Vec<i16> =
                from.iter().map(|byte| i16::from_be_bytes([*byte, byte.wrapping_mul(3)])).collect();
            let mut upper = vec![0; columns * rows];
            let place = |column| (column != 3).then_some(column * rows);
            turn(&mut upper, place, &codes, lines, Look { from: 8, flip: 0x80 });
            assert_eq!(upper, to);
        }
    }
}
