//! Which way folded tiles take, where it is proved and where it just is not: sums at the rails, and one beyond.

use std::path::Path;
use std::sync::Arc;

use goldpath::datapath::{self, Routes};
use goldpath::design::Design;
use goldpath::lower::Program;
use goldpath::simulate::{self, Options, Run};
use ndarray::Array2;

use super::work::{Random, numbers};
use super::{designs, random};

/// 7 · 31 · 151 = 2^15 − 1: sums of products of one size are as large as their squares allow.
const TERMS: usize = 7;
const ACTIVATION: i64 = 31;
const WEIGHT: i64 = 151;
const SUM: i64 = TERMS as i64 * ACTIVATION * WEIGHT;

fn design(name: &str, sets: &[&str]) -> Design {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_models").join(name).join("design.toml");
    let codes = ["operands.activation.signed=false", "operands.weight.width=9"];
    let sets: Vec<String> = codes.iter().chain(sets).map(|set| (*set).to_owned()).collect();
    Design::load(&path, &sets).unwrap()
}

/// Activations of 31, zeros behind them up to `k`, and such weights, each output started from `bias`.
fn program(design: Design, weight: i64, k: usize, bias: i64) -> Program {
    let live = |code: i64| move |at: usize| if at < TERMS { code } else { 0 };
    let a = Array2::from_shape_fn([20, k], |(_, at)| live(ACTIVATION)(at));
    let w = Array2::from_shape_fn([k, 19], |(at, _)| live(weight)(at));
    let mut numbers = numbers(&design, 19, &mut Random::new(1));
    if let Some(biases) = numbers.get_mut("bias") {
        biases.fill(bias);
    }
    Program::matrix(Arc::new(design), a.view(), w.view(), &numbers).unwrap()
}

/// The folded form, which is the array as it is drawn, and the ways its tiles took.
fn run(program: &Program) -> (Run, Routes) {
    let records = program.records();
    let mut folded = datapath::folded(&program.design, &records).unwrap();
    let mut plain = datapath::plain(&program.design, &records);
    let options = Options { counts: true, ..Default::default() };
    let ours = simulate::run_on(program, folded.as_mut(), options, &mut []).unwrap();
    let drawn = simulate::run_on(program, plain.as_mut(), options, &mut []).unwrap();
    assert_eq!(ours, drawn, "{}", program.design.to_toml());
    (ours, folded.routes())
}

/// Events at a node, high and low.
fn events(run: &Run, node: &str) -> [u64; 2] {
    let counts = run.outcome.counts.as_ref().unwrap();
    let node = counts.nodes.iter().find(|events| events.node == node).unwrap();
    [node.high, node.low]
}

const KINDS: [&str; 4] = ["mac_s8_acc32", "os8x8_s8_acc32", "ws16x16_s8_acc32", "is8x8_s8_acc24"];

#[test]
fn at_the_rails_nothing_is_fitted_and_one_beyond_every_step_is() {
    for name in KINDS {
        for rule in ["wrap", "saturate"] {
            let rule = format!("accumulator.overflow=\"{rule}\"");
            let of = |weight: i64, bias: i64| {
                run(&program(design(name, &["accumulator.width=16", &rule]), weight, TERMS, bias))
            };
            // As many outputs as have an event, each one.
            for (weight, bias, wanted) in
                [(WEIGHT, 0, [0, 0]), (WEIGHT, 1, [380, 0]), (-WEIGHT, -1, [0, 0]), (-WEIGHT, -2, [0, 380])]
            {
                let (run, routes) = of(weight, bias);
                assert_eq!(events(&run, "accumulator"), wanted, "{name} {rule} {weight} {bias}");
                let (fitted, exact) = (wanted != [0, 0], routes.exact > 0);
                assert!(fitted != exact && fitted == (routes.steps > 0), "{name} {bias}: {routes:?}");
            }
            // Below a symmetric range's end.
            let symmetric = ["accumulator.width=16", "accumulator.overflow=\"saturate_symmetric\""];
            for (bias, low) in [(0, 0), (-1, 380)] {
                let (run, routes) = run(&program(design(name, &symmetric), -WEIGHT, TERMS, bias));
                assert_eq!((events(&run, "accumulator"), routes.exact > 0), ([0, low], low == 0), "{name}");
            }
        }
    }
}

/// Registers of 34 bits whose sums stay within 32, within 34, and do not.
#[test]
fn wide_registers_are_folded_in_32_bits_up_to_their_ends() {
    for name in ["mac_s8_acc16sat", "os16x16_s8_acc16sat", "ws16x16_s8_acc32"] {
        let sets =
            ["accumulator.width=34", "accumulator.overflow=\"saturate\"", "parameters.bias.format=\"s34\""];
        let design = design(name, &sets);
        let ends = |bits: u32| ((1_i64 << (bits - 1)) - 1 - SUM, -(1_i64 << (bits - 1)) + SUM);
        let ((most_32, least_32), (most, least)) = (ends(32), ends(34));
        for (bias, way) in [
            (0, "narrow"),
            (most_32, "narrow"),
            (most_32 + 1, "exact"),
            (least_32, "narrow"),
            (least_32 - 1, "exact"),
            (most, "exact"),
            (most + 1, "steps"),
            (least, "exact"),
            (least - 1, "steps"),
        ] {
            let weight = if bias < 0 { -WEIGHT } else { WEIGHT };
            let (run, routes) = run(&program(design.clone(), weight, TERMS, bias));
            let Routes { narrow, exact, steps, .. } = routes;
            let took = [("narrow", narrow), ("exact", exact), ("steps", steps)];
            assert!(
                took.iter().all(|(name, tiles)| (*tiles > 0) == (*name == way)),
                "{name} {bias}: {routes:?}"
            );
            let wanted = if way == "steps" { 380 } else { 0 };
            assert_eq!(events(&run, "accumulator").iter().sum::<u64>(), wanted, "{name} {bias}");
        }
    }
}

/// Visits whose sums meet in words that hold them, and just do not.
#[test]
fn visits_are_one_sum_where_no_word_can_overflow() {
    let name = "ws8x8_bcast_s8_acc24_mem32";
    for (sets, node) in [
        (&["memory.format=\"s16\""][..], "memory"),
        (&["memory.format=\"s16\"", "memory.overflow=\"saturate\""], "memory"),
        (&["accumulator.width=16"], "accumulator"),
        (
            &[
                "accumulator.width=16",
                "accumulator.register_width=24",
                "accumulator.overflow=\"saturate_output\"",
            ],
            "accumulator.output",
        ),
    ] {
        let design = design(name, &[&["array.rows=3"], sets].concat());
        let (inside, joined) = run(&program(design.clone(), WEIGHT, 14, 0));
        assert_eq!(events(&inside, node), [0, 0], "{sets:?}");
        assert!(joined.visits > 0 && joined.exact + joined.narrow == joined.visits, "{sets:?}: {joined:?}");
        // One more: 31 · 151 · 7 + 1 · 1.
        let mut beyond = program(design, WEIGHT, 14, 0);
        for m in 0..20 {
            beyond.activations[m * 14 + TERMS] = 1;
        }
        beyond.weights[TERMS * 19..][..19].fill(1);
        let (beyond, apart) = run(&beyond);
        assert_eq!(apart.visits, 0, "{sets:?}: {apart:?}");
        // A register holds one visit's part of the sum.
        assert_eq!(events(&beyond, node), [if node == "memory" { 380 } else { 0 }, 0], "{sets:?}");
    }
}

/// What goes on after a batch of visits that are too many to wait.
#[test]
fn many_visits_are_those_of_the_array() {
    let design = design("ws8x8_bcast_s8_acc24_mem32", &["memory.format=\"s24\"", "memory.depth=4"]);
    for seed in 0..6 {
        let mut random = Random::new(97_000 + seed);
        let k = 1 + random.below(200);
        let a = random.matrix([9, k], design.activation.format, seed % 2 == 0);
        let w = random.matrix([k, 17], design.weight.format, seed % 2 == 0);
        let numbers = numbers(&design, 17, &mut random);
        let program = Program::matrix(Arc::new(design.clone()), a.view(), w.view(), &numbers).unwrap();
        run(&program);
    }
}

/// A tile's successor is the one with the next number.
#[test]
fn tiles_follow_each_other_as_they_are_numbered() {
    let mut walked = 0;
    for seed in 0..200 {
        let mut random = Random::new(98_000 + seed);
        let mut program = random::program(random::design(&mut random), &mut random);
        (program.shape.images, program.shape.groups) = (1 + seed as usize % 3, 1 + seed as usize % 2);
        let down_first = seed % 4 < 2;
        program.design = designs::edited(&program.design, |parts| parts.order.down_first = down_first).into();
        let (map, mut tile) = (program.map(), program.tile(0));
        for index in 1..program.tile_count() {
            tile = map.following(tile);
            assert_eq!(tile, program.tile(index), "seed {seed}");
            walked += 1;
        }
    }
    assert!(walked > 2000, "{walked}");
}
