//! Single operators against ONNX Runtime with optimisations off: `FAMILY.npz` holds random models, their feeds and its
//! answers, made by `make.py FAMILY`.
//!
//! Every output has to be equal in type, shape and bits; a NaN is equal to a NaN. Where ONNX Runtime calls the C
//! library, or its order of summation depends on the CPU, the family states how many units in the last place are let
//! pass.

mod damaged;
mod float;

use std::collections::BTreeMap;
use std::path::Path;

use goldpath::functional::folded;
use goldpath::functional::graph::run;
use goldpath::functional::operators::Framework;
use goldpath::import::npy::{parse_npy, read_npz};
use goldpath::import::onnx;
use goldpath::network::Tensor;

/// Every family that is compared.
const FAMILIES: [&str; 37] = [
    "arithmetic",
    "unary",
    "binary",
    "power",
    "quantised",
    "layout",
    "scatter",
    "reduce",
    "normalize",
    "log_softmax",
    "resize",
    "conv_transpose",
    "recurrent",
    "rnn",
    "dynamic_lstm",
    "branch",
    "fused",
    "fused_products",
    "fused_integers",
    "einsum",
    "lp_pool",
    "upsample",
    "volumes",
    "quantised_mean",
    "blocks",
    "matmul",
    "gemm",
    "conv",
    "conv1d",
    "depthwise",
    "softmax",
    "coded",
    "float_cases",
    "early",
    "integer_products",
    "channels_last",
    "quantised_gemm",
];

/// How far a float32 value may lie from ONNX Runtime's.
#[derive(Debug, Clone, Copy)]
enum Within {
    /// So many units in its last place.
    Ulp(u32),
    /// So many units in the last place of the largest value of its tensor.
    UlpOfLargest(u32),
}

impl Within {
    fn holds(self, found: f32, expected: f32, largest: f32) -> bool {
        match self {
            Within::Ulp(ulp) => distance(found, expected) <= ulp,
            Within::UlpOfLargest(ulp) => {
                let unit = f32::from_bits(largest.to_bits() + 1) - largest;
                distance(found, expected) == 0 || (found - expected).abs() <= unit * ulp as f32
            }
        }
    }
}

/// One model of a family.
#[derive(Default, Clone)]
struct Case {
    model: Vec<u8>,
    feeds: Vec<(String, Tensor)>,
    answers: BTreeMap<String, Tensor>,
}

fn cases(family: &str) -> BTreeMap<usize, Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/operators").join(format!("{family}.npz"));
    let Some(Tensor::U8(packed)) = read_npz(&path).unwrap().remove("cases") else {
        panic!("{family}: no cases")
    };
    let packed: Vec<u8> = packed.into_iter().collect();
    let mut rest = packed.as_slice();
    let mut part = || {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let (part, behind) = behind.split_at(u32::from_le_bytes(*length) as usize);
        rest = behind;
        Some(part)
    };
    let mut cases: BTreeMap<usize, Case> = BTreeMap::new();
    while let Some(name) = part() {
        let (name, tensor) = (std::str::from_utf8(name).unwrap(), parse_npy(part().unwrap()).unwrap());
        let mut words = name.splitn(3, '.');
        let case = cases.entry(words.next().unwrap().parse().unwrap()).or_default();
        match (words.next().unwrap(), words.next()) {
            ("model", None) => {
                let Tensor::U8(bytes) = tensor else { panic!("{family}: {name} holds no bytes") };
                case.model = bytes.into_iter().collect();
            }
            ("in", Some(name)) => case.feeds.push((name.to_owned(), tensor)),
            ("out", Some(name)) => drop(case.answers.insert(name.to_owned(), tensor)),
            _ => panic!("{family}: {name}"),
        }
    }
    cases
}

/// Distance in units of the last place; none between equal bits, or between two NaN.
fn distance(a: f32, b: f32) -> u32 {
    if a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) {
        return 0;
    }
    if a.is_nan() || b.is_nan() {
        return u32::MAX;
    }
    let ordered = |v: f32| match v.to_bits() {
        bits if bits >> 31 == 1 => -i64::from(bits & 0x7fff_ffff) - 1,
        bits => i64::from(bits),
    };
    u32::try_from((ordered(a) - ordered(b)).unsigned_abs()).unwrap_or(u32::MAX)
}

/// The first value that lies further off than is let pass, in words; and how many values were compared.
fn compare(found: &Tensor, expected: &Tensor, within: Within) -> Result<usize, String> {
    if found.dtype() != expected.dtype() || found.shape() != expected.shape() {
        let shown = |t: &Tensor| format!("{} {:?}", t.dtype(), t.shape());
        return Err(format!("{} instead of {}", shown(found), shown(expected)));
    }
    match (found, expected) {
        (Tensor::F32(found), Tensor::F32(expected)) => {
            let pairs = found.iter().zip(expected).enumerate();
            let largest = expected.iter().fold(f32::MIN_POSITIVE, |top, v| top.max(v.abs()));
            let mut wrong = pairs.filter(|(_, (a, b))| !within.holds(**a, **b, largest));
            wrong.next().map_or(Ok(expected.len()), |(at, (a, b))| {
                Err(format!(
                    "[{at}] {a:e} instead of {b:e} ({} ulp, {} more)",
                    distance(*a, *b),
                    wrong.count()
                ))
            })
        }
        (Tensor::U64(a), Tensor::U64(b)) if a == b => Ok(b.len()),
        _ => {
            let (found, expected) = (found.to_i64().unwrap(), expected.to_i64().unwrap());
            let mut wrong = found.iter().zip(&expected).enumerate().filter(|(_, (a, b))| a != b);
            wrong.next().map_or(Ok(expected.len()), |(at, (a, b))| Err(format!("[{at}] {a} instead of {b}")))
        }
    }
}

/// The stated memory is one for the whole process: who changes it is alone.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Runs a family, of which there are at least so many models.
fn check(family: &str, models: usize, within: Within) {
    assert!(FAMILIES.contains(&family));
    let _alone = alone();
    let (mut values, mut outputs, mut complaints) = (0, 0, Vec::new());
    let cases = cases(family);
    assert!(cases.len() >= models, "{family}: {} models, not {models}", cases.len());
    for (index, case) in &cases {
        let network = onnx::parse(&case.model, Path::new(&format!("{family}.{index}.onnx")));
        let found = network.and_then(|network| {
            let kind = network.nodes.first().map_or(String::new(), |node| format!("{:?}", node.operator));
            // A constant condition puts a body in the place of its If.
            let network = if family == "branch" && index % 2 == 0 { folded(network).0 } else { network };
            run(&network, &case.feeds, &Framework).map(|found| (found, kind))
        });
        let (found, kind) = match found {
            Ok(found) => found,
            Err(error) => {
                complaints.push(format!("{index}: {error}"));
                continue;
            }
        };
        assert_eq!(found.len(), case.answers.len(), "{family}.{index}");
        for (name, found) in found {
            match compare(&found, &case.answers[&name], within) {
                Ok(count) => (values, outputs) = (values + count, outputs + 1),
                Err(complaint) => complaints.push(format!("{index}: {kind}: {name}: {complaint}")),
            }
        }
    }
    println!("{family}: {} models, {outputs} outputs, {values} values, {within:?}", cases.len());
    assert!(
        complaints.is_empty(),
        "{family}: {} complaints\n{}",
        complaints.len(),
        complaints[..complaints.len().min(40)].join("\n")
    );
    assert!(values > 0, "{family}: nothing was compared");
}

#[test]
fn distances_count_representable_numbers() {
    assert_eq!(distance(1.0, 1.0), 0);
    assert_eq!(distance(1.0, 1.0 + f32::EPSILON), 1);
    assert_eq!(distance(0.0, -0.0), 1);
    assert_eq!(distance(f32::from_bits(1), -f32::from_bits(1)), 3);
    assert_eq!(distance(f32::NAN, -f32::NAN), 0);
    assert_eq!(distance(f32::NAN, 0.0), u32::MAX);
    assert_eq!(distance(f32::MAX, f32::INFINITY), 1);
}

macro_rules! families {
    ($($(#[$doc:meta])* $family:ident: $within:expr;)*) => {
        $($(#[$doc])* #[test]
        fn $family() {
            check(stringify!($family), 400, $within);
        })*
    };
}

families! {
    arithmetic: Within::Ulp(0);
    unary: Within::Ulp(0);
    binary: Within::Ulp(0);
    /// Sin, Cos and Pow of float32.
    power: Within::Ulp(1);
    quantised: Within::Ulp(0);
    layout: Within::Ulp(0);
    scatter: Within::Ulp(0);
    reduce: Within::Ulp(0);
    normalize: Within::Ulp(0);
    log_softmax: Within::UlpOfLargest(8);
    resize: Within::Ulp(0);
    conv_transpose: Within::Ulp(0);
    recurrent: Within::Ulp(0);
    rnn: Within::Ulp(0);
    dynamic_lstm: Within::Ulp(0);
    blocks: Within::Ulp(0);
    fused: Within::Ulp(0);
    fused_integers: Within::Ulp(0);
    fused_products: Within::UlpOfLargest(32);
    einsum: Within::UlpOfLargest(8);
    lp_pool: Within::Ulp(2);
    upsample: Within::Ulp(0);
    volumes: Within::Ulp(0);
    quantised_mean: Within::Ulp(0);
    branch: Within::Ulp(0);
    early: Within::Ulp(0);
    integer_products: Within::Ulp(0);
    channels_last: Within::Ulp(0);
    quantised_gemm: Within::Ulp(0);
}
