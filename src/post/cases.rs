//! Which of several cases a value is: an entry of a table, a number of thresholds reached, an arm of a branch.

use super::{Op, Operand, Range};

/// Of many, so many are looked at.
const SPREAD: usize = 16;

/// Places of a list of so many: all, or 16 that are evenly spread, both ends among them.
pub fn spread(length: usize) -> Vec<usize> {
    if length <= SPREAD {
        return (0..length).collect();
    }
    (0..SPREAD).map(|at| at * (length - 1) / (SPREAD - 1)).collect()
}

impl Op {
    /// The case that `x` is: the entry of a table, if it has one; how many thresholds it reaches; 0 below 0 of a branch, else
    /// 1. `None` for operations without cases.
    pub fn case(&self, x: i128, get: impl Fn(Operand) -> i128) -> Option<usize> {
        match self {
            Op::Lut(table) => {
                let entry = usize::try_from(x - i128::from(table.first)).ok();
                entry.filter(|entry| *entry < table.values.len())
            }
            Op::Thresholds { values, .. } => Some(values.iter().filter(|value| get(**value) <= x).count()),
            Op::Branch { .. } => Some(usize::from(x >= 0)),
            _ => None,
        }
    }

    /// Its cases that are worth meeting.
    pub fn cases(&self) -> Vec<usize> {
        match self {
            Op::Lut(table) => spread(table.values.len()),
            Op::Thresholds { values, .. } => spread(values.len() + 1),
            Op::Branch { .. } => vec![0, 1],
            _ => vec![],
        }
    }

    /// A case in words.
    pub fn case_words(&self, case: usize) -> String {
        match (self, case) {
            (Op::Thresholds { .. }, 1) => "1 threshold reached".to_owned(),
            (Op::Thresholds { .. }, _) => format!("{case} thresholds reached"),
            (Op::Branch { .. }, 0) => "below 0".to_owned(),
            (Op::Branch { .. }, _) => "not below 0".to_owned(),
            _ => format!("entry {case}"),
        }
    }

    /// Whether no `x` of a range is that case, whatever the numbers are.
    pub fn is_never(&self, case: usize, (low, high): Range, of: impl Fn(Operand) -> Range) -> bool {
        match self {
            Op::Lut(table) => !(low..=high).contains(&(i128::from(table.first) + case as i128)),
            Op::Branch { .. } => {
                if case == 0 {
                    low >= 0
                } else {
                    high < 0
                }
            }
            Op::Thresholds { values, .. } => {
                let mut limits: Vec<Range> = values.iter().map(|value| of(*value)).collect();
                // As many can be at most x as have their least there, and as many must as have their most.
                limits.sort_unstable_by_key(|limit| limit.0);
                let reach = case.checked_sub(1).map_or(low, |last| limits[last].0.max(low));
                limits.sort_unstable_by_key(|limit| limit.1);
                let must = limits.get(case).map_or(high, |next| (next.1 - 1).min(high));
                reach > must
            }
            _ => true,
        }
    }

    /// Values on both sides of where one case becomes another.
    pub fn case_edges(&self, get: impl Fn(Operand) -> i128) -> Vec<i128> {
        match self {
            Op::Lut(table) => {
                let first = i128::from(table.first);
                let entries = spread(table.values.len()).into_iter().map(|entry| first + entry as i128);
                entries.chain([first - 1, table.last() + 1]).collect()
            }
            Op::Thresholds { values, .. } => {
                let near = spread(values.len()).into_iter().map(|place| get(values[place]));
                near.flat_map(|value| [value - 1, value]).collect()
            }
            Op::Branch { .. } => vec![-2, -1, 0, 1],
            _ => vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::num::Overflow;
    use crate::post::{Step, Table};

    #[test]
    fn what_never_happens_does_not_and_the_rest_does() {
        let (constant, first, second) = (Operand::Constant(1), Operand::Parameter(0), Operand::Parameter(1));
        let table = Op::Lut(Arc::new(Table { first: -2, values: vec![5, 6, 7, 8], below: 0, above: 0 }));
        let counted = Op::Thresholds { values: vec![first, constant, second, constant], offset: constant };
        let fit = Step::new("", Op::Fit, None, Overflow::Wrap, 0);
        let branch = Op::Branch { negative: vec![fit], otherwise: vec![] };
        let ranges =
            |least, most| (least..=most).flat_map(move |low| (low..=most).map(move |high| (low, high)));
        let mut never = 0;
        for op in [table, counted, branch] {
            for (into, a, b) in ranges(-4_i128, 4).flat_map(|into| {
                [(-3, 3), (0, 2), (2, 2)]
                    .into_iter()
                    .flat_map(move |a| [(-1, 1), (4, 4)].map(|b| (into, a, b)))
            }) {
                let of = |operand| match operand {
                    Operand::Constant(value) => (i128::from(value), i128::from(value)),
                    operand => {
                        if operand == first {
                            a
                        } else {
                            b
                        }
                    }
                };
                for case in op.cases() {
                    let met = (into.0..=into.1).any(|x| {
                        (a.0..=a.1).any(|a| {
                            (b.0..=b.1).any(|b| {
                                let get = |operand| match operand {
                                    Operand::Constant(value) => i128::from(value),
                                    operand => {
                                        if operand == first {
                                            a
                                        } else {
                                            b
                                        }
                                    }
                                };
                                op.case(x, get) == Some(case)
                            })
                        })
                    });
                    assert_eq!(op.is_never(case, into, of), !met, "{op:?} {case} of {into:?}, {a:?}, {b:?}");
                    never += usize::from(!met);
                }
            }
        }
        assert!(never > 100, "{never}");
    }
}
