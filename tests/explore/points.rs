//! End to end: every point equals a run of its own, bit by bit, and says truly what was run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use goldpath::design::Design;
use goldpath::error::Result;
use goldpath::explore::answer::{Events, Outcome, PointResult};
use goldpath::explore::{Candidates, Exact, point};
use goldpath::functional;
use goldpath::functional::graph::infer;
use goldpath::functional::operators::{Designed, LayerRule};
use goldpath::lower::Program;
use goldpath::network::{Layer, Network, Tensor};
use sha2::{Digest, Sha256};

use super::{at, builder, images, network};

/// Runs every layer by itself, and keeps what it met and did.
struct Separate {
    design: Arc<Design>,
    seen: Mutex<BTreeMap<String, (Tensor, Events)>>,
}

impl LayerRule for Separate {
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let program = Program::layer(Arc::clone(&self.design), layer, &x.to_i32()?)?;
        let outcome = functional::run(&program, true);
        let counts = outcome.counts.as_ref().unwrap();
        let events = super::events_of(&program, counts);
        let before = self.seen.lock().unwrap().insert(layer.name.clone(), (x.clone(), events));
        assert!(before.is_none(), "one batch, one product");
        Designed::new(Arc::clone(&self.design)).tensor(layer, x.shape(), &outcome)
    }
}

pub struct Run {
    pub tensors: BTreeMap<String, Tensor>,
    pub seen: BTreeMap<String, (Tensor, Events)>,
    pub answers: Vec<usize>,
}

pub fn separate(network: &Network, x: &Tensor, design: Arc<Design>) -> Run {
    let rule = Separate { design, seen: Mutex::new(BTreeMap::new()) };
    let tensors = infer(network, x, &rule).unwrap();
    // The last integer tensor holds the scores; their order is that of the codes.
    let scores = tensors.last().unwrap().1.to_i64().unwrap();
    let best = |row: ndarray::ArrayViewD<'_, i64>| {
        let most = row.iter().max().unwrap();
        row.iter().position(|v| v == most).unwrap()
    };
    let answers = scores.outer_iter().map(best).collect();
    Run { tensors: tensors.into_iter().collect(), seen: rule.seen.into_inner().unwrap(), answers }
}

pub fn sha256(tensor: &Tensor) -> String {
    let mut digest = Sha256::new();
    tensor.to_i64().unwrap().iter().for_each(|v| digest.update(v.to_le_bytes()));
    digest.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// What a sweep of points hit.
#[derive(Debug, Default)]
pub struct Hits {
    points: usize,
    networks_run: usize,
    layers_run: u64,
    pub replayed: u64,
    pub high: u64,
    pub low: u64,
    /// Points that overflow and answer with the exact network's bytes nevertheless.
    without_harm: usize,
    wrong: u64,
}

/// One point against its own run.
fn compare(network: &Network, labels: &[i64], found: &PointResult, exact: &Run, own: &Run, hits: &mut Hits) {
    let mut met_others = false;
    let mut diverges = None;
    for layer in &found.layers {
        let (input, events) = &own.seen[&layer.name];
        assert_eq!(layer.overflow, *events, "{}", layer.name);
        let node = network.nodes.iter().find(|n| n.name == layer.name).unwrap();
        let name = node.outputs[0].as_ref().unwrap();
        assert_eq!(layer.sha256, sha256(&own.tensors[name]), "{}", layer.name);
        met_others |= *input != exact.seen[&layer.name].0;
        if own.tensors[name] != exact.tensors[name] {
            diverges.get_or_insert(layer.name.clone());
        }
        hits.high += events.high;
        hits.low += events.low;
    }
    assert_eq!(found.layers.len(), own.seen.len());
    assert_eq!(found.network_run, met_others);
    assert_eq!(found.diverges_at, diverges);
    let right = own.answers.iter().zip(labels).filter(|(a, l)| **a as i64 == **l).count() as u64;
    assert_eq!(found.correct, Some(right));
    assert_eq!(found.agree, own.answers.iter().zip(&exact.answers).filter(|(a, b)| a == b).count() as u64);
    hits.points += 1;
    hits.networks_run += usize::from(found.network_run);
    hits.layers_run += found.layers_run;
    hits.replayed += found.outputs_replayed;
    hits.wrong += labels.len() as u64 - right;
    let overflows: u64 = found.layers.iter().map(|l| l.overflow.outputs).sum();
    hits.without_harm += usize::from(overflows > 0 && diverges.is_none());
}

fn sweep(name: &str, design: &str, count: usize, widths: &[u32], modes: &[&'static str]) -> Hits {
    let hits = sweep_of(name, &builder(design, &[]), count, widths, modes);
    println!("{name} on {design}: {hits:?}");
    hits
}

pub fn sweep_of(
    name: &str,
    build: &dyn Fn(&[String]) -> Result<Design>,
    count: usize,
    widths: &[u32],
    modes: &[&'static str],
) -> Hits {
    let (network, (x, labels)) = (network(name), images(name, count));
    let candidates = Candidates::new(modes, widths, build).unwrap();
    let exact = Exact::new(&network, &x, &candidates.reference).unwrap();
    let minimum = goldpath::explore::layers(&exact, &candidates, None).unwrap().minimal_observed_width;
    let own_exact = separate(&network, &x, at(build, 32, "wrap"));
    let answers: Vec<usize> = exact.answers().iter().map(|a| *a as usize).collect();
    assert_eq!(answers, own_exact.answers);
    let (mut hits, mut outputs) = (Hits::default(), Vec::new());
    for width in widths {
        for mode in modes {
            let candidate = candidates.at(*width, mode).unwrap();
            let Outcome::Done(found) = point(&exact, candidate, Some(&labels)).unwrap() else {
                panic!("{width} bits, {mode}")
            };
            let own = separate(&network, &x, at(build, *width, mode));
            compare(&network, &labels, &found, &own_exact, &own, &mut hits);
            if *width >= minimum {
                assert!(!found.network_run && found.layers_run + found.outputs_replayed == 0);
                assert!(found.diverges_at.is_none() && found.layers.iter().all(|l| l.overflow.outputs == 0));
            }
            let same_answer = own.tensors.values().last() == own_exact.tensors.values().last();
            outputs.push((found.output_sha256.clone(), own.answers == own_exact.answers || same_answer));
        }
    }
    let last = &outputs.last().unwrap().0;
    assert!(outputs.iter().all(|(sha, same)| *same || sha != last), "another answer, the same bytes");
    assert!(widths.iter().any(|w| *w < minimum) && widths.iter().any(|w| *w > minimum));
    println!("minimal observed width {minimum}");
    hits
}

#[test]
fn the_cnn_equals_separate_runs_at_8_to_32_bits() {
    let widths: Vec<u32> = (8..=32).collect();
    let hits = sweep("cnn_s8_qoperator", "os8x8_s8_acc32", 2, &widths, &["wrap", "saturate"]);
    assert_eq!(hits.points, 50);
    assert!(hits.high > 1000 && hits.low > 1000 && hits.wrong > 20, "{hits:?}");
    assert!(hits.networks_run > 10 && hits.networks_run < 30 && hits.without_harm > 0, "{hits:?}");
}

/// A residual sum joins a changed branch with an exact one, and many images make overflows rare near the minimum.
#[test]
fn the_mlp_equals_separate_runs_in_all_modes_and_replays_rare_overflows() {
    let widths: Vec<u32> = (12..=20).collect();
    let modes = ["wrap", "saturate", "saturate_symmetric"];
    let hits = sweep("mlp_s8_qoperator", "mac_s8_acc32", 64, &widths, &modes);
    assert_eq!(hits.points, 27);
    assert!(hits.replayed > 0 && hits.networks_run > 5, "{hits:?}");
}

/// Eight lanes and an exact tree in front of the accumulator; layers of the QDQ form.
#[test]
fn a_tree_equals_separate_runs() {
    let widths: Vec<u32> = (14..=24).step_by(2).collect();
    let hits = sweep("cnn_s8_qdq", "tree8_s8_acc24", 2, &widths, &["saturate", "wrap"]);
    assert!(hits.high > 100 && hits.low > 100, "{hits:?}");
}
