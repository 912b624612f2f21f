//! Behind the accumulators: drain stages and requantizers, from the rows that have left the array.
//!
//! Row R-1-r leaves the array in cycle `drain + r`; it enters post step k `post_delay(k)` cycles later
//! and the output after all of them (law H). So nothing here is clocked: what happens in a cycle, and what a
//! register shows, follows from the finished rows.

use std::ops::Range;

use super::shape::Shape;
use super::tile::Tile;
use super::{Tell, report};
use crate::datapath::{Records, Watch};
use crate::design::{Design, Node};
use crate::num::lanes::Lane;
use crate::post::Step;
use crate::post::lanes::{Events, Lanes};

/// The post-processing of one row at a time.
pub struct Back {
    steps: Vec<Step>,
    records: Records,
    /// In vector form, when the formats allow it.
    lanes: Option<Lanes>,
    /// The record whose numbers they have.
    bound: Option<usize>,
    events: Events,
    values: Vec<i64>,
}

impl Back {
    pub fn new(design: &Design, records: &Records, shape: &Shape) -> Self {
        let input = design.accumulator.format;
        Back {
            lanes: Lanes::new(&design.post, input, &design.parameters, [shape.rows, shape.columns]),
            bound: None,
            events: Events::new(design.post.len(), shape.rows * shape.columns),
            values: vec![0; shape.rows * shape.columns],
            steps: design.post.clone(),
            records: records.clone(),
        }
    }

    /// Takes the parameters of a tile.
    pub fn bind(&mut self, record: usize) {
        if self.bound.replace(record) == Some(record) {
            return;
        }
        if let Some(lanes) = &mut self.lanes {
            lanes.bind(&self.records, record);
        }
    }

    /// What happens behind the array in cycles `from..to`.
    pub fn advance<L: Lane>(
        &mut self,
        shape: &Shape,
        tile: &Tile<L>,
        [from, to]: [usize; 2],
        tell: Tell,
        watch: &mut dyn Watch,
    ) {
        let time = &shape.time;
        let Some(start) = tile.drain.map(|drain| drain + time.post_delay(0)) else { return };
        let latency = time.output_delay() - time.post_delay(0);
        // Rows whose way through the steps has a cycle in the range, and those that are wholly in it.
        let last = to.saturating_sub(start).min(shape.rows);
        let first = from.saturating_sub(start + latency).min(last);
        let mut whole = first.max(from.saturating_sub(start))..last.min(to.saturating_sub(start + latency));
        if tell == Tell::Each || self.lanes.is_none() || whole.is_empty() {
            whole = last..last;
        }
        (first..whole.start).for_each(|row| self.run_steps(shape, tile, [from, to], row, tell, watch));
        if !whole.is_empty() {
            self.run_lanes(shape, tile, whole.clone(), watch);
        }
        (whole.end..last).for_each(|row| self.run_steps(shape, tile, [from, to], row, tell, watch));
    }

    /// Whole ways through the steps, of the rows that leave as numbers `leaving`.
    fn run_lanes<L: Lane>(
        &mut self,
        shape: &Shape,
        tile: &Tile<L>,
        leaving: Range<usize>,
        watch: &mut dyn Watch,
    ) {
        let (Some(lanes), columns) = (&self.lanes, shape.columns) else { return };
        let values = &mut self.values[..leaving.len() * columns];
        values.copy_from_slice(&tile.finished[leaving.start * columns..leaving.end * columns]);
        if lanes.run(values, &mut self.events) {
            for (step, (high, low)) in self.events.high.iter_mut().zip(&mut self.events.low).enumerate() {
                let rows = high.chunks_exact_mut(columns).zip(low.chunks_exact_mut(columns));
                for (number, (high, low)) in leaving.clone().zip(rows) {
                    if high.iter().chain(low.iter()).any(|count| *count > 0) {
                        watch.overflows(Node::Post(step), shape.rows - 1 - number, high, low);
                        high.fill(0);
                        low.fill(0);
                    }
                }
            }
        }
        self.values[..leaving.len() * columns].chunks_exact(columns).for_each(|row| watch.output(0, row));
    }

    /// The steps of a row's way that happen in cycles `from..to`.
    fn run_steps<L: Lane>(
        &mut self,
        shape: &Shape,
        tile: &Tile<L>,
        [from, to]: [usize; 2],
        leaving: usize,
        tell: Tell,
        watch: &mut dyn Watch,
    ) {
        let left = tile.drain.unwrap_or_default() + leaving;
        let mut values: Vec<i128> =
            tile.finished_row(shape, leaving).iter().map(|v| i128::from(*v)).collect();
        // One by one an event is told of the row under way; a count names the row it came from.
        let named = if tell == Tell::Each { 0 } else { shape.rows - 1 - leaving };
        for (index, step) in self.steps.iter().enumerate() {
            let high = &mut self.events.high[index][..shape.columns];
            let low = &mut self.events.low[index][..shape.columns];
            for (column, value) in values.iter_mut().enumerate() {
                let stepped = step.apply(*value, &self.records, tile.channel + column);
                (high[column], low[column]) = (stepped.flags.high.into(), stepped.flags.low.into());
                *value = stepped.value;
            }
            let any = high.iter().chain(low.iter()).any(|count| *count > 0);
            if any && (from..to).contains(&(left + shape.time.post_delay(index))) {
                report(tell, watch, Node::Post(index), named, [high, low]);
            }
            high.fill(0);
            low.fill(0);
        }
        if (from..to).contains(&(left + shape.time.output_delay())) {
            // The last step always has a format of at most 64 bits.
            let row = &mut self.values[..shape.columns];
            row.iter_mut().zip(values).for_each(|(to, value)| *to = value as i64);
            watch.output(0, row);
        }
    }

    /// A finished row behind the first `steps` steps.
    pub fn after(&self, steps: usize, finished: &[i64], record: usize) -> Vec<i64> {
        let through = |(column, value): (usize, &i64)| {
            let apply = |value, step: &Step| step.apply(value, &self.records, record + column).value;
            // Whoever asks stands behind a step with registers or the last one: both have a format.
            self.steps[..steps].iter().fold(i128::from(*value), apply) as i64
        };
        finished.iter().enumerate().map(through).collect()
    }
}
