//! The numbers that are multiplied, from a seed.

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::shapes::Product;

const SEED: u64 = 0x601d;

/// How the codes lie in their formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    /// s8 × s8, every code as likely: a 16-bit sum overflows again and again.
    Signed,
    /// u8 × s8, every code as likely.
    Unsigned,
    /// u8 behind a Relu, half of them 0, times Gaussian weights that just fill s8: what a trained layer looks like.
    Trained,
    /// s8 × s8, no product negative: the largest prefix grows with every step.
    Rising,
}

impl Draw {
    pub fn signed_activations(self) -> bool {
        matches!(self, Draw::Signed | Draw::Rising)
    }
}

pub struct Operands {
    pub a: Array2<i64>,
    pub w: Array2<i64>,
}

struct Source(ChaCha8Rng);

impl Source {
    fn within(&mut self, low: i64, high: i64) -> i64 {
        low + i64::from(self.0.next_u32()) % (high - low + 1)
    }

    /// Standard normal, Box and Muller.
    fn normal(&mut self) -> f64 {
        let mut unit = || (f64::from(self.0.next_u32()) + 0.5) / 2f64.powi(32);
        let (radius, angle) = ((-2.0 * unit().ln()).sqrt(), unit() * std::f64::consts::TAU);
        radius * angle.cos()
    }

    fn activation(&mut self, draw: Draw) -> i64 {
        match draw {
            Draw::Signed => self.within(-128, 127),
            Draw::Unsigned => self.within(0, 255),
            Draw::Trained => (self.normal() * 80.0).round().clamp(0.0, 255.0) as i64,
            Draw::Rising => self.within(0, 127),
        }
    }

    fn weight(&mut self, draw: Draw) -> i64 {
        match draw {
            Draw::Signed | Draw::Unsigned => self.within(-128, 127),
            Draw::Trained => (self.normal() * 36.0).round().clamp(-127.0, 127.0) as i64,
            Draw::Rising => self.within(0, 127),
        }
    }
}

pub fn draw(draw: Draw, product: Product) -> Operands {
    let mut source = Source(ChaCha8Rng::seed_from_u64(SEED));
    let a = Array2::from_shape_simple_fn((product.m, product.k), || source.activation(draw));
    let w = Array2::from_shape_simple_fn((product.k, product.n), || source.weight(draw));
    Operands { a, w }
}
