//! Neighbours that no input can tell apart, and why: proved from ranges, or by trying all there is.

mod levels;
mod signs;
mod sums;

use sums::{accumulator, has_no_order, memory};

use crate::design::{Array, Coding, Design, Skew};
use crate::neighbours::{Fault, Hardware, Mirrored, MovedBias};
use crate::num::{Fit, Overflow, Rounding, fit};
use crate::post::{NodeRange, Op, Operand, Parameter, Range, Rounded, Step};

/// Inputs that are tried one by one, at most.
const EXHAUSTED: i128 = 1 << 20;

/// Why `hardware` gives every output of every program as `design` does, in the same cycle; None: that is not known.
pub fn proved_equal(design: &Design, hardware: &Hardware) -> Option<String> {
    let tried = || {
        let is_whole = hardware.faults.is_empty() && design.is_timed_as(&hardware.design);
        is_whole.then(|| exhausted(design, &hardware.design)).flatten()
    };
    by_ranges(design, hardware).or_else(tried)
}

/// The same without trying inputs.
pub(super) fn by_ranges(design: &Design, hardware: &Hardware) -> Option<String> {
    if !design.is_timed_as(&hardware.design) {
        return None;
    }
    let its = &hardware.design;
    if !hardware.faults.is_empty() {
        // An edit beside a fault is a pair: neither proof holds for both.
        return (its == design).then(|| faults(design, &hardware.faults)).flatten();
    }
    let parts: [&dyn Fn() -> Verdict; 9] = [
        &|| operands(design, its),
        &|| products(design, its),
        &|| levels::of_a_beat(design, its),
        &|| accumulator(design, its),
        &|| levels::behind_the_last(design, its),
        &|| memory(design, its),
        &|| array(design, its),
        &|| parameters(design, its),
        &|| steps(design, its, &design.step_ranges()),
    ];
    let mut why = None;
    for part in parts {
        match part() {
            Verdict::Same => {}
            Verdict::Equal(reason) => why = why.or(Some(reason)),
            Verdict::Unknown => return None,
        }
    }
    why
}

/// What is known of one part of two designs.
enum Verdict {
    /// They do not differ there.
    Same,
    /// They do, and no value shows it.
    Equal(String),
    Unknown,
}

impl Verdict {
    fn when(is_so: bool, why: impl Into<String>) -> Verdict {
        if is_so { Verdict::Equal(why.into()) } else { Verdict::Unknown }
    }
}

fn faults(design: &Design, faults: &[Fault]) -> Option<String> {
    let [fault] = faults else { return None };
    let order = "a sum that wraps does not depend on its order";
    let wraps = has_no_order(design);
    match fault {
        Fault::Product(format) => {
            let fits = Overflow::Wrap.holds(*format, design.product_interval());
            let register = design.accumulator.register.width();
            let is_left = wraps
                && design.memory.is_none()
                && design.product_steps.is_empty()
                && design.reduce.is_empty()
                && design.after.is_empty()
                && format.width() >= register;
            let lost = || is_left.then(|| only_lowest_reach(register, "a register that wraps"));
            fits.then(|| format!("every product fits {format}")).or_else(lost)
        }
        Fault::Bias(MovedBias::Last) | Fault::Mirrored(Mirrored::Beats) => wraps.then(|| order.to_owned()),
        Fault::SignFirst => signs::first(design),
        Fault::Mirrored(Mirrored::Lanes) if !design.after.is_empty() => levels::crossed(design),
        Fault::Mirrored(Mirrored::Lanes) => {
            design.has_exact_levels().then(|| "no level changes a sum, whatever it adds first".to_owned())
        }
        _ => None,
    }
}

fn operands(ours: &Design, its: &Design) -> Verdict {
    let pairs = [(&ours.activation, &its.activation), (&ours.weight, &its.weight)];
    let Some((our, its)) = pairs.into_iter().find(|(our, its)| our != its) else { return Verdict::Same };
    let codes = (i128::from(our.format.min()), i128::from(our.format.max()));
    if our.coding == Coding::PowerOfTwo && our.coding == its.coding {
        let read = |code: i64| its.value(fit(code.into(), its.format, Overflow::Wrap).value);
        let is_same = (our.format.min()..=our.format.max()).all(|code| our.value(code) == read(code));
        return Verdict::when(is_same, format!("every code is the same weight in {}", its.format));
    }
    // A code of sign and exponent is another one in another format.
    let fits = our.coding == Coding::Integer
        && our.coding == its.coding
        && Overflow::Wrap.holds(its.format, codes)
        && our.offset == its.offset
        && Overflow::Wrap.holds(its.sum, our.interval(&ours.parameters));
    Verdict::when(fits, format!("every code fits {}, every sum with its offset {}", its.format, its.sum))
}

fn products(ours: &Design, its: &Design) -> Verdict {
    list([&ours.product_steps, &its.product_steps], &ours.product_ranges(), &ours.parameters)
}

/// Two programs without registers, of which one step differs: by every value that comes to it.
fn list([ours, its]: [&[Step]; 2], ranges: &[NodeRange], parameters: &[Parameter]) -> Verdict {
    if ours == its {
        return Verdict::Same;
    }
    let mut pairs = ours.iter().zip(its).zip(ranges).enumerate().filter(|(_, ((our, its), _))| our != its);
    let (Some((index, ((our, other), range))), None) = (pairs.next(), pairs.next()) else {
        return Verdict::Unknown;
    };
    if ours.len() != its.len() {
        return Verdict::Unknown;
    }
    let same = our.op == other.op && our.value_steps == other.value_steps && our.when == other.when;
    match (same, range.unfitted) {
        (true, Some(exact)) => {
            let fits = |step: &Step| step.fit().is_none_or(|fit| fit.holds(exact));
            let next = ours.get(index + 1).and_then(|next| Some((next.low_bits(parameters)?, &next.id)));
            let keeps = |step: &Step, bits: u32| {
                let wraps = |fit: Fit| fit.overflow == Overflow::Wrap && fit.format.width() >= bits;
                fits(step) || step.fit().is_some_and(wraps)
            };
            match next {
                Some((bits, id)) if keeps(our, bits) && keeps(other, bits) => {
                    Verdict::Equal(only_lowest_reach(bits, id))
                }
                _ => {
                    let why = format!("{} is {}..{}, which fits both", our.id, exact.0, exact.1);
                    Verdict::when(fits(our) && fits(other), why)
                }
            }
        }
        (true, None) => Verdict::Unknown,
        (false, _) => {
            let same_fit = our.format == other.format && our.overflow == other.overflow;
            let why = work(our, other, range.entering, parameters).filter(|_| same_fit);
            why.map_or(Verdict::Unknown, Verdict::Equal)
        }
    }
}

fn array(ours: &Design, its: &Design) -> Verdict {
    if ours.order != its.order {
        let wraps = has_no_order(ours) && (ours.after.is_empty() || levels::is_modular(ours));
        let why =
            "every product is added all the same, and neither levels nor the register care for the order";
        return Verdict::when(wraps && ours.has_exact_levels(), why);
    }
    let (a, b) = (&ours.array, &its.array);
    if a == b {
        return Verdict::Same;
    }
    let wires = Array {
        hop_activation: a.hop_activation,
        hop_weight: a.hop_weight,
        hop_sum: a.hop_sum,
        skew: a.skew,
        ..*b
    };
    if wires != *a {
        return Verdict::Unknown;
    }
    let alone = |hop: u32, extent: usize| hop == 0 || extent == 1;
    let unskewed = alone(a.hop_down(), a.rows) && alone(a.hop_right(), a.columns);
    let hops =
        (a.rows == 1 || a.hop_down() == b.hop_down()) && (a.columns == 1 || a.hop_right() == b.hop_right());
    let skew = |s: Skew| s == b.skew;
    Verdict::when(hops && (skew(a.skew) || unskewed), "there is one PE along that way")
}

fn parameters(ours: &Design, its: &Design) -> Verdict {
    let mut pairs = ours.parameters.iter().zip(&its.parameters).enumerate();
    let Some((index, (our, its))) = pairs.find(|(_, (our, its))| our != its) else { return Verdict::Same };
    let starts = ours.accumulator.bias == Some(index) && ours.accumulator.step_rule() == Overflow::Wrap;
    let register = ours.accumulator.register;
    if starts && our.per == its.per && its.format.width() >= register.width() {
        return Verdict::Equal(only_lowest_reach(register.width(), "a register that wraps"));
    }
    if our.per == its.per
        && let Some((bits, id)) = read_bits(ours, index).filter(|(bits, _)| its.format.width() >= *bits)
    {
        return Verdict::Equal(only_lowest_reach(bits, &id));
    }
    let range = our.range();
    let fits = our.per == its.per && Overflow::Wrap.holds(its.format, range);
    Verdict::when(fits, format!("{} is {}..{}, which fits {}", our.name, our.min, our.max, its.format))
}

/// How many of a parameter's lowest bits are read, where one post step adds it, or multiplies by it, and wraps; and that step.
fn read_bits(design: &Design, index: usize) -> Option<(u32, String)> {
    let parameter = Operand::Parameter(index);
    let is_offset = [design.activation.offset, design.weight.offset].contains(&Some(parameter));
    let in_front = design.product_steps.iter().chain(&design.store_steps).chain(&design.load_steps);
    let mut readers = in_front.chain(&design.post).filter(|step| step.operands().contains(&parameter));
    let (Some(reader), None) = (readers.next(), readers.next()) else { return None };
    let adds = matches!(reader.op, Op::Add(_) | Op::Subtract(_) | Op::Multiply(_));
    let starts = design.accumulator.bias == Some(index);
    let always = reader.when.is_none() && reader.value_steps.is_empty();
    let is_plain = adds && always && reader.overflow == Overflow::Wrap;
    let is_only = is_plain && !is_offset && !starts;
    reader.format.filter(|_| is_only).map(|format| (format.width(), reader.id.clone()))
}

fn steps(ours: &Design, its: &Design, ranges: &[NodeRange]) -> Verdict {
    if ours.post == its.post {
        return Verdict::Same;
    }
    if its.post.len() == ours.post.len() + 1 {
        return inserted(ours, its, ranges);
    }
    let mut pairs = ours.post.iter().zip(&its.post).enumerate().filter(|(_, (our, its))| our != its);
    let (Some((index, (our, its))), None) = (pairs.next(), pairs.next()) else { return Verdict::Unknown };
    let (into, exact) = (ranges[index].entering, ranges[index].unfitted);
    let fits = |step: &Step| step.fit().is_none_or(|fit| exact.is_some_and(|range| fit.holds(range)));
    let same = our.op == its.op && our.value_steps == its.value_steps && our.when == its.when;
    match (same, exact) {
        (true, Some(range)) if fits(our) && fits(its) => {
            Verdict::Equal(format!("{} is {}..{}, which fits both", our.id, range.0, range.1))
        }
        (true, _)
            if index + 1 == ours.post.len() && [our, its].into_iter().all(|s| keeps_port(ours, s, exact)) =>
        {
            Verdict::Equal(only_lowest(ours.output().width()))
        }
        (true, Some(range)) => match absorbed(ours, index, [our, its], range) {
            Some(why) => Verdict::Equal(why),
            None => Verdict::Unknown,
        },
        (true, None) => Verdict::Unknown,
        (false, _) => {
            let same_fit = our.format == its.format && our.overflow == its.overflow;
            match work(our, its, into, &ours.parameters).filter(|_| same_fit) {
                Some(why) => Verdict::Equal(why),
                None => Verdict::Unknown,
            }
        }
    }
}

fn only_lowest(bits: u32) -> String {
    format!("only its lowest {bits} bits leave")
}

fn only_lowest_reach(bits: u32, what: &str) -> String {
    format!("only its lowest {bits} bits reach {what}")
}

/// Why two steps do the same in front of their formats, for every value of a range.
fn work(our: &Step, its: &Step, into: Range, parameters: &[Parameter]) -> Option<String> {
    let by_operation = || operation(our, its, into, parameters);
    if our.when != its.when {
        return by_operation();
    }
    if let (Some(ours), Some(theirs)) = (our.op.arms(), its.op.arms()) {
        let sides = [(into.0, into.1.min(-1)), (into.0.max(0), into.1)];
        let arms = ours.into_iter().zip(theirs).zip(sides).filter(|((ours, its), _)| ours != its);
        let mut arms: Vec<_> = arms.collect();
        let ((ours, its), side) = arms.pop().filter(|_| arms.is_empty())?;
        return if side.0 > side.1 { None } else { inside(ours, its, side, parameters) };
    }
    match our.op.operands()[..] {
        [operand] if our.op == its.op && our.value_steps != its.value_steps => {
            inside(&our.value_steps, &its.value_steps, operand.range(parameters), parameters)
        }
        _ => by_operation(),
    }
}

/// Why two lists of steps inside a step, of which one differs, make the same of every value of a range.
fn inside(ours: &[Step], its: &[Step], mut into: Range, parameters: &[Parameter]) -> Option<String> {
    if ours.len() != its.len() {
        return None;
    }
    let mut differing = ours.iter().zip(its).enumerate().filter(|(_, (our, its))| our != its);
    let (Some((index, (our, its))), None) = (differing.next(), differing.next()) else { return None };
    for step in &ours[..index] {
        into = step.range(into, parameters).fitted;
    }
    let name = our.id.split_once('.').and_then(|(_, id)| id.split_once('.')).map_or("", |(_, id)| id);
    let same = our.op == its.op && our.value_steps == its.value_steps;
    let exact = our.range(into, parameters).unfitted;
    if same {
        let fits = |step: &Step| step.fit().is_none_or(|fit| exact.is_some_and(|range| fit.holds(range)));
        let range = exact.filter(|_| fits(our) && fits(its))?;
        return Some(format!("{name} is {}..{}, which fits both", range.0, range.1));
    }
    let same_fit = our.format == its.format && our.overflow == its.overflow;
    work(our, its, into, parameters).filter(|_| same_fit).map(|why| format!("{name}: {why}"))
}

/// Whether a step's fit keeps the bits of the output's port, whatever it does above them.
fn keeps_port(design: &Design, step: &Step, exact: Option<Range>) -> bool {
    step.fit().is_none_or(|fit| {
        let wraps = fit.overflow == Overflow::Wrap && fit.format.width() >= design.output().width();
        wraps || exact.is_some_and(|range| fit.holds(range))
    })
}

/// Two fits of one step that differ beyond a rail only, and a later step that takes all that they make of that side.
fn absorbed(design: &Design, index: usize, fits: [&Step; 2], range: Range) -> Option<String> {
    let [ours, its] = fits.map(Step::fit);
    let both = [ours?, its?];
    let rails = both.map(Fit::rails);
    let low = i128::from(rails[0].0.max(rails[1].0));
    let high = i128::from(rails[0].1.min(rails[1].1));
    let sides = [(range.0, (low - 1).min(range.1)), ((high + 1).max(range.0), range.1)];
    let mut taken = None;
    for side in sides.into_iter().filter(|side| side.0 <= side.1) {
        let images = both.map(|fit| fit.image(side));
        let hull = (images[0].0.min(images[1].0), images[0].1.max(images[1].1));
        taken = Some(later(design, index, hull)?);
    }
    taken
}

/// The step behind `index` that makes one value of every one in `range`, whatever its numbers are.
fn later(design: &Design, index: usize, mut range: Range) -> Option<String> {
    for step in design.post.get(index + 1..)? {
        if step.cuts(range, &design.parameters) {
            return Some(format!("{} takes whatever lies beyond the rails", step.id));
        }
        let behind = step.range(range, &design.parameters);
        behind.unfitted?;
        range = behind.fitted;
    }
    (range.0 == range.1).then(|| "the output is the same".to_owned())
}

/// A further clamp that nothing reaches.
fn inserted(ours: &Design, its: &Design, ranges: &[NodeRange]) -> Verdict {
    let at = ours.post.iter().zip(&its.post).take_while(|(our, its)| our == its).count();
    let rest = ours.post.get(at..) == its.post.get(at + 1..);
    let low = ranges.get(at).map(|step| step.entering.0).or_else(|| ranges.last().map(|step| step.fitted.0));
    match (its.post[at].op.bounds(), low) {
        ([Some(Operand::Constant(bound)), None], Some(low)) if rest => {
            Verdict::when(low >= i128::from(bound), format!("nothing below {low} comes there"))
        }
        _ => Verdict::Unknown,
    }
}

/// Why two operations agree on every value of a range.
fn operation(our: &Step, its: &Step, into: Range, parameters: &[Parameter]) -> Option<String> {
    let range = |operand: Operand| operand.range(parameters);
    let is_when_alone = our.when == its.when && our.is_plain() == its.is_plain();
    if let (Some((rounded, a)), Some(b)) = (our.op.rounds(), its.op.rounding())
        && our.op.with_rounding(b) == its.op
        && our.op.adder().is_none()
        && is_when_alone
    {
        let unshifted = matches!(rounded, Rounded::Shift(count) if range(count) == (0, 0));
        let alike = || alike(a, b, into).filter(|_| rounded.keeps_sign(range));
        return unshifted.then(|| "nothing is shifted".to_owned()).or_else(alike);
    }
    if let (Op::Lut(ours), Op::Lut(table)) = (&our.op, &its.op)
        && is_when_alone
    {
        let ends = [ours.first.into(), ours.last(), table.first.into(), table.last()];
        let from = ends.into_iter().min().map_or(into.0, |first| into.0.max(first - 1));
        let to = ends.into_iter().max().map_or(into.1, |last| into.1.min(last + 1));
        let same = (from..=to).all(|x| ours.at(x) == table.at(x));
        return same.then(|| format!("the tables agree on {}..{}", into.0, into.1));
    }
    let nothing = its.op == Op::Fit && our.keeps(into, parameters);
    nothing.then(|| format!("the step changes nothing of {}..{}", into.0, into.1))
}

/// Roundings that differ on values of one sign only.
fn alike(a: Rounding, b: Rounding, into: Range) -> Option<String> {
    use Rounding::{Away, Ceil, Floor, HalfAway, HalfDown, HalfUp, HalfZero, Trunc};
    let above = [(Floor, Trunc), (Ceil, Away), (HalfUp, HalfAway), (HalfDown, HalfZero)];
    let below = [(Floor, Away), (Ceil, Trunc), (HalfUp, HalfZero), (HalfDown, HalfAway)];
    let is_among = |pairs: [(Rounding, Rounding); 4]| pairs.contains(&(a, b)) || pairs.contains(&(b, a));
    match into {
        (0.., _) if is_among(above) => Some("no value there is negative".to_owned()),
        (_, ..=0) if is_among(below) => Some("no value there is positive".to_owned()),
        _ => None,
    }
}

/// All accumulators with all numbers of the post steps, where these are few and nothing in front of them differs.
fn exhausted(ours: &Design, its: &Design) -> Option<String> {
    let mut in_front = its.clone();
    in_front.parts.post.clone_from(&ours.post);
    in_front.parts.parameters.clone_from(&ours.parameters);
    if in_front != *ours || ours.parameters != its.parameters {
        return None;
    }
    let (low, high) = ours.finished_range();
    let span = |index: usize| match ours.post_program().role(index) {
        Some(_) => i128::from(ours.parameters[index].max) - i128::from(ours.parameters[index].min) + 1,
        None => 1,
    };
    let spans: Vec<i128> = (0..ours.parameters.len()).map(span).collect();
    let all = spans.iter().try_fold(high - low + 1, |all, span| all.checked_mul(*span))?;
    if all > EXHAUSTED {
        return None;
    }
    let mut numbers: Vec<Vec<i64>> = ours.parameters.iter().map(|parameter| vec![parameter.min]).collect();
    for index in 0..all {
        let mut rest = index;
        for (number, (parameter, span)) in numbers.iter_mut().zip(ours.parameters.iter().zip(&spans)) {
            number[0] = parameter.min + i64::try_from(rest % span).ok()?;
            rest /= span;
        }
        let accumulator = i64::try_from(low + rest).ok()?;
        let output = |design: &Design| {
            let output = design.post_program().channel(&numbers, 0).output(accumulator);
            fit(i128::from(output), ours.output(), Overflow::Wrap).value
        };
        if output(ours) != output(its) {
            return None;
        }
    }
    Some(format!("all {all} accumulators and numbers were tried"))
}
