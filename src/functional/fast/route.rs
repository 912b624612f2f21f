//! Which route computes which channels, and by what licence.

use crate::bounds::{Inputs, Range, accumulator_ranges};
use crate::design::{AccumulatorOverflow, Design};
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
            Route::Steps => "steps",
            Route::Wide => "wide",
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
        let levels = design.node_ranges();
        let lossy = levels.iter().take(design.reduce.len()).any(|level| !level.always_fits);
        Licence {
            program,
            counts,
            activations: (format.min() + add, format.max() + add),
            ranges: accumulator_ranges(program, &Inputs::Format),
            lossy,
            small: [&design.activation, &design.weight].iter().all(|o| o.sum.width() <= 31),
        }
    }

    /// Smallest and largest effective activation.
    pub fn activations(&self) -> (i64, i64) {
        self.activations
    }

    /// The route of channel `n`, whose effective weights are `weights` in any order.
    pub fn choose(&self, n: usize, weights: &[i32]) -> Choice {
        let design = &*self.program.design;
        let low = weights.iter().copied().min().unwrap_or(0);
        let high = weights.iter().copied().max().unwrap_or(0);
        let width = self.width(low, high);
        let choice = |route| Choice { route, width };
        if !self.small || self.lossy {
            return choice(self.walked());
        }
        let rule = design.accumulator.step_rule();
        let register = design.accumulator.register;
        let rails = rule.rails(register);
        let (rails_low, rails_high) = (i128::from(rails.0), i128::from(rails.1));
        let (least, most) = self.ranges[n];
        let proved = least >= rails_low && most <= rails_high;
        if (proved || (rule == Overflow::Wrap && !self.counts))
            && self.sums_fit(register, width, (least, most), proved)
        {
            return choice(Route::Exact);
        }
        let likely = self.is_likely(weights, rails);
        if likely && self.steps_fit(register, (low, high)) {
            return choice(Route::Steps);
        }
        let narrow = i32::try_from(rails.0).is_ok() && i32::try_from(rails.1).is_ok();
        if narrow && width != Width::Wider && self.products_are_small((low, high)) {
            return choice(Route::Blocks);
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

    /// Whether sums are expected to leave the rails, for activations spread evenly over their codes: four deviations.
    /// Only speed depends on it.
    fn is_likely(&self, weights: &[i32], rails: (i64, i64)) -> bool {
        let (least, most) = self.activations;
        let span = (most - least) as f64;
        let centre = (most + least) as f64 / 2.0;
        let square: f64 = weights.iter().map(|w| f64::from(*w) * f64::from(*w)).sum();
        let sum: f64 = weights.iter().map(|w| f64::from(*w)).sum();
        let deviation = (square * span * span / 12.0).sqrt();
        let mean = sum * centre;
        mean + 4.0 * deviation > rails.1 as f64 || mean - 4.0 * deviation < rails.0 as f64
    }

    fn walked(&self) -> Route {
        let wide = |range: Option<(i128, i128)>| {
            range.is_some_and(|(l, h)| i64::try_from(l).is_ok() && i64::try_from(h).is_ok())
        };
        let design = &self.program.design;
        let levels = design.node_ranges();
        let sums = levels.iter().take(design.reduce.len()).all(|level| wide(level.unfitted));
        let last = levels.get(design.reduce.len().wrapping_sub(1)).map(|level| level.fitted);
        let lanes = i128::try_from(design.array.lanes).unwrap_or(i128::MAX);
        let beat = last.unwrap_or_else(|| design.product_interval());
        let total = (beat.0.saturating_mul(lanes), beat.1.saturating_mul(lanes));
        if self.small && sums && wide(Some(total)) { Route::Wide } else { Route::Plain }
    }
}

/// The effective weights of channel `n`, k by k.
pub fn effective_weights(program: &Program, n: usize) -> Vec<i32> {
    let shape = program.shape;
    let (group, channel) = (n / shape.n, n % shape.n);
    let add = program.design.weight.offset.map_or(0, |o: post::Operand| bind(o, &program.parameters, n));
    let add = i32::try_from(add).unwrap_or(0);
    let column = program.weights[group * shape.k * shape.n + channel..].iter().step_by(shape.n);
    column.take(shape.k).map(|w| w + add).collect()
}

/// Whether the finished accumulator is clamped behind its register.
pub fn clamps(design: &Design) -> bool {
    design.accumulator.overflow == AccumulatorOverflow::SaturateOutput
}
