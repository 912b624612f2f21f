//! The same models with damaged bytes, and with feeds of extreme numbers: refused or computed, never a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use goldpath::functional::graph::run;
use goldpath::functional::operators::Framework;
use goldpath::import::onnx;
use goldpath::limits::{DEFAULT_MAX_MEMORY, set_max_memory};
use goldpath::network::Tensor;

use crate::{Case, alone, cases};

/// A sequence that a seed repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % end.max(1) as u64).unwrap()
    }
}

/// One to three bytes changed, or an integer in place of some that is as long as they come.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 1, 2, 0x7f, 0x80, 0xff][random.below(6)],
            2 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            _ => drop(bytes.splice(at..(at + 1).min(bytes.len()), [&[0xff; 9][..], &[1]].concat())),
        }
    }
}

/// Integers at the ends of their types, floats that are no numbers.
fn extremes(tensor: &Tensor, random: &mut Random) -> Tensor {
    const INTEGERS: [i64; 9] = [0, -1, 1, 2, i64::MIN, i64::MAX, 1 << 31, 1 << 40, -(1 << 31)];
    const FLOATS: [f32; 8] = [0.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-45, 1e30, f32::MAX];
    match tensor {
        Tensor::I64(a) => {
            Tensor::I64(a.mapv(|v| if random.below(2) == 0 { INTEGERS[random.below(9)] } else { v }))
        }
        Tensor::F32(a) => {
            Tensor::F32(a.mapv(|v| if random.below(3) == 0 { FLOATS[random.below(8)] } else { v }))
        }
        Tensor::I32(a) => Tensor::I32(a.mapv(|v| [v, 0, -1, i32::MIN, i32::MAX][random.below(5)])),
        other => other.clone(),
    }
}

fn no_panic(family: &str, index: usize, what: &str, case: &Case) -> Option<String> {
    let computed = catch_unwind(AssertUnwindSafe(|| {
        let network = onnx::parse(&case.model, Path::new("damaged.onnx")).ok()?;
        run(&network, &case.feeds, &Framework).ok()
    }));
    computed.is_err().then(|| format!("{family}.{index}: {what}"))
}

#[test]
fn damaged_models_and_extreme_feeds_are_no_panic() {
    let _alone = alone();
    let families = crate::FAMILIES.map(|family| (family, cases(family)));
    set_max_memory(16 << 20);
    let mut panics = Vec::new();
    let mut tried = 0;
    for (family, cases) in &families {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for (index, case) in cases {
            for _ in 0..4 {
                let mut damaged = case.clone();
                damage(&mut damaged.model, &mut random);
                panics.extend(no_panic(family, *index, "damaged bytes", &damaged));
                let mut extreme = case.clone();
                extreme.feeds.iter_mut().for_each(|(_, tensor)| *tensor = extremes(tensor, &mut random));
                panics.extend(no_panic(family, *index, "extreme feeds", &extreme));
                tried += 2;
            }
        }
    }
    set_max_memory(DEFAULT_MAX_MEMORY);
    println!("{tried} damaged cases");
    assert!(panics.is_empty(), "{} panics\n{}", panics.len(), panics.join("\n"));
}
