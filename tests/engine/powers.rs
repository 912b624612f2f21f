//! Weights that are powers of two, and layers of a model on designs whose products and sums are shifted.

use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::functional;
use goldpath::lower::Program;
use goldpath::network::{Carrier, DType, Geometry, Layer, Weights};
use ndarray::{ArrayD, IxDyn};

const TEXT: &str = r#"
schema = 1
name = "powers"
post = [
  { step = "bias" },
  { step = "float_scale", value = "scale", rounding = "half_even", format = "s8", overflow = "saturate" },
]
[parameters]
scale = { format = "s32", per = "channel" }
[operands]
activation = { width = 8, signed = true }
weight = { width = 4, signed = true, coding = "power_of_two" }
[product]
multiplier = "shift"
[accumulator]
width = 32
signed = true
overflow = "wrap"
start = "overwrite"
[array]
dataflow = "output_stationary"
rows = 2
columns = 2
hop = { activation = 1, weight = 1 }
skew = "internal"
"#;

fn design(text: &str) -> Arc<Design> {
    let design = Design::parse(text, Path::new("powers.toml"), &[]).unwrap_or_else(|e| panic!("{e}"));
    let again = Design::parse(&design.to_toml(), Path::new("again.toml"), &[]).unwrap();
    assert_eq!(again, design);
    Arc::new(design)
}

/// [k = 2, n = 2] of these weights.
fn layer(weights: [i32; 4]) -> Layer {
    Layer {
        name: "fc".to_string(),
        input: "x".to_string(),
        output_name: "y".to_string(),
        geometry: Geometry::Matrix,
        input_carrier: Carrier { dtype: DType::I8, scale: 0.5, zero_point: 3 },
        weights: Weights {
            codes: ArrayD::from_shape_vec(IxDyn(&[2, 2]), weights.to_vec()).unwrap(),
            dtype: DType::I8,
            scales: vec![0.25, 0.125],
            zero_points: vec![0],
        },
        bias: Some(vec![100, -70]),
        output: Some(Carrier { dtype: DType::I8, scale: 2.0, zero_point: 0 }),
        low: -128,
        high: 127,
    }
}

fn input() -> ArrayD<i32> {
    ArrayD::from_shape_vec(IxDyn(&[3, 2]), vec![5, -7, 127, -128, 3, 90]).unwrap()
}

#[test]
fn a_layer_of_powers_runs_as_on_a_multiplier() {
    let shifts = design(TEXT);
    let integers = design(
        &TEXT
            .replace("width = 4, signed = true, coding = \"power_of_two\"", "width = 9, signed = true")
            .replace("multiplier = \"shift\"", "multiplier = \"integer\""),
    );
    let of = |design: &Arc<Design>| {
        let program = Program::layer(design.clone(), &layer([1, -8, 64, -1]), &input()).unwrap();
        functional::run(&program, true)
    };
    let found = of(&shifts);
    assert_eq!(found, of(&integers));
    assert_eq!(found.accumulators.row(0).to_vec(), [5 - 7 * 64, -40 + 7]);
}

#[test]
fn the_first_weight_that_is_no_power_is_named() {
    for (weights, at, what) in [([4, 2, 0, 3], "[1, 0]", "0"), ([6, 2, 0, 3], "[0, 0]", "6")] {
        let error = Program::layer(design(TEXT), &layer(weights), &input()).unwrap_err();
        let shown = error.to_string();
        assert!(
            shown.contains(&format!("weight {at} is {what}, which is no power of two up to 128")),
            "{shown}"
        );
    }
}

/// Products cut by 2^3: bias and scale are those of sums that are so much smaller.
#[test]
fn a_layer_meets_sums_on_their_own_scale() {
    let cut = TEXT.replace(
        "multiplier = \"shift\"",
        "multiplier = \"shift\"\nsteps = [{ step = \"shift_right\", shift = 3, rounding = \"floor\" }]",
    );
    let cut = design(&cut);
    assert_eq!(cut.sums_shift(), Some(3));
    let program = Program::layer(cut, &layer([1, -8, 64, -1]), &input()).unwrap();
    let exact = Program::layer(design(TEXT), &layer([1, -8, 64, -1]), &input()).unwrap();
    let number = |program: &Program, name: &str| {
        let at = program.design.parameters.iter().position(|p| p.name == name).unwrap();
        program.parameters[at].clone()
    };
    let eighths = |value: &i64| (*value as f64 / 8.0).round_ties_even() as i64;
    assert_eq!(number(&program, "bias"), number(&exact, "bias").iter().map(eighths).collect::<Vec<_>>());
    let float = |bits: &i64| f32::from_bits(*bits as u32);
    for (scaled, scale) in number(&program, "scale").iter().zip(&number(&exact, "scale")) {
        assert_eq!(float(scaled), float(scale) * 8.0);
    }
    let outcome = functional::run(&program, true);
    let products = [[5_i64, -7 * 64], [-40, 7]];
    let sums = products.map(|p| p.iter().map(|p| p.div_euclid(8)).sum::<i64>());
    assert_eq!(outcome.accumulators.row(0).to_vec(), sums);
}
