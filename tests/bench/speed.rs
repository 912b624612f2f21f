//! `make bench`: the cycle engine against Verilator, Icarus and a bare loop, side by side in one run, one thread
//! each; then bundles and memory. What is compared is also checked: every output, count and probed register.
//!
//! The contestants take turns and are charged processor time, so that whatever else the machine does hits none of
//! them, or all. A figure is the median over the rounds; ratios are taken within a round.

mod bare;
mod kinds;
mod memory;
mod peer;
#[path = "../engine/planned.rs"]
mod planned;
mod probe;
mod work;

use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;

use bare::Loop;
use goldpath::lower::Program;
use goldpath::simulate::{self, Options, Run};

/// The program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 9;
/// Products of the array benchmark; K decides how much of a tile is filling and draining.
const SHAPES: [[usize; 3]; 2] = [[256, 64, 128], [128, 576, 64]];
/// Output rows and channels that Icarus computes: it is a thousand times slower.
const ICARUS: [usize; 2] = [32, 32];
/// How long each contestant runs in a round, about.
const SECONDS: f64 = 0.25;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|a| a == "--bundle") {
        return memory::child(arguments[at + 1].parse().expect("a case"));
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    if let Some(at) = arguments.iter().position(|a| a == "--kind") {
        return kinds::report(&folder.join("kinds"), &arguments[at + 1..]);
    }
    std::fs::create_dir_all(&folder).expect("a folder under target");
    let built = peer::build_verilator(&folder);
    if let Err(message) = &built {
        println!("Verilator is left out: {message}");
    }
    for shape in SHAPES {
        array(shape, built.as_deref().ok(), &folder);
    }
    probe::report();
    kinds::report(&folder.join("kinds"), &[]);
    if !arguments.iter().any(|a| a == "--quick") {
        memory::report();
    }
}

/// The cycle engine, as anyone calls it: a program, event counts, no sink.
fn engine(program: &Program) -> Run {
    simulate::run(program, Options { counts: true, ..Default::default() }, &mut []).expect("it runs")
}

fn array([m, k, n]: [usize; 3], built: Option<&Path>, folder: &Path) {
    let program = work::product(&work::design("os16x16_s8_acc16sat"), [m, k, n]);
    let reference = engine(&program);
    let bare = bare_work(&program);
    let events = check_bare(&reference, &bare, Loop::Clocked);
    check_bare(&reference, &bare, Loop::Tuned);
    let peer = built.map(|built| {
        peer::Verilated::new(built, &folder.join(format!("k{k}")), &program, &reference.outcome)
    });
    println!(
        "\nos16x16_s8_acc16sat, {m} x {k} x {n}: {} tiles, {} cycles, {events} overflows; Mcycle/s",
        program.tile_count(),
        reference.cycles
    );
    let repeats = |rate: f64| (rate * 1e6 * SECONDS / reference.cycles as f64).ceil() as usize;
    let fast = repeats(30.0);
    let slow = repeats(1.0);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let ours = rate(reference.cycles, fast, || drop(std::hint::black_box(engine(&program))));
        let [plain, tuned] = [Loop::Clocked, Loop::Tuned]
            .map(|how| rate(reference.cycles, fast, || drop(std::hint::black_box(bare::run(&bare, how)))));
        let verilator = peer.as_ref().map_or(f64::NAN, |peer| {
            let (cycles, seconds) = peer.run(slow);
            cycles / seconds / 1e6
        });
        rounds.push([ours, plain, tuned, verilator]);
    }
    let column = |of: &dyn Fn(&[f64; 4]) -> f64| median(rounds.iter().map(of).collect());
    println!("  engine     {:>8.2}   full register state, counts per output and node", column(&|r| r[0]));
    for (index, name) in (1..).zip(["bare loop", "tuned loop", "Verilator"]) {
        let ratio = column(&|r| r[0] / r[index]);
        println!("  {name:<10} {:>8.2}   engine / {name} {ratio:.2}", column(&|r| r[index]));
    }
    let program = work::product(&work::design("os16x16_s8_acc16sat"), [ICARUS[0], k, ICARUS[1]]);
    let small = |built| {
        peer::Verilated::new(built, &folder.join(format!("k{k}-small")), &program, &engine(&program).outcome)
    };
    if let Some(Ok((cycles, seconds))) = built.map(small).as_ref().map(peer::icarus) {
        let rate = cycles / seconds / 1e6;
        println!("  Icarus     {rate:>8.5}   engine / Icarus {:.0}", column(&|r| r[0]) / rate);
    }
}

/// Million cycles a second of `repeats` runs.
fn rate(cycles: u64, repeats: usize, mut run: impl FnMut()) -> f64 {
    let begin = seconds();
    (0..repeats).for_each(|_| run());
    cycles as f64 * repeats as f64 / (seconds() - begin) / 1e6
}

/// Time that this thread had a processor, so that other work on the machine does not count; where the system does
/// not tell, the time of day.
fn seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |ns| ns / 1e9)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn bare_work(program: &Program) -> bare::Work<'_> {
    let parameter = |name: &str| {
        let index = program.design.parameters.iter().position(|p| p.name == name).expect("a parameter");
        program.parameters[index].as_slice()
    };
    bare::Work {
        m: program.shape.m,
        k: program.shape.k,
        n: program.shape.n,
        a: &program.activations,
        w: &program.weights,
        bias: parameter("bias"),
        shift: parameter("shift"),
        zero_point: parameter("zero_point")[0],
    }
}

/// The bare loop does the same work; returns how many events there are.
fn check_bare(reference: &Run, work: &bare::Work<'_>, how: Loop) -> i64 {
    let (results, cycles) = bare::run(work, how);
    let counts = reference.outcome.counts.as_ref().expect("counts were asked for");
    assert_eq!(cycles, reference.cycles);
    assert!(reference.outcome.accumulators.iter().eq(&results.accumulators), "accumulators");
    assert!(reference.outcome.outputs.iter().eq(&results.outputs), "outputs");
    assert!(counts.accumulator.iter().eq(&results.counts), "counts");
    results.counts.iter().sum()
}
