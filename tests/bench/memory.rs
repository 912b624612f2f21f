//! Does memory stay flat while a bundle is written? Each size in a process of its own, its peak resident set.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use goldpath::simulate::{self, Options};
use goldpath::vectors::{BundleWriter, Found, Provenance};

use super::work;

/// Design, product and a name for its size.
const CASES: [(&str, [usize; 3]); 4] = [
    ("mac_s8_acc32", [10, 1000, 100]),
    ("mac_s8_acc32", [100, 1000, 100]),
    ("os16x16_s8_acc16sat", [64, 577, 64]),
    ("os16x16_s8_acc16sat", [160, 577, 256]),
];

/// Runs every case in a child and prints what it says.
pub fn report() {
    println!("\nWriting a bundle (all cycles of all registers) and peak memory, each in its own process:");
    for case in 0..CASES.len() {
        let program = std::env::current_exe().expect("this program");
        let output = Command::new(program).args(["--bundle", &case.to_string()]).output().expect("a child");
        print!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The child: writes one bundle and says how fast, how much, and how much memory it took.
pub fn child(case: usize) {
    let (name, shape) = CASES[case];
    let program = work::product(&work::design(name), shape);
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-bundle-{case}"));
    let begin = Instant::now();
    let mut writer = BundleWriter::create(&out, program.clone()).expect("a folder under target");
    let run = simulate::run(&program, Options { counts: true, ..Default::default() }, &mut [&mut writer])
        .expect("room under target");
    writer.publish(&Provenance::default(), Found::default()).expect("room under target");
    let seconds = begin.elapsed().as_secs_f64();
    let files = std::fs::read_dir(&out).expect("the bundle").flatten();
    let bytes: u64 = files.map(|file| file.metadata().map_or(0, |m| m.len())).sum();
    std::fs::remove_dir_all(&out).expect("our own folder");
    let megabytes = bytes as f64 / 1e6;
    println!(
        "  {name:<20} {:>9} cycles {megabytes:>7.0} MB {seconds:>6.1} s {:>6.0} MB/s {:>8.3} Mcycle/s  peak {}",
        run.cycles,
        megabytes / seconds,
        run.cycles as f64 / seconds / 1e6,
        peak()
    );
}

/// This process's largest resident set, where the system tells.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("not known here".to_string(), |text| text.trim().to_string())
}
