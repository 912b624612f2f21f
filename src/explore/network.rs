//! One width and overflow rule, end to end: everything in front of the first layer that does not do what it does when no
//! accumulator overflows is that network's and is not run again.
//!
//! A tensor that equals that network's is not kept. A node whose inputs are all its own is not run, but for the outputs of
//! a layer that overflow; from the first output that differs on, nodes are run for real, until their outputs are that
//! network's again. What the answer compares with is the exact network, which is another where a reduction level takes
//! something from a sum.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::Array2;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::answer::{Events, Outcome, PointLayer, PointResult};
use super::cost::cost;
use super::exact::{Exact, Part, Pass, answer, answers_of, correct};
use super::finish::Finish;
use super::layers::agreeing;
use super::replay::{Lane, Terms, replay};
use super::variant::{Candidate, words};
use crate::design::Design;
use crate::error::Result;
use crate::functional;
use crate::functional::graph::node_outputs;
use crate::functional::operators::{Designed, LayerRule};
use crate::lower::{self, Counts, Program};
use crate::network::{Layer, Node, Tensor};

/// A layer is run whole when more than one in so many of its outputs must be replayed.
const REPLAY_ONE_IN: usize = 16;

/// The network at one candidate.
///
/// # Errors
/// Another number of labels than of images. What the candidate's design or a layer refuses is an answer.
pub fn point(
    exact: &Exact<'_>,
    candidate: &Candidate,
    labels: Option<&[i64]>,
) -> Result<Outcome<PointResult>> {
    let design = match &candidate.design {
        Outcome::NotBuildable(words) => return Ok(Outcome::NotBuildable(words.clone())),
        Outcome::Done(design) => design,
    };
    let runs: Result<Vec<PartRun>> =
        exact.parts.par_iter().map(|part| PartRun::new(exact, part, design)).collect();
    let runs = match runs {
        Err(refused) => return Ok(Outcome::NotBuildable(words(&refused))),
        Ok(runs) => runs,
    };
    let (mut answers, mut output) = (Vec::new(), Sha256::new());
    for (run, part) in runs.iter().zip(&exact.parts) {
        let found = match exact.reach.answer.as_ref().and_then(|name| run.changed.get(name)) {
            Some(changed) => changed,
            None => answer(exact.network, &exact.reach, &part.values)?,
        };
        answers.extend(answers_of(exact.network, found, exact.images)?);
        feed(&mut output, found);
    }
    let layers: Vec<PointLayer> =
        exact.layer_nodes().map(|(index, node)| layer(exact, &runs, index, node)).collect();
    let any = |pick: &dyn Fn(&PartLayer) -> bool, index: usize| {
        runs.iter().any(|run| run.layers.get(&index).is_some_and(pick))
    };
    let nodes: Vec<usize> = exact.layer_nodes().map(|(index, _)| index).collect();
    Ok(Outcome::Done(PointResult {
        not_synthesised: None,
        correct: labels.map(|labels| correct(&answers, labels)).transpose()?,
        agree: agreeing(&answers, &exact.answers),
        output_sha256: hex(output),
        diverges_at: layers.iter().find(|l| l.differing > 0).map(|l| l.name.clone()),
        differing: layers.iter().map(|l| l.differing).sum(),
        overflowing: layers.iter().map(|l| l.overflow.outputs).sum(),
        network_run: nodes.iter().any(|index| any(&|l| l.other_input, *index)),
        layers_run: nodes.iter().filter(|index| any(&|l| l.run, **index)).count() as u64,
        outputs_replayed: runs.iter().flat_map(|run| run.layers.values()).map(|l| l.replayed).sum(),
        layers,
        cost: cost(design),
    }))
}

fn layer(exact: &Exact<'_>, runs: &[PartRun], index: usize, node: &Node) -> PointLayer {
    let (mut overflow, mut digest) = (Events::default(), Sha256::new());
    for (run, part) in runs.iter().zip(&exact.parts) {
        let found = run.layers.get(&index);
        overflow = overflow.plus(found.map_or_else(Events::default, |l| l.overflow));
        let name = node.outputs.first().and_then(Option::as_ref);
        let kept = found.and_then(|l| l.output.as_ref());
        if let Some(tensor) = kept.or_else(|| part.values.get(name?)) {
            feed(&mut digest, tensor);
        }
    }
    let own = |part: usize| {
        let run: &PartRun = runs.get(part)?;
        run.layers.get(&index)?.output.as_ref()
    };
    let differing = exact.differing(node, &own);
    PointLayer { name: node.name.clone(), overflow, differing, sha256: hex(digest) }
}

/// Integers as little-endian int64, float32 as its four bytes.
fn feed(digest: &mut Sha256, tensor: &Tensor) {
    match (tensor, tensor.to_i64()) {
        (Tensor::F32(values), _) => values.iter().for_each(|v| digest.update(v.to_le_bytes())),
        (Tensor::U64(values), _) => values.iter().for_each(|v| digest.update(v.to_le_bytes())),
        (_, Ok(values)) => values.iter().for_each(|v| digest.update(v.to_le_bytes())),
        (_, Err(_)) => {}
    }
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One batch at one candidate.
#[derive(Default)]
struct PartRun {
    /// Tensors other than without overflow.
    changed: BTreeMap<String, Tensor>,
    /// By node, where a layer did not do exactly what it does without overflow.
    layers: BTreeMap<usize, PartLayer>,
}

/// What a layer did on one batch.
#[derive(Default)]
struct PartLayer {
    overflow: Events,
    /// When it is another than without overflow.
    output: Option<Tensor>,
    other_input: bool,
    /// Run whole.
    run: bool,
    replayed: u64,
}

impl PartRun {
    fn new(exact: &Exact<'_>, part: &Part, design: &Arc<Design>) -> Result<PartRun> {
        let mut run = PartRun::default();
        for (index, node) in exact.network.nodes.iter().enumerate() {
            let other_input = node.inputs.iter().flatten().any(|name| run.changed.contains_key(name));
            if !exact.reach.runs(index) || (node.is_products() && part.passes[index].is_empty()) {
                continue;
            }
            let calls: Option<Vec<Call<'_>>> = match (other_input, part.passes[index].is_empty()) {
                (false, true) => continue,
                (true, _) => None,
                (false, false) => Some(
                    part.passes[index].iter().map(|pass| Call::new(pass, design)).collect::<Result<_>>()?,
                ),
            };
            if calls.as_ref().is_some_and(|calls| calls.iter().all(Call::is_without_overflow)) {
                continue;
            }
            let rule = Rule { design, calls: calls.as_deref(), state: Mutex::new(State::default()) };
            let find = |name: &str| run.changed.get(name).or_else(|| part.values.get(name));
            let outputs = node_outputs(exact.network, node, &find, &rule)?;
            let state = rule.state.into_inner().unwrap_or_else(PoisonError::into_inner);
            run.record(exact, part, (index, node), outputs, (state, other_input));
        }
        Ok(run)
    }

    fn record(
        &mut self,
        exact: &Exact<'_>,
        part: &Part,
        (index, node): (usize, &Node),
        outputs: Vec<Tensor>,
        (state, other_input): (State, bool),
    ) {
        let mut first = None;
        for (position, (name, tensor)) in node.outputs.iter().zip(outputs).enumerate() {
            let Some(name) = name else { continue };
            // What is given is no other, whoever else computes it.
            if !exact.fed.contains(name) && part.values.get(name) != Some(&tensor) {
                if position == 0 {
                    first = Some(tensor.clone());
                }
                self.changed.insert(name.clone(), tensor);
            }
        }
        if !part.passes[index].is_empty() {
            let State { overflow, run, replayed, .. } = state;
            self.layers.insert(index, PartLayer { overflow, output: first, other_input, run, replayed });
        }
    }
}

/// A product of a layer as it is without overflow, at one candidate.
struct Call<'a> {
    pass: &'a Pass,
    finish: Finish,
    /// By channel.
    lanes: Vec<Lane>,
    /// Outputs that overflow, row by row.
    affected: Vec<[usize; 2]>,
}

impl<'a> Call<'a> {
    fn new(pass: &'a Pass, design: &Arc<Design>) -> Result<Call<'a>> {
        let finish = Finish::new(design, pass)?;
        let (register, rule) = (design.accumulator.register, design.accumulator.step_rule());
        let (rows, channels) = pass.extents();
        let (min, max) = rule.rails(register);
        let moved: Vec<bool> = pass.starts.iter().map(|start| *start < min || *start > max).collect();
        let is_affected = &|m: usize, n: usize| {
            moved[n] || pass.prefixes.low[[m, n]] < min || pass.prefixes.high[[m, n]] > max
        };
        let rows = if pass.range.0 < min || pass.range.1 > max { rows } else { 0 };
        let affected = (0..rows)
            .into_par_iter()
            .flat_map_iter(|m| (0..channels).filter(move |n| is_affected(m, *n)).map(move |n| [m, n]))
            .collect();
        let lanes = pass.starts.iter().map(|start| Lane::new(register, rule, *start)).collect();
        Ok(Call { pass, finish, lanes, affected })
    }

    fn is_without_overflow(&self) -> bool {
        self.affected.is_empty() && self.finish.same
    }

    fn is_cheaper_whole(&self) -> bool {
        self.affected.len() * REPLAY_ONE_IN > self.pass.outputs.len()
    }

    /// Accumulators, outputs and events, from those without overflow and replays.
    fn replayed(&self) -> (lower::Outcome, Events) {
        let pass = self.pass;
        let mut accumulators = pass.prefixes.sums.clone();
        let mut outputs = if self.finish.same { pass.outputs.clone() } else { self.finished_again() };
        let replays: Vec<_> = self
            .affected
            .par_iter()
            .map(|[m, n]| {
                let terms = Terms::of_row(&pass.program, *m).of(*n);
                let replayed = replay(&pass.program, *n, &terms, self.lanes[*n]);
                (replayed, self.finish.output(replayed.accumulator, *n))
            })
            .collect();
        let mut events = Events::default();
        for (at, (replayed, output)) in self.affected.iter().zip(replays) {
            accumulators[*at] = replayed.accumulator;
            outputs[*at] = output;
            events = events.plus(Events::of(&replayed));
        }
        (lower::Outcome { accumulators, outputs, counts: None }, events)
    }

    /// Every sum through this candidate's own post steps. A sum that its accumulator does not hold is replayed
    /// afterwards; until then any value stands for it.
    fn finished_again(&self) -> Array2<i64> {
        let register = self.lanes.first().map(|lane| lane.register);
        let held = |sum: i64| register.map_or(sum, |r| sum.clamp(r.min(), r.max()));
        let mut outputs = self.pass.prefixes.sums.clone();
        for ((_, n), value) in outputs.indexed_iter_mut() {
            *value = self.finish.output(held(*value), n);
        }
        outputs
    }
}

/// What a node's layers did, while the node is evaluated.
#[derive(Default)]
struct State {
    calls: usize,
    overflow: Events,
    run: bool,
    replayed: u64,
}

/// Computes a layer at one candidate: from the one without overflow where it has the same inputs.
struct Rule<'a> {
    design: &'a Arc<Design>,
    calls: Option<&'a [Call<'a>]>,
    state: Mutex<State>,
}

impl LayerRule for Rule<'_> {
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let call = self.calls.and_then(|calls| calls.get(state.calls));
        state.calls += 1;
        let outcome = match call {
            Some(call) if !call.is_cheaper_whole() => {
                let (outcome, events) = call.replayed();
                state.overflow = state.overflow.plus(events);
                state.replayed += call.affected.len() as u64;
                outcome
            }
            _ => {
                let program = Program::layer(Arc::clone(self.design), layer, &x.to_i32()?)?;
                let outcome = functional::run(&program, true);
                let events = outcome.counts.as_ref().map(|counts| events(&program, counts));
                state.overflow = state.overflow.plus(events.unwrap_or_default());
                state.run = true;
                outcome
            }
        };
        Designed::new(Arc::clone(self.design)).tensor(layer, x.shape(), &outcome)
    }
}

/// The events at the accumulator and its start.
fn events(program: &Program, counts: &Counts) -> Events {
    let node = |id: &str| {
        let node = counts.nodes.iter().find(|n| n.node == id);
        node.map_or((0, 0), |n| (n.high, n.low))
    };
    let channels = program.shape.channels();
    let cut: Vec<bool> = (0..channels).map(|n| program.fitted_start(n).flags.any()).collect();
    let any = |((_, n), count): &((usize, usize), &i64)| **count > 0 || cut[*n];
    let outputs = counts.accumulator.indexed_iter().filter(any).count() as u64;
    let ((high, low), (start_high, start_low)) = (node("accumulator"), node("accumulator.start"));
    Events { outputs, high, low, start_high, start_low }
}
