//! A whole program, tile by tile, beat by beat, one operation at a time: what every output is, what overflowed, and
//! what did so first. Written from the rules' text and the schedule's; the design is described by plain numbers and
//! names.

use super::machine::Machine;

/// The operands, k in the order in which an output's products come.
#[derive(Debug, Clone)]
pub struct Work {
    pub images: usize,
    pub groups: usize,
    pub m: usize,
    pub k: usize,
    pub n: usize,
    /// `[images][groups][m][k]`
    pub activations: Vec<i64>,
    /// `[groups][k][n]`
    pub weights: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub node: String,
    pub row: usize,
    pub channel: usize,
    pub beat: Option<usize>,
    pub high: bool,
}

/// Tables are `[images · m][groups · n]`, row by row.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub channels: usize,
    pub accumulators: Vec<i128>,
    pub outputs: Vec<i128>,
    /// Events at the accumulator.
    pub counts: Vec<u64>,
    /// Id, how often above, how often below.
    pub nodes: Vec<(String, u64, u64)>,
    pub first: Option<Event>,
    /// Fitted start plus every beat, never fitted on the way.
    pub exact: Vec<i128>,
    /// Start, unfitted, plus every product behind its steps: no format has fitted any of them.
    pub products: Vec<i128>,
    /// Start, unfitted, plus every beat: the last one, the smallest and the largest of all prefixes.
    pub sums: Vec<i128>,
    pub lows: Vec<i128>,
    pub highs: Vec<i128>,
}

/// One beat of one output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    pub term: i128,
    pub entering: i128,
    pub value: i128,
    pub high: bool,
    pub low: bool,
}

/// Which k each lane has in each beat: dealt out one after the other.
fn deal(machine: &Machine, k: usize) -> Vec<Vec<Option<usize>>> {
    let beats = k / machine.lanes + usize::from(!k.is_multiple_of(machine.lanes));
    let mut slots = vec![vec![None; machine.lanes]; beats];
    let mut next = (0..k).map(Some);
    if machine.strided {
        for lane in 0..machine.lanes {
            slots.iter_mut().for_each(|beat| beat[lane] = next.next().flatten());
        }
    } else {
        slots.iter_mut().flatten().for_each(|slot| *slot = next.next().flatten());
    }
    slots
}

/// Where the events of a run go.
struct Log {
    nodes: Vec<(String, u64, u64)>,
    first: Option<Event>,
}

impl Log {
    /// Notes an event, in schedule order.
    fn note(&mut self, node: usize, at: (usize, usize), beat: Option<usize>, high: bool, low: bool) {
        if !high && !low {
            return;
        }
        self.nodes[node].1 += u64::from(high);
        self.nodes[node].2 += u64::from(low);
        if self.first.is_none() {
            let node = self.nodes[node].0.clone();
            self.first = Some(Event { node, row: at.0, channel: at.1, beat, high });
        }
    }
}

/// The operands behind their offsets.
struct Operands<'a> {
    machine: &'a Machine,
    work: &'a Work,
    slots: Vec<Vec<Option<usize>>>,
    activations: Vec<i128>,
    weights: Vec<i128>,
    terms: Vec<i128>,
    /// Of the last beat's products behind their steps, before any format and level.
    exact: Option<i128>,
}

impl<'a> Operands<'a> {
    fn new(machine: &'a Machine, work: &'a Work) -> Self {
        let offset = machine.activation_offset.at(0);
        let activations = work.activations.iter().map(|a| i128::from(*a) + offset).collect();
        let channel = |at: usize| at / (work.k * work.n) * work.n + at % work.n;
        let weights = work.weights.iter().enumerate();
        let value = |code: i64| super::weight(code, machine.powers);
        let weights = weights.map(|(at, w)| value(*w) + machine.weight_offset.at(channel(at))).collect();
        let slots = deal(machine, work.k);
        Operands { machine, work, slots, activations, weights, terms: Vec::new(), exact: None }
    }

    /// One beat's products, summed level by level: what each accumulator adds; what the levels do is told to `note`.
    fn beat(
        &mut self,
        row: usize,
        channel: usize,
        beat: usize,
        note: &mut dyn FnMut(usize, i128, i128, (i128, bool, bool)),
    ) -> Vec<i128> {
        let work = self.work;
        let (image, position) = (row / work.m, row % work.m);
        let (group, n) = (channel / work.n, channel % work.n);
        let a = ((image * work.groups + group) * work.m + position) * work.k;
        self.terms.clear();
        for slot in &self.slots[beat] {
            let product =
                |k: &usize| self.activations[a + k] * self.weights[(group * work.k + k) * work.n + n];
            self.terms.push(slot.as_ref().map_or(0, product));
        }
        let mut whole = self.terms.clone();
        for (index, step) in self.machine.product.iter().enumerate() {
            whole.iter_mut().for_each(|term| *term = step.exact(*term, channel));
            for term in &mut self.terms {
                let fitted = step.apply(*term, channel);
                note(index, *term, step.exact(*term, channel), fitted);
                *term = fitted.0;
            }
        }
        self.exact = Some(whole.iter().sum());
        for (index, level) in self.machine.levels.iter().enumerate() {
            let sums = level.groups(&self.terms);
            for (exact, fitted) in &sums {
                note(self.machine.product.len() + index, *exact, *exact, *fitted);
            }
            self.terms = sums.into_iter().map(|sum| sum.1.0).collect();
        }
        self.machine.each(&self.terms)
    }

    /// The bias, what the register makes of it, and whether it lay above or below.
    fn start(&self, channel: usize) -> (i128, i128, bool, bool) {
        let bias = self.machine.bias.as_ref().map_or(0, |bias| bias.at(channel));
        let (start, high, low) = self.machine.register.fit(bias);
        (bias, start, high, low)
    }
}

/// Runs everything.
pub fn run(machine: &Machine, work: &Work) -> Outcome {
    let channels = work.groups * work.n;
    let size = work.images * work.m * channels;
    let mut outcome = Outcome {
        channels,
        accumulators: vec![0; size],
        outputs: vec![0; size],
        counts: vec![0; size],
        exact: vec![0; size],
        products: vec![0; size],
        sums: vec![0; size],
        lows: vec![i128::MAX; size],
        highs: vec![i128::MIN; size],
        ..Outcome::default()
    };
    let nodes = machine.nodes().into_iter().map(|node| (node, 0, 0)).collect();
    let mut log = Log { nodes, first: None };
    let mut operands = Operands::new(machine, work);
    for image in 0..work.images {
        for group in 0..work.groups {
            let extents = ([work.m, machine.rows], [work.n, machine.columns]);
            for [top, left] in super::corners(extents, machine.down_first) {
                let rows = (top..work.m).take(machine.rows).map(|m| image * work.m + m).collect();
                let columns = (left..work.n).take(machine.columns).map(|n| group * work.n + n).collect();
                let outputs = super::pairs([rows, columns], machine.reversed);
                tile(&mut operands, &outputs, &mut outcome, &mut log);
            }
        }
    }
    (outcome.nodes, outcome.first) = (log.nodes, log.first);
    outcome
}

/// One tile: all beats of all its outputs, then what happens to the finished accumulators.
fn tile(operands: &mut Operands<'_>, outputs: &[(usize, usize)], outcome: &mut Outcome, log: &mut Log) {
    let machine = operands.machine;
    let channels = outcome.channels;
    let at = |(row, channel): (usize, usize)| row * channels + channel;
    // Of every output: what each of its accumulators holds, and would hold if it were wide enough.
    let mut held = Vec::new();
    for output in outputs {
        let (bias, start, ..) = operands.start(output.1);
        held.push(vec![(start, bias); machine.accumulators()]);
        (outcome.exact[at(*output)], outcome.sums[at(*output)]) = (start, bias);
        outcome.products[at(*output)] = bias;
    }
    let start = machine.product.len() + machine.levels.len();
    let (accumulator, first) = machine.places();
    let mut words = vec![None; outputs.len()];
    for part in machine.parts(operands.slots.len()) {
        for beat in part.clone() {
            for (output, held) in outputs.iter().zip(&mut held) {
                let at = at(*output);
                let mut note = |level, _, _, (_, high, low)| log.note(level, *output, Some(beat), high, low);
                let terms = operands.beat(output.0, output.1, beat, &mut note);
                if beat == 0 {
                    let (_, _, high, low) = operands.start(output.1);
                    log.note(start, *output, Some(0), high, low);
                } else if beat == part.start {
                    held.iter_mut().for_each(|held| held.0 = 0);
                }
                outcome.products[at] += operands.exact.take().unwrap_or_default();
                for ((held, sum), term) in held.iter_mut().zip(terms) {
                    let (value, high, low) = machine.register.fit(*held + term);
                    log.note(accumulator, *output, Some(beat), high, low);
                    *held = value;
                    outcome.counts[at] += u64::from(high || low);
                    outcome.exact[at] += term;
                    outcome.sums[at] += term;
                    *sum += term;
                    outcome.lows[at] = outcome.lows[at].min(*sum);
                    outcome.highs[at] = outcome.highs[at].max(*sum);
                }
            }
        }
        // Without a memory, an output goes on by itself.
        let Some(last) = machine.memory.as_ref().and(part.end.checked_sub(1)) else { continue };
        for ((output, word), held) in outputs.iter().zip(&mut words).zip(&held) {
            let mut note = |node, _, _, (_, high, low)| log.note(node, *output, Some(last), high, low);
            *word = Some(machine.ended((&[held[0].0], *word), output.1, &mut note));
        }
    }
    for ((output, word), held) in outputs.iter().zip(words).zip(&held) {
        let at = at(*output);
        let sums: Vec<i128> = held.iter().map(|held| held.0).collect();
        let mut note = |node, _, _, (_, high, low)| log.note(node, *output, None, high, low);
        let mut value = word.unwrap_or_else(|| machine.ended((&sums, None), output.1, &mut note));
        outcome.accumulators[at] = value;
        for (index, step) in machine.post.iter().enumerate() {
            let (stepped, high, low) = step.apply(value, output.1);
            log.note(first + index, *output, None, high, low);
            value = stepped;
        }
        outcome.outputs[at] = value;
    }
}

/// Every beat of one output, of each of its accumulators.
pub fn beats(machine: &Machine, work: &Work, row: usize, channel: usize) -> Vec<Beat> {
    let mut operands = Operands::new(machine, work);
    let mut held = vec![operands.start(channel).1; machine.accumulators()];
    let mut beats = Vec::new();
    for beat in 0..operands.slots.len() {
        let terms = operands.beat(row, channel, beat, &mut |_, _, _, _| {});
        for (held, term) in held.iter_mut().zip(terms) {
            let entering = *held + term;
            let (value, high, low) = machine.register.fit(entering);
            beats.push(Beat { term, entering, value, high, low });
            *held = value;
        }
    }
    beats
}

/// A value at a node of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// As [`Machine::nodes`] counts them.
    pub node: usize,
    /// Which accumulator of the output.
    pub lane: usize,
    /// What the node before left.
    pub before: i128,
    pub entering: i128,
    pub value: i128,
    pub high: bool,
    pub low: bool,
}

/// Every value at every node of one output, in order; a start only where there is a bias.
pub fn visits(machine: &Machine, work: &Work, row: usize, channel: usize) -> Vec<Visit> {
    let mut operands = Operands::new(machine, work);
    let mut all = Vec::new();
    let (accumulator, first) = machine.places();
    let (bias, begin, high, low) = operands.start(channel);
    if machine.bias.is_some() {
        let node = accumulator - 1;
        all.push(Visit { node, lane: 0, before: bias, entering: bias, value: begin, high, low });
    }
    let (mut held, mut word) = (vec![begin; machine.accumulators()], None);
    for part in machine.parts(operands.slots.len()) {
        for beat in part.clone() {
            if beat == part.start && beat > 0 {
                held.fill(0);
            }
            let mut note = |node, before, entering, (value, high, low)| {
                all.push(Visit { node, lane: 0, before, entering, value, high, low });
            };
            let terms = operands.beat(row, channel, beat, &mut note);
            for (lane, (held, term)) in held.iter_mut().zip(terms).enumerate() {
                let entering = *held + term;
                let (value, high, low) = machine.register.fit(entering);
                all.push(Visit { node: accumulator, lane, before: *held, entering, value, high, low });
                *held = value;
            }
        }
        let mut note = |node, before, entering, (value, high, low)| {
            all.push(Visit { node, lane: 0, before, entering, value, high, low });
        };
        word = Some(machine.ended((&held, word), channel, &mut note));
    }
    let mut value = word.unwrap_or(held[0]);
    for (index, step) in machine.post.iter().enumerate() {
        let (stepped, high, low) = step.apply(value, channel);
        let entering = step.exact(value, channel);
        let node = first + index;
        all.push(Visit { node, lane: 0, before: value, entering, value: stepped, high, low });
        value = stepped;
    }
    all
}
