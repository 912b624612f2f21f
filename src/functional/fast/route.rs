//! Which route computes which channels, and by what licence.

use super::panel::Register;
use crate::bounds::{Inputs, Range, accumulator_ranges};
use crate::design::{Coding, Design};
use crate::lower::Program;
use crate::num::{Format, Overflow};
use crate::post::{self, bind};

/// How an output is computed. All give the same values and events; each has a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// One exact integer dot product: no prefix can leave the format, or the accumulator wraps and nobody counts.
    Exact,
    /// Exact sums of blocks of beats, each checked against the proved excursion of the next; only what could leave the
    /// format inside a block is walked step by step.
    Blocks,
    /// Every step on 16-bit lanes.
    Steps,
    /// Every step on 32-bit lanes.
    Lanes,
    /// Every step, reduction levels included, on 64-bit lanes.
    Wide,
    /// The definition, one output at a time: sums that 64 bits cannot hold.
    Plain,
}

impl Route {
    /// As reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Route::Exact => "exact",
            Route::Blocks => "blocks",
            Route::Steps => "steps 16",
            Route::Lanes => "steps 32",
            Route::Wide => "steps 64",
            Route::Plain => "plain",
        }
    }
}

/// Which operands a dot product takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    /// Activations that span at most 256 values, weights in −128..=127.
    Eight,
    /// Both in 16 bits, signed.
    Sixteen,
    /// Anything else.
    Wider,
}

/// What is known about a program before its weights are packed.
pub struct Licence<'a> {
    program: &'a Program,
    counts: bool,
    /// Effective activations.
    activations: (i64, i64),
    /// Proved range of everything that enters each channel's accumulator.
    ranges: Vec<Range>,
    lossy: bool,
    /// Effective operands fit 32 bits.
    small: bool,
}

/// Whether what is added is something else than products of integer codes.
fn has_no_licence(design: &Design) -> bool {
    !design.product_steps.is_empty() || design.weight.coding != Coding::Integer
}

/// One channel's route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Choice {
    pub route: Route,
    pub width: Width,
}

impl<'a> Licence<'a> {
    pub fn new(program: &'a Program, counts: bool) -> Self {
        let design = &program.design;
        let add = design.activation.offset.map_or(0, |o| bind(o, &program.parameters, 0));
        let format = design.activation.format;
        Licence {
            program,
            counts,
            activations: (format.min() + add, format.max() + add),
            ranges: accumulator_ranges(program, &Inputs::Format),
            lossy: !design.has_exact_levels() || has_no_licence(design),
            small: [&design.activation, &design.weight].iter().all(|o| o.sum.width() <= 31),
        }
    }

    /// Smallest and largest effective activation.
    pub fn activations(&self) -> (i64, i64) {
        self.activations
    }

    /// The route of channel `n`, whose effective weights are as `column` says.
    pub fn choose(&self, n: usize, column: &Column) -> Choice {
        let design = &*self.program.design;
        let (low, high) = (column.low, column.high);
        let width = self.width(low, high);
        let choice = |route| Choice { route, width };
        if design.memory.is_some() || !design.after.is_empty() || has_no_licence(design) {
            // Several sums of an output, or terms that are no products of codes: no licence is for that.
            return choice(Route::Plain);
        }
        if !self.small || self.lossy {
            return choice(self.walked());
        }
        let rule = design.accumulator.step_rule();
        let register = design.accumulator.register;
        let rails = rule.rails(register);
        let (rails_low, rails_high) = (i128::from(rails.0), i128::from(rails.1));
        let (least, most) = self.ranges[n];
        let proved = least >= rails_low && most <= rails_high;
        let uncounted = rule == Overflow::Wrap && !self.counts;
        if (proved || uncounted) && self.sums_fit(register, width, (least, most), proved) {
            return choice(Route::Exact);
        }
        // Blocks pay while most of them need no walk; beyond, it is cheaper to step everything.
        if self.strays(column, rails, 3.0) && self.steps_fit(register, (low, high)) {
            return choice(Route::Steps);
        }
        let narrow = i32::try_from(rails.0).is_ok() && i32::try_from(rails.1).is_ok();
        if narrow && width != Width::Wider && self.products_are_small((low, high)) {
            let roomy = Register::of(self.program).is_roomy();
            let far = self.is_tight(column, rails) || self.wanders(column, rails);
            let stepped = roomy && self.is_sixteen(column) && far;
            return choice(if stepped { Route::Lanes } else { Route::Blocks });
        }
        choice(self.walked())
    }

    fn width(&self, low: i32, high: i32) -> Width {
        let (least, most) = self.activations;
        let i8s = i64::from(i8::MIN)..=i64::from(i8::MAX);
        let i16s = i64::from(i16::MIN)..=i64::from(i16::MAX);
        let (low, high) = (i64::from(low), i64::from(high));
        if most - least <= 255 && i8s.contains(&low) && i8s.contains(&high) {
            Width::Eight
        } else if [least, most, low, high].iter().all(|v| i16s.contains(v)) {
            Width::Sixteen
        } else {
            Width::Wider
        }
    }

    /// Whether 32-bit sums modulo 2^32 determine the accumulator.
    fn sums_fit(&self, register: Format, width: Width, (least, most): Range, proved: bool) -> bool {
        let small = i32::try_from(least).is_ok() && i32::try_from(most).is_ok();
        let wraps = register.width() <= 32 && self.program.design.accumulator.step_rule() == Overflow::Wrap;
        width != Width::Wider && ((proved && small) || wraps)
    }

    /// Whether every step fits a 16-bit lane: the format does, and so does each product.
    fn steps_fit(&self, register: Format, (low, high): (i32, i32)) -> bool {
        let (least, most) = self.activations;
        let ends = [least, most].map(|a| [a * i64::from(low), a * i64::from(high)]);
        register.is_signed()
            && register.width() <= 16
            && self.program.design.array.lanes == 1
            && ends.iter().flatten().all(|p| i16::try_from(*p).is_ok())
            && i16::try_from(least).is_ok()
            && i16::try_from(most).is_ok()
            && i16::try_from(low).is_ok()
            && i16::try_from(high).is_ok()
    }

    /// Whether a step's term, whatever the lanes, leaves room in 32 bits behind every rail that fits 31.
    fn products_are_small(&self, (low, high): (i32, i32)) -> bool {
        let (least, most) = self.activations;
        let a = least.abs().max(most.abs());
        let w = i64::from(low).abs().max(i64::from(high).abs());
        let lanes = i64::try_from(self.program.design.array.lanes).unwrap_or(i64::MAX);
        a.saturating_mul(w).saturating_mul(lanes) < 1 << 30
    }

    /// Whether so many standard deviations of the sum leave the rails, for activations spread evenly over their codes.
    /// Only speed depends on it.
    fn strays(&self, column: &Column, rails: (i64, i64), deviations: f64) -> bool {
        let (least, most) = self.activations;
        let span = (most - least) as f64;
        let centre = (most + least) as f64 / 2.0;
        let reach = deviations * (column.square as f64 * span * span / 12.0).sqrt();
        let mean = column.sum as f64 * centre;
        mean + reach > rails.1 as f64 || mean - reach < rails.0 as f64
    }

    /// Whether one and a half standard deviations leave the rails even if the sum stays around 0. Only speed depends on it.
    fn wanders(&self, column: &Column, rails: (i64, i64)) -> bool {
        let span = (self.activations.1 - self.activations.0) as f64;
        let reach = 1.5 * (column.square as f64 * span * span / 12.0).sqrt();
        2.0 * reach > rails.1 as f64 - rails.0 as f64
    }

    /// Whether even short blocks (16 positions) can stray over half of the way between the rails. Only speed depends on it.
    fn is_tight(&self, column: &Column, rails: (i64, i64)) -> bool {
        let (least, most) = self.activations;
        let stray = column.norm as f64 * (most.max(0) - least.min(0)) as f64 * 16.0;
        2.0 * stray > self.program.shape.k.max(16) as f64 * (rails.1 as f64 - rails.0 as f64)
    }

    /// Every lane's product reaches the accumulator as it is.
    pub fn is_exact(&self) -> bool {
        self.small && !self.lossy
    }

    /// Both operands of a channel fit 16 bits, signed, and no beat's term reaches 2^30.
    pub fn is_sixteen(&self, column: &Column) -> bool {
        let ends = [self.activations.0, self.activations.1, i64::from(column.low), i64::from(column.high)];
        ends.iter().all(|v| i16::try_from(*v).is_ok()) && self.products_are_small((column.low, column.high))
    }

    /// Everything that enters the accumulator of channel `n` fits 32 bits when moved by `shift`.
    pub fn range_fits(&self, n: usize, shift: i128) -> bool {
        let (low, high) = self.ranges[n];
        let ends = [low + shift, high + shift, low, high, shift];
        ends.iter().all(|v| i32::try_from(*v).is_ok())
    }

    fn walked(&self) -> Route {
        let wide = |range: Option<(i128, i128)>| {
            range.is_some_and(|(l, h)| i64::try_from(l).is_ok() && i64::try_from(h).is_ok())
        };
        let design = &self.program.design;
        let levels = design.level_ranges();
        let sums = levels.iter().all(|level| wide(level.unfitted));
        let last = levels.last().map(|level| level.fitted);
        let lanes = i128::try_from(design.array.lanes).unwrap_or(i128::MAX);
        let beat = last.unwrap_or_else(|| design.term_interval());
        let total = (beat.0.saturating_mul(lanes), beat.1.saturating_mul(lanes));
        if self.small && sums && wide(Some(total)) { Route::Wide } else { Route::Plain }
    }
}

/// The effective weights of one channel, in short.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub low: i32,
    pub high: i32,
    pub sum: i64,
    pub square: i64,
    /// Σ |w|
    pub norm: i64,
}

/// What is added to the weights of each channel.
pub fn weight_offsets(program: &Program) -> Vec<i32> {
    let of = |n| program.design.weight.offset.map_or(0, |o: post::Operand| bind(o, &program.parameters, n));
    (0..program.shape.channels()).map(|n| i32::try_from(of(n)).unwrap_or(0)).collect()
}

/// Every channel of a group.
pub fn columns(program: &Program, group: usize, offsets: &[i32]) -> Vec<Column> {
    let shape = program.shape;
    let none = Column { low: i32::MAX, high: i32::MIN, sum: 0, square: 0, norm: 0 };
    let mut columns = vec![none; shape.n];
    let weights = &program.weights[group * shape.k * shape.n..][..shape.k * shape.n];
    for row in weights.chunks_exact(shape.n) {
        for ((column, w), add) in columns.iter_mut().zip(row).zip(&offsets[group * shape.n..]) {
            // Wraps only where the operands are too wide for any route but the plain one.
            let w = w.wrapping_add(*add);
            let wide = i64::from(w);
            column.low = column.low.min(w);
            column.high = column.high.max(w);
            column.sum += wide;
            column.norm += wide.abs();
            column.square = column.square.saturating_add(wide * wide);
        }
    }
    columns
}
