//! A whole program, tile by tile, beat by beat, one operation at a time: what every output is, what overflowed, and
//! what did so first. Written from the rules' text and the schedule's; the design is described by plain numbers and
//! names.

use super::float::float_scale;
use super::{power_of_two, range, round};

/// How a value enters a node: the rails, and what becomes of a value outside them.
#[derive(Debug, Clone)]
pub struct Entry {
    low: i128,
    high: i128,
    smallest: i128,
    modulus: i128,
    wraps: bool,
}

impl Entry {
    pub fn new(width: u32, signed: bool, rule: &str) -> Entry {
        let (smallest, high) = range(width, signed);
        let low = if rule == "saturate_symmetric" && signed { -high } else { smallest };
        assert!(super::OVERFLOWS.contains(&rule), "no overflow rule is called {rule}");
        Entry { low, high, smallest, modulus: power_of_two(width) as i128, wraps: rule == "wrap" }
    }

    pub fn rails(&self) -> (i128, i128) {
        (self.low, self.high)
    }

    /// The fitted value, whether `value` lay above, whether it lay below.
    pub fn fit(&self, value: i128) -> (i128, bool, bool) {
        let (high, low) = (value > self.high, value < self.low);
        let fitted = match (high || low, self.wraps) {
            (false, _) => value,
            (true, true) => (value - self.smallest).rem_euclid(self.modulus) + self.smallest,
            (true, false) => value.clamp(self.low, self.high),
        };
        (fitted, high, low)
    }
}

/// A number of the hardware, or of the layer: one for all output channels, or one each.
#[derive(Debug, Clone)]
pub struct Number(pub Vec<i64>);

impl Number {
    pub fn at(&self, channel: usize) -> i128 {
        i128::from(if self.0.len() == 1 { self.0[0] } else { self.0[channel] })
    }
}

/// Sums of `group` inputs that lie `stride` apart.
#[derive(Debug, Clone)]
pub struct Level {
    pub group: usize,
    pub stride: usize,
    pub entry: Entry,
}

/// A post step by name; without an entry its exact result goes on.
#[derive(Debug, Clone)]
pub struct Step {
    pub op: &'static str,
    pub numbers: Vec<Number>,
    pub rounding: &'static str,
    pub entry: Option<Entry>,
    pub more: More,
}

/// What few steps have.
#[derive(Debug, Clone, Default)]
pub struct More {
    /// Where a shift adds its half.
    pub adder: Option<Entry>,
    /// What the second operand goes through.
    pub value: Vec<Step>,
    /// The first x of a table, and its results.
    pub table: (i128, Vec<i128>),
    /// Below and above the table.
    pub sides: [i128; 2],
    /// Below 0, and from there on.
    pub arms: [Vec<Step>; 2],
    /// The bit that must be this for the step to run.
    pub bit: Option<(Number, bool)>,
}

/// The hardware.
#[derive(Debug, Clone)]
pub struct Machine {
    pub rows: usize,
    pub columns: usize,
    pub lanes: usize,
    /// Lane l has products l·beats and on, rather than every `lanes`-th one.
    pub strided: bool,
    /// Tiles down inside tiles across.
    pub down_first: bool,
    /// The last row, or column, of a tile comes first.
    pub reversed: [bool; 2],
    pub activation_offset: Number,
    pub weight_offset: Number,
    /// Weights are powers of two: bits of a code, and whether one of them is a sign.
    pub powers: Option<(u32, bool)>,
    /// What every product goes through before it is added.
    pub product: Vec<Step>,
    pub levels: Vec<Level>,
    pub register: Entry,
    /// Clamps the finished value.
    pub clamp: Option<Entry>,
    /// Where sums start; `None` is 0.
    pub bias: Option<Number>,
    pub post: Vec<Step>,
}

impl Machine {
    /// Ids of the nodes in datapath order.
    fn nodes(&self) -> Vec<String> {
        let mut nodes: Vec<String> = (0..self.product.len()).map(|i| format!("product.steps.{i}")).collect();
        nodes.extend((0..self.levels.len()).map(|i| format!("reduce.{i}")));
        nodes.extend(self.bias.iter().map(|_| "accumulator.start".to_string()));
        nodes.push("accumulator".to_string());
        nodes.extend(self.clamp.iter().map(|_| "accumulator.output".to_string()));
        nodes.extend((0..self.post.len()).map(|i| format!("post.{i}")));
        nodes
    }
}

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
    /// Start, unfitted, plus every product: no level has fitted any of them.
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
    sums: Vec<i128>,
    /// Of the last beat's products, before any level.
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
        Operands {
            machine,
            work,
            slots,
            activations,
            weights,
            terms: Vec::new(),
            sums: Vec::new(),
            exact: None,
        }
    }

    /// One beat's products, summed level by level; what the levels do is told to `note`.
    fn beat(
        &mut self,
        row: usize,
        channel: usize,
        beat: usize,
        note: &mut dyn FnMut(usize, i128, (i128, bool, bool)),
    ) -> i128 {
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
        for (index, step) in self.machine.product.iter().enumerate() {
            for term in &mut self.terms {
                let fitted = step.apply(*term, channel);
                note(index, step.exact(*term, channel), fitted);
                *term = fitted.0;
            }
        }
        self.exact = Some(self.terms.iter().sum());
        for (index, level) in self.machine.levels.iter().enumerate() {
            self.sums.clear();
            for block in self.terms.chunks(level.group * level.stride) {
                for first in 0..level.stride.min(block.len()) {
                    let exact = block[first..].iter().step_by(level.stride).sum();
                    let fitted = level.entry.fit(exact);
                    note(self.machine.product.len() + index, exact, fitted);
                    self.sums.push(fitted.0);
                }
            }
            std::mem::swap(&mut self.terms, &mut self.sums);
        }
        self.terms.iter().sum()
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
    for output in outputs {
        let (bias, start, ..) = operands.start(output.1);
        outcome.accumulators[at(*output)] = start;
        (outcome.exact[at(*output)], outcome.sums[at(*output)]) = (start, bias);
        outcome.products[at(*output)] = bias;
    }
    let start = machine.product.len() + machine.levels.len();
    let accumulator = start + usize::from(machine.bias.is_some());
    for beat in 0..operands.slots.len() {
        for output in outputs {
            let at = at(*output);
            let mut note = |level, _, (_, high, low)| log.note(level, *output, Some(beat), high, low);
            let term = operands.beat(output.0, output.1, beat, &mut note);
            if beat == 0 {
                let (_, _, high, low) = operands.start(output.1);
                log.note(start, *output, Some(0), high, low);
            }
            let (value, high, low) = machine.register.fit(outcome.accumulators[at] + term);
            log.note(accumulator, *output, Some(beat), high, low);
            outcome.accumulators[at] = value;
            outcome.counts[at] += u64::from(high || low);
            outcome.exact[at] += term;
            outcome.products[at] += operands.exact.take().unwrap_or_default();
            outcome.sums[at] += term;
            outcome.lows[at] = outcome.lows[at].min(outcome.sums[at]);
            outcome.highs[at] = outcome.highs[at].max(outcome.sums[at]);
        }
    }
    for output in outputs {
        let at = at(*output);
        let mut value = outcome.accumulators[at];
        if let Some(clamp) = &machine.clamp {
            let (clamped, high, low) = clamp.fit(value);
            log.note(accumulator + 1, *output, None, high, low);
            value = clamped;
        }
        outcome.accumulators[at] = value;
        let first = accumulator + 1 + usize::from(machine.clamp.is_some());
        for (index, step) in machine.post.iter().enumerate() {
            let (stepped, high, low) = step.apply(value, output.1);
            log.note(first + index, *output, None, high, low);
            value = stepped;
        }
        outcome.outputs[at] = value;
    }
}

impl Step {
    fn apply(&self, x: i128, channel: usize) -> (i128, bool, bool) {
        let exact = self.exact(x, channel);
        self.entry.as_ref().map_or((exact, false, false), |entry| entry.fit(exact))
    }

    fn exact(&self, x: i128, channel: usize) -> i128 {
        if self.more.bit.as_ref().is_some_and(|(bit, is)| (bit.at(channel) != 0) != *is) {
            return x;
        }
        let more = &self.more;
        let number = |index: usize| {
            let number = self.numbers[index].at(channel);
            more.value.iter().fold(number, |value, step| step.apply(value, channel).0)
        };
        match self.op {
            "shift_right" if more.adder.is_some() => {
                let adder = more.adder.as_ref().unwrap();
                super::round_in(x, number(0) as u32, self.rounding, &|sum| adder.fit(sum)).0
            }
            "lut" if x < more.table.0 => more.sides[0],
            "lut" => *more.table.1.get((x - more.table.0) as usize).unwrap_or(&more.sides[1]),
            "thresholds" => {
                let last = self.numbers.len() - 1;
                (0..last)
                    .fold(number(last), |count, index| if number(index) <= x { count + 1 } else { count })
            }
            "branch" => {
                let arm = if x < 0 { &more.arms[0] } else { &more.arms[1] };
                arm.iter().fold(x, |value, step| step.apply(value, channel).0)
            }
            "add" => x + number(0),
            "subtract" => x - number(0),
            "multiply" => x * number(0),
            "max" if x < number(0) => number(0),
            "min" if x > number(0) => number(0),
            "max" | "min" | "fit" => x,
            "shift_left" => x * power_of_two(number(0) as u32) as i128,
            "shift_right" => round(x, number(0) as u32, self.rounding),
            // The lower bound wins where the bounds cross.
            "clamp" if number(0) > number(1) || x < number(0) => number(0),
            "clamp" if x > number(1) => number(1),
            "clamp" => x,
            "float_scale" => float_scale(x, number(0) as i64, self.rounding),
            other => panic!("no step is called {other}"),
        }
    }
}

/// Every beat of one output, and the value behind all of it.
pub fn beats(machine: &Machine, work: &Work, row: usize, channel: usize) -> Vec<Beat> {
    let mut operands = Operands::new(machine, work);
    let (_, mut value, ..) = operands.start(channel);
    let mut beats = Vec::new();
    for beat in 0..operands.slots.len() {
        let term = operands.beat(row, channel, beat, &mut |_, _, _| {});
        let entering = value + term;
        let (fitted, high, low) = machine.register.fit(entering);
        beats.push(Beat { term, entering, value: fitted, high, low });
        value = fitted;
    }
    beats
}

/// A value at a node of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// As [`Machine::nodes`] counts them.
    pub node: usize,
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
    let start = machine.product.len() + machine.levels.len();
    let accumulator = start + usize::from(machine.bias.is_some());
    let (bias, mut value, high, low) = operands.start(channel);
    if machine.bias.is_some() {
        all.push(Visit { node: start, before: bias, entering: bias, value, high, low });
    }
    for beat in 0..operands.slots.len() {
        let term = operands.beat(row, channel, beat, &mut |node, entering, (value, high, low)| {
            all.push(Visit { node, before: entering, entering, value, high, low });
        });
        let entering = value + term;
        let (fitted, high, low) = machine.register.fit(entering);
        all.push(Visit { node: accumulator, before: value, entering, value: fitted, high, low });
        value = fitted;
    }
    if let Some(clamp) = &machine.clamp {
        let (clamped, high, low) = clamp.fit(value);
        all.push(Visit { node: accumulator + 1, before: value, entering: value, value: clamped, high, low });
        value = clamped;
    }
    let first = accumulator + 1 + usize::from(machine.clamp.is_some());
    for (index, step) in machine.post.iter().enumerate() {
        let (stepped, high, low) = step.apply(value, channel);
        let entering = step.exact(value, channel);
        all.push(Visit { node: first + index, before: value, entering, value: stepped, high, low });
        value = stepped;
    }
    all
}

/// What a step leaves of a value.
pub fn applied(step: &Step, x: i128, channel: usize) -> i128 {
    step.apply(x, channel).0
}
