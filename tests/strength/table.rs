//! Directed programs tell apart every neighbour of every committed design that is not proved equal; the old cases do not.

use std::sync::Arc;

use goldpath::functional;
use goldpath::lower::Program;
use goldpath::neighbours::{self, Hardware};
use goldpath::simulate::{Gaps, Timing};
use goldpath::strength::directed::{Form, directed};
use goldpath::strength::{Judge, proved_equal};
use goldpath::vectors::case::{self, Case};

use crate::{DESIGNS, OTHERS, design};

/// Which neighbours a program tells apart; its own design is none of them.
fn told(program: &Program) -> Vec<bool> {
    let judge = Judge::new(program);
    let own = Hardware::of(&program.design);
    assert_eq!(judge.difference(&own), None, "the design is told from itself");
    neighbours::of(&own).map(|n| judge.difference(&n.hardware).is_some()).collect()
}

#[test]
fn every_neighbour_is_told_apart_or_proved_equal() {
    println!("{:<22} neighbours equal | random extreme saturating | directed single numbers | cycles", "");
    for name in DESIGNS.into_iter().chain(OTHERS) {
        let design = design(name);
        let all: Vec<_> = neighbours::of(&Hardware::of(&design)).collect();
        let old = Case::ALL.map(|case| {
            let shape = if case == Case::Saturating { [8, 96, 8] } else { [8, 24, 8] };
            let made = case::make(&design, case, shape, 1, &|p| functional::run(p, true));
            made.map_or(0, |program| told(&program).into_iter().filter(|told| *told).count())
        });
        let programs = Form::ALL.map(|form| directed(&design, form, None, 1).unwrap());
        let timing = |program: &Program| Timing::with(program, Gaps::mixed(1));
        let cycles = programs.each_ref().map(|program| timing(program).total_cycles());
        assert!(cycles.iter().all(|cycles| *cycles <= 20_000), "{name}: {cycles:?} cycles");
        let by = programs.each_ref().map(told);
        let equal: Vec<bool> = all.iter().map(|n| proved_equal(&design, &n.hardware).is_some()).collect();
        let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
        println!(
            "{name:<22} {:>10} {:>5} | {:>6} {:>7} {:>10} | {:>8} {:>6} {:>7} | {cycles:?}",
            all.len(),
            count(&equal),
            old[0],
            old[1],
            old[2],
            count(&by[0]),
            count(&by[1]),
            count(&by[2]),
        );
        // What has no post steps has fewer.
        let least = match name {
            "ws16x16_s8_acc32" => 49,
            "os8x8_diag_s8_acc20" => 43,
            "tree16x4_banks4_s8_acc34sat" => 70,
            name if name.starts_with("mac") => 60,
            _ => 80,
        };
        assert!(all.len() >= least, "{name} has {} neighbours", all.len());
        let mut missed = Vec::new();
        for (index, neighbour) in all.iter().enumerate() {
            let told = by.iter().any(|by| by[index]);
            assert!(!(told && equal[index]), "{name}: {} is told apart and proved equal", neighbour.name);
            if !told && !equal[index] {
                missed.push(&neighbour.name);
            }
        }
        assert!(missed.is_empty(), "{name}: neither told apart nor proved equal: {missed:#?}");
        let best = old.into_iter().max().unwrap_or(0);
        // Biases at the rails make extremes tell all there is.
        let all_told = best == all.len() - count(&equal) && count(&by[0]) == best;
        assert!(count(&by[0]) > best + 5 || all_told, "{name}: the old cases tell {best} apart");
    }
}

#[test]
fn names_are_unique_and_hardware_is_another() {
    for name in DESIGNS {
        let own = Hardware::of(&design(name));
        let all: Vec<_> = neighbours::of(&own).collect();
        let mut names: Vec<&str> = all.iter().map(|n| n.name.as_str()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{name}: a name stands twice");
        assert!(all.iter().all(|n| n.hardware != own && !n.name.contains('\n')));
        for (at, one) in all.iter().enumerate() {
            let twin = all[..at].iter().find(|other| other.hardware == one.hardware);
            assert!(twin.is_none(), "{name}: {} and {} are one", one.name, twin.unwrap().name);
        }
    }
}

/// Pairs of edits: the neighbours of a neighbour, as lazily.
#[test]
fn neighbours_compose() {
    let own = Hardware::of(&design("mac_s8_acc16sat"));
    let first = neighbours::of(&own).next().unwrap();
    let pair = neighbours::of(&first.hardware).find(|n| n.key == "accumulator.start").unwrap();
    assert_ne!(pair.hardware, own);
    let program = directed(&Arc::new(own.design), Form::Whole, None, 1).unwrap();
    assert!(Judge::new(&program).difference(&pair.hardware).is_some());
}
