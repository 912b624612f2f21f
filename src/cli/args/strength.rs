//! The arguments of `goldpath strength` as typed.

use std::path::PathBuf;

use clap::Args;

use super::key_value;

#[derive(Debug, Args)]
pub struct StrengthArgs {
    /// Folders that `goldpath vectors` wrote, all of one design: what one of them notices is noticed
    #[arg(value_name = "BUNDLE", required = true, num_args = 1..)]
    pub bundles: Vec<PathBuf>,
    /// Where the design lies, and its twin, as for cosim
    #[arg(long, value_name = "PATH")]
    pub hw_models: Option<PathBuf>,
    #[command(flatten)]
    pub rtl: RtlArgs,
}

/// Mutants of RTL: `--rtl` and what describes it.
#[derive(Debug, Args)]
pub struct RtlArgs {
    /// Make mutants of the design's twin, or of these Verilog sources, with Yosys, and simulate each in Verilator: which
    /// does no bundle notice? Compared is what `cosim --rtl` compares: outputs, out.data where one is expected, and
    /// registers only when named by --port
    #[arg(long, value_name = "FILE", num_args = 0..)]
    pub rtl: Option<Vec<PathBuf>>,
    /// Top module of --rtl
    #[arg(long, value_name = "NAME", requires = "rtl")]
    pub top: Option<String>,
    /// Set a Verilog parameter of the top module of --rtl: a number (4, -3, 8'hff) or a text in double quotes
    #[arg(long, value_name = "NAME=VALUE", num_args = 1.., value_parser = key_value, requires = "rtl")]
    pub param: Vec<(String, String)>,
    /// Folder that is searched for what --rtl includes, before the folders of the sources and the current one
    #[arg(long, value_name = "DIR", num_args = 1.., requires = "rtl")]
    pub incdir: Vec<PathBuf>,
    /// The bundle's signal = the RTL's port, as for cosim
    #[arg(long, value_name = "OURS=THEIRS", num_args = 1.., value_parser = key_value, requires = "rtl")]
    pub port: Vec<(String, String)>,
    /// How many mutants, spread over modules, cells, bits and source lines
    #[arg(long, value_name = "N", default_value_t = 300, requires = "rtl",
        value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub mutants: u32,
    /// Other mutants for another seed
    #[arg(long, value_name = "N", default_value_t = 1, requires = "rtl",
        value_parser = clap::value_parser!(u32).range(..=0x3fff_ffff))]
    pub seed: u32,
    /// Exit status 1 when less than this share of the mutants that are not proved equivalent is killed, in percent
    #[arg(long, value_name = "PERCENT", requires = "rtl", value_parser = percent)]
    pub min_killed: Option<f64>,
    /// A mutant that passes is also compared by proof from reset for this many clock cycles, where an output comes
    /// within them; 0 proves by induction only
    #[arg(long, value_name = "CYCLES", default_value_t = 12, requires = "rtl",
        value_parser = clap::value_parser!(u64).range(..=1000))]
    pub prove_cycles: u64,
    /// Seconds that one proof may take
    #[arg(long, value_name = "SECONDS", default_value_t = 20, requires = "rtl",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub prove_timeout: u64,
    /// Kill compilers, and the simulation of one mutant, after so many seconds; the defaults are generous
    #[arg(long, value_name = "SECONDS", requires = "rtl", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub timeout: Option<u64>,
}

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("a number from 0 to 100".to_string()),
    }
}
