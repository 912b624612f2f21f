//! Operands, biases and parameters built backwards from what must be told apart.
//!
//! Every channel is a candidate: numbers for its parameters, a sum that its post steps make something of (ties, edges of the
//! clamp, rails), and weights and a bias that lead there. A pool of candidates is judged against the design's neighbours, and
//! the channels that tell most apart are taken, each difference by two of them where there are two.

mod choose;
mod goals;
mod numbers;
mod pool;
mod rows;
mod targets;

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::design::Design;
use crate::error::Result;
use crate::lower::Program;

/// Which of a design's directed programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Several beats an output.
    Whole,
    /// One product an output: every beat starts and ends one. Numbers of the layer are at their other ends.
    Single,
}

/// The directed program of a design: the smallest shape that tells apart what can be, or that of `[m, k, n]`.
///
/// # Errors
/// A shape that is too large; parameters whose limits leave nothing that the design can run.
pub fn directed(design: &Arc<Design>, form: Form, shape: Option<[usize; 3]>, seed: u64) -> Result<Program> {
    let with = |last: pool::LastBeat| {
        let pool = pool::Pool::new(design, form, shape, last, &mut Chance::new(seed))?;
        choose::program(design, &pool, shape)
    };
    // An offset may leave idle lanes without a code.
    with(pool::LastBeat::Ragged).or_else(|error| with(pool::LastBeat::Full).map_err(|_| error))
}

/// Numbers by chance, our own mapping of ChaCha8's key stream.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = 1;
        Chance(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in `low..=high`, but for a bias below 2^-32.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        let wide = (0..3).fold(0_u128, |wide, _| (wide << 32) | u128::from(self.0.next_u32()));
        let span = u128::from(high.abs_diff(low)) + 1;
        // The remainder is at most high − low, so the sum is inside.
        low.wrapping_add((wide % span) as i64)
    }
}
