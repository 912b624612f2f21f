//! Whether a program tells a neighbour's hardware from its own design.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::design::Design;
use crate::functional;
use crate::lower::{Outcome, Program, Tile};
use crate::neighbours::Hardware;
use crate::num::{Overflow, fit};

use super::fetched::Fetched;
use super::records::records_read;
use super::wires::{Pe, Way, Wires};

/// Where a program tells hardware apart from its design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Outputs come in other cycles.
    Time,
    /// Output (`m`, `n`) is another one: the first in schedule order.
    Value {
        /// Row of the outcome.
        m: usize,
        /// Channel, over all groups.
        n: usize,
        /// The design's.
        expected: i64,
        /// The hardware's, as the design's port shows its bits.
        found: i64,
    },
}

/// A program and its outcome. Hardware is judged by what leaves it: cycles of the outputs, and their bits on the design's port,
/// which is as wide as the design says.
pub struct Judge<'a> {
    program: &'a Program,
    outcome: Cow<'a, Outcome>,
    records: Arc<Vec<Vec<i64>>>,
}

/// What hardware holds from tile to tile.
struct Held {
    /// The accumulators of every output of a tile.
    registers: Vec<Vec<i64>>,
    fetched: Fetched,
}

impl Held {
    fn of(program: &Program, hardware: &Hardware) -> Held {
        let outputs = program.map().tile.iter().product();
        let each = vec![0; hardware.design.partial_sums()];
        Held { registers: vec![each; outputs], fetched: Fetched::default() }
    }
}

impl<'a> Judge<'a> {
    /// Runs the program.
    pub fn new(program: &'a Program) -> Judge<'a> {
        Judge::with(program, Cow::Owned(functional::run(program, false)))
    }

    /// With the program's outcome at hand.
    pub fn with(program: &'a Program, outcome: Cow<'a, Outcome>) -> Judge<'a> {
        Judge { records: program.records(), program, outcome }
    }

    /// Where the hardware's outputs differ, if they do.
    pub fn difference(&self, hardware: &Hardware) -> Option<Difference> {
        if !self.is_timed_alike(hardware) {
            return Some(Difference::Time);
        }
        let wires = Wires::new(self.program, &self.records, hardware);
        let mut held = Held::of(self.program, hardware);
        let way = wires.way();
        let mut first = None;
        let mut tiles = self.program.output_tiles();
        let _ = tiles.try_for_each(|tile| {
            self.outputs(&wires, tile, &mut held, &way, &mut |difference| {
                first = Some(difference);
                ControlFlow::Break(())
            })
        });
        first
    }

    /// Whether its outputs come in the cycles of the program's own.
    fn is_timed_alike(&self, hardware: &Hardware) -> bool {
        let design = &self.program.design;
        let wires = |design: &Design| design.post.iter().any(|step| step.wire().is_some());
        if !wires(design) && !wires(&hardware.design) {
            return design.is_timed_as(&hardware.design);
        }
        // Numbers are read otherwise by faulty hardware only, and matter to cycles where values go around registers.
        let its = records_read(&self.records, hardware);
        design.is_timed_with(&self.records, &hardware.design, &its)
    }

    /// What sums start from on this hardware, record by record.
    pub fn starts(&self, hardware: &Hardware) -> Vec<i64> {
        Wires::new(self.program, &self.records, hardware).starts()
    }

    /// Channels of which some output differs, each once, in order; of hardware that is timed otherwise, all.
    pub fn channels(&self, hardware: &Hardware) -> Vec<usize> {
        if !self.is_timed_alike(hardware) {
            return (0..self.program.shape.channels()).collect();
        }
        let wires = Wires::new(self.program, &self.records, hardware);
        let mut held = Held::of(self.program, hardware);
        let way = wires.way();
        let mut found = vec![false; self.program.shape.channels()];
        for tile in self.program.output_tiles() {
            let _ = self.outputs(&wires, tile, &mut held, &way, &mut |difference| {
                if let Difference::Value { n, .. } = difference {
                    found[n] = true;
                }
                ControlFlow::Continue(())
            });
        }
        (0..found.len()).filter(|n| found[*n]).collect()
    }

    /// Tells every output of a tile that differs. `held` goes on into the next tile.
    fn outputs(
        &self,
        wires: &Wires<'_>,
        tile: Tile,
        held: &mut Held,
        way: &Way,
        tell: &mut dyn FnMut(Difference) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let program = self.program;
        let port = program.design.output();
        if let Way::Fold(touched) = way {
            let record = program.record_of(tile);
            let is_touched =
                |touched: &Vec<bool>| touched[record..record + program.map().tile[1]].contains(&true);
            if touched.as_ref().is_none_or(is_touched) {
                wires.fetch(tile, &mut held.fetched);
            }
        }
        let Held { registers, fetched } = held;
        for (at, held) in registers.iter_mut().enumerate() {
            let across = program.map().tile[1];
            let pe = Pe { row: at / across, column: at % across };
            let output = program.output(tile, [pe.row, pe.column]);
            let (is_idle, [m, n]) = (output.is_none(), output.unwrap_or_default());
            let record = program.record_of(tile) + pe.column;
            // What a first sum's sign takes from the second.
            let borrow = wires
                .below(pe)
                .and_then(|below| program.output(tile, [below.row, below.column]))
                .map_or(0, |[m, n]| i64::from(self.outcome.accumulators[[m, n]] < 0));
            let found = match way {
                Way::Alike(touched) | Way::Moved(touched, _) if is_idle || !touched[record] => continue,
                Way::Fold(Some(touched)) if is_idle || !touched[record] => continue,
                Way::Alike(_) if borrow == 0 => wires.finish(self.outcome.accumulators[[m, n]], record),
                Way::Alike(_) | Way::Moved(..) => {
                    let by = if let Way::Moved(_, by) = way { by[record] } else { 0 };
                    let exact = i128::from(self.outcome.accumulators[[m, n]]) + by - i128::from(borrow);
                    wires
                        .finish(fit(exact, program.design.accumulator.register, Overflow::Wrap).value, record)
                }
                Way::Fold(_) => wires.output(tile, pe, fetched, held),
            };
            let found = fit(i128::from(found), port, Overflow::Wrap).value;
            if !is_idle && found != self.outcome.outputs[[m, n]] {
                let expected = self.outcome.outputs[[m, n]];
                tell(Difference::Value { m, n, expected, found })?;
            }
        }
        ControlFlow::Continue(())
    }

    /// What the design makes of the program.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }
}
