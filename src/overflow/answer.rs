//! What `goldpath overflow` answers: `report.json`. Every key is stable within one `schema`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Exact, WidthsEntry};
use crate::network::{Coverage, Mac};

/// The whole answer. Same inputs, same bytes, on any machine and any number of threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this format: 2. In 1, a bias that the register does not hold was no event: `starts_cut` counted it.
    pub schema: u32,
    /// The goldpath that wrote it, with its version.
    pub generator: String,
    /// The hardware that was looked at.
    pub design: DesignEntry,
    /// Name and SHA-256 of each input file, by its role: `model`, `input`, `labels`, `activations`, ….
    pub inputs: BTreeMap<String, InputEntry>,
    /// What the words of this file mean, word by word.
    pub meaning: BTreeMap<String, String>,
    /// What the whole network answered; none for a single product.
    pub answer: Option<NetworkAnswer>,
    /// Whose values reach a layer; none for a single product.
    pub upstream: Option<Upstream>,
    /// What Conv, MatMul and Gemm between DequantizeLinear and QuantizeLinear compute: `written`, one float32 operator
    /// after the other, or `fused`, the integer layer they stand for. None when the model has none.
    pub qdq: Option<String>,
    /// What became of the layers' biases, where `--bias-in` said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<String>,
    /// Harmful outputs of each layer that are tried by correcting them and running the rest of the network again.
    pub decisive_cap: usize,
    /// All layers together.
    pub total: Total,
    /// The layers that were looked at, in evaluation order; one for a single product.
    pub layers: Vec<LayerAnswer>,
    /// Layers that are not among `layers`, each with the reason: integer layers that the design cannot run (the
    /// framework's own arithmetic took their place), and float layers without an integer sum.
    pub skipped: Vec<Skipped>,
    /// How many of the network's multiply-accumulate operators `layers` are.
    pub coverage: Coverage,
    /// Every multiply-accumulate operator of the network, each once, in evaluation order; empty for a single product.
    pub macs: Vec<Mac>,
}

/// Whose values reach a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Upstream {
    /// What the design makes of the layers before it, or the framework where the design cannot run one.
    Design,
    /// The framework's own.
    Exact,
}

impl Upstream {
    /// In words, for a sentence on where a layer's inputs come from.
    pub fn words(self) -> &'static str {
        match self {
            Upstream::Design => "the design's own values upstream",
            Upstream::Exact => "the framework's values upstream",
        }
    }
}

/// A design by name and content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DesignEntry {
    /// Its name.
    pub name: String,
    /// SHA-256 of the complete design, as overridden.
    pub sha256: String,
    /// The `--set` keys it was read with, and their values.
    pub overrides: BTreeMap<String, String>,
}

/// A file that numbers were taken from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputEntry {
    /// Its name without the folder.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
}

/// What the network, through the design, says about each image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkAnswer {
    /// The tensor that the answer is read from: the network's first output.
    pub tensor: String,
    /// Images that were run.
    pub images: usize,
    /// Images that are run together.
    pub batch: usize,
    /// Index of the largest value of each image, the first of equals.
    pub predictions: Vec<usize>,
    /// The true labels, when they were given.
    pub labels: Option<Vec<i64>>,
    /// How many predictions are right, when labels were given.
    pub correct: Option<usize>,
    /// Decisive outputs whose correction makes a wrong prediction right, when labels were given.
    pub mended: Option<u64>,
    /// Decisive outputs whose correction makes a right prediction wrong, when labels were given.
    pub spoiled: Option<u64>,
}

/// Sums over all layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Total {
    /// Outputs computed.
    pub outputs: u64,
    /// Outputs from whose sum something was taken, as in [`LayerAnswer::outputs_with_events`].
    pub outputs_with_events: u64,
    /// Values above the format, over all nodes.
    pub high: u64,
    /// Values below the format, over all nodes.
    pub low: u64,
    /// What became of the outputs with events.
    pub classes: Classes,
    /// Outputs with events at post steps only.
    pub only_post: u64,
}

/// What became of the outputs with at least one event; the five add up to `outputs_with_events`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Classes {
    /// The accumulator equals the exact sum (bias plus exact products) all the same.
    pub transient: u64,
    /// The accumulator differs, the requantised output is equal.
    pub surviving: u64,
    /// The output differs, and correcting it alone does not change the network's answer.
    pub harmful: u64,
    /// The output differs, and correcting it alone changes the network's answer.
    pub decisive: u64,
    /// The output differs; what its correction would change was not tried.
    pub unevaluated: u64,
}

impl Classes {
    /// All of them: the outputs with events.
    pub fn sum(&self) -> u64 {
        self.transient + self.surviving + self.harmful + self.decisive + self.unevaluated
    }

    /// Outputs that are not what the exact sum becomes behind the same post steps.
    pub fn wrong(&self) -> u64 {
        self.harmful + self.decisive + self.unevaluated
    }
}

impl Classes {
    /// Counts one output.
    pub fn count(&mut self, class: Class) {
        *match class {
            Class::Transient => &mut self.transient,
            Class::Surviving => &mut self.surviving,
            Class::Harmful => &mut self.harmful,
            Class::Decisive => &mut self.decisive,
            Class::Unevaluated => &mut self.unevaluated,
        } += 1;
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Classes) {
        self.transient += other.transient;
        self.surviving += other.surviving;
        self.harmful += other.harmful;
        self.decisive += other.decisive;
        self.unevaluated += other.unevaluated;
    }
}

/// One of the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// See [`Classes::transient`].
    Transient,
    /// See [`Classes::surviving`].
    Surviving,
    /// See [`Classes::harmful`].
    Harmful,
    /// See [`Classes::decisive`].
    Decisive,
    /// See [`Classes::unevaluated`].
    Unevaluated,
}

impl Class {
    /// As files and messages spell it.
    pub fn name(self) -> &'static str {
        match self {
            Class::Transient => "transient",
            Class::Surviving => "surviving",
            Class::Harmful => "harmful",
            Class::Decisive => "decisive",
            Class::Unevaluated => "unevaluated",
        }
    }
}

/// A layer that was not looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// Its node's name.
    pub layer: String,
    /// Why not.
    pub reason: String,
}

/// One layer under the design, over all images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LayerAnswer {
    /// Name of its node; `product` for a single product.
    pub layer: String,
    /// Extents of one run.
    pub shape: ShapeEntry,
    /// How the design works on it.
    pub schedule: ScheduleEntry,
    /// How wide its accumulator is, and how wide it has to be.
    pub widths: WidthsEntry,
    /// Numbers of the layer that the network computes itself: `widths.proved` then holds for all that they can be, or
    /// nothing is proved, and this says why.
    pub computed: Option<String>,
    /// Runs of this shape that were looked at: one for each batch of images.
    pub runs: u64,
    /// Outputs over all runs.
    pub outputs: u64,
    /// Outputs from whose sum something was taken: at least one event at `reduce.N`, `accumulator.start`,
    /// `accumulator` or `accumulator.output`.
    pub outputs_with_events: u64,
    /// What became of them.
    pub classes: Classes,
    /// Outputs with events at post steps, and nothing taken from their sums: none of `outputs_with_events`. The exact sum
    /// goes through the same steps; saturating to the output's range is the network's own arithmetic.
    pub only_post: u64,
    /// Every fitting node, in datapath order.
    pub nodes: Vec<NodeAnswer>,
    /// Every output channel, counted over all groups.
    pub channels: Vec<ChannelAnswer>,
    /// Events of the accumulator by tile; none when there were none.
    pub tiles: Option<TileAnswer>,
    /// Events of the accumulator by cycle of the tile's period, `[period]`: where in the wave they lie.
    pub cycles: Sides,
    /// Ids of this layer's witnesses in `witness.json`.
    pub witnesses: Vec<String>,
    /// Events at the accumulator, `[2, images · m, channels]` (high, low), summed over the runs: a `.npy` file.
    pub table: Option<String>,
}

/// Extents of one run of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShapeEntry {
    /// Images that lie side by side in the schedule.
    pub images: usize,
    /// Groups of a convolution; 1 for a matrix product.
    pub groups: usize,
    /// Output positions per image.
    pub m: usize,
    /// Products per output.
    pub k: usize,
    /// Output channels per group.
    pub n: usize,
}

/// How the design works on one run of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleEntry {
    /// Beats of one output: k steps.
    pub beats: usize,
    /// Products of one beat.
    pub lanes: usize,
    /// PEs down.
    pub rows: usize,
    /// PEs across.
    pub columns: usize,
    /// Tiles of one run.
    pub tiles: usize,
    /// Cycles from one tile's start to the next one's.
    pub period_cycles: usize,
    /// Cycles of one run.
    pub cycles: u64,
}

/// Counts above and below a format, entry by entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sides {
    /// Above it.
    pub high: Vec<u64>,
    /// Below it.
    pub low: Vec<u64>,
}

/// One node that fits values into a format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeAnswer {
    /// `reduce.0`, `accumulator.start`, `accumulator`, `accumulator.output`, `post.1`, ….
    pub node: String,
    /// Its format, like `s16`; none for a step that is fused with its shift.
    pub format: Option<String>,
    /// `wrap`, `saturate` or `saturate_symmetric`.
    pub overflow: String,
    /// Values above the format.
    pub high: u64,
    /// Values below it.
    pub low: u64,
    /// Outputs with at least one of them.
    pub outputs: u64,
    /// Events here by output, like [`LayerAnswer::table`]; none without events, and for post steps.
    pub table: Option<String>,
    /// By output channel, `[groups · n]`; empty without events.
    pub channels: Sides,
    /// By k step, `[beats]`; empty without events, for nodes behind the accumulator, and for start values, which all enter
    /// with the first.
    pub beats: Sides,
    /// By PE, `[rows · columns]`, row-major; empty without events.
    pub pes: Sides,
    /// The first in schedule order (run, tile, beat, row, column).
    pub first: Option<Event>,
    /// The one that lay farthest outside the rails; the first of equals.
    pub largest: Option<Event>,
}

/// One value that lay outside a node's format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The node.
    pub node: String,
    /// Where in the work and in the array.
    pub place: PlaceEntry,
    /// `high` or `low`.
    pub side: String,
    /// The operands of the beat, lane by lane, of one of several accumulators its own; empty for start values and nodes behind
    /// the accumulator.
    pub lanes: Vec<LaneEntry>,
    /// What the accumulator held before; for nodes behind it, what they were given; 0 for a reduction level and a start value.
    pub before: Exact,
    /// What is added to it: the lanes' products, reduced. 0 for every other node.
    pub term: Exact,
    /// What entered the node.
    pub entering: Exact,
    /// What the node made of it.
    #[serde(with = "crate::num::exact")]
    #[schemars(with = "Exact")]
    pub value: i64,
    /// The node's format.
    pub format: String,
    /// The smallest and the largest value that pass unchanged.
    #[serde(with = "crate::num::exact")]
    #[schemars(with = "[Exact; 2]")]
    pub rails: [i64; 2],
    /// How far outside the rails it lay, from 1.
    pub excess: Exact,
}

/// Where an event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceEntry {
    /// Image of the input, from 0.
    pub image: usize,
    /// Product of a batched matrix product, from 0; else 0.
    pub product: usize,
    /// Output row of the run: position, counted over the run's images.
    pub m: usize,
    /// Output channel, counted over all groups.
    pub n: usize,
    /// Beat of the output, from 0, with which a start value enters; none for nodes behind the accumulator.
    pub beat: Option<usize>,
    /// Which of the output's accumulators, from 0; left out of other nodes and where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accumulator: Option<usize>,
    /// Tile of the run's schedule, from 0.
    pub tile: usize,
    /// Row of the PE.
    pub row: usize,
    /// Column of the PE.
    pub column: usize,
    /// Cycle of the run whose edge stores the value, from 0.
    pub cycle: u64,
}

/// What one lane multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaneEntry {
    /// Scheduled element; none when the lane idles.
    pub k: Option<usize>,
    /// Activation code.
    pub activation: i64,
    /// Weight code.
    pub weight: i64,
    /// Their product, offsets included.
    pub product: Exact,
}

/// One output channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelAnswer {
    /// Its number, counted over all groups.
    pub channel: usize,
    /// Values above the accumulator's format.
    pub high: u64,
    /// Values below it.
    pub low: u64,
    /// Outputs from whose sum something was taken, as in [`LayerAnswer::outputs_with_events`].
    pub outputs_with_events: u64,
    /// What became of them.
    pub classes: Classes,
    /// How far outside its rails a value entering a reduction level, the accumulator, as its start too, or its output clamp
    /// lay at most; 0 when none did.
    pub largest_excess: Exact,
    /// Id of the witness of its first event at one of those nodes.
    pub first: Option<String>,
}

/// Events of the accumulator by tile of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TileAnswer {
    /// Tiles of the run with at least one event, in any run.
    pub with_events: usize,
    /// The tile with the most, the first of equals.
    pub busiest: usize,
    /// Its first output row.
    pub m: usize,
    /// Its first output channel, counted over all groups.
    pub n: usize,
    /// Its events above the format, over all runs.
    pub high: u64,
    /// Its events below it.
    pub low: u64,
}
