//! The bare loop: 16-bit saturation at every step, register blocked, one product and one saturating addition a lane.
//!
//! Everything that costs time elsewhere is done beforehand: operands are packed, both; results stay 16 bits wide in
//! the packed order. Four rows by two vectors; other blocks (4 × 3, 6 × 2, 6 × 4, 8 × 2) were no faster.
#![allow(unsafe_code)] // intrinsics: there is no other way to write the loop that the engine is held against

use ndarray::Array2;

use super::operands::Operands;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vectors {
    Avx512,
    Avx2,
}

impl Vectors {
    /// The widest that this processor has.
    pub fn here() -> Option<Vectors> {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512bw") {
                return Some(Vectors::Avx512);
            }
            if is_x86_feature_detected!("avx2") {
                return Some(Vectors::Avx2);
            }
        }
        None
    }

    fn lanes(self) -> usize {
        if self == Vectors::Avx512 { 32 } else { 16 }
    }
}

/// Rows and vectors of a block.
const ROWS: usize = 4;
const VECTORS: usize = 2;

pub struct Bare {
    vectors: Vectors,
    shape: [usize; 3],
    /// Codes twice, so that a 32-bit broadcast fills 16-bit lanes: `[m][k]`.
    a: Vec<i32>,
    /// `[panel][k][lanes · VECTORS]`, channels behind the last are 0.
    w: Vec<i16>,
    /// `[panel][m][lanes · VECTORS]`.
    accumulators: Vec<i16>,
    counts: Vec<i16>,
}

impl Bare {
    /// # Panics
    /// When a count might not fit.
    pub fn new(vectors: Vectors, operands: &Operands) -> Bare {
        let ([m, k], [_, n]): ([usize; 2], [usize; 2]) = (operands.a.dim().into(), operands.w.dim().into());
        assert!(k < 1 << 15, "counts have 16 bits");
        let width = vectors.lanes() * VECTORS;
        let panels = n.div_ceil(width);
        let twice = |code: &i64| i32::from(*code as i16 as u16) | i32::from(*code as i16) << 16;
        let mut w = Vec::with_capacity(panels * k * width);
        for panel in 0..panels {
            for row in operands.w.rows() {
                w.extend((panel * width..).take(width).map(|n| row.get(n).map_or(0, |code| *code as i16)));
            }
        }
        let results = vec![0; panels * m * width];
        Bare {
            vectors,
            shape: [m, k, n],
            a: operands.a.iter().map(twice).collect(),
            w,
            accumulators: results.clone(),
            counts: results,
        }
    }

    /// Values, and with `COUNTS` how often each output overflowed.
    pub fn run<const COUNTS: bool>(&mut self) {
        let [m, k, _] = self.shape;
        let width = self.vectors.lanes() * VECTORS;
        let panels =
            self.accumulators.chunks_exact_mut(m * width).zip(self.counts.chunks_exact_mut(m * width));
        for (w, (accumulators, counts)) in self.w.chunks_exact(k * width).zip(panels) {
            let blocks = accumulators.chunks_mut(ROWS * width).zip(counts.chunks_mut(ROWS * width));
            for (a, (accumulators, counts)) in self.a.chunks(ROWS * k).zip(blocks) {
                block::<COUNTS>(self.vectors, a, w, k, accumulators, counts);
            }
        }
    }

    pub fn accumulators(&self) -> Array2<i64> {
        self.table(&self.accumulators)
    }

    pub fn counts(&self) -> Array2<i64> {
        self.table(&self.counts)
    }

    fn table(&self, packed: &[i16]) -> Array2<i64> {
        let ([m, _, n], width) = (self.shape, self.vectors.lanes() * VECTORS);
        Array2::from_shape_fn((m, n), |(row, n)| i64::from(packed[(n / width * m + row) * width + n % width]))
    }
}

#[cfg(target_arch = "x86_64")]
fn block<const COUNTS: bool>(
    vectors: Vectors,
    a: &[i32],
    w: &[i16],
    k: usize,
    accumulators: &mut [i16],
    counts: &mut [i16],
) {
    let rows = a.len() / k;
    let width = vectors.lanes() * VECTORS;
    assert!(rows * k == a.len() && k * width == w.len());
    assert!(rows * width == accumulators.len() && rows * width == counts.len());
    macro_rules! rows {
        ($kernel:ident) => {
            match rows {
                1 => $kernel::<1, COUNTS>(a, w, k, accumulators, counts),
                2 => $kernel::<2, COUNTS>(a, w, k, accumulators, counts),
                3 => $kernel::<3, COUNTS>(a, w, k, accumulators, counts),
                _ => $kernel::<ROWS, COUNTS>(a, w, k, accumulators, counts),
            }
        };
    }
    // SAFETY: `Vectors::here` found the instructions; the lengths were asserted above.
    match vectors {
        Vectors::Avx512 => unsafe { rows!(avx512) },
        Vectors::Avx2 => unsafe { rows!(avx2) },
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn block<const COUNTS: bool>(_: Vectors, _: &[i32], _: &[i16], _: usize, _: &mut [i16], _: &mut [i16]) {
    unreachable!("`Vectors::here` is None")
}

/// # Safety
/// AVX-512 BW; `a` is `[R][k]`, `w` `[k][64]`, results `[R][64]`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn avx512<const R: usize, const COUNTS: bool>(
    a: &[i32],
    w: &[i16],
    k: usize,
    accumulators: &mut [i16],
    counts: &mut [i16],
) {
    use std::arch::x86_64::*;
    let mut one = _mm512_set1_epi16(1);
    // Hidden from LLVM, which turns a masked addition of ones into two instructions that are slower.
    unsafe { std::arch::asm!("/* {0} */", inout(zmm_reg) one, options(nomem, nostack, pure)) };
    let mut acc = [[_mm512_setzero_si512(); VECTORS]; R];
    let mut count = acc;
    for step in 0..k {
        let mut weights = [_mm512_setzero_si512(); VECTORS];
        for (v, weights) in weights.iter_mut().enumerate() {
            *weights = unsafe { _mm512_loadu_si512(w.as_ptr().add((step * VECTORS + v) * 32).cast()) };
        }
        for r in 0..R {
            let x = _mm512_set1_epi32(unsafe { *a.get_unchecked(r * k + step) });
            for v in 0..VECTORS {
                let product = _mm512_mullo_epi16(x, weights[v]);
                let before = acc[r][v];
                acc[r][v] = _mm512_adds_epi16(before, product);
                if COUNTS {
                    let overflow = _mm512_cmpneq_epi16_mask(_mm512_add_epi16(before, product), acc[r][v]);
                    count[r][v] = _mm512_mask_add_epi16(count[r][v], overflow, count[r][v], one);
                }
            }
        }
    }
    for (v, at) in (0..R * VECTORS).zip((0..).step_by(32)) {
        unsafe {
            _mm512_storeu_si512(accumulators.as_mut_ptr().add(at).cast(), acc[v / VECTORS][v % VECTORS]);
            _mm512_storeu_si512(counts.as_mut_ptr().add(at).cast(), count[v / VECTORS][v % VECTORS]);
        }
    }
}

/// # Safety
/// AVX2; `a` is `[R][k]`, `w` `[k][32]`, results `[R][32]`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2<const R: usize, const COUNTS: bool>(
    a: &[i32],
    w: &[i16],
    k: usize,
    accumulators: &mut [i16],
    counts: &mut [i16],
) {
    use std::arch::x86_64::*;
    let mut acc = [[_mm256_setzero_si256(); VECTORS]; R];
    // A comparison gives −1 where nothing overflowed.
    let mut count = [[_mm256_set1_epi16(if COUNTS { k as i16 } else { 0 }); VECTORS]; R];
    for step in 0..k {
        let mut weights = [_mm256_setzero_si256(); VECTORS];
        for (v, weights) in weights.iter_mut().enumerate() {
            *weights = unsafe { _mm256_loadu_si256(w.as_ptr().add((step * VECTORS + v) * 16).cast()) };
        }
        for r in 0..R {
            let x = _mm256_set1_epi32(unsafe { *a.get_unchecked(r * k + step) });
            for v in 0..VECTORS {
                let product = _mm256_mullo_epi16(x, weights[v]);
                let before = acc[r][v];
                acc[r][v] = _mm256_adds_epi16(before, product);
                if COUNTS {
                    let fits = _mm256_cmpeq_epi16(_mm256_add_epi16(before, product), acc[r][v]);
                    count[r][v] = _mm256_add_epi16(count[r][v], fits);
                }
            }
        }
    }
    for (v, at) in (0..R * VECTORS).zip((0..).step_by(16)) {
        unsafe {
            _mm256_storeu_si256(accumulators.as_mut_ptr().add(at).cast(), acc[v / VECTORS][v % VECTORS]);
            _mm256_storeu_si256(counts.as_mut_ptr().add(at).cast(), count[v / VECTORS][v % VECTORS]);
        }
    }
}
