//! Every value that can enter and leave each fitting node, from formats and parameter limits alone.

use super::steps::{Interval, output_interval, range_of, result};
use super::{AccumulatorOverflow, Design, build};
use crate::num::{Format, Overflow};

/// What is proved about one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRange {
    /// `reduce.0`, `post.1`, …
    pub id: String,
    /// Before the fit; `None` when a float32 product has no bound.
    pub unfitted: Option<(i128, i128)>,
    /// Behind the fit.
    pub fitted: (i128, i128),
    /// The node's format holds every value that can enter it: its overflow rule never acts.
    pub always_fits: bool,
}

/// The rails of the accumulator's register under its own rule.
pub(super) fn rails(design: &Design) -> Interval {
    let (low, high) = range_of(design.accumulator.register);
    match design.accumulator.overflow {
        AccumulatorOverflow::SaturateSymmetric => (low.max(-high), high),
        _ => (low, high),
    }
}

/// The reduction levels.
pub(super) fn levels(design: &Design) -> Vec<NodeRange> {
    let mut interval = design.product_interval();
    let mut ranges = Vec::new();
    for level in &design.reduce {
        let group = i128::try_from(level.group).unwrap_or(i128::MAX);
        let sum = build::times_group(interval, group);
        let range = node(&level.id, Some(sum), level.format, level.overflow);
        interval = range.fitted;
        ranges.push(range);
    }
    ranges
}

/// The post-processing steps; a step fused with its shift always fits.
pub(super) fn post(design: &Design) -> Vec<NodeRange> {
    let mut interval = output_interval(&design.accumulator);
    let mut ranges = Vec::new();
    for step in &design.post {
        let unfitted = result(step.op, interval, &design.parameters);
        let range = match (step.format, unfitted) {
            (Some(format), unfitted) => node(&step.id, unfitted, format, step.overflow),
            (None, unfitted) => {
                let fitted = unfitted.unwrap_or(interval);
                NodeRange { id: step.id.clone(), unfitted, fitted, always_fits: true }
            }
        };
        interval = range.fitted;
        ranges.push(range);
    }
    ranges
}

fn node(id: &str, unfitted: Option<Interval>, format: Format, overflow: Overflow) -> NodeRange {
    let always_fits = unfitted.is_some_and(|interval| overflow.holds(format, interval));
    // Of no bound, everything comes.
    let fitted = overflow.image(format, unfitted.unwrap_or((i128::MIN, i128::MAX)));
    NodeRange { id: id.to_string(), unfitted, fitted, always_fits }
}

impl Design {
    /// The exact results of an operation on a range, whatever its numbers are; none where they have no bound (float32).
    pub fn exact_of(&self, op: crate::post::Op, range: (i128, i128)) -> Option<(i128, i128)> {
        result(op, range, &self.parameters)
    }

    /// Every value that a finished accumulator can have.
    pub fn accumulator_range(&self) -> (i128, i128) {
        output_interval(&self.accumulator)
    }

    /// What data types and parameter limits prove about the reduction levels and post steps, in order.
    pub fn node_ranges(&self) -> Vec<NodeRange> {
        let mut ranges = levels(self);
        ranges.extend(post(self));
        ranges
    }
}
