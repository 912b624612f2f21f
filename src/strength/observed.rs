//! What a program does at its nodes: events, rails, ties, clips. What never happens cannot tell anything apart.

use std::ops::ControlFlow;

use rayon::prelude::*;

use crate::design::{Design, Node, of_weight};
use crate::functional::fold::Visit;
use crate::functional::follow;
use crate::lower::Program;
use crate::neighbours::{NodeSeen, Ties};
use crate::num::{Fit, Flags};
use crate::post::{Rounded, Tie};

/// Per fitting node, in datapath order.
pub(super) fn observed(program: &Program) -> Vec<NodeSeen> {
    let empty = || {
        program.design.fitting_nodes().into_iter().map(|(_, node)| NodeSeen::new(node)).collect::<Vec<_>>()
    };
    let rows = (0..program.shape.rows()).into_par_iter();
    rows.fold(empty, |mut seen, m| {
        for n in 0..program.shape.channels() {
            output(program, m, n, &mut seen);
        }
        seen
    })
    .reduce(empty, |mut all, more| {
        all.iter_mut().zip(more).for_each(|(all, more)| all.add(&more));
        all
    })
}

/// The same of one channel.
pub(super) fn observed_of(program: &Program, n: usize) -> Vec<NodeSeen> {
    let mut seen: Vec<NodeSeen> =
        program.design.fitting_nodes().into_iter().map(|(_, node)| NodeSeen::new(node)).collect();
    for m in 0..program.shape.rows() {
        output(program, m, n, &mut seen);
    }
    seen
}

fn output(program: &Program, m: usize, n: usize, seen: &mut [NodeSeen]) {
    let design = &*program.design;
    let register = design.accumulator.register_fit();
    let accumulator = design.node_index(Node::Accumulator);
    let bias = i128::from(program.bias(n));
    // Of each accumulator.
    let sums = design.partial_sums();
    let (mut exact, mut beyond) = (vec![bias; sums], vec![Flags::NONE; sums]);
    let returned = |exact: i128, beyond: Flags, seen: &mut NodeSeen| {
        let is_back = register.holds((exact, exact));
        seen.returned_high += u64::from(beyond.high && is_back);
        seen.returned_low += u64::from(beyond.low && is_back);
    };
    let _ = follow(program, m, n, &mut |visit| {
        let is_start = visit.node == Node::AccumulatorStart;
        // A start is told as it was fitted.
        let entering = if is_start { bias } else { visit.entering };
        let visit = Visit { entering, ..visit };
        if !is_start || design.accumulator.bias.is_some() {
            look(design, &program.parameters, n, visit, &mut seen[design.node_index(visit.node)]);
        }
        if visit.node == Node::Accumulator {
            let (exact, beyond) = (&mut exact[visit.lane], &mut beyond[visit.lane]);
            *exact += visit.entering - visit.before;
            *beyond = Flags { high: beyond.high || visit.flags.high, low: beyond.low || visit.flags.low };
        }
        if visit.node == Node::Memory {
            // The next visit's sum is another one.
            returned(exact[0], beyond[0], &mut seen[accumulator]);
            (exact[0], beyond[0]) = (0, Flags::NONE);
        }
        ControlFlow::Continue(())
    });
    for (exact, beyond) in exact.into_iter().zip(beyond) {
        returned(exact, beyond, &mut seen[accumulator]);
    }
}

/// Adds what one visit shows; `parameters` has one entry each, of length 1 or one value per channel.
pub(super) fn look(design: &Design, parameters: &[Vec<i64>], n: usize, visit: Visit, seen: &mut NodeSeen) {
    if let Some((low, high)) = design.fit_of(visit.node).map(Fit::rails) {
        seen.at_high += u64::from(visit.entering == i128::from(high));
        seen.at_low += u64::from(visit.entering == i128::from(low));
    }
    seen.high += u64::from(visit.flags.high);
    seen.low += u64::from(visit.flags.low);
    seen.inside += u64::from(!visit.flags.any());
    let Some(step) = design.step_of(visit.node) else { return };
    let reads_exponent = design.exponent.is_some() && matches!(visit.node, Node::Product(_));
    let own = reads_exponent.then(|| of_weight(step, visit.exponent));
    let step = own.as_ref().unwrap_or(step);
    let before = visit.before;
    if !step.runs(parameters, n) {
        return;
    }
    let get = |operand| step.value(operand, parameters, n);
    let op = &step.op;
    if let [Some(low), Some(high)] = op.bounds() {
        let (low, high) = (get(low), get(high));
        seen.clipped_high += u64::from(before > high);
        seen.clipped_low += u64::from(before < low);
        seen.unclipped += u64::from((low..=high).contains(&before));
    }
    if let Some(case) = op.case(before, get) {
        *seen.counts.entry(u32::try_from(case).unwrap_or(u32::MAX)).or_default() += 1;
    }
    if let Some(table) = op.table() {
        seen.clipped_high += u64::from(before > table.last());
        seen.clipped_low += u64::from(before < i128::from(table.first));
    }
    let Some((rounded, _)) = op.rounds() else { return };
    if let Rounded::Shift(count) = rounded {
        let count = u32::try_from(get(count)).unwrap_or(0).min(126);
        *seen.counts.entry(count).or_default() += 1;
    }
    if let Some(met) = rounded.tie(before, get) {
        tie(&mut seen.ties, met);
    }
}

fn tie(ties: &mut Option<Ties>, met: Tie) {
    let ties = ties.get_or_insert_with(Ties::default);
    let count = match (met.negative, met.odd) {
        (true, true) => &mut ties.negative_odd,
        (true, false) => &mut ties.negative_even,
        (false, true) => &mut ties.positive_odd,
        (false, false) => &mut ties.positive_even,
    };
    *count += 1;
}
