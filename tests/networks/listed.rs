//! MACs listed = MACs in the graph, in every command, for networks of every form.

use std::collections::BTreeSet;

use serde_json::Value;

use super::quantiser::{self, Random};
use super::{Case, json, onnx, stderr};

/// (name, operator) of every MAC in an answer's list, sorted.
fn listed(macs: &Value) -> Vec<(String, String)> {
    let text = |mac: &Value, key: &str| mac[key].as_str().unwrap().to_owned();
    let mut macs: Vec<_> =
        macs.as_array().unwrap().iter().map(|mac| (text(mac, "name"), text(mac, "kind"))).collect();
    macs.sort();
    macs
}

fn names(list: &Value, key: &str) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|entry| entry[key].as_str().unwrap().to_owned()).collect()
}

/// `layers` and `skipped` are all of `macs`, and none is in both; each that is no integer layer has a reason.
fn partition(seed: u64, answer: &Value, key: &str) {
    let (layers, skipped) = (names(&answer["layers"], key), names(&answer["skipped"], key));
    let macs = names(&answer["macs"], "name");
    assert_eq!(layers.union(&skipped).cloned().collect::<BTreeSet<_>>(), macs, "network {seed}");
    assert!(layers.is_disjoint(&skipped), "network {seed}: {layers:?} {skipped:?}");
    for mac in answer["macs"].as_array().unwrap() {
        assert_eq!(mac["state"] == "integer" && mac["reason"].is_null(), mac["reason"].is_null(), "{mac}");
    }
    let coverage = &answer["coverage"];
    let count = |value: &Value| value.as_u64().unwrap();
    let missing = coverage["not_covered"].as_array().unwrap().len() as u64;
    assert_eq!(count(&coverage["macs"]), macs.len() as u64, "network {seed}");
    assert_eq!(count(&coverage["covered"]), layers.len() as u64, "network {seed}");
    assert_eq!(count(&coverage["covered"]) + missing + count(&coverage["float"]), macs.len() as u64);
}

/// Answers of the network of that number; whether its MACs are all covered.
fn network(seed: u64) -> (usize, bool) {
    let made = quantiser::network(seed);
    let bytes = made.model.bytes();
    let mut counted = onnx::macs(&bytes);
    assert_eq!(counted.len(), made.macs, "network {seed}");
    let mut random = Random::new(seed + 77);
    let x: Vec<f32> = (0..made.input.iter().product()).map(|_| random.unit() * 5.0 - 2.5).collect();
    let case = Case::new(&bytes, &made.input, &x);
    let infer = json(&case.infer(&["--format", "json"]));
    let all = listed(&infer["macs"]);
    // Kinds agree one by one; names where the file gives one that is its own.
    let kinds = |macs: &[(String, String)]| {
        let mut kinds: Vec<String> = macs.iter().map(|(_, kind)| kind.clone()).collect();
        kinds.sort();
        kinds
    };
    let listed_kinds = kinds(&all);
    counted.iter_mut().for_each(|(kind, name)| std::mem::swap(kind, name));
    assert_eq!(listed_kinds, kinds(&counted), "network {seed}");
    let distinct: BTreeSet<&String> = all.iter().map(|(name, _)| name).collect();
    assert_eq!(distinct.len(), all.len(), "network {seed}: a name stands for two nodes: {all:?}");
    let once = |name: &String| counted.iter().filter(|(other, _)| other == name).count() == 1;
    for (name, kind) in counted.iter().filter(|(name, _)| !name.is_empty() && once(name)) {
        assert!(all.contains(&(name.clone(), kind.clone())), "network {seed}: {name} is not listed");
    }
    let fed = infer["macs"].as_array().unwrap().iter().any(|mac| mac["state"] != "float");
    if !fed {
        for refused in [case.check(&[]), case.overflow(&[]), case.sweep(&[])] {
            assert_eq!(refused.status.code(), Some(2));
            assert!(all.iter().all(|(name, _)| stderr(&refused).contains(name)), "{}", stderr(&refused));
        }
        return (all.len(), false);
    }
    let check = json(&case.check(&["--format", "json"]))["bounds"].clone();
    let overflow = json(&case.overflow(&["--format", "json"]));
    let sweep = json(&case.sweep(&["--format", "json"]))["variants"][0]["layers"]["done"].clone();
    for (answer, key) in [(&check, "layer"), (&overflow, "layer"), (&sweep, "name")] {
        assert_eq!(listed(&answer["macs"]), all, "network {seed}");
        partition(seed, answer, key);
    }
    (all.len(), sweep["coverage"]["not_covered"].as_array().unwrap().is_empty())
}

fn networks(seeds: std::ops::Range<u64>) {
    let (mut macs, mut whole, count) = (0, 0, seeds.end - seeds.start);
    for seed in seeds {
        let (found, all) = network(seed);
        macs += found;
        whole += usize::from(all);
    }
    println!(
        "{count} networks, {macs} MACs, each listed by check, overflow, sweep and infer; {whole} covered whole"
    );
    assert!(whole > 0 && macs > 2 * usize::try_from(count).unwrap());
}

#[test]
fn every_mac_of_random_networks_is_listed() {
    networks(0..12);
}

#[test]
#[ignore = "the long form: minutes"]
fn every_mac_of_many_random_networks_is_listed() {
    networks(0..240);
}
