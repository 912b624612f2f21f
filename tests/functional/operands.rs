//! Operands that make sums behave: drawn evenly, at the rails, near zero, with many zeros, in runs of one sign.

use goldpath::num::Format;
use ndarray::Array2;

use super::work::Random;

pub const SPREADS: [&str; 8] =
    ["even", "rails", "edges", "gaussian", "sparse", "runs", "long runs", "last large"];

/// `[outputs][k]` codes; the caller turns weights on their side.
pub fn codes(random: &mut Random, [outputs, k]: [usize; 2], format: Format, spread: &str) -> Array2<i64> {
    let (min, max) = (format.min(), format.max());
    let inside = |value: i64| value.clamp(min, max);
    match spread {
        "even" => Array2::from_shape_simple_fn([outputs, k], || random.within(min, max)),
        "rails" => Array2::from_shape_simple_fn([outputs, k], || random.pick(&[min, max])),
        "edges" => {
            let edges = [min, min + 1, -1, 0, 1, max - 1, max].map(inside);
            Array2::from_shape_simple_fn([outputs, k], || random.pick(&edges))
        }
        "gaussian" => {
            let reach = (max / 6).max(1);
            Array2::from_shape_simple_fn([outputs, k], || {
                inside((0..6).map(|_| random.within(-reach, reach)).sum::<i64>() / 2)
            })
        }
        "sparse" => Array2::from_shape_simple_fn([outputs, k], || {
            if random.below(10) < 7 { inside(0) } else { random.within(inside(0), max) }
        }),
        "runs" | "long runs" => runs(random, [outputs, k], format, spread == "long runs"),
        _ => {
            let mut codes = Array2::from_shape_simple_fn([outputs, k], || inside(random.within(-1, 1)));
            codes.column_mut(k - 1).mapv_inplace(|_| random.pick(&[min, max]));
            codes
        }
    }
}

/// Runs of one sign along k, at one or two lengths around those that kernels take at a time.
fn runs(random: &mut Random, [outputs, k]: [usize; 2], format: Format, long: bool) -> Array2<i64> {
    let (min, max) = (format.min(), format.max());
    let lengths: &[usize] = if long { &[64, 128, 250, 256, 300] } else { &[1, 2, 3, 8, 15, 16, 17, 32, 33] };
    let mut codes = Array2::zeros([outputs, k]);
    for mut row in codes.rows_mut() {
        let (length, mut high) = (random.pick(lengths), random.below(2) == 0);
        let soft = random.within(0, (max / 4).max(0));
        for (at, code) in row.iter_mut().enumerate() {
            if at % length == 0 && at > 0 {
                high = !high;
            }
            let less = random.within(0, soft);
            *code = if high { max - less } else { (min + less).min(max) };
        }
    }
    codes
}
