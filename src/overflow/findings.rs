//! What an analysis yields: the answer, its witnesses, and a table for each layer.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array3;

use super::inspect::{Judged, inspect};
use super::layer::{LayerState, Run};
use super::{DesignEntry, NetworkAnswer, Report, Skipped, Total, Upstream, WitnessFile};
use crate::design::Design;
use crate::error::Result;
use crate::functional;
use crate::lower::Program;
use crate::network::{Coverage, Mac};

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Names of layers; empty: all.
    pub layers: Vec<String>,
    /// Images run together where the model leaves it open.
    pub batch: usize,
    /// Harmful outputs of each layer whose correction is tried.
    pub decisive_cap: usize,
    /// Whose values reach a layer.
    pub upstream: Upstream,
    /// Products that all corrections together may cost on one batch, shared out evenly among the layers; one is tried of
    /// each layer all the same. None: no limit but the cap.
    pub decisive_macs: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        let layers = Vec::new();
        Options { layers, batch: 1, decisive_cap: 16, upstream: Upstream::Design, decisive_macs: None }
    }
}

/// The whole of an analysis. `inputs`, `overrides` and table names are for whoever knows the files.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// What `report.json` holds.
    pub report: Report,
    /// What `witness.json` holds.
    pub witnesses: WitnessFile,
    /// Of each layer, for every node that forms the sum, its events per output, `[2, rows, channels]` (high, low), summed
    /// over the runs.
    pub tables: Vec<BTreeMap<String, Array3<i64>>>,
    /// Layers of which fewer corrections were tried than the cap allows, and how many: those that
    /// [`Options::decisive_macs`] cut short.
    pub cut_short: BTreeMap<String, usize>,
}

/// Looks at one product. There is no network, so no wrong output is evaluated further.
///
/// # Errors
/// None today: a program has been checked.
pub fn product(program: &Program) -> Result<Findings> {
    let outcome = functional::run(program, true);
    // One example is enough: none is tried.
    let inspected = inspect(program, &outcome, Judged::Requantised, 1);
    let images = program.shape.images;
    let run = Run { judged: Judged::Requantised, first_image: 0, images, product: 0, products: 1 };
    let mut state = LayerState::new("product", program);
    state.add(program, run, inspected, &[], None)?;
    let options = Options { decisive_cap: 0, ..Options::default() };
    Ok(Findings::new(&program.design, &options, None, vec![state], Vec::new(), Vec::new()))
}

impl Findings {
    pub(super) fn new(
        design: &Design,
        options: &Options,
        answer: Option<NetworkAnswer>,
        states: Vec<LayerState>,
        skipped: Vec<Skipped>,
        macs: Vec<Mac>,
    ) -> Findings {
        let (mut layers, mut witnesses, mut tables) = (Vec::new(), Vec::new(), Vec::new());
        let mut total = Total::default();
        for state in states {
            let (layer, mut shown, table) = state.finish();
            total.outputs += layer.outputs;
            total.outputs_with_events += layer.outputs_with_events;
            total.classes.add(&layer.classes);
            total.only_post += layer.only_post;
            total.high += layer.nodes.iter().map(|n| n.high).sum::<u64>();
            total.low += layer.nodes.iter().map(|n| n.low).sum::<u64>();
            layers.push(layer);
            witnesses.append(&mut shown);
            tables.push(table);
        }
        let looked_at: BTreeSet<&str> = layers.iter().map(|layer| layer.layer.as_str()).collect();
        let coverage = Coverage::new(&macs, &|name| looked_at.contains(name));
        let design_bias = design.bias_words();
        let generator = format!("goldpath {}", env!("CARGO_PKG_VERSION"));
        let design = DesignEntry {
            name: design.name.clone(),
            sha256: design.hash.clone(),
            overrides: BTreeMap::new(),
        };
        let witnesses =
            WitnessFile { schema: 1, generator: generator.clone(), design: design.clone(), witnesses };
        let report = Report {
            schema: 2,
            generator,
            design,
            inputs: BTreeMap::new(),
            meaning: MEANING.iter().map(|(word, text)| (word.to_string(), text.to_string())).collect(),
            upstream: answer.is_some().then_some(options.upstream),
            answer,
            qdq: None,
            bias: design_bias,
            decisive_cap: options.decisive_cap,
            total,
            coverage,
            layers,
            skipped,
            macs,
        };
        Findings { report, witnesses, tables, cut_short: BTreeMap::new() }
    }

    /// Says with which overrides the design was read.
    pub fn set_overrides(&mut self, overrides: &BTreeMap<String, String>) {
        self.report.design.overrides.clone_from(overrides);
        self.witnesses.design.overrides.clone_from(overrides);
    }
}

const MEANING: [(&str, &str); 12] = [
    ("event", "a value entering a node lay outside its format (R6), in every overflow rule"),
    (
        "exact sum",
        "the start as it is brought (a bias that does not fit is not cut), plus every product as it is; no reduction level, \
         register or output clamp has fitted it",
    ),
    (
        "outputs_with_events",
        "outputs from whose sum something was taken: an event at reduce.N, accumulator.start, accumulator or \
         accumulator.output",
    ),
    (
        "only_post",
        "outputs whose only events are at post steps: the exact sum goes through the same steps, and saturating to the \
         output's range is the network's own arithmetic",
    ),
    ("transient", "the accumulator equals the exact sum"),
    ("surviving", "the accumulator differs, the requantised output equals that of the exact sum"),
    ("harmful", "the output differs, but correcting this output alone does not change the network's answer"),
    ("decisive", "the output differs, and correcting this output alone changes the network's answer"),
    (
        "unevaluated",
        "the output differs; not tried, because it is beyond decisive_cap of its layer or beyond what a default run pays for \
         (--decisive-cap), or there is no network",
    ),
    (
        "answer",
        "index of the largest value of the network's first output, image by image, the first of equals; a NaN is never \
         larger than a number",
    ),
    (
        "correction",
        "the output becomes what the post steps make of the exact sum, without the formats between them that only follow \
         from the accumulator's width; the rest of the network runs again",
    ),
    ("cycle", "of one run of the layer, from 0, the first with reset inactive; its edge stores the value"),
];

impl Report {
    /// The JSON Schema of `report.json`.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Report).to_value()
    }
}
