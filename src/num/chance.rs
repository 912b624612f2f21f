//! Numbers by chance, our own mapping of ChaCha8's key stream: no crate's update changes a vector.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Format;

/// A stream of numbers that its seed alone decides.
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// Of one seed there are as many streams as anybody asks for.
    pub fn new(seed: u64, stream: u8) -> Chance {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = stream;
        Chance(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in `low..=high`, but for a bias below 2^-32: 96 random bits modulo the span.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        let wide = (0..3).fold(0_u128, |wide, _| (wide << 32) | u128::from(self.0.next_u32()));
        let span = u128::from(high.abs_diff(low)) + 1;
        // The remainder is at most high − low, so the sum is inside.
        low.wrapping_add((wide % span) as i64)
    }

    /// Uniform among the values of a format.
    pub fn of(&mut self, format: Format) -> i64 {
        self.within(format.min(), format.max())
    }
}
