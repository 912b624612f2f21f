//! What is proved, in words and tables.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{LayerProved, LayersProved, Over, Skipped};
use crate::bounds::{BoundSummary, Dead, Kind as BoundKind, NodeSummary, Proof, Summary};

impl LayersProved {
    /// A table of bounds and one of nodes per layer.
    pub fn text(&self) -> String {
        let over = match self.inputs {
            Over::Format => "every code of the activation's format",
            Over::Calibrated => "the range that each input takes on the given data",
        };
        let mut text = format!("bounds over {over}:\n");
        text.push_str(&self.in_all());
        for LayerProved { layer, product, computed, not_taken, dead, summary } in &self.layers {
            let product = product.as_ref().map_or(String::new(), |product| format!(", product {product}"));
            let name = layer.as_ref().map_or(String::new(), |layer| format!("{layer}{product}: "));
            let width = summary.proved_width.map_or("no width".to_string(), |w| format!("{w} bits"));
            let _ = write!(
                text,
                "\n{name}K = {}, {} channels; {}the accumulator is exact with {width} ({}), {} has ",
                summary.k,
                summary.channels,
                match (self.inputs, computed.is_some()) {
                    (Over::Calibrated, false) => "while inputs stay in that range ",
                    _ => "",
                },
                if computed.is_some() { "every prefix decides" } else { licence(summary.licence) },
                summary.register,
            );
            text.push_str(if proved_in_register(summary) { "enough\n" } else { "too few\n" });
            if let Some(computed) = computed {
                let _ = writeln!(text, "  computed by the network, every value allowed: {computed}");
            }
            if let Some(not_taken) = not_taken {
                let _ = writeln!(text, "  holds for codes that the design takes: {not_taken}");
            }
            if let Some(dead) = dead.as_ref().map(Dead::text).filter(|dead| !dead.is_empty()) {
                let _ = writeln!(text, "  {dead}");
            }
            text.push_str(&bounds_table(summary));
            text.push_str(&nodes_table(&summary.nodes));
        }
        if let Some(told) = self.coverage.as_ref().map(|c| c.text(&self.macs)).filter(|told| !told.is_empty())
        {
            let _ = write!(text, "\n{told}");
        }
        let told: BTreeSet<&str> = self.macs.iter().map(|mac| mac.name.as_str()).collect();
        let untold = self.skipped.iter().filter(|skipped| !told.contains(skipped.layer.as_str()));
        for Skipped { layer, reason } in untold {
            let _ = write!(text, "\n{layer}: not analysed: {reason}\n");
        }
        text
    }

    /// One number for all layers; nothing where there is one.
    fn in_all(&self) -> String {
        let [first, _, ..] = self.layers.as_slice() else { return String::new() };
        let most = self.layers.iter().max_by_key(|proved| proved.summary.proved_width.unwrap_or(u32::MAX));
        let most = most.unwrap_or(first);
        let width = match most.summary.proved_width {
            Some(width) => format!("{width} bits are proved exact"),
            None => "no width is proved exact".to_owned(),
        };
        let enough = self.layers.iter().filter(|proved| proved_in_register(&proved.summary)).count();
        let named = most.layer.as_ref().map_or(String::new(), |layer| format!(" ({layer} takes most)"));
        let (all, register) = (self.layers.len(), &first.summary.register);
        format!("{width} in all {all} of these{named}; {register} has enough in {enough} of them\n")
    }
}

/// Whether the design's own register is as wide as its licence asks.
fn proved_in_register(summary: &Summary) -> bool {
    let bits = summary.register.trim_start_matches(['s', 'u']).parse::<u32>();
    summary.proved_width.is_some_and(|width| bits.is_ok_and(|bits| width <= bits))
}

fn licence(kind: BoundKind) -> &'static str {
    match kind {
        BoundKind::FinalSum => "it wraps: final sums decide",
        _ => "it saturates at every step: prefixes decide",
    }
}

fn bounds_table(summary: &Summary) -> String {
    let heads = ["bound", "bits", "proves", "worst channel", "lowest", "highest", "one bit less"];
    let row = |bound: &BoundSummary| {
        let bits = bound.width.map_or("none".to_string(), |w| w.to_string());
        let proves = match bound.proof {
            Proof::Nothing => "nothing here",
            Proof::FinalSum => "final sums",
            Proof::EveryPrefix => "every prefix",
        };
        let less = if bound.achieved { "overflows" } else { "no input known" };
        [
            bound.kind.title().to_string(),
            bits,
            proves.to_string(),
            bound.worst_channel.to_string(),
            bound.low.0.to_string(),
            bound.high.0.to_string(),
            less.to_string(),
        ]
    };
    table(&heads, &summary.bounds.iter().map(row).collect::<Vec<_>>())
}

fn nodes_table(nodes: &[NodeSummary]) -> String {
    let heads = ["node", "format", "lowest in", "highest in", "range is", "channels high", "channels low"];
    let row = |node: &NodeSummary| {
        [
            node.node.clone(),
            node.format.clone().unwrap_or("fused".to_string()),
            node.low.0.to_string(),
            node.high.0.to_string(),
            if node.achieved { "reached" } else { "a hull" }.to_string(),
            node.channels_high.to_string(),
            node.channels_low.to_string(),
        ]
    };
    table(&heads, &nodes.iter().map(row).collect::<Vec<_>>())
}

fn table<const N: usize>(heads: &[&str; N], rows: &[[String; N]]) -> String {
    let width =
        |column: usize| rows.iter().map(|row| row[column].len()).fold(heads[column].len(), usize::max);
    let line = |cells: [&str; N]| {
        let padded: Vec<String> =
            cells.iter().enumerate().map(|(c, cell)| format!("{cell:<w$}", w = width(c))).collect();
        format!("  {}\n", padded.join("  ").trim_end())
    };
    let mut text = line(*heads);
    rows.iter().for_each(|row| text.push_str(&line(row.each_ref().map(String::as_str))));
    text
}
