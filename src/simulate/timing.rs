//! Which cycle of a program does what, and back: the laws of [`Time`], tile after tile.

use super::Gaps;
use crate::datapath::{Feed, Slot};
use crate::design::{Node, Time};
use crate::lower::Program;

/// Cycle arithmetic of one program. Cycles count from 0, the first with reset inactive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    laws: Time,
    tiles: usize,
    /// Tiles with an even number, and those with an odd one.
    feeds: [Feed; 2],
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
        Timing { laws: program.design.time(), tiles: program.tile_count(), feeds: gaps.feeds(program) }
    }

    /// How a tile is fed.
    pub fn feed(&self, tile: usize) -> &Feed {
        &self.feeds[tile % 2]
    }

    /// Cycles from a tile's start to the next one's.
    pub fn period_cycles(&self, tile: usize) -> usize {
        self.laws.period(self.feed(tile).length())
    }

    /// First cycle of the drain, from the tile's start.
    pub fn drain_start(&self, tile: usize) -> Option<usize> {
        self.laws.drain_start(self.feed(tile).length())
    }

    /// Cycles after the last period.
    pub fn tail_cycles(&self) -> usize {
        self.laws.tail()
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
        let of_beat = |beat| self.feed(tile).cycle_of(beat) + self.laws.front() + self.laws.corner();
        let last = beat.map_or(self.period_cycles(tile) - 1, of_beat);
        cycle > start + last as u64
    }

    /// What an event at a node of PE (`row`, `column`) in `cycle` belongs to.
    pub fn locate(&self, node: Node, [row, column]: [usize; 2], cycle: u64) -> Located {
        let Some(delay) = self.laws.entered(node, [row, column]) else {
            return self.locate_finished(self.behind(node), cycle);
        };
        let (tile, at) = self.within(cycle - delay as u64);
        let beat = match self.feed(tile).slot(at) {
            Slot::Beat(beat) => Some(beat),
            _ => None,
        };
        Located { tile, row, beat }
    }

    /// The cycle whose edge stores what `node` makes of a tile's `beat` in PE (`row`, `column`): the inverse of
    /// [`Timing::locate`]. Nodes behind the accumulator have no beat.
    pub fn cycle_of(&self, node: Node, tile: usize, beat: Option<usize>, [row, column]: [usize; 2]) -> u64 {
        let offset = match self.laws.entered(node, [row, column]) {
            Some(delay) => self.feed(tile).cycle_of(beat.unwrap_or_default()) + delay,
            None => self.laws.finished(self.feed(tile).length(), row) + self.behind(node),
        };
        self.tile_start(tile) + offset as u64
    }

    /// Cycles from a finished value to a node behind the accumulator.
    fn behind(&self, node: Node) -> usize {
        if let Node::Post(step) = node { self.laws.post_delay(step) } else { 0 }
    }

    /// Behind the accumulator: `delay` cycles after a finished value left it.
    fn locate_finished(&self, delay: usize, cycle: u64) -> Located {
        let left = cycle - delay as u64;
        if self.laws.drain.is_some() {
            let (tile, at) = self.within(left);
            let row = self.drain_start(tile).map_or(0, |start| self.laws.rows - 1 - (at - start));
            return Located { tile, row, beat: None };
        }
        // A tile ends with its last beat.
        let last_accepted = left - self.laws.front() as u64 - 1;
        Located { tile: self.tile_at(last_accepted), row: 0, beat: None }
    }
}
