//! When things happen: the contract's formulas, written out here once more, against traces.

use std::sync::Arc;

use goldpath::design::{
    Array, Dataflow, Design, Drain, DrainOrder, LoadKind, Mirror, Parts, Skew, Start, SumRegister, Switch,
};
use goldpath::lower::Program;
use goldpath::num::Overflow;
use goldpath::simulate::{self, Options, Timing};
use goldpath::trace::MemorySink;

use super::designs::{self, f};
use super::random;
use super::work::Random;

pub fn trace(program: &Program) -> MemorySink {
    let mut memory = MemorySink::default();
    simulate::run(program, Options::default(), &mut [&mut memory]).unwrap();
    memory
}

/// Cycles in which `out.valid` is 1, by formula, and the number of all cycles.
fn output_cycles(program: &Program) -> (Vec<usize>, usize) {
    let (design, array) = (&program.design, &program.design.array);
    let clear = usize::from(design.accumulator.start == Start::Zero);
    let feed = program.shape.k.div_ceil(array.lanes) * array.banks + clear;
    let reduce: u32 = design.reduce.iter().map(|l| l.latency).sum();
    let d0 = (design.operand_latency + design.product_latency + reduce) as usize;
    // What adds several accumulators stands in front of the post steps.
    let last: u32 = design.after.iter().map(|level| level.latency).sum();
    let post = last as usize + design.post.iter().map(|s| s.latency as usize).sum::<usize>();
    if array.sums_travel() {
        return travelling(program, d0, post);
    }
    let tiles = program.shape.m.div_ceil(array.rows * array.banks) * program.shape.n.div_ceil(array.columns);
    let looped = array.loop_latency as usize - 1;
    // A clear meets no sum on its way: in its turn, or from the port.
    let waits = |corner: usize| match (clear, array.clears_at_once) {
        (0, _) => 0,
        (_, true) => d0 + looped + corner,
        (_, false) => looped,
    };
    if array.dataflow != Dataflow::OutputStationary {
        let period = feed + waits(0);
        let visible = |q: usize| {
            (0..array.banks).map(move |bank| q * period + feed - array.banks + bank + d0 + looped + 1 + post)
        };
        return ((0..tiles).flat_map(visible).collect(), tiles * period + d0 + looped + 1 + post + 1);
    }
    let corner =
        array.hop_weight as usize * (array.rows - 1) + array.hop_activation as usize * (array.columns - 1);
    let Drain { order, capture, latency, .. } = array.drain.unwrap();
    let (done, behind) = (feed - 1 + d0 + 1, latency as usize + post);
    let right = array.hop_activation as usize;
    // Seen is the first exit. Its values: how many, how far apart, and how long after the first PE's; then the period, and what
    // comes behind the last one.
    let length = if order == DrainOrder::Rows { array.rows } else { array.columns };
    let (values, apart, after, period, tail) = match (order, capture) {
        (DrainOrder::Parallel, _) => (1, 0, 0, feed, d0 + corner + 2 + behind),
        (DrainOrder::Diagonal, _) => {
            (array.columns, right, 0, feed.max((array.columns - 1) * right + 1), d0 + corner + 2 + behind)
        }
        (_, false) => (length, 1, corner, feed + d0 + corner + length + behind, 1),
        (_, true) => (length, 1, corner + 1, feed.max(corner + length), d0 + corner + length + 2 + behind),
    };
    let moves = order == DrainOrder::Rows || order == DrainOrder::Columns;
    let period = if moves && !capture { period } else { period.max(feed + waits(corner)) };
    let visible =
        |tile: usize| (0..values).map(move |nth| tile * period + done + after + nth * apart + behind);
    ((0..tiles).flat_map(visible).collect(), tiles * period + tail)
}

/// The same where sums travel past operands that are loaded, vector after vector.
fn travelling(program: &Program, d0: usize, post: usize) -> (Vec<usize>, usize) {
    let (design, array) = (&program.design, &program.design.array);
    let load = array.load.unwrap();
    let (down, right) = (array.hop_sum as usize, (array.hop_activation + array.hop_weight) as usize);
    let (last_row, last_column) = (array.rows - 1, array.columns - 1);
    let corner = down * last_row + right * last_column;
    let turned = array.dataflow == Dataflow::InputStationary;
    let (vectors, across) =
        if turned { (program.shape.n, program.shape.m) } else { (program.shape.m, program.shape.n) };
    let tiles = across.div_ceil(array.columns);
    let edges = if load.kind == LoadKind::AtOnce { 1 } else { array.rows };
    let operand = design.operand_latency as usize;
    let (lead, opening, period) = match load.switch {
        None => (0, edges, edges + vectors + corner + if load.clears_sums { d0 } else { operand }),
        Some(Switch::Global) => (edges + 1, 0, (vectors + corner + operand).max(edges + 1)),
        Some(Switch::Wave) => {
            // The first row's second buffer is rewritten when the wave has passed it, or all rows'.
            let passed =
                if load.kind == LoadKind::Row { right * last_column + (down - 1) * last_row } else { corner };
            (edges, 0, vectors.max(operand + passed + edges))
        }
    };
    let after = usize::from(array.sum_register == SumRegister::After);
    // Skewed by the host, column 0 is seen, which leaves first.
    let together = if array.skew == Skew::Internal { right * last_column } else { 0 };
    let visible = |tile: usize| {
        (0..vectors)
            .map(move |q| lead + tile * period + opening + q + d0 + down * last_row + together + after + post)
    };
    let tail = d0 + down * last_row + right * last_column + after + post + 1;
    ((0..tiles).flat_map(visible).collect(), lead + tiles * period + tail)
}

#[test]
fn outputs_come_when_the_formula_says() {
    for seed in 0..200 {
        let mut random = Random::new(1000 + seed);
        let program = random::program(random::design(&mut random), &mut random);
        let memory = trace(&program);
        let (expected, cycles) = output_cycles(&program);
        let valid = memory.signal("out.valid").unwrap();
        let seen: Vec<usize> = (0..valid.len()).filter(|t| valid[*t][0] == 1).collect();
        assert_eq!(seen, expected, "seed {seed}");
        assert_eq!(memory.cycles(), cycles, "seed {seed}");
        assert_eq!(Timing::new(&program).total_cycles() as usize, cycles, "seed {seed}");
        let data = memory.signal("out.data").unwrap();
        let of = |column: usize, t: usize| valid[t][if valid[t].len() > 1 { column } else { 0 }] == 1;
        let quiet = |t: &usize| data[*t].iter().enumerate().all(|(column, v)| of(column, *t) || *v == 0);
        assert!((0..valid.len()).all(|t| quiet(&t)), "seed {seed}: out.data is 0 when not valid");
    }
}

/// Laws A and F: acc(i, j) in cycle t is the fold of the beats up to t − d0 − l_acc − hi·i − hj·j; of banks, of every so-many-th.
#[test]
fn accumulators_hold_the_prefix_that_law_a_says() {
    let mut checked = [0, 0];
    for seed in 0..100 {
        let mut random = Random::new(2000 + seed);
        let mut design = random::design(&mut random);
        if design.array.sums_travel() {
            continue;
        }
        // Wide enough for plain sums.
        design.accumulator.format = f("s60");
        design.accumulator.register = f("s60");
        design.reduce.clear();
        design.after.clear();
        let program = random::program(design, &mut random);
        let memory = trace(&program);
        let acc = memory.signal("pe.acc").unwrap();
        let array = program.design.array;
        let timing = Timing::new(&program);
        // Until the next tile, or until sums move.
        let start = timing.drain_start(0).unwrap_or(usize::MAX).min(timing.period_cycles(0));
        for (t, acc) in acc[..start].iter().enumerate() {
            for (index, acc) in acc.iter().enumerate() {
                // Banks stand side by side, each with a position of its own.
                let (pe, bank) = (index / array.banks, index % array.banks);
                let (row, column) = (pe / array.columns + bank, pe % array.columns);
                checked[usize::from(array.banks > 1)] += 1;
                let [m, n] = worked_on(&array, row, column);
                if m < program.shape.m && n < program.shape.n {
                    let expected = prefix(&program, [m, n], [row, column], t);
                    assert_eq!(*acc, expected, "seed {seed}, cycle {t}, PE {row},{column}");
                }
            }
        }
    }
    assert!(checked.iter().all(|count| *count > 1000), "{checked:?}");
}

/// Law B: the sum that leaves row i in column j in cycle t is that of vector t − d0 − hi·i − hj·j − 1 down to row i.
#[test]
fn travelling_sums_are_those_that_law_b_says() {
    let (mut checked, mut kinds) = (0, std::collections::BTreeSet::new());
    for seed in 0..400 {
        let mut random = Random::new(5000 + seed);
        let mut design = random::design(&mut random);
        let Some(load) = design.array.load.filter(|_| design.array.sum_register == SumRegister::After) else {
            continue;
        };
        // Wide enough for plain sums.
        design.accumulator.format = f("s60");
        design.accumulator.register = f("s60");
        design.reduce.clear();
        kinds.insert((design.array.dataflow == Dataflow::InputStationary, format!("{load:?}")));
        let program = random::program(design, &mut random);
        let memory = trace(&program);
        let acc = memory.signal("pe.acc").unwrap();
        let (design, array) = (&program.design, &program.design.array);
        let turned = array.dataflow == Dataflow::InputStationary;
        let edges = if load.kind == LoadKind::AtOnce { 1 } else { array.rows };
        let begins = if load.switch == Some(Switch::Global) { edges + 1 } else { edges };
        let d0 = (design.operand_latency + design.product_latency) as usize;
        let (down, right) = (array.hop_sum as usize, (array.hop_activation + array.hop_weight) as usize);
        let (vectors, across) =
            if turned { (program.shape.n, program.shape.m) } else { (program.shape.m, program.shape.n) };
        for q in 0..vectors {
            for (row, column) in (0..array.rows).flat_map(|row| (0..array.columns).map(move |c| (row, c))) {
                let t = begins + q + d0 + down * row + right * column + 1;
                let [_, line] = worked_on(array, row, column);
                if line >= across {
                    continue;
                }
                let (m, n) = if turned { (line, q) } else { (q, line) };
                let sum = partial(&program, m, n, row);
                assert_eq!(
                    acc[t][row * array.columns + column],
                    sum,
                    "seed {seed}, vector {q}, PE {row},{column}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 1000 && kinds.len() > 12, "{checked} {kinds:?}");
}

/// An output's sum down to a row of PEs.
fn partial(program: &Program, m: usize, n: usize, row: usize) -> i64 {
    let design = &program.design;
    let bind = |operand| goldpath::post::bind(operand, &program.parameters, n);
    let mut sum = design.accumulator.bias.map_or(0, |bias| program.parameters[bias][n]);
    for step in 0..=row {
        for k in (0..design.array.lanes).filter_map(|lane| program.k_of(step, lane)) {
            let a = i64::from(program.activation(0, 0, m, k)) + design.activation.offset.map_or(0, bind);
            let w = i64::from(program.weight(0, k, n)) + design.weight.offset.map_or(0, bind);
            sum += a * w;
        }
    }
    sum
}

/// The output, of the first tile, that a PE works on.
fn worked_on(array: &Array, row: usize, column: usize) -> [usize; 2] {
    match array.mirror {
        Mirror::None => [row, column],
        Mirror::Rows => [array.rows - 1 - row, column],
        Mirror::Columns => [row, array.columns - 1 - column],
    }
}

/// The first tile's sum at (row, column) visible in cycle t.
fn prefix(program: &Program, [m, n]: [usize; 2], [row, column]: [usize; 2], t: usize) -> i64 {
    let (design, array) = (&program.design, &program.design.array);
    let bind = |operand| goldpath::post::bind(operand, &program.parameters, n);
    let d0 = (design.operand_latency + design.product_latency) as usize;
    let clear = usize::from(design.accumulator.start == Start::Zero);
    let travel = if array.banks > 1 { row } else { array.hop_weight as usize * row };
    let delay = d0 + array.loop_latency as usize + travel + array.hop_activation as usize * column + clear;
    // Nothing has arrived: the register is in its reset state.
    let Some(last) = t.checked_sub(delay) else { return 0 };
    let mut sum = match (design.accumulator.start, design.accumulator.bias) {
        (Start::Bias, Some(bias)) => program.parameters[bias][n],
        _ => 0,
    };
    for beat in 0..=(last / array.banks).min(program.beats() - 1) {
        for k in (0..array.lanes).filter_map(|lane| program.k_of(beat, lane)) {
            let a = i64::from(program.activation(0, 0, m, k)) + design.activation.offset.map_or(0, bind);
            let w = i64::from(program.weight(0, k, n)) + design.weight.offset.map_or(0, bind);
            sum += a * w;
        }
    }
    sum
}

/// The same operands and numbers on a design that is another in some keys: what it no longer reads is left out.
pub fn on(program: &Program, design: Design) -> Program {
    let names = program.design.parameters.iter().map(|parameter| &parameter.name);
    let numbers: std::collections::BTreeMap<_, _> = names.zip(program.parameters.iter()).collect();
    let own = design.parameters.iter().map(|parameter| numbers[&parameter.name].clone());
    let parameters = Arc::new(own.collect());
    Program { design: design.into(), parameters, ..program.clone() }
}

/// Every latency, hop and skew set anew.
pub fn other_timing(design: &Design, random: &mut Random) -> Design {
    let mut other: Parts = design.clone().into();
    let mut latency = || random.below(4) as u32;
    if !design.is_post_only() {
        other.operand_latency = latency();
        other.product_latency = latency();
    }
    other.reduce.iter_mut().for_each(|level| level.latency = latency());
    // A step that is fused with its successor has no register.
    other.post.iter_mut().filter(|s| s.format.is_some()).for_each(|step| step.latency = latency());
    if design.array.sums_travel() {
        let turned = design.array.dataflow == Dataflow::InputStationary;
        let right = if turned { &mut other.array.hop_weight } else { &mut other.array.hop_activation };
        *right = random.below(4) as u32;
        other.array.hop_sum = 1 + random.below(4) as u32;
        other.array.skew = random.pick(&[Skew::Host, Skew::Internal]);
        other.array.sum_register = random.pick(&[SumRegister::After, SumRegister::Before]);
    }
    if !design.array.sums_travel() && !design.is_post_only() {
        other.array.loop_latency = random.within(1, design.array.banks as i64) as u32;
        other.array.clears_at_once = design.accumulator.start == Start::Zero && random.below(2) == 0;
    }
    if design.array.dataflow == Dataflow::OutputStationary {
        // Anti-diagonals are for PEs of a row that do not finish together.
        let diagonal = design.array.drain.is_some_and(|drain| drain.order == DrainOrder::Diagonal);
        other.array.hop_activation = random.within(i64::from(diagonal), 3) as u32;
        other.array.hop_weight = random.below(4) as u32;
        if let Some(drain) = &mut other.array.drain {
            drain.latency = random.below(4) as u32;
        }
        other.array.skew = random.pick(&[Skew::Host, Skew::Internal]);
    }
    designs::drawn(other)
}

#[test]
fn timing_keys_never_change_a_value() {
    for seed in 0..150 {
        let mut random = Random::new(3000 + seed);
        let program = random::program(random::design(&mut random), &mut random);
        let other = on(&program, other_timing(&program.design, &mut random));
        let options = Options { counts: true, ..Default::default() };
        let [one, two] = [&program, &other].map(|p| simulate::run(p, options, &mut []).unwrap().outcome);
        assert_eq!(one, two, "seed {seed}");
    }
}

/// Formats, rules and roundings set anew; the structure stays.
pub fn other_arithmetic(design: &Design, random: &mut Random) -> Design {
    let mut other: Parts = design.clone().into();
    for level in &mut other.reduce {
        level.format = f("s7");
        level.overflow = random.pick(&random::RULES);
    }
    // What comes into a requantizer alone is its layer's.
    if !design.is_post_only() {
        // A clamp behind one finished register has no place behind several.
        let rules = if other.after.is_empty() { 4 } else { 3 };
        other.accumulator.overflow = random.pick(&random::ACCUMULATORS[..rules]);
        other.accumulator.format = f("s9");
        other.accumulator.register = f("s9");
    }
    for step in other.post.iter_mut().filter(|s| s.format.is_some()) {
        step.format = Some(f("s5"));
        step.overflow = Overflow::Saturate;
    }
    designs::drawn(other)
}

#[test]
fn arithmetic_keys_never_move_a_cycle() {
    for seed in 0..100 {
        let mut random = Random::new(4000 + seed);
        let program = random::program(random::design(&mut random), &mut random);
        let other = on(&program, other_arithmetic(&program.design, &mut random));
        let [one, two] = [&program, &other].map(trace);
        assert_eq!(one.cycles(), two.cycles());
        let control = [".valid", ".first", ".last", ".done", ".drain"];
        for signal in &one.table().signals {
            if control.iter().any(|bit| signal.name.contains(bit)) {
                assert_eq!(one.signal(&signal.name), two.signal(&signal.name), "seed {seed} {}", signal.name);
            }
        }
    }
}
