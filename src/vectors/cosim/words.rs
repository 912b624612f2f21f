//! What compilers and simulations say, sorted: refusals, warnings that matter, and which file they mean.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::Simulator;
use super::links::{Links, TESTBENCH};
use super::reading::Reading;
use crate::error::{Error, Kind, Place, Result};

/// Lines of a compiler that are shown; the rest is counted.
const SHOWN: usize = 10;

/// Everything that a program printed.
pub fn all_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout))
}

/// The compiler's own words on why it did not build; when it has none, how it ended.
pub fn refused(program: &str, output: &Output, links: &Links) -> Error {
    let text = with_true_lines(&links.in_words_of_the_user(&all_of(output)));
    let noise = |l: &str| {
        l.starts_with([' ', '\t']) || l.trim().is_empty() || is_warning(l) || l.starts_with("make: ")
    };
    let summary = |l: &str| l.starts_with("%Error: Command Failed") || l.starts_with("%Error: Exiting due");
    let mut lines: Vec<&str> = text.lines().filter(|l| !noise(l) && !summary(l)).collect();
    if lines.is_empty() {
        lines = text.lines().filter(|l| !l.trim().is_empty()).collect();
    }
    let said = match &lines[..] {
        [] => format!("{program} ended without a word ({})", output.status),
        lines => {
            let how =
                if output.status.code().is_none() { format!(" ({})", output.status) } else { String::new() };
            format!("{program} does not build this RTL{how}:\n    {}", limited(lines).join("\n    "))
        }
    };
    Error::new(Kind::Simulator, said)
        .help("check --rtl, --top and --port; every input and parameter port of the bundle must exist or be mapped (ours= leaves it open)")
}

/// Icarus names the line behind an `include` that it does not find.
fn with_true_lines(text: &str) -> String {
    let corrected = |line: &str| {
        let (place, rest) = line.split_once(": Include file ")?;
        let wanted = format!("\"{}\"", rest.strip_suffix(" not found")?);
        let (path, number) = place.rsplit_once(':')?;
        let before = number.parse::<usize>().ok()?.checked_sub(1)?;
        let source = String::from_utf8_lossy(&fs::read(path).ok()?).into_owned();
        let has =
            |number: usize| source.lines().nth(number.wrapping_sub(1)).is_some_and(|l| l.contains(&wanted));
        (!has(before + 1) && has(before)).then(|| format!("{path}:{before}: Include file {rest}"))
    };
    text.lines().map(|line| corrected(line).unwrap_or_else(|| line.to_string()) + "\n").collect()
}

fn limited(lines: &[&str]) -> Vec<String> {
    let mut shown: Vec<String> = lines.iter().take(SHOWN).map(|l| l.to_string()).collect();
    if lines.len() > SHOWN {
        shown.push(format!("… and {} more lines", lines.len() - SHOWN));
    }
    shown
}

fn is_warning(line: &str) -> bool {
    line.starts_with("%Warning") || line.contains(": warning: ")
}

/// The parameter of `--param` that the compiler says the top module does not have.
fn unknown_parameter(text: &str) -> Option<&str> {
    let ours = text.lines().filter(|line| line.contains(TESTBENCH));
    ours.filter_map(|line| {
        let icarus =
            line.split_once("parameter ").and_then(|(_, rest)| rest.split_once(" not found in tb.dut"));
        let verilator =
            line.split_once("Parameter pin not found: '").and_then(|(_, rest)| rest.split_once('\''));
        icarus.or(verilator).map(|(name, _)| name)
    })
    .next()
}

/// Refuses a build in which a parameter was left out: Icarus only warns.
pub fn refuse_unknown_parameters(output: &Output) -> Result<()> {
    match unknown_parameter(&all_of(output)) {
        None => Ok(()),
        Some(name) => Err(Error::new(Kind::Simulator, "the top module has no such parameter")
            .at(Place::Option(format!("--param {name}")))
            .help("a localparam cannot be set; names are of one case")),
    }
}

/// A port of another width is padded or cut with only a warning; the comparison would be of something else.
pub fn refuse_wrong_widths(output: &Output) -> Result<()> {
    let text = String::from_utf8_lossy(&output.stderr);
    let icarus = |l: &&str| l.contains("Port ") && l.contains(" expects ");
    let verilator = |l: &&str| l.contains("port connection") && l.contains(" bits");
    match text.lines().filter(|l| l.contains(TESTBENCH)).find(|l| icarus(l) || verilator(l)) {
        None => Ok(()),
        Some(line) => {
            let said =
                line.split_once("arning").map_or(line, |(_, rest)| rest).trim_start_matches([':', ' ']);
            let said = said.replace(TESTBENCH, "tb.sv");
            Err(Error::new(
                Kind::Simulator,
                format!("a port of the RTL has another width than in the bundle: {said}"),
            )
            .help(
                "the design and the RTL must agree: write the bundle with the RTL's width (vectors --set, or the design's \
                 file), or build the RTL with the design's (--param); to a twin, [twin.parameters] carries it",
            ))
        }
    }
}

/// The compiler's warnings about the user's own files. Widths are left to linters: there are too many.
pub fn of_compiler(words: &str, links: &Links) -> Vec<String> {
    let matters = |l: &&str| is_warning(l) && !l.contains(TESTBENCH) && !l.starts_with("%Warning-WIDTH");
    in_order(words.lines().filter(matters), links)
}

/// What the simulation itself says about the user's RTL: a `$readmemh` without its file, a `$error`.
pub fn of_simulation(simulator: Simulator, output: &Output, links: &Links, reading: &Reading) -> Vec<String> {
    let text = all_of(output);
    let begins = |l: &str| match simulator {
        Simulator::Icarus => ["WARNING: ", "ERROR: "].iter().any(|word| l.starts_with(word)),
        Simulator::Verilator => l.contains("%Warning") || l.contains("%Error"),
    };
    // What the testbench says when it fails is its verdict, wherever Verilator places it.
    let own = |l: &str| l.contains(TESTBENCH) || l.contains("Assertion failed in TOP.tb.");
    let lines = text.lines().filter(|l| begins(l) && !own(l));
    let told = in_order(lines, links);
    told.into_iter().map(|line| with_place(line, simulator, reading)).collect()
}

fn in_order<'a>(lines: impl Iterator<Item = &'a str>, links: &Links) -> Vec<String> {
    let mut told: Vec<&str> = Vec::new();
    for line in lines {
        if !told.contains(&line) {
            told.push(line);
        }
        if told.len() > 1000 {
            break;
        }
    }
    limited(&told).iter().map(|line| links.in_words_of_the_user(line)).collect()
}

/// Verilator does not say which `$readmem` it means: every line that reads a file of this name is.
fn with_place(line: String, simulator: Simulator, reading: &Reading) -> String {
    let wanted = (simulator == Simulator::Verilator).then_some(&line);
    let Some((name, _)) =
        wanted.and_then(|l| l.strip_prefix("%Warning: ")).and_then(|l| l.split_once(":0: "))
    else {
        return line;
    };
    let quoted = format!("\"{name}\"");
    let here = std::env::current_dir().unwrap_or_default();
    let places = |path: &Path| {
        let text =
            fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let shown = path.strip_prefix(&here).unwrap_or(path).display().to_string();
        let reads = |l: &str| l.contains("$readmem") && l.contains(&quoted);
        let numbers: Vec<usize> =
            text.lines().enumerate().filter(|(_, l)| reads(l)).map(|(number, _)| number + 1).collect();
        numbers.into_iter().map(move |number| format!("{shown}:{number}")).collect::<Vec<_>>()
    };
    let found: Vec<String> = reading.files().flat_map(places).collect();
    if found.is_empty() { line } else { format!("{line} ($readmem in {})", found.join(", ")) }
}

/// Compiling took longer than it may.
pub fn endless(simulator: Simulator, what: &str, seconds: u64) -> Error {
    let message = format!("{what} did not end within {seconds} s and was killed: no verdict");
    Error::new(Kind::Simulator, message).at(Place::Option(simulator.name().to_string())).help(
        "RTL that loops without time passing hangs a simulator; if it is only slow, give --timeout SECONDS",
    )
}
