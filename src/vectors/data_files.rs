//! The data files of a bundle: which there are, what lies where in each, and what their signals are called in Verilog.
//!
//! Writer, manifest and testbench stand on this and not on each other.

use super::beats::InputBeats;
use super::{Layout, channels};
use crate::design::Design;
use crate::post::Per;
use crate::trace::{Role, SignalTable};

/// The data files, in the order of their counts and sums in `header.hex`.
pub const DATA_FILES: [&str; 5] = ["stimulus", "expected", "beats_in", "beats_out", "channels"];

/// Simulators index with 32-bit signed integers.
pub(super) const MAX_CYCLES: u64 = 1 << 30;

/// What lies where in the five data files of one design.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layouts {
    /// `stimulus.hex`: what is driven, one record per cycle.
    pub stimulus: Layout,
    /// `expected.hex`: registers and outputs, one record per cycle.
    pub expected: Layout,
    /// `beats_in.hex`: what is accepted, one record per beat, without skew and idle cycles.
    pub beats_in: Layout,
    /// `beats_out.hex`: `out.data`, one record per valid output.
    pub beats_out: Layout,
    /// `channels.hex`: parameters, one record per output channel.
    pub channels: Layout,
    /// Of each parameter in `channels`.
    pub per: Vec<Per>,
    /// Parameter records that are driven side by side.
    pub columns: usize,
}

impl Layouts {
    /// The layouts of `design` for a trace with the signals of `table`.
    pub fn new(design: &Design, table: &SignalTable) -> Layouts {
        let of = |wanted: &dyn Fn(&crate::trace::Signal) -> bool| {
            let chosen = table.signals.iter().filter(|s| wanted(s));
            Layout::new(chosen.map(|s| (s.name.as_str(), &s.shape[..], s.format)))
        };
        Layouts {
            stimulus: of(&|s| s.role == Role::Input),
            expected: of(&|s| s.role != Role::Input),
            beats_in: InputBeats::new(design, table).map_or_else(|| Layout::new([]), |beats| beats.layout),
            beats_out: of(&|s| s.name == "out.data"),
            channels: channels::layout(design),
            per: channels::parameters(design).map(|(_, p)| p.per).collect(),
            columns: design.array.records(),
        }
    }

    /// In the order of [`DATA_FILES`].
    pub fn files(&self) -> [(&'static str, &Layout); 5] {
        let layouts = [&self.stimulus, &self.expected, &self.beats_in, &self.beats_out, &self.channels];
        std::array::from_fn(|i| (DATA_FILES[i], layouts[i]))
    }

    /// Every port of a twin in our words: clock, reset, inputs, parameters, registers, outputs.
    pub fn port_names(&self) -> impl Iterator<Item = String> + '_ {
        let inputs = self.stimulus.fields.iter().map(|f| f.name.clone()).filter(|n| n != "in.channel");
        let parameters = self.channels.fields.iter().map(|f| format!("param.{}", f.name));
        let rest = self.expected.fields.iter().map(|f| f.name.clone());
        ["clk", "rst"].map(String::from).into_iter().chain(inputs).chain(parameters).chain(rest)
    }
}

/// Verilog name of a signal: `pe.acc` is `pe_acc`.
pub fn port_name(signal: &str) -> String {
    signal.replace('.', "_")
}
