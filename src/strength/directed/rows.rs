//! The activations of a directed program, and weights that make a given sum of them.

use crate::design::{Design, Operand};
use crate::num::Chance;

/// What the multiplier sees of every code: values, not codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Values {
    pub low: i64,
    pub high: i64,
    /// Added to a code.
    pub offset: i64,
}

impl Values {
    /// Of a requantizer alone, which multiplies nothing.
    pub const NONE: Values = Values { low: 0, high: 0, offset: 0 };

    pub fn of(operand: &Operand, offset: i64) -> Values {
        let [low, high] = [operand.format.min(), operand.format.max()].map(|code| code + offset);
        Values { low, high, offset }
    }

    pub fn holds(self, value: i64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The value nearest to one, so that products are weights; never 0.
    pub fn unit(self) -> i64 {
        match (self.holds(1), self.holds(-1)) {
            (true, _) => 1,
            (_, true) => -1,
            _ if self.low > 0 => self.low,
            _ => self.high,
        }
    }

    pub fn nearest_to_zero(self) -> i64 {
        0.clamp(self.low, self.high)
    }
}

/// Every row's activation values, `[rows][k]`. Row 0 is all units: its products are the weights themselves. Row 1 has the largest
/// value and a unit by turns, the others ends and chance.
pub(super) fn rows(values: Values, m: usize, k: usize, chance: &mut Chance) -> Vec<Vec<i64>> {
    let unit = values.unit();
    let row = |index: usize| -> Vec<i64> {
        let at = |k: usize| match index {
            0 => unit,
            1 => [values.high, unit][k % 2],
            2 => values.low,
            3 => values.high,
            4 => [values.low, values.high][k % 2],
            _ => chance.within(values.low, values.high),
        };
        (0..k).map(at).collect()
    };
    (0..m).map(row).collect()
}

/// Two more values for every lane of every row: a code and, a beat later, the one of which every bit is the other way, so that
/// a bit that is lost anywhere is lost from one of them.
pub(super) fn add_opposites(rows: &mut [Vec<i64>], values: Values, lanes: usize, chance: &mut Chance) {
    for row in rows {
        let codes: Vec<i64> = (0..lanes).map(|_| chance.within(values.low, values.high)).collect();
        row.extend(&codes);
        row.extend(codes.iter().map(|value| values.low + values.high - value));
    }
}

/// Two more rows: codes by chance, each beside the one of which every bit is the other way, and the same the other way round.
pub(super) fn add_opposite_rows(rows: &mut Vec<Vec<i64>>, values: Values, chance: &mut Chance) {
    let places = rows.first().map_or(0, Vec::len);
    let opposite = |value: i64| values.low + values.high - value;
    let mut row: Vec<i64> = Vec::with_capacity(places);
    while row.len() < places {
        let code = chance.within(values.low, values.high);
        row.extend([code, opposite(code)]);
    }
    row.truncate(places);
    let other = row.iter().map(|value| opposite(*value)).collect();
    rows.extend([row, other]);
}

/// Weights whose products with `row` sum to `target`, taken from the largest steps to the smallest; None: out of reach.
pub(super) fn composed(row: &[i64], weights: Values, target: i128) -> Option<Vec<i64>> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by_key(|k| std::cmp::Reverse(row[*k].unsigned_abs()));
    let zero = weights.nearest_to_zero();
    let mut chosen = vec![zero; row.len()];
    let mut rest = target - row.iter().map(|a| i128::from(*a) * i128::from(zero)).sum::<i128>();
    for k in order {
        let a = i128::from(row[k]);
        if a == 0 || rest == 0 {
            continue;
        }
        let w = (rest / a + i128::from(zero)).clamp(i128::from(weights.low), i128::from(weights.high));
        rest -= a * (w - i128::from(zero));
        chosen[k] = i64::try_from(w).ok()?;
    }
    (rest == 0).then_some(chosen)
}

/// The largest sum that `k` products of either sign can be.
pub(super) fn reach(design: &Design, k: usize) -> (i128, i128) {
    let (low, high) = design.term_interval();
    let k = k as i128;
    ((low * k).min(0), (high * k).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_of_opposites_have_the_same_sum() {
        let values = Values { low: -128, high: 127, offset: 0 };
        let mut rows = vec![vec![5; 16]; 6];
        add_opposite_rows(&mut rows, values, &mut Chance::new(1, 0));
        let [a, b] = [&rows[6], &rows[7]];
        assert!(a.iter().zip(b).all(|(a, b)| a ^ b == -1), "{a:?} {b:?}");
        assert_eq!([a, b].map(|row| row.iter().sum::<i64>()), [-8, -8]);
    }

    #[test]
    fn every_lane_meets_a_code_and_its_opposite() {
        let values = Values { low: -128, high: 127, offset: 0 };
        for lanes in [1, 2, 4] {
            let mut rows = vec![vec![5; 7]; 3];
            add_opposites(&mut rows, values, lanes, &mut Chance::new(1, 0));
            for row in rows {
                assert_eq!(row.len(), 7 + 2 * lanes);
                let (first, second) = row[7..].split_at(lanes);
                assert!(first.iter().zip(second).all(|(a, b)| a ^ b == -1), "{row:?}");
            }
        }
    }
}
