//! Every two presets of integer steps, told apart by the directed bundle of one: its values through the other, whose
//! numbers say the same scale.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::lower::Program;
use goldpath::num::Format;
use goldpath::vectors::{manifest, read_back};

use crate::presets::{TWINS, own_numbers, parsed, text};
use crate::run;

/// What a scheme makes of a value if it did not round: (x · factor + term) / 2^places + zero_point, between low and high.
#[derive(Debug, Clone, Copy)]
struct Real {
    factor: i128,
    places: i64,
    term: i128,
    zero_point: i64,
    low: i64,
    high: i64,
}

/// Numbers of one value by name; whether they say a scheme's scale, not one near it.
type Said = (BTreeMap<&'static str, i64>, bool);

/// What the numbers of a value stand for.
fn real(preset: &str, of: &BTreeMap<&str, i64>, output: Format) -> Real {
    let get = |name: &str| of.get(name).copied();
    let or0 = |name: &str| get(name).unwrap_or(0);
    let low = get("low").unwrap_or(if preset == "f8net" { -output.max() } else { output.min() });
    let high = get("high").unwrap_or(output.max());
    let scale = |factor: i64, places: i64, term: i128| Real {
        factor: factor.into(),
        places,
        term,
        zero_point: or0("zero_point"),
        low,
        high,
    };
    let down = || or0("right_shift") - or0("left_shift") - or0("left");
    match preset {
        "cmsis_nn" | "gemmlowp" | "ruy_x86" | "tflite_double" => scale(or0("multiplier"), 31 + down(), 0),
        "xnnpack_rndnu16" => scale(or0("multiplier"), 15 + down(), 0),
        "cmsis_nn_s64" => scale(or0("multiplier"), or0("shift") + 1, 0),
        "dpu_round" => scale(2, or0("shift"), or0("bias_term").into()),
        "f8net" | "vta" => scale(1, down(), 0),
        "nvdla_cacc" => scale(1, or0("truncate"), 0),
        "nvdla_sdp" => {
            scale(or0("factor"), or0("truncate"), -i128::from(or0("offset")) * i128::from(or0("factor")))
        }
        "pulp" => scale(or0("factor"), or0("count"), or0("term").into()),
        _ => scale(get("multiplier").unwrap_or(1), or0("shift"), 0),
    }
}

/// The factor between limits and the places between limits, by powers of two; the nearest where none says it.
fn fitted(real: &Real, (least, most): (i128, i128), (few, many): (i64, i64)) -> (i64, i64, bool) {
    let (mut factor, mut places) = (real.factor, real.places);
    let within = |factor: i128| (least.min(0)..=most).contains(&factor);
    while (!within(factor) || places > many) && factor != 0 && factor % 2 == 0 {
        (factor, places) = (factor / 2, places - 1);
    }
    while (factor < least || places < few) && factor != 0 && within(factor * 2) {
        (factor, places) = (factor * 2, places + 1);
    }
    let exact =
        factor == 0 && least <= 0 || (least..=most).contains(&factor) && (few..=many).contains(&places);
    while factor > most {
        (factor, places) = (factor >> 1, places - 1);
    }
    (factor.max(least) as i64, places.clamp(few, many), exact)
}

/// A shift to the right, or to the left below zero.
fn both_ways(places: i64, left: &'static str, right: &'static str) -> Vec<(&'static str, i64)> {
    vec![(left, (-places).max(0)), (right, places.max(0))]
}

/// The numbers of a scheme for a value, as near as it can say them.
fn numbers(preset: &str, real: &Real, half: bool) -> Said {
    const S32: i128 = i32::MAX as i128;
    let (mut said, mut exact) = scale(preset, real);
    let takes_term = matches!(preset, "dpu_round" | "pulp");
    exact &= takes_term || real.term == 0;
    if preset == "pulp" {
        let count = said.iter().find(|(name, _)| *name == "count").map_or(0, |(_, count)| *count);
        // The term is on the grid of the count that was found.
        let moved = real.term << 64 >> (64 + real.places - count).clamp(0, 127);
        let raised = (i128::from(half) << count) >> 1;
        let term = moved + raised + (i128::from(real.zero_point) << count);
        exact &= term.abs() <= S32;
        said.push(("term", term.clamp(-S32, S32) as i64));
    } else if preset == "dpu_round" {
        exact &= real.zero_point == 0 && real.term.abs() <= S32 && (real.term == 0 || real.factor == 2);
        said.push(("bias_term", real.term.clamp(-S32, S32) as i64));
    } else if matches!(preset, "ai8x" | "f8net" | "gemmini_shift" | "nvdla_cacc" | "nvdla_sdp" | "vta") {
        exact &= real.zero_point == 0;
    }
    let rest = [("zero_point", real.zero_point), ("low", real.low), ("high", real.high)];
    (said.into_iter().chain(rest).collect(), exact)
}

/// The numbers that say the scale alone.
fn scale(preset: &str, real: &Real) -> (Vec<(&'static str, i64)>, bool) {
    const S31: (i128, i128) = (0, (1 << 30) - 1);
    const S32: (i128, i128) = (0, (1 << 31) - 1);
    const S16: (i128, i128) = (0, (1 << 15) - 1);
    const U24: (i128, i128) = (0, (1 << 24) - 1);
    let one = |limits| fitted(real, (1, 1), limits);
    let multiplied = |name, (factor, places, exact): (i64, i64, bool), shift, less: i64| {
        (vec![(name, factor), (shift, places - less)], exact)
    };
    match preset {
        "cmsis_nn" | "gemmlowp" | "ruy_x86" | "tflite_double" => {
            let (factor, places, exact) = fitted(real, (1 << 30, S32.1), (0, 62));
            let shifts = both_ways(places - 31, "left_shift", "right_shift");
            (shifts.into_iter().chain([("multiplier", factor)]).collect(), exact)
        }
        "xnnpack_rndnu16" => {
            let (factor, places, exact) = fitted(real, (1 << 14, S16.1), (6, 46));
            let shifts = both_ways(places - 15, "left_shift", "right_shift");
            (shifts.into_iter().chain([("multiplier", factor)]).collect(), exact)
        }
        "cmsis_nn_s64" => multiplied("multiplier", fitted(real, S16, (8, 46)), "shift", 1),
        "tflite_int16x8" => multiplied("multiplier", fitted(real, S16, (8, 46)), "shift", 0),
        "multiply_shift" | "tflite_single" => {
            multiplied("multiplier", fitted(real, S32, (0, 62)), "shift", 0)
        }
        "xnnpack_rndnu" | "xnnpack_rndnu_neon" => {
            multiplied("multiplier", fitted(real, U24, (16, 55)), "shift", 0)
        }
        "pulp" => multiplied("factor", fitted(real, S31, (0, 62)), "count", 0),
        "nvdla_sdp" => multiplied("factor", fitted(real, (-1 << 15, S16.1), (0, 63)), "truncate", 0),
        "f8net" => {
            let (_, places, exact) = one((-31, 31));
            (both_ways(places, "left", "right_shift"), exact)
        }
        "vta" => {
            let (_, places, exact) = one((-16, 15));
            (both_ways(places, "left_shift", "right_shift"), exact)
        }
        "dpu_round" => {
            let (_, places, exact) = one((-1, 39));
            (vec![("shift", places + 1)], exact)
        }
        "nvdla_cacc" => {
            let (_, places, exact) = one((0, 31));
            (vec![("truncate", places)], exact)
        }
        _ => {
            let (_, places, exact) = one((0, 31));
            (vec![("shift", places)], exact)
        }
    }
}

/// Schemes whose parameters of one name mean the same: there one takes the other's numbers as they are.
const WORDS: [&[&str]; 3] = [
    &["ai8x", "gemmini_shift"],
    &["cmsis_nn", "gemmlowp", "ruy_x86", "tflite_double"],
    &["multiply_shift", "tflite_int16x8", "tflite_single", "xnnpack_rndnu", "xnnpack_rndnu_neon"],
];

/// The directed bundle of a preset as a program.
fn directed(preset: &str, design: &str) -> Program {
    let folder = tempfile::tempdir().unwrap();
    let (toml, out) = (folder.path().join("design.toml"), folder.path().join("directed"));
    std::fs::write(&toml, design).unwrap();
    run(&format!("vectors {} --case directed --strength none --out {}", toml.display(), out.display()))
        .success();
    let facts = manifest::read(&out).unwrap();
    read_back::program(&out, &facts, &parsed(design)).unwrap_or_else(|e| panic!("{preset}: {e}"))
}

/// How many values there are, how many of them differ, and how many of those under numbers that say the same scale.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    same_scale: usize,
    differ: usize,
    differ_at_same_scale: usize,
}

impl Told {
    fn and(self, other: Told) -> Told {
        Told {
            same_scale: self.same_scale + other.same_scale,
            differ: self.differ + other.differ,
            differ_at_same_scale: self.differ_at_same_scale + other.differ_at_same_scale,
        }
    }
}

/// What a program makes of its values.
fn outputs(program: &Program) -> Vec<(i64, BTreeMap<&str, i64>, i64)> {
    let design = &program.design;
    let value = design.value_parameter().unwrap();
    let row = |(channel, &x): (usize, &i64)| {
        let named = design.parameters.iter().zip(program.parameters.iter());
        let of =
            named.map(|(p, numbers)| (p.name.as_str(), numbers[channel.min(numbers.len() - 1)])).collect();
        (x, of, design.post_program().channel(&program.parameters, channel).output(x))
    };
    program.parameters[value].iter().enumerate().map(row).collect()
}

/// The values of `ours` through `theirs`.
fn told(ours: &str, program: &Program, theirs: &str, other: &Arc<Design>, half: bool) -> Told {
    let output = program.design.post_program().output();
    let mut told = Told::default();
    let input = other.post_program().input;
    for (x, of, expected) in outputs(program).into_iter().filter(|row| input.contains(row.0.into())) {
        let real = real(ours, &of, output);
        let (mut said, mut exact) = numbers(theirs, &real, half);
        let clamps = other.parameters.iter().any(|p| p.name == "low");
        // Where neither says its clamp, the clamp is a part of the scheme.
        let least = if theirs == "f8net" { -output.max() } else { output.min() };
        exact &= clamps || !of.contains_key("low") || (real.low == least && real.high == output.max());
        let takes = |name: &str, n: i64| {
            other.parameters.iter().all(|p| p.name != name || (p.min..=p.max).contains(&n))
        };
        if WORDS.iter().any(|words| words.contains(&ours) && words.contains(&theirs))
            && said.keys().all(|name| of.get(name).is_none_or(|n| takes(name, *n)))
        {
            said.extend(said.clone().keys().filter_map(|name| of.get(name).map(|n| (*name, *n))));
            exact = true;
        }
        let bind = |p: &goldpath::post::Parameter| {
            vec![said.get(p.name.as_str()).copied().unwrap_or(0).clamp(p.min, p.max)]
        };
        let bound: Vec<Vec<i64>> = other.parameters.iter().map(bind).collect();
        let differs = other.post_program().channel(&bound, 0).output(x) != expected;
        told.same_scale += usize::from(exact);
        told.differ += usize::from(differs);
        told.differ_at_same_scale += usize::from(differs && exact);
    }
    told
}

/// A preset at another one's formats; where it cannot take as many bits, what fits 32.
fn reading(preset: &str, width: u32, format: &str) -> Arc<Design> {
    let at = |width| Design::parse(&text(preset, width, format, ""), Path::new("design.toml"), &[]);
    Arc::new(at(width).or_else(|_| at(32)).unwrap())
}

/// The directed bundles of a preset: as it is, and with numbers that are each value's own.
fn bundles(preset: &str, width: u32, format: &str) -> [Program; 2] {
    [text(preset, width, format, ""), own_numbers(preset, width, format, "")]
        .map(|text| directed(preset, &text))
}

/// Whose directed bundles another scheme passes, given the right numbers: it says all that they say.
const ALIKE: [(&str, &[&str], &str); 7] = [
    (
        "ai8x",
        &[
            "dpu_round",
            "multiply_shift",
            "pulp",
            "tflite_int16x8",
            "tflite_single",
            "xnnpack_rndnu",
            "xnnpack_rndnu_neon",
        ],
        "one shift with half_up: a multiplier that is a power of two, no bias term; pulp with a half for a term",
    ),
    ("cmsis_nn", &["tflite_double"], "the same function, says CMSIS-NN"),
    ("tflite_double", &["cmsis_nn"], "the same function, says CMSIS-NN"),
    ("multiply_shift", &["tflite_single"], "the same steps; how the layer's scale is formed differs"),
    ("tflite_single", &["multiply_shift"], "the same steps; how the layer's scale is formed differs"),
    (
        "tflite_int16x8",
        &["multiply_shift", "tflite_single", "xnnpack_rndnu"],
        "the same steps with 15 bits of multiplier",
    ),
    ("xnnpack_rndnu", &["multiply_shift", "tflite_single"], "the same steps with 24 bits of multiplier"),
];

/// Every directed bundle but that of thresholds fails on every other scheme whose numbers are as near as they can be, or the table says why not.
#[test]
fn every_two_presets_are_told_apart() {
    let (mut told_apart, mut at_one_scale, mut wrong) = (0, 0, Vec::new());
    // Thresholds stand for no one scale that another could be given: their pairs are told by the other's bundle.
    for (ours, width, format, _) in TWINS.into_iter().filter(|row| row.0 != "finn_threshold") {
        let programs = bundles(ours, width, format);
        let listed = ALIKE.iter().find(|row| row.0 == ours).map_or(&[][..], |row| row.1);
        for (theirs, ..) in TWINS.into_iter().filter(|row| row.0 != ours) {
            let other = reading(theirs, width, format);
            // With and without a half in pulp's term: what one of them says alike is alike.
            let tried = [false, true].map(|half| {
                let told = programs.iter().map(|program| told(ours, program, theirs, &other, half));
                told.fold(Told::default(), Told::and)
            });
            let alike = match (ours, theirs) {
                (_, "finn_threshold") => programs.iter().all(|program| codes(program) <= 16),
                _ => tried.iter().any(|told| told.differ == 0),
            };
            if alike != listed.contains(&theirs) {
                wrong.push(format!("{ours} on {theirs}, alike: {alike}, {tried:?}"));
            }
            told_apart += usize::from(!alike);
            at_one_scale += usize::from(tried.iter().all(|told| told.differ_at_same_scale > 0));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{told_apart} of 400 told apart, {at_one_scale} of them where both say the same scale");
}

/// How far apart outputs lie: fifteen thresholds count from 0 to 15, behind one offset.
fn codes(program: &Program) -> i64 {
    let outputs: Vec<i64> = outputs(program).into_iter().map(|row| row.2).collect();
    outputs.iter().max().unwrap() - outputs.iter().min().unwrap() + 1
}
