//! What a sweep answers: `report.json`, and what the pages of `report` are drawn from.
//!
//! Every number here is a function of model, inputs, design and options alone: neither of how the work was split, nor
//! of whether it was killed on the way.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::Dead;
use crate::network::{Coverage, Mac};
use crate::num::Exact;

/// Version of this format.
///
/// 2: a start value that the register does not hold is an overflow.
pub const SCHEMA: u32 = 2;

/// Everything a sweep found; every key is stable within one `schema`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sweep {
    /// What was asked.
    pub plan: Plan,
    /// One entry per combination of `--vary` values, in the order asked; one in all when nothing is varied.
    pub variants: Vec<Variant>,
    /// The points that no other beats in both cost and accuracy: one front per measure of cost.
    pub fronts: Vec<Front>,
    /// How much was really run.
    pub work: Work,
}

/// What was asked: two sweeps with the same plan give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Version of this format: 2. In 1, a start value that the register does not hold was no overflow.
    pub schema: u32,
    /// The goldpath that ran it, with its version.
    pub generator: String,
    /// The model.
    pub model: InputFile,
    /// The input tensor, when given.
    pub input: Option<InputFile>,
    /// Tensors by name, when given.
    #[serde(default)]
    pub tensors: Option<InputFile>,
    /// The true labels, when given.
    pub labels: Option<InputFile>,
    /// The design as given, `--set` included.
    pub design: InputDesign,
    /// Images taken, first and one past the last; all when absent.
    pub images: Option<[usize; 2]>,
    /// Accumulator widths run end to end, ascending.
    pub widths: Vec<u32>,
    /// Overflow rules, as `accumulator.overflow` spells them.
    pub modes: Vec<String>,
    /// Further design keys that were varied.
    pub axes: Vec<Axis>,
    /// What became of the layers' biases, where `--bias-in` said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<String>,
    /// Whether Yosys was asked for flip-flops and LUTs.
    pub synthesis: bool,
}

impl Plan {
    /// Names of the files that the network was fed from.
    pub fn fed(&self) -> String {
        let files = [&self.input, &self.tensors].into_iter().flatten().map(|file| file.name.as_str());
        files.collect::<Vec<_>>().join(" and ")
    }
}

/// A file that numbers were taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputFile {
    /// Its name without the folder.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
}

/// The design that was swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputDesign {
    /// Its name.
    pub name: String,
    /// Hash of the canonical design, as overridden by `--set` and before any sweep.
    pub sha256: String,
    /// The `--set` keys, in the order typed.
    pub overrides: Vec<[String; 2]>,
}

/// A design key and the values it takes: `--vary KEY=V1,V2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Axis {
    /// Dotted key, as behind `--set`.
    pub key: String,
    /// Its values, as behind `--set`.
    pub values: Vec<String>,
}

/// One combination of the varied keys: its exact network, layer by layer, and its points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Variant {
    /// The varied keys' values; empty when nothing is varied.
    pub settings: BTreeMap<String, String>,
    /// The exact network, the one in which no accumulator overflows, and its layers; or why there is none.
    pub layers: Outcome<Layers>,
    /// One entry per width and mode: widths ascending, modes in the order asked.
    pub points: Vec<Point>,
}

/// A result, or why the design or the layer refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<T> {
    /// It could be done.
    Done(T),
    /// The design refuses this width, mode or variant, or the layer does not fit it: its own words.
    NotBuildable(String),
}

impl<T> Outcome<T> {
    /// The result, if there is one.
    pub fn done(&self) -> Option<&T> {
        match self {
            Outcome::Done(result) => Some(result),
            Outcome::NotBuildable(_) => None,
        }
    }
}

/// The exact network of a variant, which every width is compared with: formats that hold everything, the whole bias included,
/// at every node in front of the post steps; what steps there round is rounded. And the network in which no accumulator
/// overflows, which the widths share: the design's own nodes around accumulators that hold everything. Where none takes
/// something from a sum, the two are one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Layers {
    /// Width of the design that gave the post steps: the widest it builds.
    pub reference_width: u32,
    /// Smallest accumulator width at which no accumulator can overflow in any of `layers`, whatever the input: proved.
    /// `None` when that needs more than 64 bits, or nothing is proved. It says nothing of other nodes: see
    /// `exact_when_held`.
    pub minimal_proved_width: Option<u32>,
    /// Smallest accumulator width at which no accumulator overflowed in any of `layers` on these inputs, start values
    /// included. It says nothing of other nodes: see `exact_when_held`.
    pub minimal_observed_width: u32,
    /// Both again, without dead channels.
    pub without_dead: WithoutDead,
    /// Whether the network in which no accumulator overflows is the exact one, on these inputs. If not, another node
    /// in front of the post steps takes something from sums, and no accumulator width is enough.
    pub exact_when_held: bool,
    /// Nodes beside the accumulator, which the sweep does not vary: each layer's `levels` have their events.
    pub unvaried: Vec<Unvaried>,
    /// Images that the network in which no accumulator overflows answers as the exact network does.
    pub agree_when_held: u64,
    /// Outputs of all layers of the network in which no accumulator overflows, other than the exact network's.
    pub differing_when_held: u64,
    /// Images run.
    pub images: u64,
    /// Images that the exact network labels rightly, when there are labels.
    pub correct: Option<u64>,
    /// What the exact network answers, image by image: the index of its largest output.
    pub answers: Vec<u32>,
    /// Layer by layer, in evaluation order, each on the inputs that it meets when no accumulator overflows.
    pub layers: Vec<Layer>,
    /// How many of the network's multiply-accumulate operators these are: what the widths are about.
    pub coverage: Coverage,
    /// Every multiply-accumulate operator of the network, each once, in evaluation order.
    pub macs: Vec<Mac>,
    /// Those that are not among `layers`, each with the reason.
    pub skipped: Vec<Mac>,
}

/// A node that every width has as the design states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unvaried {
    /// `product.steps.0`, …, `reduce.0`, …, `memory.store.0`, …, `memory`.
    pub node: String,
    /// Its format, like `s16`.
    pub format: String,
    /// `wrap`, `saturate` or `saturate_symmetric`.
    pub overflow: String,
    /// Whether its format holds every value that can enter it.
    pub always_fits: bool,
}

/// Events at a node that is not varied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LevelEvents {
    /// `reduce.0`, ….
    pub node: String,
    /// Values above its format.
    pub high: u64,
    /// Values below it.
    pub low: u64,
}

/// One layer, on the inputs that it meets when no accumulator overflows, at all widths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Layer {
    /// Name of its node.
    pub name: String,
    /// Products per output.
    pub k: u64,
    /// Output channels.
    pub channels: u64,
    /// Outputs, over all images and channels.
    pub outputs: u64,
    /// Every other node in front of the post steps: its events on these inputs where no accumulator overflows, which in front
    /// of the accumulator are those at every width.
    pub levels: Vec<LevelEvents>,
    /// Outputs that differ from those of exact sums on these inputs although no accumulator overflows.
    pub changed_by_levels: u64,
    /// As in [`Layers`], for this layer.
    pub minimal_proved_width: Option<u32>,
    /// As in [`Layers`], for this layer.
    pub minimal_observed_width: u32,
    /// Channels whose sums reach no output code: what they need decides nothing. Their `proved_width` is that of the others.
    pub dead: Dead,
    /// As in [`Layers`], for this layer.
    pub without_dead: WithoutDead,
    /// Numbers of the layer that the network computes itself: what is proved then holds for all that they can be, or
    /// nothing is proved, and this says why.
    pub computed: Option<String>,
    /// Smallest and largest value that can enter the accumulator; none when nothing is proved.
    pub proved: Option<[Exact; 2]>,
    /// Smallest and largest value that entered it while nothing overflowed.
    #[serde(with = "crate::num::exact")]
    #[schemars(with = "[Exact; 2]")]
    pub observed: [i64; 2],
    /// The same per output channel.
    pub channel_widths: Vec<ChannelWidths>,
    /// How many outputs overflow at every width from 8 to 48, per mode and channel.
    pub overflowing: Vec<Overflowing>,
    /// How far the layer's outputs are from those of exact sums on these inputs, at every width from 8 to 48, per mode.
    pub curves: Vec<Curve>,
}

/// Minimal widths over the channels that are not dead: no sum of a dead channel reaches an output code, whatever becomes
/// of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WithoutDead {
    /// Dead channels.
    pub dead: u64,
    /// As `minimal_proved_width`.
    pub proved: Option<u32>,
    /// As `minimal_observed_width`.
    pub observed: u32,
}

/// Headroom of one output channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelWidths {
    /// Smallest width proved for every input; `None` above 64.
    pub proved: Option<u32>,
    /// Smallest width at which nothing overflowed, the start value included.
    pub observed: u32,
    /// Smallest width that holds the start value, the bias: below it the sum starts elsewhere (R9).
    pub start: u32,
}

/// Outputs with at least one overflow, by channel and width: at the accumulator, or of the start value that enters it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Overflowing {
    /// `accumulator.overflow`.
    pub mode: String,
    /// The width that the first number of each list is for: 8.
    pub first_width: u32,
    /// `[channel][width − first_width]`; 0 at every width behind the end of a list, up to 48.
    pub outputs: Vec<Vec<u64>>,
}

impl Overflowing {
    /// Outputs of all channels that overflow at `width`, one of 8..=48; 0 at other widths.
    pub fn at(&self, width: u32) -> u64 {
        let index = width.checked_sub(self.first_width).and_then(|index| usize::try_from(index).ok());
        self.outputs.iter().filter_map(|channel| channel.get(index?)).sum()
    }
}

/// One mode's curve over the widths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// `accumulator.overflow`.
    pub mode: String,
    /// Widths ascending, 8 to 48.
    pub points: Vec<CurvePoint>,
}

/// A layer at one width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// Of the accumulator.
    pub width: u32,
    /// What happened there, or why the design has no such width.
    pub result: Outcome<Fidelity>,
}

/// What a width did to a layer's values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fidelity {
    /// Overflows at the accumulator and its start.
    pub overflow: Events,
    /// Outputs whose accumulator is not the exact sum: the whole bias plus every exact product.
    pub accumulators_changed: u64,
    /// Outputs that differ after post-processing.
    pub outputs_changed: u64,
    /// 10 log10 (Σ y² / Σ (y − y′)²) over the layer's outputs y, zero point subtracted, rounded to 0.001 dB; `None`
    /// when no output differs.
    pub sqnr_db: Option<f64>,
}

/// Overflows at nodes `accumulator` and `accumulator.start`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Events {
    /// Outputs with at least one event at either.
    pub outputs: u64,
    /// Values above the register, over all steps (R6).
    pub high: u64,
    /// Values below it.
    pub low: u64,
    /// Start values above it, one for each output that starts from such a bias (R9).
    pub start_high: u64,
    /// Start values below it.
    pub start_low: u64,
}

/// The whole network with one accumulator width and overflow rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Of the accumulator.
    pub width: u32,
    /// `accumulator.overflow`.
    pub mode: String,
    /// What the network answers there, or why there is no such network.
    pub result: Outcome<PointResult>,
}

/// A network at one point, every value as a run of its own would give it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PointResult {
    /// Images labelled rightly, when there are labels: top-1 accuracy is `correct / images`.
    pub correct: Option<u64>,
    /// Images answered as the exact network answers them.
    pub agree: u64,
    /// SHA-256 of the answers' tensor; equal to the exact network's where nothing reaches the output.
    pub output_sha256: String,
    /// The first layer with an output other than the exact network's.
    pub diverges_at: Option<String>,
    /// Whether the network had to be run: a layer met other inputs than when no accumulator overflows.
    pub network_run: bool,
    /// Outputs of all layers other than the exact network's.
    pub differing: u64,
    /// Outputs of all layers that overflow at the accumulator or its start, each layer fed by the network at this point.
    pub overflowing: u64,
    /// Layers that were run whole: those that met other inputs, and those with too many overflows to replay alone.
    pub layers_run: u64,
    /// Outputs replayed one by one, in layers that met the inputs of the network in which no accumulator overflows.
    pub outputs_replayed: u64,
    /// Every layer, in evaluation order.
    pub layers: Vec<PointLayer>,
    /// What the hardware costs.
    pub cost: Cost,
    /// Why its twin was not synthesised, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_synthesised: Option<String>,
}

/// A layer of a network at one point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PointLayer {
    /// Name of its node.
    pub name: String,
    /// Overflows at the accumulator and its start, on the inputs that the layer met in this network.
    pub overflow: Events,
    /// Outputs of it other than the exact network's.
    pub differing: u64,
    /// SHA-256 of its outputs, each as a little-endian int64, in the tensor's order.
    pub sha256: String,
}

/// What a point costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// PEs × width of the accumulator's register.
    pub accumulator_bits: u64,
    /// Full adders of all PEs: see [`super::cost`].
    pub adder_bits: u64,
    /// Of the twin at this width, by Yosys, where it was asked for and the twin has this point.
    pub synthesis: Option<Synthesis>,
}

impl Cost {
    /// Accumulator and adder bits together: the first front's cost.
    pub fn bits(&self) -> u64 {
        self.accumulator_bits + self.adder_bits
    }
}

/// What `synth_xilinx` makes of a twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Synthesis {
    /// Cells FD*.
    pub flip_flops: u64,
    /// Cells LUT1 to LUT6.
    pub luts: u64,
}

/// Points that no other beats: none is at most as dear and at least as accurate, and better in one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Front {
    /// `bits` (accumulator and adder bits), `flip_flops` or `luts`: cells of two kinds are not added up.
    pub cost: String,
    /// `correct` with labels, else `agree`.
    pub accuracy: String,
    /// Cheapest first.
    pub points: Vec<FrontPoint>,
}

/// One point of a front.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrontPoint {
    /// Index into [`Sweep::variants`].
    pub variant: usize,
    /// Of the accumulator.
    pub width: u32,
    /// `accumulator.overflow`.
    pub mode: String,
    /// In the front's measure.
    pub cost: u64,
    /// Images.
    pub accuracy: u64,
}

/// How much was run, compared with one network per point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Work {
    /// Points that the designs build.
    pub points: u64,
    /// Points whose network had to be run; each shares everything before its first divergence.
    pub networks_run: u64,
    /// Of those, at or above the variant's minimal observed width: always 0.
    pub networks_run_above_minimum: u64,
    /// Layers of all those points: what separate runs would have computed.
    pub layers: u64,
    /// Layers that were run whole.
    pub layers_run: u64,
    /// Outputs replayed alone.
    pub outputs_replayed: u64,
}

impl Layers {
    /// Outputs of all layers that overflow at `width`, each layer fed by the network in which no accumulator overflows;
    /// none outside 8..=48.
    pub fn overflowing(&self, width: u32, mode: &str) -> Option<u64> {
        let tables = self.layers.iter().flat_map(|l| &l.overflowing).filter(|table| table.mode == mode);
        (8..=48).contains(&width).then(|| tables.map(|table| table.at(width)).sum())
    }
}

impl Sweep {
    /// The schema of `report.json`; JSON Schema 2020-12.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Sweep).to_value()
    }
}
