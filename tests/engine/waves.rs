//! Trace files: read back and compared with the trace in memory.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use goldpath::import::npy::read_npz;
use goldpath::num::{Overflow, fit};
use goldpath::simulate::{self, Options};
use goldpath::trace::MemorySink;
use goldpath::{lower::Program, wave};

use super::designs;
use super::work::product;

/// Runs a program into memory and into a file of each format.
fn traced(program: &Program, folder: &Path) -> MemorySink {
    let mut memory = MemorySink::default();
    let mut files: Vec<_> =
        ["t.vcd", "t.npz", "t.txt"].iter().map(|name| wave::create(&folder.join(name)).unwrap()).collect();
    let [vcd, npz, txt] = files.as_mut_slice() else { unreachable!() };
    let mut sinks = [&mut memory as &mut dyn goldpath::trace::Sink, vcd.as_mut(), npz.as_mut(), txt.as_mut()];
    simulate::run(program, Options::default(), &mut sinks).unwrap();
    memory
}

/// A dump as (name → per-cycle patterns), by a reader of its own.
fn read_vcd(path: &Path, cycles: usize) -> HashMap<String, Vec<u64>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut names = HashMap::new();
    let mut waves: HashMap<String, Vec<u64>> = HashMap::new();
    let mut now: HashMap<String, u64> = HashMap::new();
    let mut sampled = 0;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["$var", "wire", _, identifier, name, ..] = words.as_slice() {
            names.insert((*identifier).to_string(), (*name).to_string());
        } else if let Some(time) = line.strip_prefix('#') {
            let cycle = time.parse::<usize>().unwrap() / 10;
            // What stood until this time is the sample of the cycles before it.
            for _ in sampled..cycle {
                now.iter().for_each(|(name, value)| waves.entry(name.clone()).or_default().push(*value));
            }
            sampled = cycle;
        } else if let Some(bits) = words[0].strip_prefix('b') {
            now.insert(names[words[1]].clone(), u64::from_str_radix(bits, 2).unwrap());
        } else if let Some(identifier) = line.strip_prefix(['0', '1']) {
            now.insert(names[identifier].clone(), u64::from(line.starts_with('1')));
        }
    }
    assert_eq!(sampled, cycles);
    waves
}

#[test]
fn vcd_and_npz_hold_the_trace() {
    for design in designs::twins() {
        let folder = tempfile::tempdir().unwrap();
        let program = product(&Arc::new(design), [3, 9, 4], 5, false);
        let memory = traced(&program, folder.path());
        let vcd = read_vcd(&folder.path().join("t.vcd"), memory.cycles());
        let npz = read_npz(&folder.path().join("t.npz")).unwrap();
        assert_eq!(npz.len(), memory.table().signals.len());
        for signal in &memory.table().signals {
            let samples = memory.signal(&signal.name).unwrap();
            let array = npz[&signal.name].to_i64().unwrap();
            let shape: Vec<usize> = [memory.cycles()].into_iter().chain(signal.shape.clone()).collect();
            assert_eq!(array.shape(), shape, "{}", signal.name);
            assert_eq!(array.into_iter().collect::<Vec<_>>(), samples.concat(), "{}", signal.name);
            let port = signal.name.replace('.', "_");
            let last: String = signal.shape.iter().map(|extent| format!("[{}]", extent - 1)).collect();
            let wave = &vcd[&format!("{port}{last}")];
            for (sample, pattern) in samples.iter().zip(wave) {
                let value = fit(i128::from(*pattern), signal.format, Overflow::Wrap).value;
                assert_eq!(value, *sample.last().unwrap(), "{}", signal.name);
            }
        }
    }
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let program = product(&Arc::new(designs::tree8_s8_acc24()), [2, 20, 2], 5, false);
    traced(&program, one.path());
    traced(&program, two.path());
    for name in ["t.vcd", "t.npz", "t.txt"] {
        let read = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(name)).unwrap();
        assert!(read(&one) == read(&two), "{name}");
    }
    assert_eq!(std::fs::read_dir(one.path()).unwrap().count(), 3, "no temporary file is left");
}

#[test]
fn text_wave_of_a_mac() {
    let folder = tempfile::tempdir().unwrap();
    let program = product(&Arc::new(designs::mac_s8_acc16sat()), [1, 3, 2], 5, true);
    traced(&program, folder.path());
    insta::assert_snapshot!(std::fs::read_to_string(folder.path().join("t.txt")).unwrap());
}

/// Peak resident memory of this process in KiB.
#[cfg(target_os = "linux")]
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Ten million cycles of a MAC into a VCD take no more memory than a hundred thousand.
#[test]
#[cfg(target_os = "linux")]
#[ignore = "long: run alone, in release"]
fn memory_stays_flat() {
    let design = Arc::new(designs::mac_s8_acc32());
    let folder = tempfile::tempdir().unwrap();
    let traced = |program: &Program| {
        let mut sink = wave::create(&folder.path().join("t.vcd")).unwrap();
        simulate::run(program, Options::default(), &mut [sink.as_mut()]).unwrap().cycles
    };
    // Few operands, many cycles: what grows is what grows with the cycles.
    let few = traced(&product(&design, [10, 1000, 10], 1, false));
    let before = peak_kib();
    let many = traced(&product(&design, [100, 1000, 100], 1, false));
    let grown = peak_kib() - before;
    println!("{few} cycles: {before} KiB; {many} cycles: {grown} KiB more");
    assert!(many > 10_000_000 && grown < 16 << 10, "{grown} KiB");
}
