//! Scripts for Yosys, which runs in the build's folder and sees plain names only.

use std::fs;
use std::path::Path;

use super::circuit::{CIRCUIT, CIRCUIT_FILE, SELECTOR, SELECTOR_BITS};
use super::mutation::Mutation;
use crate::error::{Error, Kind, Place, Result};
use crate::vectors::cosim::build::Deadline;
use crate::vectors::cosim::links::Links;
use crate::vectors::cosim::{compile, process, words};

/// Runs a script; what Yosys refuses is told in its own words.
pub fn script(links: &Links, folder: &Path, name: &str, text: &str, deadline: Deadline) -> Result<()> {
    let file = format!("{name}.ys");
    write(folder, &file, text)?;
    let mut command = compile::step("yosys", folder);
    command.args(["-q", "-s", &file]);
    let ended = process::run(&mut command, deadline.at).map_err(missing)?;
    let Some(output) = ended else {
        let message = format!("Yosys did not end within {} s and was killed", deadline.seconds);
        return Err(Error::new(Kind::Simulator, message).at(Place::Option("yosys".into())));
    };
    if output.status.success() {
        return Ok(());
    }
    Err(words::refused("Yosys", &output, links).at(Place::Option("yosys".into())).help(
        "mutants are made by Yosys, which reads less SystemVerilog than simulators do: check --rtl, --top and --incdir",
    ))
}

/// Refuses to begin what Yosys would have to end.
pub fn refuse_missing(folder: &Path, deadline: Deadline) -> Result<()> {
    process::run(compile::step("yosys", folder).arg("-V"), deadline.at).map(drop).map_err(missing)
}

fn missing(error: std::io::Error) -> Error {
    Error::new(Kind::Simulator, format!("cannot run yosys: {error}"))
        .at(Place::Option("yosys".into()))
        .help("mutants are made by Yosys: install it (Debian: apt install yosys)")
}

/// Reads the RTL and the circuit around it into `prepared.il` and `prepared.json`, modules kept apart.
pub fn prepare(links: &Links, folder: &Path, deadline: Deadline) -> Result<()> {
    if !links.only_verilog() {
        return Err(Error::new(Kind::Unsupported, "mutants are made of Verilog only")
            .at(Place::Option("--rtl".into()))
            .help("a source's name ends in .v, .sv, .vh or .svh"));
    }
    let folders = links.folders().chain(links.here()).map(|f| format!(" -I{f}")).collect::<String>();
    let sources: String = links.sources().map(|s| format!(" {s}")).collect();
    let text = format!(
        "read_verilog -sv{folders}{sources}\nread_verilog -sv -formal {CIRCUIT_FILE}\nprep -top {CIRCUIT}\n\
         write_ilang prepared.il\nwrite_json prepared.json\n"
    );
    script(links, folder, "prepare", &text, deadline)
}

/// The list of at most `count` mutations of the user's modules.
pub fn list(links: &Links, folder: &Path, count: usize, seed: u32, deadline: Deadline) -> Result<String> {
    let text = format!(
        "read_ilang prepared.il\nselect -set rtl * {CIRCUIT} %d\nmutate -list {count} -seed {seed} -o list.txt @rtl\n"
    );
    script(links, folder, "list", &text, deadline)?;
    Ok(String::from_utf8_lossy(&read(folder, "list.txt")?).into_owned())
}

/// `mutate` for each of these: mutation `at` is chosen by the selector's value `at + 1`.
pub fn mutate<'a>(of: impl Iterator<Item = (usize, &'a Mutation)>) -> String {
    of.map(|(at, m)| format!("mutate -ctrl {SELECTOR} {SELECTOR_BITS} {} {}\n", at + 1, m.command)).collect()
}

/// All mutations in one circuit, as Verilog: `mutated.v`. Nets are split where their drivers are: Verilator takes a net
/// as a whole, and would see loops where a bit depends on another bit, and settle them a hundred times slower.
pub fn apply(links: &Links, folder: &Path, mutations: &[Mutation], deadline: Deadline) -> Result<()> {
    let edits = mutate(mutations.iter().enumerate());
    let text = format!(
        "read_ilang prepared.il\nchformal -assume -remove\n{edits}select -set rtl * {CIRCUIT} %d\nopt_clean -purge\nsplitnets -ports -driver @rtl\n\
         splitnets -driver\nopt_clean -purge\nwrite_verilog -noattr mutated.v\n"
    );
    script(links, folder, "apply", &text, deadline)
}

/// A file of the build's folder.
pub fn read(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let path = folder.join(name);
    fs::read(&path).map_err(|e| Error::io(&path, "read what Yosys wrote", e))
}

/// Writes a file of the build's folder.
pub fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(|e| Error::io(&path, "write this file", e))
}
