//! What `goldpath layers` answers, as JSON and as text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use crate::bounds::Exact;
use crate::network::{Mac, MacState, OpaqueOperator};
use crate::report::{Cell, Table};

/// Version of this format.
pub const SCHEMA: u32 = 1;

/// The integer layers of a model, and what runs them.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Answer {
    /// Version of this format: 1.
    pub schema: u32,
    /// The model's file name.
    pub model: String,
    /// Designs that were tried, in this order.
    pub designs: Vec<DesignSeen>,
    /// Integer layers and the integer sums inside float layers, in evaluation order.
    pub layers: Vec<LayerSeen>,
    /// Layers of which nothing is known before the network runs, each with the reason.
    pub unknown: Vec<Unknown>,
    /// Inputs of which the model leaves extents open, beyond the batch: shapes and MACs behind them are not known.
    pub open_inputs: Vec<String>,
    /// Every multiply-accumulate operator of the model, each once, in evaluation order.
    pub macs: Vec<Mac>,
    /// Operators that goldpath cannot compute.
    pub opaque: Vec<OpaqueOperator>,
    /// Names of the layers that something opaque lies in front of.
    pub behind_opaque: Vec<String>,
}

/// A design that was tried.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DesignSeen {
    /// Its name.
    pub name: String,
    /// SHA-256 of the complete design, as overridden.
    pub sha256: String,
    /// The file or folder that it was read from.
    pub path: String,
}

/// A layer of which nothing is said.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Unknown {
    /// The node's name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A tensor of codes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Codes {
    /// Name of the tensor; null for weights.
    pub tensor: Option<String>,
    /// Element type of the codes.
    pub dtype: String,
    /// Extents; null where the model does not say them.
    pub shape: Option<Vec<usize>>,
    /// Smallest and largest scale; null for codes without one.
    pub scale: Option<[f32; 2]>,
    /// Smallest and largest zero point.
    pub zero_point: Option<[i32; 2]>,
}

/// One layer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LayerSeen {
    /// The node's name: what `--layer` takes.
    pub name: String,
    /// The operator, as the model spells it.
    pub kind: String,
    /// Whether a design takes its place, or its sums are only looked at.
    pub state: MacState,
    /// What it reads.
    pub input: Codes,
    /// Its weights.
    pub weights: Codes,
    /// What it writes; null where that is the int32 sum itself.
    pub output: Option<Codes>,
    /// Smallest and largest bias; null without one.
    pub bias: Option<[i32; 2]>,
    /// Numbers that the network computes itself; null where all are constants.
    pub computed: Option<String>,
    /// Products per output.
    pub k: usize,
    /// Output channels over all groups.
    pub channels: usize,
    /// Groups.
    pub groups: usize,
    /// Multiply-accumulates for one image; null where the shape is not known.
    pub macs_per_image: Option<u64>,
    /// Smallest value of any prefix of its sums, in any order, over every code: proved.
    pub low: Option<Exact>,
    /// Largest such value.
    pub high: Option<Exact>,
    /// Bits of a signed accumulator that holds them where it starts from the bias and sums the products of codes less their
    /// zero points; a design that folds a zero point, or adds the bias behind it, can need others (`proved_bits`). Null
    /// where none does, or weights are computed.
    pub accumulator_bits: Option<u32>,
    /// One entry per design.
    pub designs: Vec<Fit>,
}

/// A layer on a design.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Fit {
    /// The design's name.
    pub design: String,
    /// It runs as the design is.
    pub runs: bool,
    /// `--set` options with which it runs, `KEY=VALUE` each; null where it runs without, or none was found.
    pub set: Option<Vec<String>>,
    /// Keys of `set` that no Verilog parameter of the design's twin follows: `vectors` takes them, `cosim` needs other RTL.
    pub own_rtl: Vec<String>,
    /// Why it does not run as the design is; where no options were found, also what the nearest ones leave wrong.
    pub reason: Option<String>,
    /// Bits of the accumulator that are proved enough on that design, overridden as `set` says.
    pub proved_bits: Option<u32>,
    /// The accumulator that it has, like `s32`.
    pub register: Option<String>,
}

impl Answer {
    /// Tables for a terminal.
    pub fn text(&self) -> String {
        let sums = self.layers.iter().filter(|layer| layer.state == MacState::Products).count();
        let others = self.macs.iter().filter(|mac| mac.state != MacState::Integer).count();
        let all = self.macs.len();
        let others = match others {
            0 => format!("all {all} MACs are integer layers"),
            some => format!("{some} of {all} MACs are no integer layer"),
        };
        let mut text = format!(
            "{}: {} integer layers, {sums} integer sums inside float layers; {others}\n\n",
            self.model,
            self.layers.len() - sums,
        );
        if self.layers.is_empty() && all > 0 && self.opaque.is_empty() {
            text.push_str("no MAC reads codes: quantise the model first, with weights and activations of 8 or 16 bits\n");
        }
        if !self.layers.is_empty() {
            text.push_str(&self.table().text());
        }
        if !self.open_inputs.is_empty() && self.layers.iter().any(|layer| layer.macs_per_image.is_none()) {
            let open = self.open_inputs.join(", ");
            let _ = writeln!(text, "[?]: the model leaves extents of {open} open, and so of what is behind");
        }
        for Unknown { name, reason } in &self.unknown {
            let _ = writeln!(text, "{name}: not known before it runs: {reason}");
        }
        for design in &self.designs {
            text.push_str(&self.on_design(&design.name));
        }
        text.push_str(&self.without_design());
        let integer = self.layers.iter().filter(|layer| layer.state == MacState::Integer);
        let integer: BTreeSet<&str> = integer.map(|layer| layer.name.as_str()).collect();
        let named = |name: &String| integer.contains(name.as_str());
        let told: Vec<&Mac> =
            self.macs.iter().filter(|mac| !named(&mac.name) && mac.reason.is_some()).collect();
        if !told.is_empty() {
            text.push_str("\nMACs that are no integer layer:\n");
        }
        for mac in told {
            let reason = mac.reason.as_deref().unwrap_or_default();
            let _ = writeln!(text, "  {} ({}): {reason}", mac.name, mac.kind);
        }
        text + &self.opaque_text()
    }

    fn table(&self) -> Table {
        let columns = [
            ("layer", ""),
            ("operator", ""),
            ("input", ""),
            ("zero", ""),
            ("scale", ""),
            ("weights", ""),
            ("zero", ""),
            ("scales", ""),
            ("output", ""),
            ("bias", ""),
            ("K", ""),
            ("channels", ""),
            ("MACs/image", ""),
            ("accumulator", "bits"),
        ];
        let mut table = Table::new("Layers", &columns);
        for layer in &self.layers {
            table.row([
                layer.name.as_str().into(),
                layer.kind.as_str().into(),
                typed(&layer.input).into(),
                ends(layer.input.zero_point).into(),
                ends(layer.input.scale).into(),
                typed(&layer.weights).into(),
                ends(layer.weights.zero_point).into(),
                ends(layer.weights.scale).into(),
                layer.output.as_ref().map_or("int32".to_owned(), typed).into(),
                Cell::from(layer.bias.map(|bias| ends(Some(bias)))),
                layer.k.into(),
                layer.channels.into(),
                layer.macs_per_image.into(),
                layer.accumulator_bits.into(),
            ]);
        }
        table
    }

    /// How much of the model a design runs, and with what.
    fn on_design(&self, name: &str) -> String {
        let fits =
            || self.layers.iter().filter_map(|l| l.designs.iter().find(|f| f.design == name).map(|f| (l, f)));
        let count = fits().filter(|(_, fit)| fit.runs).count();
        let mut text = format!("\n{name}: runs {count} of {} layers as it is\n", fits().count());
        let mut groups: Vec<(&Fit, &Vec<String>, Vec<&str>)> = Vec::new();
        for (layer, fit, set) in fits().filter_map(|(layer, fit)| Some((layer, fit, fit.set.as_ref()?))) {
            match groups.iter_mut().find(|(_, other, _)| *other == set) {
                Some((.., names)) => names.push(&layer.name),
                None => groups.push((fit, set, vec![&layer.name])),
            }
        }
        for (fit, set, names) in groups {
            let typed: Vec<String> = set.iter().map(|one| format!("--set '{one}'")).collect();
            let _ = writeln!(text, "  {} more with {}: {}", names.len(), typed.join(" "), few(&names));
            if !fit.own_rtl.is_empty() {
                let keys = fit.own_rtl.join(", ");
                let _ =
                    writeln!(text, "    its twin has no Verilog parameter for {keys}: check RTL of your own");
            }
        }
        let bits = fits().filter_map(|(_, fit)| fit.proved_bits.zip(fit.register.as_deref())).max();
        if let Some((bits, register)) = bits {
            let _ = writeln!(
                text,
                "  {bits} bits are proved enough for all of them, its accumulator is {register}"
            );
        }
        text
    }

    /// Layers that none of the designs runs.
    fn without_design(&self) -> String {
        let none = |layer: &&LayerSeen| layer.designs.iter().all(|fit| !fit.runs && fit.set.is_none());
        let mut text = String::new();
        if self.designs.is_empty() {
            return "\nno design was tried: name some with --design, or run where hw_models is\n".to_owned();
        }
        for layer in self.layers.iter().filter(none) {
            let _ = writeln!(text, "  {}:", layer.name);
            for fit in &layer.designs {
                let _ = writeln!(text, "    {}: {}", fit.design, fit.reason.as_deref().unwrap_or_default());
            }
        }
        if text.is_empty() {
            text
        } else {
            format!("\nlayers that no design here runs, whatever is set:\n{text}")
        }
    }

    fn opaque_text(&self) -> String {
        let mut text = String::new();
        if self.opaque.is_empty() {
            return text;
        }
        text.push_str("\noperators that goldpath cannot compute:\n");
        for operator in &self.opaque {
            let nodes: Vec<&str> = operator.nodes.iter().map(String::as_str).collect();
            let _ =
                writeln!(text, "  {} ({}: {}): {}", operator.kind, nodes.len(), few(&nodes), operator.reason);
        }
        let behind: Vec<&str> = self.behind_opaque.iter().map(String::as_str).collect();
        let _ = match behind.is_empty() {
            true => writeln!(text, "  no layer lies behind them"),
            false => writeln!(text, "  layers behind them, which run with --tensors: {}", few(&behind)),
        };
        text
    }
}

/// Type and extents.
fn typed(codes: &Codes) -> String {
    let shape = codes.shape.as_ref().map_or("[?]".to_owned(), |shape| format!("{shape:?}"));
    format!("{} {shape}", codes.dtype)
}

/// One value, or the smallest and the largest.
fn ends<T: PartialEq + std::fmt::Display>(ends: Option<[T; 2]>) -> String {
    match ends {
        None => "-".to_owned(),
        Some([low, high]) if low == high => low.to_string(),
        Some([low, high]) => format!("{low}..{high}"),
    }
}

/// The first of many names.
fn few(names: &[&str]) -> String {
    const NAMED: usize = 8;
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
}
