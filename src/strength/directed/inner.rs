//! What stands in front of the post steps and makes something of values: steps of products, of sums on their way to a memory,
//! and of its words. Channels are built backwards from what each of them must tell apart.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::bits::{alone, scattered};
use super::maker::Maker;
use super::rows::{Values, composed};
use super::targets::{around, targets};
use crate::design::{Coding, Node};
use crate::functional::fold::Visit;
use crate::neighbours::NodeSeen;
use crate::post::{Channel, Operand, Step, Stepped};
use crate::strength::goals::{Event, What, goals};
use crate::strength::observed::look;

/// Numbers of a channel that are tried, beside those under which outputs show most.
const TRIED: usize = 12;

/// Values of an operand that are tried, where it has more.
const VALUES: i64 = 512;

/// Pairs that should meet in one goal.
const TIMES: usize = 2;

/// A product that a goal needs.
struct Pair {
    activation: i64,
    weight: i64,
    numbers: Vec<i64>,
}

impl Maker<'_> {
    /// A channel with one product for whatever a step of products can do; activations that no row has take places in the last
    /// one.
    pub fn products(&mut self) {
        if self.design.product_steps.is_empty() || self.rows.is_empty() {
            return;
        }
        let mut free = if self.rows.len() > 5 { 0..self.k } else { 0..0 };
        let taken = self.rows.len() - 1;
        for Pair { activation, weight, numbers } in self.pairs() {
            let of_row = |(r, row): (usize, &Vec<i64>)| {
                let places = if r == taken { free.start } else { self.short };
                row[..places.min(self.k)].iter().position(|value| *value == activation)
            };
            let place = match self.rows.iter().enumerate().find_map(of_row) {
                Some(place) => place,
                None => {
                    let Some(place) = free.next() else { continue };
                    self.rows[taken][place] = activation;
                    place
                }
            };
            let values = self.weights(&numbers);
            let mut weights = vec![values.nearest_to_zero(); self.k];
            weights[place] = weight;
            self.add(&numbers, &weights);
        }
    }

    /// Numbers under which outputs show most of a sum, and some of all others.
    fn tried(&mut self) -> Vec<Vec<i64>> {
        let assignments = self.assignments();
        let mut tried = self.showing(&assignments);
        tried.extend(scattered(&assignments).take(TRIED).cloned());
        tried
    }

    /// Products for each goal at a step of products, of numbers under which it is reached.
    fn pairs(&mut self) -> Vec<Pair> {
        let tried = self.tried();
        let design = self.design;
        // Steps of products are the first nodes.
        let steps = design.product_steps.len();
        let mut open: Vec<(usize, Event, usize)> = goals(design)
            .into_iter()
            .filter_map(|goal| match goal.what {
                What::Event(node, event) if node < steps && goal.impossible.is_none() => {
                    Some((node, event, TIMES))
                }
                _ => None,
            })
            .collect();
        let activations = spread(self.values);
        let reads = |step: &Step| step.operands().iter().any(|o| matches!(o, Operand::Parameter(_)));
        let others = if design.product_steps.iter().any(reads) { tried.len() } else { 1 };
        let mut found = Vec::new();
        for numbers in tried.into_iter().take(others) {
            let mut known: BTreeMap<(i128, u32), usize> = BTreeMap::new();
            let each = alone(&numbers);
            let values = self.weights(&numbers);
            let weights = spread(values);
            for (activation, weight) in activations.iter().flat_map(|a| weights.iter().map(move |w| (*a, *w)))
            {
                if open.is_empty() {
                    return found;
                }
                let formed = design.formed(activation, self.multiplied(weight, values));
                let times = known.entry((formed.value, formed.exponent)).or_default();
                *times += 1;
                if *times > TIMES {
                    continue;
                }
                let mut reached = false;
                let steps = Channel { steps: &formed.steps, numbers: &each, channel: 0 };
                for (index, (before, Stepped { exact, value, flags })) in steps.walk(formed.value).enumerate()
                {
                    let (node, entering) = (Node::Product(index), exact);
                    let (lane, exponent) = (0, formed.exponent);
                    let visit = Visit { node, beat: None, before, lane, exponent, entering, value, flags };
                    let mut seen = NodeSeen::new(String::new());
                    look(design, &each, 0, visit, &mut seen);
                    for (node, event, left) in &mut open {
                        let met = *node == index && event.times(&seen) > 0;
                        *left -= usize::from(met);
                        reached |= met;
                    }
                    open.retain(|(_, _, left)| *left > 0);
                }
                if reached {
                    found.push(Pair { activation, weight, numbers: numbers.clone() });
                }
            }
        }
        found
    }

    /// What a product of these values is when it is added.
    pub fn term(&self, activation: i64, weight: i64, numbers: &[i64]) -> i128 {
        let weight = self.multiplied(weight, self.weights(numbers));
        let formed = self.design.formed(activation, weight);
        if formed.steps.is_empty() { formed.value } else { formed.term(&alone(numbers), 0) }
    }

    /// Weights whose products with `row` sum to `target`, from the largest activations to the smallest; None: out of reach.
    pub fn composed(&self, row: &[i64], numbers: &[i64], target: i128) -> Option<Vec<i64>> {
        let values = self.weights(numbers);
        if self.design.product_steps.is_empty() && self.design.weight.coding == Coding::Integer {
            return composed(row, values, target);
        }
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by_key(|k| std::cmp::Reverse(row[*k].unsigned_abs()));
        let mut terms: BTreeMap<i64, BTreeMap<i128, i64>> = BTreeMap::new();
        let zero = values.nearest_to_zero();
        let idle: i128 = row.iter().map(|a| self.term(*a, zero, numbers)).sum();
        let (mut chosen, mut rest) = (vec![zero; row.len()], target - idle);
        for k in order.into_iter().filter(|k| row[*k] != 0) {
            let of = |weight: i64| (self.term(row[k], weight, numbers), weight);
            let terms = terms.entry(row[k]).or_insert_with(|| spread(values).into_iter().map(of).collect());
            let idle = self.term(row[k], zero, numbers);
            // What goes furthest and not beyond.
            let best = match rest.cmp(&0) {
                Ordering::Equal => break,
                Ordering::Greater => terms.range(idle..=rest + idle).next_back(),
                Ordering::Less => terms.range(rest + idle..=idle).next(),
            };
            let Some((term, weight)) = best else { continue };
            (chosen[k], rest) = (*weight, rest - (term - idle));
        }
        (rest == 0).then_some(chosen)
    }

    /// Without a bias, sums that stop exactly at a rail, and that go beyond it and come back to where outputs show most.
    pub fn climbs(&mut self) {
        let design = self.design;
        if design.is_post_only() || design.accumulator.bias.is_some() || self.rows.len() < 4 {
            return;
        }
        let register = design.accumulator.register;
        let mut tried = vec![self.sharp()];
        tried.extend(self.tried());
        for numbers in tried {
            let values = self.weights(&numbers);
            for rail in [register.min(), register.max()] {
                if let Some(weights) = self.composed(&self.rows[1], &numbers, i128::from(rail)) {
                    self.add(&numbers, &weights);
                }
            }
            let half = self.k / 2;
            for (first, second) in [(values.low, values.high), (values.high, values.low)] {
                let weights: Vec<i64> = (0..self.k).map(|k| if k < half { first } else { second }).collect();
                self.add(&numbers, &weights);
                // Of rows of one value: so far beyond a rail, and back to 0 as nearly as it goes.
                for row in [2, 3] {
                    let [out, back] = [first, second].map(|w| self.term(self.rows[row][0], w, &numbers));
                    let rail = i128::from(if out > 0 { register.max() } else { register.min() });
                    if out == 0 || back == 0 || (out > 0) == (back > 0) {
                        continue;
                    }
                    let beats = usize::try_from(rail / out + 2).unwrap_or(usize::MAX);
                    let returns = usize::try_from(-(out * beats as i128) / back).unwrap_or(usize::MAX);
                    if beats.saturating_add(returns) <= self.k {
                        let mut weights = vec![values.nearest_to_zero(); self.k];
                        weights[..beats].fill(first);
                        weights[beats..beats + returns].fill(second);
                        self.add(&numbers, &weights);
                    }
                }
            }
        }
    }

    /// What an activation is multiplied by: the power of two of a code, or the weight itself.
    fn multiplied(&self, weight: i64, values: Values) -> i64 {
        match self.design.weight.coding {
            Coding::Integer => weight,
            Coding::PowerOfTwo => self.design.weight.value(weight - values.offset),
        }
    }

    /// Channels whose first visit has the sum, or leaves the word, that steps of the memory must tell apart, and those whose
    /// words stop exactly at a rail.
    pub fn visits(&mut self) {
        let design = self.design;
        let Some(memory) = design.memory else { return };
        for numbers in self.tried() {
            let each = alone(&numbers);
            for rail in [memory.format.min(), memory.format.max()] {
                self.at_rail(i128::from(rail), &numbers);
            }
            if self.is_direct() {
                continue;
            }
            for sum in targets(design.store_program(), &each) {
                self.in_visit(0, sum, &numbers);
            }
            let words = targets(design.load_program(), &each);
            let store = design.store_program();
            let stored = |sum: i128| store.channel(&each, 0).from(0, sum);
            let sums = around(store, stored, &words);
            for sum in sums.into_iter().filter(|sum| words.contains(&stored(*sum))) {
                self.in_visit(0, sum, &numbers);
            }
        }
    }

    /// A channel whose visits add up to a rail of the memory in some row, each as much as it can; the last has one product of
    /// few. Rows of one large value reach farther than that of units.
    fn at_rail(&mut self, rail: i128, numbers: &[i64]) {
        let values = self.weights(numbers);
        let rows = [1, 3, 2, 0].into_iter().filter(|row| *row < self.rows.len()).collect::<Vec<_>>();
        for (row, last) in rows
            .into_iter()
            .flat_map(|row| [0, 1, -1, 2, -2, values.high, values.low].map(|last| (row, last)))
        {
            if values.holds(last) && self.with_last(rail, (row, last), numbers) {
                return;
            }
        }
    }

    fn with_last(&mut self, rail: i128, (row, last): (usize, i64), numbers: &[i64]) -> bool {
        let store = self.design.store_program();
        let each = alone(numbers);
        let stored = |sum: i128| store.channel(&each, 0).from(0, sum);
        let most = self.design.store_program().ranges(self.design.accumulator.range());
        let (low, high) = most.last().map_or_else(|| self.design.accumulator.range(), |range| range.fitted);
        let products = self.visit_products().max(1);
        let begins = (self.k - 1) / products * products;
        let mut weights = vec![self.weights(numbers).nearest_to_zero(); self.k];
        weights[begins] = last;
        let mut rest = rail - stored(self.term(self.rows[row][begins], last, numbers));
        for first in (0..begins).step_by(products) {
            let places = first..(first + products).min(self.k);
            let wanted = rest.clamp(low, high);
            let sums = around(store, stored, &[wanted]);
            let part = sums
                .into_iter()
                .filter(|sum| stored(*sum) == wanted)
                .find_map(|sum| self.composed(&self.rows[row][places.clone()], numbers, sum));
            if let Some(part) = part {
                weights[places].copy_from_slice(&part);
                rest -= wanted;
            }
        }
        if rest == 0 {
            self.add(numbers, &weights);
        }
        rest == 0
    }

    /// Whether the finished value is the sum of all products: without a memory, or where its steps make nothing of values.
    pub fn is_direct(&self) -> bool {
        self.design.store_steps.is_empty() && self.design.load_steps.is_empty()
    }

    /// The finished value is `target` behind the steps of a memory: by the sum of the second visit, or of the only one.
    pub fn through_memory(&mut self, target: i128, numbers: &[i64]) {
        let design = self.design;
        let each = alone(numbers);
        let (store, load) = (design.store_program(), design.load_program());
        let stored = |sum: i128| store.channel(&each, 0).from(0, sum);
        let visit = usize::from(self.k > self.visit_products());
        let word = |before: i128, sum: i128| load.channel(&each, 0).from(0, before) + stored(sum);
        let finished = |sum: i128| match visit {
            0 => stored(sum),
            _ => (2..self.k.div_ceil(self.visit_products())).fold(word(stored(0), sum), |w, _| word(w, 0)),
        };
        let sums = around(store, finished, &[target]);
        if let Some(sum) = sums.into_iter().find(|sum| finished(*sum) == target) {
            self.in_visit(visit, sum, numbers);
        }
    }

    fn visit_products(&self) -> usize {
        self.design.visit_steps().map_or(self.k, |steps| (steps * self.design.array.lanes).min(self.k))
    }

    /// A channel in which the products of one visit have this sum in some row, and all others are 0.
    fn in_visit(&mut self, visit: usize, sum: i128, numbers: &[i64]) {
        let (values, products) = (self.weights(numbers), self.visit_products());
        let places = (visit * products).min(self.k)..((visit + 1) * products).min(self.k);
        let of_row = |row: &Vec<i64>| self.composed(&row[places.clone()], numbers, sum);
        let Some(part) = self.rows.iter().take(2).rev().find_map(of_row) else { return };
        let mut weights = vec![values.nearest_to_zero(); self.k];
        weights[places].copy_from_slice(&part);
        self.add(numbers, &weights);
    }
}

/// All values of an operand, those first that rows are made of; of many, some all over the range and around powers of two.
fn spread(values: Values) -> Vec<i64> {
    let mut all = vec![values.unit(), values.high, values.low];
    let step = ((values.high - values.low) / VALUES).max(1);
    all.extend((values.low..=values.high).step_by(usize::try_from(step).unwrap_or(1)));
    if step > 1 {
        let powers = (0..17).flat_map(|bit| [1_i64 << bit, -(1 << bit)]);
        all.extend(powers.flat_map(|power| [power - 1, power, power + 1]));
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|value| values.holds(*value) && seen.insert(*value));
    all
}
