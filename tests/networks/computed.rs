//! What is proved of layers whose weights or zero points the network computes, against every value they can have.

use std::path::Path;
use std::sync::Arc;

use goldpath::bounds::{Exact, Summary, entering_ranges_of};
use goldpath::design::Design;
use goldpath::lower::Program;
use goldpath::network::{Carrier, Computed, DType, Geometry, Layer, Weights};
use ndarray::{ArrayD, IxDyn};

const DESIGN: &str = r#"
schema = 1
name = "tiny"
post = []

[operands]
activation = ACTIVATION
weight = { width = 3, signed = true }
REDUCE
[accumulator]
width = 32
signed = true
overflow = "saturate"
start = "bias"

[array]
dataflow = "DATAFLOW"
lanes = LANES

[parameters]
bias = { format = "s32", per = "channel" }
"#;

fn design(activation: &str, level: Option<&str>) -> Arc<Design> {
    let reduce = level.map_or(String::new(), |format| {
        format!("[[reduce]]\ngroup = 2\nstride = 1\nformat = \"{format}\"\noverflow = \"saturate\"\n")
    });
    let text = DESIGN.replace("ACTIVATION", activation).replace("REDUCE", &reduce);
    let text = text.replace("LANES", if level.is_some() { "2" } else { "1" });
    let text = text.replace("DATAFLOW", if level.is_some() { "tree" } else { "sequential" });
    let text = if activation.contains("za") {
        text + "za = { format = \"s9\", per = \"layer\", min = -255, max = 0 }\n"
    } else {
        text
    };
    Arc::new(Design::parse(&text, Path::new("tiny.toml"), &[]).unwrap_or_else(|e| panic!("{e}")))
}

fn layer(dtype: DType, zero_point: i32, weights: [i32; 2], bias: i32) -> Layer {
    Layer {
        name: "tiny".to_owned(),
        input: "x".to_owned(),
        output_name: "y".to_owned(),
        geometry: Geometry::Matrix,
        input_carrier: Carrier { dtype, scale: 1.0, zero_point },
        weights: Weights {
            codes: ArrayD::from_shape_vec(IxDyn(&[2, 1]), weights.to_vec()).unwrap(),
            dtype: DType::I8,
            scales: vec![1.0],
            zero_points: vec![0],
        },
        bias: Some(vec![bias]),
        output: None,
        low: i32::MIN,
        high: i32::MAX,
    }
}

fn proved(design: &Arc<Design>, layer: &Layer, computed: Computed) -> (i128, i128) {
    let x = ArrayD::from_elem(IxDyn(&[1, 2]), layer.input_carrier.zero_point);
    let program = Program::layer(Arc::clone(design), layer, &x).unwrap_or_else(|e| panic!("{e}"));
    entering_ranges_of(&program, layer, computed).unwrap_or_else(|e| panic!("{e}"))[0]
}

/// The hull of all values, one by one.
#[derive(Clone, Copy)]
struct Hull(i128, i128);

impl Hull {
    const NONE: Hull = Hull(i128::MAX, i128::MIN);

    fn grow(&mut self, value: i32) {
        *self = Hull(self.0.min(i128::from(value)), self.1.max(i128::from(value)));
    }
}

const SIGNED: &str = "{ width = 3, signed = true }";

/// Without an offset the zero point is folded into the start, which moves with the weights.
#[test]
fn computed_weights_may_be_any() {
    let weights = Computed { weights: true, ..Computed::default() };
    for zero in -4..4 {
        for (level, bias) in [(None, 5), (None, -70), (Some("s4"), 5), (Some("s5"), 0)] {
            let design = design(SIGNED, level);
            let found = proved(&design, &layer(DType::I8, zero, [1, -2], bias), weights);
            let mut hull = Hull::NONE;
            for code in 0..1 << 12 {
                let [x, y, v, w] = [0, 3, 6, 9].map(|shift| (code >> shift & 7) - 4);
                let start = bias - zero * (v + w);
                hull.grow(start);
                match level {
                    None => {
                        hull.grow(start + x * v);
                        hull.grow(start + x * v + y * w);
                    }
                    Some(format) => {
                        let most = if format == "s4" { 7 } else { 15 };
                        hull.grow(start + (x * v + y * w).clamp(-most - 1, most));
                    }
                }
            }
            let holds = found.0 <= hull.0 && found.1 >= hull.1;
            assert!(holds, "zero point {zero}, {level:?}: {found:?} of {:?}", (hull.0, hull.1));
            // Without a level that changes values, no less would do.
            assert!(level.is_some() || found == (hull.0, hull.1), "{zero}: {found:?}");
        }
    }
}

/// Every zero point of u8, in front of the multiplier; a level that saturates sees each of them.
#[test]
fn a_computed_zero_point_may_be_any() {
    let zero = Computed { input_zero_point: true, ..Computed::default() };
    let offset = "{ width = 8, signed = false, offset = \"za\", format = \"s9\" }";
    for weights in [[3, -2], [3, 1], [-4, -1]] {
        for level in [None, Some("s9")] {
            let design = design(offset, level);
            let found = proved(&design, &layer(DType::U8, 7, weights, 40), zero);
            let mut hull = Hull::NONE;
            hull.grow(40);
            for zero in 0..256 {
                // A sum is monotone in each product: its extremes lie at the codes' ends.
                for (x, y) in [(0, 0), (0, 255), (255, 0), (255, 255)] {
                    let (a, b) = ((x - zero) * weights[0], (y - zero) * weights[1]);
                    match level {
                        None => {
                            hull.grow(40 + a);
                            hull.grow(40 + a + b);
                        }
                        Some(_) => hull.grow(40 + (a + b).clamp(-256, 255)),
                    }
                }
            }
            assert_eq!(found, (hull.0, hull.1), "{weights:?}, {level:?}");
        }
    }
}

#[test]
fn of_a_computed_bias_nothing_is_proved() {
    let design = design(SIGNED, None);
    let layer = layer(DType::I8, 0, [1, 2], 0);
    let x = ArrayD::zeros(IxDyn(&[1, 2]));
    let program = Program::layer(Arc::clone(&design), &layer, &x).unwrap();
    let bias = Computed { bias: true, ..Computed::default() };
    let error = entering_ranges_of(&program, &layer, bias).unwrap_err().to_string();
    assert!(error.contains("no width is proved"), "{error}");
}

/// 5, 6 and 5 times an activation need equally many bits: the worst channel is the one that reaches farthest. Its bias,
/// which takes the zero point's share, is a node of its own.
#[test]
fn the_worst_channel_of_a_computed_layer_reaches_farthest() {
    let mut layer = layer(DType::I8, 0, [2, 3], 7);
    layer.weights.codes = ArrayD::from_shape_vec(IxDyn(&[2, 3]), vec![2, 3, 3, 3, 3, 2]).unwrap();
    layer.bias = Some(vec![7, 7, 7]);
    let x = ArrayD::from_elem(IxDyn(&[1, 2]), 0);
    let design = design("{ width = 8, signed = true }", None);
    let program = Program::layer(design, &layer, &x).unwrap();
    let computed = Computed { input_zero_point: true, ..Computed::default() };
    let summary = Summary::of_computed(&program, &layer, computed).unwrap();
    let bound = &summary.bounds[0];
    assert_eq!(bound.widths, [Some(12); 3]);
    assert_eq!((bound.worst_channel, bound.low, bound.high), (1, Exact(7 - 6 * 255), Exact(7 + 6 * 255)));
    // −6 · zero point + 7, of −128 and of 127; a channel of 5 reaches less.
    let start = &summary.nodes[0];
    assert_eq!(start.node, "accumulator.start");
    assert_eq!((start.low, start.high), (Exact(7 - 6 * 127), Exact(7 + 6 * 128)));
}
