//! The same bytes on any number of threads and on every copy of the kernels: through the library and as typed.

use std::collections::BTreeMap;
use std::path::Path;

use assert_cmd::Command;
use goldpath::functional::{Kernels, Options, Prepared};
use goldpath::lower::Program;
use goldpath::wave::{npy_int64, npy_narrowest};
use ndarray::{Array2, ArrayD};

use super::cases::{self, FAMILIES};
use super::work::Random;
use super::{convolution, operands};

/// What `goldpath run` writes of an outcome, and the rest of it as text.
fn bytes(program: &Program, options: Options) -> Vec<Vec<u8>> {
    let outcome = Prepared::new(program, options).run(program);
    let counts = outcome.counts.expect("asked for");
    vec![
        npy_int64(outcome.accumulators.view().into_dyn()),
        npy_narrowest(outcome.outputs.view().into_dyn(), program.design.output()),
        npy_int64(counts.accumulator.view().into_dyn()),
        format!("{:?} {:?}", counts.nodes, counts.first).into_bytes(),
    ]
}

#[test]
fn threads_and_kernels_change_no_byte() {
    let products = (1000..1006).flat_map(|seed| FAMILIES.map(|family| (family, seed)));
    let products = products.map(|(family, seed)| cases::case(family, seed, 30_000).program());
    let programs: Vec<Program> = products.chain((2000..2030).map(convolution::program)).collect();
    let pools = [1, 2, 3, 8].map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap());
    let copies = Kernels::available();
    for absent in [Kernels::Avx2, Kernels::Avx512] {
        if !copies.contains(&absent) {
            println!("this machine has no {}: left out", absent.name());
        }
    }
    let mut with_events = 0;
    for (index, program) in programs.iter().enumerate() {
        let run = |pool: &rayon::ThreadPool, kernels| {
            pool.install(|| bytes(program, Options { counts: true, kernels }))
        };
        let expected = run(&pools[0], Kernels::Portable);
        with_events += usize::from(!expected[3].ends_with(b"None"));
        for kernels in &copies {
            for pool in &pools {
                let threads = pool.current_num_threads();
                assert!(run(pool, *kernels) == expected, "program {index}, {threads} threads, {kernels:?}");
            }
        }
    }
    println!(
        "{} programs, {} with events: the same bytes on 1, 2, 3 and 8 threads, on {} copies of the kernels",
        programs.len(),
        with_events,
        copies.len()
    );
    assert!(with_events * 2 > programs.len());
}

/// Files of `goldpath run`, by name; `engine` may bring options of its own.
fn typed(folder: &Path, design: &str, engine: &str, threads: &str) -> BTreeMap<String, Vec<u8>> {
    let out = folder.join("out");
    let design = format!("{}/hw_models/{design}", env!("CARGO_MANIFEST_DIR"));
    let arguments = ["run", &design, "--activations", "a.npy", "--weights", "w.npy", "--params", "p.npz"];
    let mut command = Command::cargo_bin("goldpath").unwrap();
    command.args(arguments).args(["--out", "out", "--engine"]).args(engine.split(' '));
    command.env("RAYON_NUM_THREADS", threads);
    let output = command.current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = std::fs::read_dir(&out).unwrap().map(Result::unwrap);
    let files = files.map(|f| (f.file_name().into_string().unwrap(), std::fs::read(f.path()).unwrap()));
    let files = files.collect();
    std::fs::remove_dir_all(&out).unwrap();
    files
}

fn write_npz(path: &Path, arrays: &[(&str, i64)]) {
    use std::io::Write;
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, value) in arrays {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&npy_int64(ndarray::arr0(*value).into_dyn().view())).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn goldpath_run_writes_the_same_bytes_by_either_engine_on_any_threads() {
    let multiply: &[(&str, i64)] = &[("multiplier", 1 << 30), ("shift", 38)];
    let designs: [(&str, &[(&str, i64)]); 5] = [
        ("mac_s8_acc16sat", &[("shift", 6)]),
        ("mac_s8_acc32", multiply),
        ("tree8_s8_acc24", multiply),
        ("os8x8_s8_acc32", multiply),
        ("os16x16_s8_acc16sat", &[("shift", 6)]),
    ];
    for (seed, (design, numbers)) in designs.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let mut random = Random::new(seed as u64);
        let s8 = "s8".parse().unwrap();
        let a = operands::codes(&mut random, [37, 130], s8, "runs");
        let w: Array2<i64> = operands::codes(&mut random, [67, 130], s8, "gaussian").reversed_axes();
        let write = |name: &str, values: ArrayD<i64>| {
            std::fs::write(folder.path().join(name), npy_int64(values.view())).unwrap();
        };
        write("a.npy", a.into_dyn());
        write("w.npy", w.as_standard_layout().to_owned().into_dyn());
        write_npz(&folder.path().join("p.npz"), numbers);
        let expected = typed(folder.path(), design, "functional", "1");
        let names: Vec<&str> = expected.keys().map(String::as_str).collect();
        assert_eq!(names, ["acc.npy", "goldpath.json", "out.npy", "overflow.json", "overflow.npy"]);
        let runs = [("functional", "2"), ("functional", "5"), ("cycle", "1"), ("cycle", "2")]
            .map(|(e, t)| (e.to_string(), t));
        let copies =
            Kernels::available().into_iter().map(|k| (format!("functional --kernels {}", k.name()), "2"));
        for (engine, threads) in runs.into_iter().chain(copies) {
            let engine = engine.as_str();
            assert!(typed(folder.path(), design, engine, threads) == expected, "{design} {engine} {threads}");
        }
        if design.ends_with("sat") {
            let table: serde_json::Value = serde_json::from_slice(&expected["overflow.json"]).unwrap();
            assert!(table["accumulator"]["high"].as_u64() > Some(0), "{design}: no overflow");
        }
    }
}
