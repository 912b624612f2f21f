//! `tb.sv`: the self-checking testbench, rendered for one design (or one user's module).

use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde::Serialize;

use super::data_files::{DATA_FILES, Layouts, port_name};
use super::{Field, Layout, hex_file};
use crate::error::{Error, Kind, Result};
use crate::post::Per;

/// First word of every header: "GPV1".
pub const MAGIC: u32 = 0x4750_5631;

/// Words of `header.hex`: magic, layout, cycles, then lines and sum of each data file.
pub const HEADER_WORDS: usize = 3 + 2 * DATA_FILES.len();

/// Cycles of silence that end a comparison by beats.
const QUIET_CYCLES: u32 = 1024;

/// How the testbench's signals meet the module's ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wiring {
    /// Name of the module to be checked.
    pub module: String,
    /// Verilog parameters of the module and their values: a constant of `design.vh`, or a literal.
    pub generics: Vec<(String, String)>,
    /// Signal or parameter port in our words, and the module's port; a signal that is missing is not compared.
    pub ports: Vec<Port>,
    /// `out.data` is compared only in cycles whose expected `out.valid` is 1: the twins show 0 between outputs,
    /// other people's modules whatever was there.
    pub gated: bool,
}

/// One connected port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// `clk`, `rst`, a signal's name, or `param.<name>`.
    pub ours: String,
    /// The module's port.
    pub theirs: String,
    /// Active low: connected through an inverter.
    pub inverted: bool,
}

impl Wiring {
    /// Every signal at the port of its own name: how the twins are built.
    pub fn twin(layouts: &Layouts, module: &str, generics: Vec<String>) -> Wiring {
        let own = |ours: String| Port { theirs: port_name(&ours), ours, inverted: false };
        let ports = layouts.port_names().map(own).collect();
        let generics = generics.into_iter().map(|name| (name.clone(), name)).collect();
        Wiring { module: module.to_string(), generics, ports, gated: false }
    }

    /// Whether a signal meets a port, and so is driven or compared.
    pub fn connects(&self, ours: &str) -> bool {
        self.ports.iter().any(|p| p.ours == ours)
    }

    /// The fields that are compared in every cycle, and those only in cycles with an output.
    pub fn compared<'a>(&self, layouts: &'a Layouts) -> (Vec<&'a Field>, Vec<&'a Field>) {
        let connected = layouts.expected.fields.iter().filter(|f| self.connects(&f.name));
        let has_valid = layouts.expected.field("out.valid").is_some();
        connected.partition(|f| !(self.gated && has_valid && f.name == "out.data"))
    }
}

/// 32 bits that identify what lies where: a testbench refuses the bundle of another layout.
pub fn layout_id(layouts: &Layouts) -> u32 {
    let mut text = format!("columns {}", layouts.columns);
    for (name, layout) in layouts.files() {
        text.push_str(&format!("\n{name}"));
        for f in &layout.fields {
            text.push_str(&format!(" {}{:?}{}@{}", f.name, f.shape, f.format, f.offset));
        }
    }
    u32::from_str_radix(&hex_file::sha256(text.as_bytes())[..8], 16).unwrap_or_default()
}

#[derive(Serialize)]
struct FileView {
    name: &'static str,
    file: String,
    word_bits: usize,
    words: usize,
    digits: usize,
    chunks: usize,
    header_at: usize,
}

#[derive(Serialize)]
struct SignalView {
    port: String,
    bits: usize,
    width: usize,
    instances: usize,
    offset: usize,
    connected: bool,
    label: String,
    indices: String,
}

#[derive(Serialize)]
struct BeatView {
    valid: String,
    data: String,
    width: usize,
    instances: usize,
    label: String,
    indices: String,
}

/// Bits of an expected cycle: the one that says whether the others are compared.
#[derive(Serialize)]
struct GateView {
    valid: usize,
    offset: usize,
    bits: usize,
    instances: usize,
}

#[derive(Serialize)]
struct Connection {
    ours: String,
    theirs: String,
}

/// Everything the template names.
#[derive(Serialize)]
struct View<'a> {
    module: &'a str,
    generics: &'a [(String, String)],
    connections: Vec<Connection>,
    magic: String,
    layout: String,
    quiet_cycles: u32,
    header_words: usize,
    columns: usize,
    files: Vec<FileView>,
    inputs: Vec<SignalView>,
    channel: Option<SignalView>,
    parameters: Vec<SignalView>,
    checks: Vec<SignalView>,
    beats: Option<BeatView>,
    gates: Vec<GateView>,
    values_per_cycle: usize,
}

/// Renders the testbench of these layouts, wired to a module.
///
/// # Errors
/// A fault of the template.
pub fn render(layouts: &Layouts, wiring: &Wiring) -> Result<String> {
    let view = |f: &Field| signal_view(f, wiring.connects(&f.name));
    let inputs = layouts.stimulus.fields.iter().filter(|f| f.name != "in.channel");
    let parameters = layouts.channels.fields.iter().zip(&layouts.per);
    let files = layouts.files();
    let view = View {
        module: &wiring.module,
        generics: &wiring.generics,
        connections: connections(wiring),
        magic: format!("{MAGIC:08x}"),
        layout: format!("{:08x}", layout_id(layouts)),
        quiet_cycles: QUIET_CYCLES,
        header_words: HEADER_WORDS,
        columns: layouts.columns,
        files: files.iter().enumerate().map(|(i, (name, layout))| file_view(name, layout, i)).collect(),
        inputs: inputs.map(view).collect(),
        channel: layouts.stimulus.field("in.channel").map(view),
        parameters: parameters.map(|(field, per)| parameter_view(field, *per, layouts.columns)).collect(),
        checks: layouts.expected.fields.iter().map(view).collect(),
        beats: beat_view(layouts, wiring),
        gates: gate_views(layouts, wiring),
        values_per_cycle: wiring.compared(layouts).0.iter().map(|f| f.instances()).sum(),
    };
    let text = Environment::new()
        .render_str(include_str!("templates/tb.sv"), Value::from(Serde(view)))
        .map_err(|e| Error::new(Kind::Unsupported, "the testbench template does not render").because(e))?;
    // The template engine drops the last newline.
    Ok(text + "\n")
}

/// The testbench as one file: the Verilog parameters of `design.vh` stand in it, wherever it is compiled.
pub fn with_header(testbench: &str, header: &str) -> String {
    testbench.replacen("  `include \"design.vh\"\n", header, 1)
}

fn file_view(name: &'static str, layout: &Layout, index: usize) -> FileView {
    FileView {
        name,
        file: format!("{name}.hex"),
        word_bits: layout.word_bits,
        words: layout.words,
        digits: layout.digits(),
        chunks: layout.word_bits.div_ceil(32),
        header_at: 3 + 2 * index,
    }
}

fn signal_view(field: &Field, connected: bool) -> SignalView {
    let (label, indices) = label(&field.name, &field.shape);
    SignalView {
        port: port_name(&field.name),
        bits: field.bits(),
        width: field.width(),
        instances: field.instances(),
        offset: field.offset,
        connected,
        label,
        indices,
    }
}

/// A parameter's port carries one value per column, or one for the layer.
fn parameter_view(field: &Field, per: Per, columns: usize) -> SignalView {
    let instances = if per == Per::Channel { columns } else { 1 };
    SignalView {
        port: port_name(&format!("param.{}", field.name)),
        bits: instances * field.width(),
        instances,
        ..signal_view(field, true)
    }
}

fn beat_view(layouts: &Layouts, wiring: &Wiring) -> Option<BeatView> {
    let data = layouts.expected.field("out.data")?;
    let is_one = layouts.expected.field("out.valid").is_some_and(|valid| valid.instances() == 1);
    if !(is_one && wiring.connects("out.valid") && wiring.connects("out.data")) {
        return None;
    }
    let (label, indices) = label("out.data", &data.shape);
    Some(BeatView {
        valid: port_name("out.valid"),
        data: port_name("out.data"),
        width: data.width(),
        instances: data.instances(),
        label,
        indices,
    })
}

/// One for all outputs, or one each where columns leave skewed.
fn gate_views(layouts: &Layouts, wiring: &Wiring) -> Vec<GateView> {
    let [valid, data] = ["out.valid", "out.data"].map(|name| layouts.expected.field(name));
    let data = data.filter(|f| wiring.gated && wiring.connects(&f.name));
    let Some((valid, data)) = valid.zip(data) else { return Vec::new() };
    let instances = data.instances() / valid.instances();
    let bits = instances * data.width();
    let gate =
        |at: usize| GateView { valid: valid.offset + at, offset: data.offset + at * bits, bits, instances };
    (0..valid.instances()).map(gate).collect()
}

/// `pe.acc[%0d][%0d]` and the expressions that print instance `i`'s row-major indices.
fn label(name: &str, shape: &[usize]) -> (String, String) {
    let (mut label, mut indices) = (name.to_string(), String::new());
    for (axis, extent) in shape.iter().enumerate() {
        let below: usize = shape[axis + 1..].iter().product();
        label.push_str("[%0d]");
        indices.push_str(&format!(", (i / {below}) % {extent}"));
    }
    (label, indices)
}

fn connections(wiring: &Wiring) -> Vec<Connection> {
    let connect = |p: &Port| Connection {
        ours: format!("{}{}", if p.inverted { "~" } else { "" }, port_name(&p.ours)),
        theirs: p.theirs.clone(),
    };
    wiring.ports.iter().map(connect).collect()
}
