//! What is measured: matrix products with random operands on designs of `hw_models`.

use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::lower::{Numbers, Program};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const SEED: u64 = 0x601d;

pub fn design(name: &str) -> Arc<Design> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("hw_models").join(name).join("design.toml");
    Arc::new(Design::load(&path, &[]).expect("a design of this repository"))
}

/// Y[m, n] = A[m, k] · W[k, n] on INT8 codes of the whole range.
pub fn product(design: &Arc<Design>, [m, k, n]: [usize; 3]) -> Program {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut within = |low: i64, high: i64| low + i64::from(random.next_u32()) % (high - low + 1);
    // A requantizer alone multiplies nothing.
    let most = if design.is_post_only() { 0 } else { 127 };
    let a = Array2::from_shape_fn((m, k), |_| within(-most - i64::from(most > 0), most));
    let w = Array2::from_shape_fn((k, n), |_| within(-most - i64::from(most > 0), most));
    let mut numbers = Numbers::new();
    for parameter in &design.parameters {
        let value = match parameter.name.as_str() {
            "bias" => (0..n).map(|_| within(-3000, 3000)).collect(),
            "shift" if parameter.max < 16 => (0..n).map(|_| within(4, 9)).collect(),
            "shift" => vec![if parameter.max < 36 { 9 } else { 36 }],
            "multiplier" => vec![1 << 30],
            "zero_point" => vec![3],
            "low" if parameter.default.is_none() => vec![parameter.min],
            "high" if parameter.default.is_none() => vec![parameter.max],
            "value" => (0..n).map(|_| within(-1 << 20, 1 << 20)).collect(),
            _ => continue,
        };
        numbers.insert(parameter.name.clone(), value);
    }
    Program::matrix(design.clone(), a.view(), w.view(), &numbers).expect("codes fit their formats")
}
