//! Programs for a design: operands and parameters drawn from a seed.

use std::sync::Arc;

use goldpath::design::{Design, Parts};
use goldpath::lower::{Numbers, Program};
use goldpath::num::Format;
use goldpath::post::Per;
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Random numbers that do not change with a crate's version: our own mapping of raw words.
pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform in `low..=high`, but for a bias below 2^-40.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        let span = (i128::from(high) - i128::from(low) + 1) as u128;
        let wide = (u128::from(self.0.next_u64()) << 64) | u128::from(self.0.next_u64());
        (i128::from(low) + (wide % span) as i128) as i64
    }

    pub fn below(&mut self, count: usize) -> usize {
        self.within(0, count as i64 - 1) as usize
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// A code: uniform, or one of the rails and their neighbours.
    pub fn code(&mut self, format: Format, extreme: bool) -> i64 {
        if extreme {
            self.pick(&[format.min(), format.max(), format.max(), format.min()])
        } else {
            self.within(format.min(), format.max())
        }
    }

    pub fn matrix(&mut self, shape: [usize; 2], format: Format, extreme: bool) -> Array2<i64> {
        Array2::from_shape_fn(shape, |_| self.code(format, extreme))
    }
}

/// A value for every parameter of a design; shifts stay small enough to leave something.
pub fn numbers(design: &Parts, channels: usize, random: &mut Random) -> Numbers {
    let draw = |p: &goldpath::post::Parameter, random: &mut Random| match p.name.as_str() {
        "low" => random.within(p.min, 0.clamp(p.min, p.max)),
        "high" => random.within(0.clamp(p.min, p.max), p.max),
        "shift" if p.max > 15 => random.within(20.min(p.max), 40.min(p.max)),
        _ => random.within(p.min, p.max),
    };
    let count = |per| if per == Per::Channel { channels } else { 1 };
    let values = |p, random: &mut Random| (0..count(p_per(p))).map(|_| draw(p, random)).collect();
    design.parameters.iter().map(|p| (p.name.clone(), values(p, random))).collect()
}

fn p_per(parameter: &goldpath::post::Parameter) -> Per {
    parameter.per
}

/// A matrix product with random operands.
pub fn product(design: &Arc<Design>, [m, k, n]: [usize; 3], seed: u64, extreme: bool) -> Program {
    let mut random = Random::new(seed);
    let a = random.matrix([m, k], design.activation.format, extreme);
    let w = random.matrix([k, n], design.weight.format, extreme);
    let numbers = numbers(design, n, &mut random);
    Program::matrix(design.clone(), a.view(), w.view(), &numbers).unwrap()
}
