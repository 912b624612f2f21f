//! Verilator and Icarus on the same array and the same stimulus; what they compute is compared with ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use goldpath::lower::{Outcome, Program};

const N: usize = 16;
const MODULE: &str = "os16x16_s8_acc16sat";

/// A peer built for Verilator, with a program's stimulus beside it.
pub struct Verilated {
    program: PathBuf,
    folder: PathBuf,
    tiles: usize,
    beats: usize,
    expected: Vec<u8>,
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/rtl")
}

pub fn done(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|e| format!("{:?}: {e}", command.get_program()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Builds the peer once.
pub fn build_verilator(folder: &Path) -> Result<PathBuf, String> {
    verilate(MODULE, folder, &[sources().join(format!("{MODULE}.v"))], &sources().join("driver.cpp"))
}

/// A module in C++ at -O3 for this machine's instruction set, behind a driver.
pub fn verilate(top: &str, folder: &Path, files: &[PathBuf], driver: &Path) -> Result<PathBuf, String> {
    let made = folder.join("verilated");
    let mut command = Command::new("verilator");
    command.args([
        "--cc",
        "--exe",
        "--build",
        "-O3",
        "--x-assign",
        "fast",
        "--x-initial",
        "fast",
        "--noassert",
    ]);
    command.args(["-Wno-fatal", "-Wno-lint", "-Wno-style", "--top-module", top]);
    command.args(["-MAKEFLAGS", "OPT_FAST=-O3 OPT_SLOW=-O3 OPT_GLOBAL=-O3", "-CFLAGS", "-O3 -march=native"]);
    command.arg("--Mdir").arg(&made);
    command.args(files).arg(driver);
    done(&mut command)?;
    Ok(made.join(format!("V{top}")))
}

impl Verilated {
    /// Writes the stimulus of a program whose extents are whole tiles.
    pub fn new(built: &Path, folder: &Path, program: &Program, outcome: &Outcome) -> Verilated {
        fs::create_dir_all(folder).expect("a folder under target");
        let records = program.records();
        let (mut stimulus, mut parameters, mut expected) = (Vec::new(), Vec::new(), Vec::new());
        let (mut a, mut w) = (Vec::new(), Vec::new());
        let beats = program.beats();
        for tile in (0..program.tile_count()).map(|index| program.tile(index)) {
            program.left_stream(tile, &records, &mut a);
            program.above_stream(tile, &records, &mut w);
            for beat in 0..beats {
                // Codes are s8: the low byte is the pattern.
                stimulus.extend((0..N).map(|row| a[row * beats + beat] as u8));
                stimulus.extend(w[beat * N..][..N].iter().map(|code| *code as u8));
            }
            parameters.extend(tile_parameters(program, tile.n0));
            for row in (0..N).rev() {
                expected
                    .extend((0..N).map(|column| outcome.outputs[[tile.m0 + row, tile.n0 + column]] as u8));
            }
        }
        fs::write(folder.join("stimulus.bin"), &stimulus).expect("room under target");
        fs::write(folder.join("parameters.bin"), &parameters).expect("room under target");
        let (program, folder) = (built.to_path_buf(), folder.to_path_buf());
        Verilated { program, folder, tiles: expected.len() / (N * N), beats, expected }
    }

    /// Runs the whole program `repeats` times; cycles and the driver's own seconds. Panics when an output differs.
    pub fn run(&self, repeats: usize) -> (f64, f64) {
        let mut command = Command::new(&self.program);
        for file in ["stimulus.bin", "parameters.bin", "outputs.bin"] {
            command.arg(self.folder.join(file));
        }
        command.args([self.tiles, self.beats, repeats].map(|count| count.to_string()));
        let text = done(&mut command).expect("the peer runs");
        let outputs = fs::read(self.folder.join("outputs.bin")).expect("the peer's outputs");
        assert!(outputs == self.expected, "Verilator and goldpath differ in an output");
        let mut numbers = text.split_whitespace().map(|word| word.parse::<f64>().expect("a number"));
        (numbers.next().expect("cycles"), numbers.next().expect("seconds"))
    }
}

/// A tile's record, as `driver.cpp` reads it.
fn tile_parameters(program: &Program, n0: usize) -> Vec<u8> {
    let value = |name: &str, channel: usize| {
        let index = program.design.parameters.iter().position(|p| p.name == name).expect("a parameter");
        let values = &program.parameters[index];
        if values.len() == 1 { values[0] } else { values[channel] }
    };
    let mut bytes = Vec::new();
    for column in 0..N {
        bytes.extend((value("bias", n0 + column) as i32).to_le_bytes());
    }
    bytes.extend((0..N).map(|column| value("shift", n0 + column) as u8));
    bytes.extend(["zero_point", "low", "high"].map(|name| value(name, 0) as u8));
    bytes
}

/// Builds and runs the peer in Icarus, with the stimulus of `peer`; cycles and seconds, start-up included.
pub fn icarus(peer: &Verilated) -> Result<(f64, f64), String> {
    let folder = &peer.folder;
    let read = |name: &str| fs::read(folder.join(name)).expect("the peer's stimulus");
    let lines = |bytes: &[u8], size: usize| -> String {
        let digits = |line: &[u8]| line.iter().rev().map(|byte| format!("{byte:02x}")).collect::<String>();
        bytes.chunks(size).map(|line| digits(line) + "\n").collect()
    };
    // Shifts are nibbles on the port.
    let records: Vec<u8> = read("parameters.bin")
        .chunks(83)
        .flat_map(|r| {
            [&r[..64], &r[64..80].chunks(2).map(|s| s[0] | s[1] << 4).collect::<Vec<_>>(), &r[80..]].concat()
        })
        .collect();
    fs::write(folder.join("stimulus.hex"), lines(&read("stimulus.bin"), 32)).expect("room under target");
    fs::write(folder.join("parameters.hex"), lines(&records, 75)).expect("room under target");
    let made = folder.join("icarus.vvp");
    let mut command = Command::new("iverilog");
    command.args(["-g2012", "-s", "tb"]).arg("-o").arg(&made);
    command.arg(format!("-Ptb.TILES={}", peer.tiles)).arg(format!("-Ptb.BEATS={}", peer.beats));
    command.arg(sources().join(format!("{MODULE}.v"))).arg(sources().join("tb.v"));
    done(&mut command)?;
    let begin = Instant::now();
    let text = done(Command::new("vvp").arg(&made).current_dir(folder))?;
    let seconds = begin.elapsed().as_secs_f64();
    let row = |line: &str| {
        (0..N)
            .rev()
            .map(|column| u8::from_str_radix(&line[2 * column..][..2], 16).expect("hex"))
            .collect::<Vec<_>>()
    };
    let outputs: Vec<u8> = text.lines().filter(|line| line.len() == 2 * N).flat_map(row).collect();
    assert!(outputs == peer.expected, "Icarus and goldpath differ in an output");
    Ok(((peer.tiles * (peer.beats + 48)) as f64, seconds))
}
