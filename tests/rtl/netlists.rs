//! The gates that Yosys makes of two twins, simulated in Icarus on golden vectors: every port, every cycle.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::simulate::{self, Options};
use goldpath::vectors::cosim::{Bench, Compare, PortMap, Simulator, Verdict, user_wiring};
use goldpath::vectors::{BundleWriter, Found, Provenance, manifest};

use crate::synthesis::{netlist, sources};
use crate::tools::fresh_folder;
use crate::work;

/// A bundle of a matrix product, random or of corners only.
fn bundle(name: &str, shape: [usize; 3], extreme: bool, out: &Path) {
    let file = Path::new("hw_models").join(name).join("design.toml");
    let design = Arc::new(Design::load(&file, &[]).unwrap());
    let program = work::product(&design, shape, 7, extreme);
    let mut writer = BundleWriter::create(out, program.clone()).unwrap();
    simulate::run(&program, Options::default(), &mut [&mut writer]).unwrap();
    writer.publish(&Provenance::default(), Found::default()).unwrap();
}

/// A netlist is a user's module that has every port of the twin.
fn simulate_gates(name: &str, gates: &Path, vectors: &Path) -> Verdict {
    let layouts = manifest::read(vectors).unwrap().layouts().unwrap();
    let every_port: Vec<PortMap> =
        layouts.port_names().map(|ours| (ours.clone(), ours.replace('.', "_"))).collect();
    let mut wiring = user_wiring(&layouts, name, &every_port, &[]).unwrap();
    wiring.gated = false;
    let bench = Bench::user(vectors, vec![gates.to_path_buf()], vec![], &wiring).unwrap();
    bench.build(Simulator::Icarus).unwrap().run(Compare::Cycles).unwrap()
}

fn gates_agree(name: &str, shape: [usize; 3]) {
    let folder = fresh_folder(&format!("netlist_{name}"));
    let gates = netlist(name, &sources(name), &folder);
    for extreme in [false, true] {
        let vectors = folder.join(if extreme { "extreme" } else { "random" });
        bundle(name, shape, extreme, &vectors);
        let verdict = simulate_gates(name, &gates, &vectors);
        assert!(verdict.passed(), "{name}, extreme = {extreme}: {verdict:#?}");
        println!("{name}: {} cycles of the netlist agree", manifest::read(&vectors).unwrap().cycles);
    }
    for case in ["directed", "layer"] {
        let vectors = Path::new("vectors").join(name).join(case);
        let facts = manifest::read(&vectors).unwrap();
        let overflow = facts.events.as_ref().unwrap()["accumulator"];
        assert!(case == "layer" || (overflow.high > 0 && overflow.low > 0), "{name}: {overflow:?}");
        let verdict = simulate_gates(name, &gates, &vectors);
        assert!(verdict.passed(), "{name} {case}: {verdict:#?}");
        let (cycles, values) = (facts.cycles, facts.values);
        println!(
            "{name} {case}: {cycles} cycles of the netlist agree, {values} values; accumulator overflows {overflow:?}"
        );
    }
}

#[test]
fn gates_of_mac_s8_acc16sat_agree() {
    gates_agree("mac_s8_acc16sat", [7, 60, 5]);
}

#[test]
fn gates_of_tree8_s8_acc24_agree() {
    gates_agree("tree8_s8_acc24", [7, 60, 5]);
}

#[test]
fn gates_of_a_mistaken_twin_are_caught() {
    let folder = fresh_folder("netlist_mistaken");
    let right = fs::read_to_string("hw_models/operators/rtl/fit_signed.v").unwrap();
    let mistaken = folder.join("fit_signed.v");
    // Never saturates upwards or downwards: the low bits pass.
    fs::write(&mistaken, right.replace("outside ? rail", "1'b0 ? rail")).unwrap();
    let files: Vec<PathBuf> = sources("mac_s8_acc16sat")
        .into_iter()
        .map(|file| if file.ends_with("fit_signed.v") { mistaken.clone() } else { file })
        .collect();
    let gates = netlist("mac_s8_acc16sat", &files, &folder);
    let vectors = folder.join("extreme");
    bundle("mac_s8_acc16sat", [7, 60, 5], true, &vectors);
    let verdict = simulate_gates("mac_s8_acc16sat", &gates, &vectors);
    assert!(matches!(&verdict, Verdict::Fail { reason, .. } if reason == "mismatch"), "{verdict:#?}");
}
