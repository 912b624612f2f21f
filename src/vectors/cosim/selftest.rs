//! Corrupts copies of a bundle and expects the right failure each time: a testbench that cannot fail is a defect.

use std::fs;
use std::path::Path;

use super::{Bench, Compare, Runner, Verdict};
use crate::error::{Error, Kind, Place, Result};
use crate::files::Stage;
use crate::vectors::{DATA_FILES, Layout, Layouts, Sum};

/// One corruption and how the testbench took it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Outcome {
    /// What was done to the copy.
    pub corruption: String,
    /// What had to be answered.
    pub wanted: String,
    /// What was answered.
    pub verdict: Verdict,
    /// Whether that is the failure, and the reason, that was wanted.
    pub right: bool,
}

/// What the testbench must answer.
enum Wanted {
    Pass,
    NotLoaded,
    /// Exactly one mismatch, in this cycle at this signal.
    Mismatch {
        cycle: u64,
        signal: String,
    },
}

/// Every known corruption in turn, each in a fresh copy of the bundle's data; `progress` is told of each before it runs.
///
/// # Errors
/// A copy cannot be written, or a simulation does not start; a wrong answer is an [`Outcome`].
pub fn selftest(runner: &Runner, progress: &dyn Fn(&str)) -> Result<Vec<Outcome>> {
    if let Some(name) = runner.bench.changed.first() {
        return Err(Error::new(
            Kind::Malformed,
            "is not as the manifest says: the self-test begins with an untouched bundle",
        )
        .in_file(&runner.bench.bundle.join(name)));
    }
    let watched = Watched { runner, progress };
    let layouts = runner.bench.manifest.layouts()?;
    let mut outcomes = vec![trial(&watched, "untouched", Wanted::Pass, |_| Ok(()))?];
    for name in DATA_FILES.iter().map(|n| format!("{n}.hex")).chain(["header.hex".to_string()]) {
        if runner.bench.manifest.records(&name) == 0 && name != "header.hex" {
            continue;
        }
        outcomes.push(trial(&watched, &format!("one nibble of {name} flipped"), Wanted::NotLoaded, |f| {
            flip_nibble(f, &name)
        })?);
        outcomes.push(trial(&watched, &format!("one word of {name} dropped"), Wanted::NotLoaded, |f| {
            drop_word(f, &name)
        })?);
        outcomes.push(trial(&watched, &format!("{name} removed"), Wanted::NotLoaded, |f| remove(f, &name))?);
    }
    for (cycle, field, instance) in targets(runner.bench, &layouts)? {
        let field = &layouts.expected.fields[field];
        let signal = label(&field.name, &field.shape, instance);
        let bit = field.offset + instance * field.width();
        let what = format!("bit 0 of {signal} in cycle {cycle} flipped, sum repaired");
        outcomes.push(trial(&watched, &what, Wanted::Mismatch { cycle, signal }, |f| {
            flip_expected(f, &layouts, cycle, bit)
        })?);
    }
    outcomes.push(trial(&watched, "folder emptied", Wanted::NotLoaded, empty)?);
    Ok(outcomes)
}

/// A runner, and who is told what is tried on it.
struct Watched<'a> {
    runner: &'a Runner<'a>,
    progress: &'a dyn Fn(&str),
}

fn trial(
    watched: &Watched,
    what: &str,
    wanted: Wanted,
    corrupt: impl Fn(&Path) -> Result<()>,
) -> Result<Outcome> {
    let Watched { runner, progress } = watched;
    progress(what);
    let copy = Stage::create(&std::env::temp_dir())
        .map_err(|e| Error::io(&std::env::temp_dir(), "write in the temporary folder", e))?;
    for name in DATA_FILES.iter().copied().chain(["header"]) {
        let name = format!("{name}.hex");
        let from = runner.bench.bundle.join(&name);
        fs::copy(&from, copy.path().join(&name)).map_err(|e| Error::io(&from, "copy this file", e))?;
    }
    corrupt(copy.path())?;
    let (verdict, _) = runner.run_folder(copy.path(), Compare::Cycles)?;
    Ok(Outcome {
        corruption: what.to_string(),
        right: wanted.met(&verdict),
        wanted: wanted.to_string(),
        verdict,
    })
}

impl Wanted {
    fn met(&self, verdict: &Verdict) -> bool {
        match (self, verdict) {
            (Wanted::Pass, Verdict::Pass { .. }) => true,
            (Wanted::NotLoaded, Verdict::Fail { reason, .. }) => reason == "vectors-not-loaded",
            (Wanted::Mismatch { cycle, signal }, Verdict::Fail { reason, mismatches, .. }) => {
                reason == "mismatch" && matches!(&mismatches[..], [m] if m.n == *cycle && m.signal == *signal)
            }
            _ => false,
        }
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wanted::Pass => write!(f, "PASS"),
            Wanted::NotLoaded => write!(f, "FAIL vectors-not-loaded"),
            Wanted::Mismatch { cycle, signal } => write!(f, "FAIL mismatch in cycle {cycle} at {signal}"),
        }
    }
}

/// The first compared signal in cycle 0, an accumulator in the middle, the last signal in the last cycle: (cycle,
/// field of `expected`, instance). Where outputs are compared only when valid, theirs are the valid cycles.
fn targets(bench: &Bench, layouts: &Layouts) -> Result<Vec<(u64, usize, usize)>> {
    let fields = &layouts.expected.fields;
    let last_cycle = bench.manifest.cycles.saturating_sub(1);
    let valid = if bench.values_per_output > 0 { Some(valid_cycles(bench, layouts)?) } else { None };
    let cycle_of = |field: usize, cycle: u64| match &valid {
        Some((first, last)) if fields[field].name.starts_with("out.") => {
            if cycle < bench.manifest.cycles / 2 { *first } else { *last }
        }
        _ => cycle,
    };
    let seen: Vec<usize> = (0..fields.len()).filter(|f| bench.compares(&fields[*f].name)).collect();
    let accumulator = seen.iter().find(|f| fields[**f].name == "pe.acc");
    let first = seen.first().map(|f| (cycle_of(*f, 0), *f, 0));
    let middle = accumulator.map(|f| (bench.manifest.cycles / 2, *f, fields[*f].instances() / 2));
    let last = seen.last().map(|f| (cycle_of(*f, last_cycle), *f, fields[*f].instances().saturating_sub(1)));
    Ok(first.into_iter().chain(middle).chain(last).collect())
}

/// The first cycle with an output, if there is one.
pub(super) fn first_output(bench: &Bench, layouts: &Layouts) -> Option<u64> {
    valid_cycles(bench, layouts).ok().map(|(first, _)| first)
}

/// First and last cycle with an output.
fn valid_cycles(bench: &Bench, layouts: &Layouts) -> Result<(u64, u64)> {
    let layout = &layouts.expected;
    let bit = layout.field("out.valid").ok_or_else(not_hex)?.offset;
    let at = layout.digits() - 1 - (bit % layout.word_bits) / 4;
    let lines = read(&bench.bundle, "expected.hex")?;
    let valid = |record: &[String]| {
        let digit = record.get(bit / layout.word_bits)?.get(at..=at)?;
        Some(u32::from_str_radix(digit, 16).ok()? >> (bit % 4) & 1 == 1)
    };
    let mut cycles = (0..).zip(lines.chunks(layout.words)).filter(|(_, record)| valid(record) == Some(true));
    let (first, _) = cycles.next().ok_or_else(not_hex)?;
    Ok((first, cycles.last().map_or(first, |(cycle, _)| cycle)))
}

/// `pe.acc[3][4]`: the name the testbench prints for row-major instance `index`.
fn label(name: &str, shape: &[usize], index: usize) -> String {
    let mut below: usize = shape.iter().product();
    let mut label = name.to_string();
    for extent in shape {
        // The manifest's reader has refused extents of 0.
        below /= extent;
        label.push_str(&format!("[{}]", (index / below) % extent));
    }
    label
}

fn read(folder: &Path, name: &str) -> Result<Vec<String>> {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, "read this file", e))?;
    Ok(text.lines().map(String::from).collect())
}

fn write(folder: &Path, name: &str, lines: &[String]) -> Result<()> {
    let path = folder.join(name);
    let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
    fs::write(&path, text).map_err(|e| Error::io(&path, "write this file", e))
}

fn remove(folder: &Path, name: &str) -> Result<()> {
    let path = folder.join(name);
    fs::remove_file(&path).map_err(|e| Error::io(&path, "remove this file", e))
}

fn empty(folder: &Path) -> Result<()> {
    DATA_FILES.iter().copied().chain(["header"]).try_for_each(|name| remove(folder, &format!("{name}.hex")))
}

/// The top bit of the middle word's first digit: the place where a sum with even weights would not see it.
fn flip_nibble(folder: &Path, name: &str) -> Result<()> {
    let mut lines = read(folder, name)?;
    let middle = lines.len() / 2;
    let line = lines.get_mut(middle).ok_or_else(|| too_short(folder, name))?;
    let first = line.chars().next().and_then(|c| c.to_digit(16)).ok_or_else(not_hex)?;
    line.replace_range(0..1, &format!("{:x}", first ^ 8));
    write(folder, name, &lines)
}

fn drop_word(folder: &Path, name: &str) -> Result<()> {
    let mut lines = read(folder, name)?;
    if lines.is_empty() {
        return Err(too_short(folder, name));
    }
    lines.remove(lines.len() / 2);
    write(folder, name, &lines)
}

/// Flips one bit of a cycle's record and makes the header believe it.
fn flip_expected(folder: &Path, layouts: &Layouts, cycle: u64, bit: usize) -> Result<()> {
    let layout = &layouts.expected;
    let mut lines = read(folder, "expected.hex")?;
    let cycle = usize::try_from(cycle).map_err(|_| not_hex())?;
    let at = cycle * layout.words + bit / layout.word_bits;
    let line = lines.get_mut(at).ok_or_else(|| too_short(folder, "expected.hex"))?;
    let at = layout.digits() - 1 - (bit % layout.word_bits) / 4;
    let digit = line.get(at..=at).and_then(|d| u32::from_str_radix(d, 16).ok()).ok_or_else(not_hex)?;
    line.replace_range(at..=at, &format!("{:x}", digit ^ (1 << (bit % 4))));
    let mut header = read(folder, "header.hex")?;
    let sum = header.get_mut(6).ok_or_else(|| too_short(folder, "header.hex"))?;
    *sum = format!("{:08x}", sum_of(&lines, layout)?);
    write(folder, "header.hex", &header)?;
    write(folder, "expected.hex", &lines)
}

fn sum_of(lines: &[String], layout: &Layout) -> Result<u32> {
    let mut sum = Sum::default();
    for line in lines {
        let limbs: Option<Vec<u64>> = line
            .as_bytes()
            .rchunks(16)
            .map(|d| u64::from_str_radix(std::str::from_utf8(d).ok()?, 16).ok())
            .collect();
        sum.word(&limbs.ok_or_else(not_hex)?, layout.word_bits);
    }
    Ok(sum.value())
}

fn too_short(folder: &Path, name: &str) -> Error {
    Error::new(Kind::Malformed, "has fewer lines than the manifest promises: there is nothing to corrupt")
        .at(Place::File(folder.join(name)))
        .help("the self-test takes a whole bundle, as `goldpath vectors` writes it")
}

fn not_hex() -> Error {
    Error::new(Kind::Malformed, "the bundle's files are not hex lines")
}
