//! Channels in which a bit of a parameter matters: one sum whose output would be another if the bit were.

use std::collections::BTreeSet;

use super::compare::decides;
use super::maker::Maker;
use super::numbers::{Part, part};
use super::targets::{compared, targets, thresholds};
use crate::num::{MAX_SHIFT, Overflow, fit};
use crate::strength::stages::{Mattering, stages};

/// Assignments of numbers that are tried for one bit of a parameter, at most.
const TRIED: usize = 96;

/// Around whose outputs sums are tried for bits between steps; of the others, powers of two only.
const COMBINED: usize = 256;

/// Numbers under which bits of comparisons are tried.
const COMPARED: usize = 32;

impl Maker<'_> {
    /// A channel for each value of each bit of every parameter that post steps read, and of the bias.
    pub fn bits(&mut self) {
        let assignments = self.assignments();
        for index in 0..self.design.parameters.len() {
            match part(self.design, index) {
                Part::Bias => self.bits_of_bias(index, &assignments),
                // Products show them.
                Part::Offset => {}
                _ => self.bits_of_step(index, &assignments),
            }
        }
        let known = self.bits_between_steps(&assignments);
        self.roundings(known, &assignments);
        self.bits_compared(&assignments);
    }

    /// Sums for which a bit of what a step compares decides; bounds are mostly the layer's, so that few numbers will do.
    fn bits_compared(&mut self, assignments: &[Vec<i64>]) {
        let row = usize::from(self.rows.len() > 1);
        let mut known = BTreeSet::new();
        for numbers in scattered(assignments).take(COMPARED) {
            let alone = alone(numbers);
            for sum in compared(self.design.post_program(), &alone) {
                let more = decides(self.design, &alone, 0, sum);
                if !more.is_subset(&known) {
                    known.extend(more);
                    self.lead_to(sum, numbers, row);
                }
            }
        }
    }

    /// Sums for which a bit between steps decides, each bit both ways, or a rounding; some bits, the low ones of a product
    /// say, decide only under few numbers.
    fn bits_between_steps(&mut self, assignments: &[Vec<i64>]) -> Mattering {
        let stages = stages(self.design);
        let row = usize::from(self.rows.len() > 1);
        let mut known = Mattering::nothing(&stages);
        let powers =
            (0..self.design.summed().format.width()).flat_map(|bit| [1_i128 << bit, -(1_i128 << bit) - 1]);
        let powers: Vec<i128> = powers.collect();
        for (at, numbers) in scattered(assignments).enumerate() {
            let alone = alone(numbers);
            let around =
                if at < COMBINED { thresholds(self.design.post_program(), &alone) } else { vec![0, 2, -3] };
            let sums = around.into_iter().chain(powers.iter().copied());
            for sum in sums.filter(|sum| self.design.summed().format.contains(*sum)) {
                let Ok(accumulator) = i64::try_from(sum) else { continue };
                let before = known.count();
                known.look(self.design, &stages, (&alone, 0), accumulator);
                if known.count() > before {
                    self.lead_to(sum, numbers, row);
                }
            }
        }
        known
    }

    /// Of a requantizer alone, whose values cost nothing: every count of a shift with small factors, where it is not known to
    /// round both ways.
    fn roundings(&mut self, mut known: Mattering, assignments: &[Vec<i64>]) {
        if !self.design.is_post_only() {
            return;
        }
        let stages = stages(self.design);
        let of = |wanted: Part| -> Vec<usize> {
            (0..self.design.parameters.len()).filter(|index| part(self.design, *index) == wanted).collect()
        };
        let (counts, factors) = (of(Part::Count), of(Part::Factor));
        for (count, factor) in counts.iter().flat_map(|count| [1, 3, 5].map(|factor| (*count, factor))) {
            let (least, most) = self.design.parameters[count].range();
            for shift in least..=most.min(i128::from(MAX_SHIFT)) {
                let mut numbers = assignments[0].clone();
                numbers[count] = i64::try_from(shift).unwrap_or(0);
                for index in &factors {
                    let parameter = &self.design.parameters[*index];
                    numbers[*index] = factor.clamp(parameter.min, parameter.max);
                }
                let alone = alone(&numbers);
                let sums = targets(self.design.post_program(), &alone);
                for sum in sums.into_iter().filter(|sum| self.design.accumulator.format.contains(*sum)) {
                    let Ok(accumulator) = i64::try_from(sum) else { continue };
                    let before = known.count();
                    known.look(self.design, &stages, (&alone, 0), accumulator);
                    if known.count() > before {
                        self.lead_to(sum, &numbers, 0);
                    }
                }
            }
        }
    }

    fn bits_of_step(&mut self, index: usize, assignments: &[Vec<i64>]) {
        let row = usize::from(self.rows.len() > 1);
        let edges: Vec<Vec<i128>> = assignments
            .iter()
            .map(|numbers| thresholds(self.design.post_program(), &alone(numbers)))
            .collect();
        for bit in 0..self.design.parameters[index].format.width() {
            let only = 1_i64.wrapping_shl(bit);
            for is_set in [false, true] {
                let mut tried = assignments
                    .iter()
                    .zip(&edges)
                    .filter(|(numbers, _)| (numbers[index] & only != 0) == is_set);
                let found = tried.by_ref().take(TRIED).find_map(|(numbers, edges)| {
                    let mut other = numbers.clone();
                    other[index] ^= only;
                    let differs = |sum: &&i128| self.output(numbers, **sum) != self.output(&other, **sum);
                    edges.iter().find(differs).map(|sum| (numbers, *sum))
                });
                if let Some((numbers, sum)) = found {
                    self.lead_to(sum, numbers, row);
                }
            }
        }
    }

    /// A bias that is a power of two, and one that lacks nothing else, where the output shows it.
    fn bits_of_bias(&mut self, bias: usize, assignments: &[Vec<i64>]) {
        let parameter = &self.design.parameters[bias];
        let accumulator = &self.design.accumulator;
        for bit in 0..parameter.format.width() {
            let only = 1_i64.wrapping_shl(bit);
            for start in [only, !only, 0, -1] {
                if !(parameter.min..=parameter.max).contains(&start) {
                    continue;
                }
                let fitted = |value: i64| i128::from(accumulator.register_fit().of(i128::from(value)).value);
                let differs = |numbers: &&Vec<i64>| {
                    self.output(numbers, fitted(start)) != self.output(numbers, fitted(start ^ only))
                };
                let Some(numbers) = assignments.iter().find(differs) else { continue };
                let mut numbers = numbers.clone();
                numbers[bias] = start;
                let idle = vec![self.weights(&numbers).nearest_to_zero(); self.k];
                self.add(&numbers, &idle);
            }
        }
    }

    /// What leaves the port when the accumulator is `sum`.
    fn output(&self, numbers: &[i64], sum: i128) -> i64 {
        let value = self.design.post_program().channel(&alone(numbers), 0).from(0, sum);
        fit(value, self.design.output(), Overflow::Wrap).value
    }
}

/// All of a list, neighbours far from one another: by what the golden section makes of their places.
pub(super) fn scattered<T>(all: &[T]) -> impl Iterator<Item = &T> {
    let mut places: Vec<usize> = (0..all.len()).collect();
    places.sort_by_key(|at| (*at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    places.into_iter().map(|at| &all[at])
}

/// As parameters of one channel.
pub(super) fn alone(numbers: &[i64]) -> Vec<Vec<i64>> {
    numbers.iter().map(|value| vec![*value]).collect()
}
