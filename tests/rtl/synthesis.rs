//! Each twin through Yosys: it synthesises, without latches; the netlist of any twin is at hand for simulation.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tools::{Call, fresh_folder};

/// Fails on a latch of any kind, in any module: the checks run before and after mapping to gates.
const NO_LATCHES: &str = "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$_DLATCH* t:$sr t:$_SR_*";

/// The twin's sources, from its file list.
pub fn sources(design: &str) -> Vec<PathBuf> {
    let folder = Path::new("hw_models").join(design);
    let list = fs::read_to_string(folder.join("rtl/files.f")).unwrap();
    list.lines().map(|line| folder.join(line.trim())).collect()
}

/// Reads, maps to gates and checks; `then` says what becomes of the result.
fn synthesise(top: &str, sources: &[PathBuf], then: &str) -> Result<String, String> {
    let files: Vec<String> = sources.iter().map(|file| file.display().to_string()).collect();
    let script = format!(
        "read_verilog {}; hierarchy -check -top {top}; proc; {NO_LATCHES}; check -assert; \
         synth -top {top}; {NO_LATCHES}; check -assert; {then}",
        files.join(" ")
    );
    Call::new("yosys").with(["-Q", "-T", "-p", &script]).attempt()
}

fn has_no_latches(design: &str) {
    let log = synthesise(design, &sources(design), "stat").unwrap_or_else(|complaint| panic!("{complaint}"));
    // Exit status 0 alone would also be true of a script that did nothing.
    assert!(log.contains("Number of cells:"), "{design}: no statistics in Yosys' log:\n{log}");
}

#[test]
fn mac_s8_acc32_has_no_latches() {
    has_no_latches("mac_s8_acc32");
}

#[test]
fn mac_s8_acc16sat_has_no_latches() {
    has_no_latches("mac_s8_acc16sat");
}

#[test]
fn tree8_s8_acc24_has_no_latches() {
    has_no_latches("tree8_s8_acc24");
}

#[test]
fn os8x8_s8_acc32_has_no_latches() {
    has_no_latches("os8x8_s8_acc32");
}

#[test]
fn os16x16_s8_acc16sat_has_no_latches() {
    has_no_latches("os16x16_s8_acc16sat");
}

#[test]
fn os4x2_l4_s8_acc32_has_no_latches() {
    has_no_latches("os4x2_l4_s8_acc32");
}

#[test]
fn ws16x16_s8_acc32_has_no_latches() {
    has_no_latches("ws16x16_s8_acc32");
}

#[test]
fn ws8x8_bcast_s8_acc24_mem32_has_no_latches() {
    has_no_latches("ws8x8_bcast_s8_acc24_mem32");
}

#[test]
fn is8x8_s8_acc24_has_no_latches() {
    has_no_latches("is8x8_s8_acc24");
}

#[test]
fn requant_pipeline_has_no_latches() {
    has_no_latches("requant_pipeline");
}

/// A third of the twins of presets: thirds run side by side.
fn presets_have_no_latches(first: usize) {
    let folder = fs::read_dir("hw_models/requant_presets/rtl").unwrap();
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.into_iter().skip(first).step_by(3) {
        let top = format!("requant_{}", file.file_stem().unwrap().display());
        let log = synthesise(&top, &[file], "stat").unwrap_or_else(|complaint| panic!("{complaint}"));
        assert!(log.contains("Number of cells:"), "{top}: no statistics in Yosys' log:\n{log}");
    }
}

#[test]
fn a_third_of_the_presets_has_no_latches() {
    presets_have_no_latches(0);
}

#[test]
fn another_third_of_the_presets_has_no_latches() {
    presets_have_no_latches(1);
}

#[test]
fn the_last_third_of_the_presets_has_no_latches() {
    presets_have_no_latches(2);
}

#[test]
fn a_latch_is_caught() {
    let file = fresh_folder("latch").join("latch.v");
    let latch = "module latch (input wire e, d, output reg q); always @(*) if (e) q = d; endmodule\n";
    fs::write(&file, latch).unwrap();
    let complaint = synthesise("latch", &[file], "stat").unwrap_err();
    assert!(complaint.contains("selection is not empty"), "{complaint}");
}

/// Writes the gates of a twin as one Verilog module with the twin's name and ports.
pub fn netlist(design: &str, sources: &[PathBuf], folder: &Path) -> PathBuf {
    let file = folder.join(format!("{design}_netlist.v"));
    let then = format!("flatten; opt_clean; write_verilog -noattr {}", file.display());
    synthesise(design, sources, &then).unwrap_or_else(|complaint| panic!("{complaint}"));
    file
}

#[test]
fn os8x8_diag_s8_acc20_has_no_latches() {
    has_no_latches("os8x8_diag_s8_acc20");
}

#[test]
fn tree16x4_banks4_s8_acc34sat_has_no_latches() {
    has_no_latches("tree16x4_banks4_s8_acc34sat");
}

#[test]
fn lanes4_s8_acc16sat_sum17_has_no_latches() {
    has_no_latches("lanes4_s8_acc16sat_sum17");
}
