//! Every kind of array against its own twin in Verilator: the twin's inputs and outputs alone, its registers left open, so that
//! Verilator keeps what it needs. Both are given the same cycles; every valid output is compared, by a sum over all of them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use goldpath::error::Result;
use goldpath::lower::Program;
use goldpath::simulate::{self, Options};
use goldpath::trace::{Chunk, Role, Signal, SignalTable, Sink};

use super::{engine, median, peer, rate, work};

/// Twins, and a product that keeps them busy for ten thousand cycles and more.
const KINDS: [(&str, [usize; 3]); 13] = [
    ("mac_s8_acc32", [64, 256, 32]),
    ("mac_s8_acc16sat", [64, 256, 32]),
    ("tree8_s8_acc24", [64, 1024, 32]),
    ("os8x8_s8_acc32", [128, 256, 128]),
    ("os16x16_s8_acc16sat", [128, 256, 64]),
    ("os4x2_l4_s8_acc32", [64, 512, 32]),
    ("os8x8_diag_s8_acc20", [128, 256, 128]),
    ("ws16x16_s8_acc32", [1024, 16, 256]),
    ("is8x8_s8_acc24", [256, 8, 512]),
    ("ws8x8_bcast_s8_acc24_mem32", [64, 128, 64]),
    ("tree16x4_banks4_s8_acc34sat", [64, 1024, 32]),
    ("lanes4_s8_acc16sat_sum17", [64, 1024, 32]),
    ("requant_pipeline", [1, 1, 32768]),
];
const ROUNDS: usize = 5;
const SECONDS: f64 = 0.2;

/// A port of the wrapper: bits, and bytes of what Verilator holds it in.
struct Port {
    name: String,
    bits: usize,
}

impl Port {
    fn of(signal: &Signal) -> Port {
        let bits = signal.instances() * signal.format.width() as usize;
        Port { name: signal.name.replace('.', "_"), bits }
    }

    fn bytes(&self) -> usize {
        match self.bits {
            0..=8 => 1,
            9..=16 => 2,
            17..=32 => 4,
            33..=64 => 8,
            wide => wide.div_ceil(32) * 4,
        }
    }

    /// Values side by side, the first one lowest.
    fn pack(&self, values: impl Iterator<Item = i64>, width: usize, into: &mut Vec<u8>) {
        let from = into.len();
        into.resize(from + self.bytes(), 0);
        for (at, value) in values.enumerate() {
            for bit in (0..width).filter(|bit| value >> bit & 1 != 0) {
                into[from + (at * width + bit) / 8] |= 1 << ((at * width + bit) % 8);
            }
        }
    }
}

/// What the host drives, cycle by cycle, parameters beside it, and what becomes of all valid outputs.
struct Recorder<'a> {
    program: &'a Program,
    records: std::sync::Arc<Vec<Vec<i64>>>,
    table: Option<SignalTable>,
    stimulus: Vec<u8>,
    ports: Vec<Port>,
    sum: u64,
}

impl Sink for Recorder<'_> {
    fn begin(&mut self, table: &SignalTable) -> Result<()> {
        let inputs = table.signals.iter().filter(|signal| signal.role == Role::Input);
        self.ports = inputs.filter(|signal| signal.name != "in.channel").map(Port::of).collect();
        let design = &self.program.design;
        let own = design.value_parameter();
        for (index, parameter) in design.parameters.iter().enumerate().filter(|(at, _)| Some(*at) != own) {
            let columns = if self.records[index].len() > 1 { design.array.records() } else { 1 };
            let bits = columns * parameter.format.width() as usize;
            self.ports.push(Port { name: format!("param_{}", parameter.name), bits });
        }
        self.table = Some(table.clone());
        Ok(())
    }

    fn chunk(&mut self, chunk: &Chunk) -> Result<()> {
        let table = self.table.as_ref().expect("it began");
        let design = &self.program.design;
        for row in chunk.values.chunks_exact(table.row()) {
            let (mut at, mut channel, mut port) = (0, 0, 0);
            let mut valid: &[i64] = &[];
            for signal in &table.signals {
                let values = &row[at..at + signal.instances()];
                at += signal.instances();
                let width = signal.format.width() as usize;
                match (signal.role, signal.name.as_str()) {
                    (Role::Input, "in.channel") => channel = values[0] as usize,
                    (Role::Input, _) => {
                        self.ports[port].pack(values.iter().copied(), width, &mut self.stimulus);
                        port += 1;
                    }
                    (Role::Output, "out.valid") => valid = values,
                    (Role::Output, _) => {
                        for (exit, value) in values.iter().enumerate() {
                            if valid[exit * valid.len() / values.len()] != 0 {
                                let mask = u64::MAX >> (64 - width);
                                self.sum = self.sum.wrapping_mul(31).wrapping_add(*value as u64 & mask);
                            }
                        }
                    }
                    _ => {}
                }
            }
            let own = design.value_parameter();
            for (index, parameter) in design.parameters.iter().enumerate().filter(|(at, _)| Some(*at) != own)
            {
                let numbers = &self.records[index];
                let columns = if numbers.len() > 1 { design.array.records() } else { 1 };
                let of = |column: usize| numbers.get(channel + column).or(numbers.first()).copied();
                let values = (0..columns).map(|column| of(column).unwrap_or_default());
                self.ports[port].pack(values, parameter.format.width() as usize, &mut self.stimulus);
                port += 1;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The twin behind a module that has its inputs and outputs alone, and a driver for it.
fn build(name: &str, recorder: &Recorder<'_>, folder: &Path) -> std::result::Result<PathBuf, String> {
    let table = recorder.table.as_ref().expect("it began");
    let outputs: Vec<&Signal> = table.signals.iter().filter(|signal| signal.role == Role::Output).collect();
    let mut heads = vec!["input clk".to_string(), "input rst".to_string()];
    let mut wires = vec![".clk(clk)".to_string(), ".rst(rst)".to_string()];
    let ports = recorder.ports.iter().map(|port| ("input", port.name.clone(), port.bits));
    let outs = outputs.iter().map(|signal| ("output", Port::of(signal)));
    for (way, port, bits) in ports.chain(outs.map(|(way, port)| (way, port.name.clone(), port.bits))) {
        heads.push(format!("{way} [{}:0] {port}", bits - 1));
        wires.push(format!(".{port}({port})"));
    }
    let module = format!(
        "module bench_top ({});\n    {name} dut ({});\nendmodule\n",
        heads.join(", "),
        wires.join(", ")
    );
    let mut drive = String::new();
    let mut at = 0;
    for port in &recorder.ports {
        let _ = writeln!(drive, "            memcpy(&top.{}, p + {at}, {});", port.name, port.bytes());
        at += port.bytes();
    }
    let data = outputs.last().expect("out.data");
    let (exits, width) = (data.instances(), data.format.width());
    let groups = outputs[0].instances();
    let driver = DRIVER
        .replace("@DRIVE@", &drive)
        .replace("@ROW@", &at.to_string())
        .replace("@EXITS@", &exits.to_string())
        .replace("@WIDTH@", &width.to_string())
        .replace("@EACH@", &(exits / groups).to_string());
    let write = |file: &str, text: &str| fs::write(folder.join(file), text).map_err(|e| e.to_string());
    fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    write("bench_top.v", &module)?;
    write("driver.cpp", &driver)?;
    fs::write(folder.join("stimulus.bin"), &recorder.stimulus).map_err(|e| e.to_string())?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_models").join(name);
    let list = fs::read_to_string(root.join("rtl/files.f")).map_err(|e| e.to_string())?;
    let sources = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    let sources = sources.map(|line| root.join(line));
    let all: Vec<PathBuf> = [folder.join("bench_top.v")].into_iter().chain(sources).collect();
    peer::verilate("bench_top", folder, &all, &folder.join("driver.cpp"))
}

const DRIVER: &str = r#"// Drives a twin from memory: every port's bytes, cycle by cycle.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <vector>

#include "Vbench_top.h"
#include "verilated.h"

int main(int, char** argv) {
    std::ifstream file(argv[1], std::ios::binary);
    const std::vector<char> stimulus{std::istreambuf_iterator<char>(file), {}};
    const long repeats = atol(argv[2]), cycles = stimulus.size() / @ROW@;
    VerilatedContext context;
    Vbench_top top(&context);
    uint64_t sum = 0;
    const clock_t begin = clock();
    for (long repeat = 0; repeat < repeats; repeat++) {
        top.rst = 1;
        for (int i = 0; i < 2; i++) {
            top.clk = 0;
            top.eval();
            top.clk = 1;
            top.eval();
        }
        top.rst = 0;
        sum = 0;
        for (long cycle = 0; cycle < cycles; cycle++) {
            const char* p = &stimulus[cycle * @ROW@];
@DRIVE@            top.clk = 0;
            top.eval();
            uint8_t valid[(@EXITS@ / @EACH@ + 63) / 64 * 8] = {};
            memcpy(valid, &top.out_valid, sizeof top.out_valid);
            uint8_t any = 0;
            for (uint8_t byte : valid) any |= byte;
            if (any) {
                uint8_t data[(@EXITS@ * @WIDTH@ + 63) / 64 * 8 + 8] = {};
                memcpy(data, &top.out_data, sizeof top.out_data);
                for (int exit = 0; exit < @EXITS@; exit++) {
                    if (!(valid[exit / @EACH@ / 8] >> (exit / @EACH@ % 8) & 1)) continue;
                    const long bit = long(exit) * @WIDTH@;
                    uint64_t value;
                    memcpy(&value, data + bit / 8, 8);
                    value >>= bit % 8;
                    if (bit % 8) value |= uint64_t(data[bit / 8 + 8]) << (64 - bit % 8);
                    sum = sum * 31 + (value & (~uint64_t(0) >> (64 - @WIDTH@)));
                }
            }
            top.clk = 1;
            top.eval();
        }
    }
    const double seconds = double(clock() - begin) / CLOCKS_PER_SEC;
    printf("%ld %.6f %llu\n", cycles * repeats, seconds, (unsigned long long)sum);
    top.final();
}
"#;

/// Cycles a second of the peer, in millions; panics when an output differs.
fn run(built: &Path, folder: &Path, repeats: usize, sum: u64) -> f64 {
    let mut command = std::process::Command::new(built);
    command.arg(folder.join("stimulus.bin")).arg(repeats.to_string());
    let text = peer::done(&mut command).expect("the peer runs");
    let words: Vec<&str> = text.split_whitespace().collect();
    let number = |at: usize| words[at].parse::<f64>().expect("a number");
    assert_eq!(words[2], sum.to_string(), "Verilator and goldpath differ in an output");
    number(0) / number(1) / 1e6
}

/// Our rate, of as many runs as the clock can tell.
fn about(program: &Program, cycles: u64) -> f64 {
    let mut repeats = 1;
    loop {
        let rate = rate(cycles, repeats, || drop(std::hint::black_box(engine(program))));
        if rate.is_finite() && cycles as f64 * repeats as f64 / rate / 1e6 > 0.03 {
            return rate;
        }
        repeats *= 4;
    }
}

/// Prints the table, of all twins or of those that are named.
pub fn report(folder: &Path, only: &[String]) {
    println!("\nEvery kind against its twin in Verilator, Mcycle/s");
    println!("  {:<30} {:>9} {:>9} {:>10} {:>8}", "twin", "cycles", "ours", "Verilator", "ratio");
    for (name, shape) in
        KINDS.into_iter().filter(|(name, _)| only.is_empty() || only.iter().any(|o| o == name))
    {
        let program = work::product(&work::design(name), shape);
        let mut recorder = Recorder {
            program: &program,
            records: program.records(),
            table: None,
            stimulus: Vec::new(),
            ports: Vec::new(),
            sum: 0,
        };
        simulate::run(&program, Options::default(), &mut [&mut recorder]).expect("it runs");
        let cycles = engine(&program).cycles;
        let folder = folder.join(name);
        let built = build(name, &recorder, &folder);
        let repeats = |rate: f64| (rate * 1e6 * SECONDS / cycles as f64).ceil().max(1.0) as usize;
        let ours = repeats(about(&program, cycles));
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let ours = rate(cycles, ours, || drop(std::hint::black_box(engine(&program))));
            let theirs = match &built {
                Ok(built) => run(built, &folder, repeats(0.5), recorder.sum),
                Err(_) => f64::NAN,
            };
            rounds.push([ours, theirs]);
        }
        if let Err(message) = &built {
            println!("  {name}: Verilator is left out: {}", message.lines().next().unwrap_or_default());
        }
        let column = |of: &dyn Fn(&[f64; 2]) -> f64| median(rounds.iter().map(of).collect());
        let [ours, theirs, ratio] = [column(&|r| r[0]), column(&|r| r[1]), column(&|r| r[0] / r[1])];
        println!("  {name:<30} {cycles:>9} {ours:>9.2} {theirs:>10.3} {ratio:>8.1}");
    }
}
