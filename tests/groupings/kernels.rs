//! What the instructions of each kernel do with the products of one output, in plain loops: no word of the designs, and no
//! code of the library.

use std::collections::BTreeMap;

/// How often a value lay above and below its format, by node.
#[derive(Debug, Default)]
pub struct Log(pub BTreeMap<&'static str, (u64, u64)>);

/// Two's complement of so many bits.
fn wrapped(exact: i64, bits: u32) -> i64 {
    let span = 1_i64 << bits;
    let rest = exact.rem_euclid(span);
    if rest < span / 2 { rest } else { rest - span }
}

impl Log {
    fn note(&mut self, node: &'static str, exact: i64, bits: u32) {
        let end = 1_i64 << (bits - 1);
        let count = self.0.entry(node).or_default();
        count.0 += u64::from(exact >= end);
        count.1 += u64::from(exact < -end);
    }

    fn wrap(&mut self, node: &'static str, exact: i64, bits: u32) -> i64 {
        self.note(node, exact, bits);
        wrapped(exact, bits)
    }

    fn saturate(&mut self, node: &'static str, exact: i64, bits: u32) -> i64 {
        self.note(node, exact, bits);
        let end = 1_i64 << (bits - 1);
        exact.clamp(-end, end - 1)
    }
}

/// The sum of an output's products, from a bias that is in the sum or 0.
pub type Kernel = fn(products: &[i64], bias: i64, period: usize, log: &mut Log) -> i64;

fn term(block: &[i64], at: usize) -> i64 {
    block.get(at).copied().unwrap_or(0)
}

/// vpmaddubsw, vpmaddwd with ones, vpaddd.
pub fn x86_vpmaddubsw(products: &[i64], bias: i64, _: usize, log: &mut Log) -> i64 {
    let mut sum = bias;
    for four in products.chunks(4) {
        let low = log.saturate("reduce.0", four[0] + term(four, 1), 16);
        let high = log.saturate("reduce.0", term(four, 2) + term(four, 3), 16);
        sum = log.wrap("accumulator", sum + low + high, 32);
    }
    sum
}

/// vmull_s8, vmlal_s8, vpadalq_s16, and the four lanes behind the loop.
pub fn neon_mlal_s8(products: &[i64], _: i64, _: usize, log: &mut Log) -> i64 {
    let mut lanes = [0; 4];
    for block in products.chunks(16) {
        for (at, lane) in lanes.iter_mut().enumerate() {
            let mut half = |i: usize| log.wrap("reduce.0", term(block, i) + term(block, i + 8), 16);
            let two = half(2 * at) + half(2 * at + 1);
            *lane = log.wrap("accumulator", *lane + two, 32);
        }
    }
    log.wrap("reduce.2", lanes.iter().sum(), 32)
}

/// smull, smlal2, smlal, smlal2, each of which wraps; an event is what the four leave outside.
pub fn quad16_wrap(products: &[i64], bias: i64, _: usize, log: &mut Log) -> i64 {
    let mut sum = bias;
    for block in products.chunks(32) {
        let mut beat = 0;
        for lane in 0..8 {
            let four = [0, 8, 16, 24].map(|step| term(block, lane + step));
            log.note("reduce.0", four.iter().sum(), 16);
            beat += four.iter().fold(0, |held, product| wrapped(held + product, 16));
        }
        sum = log.wrap("accumulator", sum + beat, 32);
    }
    sum
}

/// Eight lanes from the first product to the last; an event is what two products leave outside.
pub fn mnn_fast_s8(products: &[i64], _: i64, _: usize, log: &mut Log) -> i64 {
    let mut lanes = [0; 8];
    for block in products.chunks(16) {
        for (at, lane) in lanes.iter_mut().enumerate() {
            let two = [term(block, at), term(block, at + 8)];
            log.note("accumulator", *lane + two[0] + two[1], 16);
            *lane = wrapped(wrapped(*lane + two[0], 16) + two[1], 16);
        }
    }
    lanes.iter().sum()
}

/// vpmaddubsw, vpaddsw, and every `period` products vpmovsxwd and vpaddd.
pub fn acc16_spill(products: &[i64], _: i64, period: usize, log: &mut Log) -> i64 {
    let mut word = 0;
    for visit in products.chunks(period) {
        let mut lane = 0;
        for pair in visit.chunks(2) {
            let two = log.saturate("reduce.0", pair[0] + term(pair, 1), 16);
            lane = log.saturate("accumulator", lane + two, 16);
        }
        word = log.wrap("memory", word + lane, 32);
    }
    word
}
