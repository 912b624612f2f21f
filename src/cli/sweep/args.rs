//! The arguments of `goldpath sweep` as typed.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::args::{BiasIn, Overrides, image_range};

/// The largest width of any accumulator.
const WIDEST: u32 = 64;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(group = clap::ArgGroup::new("fed").required(true).multiple(true).args(["input", "tensors"]))]
pub struct SweepArgs {
    #[command(subcommand)]
    pub command: Option<SweepCommand>,
    /// The quantised model, .onnx
    #[arg(value_name = "MODEL", required = true)]
    pub model: Option<PathBuf>,
    /// The design that runs its Conv, MatMul and Gemm layers
    #[arg(long, value_name = "DESIGN", required = true)]
    pub design: Option<PathBuf>,
    #[command(flatten)]
    pub overrides: Overrides,
    /// Input tensor, batch first
    #[arg(long, value_name = "X.npy")]
    pub input: Option<PathBuf>,
    /// Tensors of the model under their names, captured from its own framework: each takes the place of the node that
    /// writes it. Inputs may stand among them
    #[arg(long, value_name = "T.npz")]
    pub tensors: Option<PathBuf>,
    /// True labels, integer [images]; without them only agreement with the exact network is counted
    #[arg(long, value_name = "Y.npy")]
    pub labels: Option<PathBuf>,
    /// Images of the input, first..end (end excluded)
    #[arg(long, value_name = "A..B", value_parser = image_range)]
    pub images: Option<Range<usize>>,
    /// Accumulator widths run end to end: numbers and ranges, both ends of a range included, as 8..32 or 12,16..20.
    /// Layer by layer, every width from 8 to 48 is answered whatever stands here
    #[arg(long, value_name = "A..B", default_value = "8..32", value_parser = widths)]
    pub widths: Widths,
    /// Overflow rules
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Mode::Wrap, Mode::Saturate])]
    pub modes: Vec<Mode>,
    /// Run everything for each of these values of another design key; repeatable, all combinations. A value may bring
    /// further keys along behind `;`, as accumulator.start=bias,zero;order.lane_map=strided
    #[arg(long, value_name = "KEY=V1,V2", value_parser = axis)]
    pub vary: Vec<Axis>,
    /// Where the bias goes, of a design whose accumulator has no place for it: a post step that takes parameter bias must add
    /// it, or it is left out on purpose. When left out, the design says, and a bias that it has no place for is refused
    #[arg(long, value_enum, value_name = "WHERE")]
    pub bias_in: Option<BiasIn>,
    /// What points cost: accumulator and adder bits; with yosys, also flip-flops and LUTs of the design's twin
    #[arg(long, value_enum, default_value_t = CostBy::Bits)]
    pub cost: CostBy,
    /// Do only the i-th of N parts of the work, i from 1; `goldpath sweep merge` puts them together
    #[arg(long, value_name = "i/N", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Folder for report.json, report.txt, report.html and the pieces they are made of. A sweep that was interrupted goes on there
    #[arg(long, value_name = "DIR", required = true)]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum SweepCommand {
    /// Put the folders of shards together: the same bytes as a sweep in one go
    Merge(MergeArgs),
}

#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The folders that the shards wrote
    #[arg(value_name = "SHARD", required = true, num_args = 1..)]
    pub shards: Vec<PathBuf>,
    /// Folder for the whole
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Mode {
    /// Modulo 2^width
    Wrap,
    /// Clamped to the format at every step
    Saturate,
    /// Clamped to −max..max at every step
    SaturateSymmetric,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::Wrap => "wrap",
            Mode::Saturate => "saturate",
            Mode::SaturateSymmetric => "saturate_symmetric",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CostBy {
    /// From the design alone
    Bits,
    /// Also synthesise the twin with synth_xilinx
    Yosys,
}

/// Ascending, none twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widths(pub Vec<u32>);

/// A design key and its values, each with the keys it brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    pub key: String,
    pub values: Vec<String>,
}

/// Part `index` of `count`, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    pub index: usize,
    pub count: usize,
}

fn widths(text: &str) -> Result<Widths, String> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once("..").unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u32>().ok().filter(|w| (1..=WIDEST).contains(w));
        match (number(first), number(last.trim_start_matches('='))) {
            (Some(first), Some(last)) if first <= last => all.extend(first..=last),
            _ => return Err(format!("expected widths of 1 to {WIDEST} bits, as 8..32 (both ends included)")),
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(Widths(all))
}

fn shard(text: &str) -> Result<Shard, String> {
    text.split_once('/')
        .and_then(|(i, n)| Some(Shard { index: i.trim().parse().ok()?, count: n.trim().parse().ok()? }))
        .filter(|shard| (1..=shard.count).contains(&shard.index))
        .ok_or_else(|| "expected i/N with i from 1 to N, for example 3/8".into())
}

fn axis(text: &str) -> Result<Axis, String> {
    let wrong = || "expected KEY=V1,V2, for example accumulator.start=bias,zero".to_owned();
    let (key, values) = text.split_once('=').ok_or_else(wrong)?;
    let values: Vec<String> = split(values, ',').into_iter().map(|v| v.trim().to_owned()).collect();
    if key.trim().is_empty() || values.iter().any(String::is_empty) {
        return Err(wrong());
    }
    let mut seen = values.clone();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() < values.len() {
        return Err("a value stands there twice".into());
    }
    Ok(Axis { key: key.trim().to_owned(), values })
}

/// Splits at `separator`, but not inside TOML's brackets, braces and strings.
pub fn split(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut depth, mut quote) = (vec![String::new()], 0usize, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) if c == separator && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            (None, _) => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_values_are_read_or_refused() {
        assert_eq!(widths("8..10"), Ok(Widths(vec![8, 9, 10])));
        assert_eq!(widths("16, 8..=9,9"), Ok(Widths(vec![8, 9, 16])));
        for bad in ["", "9..8", "0..4", "60..65", "8..", "x", "8,"] {
            assert!(widths(bad).is_err(), "{bad}");
        }
        assert_eq!(shard("2/3"), Ok(Shard { index: 2, count: 3 }));
        for bad in ["0/3", "4/3", "1", "1/0", "/"] {
            assert!(shard(bad).is_err(), "{bad}");
        }
        let found = axis("order.kernel = [\"cin\", \"kh\", \"kw\"], [\"kh\", \"kw\", \"cin\"]").unwrap();
        assert_eq!(found.key, "order.kernel");
        assert_eq!(found.values, ["[\"cin\", \"kh\", \"kw\"]", "[\"kh\", \"kw\", \"cin\"]"]);
        let linked = axis("accumulator.start=bias,zero;post=[{step=\"bias\"},{step=\"relu\"}]").unwrap();
        assert_eq!(linked.values, ["bias", "zero;post=[{step=\"bias\"},{step=\"relu\"}]"]);
        for bad in ["a", "=1", "a=", "a=1,,2", "a=1,1"] {
            assert!(axis(bad).is_err(), "{bad}");
        }
    }
}
