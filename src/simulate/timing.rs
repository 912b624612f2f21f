//! The closed timing laws of a fixed-latency design: which cycle does what, and back.

use super::Gaps;
use crate::datapath::{Feed, Slot};
use crate::design::{Dataflow, Node};
use crate::lower::Program;

/// Cycle arithmetic of one program. Cycles count from 0, the first with reset inactive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    stationary: bool,
    tiles: usize,
    /// Tiles with an even number, and those with an odd one.
    feeds: [Feed; 2],
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
    /// The laws for this program's design and extents, beat after beat.
    pub fn new(program: &Program) -> Self {
        Timing::with(program, Gaps::none())
    }

    /// The same with a host that rests.
    pub fn with(program: &Program, gaps: Gaps) -> Self {
        let design = &*program.design;
        let array = &design.array;
        let stationary = array.dataflow == Dataflow::OutputStationary;
        let hop = |registers: u32| if stationary { registers as usize } else { 0 };
        let (hop_row, hop_column) = (hop(array.hop_weight), hop(array.hop_activation));
        let before = (design.operand_latency + design.product_latency) as usize;
        Timing {
            stationary,
            tiles: program.tile_count(),
            feeds: gaps.feeds(program),
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

    /// How a tile is fed.
    pub fn feed(&self, tile: usize) -> &Feed {
        &self.feeds[tile % 2]
    }

    /// Cycles from a tile's start to the next one's. A sequential MAC and a tree take a beat every cycle, if there is one.
    pub fn period_cycles(&self, tile: usize) -> usize {
        let rest = self.front + self.corner + self.rows + self.drain_latency + self.post_latency();
        self.feed(tile).length() + if self.stationary { rest } else { 0 }
    }

    /// First cycle of the drain, from the tile's start: the cycle after the last PE's last edge.
    pub fn drain_start(&self, tile: usize) -> Option<usize> {
        self.stationary.then(|| self.feed(tile).length() + self.front + self.corner)
    }

    /// Cycles after the last period: what is still in the pipeline, and one idle cycle.
    pub fn tail_cycles(&self) -> usize {
        if self.stationary { 1 } else { self.front + 1 + self.post_latency() + 1 }
    }

    /// Cycles of the whole program.
    pub fn total_cycles(&self) -> u64 {
        self.tile_start(self.tiles) + self.tail_cycles() as u64
    }

    /// First cycle of a tile's period.
    pub fn tile_start(&self, tile: usize) -> u64 {
        // Products of in-memory extents fit 64 bits.
        let odd = if tile % 2 == 1 { self.period_cycles(0) } else { 0 };
        (tile / 2) as u64 * self.pair_cycles() + odd as u64
    }

    /// The tile whose period a cycle lies in.
    pub fn tile_at(&self, cycle: u64) -> usize {
        self.within(cycle).0
    }

    /// Cycles of an even tile and the odd one behind it.
    fn pair_cycles(&self) -> u64 {
        (self.period_cycles(0) + self.period_cycles(1)) as u64
    }

    /// The tile whose period a cycle lies in, and how many cycles after its start.
    fn within(&self, cycle: u64) -> (usize, usize) {
        let (pairs, left) = (cycle / self.pair_cycles(), (cycle % self.pair_cycles()) as usize);
        let even = 2 * pairs as usize;
        left.checked_sub(self.period_cycles(0)).map_or((even, left), |left| (even + 1, left))
    }

    /// Whether no accumulator event of a tile's `beat`, or without one nothing of the tile, can happen from `cycle` on.
    pub fn is_behind(&self, tile: usize, beat: Option<usize>, cycle: u64) -> bool {
        let start = self.tile_start(tile);
        // The last PE's edge; a later beat's events come after it in schedule order.
        let of_beat = |beat| self.feed(tile).cycle_of(beat) + self.front + self.corner;
        let last = beat.map_or(self.period_cycles(tile) - 1, of_beat);
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
        let (tile, at) = self.within(accepted);
        let beat = match self.feed(tile).slot(at) {
            Slot::Beat(beat) => Some(beat),
            _ => None,
        };
        Located { tile, row, beat }
    }

    /// The cycle whose edge stores what `node` makes of a tile's `beat` in PE (`row`, `column`): the inverse of
    /// [`Timing::locate`]. Nodes behind the accumulator have no beat.
    pub fn cycle_of(&self, node: Node, tile: usize, beat: Option<usize>, [row, column]: [usize; 2]) -> u64 {
        let travel = row * self.hop_row + column * self.hop_column;
        let accepted = self.feed(tile).cycle_of(beat.unwrap_or_default()) + travel;
        let offset = match node {
            Node::Reduce(level) => accepted + self.reduce_delays[level],
            Node::AccumulatorStart | Node::Accumulator => accepted + self.front,
            Node::AccumulatorOutput => self.finished(tile, row),
            Node::Post(step) => self.finished(tile, row) + self.drain_latency + self.post_delays[step],
        };
        self.tile_start(tile) + offset as u64
    }

    /// When the finished value of a row leaves its accumulator, from the tile's start.
    fn finished(&self, tile: usize, row: usize) -> usize {
        match self.drain_start(tile) {
            Some(start) => start + self.rows - 1 - row,
            None => self.feed(tile).length() + self.front,
        }
    }

    /// Behind the accumulator: `delay` cycles after a finished value left it.
    fn locate_finished(&self, delay: usize, cycle: u64) -> Located {
        let left = cycle - delay as u64;
        if self.stationary {
            let (tile, at) = self.within(left);
            let row = self.drain_start(tile).map_or(0, |start| self.rows - 1 - (at - start));
            return Located { tile, row, beat: None };
        }
        // A tile ends with its last beat.
        let last_accepted = left - self.front as u64 - 1;
        Located { tile: self.tile_at(last_accepted), row: 0, beat: None }
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
