//! The range of every value in front of the accumulator: products and their steps, groups of the reduction, beats.
//!
//! Channels are the inner loop, so that weights `[k][n]` are read in their own order. Sums, and fits that clamp, are
//! monotone in every product and no product is used twice, so both ends of a range are reached by some input; a
//! group that can leave a format that wraps is only known to lie in that format.

mod shifted;

use std::ops::{Add, Mul, Range as Span};

use rayon::prelude::*;

use super::{Inputs, Range, loops};
use crate::design::Coding;
use crate::lower::Program;
use crate::num::Overflow;
use crate::post::{Operand, bind};

/// Channels that are worked on together.
const CHANNELS: usize = 128;

/// Where sums are formed: 64 bits when they provably suffice, else 128.
pub(super) trait Word:
    Copy + Ord + Add<Output = Self> + Mul<Output = Self> + From<i64> + Into<i128> + Send + Sync + 'static
{
    /// `into += terms`.
    fn add_all(into: &mut [Self], terms: &[Self]) {
        into.iter_mut().zip(terms).for_each(|(a, b)| *a = *a + *b);
    }

    /// The smaller of both.
    fn min_all(into: &mut [Self], others: &[Self]) {
        into.iter_mut().zip(others).for_each(|(a, b)| *a = (*a).min(*b));
    }

    /// The larger of both.
    fn max_all(into: &mut [Self], others: &[Self]) {
        into.iter_mut().zip(others).for_each(|(a, b)| *a = (*a).max(*b));
    }

    /// Adds the products of an activation between `ends` with each channel's weight.
    fn add_products(ends: (i64, i64), weights: &[i32], offsets: &[i64], into: &mut Ends<Self>) {
        let channels = into.low.iter_mut().zip(&mut into.high).zip(weights.iter().zip(offsets));
        for ((l, h), (w, offset)) in channels {
            let (a, b) = products(ends, i64::from(*w) + offset);
            (*l, *h) = (*l + a, *h + b);
        }
    }
}

impl Word for i128 {}

impl Word for i64 {
    fn add_all(into: &mut [i64], terms: &[i64]) {
        loops::add_all(into, terms);
    }

    fn min_all(into: &mut [i64], others: &[i64]) {
        loops::min_all(into, others);
    }

    fn max_all(into: &mut [i64], others: &[i64]) {
        loops::max_all(into, others);
    }

    fn add_products(ends: (i64, i64), weights: &[i32], offsets: &[i64], into: &mut Ends<i64>) {
        loops::add_products(ends, weights, offsets, &mut into.low, &mut into.high);
    }
}

/// The smallest and the largest product of an activation between `ends` with w.
fn products<T: Word>(ends: (i64, i64), w: i64) -> (T, T) {
    let (a, b) = (T::from(ends.0) * T::from(w), T::from(ends.1) * T::from(w));
    (a.min(b), a.max(b))
}

/// Low and high ends, one per channel.
#[derive(Debug, Clone)]
pub(super) struct Ends<T> {
    pub low: Vec<T>,
    pub high: Vec<T>,
}

impl<T: Word> Ends<T> {
    pub fn new(channels: usize, value: T) -> Self {
        Ends { low: vec![value; channels], high: vec![value; channels] }
    }

    pub fn fill(&mut self, value: T) {
        self.low.fill(value);
        self.high.fill(value);
    }

    pub fn copy(&mut self, other: &Ends<T>) {
        self.low.copy_from_slice(&other.low);
        self.high.copy_from_slice(&other.high);
    }

    pub fn add(&mut self, other: &Ends<T>) {
        T::add_all(&mut self.low, &other.low);
        T::add_all(&mut self.high, &other.high);
    }

    /// Adds a range to one channel; what a format holds has 64 bits.
    fn add_range(&mut self, channel: usize, (low, high): Range) {
        self.low[channel] = self.low[channel] + T::from(low as i64);
        self.high[channel] = self.high[channel] + T::from(high as i64);
    }

    /// The hull of both.
    pub fn join(&mut self, other: &Ends<T>) {
        T::min_all(&mut self.low, &other.low);
        T::max_all(&mut self.high, &other.high);
    }

    pub fn range(&self, channel: usize) -> Range {
        (self.low[channel].into(), self.high[channel].into())
    }

    pub fn ranges(&self) -> Vec<Range> {
        (0..self.low.len()).map(|n| self.range(n)).collect()
    }
}

/// Which weights meet the inputs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Weights<'a> {
    /// The layer's own.
    Layer,
    /// Any code of the operand's format.
    Format,
    /// These codes per scheduled k, whatever the channel.
    Column(&'a [i64]),
}

/// Some channels of one group.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    pub group: usize,
    /// Channels of the group.
    pub span: Span<usize>,
}

impl Channels {
    /// Every channel of a program, in pieces that fit a cache.
    pub fn all(program: &Program) -> Vec<Channels> {
        let n = program.shape.n;
        let pieces =
            |group| (0..n).step_by(CHANNELS).map(move |from| (group, from..(from + CHANNELS).min(n)));
        (0..program.shape.groups).flat_map(pieces).map(|(group, span)| Channels { group, span }).collect()
    }

    /// One channel, counted over all groups.
    pub fn one(program: &Program, channel: usize) -> Channels {
        let (group, n) = (channel / program.shape.n, channel % program.shape.n);
        Channels { group, span: n..n + 1 }
    }

    pub fn len(&self) -> usize {
        self.span.len()
    }

    /// The channels, counted over all groups.
    pub fn numbers(&self, program: &Program) -> Span<usize> {
        let first = self.group * program.shape.n;
        first + self.span.start..first + self.span.end
    }
}

/// The products of some channels, as ranges.
pub(super) struct Terms<'a> {
    pub program: &'a Program,
    channels: Channels,
    weights: Weights<'a>,
    /// Effective activations, offset included, per scheduled k.
    activations: Vec<(i64, i64)>,
    /// Weight offset of each channel.
    offsets: Vec<i64>,
    /// Of products that go through steps: first channel.
    first: usize,
}

impl<'a> Terms<'a> {
    pub fn new(program: &'a Program, inputs: &Inputs, weights: Weights<'a>, channels: &Channels) -> Self {
        let numbers = channels.numbers(program);
        let a = offset(program, program.design.activation.offset, numbers.start);
        let codes = (0..program.shape.k).map(|k| inputs.codes(program, channels.group, k));
        let first = numbers.start;
        let offsets = numbers.map(|n| offset(program, program.design.weight.offset, n)).collect();
        let activations = codes.map(|(low, high)| (low + a, high + a)).collect();
        Terms { program, channels: channels.clone(), weights, activations, offsets, first }
    }

    /// Adds what is made of the product of scheduled element `k` to every channel; `known` is what is known of the steps of
    /// products, where there are some.
    fn add_term<T: Word>(&self, k: usize, into: &mut Ends<T>, known: &mut Levels<T>) {
        let design = &self.program.design;
        if design.product_steps.is_empty() {
            return self.add(k, into);
        }
        if design.exponent.is_some() {
            return self.add_shifted(k, into, known);
        }
        let mut ends = Ends::new(self.channels.len(), T::from(0));
        self.add(k, &mut ends);
        for channel in 0..self.channels.len() {
            let range = self.stepped(channel, ends.range(channel), &design.product_steps, known);
            into.add_range(channel, range);
        }
    }

    /// Adds the product of scheduled element `k` to every channel.
    fn add<T: Word>(&self, k: usize, into: &mut Ends<T>) {
        let ends = self.activations[k];
        let shape = self.program.shape;
        match self.weights {
            Weights::Layer => {
                let row = (self.channels.group * shape.k + k) * shape.n;
                let span = row + self.channels.span.start..row + self.channels.span.end;
                let (operand, codes) = (&self.program.design.weight, &self.program.weights[span]);
                if operand.coding == Coding::Integer {
                    return T::add_products(ends, codes, &self.offsets, into);
                }
                // Powers of two have at most 16 bits.
                let values: Vec<i32> =
                    codes.iter().map(|code| operand.value(i64::from(*code)) as i32).collect();
                T::add_products(ends, &values, &self.offsets, into);
            }
            Weights::Column(codes) => {
                let code = self.program.design.weight.value(codes[k]);
                for (channel, offset) in self.offsets.iter().enumerate() {
                    let (a, b): (T, T) = products(ends, code + offset);
                    into.low[channel] = into.low[channel] + a;
                    into.high[channel] = into.high[channel] + b;
                }
            }
            Weights::Format => {
                let (least, most) = self.program.design.weight.ends();
                for (channel, offset) in self.offsets.iter().enumerate() {
                    let corner = |code: i64| -> (T, T) { products(ends, code + offset) };
                    let (a, b) = (corner(least), corner(most));
                    into.low[channel] = into.low[channel] + a.0.min(b.0);
                    into.high[channel] = into.high[channel] + a.1.max(b.1);
                }
            }
        }
    }

    /// Effective activations, offset included, of each scheduled k.
    pub fn effective_inputs(&self) -> &[(i64, i64)] {
        &self.activations
    }

    /// The layer's weights at scheduled element `k`, offset included, of each channel.
    pub fn effective_weights(&self, k: usize) -> impl Iterator<Item = i64> {
        let shape = self.program.shape;
        let row = (self.channels.group * shape.k + k) * shape.n;
        let row = &self.program.weights[row + self.channels.span.start..row + self.channels.span.end];
        let value = |code: &i32| self.program.design.weight.value(i64::from(*code));
        row.iter().zip(&self.offsets).map(move |(w, offset)| value(w) + offset)
    }

    /// Whether 64 bits hold every sum of these products, started at the bias: a bound from formats and limits alone.
    fn is_narrow(&self) -> bool {
        let design = &self.program.design;
        let largest = |(low, high): (i64, i64)| i128::from(low).abs().max(i128::from(high).abs());
        let x = self.activations.iter().map(|range| largest(*range)).max().unwrap_or(0);
        let (least, most) = design.weight.ends();
        let w = self.offsets.iter().map(|o| largest((least + o, most + o))).max().unwrap_or(0);
        let rails =
            design.reduce.iter().map(|l| largest((l.format.min(), l.format.max()))).max().unwrap_or(0);
        let steps = design.product_steps.iter().filter_map(|step| step.format);
        let rails = steps.map(|format| largest((format.min(), format.max()))).fold(rails, i128::max);
        let terms = self.program.beats().saturating_mul(design.array.lanes);
        let terms = i128::try_from(terms).unwrap_or(i128::MAX);
        let register = design.accumulator.register;
        let start = self.channels.numbers(self.program).map(|n| i128::from(self.program.bias(n)).abs()).max();
        let words = design.memory.map_or(0, |memory| largest((memory.format.min(), memory.format.max())));
        let moved = design.store_steps.iter().chain(&design.load_steps).filter_map(|step| step.format);
        let words = moved.map(|format| largest((format.min(), format.max()))).fold(words, i128::max);
        let after = design.after.iter().map(|level| largest((level.format.min(), level.format.max())));
        let sums = after.fold(largest((register.min(), register.max())), i128::max);
        // Behind the last beat, so many of these are added.
        let sums = sums.saturating_mul(design.partial_sums() as i128);
        let start = start.unwrap_or(0).max(sums).max(words);
        // Whatever is added up is one of these plus all terms.
        (x * w).max(rails).saturating_mul(terms) < 1 << 61 && start < 1 << 61
    }
}

/// A number added before the multiply.
fn offset(program: &Program, offset: Option<Operand>, channel: usize) -> i64 {
    offset.map_or(0, |o| bind(o, &program.parameters, channel))
}

/// What is known of each reduction level after all beats.
pub(super) struct Levels<T> {
    /// Per level: the values entering its groups; `None` before the first.
    pub entering: Vec<Option<Ends<T>>>,
    /// Per level and channel: a group can leave a format that wraps.
    pub wrapped: Vec<Vec<bool>>,
    /// Of the steps of products.
    pub stepped: Stepped,
}

/// What is known of the steps of products after all beats.
pub(super) struct Stepped {
    /// Per step.
    pub entering: Vec<Entering>,
    /// Per channel: what leaves the steps is only known to hold every value.
    pub wrapped: Vec<bool>,
}

/// Per channel, what is made at a step before its format, and whether both ends are reached.
pub(super) struct Entering(pub Vec<Option<(Range, bool)>>);

impl Entering {
    fn join(&mut self, channel: usize, (low, high): Range, reached: bool) {
        let known = &mut self.0[channel];
        *known = Some(known.map_or(((low, high), reached), |((l, h), before)| {
            ((l.min(low), h.max(high)), before && reached)
        }));
    }
}

impl<T: Word> Levels<T> {
    /// Whether the beats of a channel are ranges that are only known to hold every value.
    pub fn is_loose(&self, channel: usize) -> bool {
        self.stepped.wrapped[channel] || self.wrapped.iter().any(|level| level[channel])
    }
}

/// Someone who looks at one beat after the other.
pub(super) trait Visitor<T> {
    /// `term`: what the beat adds to each channel, to accumulator `lane` of its outputs, from 0.
    fn beat(&mut self, beat: usize, lane: usize, term: &Ends<T>);
}

impl<T, F: FnMut(usize, usize, &Ends<T>)> Visitor<T> for F {
    fn beat(&mut self, beat: usize, lane: usize, term: &Ends<T>) {
        self(beat, lane, term);
    }
}

/// Whether the steps of products or the levels can change a value at all, from formats and limits alone.
pub(super) fn has_lossy_levels(program: &Program) -> bool {
    !program.design.product_steps.is_empty() || !program.design.has_exact_levels()
}

/// Shows every beat to `visitor`; with `levels`, every group of every level is looked at, even where none can overflow.
pub(super) fn beats<T: Word>(terms: &Terms<'_>, levels: bool, visitor: &mut impl Visitor<T>) -> Levels<T> {
    let (program, channels) = (terms.program, terms.channels.len());
    let design = &program.design;
    // Of several accumulators, each has its own lanes.
    let is_one = design.after.is_empty();
    let levels = (levels && !design.reduce.is_empty()) || !is_one;
    let count = if levels { design.reduce.len() } else { 0 };
    let stepped = Stepped {
        entering: design.product_steps.iter().map(|_| Entering(vec![None; channels])).collect(),
        wrapped: vec![false; channels],
    };
    let wrapped = vec![vec![false; channels]; count];
    let mut known = Levels { entering: vec![None; count], wrapped, stepped };
    let mut term = Ends::new(channels, T::from(0));
    let mut lanes = vec![term.clone(); if levels { design.array.lanes } else { 0 }];
    for beat in 0..program.beats() {
        term.fill(T::from(0));
        if !levels {
            (0..design.array.lanes)
                .filter_map(|lane| program.k_of(beat, lane))
                .for_each(|k| terms.add_term(k, &mut term, &mut known));
            visitor.beat(beat, 0, &term);
            continue;
        }
        lanes.resize(design.array.lanes, Ends::new(channels, T::from(0)));
        for (lane, ends) in lanes.iter_mut().enumerate() {
            ends.fill(T::from(0));
            if let Some(k) = program.k_of(beat, lane) {
                terms.add_term(k, ends, &mut known);
            }
        }
        for level in 0..count {
            lanes = reduced(program, level, &lanes, &mut known);
        }
        if !is_one {
            lanes.iter().enumerate().for_each(|(lane, ends)| visitor.beat(beat, lane, ends));
            continue;
        }
        lanes.iter().for_each(|ends| term.add(ends));
        visitor.beat(beat, 0, &term);
    }
    known
}

/// One level of one beat: groups summed, looked at, fitted.
fn reduced<T: Word>(
    program: &Program,
    index: usize,
    terms: &[Ends<T>],
    known: &mut Levels<T>,
) -> Vec<Ends<T>> {
    let level = &program.design.reduce[index];
    let (low, high) = level.overflow.rails(level.format);
    let (low, high) = (T::from(low), T::from(high));
    let sums = (0..level.outputs(terms.len())).map(|output| {
        let mut sum = Ends::new(terms[0].low.len(), T::from(0));
        level.terms(output).filter_map(|input| terms.get(input)).for_each(|ends| sum.add(ends));
        match &mut known.entering[index] {
            Some(entering) => entering.join(&sum),
            empty => *empty = Some(sum.clone()),
        }
        let channels = sum.low.iter_mut().zip(&mut sum.high).zip(&mut known.wrapped[index]);
        for ((l, h), wrapped) in channels {
            if *l >= low && *h <= high {
                continue;
            }
            if level.overflow == Overflow::Wrap {
                (*l, *h, *wrapped) = (low, high, true);
            } else {
                (*l, *h) = ((*l).clamp(low, high), (*h).clamp(low, high));
            }
        }
        sum
    });
    sums.collect()
}

/// What is done with the beats of some channels, in either word.
pub(super) trait Work: Sync {
    /// What comes out for the channels.
    type Out: Send;

    /// Does it; `T` holds every sum.
    fn run<T: Word>(&self, terms: &Terms<'_>, channels: &Channels) -> Self::Out;
}

/// Does the work for one set of channels.
pub(super) fn on_channels<W: Work>(
    program: &Program,
    inputs: &Inputs,
    weights: Weights<'_>,
    channels: &Channels,
    work: &W,
) -> W::Out {
    let terms = Terms::new(program, inputs, weights, channels);
    if terms.is_narrow() { work.run::<i64>(&terms, channels) } else { work.run::<i128>(&terms, channels) }
}

/// Does the work for every channel, in parallel; results in the order of [`Channels::all`].
pub(super) fn on_all<W: Work>(
    program: &Program,
    inputs: &Inputs,
    weights: Weights<'_>,
    work: &W,
) -> Vec<W::Out> {
    let all = Channels::all(program);
    all.par_iter().map(|channels| on_channels(program, inputs, weights, channels, work)).collect()
}
