//! Accumulators worth a channel: built backwards from what the post steps must tell apart.

use super::compare::near_bounds;
use crate::num::Format;
use crate::post::{Channel, Program, Role, Rounded, Step, Tie};

/// Candidates for what comes to a program, the accumulator to the post steps, in a channel whose numbers are `numbers` (one
/// entry per parameter, each of length 1).
pub(super) fn targets(program: Program<'_>, numbers: &[Vec<i64>]) -> Vec<i128> {
    let mut found: Vec<i128> = vec![0, 1, -1];
    found.extend(cases(program, numbers));
    found.extend(ties(program, numbers));
    found.extend(edges(program, numbers));
    found.extend(rails(program, numbers));
    found.retain(|value| program.input.contains(*value));
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|value| seen.insert(*value));
    found
}

/// Accumulators of which a step makes another case than of those beside: entries, thresholds, arms.
fn cases(program: Program<'_>, numbers: &[Vec<i64>]) -> Vec<i128> {
    let post = program.channel(numbers, 0);
    let of_step = |(index, step): (usize, &Step)| {
        let edges = step.op.case_edges(|operand| step.value(operand, numbers, 0));
        let edges: Vec<i128> = edges.into_iter().chain(ties_inside(step, numbers)).collect();
        // No edge, no search.
        (!edges.is_empty()).then(|| around(program, |x| post.through(0..index, x), &edges))
    };
    program.steps.iter().enumerate().filter_map(of_step).flatten().collect()
}

/// Values of which a step inside a branch makes a tie: two of each kind, the nearest to 0.
fn ties_inside(branch: &Step, numbers: &[Vec<i64>]) -> Vec<i128> {
    const FARTHEST: i128 = 1 << 10;
    let mut found = Vec::new();
    let sides = [-1, 1].into_iter().zip(branch.op.arms().into_iter().flatten());
    for (side, arm) in sides {
        let arm = Channel { steps: arm, numbers, channel: 0 };
        for (index, step) in arm.steps.iter().enumerate() {
            let Some((rounded, _)) = step.op.rounds() else { continue };
            let mut kinds: Vec<Tie> = Vec::new();
            for x in (0..FARTHEST).map(|far| side * far) {
                let met = rounded.tie(arm.through(0..index, x), |operand| step.value(operand, numbers, 0));
                let is_new = |met: &Tie| kinds.iter().filter(|kind| *kind == met).count() < 2;
                if let Some(met) = met.filter(is_new) {
                    kinds.push(met);
                    found.push(x);
                }
            }
        }
    }
    found
}

/// Values at and beside every power of two up to a register, its rails and those of the widths around it.
pub(super) fn magnitudes(register: Format) -> Vec<i128> {
    let mut found = vec![0];
    for exponent in 0..=register.width() {
        for beside in -2..=2 {
            let value = (1_i128 << exponent) + beside;
            found.extend([value, -value]);
        }
    }
    found
}

/// Accumulators for which a rounding step meets a tie, and those beside.
pub(super) fn ties(program: Program<'_>, numbers: &[Vec<i64>]) -> Vec<i128> {
    let width = program.input.width();
    let mut found = Vec::new();
    let post = program.channel(numbers, 0);
    let (least, most) = span(program, |x| post.from(0, x));
    let middle = around(program, |x| post.from(0, x), &[0, (least + most) / 2]);
    for (index, step) in program.steps.iter().enumerate() {
        let Some((rounded, _)) = step.op.rounds() else { continue };
        let count = match rounded {
            Rounded::Shift(count) => u32::try_from(post.bind(count)).unwrap_or(0),
            Rounded::Float(float) => width.min(float.precision.digits()),
        };
        if count == 0 {
            continue;
        }
        let mut trials: Vec<i128> = Vec::new();
        // The sum times an odd number and a power of two: the tie is that far up, times the inverse.
        let factor = program.steps[..index].iter().find_map(|step| step.op.operand(Role::Factor));
        let factor = factor.map(|by| i128::from(post.bind(by)));
        if let Some(factor) = factor.filter(|factor| *factor != 0) {
            let twos = factor.trailing_zeros();
            if let Some(up) = (count - 1).checked_sub(twos).filter(|_| count < 127) {
                let modulus = 1_i128 << (count - twos);
                let odd = inverse(factor >> twos, count - twos);
                let tie = odd.wrapping_shl(up).rem_euclid(modulus);
                trials.extend([tie, tie - modulus, tie + modulus, tie - 2 * modulus, tie + 2 * modulus]);
                // Where outputs are inside their bounds, and on both sides of 0.
                let near = |place: i128| {
                    let tie = tie + (place - tie).div_euclid(modulus) * modulus;
                    [tie - modulus, tie, tie + modulus, tie + 2 * modulus]
                };
                trials.extend(middle.iter().flat_map(|place| near(*place)));
            }
        }
        for exponent in 0..width.min(count + 1) {
            trials.extend([1, 3, 5, 7].iter().flat_map(|odd| [*odd << exponent, -(*odd << exponent)]));
        }
        let is_tie = |x: &i128| match rounded {
            Rounded::Shift(_) => {
                let value = post.through(0..index, *x);
                count < 127 && value.rem_euclid(1 << count) == 1 << (count - 1)
            }
            Rounded::Float(_) => true,
        };
        trials.retain(is_tie);
        found.extend(trials.into_iter().flat_map(|tie| [tie, tie - 1, tie + 1]));
    }
    found
}

/// Inverse of an odd number modulo 2^bits, by Newton's steps.
fn inverse(odd: i128, bits: u32) -> i128 {
    let mut inverse = odd;
    for _ in 0..7 {
        inverse = inverse.wrapping_mul(2_i128.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    if bits >= 127 { inverse } else { inverse.rem_euclid(1 << bits) }
}

/// Accumulators between which the output goes from one value to the next, at both ends of its range and in the middle.
fn edges(program: Program<'_>, numbers: &[Vec<i64>]) -> Vec<i128> {
    let post = program.channel(numbers, 0);
    let output = |x: i128| post.from(0, x);
    let (least, most) = span(program, output);
    around(program, output, &[least + 1, least + 2, (least + most) / 2, 0, 1, most - 1, most])
}

/// The same over the whole range of the output.
pub(super) fn thresholds(program: Program<'_>, numbers: &[Vec<i64>]) -> Vec<i128> {
    const PLACES: i128 = 24;
    let post = program.channel(numbers, 0);
    let output = |x: i128| post.from(0, x);
    let (least, most) = span(program, output);
    let mut places: Vec<i128> = (0..=PLACES).map(|at| least + (most - least) * at / PLACES).collect();
    places.extend([least + 1, least + 2, 0, 1, most - 1]);
    places.sort_unstable();
    places.dedup();
    around(program, output, &places)
}

/// Accumulators that bring to a comparing step what lies about as far from its bounds as each bit is worth.
pub(super) fn compared(program: Program<'_>, numbers: &[Vec<i64>]) -> Vec<i128> {
    let post = program.channel(numbers, 0);
    let of_step = |(step, values): (usize, Vec<i128>)| around(program, |x| post.through(0..step, x), &values);
    near_bounds(program, numbers).into_iter().flat_map(of_step).collect()
}

/// Accumulators of which a step makes exactly a rail of its format, and those beside.
fn rails(program: Program<'_>, numbers: &[Vec<i64>]) -> Vec<i128> {
    let post = program.channel(numbers, 0);
    let steps = program.steps.iter().enumerate();
    let of_step = |(index, step): (usize, &Step)| {
        let format = step.format?;
        let (low, high) = step.overflow.rails(format);
        let exact = |x: i128| post.apply(index, post.through(0..index, x)).exact;
        let (least, most) = span(program, exact);
        let reached = [low, high].map(i128::from).into_iter().filter(|rail| (least..=most).contains(rail));
        let thresholds: Vec<i128> = reached.flat_map(|rail| [rail, rail + 1]).collect();
        Some(around(program, exact, &thresholds)).filter(|_| !thresholds.is_empty())
    };
    steps.filter_map(of_step).flatten().collect()
}

fn ends(program: Program<'_>) -> (i128, i128) {
    (i128::from(program.input.min()), i128::from(program.input.max()))
}

/// What becomes of both rails of what comes in, the lesser first.
fn span(program: Program<'_>, of: impl Fn(i128) -> i128) -> (i128, i128) {
    let (low, high) = ends(program);
    let (first, last) = (of(low), of(high));
    (first.min(last), first.max(last))
}

/// Accumulators on both sides of where something that rises or falls with them reaches each threshold, and both ends.
pub(super) fn around(program: Program<'_>, of: impl Fn(i128) -> i128, thresholds: &[i128]) -> Vec<i128> {
    let (low, high) = ends(program);
    let rises = of(high) >= of(low);
    let mut found = vec![low, low + 1, high - 1, high];
    for threshold in thresholds {
        let (mut below, mut above) = (low, high);
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            if (of(middle) >= *threshold) == rises { above = middle } else { below = middle }
        }
        found.extend([below - 1, below, above, above + 1]);
    }
    found.retain(|value| (low..=high).contains(value));
    found
}
