//! What is known of a step's result for every `x` of a range, whatever its operands are within theirs.

use super::{Op, Operand, Parameter, Role, Rounded, Step, When};
use crate::num::{Fit, Format, Overflow, Rounding};

/// The least and the largest value of a set.
pub type Range = (i128, i128);

impl Operand {
    /// The least and the largest value that it can have, given the parameters' limits.
    pub fn range(self, parameters: &[Parameter]) -> Range {
        match self {
            Operand::Constant(value) => (i128::from(value), i128::from(value)),
            Operand::Parameter(index) => parameters[index].range(),
            Operand::Exponent { bits } => (0, (1 << bits) - 1),
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

/// What an operand's number may be.
type Of<'a> = &'a dyn Fn(Operand) -> Range;

impl Op {
    /// The exact results; `None` where they have no bound (float32).
    ///
    /// Most integer operations only rise, or only fall, with `x` and with each operand while all else stays: the ends are
    /// among the results at the ends. Others say more than there is, where a sum may wrap or a step inside may.
    pub fn range(&self, (low, high): Range, of: impl Fn(Operand) -> Range) -> Option<Range> {
        match self {
            Op::Float(..) => None,
            Op::Lut(table) => Some(hull(table.of_range((low, high)).map(i128::from))),
            Op::Thresholds { values, offset } => {
                let (mut least, mut most) = of(*offset);
                for value in values.iter().map(|value| of(*value)) {
                    least += i128::from(value.1 <= low);
                    most += i128::from(value.0 <= high);
                }
                Some((least, most))
            }
            Op::Branch { negative, otherwise } => {
                let arms = [(negative, (low, high.min(-1))), (otherwise, (low.max(0), high))];
                let mut all = None;
                for (steps, x) in arms.into_iter().filter(|(_, x)| x.0 <= x.1) {
                    let arm = steps.iter().try_fold(x, |x, step| {
                        // A bound is what a format gives to what has none.
                        let behind = NodeRange::new("", x, step.exact_range(x, &of), step.fit());
                        (step.format.is_some() || behind.unfitted.is_some()).then_some(behind.fitted)
                    })?;
                    all = Some(all.map_or(arm, |all: Range| (all.0.min(arm.0), all.1.max(arm.1))));
                }
                all
            }
            Op::ShiftRight(count, rounding, Some(adder)) => {
                let (least, most) = of(*count);
                let plain = Op::ShiftRight(*count, *rounding, None);
                if self.always_as(&plain, (low, high), &of) {
                    return Some(plain.corners((low, high), of));
                }
                // Whatever the adder holds, rounded down.
                let (low, high) = Overflow::Wrap.rails(*adder);
                let held = (i128::from(low), i128::from(high));
                let shifted = Op::ShiftRight(*count, Rounding::Floor, None).corners(held, |_| (least, most));
                let less = most > 0 && takes_one(*rounding, *adder);
                Some((shifted.0 - i128::from(less), shifted.1))
            }
            _ => Some(self.corners((low, high), of)),
        }
    }

    /// The least and the largest result at the ends of `x` and of every operand.
    fn corners(&self, (low, high): Range, of: impl Fn(Operand) -> Range) -> Range {
        let ends: Vec<Range> = self.operands().into_iter().map(of).collect();
        let at = |x: i128, corner: usize| {
            self.exact(x, |place, _| if corner >> place & 1 == 0 { ends[place].0 } else { ends[place].1 })
        };
        hull((0..1 << ends.len()).flat_map(|corner| [at(low, corner), at(high, corner)]))
    }

    /// R2, for every operation: signed if either operand is, and a difference always; a table or a count, if a result may be
    /// below 0.
    pub fn is_signed(&self, signed: bool, of: impl Fn(Operand) -> bool) -> bool {
        match self {
            Op::Subtract(_) => true,
            Op::Add(_) | Op::Multiply(_) | Op::Max(_) | Op::Min(_) | Op::Clamp { .. } => {
                signed || self.operands().into_iter().any(of)
            }
            Op::ShiftLeft(_) | Op::ShiftRight(_, _, None) | Op::Fit => signed,
            // Constants are bits: only of the integer of one is the sign its own.
            Op::Float(float, _) => float.as_scale().is_none() || signed,
            Op::ShiftRight(_, rounding, Some(adder)) => adder.is_signed() || takes_one(*rounding, *adder),
            Op::Lut(table) => table.values.iter().chain([&table.below, &table.above]).any(|value| *value < 0),
            Op::Thresholds { offset, .. } => of(*offset),
            Op::Branch { negative, otherwise } => {
                let formats = [negative, otherwise].map(|steps| steps.last().and_then(|step| step.format));
                formats.into_iter().any(|format| format.map_or(signed, Format::is_signed))
            }
        }
    }

    /// Whether it is `other` for every `x` of the range: the same shift, whose stated adder holds every sum.
    pub fn always_as(&self, other: &Op, (low, high): Range, of: impl Fn(Operand) -> Range) -> bool {
        let (Op::ShiftRight(count, rounding, adder), Op::ShiftRight(its, mode, None)) = (self, other) else {
            return self == other;
        };
        let sums = (low, high.saturating_add(largest_constant(*rounding, of(*count).1)));
        (count, rounding) == (its, mode) && adder.is_none_or(|adder| Overflow::Wrap.holds(adder, sums))
    }

    /// Whether every `x` of the range is its own result.
    pub fn keeps(&self, range: Range, of: impl Fn(Operand) -> Range) -> bool {
        let is_idle = |(role, operand): (Role, Operand)| match (role, of(operand)) {
            (Role::Term | Role::Count, operand) => operand == (0, 0),
            (Role::Factor, operand) => operand == (1, 1),
            (Role::Least | Role::Low, (_, most)) => most <= range.0,
            (Role::Most | Role::High, (least, _)) => least >= range.1,
            (Role::Scale | Role::FloatTerm | Role::Threshold | Role::Offset | Role::Condition, _) => false,
        };
        match self {
            Op::Lut(_) | Op::Thresholds { .. } | Op::Branch { .. } | Op::ShiftRight(_, _, Some(_)) => false,
            Op::Float(..) => false,
            _ => self.roles().into_iter().all(is_idle),
        }
    }

    /// Whether a bound takes the place of every `x` of the range.
    pub fn cuts(&self, range: Range, of: impl Fn(Operand) -> Range) -> bool {
        let [low, high] = self.bounds().map(|bound| bound.map(&of));
        low.is_some_and(|low| range.1 <= low.0) || high.is_some_and(|high| range.0 >= high.1)
    }
}

/// Whether a tie may take one from what an adder holds at least.
fn takes_one(rounding: Rounding, adder: Format) -> bool {
    match rounding {
        Rounding::HalfDown | Rounding::HalfAway | Rounding::HalfZero | Rounding::HalfOdd => true,
        // From an odd result: of no sign, that is 1 or more.
        Rounding::HalfEven => adder.is_signed(),
        Rounding::Floor | Rounding::Ceil | Rounding::Trunc | Rounding::Away | Rounding::HalfUp => false,
    }
}

/// At least what a shift by up to `count` adds.
fn largest_constant(rounding: Rounding, count: i128) -> i128 {
    match (rounding, u32::try_from(count)) {
        (Rounding::Floor, _) | (_, Ok(0)) => 0,
        (_, Ok(count @ 1..=126)) => match rounding {
            Rounding::Ceil | Rounding::Trunc | Rounding::Away => (1 << count) - 1,
            _ => 1 << (count - 1),
        },
        _ => i128::MAX,
    }
}

impl Rounded<'_> {
    /// Whether what is rounded is never on the other side of 0 than `x`; of a shift, where its sum does not wrap.
    pub fn keeps_sign(self, of: impl Fn(Operand) -> Range) -> bool {
        match self {
            Rounded::Shift(_) => true,
            Rounded::Float(float) => float.keeps_sign(of),
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
        let unfitted = self.exact_range(entering, &|operand| operand.range(parameters));
        NodeRange::new(&self.id, entering, unfitted, self.fit())
    }

    /// The exact results for one channel's own numbers.
    pub fn range_of(&self, (low, high): Range, numbers: &[Vec<i64>], channel: usize) -> Range {
        if self.op.is_monotone() {
            return hull([low, high].map(|x| self.apply(x, numbers, channel).exact));
        }
        let number = |operand| {
            let number = i128::from(super::bind(operand, numbers, channel));
            (number, number)
        };
        self.exact_range((low, high), &number).unwrap_or((i128::MIN, i128::MAX))
    }

    /// The exact results, whether it runs or not.
    fn exact_range(&self, entering: Range, of: Of<'_>) -> Option<Range> {
        let runs = || self.op.range(entering, |operand| self.range_of_value(operand, of));
        match self.when.map(|When { bit, is, .. }| (of(bit), i128::from(is))) {
            None => runs(),
            Some((bit, is)) if bit == (is, is) => runs(),
            Some((bit, is)) if bit.0 == bit.1 && bit.0 != is => Some(entering),
            Some(_) => runs().map(|range| (range.0.min(entering.0), range.1.max(entering.1))),
        }
    }

    /// What one of the operation's operands may be when it is used: behind its own steps.
    pub fn value_range(&self, operand: Operand, parameters: &[Parameter]) -> Range {
        self.range_of_value(operand, &|operand| operand.range(parameters))
    }

    fn range_of_value(&self, operand: Operand, of: Of<'_>) -> Range {
        self.value_steps.iter().fold(of(operand), |value, step| {
            NodeRange::new("", value, step.exact_range(value, of), step.fit()).fitted
        })
    }

    /// Of how many of its lowest bits what leaves it is a function, whatever the numbers are and whatever stands above them;
    /// `None` where all of them may count.
    pub fn low_bits(&self, parameters: &[Parameter]) -> Option<u32> {
        let wrapped = self.format.filter(|_| self.overflow == Overflow::Wrap).map(Format::width);
        match &self.op {
            _ if self.when.is_some() => None,
            Op::ShiftRight(
                _,
                Rounding::Trunc | Rounding::Away | Rounding::HalfAway | Rounding::HalfZero,
                _,
            ) => None,
            // A tie is seen below the count.
            Op::ShiftRight(count, _, Some(adder)) => {
                Some(adder.width().max(u32::try_from(count.range(parameters).1).ok()?))
            }
            Op::ShiftRight(count, _, None) => {
                wrapped?.checked_add(u32::try_from(count.range(parameters).1).ok()?)
            }
            Op::Add(_) | Op::Subtract(_) | Op::Multiply(_) | Op::ShiftLeft(_) | Op::Fit => wrapped,
            _ => None,
        }
    }

    /// Whether a bound takes the place of every `x` of the range, whatever the numbers are.
    pub fn cuts(&self, range: Range, parameters: &[Parameter]) -> bool {
        self.when.is_none() && self.op.cuts(range, |operand| self.value_range(operand, parameters))
    }

    /// Whether every `x` of the range is its own exact result, whatever the numbers are.
    pub fn keeps(&self, range: Range, parameters: &[Parameter]) -> bool {
        self.op.keeps(range, |operand| self.value_range(operand, parameters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::{Per, Table, Tie};
    use std::sync::Arc;

    const V: Operand = Operand::Parameter(0);
    const HIGH: Operand = Operand::Parameter(1);

    /// Every operation, with every rounding.
    fn operations() -> Vec<Op> {
        let plain = [Op::Add(V), Op::Subtract(V), Op::Multiply(V), Op::Max(V), Op::Min(V), Op::ShiftLeft(V)];
        let rounded =
            Rounding::ALL.into_iter().flat_map(|r| [Op::ShiftRight(V, r, None), Op::float_scale(V, r)]);
        let table = Table { first: -2, values: vec![3, 0, -7, 1, 1], below: 2, above: -1 };
        let counted =
            Op::Thresholds { values: vec![V, HIGH, Operand::Constant(2)], offset: Operand::Constant(-1) };
        let others = [Op::Clamp { low: V, high: HIGH }, Op::Fit, Op::Lut(Arc::new(table)), counted];
        plain.into_iter().chain(others).chain(rounded).chain(loose()).collect()
    }

    /// Those whose range may be more than their results: a sum that wraps, steps inside.
    fn loose() -> Vec<Op> {
        let adders = [Format::signed(4), Format::unsigned(3), Format::signed(6)].map(Option::unwrap);
        let adders =
            adders.into_iter().flat_map(|adder| Rounding::ALL.map(|r| Op::ShiftRight(V, r, Some(adder))));
        let s3 = Format::signed(3);
        let factor = Step::new("", Op::Multiply(V), None, Overflow::Wrap, 0);
        let fitted = Step::new("", Op::Add(HIGH), s3, Overflow::Saturate, 0);
        let value = Step {
            value_steps: vec![factor.clone()],
            ..Step::new("", Op::Subtract(HIGH), s3, Overflow::Wrap, 0)
        };
        let branches = [
            (vec![factor], vec![]),
            (vec![value.clone()], vec![fitted.clone()]),
            (vec![fitted], vec![value]),
        ];
        adders.chain(branches.map(|(negative, otherwise)| Op::Branch { negative, otherwise })).collect()
    }

    fn is_loose(op: &Op) -> bool {
        op.adder().is_some() || matches!(op, Op::Branch { .. })
    }

    /// How many operands it reads, steps inside included.
    fn reads(op: &Op) -> usize {
        let step = Step::new("", op.clone(), None, Overflow::Wrap, 0);
        if step.operands().contains(&HIGH) { 2 } else { 1 }
    }

    /// Ranges of what the first operand may be.
    fn ranges(op: &Op) -> Vec<Range> {
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
    fn each(mut look: impl FnMut(&Op, Range, &dyn Fn(Operand) -> Range, &[(i128, i128, [i128; 2])])) {
        let xs = [(-9, 9), (-9, -2), (-1, 0), (0, 7), (3, 3), (2, 9)];
        for op in operations() {
            let of = ranges(&op);
            for (into, v) in xs.into_iter().flat_map(|into| of.iter().map(move |v| (into, *v))) {
                for high in if reads(&op) > 1 { of.clone() } else { vec![(0, 0)] } {
                    let mut seen = Vec::new();
                    for (x, (a, b)) in (into.0..=into.1)
                        .flat_map(|x| (v.0..=v.1).map(move |a| (x, a)))
                        .flat_map(|(x, a)| (high.0..=high.1).map(move |b| (x, (a, b))))
                    {
                        let number = |operand| match operand {
                            Operand::Constant(value) => i128::from(value),
                            operand => {
                                if operand == V {
                                    a
                                } else {
                                    b
                                }
                            }
                        };
                        seen.push((x, op.exact(x, |_, operand| number(operand)), [a, b]));
                    }
                    let of = |operand| match operand {
                        Operand::Constant(value) => (i128::from(value), i128::from(value)),
                        operand => {
                            if operand == V {
                                v
                            } else {
                                high
                            }
                        }
                    };
                    look(&op, into, &of, &seen);
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
                Some(range) if is_loose(op) => {
                    assert!(range.0 <= all.0 && all.1 <= range.1, "{op:?} of {into:?}: {range:?}, {all:?}");
                }
                Some(range) => assert_eq!(range, all, "{op:?} of {into:?}"),
                None => assert!(op.is_float()),
            }
            bounded += usize::from(!op.is_float());
            if of(V).0 == of(V).1 && of(HIGH).0 == of(HIGH).1 {
                let step = Step::new("", op.clone(), None, Overflow::Wrap, 0);
                let numbers = [V, HIGH].map(|operand| vec![i64::try_from(of(operand).0).unwrap()]);
                let range = step.range_of(into, &numbers, 0);
                assert!(range.0 <= all.0 && all.1 <= range.1, "{op:?} of {into:?}");
                assert!(is_loose(op) || range == all, "{op:?} of {into:?}");
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
            if op.adder().is_none() && op.rounds().is_some_and(|(rounded, _)| rounded.keeps_sign(of)) {
                assert!(seen.iter().all(|(x, result, _)| x.signum() * result.signum() >= 0));
            }
            // A difference of what has no sign has one; anything else has not. A branch is not asked where nothing is below 0.
            let no_sign = into.0 >= 0 && op.operands().into_iter().all(|v| of(v).0 >= 0);
            if no_sign && !matches!(op, Op::Branch { .. }) && !op.is_signed(false, |v| of(v).0 < 0) {
                assert!(seen.iter().all(|(_, result, _)| *result >= 0), "{op:?} of {into:?}");
            }
            kept += usize::from(keeps);
        });
        assert!(kept > 100 && cut > 100, "{kept} {cut}");
    }

    #[test]
    fn only_the_lowest_bits_count() {
        let parameter =
            |name: &str, max| Parameter::new(name, Format::unsigned(3).unwrap(), Per::Layer).within(0, max);
        let parameters = [parameter("v", 3), parameter("high", 7)];
        let (mut compared, mut steps) = (0, 0);
        let formats = [Format::signed(3), Format::unsigned(5)];
        for (op, format) in operations().into_iter().flat_map(|op| formats.map(move |f| (op.clone(), f))) {
            let step = Step::new("", op, format, Overflow::Wrap, 0);
            let Some(bits) = step.low_bits(&parameters) else { continue };
            steps += 1;
            for (x, v) in (-70..70_i128).flat_map(|x| (0..4).map(move |v| (x, v))) {
                let numbers = [vec![v], vec![1]];
                let of = |x| step.apply(x, &numbers, 0).value;
                for times in [-3, -1, 1, 8] {
                    assert_eq!(of(x), of(x + (times << bits)), "{step:?} of {x} and {times}, {bits} bits");
                    compared += 1;
                }
            }
        }
        assert!(steps > 30 && compared > 10_000, "{steps} {compared}");
    }

    #[test]
    fn a_tie_is_where_two_roundings_of_halves_differ() {
        let up = |op: &Op| op.rounding() == Some(Rounding::HalfUp) && op.adder().is_none();
        for op in operations().into_iter().filter(up) {
            let other = op.with_rounding(Rounding::HalfDown);
            for (x, (v, _)) in (-40..=40).flat_map(|x| ranges(&op).into_iter().map(move |v| (x, v))) {
                let [up, down] = [&op, &other].map(|op| op.exact(x, |_, _| v));
                let tie = op.rounds().unwrap().0.tie(x, |_| v);
                assert_eq!(tie.is_some(), up != down, "{op:?} of {x} by {v}");
                if let Some(tie) = tie {
                    assert_eq!(tie, Tie { negative: down < 0, odd: down % 2 != 0 });
                }
            }
        }
    }
}
