//! Which cycle of a program does what, and back: the laws of [`Time`], tile after tile.

use super::Gaps;
use crate::datapath::{Feed, Slot};
use crate::design::{Node, Time};
use crate::lower::{Map, Program};

/// Cycle arithmetic of one program. Cycles count from 0, the first with reset inactive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    laws: Time,
    map: Map,
    tiles: usize,
    /// Steps of an output.
    beats: usize,
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
    /// Column of the tile, from 0.
    pub column: usize,
    /// Step of the output's sum; in front of and at the accumulator only.
    pub beat: Option<usize>,
}

impl Timing {
    /// The laws for this program's design and extents, beat after beat.
    pub fn new(program: &Program) -> Self {
        Timing::with(program, Gaps::none())
    }

    /// The same with a host that rests.
    pub fn with(program: &Program, gaps: Gaps) -> Self {
        let (laws, map) = (program.design.time_with(&program.parameters), program.map());
        let (tiles, beats) = (program.tile_count(), program.beats());
        Timing { laws, map, tiles, beats, feeds: gaps.feeds(program) }
    }

    /// How a tile is fed.
    pub fn feed(&self, tile: usize) -> &Feed {
        &self.feeds[tile % 2]
    }

    /// Cycles of a tile's own up to its first beat, and up to its end.
    fn fed(&self, tile: usize) -> [usize; 2] {
        let feed = self.feed(tile);
        [feed.cycle_of(0), feed.length()]
    }

    /// Cycles for which a tile is fed at least.
    fn least(&self) -> usize {
        let [even, odd] = self.feeds;
        even.clears + even.beats.min(odd.beats)
    }

    /// Cycles in front of the first tile.
    pub fn lead_cycles(&self) -> usize {
        self.laws.lead()
    }

    /// Cycles of a period in front of what is fed.
    pub fn opening(&self) -> usize {
        self.laws.opening()
    }

    /// First cycle of the load in a tile's period.
    pub fn load(&self, tile: usize) -> usize {
        self.laws.load(self.fed(tile)[0])
    }

    /// Cycle of a tile's period in which all PEs switch to the next tile's operands.
    pub fn switch(&self, tile: usize) -> Option<usize> {
        self.laws.switch(self.fed(tile), self.least())
    }

    /// Cycles from a tile's start to the next one's.
    pub fn period_cycles(&self, tile: usize) -> usize {
        self.laws.period(self.fed(tile), self.least())
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
        (self.lead_cycles() + odd) as u64 + (tile / 2) as u64 * self.pair_cycles()
    }

    /// The tile whose period a cycle lies in.
    pub fn tile_at(&self, cycle: u64) -> usize {
        self.within(cycle).0
    }

    /// Cycles of an even tile and the odd one behind it.
    fn pair_cycles(&self) -> u64 {
        (self.period_cycles(0) + self.period_cycles(1)) as u64
    }

    /// The tile whose period a cycle lies in, and how many cycles after its start. Cycles in front of the first are its own.
    fn within(&self, cycle: u64) -> (usize, usize) {
        let cycle = cycle.saturating_sub(self.lead_cycles() as u64);
        let (pairs, left) = (cycle / self.pair_cycles(), (cycle % self.pair_cycles()) as usize);
        let even = 2 * pairs as usize;
        left.checked_sub(self.period_cycles(0)).map_or((even, left), |left| (even + 1, left))
    }

    /// The tile and beat that were accepted in a cycle.
    fn accepted(&self, cycle: u64) -> (usize, Option<usize>) {
        let (tile, at) = self.within(cycle);
        let beat = match at.checked_sub(self.opening()).map(|at| self.feed(tile).slot(at)) {
            Some(Slot::Beat(beat)) => Some(beat),
            _ => None,
        };
        (tile, beat)
    }

    /// Cycles from a tile's start until a beat of it is accepted.
    fn accepts(&self, tile: usize, beat: usize) -> usize {
        self.opening() + self.feed(tile).cycle_of(beat)
    }

    /// Whether no accumulator event of a tile's `beat`, or without one nothing of the tile, can happen from `cycle` on.
    pub fn is_behind(&self, tile: usize, beat: Option<usize>, cycle: u64) -> bool {
        if self.laws.memory.is_some() {
            // Of its last visit, nothing is left.
            let (last, leaves) = (tile + self.map.visits - 1, self.laws.leaves(self.laws.columns - 1));
            let behind = self.laws.settled() + leaves.unwrap_or_default() + self.laws.output_delay();
            return cycle > self.tile_start(last) + (self.period_cycles(last) + behind) as u64;
        }
        let start = self.tile_start(tile);
        if let Some(leaves) = self.laws.leaves(self.laws.columns - 1) {
            let last = self.opening() + self.feed(tile).length() + leaves + self.laws.output_delay();
            return cycle > start + last as u64;
        }
        // The last PE's edge; a later beat's events come after it in schedule order.
        let of_beat = |beat| self.accepts(tile, beat) + self.laws.front() + self.laws.corner();
        let behind =
            || self.map.leaving() + self.laws.settled() + self.laws.corner() + self.laws.output_delay();
        let last = beat.map_or_else(|| self.period_cycles(tile) + behind(), of_beat);
        cycle > start + last as u64
    }

    /// What an event at a node of PE (`row`, `column`) in `cycle` belongs to.
    pub fn locate(&self, node: Node, [row, column]: [usize; 2], cycle: u64) -> Located {
        let Some(delay) = self.laws.entered(node, [row, column]) else {
            return self.locate_finished(node, column, cycle);
        };
        let (tile, beat) = self.accepted(cycle - delay as u64);
        let visit = tile % self.map.visits;
        let ([row, column], step) = self.map.meets([row, column], visit, beat.unwrap_or_default());
        // A start that is fitted in a clear cycle has no beat.
        let beat = (self.laws.travel.is_some() || beat.is_some()).then_some(step);
        Located { tile: tile - visit, row, column, beat }
    }

    /// What an event at a node of output (`row`, `column`) of the tile that is fed belongs to: of which step of the tile's own
    /// sums, where it is one of several.
    pub fn output_of(
        &self,
        node: Node,
        fed: usize,
        [row, column]: [usize; 2],
        step: Option<usize>,
    ) -> Located {
        let visit = fed % self.map.visits;
        let beat = match self.last_of_visit(node, visit) {
            Some(last) => Some(last),
            None => step.map(|step| visit * self.map.steps + step),
        };
        Located { tile: fed - visit, row, column, beat }
    }

    /// The step that events of the memory are told with: their visit's last.
    fn last_of_visit(&self, node: Node, visit: usize) -> Option<usize> {
        let of_visit = matches!(node, Node::Store(_) | Node::Load(_) | Node::Memory);
        of_visit.then(|| self.beats.min((visit + 1) * self.map.steps) - 1)
    }

    /// The cycle whose edge stores what `node` makes of step `beat` of output (`row`, `column`) of a tile: the inverse of
    /// [`Timing::locate`]. Nodes behind the accumulator have no step.
    pub fn cycle_of(&self, node: Node, tile: usize, beat: Option<usize>, [row, column]: [usize; 2]) -> u64 {
        let visit = match node {
            Node::Post(_) => self.map.visits - 1,
            _ => beat.unwrap_or_default() / self.map.steps,
        };
        self.cycle_in(node, tile + visit, beat, [row, column])
    }

    /// The same of the tile that is fed, one visit of an output.
    pub fn cycle_in(&self, node: Node, tile: usize, beat: Option<usize>, [row, column]: [usize; 2]) -> u64 {
        let (pe, fed) = self.map.place([row, column], beat.unwrap_or_default());
        let offset = match (self.laws.entered(node, pe), self.laws.leaves(pe[1])) {
            (Some(delay), _) => self.accepts(tile, fed) + delay,
            (None, Some(leaves)) => self.accepts(tile, fed) + leaves + self.behind(node),
            (None, None) => {
                let (nth, last) = (self.map.nth([row, column]), self.last_accepted(tile, [row, column]));
                self.laws.finished(last + 1, pe, nth) + self.behind(node)
            }
        };
        self.tile_start(tile) + offset as u64
    }

    /// Cycles from a finished value to a node behind the accumulator.
    fn behind(&self, node: Node) -> usize {
        match node {
            Node::Post(step) => self.laws.post_delay(step),
            Node::After(level) => self.laws.after_delay(level),
            Node::Store(_) | Node::Load(_) | Node::Memory => self.laws.memory_delay(),
            _ => 0,
        }
    }

    /// Cycle of a tile in which an output's last beat is accepted, where sums stay; a visit's last ones may bring nothing.
    fn last_accepted(&self, tile: usize, output: [usize; 2]) -> usize {
        let steps = self.feed(tile).beats / self.map.banks();
        self.accepts(tile, self.map.place(output, steps.saturating_sub(1)).1)
    }

    /// The tile and its output whose finished sum stands at an exit in a cycle, where sums stay: the tile had its last beat as
    /// many cycles ago as the law says of that output.
    fn left(&self, cycle: u64, exit: usize) -> (usize, [usize; 2]) {
        let found = (0..self.map.leaving()).find_map(|nth| {
            let at = self.map.leaves(nth, exit);
            let (pe, _) = self.map.place(at, 0);
            let ago = self.laws.finished(1, pe, nth) as u64;
            let (tile, fed) = self.within(cycle.checked_sub(ago)?);
            (fed == self.last_accepted(tile, at)).then_some((tile, at))
        });
        found.unwrap_or_else(|| unreachable!("nothing stands at exit {exit} in cycle {cycle}"))
    }

    /// Behind the accumulator: so many cycles after a finished value left an exit.
    fn locate_finished(&self, node: Node, exit: usize, cycle: u64) -> Located {
        let left = cycle - self.behind(node) as u64;
        let (tile, [row, column]) = match self.laws.leaves(exit) {
            Some(leaves) => {
                let (tile, vector) = self.accepted(left - leaves as u64);
                (tile, self.map.leaves(vector.unwrap_or_default(), exit))
            }
            None => self.left(left, exit),
        };
        let visit = tile % self.map.visits;
        Located { tile: tile - visit, row, column, beat: self.last_of_visit(node, visit) }
    }
}
