//! Convolutions: padding codes, groups, calibration, and the committed network.

use std::path::Path;
use std::sync::Arc;

use goldpath::bounds::{Inputs, Kind, LayerBounds};
use goldpath::design::{Design, Recode};
use goldpath::functional::graph::{layer, layer_names};
use goldpath::functional::operators::Framework;
use goldpath::functional::prefixes;
use goldpath::import::{npy::read_npy, onnx};
use goldpath::lower::Program;
use goldpath::network::{Carrier, DType, Geometry, Layer, Padding, Weights, Window};
use ndarray::{Array, ArrayD};

use super::designs;
use super::witness::check;

/// A convolution 2×2 over a 3×3 image padded on the left and top only; two groups of one channel each.
fn small() -> (Layer, ArrayD<i32>) {
    let window = Window {
        kernel: [2, 2],
        stride: [1, 1],
        dilation: [1, 1],
        padding: Padding::Explicit([1, 1, 0, 0]),
        ceil: false,
    };
    let weights = Array::from_shape_vec([2, 1, 2, 2], vec![1, 2, 3, 4, -1, -2, -3, -4]).unwrap();
    let layer = Layer {
        name: "conv".to_string(),
        input: "x".to_string(),
        output_name: "y".to_string(),
        geometry: Geometry::Convolution { groups: 2, window },
        input_carrier: Carrier { dtype: DType::I8, scale: 1.0, zero_point: -5 },
        weights: Weights {
            codes: weights.into_dyn(),
            dtype: DType::I8,
            scales: vec![1.0],
            zero_points: vec![0],
        },
        bias: None,
        output: None,
        low: -128,
        high: 127,
    };
    // Channel 0 counts 1..=9, channel 1 is 100 more.
    let input = Array::from_shape_fn([1, 2, 3, 3], |(_, c, y, x)| (100 * c + 3 * y + x + 1) as i32);
    (layer, input.into_dyn())
}

#[test]
fn taps_see_what_they_see() {
    let (layer, input) = small();
    let program = Program::layer(Arc::new(designs::mac_s8_acc32()), &layer, &input).unwrap();
    // The last tap is never padded and sees the whole image; the first sees padding and the four upper left pixels.
    let expected = [(-5, 5), (-5, 6), (-5, 8), (1, 9), (-5, 105), (-5, 106), (-5, 108), (101, 109)];
    assert_eq!(Inputs::seen(&program), Inputs::Positions(expected.to_vec()));
    // A uniform calibration is widened by the padding code where a tap can be padded.
    let uniform = Inputs::Calibrated { low: 1, high: 9 };
    let codes: Vec<_> = (0..4).map(|k| uniform.codes(&program, 0, k)).collect();
    assert_eq!(codes, [(-5, 9), (-5, 9), (-5, 9), (1, 9)]);
    // Σ over the first group: 1·x0 + 2·x1 + 3·x2 + 4·x3, and the zero point folded into the bias: 5 · 10.
    let inputs = Inputs::seen(&program);
    let bounds = LayerBounds::new(&program, &inputs);
    assert_eq!(bounds.bounds(Kind::FinalSum)[0].range, (50 - 30 + 4, 50 + 5 + 12 + 24 + 36));
    assert_eq!(bounds.bounds(Kind::FinalSum)[1].range, (-50 - 105 - 212 - 324 - 436, -50 + 30 - 404));
    for n in 0..2 {
        check(&bounds, &bounds.witness(Kind::Prefix, n).unwrap());
    }
}

#[test]
fn calibrations_merge() {
    let positions = |range| Inputs::Positions(vec![range; 2]);
    assert_eq!(positions((1, 3)).merged(positions((-2, 2))), positions((-2, 3)));
    assert_eq!(positions((1, 3)).merged(Inputs::Calibrated { low: 0, high: 2 }), positions((0, 3)));
    assert_eq!(positions((1, 3)).merged(Inputs::Format), Inputs::Format);
    let uniform = |low, high| Inputs::Calibrated { low, high };
    assert_eq!(uniform(1, 3).merged(uniform(0, 2)), uniform(0, 3));
}

#[test]
fn every_layer_of_the_cnn_stays_inside_its_bounds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("hw_models/os8x8_s8_acc32/design.toml");
    let design = Design::load(&path, &[]).unwrap();
    let design = designs::edited(&design, |parts| parts.activation.recode = Some(Recode::Minus128));
    let design = Arc::new(design);
    let folder = root.join("tests/models");
    let network = onnx::read(&folder.join("cnn_s8_qoperator.onnx")).unwrap().fused();
    let x = read_npy(&folder.join("cnn_inputs.npy")).unwrap();
    let (mut narrower, mut layers) = (0, 0);
    for name in layer_names(&network) {
        let (layer, codes) = layer(&network, &name, &x, &Framework).unwrap();
        let images = ndarray::Slice::from(..4);
        let codes = codes.to_i32().unwrap().slice_axis(ndarray::Axis(0), images).to_owned();
        let program = Program::layer(design.clone(), &layer, &codes).unwrap();
        let [any, seen] = [Inputs::Format, Inputs::seen(&program)];
        let [any, seen] = [&any, &seen].map(|inputs| LayerBounds::new(&program, inputs));
        let run = prefixes(&program);
        for n in 0..program.shape.channels() {
            let [loose, tight] = [&any, &seen].map(|b| b.bounds(Kind::Prefix)[n]);
            let column = |table: &ndarray::Array2<i64>| table.column(n).to_vec();
            let (low, high) = (column(&run.low), column(&run.high));
            assert!(low.iter().all(|v| i128::from(*v) >= tight.range.0), "{name} {n}");
            assert!(high.iter().all(|v| i128::from(*v) <= tight.range.1), "{name} {n}");
            assert!(loose.range.0 <= tight.range.0 && tight.range.1 <= loose.range.1);
            check(&seen, &seen.witness(Kind::Prefix, n).unwrap());
        }
        let widths = Kind::ALL.map(|kind| (any.width(kind), seen.width(kind)));
        println!("{name}: {widths:?}");
        let [data_type, a2q, _, prefix, _] = widths;
        // Loosest first, and a calibration never loosens.
        assert!(data_type.0 >= a2q.0 && a2q.0 >= prefix.0 && prefix.0 >= prefix.1);
        (narrower, layers) = (narrower + u32::from(prefix.1 < prefix.0), layers + 1);
    }
    assert!(layers > 3 && narrower > 0, "{narrower} of {layers}");
}
