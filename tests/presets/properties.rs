//! Every preset over all 32-bit sums: it has a value for each, and a larger sum never has a smaller one, but where the original
//! wraps.

use std::collections::{BTreeMap, BTreeSet};

use goldpath::design::{Design, Preset};
use goldpath::post::{Number, Parameter, Source};

/// Real scales: a quarter, what networks have, the smallest that reach an output, and above 1.
const FACTORS: [f64; 12] =
    [0.25, 0.5, 0.731_2, 1.0 / 3.0, 0.004_9, 1.0 / 128.0, 5.1e-6, 4.7e-10, 1.0, 1.5, 3.0, 100.0];

/// Presets that take numbers which no scale says.
const OWN: [(&str, i64); 4] = [("factor", 77), ("truncate", 9), ("count", 9), ("offset", 0)];

/// Whether the original wraps at this scale, so that a larger sum may have a smaller value.
fn wraps(preset: &str, factor: f64) -> bool {
    match preset {
        // x is shifted to the left in 32 bits, where the multiplier is below 1.
        "tflite_double" | "ruy_x86" | "cmsis_nn" => factor >= 1.0,
        // What is shifted to the right is cast to 32 bits.
        "multiply_shift" | "tflite_single" | "tflite_int16x8" | "xnnpack_rndnu" => factor > 1.0,
        // The same, of twice the value: a bit is left for the rounding.
        "cmsis_nn_s64" => factor >= 0.5,
        // Half is added in 32 bits.
        "f8net" => factor < 1.0,
        // A shift of 16 and more is read as a negative number of five bits, and goes to the left.
        "vta" => factor < 2_f64.powi(-15),
        _ => false,
    }
}

fn alone(preset: &Preset) -> Design {
    let rounding = if preset.takes_rounding() { ", rounding = \"half_even\"" } else { "" };
    let text = format!(
        "schema = 1\nname = \"alone\"\npost = {{ preset = \"{}\"{rounding} }}\naccumulator = {{ width = 32, signed = true }}\n",
        preset.name
    );
    Design::parse(&text, preset.name.as_ref(), &[]).unwrap_or_else(|e| panic!("{}: {e}", preset.name))
}

/// The numbers of a scale; none where a parameter cannot hold one.
fn numbers(design: &Design, factor: f64) -> Option<Vec<Vec<i64>>> {
    let number = |(at, parameter): (usize, &Parameter)| {
        let own = || OWN.iter().find(|(name, _)| *name == parameter.name).map(|(_, number)| *number);
        let threshold = || Some(parameter.name.strip_prefix("threshold_")?.parse::<i64>().ok()? * 300 - 2000);
        let has = |name: &str| design.parameters.iter().any(|parameter| parameter.name == name);
        let source = parameter.source.or_else(|| Source::by_name(&parameter.name, has));
        let number = match source.map(|source| source.number) {
            _ if design.value_parameter() == Some(at) => Some(0),
            None => own().or_else(threshold).or(parameter.default),
            Some(Number::ZeroPoint | Number::Low | Number::High) => parameter.default,
            Some(number) => number.of(factor).ok(),
        }?;
        (parameter.min..=parameter.max).contains(&number).then(|| vec![number])
    };
    design.parameters.iter().enumerate().map(number).collect()
}

/// Sums in order: both ends, powers of two, what lies about ties of the scale, and any.
fn sums(factor: f64, seed: &mut u64) -> Vec<i64> {
    let mut all: Vec<i64> = vec![i32::MIN.into(), i32::MAX.into()];
    let mut near = |value: i64| all.extend((-3..=3).map(|by| value + by));
    for bit in 0..32 {
        [1_i64 << bit, -(1 << bit), 3 << bit].into_iter().for_each(&mut near);
    }
    for half in -600..=600 {
        let tie = f64::from(half) / 2.0 / factor;
        // What leaves 32 bits is left out below.
        near(tie.clamp(-1e12, 1e12) as i64);
    }
    for _ in 0..4000 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        all.push(i64::from((*seed >> 32) as u32 as i32) >> (*seed >> 27 & 31));
    }
    all.retain(|sum| i32::try_from(*sum).is_ok());
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn every_preset_is_total_and_monotone_but_where_its_original_wraps() {
    const SEED: u64 = 11;
    println!("seed {SEED}");
    let (mut seed, mut tried, mut down) = (SEED, 0_u64, BTreeMap::<&str, Vec<String>>::new());
    for preset in Preset::all() {
        let design = alone(preset);
        let mut scales = 0;
        for factor in FACTORS {
            let Some(numbers) = numbers(&design, factor) else { continue };
            let post = design.post_program().channel(&numbers, 0);
            let output = design.output();
            let mut before = (i64::MIN, i64::MIN);
            let mut falls = None;
            for sum in sums(factor, &mut seed) {
                let value = post.output(sum);
                assert!((output.min()..=output.max()).contains(&value), "{}: {sum} is {value}", preset.name);
                if value < before.1 {
                    falls.get_or_insert((before, (sum, value)));
                }
                before = (sum, value);
                tried += 1;
            }
            scales += 1;
            if let Some(falls) = falls {
                assert!(wraps(preset.name, factor), "{} at {factor} falls: {falls:?}", preset.name);
                down.entry(preset.name).or_default().push(format!("{factor}: {falls:?}"));
            }
        }
        assert!(scales > 0, "{}: no scale fits its parameters", preset.name);
    }
    println!("{tried} sums");
    println!("{down:#?}");
    let wrapping =
        Preset::all().iter().filter(|preset| FACTORS.iter().any(|factor| wraps(preset.name, *factor)));
    let wrapping: BTreeSet<&str> = wrapping.map(|preset| preset.name).collect();
    assert_eq!(down.into_keys().collect::<BTreeSet<_>>(), wrapping, "each is seen to wrap");
    assert!(tried > 1_000_000, "{tried}");
}
