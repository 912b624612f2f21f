//! `num` against an oracle that shares no code with it. Every test prints how many cases it tried, asserts
//! that number, and asserts that the hard cases were among them.

#[path = "../oracle/mod.rs"]
mod oracle;

mod adders;
mod corners;
mod exhaustive;
mod int8;
mod lanes;
mod oracle_itself;
mod random;
mod reference;
mod table;

use goldpath::num::{Fitted, Format, Overflow, Rounding};

/// Every signed and unsigned format of at most five bits: ten of them, 124 values.
fn narrow_formats() -> Vec<Format> {
    (1..=5).flat_map(|width| [Format::signed(width).unwrap(), Format::unsigned(width).unwrap()]).collect()
}

fn values(format: Format) -> impl Iterator<Item = i64> {
    format.min()..=format.max()
}

fn rule_name(overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::Wrap => "wrap",
        Overflow::Saturate => "saturate",
        Overflow::SaturateSymmetric => "saturate_symmetric",
    }
}

/// The oracle's answer, in the form that `num` gives it.
fn expected_fit(value: i128, format: Format, overflow: Overflow) -> (i128, bool, bool) {
    oracle::fit(value, format.width(), format.is_signed(), rule_name(overflow))
}

fn parts(fitted: Fitted) -> (i128, bool, bool) {
    (i128::from(fitted.value), fitted.flags.high, fitted.flags.low)
}

/// What a test saw: how many cases, and how many of the hard ones.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    cases: u64,
    high: u64,
    low: u64,
    ties: u64,
}

impl Tally {
    fn count(&mut self, outcome: (i128, bool, bool)) {
        self.cases += 1;
        self.high += u64::from(outcome.1);
        self.low += u64::from(outcome.2);
    }

    /// Prints the tally and holds it to what the loops should have tried.
    fn expect(self, what: &str, cases: u64) {
        println!("{what}: {self:?}");
        assert_eq!(self.cases, cases, "{what}: cases tried");
        assert!(self.high > 0 && self.low > 0, "{what}: no overflow was hit: {self:?}");
    }
}

#[test]
fn names_agree_with_the_oracle() {
    assert_eq!(Rounding::ALL.map(Rounding::name), oracle::ROUNDINGS);
    assert_eq!(Overflow::ALL.map(rule_name), oracle::OVERFLOWS);
    for rounding in Rounding::ALL {
        assert_eq!(rounding.name().parse::<Rounding>(), Ok(rounding));
    }
    let refused = "round".parse::<Rounding>().unwrap_err();
    assert!(refused.contains("half_even") && refused.contains("\"round\""), "{refused}");
}
