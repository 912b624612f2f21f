//! Two products of one DSP slice: the slice's own register, bit by bit, against two accumulators.

use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::error::Error;
use goldpath::functional;
use goldpath::lower::{Numbers, Program};
use ndarray::Array2;

use super::work::Random;

fn design(offset: u32, k: usize, unsigned: bool) -> Result<Design, Error> {
    let correction = if unsigned { "none" } else { "borrow" };
    let text = format!(
        "schema = 1\nname = \"pair\"\n[operands]\n\
         activation = {{ width = 8, signed = {signed} }}\nweight = {{ width = 8, signed = {signed} }}\n\
         [product]\nmultiplier = \"dsp58\"\n\
         packing = {{ products = 2, offset = {offset}, share = \"activation\", correction = \"{correction}\" }}\n\
         [accumulator]\nwidth = {offset}\nsigned = {signed}\noverflow = \"wrap\"\nstart = \"overwrite\"\n\
         [array]\ndataflow = \"tree\"\ncolumns = 2\nlanes = 1\n[order]\nmax_k = {k}\n",
        signed = !unsigned
    );
    let design = Design::parse(&text, Path::new("packed.toml"), &[])?;
    let again = Design::parse(&design.to_toml(), Path::new("again.toml"), &[]).unwrap();
    assert_eq!(again, design, "{}", design.to_toml());
    Ok(design)
}

/// What is read of P, which wraps at 58 bits, after all products.
fn read(activations: &[i64], weights: &[[i64; 2]], offset: u32, unsigned: bool) -> [i64; 2] {
    let wrap = |value: i128, bits: u32| {
        let value = value & ((1 << bits) - 1);
        if !unsigned && value >> (bits - 1) != 0 { value - (1 << bits) } else { value }
    };
    let p = activations.iter().zip(weights).fold(0_i128, |p, (a, [first, second])| {
        let packed = (i128::from(*second) << offset) + i128::from(*first);
        (p + i128::from(*a) * packed) & ((1 << 58) - 1)
    });
    let borrow = if unsigned { 0 } else { p >> (offset - 1) & 1 };
    [wrap(p, offset) as i64, wrap((p >> offset) + borrow, offset) as i64]
}

#[test]
fn packed_sums_are_those_of_two_accumulators_where_that_is_accepted() {
    let mut random = Random::new(58);
    let mut negative = 0;
    for (offset, unsigned) in [(16, false), (17, false), (18, false), (17, true)] {
        // The most products that are accepted, and one more.
        let most = (1..64).take_while(|k| design(offset, *k, unsigned).is_ok()).last().unwrap();
        let refused = design(offset, most + 1, unsigned).unwrap_err().to_string();
        assert!(refused.contains("cannot be told from leaking sums"), "{refused}");
        let design = Arc::new(design(offset, most, unsigned).unwrap());
        let corners: &[i64] = if unsigned { &[0, 255] } else { &[-128, 127, -1] };
        for turn in 0..400 {
            let mut code = || match turn % 2 {
                0 => random.pick(corners),
                _ => random.within(corners[0], corners[1]),
            };
            let activations: Vec<i64> = (0..most).map(|_| code()).collect();
            let weights: Vec<[i64; 2]> = (0..most).map(|_| [code(), code()]).collect();
            let a = Array2::from_shape_fn([1, most], |(_, k)| activations[k]);
            let w = Array2::from_shape_fn([most, 2], |(k, n)| weights[k][n]);
            let program = Program::matrix(Arc::clone(&design), a.view(), w.view(), &Numbers::new()).unwrap();
            let sums = functional::run(&program, false).accumulators;
            assert_eq!(read(&activations, &weights, offset, unsigned), [sums[[0, 0]], sums[[0, 1]]]);
            negative += u32::from(sums[[0, 0]] < 0);
        }
        // What is refused leaks: the second sum is not its own.
        let worst = corners[usize::from(unsigned)];
        let (activations, weights) = (vec![worst; most + 1], vec![[worst, 1]; most + 1]);
        let second = (most as i64 + 1) * worst;
        assert_ne!(read(&activations, &weights, offset, unsigned)[1], second, "{offset} {unsigned}");
    }
    assert!(negative > 100, "{negative} first sums below 0");
    let a = Array2::from_shape_fn([1, 9], |_| 1);
    let w = Array2::from_shape_fn([9, 2], |_| 1);
    let program =
        Program::matrix(Arc::new(design(18, 7, false).unwrap()), a.view(), w.view(), &Numbers::new());
    let error = program.unwrap_err().to_string();
    assert!(error.contains("K is 9, but the design counts to 7") && error.contains("order.max_k"), "{error}");
}
