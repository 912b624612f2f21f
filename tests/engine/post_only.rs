//! Requantizers alone: both engines, what comes in, and when it leaves.

use std::path::Path;
use std::sync::Arc;

use goldpath::datapath;
use goldpath::design::Design;
use goldpath::neighbours::{self, Hardware};
use goldpath::num::Format;
use goldpath::post::{Operand, Step, When};
use goldpath::simulate::{self, Gaps, Options};
use goldpath::trace::MemorySink;
use goldpath::wave::npy_int64;

use super::equal::both;
use super::random;
use super::work::Random;

#[test]
fn both_engines_agree_on_any_steps() {
    for seed in 0..300 {
        let mut random = Random::new(41_000 + seed);
        let program = random::values(random::post_only(&mut random), &mut random);
        let (outcome, _) = both(&program, &format!("seed {seed}"));
        let value = program.design.value_parameter().unwrap();
        let values: Vec<i64> = outcome.accumulators.iter().copied().collect();
        assert_eq!(values, program.parameters[value], "seed {seed}: what comes in is what is finished");
    }
}

/// Many at a time where nobody samples, more than are taken at once.
#[test]
fn values_at_a_time_are_those_of_the_pipeline() {
    let (mut events, mut ports) = (0, 0);
    for seed in 0..200 {
        let mut random = Random::new(43_000 + seed);
        let mut design = random::post_only(&mut random);
        if seed % 3 == 0 {
            design.post.clear();
        }
        let counts = [1, 2, 7, 1024, 1025, 2500];
        let mut program = random::values_of(design, counts[seed as usize % 6], &mut random);
        // A port that reads less than what comes in: no design, but what somebody may have built.
        let format = program.design.accumulator.format;
        if seed % 4 == 1 && format.width() > 2 {
            let narrower = Format::new(format.width() - 1, format.is_signed()).unwrap();
            let ours = Hardware::of(&program.design);
            let built = neighbours::of(&ours).map(|built| built.hardware.design);
            let mut built = built.filter(|built| built.accumulator.register == narrower);
            program.design = Arc::new(built.next().unwrap());
        }
        let records = program.records();
        let mut folded = datapath::folded(&program.design, &records).unwrap();
        let mut plain = datapath::plain(&program.design, &records);
        let options = Options { counts: true, ..Options::default() };
        let ours = simulate::run_on(&program, folded.as_mut(), options, &mut []).unwrap();
        let drawn = simulate::run_on(&program, plain.as_mut(), options, &mut []).unwrap();
        assert_eq!(ours, drawn, "seed {seed}: {}", program.design.to_toml());
        let values = program.shape.n;
        assert_eq!(folded.routes().values, values.div_ceil(1024) as u64, "seed {seed}");
        let counts = ours.outcome.counts.unwrap();
        events += counts.nodes.iter().map(|node| node.high + node.low).sum::<u64>();
        ports += counts.nodes.iter().filter(|node| node.node == "accumulator.start" && node.high > 0).count();
    }
    println!("{events} {ports}");
    assert!(events > 10_000 && ports > 20, "{events} {ports}");
}

/// A value leaves as many cycles later as its steps have registers, however the host rests, beside nothing else.
#[test]
fn values_leave_when_their_steps_say() {
    let mut gone = 0;
    for seed in 0..150 {
        let mut random = Random::new(42_000 + seed);
        let program = random::values(random::post_only(&mut random), &mut random);
        // Without the registers of steps that a layer's bit takes out.
        let registers = |step: &Step| match step.when {
            Some(When { bit: Operand::Parameter(index), is, wire: true }) => {
                let runs = (program.parameters[index][0] == 1) == is;
                gone += usize::from(!runs);
                if runs { step.latency as usize } else { 0 }
            }
            _ => step.latency as usize,
        };
        let delay: usize = program.design.post.iter().map(registers).sum();
        for gaps in [Gaps::none(), Gaps::mixed(seed)] {
            let mut memory = MemorySink::default();
            let options = Options { gaps, ..Options::default() };
            let run = simulate::run(&program, options, &mut [&mut memory]).unwrap();
            let bits = |name: &str| -> Vec<usize> {
                let bits = memory.signal(name).unwrap();
                (0..bits.len()).filter(|cycle| bits[*cycle][0] == 1).collect()
            };
            let (fed, left) = (bits("in.valid"), bits("out.valid"));
            assert_eq!(left, fed.iter().map(|cycle| cycle + delay).collect::<Vec<_>>(), "seed {seed}");
            let cycles = (0..program.shape.n).collect::<Vec<_>>();
            assert!(!gaps.is_none() || fed == cycles, "seed {seed}: a value a cycle");
            assert_eq!(run.cycles as usize, fed.last().unwrap() + delay + 2, "seed {seed}");
            let (values, channels) =
                (memory.signal("in.value").unwrap(), memory.signal("in.channel").unwrap());
            for (n, cycle) in fed.iter().enumerate() {
                assert_eq!(
                    [values[*cycle][0], channels[*cycle][0]],
                    [program.start(n), n as i64],
                    "seed {seed}"
                );
            }
        }
    }
    assert!(gone > 10, "{gone} steps were taken out");
}

fn parse(text: &str) -> Result<Design, String> {
    Design::parse(text, Path::new("alone.toml"), &[]).map_err(|error| format!("{error}"))
}

const ALONE: &str = "schema = 1\nname = \"alone\"\npost = [{ step = \"saturate\", width = 8 }]\n\
     [accumulator]\nwidth = 64\nsigned = true\n";

#[test]
fn a_file_without_operands_and_array_is_one() {
    let design = parse(ALONE).unwrap();
    assert!(design.is_post_only());
    assert_eq!(design.value_format().to_string(), "s64");
    assert_eq!(design.cycle_formula(), "N + 1");
    assert_eq!(parse(&design.to_toml()).unwrap(), design);
    let wrong = |from: &str, to: &str, words: &[&str]| {
        assert!(ALONE.contains(from));
        let error = parse(&ALONE.replace(from, to)).unwrap_err();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    };
    let end = "signed = true\n";
    let idle = "changes nothing: without [operands] and [array] nothing is multiplied or summed";
    for (key, text) in [
        ("product", "[product]\nlatency = 1"),
        ("order", "[order]\nlane_map = \"adjacent\""),
        ("memory", "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 4"),
        ("reduce", "[[reduce]]\ngroup = 2"),
        ("accumulator.start", "start = \"bias\""),
        ("accumulator.overflow", "overflow = \"wrap\""),
        ("accumulator.banks", "banks = 2"),
    ] {
        wrong(end, &format!("{end}{text}\n"), &[&format!("`{key}`"), idle, "alone.toml:"]);
    }
    wrong(
        end,
        "signed = true\n[parameters.value]\nformat = \"s8\"\n",
        &["`parameters.value`", "what comes in"],
    );
    wrong(
        "{ step = \"saturate\", width = 8 }",
        "{ step = \"add\", value = \"value\" }",
        &["what comes in, which is x"],
    );
    wrong("width = 64", "width = 65", &["`accumulator.width`", "65"]);
    wrong(
        end,
        "signed = true\n[array]\ndataflow = \"post_only\"\n",
        &["post_only", "leave [operands] and [array] out"],
    );
}

/// Own values come as parameter `value`, beside activations and weights of 0.
#[test]
fn run_takes_own_values() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, array: ndarray::ArrayD<i64>| {
        std::fs::write(at(name), npy_int64(array.view())).unwrap();
    };
    write("a.npy", ndarray::Array2::zeros([1, 1]).into_dyn());
    write("w.npy", ndarray::Array2::zeros([1, 4]).into_dyn());
    let mut zip = zip::ZipWriter::new(std::fs::File::create(at("p.npz")).unwrap());
    let numbers: [(&str, &[i64]); 6] = [
        ("value", &[-5, 100, 1 << 30, -(1 << 31)]),
        ("bias", &[1, 2, 3, 4]),
        ("multiplier", &[1 << 30; 4]),
        ("shift", &[30, 31, 50, 55]),
        ("low", &[-128]),
        ("high", &[127]),
    ];
    for (name, values) in numbers {
        zip.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        let values = ndarray::Array1::from_vec(values.to_vec()).into_dyn();
        std::io::Write::write_all(&mut zip, &npy_int64(values.view())).unwrap();
    }
    zip.finish().unwrap();
    let design = Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_models/requant_pipeline");
    let mut command = assert_cmd::Command::cargo_bin("goldpath").unwrap();
    let words = ["--activations", "a.npy", "--weights", "w.npy", "--params", "p.npz", "--out", "out"];
    command.current_dir(folder.path()).arg("run").arg(&design).args(words).assert().success();
    let read = |name: &str| -> Vec<i64> {
        let tensor = goldpath::import::npy::read_npy(&at("out").join(name)).unwrap();
        tensor.to_i64().unwrap().iter().copied().collect()
    };
    assert_eq!(read("acc.npy"), [-5, 100, 1 << 30, -(1 << 31)]);
    // (v + bias) * 2^30, shifted to the nearest: -4; 51; 1024.0 beyond the clamp; -64.
    assert_eq!(read("out.npy"), [-4, 51, 127, -64]);
}
