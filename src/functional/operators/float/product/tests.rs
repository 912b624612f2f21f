//! Every job against the definition, output by output, for every copy of the kernels.

use super::*;
use crate::functional::kernels::Kernels;

fn reals(count: usize, seed: u64) -> Vec<f32> {
    let mut word = seed;
    let step = || {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((word >> 33) % 4_000_001) as f32 / 1e6 - 2.0
    };
    std::iter::repeat_with(step).take(count).collect()
}

#[test]
fn jobs_are_the_definition() {
    let extents = [
        [1, 1, 1],
        [1, 40, 9],
        [3, 33, 130],
        [12, 64, 257],
        [13, 31, 128],
        [25, 70, 300],
        [40, 5, 1100],
        [14, 100, 0],
    ];
    for isa in Kernels::available().into_iter().map(Isa::new) {
        for (case, [rows, columns, depth]) in extents.into_iter().enumerate() {
            let seed = case as u64;
            let (a, b) = (reals(rows * depth, seed), reals(depth * columns, seed + 100));
            let held = reals(rows * columns, seed + 200);
            for (shared, turned, add, alpha) in [
                (false, false, false, 1.0),
                (true, false, true, 1.0),
                (true, true, true, 0.3),
                (false, true, false, 1.0),
            ] {
                let mut orders = vec![Order::Blocks(128), Order::Blocks(256), Order::Blocks(1024)];
                orders.extend((rows == 1 && alpha == 1.0).then_some(Order::Groups));
                orders.extend((rows == 1 && alpha == 1.0).then_some(Order::Lanes { outputs: columns }));
                let [row, column] = if turned { [1, depth] } else { [columns, 1] };
                let matrix = Matrix { values: &b, row, column };
                for order in orders {
                    let mut out = held.clone();
                    let how = Close { alpha, add };
                    let extents = [rows, columns, depth];
                    Job { extents, a: &a, b: &matrix, order, how, isa, shared }
                        .run(&mut out, &mut Vec::new());
                    for (at, out) in out.iter().enumerate() {
                        let terms = (0..depth)
                            .map(|k| (a[at / columns * depth + k], b[k * row + at % columns * column]));
                        let defined = order.sum(at, add.then_some(held[at]), alpha, terms);
                        assert_eq!(
                            out.to_bits(),
                            defined.to_bits(),
                            "{isa:?} {extents:?} {order:?} {shared} {at}"
                        );
                    }
                }
            }
        }
    }
}
