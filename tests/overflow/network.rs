//! The committed CNN through a MAC whose accumulator is too narrow: counts, classes and corrections.

use std::collections::BTreeMap;
use std::sync::Arc;

use goldpath::design::{Design, KernelAxis};
use goldpath::error::Result;
use goldpath::functional::graph::{self, infer, layer_names};
use goldpath::functional::operators::{Designed, LayerRule};
use goldpath::import::{npy::read_npy, onnx};
use goldpath::lower::{Program, output_recoding};
use goldpath::network::{Geometry, Layer, Network, Tensor};
use goldpath::overflow::{self, Options};
use ndarray::{ArrayD, Axis, Slice};

use super::brute::{self, Output};
use super::models;

const CAP: usize = 25;

fn network() -> Network {
    onnx::read(&models().join("cnn_s8_qoperator.onnx")).unwrap().fused()
}

fn images(range: std::ops::Range<usize>) -> Tensor {
    match read_npy(&models().join("cnn_inputs.npy")).unwrap() {
        Tensor::F32(x) => Tensor::F32(x.slice_axis(Axis(0), Slice::from(range)).to_owned()),
        other => panic!("{other:?}"),
    }
}

fn mac(set: &[&str]) -> Designed {
    let set: Vec<String> = set.iter().map(|s| s.to_string()).collect();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_models/mac_s8_acc16sat/design.toml");
    Designed::new(Arc::new(Design::load(&path, &set).unwrap()))
}

/// Every output of a layer for one image, keyed by [group, position, channel of the group]: the schedule of one MAC.
pub fn layer_by_hand(designed: &Designed, layer: &Layer, x: &ArrayD<i32>) -> BTreeMap<[usize; 3], Output> {
    assert_eq!(designed.design.order.kernel, [KernelAxis::Kh, KernelAxis::Kw, KernelAxis::Cin]);
    // Only the numbers of the post steps are the library's; the bias is folded here once more.
    let mut parameters = Program::layer(Arc::clone(&designed.design), layer, x).unwrap().parameters.to_vec();
    let zero = layer.input_carrier.zero_point;
    let w = &layer.weights.codes;
    let bias = designed.design.accumulator.bias.unwrap();
    let sums: Vec<i64> = (0..layer.channels())
        .map(|channel| match layer.geometry {
            Geometry::Matrix => w.index_axis(Axis(1), channel).iter().map(|w| i64::from(*w)).sum(),
            Geometry::Convolution { .. } => {
                w.index_axis(Axis(0), channel).iter().map(|w| i64::from(*w)).sum()
            }
        })
        .collect();
    let stated = |c: usize| layer.bias.as_ref().map_or(0, |b| i64::from(b[c]));
    parameters[bias] = (0..layer.channels()).map(|c| stated(c) - i64::from(zero) * sums[c]).collect();
    let mut outputs = BTreeMap::new();
    let mut finish = |key: [usize; 3], channel: usize, products: Vec<i128>| {
        outputs.insert(key, brute::output(&designed.design, &products, &parameters, channel));
    };
    match &layer.geometry {
        Geometry::Matrix => {
            for n in 0..layer.channels() {
                let product = |k| i128::from(x[[0, k]]) * i128::from(w[[k, n]]);
                finish([0, 0, n], n, (0..layer.k()).map(product).collect());
            }
        }
        Geometry::Convolution { groups, window } => {
            let [height, width] = [x.shape()[2], x.shape()[3]];
            let placed = window.place([height, width]).unwrap();
            let (each, cin) = (layer.channels() / groups, w.shape()[1]);
            for channel in 0..layer.channels() {
                for position in 0..placed.output[0] * placed.output[1] {
                    let (oy, ox) = (position / placed.output[1], position % placed.output[1]);
                    let mut products = Vec::new();
                    for kh in 0..window.kernel[0] {
                        for kw in 0..window.kernel[1] {
                            for c in 0..cin {
                                let y = oy * window.stride[0] + kh * window.dilation[0];
                                let z = ox * window.stride[1] + kw * window.dilation[1];
                                let inside = |v: usize, pad: usize, extent: usize| {
                                    v.checked_sub(pad).filter(|v| *v < extent)
                                };
                                let at =
                                    inside(y, placed.pad[0], height).zip(inside(z, placed.pad[1], width));
                                let code = at.map_or(zero, |(y, z)| x[[0, channel / each * cin + c, y, z]]);
                                products.push(i128::from(code) * i128::from(w[[channel, c, kh, kw]]));
                            }
                        }
                    }
                    finish([channel / each, position, channel % each], channel, products);
                }
            }
        }
    }
    outputs
}

/// The design, but for one output of one layer.
struct Corrected<'a> {
    designed: &'a Designed,
    layer: &'a str,
    at: Vec<usize>,
    code: i32,
}

impl LayerRule for Corrected<'_> {
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let tensor = self.designed.run(layer, x)?;
        if layer.name != self.layer {
            return Ok(tensor);
        }
        let mut codes = tensor.to_i32()?;
        codes[&self.at[..]] = self.code;
        Ok(Tensor::from_codes(codes, tensor.dtype()))
    }
}

/// The largest code of the last layer; its scale is positive, so that is the network's answer.
fn answer(network: &Network, x: &Tensor, rule: &dyn LayerRule) -> usize {
    let tensors = infer(network, x, rule).unwrap();
    let codes: Vec<i32> = tensors.last().unwrap().1.to_i32().unwrap().iter().copied().collect();
    assert_eq!(codes.len(), 10);
    (0..10).rev().max_by_key(|i| codes[*i]).unwrap()
}

#[test]
fn the_cnn_is_what_big_integers_and_second_runs_say() {
    let mut total = BTreeMap::new();
    for overrides in [
        // Wrapping brings sums back; saturating moves answers.
        ["accumulator.width=15", "accumulator.overflow=\"wrap\""],
        ["accumulator.width=12", "accumulator.overflow=\"saturate\""],
    ] {
        every_output_of_the_cnn(&overrides, &mut total);
    }
    for class in ["transient", "surviving", "harmful", "decisive", "wrong"] {
        assert!(total.get(class) > Some(&0), "{class}: {total:?}");
    }
}

fn every_output_of_the_cnn(overrides: &[&str], total: &mut BTreeMap<&'static str, u64>) {
    let (network, designed) = (network(), mac(overrides));
    let count = 4;
    let options = Options { decisive_cap: CAP, ..Options::default() };
    let findings =
        overflow::network(&network, &images(0..count), None, &designed, &options, &|_, _| {}).unwrap();
    for (index, name) in layer_names(&network).iter().enumerate() {
        let found = &findings.report.layers[index];
        assert_eq!(found.layer, *name);
        let events = &findings.tables[index]["accumulator"];
        let mut table = ndarray::Array3::<i64>::zeros(events.dim());
        let mut classes: BTreeMap<&'static str, u64> = BTreeMap::new();
        let mut tried = 0;
        for image in 0..count {
            let x = images(image..image + 1);
            let before = answer(&network, &x, &designed);
            assert_eq!(findings.report.answer.as_ref().unwrap().predictions[image], before);
            let (layer, codes) = graph::layer(&network, name, &x, &designed).unwrap();
            let per_group = found.shape.n;
            for ([group, m, n], output) in layer_by_hand(&designed, &layer, &codes.to_i32().unwrap()) {
                let channel = group * per_group + n;
                for event in output.events.iter().filter(|e| e.node == "accumulator") {
                    table[[usize::from(!event.high), m, channel]] += 1;
                }
                if !output.overflows() {
                    continue;
                }
                let mut class = output.class();
                if class == "wrong" && tried < CAP {
                    tried += 1;
                    let recoding = output_recoding(&designed.design, &layer);
                    let at = match layer.geometry {
                        Geometry::Matrix => vec![0, channel],
                        Geometry::Convolution { .. } => {
                            let place = layer_width(&network, name, &x, &designed);
                            vec![0, channel, m / place, m % place]
                        }
                    };
                    let code = i32::try_from(output.corrected).unwrap() + recoding;
                    let rule = Corrected { designed: &designed, layer: name, at, code };
                    class = if answer(&network, &x, &rule) == before { "harmful" } else { "decisive" };
                }
                *classes.entry(class).or_default() += 1;
            }
        }
        println!("{name}: {classes:?}");
        assert!(table == *events, "{name}");
        let count = |class| classes.get(class).copied().unwrap_or(0);
        let c = found.classes;
        let expected = ["transient", "surviving", "harmful", "decisive", "wrong"].map(count);
        assert_eq!([c.transient, c.surviving, c.harmful, c.decisive, c.unevaluated], expected, "{name}");
        assert_eq!(expected.iter().sum::<u64>(), found.outputs_with_events);
        let sides = |side: usize| table.index_axis(Axis(0), side).iter().sum::<i64>().unsigned_abs();
        let node = found.nodes.iter().find(|n| n.node == "accumulator").unwrap();
        assert_eq!((node.high, node.low), (sides(0), sides(1)), "{name}");
        assert!(node.high > 0 && node.low > 0, "{name}");
        for (class, count) in classes {
            *total.entry(class).or_default() += count;
        }
    }
}

/// Width of a layer's output image.
fn layer_width(network: &Network, name: &str, x: &Tensor, designed: &Designed) -> usize {
    let (layer, codes) = graph::layer(network, name, x, designed).unwrap();
    match &layer.geometry {
        Geometry::Convolution { window, .. } => {
            window.place([codes.shape()[2], codes.shape()[3]]).unwrap().output[1]
        }
        Geometry::Matrix => 1,
    }
}

#[test]
fn layers_are_chosen_and_batches_only_move_the_work() {
    let (network, designed, x) = (network(), mac(&["accumulator.width=16"]), images(0..4));
    let look = |options: &Options| {
        overflow::network(&network, &x, Some(&[6, 1, 8, 1]), &designed, options, &|_, _| {}).unwrap()
    };
    let all = look(&Options::default());
    let one = look(&Options { layers: vec!["conv2_quant".to_string()], ..Options::default() });
    assert_eq!(one.report.layers.len(), 1);
    assert_eq!(one.report.layers[0], all.report.layers[2]);
    assert_eq!(
        one.report.answer.as_ref().unwrap().predictions,
        all.report.answer.as_ref().unwrap().predictions
    );
    let batch = look(&Options { batch: 4, decisive_cap: usize::MAX, ..Options::default() });
    let single = look(&Options { decisive_cap: usize::MAX, ..Options::default() });
    for (a, b) in batch.report.layers.iter().zip(&single.report.layers) {
        assert_eq!((a.runs, b.runs), (1, 4));
        assert_eq!((a.outputs, a.classes), (b.outputs, b.classes), "{}", a.layer);
        assert!(a.classes.unevaluated == 0);
        let counts = |l: &overflow::LayerAnswer| {
            l.nodes.iter().map(|n| (n.high, n.low, n.channels.clone(), n.beats.clone())).collect::<Vec<_>>()
        };
        assert_eq!(counts(a), counts(b), "{}", a.layer);
    }
    let batches = batch.report.answer.unwrap();
    assert_eq!(batches.predictions, single.report.answer.unwrap().predictions);
    assert_eq!(batches.correct.unwrap(), all.report.answer.unwrap().correct.unwrap());
}

/// Nodes of another family: 8-bit operands that the design does not have.
#[test]
fn what_the_design_cannot_run_is_said() {
    let network = onnx::read(&models().join("mlp_u8_qoperator.onnx")).unwrap().fused();
    let x = read_npy(&models().join("mlp_inputs.npy")).unwrap();
    let error = overflow::network(&network, &x, None, &mac(&[]), &Options::default(), &|_, _| {});
    assert!(error.is_err(), "no layer of u8 codes runs on s8 operands");
}

/// Small models of every operator, batched products and layers without an output scale among them: whatever runs has
/// the counts of its own walk, and wrong outputs are corrected where they lie in their tensors.
#[test]
fn other_shapes_of_layers_are_looked_at_too() {
    let designed = mac(&["operands.activation.width=9", "operands.weight.width=9", "accumulator.width=10"]);
    let mut seen = BTreeMap::new();
    for entry in std::fs::read_dir(models().join("operators")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "onnx") {
            continue;
        }
        let network = onnx::read(&path).unwrap().fused();
        let tensors = goldpath::import::npy::read_npz(&path.with_extension("npz")).unwrap();
        let Some((_, x)) = tensors.into_iter().find(|(name, _)| name == "__input") else { continue };
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let images = x.shape()[0];
        for batch in [1, images] {
            let options = Options { batch, decisive_cap: 3, ..Options::default() };
            let Ok(findings) = overflow::network(&network, &x, None, &designed, &options, &|_, _| {}) else {
                continue;
            };
            let total = findings.report.total;
            assert_eq!(total.classes.sum(), total.outputs_with_events, "{name}");
            let predictions = findings.report.answer.as_ref().unwrap().predictions.len();
            assert_eq!(predictions, images, "{name}");
            let last =
                findings.report.layers.iter().flat_map(|l| &l.nodes).filter_map(|n| n.largest.as_ref());
            assert!(last.map(|e| e.place.image).max().is_none_or(|image| image < images), "{name}");
            seen.insert(format!("{name} by {batch}"), (total.outputs, total.classes));
        }
    }
    println!("{seen:#?}");
    assert!(seen.len() > 6, "{seen:?}");
    assert!(seen.values().any(|(_, c)| c.harmful > 0) && seen.values().any(|(_, c)| c.decisive > 0));
}

/// What corrections may cost is a count of products: layers in front of much of the network get fewer, one at least, and
/// what is not tried is unevaluated, never left out.
#[test]
fn corrections_that_cost_too_much_are_cut_and_said() {
    let (network, designed, x) = (network(), mac(&["accumulator.width=12"]), images(0..1));
    let look = |decisive_macs| {
        let options = Options { decisive_macs, ..Options::default() };
        overflow::network(&network, &x, None, &designed, &options, &|_, _| {}).unwrap()
    };
    let (all, cut, one) = (look(None), look(Some(3_000_000)), look(Some(0)));
    assert!(all.cut_short.is_empty() && look(Some(u64::MAX)).cut_short.is_empty());
    let tried = |findings: &overflow::Findings, at: usize| {
        let classes = findings.report.layers[at].classes;
        classes.harmful + classes.decisive
    };
    let layers = all.report.layers.len();
    assert!((0..layers).any(|at| tried(&all, at) > 1), "nothing to cut");
    for at in 0..layers {
        let (full, some, least) = (tried(&all, at), tried(&cut, at), tried(&one, at));
        assert!(least <= some && some <= full, "layer {at}: {least}, {some}, {full}");
        assert_eq!(least, full.min(1), "layer {at}");
        let name = &all.report.layers[at].layer;
        assert_eq!(cut.cut_short.contains_key(name), some < full, "{name}");
        // The same outputs are wrong, whatever is tried of them.
        let wrong = |findings: &overflow::Findings| {
            findings.report.layers[at].classes.unevaluated + tried(findings, at)
        };
        assert_eq!((wrong(&cut), wrong(&one)), (wrong(&all), wrong(&all)), "{name}");
    }
    assert!(!one.cut_short.is_empty());
}
