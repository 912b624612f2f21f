//! Behind the accumulators: drain stages and requantizers, from the rows that have left the array.
//!
//! Row R-1-r leaves the array in cycle `drain + r`; it enters post step k `drain_latency + delay(k)` cycles later
//! and the output after all of them (law H). So nothing here is clocked: what happens in a cycle, and what a
//! register shows, follows from the finished rows.

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
    events: Events,
    values: Vec<i64>,
}

impl Back {
    pub fn new(design: &Design, records: &Records, shape: &Shape) -> Self {
        let input = design.accumulator.format;
        Back {
            lanes: Lanes::new(&design.post, input, &design.parameters, shape.columns),
            events: Events::new(design.post.len(), shape.columns),
            values: vec![0; shape.columns],
            steps: design.post.clone(),
            records: records.clone(),
        }
    }

    /// Takes the parameters of a tile.
    pub fn bind(&mut self, record: usize) {
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
        let Some(start) = tile.drain.map(|drain| drain + shape.drain_latency) else { return };
        let latency = shape.post_latency();
        // Rows whose way through the steps has a cycle in the range.
        let first = from.saturating_sub(start + latency);
        for leaving in first..to.saturating_sub(start).min(shape.rows) {
            let enters = start + leaving;
            let row = tile.finished_row(shape, leaving);
            let whole = from <= enters && enters + latency < to;
            if tell == Tell::Counts && whole && self.lanes.is_some() {
                self.run_lanes(row, shape.rows - 1 - leaving, watch);
            } else {
                self.run_steps(shape, tile, [from, to], leaving, tell, watch);
            }
        }
    }

    /// A row's whole way through the steps.
    fn run_lanes(&mut self, finished: &[i64], row: usize, watch: &mut dyn Watch) {
        let Some(lanes) = &self.lanes else { return };
        self.values.copy_from_slice(finished);
        let any = lanes.run(&mut self.values, &mut self.events);
        if any {
            for (step, (high, low)) in self.events.high.iter_mut().zip(&mut self.events.low).enumerate() {
                if high.iter().chain(low.iter()).any(|count| *count > 0) {
                    watch.overflows(Node::Post(step), row, high, low);
                    high.fill(0);
                    low.fill(0);
                }
            }
        }
        watch.output(&self.values);
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
        let enters = tile.drain.unwrap_or_default() + shape.drain_latency + leaving;
        let mut values: Vec<i128> =
            tile.finished_row(shape, leaving).iter().map(|v| i128::from(*v)).collect();
        // One by one an event is told of the row under way; a count names the row it came from.
        let named = if tell == Tell::Each { 0 } else { shape.rows - 1 - leaving };
        for (index, step) in self.steps.iter().enumerate() {
            let (high, low) = (&mut self.events.high[index], &mut self.events.low[index]);
            for (column, value) in values.iter_mut().enumerate() {
                let stepped = step.apply(*value, &self.records, tile.channel + column);
                (high[column], low[column]) = (stepped.flags.high.into(), stepped.flags.low.into());
                *value = stepped.value;
            }
            if (from..to).contains(&(enters + shape.post_delays[index])) {
                report(tell, watch, Node::Post(index), named, [high, low]);
            }
            high.fill(0);
            low.fill(0);
        }
        if (from..to).contains(&(enters + shape.post_latency())) {
            // The last step always has a format of at most 64 bits.
            self.values.iter_mut().zip(values).for_each(|(to, value)| *to = value as i64);
            watch.output(&self.values);
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
