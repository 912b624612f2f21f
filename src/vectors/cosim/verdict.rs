//! What a simulation said, read from its output: exit codes of simulators lie.

use std::process::Output;

use crate::error::{Error, Kind, Result};
use crate::num::Format;
use crate::vectors::Manifest;

/// One `MISMATCH` line.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mismatch {
    /// The cycle, or by beats the transaction.
    pub n: u64,
    /// Simulation time in ns.
    pub time: u64,
    /// `pe.acc[3][4]`
    pub signal: String,
    /// Hex digits; unknown bits as the simulator prints them.
    pub expected: String,
    /// What the module showed, in the same digits.
    pub got: String,
}

/// The answer of one simulation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum Verdict {
    /// Nothing differs, and as much was compared as the manifest promises.
    Pass {
        /// Cycles or transactions.
        compared: u64,
        /// Values in them.
        values: u64,
    },
    /// Something differs, or the comparison did not take place.
    Fail {
        /// `vectors-not-loaded`, `mismatch` or `timeout`.
        reason: String,
        /// The rest of the line.
        detail: String,
        /// The first ones, as many as the testbench prints.
        mismatches: Vec<Mismatch>,
    },
}

impl Verdict {
    /// Whether the module did what the bundle expects.
    pub fn passed(&self) -> bool {
        matches!(self, Verdict::Pass { .. })
    }
}

/// What a pass must say: the run's own nonce, and as much compared as the bundle promises for this wiring.
pub struct Promise {
    /// Brought by the run; the RTL cannot know it in advance.
    pub nonce: String,
    /// Cycles or transactions.
    pub compared: u64,
    /// Values in them.
    pub values: u64,
}

/// A pass is exit status 0 and exactly one `RESULT` line, with this run's nonce and the promised counts; a failure is
/// exactly one `RESULT FAIL` with the nonce. Anything else is no answer at all: an error.
pub fn read(output: &Output, promise: &Promise) -> Result<Verdict> {
    let text = String::from_utf8_lossy(&output.stdout);
    let ending = format!(" nonce={}", promise.nonce);
    let speaks = |l: &&str| l.contains("RESULT PASS") || l.contains("RESULT FAIL");
    let (own, foreign): (Vec<&str>, Vec<&str>) = text
        .lines()
        .filter(speaks)
        .partition(|line| line.ends_with(&ending) && line.matches("RESULT ").count() == 1);
    if let Some(line) = foreign.first() {
        let said = format!("the RTL printed a RESULT line that is not the testbench's: {line:?}: no verdict");
        return Err(Error::new(Kind::Simulator, said)
            .help("RESULT lines are the testbench's answer; take them out of the RTL"));
    }
    // RTL may leave its own line unfinished: what it wrote then stands in front.
    let said = |line: &'_ str| {
        let line = line.strip_suffix(&ending)?;
        Some(line[line.find("RESULT ")? + "RESULT ".len()..].to_string())
    };
    let own: Vec<String> = own.into_iter().filter_map(said).collect();
    let (compared, values) = (promise.compared, promise.values);
    match &own[..] {
        [line] if output.status.success() && *line == format!("PASS n={compared} values={values}") => {
            Ok(Verdict::Pass { compared, values })
        }
        [line] if line.starts_with("FAIL reason=") && !output.status.success() => {
            let line = &line["FAIL reason=".len()..];
            let (reason, detail) = line.split_once(' ').unwrap_or((line, ""));
            let mismatches = text.lines().filter_map(mismatch).collect();
            Ok(Verdict::Fail { reason: reason.to_string(), detail: detail.trim().to_string(), mismatches })
        }
        _ => Err(no_answer(output, &text, promise)),
    }
}

fn no_answer(output: &Output, text: &str, promise: &Promise) -> Error {
    let errors = String::from_utf8_lossy(&output.stderr);
    let all: Vec<&str> = text.lines().chain(errors.lines()).collect();
    let last = all[all.len().saturating_sub(5)..].join("\n    ");
    let said = format!(
        "the simulation gave no verdict ({}, expected one line `RESULT PASS n={} values={}` with the run's nonce):\n    {last}",
        output.status, promise.compared, promise.values
    );
    Error::new(Kind::Simulator, said)
        .help("RTL that ends the simulation itself ($finish, $stop) ends it before the comparison")
}

/// `MISMATCH n=12 t=144 sig=pe.acc[3][4] exp=001f got=001e`
fn mismatch(line: &str) -> Option<Mismatch> {
    let mut fields = line.strip_prefix("MISMATCH ")?.split_whitespace();
    let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=').map(String::from);
    Some(Mismatch {
        n: field("n")?.parse().ok()?,
        time: field("t")?.parse().ok()?,
        signal: field("sig")?,
        expected: field("exp")?,
        got: field("got")?,
    })
}

impl Mismatch {
    /// In a person's words: which signal of which PE, and both values as numbers.
    pub fn describe(&self, manifest: &Manifest, by_beats: bool) -> String {
        let (name, indices) = split_indices(&self.signal);
        let signal = manifest.signals.iter().find(|s| s.name == name);
        let format = signal.and_then(|s| s.format.parse::<Format>().ok());
        let value = |digits: &str| match format.and_then(|f| decimal(digits, f)) {
            Some(value) => format!("{value} (0x{digits})"),
            None if digits.contains(['x', 'z', 'X', 'Z']) => format!("unknown bits ({digits})"),
            None => format!("0x{digits}"),
        };
        let what = if by_beats { "transaction" } else { "cycle" };
        let place = place(manifest, name, &indices).map(|p| format!(" ({p})")).unwrap_or_default();
        format!(
            "{what} {}, t={} ns: {}{place}: expected {}, got {}",
            self.n,
            self.time,
            self.signal,
            value(&self.expected),
            value(&self.got)
        )
    }
}

/// `pe.acc[3][4]` is `pe.acc` and 3, 4.
fn split_indices(signal: &str) -> (&str, Vec<usize>) {
    let (name, rest) = signal.split_once('[').unwrap_or((signal, ""));
    (name, rest.split(['[', ']']).filter_map(|i| i.parse().ok()).collect())
}

/// The hardware element of an instance.
fn place(manifest: &Manifest, name: &str, indices: &[usize]) -> Option<String> {
    let per_pe = name.starts_with("pe.") || name.starts_with("reduce.");
    match indices {
        [row, column, lane] if per_pe => Some(format!("PE row {row}, column {column}, lane {lane}")),
        [row, column] if per_pe => Some(format!("PE row {row}, column {column}")),
        [lane] if per_pe => Some(format!("lane {lane}")),
        [column] if manifest.columns > 1 && !name.starts_with("skew.") => Some(format!("column {column}")),
        _ => None,
    }
}

/// R10 backwards: the value of a bit pattern. `None` with unknown bits.
fn decimal(digits: &str, format: Format) -> Option<i64> {
    let raw = u64::from_str_radix(digits, 16).ok()?;
    Some(crate::num::fit(i128::from(raw), format, crate::num::Overflow::Wrap).value)
}
