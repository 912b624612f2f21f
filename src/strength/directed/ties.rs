//! A channel for every tie of every count of a shift, each where an output shows which way it goes.

use super::bits::alone;
use super::maker::Maker;
use super::numbers::{Part, by_channel, part};
use super::targets::ties;
use crate::num::MAX_SHIFT;
use crate::post::{Operand, Rounded};
use crate::strength::stages::{Mattering, Rounds, stages};

impl Maker<'_> {
    /// Multiplied by a power of two, sums meet ties at the largest counts, too; where products do not reach so far, what is
    /// added behind them does.
    pub fn ties(&mut self) {
        let design = self.design;
        let channel = by_channel(design);
        let of_part =
            |wanted: Part| channel.iter().copied().filter(move |index| part(design, *index) == wanted);
        for (step, rounds) in
            design.post.iter().enumerate().filter_map(|(at, step)| Some((at, step.op.rounds()?)))
        {
            let (Rounded::Shift(Operand::Parameter(count)), _) = rounds else { continue };
            if !channel.contains(&count) {
                continue;
            }
            let parameter = &design.parameters[count];
            for places in parameter.min.max(1)..=parameter.max.min(i64::from(MAX_SHIFT)) {
                let mut numbers = self.layer.clone();
                numbers[count] = places;
                for factor in of_part(Part::Factor) {
                    let most = design.parameters[factor].max;
                    numbers[factor] = if most > 0 { 1 << most.ilog2() } else { most };
                }
                // What is added moves a tie.
                for term in of_part(Part::Term) {
                    let parameter = &design.parameters[term];
                    numbers[term] = 0.clamp(parameter.min, parameter.max);
                }
                let is_reached = self.ties_of(step, &numbers);
                for term in of_part(Part::Term).filter(|_| !is_reached) {
                    let (min, max) = (design.parameters[term].min, design.parameters[term].max);
                    for odd in [1_i128, -1, 3, -3] {
                        let tie = odd << (places - 1);
                        if let Some(tie) = i64::try_from(tie).ok().filter(|tie| (min..=max).contains(tie)) {
                            numbers[term] = tie;
                            self.lead_to(0, &numbers, usize::from(self.rows.len() > 1));
                        }
                    }
                }
            }
        }
    }

    /// Channels for the ties of one step under these numbers; whether each that an output shows has one.
    fn ties_of(&mut self, step: usize, numbers: &[i64]) -> bool {
        let design = self.design;
        let (each, stages) = (alone(numbers), stages(design));
        let row = usize::from(self.rows.len() > 1);
        let mut known = Mattering::nothing(&stages);
        let mut all = true;
        let program = design.post_program();
        for target in ties(program, &each).into_iter().filter(|target| program.input.contains(*target)) {
            let Ok(accumulator) = i64::try_from(target) else { continue };
            let mut seen = Mattering { rounds: known.rounds.clone(), ..Mattering::nothing(&stages) };
            seen.look(design, &stages, (&each, 0), accumulator);
            let is_new = |(at, _, to): &(usize, u32, Rounds)| *at == step && to.of().1;
            if seen.rounds.difference(&known.rounds).any(is_new) {
                let before = self.columns.len();
                self.lead_to(target, numbers, row);
                all &= self.columns.len() > before;
                known = seen;
            }
        }
        all && !known.rounds.is_empty()
    }
}
