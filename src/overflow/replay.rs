//! Chosen outputs once more, step by step: every value that leaves its format, and the exact sum beside it.
//!
//! Equal to `functional::walk`, with the operands of a row and the weights addressed once for many outputs.

use std::ops::ControlFlow;

use crate::design::{Design, Node};
use crate::functional::{fold, follow};
use crate::lower::Program;
use crate::num::{Fit, Fitted, Flags, Overflow};
use crate::post::{self, Op, Step, bind};

/// A value outside its node's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Visit {
    pub node: Node,
    pub beat: Option<usize>,
    /// Which accumulator of the output, or which sum of a level behind the last beat; 0 elsewhere.
    pub lane: usize,
    pub before: i128,
    pub term: i128,
    pub entering: i128,
    pub value: i64,
    pub flags: Flags,
}

/// How an output ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// After the last beat and any output clamp; of several accumulators, their sum.
    pub accumulator: i64,
    /// The start as it is brought plus every product, behind its steps: no reduction level, register or clamp has fitted any
    /// of it.
    pub exact: i128,
}

/// The weights of some channels of a program, offsets included: `[channels][k]`.
pub(super) struct Weights {
    first: usize,
    columns: Vec<i64>,
}

impl Weights {
    pub fn new(program: &Program, channels: std::ops::Range<usize>) -> Weights {
        let shape = program.shape;
        let mut columns = Vec::with_capacity(channels.len() * shape.k);
        let first = channels.start;
        for n in channels {
            let offset = offset(program.design.weight.offset, program, n);
            let weight = |k| i64::from(program.weight(n / shape.n, k, n % shape.n));
            let code = |k| program.design.weight.value(weight(k)) + offset;
            columns.extend((0..shape.k).map(code));
        }
        Weights { first, columns }
    }

    /// One channel's, in scheduled order.
    fn column(&self, n: usize, k: usize) -> &[i64] {
        &self.columns[(n - self.first) * k..][..k]
    }
}

fn offset(offset: Option<post::Operand>, program: &Program, n: usize) -> i64 {
    offset.map_or(0, |o| bind(o, &program.parameters, n))
}

/// One output row: its activations, offsets included, for each group when first asked for.
pub(super) struct Row<'a> {
    program: &'a Program,
    weights: &'a Weights,
    m: usize,
    group: Option<usize>,
    activations: Vec<i64>,
}

impl<'a> Row<'a> {
    pub fn new(program: &'a Program, weights: &'a Weights, m: usize) -> Row<'a> {
        Row { program, weights, m, group: None, activations: Vec::new() }
    }

    /// Addresses the activations that channel `n` meets.
    fn gather(&mut self, n: usize) {
        let (program, shape) = (self.program, self.program.shape);
        let group = n / shape.n;
        if self.group == Some(group) {
            return;
        }
        let offset = offset(program.design.activation.offset, program, n);
        let code = |k| i64::from(program.activation(self.m / shape.m, group, self.m % shape.m, k)) + offset;
        self.activations.clear();
        self.activations.extend((0..shape.k).map(code));
        self.group = Some(group);
    }

    /// Output `n` of the row up to the end of its accumulation; `visit` is told of every event, in order.
    pub fn replay(&mut self, n: usize, visit: &mut impl FnMut(Visit)) -> Ended {
        let design = &self.program.design;
        if design.memory.is_some() || !design.after.is_empty() || !design.product_steps.is_empty() {
            return self.visits(n, visit);
        }
        self.gather(n);
        let weights = self.weights.column(n, self.program.shape.k);
        let design = &*self.program.design;
        let bias = self.program.bias(n);
        let mut sum = Sum::new(design, self.program.fitted_start(n), bias);
        if design.array.lanes == 1 && design.reduce.is_empty() {
            sum.begin(visit);
            for (beat, (a, w)) in self.activations.iter().zip(weights).enumerate() {
                // R2: a design without a product format of at most 64 bits is not built.
                sum.add(beat, a * w, visit);
            }
        } else {
            self.beats(weights, &mut sum, visit);
        }
        sum.end(design, visit)
    }

    /// Parts of a sum that meet in a memory or behind the last beat, or products that go through steps: the definition itself,
    /// and the exact sum beside it.
    fn visits(&mut self, n: usize, visit: &mut impl FnMut(Visit)) -> Ended {
        let program = self.program;
        let sum = Sum::new(&program.design, program.fitted_start(n), program.bias(n));
        let mut started = false;
        let mut accumulators = vec![i128::from(sum.value); program.design.partial_sums()];
        let (mut loaded, mut finished) = (0, 0);
        let followed = follow(program, self.m, n, &mut |seen: fold::Visit| {
            let before = match seen.node {
                Node::Accumulator => accumulators[seen.lane],
                Node::AccumulatorOutput => seen.entering,
                Node::Memory => loaded,
                _ => 0,
            };
            match seen.node {
                Node::Accumulator => (accumulators[seen.lane], finished) = (seen.value, seen.value),
                Node::AccumulatorOutput | Node::After(_) => finished = seen.value,
                // The next visit begins at 0.
                Node::Memory => (accumulators[0], loaded, finished) = (0, seen.value, seen.value),
                Node::Post(_) => return ControlFlow::Break(()),
                Node::Load(_) => loaded = seen.value,
                Node::Product(_) | Node::Reduce(_) | Node::AccumulatorStart | Node::Store(_) => {}
            }
            // The start is told with the first beat, behind what is in front of it.
            if seen.node == Node::Accumulator && !std::mem::replace(&mut started, true) {
                sum.begin(visit);
            }
            if seen.flags.any() && seen.node != Node::AccumulatorStart {
                let term = match seen.node {
                    Node::Accumulator | Node::Memory => seen.entering - before,
                    _ => 0,
                };
                let fold::Visit { node, beat, lane, entering, flags, .. } = seen;
                // A flagged value has a format.
                visit(Visit { node, beat, lane, before, term, entering, value: seen.value as i64, flags });
            }
            ControlFlow::Continue(())
        });
        // Broken off at the first post step, or at the end where there is none.
        let accumulator = followed.continue_value().map_or(finished as i64, |ended| ended.accumulator);
        Ended { accumulator, exact: program.exact_sum(self.m, n) }
    }

    /// Several lanes, reduced.
    fn beats(&self, weights: &[i64], sum: &mut Sum, visit: &mut impl FnMut(Visit)) {
        let (program, lanes) = (self.program, self.program.design.array.lanes);
        let mut terms: Vec<i128> = Vec::with_capacity(lanes);
        for beat in 0..program.beats() {
            let product = |k: usize| i128::from(self.activations[k]) * i128::from(weights[k]);
            terms.clear();
            terms.extend((0..lanes).map(|lane| program.k_of(beat, lane).map_or(0, product)));
            sum.exact += terms.iter().sum::<i128>();
            for (index, level) in program.design.reduce.iter().enumerate() {
                let reduced = (0..level.outputs(terms.len())).map(|output| {
                    let entering = level.terms(output).filter_map(|input| terms.get(input)).sum();
                    let Fitted { value, flags } = level.fit().of(entering);
                    let node = Node::Reduce(index);
                    if flags.any() {
                        visit(Visit {
                            node,
                            beat: Some(beat),
                            lane: 0,
                            before: 0,
                            term: 0,
                            entering,
                            value,
                            flags,
                        });
                    }
                    i128::from(value)
                });
                terms = reduced.collect();
            }
            if beat == 0 {
                sum.begin(visit);
            }
            sum.add_wide(beat, terms.iter().sum(), visit);
        }
    }
}

/// An accumulator at work, and the exact sum beside it.
struct Sum {
    value: i64,
    exact: i128,
    /// The start as it is brought, and on which side of the register it lies.
    bias: i128,
    started: Flags,
    low: i64,
    high: i64,
    register: Fit,
}

impl Sum {
    fn new(design: &Design, Fitted { value, flags: started }: Fitted, bias: i64) -> Sum {
        let register = design.accumulator.register_fit();
        let (low, high) = register.rails();
        let bias = i128::from(bias);
        Sum { value, exact: bias, bias, started, low, high, register }
    }

    /// The start, with the first beat.
    fn begin(&self, visit: &mut impl FnMut(Visit)) {
        if self.started.any() {
            let (node, value, flags) = (Node::AccumulatorStart, self.value, self.started);
            visit(Visit {
                node,
                beat: Some(0),
                lane: 0,
                before: 0,
                term: 0,
                entering: self.bias,
                value,
                flags,
            });
        }
    }

    /// A term of at most 64 bits. Nearly every sum is inside the rails and needs no more than that.
    #[inline]
    fn add(&mut self, beat: usize, term: i64, visit: &mut impl FnMut(Visit)) {
        match self.value.checked_add(term) {
            Some(sum) if (self.low..=self.high).contains(&sum) => {
                self.value = sum;
                self.exact += i128::from(term);
            }
            _ => {
                self.exact += i128::from(term);
                self.add_wide(beat, i128::from(term), visit);
            }
        }
    }

    /// Fits; the exact sum is the caller's, who knows the products.
    fn add_wide(&mut self, beat: usize, term: i128, visit: &mut impl FnMut(Visit)) {
        let before = i128::from(self.value);
        let entering = before + term;
        let Fitted { value, flags } = self.register.of(entering);
        if flags.any() {
            let node = Node::Accumulator;
            visit(Visit { node, beat: Some(beat), lane: 0, before, term, entering, value, flags });
        }
        self.value = value;
    }

    /// The clamp behind the last beat, where there is one.
    fn end(self, design: &Design, visit: &mut impl FnMut(Visit)) -> Ended {
        let mut accumulator = self.value;
        if let Some(clamp) = design.accumulator.output_fit() {
            let entering = i128::from(accumulator);
            let Fitted { value, flags } = clamp.of(entering);
            if flags.any() {
                let node = Node::AccumulatorOutput;
                visit(Visit { node, beat: None, lane: 0, before: entering, term: 0, entering, value, flags });
            }
            accumulator = value;
        }
        Ended { accumulator, exact: self.exact }
    }
}

/// The post steps of a program, for any value: exact sums, which have more than 64 bits, included.
///
/// A format that holds everything the accumulator's own range can become never acts in the design. Between steps it
/// follows from the accumulator's width, and would be wider if that were: it does not act on an exact sum either. A `fit`
/// and the last step's format are the output's own, which saturates what it does not hold.
pub(super) struct Requantizer {
    steps: Vec<Step>,
}

impl Requantizer {
    pub fn new(program: &Program) -> Requantizer {
        let (design, mut steps) = (&program.design, program.design.post.clone());
        let last = steps.len().saturating_sub(1);
        let idle = design.step_ranges().into_iter().map(|range| range.always_fits);
        for (index, (step, _)) in steps.iter_mut().zip(idle).enumerate().filter(|(_, (_, idle))| *idle) {
            if index == last || step.op == Op::Fit {
                step.overflow = Overflow::Saturate;
            } else {
                step.format = None;
            }
        }
        Requantizer { steps }
    }

    /// `value` behind the last step, for channel `n`; `visit` is told of every event.
    pub fn run(&self, program: &Program, n: usize, value: i128, visit: &mut impl FnMut(Visit)) -> i128 {
        let mut x = value;
        let channel = post::Channel { steps: &self.steps, ..program.post(n) };
        for (index, (before, stepped)) in channel.walk(value).enumerate() {
            if stepped.flags.any() {
                visit(Visit {
                    node: Node::Post(index),
                    beat: None,
                    lane: 0,
                    before,
                    term: 0,
                    entering: stepped.exact,
                    // A flagged step has a format, and what a format holds has 64 bits.
                    value: stepped.value as i64,
                    flags: stepped.flags,
                });
            }
            x = stepped.value;
        }
        x
    }
}
