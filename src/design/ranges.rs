//! Every value that can enter and leave each fitting node, from formats and parameter limits alone.

use super::{Design, Level, reduce};
use crate::post::{NodeRange, Range};

/// The rails of the accumulator's register under its own rule.
pub(super) fn rails(design: &Design) -> Range {
    let (low, high) = design.accumulator.register_fit().rails();
    (i128::from(low), i128::from(high))
}

impl Design {
    /// Every value that a finished accumulator can have.
    pub fn accumulator_range(&self) -> Range {
        self.accumulator.range()
    }

    /// What data types and parameter limits prove about the steps of a product, in order.
    pub fn product_ranges(&self) -> Vec<NodeRange> {
        let entering = match self.exponent {
            Some(_) => self.activation.interval(&self.parameters),
            None => self.product_interval(),
        };
        self.product_program().ranges(entering)
    }

    /// Every value that is added: products behind their steps.
    pub fn term_interval(&self) -> Range {
        let stepped = self.product_ranges().last().map(|range| self.with_signs(range.fitted));
        stepped.unwrap_or_else(|| self.product_interval())
    }

    /// Whether the steps make 0 of a product of 0, and no value on the way leaves its format: lanes that idle and padding
    /// then add nothing.
    pub fn keeps_no_product(&self) -> bool {
        let ranges = self.product_program().ranges((0, 0));
        ranges.iter().all(|range| range.always_fits)
            && ranges.last().is_none_or(|range| range.fitted == (0, 0))
    }

    /// What they prove about the reduction levels of a beat, in order.
    pub fn level_ranges(&self) -> Vec<NodeRange> {
        of_levels(&self.reduce, self.term_interval())
    }

    /// Every sum that a beat adds, lanes that idle among them.
    pub fn beat_interval(&self) -> Range {
        let idle = |range: Range| (range.0.min(0), range.1.max(0));
        // Of several accumulators, each adds one.
        let groups = match self.after.is_empty() {
            true => self.reduce.iter().fold(self.array.lanes, |lanes, level| level.outputs(lanes)),
            false => 1,
        };
        let each = self.level_ranges().last().map_or_else(|| self.term_interval(), |level| level.fitted);
        reduce::times_group(idle(each), i128::try_from(groups).unwrap_or(i128::MAX))
    }

    /// Every sum that some of a visit's beats add up to, where the hardware bounds how many they are: rows that a sum passes,
    /// beats between two visits of the memory, the most that the host counts. `None`: K alone bounds them.
    pub fn visit_interval(&self) -> Option<Range> {
        let beats = self.visit_products()?.div_ceil(self.array.lanes);
        Some(reduce::times_group(self.beat_interval(), i128::try_from(beats).unwrap_or(i128::MAX)))
    }

    /// What a visit's sum can be on its way: where it starts, an exact bias, and what is added. `None` as for
    /// [`Design::visit_interval`].
    pub fn held_interval(&self) -> Option<Range> {
        let bias = self.accumulator.bias.map_or((0, 0), |index| self.parameters[index].range());
        let visit = self.visit_interval()?;
        Some((bias.0.min(0).saturating_add(visit.0), bias.1.max(0).saturating_add(visit.1)))
    }

    /// What the accumulator's format proves about the levels behind the last beat, in order.
    pub fn after_ranges(&self) -> Vec<NodeRange> {
        of_levels(&self.after, self.accumulator_range())
    }

    /// Whether no level of a beat ever changes a sum, whatever it adds first.
    pub fn has_exact_levels(&self) -> bool {
        self.level_ranges().iter().all(|level| level.always_fits)
    }

    /// What they prove about the post steps, in order.
    pub fn step_ranges(&self) -> Vec<NodeRange> {
        self.post_program().ranges(self.finished_range())
    }

    /// The steps of a product, all reduction levels, the memory's steps and the post steps, in order.
    pub fn node_ranges(&self) -> Vec<NodeRange> {
        let [store, load] = self.memory_ranges();
        let levels = [self.level_ranges(), self.after_ranges()].concat();
        [self.product_ranges(), levels, store, load, self.step_ranges()].concat()
    }
}

/// Of levels one behind the other, whose terms are `entering`.
fn of_levels(levels: &[Level], mut entering: Range) -> Vec<NodeRange> {
    let of_level = |level: &Level| {
        let sum = reduce::times_group(entering, i128::try_from(level.group).unwrap_or(i128::MAX));
        let range = NodeRange::new(&level.id, entering, Some(sum), Some(level.fit()));
        entering = range.fitted;
        range
    };
    levels.iter().map(of_level).collect()
}
