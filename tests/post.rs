//! The language of post-processing steps against their meaning, written once more: brute force, by division and comparison.

use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::functional;
use goldpath::lower::{Numbers, Program};
use goldpath::simulate;
use ndarray::Array2;

#[path = "oracle/mod.rs"]
mod oracle;

use oracle::{fit, power_of_two, round};

/// A sequential MAC in front of steps.
fn text(accumulator: &str, post: &str) -> String {
    format!(
        "schema = 1\nname = \"mac\"\npost = [{post}]\n\
         [operands]\nactivation = {{ width = 16, signed = true }}\nweight = {{ width = 16, signed = true }}\n\
         [accumulator]\n{accumulator}\noverflow = \"wrap\"\nstart = \"overwrite\"\n\
         [array]\ndataflow = \"sequential\"\n"
    )
}

const S32: &str = "width = 32\nsigned = true";
const S10: &str = "width = 10\nsigned = true";

fn design(accumulator: &str, post: &str, parameters: &str) -> Design {
    let text = text(accumulator, post) + parameters;
    let design = Design::parse(&text, Path::new("mac.toml"), &[]).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let again = Design::parse(&design.to_toml(), Path::new("complete.toml"), &[]);
    let again = again.unwrap_or_else(|e| panic!("{e}\n{}", design.to_toml()));
    assert_eq!(again, design, "{}", design.to_toml());
    design
}

/// The output of an accumulator; one number per parameter of the design.
fn output(design: &Design, x: i128, numbers: &[i64]) -> i128 {
    let numbers: Vec<Vec<i64>> = numbers.iter().map(|number| vec![*number]).collect();
    design.post_program().channel(&numbers, 0).output(i64::try_from(x).unwrap()).into()
}

/// Both engines on the same program: same accumulators, outputs and counts; the outputs of a few sums are those of the steps.
fn engines_agree(design: &Design, numbers: &Numbers) {
    let design = Arc::new(design.clone());
    let (rows, columns) = (12, 3);
    let activations = Array2::from_shape_fn([rows, 5], |(m, k)| (m as i64 - 6) * [1, 7, -3, 50, 900][k]);
    let weights = Array2::from_shape_fn([5, columns], |(k, n)| {
        [[1, 2, 0], [0, -3, 1], [9, 1, 4], [0, 0, -2], [0, 1, 0]][k][n]
    });
    let program = Program::matrix(Arc::clone(&design), activations.view(), weights.view(), numbers).unwrap();
    let fast = functional::run(&program, true);
    assert_eq!(fast, functional::run_plain(&program, true));
    let options = simulate::Options { counts: true, ..Default::default() };
    assert_eq!(simulate::run(&program, options, &mut []).unwrap().outcome, fast);
    for ((m, n), accumulator) in fast.accumulators.indexed_iter() {
        let post = design.post_program().channel(&program.parameters, n);
        assert_eq!(fast.outputs[[m, n]], post.output(*accumulator));
    }
}

fn numbers(all: &[(&str, &[i64])]) -> Numbers {
    all.iter().map(|(name, values)| ((*name).to_owned(), values.to_vec())).collect()
}

const ROUNDINGS: [&str; 10] = oracle::ROUNDINGS;

#[test]
fn a_stated_adder_wraps() {
    let (mut compared, mut wrapped) = (0, 0);
    for (adder, width, signed) in
        [("s10", 10, true), ("s9", 9, true), ("s12", 12, true), ("u10", 10, false), ("s4", 4, true)]
    {
        for mode in ROUNDINGS {
            let step = format!(
                "{{ step = \"shift_right\", value = \"count\", rounding = \"{mode}\", adder = \"{adder}\" }}"
            );
            let design = design(S10, &step, "[parameters]\ncount = { format = \"u4\" }\n");
            for (count, x) in (0..16_u32).flat_map(|count| (-512..512).map(move |x| (count, x))) {
                let (expected, is_wrapped) =
                    oracle::round_in(x, count, mode, &|sum| fit(sum, width, signed, "wrap"));
                assert_eq!(output(&design, x, &[count.into()]), expected, "{mode} {x} >> {count} in {adder}");
                if !is_wrapped {
                    assert_eq!(
                        expected,
                        round(x, count, mode),
                        "{mode} {x} >> {count}: the oracle of the rounding"
                    );
                }
                wrapped += usize::from(is_wrapped);
                compared += 1;
            }
            engines_agree(&design, &numbers(&[("count", &[3])]));
        }
    }
    println!("{compared} values, {wrapped} of sums that wrap");
    assert!(wrapped > 10_000);
}

/// The integer-only requantisation of F8Net: the half is added in 32 bits, a tie clears the lowest bit.
#[test]
fn f8net_as_its_authors_compute_it() {
    let post = r#"{ step = "shift_right", value = "shift", rounding = "half_even", adder = "s32" },
        { step = "fit", format = "s8", overflow = "saturate_symmetric" }"#;
    let design = design(S32, post, "[parameters]\nshift = { format = \"u5\" }\n");
    let modulus = 1_i128 << 32;
    let wrap32 = |x: i128| (x + modulus / 2).rem_euclid(modulus) - modulus / 2;
    let mut wraps = 0;
    for n in 1..=31_i128 {
        let (unit, half) = (1_i128 << n, 1_i128 << (n - 1));
        let top = (1_i128 << 31) - 1;
        let near =
            (-3..=3).flat_map(|at| [top - half + at, at * half, at * unit + half, top - 3 + at, -top + at]);
        for x in near.filter(|x| (-top - 1..=top).contains(x)) {
            let r = wrap32(x + half);
            let rounded =
                if x.rem_euclid(unit) == half { r.div_euclid(2 * unit) * 2 } else { r.div_euclid(unit) };
            let expected = rounded.clamp(-127, 127);
            assert_eq!(output(&design, x, &[i64::try_from(n).unwrap()]), expected, "{x} >> {n}");
            wraps += usize::from(x + half > top);
        }
    }
    assert_eq!(output(&design, i32::MAX.into(), &[10]), -127, "the overflow that its authors have");
    assert!(wraps > 50, "{wraps}");
}

/// An adder that holds every sum is no other design.
#[test]
fn an_adder_that_is_wide_enough_is_the_plain_shift() {
    let with = |adder: &str| {
        design(S10, &format!("{{ step = \"shift_right\", value = 3, rounding = \"half_up\"{adder} }}"), "")
    };
    assert_eq!(with(", adder = \"s11\"").hash, with("").hash);
    assert_ne!(with(", adder = \"s10\"").hash, with("").hash);
}

#[test]
fn a_value_goes_through_its_steps_first() {
    // As a DPU of powers of two has it: a bias on the grid of half the lowest bit.
    let dpu = r#"{ step = "shift_left", value = 1 },
        { step = "add", value = "bias", value_steps = [{ step = "shift_left", value = "bias_shift" }] },
        { step = "max", value = 0 },
        { step = "shift_right", value = "cut", rounding = "half_up", format = "s8", overflow = "saturate" }"#;
    let parameters = "[parameters]\nbias = { format = \"s8\", per = \"channel\" }\n\
                      bias_shift = { format = \"u5\" }\ncut = { format = \"u5\" }\n";
    let design = design(S32, dpu, parameters);
    for (bias, shift, cut) in [(-128, 31, 12), (127, 20, 3), (5, 0, 1), (-7, 4, 31), (0, 9, 8)] {
        for x in [
            -70_000_i128,
            -129,
            -1,
            0,
            1,
            255,
            256,
            4000,
            1 << 20,
            i128::from(i32::MAX),
            i128::from(i32::MIN),
        ] {
            let sum = (2 * x + bias * power_of_two(shift) as i128).max(0);
            let expected = round(sum, cut, "half_up").clamp(-128, 127);
            let found = output(&design, x, &[bias as i64, shift.into(), cut.into()]);
            assert_eq!(found, expected, "{x} with {bias} << {shift} >> {cut}");
        }
    }
    engines_agree(&design, &numbers(&[("bias", &[-100, 3, 127]), ("bias_shift", &[9]), ("cut", &[6])]));
}

#[test]
fn every_step_with_a_value_takes_its_steps() {
    type Of = fn(i128, i128) -> i128;
    let operations: [(&str, Of); 5] = [
        ("add", |x, v| x + v),
        ("subtract", |x, v| x - v),
        ("multiply", |x, v| x * v),
        ("max", |x, v| if v > x { v } else { x }),
        ("min", |x, v| if v < x { v } else { x }),
    ];
    for (word, of) in operations {
        let steps = r#"[{ step = "multiply", value = -3, format = "s7", overflow = "wrap" },
            { step = "shift_right", value = "c", rounding = "half_away" },
            { step = "add", value = "c", value_steps = [{ step = "shift_left", value = 2 }], format = "s5", overflow = "saturate" }]"#;
        let step =
            format!("{{ step = \"{word}\", value = \"v\", value_steps = {steps} }}").replace('\n', " ");
        let parameters =
            "[parameters]\nv = { format = \"s6\", per = \"channel\" }\nc = { format = \"u2\" }\n";
        let design = design(S10, &step, parameters);
        for (v, c) in (-32..32_i128).flat_map(|v| (0..4_u32).map(move |c| (v, c))) {
            let value = round(fit(-3 * v, 7, true, "wrap").0, c, "half_away") + 4 * i128::from(c);
            let value = fit(value, 5, true, "saturate").0;
            for x in [-512, -300, -17, -16, -1, 0, 1, 3, 15, 16, 200, 511] {
                assert_eq!(output(&design, x, &[v as i64, c.into()]), of(x, value), "{word} {x}, {v}, {c}");
            }
        }
        engines_agree(&design, &numbers(&[("v", &[-32, 5, 31]), ("c", &[2])]));
    }
}

#[test]
fn a_table_is_read_by_what_enters_it() {
    let step = "{ step = \"lut\", first = -3, values = [100, -7, 0, 3, 3, 90, -128], below = -50, above = 60, latency = 1 }";
    let design = design(S10, step, "");
    let entries = [100, -7, 0, 3, 3, 90, -128];
    for x in -512..512_i128 {
        let expected = if x < -3 {
            -50
        } else if x > 3 {
            60
        } else {
            entries[(x + 3) as usize]
        };
        assert_eq!(output(&design, x, &[]), expected, "{x}");
    }
    assert_eq!(design.output().to_string(), "s8", "the narrowest that holds every entry");
    engines_agree(&design, &Numbers::new());
    // Sides that nothing reaches are of no matter, and need not be written.
    let all = |sides: &str| {
        let clamp = "{ step = \"clamp\", low = 0, high = 2 }";
        self::design(S10, &format!("{clamp}, {{ step = \"lut\", first = 0, values = [4, 5, 6]{sides} }}"), "")
    };
    assert_eq!(all("").hash, all(", below = 9, above = 9").hash);
}

#[test]
fn thresholds_are_counted() {
    let listed = "{ step = \"thresholds\", values = [-5, 9, \"t\", 9, -200], offset = \"o\" }";
    let parameters = "[parameters]\nt = { format = \"s6\", per = \"channel\" }\no = { format = \"s4\" }\n";
    let design = design(S10, listed, parameters);
    for (t, o) in (-32..32_i64).flat_map(|t| [-8, 0, 7].map(|o| (t, o))) {
        for x in -260..260_i128 {
            let reached = [-5, 9, i128::from(t), 9, -200].into_iter().filter(|value| x >= *value).count();
            assert_eq!(output(&design, x, &[t, o]), reached as i128 + i128::from(o), "{x} {t} {o}");
        }
    }
    engines_agree(&design, &numbers(&[("t", &[-32, 0, 31]), ("o", &[-3])]));
}

/// A parameter of which there are several is one declaration, and several ports.
#[test]
fn a_parameter_per_threshold() {
    let step = "{ step = \"thresholds\", values = \"t\", count = 3, offset = -4 }";
    let design = design(S10, step, "[parameters]\nt = { format = \"s9\", per = \"channel\", min = -250 }\n");
    let names: Vec<&str> = design.parameters.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["t_0", "t_1", "t_2"]);
    assert!(design.parameters.iter().all(|p| (p.min, p.max) == (-250, 255)));
    assert_eq!(design.output().to_string(), "s3");
    for x in -512..512_i128 {
        let expected = [-30, 4, 100].into_iter().filter(|value| x >= *value).count() as i128 - 4;
        assert_eq!(output(&design, x, &[-30, 4, 100]), expected);
    }
    let all = numbers(&[("t_0", &[-30, 1, 2]), ("t_1", &[4, 2, 3]), ("t_2", &[100, 3, 4])]);
    engines_agree(&design, &all);
}

#[test]
fn a_branch_is_decided_by_the_sign() {
    // prelu, as TFLite has it: another slope below 0.
    let prelu = r#"{ step = "branch",
        negative = [{ step = "multiply", value = "slope" },
                    { step = "shift_right", value = 7, rounding = "half_away", format = "s9", overflow = "saturate" }],
        otherwise = [{ step = "add", value = 1, value_steps = [{ step = "shift_left", value = 2 }] }],
        format = "s10", overflow = "wrap", latency = 2 }"#
        .replace('\n', " ");
    let parameters = "[parameters]\nslope = { format = \"s9\", per = \"channel\" }\n";
    let design = design(S10, &prelu, parameters);
    for slope in [-256, -1, 0, 1, 26, 128, 255_i128] {
        for x in -512..512_i128 {
            let arm =
                if x < 0 { fit(round(x * slope, 7, "half_away"), 9, true, "saturate").0 } else { x + 4 };
            let expected = fit(arm, 10, true, "wrap").0;
            assert_eq!(output(&design, x, &[slope as i64]), expected, "{x} {slope}");
        }
    }
    engines_agree(&design, &numbers(&[("slope", &[26, -256, 255])]));
    let leaky =
        r#"{ step = "branch", negative = [{ step = "shift_right", value = 3, rounding = "floor" }] }"#;
    let design = self::design(S10, leaky, "");
    for x in -512..512_i128 {
        assert_eq!(output(&design, x, &[]), if x < 0 { x.div_euclid(8) } else { x });
    }
}

/// Without a format a branch is as wide as what its arms build, whatever limits a parameter has beyond its port.
#[test]
fn a_branch_is_as_wide_as_its_arms() {
    let post = "{ step = \"branch\", negative = [{ step = \"multiply\", value = \"slope\" }] }";
    let design = design(S10, post, "[parameters]\nslope = { format = \"s8\", max = 3, min = 0 }\n");
    assert_eq!(design.output().to_string(), "s18", "-512 * -128 = 2^16");
    let plain = self::design(
        S10,
        "{ step = \"branch\", negative = [{ step = \"shift_right\", value = 1, rounding = \"floor\" }] }",
        "",
    );
    assert_eq!(plain.output().to_string(), "s10");
}

#[test]
fn a_bit_of_the_layer_says_whether_a_step_runs() {
    let post = r#"{ step = "max", value = 0, if = "relu", bypass = "register", latency = 1 },
        { step = "multiply", value = 3, if = "!relu", bypass = "register", format = "s8", overflow = "saturate" }"#;
    let design = design(S10, post, "");
    for (relu, x) in [0, 1].into_iter().flat_map(|relu| (-512..512_i128).map(move |x| (relu, x))) {
        let expected = if relu == 1 { x.max(0) } else { 3 * x }.clamp(-128, 127);
        assert_eq!(output(&design, x, &[relu]), expected, "{x} {relu}");
    }
    for relu in [0, 1] {
        engines_agree(&design, &numbers(&[("relu", &[relu])]));
    }
}

/// The post-processing of designs that others built, on a MAC of one lane.
#[test]
fn programs_that_others_built() {
    let nvdla_sdp = r#"{ step = "add", value = "bias", value_steps = [{ step = "shift_left", value = "bias_shift" }], format = "s32", overflow = "saturate" },
        { step = "branch", negative = [{ step = "multiply", value = "slope" }, { step = "shift_right", value = "slope_shift", rounding = "half_away", format = "s32", overflow = "saturate" }] },
        { step = "subtract", value = "offset" },
        { step = "multiply", value = "scale" },
        { step = "shift_right", value = "truncate", rounding = "half_away", format = "s17", overflow = "saturate" },
        { step = "fit", format = "s8", overflow = "saturate" }"#;
    let parameters = "[parameters]\nbias = { format = \"s16\", per = \"channel\" }\nbias_shift = { format = \"u5\" }\n\
        slope = { format = \"s16\", per = \"channel\" }\nslope_shift = { format = \"u6\" }\noffset = { format = \"s32\" }\n\
        scale = { format = \"s16\" }\ntruncate = { format = \"u6\" }\n";
    let nvdla = design(S32, nvdla_sdp, parameters);
    for x in [-2_000_000_000, -40_000, -1, 0, 1, 77, 65_536, 2_000_000_000_i128] {
        for (bias, shift, slope, by, offset, scale, cut) in
            [(-300, 4, 77, 9, 12, 300, 10), (32767, 31, -5, 0, -9, -32768, 48), (1, 0, 1, 1, 0, 1, 0)]
        {
            let sat = |value, width| fit(value, width, true, "saturate").0;
            let mut y = sat(x + bias * power_of_two(shift) as i128, 32);
            if y < 0 {
                y = sat(round(y * slope, by, "half_away"), 32);
            }
            let expected = sat(sat(round((y - offset) * scale, cut, "half_away"), 17), 8);
            let given =
                [bias as i64, shift.into(), slope as i64, by.into(), offset as i64, scale as i64, cut.into()];
            assert_eq!(output(&nvdla, x, &given), expected, "{x} {given:?}");
        }
    }
    let vta = r#"{ step = "add", value = "bias", format = "s32", overflow = "wrap" },
        { step = "shift_right", value = "shift", rounding = "floor" },
        { step = "clamp", low = -128, high = 127 },
        { step = "fit", format = "s8", overflow = "wrap" }"#;
    let vta = design(
        S32,
        vta,
        "[parameters]\nbias = { format = \"s32\", per = \"channel\" }\nshift = { format = \"u5\" }\n",
    );
    engines_agree(&vta, &numbers(&[("bias", &[0, -4000, 2_000_000_000]), ("shift", &[4])]));
    let gemmini = r#"{ step = "max", value = 0 },
        { step = "float_scale", value = "scale", rounding = "half_even", format = "s8", overflow = "saturate" }"#;
    let gemmini = design(S32, gemmini, "[parameters]\nscale = { format = \"s32\", per = \"layer\" }\n");
    engines_agree(&gemmini, &numbers(&[("scale", &[i64::from(0.01_f32.to_bits())])]));
}

fn parse(text: &str, overrides: &[&str]) -> Result<Design, goldpath::error::Error> {
    let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
    Design::parse(text, Path::new("mac.toml"), &overrides)
}

/// Alternatives to `post`, one of which is chosen; a design with the chosen one alone is the same.
#[test]
fn a_program_takes_the_place_of_post() {
    let programs = "[programs]\nnone = [{ step = \"shift_right\", value = \"shift\", rounding = \"floor\" }]\n\
                    relu = [{ step = \"max\", value = 0 }, { step = \"fit\", format = \"u8\", overflow = \"saturate\" }]\n\
                    scaled = { preset = \"multiply_shift\" }\n\
                    [parameters]\nbias = { format = \"s9\" }\nshift = { format = \"u3\" }\n";
    let whole = text(S10, "{ step = \"add\", value = \"bias\" }") + programs;
    let chosen = |overrides: &[&str]| parse(&whole, overrides).unwrap_or_else(|e| panic!("{e}"));
    let words = |design: &Design| design.post.iter().map(|step| step.op.name()).collect::<Vec<_>>();
    assert_eq!(words(&chosen(&[])), ["add"]);
    assert_eq!(words(&chosen(&["program=none"])), ["shift_right"]);
    assert_eq!(words(&chosen(&["program=relu"])), ["max", "fit"]);
    assert_eq!(words(&chosen(&["program=scaled"])), ["multiply", "shift_right", "add", "clamp"]);
    // A step of the chosen one, of another one, and of a preset.
    assert_eq!(chosen(&["program=relu", "post.1.latency=2"]).post[1].latency, 2);
    assert_eq!(chosen(&["programs.relu.1.latency=2", "program=relu"]).post[1].latency, 2);
    assert_eq!(chosen(&["program=scaled", "post.3.latency=1"]).post[3].latency, 1);
    let alone = text(
        S10,
        "{ step = \"max\", value = 0 }, { step = \"fit\", format = \"u8\", overflow = \"saturate\" }",
    );
    assert_eq!(chosen(&["program=relu"]).hash, parse(&alone, &[]).unwrap().hash);
    // Written in the file, and each program's parameters are in use.
    let written = whole.replacen("schema = 1\n", "schema = 1\nprogram = \"relu\"\n", 1);
    assert_eq!(parse(&written, &[]).unwrap(), chosen(&["program=relu"]));
    for relu in ["program=relu", "program=none"] {
        let design = chosen(&[relu]);
        let shift = numbers(&[("shift", &[2])]);
        engines_agree(&design, if relu == "program=none" { &shift } else { &EMPTY });
    }
}

static EMPTY: Numbers = Numbers::new();

#[test]
fn a_mistake_in_a_program_that_does_not_run_is_found() {
    let whole = text(S10, "")
        + "[programs]\nrelu = [{ step = \"max\", value = 0 }]\nother = [{ step = \"add\", value = 1 }]\n";
    let says = |from: &str, to: &str, overrides: &[&str]| {
        let text = whole.replacen(from, to, 1);
        assert!(from == to || text != whole);
        parse(&text, overrides).unwrap_err().to_string()
    };
    let refused = [
        (says("value = 0", "value = \"p\"", &[]), "`programs.relu.0.value` names parameter \"p\""),
        (says("value = 0", "valu = 0", &[]), "unknown key `programs.relu.0.valu`"),
        (
            says("value = 0", "value = 0, width = 3", &["program=other"]),
            "`programs.relu.0.width` changes nothing",
        ),
        (says("\"max\"", "\"mx\"", &[]), "`programs.relu.0.step`"),
        (says("", "", &["program=rleu"]), "did you mean \"relu\"?"),
        (says("", "", &["program=3"]), "`program` is not the name of a program"),
        (
            says("relu = [{ step = \"max\", value = 0 }]", "relu = { preset = \"shft\" }", &[]),
            "`programs.relu.preset`",
        ),
    ];
    for (said, wanted) in refused {
        assert!(said.contains(wanted), "{said}\nwanted: {wanted}");
    }
    let unused = whole.clone() + "[parameters]\np = { format = \"s8\" }\n";
    assert!(parse(&unused, &[]).unwrap_err().to_string().contains("`parameters.p` changes nothing"));
}

/// A static register is one for the layer; it changes neither a value nor a cycle.
#[test]
fn a_parameter_that_is_not_pipelined_is_the_layers() {
    let post = "{ step = \"add\", value = \"p\", latency = 3 }";
    let with = |rest: &str| {
        parse(&(text(S10, post) + &format!("[parameters]\np = {{ format = \"s8\"{rest} }}\n")), &[])
    };
    let fixed = with(", aligned = false").unwrap();
    assert!(!fixed.parameters[0].aligned && with("").unwrap().parameters[0].aligned);
    assert_eq!(with(", aligned = true").unwrap().hash, with("").unwrap().hash);
    assert_ne!(fixed.hash, with("").unwrap().hash);
    engines_agree(&fixed, &numbers(&[("p", &[-7])]));
    let error = with(", aligned = false, per = \"channel\"").unwrap_err().to_string();
    assert!(
        error.contains("`parameters.p.aligned` is false") && error.contains("per = \"layer\""),
        "{error}"
    );
    let error = with(", per = \"weight\"").unwrap_err().to_string();
    assert!(error.contains("`parameters.p.per` is \"weight\", which is the exponent of a weight"), "{error}");
    let error = with(", per = \"beat\"").unwrap_err().to_string();
    assert!(error.contains("`parameters.p.per` is \"beat\", which only values that come in have"), "{error}");
}
