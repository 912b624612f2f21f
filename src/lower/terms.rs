//! The numbers of one output: what it starts from, and its products.

use super::Program;
use crate::num::Fitted;
use crate::post::{self, bind};

impl Program {
    /// The bias of channel `n` (counted over all groups) as it is brought, where the accumulator starts from it; else 0.
    pub fn bias(&self, n: usize) -> i64 {
        let bias = self.design.accumulator.bias;
        bias.map_or(0, |index| bind(post::Operand::Parameter(index), &self.parameters, n))
    }

    /// What the accumulator of channel `n` (counted over all groups) starts from: the bias, fitted by the
    /// accumulator's own rule, or 0 (R9).
    pub fn start(&self, n: usize) -> i64 {
        self.fitted_start(n).value
    }

    /// The same, and on which side the bias lay outside: an event of node `accumulator.start` for each of the channel's
    /// outputs.
    pub fn fitted_start(&self, n: usize) -> Fitted {
        self.design.accumulator.register_fit().of(i128::from(self.bias(n)))
    }

    /// What finishes the accumulators of channel `n` (counted over all groups).
    pub fn post(&self, n: usize) -> post::Channel<'_> {
        self.design.post_program().channel(&self.parameters, n)
    }

    /// What is added for scheduled element `k` of output row `m` and channel `n`: its product behind the product's steps.
    pub fn term(&self, m: usize, n: usize, k: usize) -> i128 {
        let [activation, weight] = self.factors(m, n, k);
        self.design.formed(activation, weight).term(&self.parameters, n)
    }

    /// The same where no format of the steps takes anything from it.
    pub fn exact_term(&self, m: usize, n: usize, k: usize) -> i128 {
        let [activation, weight] = self.factors(m, n, k);
        self.design.formed(activation, weight).exact(&self.parameters, n)
    }

    /// The exact sum of output (`m`, `n`): the start as it is brought plus every term, never fitted. What steps of products, and
    /// of sums that meet in a memory, round is rounded; what their formats cut is not.
    pub fn exact_sum(&self, m: usize, n: usize) -> i128 {
        let (design, beats) = (&self.design, self.beats());
        let lanes = design.array.lanes;
        let [store, load] = [design.store_program(), design.load_program()];
        let exact = |program: post::Program<'_>, x: i128| {
            program.steps.iter().fold(x, |x, step| step.apply(x, &self.parameters, n).exact)
        };
        let steps = self.map().steps.min(beats.max(1));
        let mut word = 0;
        for first in (0..beats).step_by(steps) {
            let last = beats.min(first + steps);
            let all = (first..last).flat_map(|beat| (0..lanes).filter_map(move |lane| self.k_of(beat, lane)));
            let sum = all.map(|k| self.exact_term(m, n, k)).sum::<i128>();
            let before = if first == 0 { i128::from(self.bias(n)) } else { exact(load, word) };
            word = before + exact(store, sum);
        }
        word
    }

    /// The exact product of scheduled element `k` for output row `m` and channel `n`, offsets included.
    pub fn product(&self, m: usize, n: usize, k: usize) -> i128 {
        let [activation, weight] = self.factors(m, n, k);
        i128::from(activation) * i128::from(weight)
    }

    /// What is multiplied: activation and weight, offsets included.
    pub fn factors(&self, m: usize, n: usize, k: usize) -> [i64; 2] {
        let shape = self.shape;
        let (group, channel) = (n / shape.n, n % shape.n);
        let a = self.activation(m / shape.m, group, m % shape.m, k);
        let w = self.weight(group, k, channel);
        // Sums of a code and its offset have 32 bits.
        let offset = |o: Option<post::Operand>| o.map_or(0, |o| bind(o, &self.parameters, n));
        let w = self.design.weight.value(i64::from(w));
        [i64::from(a) + offset(self.design.activation.offset), w + offset(self.design.weight.offset)]
    }
}
