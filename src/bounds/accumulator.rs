//! The accumulator over a layer's beats: as if it were wide enough for everything, and as the design has it.

use super::Range;
use super::terms::{Channels, Ends, Terms, Visitor, Word, Work, beats};
use crate::num::Overflow;

/// What is proved of one channel.
#[derive(Debug, Clone)]
pub(super) struct Reached {
    /// The unfitted start plus every prefix of beats, never fitted: what enters a register that is wide enough.
    pub prefixes: Range,
    /// The same after the last beat: the exact sum.
    pub sum: Range,
    /// What enters the register in the design as it is.
    pub entering: Range,
    /// Both ends of `entering` are reached.
    pub entering_reached: bool,
    /// What the register holds after the last beat, in the design as it is.
    pub held: Range,
    /// Both ends of `held` are reached.
    pub held_reached: bool,
    /// Per reduction level: what enters its groups, and whether both ends are reached.
    pub levels: Vec<(Range, bool)>,
}

/// Follows every channel; levels are looked at when asked for.
pub(super) struct Accumulate {
    pub levels: bool,
}

struct Registers<T> {
    rails: (T, T),
    wraps: bool,
    /// Start plus beats.
    sum: Ends<T>,
    prefixes: Ends<T>,
    /// Behind the fit.
    held: Ends<T>,
    entering: Ends<T>,
    /// A value behind a wrap entered a beat.
    whole: Vec<bool>,
    scratch: Ends<T>,
}

impl<T: Word> Registers<T> {
    fn new(terms: &Terms<'_>, channels: &Channels) -> Self {
        let program = terms.program;
        let register = program.design.accumulator.register_fit();
        let (low, high) = register.rails();
        let numbers = channels.numbers(program);
        let biases: Vec<T> = numbers.clone().map(|n| T::from(program.bias(n))).collect();
        let starts: Vec<T> = numbers.map(|n| T::from(program.start(n))).collect();
        let (sum, held) =
            (Ends { low: biases.clone(), high: biases }, Ends { low: starts.clone(), high: starts });
        Registers {
            rails: (T::from(low), T::from(high)),
            wraps: register.overflow == Overflow::Wrap,
            prefixes: sum.clone(),
            entering: held.clone(),
            scratch: held.clone(),
            sum,
            held,
            whole: vec![false; channels.len()],
        }
    }

    /// What the register holds when the exact sum is `sum` and `entering` has been formed.
    ///
    /// A wrapped sum is congruent to the exact one, so it *is* the exact one whenever that lies in the format,
    /// whatever happened before.
    fn fit(&mut self) {
        let (low, high) = self.rails;
        for n in 0..self.whole.len() {
            let (l, h) = if self.wraps {
                let inside = self.sum.low[n] >= low && self.sum.high[n] <= high;
                if inside { (self.sum.low[n], self.sum.high[n]) } else { (low, high) }
            } else {
                (self.scratch.low[n].clamp(low, high), self.scratch.high[n].clamp(low, high))
            };
            (self.held.low[n], self.held.high[n]) = (l, h);
        }
    }
}

impl<T: Word> Visitor<T> for Registers<T> {
    fn beat(&mut self, beat: usize, term: &Ends<T>) {
        let (low, high) = self.rails;
        if beat > 0 && self.wraps {
            let sums = self.sum.low.iter().zip(&self.sum.high);
            self.whole.iter_mut().zip(sums).for_each(|(w, (l, h))| *w |= *l < low || *h > high);
        }
        self.sum.add(term);
        self.scratch.copy(&self.held);
        self.scratch.add(term);
        if beat == 0 {
            self.prefixes.copy(&self.sum);
            self.entering.copy(&self.scratch);
        } else {
            self.prefixes.join(&self.sum);
            self.entering.join(&self.scratch);
        }
        self.fit();
    }
}

impl Work for Accumulate {
    type Out = Vec<Reached>;

    fn run<T: Word>(&self, terms: &Terms<'_>, channels: &Channels) -> Vec<Reached> {
        let mut registers = Registers::<T>::new(terms, channels);
        let (low, high) = registers.rails;
        let known = beats(terms, self.levels, &mut registers);
        (0..channels.len())
            .map(|n| {
                let loose = known.is_loose(n);
                let inside = registers.sum.low[n] >= low && registers.sum.high[n] <= high;
                let mut exact = true;
                let levels = known.entering.iter().zip(&known.wrapped).map(|(entering, wrapped)| {
                    let range = entering.as_ref().map_or((0, 0), |ends| ends.range(n));
                    let reached = exact;
                    exact &= !wrapped[n];
                    (range, reached)
                });
                Reached {
                    levels: levels.collect(),
                    prefixes: registers.prefixes.range(n),
                    sum: registers.sum.range(n),
                    entering: registers.entering.range(n),
                    entering_reached: !loose && !registers.whole[n],
                    held: registers.held.range(n),
                    held_reached: !loose && (inside || !registers.wraps),
                }
            })
            .collect()
    }
}
