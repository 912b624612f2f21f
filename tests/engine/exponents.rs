//! Weights of which steps read the exponent: both engines, and what is proved, against sums written out here. Every code of the
//! weight meets every activation.

use std::path::Path;
use std::sync::Arc;

use goldpath::bounds::{Inputs, accumulator_ranges};
use goldpath::design::Design;
use goldpath::functional;
use goldpath::lower::{Numbers, Program};
use goldpath::neighbours::{self, Hardware};
use goldpath::vectors::case::{self, Case};
use ndarray::Array2;

use super::equal::both;
use super::work::Random;

const ARRAYS: [&str; 5] = [
    "[array]\ndataflow = \"sequential\"\n",
    "[array]\ndataflow = \"tree\"\nlanes = 3\n",
    "[array]\ndataflow = \"output_stationary\"\nrows = 2\ncolumns = 3\nhop = { activation = 1, weight = 1 }\nskew = \"internal\"\n",
    "[array]\ndataflow = \"weight_stationary\"\nrows = 4\ncolumns = 2\nhop = { activation = 1, sum = 1 }\nskew = \"host\"\n\
     load = { kind = \"row\" }\n[memory]\nformat = \"s18\"\noverflow = \"wrap\"\ndepth = 64\n",
    "[array]\ndataflow = \"input_stationary\"\nrows = 4\ncolumns = 2\nhop = { weight = 1, sum = 1 }\nskew = \"host\"\n\
     load = { kind = \"row\" }\n[memory]\nformat = \"s18\"\noverflow = \"wrap\"\ndepth = 64\n",
];

/// What becomes of an activation with an exponent.
type Means = fn(i64, u32) -> i64;

/// What the steps do, said again: floor of a shift to the right; to nearest, ties away from 0, kept in eight bits; a shift to
/// the left of what was cut.
const STEPS: [(&str, Means); 3] = [
    (r#"{ step = "shift_right", value = "k", rounding = "floor" }"#, |a, k| a.div_euclid(1 << k)),
    (
        r#"{ step = "shift_right", value = "k", rounding = "half_away", format = "s6", overflow = "saturate" }"#,
        |a, k| {
            let size = (2 * a.abs() + (1 << k)) / (2 << k);
            (size * a.signum()).clamp(-32, 31)
        },
    ),
    (
        r#"{ step = "shift_right", value = 2, rounding = "floor" }, { step = "shift_left", value = "k" }"#,
        |a, k| a.div_euclid(4) << k,
    ),
];

fn text(weight: &str, bits: u32, steps: &str, array: &str) -> String {
    let start = if array.contains("memory") { "overwrite" } else { "zero" };
    format!(
        "schema = 1\nname = \"shifters\"\n[operands]\nactivation = {{ width = 8, signed = true }}\nweight = {{ {weight}, coding = \
         \"power_of_two\" }}\n[product]\nmultiplier = \"shift\"\nlatency = 1\nsteps = [{steps}]\n[accumulator]\nwidth = 13\n\
         signed = true\noverflow = \"saturate\"\nstart = \"{start}\"\n{array}[parameters]\nk = {{ format = \"u{bits}\", \
         per = \"weight\" }}\n"
    )
}

fn design(text: &str) -> Arc<Design> {
    let design =
        Design::parse(text, Path::new("shifters.toml"), &[]).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let again =
        Design::parse(&design.to_toml(), Path::new("again.toml"), &[]).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(again, design);
    Arc::new(design)
}

/// Sign and exponent of a code.
fn weight(code: i64, bits: u32) -> (i64, u32) {
    (if code < 0 { -1 } else { 1 }, (code & ((1 << bits) - 1)) as u32)
}

#[test]
fn both_engines_equal_sums_written_out() {
    let mut random = Random::new(7);
    let (mut saturated, mut negative_floors) = (0, 0);
    for (signed, array, (steps, means)) in [true, false]
        .into_iter()
        .flat_map(|s| ARRAYS.into_iter().flat_map(move |a| STEPS.map(|steps| (s, a, steps))))
    {
        let (words, bits) =
            if signed { ("width = 4, signed = true", 3) } else { ("width = 3, signed = false", 3) };
        let design = design(&text(words, bits, steps, array));
        let (low, high) = if signed { (-8, 7) } else { (0, 7) };
        let (m, n) = (8, usize::try_from(high - low + 1).unwrap());
        let depth = if array.contains("memory") { 12 } else { 32 };
        // Row by row of 32: every activation once; column n has code n in every place, the last ones any.
        let x = Array2::from_shape_fn([m, depth], |(m, k)| (m * 32 + k * 32 / depth) as i64 - 128);
        let w = Array2::from_shape_fn([depth, n + 3], |(_, n)| match i64::try_from(n).unwrap() + low {
            code if code <= high => code,
            _ => random.within(low, high),
        });
        let program = Program::matrix(design.clone(), x.view(), w.view(), &Numbers::default()).unwrap();
        let (outcome, _) = both(&program, steps);
        let ranges = accumulator_ranges(&program, &Inputs::Format);
        let lanes = design.array.lanes;
        let kept = if array.contains("memory") { 4 } else { depth };
        for ((m, n), found) in outcome.accumulators.indexed_iter() {
            let (mut word, mut sum, mut beat) = (0, 0_i64, 0);
            for k in 0..depth {
                if k % kept == 0 {
                    (word, sum) = (word + sum, 0);
                }
                let (sign, exponent) = weight(w[[k, n]], bits);
                beat += sign * means(x[[m, k]], exponent);
                negative_floors += usize::from(sign < 0 && x[[m, k]] & ((1 << exponent) - 1) != 0);
                if (k + 1) % lanes != 0 && k + 1 < depth {
                    continue;
                }
                let entering = sum + std::mem::take(&mut beat);
                sum = entering.clamp(-4096, 4095);
                saturated += usize::from(sum != entering);
                let range = &ranges[n];
                assert!(
                    (range.0..=range.1).contains(&i128::from(entering)),
                    "{entering} is outside {range:?}"
                );
            }
            assert_eq!(*found, word + sum, "{m} {n}\n{}", design.to_toml());
        }
    }
    println!("{saturated} sums saturated, {negative_floors} activations cut under a negative weight");
    assert!(saturated > 100 && negative_floors > 1000);
}

/// The ends that are proved of one product are met by some activation, for every code.
#[test]
fn what_is_proved_of_a_product_is_met() {
    for (steps, means) in STEPS {
        let design = design(&text("width = 4, signed = true", 3, steps, ARRAYS[0]));
        let w = Array2::from_shape_fn([1, 16], |(_, n)| i64::try_from(n).unwrap() - 8);
        let x = Array2::zeros([1, 1]);
        let program = Program::matrix(design.clone(), x.view(), w.view(), &Numbers::default()).unwrap();
        for (n, proved) in accumulator_ranges(&program, &Inputs::Format).into_iter().enumerate() {
            let (sign, exponent) = weight(w[[0, n]], 3);
            let all: Vec<i64> = (-128..128).map(|a| sign * means(a, exponent)).collect();
            let met = (i128::from(*all.iter().min().unwrap()), i128::from(*all.iter().max().unwrap()));
            // A sum of one product, which starts at 0.
            assert_eq!(proved, (met.0.min(0), met.1.max(0)), "{steps} of code {}", w[[0, n]]);
        }
        let most = (-128..128).flat_map(|a| (0..8).map(move |k| means(a, k))).map(i64::abs).max().unwrap();
        assert_eq!(design.term_interval(), (-i128::from(most), i128::from(most)), "{steps}");
    }
}

#[test]
fn a_sign_in_front_of_the_steps_is_a_neighbour() {
    let design = design(&text("width = 4, signed = true", 3, STEPS[0].0, ARRAYS[0]));
    let names: Vec<String> = neighbours::of(&Hardware::of(&design)).map(|n| n.name).collect();
    assert!(names.iter().any(|name| name.contains("sign in front of the steps")), "{names:#?}");
    assert!(!names.iter().any(|name| name.contains("read as integer")), "{names:#?}");
}

/// What is wrong with a field is said at its place.
#[test]
fn a_field_that_is_none_is_refused() {
    let right = text("width = 4, signed = true", 3, STEPS[0].0, ARRAYS[0]);
    for (from, to, says) in [
        (
            "u3",
            "u4",
            "`parameters.k.format` is u4, but the code of a weight is its sign and an exponent of 3 bits: u3",
        ),
        ("value = \"k\"", "value = 2", "`parameters.k` changes nothing"),
        ("per = \"weight\"", "per = \"weight\", min = 1", "`parameters.k.min` changes nothing"),
        (
            "k = {",
            "j = { format = \"u3\", per = \"weight\" }\nk = {",
            "`parameters.j.per` is \"weight\", and so is that of \"k\"",
        ),
        ("schema = 1", "schema = 1\npost = [{ step = \"add\", value = \"k\" }]", "only product.steps meet"),
    ] {
        assert_eq!(right.matches(from).count(), 1, "{from}");
        let error = Design::parse(&right.replace(from, to), Path::new("shifters.toml"), &[]).unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains(says) && shown.contains("shifters.toml:"), "{shown}");
    }
}

/// The field has a name of its own where a parameter has taken it.
#[test]
fn another_parameter_may_be_called_exponent() {
    let text = text("width = 4, signed = true", 3, STEPS[0].0, ARRAYS[0])
        .replace("schema = 1", "schema = 1\npost = [{ step = \"add\", value = \"exponent\" }]")
        + "exponent = { format = \"s8\" }\n";
    let design = design(&text);
    assert!(design.to_toml().contains("[parameters.exponent_]"), "{}", design.to_toml());
}

/// Sums of a saturating case leave both ends, though the largest codes are those of the smallest terms.
#[test]
fn a_saturating_case_leaves_both_ends() {
    for (steps, _) in STEPS {
        let design = design(&text("width = 4, signed = true", 3, steps, ARRAYS[0]));
        let program = case::make(&design, Case::Saturating, [4, 600, 4], 1, &|p| functional::run(p, true));
        let outcome = functional::run(&program.unwrap_or_else(|e| panic!("{steps}: {e}")), true);
        let events = &outcome.counts.unwrap().nodes;
        let sums = events.iter().find(|node| node.node == "accumulator").unwrap();
        assert!(sums.high > 0 && sums.low > 0, "{steps}: {sums:?}");
    }
}
