//! The closed timing laws of a fixed-latency design: which cycle does what, and back.

use crate::design::{Dataflow, Node};
use crate::lower::Program;

/// Cycle arithmetic of one program. Cycles count from 0, the first with reset inactive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    stationary: bool,
    tiles: usize,
    /// Beats of a tile and its clear cycle.
    feed: usize,
    clears: usize,
    rows: usize,
    /// Cycles from accepting a beat to the edge at which each reduce level, then the accumulator, takes it.
    reduce_delays: Vec<usize>,
    front: usize,
    /// Cycles from the finished accumulator to each post step's input, then to the output.
    post_delays: Vec<usize>,
    hop_row: usize,
    hop_column: usize,
    /// Of the last PE, behind PE(0, 0).
    corner: usize,
    drain_latency: usize,
}

/// Which part of the work an event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// Place of the tile in the schedule, from 0.
    pub tile: usize,
    /// Row of the tile, from 0.
    pub row: usize,
    /// In front of and at the accumulator only.
    pub beat: Option<usize>,
}

impl Timing {
    /// The laws for this program's design and extents.
    pub fn new(program: &Program) -> Self {
        let design = &*program.design;
        let array = &design.array;
        let stationary = array.dataflow == Dataflow::OutputStationary;
        let hop = |registers: u32| if stationary { registers as usize } else { 0 };
        let (hop_row, hop_column) = (hop(array.hop_weight), hop(array.hop_activation));
        let before = (design.operand_latency + design.product_latency) as usize;
        Timing {
            stationary,
            tiles: program.tile_count(),
            feed: program.beats() + program.clears(),
            clears: program.clears(),
            rows: array.rows,
            reduce_delays: running_sum(before, design.reduce.iter().map(|l| l.latency)),
            front: design.front_latency_cycles() as usize,
            post_delays: running_sum(0, design.post.iter().map(|s| s.latency)),
            hop_row,
            hop_column,
            corner: hop_row * (array.rows - 1) + hop_column * (array.columns - 1),
            drain_latency: if stationary { array.drain_latency as usize } else { 0 },
        }
    }

    fn post_latency(&self) -> usize {
        self.post_delays.last().copied().unwrap_or_default()
    }

    /// Cycles from one tile's start to the next one's. A sequential MAC and a tree take a beat every cycle.
    pub fn period_cycles(&self) -> usize {
        if self.stationary {
            self.feed + self.front + self.corner + self.rows + self.drain_latency + self.post_latency()
        } else {
            self.feed
        }
    }

    /// First cycle of the drain, from the tile's start: the cycle after the last PE's last edge.
    pub fn drain_start(&self) -> Option<usize> {
        self.stationary.then_some(self.feed + self.front + self.corner)
    }

    /// Cycles after the last period: what is still in the pipeline, and one idle cycle.
    pub fn tail_cycles(&self) -> usize {
        if self.stationary { 1 } else { self.front + 1 + self.post_latency() + 1 }
    }

    /// Cycles of the whole program.
    pub fn total_cycles(&self) -> u64 {
        // Products of in-memory extents fit 64 bits.
        self.tiles as u64 * self.period_cycles() as u64 + self.tail_cycles() as u64
    }

    /// First cycle of a tile's period.
    pub fn tile_start(&self, tile: usize) -> u64 {
        tile as u64 * self.period_cycles() as u64
    }

    /// The tile whose period a cycle lies in.
    pub fn tile_at(&self, cycle: u64) -> usize {
        (cycle / self.period_cycles() as u64) as usize
    }

    /// Whether no accumulator event of a tile's `beat`, or without one nothing of the tile, can happen from `cycle` on.
    pub fn is_behind(&self, tile: usize, beat: Option<usize>, cycle: u64) -> bool {
        let start = self.tile_start(tile);
        // The last PE's edge; a later beat's events come after it in schedule order.
        let last =
            beat.map_or(self.period_cycles() - 1, |beat| self.clears + beat + self.front + self.corner);
        cycle > start + last as u64
    }

    /// What an event at a node of PE (`row`, `column`) in `cycle` belongs to.
    pub fn locate(&self, node: Node, [row, column]: [usize; 2], cycle: u64) -> Located {
        let delay = match node {
            Node::Reduce(level) => self.reduce_delays[level],
            Node::AccumulatorStart | Node::Accumulator => self.front,
            Node::AccumulatorOutput => return self.locate_finished(0, cycle),
            Node::Post(step) => {
                return self.locate_finished(self.drain_latency + self.post_delays[step], cycle);
            }
        };
        let accepted = cycle - (delay + row * self.hop_row + column * self.hop_column) as u64;
        let period = self.period_cycles() as u64;
        let tile = (accepted / period) as usize;
        Located { tile, row, beat: Some((accepted % period) as usize - self.clears) }
    }

    /// The cycle whose edge stores what `node` makes of a tile's `beat` in PE (`row`, `column`): the inverse of
    /// [`Timing::locate`]. Nodes behind the accumulator have no beat.
    pub fn cycle_of(&self, node: Node, tile: usize, beat: Option<usize>, [row, column]: [usize; 2]) -> u64 {
        let travel = row * self.hop_row + column * self.hop_column;
        let accepted = self.clears + beat.unwrap_or_default() + travel;
        let offset = match node {
            Node::Reduce(level) => accepted + self.reduce_delays[level],
            Node::AccumulatorStart | Node::Accumulator => accepted + self.front,
            Node::AccumulatorOutput => self.finished(row),
            Node::Post(step) => self.finished(row) + self.drain_latency + self.post_delays[step],
        };
        self.tile_start(tile) + offset as u64
    }

    /// When the finished value of a row leaves its accumulator, from the tile's start.
    fn finished(&self, row: usize) -> usize {
        match self.drain_start() {
            Some(start) => start + self.rows - 1 - row,
            None => self.feed + self.front,
        }
    }

    /// Behind the accumulator: `delay` cycles after a finished value left it.
    fn locate_finished(&self, delay: usize, cycle: u64) -> Located {
        let period = self.period_cycles() as u64;
        let left = cycle - delay as u64;
        if let Some(start) = self.drain_start() {
            let row = self.rows - 1 - ((left % period) as usize - start);
            return Located { tile: (left / period) as usize, row, beat: None };
        }
        let last_accepted = left - self.front as u64 - 1;
        Located { tile: (last_accepted / period) as usize, row: 0, beat: None }
    }
}

/// `start` and every partial sum of `start + latencies`.
fn running_sum(start: usize, latencies: impl Iterator<Item = u32>) -> Vec<usize> {
    let sums = latencies.scan(start, |sum, latency| {
        *sum += latency as usize;
        Some(*sum)
    });
    std::iter::once(start).chain(sums).collect()
}
