//! The integers of the timing laws, and the laws: the one home of every cycle that a design's registers cost.
//!
//! A host feeds a tile in a number of cycles of its own (its clear cycle, beats, rests): laws count from the tile's first one.
//! Values are sampled before the edge that ends a cycle.
//!
//! | law | says | here |
//! |---|---|---|
//! | A, B | when a beat's sum enters an accumulator that stays, or the adder of a sum that travels | [`Time::entered`] |
//! | skew | by how much an outer lane is later | [`Time::travel`] |
//! | B, C | when finished sums leave, and when the next tile may come | [`Time::leaves`], [`Time::drain_start`], [`Time::finished`], [`Time::period`] |
//! | G | when a finished sum meets its word in the memory | [`Time::memory_delay`] |
//! | H | when a finished value enters a post step, and the output | [`Time::post_delay`], [`Time::output_delay`] |
//! | J | when operands that stay are loaded, and when PEs take them | [`Time::load`], [`Time::switch`] |
//!
//! `tests/engine` holds them against traces.

use super::{Design, LoadKind, Node, Start, SumRegister, Switch};

/// All the timing there is, in cycles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// Cycles that the host spends on a clear in front of a tile: 1 where sums that stay start from zero, else 0.
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
    /// Of sums that travel.
    pub travel: Option<Travelling>,
    /// Registers between an address of the memory and what is read there, where there is one.
    pub memory: Option<usize>,
    /// Registers behind each post step.
    pub post: Vec<usize>,
}

/// What sums that travel, and operands that stay, add to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Travelling {
    /// Registers behind the last adder.
    pub register: usize,
    /// Whether triangular registers make a vector's sums leave together.
    pub together: bool,
    /// Edges of a load.
    pub edges: usize,
    /// How a load reaches the rows.
    pub kind: LoadKind,
    /// With a second buffer: when PEs switch to it.
    pub switch: Option<Switch>,
    /// Whether a load clears sums, and so waits until they have left.
    pub clears: bool,
}

impl Design {
    /// The timing of its registers.
    pub fn time(&self) -> Time {
        // Latencies are small counts; usize is at least 32 bits here.
        let cycles = |registers: u32| registers as usize;
        let array = &self.array;
        let travel = array.load.map(|load| Travelling {
            register: usize::from(array.sum_register == SumRegister::After),
            together: !array.leaves_skewed(),
            edges: if load.kind == LoadKind::AtOnce { 1 } else { array.rows },
            kind: load.kind,
            switch: load.switch,
            clears: load.clears_sums,
        });
        Time {
            clears: usize::from(self.accumulator.start == Start::Zero && travel.is_none()),
            operand: cycles(self.operand_latency),
            product: cycles(self.product_latency),
            levels: self.reduce.iter().map(|level| cycles(level.latency)).collect(),
            hop_row: cycles(array.hop_down()),
            hop_column: cycles(array.hop_right()),
            rows: array.rows,
            columns: array.columns,
            drain: array.drains().then_some(cycles(array.drain_latency)),
            travel,
            memory: self.memory.map(|memory| cycles(memory.read_latency)),
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

    /// Laws A and B: cycles from accepting a beat until what `node`, in front of the accumulator or itself, makes of it in a PE
    /// is stored. `None` for nodes behind.
    pub fn entered(&self, node: Node, pe: [usize; 2]) -> Option<usize> {
        let delay = match node {
            Node::Reduce(level) => self.level_delay(level),
            Node::AccumulatorStart | Node::Accumulator => self.front(),
            Node::AccumulatorOutput | Node::Memory | Node::Post(_) => return None,
        };
        Some(delay + self.travel(pe))
    }

    /// Law B: cycles from accepting a vector until its finished sum in a column stands in front of what is behind the array;
    /// `None` where sums stay.
    pub fn leaves(&self, column: usize) -> Option<usize> {
        let travel = self.travel.as_ref()?;
        let column = if travel.together { self.columns - 1 } else { column };
        Some(self.front() + self.travel([self.rows - 1, column]) + travel.register)
    }

    /// Law C: first cycle of the drain, of a tile that is fed for so many cycles: the one after the last PE's last edge.
    pub fn drain_start(&self, fed: usize) -> Option<usize> {
        self.drain.map(|_| fed + self.front() + self.corner())
    }

    /// Law C: the cycle in which the finished value of a row stands in front of what is behind the array, where sums stay.
    pub fn finished(&self, fed: usize, row: usize) -> usize {
        self.drain_start(fed).map_or(fed + self.front(), |start| start + self.rows - 1 - row)
    }

    /// Law J: cycles of a tile's period in front of its first vector: the load, where one buffer is used as it is loaded.
    pub fn opening(&self) -> usize {
        self.travel.filter(|travel| travel.switch.is_none()).map_or(0, |travel| travel.edges)
    }

    /// Law J: cycles in front of the first tile: its load, where later ones hide behind the vectors before.
    pub fn lead(&self) -> usize {
        let hidden = |travel: &Travelling| match travel.switch {
            None => 0,
            Some(Switch::Wave) => travel.edges,
            Some(Switch::Global) => travel.edges + 1,
        };
        self.travel.as_ref().map_or(0, hidden)
    }

    /// Law J: first cycle of the load in a tile's period whose first vector is accepted in cycle `first`: of the tile's own,
    /// or, with a second buffer, of the next tile's. A row's second buffer is free when the wave has passed.
    pub fn load(&self, first: usize) -> usize {
        let Some(travel) = &self.travel else { return 0 };
        let passed = match travel.kind {
            LoadKind::Row => {
                (self.columns - 1) * self.hop_column + (self.rows - 1) * self.hop_row.saturating_sub(1)
            }
            LoadKind::Shift | LoadKind::AtOnce => self.corner(),
        };
        match travel.switch {
            Some(Switch::Wave) => first + self.operand + passed,
            Some(Switch::Global) | None => 0,
        }
    }

    /// Law J: the cycle of a period in which all PEs switch to the next tile's operands: its last one.
    pub fn switch(&self, [first, fed]: [usize; 2]) -> Option<usize> {
        let is_global = self.travel.is_some_and(|travel| travel.switch == Some(Switch::Global));
        is_global.then(|| self.period([first, fed]) - 1)
    }

    /// Cycles from a tile's first one to the next tile's, of a tile whose first beat is accepted in cycle `first` and that is
    /// fed for `fed` cycles. Tiles do not overlap where they drain: skew in, drain, then the next. Otherwise a beat is accepted
    /// every cycle, output after output; operands that stay are exchanged when nobody uses them.
    pub fn period(&self, [first, fed]: [usize; 2]) -> usize {
        let Some(travel) = &self.travel else {
            return self.drain_start(fed).map_or(fed, |start| start + self.rows + self.output_delay());
        };
        let used = fed + if travel.clears { self.front() } else { self.operand } + self.corner();
        match travel.switch {
            None => travel.edges + used,
            Some(Switch::Wave) => fed.max(self.load(first) + travel.edges),
            Some(Switch::Global) => used.max(travel.edges + 1),
        }
    }

    /// Cycles behind the last tile: what is still in the pipeline, and one idle cycle.
    pub fn tail(&self) -> usize {
        match self.leaves(self.columns - 1) {
            Some(leaves) => leaves + self.output_delay() + 1,
            None if self.drain.is_some() => 1,
            None => self.front() + 1 + self.output_delay() + 1,
        }
    }

    /// Law G: cycles from a finished value until it is added to the memory's word.
    pub fn memory_delay(&self) -> usize {
        self.drain.unwrap_or_default() + self.memory.unwrap_or_default()
    }

    /// Law H: cycles from a finished value until it enters a post step. A word that is an output has a register of its own.
    pub fn post_delay(&self, step: usize) -> usize {
        self.memory_delay() + usize::from(self.memory.is_some()) + self.post[..step].iter().sum::<usize>()
    }

    /// Law H: cycles from a finished value until it is an output.
    pub fn output_delay(&self) -> usize {
        self.post_delay(self.post.len())
    }
}
