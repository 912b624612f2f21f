//! What is not given is searched: scales, multipliers, shifts, zero points, for all channels or each.

use goldpath::identify::{Factors, Figure, Samples, Scale, identify};

use crate::presets::{Case, SHIFTS, all};
use crate::schemes::{Numbers, made};
use crate::{Chance, called, explaining, format, hold, question, whole};

#[test]
fn every_scheme_is_found_without_its_numbers() {
    let (mut cases, mut computed) = (0, 0);
    for (preset, rounding) in all() {
        for seed in [21, 22] {
            let case = Case::new(preset, &rounding, seed, 64);
            for zero in [case.zero(), None] {
                let asked = question(&case.pairs, "s8", zero, Scale::Unknown);
                let answer = identify(&asked).unwrap();
                let found = answer.classes.iter().flat_map(|class| &class.members);
                let own = found.clone().find(|member| called(&member.scheme) == case.name());
                let own = own.unwrap_or_else(|| panic!("{} seed {seed} {zero:?}: {answer:#?}", case.name()));
                if preset != "finn_threshold" {
                    let remaining = own.remaining.unwrap();
                    assert!(remaining.is_whole && remaining.fewest >= 1 && remaining.zero_points >= 1);
                    let away = own.scheme.scales[0] / case.scale - 1.0;
                    assert!(
                        away.abs() < 0.05,
                        "{}: {} for {}",
                        case.name(),
                        own.scheme.scales[0],
                        case.scale
                    );
                    if remaining.zero_points == 1 && own.scheme.zero_point.is_some() {
                        assert_eq!(own.scheme.zero_point, Some(case.zero_point));
                    }
                }
                computed += hold(&asked, &answer);
                cases += 1;
            }
        }
    }
    println!("seeds 21 and 22: {cases} cases found; {computed} outputs held against the formulas");
    assert_eq!(cases, 41 * 2 * 2);
}

/// Every channel has a scale of its own; those that are one for all must be found as one.
#[test]
fn channels_have_numbers_of_their_own() {
    let mut chance = Chance::new(31);
    for preset in ["tflite_double", "onnxruntime", "xnnpack_rndnu", "ai8x", "litert_fc_reference", "pulp"] {
        let scales: [f64; 5] =
            [0.0371, 0.011, 0.0052, 0.02, 0.0299].map(|scale: f64| f64::from(scale as f32));
        let scales = if SHIFTS.contains(&preset) { [0.25, 0.0625, 0.125, 0.5, 0.03125] } else { scales };
        let open = question(&[(0, 0)], "s8", None, Scale::Unknown);
        let zero = if ["ai8x", "pulp"].contains(&preset) { 0 } else { 7 };
        let (mut pairs, mut channels) = (vec![], vec![]);
        for at in 0..320 {
            let channel = at % 5;
            let numbers = match preset {
                // One shift for all channels.
                "pulp" => Numbers { m: (scales[channel] * 65536.0) as i128, n: 16, ..Numbers::default() },
                _ => Numbers::at(preset, scales[channel]),
            };
            let far = (100.0 / scales[channel]) as i64;
            let x = chance.within(-far, far);
            pairs.push((x, made(preset, "", &numbers, x.into(), zero.into(), &open)));
            channels.push(channel);
        }
        let mut asked = question(&pairs, "s8", Some(zero), Scale::Unknown);
        asked.samples = Samples { channels, channel_count: 5, ..asked.samples };
        let answer = identify(&asked).unwrap();
        assert!(explaining(&answer).contains(preset), "{preset}: {answer:#?}");
        hold(&asked, &answer);
        let own = answer
            .classes
            .iter()
            .flat_map(|class| &class.members)
            .find(|m| m.scheme.preset == preset)
            .unwrap();
        for (found, scale) in own.scheme.scales.iter().zip(scales) {
            assert!((found / scale - 1.0).abs() < 0.01, "{preset}: {found} for {scale}");
        }
        if preset == "pulp" {
            let counts = &own.scheme.numbers["count"];
            assert!(counts.windows(2).all(|pair| pair[0] == pair[1]), "{counts:?}");
        } else {
            let given = Scale::Factors(scales.map(Factors::whole).to_vec());
            let answer = identify(&goldpath::identify::Question { scale: given, ..asked }).unwrap();
            assert!(explaining(&answer).contains(preset));
        }
    }
}

/// With its shift given, every multiplier that explains the samples is counted: as many as trying them all finds.
#[test]
fn no_multiplier_is_left_out() {
    for (seed, preset, shift) in [
        (1, "pulp", 6),
        (2, "pulp", 3),
        (3, "nvdla_sdp", 6),
        (4, "nvdla_sdp", 9),
        (5, "pulp", 10),
        (6, "nvdla_sdp", 8),
    ] {
        let mut chance = Chance::new(seed);
        let open = question(&[(0, 0)], "s8", None, Scale::Unknown);
        let at = |m: i128, x: i64| {
            let numbers = Numbers { m, n: shift, ..Numbers::default() };
            made(preset, "", &numbers, x.into(), 0, &open)
        };
        let pairs: Vec<(i64, i64)> = (0..3).map(|_| chance.within(-40, 40)).map(|x| (x, at(37, x))).collect();
        let explains = |m: &i128| pairs.iter().all(|(x, y)| at(*m, *x) == *y);
        let all = (1..=32_767).filter(explains).count();
        let scale = Scale::Numbers { multipliers: None, shifts: Some(vec![shift]) };
        let asked = question(&pairs, "s8", Some(0), scale);
        let answer = identify(&asked).unwrap();
        let own = answer
            .classes
            .iter()
            .flat_map(|class| &class.members)
            .find(|m| m.scheme.preset == preset)
            .unwrap();
        let remaining = own.remaining.unwrap();
        println!("seed {seed}: {all} multipliers of {preset} at shift {shift}");
        assert_eq!((remaining.fewest, remaining.most, remaining.is_whole), (all as u64, all as u64, true));
        hold(&asked, &answer);
    }
}

/// tensorflow #25087: x = 7984, m = 1583594044, s = -9 is 12 rounded twice and 11 rounded once.
#[test]
fn numbers_are_taken_as_they_are_given() {
    let given = |multiplier: Option<i64>, shift: Option<i64>| Scale::Numbers {
        multipliers: multiplier.map(|m| vec![m]),
        shifts: shift.map(|n| vec![n]),
    };
    for (y, twice) in [(12, true), (11, false)] {
        let asked = question(&[(7984, y)], "s8", Some(0), given(Some(1_583_594_044), Some(40)));
        let answer = identify(&asked).unwrap();
        let explains = explaining(&answer);
        assert_eq!(explains.contains("tflite_double"), twice, "{explains:?}");
        assert_eq!(explains.contains("tflite_single"), !twice, "{explains:?}");
        // It has more bits than these multipliers.
        assert!(answer.not_tried["xnnpack_rndnu"].contains("1583594044"), "{:?}", answer.not_tried);
        assert!(answer.not_tried["ai8x"].contains("no power of two"), "{:?}", answer.not_tried);
        hold(&asked, &answer);
    }
    // The shift alone is searched, and so is the multiplier alone.
    let case = Case::new("tflite_single", "", 5, 64);
    let made = Numbers::at("tflite_single", case.scale);
    let m = i64::try_from(made.m).unwrap();
    for scale in [given(Some(m), None), given(None, Some(made.n))] {
        let answer = identify(&question(&case.pairs, "s8", case.zero(), scale)).unwrap();
        let own = answer
            .classes
            .iter()
            .flat_map(|class| &class.members)
            .find(|m| m.scheme.preset == "tflite_single");
        let own = own.unwrap();
        assert_eq!(Numbers::of(&own.scheme, 0).n, made.n);
        assert!((own.scheme.scales[0] / case.scale - 1.0).abs() < 0.01);
    }
    let shifts = Case::new("shift", "half_even", 7, 64);
    let n = Numbers::at("shift", shifts.scale).n;
    let answer = identify(&question(&shifts.pairs, "s8", shifts.zero(), given(None, Some(n)))).unwrap();
    assert!(explaining(&answer).contains("shift:half_even"));
    let answer = identify(&question(&shifts.pairs, "s8", shifts.zero(), given(None, Some(n + 1)))).unwrap();
    assert!(!explaining(&answer).contains("shift:half_even"));
}

/// Products that leave 32 bits wrap: the number is found where it is given, and looked for where it is not.
#[test]
fn wrapping_products_are_no_obstacle() {
    let wide = |preset: &str, scale: f64, xs: &[i64]| -> Vec<(i64, i64)> {
        let open = question(&[(0, 0)], "s8", None, Scale::Unknown);
        let numbers = Numbers::at(preset, scale);
        xs.iter().map(|x| (*x, made(preset, "", &numbers, (*x).into(), 0, &open))).collect()
    };
    // XNNPACK's scalar kernel wraps, NEON saturates.
    let xs = [1 << 30, -(1 << 30), (1 << 30) + 5, 3, -7, 12, 30, -31, 1 << 29];
    for (preset, other) in [("xnnpack_rndnu", "xnnpack_rndnu_neon"), ("xnnpack_rndnu_neon", "xnnpack_rndnu")]
    {
        let asked = question(&wide(preset, 4.0, &xs), "s8", Some(0), whole(4.0));
        let answer = identify(&asked).unwrap();
        let explains = explaining(&answer);
        assert!(explains.contains(preset) && !explains.contains(other), "{explains:?}");
        hold(&asked, &answer);
    }
    let asked = question(&wide("xnnpack_rndnu_neon", 4.0, &xs), "s8", Some(0), Scale::Unknown);
    let answer = identify(&asked).unwrap();
    assert!(explaining(&answer).contains("xnnpack_rndnu_neon"));
    hold(&asked, &answer);
    // The left shift of TFLite wraps, gemmlowp's saturates.
    let xs = [1 << 30, -(1 << 30) - 9, 5, -6, 17, -30];
    let asked = question(&wide("tflite_double", 2.0, &xs), "s8", Some(0), whole(2.0));
    let explains = explaining(&identify(&asked).unwrap());
    assert!(explains.contains("tflite_double") && !explains.contains("gemmlowp"), "{explains:?}");
}

#[test]
fn extremes_are_answered() {
    // One sample says little: much explains it, and what tells that apart is named.
    let one = question(&[(0, 3)], "s8", None, Scale::Unknown);
    let answer = identify(&one).unwrap();
    assert!(explaining(&answer).len() > 20, "{answer:?}");
    hold(&one, &answer);
    let one = question(&[(500, 3)], "s8", None, Scale::Unknown);
    let answer = identify(&one).unwrap();
    assert!(answer.zero_points_cut && answer.zero_points.len() == 32, "{:?}", answer.zero_points);
    hold(&one, &answer);
    // Outputs that are all the same, at the rails, accumulators at theirs.
    for (pairs, output) in [
        (vec![(i64::from(i32::MIN), -128), (i64::from(i32::MAX), 127)], "s8"),
        (vec![(5, 0), (900, 0), (-7, 0)], "u8"),
        (vec![(i64::from(i32::MAX), 65_535), (100, 3)], "u16"),
        (vec![(i64::from(i32::MIN), i64::from(i32::MIN)), (0, 0)], "s32"),
    ] {
        for scale in [Scale::Unknown, whole(1.0), whole(1e-9)] {
            let asked = question(&pairs, output, None, scale);
            hold(&asked, &identify(&asked).unwrap());
        }
    }
    // Formats that not every scheme takes.
    for input in ["s1", "s16", "s48", "s64", "u8", "u63"] {
        let mut asked = question(&[(0, 0)], "s4", Some(0), Scale::Unknown);
        asked.input = format(input);
        let answer = identify(&asked).unwrap();
        assert!(!answer.classes.is_empty(), "{input}: {answer:?}");
    }
    let named = Figure::Integer(3);
    assert_eq!(serde_json::to_string(&named).unwrap(), "3");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let fine = question(&[(1, 1)], "s8", Some(0), whole(0.5));
    let refused = |change: &dyn Fn(&mut goldpath::identify::Question), word: &str| {
        let mut asked = fine.clone();
        change(&mut asked);
        let message = identify(&asked).unwrap_err().message;
        assert!(message.contains(word), "{message}");
    };
    refused(&|q| q.samples = crate::samples(&[]), "no samples");
    refused(&|q| q.samples.outputs.clear(), "are no samples");
    refused(&|q| q.samples.channels[0] = 1, "beyond the 1 channels");
    refused(&|q| q.samples.outputs[0] = 128, "output 0 is 128, outside s8");
    refused(&|q| q.samples.accumulators[0] = 1 << 40, "outside s32");
    refused(&|q| q.bounds = (5, 4), "clamped to 5..=4");
    refused(&|q| q.bounds = (-129, 4), "clamped to -129");
    refused(&|q| q.zero_point = Some(200), "zero point 200");
    for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        refused(&|q| q.scale = whole(bad), "scale 0 is");
    }
    refused(&|q| q.scale = Scale::Factors(vec![Factors::whole(0.1); 3]), "3 scales for 1 channels");
    refused(&|q| q.scale = Scale::Factors(vec![]), "0 scales");
    refused(&|q| q.scale = Scale::Numbers { multipliers: Some(vec![1; 2]), shifts: None }, "2 multipliers");
}
