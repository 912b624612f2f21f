//! float32 sums of products in MLAS's orders, and quantisation: copies for AVX-512, AVX2 with FMA, and any machine.
//!
//! Every output keeps its own order of additions ([`sgemm`](crate::post::sgemm)); only outputs run side by side. So
//! every copy computes the same bits, which `tests.rs` holds against [`Order::sum`](crate::post::sgemm::Order::sum).

use super::{Isa, Kernels, Rows};
use crate::post::onnx::{self, Codes};

#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

#[cfg(test)]
mod tests;

/// Outputs side by side in [`fused`].
pub const STRIP: usize = 32;

/// Most rows of one [`fused`].
pub const TILE_ROWS: usize = 12;

/// Sums of one strip: `[TILE_ROWS][STRIP]`.
pub type Tile = [f32; TILE_ROWS * STRIP];

/// Columns of B: `[depth]` rows of [`STRIP`], `stride` elements from one to the next.
#[derive(Debug, Clone, Copy)]
pub struct Strip<'a> {
    /// All rows.
    pub values: &'a [f32],
    /// Elements from one row to the next.
    pub stride: usize,
    /// How many rows: products per output.
    pub depth: usize,
}

/// `tile[r][j] ← Σ rows[r][k] · strip[k][j]`, fused from the left, from 0.
pub fn fused(isa: Isa, tile: &mut Tile, rows: Rows<f32>, strip: Strip) {
    rows.hold(strip.depth);
    assert!(rows.count <= TILE_ROWS);
    assert!(strip.depth == 0 || strip.values.len() >= (strip.depth - 1) * strip.stride + STRIP);
    match isa.kernels() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: Isa::new has seen the features; extents were just checked.
        Kernels::Avx512 => unsafe { avx512::float::fused(tile, rows, strip) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kernels::Avx2 => unsafe { avx2::float::fused(tile, rows, strip) },
        _ => {
            for r in 0..rows.count {
                let sums = &mut tile[r * STRIP..][..STRIP];
                sums.fill(0.0);
                for k in 0..strip.depth {
                    let a = rows.codes[r * rows.stride + k];
                    let values = &strip.values[k * strip.stride..][..STRIP];
                    sums.iter_mut().zip(values).for_each(|(sum, b)| *sum = a.mul_add(*b, *sum));
                }
            }
        }
    }
}

/// A function, and its copies for the instruction sets: what the compiler makes of the safe form with wider registers.
macro_rules! copies {
    ($(#[$doc:meta])* $name:ident, $form:ident, ($($argument:ident: $type:ty),*) $(-> $result:ty)?) => {
        $(#[$doc])*
        pub fn $name(isa: Isa, $($argument: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $type),*) $(-> $result)? {
                    $form($($argument),*)
                }
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma")]
                fn avx512($($argument: $type),*) $(-> $result)? {
                    $form($($argument),*)
                }
                match isa.kernels() {
                    // SAFETY: Isa::new has seen the features; the function itself is safe.
                    Kernels::Avx512 => return unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    Kernels::Avx2 => return unsafe { avx2($($argument),*) },
                    Kernels::Portable => {}
                }
            }
            $form($($argument),*)
        }
    };
}
pub(super) use copies;

copies! {
    /// `out[j] ← out[j] + Σ row[k] · values[k · stride + j]` in groups of four rounded products, then two, then one.
    groups, groups_form, (out: &mut [f32], row: &[f32], values: &[f32], stride: usize)
}

#[inline(always)]
fn groups_form(out: &mut [f32], row: &[f32], values: &[f32], stride: usize) {
    let width = out.len();
    let line = |k: usize| &values[k * stride..][..width];
    let (fours, rest) = row.as_chunks::<4>();
    let (twos, ones) = rest.as_chunks::<2>();
    for (g, [a, b, c, d]) in fours.iter().enumerate() {
        let [p, q, r, s] = [line(4 * g), line(4 * g + 1), line(4 * g + 2), line(4 * g + 3)];
        for j in 0..width {
            out[j] += ((a * p[j] + b * q[j]) + c * r[j]) + d * s[j];
        }
    }
    let mut k = 4 * fours.len();
    for [a, b] in twos {
        let [p, q] = [line(k), line(k + 1)];
        for j in 0..width {
            out[j] += a * p[j] + b * q[j];
        }
        k += 2;
    }
    for a in ones {
        out.iter_mut().zip(line(k)).for_each(|(out, p)| *out += a * p);
    }
}

copies! {
    /// Eight interleaved sums of `a[k] · b[k]`, rounded products.
    lanes, lanes_form, (a: &[f32], b: &[f32]) -> [f32; 8]
}

#[inline(always)]
fn lanes_form(a: &[f32], b: &[f32]) -> [f32; 8] {
    let mut sums = [0.0f32; 8];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for j in 0..8 {
            sums[j] += a[j] * b[j];
        }
    }
    sums.iter_mut().zip(a_rest.iter().zip(b_rest)).for_each(|(sum, (a, b))| *sum += a * b);
    sums
}

/// What a tile's sums do with the result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Close {
    /// Factor of the sums.
    pub alpha: f32,
    /// They are added to what is there.
    pub add: bool,
}

copies! {
    /// Puts the sums of one row of a tile into the result.
    close, close_form, (out: &mut [f32], sums: &[f32], how: Close)
}

#[inline(always)]
fn close_form(out: &mut [f32], sums: &[f32], how: Close) {
    let pairs = out.iter_mut().zip(sums);
    match how {
        Close { add: false, alpha } => pairs.for_each(|(out, sum)| *out = sum * alpha),
        Close { add: true, alpha: 1.0 } => pairs.for_each(|(out, sum)| *out += sum),
        Close { add: true, alpha } => pairs.for_each(|(out, sum)| *out = sum.mul_add(alpha, *out)),
    }
}

copies! {
    /// The smallest and the largest value, and 0; where one is not finite, one of the two is not.
    extremes, extremes_form, (values: &[f32]) -> (f32, f32)
}

#[inline(always)]
fn extremes_form(values: &[f32]) -> (f32, f32) {
    const LANES: usize = 32;
    let (mut low, mut high, mut odd) = ([0.0f32; LANES], [0.0f32; LANES], [0u32; LANES]);
    let mut take = |lane: usize, value: f32| {
        low[lane] = if value < low[lane] { value } else { low[lane] };
        high[lane] = if value > high[lane] { value } else { high[lane] };
        // NaN is neither smaller nor larger.
        odd[lane] |= u32::from(value.is_nan());
    };
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        (0..LANES).for_each(|lane| take(lane, block[lane]));
    }
    rest.iter().enumerate().for_each(|(lane, value)| take(lane, *value));
    let low = if odd.contains(&1) { f32::NAN } else { low.into_iter().fold(0.0, f32::min) };
    (low, high.into_iter().fold(0.0, f32::max))
}

copies! {
    /// [`softmax`](crate::post::softmax::softmax) of one row.
    softmax, softmax_form, (row: &mut [f32])
}

#[inline(always)]
fn softmax_form(row: &mut [f32]) {
    crate::post::softmax::softmax(row);
}

/// An element type of codes.
pub trait Code: Copy + Send + Sync {
    /// As int32.
    fn wide(self) -> i32;
    /// Of a number inside the type's range.
    fn of(code: i32) -> Self;
}

macro_rules! code {
    ($($type:ty)*) => {
        $(impl Code for $type {
            #[inline(always)]
            fn wide(self) -> i32 {
                i32::from(self)
            }
            #[inline(always)]
            fn of(code: i32) -> Self {
                code as $type
            }
        })*
    };
}
code!(u8 i8 u16 i16);

macro_rules! linear {
    ($($type:ty, $quantize:ident, $dequantize:ident;)*) => {
        $(
            copies! {
                /// [`onnx::quantize`] of every element.
                $quantize, quantize_form, (out: &mut [$type], x: &[f32], scale: f32, codes: Codes)
            }
            copies! {
                /// [`onnx::dequantize`] of every code.
                $dequantize, dequantize_form, (out: &mut [f32], codes: &[$type], zero_point: i32, scale: f32)
            }
        )*
    };
}
linear! {
    u8, quantize_u8, dequantize_u8;
    i8, quantize_i8, dequantize_i8;
    u16, quantize_u16, dequantize_u16;
    i16, quantize_i16, dequantize_i16;
}

#[inline(always)]
fn quantize_form<T: Code>(out: &mut [T], x: &[f32], scale: f32, codes: Codes) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = T::of(onnx::quantize(*x, scale, codes));
    }
}

#[inline(always)]
fn dequantize_form<T: Code>(out: &mut [f32], codes: &[T], zero_point: i32, scale: f32) {
    for (out, code) in out.iter_mut().zip(codes) {
        *out = onnx::dequantize(code.wide(), zero_point, scale);
    }
}
