//! What good vectors make happen, beside telling neighbours apart: which of it a program does, and what no program can.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::judge::Judge;
use super::observed::observed;
use super::roundings::{counts, roundings};
use super::stages::{Mattering, Rounds, Stage, stages};
use crate::design::{Design, Node};
use crate::lower::Program;
use crate::neighbours::{Fault, Goals, Hardware, NodeSeen};
use crate::num::{Fit, Overflow, Rounding};
use crate::post::{Operand, Parameter, Per, Range, Rounded, Step, Tie};

/// Something worth happening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// In one line, its node or parameter first: `post.0: a negative tie above an even number`.
    pub name: String,
    /// How it is seen.
    pub(super) what: What,
    /// Why no program reaches it, if that is proved.
    pub impossible: Option<String>,
}

/// How a goal is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// At the node of this index.
    Event(usize, Event),
    /// Codes at these ends meet in a product.
    Corner { activation: i64, weight: i64 },
    /// A bit of the value at a stage matters to some output while it is `is_set`.
    Stage { stage: usize, bit: u32, is_set: bool },
    /// A right shift by this count rounds so, and an output depends on it.
    Rounds { step: usize, count: u32, to: Rounds },
    /// A bit of a parameter's port matters to some output while it is the other value than `at`.
    Bit { parameter: usize, bit: u32, at: bool },
}

/// What is counted at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    High,
    Low,
    AtHigh,
    AtLow,
    ReturnedHigh,
    ReturnedLow,
    AboveClamp,
    BelowClamp,
    InsideClamp,
    /// By sign, and by whether the lower neighbour is odd.
    Tie(Tie),
    Count(u32),
    AboveTable,
    BelowTable,
}

impl Event {
    fn words(self) -> String {
        let words = match self {
            Event::High => "beyond its upper rail",
            Event::Low => "beyond its lower rail",
            Event::AtHigh => "exactly at its upper rail",
            Event::AtLow => "exactly at its lower rail",
            Event::ReturnedHigh => "beyond its upper rail and back",
            Event::ReturnedLow => "beyond its lower rail and back",
            Event::AboveClamp => "above the clamp",
            Event::BelowClamp => "below the clamp",
            Event::InsideClamp => "inside the clamp",
            Event::Tie(Tie { negative: true, odd: false }) => "a negative tie above an even number",
            Event::Tie(Tie { negative: true, odd: true }) => "a negative tie above an odd number",
            Event::Tie(Tie { negative: false, odd: false }) => "a positive tie above an even number",
            Event::Tie(Tie { negative: false, odd: true }) => "a positive tie above an odd number",
            Event::AboveTable => "above the table",
            Event::BelowTable => "below the table",
            Event::Count(count) => return format!("shift by {count}"),
        };
        words.to_owned()
    }

    /// How often it happened.
    pub fn times(self, seen: &NodeSeen) -> u64 {
        let ties = seen.ties.unwrap_or_default();
        match self {
            Event::High => seen.high,
            Event::Low => seen.low,
            Event::AtHigh => seen.at_high,
            Event::AtLow => seen.at_low,
            Event::ReturnedHigh => seen.returned_high,
            Event::ReturnedLow => seen.returned_low,
            Event::AboveClamp | Event::AboveTable => seen.clipped_high,
            Event::BelowClamp | Event::BelowTable => seen.clipped_low,
            Event::InsideClamp => seen.unclipped,
            Event::Tie(Tie { negative: true, odd: false }) => ties.negative_even,
            Event::Tie(Tie { negative: true, odd: true }) => ties.negative_odd,
            Event::Tie(Tie { negative: false, odd: false }) => ties.positive_even,
            Event::Tie(Tie { negative: false, odd: true }) => ties.positive_odd,
            Event::Count(count) => seen.counts.get(&count).copied().unwrap_or_default(),
        }
    }
}

/// All goals of a design, in datapath order.
pub fn goals(design: &Design) -> Vec<Goal> {
    let mut all = corners(design);
    let (products, levels, steps) = (design.product_ranges(), design.level_ranges(), design.step_ranges());
    let ([store, load], after) = (design.memory_ranges(), design.after_ranges());
    for (index, (node, id)) in design.fitting_nodes().into_iter().enumerate() {
        let mut named = |event: Event, words: String, impossible: Option<String>| {
            all.push(Goal { name: format!("{id}: {words}"), what: What::Event(index, event), impossible });
        };
        let mut goal = |event: Event, impossible: Option<String>| named(event, event.words(), impossible);
        let range = match node {
            Node::Product(step) => &products[step],
            Node::Reduce(level) => &levels[level],
            Node::After(level) => &after[level],
            Node::Store(step) => &store[step],
            Node::Load(step) => &load[step],
            Node::Post(step) => &steps[step],
            Node::AccumulatorStart => {
                let bias = design.accumulator.bias.map(|index| design.parameters[index].range());
                rails(design, node, bias, &mut goal);
                continue;
            }
            Node::Accumulator => {
                accumulator(design, &mut goal);
                continue;
            }
            Node::AccumulatorOutput => {
                let register = design.accumulator.register;
                let held = (i128::from(register.min()), i128::from(register.max()));
                rails(design, node, Some(held), &mut goal);
                continue;
            }
            Node::Memory => {
                rails(design, node, None, &mut goal);
                continue;
            }
        };
        rails(design, node, range.unfitted, &mut goal);
        if let Some(step) = design.step_of(node) {
            operation(design, step, range.entering, &mut goal);
            let cases = cases(design, step, range.entering).into_iter();
            cases.for_each(|(event, words, impossible)| named(event, words, impossible));
        }
    }
    all.extend(of_stages(design));
    all.extend(roundings(design));
    all.extend((0..design.parameters.len()).flat_map(|index| bits(design, index)));
    all
}

type Add<'a> = dyn FnMut(Event, Option<String>) + 'a;

/// Around the rails of a format that values of a range enter.
fn rails(design: &Design, node: Node, entering: Option<Range>, goal: &mut Add<'_>) {
    let Some((low, high)) = design.fit_of(node).map(Fit::rails) else { return };
    let (low, high) = (i128::from(low), i128::from(high));
    let never = |is_so: &dyn Fn(Range) -> bool| {
        entering
            .filter(|range| is_so(*range))
            .map(|range| format!("only {}..{} comes there", range.0, range.1))
    };
    goal(Event::High, never(&|range| range.1 <= high));
    goal(Event::Low, never(&|range| range.0 >= low));
    goal(Event::AtHigh, never(&|range| !(range.0..=range.1).contains(&high)));
    goal(Event::AtLow, never(&|range| !(range.0..=range.1).contains(&low)));
}

/// The accumulator, over any number of beats.
fn accumulator(design: &Design, goal: &mut Add<'_>) {
    let accumulator = &design.accumulator;
    let register = accumulator.register_fit();
    let (low, high) = register.rails();
    let sums = design.beat_interval();
    let bias = accumulator.bias.map_or((0, 0), |index| design.parameters[index].range());
    let start = register.image(bias);
    let starts_inside = register.holds(bias);
    if let Some(held) = design.held_interval().filter(|held| register.holds(*held)) {
        let why = format!("only {}..{} comes there", held.0, held.1);
        for event in [Event::High, Event::Low, Event::ReturnedHigh, Event::ReturnedLow] {
            goal(event, Some(why.clone()));
        }
        goal(Event::AtHigh, (held.1 < i128::from(high)).then(|| why.clone()));
        goal(Event::AtLow, (held.0 > i128::from(low)).then_some(why));
        return;
    }
    let (never_up, never_down) = (sums.1 <= 0, sums.0 >= 0);
    let when = |is_so: bool, why: &str| is_so.then(|| why.to_owned());
    let (no_up, no_down) = ("no sum of a beat is positive", "no sum of a beat is negative");
    goal(Event::High, when(never_up, no_up));
    goal(Event::Low, when(never_down, no_down));
    let wraps = register.overflow == Overflow::Wrap;
    goal(Event::AtHigh, when(never_up && !wraps && start.1 < i128::from(high), no_up));
    goal(Event::AtLow, when(never_down && !wraps && start.0 > i128::from(low), no_down));
    let stays = |up: bool| match (never_up, never_down) {
        (true, _) if up => Some(no_up.to_owned()),
        (_, true) if !up => Some(no_down.to_owned()),
        (_, true) if starts_inside => Some(format!("{no_down}, so that none comes back")),
        (true, _) if starts_inside => Some(format!("{no_up}, so that none comes back")),
        _ => None,
    };
    goal(Event::ReturnedHigh, stays(true));
    goal(Event::ReturnedLow, stays(false));
}

/// What a step's operation does, given every value that enters it.
fn operation(design: &Design, step: &Step, into: Range, goal: &mut Add<'_>) {
    let of = |operand: Operand| step.value_range(operand, &design.parameters);
    let op = &step.op;
    let only = |is_so: bool| is_so.then(|| format!("only {}..{} comes there", into.0, into.1));
    if let [Some(low), Some(high)] = op.bounds() {
        let (low, high) = (of(low), of(high));
        goal(Event::AboveClamp, only(into.1 <= high.0));
        goal(Event::BelowClamp, only(into.0 >= low.1));
        goal(Event::InsideClamp, only(into.1 < low.0 || into.0 > high.1));
    }
    let ties = [(true, false), (true, true), (false, false), (false, true)];
    let tie = |(negative, odd)| Event::Tie(Tie { negative, odd });
    match op.rounds() {
        Some((Rounded::Shift(count), _)) => {
            let (least, most) = of(count);
            let half = |count: i128| 1_i128 << (count.clamp(1, 120) - 1);
            let unit = half(least);
            let none = (most == 0).then(|| "nothing is shifted".to_owned());
            let outside = [into.0 > -3 * unit, into.0 > -unit, into.1 < unit, into.1 < 3 * unit];
            for (sides, is_out) in ties.into_iter().zip(outside) {
                goal(tie(sides), none.clone().or_else(|| only(is_out)));
            }
            if per_channel(design, count) {
                counts((least, most)).for_each(|count| goal(Event::Count(count), None));
            }
        }
        Some((float @ Rounded::Float(_), _)) => {
            for sides in ties {
                let is_out = float.keeps_sign(of) && if sides.0 { into.0 >= 0 } else { into.1 <= 0 };
                goal(tie(sides), only(is_out));
            }
        }
        None => {}
    }
}

/// The cases of a table, of thresholds, of a branch, each in words.
fn cases(design: &Design, step: &Step, into: Range) -> Vec<(Event, String, Option<String>)> {
    let only = |is_so: bool| is_so.then(|| format!("only {}..{} comes there", into.0, into.1));
    let of = |operand: Operand| step.value_range(operand, &design.parameters);
    let case = |case: usize| {
        // Fewer than the entries of a table.
        let event = Event::Count(u32::try_from(case).unwrap_or(u32::MAX));
        (event, step.op.case_words(case), only(step.op.is_never(case, into, of)))
    };
    let mut all: Vec<_> = step.op.cases().into_iter().map(case).collect();
    if let Some(table) = step.op.table() {
        let (first, last) = (i128::from(table.first), table.last());
        let sides = [(Event::BelowTable, into.0 >= first), (Event::AboveTable, into.1 <= last)];
        all.extend(sides.map(|(event, never)| (event, event.words(), only(never))));
    }
    all
}

/// One bundle has one number per layer, and every exponent of a weight.
pub(super) fn per_channel(design: &Design, operand: Operand) -> bool {
    match operand {
        Operand::Constant(_) => false,
        Operand::Exponent { .. } => true,
        Operand::Parameter(index) => design.parameters[index].per == Per::Channel,
    }
}

fn corners(design: &Design) -> Vec<Goal> {
    if design.is_post_only() {
        return Vec::new();
    }
    let ends = |format: crate::num::Format| [("lowest", format.min()), ("highest", format.max())];
    let (ours, weights) = (ends(design.activation.format), ends(design.weight.format));
    let pair = |(a, activation): (&str, i64), (w, weight): (&str, i64)| Goal {
        name: format!("product: {a} activation times {w} weight"),
        what: What::Corner { activation, weight },
        impossible: None,
    };
    ours.into_iter().flat_map(|a| weights.into_iter().map(move |w| pair(a, w))).collect()
}

/// Both values of every bit of every value between steps, each where it matters.
fn of_stages(design: &Design) -> Vec<Goal> {
    let of_stage = |(index, stage): (usize, Stage)| {
        let unread = unread(design, &stage);
        let both = (0..stage.format.width()).flat_map(|bit| [false, true].map(|is_set| (bit, is_set)));
        let goal = |(bit, is_set): (u32, bool)| {
            let (least, most) = (stage.range.0 >> bit, stage.range.1 >> bit);
            let fixed = least == most && (least & 1 == 1) != is_set;
            Goal {
                name: format!("{}: bit {bit} is {} and matters", stage.id, u8::from(is_set)),
                what: What::Stage { stage: index, bit, is_set },
                impossible: fixed
                    .then(|| format!("only {}..{} comes there", stage.range.0, stage.range.1))
                    .or_else(|| unread.clone().filter(|(bits, _)| bit < *bits).map(|(_, why)| why)),
            }
        };
        both.map(goal).collect::<Vec<_>>()
    };
    stages(design).into_iter().enumerate().flat_map(of_stage).collect()
}

/// So many low bits of a stage that the shift behind it never reads, and why.
fn unread(design: &Design, stage: &Stage) -> Option<(u32, String)> {
    let step = design.post.get(stage.steps).filter(|step| step.when.is_none())?;
    let Some((Rounded::Shift(count), rounding)) = step.op.rounds() else { return None };
    let least = u32::try_from(step.value_range(count, &design.parameters).0).ok()?;
    let bits = match rounding {
        Rounding::Floor => least,
        // The half is added at the bit below the last one that is kept.
        Rounding::HalfUp => least.checked_sub(1)?,
        _ => return None,
    };
    Some((bits, format!("{} shifts by {least} at least, {rounding}", step.id)))
}

/// Both values of every bit of a parameter's port, each where it matters.
fn bits(design: &Design, index: usize) -> Vec<Goal> {
    let parameter: &Parameter = &design.parameters[index];
    let starts = design.accumulator.bias == Some(index) && design.accumulator.step_rule() == Overflow::Wrap;
    let register = design.accumulator.register.width();
    let both = |bit: u32| [false, true].into_iter().map(move |at| (bit, at));
    let goal = |(bit, at): (u32, bool)| {
        let (least, most) = (parameter.min >> bit, parameter.max >> bit);
        let fixed = least == most && (least & 1 == 1) == at;
        let impossible = match fixed {
            true => Some(format!("{} is {}..{}", parameter.name, parameter.min, parameter.max)),
            false => (starts && bit >= register).then(|| format!("the register wraps at {register} bits")),
        };
        let name = format!("{}: bit {bit} is {} and matters", parameter.name, u8::from(!at));
        Goal { name, what: What::Bit { parameter: index, bit, at }, impossible }
    };
    (0..parameter.format.width()).flat_map(both).map(goal).collect()
}

impl What {
    /// Hardware that shows whether the goal is reached: told apart where it is.
    pub fn hardware(self, design: &Design) -> Option<Hardware> {
        let What::Bit { parameter, bit, at } = self else { return None };
        Some(Hardware { design: design.clone(), faults: vec![Fault::Stuck { parameter, bit, at }] })
    }
}

/// Which of the design's goals a program reaches, one entry each.
pub fn reached(program: &Program, judge: &Judge<'_>, goals: &[Goal]) -> Vec<bool> {
    let nodes = observed(program);
    reached_with(program, judge, goals, &nodes)
}

/// The same with what is observed at hand.
pub(super) fn reached_with(
    program: &Program,
    judge: &Judge<'_>,
    goals: &[Goal],
    nodes: &[NodeSeen],
) -> Vec<bool> {
    let design = &program.design;
    let mattering = Mattering::of(program, judge, &stages(design));
    let by_starts = by_starts(program, judge, goals);
    let is_reached = |goal: &Goal| match goal.what {
        What::Stage { stage, bit, is_set } => mattering.bits[stage][bit as usize][usize::from(is_set)],
        What::Rounds { step, count, to } => mattering.rounds.contains(&(step, count, to)),
        What::Event(node, event) => event.times(&nodes[node]) > 0,
        What::Corner { activation, weight } => meets(program, activation, weight),
        // What is proved impossible is not tried.
        What::Bit { .. } if goal.impossible.is_some() => false,
        What::Bit { .. } => goal.what.hardware(design).is_some_and(|other| {
            let known = starts_only(design, goal).then(|| by_starts.get(&judge.starts(&other)));
            known.flatten().copied().unwrap_or_else(|| judge.difference(&other).is_some())
        }),
    };
    goals.par_iter().map(is_reached).collect()
}

/// Whether a goal is about a bit of what starts sums, and is nothing else.
fn starts_only(design: &Design, goal: &Goal) -> bool {
    let What::Bit { parameter, .. } = goal.what else { return false };
    let offsets = [design.activation.offset, design.weight.offset].into_iter().flatten();
    let steps =
        design.product_steps.iter().chain(&design.store_steps).chain(&design.load_steps).chain(&design.post);
    let mut others = steps.flat_map(|step| step.operands()).chain(offsets);
    design.accumulator.bias == Some(parameter) && others.all(|other| other != Operand::Parameter(parameter))
}

/// Whether outputs differ, by where sums start: many bits of a bias lead to the same rail.
fn by_starts(program: &Program, judge: &Judge<'_>, goals: &[Goal]) -> BTreeMap<Vec<i64>, bool> {
    let design = &program.design;
    let asked = goals.iter().filter(|goal| goal.impossible.is_none() && starts_only(design, goal));
    let others = asked.filter_map(|goal| goal.what.hardware(design));
    let distinct: BTreeMap<Vec<i64>, Hardware> = others.map(|other| (judge.starts(&other), other)).collect();
    let own = judge.starts(&Hardware::of(design));
    let differs = |(starts, other): (Vec<i64>, Hardware)| {
        let differs = starts != own && judge.difference(&other).is_some();
        (starts, differs)
    };
    distinct.into_par_iter().map(differs).collect()
}

/// Whether two codes meet in some product.
fn meets(program: &Program, activation: i64, weight: i64) -> bool {
    let shape = program.shape;
    let mut taps = (0..shape.groups).flat_map(|group| (0..shape.k).map(move |k| (group, k)));
    taps.any(|(group, k)| {
        let has_weight = (0..shape.n).any(|n| i64::from(program.weight(group, k, n)) == weight);
        let mut rows = (0..shape.images).flat_map(|image| (0..shape.m).map(move |m| (image, m)));
        has_weight && rows.any(|(image, m)| i64::from(program.activation(image, group, m, k)) == activation)
    })
}

/// As plain data.
pub(super) fn summed(goals: &[Goal], reached: &[bool]) -> Goals {
    let mut sum = Goals::default();
    for (goal, is_reached) in goals.iter().zip(reached) {
        match (&goal.impossible, is_reached) {
            (_, true) => sum.reached += 1,
            (Some(why), false) => {
                sum.impossible.insert(goal.name.clone(), why.clone());
            }
            (None, false) => sum.open.push(goal.name.clone()),
        }
    }
    sum
}
