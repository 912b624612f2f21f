//! What vectors are said to make happen did happen, by an oracle that shares no code; what is said to be impossible never does.

use std::collections::BTreeMap;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::lower::{Numbers, Program};
use goldpath::neighbours::{Fault, Hardware, NodeSeen, Ties};
use goldpath::strength::directed::{Form, directed};
use goldpath::strength::{Goal, Judge, goals, reached, score};
use ndarray::Array2;

use crate::oracle::float::{of_ops, tie};
use crate::oracle::machine::{Entry, Machine, Step};
use crate::oracle::program::{self, Visit, Work};
use crate::proofs::{designs, each_apart};
use crate::{DESIGNS, design, neutral};

/// Every goal of every committed design is reached by one of its directed programs, or proved impossible.
#[test]
fn directed_programs_reach_every_goal_together() {
    for name in DESIGNS {
        let design = design(name);
        let all = goals(&design);
        let mut by_any = vec![false; all.len()];
        for form in Form::ALL {
            let program = directed(&design, form, None, 1).unwrap();
            let by = reached(&program, &Judge::new(&program), &all);
            by_any.iter_mut().zip(by).for_each(|(any, by)| *any |= by);
        }
        let left = |(goal, is_reached): (&Goal, &bool)| {
            assert!(!(*is_reached && goal.impossible.is_some()), "{name}: {goal:?} is reached");
            (!is_reached && goal.impossible.is_none()).then(|| goal.name.clone())
        };
        let open: Vec<String> = all.iter().zip(&by_any).filter_map(left).collect();
        let impossible = all.iter().filter(|goal| goal.impossible.is_some()).count();
        println!("{name}: {} goals, {impossible} impossible, open {open:?}", all.len());
        assert!(all.len() > 100 && open.is_empty(), "{name}: {open:#?}");
    }
}

/// A sum that an adder of six bits wraps: 33 is -31 there, which a shift by 6 leaves below.
#[test]
fn a_shift_up_whose_adder_wraps_may_go_down() {
    let text = "schema = 1\nname = \"wraps\"\naccumulator = { width = 8, signed = true }\npost = [{ step = \"shift_right\", \
                shift = 6, rounding = \"ceil\", adder = \"s6\", format = \"s8\" }]\n";
    let design = Arc::new(Design::parse(text, "wraps.toml".as_ref(), &[]).unwrap());
    let all = goals(&design);
    let down: Vec<&Goal> = all.iter().filter(|goal| goal.name.ends_with("rounds down and matters")).collect();
    assert_eq!(down.len(), 1, "{all:?}");
    assert_eq!(down[0].impossible, None);
    let program = directed(&design, Form::Numbers, None, 1).unwrap();
    let at = all.iter().position(|goal| goal.name == down[0].name).unwrap();
    assert!(reached(&program, &Judge::new(&program), &all)[at]);
    assert_eq!(rounding_matters(&program, down[0]), Some(true));
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 17) % end
    }

    /// Ends and their neighbours as often as anything else.
    fn within(&mut self, low: i64, high: i64) -> i64 {
        let ends = [low, high, low.saturating_add(1), high.saturating_sub(1), 0, 1, -1];
        let uniform = low.wrapping_add_unsigned(self.below(high.abs_diff(low).saturating_add(1).max(1)));
        let value = if self.below(2) == 0 { ends[self.below(7) as usize] } else { uniform };
        if (low..=high).contains(&value) { value } else { uniform }
    }

    fn program(&mut self, design: &Arc<Design>, [m, k, n]: [usize; 3]) -> Option<Program> {
        let [a, w] = [design.activation.format, design.weight.format];
        let activations = Array2::from_shape_simple_fn([m, k], || self.within(a.min(), a.max()));
        let weights = Array2::from_shape_simple_fn([k, n], || self.within(w.min(), w.max()));
        let mut numbers = Numbers::new();
        for parameter in &design.parameters {
            let count = if parameter.per == goldpath::post::Per::Channel { n } else { 1 };
            // Small ones, too: large biases and shifts hide everything else.
            let one = |random: &mut Random| match random.below(3) {
                0 => random.within(parameter.min.max(-40), parameter.max.min(40)),
                _ => random.within(parameter.min, parameter.max),
            };
            let values = (0..count).map(|_| one(self).clamp(parameter.min, parameter.max)).collect();
            numbers.insert(parameter.name.clone(), values);
        }
        Program::matrix(Arc::clone(design), activations.view(), weights.view(), &numbers).ok()
    }
}

/// The same operands as the oracle takes them, and the machine with these parameters.
fn for_oracle(program: &Program, parameters: &[Vec<i64>]) -> (Machine, Work) {
    let shape = program.shape;
    let each = |f: &dyn Fn(usize, usize) -> i64, rows: usize, columns: usize| -> Vec<i64> {
        (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .map(|(r, c)| f(r, c))
            .collect()
    };
    let work = Work {
        images: 1,
        groups: 1,
        m: shape.m,
        k: shape.k,
        n: shape.n,
        activations: each(&|m, k| program.activation(0, 0, m, k).into(), shape.m, shape.k),
        weights: each(&|k, n| program.weight(0, k, n).into(), shape.k, shape.n),
    };
    (neutral::machine(&program.design, parameters), work)
}

/// What stands at a node: a format, a step with one, or both.
#[derive(Clone, Copy)]
struct Stage<'a> {
    entry: Option<&'a Entry>,
    step: Option<&'a Step>,
}

/// Of every node, in the oracle's order.
fn stages(machine: &Machine) -> Vec<Stage<'_>> {
    fn of_step(step: &Step) -> Stage<'_> {
        Stage { entry: step.entry.as_ref(), step: Some(step) }
    }
    fn of(entry: &Entry) -> Stage<'_> {
        Stage { entry: Some(entry), step: None }
    }
    let mut all: Vec<Stage<'_>> = machine.product.iter().map(of_step).collect();
    all.extend(machine.levels.iter().map(|level| of(&level.entry)));
    all.extend(machine.bias.iter().map(|_| of(&machine.register)));
    all.push(of(&machine.register));
    all.extend(machine.clamp.iter().map(of));
    all.extend(machine.after.iter().map(|level| of(&level.entry)));
    if let Some(memory) = &machine.memory {
        all.extend(memory.store.iter().chain(&memory.load).map(of_step));
        all.push(of(&memory.entry));
    }
    all.extend(machine.post.iter().map(of_step));
    all
}

/// What the oracle sees at every node, counted by the definitions.
fn seen(machine: &Machine, work: &Work, names: Vec<String>) -> Vec<NodeSeen> {
    let mut all: Vec<NodeSeen> = names.into_iter().map(NodeSeen::new).collect();
    let stages = stages(machine);
    let (accumulator, first) = machine.places();
    let memory = machine.memory.as_ref().map(|_| first - 1);
    let (least, most) = machine.register.rails();
    let ended = |seen: &mut NodeSeen, exact: i128, (high, low): (bool, bool)| {
        let is_back = least <= exact && exact <= most;
        seen.returned_high += u64::from(high && is_back);
        seen.returned_low += u64::from(low && is_back);
    };
    for row in 0..work.m {
        for channel in 0..work.n {
            let visits = program::visits(machine, work, row, channel);
            let exact = machine.bias.as_ref().map_or(0, |bias| bias.at(channel));
            let sums = machine.accumulators();
            let mut exact = vec![exact; sums];
            let mut beyond = vec![(false, false); sums];
            for visit in &visits {
                let Stage { entry, step: at } = stages[visit.node];
                let seen = &mut all[visit.node];
                seen.high += u64::from(visit.high);
                seen.low += u64::from(visit.low);
                seen.inside += u64::from(!visit.high && !visit.low);
                if let Some(entry) = entry {
                    seen.at_low += u64::from(visit.entering == entry.rails().0);
                    seen.at_high += u64::from(visit.entering == entry.rails().1);
                }
                if visit.node == accumulator {
                    exact[visit.lane] += visit.entering - visit.before;
                    let (high, low) = beyond[visit.lane];
                    beyond[visit.lane] = (high || visit.high, low || visit.low);
                }
                if let Some(at) = at {
                    step(at, visit, channel, seen);
                }
                if Some(visit.node) == memory {
                    // The next visit's is another sum.
                    ended(&mut all[accumulator], exact[0], beyond[0]);
                    (exact[0], beyond[0]) = (0, (false, false));
                }
            }
            for (exact, beyond) in exact.into_iter().zip(beyond) {
                ended(&mut all[accumulator], exact, beyond);
            }
        }
    }
    all
}

fn step(step: &Step, visit: &Visit, channel: usize, seen: &mut NodeSeen) {
    if step.more.bit.as_ref().is_some_and(|(bit, is)| (bit.at(channel) != 0) != *is) {
        return;
    }
    let number = |index: usize| step.numbers[index].at(channel);
    // Twice the fraction is odd: halfway, and the lower neighbour.
    let tie = match step.op {
        "clamp" => {
            seen.clipped_high += u64::from(visit.before > number(1));
            seen.clipped_low += u64::from(visit.before < number(0));
            seen.unclipped += u64::from(number(0) <= visit.before && visit.before <= number(1));
            None
        }
        "lut" => {
            let (entry, count) = (visit.before - step.more.table.0, step.more.table.1.len() as i128);
            seen.clipped_high += u64::from(entry >= count);
            seen.clipped_low += u64::from(entry < 0);
            if entry >= 0 && entry < count {
                *seen.counts.entry(entry as u32).or_default() += 1;
            }
            None
        }
        "thresholds" => {
            let reached = (0..step.numbers.len() - 1).filter(|index| number(*index) <= visit.before);
            *seen.counts.entry(reached.count() as u32).or_default() += 1;
            None
        }
        "branch" => {
            *seen.counts.entry(u32::from(visit.before >= 0)).or_default() += 1;
            None
        }
        "shift_right" => {
            let count = number(0) as u32;
            *seen.counts.entry(count).or_default() += 1;
            let unit = crate::oracle::power_of_two(count) as i128;
            let below = visit.before.div_euclid(unit);
            (unit > 1 && 2 * (visit.before - below * unit) == unit).then_some((visit.before < 0, below))
        }
        "float" => {
            let numbers: Vec<i128> = (0..step.numbers.len()).map(number).collect();
            tie(of_ops(visit.before, step.more.double, &step.more.floats, &numbers))
        }
        _ => None,
    };
    let Some((negative, below)) = tie else { return };
    let ties = seen.ties.get_or_insert_with(Ties::default);
    *match (negative, below.rem_euclid(2) == 1) {
        (true, true) => &mut ties.negative_odd,
        (true, false) => &mut ties.negative_even,
        (false, true) => &mut ties.positive_odd,
        (false, false) => &mut ties.positive_even,
    } += 1;
}

/// `parameter: bit 3 is 1 and matters`: the parameter, the bit, and what it is.
fn bit(design: &Design, goal: &Goal) -> Option<(usize, u32, bool)> {
    let (name, rest) = goal.name.split_once(": bit ")?;
    let (bit, rest) = rest.split_once(" is ")?;
    let index = design.parameters.iter().position(|parameter| parameter.name == name)?;
    Some((index, bit.parse().unwrap(), rest.starts_with('1')))
}

/// `post.1: bit 3 is 1 and matters`, by the oracle: with the bit flipped behind that node, some output is another.
fn matters_between_steps(program: &Program, goal: &Goal) -> Option<bool> {
    let (node, rest) = goal.name.split_once(": bit ")?;
    let (bit, rest) = rest.split_once(" is ")?;
    let (bit, is_set) = (bit.parse::<u32>().unwrap(), rest.starts_with('1'));
    let design = &program.design;
    let steps = match node.strip_prefix("post.") {
        Some(index) => index.parse::<usize>().unwrap() + 1,
        None if node == "accumulator" || node == "memory" => 0,
        None if design.after.last().is_some_and(|level| level.id == node) => 0,
        None => return None,
    };
    let format = if steps == 0 { design.finished().format } else { design.post[steps - 1].format? };
    let (machine, work) = for_oracle(program, &program.parameters);
    let outcome = program::run(&machine, &work);
    let unit = crate::oracle::power_of_two(bit) as i128;
    let modulus = crate::oracle::power_of_two(format.width()) as i128;
    let port = crate::oracle::power_of_two(design.output().width()) as i128;
    let (least, _) = crate::oracle::range(format.width(), format.is_signed());
    let finish = |from: usize, value: i128, channel: usize| {
        let steps = machine.post[from..].iter();
        steps.fold(value, |value, step| step.apply(value, channel).0).rem_euclid(port)
    };
    Some(outcome.accumulators.iter().enumerate().any(|(at, accumulator)| {
        let channel = at % work.n;
        let before = machine.post[..steps].iter();
        let value = before.fold(*accumulator, |value, step| step.apply(value, channel).0);
        let has_it = value.rem_euclid(2 * unit) >= unit;
        let other = if has_it { value - unit } else { value + unit };
        let other = (other - least).rem_euclid(modulus) + least;
        has_it == is_set && finish(steps, value, channel) != finish(steps, other, channel)
    }))
}

/// `post.1: shift by 3 rounds up and matters`, or `a tie up`, by the oracle.
fn rounding_matters(program: &Program, goal: &Goal) -> Option<bool> {
    let (node, rest) = goal.name.split_once(": shift by ")?;
    let (count, rest) = rest.split_once(" rounds ")?;
    let (tie, rest) = rest.strip_prefix("a tie ").map_or((false, rest), |rest| (true, rest));
    let (count, up) = (count.parse::<i128>().unwrap(), rest.starts_with("up"));
    let index = node.strip_prefix("post.")?.parse::<usize>().unwrap();
    let (machine, work) = for_oracle(program, &program.parameters);
    let outcome = program::run(&machine, &work);
    let port = crate::oracle::power_of_two(program.design.output().width()) as i128;
    let unit = crate::oracle::power_of_two(count as u32) as i128;
    Some(outcome.accumulators.iter().enumerate().any(|(at, accumulator)| {
        let channel = at % work.n;
        let before = machine.post[..index].iter();
        let value = before.fold(*accumulator, |value, step| step.apply(value, channel).0);
        let step = &machine.post[index];
        let finish = |value: i128| {
            let value = step.entry.as_ref().map_or(value, |entry| entry.fit(value).0);
            let steps = machine.post[index + 1..].iter();
            steps.fold(value, |value, step| step.apply(value, channel).0).rem_euclid(port)
        };
        let below = value.div_euclid(unit);
        if step.more.bit.as_ref().is_some_and(|(bit, is)| (bit.at(channel) != 0) != *is) {
            return false;
        }
        let rounded = match &step.more.adder {
            None => crate::oracle::round(value, count as u32, step.rounding),
            Some(adder) => {
                let add = |sum| adder.fit(sum);
                crate::oracle::round_in(value, count as u32, step.rounding, &add).0
            }
        };
        if rounded != below && rounded != below + 1 {
            return false;
        }
        let goes_up = rounded > below;
        let cut = value.rem_euclid(unit);
        let is_it =
            step.numbers[0].at(channel) == count && cut != 0 && goes_up == up && (!tie || 2 * cut == unit);
        is_it && finish(below) != finish(below + 1)
    }))
}

/// Whether a bit of a float32 makes infinity or no number of it, which no design reads.
fn makes_no_number(program: &Program, goal: &Goal) -> bool {
    let Some((index, bit, is_set)) = bit(&program.design, goal) else { return false };
    let read = |value: i64| if is_set { value & !(1 << bit) } else { value | (1 << bit) };
    let scales = program.parameters[index].iter().map(|value| f32::from_bits(read(*value) as u32));
    program.design.parameters[index].name == "scale" && scales.into_iter().any(|scale| !scale.is_finite())
}

/// Whether a goal is reached, by the oracle.
fn is_reached(program: &Program, goal: &Goal, seen: &[NodeSeen]) -> bool {
    let design = &program.design;
    if let Some(matters) = matters_between_steps(program, goal).or_else(|| rounding_matters(program, goal)) {
        return matters;
    }
    if let Some((index, bit, is_set)) = bit(design, goal) {
        let stuck = |value: i64| if is_set { value & !(1 << bit) } else { value | (1 << bit) };
        let width = design.parameters[index].format.width();
        let read = |value: i64| {
            let (low, _) = crate::oracle::range(width, design.parameters[index].format.is_signed());
            let modulus = crate::oracle::power_of_two(width) as i128;
            ((i128::from(stuck(value)) - low).rem_euclid(modulus) + low) as i64
        };
        let mut parameters = program.parameters.to_vec();
        parameters[index].iter_mut().for_each(|value| *value = read(*value));
        let outputs = |parameters: &[Vec<i64>]| {
            let (machine, work) = for_oracle(program, parameters);
            let modulus = crate::oracle::power_of_two(design.output().width()) as i128;
            let outputs = program::run(&machine, &work).outputs;
            outputs.into_iter().map(|value| value.rem_euclid(modulus)).collect::<Vec<_>>()
        };
        return outputs(&program.parameters) != outputs(&parameters);
    }
    let (node, what) = goal.name.split_once(": ").unwrap();
    if node == "product" {
        let format = |operand: &goldpath::design::Operand, is_low: bool| {
            if is_low { operand.format.min() } else { operand.format.max() }
        };
        let a = format(&design.activation, what.starts_with("lowest"));
        let w = format(&design.weight, what.contains("times lowest"));
        let (_, work) = for_oracle(program, &program.parameters);
        return (0..work.k).any(|k| {
            (0..work.m).any(|m| work.activations[m * work.k + k] == a)
                && (0..work.n).any(|n| work.weights[k * work.n + n] == w)
        });
    }
    let seen = seen.iter().find(|seen| seen.node == node).unwrap();
    let ties = seen.ties.unwrap_or_default();
    let times = match what {
        "beyond its upper rail" => seen.high,
        "beyond its lower rail" => seen.low,
        "exactly at its upper rail" => seen.at_high,
        "exactly at its lower rail" => seen.at_low,
        "beyond its upper rail and back" => seen.returned_high,
        "beyond its lower rail and back" => seen.returned_low,
        "above the clamp" | "above the table" => seen.clipped_high,
        "below the clamp" | "below the table" => seen.clipped_low,
        "below 0" => seen.counts.get(&0).copied().unwrap_or(0),
        "not below 0" => seen.counts.get(&1).copied().unwrap_or(0),
        "inside the clamp" => seen.unclipped,
        "a negative tie above an even number" => ties.negative_even,
        "a negative tie above an odd number" => ties.negative_odd,
        "a positive tie above an even number" => ties.positive_even,
        "a positive tie above an odd number" => ties.positive_odd,
        other => {
            let count = other.split(' ').find_map(|word| word.parse().ok()).unwrap();
            seen.counts.get(&count).copied().unwrap_or(0)
        }
    };
    times > 0
}

/// What was seen of some designs.
#[derive(Default)]
struct Found {
    claimed: usize,
    impossible: usize,
    kinds: BTreeMap<String, usize>,
}

impl Found {
    fn and(mut self, other: Found) -> Found {
        self.claimed += other.claimed;
        self.impossible += other.impossible;
        other.kinds.into_iter().for_each(|(kind, count)| *self.kinds.entry(kind).or_default() += count);
        self
    }
}

/// Counts at nodes and goals of directed and random programs are the oracle's; `outputs` by chance reach nothing impossible.
fn check(count: usize, seed: u64, outputs: usize) {
    let found = each_apart(&designs(count, seed), &|at, design| check_one(at, design, outputs));
    let Found { claimed, impossible, kinds } = found.into_iter().fold(Found::default(), Found::and);
    println!("{count} designs: {claimed} goals reached, as the oracle says; {impossible} impossible");
    println!("{kinds:?}");
    assert!(claimed > count * 50 && impossible > count * 5);
}

fn check_one(at: u64, design: &Arc<Design>, outputs: usize) -> Found {
    let mut told = Found::default();
    let all = goals(design);
    let mut random = Random(at);
    let names = || design.fitting_nodes().into_iter().map(|(_, id)| id).collect::<Vec<_>>();
    let made = Form::ALL.into_iter().filter_map(|form| {
        directed(design, form, Some([5, if form == Form::Single { 1 } else { 7 }, 9]), 1).ok()
    });
    let by_chance: Vec<Program> = (0..2).filter_map(|_| random.program(design, [3, 4, 5])).collect();
    for program in made.chain(by_chance) {
        let (machine, work) = for_oracle(&program, &program.parameters);
        let expected = seen(&machine, &work, names());
        assert_eq!(score(&program).nodes, expected, "seed {at}\n{}", design.to_toml());
        let found = reached(&program, &Judge::new(&program), &all);
        for (goal, found) in all.iter().zip(found) {
            if makes_no_number(&program, goal) {
                continue;
            }
            let expected = is_reached(&program, goal, &expected);
            assert_eq!(found, expected, "seed {at}: {}\n{}", goal.name, design.to_toml());
            assert!(!(expected && goal.impossible.is_some()), "seed {at}: {goal:?}\n{}", design.to_toml());
            told.claimed += usize::from(found);
        }
    }
    let hopeless: Vec<Goal> = all.into_iter().filter(|goal| goal.impossible.is_some()).collect();
    told.impossible = hopeless.len();
    for goal in &hopeless {
        *told.kinds.entry(goal.name.split_once(": ").unwrap().1.to_owned()).or_default() += 1;
    }
    let shape = [20, 1 + at as usize % 5, 25];
    for _ in 0..outputs.div_ceil(shape[0] * shape[2]) {
        let Some(program) = random.program(design, shape) else { continue };
        let judge = Judge::new(&program);
        let found = reached(&program, &judge, &hopeless);
        for (goal, found) in hopeless.iter().zip(found) {
            let is_seen = bit(design, goal).is_some_and(|(parameter, bit, is_set)| {
                let faults = vec![Fault::Stuck { parameter, bit, at: !is_set }];
                judge.difference(&Hardware { design: (**design).clone(), faults }).is_some()
            });
            assert!(!found && !is_seen, "seed {at}: {goal:?} is reached by chance\n{}", design.to_toml());
        }
    }
    told
}

#[test]
fn goals_are_what_an_oracle_sees() {
    check(25, 5, 2_000);
}

#[test]
#[ignore = "long: 1 000 random designs, 100 000 random outputs each"]
fn goals_of_a_thousand_designs() {
    check(1000, 6, 100_000);
}
