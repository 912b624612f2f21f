//! The form that reports embed.

use goldpath::bounds::{Exact, Inputs, Kind, LayerBounds, Proof, Summary};

use super::random;
use super::work::Random;

#[test]
fn summaries_say_what_the_bounds_say_and_survive_json() {
    let mut random = Random::new(36);
    let (mut unbounded, mut beyond, mut moved) = (0, 0, 0);
    for _ in 0..300 {
        let program = random::program(random::design(&mut random), &mut random);
        let bounds = LayerBounds::new(&program, &Inputs::Format);
        let summary = Summary::new(&bounds);
        for kind in Kind::ALL {
            let (bound, all) = (summary.bound(kind).unwrap(), bounds.bounds(kind));
            assert_eq!(bound.widths, all.iter().map(|b| b.width).collect::<Vec<_>>());
            let need = |width: Option<u32>| width.unwrap_or(99);
            let most = bound.widths.iter().map(|w| need(*w)).max().unwrap();
            assert_eq!(need(bound.width), most);
            // Of equally many bits the farthest reach, the first of equals.
            let reach = |n: usize| all[n].range.1.max(-1 - all[n].range.0);
            let widest: Vec<usize> = (0..all.len()).filter(|n| need(bound.widths[*n]) == most).collect();
            let farthest = widest.iter().map(|n| reach(*n)).max().unwrap();
            let first = *widest.iter().find(|n| reach(**n) == farthest).unwrap();
            moved += u32::from(first != widest[0]);
            assert_eq!(bound.worst_channel, first);
            assert_eq!((bound.low, bound.high), (Exact(all[first].range.0), Exact(all[first].range.1)));
            let weakest = if all.iter().any(|b| b.proof == Proof::Nothing) {
                Proof::Nothing
            } else if all.iter().any(|b| b.proof == Proof::FinalSum) {
                Proof::FinalSum
            } else {
                Proof::EveryPrefix
            };
            assert_eq!(bound.proof, weakest);
            assert_eq!(bound.achieved, bounds.witness(kind, first).is_some());
            unbounded += u32::from(bound.width.is_none());
            beyond += u32::from(bound.high.0 > 1 << 53);
        }
        assert_eq!(summary.proved_width, summary.bound(summary.licence).unwrap().width);
        assert_eq!(summary.nodes.len(), program.design.fitting_nodes().len());
        let text = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
    }
    assert!(moved > 10, "{moved}: the first of several was always the farthest");
    assert!(unbounded > 0, "an unsigned accumulator that goes below 0 never came up");
    println!("{unbounded} without a width, {beyond} beyond 2^53");
}

#[test]
fn large_integers_are_text() {
    let json = |value: i128| serde_json::to_string(&Exact(value)).unwrap();
    assert_eq!(json(1 << 53), "9007199254740992");
    assert_eq!(json((1 << 53) + 1), "\"9007199254740993\"");
    assert_eq!(json(-(1 << 100)), "\"-1267650600228229401496703205376\"");
    for value in [0, -1, 1 << 53, (1 << 53) + 1, -(1 << 100)] {
        assert_eq!(serde_json::from_str::<Exact>(&json(value)).unwrap(), Exact(value));
    }
    assert!(serde_json::from_str::<Exact>("\"12x\"").is_err());
}

#[test]
fn the_schema_describes_it() {
    let schema = schemars::schema_for!(Summary);
    let schema = serde_json::to_value(&schema).unwrap();
    let program = random::program(random::design(&mut Random::new(1)), &mut Random::new(2));
    let summary = Summary::new(&LayerBounds::new(&program, &Inputs::Format));
    let value = serde_json::to_value(&summary).unwrap();
    let names = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut described = names(&schema["properties"]);
    let mut written = names(&value);
    described.sort();
    written.sort();
    assert_eq!(described, written);
    assert!(schema["properties"]["proved_width"]["description"].is_string());
}
