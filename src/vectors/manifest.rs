//! `manifest.json`: everything a stranger needs to use a bundle without goldpath.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::by_hand;
use super::data_files::{Layouts, MAX_CYCLES, port_name};
use super::gaps::GAPS;
pub use super::gaps::GapsEntry;
use super::hex_file::Written;
pub use super::provenance::{InputFile, Provenance};
use super::{Field, Layout, validity};
use crate::error::{Error, Kind, Place, Result, shown_json};
use crate::limits::{MAX_JSON_BYTES, element_count, read_text};
use crate::lower::{NodeEvents, Program};
use crate::neighbours::Score;
use crate::post::Per;
use crate::trace::{Role, SignalTable};

/// The whole file; every key is stable within one `schema`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Version of this format: 1.
    pub schema: u32,
    /// The goldpath that wrote the bundle, with its version.
    pub generator: String,
    /// The design whose behaviour the vectors are.
    pub design: DesignEntry,
    /// Where operands and parameters came from.
    pub source: Provenance,
    /// Extents of the work.
    pub shape: ShapeEntry,
    /// Records of stimulus.hex and expected.hex.
    pub cycles: u64,
    /// Values compared in all cycles.
    pub values: u64,
    /// Which cycle a record belongs to, and when inputs are driven and outputs sampled.
    pub timing: Vec<String>,
    /// How the fields of a record become lines of hex digits.
    pub packing: String,
    /// Every file of the bundle but this one, by name.
    pub files: BTreeMap<String, FileEntry>,
    /// Inputs, registers and outputs, and where each lies.
    pub signals: Vec<SignalEntry>,
    /// Fields of channels.hex, from bit 0 up.
    pub parameters: Vec<ParameterEntry>,
    /// Consecutive records of channels.hex that are driven side by side.
    pub columns: usize,
    /// Fields of beats_in.hex, from bit 0 up.
    pub beats_in: Vec<FieldEntry>,
    /// What the one-bit signals say.
    pub flags: BTreeMap<String, String>,
    /// How often a value entering a node lay outside its format, when it was counted.
    pub events: Option<BTreeMap<String, Events>>,
    /// Which neighbours of its design, each one plausible mistake away, the bundle tells apart, when that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<Score>,
    /// Idle cycles of the host between beats; none where beat follows on beat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gaps: Option<GapsEntry>,
    /// Commands that run the bundle in each simulator, typed in its folder.
    pub run: BTreeMap<String, Vec<String>>,
}

/// The design, by name and content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DesignEntry {
    /// Also the top module of its twin.
    pub name: String,
    /// SHA-256 of the complete design, without the names of Verilog parameters.
    pub sha256: String,
    /// Values of the twin's Verilog parameters.
    #[serde(with = "crate::num::exact")]
    #[schemars(with = "BTreeMap<String, crate::num::Exact>")]
    pub verilog: BTreeMap<String, i64>,
}

/// Extents of the work: codes `[images, groups, m, k]` times codes `[groups, k, n]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShapeEntry {
    /// Images of the batch.
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

/// One file; all but `sha256` is for data files only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileEntry {
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// What a record is, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<String>,
    /// How many records it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Lines per record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words_per_record: Option<usize>,
    /// Bits of a line, a multiple of 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_bits: Option<usize>,
    /// The sum that tb.sv recomputes, eight hex digits; `packing` says how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
}

/// A signal and its place in a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignalEntry {
    /// Its name in traces and reports.
    pub name: String,
    /// Port of the testbench's module; none for what only the host uses.
    pub port: Option<String>,
    /// Node of the design that it belongs to.
    pub node: String,
    /// `input`, `register` or `output`.
    pub role: String,
    /// The data file whose records hold it.
    pub file: String,
    /// Instances, row-major; `[]` for a scalar.
    pub shape: Vec<usize>,
    /// Format of every instance, like `s8`.
    pub format: String,
    /// Bit of the record at which instance 0 begins.
    pub bit_offset: usize,
}

/// A parameter and its place in a record of channels.hex.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParameterEntry {
    /// Its name in the design.
    pub name: String,
    /// Port of the testbench's module.
    pub port: String,
    /// `layer` or `channel`.
    pub per: String,
    /// Its format, like `u6`.
    pub format: String,
    /// Bit of the record at which it begins.
    pub bit_offset: usize,
}

/// A field of beats_in.hex.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FieldEntry {
    /// Name of the input that it is a beat of.
    pub name: String,
    /// Instances, row-major; `[]` for a scalar.
    pub shape: Vec<usize>,
    /// Format of every instance, like `s8`.
    pub format: String,
    /// Bit of the record at which instance 0 begins.
    pub bit_offset: usize,
}

/// How often a value lay outside one node's format (R6).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Events {
    /// Above it.
    pub high: u64,
    /// Below it.
    pub low: u64,
}

/// Values of a cycle that a manifest may speak of: 256 × 256 PEs with a hundred registers each.
const MAX_INSTANCES: usize = 1 << 23;

impl Manifest {
    /// The JSON Schema of `manifest.json`.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Manifest).to_value()
    }

    /// What lies where in the bundle's data files.
    ///
    /// # Errors
    /// A format that is none; sizes that no bundle has.
    pub fn layouts(&self) -> Result<Layouts> {
        self.refuse_impossible_sizes()?;
        let of_file = |file: &'static str| {
            self.signals
                .iter()
                .filter(move |s| s.file == file)
                .map(|s| (s.name.as_str(), &s.shape[..], s.format.as_str()))
        };
        let scalar: &[usize] = &[];
        let out_data = of_file("expected.hex").filter(|(name, ..)| *name == "out.data");
        let channels = self.parameters.iter().map(|p| (p.name.as_str(), scalar, p.format.as_str()));
        let beats_in = self.beats_in.iter().map(|f| (f.name.as_str(), &f.shape[..], f.format.as_str()));
        let per = |p: &ParameterEntry| if p.per == "channel" { Per::Channel } else { Per::Layer };
        let layouts = Layouts {
            stimulus: layout(of_file("stimulus.hex"))?,
            expected: layout(of_file("expected.hex"))?,
            beats_in: layout(beats_in)?,
            beats_out: layout(out_data)?,
            channels: layout(channels)?,
            per: self.parameters.iter().map(per).collect(),
            columns: self.columns,
        };
        self.refuse_other_offsets(&layouts)?;
        Ok(layouts)
    }

    /// Offsets follow from formats and shapes; a reader may use either.
    fn refuse_other_offsets(&self, layouts: &Layouts) -> Result<()> {
        let signals = self.signals.iter().map(|s| {
            let layout = if s.file == "stimulus.hex" { &layouts.stimulus } else { &layouts.expected };
            (layout, &s.name, s.bit_offset)
        });
        let parameters = self.parameters.iter().map(|p| (&layouts.channels, &p.name, p.bit_offset));
        let beats = self.beats_in.iter().map(|f| (&layouts.beats_in, &f.name, f.bit_offset));
        let wrong = |(layout, name, offset): &(&Layout, &String, usize)| {
            layout.field(name).is_none_or(|f| f.offset != *offset)
        };
        let Some((_, name, _)) = signals.chain(parameters).chain(beats).find(wrong) else { return Ok(()) };
        Err(Error::new(Kind::Malformed, "its bit_offset is not where the fields before it end")
            .at(Place::Signal(name.clone())))
    }

    /// What was not written by `vectors` must not make sizes overflow.
    fn refuse_impossible_sizes(&self) -> Result<()> {
        let shapes = self.signals.iter().map(|s| &s.shape).chain(self.beats_in.iter().map(|f| &f.shape));
        let instances = |shape: &Vec<usize>| {
            let count = element_count(shape).ok();
            count.filter(|count| *count > 0)
        };
        let total = shapes.map(instances).try_fold(0_usize, |all, n| all.checked_add(n?));
        let counts = self.files.values().filter_map(|f| f.records).chain([self.cycles, self.columns as u64]);
        let possible = self.cycles > 0
            && self.columns > 0
            && self.columns <= MAX_INSTANCES
            && total.is_some_and(|t| t <= MAX_INSTANCES)
            && counts.max().is_some_and(|c| c <= MAX_CYCLES);
        if possible {
            return Ok(());
        }
        Err(Error::new(
            Kind::Malformed,
            "the manifest gives sizes that no bundle has (cycles, columns, records or shapes)",
        )
        .at(Place::File("manifest.json".into())))
    }

    /// Records in a data file.
    pub fn records(&self, file: &str) -> u64 {
        self.files.get(file).and_then(|f| f.records).unwrap_or(0)
    }
}

fn layout<'a>(fields: impl Iterator<Item = (&'a str, &'a [usize], &'a str)>) -> Result<Layout> {
    let parsed = fields.map(|(name, shape, format)| {
        let format = format
            .parse()
            .map_err(|e: String| Error::new(Kind::Malformed, e).at(Place::Signal(name.to_string())))?;
        Ok((name, shape, format))
    });
    Ok(Layout::new(parsed.collect::<Result<Vec<_>>>()?))
}

/// What a finished bundle knows about itself.
pub struct Facts<'a> {
    /// The program that was run.
    pub program: &'a Program,
    /// The signals of its trace.
    pub table: &'a SignalTable,
    /// Where they lie in the data files.
    pub layouts: &'a Layouts,
    /// Cycles of the trace.
    pub cycles: u64,
    /// The data files, in the order of [`Layouts::files`].
    pub written: &'a [Written],
    /// SHA-256 of the files that are not data.
    pub texts: Vec<(&'static str, String)>,
    /// Where the numbers came from.
    pub provenance: &'a Provenance,
    /// What its program does.
    pub found: Found<'a>,
}

/// What was found out about a program beside its trace.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found<'a> {
    /// Overflows per node, when they were counted.
    pub events: Option<&'a [NodeEvents]>,
    /// Which neighbours of its design it tells apart, when that was asked.
    pub strength: Option<&'a Score>,
    /// How the host rested between beats, when it did.
    pub gaps: Option<&'a GapsEntry>,
}

/// The manifest as it is written: indented JSON with a newline at the end.
pub fn text(facts: &Facts) -> Result<String> {
    let text = serde_json::to_string_pretty(&manifest(facts))
        .map_err(|e| Error::new(Kind::Malformed, "the manifest cannot be written").because(e))?;
    Ok(shown_json(&text).into_owned() + "\n")
}

/// Reads a bundle's manifest.
///
/// # Errors
/// No `manifest.json` there, not a manifest, or one of another schema.
pub fn read(bundle: &Path) -> Result<Manifest> {
    let path = bundle.join("manifest.json");
    let file = std::fs::File::open(&path).map_err(|e| {
        Error::io(&path, "read the bundle's manifest", e).help("give a folder that `goldpath vectors` wrote")
    })?;
    let text = read_text(file, &path, MAX_JSON_BYTES, "read the bundle's manifest")?;
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|e| Error::new(Kind::Malformed, "is not a bundle's manifest").in_file(&path).because(e))?;
    if manifest.schema != 1 {
        return Err(Error::new(Kind::Unsupported, format!("manifest schema {} is not 1", manifest.schema))
            .in_file(&path));
    }
    validity::check(&manifest).map_err(|e| Error { place: Place::File(path), ..e })?;
    Ok(manifest)
}

/// What this goldpath calls itself in a manifest.
pub fn generator() -> String {
    format!("goldpath {}", env!("CARGO_PKG_VERSION"))
}

fn manifest(facts: &Facts) -> Manifest {
    let design = &facts.program.design;
    let shape = facts.program.shape;
    let values: usize = facts.layouts.expected.fields.iter().map(Field::instances).sum();
    let verilog =
        design.twin.iter().filter_map(|(key, name)| Some((name.clone(), *design.twin_values.get(key)?)));
    Manifest {
        schema: 1,
        generator: generator(),
        design: DesignEntry {
            name: design.name.clone(),
            sha256: design.hash.clone(),
            verilog: verilog.collect(),
        },
        source: facts.provenance.clone(),
        shape: ShapeEntry { images: shape.images, groups: shape.groups, m: shape.m, k: shape.k, n: shape.n },
        cycles: facts.cycles,
        values: facts.cycles * values as u64,
        timing: TIMING.into_iter().chain(facts.found.gaps.map(|_| GAPS)).map(String::from).collect(),
        packing: PACKING.to_string(),
        files: files(facts),
        signals: signals(facts),
        parameters: parameters(facts),
        columns: facts.layouts.columns,
        beats_in: facts.layouts.beats_in.fields.iter().map(field_entry).collect(),
        flags: flags(facts.table),
        strength: facts.found.strength.cloned(),
        events: facts.found.events.map(|events| {
            events.iter().map(|e| (e.node.clone(), Events { high: e.high, low: e.low })).collect()
        }),
        gaps: facts.found.gaps.cloned(),
        run: by_hand::commands(&design.name),
    }
}

const TIMING: [&str; 3] = [
    "cycle n is the clock period that ends with rising edge n; edge 0 is the first with rst inactive (active high, synchronous, held two edges)",
    "the inputs of cycle n are driven at its falling edge, everything is sampled just before edge n",
    "param.* ports carry the records of channels.hex from in.channel on, column j from record in.channel + j, in the same cycle",
];

const PACKING: &str = "fields lie side by side from bit 0; instances are row-major, instance 0 in the least significant bits; \
two's complement; a record of more than 512 bits is words_per_record lines, least significant word first, unused top bits 0; \
sum: over 32-bit chunks, least significant first in each word, chunk i of the file times 2i + 1, modulo 2^32";

fn files(facts: &Facts) -> BTreeMap<String, FileEntry> {
    let holds = [
        "inputs, one record a cycle",
        "registers and outputs, one record a cycle",
        "one record an input beat, without skew and idle cycles",
        "out.data, one record a valid output",
        "parameters, one record an output channel, groups padded to whole tiles",
    ];
    let data = facts
        .layouts
        .files()
        .into_iter()
        .zip(facts.written)
        .zip(holds)
        .map(|(((name, layout), w), holds)| (format!("{name}.hex"), data_entry(layout, w, holds)));
    let texts = facts.texts.iter().map(|(name, sha256)| {
        let entry = FileEntry {
            sha256: sha256.clone(),
            holds: None,
            records: None,
            words_per_record: None,
            word_bits: None,
            sum: None,
        };
        (name.to_string(), entry)
    });
    data.chain(texts).collect()
}

fn data_entry(layout: &Layout, written: &Written, holds: &str) -> FileEntry {
    FileEntry {
        sha256: written.sha256.clone(),
        holds: Some(holds.to_string()),
        records: Some(written.records),
        words_per_record: Some(layout.words),
        word_bits: Some(layout.word_bits),
        sum: Some(format!("{:08x}", written.sum)),
    }
}

fn signals(facts: &Facts) -> Vec<SignalEntry> {
    let entry = |signal: &crate::trace::Signal| {
        let (file, layout, role) = match signal.role {
            Role::Input => ("stimulus.hex", &facts.layouts.stimulus, "input"),
            Role::Register => ("expected.hex", &facts.layouts.expected, "register"),
            Role::Output => ("expected.hex", &facts.layouts.expected, "output"),
        };
        SignalEntry {
            name: signal.name.clone(),
            // The host uses it to choose parameters; the hardware never sees it.
            port: (signal.name != "in.channel").then(|| port_name(&signal.name)),
            node: signal.node.clone(),
            role: role.to_string(),
            file: file.to_string(),
            shape: signal.shape.clone(),
            format: signal.format.to_string(),
            bit_offset: layout.field(&signal.name).map_or(0, |f| f.offset),
        }
    };
    facts.table.signals.iter().map(entry).collect()
}

fn parameters(facts: &Facts) -> Vec<ParameterEntry> {
    let entry = |(field, per): (&Field, &Per)| ParameterEntry {
        name: field.name.clone(),
        port: port_name(&format!("param.{}", field.name)),
        per: if *per == Per::Channel { "channel" } else { "layer" }.to_string(),
        format: field.format.to_string(),
        bit_offset: field.offset,
    };
    facts.layouts.channels.fields.iter().zip(&facts.layouts.per).map(entry).collect()
}

fn field_entry(field: &Field) -> FieldEntry {
    FieldEntry {
        name: field.name.clone(),
        shape: field.shape.clone(),
        format: field.format.to_string(),
        bit_offset: field.offset,
    }
}

/// Each one-bit signal in words.
fn flags(table: &SignalTable) -> BTreeMap<String, String> {
    let is_post_only = table.signals.iter().any(|signal| signal.name == "in.value");
    let explain = |name: &str| match name {
        "in.valid" if is_post_only => Some("1: in.value is a value to be requantised"),
        "in.valid" => Some("1: the operands of this cycle are a beat to be multiplied and accumulated"),
        "in.first" => Some(
            "1: first beat of an output; the accumulator starts anew (alone, without valid: it is cleared)",
        ),
        "in.last" => Some("1: last beat of an output"),
        "in.drain" => Some("1: the accumulators move one row down and the bottom row leaves"),
        "pe.done" => Some("1: the accumulator holds a finished value, in the cycle after its last beat"),
        "out.valid" => Some(
            "1: out.data is an output; 0: out.data is 0 (tb.sv compares that; `cosim --rtl` compares out.data only where out.valid is expected to be 1)",
        ),
        _ if name.contains("valid") => Some("the valid bit of this stage's data"),
        _ if name.contains("first") => Some("the first bit of this stage's data"),
        _ if name.contains("last") => Some("the last bit of this stage's data"),
        _ => None,
    };
    let one_bit = table.signals.iter().filter(|s| s.format.width() == 1);
    one_bit.filter_map(|s| Some((s.name.clone(), explain(&s.name)?.to_string()))).collect()
}
