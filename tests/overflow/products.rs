//! Random designs: every count, first, largest and class of a single product.

use std::collections::BTreeMap;

use goldpath::design::{Coding, Dataflow, Design, Mirror, Parts};
use goldpath::lower::Program;
use goldpath::overflow::{self, Event, LayerAnswer, NodeAnswer};
use goldpath::{functional, simulate};
use ndarray::Array3;

use super::brute::{self, Output};
use super::oracle;
use super::random;
use super::work::Random;

/// Every output, in big integers.
fn brute_force(program: &Program) -> BTreeMap<(usize, usize), Output> {
    let (design, shape) = (&program.design, program.shape);
    let offset = |o: Option<_>, n| o.map_or(0, |o| brute::number(o, &program.parameters, n));
    let mut outputs = BTreeMap::new();
    for m in 0..shape.m {
        for n in 0..shape.n {
            let product = |k: usize| {
                let a =
                    i128::from(program.activations[m * shape.k + k]) + offset(design.activation.offset, n);
                let code = i128::from(program.weights[k * shape.n + n]);
                let format = design.weight.format;
                let w = match design.weight.coding {
                    Coding::Integer => code + offset(design.weight.offset, n),
                    Coding::PowerOfTwo => oracle::power(code, format.width(), format.is_signed()),
                };
                a * w
            };
            let products: Vec<i128> = (0..shape.k).map(product).collect();
            outputs.insert((m, n), brute::output(design, &products, &program.parameters, n));
        }
    }
    outputs
}

/// Tile, row and column, loops written out.
fn places(program: &Program) -> BTreeMap<(usize, usize), [usize; 3]> {
    let (shape, array) = (program.shape, &program.design.array);
    let mut places = BTreeMap::new();
    // Where operands stay, a tile is all that passes them.
    let [down, across] = match array.dataflow {
        Dataflow::WeightStationary => [shape.m, array.columns],
        Dataflow::InputStationary => [array.columns, shape.n],
        _ => [array.rows * array.banks, array.columns],
    };
    // Rows and columns that PEs count from the other end.
    let is_turned = array.dataflow == Dataflow::InputStationary;
    let reversed = match array.mirror {
        Mirror::None => [false, false],
        mirror => [(mirror == Mirror::Rows) != is_turned, (mirror == Mirror::Columns) != is_turned],
    };
    let sides = ([shape.m, down], [shape.n, across]);
    for (tile, [m0, n0]) in oracle::corners(sides, program.design.order.down_first).into_iter().enumerate() {
        for m in m0..(m0 + down).min(shape.m) {
            for n in n0..(n0 + across).min(shape.n) {
                let turn = |at: usize, of, is| if is { of - 1 - at } else { at };
                let (row, column) = (turn(m - m0, down, reversed[0]), turn(n - n0, across, reversed[1]));
                places.insert((m, n), [tile, row, column]);
            }
        }
    }
    places
}

type Order = (usize, usize, usize, usize);

/// One node's counts against every output's events.
fn node_is_right(node: &NodeAnswer, program: &Program, outputs: &BTreeMap<(usize, usize), Output>) {
    let (array, places) = (&program.design.array, places(program));
    let (mut channels, mut beats, mut pes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut first: Option<(Order, i128)> = None;
    let mut largest: Option<(i128, std::cmp::Reverse<Order>, i128)> = None;
    for ((m, n), output) in outputs {
        let [tile, row, column] = places[&(*m, *n)];
        for event in output.events.iter().filter(|e| e.node == node.node) {
            *channels.entry((*n, event.high)).or_insert(0) += 1;
            let pe = match (array.dataflow, event.beat) {
                (Dataflow::WeightStationary, beat) => beat.unwrap_or(0) * array.columns + column,
                (Dataflow::InputStationary, beat) => beat.unwrap_or(0) * array.columns + row,
                // Of banks there is one PE a column.
                _ => row % array.rows * array.columns + column,
            };
            *pes.entry((pe, event.high)).or_insert(0) += 1;
            // Start values all enter with the first beat: no table says so.
            if let Some(beat) = event.beat.filter(|_| node.node != "accumulator.start") {
                *beats.entry((beat, event.high)).or_insert(0) += 1;
            }
            let order = (tile, event.beat.unwrap_or(usize::MAX), row, column);
            if first.is_none_or(|(best, _)| order < best) {
                first = Some((order, event.entering));
            }
            let candidate = (event.excess, std::cmp::Reverse(order), event.entering);
            if largest.is_none_or(|(excess, at, _)| (excess, at) < (candidate.0, candidate.1)) {
                largest = Some(candidate);
            }
        }
    }
    let total = |high: bool| channels.iter().filter(|((_, h), _)| *h == high).map(|(_, c)| c).sum::<u64>();
    assert_eq!((node.high, node.low), (total(true), total(false)), "{}", node.node);
    let hit = outputs.values().filter(|o| o.events.iter().any(|e| e.node == node.node)).count() as u64;
    assert_eq!(node.outputs, hit, "{}", node.node);
    for (sides, counted) in [(&node.channels, &channels), (&node.beats, &beats), (&node.pes, &pes)] {
        for (counts, high) in [(&sides.high, true), (&sides.low, false)] {
            for (at, count) in counts.iter().enumerate() {
                assert_eq!(*count, counted.get(&(at, high)).copied().unwrap_or(0), "{} at {at}", node.node);
            }
            let listed: u64 = counts.iter().sum();
            let all: u64 = counted.iter().filter(|((_, h), _)| *h == high).map(|(_, c)| c).sum();
            assert_eq!(listed, all, "{}", node.node);
        }
    }
    let order = |e: &Event| (e.place.tile, e.place.beat.unwrap_or(usize::MAX), e.place.row, e.place.column);
    assert_eq!(node.first.as_ref().map(|e| (order(e), e.entering.0)), first, "{}", node.node);
    let found = node.largest.as_ref().map(|e| (e.excess.0, std::cmp::Reverse(order(e)), e.entering.0));
    assert_eq!(found, largest, "{}", node.node);
}

/// Events per output of every node that forms the sum, and of no other.
fn tables_are_right(tables: &BTreeMap<String, Array3<i64>>, outputs: &BTreeMap<(usize, usize), Output>) {
    let mut expected: BTreeMap<String, Array3<i64>> =
        tables.iter().map(|(node, table)| (node.clone(), Array3::zeros(table.raw_dim()))).collect();
    for ((m, n), output) in outputs {
        for event in output.events.iter().filter(|e| !e.node.starts_with("post")) {
            expected.get_mut(&event.node).unwrap()[[usize::from(!event.high), *m, *n]] += 1;
        }
    }
    assert!(tables.contains_key("accumulator") && *tables == expected);
}

/// Events of the accumulator, tile by tile.
fn busiest_tile_is_right(layer: &LayerAnswer, program: &Program, outputs: &BTreeMap<(usize, usize), Output>) {
    let mut tiles: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    let mut corners: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for (at, [tile, ..]) in places(program) {
        // By its first position and channel, whichever PE that is.
        let first = corners.entry(tile).or_insert(at);
        *first = at.min(*first);
        for event in outputs[&at].events.iter().filter(|e| e.node == "accumulator") {
            let (high, low) = tiles.entry(tile).or_default();
            *if event.high { high } else { low } += 1;
        }
    }
    assert_eq!(layer.schedule.tiles, corners.len());
    let most = tiles.iter().max_by_key(|(tile, (high, low))| (high + low, std::cmp::Reverse(**tile)));
    let found = layer.tiles.map(|t| (t.with_events, t.busiest, (t.m, t.n), (t.high, t.low)));
    assert_eq!(found, most.map(|(tile, events)| (tiles.len(), *tile, corners[tile], *events)));
}

fn without_float(random: &mut Random) -> Parts {
    loop {
        let mut design = random::design(random);
        if random.below(6) == 0 {
            random::power_of_two_weights(&mut design, random);
        }
        if random.below(4) == 0 {
            random::add_product_steps(&mut design, random);
        }
        if !design.post.iter().any(|step| step.op.is_float()) {
            return design;
        }
    }
}

/// The event the simulator saw first, and in which cycle.
fn first_is_where_the_simulator_saw_it(nodes: &[NodeAnswer], program: &Program) {
    let options = simulate::Options { counts: true, ..Default::default() };
    let run = simulate::run(program, options, &mut []).unwrap();
    let at = |e: &Event| (e.place.tile, e.place.beat.unwrap_or(usize::MAX), e.place.row, e.place.column);
    let first = nodes.iter().filter_map(|n| n.first.as_ref()).min_by_key(|e| at(e));
    let seen = run.outcome.counts.unwrap().first;
    let found = first.map(|e| (e.node.clone(), e.place.m, e.place.n, e.place.beat, e.side == "high"));
    assert_eq!(found, seen.map(|e| (e.node, e.m, e.n, e.beat, e.high)));
    assert_eq!(first.map(|e| e.place.cycle), run.first_cycle);
}

#[test]
fn counts_and_classes_are_those_of_big_integers() {
    const SEED: u64 = 3;
    let mut random = Random::new(SEED);
    let mut hit: BTreeMap<String, u64> = BTreeMap::new();
    for case in 0..2000 {
        let program = random::program(without_float(&mut random), &mut random);
        let outputs = brute_force(&program);
        let findings = overflow::product(&program).unwrap();
        let layer = &findings.report.layers[0];
        println!("seed {SEED}, case {case}: {:?} {:?}", layer.shape, layer.classes);
        for node in &layer.nodes {
            node_is_right(node, &program, &outputs);
            let base = node.node.split('.').next().unwrap();
            *hit.entry(format!("{base} high")).or_default() += node.high;
            *hit.entry(format!("{base} low")).or_default() += node.low;
            *hit.entry(node.node.clone()).or_default() += node.high + node.low;
        }
        first_is_where_the_simulator_saw_it(&layer.nodes, &program);
        let events: u64 = layer.cycles.high.iter().chain(&layer.cycles.low).sum();
        let accumulator = layer.nodes.iter().find(|n| n.node == "accumulator").unwrap();
        assert_eq!(events, accumulator.high + accumulator.low);
        assert_eq!(layer.classes.sum(), layer.outputs_with_events);
        tables_are_right(&findings.tables[0], &outputs);
        let count = |is: fn(&Output) -> bool| outputs.values().filter(|o| is(o)).count() as u64;
        assert_eq!(layer.outputs_with_events, count(Output::overflows));
        assert_eq!(layer.only_post, count(Output::only_post));
        *hit.entry("only post".to_string()).or_default() += layer.only_post;
        let reduced =
            |o: &Output| o.events.iter().all(|e| e.node.starts_with("reduce")) && o.class() == "wrong";
        *hit.entry("wrong by reduce alone".to_string()).or_default() += count(reduced);
        busiest_tile_is_right(layer, &program, &outputs);
        for channel in &layer.channels {
            let of_channel = outputs.iter().filter(|((_, n), o)| *n == channel.channel && o.overflows());
            let mut classes: BTreeMap<&str, u64> = BTreeMap::new();
            of_channel.for_each(|(_, o)| *classes.entry(o.class()).or_default() += 1);
            let count = |class| classes.get(class).copied().unwrap_or(0);
            let found = channel.classes;
            assert_eq!(found.transient, count("transient"));
            assert_eq!(found.surviving, count("surviving"));
            assert_eq!((found.unevaluated, found.harmful, found.decisive), (count("wrong"), 0, 0));
            for (class, count) in classes {
                *hit.entry(class.to_string()).or_default() += count;
            }
        }
    }
    println!("{hit:#?}");
    for what in ["reduce", "accumulator", "post"] {
        assert!(hit[&format!("{what} high")] > 0 && hit[&format!("{what} low")] > 0, "{what}");
    }
    for what in [
        "accumulator.output",
        "transient",
        "surviving",
        "wrong",
        "only post",
        "accumulator.start",
        "wrong by reduce alone",
    ] {
        assert!(hit[what] > 0, "{what}");
    }
}

/// The claims of a product's witnesses hold on their own programs, and a changed one does not.
#[test]
fn witnesses_stand_alone() {
    let mut random = Random::new(11);
    let (mut shown, mut refused) = (0, 0);
    let mut at: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..150 {
        let program = random::program(without_float(&mut random), &mut random);
        let findings = overflow::product(&program).unwrap();
        for witness in &findings.witnesses.witnesses {
            // A ragged 1 × K × 1 needs idle codes, which not every offset has.
            let Ok(alone) = witness.program(&program.design) else {
                refused += 1;
                continue;
            };
            let mut register = overflow::Register::of(witness, &alone, simulate::Gaps::none());
            let options = simulate::Options { counts: true, ..Default::default() };
            let run = match &mut register {
                Some(register) => simulate::run(&alone, options, &mut [register]),
                None => simulate::run(&alone, options, &mut []),
            };
            let run = run.unwrap();
            witness.check(&alone, &run, register.as_ref()).unwrap_or_else(|e| panic!("{e}\n{witness:#?}"));
            let walk = functional::walk(&program, witness.place.m, witness.place.n);
            let expected = &witness.expected;
            assert_eq!((walk.accumulator, walk.exact), (expected.accumulator, expected.exact.0));
            let mut other = witness.clone();
            other.expected.accumulator += 1;
            assert!(other.check(&alone, &run, register.as_ref()).is_err());
            if let Some(event) = other.event.as_mut() {
                *at.entry(event.node.split('.').next().unwrap().to_string()).or_insert(0) += 1;
                other.expected.accumulator -= 1;
                event.value += 1;
                assert!(other.check(&alone, &run, register.as_ref()).is_err());
            }
            shown += 1;
        }
    }
    println!("{shown} witnesses shown, {refused} without idle codes");
    for node in ["reduce", "accumulator", "post"] {
        assert!(at[node] > 20, "{at:?}");
    }
    assert!(shown > 500 && refused < shown / 10, "{shown} {refused}");
}

/// The report on one made product.
fn judged(text: &str, a: &[i64], w: &[i64], numbers: &[(&str, i64)]) -> (String, i128, i128) {
    let design =
        Design::parse(text, std::path::Path::new("made.toml"), &[]).unwrap_or_else(|e| panic!("{e}"));
    let a = ndarray::Array2::from_shape_vec((1, a.len()), a.to_vec()).unwrap();
    let w = ndarray::Array2::from_shape_vec((w.len(), 1), w.to_vec()).unwrap();
    let numbers = numbers.iter().map(|(name, value)| (name.to_string(), vec![*value])).collect();
    let program = Program::matrix(std::sync::Arc::new(design), a.view(), w.view(), &numbers).unwrap();
    let found = overflow::product(&program).unwrap();
    let witness = found.witnesses.witnesses.first().expect("an overflow");
    let total = &found.report.layers[0].classes;
    let class =
        [("transient", total.transient), ("surviving", total.surviving), ("wrong", total.unevaluated)];
    let class = class.iter().find(|(_, count)| *count == 1).expect("one output").0;
    (class.to_string(), witness.expected.exact.0, witness.expected.corrected.0)
}

fn made(accumulator: &str, post: &str) -> String {
    format!(
        "schema = 1\nname = \"made\"\npost = {post}\n[operands]\nactivation = {{ width = 8, signed = true }}\n\
         weight = {{ width = 8, signed = true }}\n[accumulator]\nsigned = true\n{accumulator}\n[array]\n\
         dataflow = \"sequential\"\nrows = 1\ncolumns = 1\nlanes = 1\n"
    )
}

/// Formats that follow from the accumulator's width do not fit what a wide enough accumulator would have held.
#[test]
fn exact_sums_are_finished_as_a_wide_accumulator_would_be() {
    let (a, w) = ([-128, -128, -128], [127, 127, 127]);
    // −48768 >> 8 = −190.5, saturated to s8: as the saturated accumulator's −128.
    let post = "[{ step = \"shift_right\", shift = 8, rounding = \"floor\" }, \
                { step = \"fit\", format = \"s8\", overflow = \"saturate\" }]";
    let found = judged(&made("width = 16\noverflow = \"saturate\"\nstart = \"zero\"", post), &a, &w, &[]);
    assert_eq!(found, ("surviving".to_string(), -48768, -128));
    // Wrapping, the accumulator holds 16768, which saturates to 127.
    let found = judged(&made("width = 16\noverflow = \"wrap\"\nstart = \"zero\"", post), &a, &w, &[]);
    assert_eq!(found, ("wrong".to_string(), -48768, -128));
    // 300 · (2^31 − 1) leaves the 40 bits that an 8-bit accumulator's product needs.
    let text = std::fs::read_to_string("hw_models/mac_s8_acc32/design.toml").unwrap();
    let text = text.replace("width = 32", "width = 8");
    let found = judged(&text, &[100, 100, 100], &[1, 1, 1], &[("multiplier", (1 << 31) - 1), ("shift", 31)]);
    assert_eq!((found.1, found.2), (300, 127));
}

/// A bias that the register cuts is part of the exact sum whole: wrapping brings the sum back.
#[test]
fn exact_sums_start_from_the_bias_as_it_is_brought() {
    let text = made("width = 8\noverflow = \"wrap\"\nstart = \"bias\"", "[]")
        + "[parameters]\nbias = { format = \"s32\", per = \"channel\" }\n";
    // 200 is cut to −56; −56 − 100 wraps to 100, which is 200 − 100.
    let found = judged(&text, &[-100], &[1], &[("bias", 200)]);
    assert_eq!(found, ("transient".to_string(), 100, 100));
}
