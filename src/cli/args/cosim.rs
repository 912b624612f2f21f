//! The arguments of `goldpath cosim` as typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Overrides, key_value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Simulator {
    Icarus,
    Verilator,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compare {
    /// Every signal in every cycle
    Cycles,
    /// Transactions only, for RTL with other latency
    Beats,
}

#[derive(Debug, Args)]
pub struct CosimArgs {
    /// The folder that `goldpath vectors` wrote
    #[arg(value_name = "BUNDLE")]
    pub bundle: PathBuf,
    #[arg(long, value_enum, default_value_t = Simulator::All)]
    pub simulator: Simulator,
    /// Where the design and its twin lie: its design.toml, its folder, or the folder that holds DESIGN/design.toml; by
    /// default $GOLDPATH_HW_MODELS, else hw_models in the current folder or one above it, but never one inside the
    /// bundle. RTL is run with your rights: name only what you trust
    #[arg(long, value_name = "PATH")]
    pub hw_models: Option<PathBuf>,
    /// Verilog sources to check instead of the design's own twin. Their out.data is compared only in cycles whose
    /// expected out.valid is 1, everything else in every cycle
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub rtl: Vec<PathBuf>,
    /// Top module of --rtl
    #[arg(long, value_name = "NAME")]
    pub top: Option<String>,
    /// Set a Verilog parameter of the top module of --rtl: a number (4, -3, 8'hff) or a text in double quotes
    #[arg(long, value_name = "NAME=VALUE", num_args = 1.., value_parser = key_value)]
    pub param: Vec<(String, String)>,
    /// Folder that is searched for what --rtl includes, before the folders of the sources and the current one
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub incdir: Vec<PathBuf>,
    /// The bundle's signal = the RTL's port: registers are compared only when named here. `=!port` inverts an input
    /// (`rst=!rst_n`), `ours=` leaves a port unconnected
    #[arg(long, value_name = "OURS=THEIRS", num_args = 1.., value_parser = key_value)]
    pub port: Vec<(String, String)>,
    #[arg(long, value_enum, default_value_t = Compare::Cycles)]
    pub compare: Compare,
    /// Kill a simulator that has not ended by then, compiling and simulating together (in a self-test: for each
    /// simulation); the default grows with the cycles and is generous
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub timeout: Option<u64>,
    /// Corrupt the bundle in every known way and expect the right failure each time
    #[arg(long)]
    pub selftest: bool,
    #[command(flatten)]
    pub overrides: Overrides,
}
