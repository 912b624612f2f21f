//! `goldpath doctor`: which RTL tools are there, what to know about their versions, and what goldpath keeps.

mod cache;
mod traps;

use std::io::ErrorKind;
use std::process::{Command, Stdio};

use serde::Serialize;

use super::args::DoctorArgs;
use super::{Console, Status};
use crate::error::Result;
use traps::{Trap, Version};

/// A program that goldpath can use.
struct Tool {
    program: &'static str,
    version_option: &'static str,
    purpose: &'static str,
}

const TOOLS: [Tool; 5] = [
    Tool { program: "iverilog", version_option: "-V", purpose: "Icarus Verilog: compiles for vvp" },
    Tool { program: "vvp", version_option: "-V", purpose: "Icarus Verilog: simulates" },
    Tool { program: "verilator", version_option: "--version", purpose: "Verilator: translates to C++" },
    Tool { program: "c++", version_option: "--version", purpose: "compiles what Verilator writes" },
    Tool { program: "yosys", version_option: "-V", purpose: "synthesis, to check the twins" },
];

/// Both programs of a simulator must be there.
const SIMULATORS: [(&str, [&str; 2]); 2] =
    [("icarus", ["iverilog", "vvp"]), ("verilator", ["verilator", "c++"])];

#[derive(Serialize)]
struct Found {
    program: &'static str,
    purpose: &'static str,
    found: bool,
    /// As the program says it; absent when it is missing or does not say.
    version: Option<String>,
    traps: Vec<&'static str>,
}

#[derive(Serialize)]
struct Diagnosis {
    simulators: Vec<&'static str>,
    tools: Vec<Found>,
    processor: Processor,
}

/// What this processor means for the answers of others.
#[derive(Serialize)]
struct Processor {
    /// Whether it is an x86 that sums products of bytes in pairs of 16 bits: it has no VNNI.
    saturates_pairs: bool,
    /// What to know of that.
    note: &'static str,
}

/// ONNX Runtime's kernels for u8 x s8 take vpmaddubsw where there is no vpdpbusd.
fn processor() -> Processor {
    #[cfg(target_arch = "x86_64")]
    let vnni = is_x86_feature_detected!("avxvnni")
        || (is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512vl"));
    #[cfg(not(target_arch = "x86_64"))]
    let vnni = true;
    Processor { saturates_pairs: !vnni, note: if vnni { EXACT_PAIRS } else { SATURATES_PAIRS } }
}

const EXACT_PAIRS: &str = "ONNX Runtime's own u8 x s8 products are exact here (it has VNNI, or is no x86), as goldpath's are on \
    every processor";

const SATURATES_PAIRS: &str = "no VNNI: ONNX Runtime's own u8 x s8 products saturate in pairs here (255 * 113 + 255 * 113 becomes \
    32767), so its answers differ from goldpath's, which are exact on every processor; give it u8 weights with zero point \
    128 to compare with (goldpath explain pair_saturation)";

/// The diagnosis and what is kept, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
    cache: &'a cache::Cache,
}

pub fn run(args: &DoctorArgs, console: &Console) -> Result<Status> {
    let diagnosis = diagnose(examine);
    let cache = cache::examine(args.clear_cache)?;
    if console.is_json() {
        console.answer_json(&Report { diagnosis: &diagnosis, cache: &cache })?;
    } else {
        console.answer(&(in_words(&diagnosis) + &cache.in_words()))?;
    }
    Ok(if diagnosis.simulators.is_empty() { Status::Different } else { Status::Done })
}

/// What a program says about its version: `None` when it is not there, `Some(None)` when it says nothing.
fn examine(tool: &Tool) -> Option<Option<String>> {
    let mut command = Command::new(tool.program);
    match command.arg(tool.version_option).stdin(Stdio::null()).output() {
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        Err(_) => Some(None),
        // vvp says it on standard error.
        Ok(output) => Some(
            version_in(&String::from_utf8_lossy(&output.stdout))
                .or_else(|| version_in(&String::from_utf8_lossy(&output.stderr))),
        ),
    }
}

/// The first word that is a version and nothing else, on the first line that has one.
fn version_in(text: &str) -> Option<String> {
    let is_version = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_digit())
            && word.contains('.')
            && word.chars().all(|c| c.is_ascii_digit() || ".+".contains(c))
    };
    text.lines().take(3).flat_map(str::split_whitespace).find(is_version).map(str::to_string)
}

fn diagnose(examine: impl Fn(&Tool) -> Option<Option<String>>) -> Diagnosis {
    let tools: Vec<Found> = TOOLS
        .iter()
        .map(|tool| {
            let answer = examine(tool);
            let found = answer.is_some();
            let version = answer.flatten();
            let known = version.as_deref().and_then(Version::parse);
            let applies =
                |trap: &&Trap| found && trap.program == tool.program && trap.applies_to(known.as_ref());
            let traps = traps::TRAPS.iter().filter(applies).map(|trap| trap.text).collect();
            Found { program: tool.program, purpose: tool.purpose, found, version, traps }
        })
        .collect();
    let is_there = |program: &&str| tools.iter().any(|tool| tool.program == *program && tool.found);
    let simulators =
        SIMULATORS.iter().filter(|(_, needs)| needs.iter().all(&is_there)).map(|(name, _)| *name);
    Diagnosis { simulators: simulators.collect(), tools, processor: processor() }
}

fn in_words(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for tool in &diagnosis.tools {
        let state = match (&tool.version, tool.found) {
            (Some(version), _) => version.as_str(),
            (None, true) => "found",
            (None, false) => "missing",
        };
        text += &format!("{:<10} {state:<10} {}\n", tool.program, tool.purpose);
    }
    for tool in diagnosis.tools.iter().filter(|tool| !tool.traps.is_empty()) {
        text += &format!("\nknown of {}:\n", tool.program);
        for trap in &tool.traps {
            text += &format!("- {trap}\n");
        }
    }
    text += &format!("\nknown of this processor:\n- {}\n", diagnosis.processor.note);
    text += "\n";
    text += &match diagnosis.simulators.as_slice() {
        [] => {
            "no simulator: install one, on Debian with `apt-get install iverilog verilator g++`\n".to_string()
        }
        some => format!("simulators for `goldpath cosim`: {}\n", some.join(", ")),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only<'a>(programs: &'a [(&'a str, &'a str)]) -> impl Fn(&Tool) -> Option<Option<String>> + 'a {
        |tool| programs.iter().find(|(name, _)| *name == tool.program).map(|(_, text)| version_in(text))
    }

    #[test]
    fn versions_are_read_from_what_the_tools_print() {
        for (text, version) in [
            ("Icarus Verilog version 11.0 (stable) ()\n\nCopyright 2000-2020", Some("11.0")),
            ("Icarus Verilog runtime version 11.0 (stable) ()", Some("11.0")),
            ("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)", Some("5.006")),
            ("Yosys 0.23 (git sha1 7ce5011c24b)", Some("0.23")),
            ("c++ (Debian 12.2.0-14) 12.2.0", Some("12.2.0")),
            ("Yosys 0.23+44 (git sha1 7ce5011c24b)", Some("0.23+44")),
            ("no version here", None),
            ("", None),
        ] {
            assert_eq!(version_in(text).as_deref(), version, "{text:?}");
        }
    }

    #[test]
    fn a_simulator_needs_both_its_programs() {
        assert!(
            diagnose(only(&[("iverilog", "version 11.0"), ("verilator", "5.006")])).simulators.is_empty()
        );
        let icarus = diagnose(only(&[("iverilog", "version 11.0"), ("vvp", "")]));
        assert_eq!(icarus.simulators, ["icarus"]);
        assert!(in_words(&icarus).contains("vvp        found"));
        assert!(in_words(&icarus).contains("verilator  missing"));
        let nothing = diagnose(|_| None);
        assert!(nothing.tools.iter().all(|tool| tool.traps.is_empty()));
        assert!(in_words(&nothing).contains("apt-get install"));
    }

    /// Where there is no VNNI, ONNX Runtime's answers are not the exact ones.
    #[test]
    fn a_processor_that_saturates_pairs_is_told() {
        let mut diagnosis = diagnose(|_| None);
        for (saturates_pairs, note) in [(true, SATURATES_PAIRS), (false, EXACT_PAIRS)] {
            diagnosis.processor = Processor { saturates_pairs, note };
            let told = in_words(&diagnosis);
            assert_eq!(
                told.contains("no VNNI") && told.contains("zero point 128"),
                saturates_pairs,
                "{told}"
            );
            // A machine that does not is told so, too.
            assert_eq!(told.contains("are exact here"), !saturates_pairs, "{told}");
        }
        assert_eq!(processor().note == SATURATES_PAIRS, processor().saturates_pairs);
    }

    #[test]
    fn a_trap_is_told_of_the_versions_that_have_it() {
        let told = |version: &str| {
            let text = in_words(&diagnose(only(&[("verilator", version), ("c++", "12.2")])));
            text.contains("inside `initial`")
        };
        assert!(told("Verilator 5.006") && told("Verilator 5.049"));
        assert!(!told("Verilator 5.050") && !told("Verilator 6.0"));
        assert!(told("Verilator of unknown age"), "a version that cannot be read may have every trap");
    }
}
