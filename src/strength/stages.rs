//! Bits of the values between steps, and roundings: whether an output would be another one if one of them were.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::judge::Judge;
use crate::design::Design;
use crate::lower::Program;
use crate::num::{Format, Overflow, fit};
use crate::post::{Channel, Rounded};

/// Outputs that are looked at before what is found is shared.
const AT_ONCE: usize = 4096;

/// A place between steps: the accumulator, or behind a step that fits into a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stage {
    /// Its node.
    pub id: String,
    /// Steps in front of it.
    pub steps: usize,
    pub format: Format,
    /// Every value that it can have.
    pub range: (i128, i128),
}

/// All of them, in datapath order.
pub(super) fn stages(design: &Design) -> Vec<Stage> {
    let first = Stage {
        id: match (design.memory, design.after.last()) {
            (Some(_), _) => "memory".to_owned(),
            (None, Some(level)) => level.id.clone(),
            (None, None) => "accumulator".to_owned(),
        },
        steps: 0,
        format: design.finished().format,
        range: design.finished_range(),
    };
    let behind = design.post.iter().zip(design.step_ranges()).enumerate();
    let behind = behind.filter_map(|(index, (step, range))| {
        Some(Stage { id: step.id.clone(), steps: index + 1, format: step.format?, range: range.fitted })
    });
    std::iter::once(first).chain(behind).collect()
}

/// What matters to some output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mattering {
    /// `[stage][bit]`, a pair each: while it is 0, while it is 1.
    pub bits: Vec<Vec<[bool; 2]>>,
    /// Right shifts: step, count, and what it does to a value that it rounds.
    pub rounds: BTreeSet<(usize, u32, Rounds)>,
}

/// What a right shift does to a value that it cannot halve so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rounds {
    Up,
    Down,
    TieUp,
    TieDown,
}

impl Rounds {
    /// All of them, the ties last.
    pub const ALL: [Rounds; 4] = [Rounds::Up, Rounds::Down, Rounds::TieUp, Rounds::TieDown];

    /// Whether to the integer above, and whether a value in the middle.
    pub const fn of(self) -> (bool, bool) {
        match self {
            Rounds::Up => (true, false),
            Rounds::Down => (false, false),
            Rounds::TieUp => (true, true),
            Rounds::TieDown => (false, true),
        }
    }
}

impl Mattering {
    pub fn nothing(stages: &[Stage]) -> Mattering {
        let bits = stages.iter().map(|stage| vec![[false; 2]; stage.format.width() as usize]).collect();
        Mattering { bits, rounds: BTreeSet::new() }
    }

    /// How much it is.
    pub fn count(&self) -> usize {
        self.bits.iter().flatten().flatten().filter(|known| **known).count() + self.rounds.len()
    }

    pub fn add(&mut self, other: &Mattering) {
        let bits = self.bits.iter_mut().flatten().flatten();
        bits.zip(other.bits.iter().flatten().flatten()).for_each(|(known, more)| *known |= more);
        self.rounds.extend(&other.rounds);
    }

    /// Adds what matters to the output of channel `n` whose accumulator is this; what is known already is not tried again.
    pub fn look(
        &mut self,
        design: &Design,
        stages: &[Stage],
        (parameters, n): (&[Vec<i64>], usize),
        accumulator: i64,
    ) {
        let post = design.post_program().channel(parameters, n);
        let from =
            |steps: usize, value: i128| fit(post.from(steps, value), design.output(), Overflow::Wrap).value;
        let output = from(0, accumulator.into());
        let (mut value, mut done) = (i128::from(accumulator), 0);
        for (stage, known) in stages.iter().zip(&mut self.bits) {
            for index in done..stage.steps {
                if let Some(Shifted { count, up, tie, other }) = shifted(post, index, value) {
                    let is_it = |rounds: &Rounds| {
                        let (to, of_tie) = rounds.of();
                        to == up && (tie || !of_tie)
                    };
                    let open: Vec<Rounds> = Rounds::ALL
                        .into_iter()
                        .filter(|rounds| is_it(rounds) && !self.rounds.contains(&(index, count, *rounds)))
                        .collect();
                    if !open.is_empty() && from(index + 1, other) != output {
                        self.rounds.extend(open.into_iter().map(|rounds| (index, count, rounds)));
                    }
                }
                value = post.apply(index, value).value;
            }
            done = stage.steps;
            for (bit, known) in known.iter_mut().enumerate() {
                let is_set = (value >> bit) & 1 == 1;
                let known = &mut known[usize::from(is_set)];
                if !*known {
                    let other = fit(value ^ (1 << bit), stage.format, Overflow::Wrap).value;
                    *known = from(done, other.into()) != output;
                }
            }
        }
    }

    /// Of all outputs of a program.
    pub fn of(program: &Program, judge: &Judge<'_>, stages: &[Stage]) -> Mattering {
        let accumulators = &judge.outcome().accumulators;
        let all: Vec<(usize, i64)> = accumulators.indexed_iter().map(|((_, n), value)| (n, *value)).collect();
        let mut known = Mattering::nothing(stages);
        for part in all.chunks(AT_ONCE) {
            let of_part = |part: &[(usize, i64)]| {
                let mut more = known.clone();
                for (n, accumulator) in part {
                    more.look(&program.design, stages, (&program.parameters, *n), *accumulator);
                }
                more
            };
            let parts: Vec<Mattering> = part.par_chunks(AT_ONCE / 16).map(of_part).collect();
            parts.iter().for_each(|more| known.add(more));
        }
        known
    }
}

/// What a right shift makes of a value that it rounds.
struct Shifted {
    count: u32,
    up: bool,
    tie: bool,
    /// What it would leave if it went the other way.
    other: i128,
}

fn shifted(post: Channel<'_>, index: usize, value: i128) -> Option<Shifted> {
    let step = &post.steps[index];
    let (Rounded::Shift(count), _) = step.op.rounds()? else { return None };
    if !step.runs(post.numbers, post.channel) {
        return None;
    }
    let count = u32::try_from(post.bind(count)).ok().filter(|count| *count < 127)?;
    let below = value >> count;
    let cut = value - (below << count);
    let exact = post.apply(index, value).exact;
    // What wrapped on the way is no rounding.
    if exact != below && exact != below + 1 {
        return None;
    }
    let up = exact > below;
    let other = below + i128::from(!up);
    let other = step.fit().map_or(other, |fit| fit.of(other).value.into());
    (cut != 0).then(|| Shifted { count, up, tie: cut == 1 << (count - 1), other })
}
