//! Constants are constants: whatever initialisers alone make is known before the network runs, and is what running
//! makes of it.

use std::collections::BTreeMap;
use std::path::Path;

use goldpath::functional::folded;
use goldpath::functional::graph::{infer, run};
use goldpath::functional::operators::Framework;
use goldpath::import::onnx::parse;
use goldpath::network::{MacState, Tensor};
use ndarray::{ArrayD, IxDyn};

use super::onnx::{Data, FLOAT, Model, Value};
use super::quantiser;
use super::{Case, json};

/// x · w with weights `form` makes: a float tensor `[4, 3]`.
fn product(form: &dyn Fn(&mut Model) -> String) -> Model {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 4]);
    let (scale, zero) = (model.scalar(Data::F32(vec![0.05])), model.scalar(Data::I8(vec![3])));
    let codes = model.node("QuantizeLinear", "", &["x", &scale, &zero], &[]);
    let x = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    let w = form(&mut model);
    let y = model.node("MatMul", "mm", &[&x, &w], &[]);
    let codes = model.node("QuantizeLinear", "", &[&y, &scale, &zero], &[]);
    let y = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    model.output(&y);
    model
}

/// The codes that all forms below stand for, `[4, 3]`.
const CODES: [i8; 12] = [1, -20, 33, 64, -64, 5, 6, 7, -8, 9, 50, -51];

fn turned() -> Vec<i8> {
    (0..3).flat_map(|c| (0..4).map(move |r| CODES[r * 3 + c])).collect()
}

fn scales(model: &mut Model) -> [String; 2] {
    let scale = model.constant(&[3], Data::F32(vec![0.25, 0.5, 0.125]));
    [scale, model.constant(&[3], Data::I8(vec![0; 3]))]
}

fn axis(axis: i64) -> [(&'static str, Value); 1] {
    [("axis", Value::Int(axis))]
}

fn dequantized(model: &mut Model, shape: &[usize], codes: Vec<i8>, at: i64) -> String {
    let codes = model.constant(shape, Data::I8(codes));
    let [scale, zero] = scales(model);
    model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &axis(at))
}

/// A QDQ pair around float weights.
fn pair(model: &mut Model, clip: bool) -> String {
    let steps = [0.25, 0.5, 0.125];
    // QCDQ clips to fewer bits than the type has: 200 and −200 become the ends of the seven.
    let real = |at: usize| match CODES[at] {
        64 if clip => 200.0,
        -64 if clip => -200.0,
        code => f32::from(code) * steps[at % 3],
    };
    let float = model.constant(&[4, 3], Data::F32((0..12).map(real).collect()));
    let [scale, zero] = scales(model);
    let mut codes = model.node("QuantizeLinear", "", &[&float, &scale, &zero], &axis(1));
    if clip {
        let ends = [-64, 64].map(|end| model.scalar(Data::I8(vec![end])));
        codes = model.node("Clip", "", &[&codes, &ends[0], &ends[1]], &[]);
    }
    model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &axis(1))
}

#[test]
fn every_form_of_constant_weights_is_the_same_integer_layer() {
    type Form = &'static dyn Fn(&mut Model) -> String;
    let forms: [(&str, Form); 9] = [
        ("codes", &|model| dequantized(model, &[4, 3], CODES.to_vec(), 1)),
        ("AddQDQPairToWeight", &|model| pair(model, false)),
        ("QCDQ", &|model| pair(model, true)),
        ("Transpose", &|model| {
            let w = dequantized(model, &[3, 4], turned(), 0);
            model.node("Transpose", "", &[&w], &[("perm", Value::Ints(vec![1, 0]))])
        }),
        ("Reshape", &|model| {
            let w = dequantized(model, &[2, 2, 3], CODES.to_vec(), 2);
            let wanted = model.constant(&[2], Data::I64(vec![4, 3]));
            model.node("Reshape", "", &[&w, &wanted], &[])
        }),
        ("Squeeze and Unsqueeze", &|model| {
            let w = dequantized(model, &[4, 1, 3], CODES.to_vec(), 2);
            let [one, three] = [1, 3].map(|at| model.constant(&[1], Data::I64(vec![at])));
            let w = model.node("Unsqueeze", "", &[&w, &three], &[]);
            let w = model.node("Squeeze", "", &[&w, &one], &[]);
            let two = model.constant(&[1], Data::I64(vec![2]));
            model.node("Squeeze", "", &[&w, &two], &[])
        }),
        ("Identity and Flatten", &|model| {
            let w = dequantized(model, &[4, 3], CODES.to_vec(), -1);
            let w = model.node("Identity", "", &[&w], &[]);
            model.node("Flatten", "", &[&w], &axis(1))
        }),
        ("Transpose of codes", &|model| {
            let codes = model.constant(&[3, 4], Data::I8(turned()));
            let codes = model.node("Transpose", "", &[&codes], &[]);
            let [scale, zero] = scales(model);
            model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &axis(1))
        }),
        ("Reshape with a folded shape", &|model| {
            let w = dequantized(model, &[12 / 3, 3, 1], CODES.to_vec(), 1);
            let [four, three] = [4, 3].map(|d| model.constant(&[1], Data::I64(vec![d])));
            let wanted = model.node("Concat", "", &[&four, &three], &axis(0));
            model.node("Reshape", "", &[&w, &wanted], &[])
        }),
    ];
    let x = [1.5f32, -2.0, 0.3, 4.0];
    let mut expected = None;
    for (name, form) in forms {
        let model = product(form).bytes();
        let network = folded(parse(&model, Path::new("form.onnx")).unwrap()).0.fused();
        let macs = network.macs();
        assert_eq!((macs.len(), macs[0].state), (1, MacState::Integer), "{name}: {:?}", macs[0].reason);
        assert!(!network.computed_of("mm").any(), "{name}: its weights are known");
        let case = Case::new(&model, &[1, 4], &x);
        let bounds = json(&case.check(&["--format", "json"]))["bounds"]["layers"][0].clone();
        let tensor = Tensor::F32(ArrayD::from_shape_vec(IxDyn(&[1, 4]), x.to_vec()).unwrap());
        let y = infer(&network, &tensor, &Framework).unwrap().pop().unwrap().1;
        let found = (bounds, y);
        assert_eq!(*expected.get_or_insert(found.clone()), found, "{name}");
    }
}

/// Bit by bit, over networks of every form; and `infer` still writes what was folded.
#[test]
fn what_is_folded_is_what_running_makes() {
    let (mut folds, mut values) = (0, 0);
    for seed in 0..60 {
        let made = quantiser::network(seed);
        let bytes = made.model.bytes();
        let network = parse(&bytes, Path::new("made.onnx")).unwrap();
        let x = Tensor::F32(ArrayD::ones(IxDyn(&made.input)));
        let ran: BTreeMap<String, Tensor> = infer(&network, &x, &Framework).unwrap().into_iter().collect();
        let (network, names) = folded(network);
        for name in names.iter().filter(|name| network.constants[*name].dtype().is_integer()) {
            assert_eq!(network.constants[name], ran[name], "network {seed}: {name}");
            (folds, values) = (folds + 1, values + ran[name].len());
        }
        let still: BTreeMap<String, Tensor> = infer(&network, &x, &Framework).unwrap().into_iter().collect();
        for (name, tensor) in &still {
            assert_eq!(ran.get(name), Some(tensor), "network {seed}: {name}");
        }
        if seed < 6 {
            let case = Case::new(&bytes, &made.input, &vec![1.0; made.input.iter().product()]);
            let written = json(&case.infer(&["--format", "json"]))["tensors"].as_array().unwrap().clone();
            let written: Vec<&str> = written.iter().map(|t| t["name"].as_str().unwrap()).collect();
            let integer = |name: &&String| network.constants[*name].dtype().is_integer();
            assert!(
                names.iter().filter(integer).all(|name| written.contains(&name.as_str())),
                "network {seed}"
            );
        }
    }
    println!("{folds} folded tensors, {values} values, all as run");
    assert!(folds > 40);
}

/// Exporters compute shapes: where the input's own is stated, what they make of it is constant.
#[test]
fn shapes_of_stated_inputs_fold() {
    for (dims, left) in [([2, 3, 4], 1), ([0, 3, 4], 5)] {
        let mut model = Model::default();
        model.input("x", FLOAT, &dims);
        let shape = model.node("Shape", "", &["x"], &[]);
        let first = model.scalar(Data::I64(vec![0]));
        let rows = model.node("Gather", "", &[&shape, &first], &axis(0));
        let zero = model.constant(&[1], Data::I64(vec![0]));
        let rows = model.node("Unsqueeze", "", &[&rows, &zero], &[]);
        let rest = model.constant(&[1], Data::I64(vec![-1]));
        let wanted = model.node("Concat", "", &[&rows, &rest], &axis(0));
        let y = model.node("Reshape", "", &["x", &wanted], &[]);
        model.output(&y);
        let (network, _) = folded(parse(&model.bytes(), Path::new("shape.onnx")).unwrap());
        assert_eq!(network.nodes.len(), left);
        let x = Tensor::F32(ArrayD::zeros(IxDyn(&[2, 3, 4])));
        let found = run(&network, &[("x".to_owned(), x)], &Framework).unwrap();
        assert_eq!(found[0].1.shape(), [2, 12]);
    }
}

/// A chain that doubles a constant is left for the run, and so is what fails.
#[test]
fn folding_neither_grows_without_end_nor_hides_a_fault() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 4]);
    let mut grown = model.constant(&[1024], Data::F32(vec![1.0; 1024]));
    for _ in 0..40 {
        grown = model.node("Concat", "", &[&grown, &grown], &axis(0));
    }
    let wrong = model.constant(&[2], Data::I64(vec![7, 7]));
    let odd = model.constant(&[3], Data::F32(vec![1.0; 3]));
    model.node("Reshape", "wrong", &[&odd, &wrong], &[]);
    model.output("x");
    let (network, names) = folded(parse(&model.bytes(), Path::new("grown.onnx")).unwrap());
    assert!((10..30).contains(&names.len()), "{}", names.len());
    assert!(network.nodes.iter().any(|node| node.name == "wrong"));
}
