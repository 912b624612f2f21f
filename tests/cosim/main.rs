//! Bundles against the Verilog twins, in both simulators.

#[path = "../engine/work.rs"]
#[allow(dead_code)]
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::simulate::{self, Options};
use goldpath::vectors::cosim::{Bench, Compare, Simulator, selftest};
use goldpath::vectors::{BundleWriter, Provenance, verilog_header};

fn folder(design: &str) -> PathBuf {
    Path::new("hw_models").join(design)
}

/// A bundle of a random product, and the bench of its twin.
fn bench(name: &str, shape: [usize; 3]) -> Bench {
    let design = Arc::new(Design::load(&folder(name).join("design.toml"), &[]).unwrap());
    let program = work::product(&design, shape, 1, false);
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bundles").join(name);
    let mut writer = BundleWriter::create(&out, program.clone()).unwrap();
    simulate::run(&program, Options::default(), &mut [&mut writer]).unwrap();
    writer.publish(&Provenance::default(), None).unwrap();
    Bench::twin(&out, &folder(name), verilog_header(&design)).unwrap()
}

fn agrees_and_can_fail(name: &str, shape: [usize; 3]) {
    let bench = bench(name, shape);
    for simulator in Simulator::ALL {
        let runner = bench.build(simulator).unwrap();
        for compare in [Compare::Cycles, Compare::Beats] {
            let verdict = runner.run(compare).unwrap();
            assert!(verdict.passed(), "{name} in {simulator:?} by {compare:?}: {verdict:#?}");
        }
        let wrong: Vec<_> = selftest(&runner).unwrap().into_iter().filter(|o| !o.right).collect();
        assert!(wrong.is_empty(), "{name} in {simulator:?}: {wrong:#?}");
    }
}

#[test]
fn mac_s8_acc32() {
    agrees_and_can_fail("mac_s8_acc32", [5, 7, 3]);
}

#[test]
fn mac_s8_acc16sat() {
    agrees_and_can_fail("mac_s8_acc16sat", [5, 7, 3]);
}

#[test]
fn tree8_s8_acc24() {
    agrees_and_can_fail("tree8_s8_acc24", [5, 27, 3]);
}
