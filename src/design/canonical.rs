//! A design written out in full: every default explicit, every preset expanded, one spelling for each thing.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::convert::overflow_name;
use super::file::Value;
use super::{Coding, Design, DrainOrder, Mirror, Operand, Packing, exponent};
use crate::post::{self, FloatOp, NodeRange, Parameter, Per, Role, Step};

/// Which overflow rules are written.
#[derive(Clone, Copy)]
enum Rules {
    /// Those that act: others change nothing.
    Acting,
    /// All, of a design of which nothing is known yet.
    All,
}

impl Rules {
    /// Of so many nodes, which have theirs written.
    fn of(self, nodes: usize, ranges: impl FnOnce() -> Vec<NodeRange>) -> Vec<bool> {
        match self {
            Rules::Acting => ranges().iter().map(|range| !range.always_fits).collect(),
            Rules::All => vec![true; nodes],
        }
    }
}

/// The design as TOML that loads back to the same design; with `[twin]`.
pub(super) fn full(design: &Design) -> String {
    with_twin(text(design, Rules::Acting, true), design)
}

/// What is to become a design as TOML: every rule stands there, so that nothing has to be proved to write it.
pub(super) fn unproved(design: &Design) -> String {
    with_twin(text(design, Rules::All, true), design)
}

fn with_twin(mut text: String, design: &Design) -> String {
    if !design.twin.is_empty() {
        text.push_str("\n[twin.parameters]\n");
        for (key, name) in &design.twin {
            let _ = writeln!(text, "{} = {}", quoted(key), quoted(name));
        }
    }
    text
}

/// Lower-case hex SHA-256 of the design without `[twin]` and without the sources of its parameters: neither names of Verilog
/// parameters nor where numbers come from changes a value or a cycle.
pub(super) fn hash(design: &Design) -> String {
    Sha256::digest(text(design, Rules::Acting, false).as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A TOML basic string: whatever the text holds, it reads back as the same text.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// A TOML key: bare where it may be.
pub(super) fn key(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !text.is_empty() && text.chars().all(bare) { text.to_string() } else { quoted(text) }
}

fn text(design: &Design, rules: Rules, with_sources: bool) -> String {
    let mut text = format!("schema = 1\nname = {}\n", quoted(&design.name));
    let parameters = &design.parameters;
    if design.is_post_only() {
        if design.post.is_empty() {
            // What tells such a file from one that lacks its operands.
            text.push_str("post = []\n");
        }
        let format = design.accumulator.format;
        let _ = writeln!(text, "\n[accumulator]\nwidth = {}", format.width());
        let _ = writeln!(text, "signed = {}", format.is_signed());
    } else {
        front(&mut text, design, rules);
    }
    let values: Vec<Value> = parameters.iter().map(|p| Value::Name(p.name.clone())).collect();
    let ruled = rules.of(design.post.len(), || design.step_ranges());
    for (step, ruled) in design.post.iter().zip(ruled).skip(design.drained) {
        let pairs = step_pairs(step, &values, ruled);
        let _ = writeln!(text, "\n[[post]]\n{}", pairs.join("\n"));
    }
    let own = design.value_parameter();
    for (_, parameter) in parameters.iter().enumerate().filter(|(index, _)| own != Some(*index)) {
        write_parameter(&mut text, parameter, with_sources);
    }
    if let Some(bits) = design.exponent {
        let name = exponent::name(parameters.iter().map(|parameter| parameter.name.as_str()));
        text.push_str(&exponent::text(&name, bits));
    }
    if design.is_post_only() {
        return text;
    }
    let kernel: Vec<String> = design.order.kernel.iter().map(|a| format!("\"{}\"", a.name())).collect();
    let _ = writeln!(text, "\n[order]\nkernel = [{}]", kernel.join(", "));
    if design.array.lanes > 1 {
        let _ = writeln!(text, "lane_map = \"{}\"", design.order.lane_map.name());
    }
    if design.order.down_first {
        text.push_str("loops = [\"n\", \"m\", \"k\"]\n");
    }
    if let Some(k) = design.order.max_k {
        let _ = writeln!(text, "max_k = {k}");
    }
    if let Some(k) = design.memory.and_then(|memory| memory.tile_k) {
        let _ = writeln!(text, "tile_k = {k}");
    }
    text
}

/// Everything in front of the post steps, of a design that multiplies.
fn front(text: &mut String, design: &Design, rules: Rules) {
    let parameters = &design.parameters;
    let _ = writeln!(text, "\n[operands]");
    let _ = writeln!(text, "activation = {}", operand(&design.activation, parameters));
    let _ = writeln!(text, "weight = {}", operand(&design.weight, parameters));
    let _ = writeln!(text, "latency = {}", design.operand_latency);
    let _ = writeln!(text, "\n[product]\nlatency = {}", design.product_latency);
    if design.weight.coding == Coding::PowerOfTwo {
        text.push_str("multiplier = \"shift\"\n");
    }
    if let Some(dsp) = design.dsp {
        let _ = writeln!(text, "multiplier = \"{}\"", dsp.slice.name());
        text.extend(dsp.packing.map(packing));
    }
    let values: Vec<Value> = parameters.iter().map(|p| Value::Name(p.name.clone())).collect();
    let ruled = rules.of(design.product_steps.len(), || design.product_ranges());
    for (step, ruled) in design.product_steps.iter().zip(ruled) {
        let pairs = step_pairs(step, &values, ruled);
        let _ = writeln!(text, "\n[[product.steps]]\n{}", pairs.join("\n"));
    }
    levels(text, design, rules);
    accumulator(text, design);
    array(text, design);
    if let Some(memory) = design.memory {
        let _ = writeln!(text, "\n[memory]\nformat = \"{}\"", memory.format);
        let _ = writeln!(text, "overflow = \"{}\"\ndepth = {}", overflow_name(memory.overflow), memory.depth);
        let _ = writeln!(
            text,
            "read_latency = {}\nwrite_latency = {}",
            memory.read_latency, memory.write_latency
        );
        for (index, (key, steps)) in
            [("store", &design.store_steps), ("load", &design.load_steps)].into_iter().enumerate()
        {
            let ruled = rules.of(steps.len(), || std::mem::take(&mut design.memory_ranges()[index]));
            for (step, ruled) in steps.iter().zip(ruled) {
                let pairs = step_pairs(step, &values, ruled);
                let _ = writeln!(text, "\n[[memory.{key}]]\n{}", pairs.join("\n"));
            }
        }
    }
}

fn levels(text: &mut String, design: &Design, rules: Rules) {
    let ranges = || [design.level_ranges(), design.after_ranges()].concat();
    let ruled = rules.of(design.reduce.len() + design.after.len(), ranges);
    for (index, (level, ruled)) in design.reduce.iter().chain(&design.after).zip(ruled).enumerate() {
        let _ = writeln!(text, "\n[[reduce]]\ngroup = {}\nstride = {}", level.group, level.stride);
        let _ = writeln!(text, "format = \"{}\"", level.format);
        if ruled {
            let _ = writeln!(text, "overflow = \"{}\"", overflow_name(level.overflow));
        }
        let _ = writeln!(text, "latency = {}", level.latency);
        if index >= design.reduce.len() {
            text.push_str("when = \"last\"\n");
        }
    }
}

fn packing(packing: Packing) -> String {
    let share = if packing.shares_activation { "activation" } else { "weight" };
    let carry = packing.carry.map(|format| format!(", carry = \"{format}\"")).unwrap_or_default();
    format!(
        "packing = {{ products = 2, offset = {}, share = \"{share}\", correction = \"{}\"{carry} }}\n",
        packing.offset,
        packing.correction.name()
    )
}

fn operand(operand: &Operand, parameters: &[Parameter]) -> String {
    let mut text = format!("{{ width = {}, signed = {}", operand.format.width(), operand.format.is_signed());
    if let Some(offset) = operand.offset {
        let offset = match offset {
            post::Operand::Constant(value) => value.to_string(),
            post::Operand::Parameter(index) => quoted(&parameters[index].name),
            post::Operand::Exponent { .. } => unreachable!("no offset is an exponent"),
        };
        let _ = write!(text, ", offset = {offset}, format = \"{}\"", operand.sum);
    }
    if let Some(recode) = operand.recode {
        let _ = write!(text, ", recode = \"{}\"", recode.name());
    }
    if operand.coding == Coding::PowerOfTwo {
        text.push_str(", coding = \"power_of_two\"");
    }
    text + " }"
}

fn accumulator(text: &mut String, design: &Design) {
    let a = &design.accumulator;
    let _ = writeln!(text, "\n[accumulator]\nwidth = {}", a.format.width());
    let _ = writeln!(text, "signed = {}\noverflow = \"{}\"", a.format.is_signed(), a.overflow.name());
    if a.output_fit().is_some() {
        let _ = writeln!(text, "register_width = {}", a.register.width());
    }
    let _ = writeln!(text, "start = \"{}\"", a.start.name());
    if design.array.clears_at_once {
        let _ = writeln!(text, "clear = \"immediate\"");
    }
    if design.array.banks > 1 {
        let _ = writeln!(text, "banks = {}\nlatency = {}", design.array.banks, design.array.loop_latency);
    }
}

fn array(text: &mut String, design: &Design) {
    let a = &design.array;
    let _ = writeln!(text, "\n[array]\ndataflow = \"{}\"", a.dataflow.name());
    let _ = writeln!(text, "rows = {}\ncolumns = {}\nlanes = {}", a.rows, a.columns, a.lanes);
    if a.is_grid() {
        let hops = match (a.sums_travel(), a.is_turned()) {
            (false, _) => [("activation", a.hop_activation), ("weight", a.hop_weight)],
            (true, false) => [("activation", a.hop_activation), ("sum", a.hop_sum)],
            (true, true) => [("weight", a.hop_weight), ("sum", a.hop_sum)],
        };
        let hops = hops.map(|(name, hop)| format!("{name} = {hop}")).join(", ");
        let _ = writeln!(text, "hop = {{ {hops} }}");
        if a.hop_right() > 0 || a.hop_down() > 0 {
            let _ = writeln!(text, "skew = \"{}\"", a.skew.name());
        }
    }
    if a.mirror != Mirror::None {
        let _ = writeln!(text, "mirror = \"{}\"", a.mirror.name());
    }
    if let Some(drain) = a.drain {
        let exit = drain.exit_name().filter(|_| drain.first || drain.order == DrainOrder::Columns);
        let exit = exit.map_or(String::new(), |exit| format!(", exit = \"{exit}\""));
        let capture = if drain.capture { ", capture = true" } else { "" };
        let order = drain.order.name();
        let steps = &design.post[..design.drained.min(design.post.len())];
        let values: Vec<Value> = design.parameters.iter().map(|p| Value::Name(p.name.clone())).collect();
        let steps = match steps {
            [] => String::new(),
            steps => format!(", steps = {}", step_list(steps, &values)),
        };
        let _ = writeln!(
            text,
            "drain = {{ order = \"{order}\"{exit}{capture}, latency = {}{steps} }}",
            drain.latency
        );
    }
    let Some(load) = a.load else { return };
    let _ = writeln!(text, "sum_register = \"{}\"", a.sum_register.name());
    let _ = write!(text, "load = {{ kind = \"{}\"", load.kind.name());
    if let Some(switch) = load.switch {
        let _ = write!(text, ", buffers = 2, switch = \"{}\"", switch.name());
    }
    let _ = writeln!(text, ", clears_sums = {} }}", load.clears_sums);
}

fn write_parameter(text: &mut String, parameter: &Parameter, with_sources: bool) {
    let per = match parameter.per {
        Per::Layer => "layer",
        Per::Channel => "channel",
    };
    let name = key(&parameter.name);
    let _ = writeln!(text, "\n[parameters.{name}]\nformat = \"{}\"", parameter.format);
    let _ = writeln!(text, "per = \"{per}\"\nmin = {}\nmax = {}", parameter.min, parameter.max);
    if let Some(default) = parameter.default {
        let _ = writeln!(text, "default = {default}");
    }
    if !parameter.aligned {
        text.push_str("aligned = false\n");
    }
    if let Some(source) = parameter.source.filter(|_| with_sources) {
        let _ =
            writeln!(text, "source = \"{}\"\nfactor = \"{}\"", source.number.name(), source.factor.name());
    }
}

/// The steps as one TOML value; `values` says how each parameter is written.
pub(super) fn step_list(steps: &[Step], values: &[Value]) -> String {
    let steps: Vec<String> =
        steps.iter().map(|s| format!("{{ {} }}", step_pairs(s, values, true).join(", "))).collect();
    format!("[{}]", steps.join(", "))
}

/// A step without a format is a preset's exact one, or fused with its shift. An overflow rule that never acts is
/// not written in a complete design: it would change nothing.
fn step_pairs(step: &Step, values: &[Value], with_overflow: bool) -> Vec<String> {
    let mut pairs = operation_pairs(step, values);
    if let Some(format) = step.format {
        pairs.push(format!("format = \"{format}\""));
        if with_overflow {
            pairs.push(format!("overflow = \"{}\"", overflow_name(step.overflow)));
        }
    }
    pairs.push(format!("latency = {}", step.latency));
    pairs
}

fn float_op(op: FloatOp, show: &dyn Fn(post::Operand) -> String) -> String {
    let operands: Vec<String> = op.operands().into_iter().map(show).collect();
    match operands.as_slice() {
        [] => quoted(op.name()),
        [only] => format!("{{ {} = {only} }}", op.name()),
        several => format!("{{ {} = [{}] }}", op.name(), several.join(", ")),
    }
}

fn operation_pairs(step: &Step, values: &[Value]) -> Vec<String> {
    let show = |operand| match operand {
        post::Operand::Constant(value) => value.to_string(),
        post::Operand::Parameter(index) => match &values[index] {
            Value::Constant(value) => value.to_string(),
            Value::Name(name) => quoted(name),
        },
        post::Operand::Exponent { .. } => {
            quoted(&exponent::name(values.iter().filter_map(|value| match value {
                Value::Name(name) => Some(name.as_str()),
                Value::Constant(_) => None,
            })))
        }
    };
    let mut pairs = vec![format!("step = \"{}\"", step.op.name())];
    let list = |values: Vec<String>| format!("[{}]", values.join(", "));
    if let Some(table) = step.op.table() {
        let entries = list(table.values.iter().map(i64::to_string).collect());
        pairs.extend([format!("first = {}", table.first), format!("values = {entries}")]);
        pairs.extend([format!("below = {}", table.below), format!("above = {}", table.above)]);
    }
    if let Some(thresholds) = step.op.thresholds() {
        pairs.push(format!("values = {}", list(thresholds.iter().map(|value| show(*value)).collect())));
    }
    if let Some([negative, otherwise]) = step.op.arms() {
        pairs.push(format!("negative = {}", step_list(negative, values)));
        pairs.push(format!("otherwise = {}", step_list(otherwise, values)));
    }
    let whole = step.op.float().filter(|float| float.as_scale().is_none());
    if let Some(float) = whole {
        pairs.push(format!("precision = \"{}\"", float.precision.name()));
        pairs.push(format!("ops = {}", list(float.ops.iter().map(|op| float_op(*op, &show)).collect())));
    }
    let single = step.op.roles().into_iter().filter(|(role, _)| whole.is_none() && *role != Role::Threshold);
    pairs.extend(single.map(|(role, v)| format!("{} = {}", role.key(), show(v))));
    if !step.value_steps.is_empty() {
        pairs.push(format!("value_steps = {}", step_list(&step.value_steps, values)));
    }
    pairs.extend(step.op.rounding().map(|rounding| format!("rounding = \"{rounding}\"")));
    pairs.extend(step.op.adder().map(|adder| format!("adder = \"{adder}\"")));
    if let Some(when) = step.when {
        let bit = match when.bit {
            post::Operand::Parameter(index) => match &values[index] {
                Value::Name(name) => name.clone(),
                Value::Constant(_) => unreachable!("a bit is a parameter"),
            },
            post::Operand::Constant(_) | post::Operand::Exponent { .. } => {
                unreachable!("a bit is a parameter")
            }
        };
        let condition = if when.is { bit } else { format!("!{bit}") };
        pairs.push(format!("if = {}", quoted(&condition)));
        pairs.push(format!("bypass = \"{}\"", if when.wire { "wire" } else { "register" }));
    }
    pairs
}
