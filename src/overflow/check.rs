//! A witness against what a simulation of its program did: every register it speaks of, in its cycle.

use super::replay::Visit;
use super::witness::{expected, visits};
use super::{Event, Witness};
use crate::design::{Node, SumRegister};
use crate::error::{Error, Kind, Result};
use crate::lower::Program;
use crate::simulate::{Gaps, Run, Timing};
use crate::trace::{Chunk, SignalTable, Sink};

/// The accumulator's register in the cycle after one edge.
pub struct Register {
    cycle: u64,
    /// Of the signal.
    instance: usize,
    column: Option<usize>,
    row: usize,
    value: Option<i64>,
}

impl Register {
    /// The register that the witness's event is stored in, when the host rests so; `None` when it claims no event of the
    /// accumulator.
    pub fn of(witness: &Witness, program: &Program, gaps: Gaps) -> Option<Register> {
        let event = witness.event.as_ref().filter(|e| e.node == "accumulator")?;
        let [tile, row, column] = program.place(0, 0);
        let edge =
            Timing::with(program, gaps).cycle_of(Node::Accumulator, tile, event.place.beat, [row, column]);
        let instance = instance(program, event.place.beat, event.place.accumulator)?;
        // Behind the registers of its loop.
        let looped = u64::from(program.design.array.loop_latency);
        Some(Register { cycle: edge + looped, instance, column: None, row: 0, value: None })
    }

    /// What it held; `None` when the trace has no such cycle.
    pub fn value(&self) -> Option<i64> {
        self.value
    }
}

/// Which of the accumulator's registers has output (0, 0), or one of several sums of it, after a step; `None` where the last
/// adder has none.
fn instance(program: &Program, beat: Option<usize>, accumulator: Option<usize>) -> Option<usize> {
    let array = &program.design.array;
    let [_, row, column] = program.place(0, 0);
    let ([row, column], _) = program.map().place([row, column], beat.unwrap_or_default());
    let is_bare = array.sums_travel() && array.sum_register == SumRegister::Before && row + 1 == array.rows;
    let sums = program.design.partial_sums();
    let lane = accumulator.unwrap_or_default();
    (!is_bare && lane < sums).then_some((row * array.columns + column) * array.banks * sums + lane)
}

impl Sink for Register {
    fn begin(&mut self, table: &SignalTable) -> Result<()> {
        self.row = table.row();
        let at = table.signals.iter().position(|s| s.node == "accumulator" && s.name.ends_with("acc"));
        let before = |at: usize| table.signals[..at].iter().map(|s| s.instances()).sum::<usize>();
        self.column = at.map(|at| before(at) + self.instance);
        match self.column {
            Some(_) => Ok(()),
            None => Err(Error::new(Kind::Unsupported, "the design's trace has no accumulator register")),
        }
    }

    fn chunk(&mut self, chunk: &Chunk) -> Result<()> {
        if let (Some(column), Some(ahead)) = (self.column, self.cycle.checked_sub(chunk.first_cycle))
            && let Ok(ahead) = usize::try_from(ahead)
            && let Some(value) = chunk.values.get(ahead.saturating_mul(self.row).saturating_add(column))
        {
            self.value = Some(*value);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Witness {
    /// Holds the claim against a simulation of [`Witness::program`]: start, sum, output and counts, then the claimed
    /// step, then the register after its edge.
    ///
    /// # Errors
    /// Something is not as the witness says.
    pub fn check(&self, program: &Program, run: &Run, register: Option<&Register>) -> Result<()> {
        let place = super::PlaceEntry { m: 0, n: 0, ..self.place };
        let found = expected(program, place);
        let (claimed, outcome) = (&self.expected, &run.outcome);
        let numbers = [
            ("the start value", claimed.start, found.start),
            ("the accumulator", claimed.accumulator, outcome.accumulators[[0, 0]]),
            ("the output", claimed.output, outcome.outputs[[0, 0]]),
        ];
        if let Some((what, claimed, found)) = numbers.into_iter().find(|(_, a, b)| a != b) {
            return Err(self.refuse(what, claimed, found));
        }
        for (what, claimed, found) in [
            ("the exact sum", claimed.exact, found.exact),
            ("the corrected output", claimed.corrected, found.corrected),
        ] {
            if claimed != found {
                return Err(self.refuse(what, claimed, found));
            }
        }
        let counted = outcome.counts.iter().flat_map(|c| &c.nodes);
        let counted: Vec<_> = counted.map(|n| (n.node.clone(), n.high, n.low)).collect();
        if claimed.events != counted {
            let shown = |events: &[(String, u64, u64)]| format!("{events:?}");
            return Err(self.refuse("the events", shown(&claimed.events), shown(&counted)));
        }
        self.check_event(program, register)
    }

    /// The claimed step, as the walk and as the register show it.
    fn check_event(&self, program: &Program, register: Option<&Register>) -> Result<()> {
        let Some(event) = &self.event else { return Ok(()) };
        if event.node != "accumulator" {
            return self.check_elsewhere(event, program);
        }
        let walk = crate::functional::walk(program, 0, 0);
        let lane = event.place.accumulator.unwrap_or_default();
        let at = |beat| walk.steps.iter().find(|step| step.beat == beat && step.lane == lane);
        let Some(step) = event.place.beat.and_then(at) else {
            return Err(self.refuse(
                "an event in beat",
                event.place.beat.unwrap_or_default(),
                "no beat of it",
            ));
        };
        let side = if step.flags.high { "high" } else { "low" };
        if !step.flags.any() || side != event.side {
            let found = if step.flags.any() { side } else { "no overflow" };
            return Err(self.refuse("an overflow", &event.side, found));
        }
        for (what, claimed, found) in
            [("the entering value", event.entering.0, step.entering), ("the term", event.term.0, step.term)]
        {
            if claimed != found {
                return Err(self.refuse(what, claimed, found));
            }
        }
        let held = match instance(program, event.place.beat, event.place.accumulator) {
            Some(_) => register.and_then(Register::value),
            None => Some(step.value),
        };
        if held != Some(event.value) || step.value != event.value {
            let found = held.map_or("not in the trace".to_string(), |held| held.to_string());
            return Err(self.refuse("the register after the edge", event.value, found));
        }
        Ok(())
    }

    /// An event of a reduction level, an output clamp or a post step: it happens again, with the same numbers.
    fn check_elsewhere(&self, event: &Event, program: &Program) -> Result<()> {
        let nodes = program.design.fitting_nodes();
        let at_node = |visit: &Visit| nodes[program.design.node_index(visit.node)].1 == event.node;
        let side = |visit: &Visit| if visit.flags.high { "high" } else { "low" };
        let told = |side: &str, beat: Option<usize>, entering: i128, value: i64| {
            let beat = beat.map_or(String::new(), |beat| format!(" in beat {beat}"));
            format!("{side}{beat}, {entering} becoming {value}")
        };
        let visits: Vec<Visit> = visits(program).into_iter().filter(at_node).collect();
        let found = |v: &Visit| told(side(v), v.beat, v.entering, v.value);
        let claimed = told(&event.side, event.place.beat, event.entering.0, event.value);
        if visits.iter().any(|visit| found(visit) == claimed) {
            return Ok(());
        }
        let found = visits.first().map_or("none".to_string(), found);
        Err(self.refuse(&format!("an overflow at {}:", event.node), claimed, found))
    }
}
