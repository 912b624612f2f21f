//! Every copy against the definitions in `post`, bit for bit.

use super::*;
use crate::post::sgemm::{Order, folded};
use crate::post::softmax::softmax as defined_softmax;

/// A linear congruential generator (Knuth's MMIX): the seed is the case.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// Within −2..2, now and then a corner.
    fn real(&mut self) -> f32 {
        match self.next() % 64 {
            0 => -0.0,
            1 => 1e30,
            2 => 1e-40,
            _ => (self.next() % 4_000_001) as f32 / 1e6 - 2.0,
        }
    }

    fn reals(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.real()).collect()
    }
}

fn copies() -> impl Iterator<Item = Isa> {
    Kernels::available().into_iter().map(Isa::new)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn strips_are_fused_from_the_left() {
    for isa in copies() {
        for count in 1..=TILE_ROWS {
            for (depth, gap) in [(1, 0), (2, 3), (17, 0), (130, 9)] {
                let mut words = Words((count * 1000 + depth) as u64);
                let (stride, width) = (depth + gap, STRIP + gap);
                let (codes, values) = (words.reals(count * stride), words.reals(depth * width));
                let mut tile = [f32::NAN; TILE_ROWS * STRIP];
                let strip = Strip { values: &values, stride: width, depth };
                fused(isa, &mut tile, Rows { codes: &codes, stride, count }, strip);
                let defined = |at: usize| {
                    let terms =
                        (0..depth).map(|k| (codes[at / STRIP * stride + k], values[k * width + at % STRIP]));
                    Order::Blocks(depth).sum(0, None, 1.0, terms)
                };
                let defined: Vec<f32> = (0..count * STRIP).map(defined).collect();
                assert_eq!(bits(&tile[..count * STRIP]), bits(&defined), "{isa:?} {count} {depth}");
            }
        }
    }
}

#[test]
fn groups_and_lanes_add_as_defined() {
    for isa in copies() {
        for depth in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 27, 64, 101] {
            for width in [1, 5, 8, 33, 70] {
                let mut words = Words((depth * 1000 + width) as u64);
                let (row, values) = (words.reals(depth), words.reals(depth * width));
                let start = words.reals(width);
                let mut out = start.clone();
                groups(isa, &mut out, &row, &values, width);
                let terms = |j: usize| row.iter().copied().zip(values.iter().skip(j).step_by(width).copied());
                let defined: Vec<f32> =
                    (0..width).map(|j| Order::Groups.sum(0, Some(start[j]), 1.0, terms(j))).collect();
                assert_eq!(bits(&out), bits(&defined), "{isa:?} {depth} {width}");
                let sums = |j: usize| {
                    let column: Vec<f32> = terms(j).map(|(_, b)| b).collect();
                    folded(lanes(isa, &row, &column), j, width)
                };
                let defined = |j: usize| Order::Lanes { outputs: width }.sum(j, None, 1.0, terms(j));
                let (sums, defined): (Vec<f32>, Vec<f32>) = (0..width).map(|j| (sums(j), defined(j))).unzip();
                assert_eq!(bits(&sums), bits(&defined), "{isa:?} {depth} {width}");
            }
        }
    }
}

#[test]
fn sums_close_as_defined() {
    for isa in copies() {
        let mut words = Words(5);
        let (sums, held) = (words.reals(37), words.reals(37));
        for alpha in [1.0, 0.3, 0.0] {
            for add in [false, true] {
                let mut out = held.clone();
                close(isa, &mut out, &sums, Close { alpha, add });
                let defined = sums.iter().zip(&held).map(|(sum, held)| {
                    let start = add.then_some(*held);
                    Order::Blocks(1).sum(0, start, alpha, [(*sum, 1.0)])
                });
                assert_eq!(out, defined.collect::<Vec<f32>>(), "{isa:?} {alpha} {add}");
            }
        }
    }
}

#[test]
fn softmax_is_the_definition() {
    for isa in copies() {
        for length in [1, 2, 15, 16, 17, 48, 100, 301] {
            let mut words = Words(length as u64);
            let row: Vec<f32> = (0..length).map(|_| words.real().min(9.0) * 40.0).collect();
            let (mut found, mut defined) = (row.clone(), row);
            softmax(isa, &mut found);
            defined_softmax(&mut defined);
            assert_eq!(bits(&found), bits(&defined), "{isa:?} {length}");
        }
    }
}

#[test]
fn codes_are_those_of_the_definition() {
    let corners = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 0.5, 1.5, -0.5, 3e38, -3e38, 1e-45];
    for isa in copies() {
        let mut words = Words(9);
        let x: Vec<f32> = corners.into_iter().chain((0..90).map(|_| words.real() * 300.0)).collect();
        for scale in [1.0, 0.37, 1e-30] {
            macro_rules! check {
                ($type:ty, $quantize:ident, $dequantize:ident, $zeros:expr) => {
                    for zero_point in $zeros {
                        let (low, high) = (i32::from(<$type>::MIN), i32::from(<$type>::MAX));
                        let rule = Codes { zero_point, low, high };
                        let mut codes = vec![<$type>::default(); x.len()];
                        $quantize(isa, &mut codes, &x, scale, rule);
                        for (code, x) in codes.iter().zip(&x) {
                            assert_eq!(
                                i32::from(*code),
                                onnx::quantize(*x, scale, rule),
                                "{isa:?} {x} {rule:?}"
                            );
                        }
                        let mut real = vec![0.0; codes.len()];
                        $dequantize(isa, &mut real, &codes, zero_point, scale);
                        for (code, real) in codes.iter().zip(&real) {
                            assert_eq!(*real, onnx::dequantize(i32::from(*code), zero_point, scale));
                        }
                    }
                };
            }
            check!(u8, quantize_u8, dequantize_u8, [0, 3, 255]);
            check!(i8, quantize_i8, dequantize_i8, [0, -128, 127]);
            check!(u16, quantize_u16, dequantize_u16, [0, 32768, 65535]);
            check!(i16, quantize_i16, dequantize_i16, [0, -32768, 32767]);
        }
    }
}
