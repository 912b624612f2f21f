//! The accumulator over a layer's beats: as if it were wide enough for everything, and as the design has it.

use std::sync::Arc;

use super::Range;
use super::terms::{Channels, Ends, Terms, Visitor, Word, Work, beats};
use crate::design::Level;
use crate::num::Overflow;
use crate::post::Step;

/// What is proved of one channel.
#[derive(Debug, Clone)]
pub(super) struct Reached {
    /// The unfitted start plus every prefix of beats, never fitted: what enters a register that is wide enough. With a memory,
    /// of every visit.
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
    /// With a memory: what is to be stored, and the words, over all visits.
    pub memory: Option<(Range, Range)>,
    /// What is made at the steps of sums on their way to the memory, and of words that are read again, over all visits.
    pub words: [Vec<Range>; 2],
    /// Per step of products: what is made there, and whether both ends are reached.
    pub products: Vec<(Range, bool)>,
    /// Per reduction level: what enters its groups, and whether both ends are reached.
    pub levels: Vec<(Range, bool)>,
    /// The same of those behind the last beat. Of several accumulators, all of the above are of any.
    pub after: Vec<(Range, bool)>,
}

/// Follows every channel; levels are looked at when asked for.
pub(super) struct Accumulate {
    pub levels: bool,
}

struct Registers<T> {
    rails: (T, T),
    wraps: bool,
    /// One accumulator after the other: start plus beats, since the visit of the memory began.
    parts: Vec<Ends<T>>,
    /// The same at the end of every visit so far.
    sum: Ends<T>,
    /// Held at the end of every visit so far.
    ends: Ends<T>,
    memory: Option<Words<T>>,
    clamp: Option<(T, T)>,
    /// Steps of a visit, and of all.
    steps: [usize; 2],
    prefixes: Ends<T>,
    /// One accumulator after the other: behind the fit.
    held: Vec<Ends<T>>,
    entering: Ends<T>,
    /// A value behind a wrap entered a beat.
    whole: Vec<bool>,
    scratch: Ends<T>,
}

/// The memory's words.
struct Words<T> {
    rails: (T, T),
    wraps: bool,
    /// What is formed there, over all visits.
    entering: Option<Ends<T>>,
    held: Ends<T>,
    /// Of sums on their way, and of words that are read again.
    paths: [Path; 2],
}

/// Steps to or from the memory, with the numbers of some channels.
struct Path {
    steps: Vec<Step>,
    parameters: Arc<Vec<Vec<i64>>>,
    first: usize,
    /// By channel, then by step: what is made there.
    made: Vec<Vec<Option<Range>>>,
}

impl Path {
    fn new(terms: &Terms<'_>, channels: &Channels, steps: &[Step]) -> Path {
        Path {
            steps: steps.to_vec(),
            parameters: terms.program.parameters.clone(),
            first: channels.numbers(terms.program).start,
            made: vec![vec![None; steps.len()]; channels.len()],
        }
    }

    /// What leaves the last step, of what enters the first; formats of steps hold 64 bits.
    fn through<T: Word>(&mut self, channel: usize, (low, high): (T, T)) -> (T, T) {
        if self.steps.is_empty() {
            return (low, high);
        }
        let mut range = (low.into(), high.into());
        for (step, made) in self.steps.iter().zip(&mut self.made[channel]) {
            range = step.range_of(range, &self.parameters, self.first + channel);
            *made = Some(made.map_or(range, |known| (known.0.min(range.0), known.1.max(range.1))));
            range = step.fit().map_or(range, |fit| fit.image(range));
        }
        (T::from(range.0 as i64), T::from(range.1 as i64))
    }

    /// What was made, step by step.
    fn made(&self, channel: usize) -> Vec<Range> {
        self.made[channel].iter().map(|made| made.unwrap_or((0, 0))).collect()
    }
}

impl<T: Word> Words<T> {
    /// A visit's sum, behind any output clamp, is added.
    fn add(&mut self, sum: &Ends<T>, clamp: Option<(T, T)>) {
        for n in 0..sum.low.len() {
            let limited = |value: T| clamp.map_or(value, |(low, high)| value.clamp(low, high));
            let [store, load] = &mut self.paths;
            let stored = store.through(n, (limited(sum.low[n]), limited(sum.high[n])));
            let loaded = match self.entering {
                // The first visit's word is new.
                None => (T::from(0), T::from(0)),
                Some(_) => load.through(n, (self.held.low[n], self.held.high[n])),
            };
            (self.held.low[n], self.held.high[n]) = (loaded.0 + stored.0, loaded.1 + stored.1);
        }
        match &mut self.entering {
            Some(entering) => entering.join(&self.held),
            None => self.entering = Some(self.held.clone()),
        }
        let (low, high) = self.rails;
        for n in 0..sum.low.len() {
            let (l, h) = (self.held.low[n], self.held.high[n]);
            let inside = l >= low && h <= high;
            (self.held.low[n], self.held.high[n]) = match (inside, self.wraps) {
                (true, _) => (l, h),
                (false, true) => (low, high),
                (false, false) => (l.clamp(low, high), h.clamp(low, high)),
            };
        }
    }
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
        let zeros = Ends::new(channels.len(), T::from(0));
        let memory = program.design.memory.map(|memory| {
            let (low, high) = memory.fit().rails();
            let wraps = memory.overflow == Overflow::Wrap;
            let design = &program.design;
            let paths =
                [&design.store_steps, &design.load_steps].map(|steps| Path::new(terms, channels, steps));
            Words { rails: (T::from(low), T::from(high)), wraps, entering: None, held: zeros.clone(), paths }
        });
        let accumulators = program.design.partial_sums();
        Registers {
            parts: vec![sum.clone(); accumulators],
            ends: zeros,
            memory,
            clamp: program.design.accumulator.output_fit().map(|clamp| {
                let (low, high) = clamp.rails();
                (T::from(low), T::from(high))
            }),
            steps: [program.map().steps, program.beats()],
            rails: (T::from(low), T::from(high)),
            wraps: register.overflow == Overflow::Wrap,
            prefixes: sum.clone(),
            entering: held.clone(),
            scratch: held.clone(),
            sum,
            held: vec![held; accumulators],
            whole: vec![false; channels.len()],
        }
    }

    /// What an accumulator holds when its exact sum is `part` and `entering` has been formed.
    ///
    /// A wrapped sum is congruent to the exact one, so it *is* the exact one whenever that lies in the format,
    /// whatever happened before.
    fn fit(&mut self, lane: usize) {
        let (low, high) = self.rails;
        let (part, held) = (&self.parts[lane], &mut self.held[lane]);
        for n in 0..self.whole.len() {
            let (l, h) = if self.wraps {
                let inside = part.low[n] >= low && part.high[n] <= high;
                if inside { (part.low[n], part.high[n]) } else { (low, high) }
            } else {
                (self.scratch.low[n].clamp(low, high), self.scratch.high[n].clamp(low, high))
            };
            (held.low[n], held.high[n]) = (l, h);
        }
    }

    /// What enters the groups of each level behind the last beat, of a channel whose accumulators end as they have, and whether
    /// both ends are reached: no product is in two accumulators.
    fn after(&self, levels: &[Level], n: usize, mut reached: bool) -> Vec<(Range, bool)> {
        let mut terms: Vec<Range> = self.held.iter().map(|held| held.range(n)).collect();
        let mut all = Vec::with_capacity(levels.len());
        for level in levels {
            let sum = |output: usize| {
                let terms = level.terms(output).filter_map(|input| terms.get(input));
                terms.fold((0, 0), |sum: Range, term| (sum.0 + term.0, sum.1 + term.1))
            };
            let sums: Vec<Range> = (0..level.outputs(terms.len())).map(sum).collect();
            let hull = |a: Range, b: &Range| (a.0.min(b.0), a.1.max(b.1));
            all.push((sums.iter().skip(1).fold(sums[0], hull), reached));
            let fit = level.fit();
            reached &= fit.overflow != Overflow::Wrap || sums.iter().all(|sum| fit.holds(*sum));
            terms = sums.into_iter().map(|sum| fit.image(sum)).collect();
        }
        all
    }
}

impl<T: Word> Visitor<T> for Registers<T> {
    fn beat(&mut self, beat: usize, lane: usize, term: &Ends<T>) {
        let (low, high) = self.rails;
        let is_first = lane == 0;
        let (part, held) = (&mut self.parts[lane], &mut self.held[lane]);
        let [steps, all] = self.steps;
        let begins = beat.is_multiple_of(steps);
        if beat > 0 && begins {
            let zeros = Ends::new(self.whole.len(), T::from(0));
            part.copy(&zeros);
            held.copy(&zeros);
        }
        if !begins && self.wraps {
            let sums = part.low.iter().zip(&part.high);
            self.whole.iter_mut().zip(sums).for_each(|(w, (l, h))| *w |= *l < low || *h > high);
        }
        part.add(term);
        self.scratch.copy(held);
        self.scratch.add(term);
        if beat == 0 && is_first {
            self.prefixes.copy(part);
            self.entering.copy(&self.scratch);
        } else {
            self.prefixes.join(part);
            self.entering.join(&self.scratch);
        }
        self.fit(lane);
        if (beat + 1).is_multiple_of(steps) || beat + 1 == all {
            let (part, held) = (&self.parts[lane], &self.held[lane]);
            if beat < steps && is_first {
                self.ends.copy(held);
                self.sum.copy(part);
            } else {
                self.ends.join(held);
                self.sum.join(part);
            }
            if let Some(memory) = &mut self.memory {
                memory.add(held, self.clamp);
            }
        }
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
                let one = registers.steps[0] >= registers.steps[1];
                let memory = registers.memory.as_ref();
                let mut exact = !known.stepped.wrapped[n];
                let levels = known.entering.iter().zip(&known.wrapped).map(|(entering, wrapped)| {
                    let range = entering.as_ref().map_or((0, 0), |ends| ends.range(n));
                    let reached = exact;
                    exact &= !wrapped[n];
                    (range, reached)
                });
                let products = known.stepped.entering.iter();
                let held_reached = one && !loose && (inside || !registers.wraps);
                Reached {
                    after: registers.after(&terms.program.design.after, n, held_reached),
                    products: products.map(|of| of.0[n].unwrap_or(((0, 0), false))).collect(),
                    levels: levels.collect(),
                    prefixes: registers.prefixes.range(n),
                    sum: registers.sum.range(n),
                    entering: registers.entering.range(n),
                    entering_reached: !loose && !registers.whole[n],
                    held: registers.ends.range(n),
                    held_reached,
                    words: memory.map_or_else(Default::default, |m| [m.paths[0].made(n), m.paths[1].made(n)]),
                    memory: memory.and_then(|m| Some((m.entering.as_ref()?.range(n), m.held.range(n)))),
                }
            })
            .collect()
    }
}
