//! The control bits that travel beside operands, and the delay lines that carry them.

use super::words::Visit;
use super::{BIT, Inputs, Port, register, stage_name};
use crate::design::{Array, Switch};

/// Control bits of a beat, and the parameter record it travels with (`None` after reset, untraced).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Control {
    pub valid: bool,
    pub first: bool,
    /// Where nothing drains.
    pub last: bool,
    pub record: Option<usize>,
    /// Of the memory, where there is one (untraced, too).
    pub visit: Visit,
}

impl Control {
    /// What the host drives on the control port of a row.
    pub fn driven(inputs: &Inputs, row: usize) -> Control {
        let (valid, first, last) = (inputs.valid[row], inputs.first[row], inputs.last[row]);
        Control { valid, first, last, record: Some(inputs.channel), visit: inputs.visit }
    }
}

/// Which control bits a datapath has beside `valid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bits {
    /// Where a beat may start something: a sum that stays, or operands that switch with the wave.
    pub first: bool,
    /// Whether only the host's port has it: a clear that reaches the accumulators from there.
    pub first_at_port: bool,
    /// Where a beat finishes a sum, and no drain follows.
    pub last: bool,
}

impl Bits {
    pub fn of(array: &Array) -> Bits {
        let wave = array.load.is_some_and(|load| load.switch == Some(Switch::Wave));
        let travels = array.sums_travel();
        if array.is_post_only() {
            return Bits { first: false, first_at_port: false, last: false };
        }
        let first = (wave || !travels) && !array.clears_at_once;
        Bits { first, first_at_port: array.clears_at_once, last: !travels && !array.drains() }
    }

    /// `base.valid`, `base.first`, `base.last` of one stage.
    pub fn ports(self, base: &str, node: &str, stage: u32, shape: &[usize]) -> Vec<Port> {
        let names = [("valid", true), ("first", self.first), ("last", self.last)];
        let port =
            |(bit, _)| register(stage_name(&format!("{base}.{bit}"), stage), node, shape.to_vec(), BIT);
        names.into_iter().filter(|(_, is_there)| *is_there).map(port).collect()
    }

    /// Appends the bits signal by signal.
    pub fn visit(self, controls: &[Control], sample: &mut Vec<i64>) {
        sample.extend(controls.iter().map(|c| i64::from(c.valid)));
        if self.first {
            sample.extend(controls.iter().map(|c| i64::from(c.first)));
        }
        if self.last {
            sample.extend(controls.iter().map(|c| i64::from(c.last)));
        }
    }
}

/// Shifts a delay line by one; the first stage takes `next`, the last stage's value is lost.
pub fn push<T>(line: &mut [T], next: T) {
    if let Some(last) = line.last_mut() {
        *last = next;
        line.rotate_right(1);
    }
}
