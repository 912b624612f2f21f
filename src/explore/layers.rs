//! Layer by layer, on the inputs that each meets when no accumulator overflows, at all widths from one pass.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::answer::{
    ChannelWidths, Curve, CurvePoint, Events, Fidelity, Layer, Layers, LevelEvents, Outcome, Overflowing,
    Unvaried, WithoutDead,
};
use super::counts::{FIRST_WIDTH, LAST_WIDTH, overflowing};
use super::exact::{Exact as ExactNetwork, Pass, is_unvaried};
use super::finish::Finish;
use super::needed::{NEVER, needed_width};
use super::replay::{Lane, Replayed, Terms, replay};
use super::variant::{Candidate, Candidates, rule, words};
use crate::bounds::{self, Dead};
use crate::design::{Design, Node, overflow_name};
use crate::error::Result;
use crate::network::{Computed, Coverage};
use crate::num::{Exact, Format, Overflow, needed_bits_64};

/// Every layer of the exact network, at every width and mode.
///
/// # Errors
/// Another number of labels than of images.
pub fn layers(exact: &ExactNetwork<'_>, candidates: &Candidates, labels: Option<&[i64]>) -> Result<Layers> {
    let found: Vec<Layer> = exact
        .layer_nodes()
        .filter_map(|(index, node)| {
            let passes: Vec<&Pass> = exact.parts.iter().flat_map(|part| &part.passes[index]).collect();
            let computed = exact.network.computed(node);
            (!passes.is_empty()).then(|| layer(&node.name, &passes, candidates, computed))
        })
        .collect();
    let proved: Option<Vec<u32>> = found.iter().map(|l| l.minimal_proved_width).collect();
    let mut macs = exact.network.macs();
    for mac in &mut macs {
        if let Some(why) = exact.not_followed.get(&mac.name) {
            mac.refused(why);
        }
    }
    let covered: BTreeSet<String> = found.iter().map(|layer| layer.name.clone()).collect();
    let is_covered = |name: &str| covered.contains(name);
    if exact.reach.cut.is_some() {
        let missing = macs.iter_mut().filter(|mac| !is_covered(&mac.name));
        missing.for_each(|mac| mac.refused("it lies behind what goldpath cannot compute"));
    }
    Ok(Layers {
        coverage: Coverage::new(&macs, &is_covered),
        skipped: macs.iter().filter(|mac| !is_covered(&mac.name)).cloned().collect(),
        macs,
        reference_width: exact.reference.accumulator.format.width(),
        minimal_proved_width: proved.map(|widths| widths.into_iter().max().unwrap_or(1)),
        minimal_observed_width: found.iter().map(|l| l.minimal_observed_width).max().unwrap_or(1),
        without_dead: all_without_dead(&found),
        exact_when_held: exact.exact.is_none(),
        unvaried: unvaried(&exact.reference, candidates),
        agree_when_held: agreeing(&exact.without_overflow, &exact.answers),
        differing_when_held: exact.layer_nodes().map(|(_, node)| exact.differing(node, &|_| None)).sum(),
        images: exact.answers.len() as u64,
        correct: labels.map(|labels| exact.correct(labels)).transpose()?,
        answers: exact.answers.clone(),
        layers: found,
    })
}

/// The layers' together.
fn all_without_dead(layers: &[Layer]) -> WithoutDead {
    let proved: Option<Vec<u32>> = layers.iter().map(|l| l.without_dead.proved).collect();
    WithoutDead {
        dead: layers.iter().map(|l| l.without_dead.dead).sum(),
        proved: proved.map(|widths| widths.into_iter().max().unwrap_or(1)),
        observed: layers.iter().map(|l| l.without_dead.observed).max().unwrap_or(1),
    }
}

/// One layer's channels that are not dead.
fn without_dead(dead: &Dead, channels: &[ChannelWidths]) -> WithoutDead {
    let is_live = |n: &usize| dead.channels.iter().all(|c| c.channel != *n);
    let live = (0..channels.len()).filter(is_live);
    WithoutDead {
        dead: dead.channels.len() as u64,
        proved: dead.proved_width,
        observed: live.map(|n| channels[n].observed).max().unwrap_or(1),
    }
}

/// Images answered alike.
pub(super) fn agreeing(a: &[u32], b: &[u32]) -> u64 {
    a.iter().zip(b).filter(|(a, b)| a == b).count() as u64
}

/// Everything in front of the post steps that fits a value, the accumulator left out, and formats that nobody wrote, which
/// follow its width and hold every value.
fn unvaried(design: &Design, candidates: &Candidates) -> Vec<Unvaried> {
    let narrowest = candidates.all.iter().find_map(|candidate| candidate.design.done());
    let [products, levels, after] = [design.product_ranges(), design.level_ranges(), design.after_ranges()];
    let [store, load] = design.memory_ranges();
    let always_fits = |node: Node| match node {
        Node::Product(step) => products[step].always_fits,
        Node::Reduce(level) => levels[level].always_fits,
        Node::After(level) => after[level].always_fits,
        Node::Store(step) => store[step].always_fits,
        Node::Load(step) => load[step].always_fits,
        _ => false,
    };
    let of_node = |(node, id): (Node, String)| {
        let fit = design.fit_of(node)?;
        let follows =
            narrowest.is_some_and(|other| other.fit_of(node).is_some_and(|o| o.format != fit.format));
        if follows {
            return None;
        }
        let (format, overflow) = (fit.format.to_string(), overflow_name(fit.overflow).to_owned());
        Some(Unvaried { node: id, format, overflow, always_fits: always_fits(node) })
    };
    design.fitting_nodes().into_iter().filter(|(node, _)| is_unvaried(*node)).filter_map(of_node).collect()
}

/// Their events, over all passes.
fn level_events(passes: &[&Pass]) -> Vec<LevelEvents> {
    let mut sums: Vec<LevelEvents> = Vec::new();
    for (index, level) in passes.iter().flat_map(|pass| pass.levels.iter().enumerate()) {
        match sums.get_mut(index) {
            Some(sum) => (sum.high, sum.low) = (sum.high + level.high, sum.low + level.low),
            None => sums.push(LevelEvents { node: level.node.clone(), high: level.high, low: level.low }),
        }
    }
    sums
}

/// Outputs, or sums where the layer has no output scale, that are not those of exact sums.
fn changed_by_levels(pass: &Pass) -> u64 {
    let Some(exact) = &pass.exact else { return 0 };
    let (is, was) = match pass.layer.output {
        Some(_) => (&pass.outputs, &exact.outputs),
        None => (&pass.prefixes.sums, &exact.sums),
    };
    is.iter().zip(was).filter(|(a, b)| a != b).count() as u64
}

/// One node; its passes are those of all batches.
fn layer(name: &str, passes: &[&Pass], candidates: &Candidates, computed: Computed) -> Layer {
    let rule = candidates.strictest();
    let ranges = passes.iter().map(|pass| channel_ranges(pass, computed));
    let (channels, unproved) = ranges.reduce(join).unwrap_or_default();
    let signed = candidates.reference.accumulator.register.is_signed();
    let channel_widths: Vec<ChannelWidths> = channels.iter().map(|c| c.widths(signed, rule)).collect();
    let proved: Option<Vec<u32>> = channel_widths.iter().map(|c| c.proved).collect();
    let observed = channels.iter().map(|c| c.observed).reduce(union).unwrap_or((0, 0));
    let all_proved: Option<Vec<(i128, i128)>> = channels.iter().map(|c| c.proved).collect();
    let all_proved = all_proved.map(|ranges| ranges.into_iter().reduce(union).unwrap_or((0, 0)));
    let needed: Vec<Option<u32>> = channel_widths.iter().map(|c| c.proved).collect();
    let dead = match passes.first() {
        Some(pass) => Dead::new(&pass.layer, &needed, &needed),
        None => Dead { channels: Vec::new(), proved_width: None },
    };
    let modes = &candidates.modes;
    Layer {
        name: name.to_owned(),
        k: passes.first().map_or(0, |pass| pass.program.shape.k as u64),
        channels: channels.len() as u64,
        outputs: passes.iter().map(|pass| pass.outputs.len() as u64).sum(),
        levels: level_events(passes),
        changed_by_levels: passes.iter().map(|pass| changed_by_levels(pass)).sum(),
        minimal_proved_width: proved.map(|widths| widths.into_iter().max().unwrap_or(1)),
        minimal_observed_width: channel_widths.iter().map(|c| c.observed).max().unwrap_or(1),
        without_dead: without_dead(&dead, &channel_widths),
        dead,
        computed: unproved.or_else(|| computed.any().then(|| computed.words())),
        proved: all_proved.map(|(low, high)| [Exact(low), Exact(high)]),
        // Prefixes are 64-bit numbers.
        observed: [observed.0 as i64, observed.1 as i64],
        channel_widths,
        overflowing: tables(passes, modes),
        curves: curves(passes, candidates),
    }
}

/// What enters the accumulators of one channel.
#[derive(Debug, Clone, Copy)]
struct Channel {
    /// Nothing is, when the network computes what it depends on.
    proved: Option<(i128, i128)>,
    observed: (i128, i128),
    start: (i128, i128),
}

fn union(x: (i128, i128), y: (i128, i128)) -> (i128, i128) {
    (x.0.min(y.0), x.1.max(y.1))
}

/// Channels, and why nothing is proved of them.
type Ranges = (Vec<Channel>, Option<String>);

fn join((a, why): Ranges, (b, other): Ranges) -> Ranges {
    let channels = a
        .into_iter()
        .zip(b)
        .map(|(a, b)| Channel {
            proved: a.proved.zip(b.proved).map(|(a, b)| union(a, b)),
            observed: union(a.observed, b.observed),
            start: union(a.start, b.start),
        })
        .collect();
    (channels, why.or(other))
}

fn channel_ranges(pass: &Pass, computed: Computed) -> Ranges {
    let (proved, why) = match bounds::entering_ranges_of(&pass.program, &pass.layer, computed) {
        Ok(ranges) => (ranges.into_iter().map(Some).collect(), None),
        Err(error) => (vec![None; pass.starts.len()], Some(error.message)),
    };
    let range = |values: ndarray::ArrayView1<'_, i64>, highs: ndarray::ArrayView1<'_, i64>| {
        let low = values.iter().copied().min().unwrap_or(0);
        (i128::from(low), i128::from(highs.iter().copied().max().unwrap_or(0)))
    };
    let columns = pass.prefixes.low.columns().into_iter().zip(pass.prefixes.high.columns());
    let channels = proved
        .into_iter()
        .zip(columns)
        .zip(&pass.starts)
        .map(|((proved, (low, high)), start)| {
            let start = i128::from(*start);
            Channel { proved, observed: range(low, high), start: (start, start) }
        })
        .collect();
    (channels, why)
}

impl Channel {
    fn widths(&self, signed: bool, rule: Overflow) -> ChannelWidths {
        let with_start = |(low, high): (i128, i128)| {
            needed_width(low.min(self.start.0), high.max(self.start.1), signed, rule)
        };
        let proved = self.proved.map(with_start);
        ChannelWidths {
            proved: proved.filter(|proved| *proved < NEVER),
            observed: with_start(self.observed),
            start: needed_width(self.start.0, self.start.1, signed, rule),
        }
    }
}

/// One table per mode.
fn tables(passes: &[&Pass], modes: &[&'static str]) -> Vec<Overflowing> {
    let rules: Vec<Overflow> = modes.iter().map(|mode| rule(mode)).collect();
    let add = |mut a: Vec<Vec<Vec<u64>>>, b: Vec<Vec<Vec<u64>>>| {
        let theirs = b.iter().flatten().flatten();
        a.iter_mut().flatten().flatten().zip(theirs).for_each(|(a, b)| *a += b);
        a
    };
    let counts = passes.iter().map(|pass| overflowing(&pass.program, &pass.prefixes, &rules));
    let trimmed = |channel: Vec<u64>| {
        let end = channel.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        channel[..end].to_vec()
    };
    let table = |(mode, counts): (&&'static str, Vec<Vec<u64>>)| Overflowing {
        mode: (*mode).to_owned(),
        first_width: FIRST_WIDTH,
        outputs: counts.into_iter().map(trimmed).collect(),
    };
    modes.iter().zip(counts.reduce(add).unwrap_or_default()).map(table).collect()
}

/// A candidate, ready for one layer.
struct Ready {
    rule: Overflow,
    register: Format,
    finish: Result<Finish, String>,
}

/// Sums over a layer's outputs at one candidate.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    overflow: Events,
    accumulators_changed: u64,
    outputs_changed: u64,
    noise: u128,
}

impl Tally {
    fn plus(self, other: Tally) -> Tally {
        Tally {
            overflow: self.overflow.plus(other.overflow),
            accumulators_changed: self.accumulators_changed + other.accumulators_changed,
            outputs_changed: self.outputs_changed + other.outputs_changed,
            noise: self.noise.saturating_add(other.noise),
        }
    }
}

impl Events {
    /// Both together.
    pub(super) fn plus(self, other: Events) -> Events {
        Events {
            outputs: self.outputs + other.outputs,
            high: self.high + other.high,
            low: self.low + other.low,
            start_high: self.start_high + other.start_high,
            start_low: self.start_low + other.start_low,
        }
    }

    /// Of one output.
    pub(super) fn of(replayed: &Replayed) -> Events {
        let Replayed { high, low, start, .. } = *replayed;
        Events {
            outputs: u64::from(high + low > 0 || start.any()),
            high,
            low,
            start_high: start.high.into(),
            start_low: start.low.into(),
        }
    }
}

fn curves(passes: &[&Pass], candidates: &Candidates) -> Vec<Curve> {
    let tables = FIRST_WIDTH..=LAST_WIDTH;
    let wanted: Vec<&Candidate> = candidates.all.iter().filter(|c| tables.contains(&c.width)).collect();
    let mut results: Vec<Outcome<Tally>> = wanted.iter().map(|_| Outcome::Done(Tally::default())).collect();
    let mut signal = 0u128;
    for pass in passes {
        signal = signal.saturating_add(power(pass));
        let ready: Vec<Ready> = wanted.iter().map(|candidate| make_ready(candidate, pass)).collect();
        for (result, (tally, ready)) in results.iter_mut().zip(tallies(pass, &ready).into_iter().zip(ready)) {
            *result = match (&*result, ready.finish) {
                (Outcome::Done(sum), Ok(_)) => Outcome::Done(sum.plus(tally)),
                (Outcome::Done(_), Err(words)) => Outcome::NotBuildable(words),
                (refused, _) => refused.clone(),
            };
        }
    }
    let mut curves: BTreeMap<&str, Vec<CurvePoint>> = BTreeMap::new();
    for (candidate, result) in wanted.iter().zip(results) {
        let result = match result {
            Outcome::Done(tally) => Outcome::Done(fidelity(tally, signal)),
            Outcome::NotBuildable(words) => Outcome::NotBuildable(words),
        };
        curves.entry(candidate.mode).or_default().push(CurvePoint { width: candidate.width, result });
    }
    let curve = |mode: &&'static str| Curve {
        mode: (*mode).to_owned(),
        points: curves.remove(mode).unwrap_or_default(),
    };
    candidates.modes.iter().map(curve).collect()
}

fn make_ready(candidate: &Candidate, pass: &Pass) -> Ready {
    let finish = match &candidate.design {
        Outcome::NotBuildable(words) => Err(words.clone()),
        Outcome::Done(design) => Finish::new(design, pass).map_err(|error| words(&error)),
    };
    let signed = pass.program.design.accumulator.register.is_signed();
    let register = Format::new(candidate.width, signed).expect("no candidate is wider than a format");
    Ready { rule: candidate.rule(), register, finish }
}

/// The outputs that overflow at some candidate, replayed there; one tally per candidate, widths ascending.
fn tallies(pass: &Pass, ready: &[Ready]) -> Vec<Tally> {
    let (rows, channels) = pass.extents();
    let same = !ready.iter().any(|ready| ready.finish.as_ref().is_ok_and(|finish| !finish.same));
    let zeros = || vec![Tally::default(); ready.len()];
    let add = |a: Vec<Tally>, b: Vec<Tally>| a.into_iter().zip(b).map(|(a, b)| a.plus(b)).collect();
    let row = |mut sums: Vec<Tally>, m: usize| {
        let mut terms = Terms::of_row(&pass.program, m);
        for n in 0..channels {
            output(pass, (ready, same), (m, n), &mut terms, &mut sums);
        }
        sums
    };
    (0..rows).into_par_iter().fold(zeros, row).reduce(zeros, add)
}

fn output(
    pass: &Pass,
    (ready, same): (&[Ready], bool),
    (m, n): (usize, usize),
    terms: &mut Terms<'_>,
    sums: &mut [Tally],
) {
    let mut walked = None;
    let (held, held_output) = (pass.prefixes.sums[[m, n]], pass.outputs[[m, n]]);
    let (sums_of, outputs_of) = pass.exact();
    let exact = (sums_of[[m, n]], outputs_of[[m, n]]);
    let is_exact = held == exact.0;
    let signed = pass.program.design.accumulator.register.is_signed();
    let (low, high) = (pass.prefixes.low[[m, n]], pass.prefixes.high[[m, n]]);
    let (low, high) = (low.min(pass.starts[n]), high.max(pass.starts[n]));
    let [plain, symmetric] =
        [Overflow::Saturate, Overflow::SaturateSymmetric].map(|rule| needed_bits_64(low, high, signed, rule));
    for (ready, sum) in ready.iter().zip(sums) {
        if is_exact && same && ready.register.width() >= symmetric {
            break;
        }
        let Ok(finish) = &ready.finish else { continue };
        let needed = if ready.rule == Overflow::SaturateSymmetric { symmetric } else { plain };
        let affected = needed > ready.register.width();
        if is_exact && !affected && finish.same {
            continue;
        }
        let mut accumulator = held;
        if affected {
            let terms = walked.get_or_insert_with(|| terms.of(n));
            let lane = Lane::new(ready.register, ready.rule, pass.starts[n]);
            let replayed = replay(&pass.program, n, terms, lane);
            accumulator = replayed.accumulator;
            sum.overflow = sum.overflow.plus(Events::of(&replayed));
        }
        let output =
            if accumulator == held && finish.same { held_output } else { finish.output(accumulator, n) };
        let (is, was) = if pass.layer.output.is_some() { (output, exact.1) } else { (accumulator, exact.0) };
        sum.accumulators_changed += u64::from(accumulator != exact.0);
        sum.outputs_changed += u64::from(is != was);
        sum.noise = sum.noise.saturating_add(square(i128::from(is) - i128::from(was)));
    }
}

fn square(value: i128) -> u128 {
    value.unsigned_abs().saturating_mul(value.unsigned_abs())
}

/// Σ y² over a layer's exact outputs, zero point subtracted.
fn power(pass: &Pass) -> u128 {
    let (sums, outputs) = pass.exact();
    let (values, zero_point) = match pass.layer.output {
        Some(output) => {
            let recoding = crate::lower::output_recoding(&pass.program.design, &pass.layer);
            (outputs, i128::from(output.zero_point - recoding))
        }
        None => (sums, 0),
    };
    values.iter().fold(0, |sum: u128, y| sum.saturating_add(square(i128::from(*y) - zero_point)))
}

fn fidelity(tally: Tally, signal: u128) -> Fidelity {
    Fidelity {
        overflow: tally.overflow,
        accumulators_changed: tally.accumulators_changed,
        outputs_changed: tally.outputs_changed,
        sqnr_db: (tally.noise > 0).then(|| decibels(signal, tally.noise)),
    }
}

/// Rounded, so that the last bits of a logarithm are no part of a report. A layer that is all zero has power 1.
fn decibels(signal: u128, noise: u128) -> f64 {
    let db = 10.0 * (signal.max(1) as f64 / noise as f64).log10();
    (db * 1000.0).round() / 1000.0
}
