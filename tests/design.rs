//! The designs that have twins, the loader and the presets.

use std::path::{Path, PathBuf};

use goldpath::design::{Design, Parts};

const DESIGNS: [&str; 13] = [
    "mac_s8_acc32",
    "mac_s8_acc16sat",
    "tree8_s8_acc24",
    "os8x8_s8_acc32",
    "os16x16_s8_acc16sat",
    "os4x2_l4_s8_acc32",
    "ws16x16_s8_acc32",
    "is8x8_s8_acc24",
    "ws8x8_bcast_s8_acc24_mem32",
    "os8x8_diag_s8_acc20",
    "tree16x4_banks4_s8_acc34sat",
    "lanes4_s8_acc16sat_sum17",
    "requant_pipeline",
];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_models").join(name).join("design.toml")
}

fn load(name: &str, overrides: &[&str]) -> Design {
    let overrides: Vec<String> = overrides.iter().map(|s| s.to_string()).collect();
    Design::load(&path(name), &overrides).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn expanded_designs_load_back_to_the_same_design() {
    for name in DESIGNS {
        let design = load(name, &[]);
        let text = design.to_toml();
        let again =
            Design::parse(&text, Path::new("expanded.toml"), &[]).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(again, design, "{text}");
        assert_eq!(again.to_toml(), text);
    }
}

/// Edits of a design go through its parts.
#[test]
fn parts_of_designs_make_the_same_designs_again() {
    for name in DESIGNS {
        let design = load(name, &[]);
        let parts = Parts { hash: String::new(), twin_values: Default::default(), ..design.clone().into() };
        assert_eq!(Design::new(parts).unwrap_or_else(|e| panic!("{name}: {e}")), design);
    }
}

/// A requantizer alone whose sums leave as they come.
#[test]
fn a_requantizer_without_steps_loads_back() {
    let text = "schema = 1\nname = \"alone\"\npost = []\n[accumulator]\nwidth = 9\nsigned = true\n";
    let parse = |text: &str| Design::parse(text, Path::new("alone.toml"), &[]).unwrap();
    let design = parse(text);
    assert!(design.is_post_only() && design.post.is_empty());
    assert_eq!(parse(&design.to_toml()), design);
    assert_eq!(Design::new(design.clone().into()).unwrap(), design);
}

#[test]
fn post_formats_are_those_of_the_contract() {
    let formats = |name: &str| {
        let design = load(name, &[]);
        let steps: Vec<String> =
            design.post.iter().map(|s| s.format.map_or("fused".into(), |f| f.to_string())).collect();
        let parameters: Vec<String> =
            design.parameters.iter().map(|p| format!("{} {}", p.name, p.format)).collect();
        format!("{} | {}", steps.join(" "), parameters.join(", "))
    };
    let multiply = "multiplier s32, shift u6, zero_point s8, low s8, high s8";
    assert_eq!(formats("mac_s8_acc32"), format!("s64 s32 s33 s8 | bias s32, {multiply}"));
    assert_eq!(formats("os8x8_s8_acc32"), formats("mac_s8_acc32"));
    assert_eq!(formats("tree8_s8_acc24"), format!("s56 s32 s33 s8 | bias s32, {multiply}"));
    let shift = "s16 s17 s8 | bias s32, shift u4, zero_point s8, low s8, high s8";
    assert_eq!(formats("mac_s8_acc16sat"), shift);
    assert_eq!(formats("os16x16_s8_acc16sat"), shift);
}

#[test]
fn overrides_change_the_hash_and_reach_a_presets_steps() {
    let plain = load("mac_s8_acc16sat", &[]);
    let wider = load("mac_s8_acc16sat", &["accumulator.width=20"]);
    assert_eq!(wider.accumulator.format.to_string(), "s20");
    assert_eq!(wider.twin_values["accumulator.width"], 20);
    assert_ne!(wider.hash, plain.hash);
    let fixed = load("mac_s8_acc16sat", &["post.0.shift=7"]);
    assert_eq!(fixed, load("mac_s8_acc16sat", &["post.0.value=7"]));
    assert_eq!(fixed, load("mac_s8_acc16sat", &["post.shift = 7"]));
    assert!(fixed.parameters.iter().all(|p| p.name != "shift"));
    assert_eq!(
        load("mac_s8_acc16sat", &["accumulator.overflow=wrap"]),
        load("mac_s8_acc16sat", &["accumulator.overflow='wrap'"])
    );
}

/// A product that is rounded, saturated and clamped before it is added.
const STEPPED: &str = r#"
schema = 1
name = "stepped"
post = [{ step = "saturate", width = 8 }]
[parameters]
cut = { format = "u3", min = 1, max = 6, default = 4 }
least = { format = "s8", per = "channel", max = 0, default = -100 }
[operands]
activation = { width = 8, signed = true }
weight = { width = 8, signed = true }
[product]
latency = 1
steps = [
  { step = "rounding_shift", shift = "cut", rounding = "half_even", format = "s9", overflow = "saturate" },
  { step = "clamp", low = "least", high = 120 },
]
[[reduce]]
group = 2
[accumulator]
width = 20
signed = true
overflow = "wrap"
start = "zero"
[array]
dataflow = "tree"
lanes = 2
"#;

#[test]
fn steps_of_a_product_load_back_and_bound_what_is_added() {
    let parse = |text: &str, set: &[&str]| {
        let set: Vec<String> = set.iter().map(|s| s.to_string()).collect();
        Design::parse(text, Path::new("stepped.toml"), &set).unwrap_or_else(|e| panic!("{e}\n{text}"))
    };
    let design = parse(STEPPED, &[]);
    let again = parse(&design.to_toml(), &[]);
    assert_eq!(again, design, "{}", design.to_toml());
    assert_eq!(again.hash, design.hash);
    // 16384 / 2 is no value of s9; the clamp leaves -128..120.
    assert_eq!(design.product_interval(), (-16256, 16384));
    assert_eq!(design.term_interval(), (-128, 120));
    assert_eq!(design.term_format().to_string(), "s8");
    assert_eq!(design.reduce[0].format.to_string(), "s9");
    assert_eq!(design.sums_shift(), None);
    let nodes: Vec<String> = design.fitting_nodes().into_iter().map(|(_, id)| id).collect();
    assert_eq!(nodes, ["product.steps.0", "product.steps.1", "reduce.0", "accumulator", "post.0"]);
    let rows: Vec<String> = design
        .rows()
        .iter()
        .filter(|row| row.node.starts_with("product"))
        .map(|r| {
            let format = r.format.as_deref().unwrap_or_default();
            format!("{} {} {format} {} {}", r.node, r.does, r.overflow, r.latency_cycles)
        })
        .collect();
    let expected = [
        "product activation * weight s16 exact 0",
        "product.steps.0 x >> cut s9 saturate 0",
        "product.steps.1 clamp to least..120 s8 exact 1",
    ];
    assert_eq!(rows, expected);
    // Numbers that are wired in; the same design as one that says so.
    let fixed = parse(STEPPED, &["product.steps.0.shift=3", "product.steps.1.low=-5"]);
    assert!(fixed.parameters.is_empty() && fixed.hash != design.hash);
    assert_eq!(fixed.term_interval(), (-5, 120));
    assert_eq!(fixed.sums_shift(), Some(3));
    let plain = parse(STEPPED, &["product.steps=[]"]);
    assert_eq!(plain.term_interval(), plain.product_interval());
}
