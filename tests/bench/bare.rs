//! The bare loop that the engine is held against: os16x16_s8_acc16sat hard coded, as fast as plain Rust makes it.
//!
//! 16 × 16 saturating 16-bit accumulators, s8 codes, hops of one register, and a count of events per output. As
//! in the engine, travelling operands are windows into streams, a row's accumulators and counts stay in
//! registers, and the compiler gets the same instruction sets; unlike it, nothing is looked up: no design, no
//! formats, no node totals, no first event, no observers, nothing to visit, a post-processing of three lines.

use multiversion::multiversion;

const N: usize = 16;

/// The operands of a matrix product whose extents are whole tiles, and where its results go.
pub struct Work<'a> {
    pub m: usize,
    pub k: usize,
    pub n: usize,
    pub a: &'a [i32],
    pub w: &'a [i32],
    pub bias: &'a [i64],
    pub shift: &'a [i64],
    pub zero_point: i64,
}

pub struct Results {
    pub accumulators: Vec<i64>,
    pub outputs: Vec<i64>,
    pub counts: Vec<i64>,
}

/// One tile's streams: column j's weight is j places late, row i's activations are read in windows.
#[derive(Default)]
struct Streams {
    x: Vec<i16>,
    w: Vec<i16>,
}

pub fn run(work: &Work<'_>) -> (Results, u64) {
    let outputs = work.m * work.n;
    let mut results =
        Results { accumulators: vec![0; outputs], outputs: vec![0; outputs], counts: vec![0; outputs] };
    let edges = work.k + N - 1;
    let mut streams = Streams { x: vec![0; N * (edges + N - 1)], w: vec![0; edges * N] };
    let mut cycles = 0;
    for m in (0..work.m).step_by(N) {
        for n in (0..work.n).step_by(N) {
            tile(work, [m, n], &mut streams, &mut results);
            cycles += (work.k + 1 + 2 * (N - 1) + N + 1) as u64;
        }
    }
    (results, cycles + 1)
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
fn tile(work: &Work<'_>, [m, n]: [usize; 2], streams: &mut Streams, results: &mut Results) {
    let edges = work.k + N - 1;
    let length = edges + N - 1;
    for (row, stream) in streams.x.chunks_exact_mut(length).enumerate() {
        let codes = &work.a[(m + row) * work.k..][..work.k];
        stream[N - 1..][..work.k].iter_mut().zip(codes).for_each(|(to, code)| *to = *code as i16);
    }
    for beat in 0..work.k {
        let codes: &[i32; N] = work.w[beat * work.n + n..][..N].try_into().unwrap();
        let skewed = &mut streams.w[beat * N..][..N * N];
        for (column, code) in codes.iter().enumerate() {
            skewed[column * N + N - 1 - column] = *code as i16;
        }
    }
    for row in (0..N).step_by(4) {
        // Places run against columns, as windows run against time. Four rows at once: independent additions.
        let mut start = [0_i16; N];
        for (place, start) in start.iter_mut().enumerate() {
            *start = work.bias[n + N - 1 - place].clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
        let mut states = [State { acc: start, count: [0; N] }; 4];
        let x = |next| &streams.x[(row + next) * length..][..length];
        four_rows(&mut states, [x(0), x(1), x(2), x(3)], &streams.w);
        for (next, state) in states.iter().enumerate() {
            finish(work, [m + row + next, n], state, results);
        }
    }
}

/// A row of accumulators and its counts.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct State {
    acc: [i16; N],
    count: [i16; N],
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
#[inline(never)]
fn four_rows(kept: &mut [State; 4], x: [&[i16]; 4], w: &[i16]) {
    let mut states = *kept;
    let [a, b, c, d] = x;
    let (ab, cd) = (a.windows(N).zip(b.windows(N)), c.windows(N).zip(d.windows(N)));
    for (((a, b), (c, d)), w) in ab.zip(cd).zip(w.as_chunks::<N>().0) {
        for (state, x) in states.iter_mut().zip([a, b, c, d]) {
            for j in 0..N {
                let product = x[j] * w[j];
                let (clamped, wrapped) =
                    (state.acc[j].saturating_add(product), state.acc[j].wrapping_add(product));
                state.count[j] += i16::from(clamped != wrapped);
                state.acc[j] = clamped;
            }
        }
    }
    *kept = states;
}

/// One row's results: half up, zero point, clamp.
#[inline(always)]
fn finish(work: &Work<'_>, [m, n]: [usize; 2], state: &State, results: &mut Results) {
    let at = m * work.n + n;
    for j in 0..N {
        let value = i64::from(state.acc[N - 1 - j]);
        results.accumulators[at + j] = value;
        results.counts[at + j] = i64::from(state.count[N - 1 - j]);
        let half = (1_i64 << work.shift[n + j]) >> 1;
        let output = ((value + half) >> work.shift[n + j]) + work.zero_point;
        results.outputs[at + j] = output.clamp(-128, 127);
    }
}
