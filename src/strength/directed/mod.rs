//! Operands, biases and parameters built backwards from what must be told apart.
//!
//! Every channel is a candidate: numbers for its parameters, a sum that its post steps make something of (ties, edges of the
//! clamp, rails), and weights and a bias that lead there. A pool of candidates is judged against the design's neighbours, and
//! the channels that tell most apart are taken, each difference by two of them where there are two.

mod bits;
mod choose;
mod compare;
mod inner;
mod maker;
mod merit;
mod numbers;
mod pool;
mod rows;
mod targets;
mod ties;

use std::sync::Arc;

use crate::design::Design;
use crate::error::Result;
use crate::lower::Program;
use crate::num::Chance;

/// Which of a design's directed programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Several beats an output.
    Whole,
    /// One product an output: every beat starts and ends one. Numbers of the layer are others.
    Single,
    /// As [`Form::Whole`], with numbers of the layer that are others again: of the three, each bit is 0 in one and 1 in one.
    Numbers,
}

impl Form {
    /// All of them: what one program has one number for needs them together.
    pub const ALL: [Form; 3] = [Form::Whole, Form::Single, Form::Numbers];

    /// As `--case` and manifests spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Form::Whole => "directed",
            Form::Single => "single",
            Form::Numbers => "numbers",
        }
    }
}

/// The directed program of a design: the smallest shape that tells apart what can be, or that of `[m, k, n]`.
///
/// # Errors
/// A shape that is too large; parameters whose limits leave nothing that the design can run.
pub fn directed(design: &Arc<Design>, form: Form, shape: Option<[usize; 3]>, seed: u64) -> Result<Program> {
    let with = |last: pool::LastBeat| {
        let pool = pool::Pool::new(design, form, shape, last, &mut Chance::new(seed, 1))?;
        choose::program(design, &pool, shape)
    };
    // An offset may leave idle lanes without a code.
    with(pool::LastBeat::Ragged).or_else(|error| with(pool::LastBeat::Full).map_err(|_| error))
}
