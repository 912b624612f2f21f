//! What the registers show, computed from the streams when somebody looks.
//!
//! A register that is d cycles behind an edge of the array shows what entered there d + 1 cycles ago, in the
//! tile under way or the one before; before reset's end it is 0.

use super::tile::{Edge, Tile};
use super::{Grid, Lane};
use crate::datapath::Inputs;

impl<L: Lane> Grid<L> {
    /// The tile that `back` cycles before the current one belongs to, and the cycle in it.
    fn past(&self, back: usize) -> Option<(&Tile<L>, usize)> {
        let now = self.tile.now;
        if back <= now {
            return Some((&self.tile, now - back));
        }
        let time = (self.before.now + now).checked_sub(back)?;
        Some((&self.before, time))
    }

    /// What entered at `edge` `back` cycles ago.
    fn code(&self, edge: Edge, back: usize) -> i64 {
        self.past(back).map_or(0, |(tile, time)| tile.code(&self.shape, edge, time))
    }

    fn valid(&self, back: usize) -> bool {
        self.past(back).is_some_and(|(tile, time)| tile.valid(time))
    }

    fn first(&self, back: usize) -> bool {
        self.past(back).is_some_and(|(tile, time)| tile.first(time))
    }

    /// Every register and output, in the order of the ports.
    pub(super) fn registers(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        self.skew_registers(sample);
        self.operand_registers(sample);
        for stage in 0..self.shape.time.product {
            self.product_registers(stage, sample);
        }
        self.accumulators(sample);
        self.back_registers(inputs, sample);
    }

    /// The triangles: index i has i · hop stages behind the port.
    fn skew_registers(&self, sample: &mut Vec<i64>) {
        if self.shape.host_skews {
            return;
        }
        let stages = |extent: usize, hop: usize| {
            (0..extent).flat_map(move |index| (1..=index * hop).map(move |back| (index, back)))
        };
        let rows = || stages(self.shape.rows, self.shape.time.hop_row);
        sample.extend(rows().map(|(row, back)| self.code(Edge::Row(row), back)));
        sample.extend(rows().map(|(_, back)| i64::from(self.valid(back))));
        sample.extend(rows().map(|(_, back)| i64::from(self.first(back))));
        let columns = stages(self.shape.columns, self.shape.time.hop_column);
        sample.extend(columns.map(|(column, back)| self.code(Edge::Column(column), back)));
    }

    /// How long ago what `stages` registers behind PE(row, column)'s input shows entered the array, by PE.
    fn ages(&self, stages: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let shape = &self.shape;
        (0..shape.rows).flat_map(move |row| {
            (0..shape.columns).map(move |column| (row, column, shape.time.travel([row, column]) + stages))
        })
    }

    fn operand_registers(&self, sample: &mut Vec<i64>) {
        let (a, w) = (self.shape.depth_a(), self.shape.depth_w());
        for stage in 0..a.max(w) {
            let ages = || self.ages(stage + 1);
            if stage < a {
                sample.extend(ages().map(|(row, _, back)| self.code(Edge::Row(row), back)));
            }
            if stage < w {
                sample.extend(ages().map(|(_, column, back)| self.code(Edge::Column(column), back)));
            }
            if stage < a {
                sample.extend(ages().map(|(_, _, back)| i64::from(self.valid(back))));
                sample.extend(ages().map(|(_, _, back)| i64::from(self.first(back))));
            }
        }
    }

    fn product_registers(&self, stage: usize, sample: &mut Vec<i64>) {
        let ages = || self.ages(self.shape.time.operand + stage + 1);
        // The offsets of the tile in whose cycle the product was formed; before the first edge it is 0.
        let formed = self.past(stage + 1).map(|(tile, _)| tile);
        sample.extend(ages().map(|(row, column, back)| {
            formed.map_or(0, |tile| {
                let (a, w) = tile.offsets(column);
                (self.code(Edge::Row(row), back) + a) * (self.code(Edge::Column(column), back) + w)
            })
        }));
        sample.extend(ages().map(|(_, _, back)| i64::from(self.valid(back))));
        sample.extend(ages().map(|(_, _, back)| i64::from(self.first(back))));
    }

    /// The accumulators: 0 before a PE's first beat, and from above it while rows leave.
    fn accumulators(&self, sample: &mut Vec<i64>) {
        let (shape, tile) = (&self.shape, &self.tile);
        let drained = tile.drained(shape);
        for (row, column, age) in self.ages(shape.time.front()) {
            let begun = tile.started && tile.now > age;
            let shown = match row.checked_sub(drained) {
                Some(from) if drained > 0 || begun => self.accumulator(from, column),
                _ => 0,
            };
            sample.push(shown);
        }
    }

    /// What leaves the array `back` cycles ago: whether it is a row, and the last row until then.
    fn left(&self, back: usize, inputs: &Inputs) -> (bool, Option<(Vec<i64>, usize)>) {
        let (shape, tile) = (&self.shape, &self.tile);
        let start = tile.drain.or(inputs.drain.then_some(tile.now));
        let leaving = start.and_then(|start| tile.now.checked_sub(start + back));
        if let Some(leaving) = leaving {
            // In the cycle in which it leaves a row still stands in the accumulators.
            let row = shape.rows - 1 - leaving.min(shape.rows - 1);
            let finish = |column| self.accumulate.finish(self.accumulator(row, column)).value;
            let values = (0..shape.columns).map(finish).collect();
            return (leaving < shape.rows, Some((values, tile.channel)));
        }
        let last = self.before.drain.map(|_| {
            let values = self.before.finished_row(shape, shape.rows - 1).to_vec();
            (values, self.before.channel)
        });
        (false, last)
    }

    fn back_registers(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        let shape = &self.shape;
        let columns = shape.columns;
        let mut show = |steps: usize, (valid, row): (bool, Option<(Vec<i64>, usize)>)| {
            match row {
                Some((values, record)) => sample.extend(self.back.after(steps, &values, record)),
                None => sample.resize(sample.len() + columns, 0),
            }
            sample.push(i64::from(valid));
        };
        for stage in 0..shape.time.post_delay(0) {
            show(0, self.left(stage + 1, inputs));
        }
        for (step, latency) in shape.time.post.iter().enumerate() {
            for stage in 0..*latency {
                let back = shape.time.post_delay(step) + stage + 1;
                show(step + 1, self.left(back, inputs));
            }
        }
        let (valid, row) = self.left(shape.time.output_delay(), inputs);
        sample.push(i64::from(valid));
        match row.filter(|_| valid) {
            Some((values, record)) => {
                sample.extend(self.back.after(shape.time.post.len(), &values, record));
            }
            None => sample.resize(sample.len() + columns, 0),
        }
    }
}
