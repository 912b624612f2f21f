//! The hardware by plain numbers and names, and what a step and a format make of a value.

use super::float::of_ops;
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

impl Level {
    /// The sums of its groups: each as it was, what became of it, whether it lay above and whether below.
    pub fn groups(&self, terms: &[i128]) -> Vec<(i128, (i128, bool, bool))> {
        let mut sums = Vec::new();
        for block in terms.chunks(self.group * self.stride) {
            for first in 0..self.stride.min(block.len()) {
                let exact = block[first..].iter().step_by(self.stride).sum();
                sums.push((exact, self.entry.fit(exact)));
            }
        }
        sums
    }
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
    /// Operations in floats, each with how many numbers it takes.
    pub floats: Vec<(&'static str, usize)>,
    /// In 64 bits rather than in 32.
    pub double: bool,
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
    /// What the levels leave has an accumulator for each sum; these add them behind the last beat. None: there is one.
    pub after: Vec<Level>,
    pub register: Entry,
    /// Clamps the finished value.
    pub clamp: Option<Entry>,
    /// Where sums start; `None` is 0.
    pub bias: Option<Number>,
    pub memory: Option<Memory>,
    pub post: Vec<Step>,
}

/// Where the sums of several visits meet; the first is stored as it is.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Beats of a visit; `None`: all of them are one.
    pub beats: Option<usize>,
    pub entry: Entry,
    /// What a sum goes through on its way, and a word when it is read again.
    pub store: Vec<Step>,
    pub load: Vec<Step>,
}

impl Machine {
    /// Ids of the nodes in datapath order.
    pub fn nodes(&self) -> Vec<String> {
        let mut nodes: Vec<String> = (0..self.product.len()).map(|i| format!("product.steps.{i}")).collect();
        nodes.extend((0..self.levels.len()).map(|i| format!("reduce.{i}")));
        nodes.extend(self.bias.iter().map(|_| "accumulator.start".to_string()));
        nodes.push("accumulator".to_string());
        nodes.extend(self.clamp.iter().map(|_| "accumulator.output".to_string()));
        let behind = self.levels.len()..self.levels.len() + self.after.len();
        nodes.extend(behind.map(|i| format!("reduce.{i}")));
        if let Some(memory) = &self.memory {
            nodes.extend((0..memory.store.len()).map(|i| format!("memory.store.{i}")));
            nodes.extend((0..memory.load.len()).map(|i| format!("memory.load.{i}")));
            nodes.push("memory".to_string());
        }
        nodes.extend((0..self.post.len()).map(|i| format!("post.{i}")));
        nodes
    }
}

impl Machine {
    /// Beats by visits of the memory: one of all, where there is none.
    pub fn parts(&self, beats: usize) -> Vec<std::ops::Range<usize>> {
        let each = self.memory.as_ref().and_then(|memory| memory.beats).unwrap_or(beats).max(1);
        (0..beats).step_by(each).map(|first| first..beats.min(first + each)).collect()
    }

    /// Nodes in front of the accumulator, and the first post step's.
    pub fn places(&self) -> (usize, usize) {
        let accumulator = self.product.len() + self.levels.len() + usize::from(self.bias.is_some());
        (accumulator, self.nodes().len() - self.post.len())
    }

    /// What a beat adds to each accumulator.
    pub fn each(&self, terms: &[i128]) -> Vec<i128> {
        if self.after.is_empty() { vec![terms.iter().sum()] } else { terms.to_vec() }
    }

    /// Accumulators of an output.
    pub fn accumulators(&self) -> usize {
        let left = |terms: Vec<i128>, level: &Level| level.groups(&terms).iter().map(|sum| sum.1.0).collect();
        self.each(&self.levels.iter().fold(vec![0; self.lanes], left)).len()
    }

    /// The word, or sum, that a part's sums, of each accumulator, leave where `word` was, none before the first part. `note` is told the node, what
    /// comes to it, what enters its format, and what that makes of it.
    pub fn ended(
        &self,
        (sums, word): (&[i128], Option<i128>),
        channel: usize,
        note: &mut dyn FnMut(usize, i128, i128, (i128, bool, bool)),
    ) -> i128 {
        let mut node = self.places().0 + 1;
        let mut sum = sums[0];
        if let Some(clamp) = &self.clamp {
            let fitted = clamp.fit(sum);
            note(node, sum, sum, fitted);
            (sum, node) = (fitted.0, node + 1);
        }
        let mut terms = sums.to_vec();
        for level in &self.after {
            let sums = level.groups(&terms);
            sums.iter().for_each(|(exact, fitted)| note(node, *exact, *exact, *fitted));
            terms = sums.into_iter().map(|sum| sum.1.0).collect();
            (sum, node) = (terms[0], node + 1);
        }
        let Some(memory) = &self.memory else { return sum };
        let mut through = |steps: &[Step], first: usize, mut value: i128| {
            for (index, step) in steps.iter().enumerate() {
                let stepped = step.apply(value, channel);
                note(first + index, value, step.exact(value, channel), stepped);
                value = stepped.0;
            }
            value
        };
        let stored = through(&memory.store, node, sum);
        let loads = node + memory.store.len();
        let loaded = word.map_or(0, |word| through(&memory.load, loads, word));
        let fitted = memory.entry.fit(stored + loaded);
        note(loads + memory.load.len(), stored + loaded, stored + loaded, fitted);
        fitted.0
    }
}

impl Step {
    pub fn apply(&self, x: i128, channel: usize) -> (i128, bool, bool) {
        let exact = self.exact(x, channel);
        self.entry.as_ref().map_or((exact, false, false), |entry| entry.fit(exact))
    }

    pub fn exact(&self, x: i128, channel: usize) -> i128 {
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
            "float" => {
                let numbers: Vec<i128> = (0..self.numbers.len()).map(number).collect();
                let value = of_ops(x, more.double, &more.floats, &numbers);
                value.to_integer(self.rounding)
            }
            other => panic!("no step is called {other}"),
        }
    }
}
