//! Sums whose parts meet in a memory: each visit's own prefixes, over every input there is.

use std::path::Path;
use std::sync::Arc;

use goldpath::bounds::{Inputs, accumulator_ranges, entering_ranges};
use goldpath::design::Design;
use goldpath::lower::{Numbers, Program};
use ndarray::Array2;

/// K products in visits of `tile_k`, of activations 2 to 5: none is 0, so that prefixes of all of K say less than they seem to.
fn program(weights: &[i64], tile_k: usize) -> Program {
    let text = format!(
        "schema = 1\nname = \"visits\"\n[operands]\n\
         activation = {{ width = 2, signed = false, offset = 2, format = \"u4\" }}\n\
         weight = {{ width = 4, signed = true }}\n\
         [accumulator]\nwidth = 16\nsigned = true\noverflow = \"wrap\"\nstart = \"zero\"\n\
         [array]\ndataflow = \"sequential\"\n\
         [memory]\nformat = \"s20\"\noverflow = \"wrap\"\ndepth = 1\n[order]\ntile_k = {tile_k}\n"
    );
    let design = Design::parse(&text, Path::new("visits.toml"), &[]).unwrap_or_else(|e| panic!("{e}"));
    let a = Array2::zeros([1, weights.len()]);
    let w = Array2::from_shape_fn([weights.len(), 1], |(k, _)| weights[k]);
    Program::matrix(Arc::new(design), a.view(), w.view(), &Numbers::new()).unwrap()
}

#[test]
fn an_accumulators_range_is_that_of_its_visits() {
    let mut beyond = 0;
    let lists: Vec<Vec<i64>> = (0..7_i64.pow(4))
        .map(|at| (0..4).map(|digit| at / 7_i64.pow(digit) % 7 - 3).collect())
        .filter(|list: &Vec<i64>| !list.contains(&0))
        .collect();
    for weights in &lists {
        // A ragged visit would need a code that means 0.
        for tile_k in [1, 2, 4] {
            let (mut low, mut high) = (i128::MAX, i128::MIN);
            let (mut all_low, mut all_high) = (i128::MAX, i128::MIN);
            for input in 0..4_usize.pow(4) {
                let (mut visit, mut all) = (0, 0);
                for (k, weight) in weights.iter().enumerate() {
                    if k % tile_k == 0 {
                        visit = 0;
                    }
                    let product = i128::from(*weight) * (input as i128 >> (2 * k) & 3).wrapping_add(2);
                    visit += product;
                    all += product;
                    (low, high) = (low.min(visit), high.max(visit));
                    (all_low, all_high) = (all_low.min(all), all_high.max(all));
                }
            }
            let program = program(weights, tile_k);
            assert_eq!(accumulator_ranges(&program, &Inputs::Format), [(low, high)], "{weights:?} {tile_k}");
            // The start, 0, is among them.
            assert_eq!(entering_ranges(&program), [(low.min(0), high.max(0))], "{weights:?} {tile_k}");
            beyond += u32::from(low < all_low.min(0) || high > all_high.max(0));
        }
    }
    println!("{} programs, in {beyond} a visit leaves the range of all of K's prefixes", lists.len() * 3);
    assert!(beyond > 500, "{beyond}");
}
