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

use super::{Design, DrainOrder, LoadKind, Node, Start, SumRegister, Switch};
use crate::post::Step;

/// All the timing there is, in cycles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// Cycles that the host spends on a clear in front of a tile: 1 where sums that stay start from zero, else 0.
    pub clears: usize,
    /// Registers in front of the multiplier.
    pub operand: usize,
    /// Registers behind it.
    pub product: usize,
    /// Registers behind each level of the reduction of a beat.
    pub levels: Vec<usize>,
    /// Registers behind each level of the reduction behind the last beat.
    pub after: Vec<usize>,
    /// Registers per row step of what travels down, and per column step of what travels right.
    pub hop_row: usize,
    /// The same per column.
    pub hop_column: usize,
    /// Rows of the array.
    pub rows: usize,
    /// Columns of the array.
    pub columns: usize,
    /// Places of the chain through which sums that stay leave a grid, and whether it is one of registers beside them.
    pub chain: Option<(usize, bool)>,
    /// Outputs whose beats come in turn.
    pub banks: usize,
    /// Registers in an accumulator's loop behind its own.
    pub looped: usize,
    /// Whether a clear overtakes the products that are under way.
    pub clears_at_once: bool,
    /// Cycles from one PE of a row to the next, where they leave through one exit as they finish.
    pub apart: usize,
    /// Registers of a sum that stays: 1, and 0 where what comes in is finished.
    pub summed: usize,
    /// Registers between PEs whose sums stay and the requantizers.
    pub drain: usize,
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
    /// The timing of its registers, of all that there are.
    pub fn time(&self) -> Time {
        self.time_of(&|step| step.latency)
    }

    /// The same with a layer's numbers: without the registers that its values go around.
    pub fn time_with(&self, parameters: &[Vec<i64>]) -> Time {
        self.time_of(&|step| step.registers(parameters))
    }

    fn time_of(&self, registers: &dyn Fn(&Step) -> u32) -> Time {
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
            after: self.after.iter().map(|level| cycles(level.latency)).collect(),
            hop_row: cycles(array.hop_down()),
            hop_column: cycles(array.hop_right()),
            rows: array.rows,
            columns: array.columns,
            chain: array
                .drain
                .and_then(|drain| Some((drain.chain([array.rows, array.columns])?, drain.capture))),
            banks: array.banks,
            looped: cycles(array.loop_latency) - 1,
            clears_at_once: array.clears_at_once,
            apart: match array.drain.map(|drain| drain.order) {
                Some(DrainOrder::Diagonal) => cycles(array.hop_right()),
                _ => 0,
            },
            summed: usize::from(!array.is_post_only()),
            drain: array.drain.map_or(0, |drain| cycles(drain.latency)),
            travel,
            memory: self.memory.map(|memory| cycles(memory.read_latency)),
            post: self.post.iter().map(|step| cycles(registers(step))).collect(),
        }
    }
}

impl Time {
    /// d0: registers between the accepting port and the accumulator of PE (0, 0).
    pub fn front(&self) -> usize {
        self.level_delay(self.levels.len())
    }

    /// Registers between the accepting port and a sum that shows: law A's with the rest of the accumulator's loop.
    pub fn settled(&self) -> usize {
        self.front() + self.looped
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
            Node::Product(_) => self.operand,
            Node::Reduce(level) => self.level_delay(level),
            Node::AccumulatorStart | Node::Accumulator => self.front(),
            Node::AccumulatorOutput | Node::After(_) => return None,
            Node::Store(_) | Node::Load(_) | Node::Memory | Node::Post(_) => return None,
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

    /// Law C: first cycle in which a chain moves, of a tile that is fed for so many cycles: the one after the last PE's last
    /// edge, or after its sum has been taken over.
    pub fn drain_start(&self, fed: usize) -> Option<usize> {
        self.chain.map(|(_, captured)| fed + self.settled() + self.corner() + usize::from(captured))
    }

    /// Law C: the cycle in which the finished value of a PE, the so many-th that leaves through its exit, stands in front of what
    /// is behind the array, where sums stay; law D where none moves through another's place.
    pub fn finished(&self, fed: usize, pe: [usize; 2], nth: usize) -> usize {
        let stays = || (fed + self.settled() + self.travel(pe) + self.summed).saturating_sub(1);
        self.drain_start(fed).map_or_else(stays, |start| start + nth)
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
    pub fn switch(&self, [first, fed]: [usize; 2], least: usize) -> Option<usize> {
        let is_global = self.travel.is_some_and(|travel| travel.switch == Some(Switch::Global));
        is_global.then(|| self.period([first, fed], least) - 1)
    }

    /// Cycles from a tile's first one to the next tile's, of a tile whose first beat is accepted in cycle `first` and that is
    /// fed for `fed` cycles. Tiles do not overlap where they drain: skew in, drain, then the next. Otherwise a beat is accepted
    /// every cycle, output after output; operands that stay are exchanged when nobody uses them. Where sums that leave one after
    /// the other do not wait for that, a tile whose next one is fed for `least` cycles or more may not be too short.
    pub fn period(&self, [first, fed]: [usize; 2], least: usize) -> usize {
        let Some(travel) = &self.travel else {
            let free = match self.chain {
                Some((length, false)) => {
                    return fed + self.front() + self.corner() + length + self.output_delay();
                }
                // The last place is free at the edge at which the next tile's first sum may be taken over.
                Some((length, true)) => self.corner() + length,
                None if self.apart == 0 => 0,
                // A row's exit is free for the next tile's first column behind this one's last.
                None => self.apart * (self.columns - 1) + 1,
            };
            return (fed + free.saturating_sub(least)).max(fed + self.cleared());
        };
        let used = fed + if travel.clears { self.front() } else { self.operand } + self.corner();
        match travel.switch {
            None => travel.edges + used,
            Some(Switch::Wave) => fed.max(self.load(first) + travel.edges),
            Some(Switch::Global) => used.max(travel.edges + 1),
        }
    }

    /// Cycles behind a tile's last beat in which no clear may come: it would meet sums on their way.
    fn cleared(&self) -> usize {
        match (self.clears, self.clears_at_once) {
            (0, _) => 0,
            (_, false) => self.looped,
            (_, true) => self.settled() + self.corner(),
        }
    }

    /// Cycles behind the last tile: what is still in the pipeline, and one idle cycle.
    pub fn tail(&self) -> usize {
        match self.leaves(self.columns - 1) {
            Some(leaves) => leaves + self.output_delay() + 1,
            None => match self.chain {
                Some((_, false)) => 1,
                Some((length, true)) => self.settled() + self.corner() + length + 1 + self.output_delay() + 1,
                None => self.settled() + self.corner() + self.summed + self.output_delay() + 1,
            },
        }
    }

    /// Law C: cycles from an output's last sum in its accumulators until a level behind the last beat adds them; behind the
    /// last one, until they are one sum.
    pub fn after_delay(&self, level: usize) -> usize {
        self.after[..level].iter().sum()
    }

    /// Law G: cycles from a finished value until it is added to the memory's word.
    pub fn memory_delay(&self) -> usize {
        self.drain + self.after_delay(self.after.len()) + self.memory.unwrap_or_default()
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
