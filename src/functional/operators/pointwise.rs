//! One element, or a pair of them, at a time: ONNX's broadcasting, in runs that threads share.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use super::size::room;
use crate::error::{Error, Kind, Result};
use crate::functional::kernels::{parts, zeros};
use crate::network::{DType, Tensor};

/// Elements that are worth a thread's while.
pub(super) const PART: usize = 1 << 14;

/// The shape that both broadcast to: axes are matched from the back, an extent of 1 is repeated.
pub(in crate::functional) fn broadcast_shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let shape: Option<Vec<usize>> = (0..rank)
        .map(|axis| match (extent(a, axis, rank), extent(b, axis, rank)) {
            (m, n) if m == n || n == 1 => Some(m),
            (1, n) => Some(n),
            _ => None,
        })
        .collect();
    let shape =
        shape.ok_or_else(|| Error::new(Kind::Value, format!("shapes {a:?} and {b:?} do not broadcast")))?;
    room(&shape)?;
    Ok(shape)
}

/// The extent of axis `axis` of `rank`; 1 in front of the first.
fn extent(shape: &[usize], axis: usize, rank: usize) -> usize {
    (axis + shape.len()).checked_sub(rank).map_or(1, |i| shape[i])
}

pub(super) fn repeated<'a, T>(array: &'a ArrayD<T>, shape: &[usize]) -> Result<ArrayViewD<'a, T>> {
    array.broadcast(IxDyn(shape)).ok_or_else(|| {
        Error::new(Kind::Value, format!("shape {:?} does not broadcast to {shape:?}", array.shape()))
    })
}

/// The elements in row order.
pub(super) fn in_order<T: Clone>(array: &ArrayD<T>) -> Cow<'_, [T]> {
    array.as_slice().map_or_else(|| array.iter().cloned().collect(), Cow::Borrowed)
}

/// `rule` of every element.
pub(super) fn map<T, U>(x: &ArrayD<T>, rule: impl Fn(T) -> U + Sync) -> ArrayD<U>
where
    T: Copy + Sync,
    U: Copy + Default + Send + Sync,
{
    let values = in_order(x);
    let mut out = zeros(values.len());
    parts(&mut out, PART, 1, &|index, out| {
        out.iter_mut().zip(&values[index * PART..]).for_each(|(out, x)| *out = rule(*x));
    });
    ArrayD::from_shape_vec(x.raw_dim(), out).expect("as many as there were")
}

/// `rule` of every code, as codes of type `dtype`, whose range its results lie in.
///
/// # Errors
/// Elements that are no codes of at most 32 bits.
pub(super) fn recoded(x: &Tensor, dtype: DType, rule: impl Fn(i32) -> i32 + Sync) -> Result<Tensor> {
    // A code of 8 bits has 256 values: the rule is asked once for each.
    let table = |first: i32| std::array::from_fn::<i32, 256, _>(|at| rule(first + at as i32));
    match (x, dtype) {
        (Tensor::U8(a), DType::U8) => {
            let table = table(0).map(|code| code as u8);
            Ok(Tensor::U8(map(a, |code| table[usize::from(code)])))
        }
        (Tensor::I8(a), DType::I8) => {
            let table = table(-128).map(|code| code as i8);
            Ok(Tensor::I8(map(a, |code| table[usize::from(code.cast_unsigned() ^ 0x80)])))
        }
        _ => Ok(Tensor::from_codes(map(&x.to_i32()?, rule), dtype)),
    }
}

/// `combine` of every pair.
///
/// # Errors
/// The shapes do not broadcast, or to one that there is no room for.
pub(super) fn zip<T, U>(a: &ArrayD<T>, b: &ArrayD<T>, combine: impl Fn(T, T) -> U + Sync) -> Result<ArrayD<U>>
where
    T: Copy + Sync,
    U: Copy + Default + Send + Sync,
{
    let shape = broadcast_shape(a.shape(), b.shape())?;
    let (left, right) = (in_order(a), in_order(b));
    let mut out = zeros(shape.iter().product());
    if a.shape() == b.shape() {
        parts(&mut out, PART, 1, &|index, out| {
            let pairs = left[index * PART..].iter().zip(&right[index * PART..]);
            out.iter_mut().zip(pairs).for_each(|(out, (a, b))| *out = combine(*a, *b));
        });
    } else if !out.is_empty() {
        let runs = Runs::new(&shape, [a.shape(), b.shape()]);
        parts(&mut out, runs.length, PART.div_ceil(runs.length), &|index, out| {
            let [a, b] = runs.starts(index);
            match runs.moves {
                [true, true] => {
                    let pairs = left[a..].iter().zip(&right[b..]);
                    out.iter_mut().zip(pairs).for_each(|(out, (a, b))| *out = combine(*a, *b));
                }
                [true, false] => {
                    let b = right[b];
                    out.iter_mut().zip(&left[a..]).for_each(|(out, a)| *out = combine(*a, b));
                }
                [false, true] => {
                    let a = left[a];
                    out.iter_mut().zip(&right[b..]).for_each(|(out, b)| *out = combine(a, *b));
                }
                [false, false] => out.fill(combine(left[a], right[b])),
            }
        });
    }
    Ok(ArrayD::from_shape_vec(IxDyn(&shape), out).expect("counted by its shape"))
}

/// A result in runs over which each operand either moves on or stands still.
struct Runs {
    length: usize,
    moves: [bool; 2],
    /// The axes in front of the run: extent, and how far each operand goes.
    outer: Vec<(usize, [usize; 2])>,
}

impl Runs {
    fn new(shape: &[usize], operands: [&[usize]; 2]) -> Runs {
        let (mut runs, mut size) = (Runs { length: 1, moves: [false; 2], outer: Vec::new() }, [1, 1]);
        for axis in (0..shape.len()).rev().filter(|axis| shape[*axis] != 1) {
            let extents = operands.map(|operand| extent(operand, axis, shape.len()));
            let moves = extents.map(|extent| extent != 1);
            if runs.outer.is_empty() && (runs.length == 1 || moves == runs.moves) {
                (runs.length, runs.moves) = (runs.length * shape[axis], moves);
            } else {
                let step = |operand: usize| if moves[operand] { size[operand] } else { 0 };
                runs.outer.push((shape[axis], [step(0), step(1)]));
            }
            size = [size[0] * extents[0], size[1] * extents[1]];
        }
        runs
    }

    /// Where run number `index` begins in each operand.
    fn starts(&self, index: usize) -> [usize; 2] {
        let (mut rest, mut starts) = (index, [0, 0]);
        for (extent, steps) in &self.outer {
            let at = rest % extent;
            rest /= extent;
            starts = [starts[0] + at * steps[0], starts[1] + at * steps[1]];
        }
        starts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    /// As ndarray repeats them.
    #[test]
    fn runs_are_broadcasting() {
        let mut random = ChaCha8Rng::seed_from_u64(15);
        let mut long = 0;
        for _ in 0..400 {
            let rank = random.next_u32() as usize % 5;
            let shape: Vec<usize> = (0..rank).map(|_| 1 + random.next_u32() as usize % 5).collect();
            let mut operand = || {
                let own = shape[random.next_u32() as usize % (rank + 1)..].to_vec();
                let extents: Vec<usize> =
                    own.iter().map(|extent| if random.next_u32() % 3 == 0 { 1 } else { *extent }).collect();
                let count: usize = extents.iter().product();
                let values = (0..count).map(|i| i as i64 * 1000 + i64::from(random.next_u32() % 7)).collect();
                ArrayD::from_shape_vec(IxDyn(&extents), values).unwrap()
            };
            let (a, b) = (operand(), operand());
            let combine = |a: i64, b: i64| a.wrapping_mul(31) - b;
            let shape = broadcast_shape(a.shape(), b.shape()).unwrap();
            let (left, right) = (repeated(&a, &shape).unwrap(), repeated(&b, &shape).unwrap());
            let expected = ndarray::Zip::from(&left).and(&right).map_collect(|a, b| combine(*a, *b));
            assert_eq!(zip(&a, &b, combine).unwrap(), expected, "{:?} {:?}", a.shape(), b.shape());
            long += u32::from(a.shape() != b.shape() && !expected.is_empty());
        }
        assert!(long > 150, "{long} pairs broadcast");
    }
}
