//! The integers of the timing laws, and the laws: the one home of every cycle that a design's registers cost.
//!
//! A host feeds a tile in a number of cycles of its own (its clear cycle, beats, rests): laws count from the tile's first one.
//! Values are sampled before the edge that ends a cycle.
//!
//! | law | says | here |
//! |---|---|---|
//! | A | when a beat's sum enters an accumulator that stays | [`Time::entered`] |
//! | skew | by how much an outer lane is later | [`Time::travel`] |
//! | C | when rows of finished sums leave, and when the next tile may come | [`Time::drain_start`], [`Time::finished`], [`Time::period`] |
//! | H | when a finished value enters a post step, and the output | [`Time::post_delay`], [`Time::output_delay`] |
//!
//! `tests/engine` holds them against traces.

use super::{Design, Node, Start};

/// All the timing there is, in cycles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// Cycles that the host spends on a clear in front of a tile: 1 where sums start from zero, else 0.
    pub clears: usize,
    /// Registers in front of the multiplier.
    pub operand: usize,
    /// Registers behind it.
    pub product: usize,
    /// Registers behind each level of the reduction.
    pub levels: Vec<usize>,
    /// Registers per row step of what travels down, and per column step of what travels right.
    pub hop_row: usize,
    /// The same per column.
    pub hop_column: usize,
    /// Rows of the array.
    pub rows: usize,
    /// Columns of the array.
    pub columns: usize,
    /// Registers between the bottom row and the requantizers, where rows drain.
    pub drain: Option<usize>,
    /// Registers behind each post step.
    pub post: Vec<usize>,
}

impl Design {
    /// The timing of its registers.
    pub fn time(&self) -> Time {
        // Latencies are small counts; usize is at least 32 bits here.
        let cycles = |registers: u32| registers as usize;
        let array = &self.array;
        Time {
            clears: usize::from(self.accumulator.start == Start::Zero),
            operand: cycles(self.operand_latency),
            product: cycles(self.product_latency),
            levels: self.reduce.iter().map(|level| cycles(level.latency)).collect(),
            hop_row: cycles(array.hop_weight),
            hop_column: cycles(array.hop_activation),
            rows: array.rows,
            columns: array.columns,
            drain: array.drains().then_some(cycles(array.drain_latency)),
            post: self.post.iter().map(|step| cycles(step.latency)).collect(),
        }
    }
}

impl Time {
    /// d0: registers between the accepting port and the accumulator of PE (0, 0).
    pub fn front(&self) -> usize {
        self.level_delay(self.levels.len())
    }

    /// From acceptance to the edge at which a level of the reduction takes a beat; behind the last one, the accumulator does.
    fn level_delay(&self, level: usize) -> usize {
        self.operand + self.product + self.levels[..level].iter().sum::<usize>()
    }

    /// Skew: by how much PE (`row`, `column`) is behind PE (0, 0).
    pub fn travel(&self, [row, column]: [usize; 2]) -> usize {
        row * self.hop_row + column * self.hop_column
    }

    /// By how much the last PE is.
    pub fn corner(&self) -> usize {
        self.travel([self.rows - 1, self.columns - 1])
    }

    /// Law A: cycles from accepting a beat until what `node`, in front of the accumulator or itself, makes of it in a PE is
    /// stored. `None` for nodes behind.
    pub fn entered(&self, node: Node, pe: [usize; 2]) -> Option<usize> {
        let delay = match node {
            Node::Reduce(level) => self.level_delay(level),
            Node::AccumulatorStart | Node::Accumulator => self.front(),
            Node::AccumulatorOutput | Node::Post(_) => return None,
        };
        Some(delay + self.travel(pe))
    }

    /// Law C: first cycle of the drain, of a tile that is fed for so many cycles: the one after the last PE's last edge.
    pub fn drain_start(&self, fed: usize) -> Option<usize> {
        self.drain.map(|_| fed + self.front() + self.corner())
    }

    /// Law C: the cycle in which the finished value of a row stands in front of what is behind the array.
    pub fn finished(&self, fed: usize, row: usize) -> usize {
        self.drain_start(fed).map_or(fed + self.front(), |start| start + self.rows - 1 - row)
    }

    /// Law C: cycles from a tile's first one to the next tile's. Tiles do not overlap where they drain: skew in, drain, then
    /// the next. Otherwise a beat is accepted every cycle, output after output.
    pub fn period(&self, fed: usize) -> usize {
        self.drain_start(fed).map_or(fed, |start| start + self.rows + self.output_delay())
    }

    /// Cycles behind the last tile: what is still in the pipeline, and one idle cycle.
    pub fn tail(&self) -> usize {
        if self.drain.is_some() { 1 } else { self.front() + 1 + self.output_delay() + 1 }
    }

    /// Law H: cycles from a finished value until it enters a post step.
    pub fn post_delay(&self, step: usize) -> usize {
        self.drain.unwrap_or_default() + self.post[..step].iter().sum::<usize>()
    }

    /// Law H: cycles from a finished value until it is an output.
    pub fn output_delay(&self) -> usize {
        self.post_delay(self.post.len())
    }
}
