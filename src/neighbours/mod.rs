//! The neighbours of a design: hardware that differs from it by one edit which an RTL author could have made by mistake.
//!
//! Most edits are edits of the [`Design`]: another width, rule, rounding, count, latency. Some mistakes no design can state
//! (a bias added twice, a record of the next channel, a clear that is ignored): those are [`Fault`]s beside it. Together
//! they are a [`Hardware`], and [`of`] gives the neighbours of any, lazily: those of a neighbour's hardware are pairs of edits.
//!
//! Here is no I/O, and nothing runs: whoever judges neighbours (`strength`) brings the numbers.

mod accumulator;
mod array;
mod fault;
mod keys;
mod memory;
mod operands;
mod parameters;
mod post;
mod product;
mod reduce;
mod score;
mod step;

pub use fault::{Factor, Fault, Mirrored, MovedBias, Shifted};
pub use keys::{KEYS, Key};
pub use score::{Goals, Missed, NodeSeen, Score, Ties};

use crate::design::Design;
use crate::num::Format;

/// What somebody may have built.
#[derive(Debug, Clone, PartialEq)]
pub struct Hardware {
    /// Built as its author read it.
    pub design: Design,
    /// What no design can state.
    pub faults: Vec<Fault>,
}

impl Hardware {
    /// The design, built without a fault.
    pub fn of(design: &Design) -> Hardware {
        Hardware { design: design.clone(), faults: Vec::new() }
    }
}

/// What an edit changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// What a node does to values.
    Value,
    /// When something happens.
    Time,
    /// What meets what, and in which order.
    Order,
    /// Which numbers a channel gets.
    Parameter,
}

impl Class {
    /// As manifests and answers spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Value => "value",
            Class::Time => "time",
            Class::Order => "order",
            Class::Parameter => "parameter",
        }
    }
}

/// Hardware that is one edit away.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// The edit in one line: `post.0 rounding half_away for half_up`.
    pub name: String,
    /// Where it is: a node as in a design's answers (`accumulator`, `post.0`), or a part of it (`operands.weight`, `array`).
    pub node: String,
    /// The key of the design that it edits, or misreads; `*` stands for an index or a name.
    pub key: &'static str,
    /// What it changes.
    pub class: Class,
    /// What results.
    pub hardware: Hardware,
}

/// Every neighbour, in the order of the datapath. Each differs from `hardware`; none is there twice.
pub fn of(hardware: &Hardware) -> impl Iterator<Item = Neighbour> + '_ {
    let parts: [fn(&Hardware) -> Neighbours<'_>; 8] = [
        operands::neighbours,
        product::neighbours,
        reduce::neighbours,
        accumulator::neighbours,
        post::neighbours,
        parameters::neighbours,
        array::neighbours,
        memory::neighbours,
    ];
    parts.into_iter().flat_map(move |part| part(hardware)).filter(move |n| n.hardware != *hardware)
}

type Neighbours<'a> = Box<dyn Iterator<Item = Neighbour> + 'a>;

/// Where an edit is.
#[derive(Clone, Copy)]
struct Site<'a> {
    hardware: &'a Hardware,
    key: &'static str,
    node: &'a str,
    class: Class,
}

impl Site<'_> {
    /// An edit of the design; `what` follows the node in the name.
    fn edit(&self, what: &str, edit: impl FnOnce(&mut Design)) -> Neighbour {
        let mut hardware = self.hardware.clone();
        edit(&mut hardware.design);
        self.neighbour(what, hardware)
    }

    /// A mistake beside the design.
    fn fault(&self, what: &str, fault: Fault) -> Neighbour {
        let mut hardware = self.hardware.clone();
        if !hardware.faults.contains(&fault) {
            hardware.faults.push(fault);
        }
        self.neighbour(what, hardware)
    }

    fn neighbour(&self, what: &str, hardware: Hardware) -> Neighbour {
        let name = format!("{} {what}", self.node);
        Neighbour { name, node: self.node.to_owned(), key: self.key, class: self.class, hardware }
    }
}

/// Widths that memories, DSP blocks and integer types have.
const COMMON: [u32; 9] = [4, 8, 12, 16, 18, 24, 32, 48, 64];

/// One bit less and more, and the next common widths on both sides, as long as there is such a format.
fn other_widths(format: Format) -> impl Iterator<Item = Format> {
    let width = format.width();
    let below = COMMON.into_iter().rev().find(|common| *common < width);
    let above = COMMON.into_iter().find(|common| *common > width);
    let mut widths = vec![width.wrapping_sub(1), width + 1];
    widths.extend(below.into_iter().chain(above).filter(|other| width.abs_diff(*other) != 1));
    widths.into_iter().filter_map(move |other| Format::new(other, format.is_signed()))
}

/// The same bits, read with the other sign.
fn other_sign(format: Format) -> Option<Format> {
    Format::new(format.width(), !format.is_signed())
}

/// One register less, one more.
fn other_latencies(latency: u32) -> impl Iterator<Item = u32> {
    [latency.checked_sub(1), Some(latency + 1)].into_iter().flatten()
}
