//! The bare loops that the engine is held against: os16x16_s8_acc16sat hard coded.
//!
//! 16 × 16 saturating 16-bit accumulators, s8 codes, hops of one register, and a count of events per output; the same
//! instruction sets as the engine. Nothing is looked up: no design, no formats, no node totals, no first event,
//! no observers, nothing to visit, a post-processing of three lines. [`Loop::Clocked`] is the loop one writes:
//! cycle by cycle, every row, operands as windows into streams. [`Loop::Tuned`] has the engine's own tricks as well:
//! a row's state stays in registers over a whole tile, four rows at once, two to a vector.

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loop {
    Clocked,
    Tuned,
}

pub fn run(work: &Work<'_>, how: Loop) -> (Results, u64) {
    let outputs = work.m * work.n;
    let mut results =
        Results { accumulators: vec![0; outputs], outputs: vec![0; outputs], counts: vec![0; outputs] };
    let edges = work.k + N - 1;
    let mut streams = Streams { x: vec![0; N * (edges + N - 1)], w: vec![0; edges * N] };
    let mut cycles = 0;
    for m in (0..work.m).step_by(N) {
        for n in (0..work.n).step_by(N) {
            load(work, [m, n], &mut streams);
            match how {
                Loop::Clocked => clocked(work, [m, n], &streams, &mut results),
                Loop::Tuned => tuned(work, [m, n], &streams, &mut results),
            }
            cycles += (work.k + 1 + 2 * (N - 1) + N + 1) as u64;
        }
    }
    (results, cycles + 1)
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
fn load(work: &Work<'_>, [m, n]: [usize; 2], streams: &mut Streams) {
    let length = work.k + 2 * (N - 1);
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
}

/// Places run against columns, as windows run against time.
#[inline(always)]
fn start(work: &Work<'_>, n: usize) -> [i16; N] {
    let mut start = [0; N];
    for (place, start) in start.iter_mut().enumerate() {
        *start = work.bias[n + N - 1 - place].clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    }
    start
}

/// A row of accumulators and its counts.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Row {
    acc: [i16; N],
    count: [i16; N],
}

fn clocked(work: &Work<'_>, [m, n]: [usize; 2], streams: &Streams, results: &mut Results) {
    let mut rows = [Row { acc: start(work, n), count: [0; N] }; N];
    every_edge(&mut rows, streams, work.k + N - 1);
    for (row, state) in rows.iter().enumerate() {
        finish(work, [m + row, n], &state.acc, &state.count, results);
    }
}

/// Cycle by cycle, every row; out of line, because inlined LLVM vectorises it across rows, three times slower.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
#[inline(never)]
fn every_edge(rows: &mut [Row], streams: &Streams, edges: usize) {
    let length = edges + N - 1;
    for cycle in 0..edges + N - 1 {
        // Row i is i cycles behind: those that have begun and are not done.
        let first = (cycle + 1).saturating_sub(edges);
        let last = rows.len().min(cycle + 1);
        for (row, state) in (first..).zip(&mut rows[first..last]) {
            let time = cycle - row;
            let x: &[i16; N] = streams.x[row * length + time..][..N].try_into().unwrap();
            let w: &[i16; N] = streams.w[time * N..][..N].try_into().unwrap();
            for j in 0..N {
                let product = x[j] * w[j];
                let (clamped, wrapped) =
                    (state.acc[j].saturating_add(product), state.acc[j].wrapping_add(product));
                state.count[j] += i16::from(clamped != wrapped);
                state.acc[j] = clamped;
            }
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
fn tuned(work: &Work<'_>, [m, n]: [usize; 2], streams: &Streams, results: &mut Results) {
    let length = work.k + 2 * (N - 1);
    let start = start(work, n);
    for row in (0..N).step_by(4) {
        let mut states = [State { acc: side_by_side(&start, &start), count: [0; 2 * N] }; 2];
        let x = |next| &streams.x[(row + next) * length..][..length];
        four_rows(&mut states, [x(0), x(1), x(2), x(3)], &streams.w);
        for next in 0..4 {
            let (state, part) = (&states[next / 2], next % 2 * N..next % 2 * N + N);
            finish(work, [m + row + next, n], &state.acc[part.clone()], &state.count[part], results);
        }
    }
}

/// Accumulators and counts of two rows side by side, as wide as the widest vectors.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct State {
    acc: [i16; 2 * N],
    count: [i16; 2 * N],
}

#[inline(always)]
fn side_by_side(left: &[i16], right: &[i16]) -> [i16; 2 * N] {
    let mut both = [0; 2 * N];
    both[..N].copy_from_slice(&left[..N]);
    both[N..].copy_from_slice(&right[..N]);
    both
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
#[inline(never)]
fn four_rows(kept: &mut [State; 2], x: [&[i16]; 4], w: &[i16]) {
    let mut states = *kept;
    let [a, b, c, d] = x;
    let (ab, cd) = (a.windows(N).zip(b.windows(N)), c.windows(N).zip(d.windows(N)));
    for (((a, b), (c, d)), w) in ab.zip(cd).zip(w.as_chunks::<N>().0) {
        let w = side_by_side(w, w);
        for (state, x) in states.iter_mut().zip([side_by_side(a, b), side_by_side(c, d)]) {
            for j in 0..2 * N {
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
fn finish(work: &Work<'_>, [m, n]: [usize; 2], acc: &[i16], count: &[i16], results: &mut Results) {
    let at = m * work.n + n;
    for j in 0..N {
        let value = i64::from(acc[N - 1 - j]);
        results.accumulators[at + j] = value;
        results.counts[at + j] = i64::from(count[N - 1 - j]);
        let half = (1_i64 << work.shift[n + j]) >> 1;
        let output = ((value + half) >> work.shift[n + j]) + work.zero_point;
        results.outputs[at + j] = output.clamp(-128, 127);
    }
}
