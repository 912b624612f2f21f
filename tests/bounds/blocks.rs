//! Excursions inside blocks of beats.

use goldpath::bounds::{Inputs, accumulator_ranges, block_excursions};
use goldpath::functional::walk;

use super::enumerate::{everything, hull, small};
use super::random;
use super::work::Random;

#[test]
fn blocks_hold_every_excursion() {
    let mut random = Random::new(34);
    let (mut exact, mut loose) = (0, 0);
    for _ in 0..300 {
        let (program, inputs) = small(&mut random);
        let size = 1 + random.below(4);
        let blocks = block_excursions(&program, &inputs, size);
        assert_eq!(blocks.len(), program.beats().div_ceil(size));
        for n in 0..program.shape.n {
            let all = everything(&program, &inputs, n);
            for (index, block) in blocks.iter().enumerate() {
                let beats = all.iter().flat_map(|r| &r.beats).flat_map(|beats| {
                    let end = ((index + 1) * size).min(beats.len());
                    beats[index * size..end].iter().scan(0_i128, |sum, term| {
                        *sum += term;
                        Some(*sum)
                    })
                });
                let (low, high) = hull(beats);
                assert!(block[n].0 <= low && high <= block[n].1);
                if block[n] == (low, high) { exact += 1 } else { loose += 1 }
            }
        }
    }
    println!("{exact} blocks exact, {loose} only sound");
    assert!(exact > 500 && loose > 20);
}

#[test]
fn one_block_is_the_accumulator_without_its_start() {
    let mut random = Random::new(35);
    for _ in 0..200 {
        let program = random::program(random::design(&mut random), &mut random);
        let blocks = block_excursions(&program, &Inputs::Format, usize::MAX);
        let ranges = accumulator_ranges(&program, &Inputs::Format);
        assert_eq!(blocks.len(), 1);
        for (n, (low, high)) in blocks[0].iter().enumerate() {
            let start = i128::from(program.start(n));
            assert_eq!((low + start, high + start), ranges[n]);
            for m in 0..program.shape.rows() {
                let mut sums = vec![start; program.design.partial_sums()];
                for step in walk(&program, m, n).steps {
                    sums[step.lane] += step.term;
                    assert!((ranges[n].0..=ranges[n].1).contains(&sums[step.lane]));
                }
            }
        }
    }
}
