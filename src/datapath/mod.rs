//! Clocked hardware blocks: registers and their next state. A datapath never sees a file, a network or a trace.
//!
//! Cycle n is the clock period that ends with rising edge n (R11): [`Datapath::visit`] shows what stands on
//! registers and outputs while the inputs of cycle n are driven, [`Datapath::clock`] is the edge that ends it.
//! All registers reset to 0 (R12).

mod accumulate;
mod after;
mod array;
mod control;
mod exit;
mod feed;
mod folded;
mod grid;
mod lockstep;
mod operand;
mod period;
mod post_only;
mod products;
mod requantizer;
mod skew;
mod stationary;
mod sums;
mod travel;
mod words;

pub use array::Array;
pub use feed::{Feed, Rests, Slot};
pub use folded::{Routes, folded};
pub use grid::grid;
pub use lockstep::{Difference, Lockstep};
pub use period::{Ended, Held, Loading, Observer, Past, Period, Tiles};
pub use requantizer::Requantizer;
pub use words::Visit;

use std::sync::Arc;

use control::Bits;
use post_only::PostOnly;

use crate::design::{Design, LoadKind, Node, Switch};
use crate::num::{Flags, Format};

/// Which way a signal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Driven by the host.
    Input,
    /// Holds its value from one edge to the next.
    Register,
    /// A port the hardware drives.
    Output,
}

/// One named signal and its instances, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name in traces, waves and bundles: `pe.acc`, `in.valid`, `out.data`, …
    pub name: String,
    /// Id of the design node it belongs to.
    pub node: String,
    /// Whether the host drives it, the hardware holds it, or the hardware drives it.
    pub direction: Direction,
    /// Instances: `[]` scalar, `[columns]`, `[rows, columns]`, `[rows, columns, lanes]`, …
    pub shape: Vec<usize>,
    /// Of every instance; control bits are u1.
    pub format: Format,
}

impl Port {
    /// How many values it has: the product of its shape, 1 for a scalar.
    pub fn instances(&self) -> usize {
        self.shape.iter().product()
    }
}

/// What the host drives in one cycle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// One bit, or one per row when the host skews.
    pub valid: Vec<bool>,
    /// Marks an output's first beat, or the clear cycle before it; as many bits as `valid`.
    pub first: Vec<bool>,
    /// Marks an output's last beat, where nothing drains; as many bits as `valid`.
    pub last: Vec<bool>,
    /// `[rows][lanes]`
    pub activation: Vec<i32>,
    /// `[columns][lanes]`
    pub weight: Vec<i32>,
    /// What comes in at a requantizer alone.
    pub value: i64,
    /// Parameter record of column 0.
    pub channel: usize,
    /// Where something drains.
    pub drain: bool,
    /// Where operands stay: what their port carries is loaded.
    pub load: bool,
    /// Which row of PEs takes it, where rows are addressed.
    pub load_row: usize,
    /// All PEs switch to what was loaded.
    pub switch: bool,
    /// With a memory: what the beat's visit is to its output, and where its word is.
    pub visit: Visit,
}

/// The numbers of the parameters, by design parameter: length 1, or one value per record.
pub type Records = Arc<Vec<Vec<i64>>>;

/// Who is told what an edge does.
pub trait Watch {
    /// A value outside its format is being fitted at `node` of the PE, or behind the PEs of exit `column` (R6).
    fn overflow(&mut self, node: Node, row: usize, column: usize, flags: Flags);

    /// As many [`Watch::overflow`]s as the counts say, of the tile under way, by column; only when
    /// [`Watch::counts_suffice`].
    fn overflows(&mut self, node: Node, row: usize, high: &[u32], low: &[u32]) {
        let flags = |high: bool| Flags { high, low: !high };
        for column in 0..high.len() {
            (0..high[column]).for_each(|_| self.overflow(node, row, column, flags(true)));
            (0..low[column]).for_each(|_| self.overflow(node, row, column, flags(false)));
        }
    }

    /// Whether it no longer matters in which cycle an event happens: the first one is known, or nobody asks.
    fn counts_suffice(&self) -> bool {
        false
    }

    /// Finished accumulators enter the drain or the requantizers, one per exit from `exit` on: all of them, or where each leaves
    /// in a cycle of its own, one.
    fn finished(&mut self, exit: usize, values: &[i64]);

    /// `out.valid` is 1 with these values, of the exits from `exit` on.
    fn output(&mut self, exit: usize, values: &[i64]);
}

/// Nobody listens.
struct Deaf;

impl Watch for Deaf {
    fn overflow(&mut self, _: Node, _: usize, _: usize, _: Flags) {}
    fn finished(&mut self, _: usize, _: &[i64]) {}
    fn output(&mut self, _: usize, _: &[i64]) {}
}

/// A clocked block.
pub trait Datapath {
    /// Registers, then outputs, in the order in which [`Datapath::visit`] shows them.
    fn signals(&self) -> Vec<Port>;

    /// Appends every register and output as it stands while `inputs` are driven.
    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>);

    /// The rising edge: every register takes its next state, computed from old state and `inputs`.
    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch);

    /// Whether it is the hardware in periods whose feed has rests, too.
    fn takes_rests(&self) -> bool {
        true
    }

    /// Whether a period may bring the values of many outputs ([`Period::values`]).
    fn takes_values(&self) -> bool {
        false
    }

    /// Which ways the tiles took that nobody sampled; none where there is but one way.
    fn routes(&self) -> Routes {
        Routes::default()
    }

    /// Runs one period, by default cycle by cycle. A faster form of the same hardware may compute the
    /// whole period from its streams, and owes the observer the same calls for every cycle that is sampled.
    fn run(&mut self, period: &Period, observer: &mut dyn Observer) {
        let mut inputs = Inputs::default();
        let mut sample = Vec::new();
        for cycle in 0..period.cycles {
            period.drive(cycle, &mut inputs);
            if observer.samples() {
                sample.clear();
                self.visit(&inputs, &mut sample);
                observer.sample(&inputs, &sample);
            }
            self.clock(&inputs, observer.watch());
            observer.edge();
        }
    }
}

impl<D: Datapath + ?Sized> Datapath for Box<D> {
    fn signals(&self) -> Vec<Port> {
        (**self).signals()
    }

    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        (**self).visit(inputs, sample);
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        (**self).clock(inputs, watch);
    }

    fn takes_rests(&self) -> bool {
        (**self).takes_rests()
    }

    fn takes_values(&self) -> bool {
        (**self).takes_values()
    }

    fn routes(&self) -> Routes {
        (**self).routes()
    }

    fn run(&mut self, period: &Period, observer: &mut dyn Observer) {
        (**self).run(period, observer);
    }
}

/// The block that a design describes, in its fastest form, for periods without rests.
pub fn build(design: &Arc<Design>, records: &Records) -> Box<dyn Datapath> {
    // Of 16 bits the grid is as fast, and holds registers.
    let narrow = grid(design, records).filter(|_| design.accumulator.register.width() <= 16);
    let fast = narrow.or_else(|| folded(design, records)).or_else(|| grid(design, records));
    fast.unwrap_or_else(|| plain(design, records))
}

/// The block that a design describes, cycle by cycle, whatever its inputs are.
pub fn plain(design: &Arc<Design>, records: &Records) -> Box<dyn Datapath> {
    match design.is_post_only() {
        true => Box::new(PostOnly::new(design, records.clone())),
        false => Box::new(Array::new(design.clone(), records.clone())),
    }
}

/// The ports the host drives, in order.
pub fn input_ports(design: &Design) -> Vec<Port> {
    let array = &design.array;
    let control = if array.host_skews() { vec![array.rows] } else { vec![] };
    let port = |name: &str, node: &str, shape: Vec<usize>, format| Port {
        name: name.to_string(),
        node: node.to_string(),
        direction: Direction::Input,
        shape,
        format,
    };
    let bits = Bits::of(array);
    let mut ports = vec![port("in.valid", "interface", control.clone(), BIT)];
    if bits.first || bits.first_at_port {
        ports.push(port("in.first", "interface", control.clone(), BIT));
    }
    if bits.last {
        ports.push(port("in.last", "interface", control, BIT));
    }
    if design.is_post_only() {
        ports.push(port("in.value", "accumulator", vec![], design.value_format()));
        ports.push(port("in.channel", "interface", vec![], CHANNEL));
        return ports;
    }
    let [activation, weight] = array.port_shapes();
    ports.push(port("in.activation", "activation", activation, design.activation.format));
    ports.push(port("in.weight", "weight", weight, design.weight.format));
    ports.push(port("in.channel", "interface", vec![], CHANNEL));
    if array.drains() {
        ports.push(port("in.drain", "interface", vec![], BIT));
    }
    if let Some(memory) = design.memory {
        ports.push(port("in.accumulate", "interface", vec![], BIT));
        ports.push(port("in.output", "interface", vec![], BIT));
        if array.sums_travel() {
            ports.push(port("in.address", "interface", vec![], Format::index(memory.depth)));
        }
    }
    let Some(load) = array.load else { return ports };
    ports.push(port("in.load", "interface", vec![], BIT));
    if load.kind == LoadKind::Row {
        ports.push(port("in.load_row", "interface", vec![], Format::index(array.rows)));
    }
    if load.switch == Some(Switch::Global) {
        ports.push(port("in.switch", "interface", vec![], BIT));
    }
    ports
}

/// Appends the inputs in the order of [`input_ports`].
pub fn visit_inputs(design: &Design, inputs: &Inputs, sample: &mut Vec<i64>) {
    let bits = Bits::of(&design.array);
    sample.extend(inputs.valid.iter().map(|b| i64::from(*b)));
    if bits.first || bits.first_at_port {
        sample.extend(inputs.first.iter().map(|b| i64::from(*b)));
    }
    if bits.last {
        sample.extend(inputs.last.iter().map(|b| i64::from(*b)));
    }
    if design.is_post_only() {
        sample.extend([inputs.value, inputs.channel as i64]);
        return;
    }
    sample.extend(inputs.activation.iter().map(|v| i64::from(*v)));
    sample.extend(inputs.weight.iter().map(|v| i64::from(*v)));
    // A record index is far below 2^63.
    sample.push(inputs.channel as i64);
    if design.array.drains() {
        sample.push(i64::from(inputs.drain));
    }
    if design.memory.is_some() {
        sample.extend([inputs.visit.accumulates, inputs.visit.leaves].map(i64::from));
        if design.array.sums_travel() {
            sample.push(inputs.visit.address as i64);
        }
    }
    let Some(load) = design.array.load else { return };
    sample.push(i64::from(inputs.load));
    if load.kind == LoadKind::Row {
        sample.push(inputs.load_row as i64);
    }
    if load.switch == Some(Switch::Global) {
        sample.push(i64::from(inputs.switch));
    }
}

pub(crate) const BIT: Format = Format::unsigned(1).unwrap();
const CHANNEL: Format = Format::unsigned(16).unwrap();

/// `base`, then `base.1`, `base.2`, … for later pipeline stages.
fn stage_name(base: &str, stage: u32) -> String {
    if stage == 0 { base.to_string() } else { format!("{base}.{stage}") }
}

fn register(name: String, node: &str, shape: Vec<usize>, format: Format) -> Port {
    Port { name, node: node.to_string(), direction: Direction::Register, shape, format }
}
