//! The operators of `hw_models/operators`, proved equal to the rules by trying every input at reduced widths.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::rule::Line;
use crate::tools;

const OPERATORS: [&str; 6] =
    ["fit_signed", "fitted_add", "accumulate", "multiply_exact", "rounding_shift", "clamp"];

/// Distinct inputs per operator, over all widths. They are what the loops of `operators.v` span:
///
/// - fit: both modes, 6 result widths, 2 + 4 + … + 64 values
/// - add: both modes, equal widths 1..=5, and operand widths 2..=4 by result widths 2..=5 where not all equal
/// - accumulate: both modes, widths 1..=4, and 3 bits with an addend of 5
/// - multiply: factors of 1..=4 bits, and every pair of 8-bit factors
/// - shift: values of 1..=6 bits by counts of 1..=4 bits, and the corners of 16, 56 and 64 bits by 0..=63
/// - clamp: values of 1..=5 bits between bounds no wider than the value
fn cases() -> BTreeMap<&'static str, usize> {
    let power = |bits: usize| 1_usize << bits;
    let equal: usize = (1..=5).map(|w| power(2 * w)).sum();
    let pairs = (2..=4).flat_map(|a| (2..=4).map(move |b| (a, b)));
    let mixed: usize = pairs.map(|(a, b)| power(a + b) * if a == b { 3 } else { 4 }).sum();
    let accumulate: usize = (1..=4).map(|w| power(1 + 3 * w)).sum::<usize>() + power(1 + 3 + 3 + 5);
    let factors: usize = (1..=4).map(power).sum();
    let shifts = (1..=6).map(power).sum::<usize>() * (1..=4).map(power).sum::<usize>();
    let clamps: usize = (1..=5).flat_map(|w| (1..=w).map(move |b| power(w + 2 * b))).sum();
    BTreeMap::from([
        ("fit", 2 * 6 * (1..=6).map(power).sum::<usize>()),
        ("add", 2 * (equal + mixed)),
        ("accumulate", 2 * accumulate),
        ("multiply", factors * factors + power(16)),
        ("shift", shifts + 64 * [16, 56, 64].map(distinct_corners).iter().sum::<usize>()),
        ("clamp", clamps),
    ])
}

/// The values 2^n − 1, 2^n, 2^n + 1 and their complements, each once.
fn distinct_corners(width: u32) -> usize {
    let mask = u64::MAX >> (64 - width);
    let near = (0..width).flat_map(|n| {
        let power = 1_u64 << n;
        [power - 1, power, power.wrapping_add(1)].map(|value| value & mask)
    });
    near.flat_map(|value| [value, !value & mask]).collect::<HashSet<_>>().len()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let bench = [PathBuf::from("tests/rtl/operators.v")];
    bench.into_iter().chain(OPERATORS.iter().map(|name| folder.join(format!("{name}.v")))).collect()
}

/// What a run of the testbench showed.
struct Tally {
    /// Distinct lines per operator.
    tried: BTreeMap<String, usize>,
    /// The lines that contradict the rule.
    wrong: Vec<String>,
}

/// Reads a run. The number the testbench says it printed must have arrived, whatever the exit status was.
fn tally(printed: &str) -> Tally {
    let ends: Vec<&str> = printed.lines().filter(|line| line.starts_with("RESULT ")).collect();
    let lines: Vec<&str> = printed.lines().filter(|line| line.contains(" : ")).collect();
    assert_eq!(ends, [format!("RESULT PRINTED n={}", lines.len())], "the testbench did not finish");
    let mut tried = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in lines.into_iter().collect::<HashSet<_>>() {
        let parsed = Line::parse(line).unwrap_or_else(|| panic!("cannot read `{line}`"));
        *tried.entry(parsed.operator.to_owned()).or_default() += 1;
        if !parsed.agrees() {
            wrong.push(line.to_owned());
        }
    }
    wrong.sort();
    Tally { tried, wrong }
}

fn proves(simulator: &str, printed: &str) {
    let tally = tally(printed);
    assert!(tally.wrong.is_empty(), "{simulator}: {} wrong, {:?} …", tally.wrong.len(), tally.wrong[0]);
    let expected: BTreeMap<String, usize> =
        cases().into_iter().map(|(operator, count)| (operator.to_owned(), count)).collect();
    assert_eq!(tally.tried, expected, "{simulator} tried other inputs than it should have");
    let total: usize = tally.tried.values().sum();
    println!("{simulator}: {total} distinct inputs, 0 wrong: {:?}", tally.tried);
}

#[test]
fn operators_follow_the_rules_in_icarus() {
    let folder = tools::fresh_folder("operators_icarus");
    let rtl = Path::new("hw_models/operators/rtl");
    proves("icarus", &tools::icarus(&folder, "operators", &sources(rtl)));
}

#[test]
fn operators_follow_the_rules_in_verilator() {
    let folder = tools::fresh_folder("operators_verilator");
    let rtl = Path::new("hw_models/operators/rtl");
    proves("verilator", &tools::verilator(&folder, "operators", &sources(rtl)));
}

/// One plausible mistake per row: where, what the line says, and what it says instead.
const MISTAKES: [(&str, &str, &str); 10] = [
    ("fit_signed", "rail = {sign, {(OUT_WIDTH - 1) {!sign}}}", "rail = {!sign, {(OUT_WIDTH - 1) {sign}}}"),
    ("fit_signed", "value[IN_WIDTH-1:OUT_WIDTH-1]", "{value[IN_WIDTH-1], value[IN_WIDTH-1:OUT_WIDTH]}"),
    ("fit_signed", "(OUT_WIDTH - IN_WIDTH) {value[IN_WIDTH-1]}", "(OUT_WIDTH - IN_WIDTH) {1'b0}"),
    ("fitted_add", "(EXACT_WIDTH - B_WIDTH) {b[B_WIDTH-1]}", "(EXACT_WIDTH - B_WIDTH) {1'b0}"),
    ("accumulate", "first ? start : held", "first ? held : start"),
    ("multiply_exact", "{{B_WIDTH{a[A_WIDTH-1]}}, a}", "{{B_WIDTH{1'b0}}, a}"),
    ("rounding_shift", "raised >>> count", "raised >> count"),
    ("rounding_shift", "(one << count) >> 1", "(one << count) >> 2"),
    (
        "rounding_shift",
        "localparam SUM_WIDTH = ((WIDTH > REACH) ? WIDTH : REACH) + 1",
        "localparam SUM_WIDTH = WIDTH",
    ),
    ("clamp", "$signed(value) > $signed(wide_high)", "value > wide_high"),
];

#[test]
fn a_broken_operator_is_caught() {
    for (index, (module, right, mistaken)) in MISTAKES.into_iter().enumerate() {
        let folder = tools::fresh_folder(&format!("mistake_{index}"));
        for name in OPERATORS {
            let mut text = fs::read_to_string(format!("hw_models/operators/rtl/{name}.v")).unwrap();
            if name == module {
                assert!(text.contains(right), "{module} no longer says `{right}`");
                text = text.replace(right, mistaken);
            }
            fs::write(folder.join(format!("{name}.v")), text).unwrap();
        }
        let tally = tally(&tools::icarus(&folder, "operators", &sources(&folder)));
        assert!(!tally.wrong.is_empty(), "`{mistaken}` in {module} went unnoticed");
        println!("{module} with `{mistaken}`: {} wrong", tally.wrong.len());
    }
}
