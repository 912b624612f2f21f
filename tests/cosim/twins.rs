//! Every twin, every made-up case, both simulators: no difference; and every corruption fails for its reason.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::vectors::case::{self, Case};
use goldpath::vectors::cosim::{Bench, Compare, Simulator, selftest};
use goldpath::vectors::{BundleWriter, Found, Provenance, manifest};
use goldpath::{functional, simulate};

pub fn folder(design: &str) -> PathBuf {
    Path::new("hw_models").join(design)
}

/// A bundle of a case, in a folder of its own.
pub fn bundle(name: &str, case: Case, shape: [usize; 3], out: &Path) -> Arc<Design> {
    bundle_with(name, &[], case, (shape, 1), out)
}

/// The same of a twin with other parameters.
fn bundle_with(
    name: &str,
    set: &[&str],
    case: Case,
    (shape, seed): ([usize; 3], u64),
    out: &Path,
) -> Arc<Design> {
    let set: Vec<String> = set.iter().map(|set| (*set).to_string()).collect();
    let design = Arc::new(Design::load(&folder(name).join("design.toml"), &set).unwrap());
    let program = case::make(&design, case, shape, seed, &|p| functional::run(p, true)).unwrap();
    let mut writer = BundleWriter::create(out, program.clone()).unwrap();
    let options = simulate::Options { counts: true, ..Default::default() };
    let run = simulate::run(&program, options, &mut [&mut writer]).unwrap();
    let source = case.name().to_string();
    let provenance = Provenance { source, seed: Some(seed), ..Provenance::default() };
    let counts = run.outcome.counts.unwrap();
    let found = Found { events: Some(&counts.nodes), ..Found::default() };
    writer.publish(&provenance, found).unwrap();
    design
}

fn agrees_and_can_fail(name: &str, shape: [usize; 3]) {
    agrees_and_can_fail_with(name, &[], shape);
}

fn agrees_and_can_fail_with(name: &str, set: &[&str], shape: [usize; 3]) {
    agrees_on(name, set, shape, &Case::ALL);
}

/// The last case shows that the testbench can fail.
fn agrees_on(name: &str, set: &[&str], shape: [usize; 3], cases: &[Case]) {
    let root = tempfile::tempdir().unwrap();
    for case in cases.iter().copied() {
        let out = root.path().join(case.name());
        let design = bundle_with(name, set, case, (shape, 1), &out);
        if case == Case::Saturating {
            let events = manifest::read(&out).unwrap().events.unwrap()["accumulator"];
            assert!(events.high > 0 && events.low > 0, "{name}: {events:?}");
        }
        let facts = manifest::read(&out).unwrap();
        let overflow = facts.events.as_ref().unwrap()["accumulator"];
        let bench = Bench::twin(&out, &folder(name), &design, &design).unwrap();
        for simulator in Simulator::ALL {
            let runner = bench.build(simulator).unwrap();
            // Columns or rows that leave apart have a valid bit each: no transaction is theirs together.
            let beats = (!design.array.leaves_apart()).then_some(Compare::Beats);
            for compare in [Compare::Cycles].into_iter().chain(beats) {
                let verdict = runner.run(compare).unwrap();
                assert!(verdict.passed(), "{name} {case:?} in {simulator:?} by {compare:?}: {verdict:#?}");
            }
            println!(
                "{name} {} in {}: {} cycles, {} values, 0 mismatches; accumulator beyond its format {} times high, {} low",
                case.name(),
                simulator.name(),
                facts.cycles,
                facts.values,
                overflow.high,
                overflow.low
            );
            if cases.last() == Some(&case) {
                let wrong: Vec<_> =
                    selftest(&runner, &|_| {}).unwrap().into_iter().filter(|o| !o.right).collect();
                assert!(wrong.is_empty(), "{name} in {simulator:?}: {wrong:#?}");
            }
        }
    }
}

/// Twins with extents of some thousand cycles: many products where sums stay, many vectors where operands do.
const LONG: [(&str, &[&str], [usize; 3]); 13] = [
    ("mac_s8_acc32", &[], [40, 30, 8]),
    ("mac_s8_acc16sat", &[], [40, 30, 8]),
    ("tree8_s8_acc24", &["accumulator.width=20"], [40, 300, 8]),
    ("lanes4_s8_acc16sat_sum17", &[], [40, 200, 4]),
    ("os4x2_l4_s8_acc32", &["accumulator.width=20"], [30, 1200, 5]),
    ("os8x8_s8_acc32", &["accumulator.width=20"], [30, 600, 20]),
    ("os16x16_s8_acc16sat", &[], [40, 500, 40]),
    ("os8x8_diag_s8_acc20", &[], [30, 600, 20]),
    ("ws16x16_s8_acc32", &["accumulator.width=19"], [700, 16, 80]),
    ("ws8x8_bcast_s8_acc24_mem32", &["accumulator.width=17"], [500, 70, 20]),
    ("is8x8_s8_acc24", &["accumulator.width=17"], [40, 8, 700]),
    ("tree16x4_banks4_s8_acc34sat", &["accumulator.width=20"], [64, 900, 8]),
    ("requant_pipeline", &["accumulator.width=40"], [1, 1, 6000]),
];

/// Register for register, in both simulators, under other operands again and again.
#[test]
#[ignore = "long: 100 000 cycles of every twin in both simulators"]
fn every_twin_for_a_hundred_thousand_cycles() {
    const CYCLES: u64 = 100_000;
    for (name, set, shape) in LONG {
        let (mut cycles, mut values, mut events, mut seed) = (0, 0, 0, 1);
        while cycles < CYCLES {
            let root = tempfile::tempdir().unwrap();
            let out = root.path().join("bundle");
            // A requantizer sums nothing that would saturate.
            let cases = if name == "requant_pipeline" { &Case::ALL[..2] } else { &Case::ALL[..] };
            let case = cases[seed as usize % cases.len()];
            let design = bundle_with(name, set, case, (shape, seed), &out);
            let facts = manifest::read(&out).unwrap();
            let bench = Bench::twin(&out, &folder(name), &design, &design).unwrap();
            for simulator in Simulator::ALL {
                let verdict = bench.build(simulator).unwrap().run(Compare::Cycles).unwrap();
                assert!(verdict.passed(), "{name} {case:?} seed {seed} in {simulator:?}: {verdict:#?}");
            }
            let overflow = facts.events.as_ref().unwrap()["accumulator"];
            events += overflow.high + overflow.low;
            (cycles, values, seed) = (cycles + facts.cycles, values + facts.values, seed + 1);
        }
        println!("{name}: {cycles} cycles, {values} values, 0 mismatches; {events} beyond the accumulator");
    }
}

#[test]
fn mac_s8_acc32() {
    agrees_and_can_fail("mac_s8_acc32", [5, 9, 3]);
}

#[test]
fn mac_s8_acc16sat() {
    agrees_and_can_fail("mac_s8_acc16sat", [5, 9, 3]);
}

#[test]
fn tree8_s8_acc24() {
    agrees_and_can_fail("tree8_s8_acc24", [5, 27, 3]);
}

#[test]
fn os8x8_s8_acc32() {
    agrees_and_can_fail("os8x8_s8_acc32", [11, 7, 10]);
}

#[test]
fn os16x16_s8_acc16sat() {
    agrees_and_can_fail("os16x16_s8_acc16sat", [18, 12, 20]);
}

#[test]
fn os4x2_l4_s8_acc32() {
    agrees_and_can_fail("os4x2_l4_s8_acc32", [7, 22, 5]);
}

#[test]
fn ws16x16_s8_acc32() {
    agrees_and_can_fail("ws16x16_s8_acc32", [60, 13, 37]);
}

/// K is cut into visits, positions into as many as there are words. The sums of 8 products leave 17 bits.
#[test]
fn ws8x8_bcast_s8_acc24_mem32() {
    agrees_and_can_fail_with("ws8x8_bcast_s8_acc24_mem32", &["accumulator.width=17"], [300, 37, 11]);
}

#[test]
fn is8x8_s8_acc24() {
    agrees_and_can_fail("is8x8_s8_acc24", [19, 7, 11]);
}

/// Products enough to leave 20 bits on either side.
#[test]
fn os8x8_diag_s8_acc20() {
    agrees_and_can_fail("os8x8_diag_s8_acc20", [19, 200, 21]);
}

/// Positions that are no multiple of the banks; 20 bits, so that sums meet the rails.
#[test]
fn tree16x4_banks4_s8_acc34sat() {
    agrees_and_can_fail_with("tree16x4_banks4_s8_acc34sat", &["accumulator.width=20"], [11, 70, 10]);
}

/// Every lane has an accumulator: products enough to leave its 16 bits, and 17 bits of all four.
#[test]
fn lanes4_s8_acc16sat_sum17() {
    agrees_and_can_fail("lanes4_s8_acc16sat_sum17", [9, 50, 7]);
}

/// A requantizer alone: nothing is summed that would saturate. Values of 32 bits, and of as many as its port can have.
#[test]
fn requant_pipeline() {
    for (width, n) in
        [("accumulator.width=32", 700), ("accumulator.width=64", 300), ("accumulator.width=7", 200)]
    {
        agrees_on("requant_pipeline", &[width], [1, 1, n], &[Case::Random, Case::Extreme]);
    }
}

/// PEs that are counted against their outputs are the same circuit: only what the host feeds them is another.
#[test]
fn a_mirrored_array_is_the_same_circuit() {
    for (name, mirror, shape) in [
        ("os4x2_l4_s8_acc32", "rows", [6, 12, 5]),
        ("os8x8_diag_s8_acc20", "columns", [11, 9, 13]),
        ("is8x8_s8_acc24", "columns", [11, 7, 5]),
        ("tree16x4_banks4_s8_acc34sat", "columns", [6, 40, 6]),
    ] {
        let set = format!("array.mirror={mirror}");
        agrees_on(name, &[&set], shape, &[Case::Random]);
    }
}
