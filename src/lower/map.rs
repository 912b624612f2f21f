//! Which (m, n, k) meets where: an array's part times the work's.
//!
//! An output of a tile has a row (position) and a column (channel), and its sum has steps, one beat's lanes each. Where sums
//! stay, an output is a PE and its steps are fed beat by beat. Where they travel, a step is a row of PEs, and what is fed beat
//! by beat are vectors: a position each, or where activations stay, a channel each. With a memory, an output's steps are cut
//! into visits, which are tiles of their own.

use super::{Shape, Tile};
use crate::design::{Array, Design, Mirror};

/// The places of a program's products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Map {
    /// Positions and channels of a tile.
    pub tile: [usize; 2],
    /// Steps of one visit: all of an output's where there is no memory.
    pub steps: usize,
    /// Visits of an output.
    pub visits: usize,
    shape: Shape,
    array: Array,
    travels: bool,
    turned: bool,
    down_first: bool,
    /// Rows and columns of a tile that PEs count from the other end.
    mirrored: [bool; 2],
}

impl Map {
    pub(super) fn new(design: &Design, shape: Shape) -> Map {
        let array = &design.array;
        let (travels, turned) = (array.sums_travel(), array.is_turned());
        let tile = Map::tile(design, shape);
        let beats = shape.k.div_ceil(array.lanes);
        let steps = design.visit_steps().unwrap_or(beats).max(1);
        let visits = if design.memory.is_some() { beats.div_ceil(steps).max(1) } else { 1 };
        let down_first = design.order.down_first;
        let mirrored = match (array.mirror, turned) {
            (Mirror::None, _) => [false, false],
            (Mirror::Rows, _) | (Mirror::Columns, true) => [true, false],
            (Mirror::Columns, false) => [false, true],
        };
        Map { tile, steps, visits, shape, array: *array, travels, turned, down_first, mirrored }
    }

    /// Positions and channels of a tile, which many ask for and for nothing else.
    pub(super) fn tile(design: &Design, shape: Shape) -> [usize; 2] {
        let array = &design.array;
        let words = design.memory.map_or(usize::MAX, |memory| memory.depth);
        match (array.sums_travel(), array.is_turned()) {
            (false, _) => [array.rows * array.banks, array.columns],
            (true, false) => [shape.m.min(words), array.columns],
            (true, true) => [array.columns, shape.n.min(words)],
        }
    }

    /// Tiles down and across of one group of one image.
    fn grid(&self) -> [usize; 2] {
        [self.shape.m.div_ceil(self.tile[0]), self.shape.n.div_ceil(self.tile[1])]
    }

    /// How many tiles the work has: images · groups · tiles down · tiles across · visits of the memory.
    pub fn tile_count(&self) -> usize {
        let [down, across] = self.grid();
        self.shape.images * self.shape.groups * down * across * self.visits
    }

    /// The tile at `index` of the loop nest.
    pub fn tile_at(&self, index: usize) -> Tile {
        let [down, across] = self.grid();
        let outputs = index / self.visits;
        let inside = outputs % (across * down);
        let [m, n] = match self.down_first {
            false => [inside / across, inside % across],
            true => [inside % down, inside / down],
        };
        let group = outputs / (across * down) % self.shape.groups;
        let image = outputs / (across * down * self.shape.groups);
        Tile { index, image, group, m0: m * self.tile[0], n0: n * self.tile[1], visit: index % self.visits }
    }

    /// The tile behind one in the loop nest; of the last one, one that is not there.
    pub fn following(&self, tile: Tile) -> Tile {
        let mut next = Tile { index: tile.index + 1, visit: tile.visit + 1, ..tile };
        if next.visit < self.visits {
            return next;
        }
        next.visit = 0;
        // Whether there is another one that way; if not, back to the first.
        let go = |at: &mut usize, axis: usize, extent: usize| {
            *at = if *at + self.tile[axis] < extent { *at + self.tile[axis] } else { 0 };
            *at > 0
        };
        let mut down = || go(&mut next.m0, 0, self.shape.m);
        let mut across = || go(&mut next.n0, 1, self.shape.n);
        let is_inside = match self.down_first {
            true => down() || across(),
            false => across() || down(),
        };
        if is_inside {
            return next;
        }
        next.group += 1;
        if next.group == self.shape.groups {
            (next.group, next.image) = (0, next.image + 1);
        }
        next
    }

    /// The inverse of [`Map::tile_at`]: tile (of several visits the first), and row and column of the tile, of row `m` and
    /// channel `n` of the outcome.
    pub fn find(&self, m: usize, n: usize) -> [usize; 3] {
        let [down, across] = self.grid();
        let [rows, columns] = self.tile;
        let (image, position) = (m / self.shape.m, m % self.shape.m);
        let (group, channel) = (n / self.shape.n, n % self.shape.n);
        let (m, n) = (position / rows, channel / columns);
        let inside = if self.down_first { n * down + m } else { m * across + n };
        let tile = (image * self.shape.groups + group) * down * across + inside;
        let [row, column] =
            [(position % rows, 0), (channel % columns, 1)].map(|(at, axis)| self.turn(axis, at));
        [tile * self.visits, row, column]
    }

    /// A row (axis 0) or column (1) of a tile as PEs count them, as outputs are counted; and back.
    fn turn(&self, axis: usize, at: usize) -> usize {
        if self.mirrored[axis] { self.tile[axis] - 1 - at } else { at }
    }

    /// Whether PEs are counted as outputs are.
    pub fn is_straight(&self) -> bool {
        self.mirrored == [false, false]
    }

    /// The position, of an image, that a row of a tile works on; `None`: it idles.
    pub fn position(&self, tile: Tile, row: usize) -> Option<usize> {
        (row < self.tile[0]).then(|| tile.m0 + self.turn(0, row)).filter(|m| *m < self.shape.m)
    }

    /// The channel, of a group, that a column of a tile works on; `None`: it idles.
    pub fn channel(&self, tile: Tile, column: usize) -> Option<usize> {
        (column < self.tile[1]).then(|| tile.n0 + self.turn(1, column)).filter(|n| *n < self.shape.n)
    }

    /// The channel of the outcome whose numbers a parameter record holds, `None` when it pads: records are in the order of the
    /// columns, tile by tile, group by group.
    pub fn recorded(&self, record: usize) -> Option<usize> {
        let padded = self.shape.n.next_multiple_of(self.tile[1]);
        let (group, column) = (record / padded, record % padded % self.tile[1]);
        let tile = Tile { group, n0: record % padded - column, ..Tile::default() };
        self.channel(tile, column).map(|n| group * self.shape.n + n)
    }

    /// Rows of a tile that work on a position; the others idle.
    pub fn rows_of(&self, tile: Tile) -> usize {
        self.tile[0].min(self.shape.m - tile.m0)
    }

    /// Columns of a tile that work on a channel; the others idle.
    pub fn columns_of(&self, tile: Tile) -> usize {
        self.tile[1].min(self.shape.n - tile.n0)
    }

    /// So many columns, of a tile and those beside it, that work on a channel of its group; the others idle.
    pub fn columns_from(&self, tile: Tile, columns: usize) -> usize {
        columns.min(self.shape.n - tile.n0)
    }

    /// Row of the outcome that a row of a tile works on, and the tile's first channel; `None`: the row idles.
    pub fn first_output(&self, tile: Tile, row: usize) -> Option<[usize; 2]> {
        let m = self.position(tile, row)?;
        Some([tile.image * self.shape.m + m, tile.group * self.shape.n + tile.n0])
    }

    /// Row and channel of the outcome that a row and column of a tile work on; `None`: they idle.
    pub fn output(&self, tile: Tile, [row, column]: [usize; 2]) -> Option<[usize; 2]> {
        let (m, n) = (self.position(tile, row)?, self.channel(tile, column)?);
        Some([tile.image * self.shape.m + m, tile.group * self.shape.n + n])
    }

    /// Whether activations stay: columns are positions, and vectors channels.
    pub fn is_turned(&self) -> bool {
        self.turned
    }

    /// Steps of a sum that there are PEs for, where sums travel.
    pub fn column_steps(&self) -> Option<usize> {
        self.travels.then_some(self.array.rows)
    }

    /// Outputs of a PE whose beats come in turn.
    pub fn banks(&self) -> usize {
        self.array.banks
    }

    /// Vectors of a tile, where sums travel.
    pub fn vectors(&self) -> Option<usize> {
        self.travels.then(|| self.tile[usize::from(self.turned)])
    }

    /// The PE of step `step` of an output, row and column of its tile, and the beat of the step's visit in which it is formed.
    pub fn place(&self, [row, column]: [usize; 2], step: usize) -> ([usize; 2], usize) {
        let step = step % self.steps;
        let banks = self.array.banks;
        match (self.travels, self.turned) {
            (false, _) if banks > 1 => ([0, column], step * banks + row),
            (false, _) => ([row, column], step),
            (true, false) => ([step, column], row),
            (true, true) => ([step, row], column),
        }
    }

    /// The inverse of [`Map::place`]: the output, row and column of its tile, that a PE works on in a fed beat of a visit, and
    /// which step of it.
    pub fn meets(&self, [row, column]: [usize; 2], visit: usize, beat: usize) -> ([usize; 2], usize) {
        let before = visit * self.steps;
        match (self.travels, self.turned) {
            (false, _) if self.array.banks > 1 => {
                ([beat % self.array.banks, column], before + beat / self.array.banks)
            }
            (false, _) => ([row, column], before + beat),
            (true, false) => ([beat, column], before + row),
            (true, true) => ([column, beat], before + row),
        }
    }

    /// The step of an output that a beat of a visit is, where sums stay; of a row of PEs, where they travel.
    pub fn step_of(&self, visit: usize, beat: usize) -> usize {
        visit * self.steps + beat / self.array.banks
    }

    /// The position of a tile whose activations row `row` of PEs is fed in a beat, where sums stay.
    pub fn fed_row(&self, row: usize, beat: usize) -> usize {
        match self.array.banks {
            1 => row,
            banks => beat % banks,
        }
    }

    /// Values that leave each of the array's exits in one tile.
    pub fn leaving(&self) -> usize {
        self.vectors().unwrap_or(self.array.leaving())
    }

    /// The output, row and column of its tile, that leaves an exit as so many-th of its tile, from 0: as the drain says, or
    /// vector after vector.
    pub fn leaves(&self, nth: usize, exit: usize) -> [usize; 2] {
        match (self.travels, self.turned) {
            (false, _) => self.array.left_by(exit, nth),
            (true, false) => [nth, exit],
            (true, true) => [exit, nth],
        }
    }

    /// The inverse of [`Map::leaves`]: as which of its exit's values an output, row and column of its tile, leaves.
    pub fn nth(&self, [row, column]: [usize; 2]) -> usize {
        match (self.travels, self.turned) {
            (false, _) => self.array.nth([row, column]),
            (true, false) => row,
            (true, true) => column,
        }
    }

    /// The exit by which an output, row and column of its tile, leaves.
    pub fn exit(&self, [row, column]: [usize; 2]) -> usize {
        match (self.travels, self.turned) {
            (false, _) => self.array.exit([row, column]),
            (true, false) => column,
            (true, true) => row,
        }
    }

    /// Whether values that leave side by side are a row of the tile.
    pub fn leaves_by_row(&self) -> bool {
        !self.turned && !self.array.leaves_otherwise()
    }
}
