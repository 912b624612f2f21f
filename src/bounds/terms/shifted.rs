//! Products behind their steps, and activations behind steps that read the exponent of their weight.

use super::{Ends, Levels, Terms, Weights, Word};
use crate::num::Overflow;
use crate::post::Step;

impl Terms<'_> {
    /// The same where the steps are those of the activation, with the exponent of each weight that may come.
    pub(super) fn add_shifted<T: Word>(&self, k: usize, into: &mut Ends<T>, known: &mut Levels<T>) {
        let (design, shape) = (&self.program.design, self.program.shape);
        let weight = &design.weight;
        let every: Vec<i64> = match self.weights {
            Weights::Format => (weight.format.min()..=weight.format.max()).collect(),
            _ => Vec::new(),
        };
        let (low, high) = self.activations[k];
        for channel in 0..self.channels.len() {
            let own = match self.weights {
                Weights::Layer => {
                    let row = (self.channels.group * shape.k + k) * shape.n;
                    [i64::from(self.program.weights[row + self.channels.span.start + channel])]
                }
                Weights::Column(codes) => [codes[k]],
                Weights::Format => [0],
            };
            let codes = if every.is_empty() { &own[..] } else { &every };
            let of_code = |code: &i64| {
                let formed = design.formed(0, weight.value(*code));
                let range = (i128::from(low), i128::from(high));
                let (low, high) = self.stepped(channel, range, &formed.steps, known);
                if formed.is_negative { (-high, -low) } else { (low, high) }
            };
            let all = codes.iter().map(of_code);
            let hull = all.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
            into.add_range(channel, hull.unwrap_or((0, 0)));
        }
    }

    /// A range through the steps of one channel.
    pub(super) fn stepped<T: Word>(
        &self,
        channel: usize,
        mut range: (i128, i128),
        steps: &[Step],
        known: &mut Levels<T>,
    ) -> (i128, i128) {
        let mut loose = false;
        for (index, step) in steps.iter().enumerate() {
            range = step.range_of(range, &self.program.parameters, self.first + channel);
            known.stepped.entering[index].join(channel, range, !loose && step.op.is_monotone());
            let Some(fit) = step.fit() else { continue };
            loose |= !step.op.is_monotone() || (fit.overflow == Overflow::Wrap && !fit.holds(range));
            range = fit.image(range);
        }
        known.stepped.wrapped[channel] |= loose;
        range
    }
}
