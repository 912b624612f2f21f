//! Published numbers, and the two examples that published bounds get wrong.

use std::ops::RangeInclusive;
use std::sync::Arc;

use goldpath::bounds::{
    Inputs, Kind, LayerBounds, Proof, a2q_largest_norm, a2q_plus_largest_norm, accumulator_ranges,
    rule_of_thumb_width,
};
use goldpath::design::{
    AccumulatorOverflow, Design, Parts, Start, largest_exact_float32_k, largest_safe_k, minimum_width,
};
use goldpath::functional::walk;
use goldpath::lower::{Numbers, Program};
use goldpath::num::{Format, Overflow};
use goldpath::post::{Op, Operand, Per};
use ndarray::{Array2, array};

use super::designs::{self, accumulator, mac_s8_acc32, operand, parameter, step};
use super::witness::check;

const S8: RangeInclusive<i64> = -128..=127;
const NARROW: RangeInclusive<i64> = -127..=127;
const U8: RangeInclusive<i64> = 0..=255;

/// One MAC without bias and post-processing.
fn mac(activation: &str, weight: &str, register: &str, overflow: AccumulatorOverflow) -> Design {
    designs::design(Parts {
        activation: operand(activation),
        weight: operand(weight),
        accumulator: accumulator(register, overflow, Start::Zero),
        post: vec![],
        parameters: vec![],
        ..mac_s8_acc32().into()
    })
}

fn program(design: Design, w: &Array2<i64>, numbers: &Numbers) -> Program {
    let a = Array2::from_elem([1, w.nrows()], design.activation.format.max());
    Program::matrix(Arc::new(design), a.view(), w.view(), numbers).unwrap()
}

/// Channels with all weights at either end of `weights`.
fn ends(activation: &str, weights: &RangeInclusive<i64>, k: usize) -> Program {
    let w = Array2::from_shape_fn([k, 2], |(_, n)| if n == 0 { *weights.start() } else { *weights.end() });
    program(mac(activation, "s8", "s64", AccumulatorOverflow::Wrap), &w, &Numbers::new())
}

/// (activations, weights) of the table's three columns.
const COLUMNS: [(&str, RangeInclusive<i64>, RangeInclusive<i64>); 3] =
    [("s8", S8, S8), ("s8", S8, NARROW), ("u8", U8, S8)];

#[test]
fn minimum_widths() {
    let rows: [(usize, [u32; 3], u32); 7] = [
        (1, [16, 15, 16], 16),
        (3, [17, 17, 18], 18),
        (9, [19, 19, 20], 20),
        (64, [22, 21, 22], 22),
        (576, [25, 25, 26], 26),
        (4608, [28, 28, 29], 29),
        (131_072, [33, 32, 33], 33),
    ];
    for (k, widths, rule) in rows {
        for ((activation, x, w), width) in COLUMNS.into_iter().zip(widths) {
            assert_eq!(minimum_width(k as u64, x, w.clone()), width);
            let program = ends(activation, &w, k);
            let bounds = LayerBounds::new(&program, &Inputs::Format);
            for kind in [Kind::Prefix, Kind::FinalSum] {
                assert_eq!(bounds.width(kind), Some(width), "{activation} {w:?} K = {k} {kind:?}");
                check(&bounds, &bounds.witness(kind, bounds.worst_channel(kind)).unwrap());
            }
            if w == S8 {
                assert_eq!(bounds.width(Kind::DataType), Some(width));
                check(&bounds, &bounds.witness(Kind::DataType, 0).unwrap());
            }
        }
        assert_eq!(rule_of_thumb_width(8, 8, k as u64), rule);
    }
}

#[test]
fn largest_k() {
    let rows: [(u32, [usize; 3]); 5] = [
        (16, [1, 2, 1]),
        (18, [7, 8, 4]),
        (20, [31, 32, 16]),
        (24, [511, 516, 257]),
        (32, [131_071, 132_104, 65_793]),
    ];
    for (bits, largest) in rows {
        let format = Format::signed(bits).unwrap();
        for ((activation, x, w), k) in COLUMNS.into_iter().zip(largest) {
            assert_eq!(largest_safe_k(format, x, w.clone()), Some(k as u64));
            let width = |k| {
                let program = ends(activation, &w, k);
                LayerBounds::new(&program, &Inputs::Format).width(Kind::Prefix).unwrap()
            };
            assert!(width(k) <= bits && width(k + 1) > bits, "{activation} {w:?} {bits} bits, K = {k}");
        }
    }
}

#[test]
fn exact_in_a_float32_carrier() {
    for ((activation, x, w), k) in COLUMNS.into_iter().zip([1024, 1032, 514]) {
        assert_eq!(largest_exact_float32_k(x, w.clone()), Some(k as u64));
        let reach = |k| {
            let ranges = accumulator_ranges(&ends(activation, &w, k), &Inputs::Format);
            ranges.iter().map(|(low, high)| low.abs().max(high.abs())).max().unwrap()
        };
        assert!(reach(k) <= 1 << 24 && reach(k + 1) > 1 << 24, "{activation} {w:?}");
    }
}

/// A channel of 4-bit unsigned inputs: weights of magnitude at most 7 that sum up to `sum`, with L1 norm `l1`.
fn of_norm(l1: i64, zero_centred: bool) -> Program {
    let mut weights = Vec::new();
    let mut left = l1;
    while left > 0 {
        // Zero-centred ones come in pairs.
        let w = if zero_centred { (left / 2).min(7) } else { left.min(7) };
        weights.push(w);
        if zero_centred {
            weights.push(-w);
        }
        left -= if zero_centred { 2 * w } else { w };
    }
    let w = Array2::from_shape_vec([weights.len(), 1], weights).unwrap();
    program(mac("u4", "s4", "s32", AccumulatorOverflow::Saturate), &w, &Numbers::new())
}

#[test]
fn a2q_limits() {
    let limits = [127.94, 255.94, 511.94, 1023.94, 2047.94];
    for (bits, limit) in (12..=16).zip(limits) {
        let exact = a2q_largest_norm(bits, 4, false);
        assert_eq!((exact * 100.0).round() / 100.0, limit);
        let width = |l1| {
            let program = of_norm(l1, false);
            LayerBounds::new(&program, &Inputs::Format).bounds(Kind::A2q)[0].width.unwrap()
        };
        let largest = exact as i64;
        assert_eq!((width(largest), width(largest + 1)), (bits, bits + 1));
    }
}

#[test]
fn a2q_plus_limits() {
    let limits = [272.93, 546.0, 1092.13, 2184.4, 4368.93];
    for (bits, limit) in (12..=16).zip(limits) {
        let exact = a2q_plus_largest_norm(bits, 4);
        assert_eq!((exact * 100.0).round() / 100.0, limit);
        let bound = |l1| {
            let program = of_norm(l1, true);
            LayerBounds::new(&program, &Inputs::Format).bounds(Kind::A2qPlus)[0]
        };
        // Zero-centred norms are even.
        let largest = exact as i64 / 2 * 2;
        assert_eq!(bound(largest).proof, Proof::EveryPrefix);
        assert_eq!((bound(largest).width, bound(largest + 2).width), (Some(bits), Some(bits + 1)));
    }
}

#[test]
fn a2q_plus_proves_nothing_about_weights_that_are_not_zero_centred() {
    let program = of_norm(200, false);
    let bounds = LayerBounds::new(&program, &Inputs::Format);
    let [plus, exact] = [Kind::A2qPlus, Kind::Prefix].map(|kind| bounds.bounds(kind)[0]);
    assert_eq!(plus.proof, Proof::Nothing);
    assert_eq!(bounds.witness(Kind::A2qPlus, 0), None);
    // Used all the same it would be a bit short: 200 · 15 = 3000 needs 13 bits.
    assert_eq!((plus.width, exact.width), (Some(12), Some(13)));
    check(&bounds, &bounds.witness(Kind::Prefix, 0).unwrap());
}

#[test]
fn four_minus_three() {
    let w = array![[4], [-3]];
    let inputs = Inputs::Calibrated { low: 2, high: 3 };
    let at = |register: &str, overflow| {
        let mut program = program(mac("s4", "s4", register, overflow), &w, &Numbers::new());
        program.activations = vec![3, 2];
        program
    };
    let wide = at("s16", AccumulatorOverflow::Saturate);
    let bounds = LayerBounds::new(&wide, &inputs);
    let of = |kind| bounds.bounds(kind)[0];
    // 4·2 − 3·3 = −1 to 4·3 − 3·2 = 6: four bits, the published rule says. It holds for accumulators that wrap.
    assert_eq!((of(Kind::FinalSum).range, of(Kind::FinalSum).width), ((-1, 6), Some(4)));
    assert_eq!(of(Kind::FinalSum).proof, Proof::FinalSum);
    // 0 is no input, so a prefix lies further out: 4·3 = 12 needs five.
    assert!(!bounds.norms[0].zero_in_every_input);
    assert_eq!((of(Kind::Prefix).range, of(Kind::Prefix).width), ((-1, 12), Some(5)));
    assert_eq!(of(Kind::Prefix).proof, Proof::EveryPrefix);
    assert_eq!(bounds.licence(), Kind::Prefix);
    let witness = bounds.witness(Kind::Prefix, 0).unwrap();
    assert_eq!(
        (&witness.activations[..1], witness.beat, witness.high, witness.value),
        (&[3][..], Some(0), true, 12)
    );
    for kind in [Kind::Prefix, Kind::FinalSum, Kind::DataType, Kind::A2q] {
        check(&bounds, &bounds.witness(kind, 0).unwrap());
    }
    // The engine's word.
    let result = |overflow| walk(&at("s4", overflow), 0, 0).accumulator;
    assert_eq!((result(AccumulatorOverflow::Wrap), result(AccumulatorOverflow::Saturate)), (6, 1));
    let wrapping = at("s4", AccumulatorOverflow::Wrap);
    assert_eq!(LayerBounds::new(&wrapping, &inputs).licence(), Kind::FinalSum);
    // With 0 among the inputs both bounds are one.
    let zero = Inputs::Calibrated { low: 0, high: 3 };
    let bounds = LayerBounds::new(&wide, &zero);
    assert_eq!(bounds.bounds(Kind::FinalSum)[0].proof, Proof::EveryPrefix);
    assert_eq!(bounds.width(Kind::Prefix), bounds.width(Kind::FinalSum));
}

#[test]
fn a2q_plus_without_zero_among_the_inputs_bounds_the_final_sum_only() {
    // 7 − 7 on 8..=15: ±49 at the end, but 105 on the way.
    let program =
        program(mac("u4", "s4", "s32", AccumulatorOverflow::Saturate), &array![[7], [-7]], &Numbers::new());
    let bounds = LayerBounds::new(&program, &Inputs::Calibrated { low: 8, high: 15 });
    let of = |kind| bounds.bounds(kind)[0];
    assert_eq!(of(Kind::A2qPlus).proof, Proof::FinalSum);
    assert_eq!((of(Kind::A2qPlus).range, of(Kind::A2qPlus).width), ((-105, 105), Some(8)));
    assert_eq!((of(Kind::FinalSum).range, of(Kind::Prefix).range), ((-49, 49), (-49, 105)));
    // Eight products of the same sign first: further out than the norm's bound.
    let w = Array2::from_shape_fn([16, 1], |(k, _)| if k < 8 { 7 } else { -7 });
    let program =
        super::tables::program(mac("u4", "s4", "s32", AccumulatorOverflow::Saturate), &w, &Numbers::new());
    let bounds = LayerBounds::new(&program, &Inputs::Calibrated { low: 14, high: 15 });
    // Eight times 7 · 15; with N = 4 bits A2Q+ allows ±840, with the two codes themselves only ±56 is left.
    assert_eq!(bounds.bounds(Kind::Prefix)[0].range, (-56, 840));
    assert_eq!(bounds.bounds(Kind::FinalSum)[0].range, (-56, 56));
}

#[test]
fn a_bias_added_last_can_need_a_bit_more() {
    // Σ in 0..=120, b = −60.
    let w = array![[8]];
    let numbers = Numbers::from([("bias".to_string(), vec![-60])]);
    let bias = parameter("bias", "s16", Per::Channel, Some(0));
    let add = step(0, Op::Add(Operand::Parameter(0)), "s17", Overflow::Wrap, 0);
    let base = mac("u4", "s5", "s32", AccumulatorOverflow::Saturate);
    let start = accumulator("s32", AccumulatorOverflow::Saturate, Start::Bias);
    let preloaded = designs::edited(&base, |parts| {
        (parts.accumulator, parts.parameters) = (start, vec![bias.clone()]);
    });
    let last =
        designs::edited(&base, |parts| (parts.parameters, parts.post) = (vec![bias.clone()], vec![add]));
    let [preloaded, last] = [preloaded, last].map(|design| program(design, &w, &numbers));
    let [first, second] = [&preloaded, &last].map(|program| LayerBounds::new(program, &Inputs::Format));
    assert_eq!((first.bounds(Kind::Prefix)[0].range, first.width(Kind::Prefix)), ((-60, 60), Some(7)));
    assert_eq!((second.bounds(Kind::Prefix)[0].range, second.width(Kind::Prefix)), ((0, 120), Some(8)));
    check(&first, &first.witness(Kind::Prefix, 0).unwrap());
    check(&second, &second.witness(Kind::Prefix, 0).unwrap());
    // What is added to is the node behind.
    assert_eq!((second.nodes[1].id.as_str(), second.nodes[1].channels[0].entering), ("post.0", (-60, 60)));
}

#[test]
fn a_zero_point_before_the_multiply_makes_nine_bits() {
    let w = Array2::from_elem([9, 1], -128);
    let centred = |offset: i64| {
        let base = mac("s8", "s8", "s32", AccumulatorOverflow::Wrap);
        let design = designs::edited(&base, |parts| {
            parts.activation.offset = Some(Operand::Constant(offset));
            parts.activation.sum = Format::signed(9).unwrap();
        });
        program(design, &w, &Numbers::new())
    };
    let program = centred(128);
    let bounds = LayerBounds::new(&program, &Inputs::Format);
    assert_eq!(bounds.norms[0].inputs, Format::unsigned(8).unwrap());
    assert_eq!(bounds.bounds(Kind::Prefix)[0].range, (-255 * 128 * 9, 0));
    assert_eq!(bounds.width(Kind::Prefix), Some(20));
    let program = centred(-1);
    let bounds = LayerBounds::new(&program, &Inputs::Format);
    assert_eq!(bounds.norms[0].inputs, Format::signed(9).unwrap());
}
