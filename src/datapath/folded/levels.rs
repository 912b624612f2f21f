//! Levels behind the last beat: the accumulators of an output become one sum.
//!
//! Registers, latency: those of [`crate::datapath::after`]. Rules: R3 one fit a group, R4–R6.

use super::kernel::inside;
use super::table::Table;
use super::told::Told;
use crate::design::{Design, Level, Node};
use crate::num::lanes::Rule;
use crate::num::{Fitted, Flags};

/// The block.
pub struct Levels(Vec<Adds>);

/// A level, and what its formats prove.
struct Adds {
    level: Level,
    /// `None` where its format needs more than 64 bits.
    rule: Option<Rule<i64>>,
    /// Whether the exact sum of a group has at most 64 bits.
    is_narrow: bool,
    always_fits: bool,
}

/// What a group of every output adds up to.
struct Group {
    values: Vec<i64>,
    /// Empty until there is an event.
    flags: Vec<Flags>,
}

impl Levels {
    pub fn new(design: &Design) -> Self {
        let of = |(level, range): (&Level, crate::post::NodeRange)| Adds {
            rule: Rule::new(level.format, level.overflow),
            is_narrow: range
                .unfitted
                .is_some_and(|(low, high)| i64::try_from(low).is_ok() && i64::try_from(high).is_ok()),
            always_fits: range.always_fits,
            level: level.clone(),
        };
        Levels(design.after.iter().zip(design.after_ranges()).map(of).collect())
    }

    /// The first of `sums`, which are as many as an output has accumulators, becomes all of them.
    pub fn finish(&self, sums: &mut [Table], told: &mut Told<'_>) {
        if self.0.is_empty() {
            return;
        }
        let columns = sums[0].columns;
        let mut terms: Vec<Vec<i64>> =
            sums.iter_mut().map(|table| std::mem::take(&mut table.values)).collect();
        for (index, adds) in self.0.iter().enumerate() {
            let groups = adds.groups(&mut terms);
            tell(Node::After(index), &groups, columns, told);
            terms = groups.into_iter().map(|group| group.values).collect();
        }
        // The last level leaves one.
        sums[0].values = terms.pop().unwrap_or_default();
    }
}

impl Adds {
    fn groups(&self, terms: &mut [Vec<i64>]) -> Vec<Group> {
        let count = terms.len();
        let outputs = 0..self.level.outputs(count);
        let groups = outputs.map(|output| {
            let own = self.level.terms(output).filter(|term| *term < count);
            let own: Vec<Vec<i64>> = own.map(|term| std::mem::take(&mut terms[term])).collect();
            if self.is_narrow { self.narrow(own) } else { self.wide(&own) }
        });
        groups.collect()
    }

    /// A group whose exact sums have 64 bits.
    fn narrow(&self, terms: Vec<Vec<i64>>) -> Group {
        let mut terms = terms.into_iter();
        let mut values = terms.next().unwrap_or_default();
        for term in terms {
            values.iter_mut().zip(&term).for_each(|(value, term)| *value = value.wrapping_add(*term));
        }
        if self.always_fits || inside(&values, self.level.fit().rails()) {
            return Group { values, flags: Vec::new() };
        }
        let fitted = |value: &mut i64| {
            let Fitted { value: next, flags } = match &self.rule {
                Some(rule) => rule.add(0, *value),
                None => self.level.fit().of(i128::from(*value)),
            };
            *value = next;
            flags
        };
        let flags = values.iter_mut().map(fitted).collect();
        Group { values, flags }
    }

    fn wide(&self, terms: &[Vec<i64>]) -> Group {
        let count = terms.first().map_or(0, Vec::len);
        let sum = |at: usize| terms.iter().map(|term| i128::from(term[at])).sum();
        let fitted = (0..count).map(|at| self.level.fit().of(sum(at)));
        let (values, flags) = fitted.map(|fitted| (fitted.value, fitted.flags)).unzip();
        Group { values, flags }
    }
}

/// Tells of a level's events, those of an output group by group.
fn tell(node: Node, groups: &[Group], columns: usize, told: &mut Told<'_>) {
    let any = |group: &Group| group.flags.iter().any(|flags| flags.any());
    let noted: Vec<&Group> = groups.iter().filter(|group| any(group)).collect();
    let rows = noted.first().map_or(0, |group| group.flags.len() / columns);
    for row in 0..rows {
        let own = row * columns..(row + 1) * columns;
        let count = |of: fn(&Flags) -> bool| -> Vec<u32> {
            own.clone().map(|at| noted.iter().map(|group| u32::from(of(&group.flags[at]))).sum()).collect()
        };
        let (high, low) = (count(|flags| flags.high), count(|flags| flags.low));
        told.row(node, row, [&high, &low], &mut |column, tell| {
            for flags in noted.iter().map(|group| group.flags[own.start + column]) {
                if flags.any() {
                    tell(None, flags);
                }
            }
        });
    }
}
