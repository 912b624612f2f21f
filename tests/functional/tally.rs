//! What a run of cases has met: so that no comparison passes for want of hard cases.

use goldpath::functional::{Kernels, Route};

use super::cases::{self, Case, Count};
use super::neutral;
use super::operands::SPREADS;
use super::oracle::program::Outcome;

/// Sums over cases; it can be added up in any order.
#[derive(Debug, Default)]
pub struct Tally {
    pub cases: u64,
    /// Outputs compared between the oracle and the functional engine, and between that and the cycle engine.
    pub outputs: u64,
    pub cycle_outputs: u64,
    pub macs: u64,
    pub steps_walked: u64,
    /// Events by node and rule, high and low; first events by node; extents, accumulators, spreads and families by
    /// how many outputs had them; outputs that overflowed and came back or did not; sums that reached a rail.
    pub met: Count,
    /// Outputs whose prefixes leave 64 bits.
    pub beyond_64_bits: u64,
}

impl Tally {
    pub fn add(&mut self, what: impl Into<String>, count: u64) {
        *self.met.entry(what.into()).or_default() += count;
    }

    pub fn merge(mut self, other: Tally) -> Tally {
        self.cases += other.cases;
        self.outputs += other.outputs;
        self.cycle_outputs += other.cycle_outputs;
        self.macs += other.macs;
        self.steps_walked += other.steps_walked;
        self.beyond_64_bits += other.beyond_64_bits;
        other.met.into_iter().for_each(|(what, count)| self.add(what, count));
        self
    }

    /// Notes what a case was and what became of it.
    pub fn note(&mut self, case: &Case, outcome: &Outcome) {
        let [m, k, n] = case.shape();
        let outputs = (m * n) as u64;
        self.cases += 1;
        self.outputs += outputs;
        self.macs += outputs * k as u64;
        for (axis, extent) in [("M", m), ("K", k), ("N", n)] {
            self.add(format!("{axis} = {extent}"), outputs);
        }
        self.add(format!("family {}", case.family), outputs);
        self.add(format!("operands {}", case.spread), outputs);
        let accumulator = &case.design.accumulator;
        self.add(format!("register {} {:?}", accumulator.register, accumulator.overflow), outputs);
        self.add(format!("accumulator of {} bits", accumulator.format.width()), outputs);
        self.add(format!("activation {}", case.design.activation.format), outputs);
        self.add(format!("start {:?}", accumulator.start), outputs);
        self.outcome(case, outcome);
    }

    fn outcome(&mut self, case: &Case, outcome: &Outcome) {
        let design = &case.design;
        let rule = neutral::accumulator_rule(design.accumulator.overflow);
        for (node, high, low) in &outcome.nodes {
            let index = |id: &str| id.split('.').nth(1).and_then(|i| i.parse::<usize>().ok()).unwrap_or(0);
            let kind = match node.split('.').next() {
                Some("reduce") => {
                    let level = design.reduce.iter().chain(&design.after).nth(index(node)).unwrap();
                    let place = if index(node) < design.reduce.len() { "reduce" } else { "after" };
                    format!("{place} {}", neutral::rule(level.overflow))
                }
                Some("post") => format!("post {}", neutral::rule(design.post[index(node)].overflow)),
                _ if node == "accumulator" => format!("accumulator {rule}"),
                _ => node.clone(),
            };
            self.add(format!("{kind} high"), *high);
            self.add(format!("{kind} low"), *low);
        }
        let first = outcome.first.as_ref().map_or("none", |first| first.node.split('.').next().unwrap());
        self.add(format!("first event: {first}"), 1);
        let events = outcome.counts.iter().filter(|count| **count > 0).count();
        if events > 0 && events * 20 <= outcome.counts.len() && case.shape()[1] > 64 {
            self.add("cases of long sums with rare events", 1);
        }
        let (low, high) = case.machine().register.rails();
        for at in 0..outcome.counts.len() {
            let kind = match (outcome.counts[at], outcome.accumulators[at] == outcome.exact[at]) {
                (0, _) => "clean",
                (_, true) => "transient",
                (_, false) => "stuck",
            };
            self.add(format!("{kind} {rule}"), 1);
            self.add(format!("one event {rule}"), u64::from(outcome.counts[at] == 1));
            // Only when the start was not fitted do prefixes say what entered.
            if outcome.sums[at] != outcome.exact[at] {
                continue;
            }
            for (side, extreme, rail, beyond) in
                [("high", outcome.highs[at], high, high + 1), ("low", outcome.lows[at], low, low - 1)]
            {
                self.add(format!("reached {side} {rule}"), u64::from(extreme == rail));
                self.add(format!("one beyond {side} {rule}"), u64::from(extreme == beyond));
            }
        }
    }

    pub fn print(&self, title: &str) {
        println!(
            "{title}: {} cases, {} outputs of {} products between functional and oracle, {} of them three ways with \
             the cycle engine, {} steps walked, {} outputs beyond 64 bits; 0 differences",
            self.cases, self.outputs, self.macs, self.cycle_outputs, self.steps_walked, self.beyond_64_bits
        );
        for (what, count) in &self.met {
            println!("  {what}: {count}");
        }
    }

    pub fn at_least(&self, what: &str, count: u64) {
        let found = self.met.get(what).copied().unwrap_or(0);
        assert!(found >= count, "{what}: only {found}, {count} are needed for the test to mean something");
    }

    /// Every rule overflowed on both sides at every kind of node, sums came back and did not, rails were reached and
    /// just passed, and every extent and accumulator came up.
    pub fn is_hard(&self, least: u64) {
        for side in ["high", "low"] {
            for rule in super::oracle::OVERFLOWS {
                self.at_least(&format!("reduce {rule} {side}"), least);
                self.at_least(&format!("post {rule} {side}"), least);
            }
            for rule in super::oracle::OVERFLOWS.into_iter().chain(["saturate_output"]) {
                self.at_least(&format!("accumulator {rule} {side}"), least);
                self.at_least(&format!("reached {side} {rule}"), least / 20);
                self.at_least(&format!("one beyond {side} {rule}"), least / 20);
            }
            self.at_least(&format!("accumulator.output {side}"), least);
        }
        for rule in super::oracle::OVERFLOWS.into_iter().chain(["saturate_output"]) {
            for kind in ["transient", "stuck", "clean", "one event"] {
                self.at_least(&format!("{kind} {rule}"), least / 10);
            }
        }
        for node in ["none", "reduce", "accumulator", "post"] {
            self.at_least(&format!("first event: {node}"), 10);
        }
        let extents = |axis: &str, extents: &[usize]| {
            extents.iter().for_each(|extent| self.at_least(&format!("{axis} = {extent}"), 1));
        };
        extents("M", &cases::MS);
        extents("N", &cases::NS);
        extents("K", &cases::KS);
        for route in [Route::Exact, Route::Blocks, Route::Steps, Route::Wide, Route::Plain] {
            for kernels in Kernels::available() {
                for kind in ["counted", "values"] {
                    self.at_least(&format!("route {} {kind} {}", route.name(), kernels.name()), least);
                }
            }
        }
        self.at_least("cases of long sums with rare events", 20);
        for kernels in Kernels::available() {
            for counts in [true, false] {
                self.at_least(&format!("outputs from bytes {} counts {counts}", kernels.name()), least);
            }
        }
        self.at_least("several routes in one program", 100);
        for (_, register, overflow) in cases::ACCUMULATORS {
            self.at_least(&format!("register {register} {overflow:?}"), 1);
        }
        (1..=64).for_each(|width| self.at_least(&format!("accumulator of {width} bits"), 1));
        for width in 1..=16 {
            self.at_least(&format!("activation s{width}"), 1);
            self.at_least(&format!("activation u{width}"), 1);
        }
        SPREADS.iter().for_each(|spread| self.at_least(&format!("operands {spread}"), 1));
        cases::FAMILIES.iter().for_each(|family| self.at_least(&format!("family {family}"), 1));
    }
}
