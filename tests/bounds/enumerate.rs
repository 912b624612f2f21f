//! Every input there is, for small boxes of inputs: ranges are exactly what happens, or hold it.

use std::collections::BTreeMap;
use std::sync::Arc;

use goldpath::bounds::{Inputs, Kind, LayerBounds, Proof, Range, accumulator_ranges};
use goldpath::design::{AccumulatorOverflow, Coding, Design, Node};
use goldpath::lower::Program;
use goldpath::num::{Fit, Format};
use ndarray::Array2;

use super::replay::{Replay, replay};
use super::work::{Random, numbers};
use super::{designs, oracle, random};

/// A random design, a product of few terms for it, and a small box of inputs.
pub fn small(random: &mut Random) -> (Program, Inputs) {
    let mut design = random::design(random);
    if random.below(16) == 0 {
        random::power_of_two_weights(&mut design, random);
    }
    if random.below(10) == 0 {
        random::add_product_steps(&mut design, random);
    }
    let design = designs::drawn(design);
    let [k, n] = [random::room(&design, 1 + random.below(6)), 1 + random.below(3)];
    let extreme = random.below(3) == 0;
    let mut w = random.matrix([k, n], design.weight.format, extreme);
    let a = random.matrix([1, k], design.activation.format, extreme);
    let bound = numbers(&design, n, random);
    if random.below(3) == 0
        && k % 2 == 0
        && design.weight.format.is_signed()
        && design.weight.offset.is_none()
        && design.weight.coding == Coding::Integer
    {
        zero_centre(&mut w, design.weight.format);
    }
    let format = design.activation.format;
    let position = |x: i64, random: &mut Random| {
        let span = random.within(0, 3);
        let low = x.min(format.max() - span).max(format.min());
        (low, (low + span).min(format.max()))
    };
    // Few bits: the whole format, now and then.
    let inputs = if format.width() <= 2 && random.below(2) == 0 {
        Inputs::Format
    } else if random.below(4) == 0 {
        let (low, high) = position(a[[0, 0]], random);
        Inputs::Calibrated { low, high }
    } else {
        Inputs::Positions(a.iter().map(|x| position(*x, random)).collect())
    };
    (Program::matrix(Arc::new(design), a.view(), w.view(), &bound).unwrap(), inputs)
}

/// Makes the weights sum to 0 pair by pair; −2^(w−1) has no negative and becomes one less.
fn zero_centre(w: &mut Array2<i64>, format: Format) {
    for pair in 0..w.nrows() / 2 {
        for n in 0..w.ncols() {
            let value = w[[2 * pair, n]];
            let value = if value == format.min() { value + 1 } else { value };
            (w[[2 * pair, n]], w[[2 * pair + 1, n]]) = (value, -value);
        }
    }
}

/// The box, as the test sees it.
fn box_of(program: &Program, inputs: &Inputs) -> Vec<(i64, i64)> {
    let format = program.design.activation.format;
    match inputs {
        Inputs::Format => {
            let (low, high) = oracle::range(format.width(), format.is_signed());
            vec![(low as i64, high as i64); program.shape.k]
        }
        Inputs::Calibrated { low, high } => vec![(*low, *high); program.shape.k],
        Inputs::Positions(positions) => positions.clone(),
    }
}

/// Every input of a box.
fn all_inputs(ranges: &[(i64, i64)]) -> Vec<Vec<i64>> {
    ranges.iter().fold(vec![vec![]], |inputs, (low, high)| {
        inputs
            .iter()
            .flat_map(|input: &Vec<i64>| (*low..=*high).map(|code| [&input[..], &[code]].concat()))
            .collect()
    })
}

pub fn column(program: &Program, n: usize) -> Vec<i64> {
    program.weights.iter().skip(n).step_by(program.shape.n).map(|w| i64::from(*w)).collect()
}

/// The numbers of one channel, one per parameter.
pub fn channel_numbers(program: &Program, n: usize) -> Vec<i64> {
    program.parameters.iter().map(|values| if values.len() == 1 { values[0] } else { values[n] }).collect()
}

/// Every output of channel `n` over the box.
pub fn everything(program: &Program, inputs: &Inputs, n: usize) -> Vec<Replay> {
    let (w, numbers) = (column(program, n), channel_numbers(program, n));
    let all = all_inputs(&box_of(program, inputs));
    all.iter().map(|x| replay(&program.design, x, &w, &numbers)).collect()
}

pub fn hull(values: impl Iterator<Item = i128>) -> Range {
    values.fold((i128::MAX, i128::MIN), |(low, high), v| (low.min(v), high.max(v)))
}

fn holds(outer: Range, inner: Range) -> bool {
    outer.0 <= inner.0 && inner.1 <= outer.1
}

/// How often a node's range was found exact, or only sound, and overflowed.
#[derive(Default, Debug)]
struct Hits {
    exact: u64,
    sound: u64,
    high: u64,
    low: u64,
}

fn kind(design: &Design, node: Node) -> String {
    match node {
        Node::Product(step) => {
            let name = format!("{:?}", design.product_steps[step].op);
            format!("product {}", name.split(['(', ' ']).next().unwrap())
        }
        Node::Reduce(level) => format!("reduce {:?}", design.reduce[level].overflow),
        Node::AccumulatorStart => format!("start {:?}", design.accumulator.step_rule()),
        Node::Accumulator => format!("accumulator {:?}", design.accumulator.overflow),
        Node::AccumulatorOutput => "output".to_string(),
        Node::After(level) => format!("after {:?}", design.after[level].overflow),
        Node::Store(_) | Node::Load(_) | Node::Memory => unreachable!("random designs have none"),
        Node::Post(step) => {
            let name = format!("{:?}", design.post[step].op);
            format!("post {}", name.split(['(', ' ']).next().unwrap())
        }
    }
}

/// Compares one channel; returns whether nothing in front of the accumulator wraps, and so beats are exact.
fn check_nodes(
    program: &Program,
    bounds: &LayerBounds<'_>,
    n: usize,
    all: &[Replay],
    hits: &mut BTreeMap<String, Hits>,
) -> bool {
    let steps = &program.design.product_steps;
    let mut exact_beats = steps.iter().all(|step| step.op.adder().is_none());
    for (index, node) in bounds.nodes.iter().enumerate() {
        let proved = node.channels[n];
        let seen = hull(all.iter().flat_map(|r| r.entering[index].iter().copied()));
        let what = format!("{} channel {n}: {:?} {proved:?}, seen {seen:?}", node.id, program.design);
        assert!(holds(proved.entering, seen), "{what}");
        assert!(
            holds(proved.leaving, hull(all.iter().flat_map(|r| r.leaving[index].iter().copied()))),
            "{what}"
        );
        let hit = hits.entry(kind(&program.design, node.node)).or_default();
        if proved.achieved {
            assert_eq!(proved.entering, seen, "{what}");
            hit.exact += 1;
        } else {
            hit.sound += 1;
        }
        if let Some(Fit { format, overflow }) = node.fit {
            let (mut low, high) = oracle::range(format.width(), format.is_signed());
            if format!("{overflow:?}") == "SaturateSymmetric" && format.is_signed() {
                low = -high;
            }
            let (above, below) = (seen.1 > high, seen.0 < low);
            assert!(proved.high >= above && proved.low >= below, "{what}");
            assert!(!proved.achieved || (proved.high, proved.low) == (above, below), "{what}");
            (hit.high, hit.low) = (hit.high + u64::from(above), hit.low + u64::from(below));
            let wraps = format!("{overflow:?}") == "Wrap";
            let in_front = matches!(node.node, Node::Reduce(_) | Node::Product(_));
            if in_front && wraps && !proved.always_fits() {
                exact_beats = false;
            }
        } else {
            assert!(proved.always_fits());
        }
    }
    exact_beats
}

fn check_bounds(bounds: &LayerBounds<'_>, n: usize, all: &[Replay], exact: bool) -> [bool; 3] {
    let prefixes = hull(all.iter().flat_map(|r| r.prefixes.iter().flatten().copied()));
    let sums = hull(all.iter().flat_map(|r| r.prefixes.iter().map(|sums| *sums.last().unwrap())));
    let of = |kind| bounds.bounds(kind)[n];
    assert!(holds(of(Kind::Prefix).range, prefixes) && holds(of(Kind::FinalSum).range, sums));
    if exact {
        assert_eq!((of(Kind::Prefix).range, of(Kind::FinalSum).range), (prefixes, sums));
        // The proof is one of every prefix exactly when no prefix lies outside the final sums.
        assert_eq!(of(Kind::FinalSum).proof == Proof::EveryPrefix, holds(sums, prefixes));
    }
    for kind in Kind::ALL {
        let bound = of(kind);
        match bound.proof {
            Proof::EveryPrefix => assert!(holds(bound.range, prefixes), "{kind:?} {bound:?} {prefixes:?}"),
            Proof::FinalSum => assert!(holds(bound.range, sums), "{kind:?} {bound:?} {sums:?}"),
            Proof::Nothing => {}
        }
    }
    assert!(holds(of(Kind::DataType).range, of(Kind::Prefix).range));
    [
        of(Kind::FinalSum).proof == Proof::FinalSum,
        of(Kind::A2q).proof == Proof::EveryPrefix,
        of(Kind::A2qPlus).proof > Proof::Nothing,
    ]
}

#[test]
fn ranges_are_what_all_inputs_do() {
    let seed = 31;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let (mut hits, mut outputs, mut proofs) = (BTreeMap::new(), 0, [0_u64; 3]);
    for _ in 0..1500 {
        let (program, inputs) = small(&mut random);
        let bounds = LayerBounds::new(&program, &inputs);
        let ranges = accumulator_ranges(&program, &inputs);
        for (n, range) in ranges.iter().enumerate() {
            let all = everything(&program, &inputs, n);
            outputs += all.len();
            let exact = check_nodes(&program, &bounds, n, &all, &mut hits);
            let found = check_bounds(&bounds, n, &all, exact);
            proofs.iter_mut().zip(found).for_each(|(count, found)| *count += u64::from(found));
            // The fitted start plus the prefixes of beats.
            let start = i128::from(program.start(n));
            let entering = all.iter().flat_map(|r| &r.beats).flat_map(|beats| {
                beats.iter().scan(start, |sum, term| {
                    *sum += term;
                    Some(*sum)
                })
            });
            let seen = hull(entering);
            assert!(holds(*range, seen));
            assert!(!exact || *range == seen);
        }
    }
    println!("{outputs} outputs; final sum only, A2Q, A2Q+ apply: {proofs:?}; {hits:#?}");
    assert!(proofs.iter().all(|count| *count > 10), "{proofs:?}");
    let overflows = |name: &str| {
        let hit = hits.get(name).unwrap_or_else(|| panic!("{name} never came up"));
        assert!(hit.exact > 50 && hit.high > 10 && hit.low > 10, "{name}: {hit:?}");
    };
    for rule in random::RULES {
        overflows(&format!("reduce {rule:?}"));
    }
    for rule in random::ACCUMULATORS {
        overflows(&format!("accumulator {rule:?}"));
    }
    assert!(hits[&format!("accumulator {:?}", AccumulatorOverflow::Wrap)].sound > 50);
    for op in
        ["Add", "Subtract", "Multiply", "Max", "Min", "ShiftLeft", "ShiftRight", "Clamp", "Fit", "Float"]
    {
        assert!(hits[&format!("post {op}")].exact > 20, "{op}");
    }
}
