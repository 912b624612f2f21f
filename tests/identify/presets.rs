//! 64 samples of each scheme, ties among them: it is named, with its class; corrupted ones fit nothing.

use goldpath::design::Preset;
use goldpath::identify::{Scale, identify};
use goldpath::num::Rounding;

use crate::schemes::{Numbers, made};
use crate::{Chance, called, explaining, hold, names, question, whole};

/// Schemes that take no zero point.
pub const WITHOUT_ZERO: [&str; 10] = [
    "ai8x",
    "dpu_round",
    "f8net",
    "finn_threshold",
    "gemmini_scale",
    "gemmini_shift",
    "nvdla_cacc",
    "nvdla_sdp",
    "pulp",
    "vta",
];

/// Schemes that only shift.
pub const SHIFTS: [&str; 7] = ["ai8x", "dpu_round", "f8net", "gemmini_shift", "nvdla_cacc", "shift", "vta"];

/// A scheme, and samples of it.
pub struct Case {
    pub preset: &'static str,
    pub rounding: String,
    pub scale: f64,
    pub zero_point: i64,
    pub pairs: Vec<(i64, i64)>,
}

impl Case {
    pub fn name(&self) -> String {
        if self.rounding.is_empty() {
            self.preset.to_owned()
        } else {
            format!("{}:{}", self.preset, self.rounding)
        }
    }

    /// Of so many samples, every third a tie or beside one.
    pub fn new(preset: &'static str, rounding: &str, seed: u64, count: usize) -> Case {
        let mut chance = Chance::new(seed);
        let is_shift = SHIFTS.contains(&preset);
        let (odd, bits) = (chance.within(0, 7) * 2 + 1, chance.within(4, 9));
        let odd = if is_shift { 1 } else { odd };
        let mut scale = odd as f64 / 2_f64.powi(bits as i32);
        // Others have no tie, and every bit of a multiplier counts.
        if seed.is_multiple_of(2) && !is_shift {
            scale = f64::from((scale * (1.0 + chance.within(1, 1 << 20) as f64 / 2_f64.powi(21))) as f32);
        }
        let zero_point = if WITHOUT_ZERO.contains(&preset) { 0 } else { chance.within(-40, 40) };
        let numbers = numbers(preset, scale);
        let open = question(&[(0, 0)], "s8", None, Scale::Unknown);
        let pair = |at: usize| {
            let code = chance.within(-70, 70);
            let tie = ((code as f64 + 0.5) / scale).round() as i64;
            let x = if at.is_multiple_of(3) {
                tie + chance.within(-1, 1)
            } else {
                chance.within(-(60.0 / scale) as i64, (60.0 / scale) as i64)
            };
            (x, made(preset, rounding, &numbers, x.into(), zero_point.into(), &open))
        };
        let pairs = (0..count).map(pair).collect();
        Case { preset, rounding: rounding.to_owned(), scale, zero_point, pairs }
    }

    pub fn zero(&self) -> Option<i64> {
        (!WITHOUT_ZERO.contains(&self.preset)).then_some(self.zero_point).or(Some(0))
    }
}

/// Those of the scale; of thresholds, any.
fn numbers(preset: &str, scale: f64) -> Numbers {
    match preset {
        "finn_threshold" => Numbers::thresholds(
            (0..15).map(|at| ((f64::from(at) * 4.0 - 28.5) / scale) as i128).collect(),
            -7,
        ),
        "nvdla_sdp" => {
            let n = (scale.log2().floor() as i64 - 13).abs();
            Numbers { m: (scale * 2_f64.powi(n as i32)).round() as i128, n, ..Numbers::at(preset, scale) }
        }
        _ => Numbers::at(preset, scale),
    }
}

/// Every scheme, in every rounding that it takes.
pub fn all() -> Vec<(&'static str, String)> {
    let of = |preset: &'static Preset| match preset.takes_rounding() {
        true => Rounding::ALL.iter().map(|rounding| (preset.name, rounding.to_string())).collect(),
        false => vec![(preset.name, String::new())],
    };
    Preset::all().iter().flat_map(of).collect()
}

#[test]
fn sixty_four_samples_of_every_scheme_name_it() {
    let (mut cases, mut computed, mut classes) = (0, 0, 0);
    for (preset, rounding) in all() {
        for seed in 1..=4 {
            let case = Case::new(preset, &rounding, seed, 64);
            let scale = if preset == "finn_threshold" { Scale::Unknown } else { whole(case.scale) };
            let asked = question(&case.pairs, "s8", case.zero(), scale);
            let answer = identify(&asked).unwrap();
            let explains = explaining(&answer);
            assert!(
                explains.contains(&case.name()),
                "{} seed {seed} at {}: {answer:#?}",
                case.name(),
                case.scale
            );
            computed += hold(&asked, &answer);
            classes += answer.classes.len();
            cases += 1;
            // What it was made with is what is named, where a rule says how it is formed.
            let own = answer
                .classes
                .iter()
                .flat_map(|class| &class.members)
                .find(|m| called(&m.scheme) == case.name());
            let named = Numbers::of(&own.unwrap().scheme, 0);
            if !["finn_threshold", "nvdla_sdp", "pulp"].contains(&preset) {
                let made = Numbers::at(preset, case.scale);
                let is_float = named.float != 0.0;
                assert!(if is_float {
                    named.float == made.float
                } else {
                    (named.m, named.n) == (made.m, made.n)
                });
            }
        }
    }
    println!(
        "seeds 1 to 4: {cases} cases named, {classes} classes; {computed} outputs held against the formulas"
    );
    assert_eq!(cases, 41 * 4);
}

/// Ties tell the schemes of A.0 apart: at a scale of 1/4 the classes are the rows of that table.
#[test]
fn the_classes_at_a_quarter_are_the_known_ones() {
    let known: [(&str, &[&str]); 6] = [
        ("tflite_double", &["gemmlowp", "tflite_double", "cmsis_nn"]),
        ("ruy_x86", &["ruy_x86", "shift:ceil", "xnnpack_rndnu16"]),
        (
            "litert_fc_reference",
            &["litert_fc_reference", "mnn", "mnn_x86", "nvdla_cacc", "nvdla_sdp", "shift:half_away"],
        ),
        (
            "tflite_single",
            &[
                "ai8x",
                "cmsis_nn_s64",
                "dpu_round",
                "multiply_shift",
                "shift:half_up",
                "tflite_int16x8",
                "tflite_single",
                "xnnpack_rndnu",
                "xnnpack_rndnu_neon",
            ],
        ),
        (
            "onnxruntime",
            &[
                "f8net",
                "fbgemm",
                "gemmini_scale",
                "gemmini_shift",
                "onednn",
                "onnx_reference",
                "onnxruntime",
                "qnnpack",
                "qonnx_quant",
                "shift:half_even",
                "xnnpack_fp32",
            ],
        ),
        ("vta", &["pulp", "shift:floor", "vta"]),
    ];
    for (preset, expected) in known {
        let numbers = Numbers::at(preset, 0.25);
        let open = question(&[(0, 0)], "s8", None, Scale::Unknown);
        let pairs: Vec<(i64, i64)> =
            (-40..=40).map(|x| (x, made(preset, "", &numbers, x.into(), 0, &open))).collect();
        let asked = question(&pairs, "s8", Some(0), whole(0.25));
        let answer = identify(&asked).unwrap();
        let explains: Vec<String> = explaining(&answer).into_iter().collect();
        let mut expected: Vec<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        expected.sort();
        assert_eq!(explains, expected, "{preset}");
        hold(&asked, &answer);
        assert!(answer.classes.iter().any(|class| names(class).contains(preset)));
    }
}

#[test]
fn one_corrupted_sample_fits_nothing() {
    let mut cases = 0;
    for (preset, rounding) in all() {
        let mut case = Case::new(preset, &rounding, 11, 64);
        // One that is inside its range goes three codes up: farther than any rounding.
        let rails = if preset == "finn_threshold" { -8..=8 } else { -100..=100 };
        let least =
            (0..64).filter(|at| rails.contains(&case.pairs[*at].1)).min_by_key(|at| case.pairs[*at].0);
        let at = least.unwrap();
        let x = case.pairs[at].0;
        case.pairs[at].1 += 3;
        let corrupted = case.pairs[at];
        case.pairs.retain(|pair| pair.0 != x || *pair == corrupted);
        for (zero, scale) in
            [(case.zero(), whole(case.scale)), (case.zero(), Scale::Unknown), (None, Scale::Unknown)]
        {
            let asked = question(&case.pairs, "s8", zero, scale);
            let answer = identify(&asked).unwrap();
            assert!(answer.classes.is_empty(), "{}: {:?}", case.name(), explaining(&answer));
            hold(&asked, &answer);
            if preset != "finn_threshold" || !matches!(asked.scale, Scale::Factors(_)) {
                let best = &answer.misses[0];
                assert!(best.refuting <= 2, "{}: {best:?}", case.name());
                assert!(best.first.iter().any(|one| one.accumulator == x), "{}: {best:?}", case.name());
            }
            cases += 1;
        }
    }
    println!("seed 11: {cases} sets of samples, one of them corrupted, fit nothing");
}

#[test]
fn one_accumulator_with_two_outputs_fits_nothing_and_is_named() {
    let pairs = [(5, 1), (9, 2), (5, 2), (12, 3)];
    let answer = identify(&question(&pairs, "s8", Some(0), whole(0.25))).unwrap();
    assert!(answer.classes.is_empty());
    let [conflict] = answer.conflicts.as_slice() else { panic!("{answer:?}") };
    assert_eq!((conflict.accumulator, conflict.first, conflict.second), (5, 0, 2));
    assert_eq!((conflict.first_output, conflict.second_output), (1, 2));
}
