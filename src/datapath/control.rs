//! The control bits that travel beside operands, and the delay lines that carry them.

use super::{BIT, Inputs, Port, register, stage_name};

/// Control bits of a beat, and the parameter record it travels with (`None` after reset, untraced).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Control {
    pub valid: bool,
    pub first: bool,
    /// Where nothing drains.
    pub last: bool,
    pub record: Option<usize>,
}

impl Control {
    /// What the host drives on the control port of a row.
    pub fn driven(inputs: &Inputs, row: usize) -> Control {
        let (valid, first) = (inputs.valid[row], inputs.first[row]);
        Control { valid, first, last: inputs.last, record: Some(inputs.channel) }
    }
}

/// Which control bits a datapath has: `last` only where no drain follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    ValidFirst,
    ValidFirstLast,
}

impl Bits {
    /// `base.valid`, `base.first`, `base.last` of one stage.
    pub fn ports(self, base: &str, node: &str, stage: u32, shape: &[usize]) -> Vec<Port> {
        let names: &[&str] = match self {
            Bits::ValidFirst => &["valid", "first"],
            Bits::ValidFirstLast => &["valid", "first", "last"],
        };
        let port =
            |bit: &&str| register(stage_name(&format!("{base}.{bit}"), stage), node, shape.to_vec(), BIT);
        names.iter().map(port).collect()
    }

    /// Appends the bits signal by signal.
    pub fn visit(self, controls: &[Control], sample: &mut Vec<i64>) {
        sample.extend(controls.iter().map(|c| i64::from(c.valid)));
        sample.extend(controls.iter().map(|c| i64::from(c.first)));
        if self == Bits::ValidFirstLast {
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
