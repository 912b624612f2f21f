//! Small circuits of which it is known whether the mutation shows.

use super::*;
use crate::vectors::cosim::mutants::circuit::SELECTOR;
use crate::vectors::cosim::mutants::cone::Cones;
use crate::vectors::cosim::mutants::gates::tests::cell;
use serde_json::{Map, Value, json};

const HELD: Held<'static> = Held { reset: "in_rst", selector: SELECTOR };

/// Where the mutation may be: what data are held as, their enable, the reset of the data behind them, the valid bit that
/// makes an output, and what an output shows.
struct Taken {
    held: u64,
    enable: u64,
    reset: u64,
    valid: u64,
    shown: u64,
}

const RIGHT: Taken = Taken { held: 20, enable: 3, reset: 2, valid: 21, shown: 23 };

/// Inputs: reset 2, valid 3, data 4, selector 5, last 6. Data (20) that are held while valid is 0, their valid bit (21)
/// and last bit (22); behind them done, which is valid and last (23), and the data again (24), which leave while it
/// is done. Nets 30 to 33 are mutated: data inverted, a valid bit and an enable that are always 1, a reset that is none.
fn proved(taken: Taken) -> bool {
    let mux = |a: Value, b: Value, s: u64, y| cell("$mux", &[("A", a), ("B", b), ("S", json!(s))], ("Y", y));
    let mut cells = vec![
        cell("$eq", &[("A", json!(5)), ("B", json!("1"))], ("Y", 9)),
        cell("$not", &[("A", json!(20))], ("Y", 40)),
        mux(json!(20), json!(40), 9, 30),
        mux(json!(21), json!("1"), 9, 31),
        mux(json!(3), json!("1"), 9, 32),
        mux(json!(2), json!("0"), 9, 33),
        mux(json!(taken.held), json!(4), taken.enable, 50),
        cell("$logic_and", &[("A", json!(taken.valid)), ("B", json!(22))], ("Y", 51)),
        mux(json!("0"), json!(24), taken.shown, 70),
    ];
    for (from, to) in [(50, 20), (3, 21), (6, 22), (51, 23), (20, 24)] {
        let reset = if to == 24 { taken.reset } else { 2 };
        cells.push(mux(json!(from), json!("0"), reset, to + 60));
        cells.push(cell("$dff", &[("D", json!(to + 60))], ("Q", to)));
    }
    let named = cells.into_iter().enumerate().map(|(at, cell)| (format!("c{at}"), cell));
    let cells: Map<String, Value> = named.collect();
    let port = |way: &str, bits: &[u64]| json!({ "direction": way, "bits": bits });
    let module = json!({ "cells": cells, "ports": {
        "in_rst": port("input", &[2]), "in_valid": port("input", &[3]), "in_data": port("input", &[4]),
        "gp_mutant": port("input", &[5]), "in_last": port("input", &[6]), "out": port("output", &[70, 23]),
    } });
    let module = module.as_object().unwrap();
    let source = Cones::new(module, module).unwrap().source(1).unwrap();
    let gates = Gates::new(module).unwrap();
    let protocol = Protocol { valid: vec![3], only_valid: vec![(6, 3)], ..Protocol::default() };
    Masked::new((&gates, HELD), &source, &protocol, 2).is_proved()
}

#[test]
fn what_is_held_while_nothing_is_valid_may_be_anything() {
    assert!(proved(RIGHT), "nothing is changed");
    assert!(proved(Taken { held: 30, ..RIGHT }), "data that are held inverted");
    assert!(proved(Taken { enable: 32, ..RIGHT }), "data that load all the time");
    assert!(!proved(Taken { held: 30, shown: 21, ..RIGHT }), "data that are seen with the next beat");
    assert!(!proved(Taken { enable: 32, shown: 3, ..RIGHT }), "data that are seen beside other ones");
}

/// Whether a module of these cells with inputs 2 to 6 (reset, valid, data, selector, last) and one output is proved; 9 is
/// whether the mutant is chosen.
fn proved_of(mut cells: Vec<Value>, registers: &[(u64, u64, bool)], out: u64) -> bool {
    cells.push(cell("$eq", &[("A", json!(5)), ("B", json!("1"))], ("Y", 9)));
    for (from, to, is_reset) in registers {
        let reset = if *is_reset { json!(2) } else { json!("0") };
        let pins = [("A", json!(from)), ("B", json!("0")), ("S", reset)];
        cells.push(cell("$mux", &pins, ("Y", to + 60)));
        cells.push(cell("$dff", &[("D", json!(to + 60))], ("Q", *to)));
    }
    let named = cells.into_iter().enumerate().map(|(at, cell)| (format!("c{at}"), cell));
    let cells: Map<String, Value> = named.collect();
    let port = |way: &str, net: u64| json!({ "direction": way, "bits": [net] });
    let module = json!({ "cells": cells, "ports": {
        "in_rst": port("input", 2), "in_valid": port("input", 3), "in_data": port("input", 4),
        "gp_mutant": port("input", 5), "in_last": port("input", 6), "out": port("output", out),
    } });
    let module = module.as_object().unwrap();
    let source = Cones::new(module, module).unwrap().source(1).unwrap();
    let mut gates = Gates::new(module).unwrap();
    gates.quiet = vec![3, 6];
    let protocol = Protocol { valid: vec![3], only_valid: vec![(6, 3)], ..Protocol::default() };
    Masked::new((&gates, HELD), &source, &protocol, 2).is_proved()
}

fn mux(a: Value, b: Value, s: u64, y: u64) -> Value {
    cell("$mux", &[("A", a), ("B", b), ("S", json!(s))], ("Y", y))
}

/// Data (8) are inverted in front of their register and behind it, or once; shown where they are valid (7).
#[test]
fn what_is_inverted_twice_is_what_it_was() {
    let proved = |shown: u64| {
        let inverted = |at: u64, not: u64, y: u64| {
            [cell("$not", &[("A", json!(at))], ("Y", not)), mux(json!(at), json!(not), 9, y)]
        };
        let mut cells = [inverted(4, 30, 31), inverted(8, 32, 33)].concat();
        cells.push(mux(json!("0"), json!(shown), 7, 15));
        proved_of(cells, &[(31, 8, true), (3, 7, true)], 15)
    };
    assert!(proved(33));
    assert!(!proved(8), "once");
}

/// A valid bit (7) that is always 1 beside a last bit (8) of valid beats only: what both make (10) is the same, and guards
/// data (12) that no reset clears, a clock later (11).
#[test]
fn a_bit_that_the_mutation_reaches_guards_what_it_was() {
    let proved = |beside: u64| {
        let cells = vec![
            mux(json!(7), json!("1"), 9, 30),
            cell("$logic_and", &[("A", json!(30)), ("B", json!(beside))], ("Y", 31)),
            mux(json!(12), json!(4), 10, 32),
            mux(json!("0"), json!(12), 11, 15),
        ];
        let registers =
            [(3, 7, true), (6, 8, false), (31, 10, true), (10, 11, true), (32, 12, false), (4, 13, false)];
        proved_of(cells, &registers, 15)
    };
    assert!(proved(8));
    assert!(!proved(13), "what comes without a beat, too");
}

#[test]
fn last_is_valid_by_the_protocol() {
    assert!(proved(Taken { valid: 31, ..RIGHT }));
    assert!(!proved(Taken { valid: 30, ..RIGHT }), "data in place of the valid bit");
}

#[test]
fn what_a_reset_leaves_behind_runs_out() {
    assert!(proved(Taken { reset: 33, ..RIGHT }));
}
