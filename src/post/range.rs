//! What is known of a step's result for every `x` of a range, whatever its operands are within theirs.

use super::{Op, Operand, Parameter, Role, Rounded, Step};
use crate::num::Fit;

/// The least and the largest value of a set.
pub type Range = (i128, i128);

impl Operand {
    /// The least and the largest value that it can have, given the parameters' limits.
    pub fn range(self, parameters: &[Parameter]) -> Range {
        match self {
            Operand::Constant(value) => (i128::from(value), i128::from(value)),
            Operand::Parameter(index) => parameters[index].range(),
        }
    }
}

impl Parameter {
    /// Its limits.
    pub fn range(&self) -> Range {
        (i128::from(self.min), i128::from(self.max))
    }
}

/// The least and the largest product of two ranges.
pub fn product_range(a: Range, b: Range) -> Range {
    hull([a.0 * b.0, a.0 * b.1, a.1 * b.0, a.1 * b.1])
}

/// The narrowest range that holds all of `values`.
fn hull(values: impl IntoIterator<Item = i128>) -> Range {
    values.into_iter().fold((i128::MAX, i128::MIN), |(low, high), value| (low.min(value), high.max(value)))
}

impl Op {
    /// The exact results; `None` where they have no bound (float32).
    ///
    /// Every integer operation only rises, or only falls, with `x` and with each operand while all else stays: the ends
    /// are among the results at the ends.
    pub fn range(self, (low, high): Range, of: impl Fn(Operand) -> Range) -> Option<Range> {
        let ends: Vec<Range> = self.operands().into_iter().map(of).collect();
        let at = |x: i128, corner: usize| {
            self.exact(x, |place, _| if corner >> place & 1 == 0 { ends[place].0 } else { ends[place].1 })
        };
        let corners = || (0..1 << ends.len()).flat_map(|corner| [at(low, corner), at(high, corner)]);
        (!self.is_float()).then(|| hull(corners()))
    }

    /// R2, for every operation: signed if either operand is, and a difference always.
    pub fn is_signed(self, signed: bool, of: impl Fn(Operand) -> bool) -> bool {
        match self {
            Op::Subtract(_) => true,
            Op::Add(_) | Op::Multiply(_) | Op::Max(_) | Op::Min(_) | Op::Clamp { .. } => {
                signed || self.operands().into_iter().any(of)
            }
            Op::ShiftLeft(_) | Op::ShiftRight(..) | Op::Fit | Op::FloatScale(..) => signed,
        }
    }

    /// Whether every `x` of the range is its own result.
    pub fn keeps(self, range: Range, of: impl Fn(Operand) -> Range) -> bool {
        let is_idle = |(role, operand): (Role, Operand)| match (role, of(operand)) {
            (Role::Term | Role::Count, operand) => operand == (0, 0),
            (Role::Factor, operand) => operand == (1, 1),
            (Role::Least | Role::Low, (_, most)) => most <= range.0,
            (Role::Most | Role::High, (least, _)) => least >= range.1,
            (Role::Scale, _) => false,
        };
        self.roles().into_iter().all(is_idle)
    }

    /// Whether a bound takes the place of every `x` of the range.
    pub fn cuts(self, range: Range, of: impl Fn(Operand) -> Range) -> bool {
        let [low, high] = self.bounds().map(|bound| bound.map(&of));
        low.is_some_and(|low| range.1 <= low.0) || high.is_some_and(|high| range.0 >= high.1)
    }
}

impl Rounded {
    /// Whether what is rounded is never on the other side of 0 than `x`.
    pub fn keeps_sign(self, of: impl Fn(Operand) -> Range) -> bool {
        match self {
            Rounded::Shift(_) => true,
            // Bits of a float32 without a sign.
            Rounded::Float(scale) => of(scale).0 >= 0 && of(scale).1 <= i128::from(i32::MAX),
        }
    }
}

/// What is proved about one node that fits values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRange {
    /// `reduce.0`, `post.1`, …
    pub id: String,
    /// Behind the node before it.
    pub entering: Range,
    /// Before the fit; `None` when a float32 product has no bound.
    pub unfitted: Option<Range>,
    /// Behind the fit.
    pub fitted: Range,
    /// The node's format holds every value that can enter it: its overflow rule never acts.
    pub always_fits: bool,
}

impl NodeRange {
    /// A node that makes the results `unfitted` of what comes from the node before. Without a format it fits nothing (R8).
    pub fn new(id: &str, entering: Range, unfitted: Option<Range>, fit: Option<Fit>) -> NodeRange {
        // Of no bound, everything comes.
        let exact = unfitted.unwrap_or((i128::MIN, i128::MAX));
        let fitted = fit.map_or(exact, |fit| fit.image(exact));
        let always_fits = fit.is_none_or(|fit| fit.holds(exact));
        NodeRange { id: id.to_owned(), entering, unfitted, fitted, always_fits }
    }
}

impl Step {
    /// What is proved of the step, given what comes from the node before it and the parameters' limits.
    pub fn range(&self, entering: Range, parameters: &[Parameter]) -> NodeRange {
        let unfitted = self.op.range(entering, |operand| operand.range(parameters));
        NodeRange::new(&self.id, entering, unfitted, self.fit())
    }

    /// The exact results for one channel's own numbers. Every operation rises or falls with `x`, float32 ones too.
    pub fn range_of(&self, (low, high): Range, numbers: &[Vec<i64>], channel: usize) -> Range {
        hull([low, high].map(|x| self.apply(x, numbers, channel).exact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::{Overflow, Rounding};
    use crate::post::Tie;

    const V: Operand = Operand::Parameter(0);
    const HIGH: Operand = Operand::Parameter(1);

    /// Every operation, with every rounding.
    fn operations() -> Vec<Op> {
        let plain = [Op::Add(V), Op::Subtract(V), Op::Multiply(V), Op::Max(V), Op::Min(V), Op::ShiftLeft(V)];
        let rounded = Rounding::ALL.into_iter().flat_map(|r| [Op::ShiftRight(V, r), Op::FloatScale(V, r)]);
        plain.into_iter().chain([Op::Clamp { low: V, high: HIGH }, Op::Fit]).chain(rounded).collect()
    }

    /// Ranges of what the first operand may be.
    fn ranges(op: Op) -> Vec<Range> {
        let all = |low: i128, high: i128| -> Vec<Range> {
            (low..=high).flat_map(|least| (least..=high).map(move |most| (least, most))).collect()
        };
        let bits = |scale: f32| i128::from(scale.to_bits().cast_signed());
        match op.roles().first() {
            Some((Role::Count, _)) => all(0, 4),
            Some((Role::Scale, _)) => {
                [0.0, 0.5, 0.3, 1.5, -0.75, f32::INFINITY].map(|scale| (bits(scale), bits(scale))).to_vec()
            }
            _ => all(-3, 3),
        }
    }

    /// One operation, a range of `x` and one of each operand, and all that comes of them: `x`, the result, the numbers.
    fn each(mut look: impl FnMut(Op, Range, &dyn Fn(Operand) -> Range, &[(i128, i128, [i128; 2])])) {
        let xs = [(-9, 9), (-9, -2), (-1, 0), (0, 7), (3, 3), (2, 9)];
        for op in operations() {
            for (into, v) in xs.into_iter().flat_map(|into| ranges(op).into_iter().map(move |v| (into, v))) {
                for high in if op.operands().len() > 1 { ranges(op) } else { vec![(0, 0)] } {
                    let mut seen = Vec::new();
                    for (x, (a, b)) in (into.0..=into.1)
                        .flat_map(|x| (v.0..=v.1).map(move |a| (x, a)))
                        .flat_map(|(x, a)| (high.0..=high.1).map(move |b| (x, (a, b))))
                    {
                        seen.push((x, op.exact(x, |place, _| [a, b][place]), [a, b]));
                    }
                    look(op, into, &|operand| if operand == V { v } else { high }, &seen);
                }
            }
        }
    }

    #[test]
    fn a_range_is_the_least_and_the_largest_of_all_results() {
        let mut bounded = 0;
        each(|op, into, of, seen| {
            let all = hull(seen.iter().map(|(_, result, _)| *result));
            match op.range(into, of) {
                Some(range) => assert_eq!(range, all, "{op:?} of {into:?}"),
                None => assert!(op.is_float()),
            }
            bounded += usize::from(!op.is_float());
            if of(V).0 == of(V).1 && of(HIGH).0 == of(HIGH).1 {
                let step = Step { id: String::new(), op, format: None, overflow: Overflow::Wrap, latency: 0 };
                let numbers = [V, HIGH].map(|operand| vec![i64::try_from(of(operand).0).unwrap()]);
                assert_eq!(step.range_of(into, &numbers, 0), all, "{op:?} of {into:?}");
            }
        });
        assert!(bounded > 1000, "{bounded}");
    }

    #[test]
    fn what_keeps_cuts_or_turns_round_is_said_of_every_result() {
        let (mut kept, mut cut) = (0, 0);
        each(|op, into, of, seen| {
            let unchanged = seen.iter().all(|(x, result, _)| x == result);
            let keeps = op.keeps(into, of);
            assert!(!keeps || unchanged, "{op:?} of {into:?}");
            if op.cuts(into, of) {
                let is_bound = |(_, result, [a, b]): &(i128, i128, [i128; 2])| result == a || result == b;
                assert!(seen.iter().all(is_bound), "{op:?} of {into:?}");
                cut += 1;
            }
            if op.rounds().is_some_and(|(rounded, _)| rounded.keeps_sign(of)) {
                assert!(seen.iter().all(|(x, result, _)| x.signum() * result.signum() >= 0));
            }
            // A difference of what has no sign has one; anything else has not.
            let no_sign = into.0 >= 0 && op.operands().into_iter().all(|v| of(v).0 >= 0);
            if no_sign && !op.is_signed(false, |v| of(v).0 < 0) {
                assert!(seen.iter().all(|(_, result, _)| *result >= 0), "{op:?} of {into:?}");
            }
            kept += usize::from(keeps);
        });
        assert!(kept > 100 && cut > 100, "{kept} {cut}");
    }

    #[test]
    fn a_tie_is_where_two_roundings_of_halves_differ() {
        for op in operations().into_iter().filter(|op| op.rounding() == Some(Rounding::HalfUp)) {
            let down = op.with_rounding(Rounding::HalfDown);
            for (x, (v, _)) in (-40..=40).flat_map(|x| ranges(op).into_iter().map(move |v| (x, v))) {
                let [up, down] = [op, down].map(|op| op.exact(x, |_, _| v));
                let tie = op.rounds().unwrap().0.tie(x, |_| v);
                assert_eq!(tie.is_some(), up != down, "{op:?} of {x} by {v}");
                if let Some(tie) = tie {
                    assert_eq!(tie, Tie { negative: down < 0, odd: down % 2 != 0 });
                }
            }
        }
    }
}
