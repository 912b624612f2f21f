//! How a bundle is run without goldpath: the commands that its manifest holds.

use std::collections::BTreeMap;

/// Commands to type inside the bundle's folder; `$RTL` stands for the twin's files.
pub fn commands(design: &str) -> BTreeMap<String, Vec<String>> {
    let rtl = format!("RTL=\"the files that hw_models/{design}/rtl/files.f lists\"");
    let icarus = [rtl.as_str(), "iverilog -g2012 -s tb -o tb.vvp tb.sv $RTL", "vvp -n tb.vvp +VEC=."];
    let verilator = [
        rtl.as_str(),
        "verilator --binary --timing -Wno-fatal --top-module tb --Mdir build tb.sv $RTL",
        "build/Vtb +VEC=.",
    ];
    let deeper =
        "if it says larger-than-DEPTH, add -Ptb.DEPTH=<cycles> (Icarus) or -GDEPTH=<cycles> (Verilator)";
    BTreeMap::from([
        ("icarus".to_string(), icarus.map(String::from).to_vec()),
        ("verilator".to_string(), verilator.map(String::from).to_vec()),
        ("note".to_string(), vec![deeper.to_string()]),
    ])
}
