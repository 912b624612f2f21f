//! Two datapaths side by side on the same inputs: itself a datapath, and the first difference between them.
//!
//! Before every edge both are visited and compared, register by register and output by output; what is shown to
//! the outside is the left one. Not modelled: the right one's events.

use super::{Datapath, Deaf, Inputs, Port, Watch};

/// The first value in which two datapaths differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Cycle in front of whose edge they differ, from 0.
    pub cycle: u64,
    /// The signal's name, as in [`Port::name`].
    pub signal: String,
    /// Row-major instance of the signal.
    pub instance: usize,
    /// Value on the left, which is also what the outside sees.
    pub left: i64,
    /// Value on the right.
    pub right: i64,
}

/// `left` and `right`, clocked together.
pub struct Lockstep<A, B> {
    left: A,
    right: B,
    cycle: u64,
    difference: Option<Difference>,
    samples: [Vec<i64>; 2],
}

impl<A: Datapath, B: Datapath> Lockstep<A, B> {
    /// # Panics
    /// When the two do not have the same signals: they describe different hardware.
    pub fn new(left: A, right: B) -> Self {
        assert_eq!(left.signals(), right.signals(), "two forms of one design");
        Lockstep { left, right, cycle: 0, difference: None, samples: Default::default() }
    }

    /// The first difference so far.
    pub fn difference(&self) -> Option<&Difference> {
        self.difference.as_ref()
    }

    fn compare(&mut self, inputs: &Inputs) {
        if self.difference.is_some() {
            return;
        }
        let [left, right] = &mut self.samples;
        left.clear();
        right.clear();
        self.left.visit(inputs, left);
        self.right.visit(inputs, right);
        let Some(at) = left.iter().zip(right.iter()).position(|(l, r)| l != r) else { return };
        let mut instance = at;
        for port in self.left.signals() {
            match instance.checked_sub(port.instances()) {
                Some(behind) => instance = behind,
                None => {
                    let (signal, cycle) = (port.name, self.cycle);
                    let (left, right) = (left[at], right[at]);
                    self.difference = Some(Difference { cycle, signal, instance, left, right });
                    return;
                }
            }
        }
    }
}

impl<A: Datapath, B: Datapath> Datapath for Lockstep<A, B> {
    fn signals(&self) -> Vec<Port> {
        self.left.signals()
    }

    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        self.left.visit(inputs, sample);
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        self.compare(inputs);
        self.left.clock(inputs, watch);
        self.right.clock(inputs, &mut Deaf);
        self.cycle += 1;
    }

    fn takes_rests(&self) -> bool {
        self.left.takes_rests() && self.right.takes_rests()
    }
}
