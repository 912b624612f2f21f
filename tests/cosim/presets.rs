//! Every preset of integer steps against its Verilog twin in `hw_models/requant_presets`, which is written from the original's formula.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use goldpath::design::{Design, Preset};
use goldpath::vectors::manifest;

use crate::commands::said;
use crate::run;

/// A mistake: what the twin says, and what it says instead.
type Mistake = (&'static str, &'static str);

/// A preset, the width of what comes in, the output's format, and mistakes of which each must fail.
type Row = (&'static str, u32, &'static str, &'static [Mistake]);

const S8: &str = "s8";

/// What several twins say.
const LOW: Mistake = ("(capped < param_low) ? param_low", "(capped < 8'sd0) ? 8'sd0");
const HIGH: Mistake = ("> param_high) ? param_high", "> 8'sd127) ? 8'sd127");
const ZERO_POINT: Mistake = ("+ param_zero_point;", "- param_zero_point;");
const NO_HALF: Mistake = ("= product + half;", "= product;");
const AWAY: Mistake = ("(!negative || sticky)", "1'b1");
const TRUNC: Mistake = ("(!negative || sticky)", "!negative");

/// In the order of [`Preset::all`].
pub const TWINS: [Row; 21] = [
    (
        "ai8x",
        32,
        S8,
        &[
            ("halves + 34'sd1", "halves"),
            ("doubled >>>", "doubled >>"),
            ("34'sd127) ? 34'sd127", "34'sd126) ? 34'sd126"),
        ],
    ),
    (
        "cmsis_nn",
        32,
        S8,
        &[("high - 32'sd1 :", "high :"), ("(param_right_shift != 5'd0) &&", ""), ZERO_POINT, LOW],
    ),
    (
        "cmsis_nn_s64",
        48,
        "s16",
        &[
            ("shifted[31:0] + 32'd1", "shifted[31:0]"),
            ("signed [31:0] doubled", "signed [32:0] doubled"),
            ZERO_POINT,
        ],
    ),
    (
        "dpu_round",
        32,
        S8,
        &[
            ("(rest > half)", "(rest >= half)"),
            ("(rest >= half)", "(rest > half)"),
            ("in_value <<< 1", "in_value"),
            HIGH,
        ],
    ),
    (
        "f8net",
        32,
        S8,
        &[
            ("signed [31:0] raised", "signed [32:0] raised"),
            ("tie ? (pairs <<< 1) : nearest", "nearest"),
            ("-32'sd127) ? -32'sd127", "-32'sd128) ? -32'sd128"),
        ],
    ),
    (
        "finn_threshold",
        32,
        "s4",
        &[
            ("in_value >= param_threshold_9", "in_value > param_threshold_9"),
            ("count + param_offset", "count"),
            ("i < 15", "i < 14"),
        ],
    ),
    (
        "gemmini_shift",
        32,
        S8,
        &[
            ("(below || floor[0])", "1'b1"),
            ("(below || floor[0])", "(below || !floor[0])"),
            ("half - {31'd0, |half}", "half"),
        ],
    ),
    (
        "gemmlowp",
        32,
        S8,
        &[
            ("-64'sd1073741823", "64'sd1073741824"),
            ("rest > threshold", "rest >= threshold"),
            ("+ {31'd0, high[31]}", ""),
            ("64'sd2147483647 : up;", "up : up;"),
        ],
    ),
    ("multiply_shift", 32, S8, &[("+ {31'd0, shifted[0]}", ""), ("moved >>>", "moved >>"), ZERO_POINT, HIGH]),
    (
        "nvdla_cacc",
        34,
        "s32",
        &[AWAY, TRUNC, ("guide && (", "("), ("{in_value, 16'd0}", "{in_value[32:0], 17'd0}")],
    ),
    (
        "nvdla_sdp",
        32,
        S8,
        &[
            ("(!product[48] || sticky)", "1'b1"),
            ("in_value - param_offset", "in_value + param_offset"),
            ("-50'sd128) ? -50'sd128", "-50'sd127) ? -50'sd127"),
        ],
    ),
    ("pulp", 32, S8, &[("product + param_term", "product"), ("sum >>>", "sum >>"), LOW]),
    (
        "ruy_x86",
        32,
        S8,
        &[
            ("32'd0, shifted[0]", "32'd0, shifted[0] && !high[31]"),
            ("product + 64'sd1073741824", "product"),
            ZERO_POINT,
        ],
    ),
    ("shift", 32, S8, &[("(tie && !negative);", "tie;"), ("|| (tie && !negative);", ";"), ZERO_POINT]),
    (
        "tflite_double",
        32,
        S8,
        &[("size + half", "size"), ("+ 65'sd2147483648", ""), ("high[31] ? -{high[31], high} :", ""), HIGH],
    ),
    (
        "tflite_int16x8",
        48,
        "s16",
        &[
            NO_HALF,
            ("signed [31:0] scaled = shifted[31:0]", "signed [33:0] scaled = shifted[33:0]"),
            ZERO_POINT,
        ],
    ),
    (
        "tflite_single",
        32,
        S8,
        &[NO_HALF, ("signed [31:0] scaled = shifted[31:0]", "signed [32:0] scaled = shifted[32:0]"), LOW],
    ),
    ("vta", 32, S8, &[("moved >>>", "moved >>"), ("in_value <<<", "in_value >>>"), LOW, HIGH]),
    (
        "xnnpack_rndnu",
        32,
        S8,
        &[
            NO_HALF,
            ("signed [31:0] scaled = shifted[31:0]", "signed [32:0] scaled = shifted[32:0]"),
            ("param_low - param_zero_point", "param_low"),
        ],
    ),
    (
        "xnnpack_rndnu16",
        32,
        S8,
        &[
            ("moved + half", "moved"),
            ("product + 33'sd16384", "product"),
            ("(up > 48'sd2147483647) ? 48'sd2147483647 : up", "up"),
        ],
    ),
    (
        "xnnpack_rndnu_neon",
        32,
        S8,
        &[
            ("truncated + half", "truncated"),
            ("(shifted > 64'sd32767) ? 64'sd32767 : shifted", "shifted[31:0]"),
            HIGH,
        ],
    ),
];

const RTL: &str = "hw_models/requant_presets/rtl";

/// The design of a preset alone; `more` stands beside its name.
pub fn text(preset: &str, width: u32, format: &str, more: &str) -> String {
    let rounding =
        if preset == "shift" && !more.contains("rounding") { ", rounding = \"half_away\"" } else { "" };
    format!(
        "schema = 1\nname = \"requant_{preset}\"\naccumulator = {{ width = {width}, signed = true }}\n\
         post = {{ preset = \"{preset}\", format = \"{format}\"{rounding}{more} }}\n"
    )
}

pub fn parsed(text: &str) -> Arc<Design> {
    Arc::new(Design::parse(text, Path::new("design.toml"), &[]).unwrap_or_else(|e| panic!("{e}\n{text}")))
}

/// The same where every number is a value's own, so that one bundle goes through many of each.
pub fn own_numbers(preset: &str, width: u32, format: &str, more: &str) -> String {
    let mut text = text(preset, width, format, more);
    let design = parsed(&text);
    text += "[parameters]\n";
    let read = Preset::named(preset).unwrap().parameters();
    for p in design.parameters.iter().filter(|p| read.contains(&p.name.as_str())) {
        let limits = format!("min = {}, max = {}", p.min, p.max);
        text += &format!("{} = {{ format = \"{}\", per = \"channel\", {limits} }}\n", p.name, p.format);
    }
    text
}

/// The design of a twin: one register, behind the last step.
fn registered(&(preset, width, format, _): &Row, more: &str, own: bool) -> String {
    let steps = parsed(&text(preset, width, format, more)).post.len();
    let more = format!(", latency = [{}1]{more}", "0, ".repeat(steps - 1));
    if own { own_numbers(preset, width, format, &more) } else { text(preset, width, format, &more) }
}

/// A bundle of the design, in a folder of its own.
fn bundle(folder: &Path, design: &str, case: &str) -> PathBuf {
    let (toml, out) = (folder.join("design.toml"), folder.join(case.replace(' ', "_")));
    fs::create_dir_all(folder).unwrap();
    fs::write(&toml, design).unwrap();
    run(&format!("vectors {} --case {case} --strength none --out {}", toml.display(), out.display()))
        .success();
    out
}

fn cosim(bundle: &Path, rtl: &Path, preset: &str, more: &str) -> String {
    let line = format!("cosim {} --rtl {} --top requant_{preset}{more}", bundle.display(), rtl.display());
    said(&run(&line))
}

const ICARUS: &str = " --simulator icarus";

/// The bundles of a preset as it is, and a directed one in which every number is a value's own.
fn bundles(folder: &Path, row: &Row) -> [PathBuf; 4] {
    let own = bundle(&folder.join("own"), &registered(row, "", true), "directed");
    let [directed, single, numbers] =
        ["directed", "single", "numbers"].map(|case| bundle(folder, &registered(row, "", false), case));
    [own, directed, single, numbers]
}

/// The bundles pass, the first in both simulators (all of them do below); each mistake fails in one of them.
fn holds(preset: &str) {
    let row = TWINS.iter().find(|row| row.0 == preset).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bundles = bundles(folder.path(), row);
    let right = Path::new(RTL).join(format!("{preset}.v"));
    for (index, bundle) in bundles.iter().enumerate() {
        let both = index == 0;
        let said = cosim(bundle, &right, preset, if both { "" } else { ICARUS });
        assert!(said.contains("icarus: PASS"), "{preset}: {said}");
        assert!(!both || said.contains("verilator: PASS"), "{preset}: {said}");
    }
    let rtl = fs::read_to_string(&right).unwrap();
    assert!(row.3.len() >= 2, "{preset}");
    let wrong = folder.path().join("wrong.v");
    for (right, mistake) in row.3 {
        assert_eq!(rtl.matches(right).count(), 1, "{preset}: {right}");
        fs::write(&wrong, rtl.replace(right, mistake)).unwrap();
        let mut said = bundles.iter().map(|bundle| cosim(bundle, &wrong, preset, ICARUS));
        assert!(said.any(|said| said.contains("icarus: FAIL")), "{preset}: {mistake} for {right} passes");
    }
}

macro_rules! presets {
    ($($preset:ident)*) => {
        $(#[test]
        fn $preset() {
            holds(stringify!($preset));
        })*

        /// A preset without floats has a twin, a twin has a test.
        #[test]
        fn every_integer_preset_has_a_twin() {
            let text = |name: &str| fs::read_to_string(format!("src/design/presets/{name}.toml")).unwrap();
            let mut integer = Preset::names();
            integer.retain(|name| !text(name).contains("step = \"float"));
            integer.sort_unstable();
            assert_eq!(TWINS.map(|row| row.0).as_slice(), integer);
            assert_eq!([$(stringify!($preset)),*].as_slice(), integer);
            assert_eq!(fs::read_dir(RTL).unwrap().count(), integer.len());
        }
    };
}

presets!(
    ai8x cmsis_nn cmsis_nn_s64 dpu_round f8net finn_threshold gemmini_shift gemmlowp multiply_shift nvdla_cacc nvdla_sdp
    pulp ruy_x86 shift tflite_double tflite_int16x8 tflite_single vta xnnpack_rndnu xnnpack_rndnu16 xnnpack_rndnu_neon
);

/// In the order of the twin's numbers for them.
#[test]
fn every_rounding_of_shift() {
    const ROUNDINGS: [&str; 10] = [
        "floor",
        "ceil",
        "trunc",
        "away",
        "half_up",
        "half_down",
        "half_away",
        "half_zero",
        "half_even",
        "half_odd",
    ];
    let row = TWINS.iter().find(|row| row.0 == "shift").unwrap();
    let rtl = Path::new(RTL).join("shift.v");
    for (number, rounding) in ROUNDINGS.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let bundles = [true, false].map(|own| {
            let design = registered(row, &format!(", rounding = \"{rounding}\""), own);
            bundle(&folder.path().join(own.to_string()), &design, "directed")
        });
        let passes = |bundle: &PathBuf, built: usize| {
            let said = cosim(bundle, &rtl, "shift", &format!(" --param ROUNDING={built}{ICARUS}"));
            assert!(said.contains("icarus: "), "{said}");
            said.contains("icarus: PASS")
        };
        for (built, other) in ROUNDINGS.into_iter().enumerate() {
            let passes = bundles.iter().all(|bundle| passes(bundle, built));
            assert_eq!(passes, built == number, "{rounding} on {other}");
        }
    }
}

/// A bundle has room for 65,536 channels; each value is one.
#[test]
#[ignore = "long: 100 000 values of every preset in both simulators"]
fn a_hundred_thousand_values_of_every_preset() {
    for row in &TWINS {
        let folder = tempfile::tempdir().unwrap();
        let design = registered(row, "", true);
        let mut bundles = bundles(folder.path(), row).to_vec();
        for case in ["random", "extreme"] {
            bundles.push(bundle(&folder.path().join("long"), &design, &format!("{case} --shape 1,1,51000")));
        }
        let rtl = Path::new(RTL).join(format!("{}.v", row.0));
        let mut values = 0;
        for bundle in bundles {
            let said = cosim(&bundle, &rtl, row.0, "");
            assert!(said.contains("icarus: PASS") && said.contains("verilator: PASS"), "{}: {said}", row.0);
            values += manifest::read(&bundle).unwrap().shape.n;
        }
        assert!(values >= 100_000, "{}: {values}", row.0);
        println!("{}: {values} values, 0 mismatches in either simulator", row.0);
    }
}
