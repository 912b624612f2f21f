//! What bundles can tell apart: neighbours of designs, and the programs that are directed at them.

mod bundles;
mod goals;
mod keys;
#[path = "../functional/neutral.rs"]
mod neutral;
#[path = "../oracle/mod.rs"]
mod oracle;
mod proofs;
mod steps;
mod table;

mod wrong;

mod mutants;

use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;

/// The committed designs.
const DESIGNS: [&str; 5] =
    ["mac_s8_acc32", "mac_s8_acc16sat", "tree8_s8_acc24", "os8x8_s8_acc32", "os16x16_s8_acc16sat"];

/// Designs whose bundles are too large to be committed.
const OTHERS: [&str; 7] = [
    "os4x2_l4_s8_acc32",
    "ws16x16_s8_acc32",
    "is8x8_s8_acc24",
    "os8x8_diag_s8_acc20",
    "tree16x4_banks4_s8_acc34sat",
    "lanes4_s8_acc16sat_sum17",
    "requant_pipeline",
];

fn design(name: &str) -> Arc<Design> {
    design_with(name, &[])
}

fn design_with(name: &str, overrides: &[&str]) -> Arc<Design> {
    let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
    Arc::new(Design::load(&Path::new("hw_models").join(name).join("design.toml"), &overrides).unwrap())
}
