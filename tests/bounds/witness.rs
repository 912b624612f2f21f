//! Every bound is made true: one bit less than it asks for, and its witness overflows where it says.

use std::collections::BTreeMap;
use std::sync::Arc;

use goldpath::bounds::{Inputs, Kind, LayerBounds, Proof, Witness};
use goldpath::design::{Accumulator, AccumulatorOverflow, Design, Parts, Start};
use goldpath::functional::{Walk, walk};
use goldpath::lower::{Numbers, Program};
use goldpath::num::Format;
use ndarray::Array2;

use super::enumerate::{channel_numbers, small};
use super::work::Random;
use super::{designs, random};

/// The design with another register.
pub fn with_width(design: &Design, width: u32) -> Arc<Design> {
    let format = Format::new(width, design.accumulator.register.is_signed()).unwrap();
    let accumulator = Accumulator { format, register: format, ..design.accumulator };
    Arc::new(designs::drawn(Parts { accumulator, ..design.clone().into() }))
}

/// The witness's row and column through the engine.
fn run(witness: &Witness, layer: &Program, width: u32) -> Walk {
    let k = witness.activations.len();
    let a = Array2::from_shape_vec([1, k], witness.activations.clone()).unwrap();
    let w = Array2::from_shape_vec([k, 1], witness.weights.clone()).unwrap();
    let values = channel_numbers(layer, witness.channel);
    let names = layer.design.parameters.iter().map(|p| p.name.clone());
    let numbers: Numbers = names.zip(values.iter().map(|v| vec![*v])).collect();
    let design = with_width(&layer.design, width);
    let program = Program::matrix(design.clone(), a.view(), w.view(), &numbers).unwrap();
    let walked = walk(&program, 0, 0);
    assert_eq!(walked, walk(&witness.program(layer, design), 0, 0));
    walked
}

fn bias(layer: &Program, n: usize) -> i128 {
    layer.design.accumulator.bias.map_or(0, |index| i128::from(channel_numbers(layer, n)[index]))
}

/// What each accumulator ends with, and what the unfitted bias and every beat add up to there.
fn ends(walked: &Walk, layer: &Program, n: usize) -> Vec<[i128; 2]> {
    let sums = layer.design.partial_sums();
    if sums == 1 {
        let exact = bias(layer, n) + walked.steps.iter().map(|step| step.term).sum::<i128>();
        return vec![[i128::from(walked.accumulator), exact]];
    }
    let own = |lane: usize| walked.steps.iter().filter(move |step| step.lane == lane);
    let value = |lane: usize| own(lane).next_back().map_or(0, |step| i128::from(step.value));
    (0..sums).map(|lane| [value(lane), own(lane).map(|step| step.term).sum()]).collect()
}

/// Runs a witness at its own width and one bit more.
pub fn check(bounds: &LayerBounds<'_>, witness: &Witness) {
    let (layer, n) = (bounds.program, witness.channel);
    let bound = bounds.bounds(witness.kind)[n];
    let what = format!("{witness:?} {bound:?} {:?}", layer.design);
    let narrow = run(witness, layer, witness.width);
    match witness.beat {
        None => {
            assert_eq!(witness.value, bias(layer, n));
            assert_ne!(i128::from(narrow.start), witness.value, "{what}");
        }
        Some(beat) => {
            assert_eq!(i128::from(narrow.start), bias(layer, n), "{what}");
            assert!(narrow.steps.iter().all(|s| s.beat >= beat || !s.flags.any()), "{what}");
            let found = narrow.steps.iter().find(|step| step.beat == beat && step.flags.any());
            let step = found.unwrap_or_else(|| panic!("{what}"));
            assert_eq!(step.entering, witness.value, "{what}");
            assert_eq!((step.flags.high, step.flags.low), (witness.high, !witness.high), "{what}");
        }
    }
    // The inputs are inputs of the class.
    if witness.kind != Kind::DataType {
        let shape = layer.shape;
        let codes = (0..shape.k).map(|k| bounds.inputs.codes(layer, n / shape.n, k));
        assert!(codes.zip(&witness.activations).all(|((low, high), code)| (low..=high).contains(code)));
    }
    let Some(width) = bound.width else {
        assert!(witness.width >= 63);
        return;
    };
    assert_eq!(width, witness.width + 1);
    let wide = run(witness, layer, width);
    let wraps = !matches!(
        layer.design.accumulator.overflow,
        AccumulatorOverflow::Saturate | AccumulatorOverflow::SaturateSymmetric
    );
    if bound.proof == Proof::EveryPrefix {
        assert!(wide.steps.iter().all(|step| !step.flags.any()), "{what}");
        assert_eq!(i128::from(wide.start), bias(layer, n), "{what}");
    }
    if bound.proof == Proof::EveryPrefix || wraps {
        assert!(ends(&wide, layer, n).iter().all(|[value, exact]| value == exact), "{what}");
    }
    if matches!(witness.kind, Kind::FinalSum) && wraps {
        assert!(ends(&narrow, layer, n).iter().any(|[value, exact]| value != exact), "{what}");
    }
}

/// Channels with a bound that asks for more than one bit; those with a witness; high, low, at the start.
#[derive(Debug, Default)]
struct Hits {
    asked: u64,
    achieved: u64,
    high: u64,
    low: u64,
    start: u64,
}

fn check_all(bounds: &LayerBounds<'_>, hits: &mut BTreeMap<Kind, Hits>) {
    let lossless = bounds.nodes.iter().all(|node| {
        !(node.id.starts_with("reduce") || node.id.starts_with("product"))
            || node.channels.iter().all(|proved| proved.always_fits())
    });
    let adders = bounds.program.design.product_steps.iter().any(|step| step.op.adder().is_some());
    let lossless = lossless && !adders;
    for kind in Kind::ALL {
        for (n, bound) in bounds.bounds(kind).iter().enumerate() {
            let hit = hits.entry(kind).or_default();
            if bound.proof == Proof::Nothing || bound.width == Some(1) {
                assert_eq!(bounds.witness(kind, n), None);
                continue;
            }
            hit.asked += 1;
            let Some(witness) = bounds.witness(kind, n) else {
                let exact = matches!(kind, Kind::Prefix | Kind::FinalSum);
                assert!(!(exact && lossless), "{kind:?} {bound:?} is not achieved");
                continue;
            };
            assert_eq!((witness.kind, witness.channel), (kind, n));
            hit.achieved += 1;
            match (witness.beat, witness.high) {
                (None, _) => hit.start += 1,
                (_, true) => hit.high += 1,
                (_, false) => hit.low += 1,
            }
            check(bounds, &witness);
        }
    }
}

#[test]
fn witnesses_of_random_designs_overflow_one_bit_below() {
    let seed = 32;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut hits = BTreeMap::new();
    for _ in 0..3600 {
        let (program, inputs) = small(&mut random);
        check_all(&LayerBounds::new(&program, &inputs), &mut hits);
        let program = random::program(random::design(&mut random), &mut random);
        check_all(&LayerBounds::new(&program, &Inputs::Format), &mut hits);
    }
    println!("{hits:#?}");
    for kind in Kind::ALL {
        let hit = &hits[&kind];
        assert!(hit.high > 20 && hit.low > 20, "{kind:?} {hit:?}");
    }
    assert!(hits[&Kind::Prefix].start > 20);
}

#[test]
fn norm_bounds_of_plain_operands_are_achieved_by_weights_of_one_sign() {
    // No offsets, no bias: −|w| meets the most negative code, so A2Q on signed inputs is never a bit too wide.
    let mut random = Random::new(33);
    let mut hits = BTreeMap::new();
    let program = |random: &mut Random| {
        let design = designs::edited(&designs::mac_s8_acc32(), |parts| {
            parts.accumulator.start = Start::Overwrite;
            parts.accumulator.bias = None;
            parts.post.clear();
            parts.parameters.clear();
        });
        let [k, n] = [1 + random.below(80), 3];
        let (a, w) = (
            random.matrix([1, k], design.activation.format, false),
            random.matrix([k, n], design.weight.format, false),
        );
        Program::matrix(Arc::new(design), a.view(), w.view(), &Numbers::new()).unwrap()
    };
    for _ in 0..100 {
        check_all(&LayerBounds::new(&program(&mut random), &Inputs::Format), &mut hits);
    }
    let hit = &hits[&Kind::A2q];
    assert_eq!(hit.asked, 300);
    assert_eq!(hit.achieved, hit.asked);
    let hit = &hits[&Kind::DataType];
    assert_eq!((hit.achieved, hit.asked), (300, 300));
}
