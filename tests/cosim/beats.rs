//! `beats_in.hex` and `beats_out.hex` against the matrices themselves: no skew, no bubbles, in schedule order.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::functional;
use goldpath::lower::{Outcome, Program};
use goldpath::vectors::case::{self, Case};
use goldpath::vectors::{Layout, manifest};

use crate::twins::bundle;

const SHAPE: [usize; 3] = [11, 21, 10];

/// The records of a file, each as its values.
fn records(path: &Path, layout: &Layout) -> Vec<Vec<i64>> {
    let text = fs::read_to_string(path).unwrap();
    let bit = |digits: &[u8], bit: usize| {
        let digit = digits[digits.len() - 1 - bit / 4] as char;
        (digit.to_digit(16).unwrap() >> (bit % 4)) & 1
    };
    let value = |lines: &[&str], at: usize, width: usize| {
        let bits =
            (at..at + width).map(|b| bit(lines[b / layout.word_bits].as_bytes(), b % layout.word_bits));
        bits.enumerate().map(|(i, b)| i64::from(b) << i).sum::<i64>()
    };
    let lines: Vec<&str> = text.lines().collect();
    lines
        .chunks(layout.words)
        .map(|lines| {
            let of_field = |f: &goldpath::vectors::Field| {
                let (offset, width, signed) = (f.offset, f.width(), f.format.is_signed());
                let raw = (0..f.instances()).map(move |i| (offset + i * width, width));
                raw.map(|(at, width)| value(lines, at, width))
                    .map(|v| if signed && v >> (width - 1) == 1 { v - (1 << width) } else { v })
                    .collect::<Vec<_>>()
            };
            layout.fields.iter().flat_map(of_field).collect()
        })
        .collect()
}

/// The beats as the schedule says: tiles of rows and columns, k in lanes; what is outside the matrix is 0.
fn expected(design: &Design, program: &Program) -> Vec<Vec<i64>> {
    let [m, k, n] = SHAPE;
    let array = &design.array;
    let at = |inside: bool, values: &[i32], index: usize| if inside { i64::from(values[index]) } else { 0 };
    let beats = k.div_ceil(array.lanes);
    let mut all = Vec::new();
    for m0 in (0..m).step_by(array.rows) {
        for n0 in (0..n).step_by(array.columns) {
            for beat in 0..beats {
                let lanes = || (0..array.lanes).map(|lane| beat * array.lanes + lane);
                let mut record = vec![i64::from(beat == 0), i64::from(beat == beats - 1), n0 as i64];
                for row in m0..m0 + array.rows {
                    record.extend(lanes().map(|q| at(row < m && q < k, &program.activations, row * k + q)));
                }
                for column in n0..n0 + array.columns {
                    record.extend(lanes().map(|q| at(column < n && q < k, &program.weights, q * n + column)));
                }
                all.push(record);
            }
        }
    }
    all
}

/// Rows leave a tile last row first; only those inside the matrix are known here.
fn check_outputs(design: &Design, outcome: &Outcome, records: &[Vec<i64>]) {
    let [m, _, n] = SHAPE;
    let (rows, columns) = (design.array.rows, design.array.columns);
    let mut records = records.iter();
    for m0 in (0..m).step_by(rows) {
        for n0 in (0..n).step_by(columns) {
            for row in (m0..m0 + rows).rev() {
                let record = records.next().unwrap();
                for column in (n0..(n0 + columns).min(n)).filter(|_| row < m) {
                    assert_eq!(record[column - n0], outcome.outputs[[row, column]], "{}", design.name);
                }
            }
        }
    }
    assert_eq!(records.next(), None);
}

#[test]
fn beats_are_the_schedule_without_time() {
    let root = tempfile::tempdir().unwrap();
    for name in ["mac_s8_acc32", "tree8_s8_acc24", "os8x8_s8_acc32", "os16x16_s8_acc16sat"] {
        let out = root.path().join(name);
        let design: Arc<Design> = bundle(name, Case::Random, SHAPE, &out);
        let program = case::make(&design, Case::Random, SHAPE, 1, &|p| functional::run(p, true)).unwrap();
        let layouts = manifest::read(&out).unwrap().layouts().unwrap();
        assert_eq!(
            records(&out.join("beats_in.hex"), &layouts.beats_in),
            expected(&design, &program),
            "{name}"
        );
        let outputs = records(&out.join("beats_out.hex"), &layouts.beats_out);
        check_outputs(&design, &functional::run(&program, false), &outputs);
    }
}
