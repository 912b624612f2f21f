//! The compilers' command lines. They run in the build's folder, see plain names only, and get no more of the
//! environment than what the build's key holds.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::Simulator;
use super::build::Deadline;
use super::links::{Links, TESTBENCH};
use super::{process, words};
use crate::error::{Error, Result};

/// What a compiler said and which files it named.
pub struct Compiled {
    pub words: String,
    /// As the compiler writes them; `None` when it lists none.
    pub read: Option<Vec<String>>,
    /// The compiler's own files that go into the program.
    pub own: Vec<String>,
}

/// Flags that do not depend on the bundle.
const ICARUS: [&str; 3] = ["-g2012", "-s", "tb"];
const VERILATOR: [&str; 13] = [
    "--timing",
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "-Wno-fatal",
    "-Wno-lint",
    "-Wno-style",
    "-Wwarn-WIDTH",
    "--top-module",
    "tb",
    "--MMD",
];

/// The code that runs once is most of the code: not worth a C++ compiler's time. The folder's own name is nothing to
/// make, which refuses one with a space: every path in the makefile is relative.
const MAKE: [&str; 9] = ["-C", "obj", "-f", "Vtb.mk", "CURDIR=.", "OPT_FAST=-O1", "OPT_SLOW=-O0", "-j", "2"];

/// Everything above, for the key of a build.
pub fn flags() -> String {
    format!("{ICARUS:?} {VERILATOR:?} {MAKE:?}")
}

/// Variables that compilers, make and C++ compilers heed; no other reaches them.
const HEEDED: [&str; 26] = [
    "PATH",
    "CXX",
    "CC",
    "CXXFLAGS",
    "CFLAGS",
    "CPPFLAGS",
    "LDFLAGS",
    "LDLIBS",
    "LIBS",
    "LINK",
    "AR",
    "OBJCACHE",
    "CPATH",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "LIBRARY_PATH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "COMPILER_PATH",
    "GCC_EXEC_PREFIX",
    "PERL5LIB",
    "PERL5OPT",
    "PYTHONPATH",
    "PYTHON3",
    "SOURCE_DATE_EPOCH",
    "SYSTEMROOT",
];
const HEEDED_BEGINNINGS: [&str; 11] = [
    "VERILATOR_",
    "IVERILOG_",
    "SYSTEMC",
    "CFG_",
    "VM_",
    "OPT_",
    "USER_",
    "CCACHE_",
    "NIX_",
    "GUIX_",
    "DYLD_",
];
/// Heeded unless a recipe of make started us: then they speak of that make's jobs.
const OF_MAKE: [&str; 2] = ["MAKEFLAGS", "GNUMAKEFLAGS"];

/// The part of the environment that compilers get.
pub fn environment() -> BTreeMap<OsString, OsString> {
    let in_recipe = std::env::var_os("MAKELEVEL").is_some();
    let heeded = |name: &OsStr| {
        let Some(name) = name.to_str() else { return false };
        HEEDED.contains(&name)
            || HEEDED_BEGINNINGS.iter().any(|start| name.starts_with(start))
            || (OF_MAKE.contains(&name) && !in_recipe)
    };
    std::env::vars_os().filter(|(name, _)| heeded(name)).collect()
}

/// Where a program lies on the search path.
pub fn on_path(program: &OsStr) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// One step of a build in its folder, with messages in one language and temporary files beside it.
pub fn step(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear().envs(environment());
    command.envs([("LC_ALL", "C"), ("TMPDIR", "."), ("TMP", "."), ("TEMP", ".")]);
    command
}

fn searched(simulator: Simulator, links: &Links) -> Vec<String> {
    let folders = links.folders().map(String::from);
    let here = links.here().map(String::from);
    // Where each compiler looks for what lies in the current folder: Icarus first, Verilator last.
    let all: Vec<String> = match simulator {
        Simulator::Icarus => here.into_iter().chain(folders).collect(),
        Simulator::Verilator => folders.chain(here).collect(),
    };
    all.iter().map(|folder| format!("-I{folder}")).collect()
}

/// The files that would be read now, without building anything; `None` when the compiler does not get that far.
pub fn list(
    simulator: Simulator,
    links: &Links,
    folder: &Path,
    deadline: Deadline,
) -> Result<Option<Vec<String>>> {
    let mut command = step(simulator.compiler(), folder);
    match simulator {
        Simulator::Icarus => command.args(["-g2012", "-E", "-Mprefix=gp_list", "-o", "gp_list.v"]),
        Simulator::Verilator => command.arg("--lint-only").args(VERILATOR).args(["--Mdir", "gp_list"]),
    };
    command.args(searched(simulator, links)).arg(TESTBENCH).args(links.sources());
    let output = run(simulator, &mut command, deadline)?;
    if !output.status.success() {
        return Ok(None);
    }
    Ok(match simulator {
        Simulator::Icarus => listed_by_icarus(&folder.join("gp_list")),
        Simulator::Verilator => listed_by_verilator(&folder.join("gp_list")),
    })
}

/// Compiles into `folder/sim`.
pub fn compile(
    simulator: Simulator,
    depth: u64,
    links: &Links,
    folder: &Path,
    deadline: Deadline,
) -> Result<Compiled> {
    let mut command = step(simulator.compiler(), folder);
    match simulator {
        Simulator::Icarus => {
            command.args(ICARUS).arg(format!("-Ptb.DEPTH={depth}")).args(["-Mprefix=gp_read", "-o", "sim"])
        }
        Simulator::Verilator => command
            .args(["--cc", "--main", "--exe"])
            .args(VERILATOR)
            .arg(format!("-GDEPTH={depth}"))
            .args(["--Mdir", "obj"]),
    };
    command.args(searched(simulator, links)).arg(TESTBENCH).args(links.sources());
    let output = run(simulator, &mut command, deadline)?;
    words::refuse_unknown_parameters(&output)?;
    if !output.status.success() {
        return Err(words::refused(simulator.compiler(), &output, links));
    }
    words::refuse_wrong_widths(&output)?;
    let words = words::all_of(&output);
    if simulator == Simulator::Icarus {
        return Ok(Compiled { words, read: listed_by_icarus(&folder.join("gp_read")), own: vec![] });
    }
    let objects = folder.join("obj");
    let (read, own) = (listed_by_verilator(&objects), root_of_verilator(&objects));
    make(links, folder, deadline)?;
    Ok(Compiled { words, read, own })
}

/// What Verilator says of testbench and RTL before anything is built: refuses what [`compile`] would.
pub fn lint(links: &Links, folder: &Path, deadline: Deadline) -> Result<()> {
    let simulator = Simulator::Verilator;
    let mut command = step(simulator.compiler(), folder);
    command.arg("--lint-only").args(VERILATOR).args(["--Mdir", "gp_list"]);
    command.args(searched(simulator, links)).arg(TESTBENCH).args(links.sources());
    let output = run(simulator, &mut command, deadline)?;
    words::refuse_unknown_parameters(&output)?;
    if !output.status.success() {
        return Err(words::refused(simulator.compiler(), &output, links));
    }
    words::refuse_wrong_widths(&output)
}

/// Compiles the testbench in `folder`, these sources and a main program of our own into `folder/sim`; what a register
/// holds before its reset is told when it runs. `links` only says what files were called.
pub fn compile_mutants(
    links: &Links,
    folder: &Path,
    sources: &[&str],
    depth: u64,
    deadline: Deadline,
) -> Result<()> {
    let simulator = Simulator::Verilator;
    let mut command = step(simulator.compiler(), folder);
    command.args(["--cc", "--exe"]).args(VERILATOR).args(["--x-initial", "unique"]);
    command.arg(format!("-GDEPTH={depth}")).args(["--Mdir", "obj", TESTBENCH]).args(sources);
    let output = run(simulator, &mut command, deadline)?;
    if !output.status.success() {
        return Err(words::refused(simulator.compiler(), &output, links));
    }
    make(links, folder, deadline)
}

/// The second half of Verilator's work, without the list of the user's files: make would read that as a makefile.
fn make(links: &Links, folder: &Path, deadline: Deadline) -> Result<()> {
    let list = folder.join("obj/Vtb__ver.d");
    fs::remove_file(&list).map_err(|e| Error::io(&list, "remove Verilator's list of files", e))?;
    let output = run(Simulator::Verilator, step("make", folder).args(MAKE), deadline)?;
    if !output.status.success() {
        return Err(words::refused("the C++ compiler of Verilator", &output, links));
    }
    let built = folder.join("obj/Vtb");
    fs::rename(&built, folder.join("sim")).map_err(|e| Error::io(&built, "find the built simulation", e))
}

fn run(simulator: Simulator, command: &mut Command, deadline: Deadline) -> Result<Output> {
    match process::run(command, deadline.at).map_err(|e| simulator.missing(e))? {
        Some(output) => Ok(output),
        None => Err(words::endless(simulator, "compiling", deadline.seconds)),
    }
}

/// `M file` or `I file`, one a line.
fn listed_by_icarus(list: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(list).ok()?;
    text.lines().map(|line| Some(line.strip_prefix("M ").or(line.strip_prefix("I "))?.to_string())).collect()
}

/// `S size inode times "file"`: unlike the makefile's list beside it, it keeps spaces.
fn listed_by_verilator(folder: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(folder.join("Vtb__verFiles.dat")).ok()?;
    let name = |line: &str| Some(line[line.find('"')? + 1..line.rfind('"')?].to_string());
    let all: Option<Vec<String>> = text.lines().filter(|line| line.starts_with("S ")).map(name).collect();
    // The key of the build knows the compiler itself.
    all.map(|all| all.into_iter().filter(|name| !name.ends_with("/verilator_bin")).collect())
}

/// Rules and headers of the C++ that Verilator writes.
fn root_of_verilator(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("Vtb.mk")).unwrap_or_default();
    let root = text.lines().find_map(|line| line.strip_prefix("VERILATOR_ROOT = "));
    let names = ["verilated.mk", "verilated.h", "verilated.cpp", "verilated_funcs.h", "verilated_timing.cpp"];
    let files = root.into_iter().flat_map(|root| names.map(|name| format!("{root}/include/{name}")));
    files.filter(|file| Path::new(file).is_file()).collect()
}
