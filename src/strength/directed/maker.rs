//! What makes candidates: channels built backwards from sums, excursions, outputs and bits.

use super::numbers::{Part, by_channel, part, values};
use super::pool::{Column, Spread, is_one_product_a_row};
use super::rows::Values;
use super::targets::{magnitudes, targets};
use crate::design::Design;
use crate::num::Chance;
use crate::post::Operand;

pub(super) struct Maker<'a> {
    pub design: &'a Design,
    /// A number for every parameter; those of channels are replaced.
    pub layer: Vec<i64>,
    /// What the multiplier can see of an activation.
    pub values: Values,
    /// Values of the activations.
    pub rows: Vec<Vec<i64>>,
    pub k: usize,
    /// Products behind which most channels have none but 0.
    pub short: usize,
    pub chance: &'a mut Chance,
    /// Candidates for which there is time: those of all products, and short ones.
    pub most: [usize; 2],
    pub columns: Vec<Column>,
}

impl Maker<'_> {
    pub fn weights(&self, numbers: &[i64]) -> Values {
        if self.design.is_post_only() {
            return Values::NONE;
        }
        let offset = match self.design.weight.offset {
            None => 0,
            Some(Operand::Constant(value)) => value,
            Some(Operand::Parameter(index)) => numbers[index],
            Some(Operand::Exponent { .. }) => unreachable!("no offset is an exponent"),
        };
        Values::of(&self.design.weight, offset)
    }

    /// Adds a channel whose weights are these values.
    pub fn add(&mut self, numbers: &[i64], weights: &[i64]) {
        let offset = self.weights(numbers).offset;
        let (idle, format) = (-offset, self.design.weight.format);
        let mut weights: Vec<i64> = weights.iter().map(|value| value - offset).collect();
        let holds = |code: &i64| format.contains(i128::from(*code));
        let is_short = self.short < self.k && weights[self.short..].iter().all(|code| *code == idle);
        if is_short {
            weights.truncate(self.short);
        }
        if self.count(is_short) < self.most[usize::from(is_short)] && weights.iter().all(holds) {
            self.columns.push(Column {
                weights,
                idle,
                numbers: numbers.to_vec(),
                needed: false,
                everywhere: false,
            });
        }
    }

    /// How many short channels there are, or others.
    fn count(&self, short: bool) -> usize {
        let is_short = |column: &&Column| (column.weights.len() < self.k) == short;
        self.columns.iter().filter(is_short).count()
    }

    /// How many channels of either kind there should be.
    fn all(&self) -> usize {
        if self.short < self.k { self.most[1] } else { self.most[0] }
    }

    /// Every combination of numbers of a channel that is worth one: each count with a few factors, the rest by turns.
    pub fn assignments(&mut self) -> Vec<Vec<i64>> {
        let mut all = vec![self.layer.clone()];
        for index in by_channel(self.design) {
            let values = values(self.design, index, self.chance);
            let multiplies = matches!(part(self.design, index), Part::Count | Part::Factor | Part::Scale);
            if multiplies && all.len() * values.len() <= self.all() / 4 {
                let with = |base: &Vec<i64>, value: i64| {
                    let mut numbers = base.clone();
                    numbers[index] = value;
                    numbers
                };
                all = all
                    .iter()
                    .flat_map(|base| values.iter().map(|v| with(base, *v)).collect::<Vec<_>>())
                    .collect();
            } else {
                let count = all.len().max(values.len());
                all = (0..count)
                    .map(|at| {
                        let mut numbers = all[at % all.len()].clone();
                        numbers[index] = values[at % values.len()];
                        numbers
                    })
                    .collect();
            }
        }
        all
    }

    /// Where steps take their operand through steps of its own: both ends of all that they read, in every combination.
    fn ends_of_values(&self) -> Vec<Vec<i64>> {
        const MOST: usize = 4;
        let by_channel = by_channel(self.design);
        let mut all = Vec::new();
        for step in self.design.post.iter().filter(|step| !step.value_steps.is_empty()) {
            let operands = step.operands();
            let is_read = |index: &&usize| operands.contains(&Operand::Parameter(**index));
            let read: Vec<usize> = by_channel.iter().filter(is_read).copied().take(MOST).collect();
            for corner in 0..1_usize << read.len() {
                let mut numbers = self.layer.clone();
                for (place, index) in read.iter().enumerate() {
                    let parameter = &self.design.parameters[*index];
                    numbers[*index] = if corner >> place & 1 == 0 { parameter.min } else { parameter.max };
                }
                all.push(numbers);
            }
        }
        all
    }

    /// Numbers under which an output shows the most of its accumulator.
    pub fn showing(&self, assignments: &[Vec<i64>]) -> Vec<Vec<i64>> {
        let register = self.design.summed().register;
        let distinct = |numbers: &&Vec<i64>| {
            self.distinct(numbers, magnitudes(register).into_iter().filter(|x| register.contains(*x)))
        };
        let mut ranked: Vec<&Vec<i64>> = assignments.iter().collect();
        ranked.sort_by_cached_key(|numbers| std::cmp::Reverse(distinct(numbers)));
        ranked.into_iter().take(4).cloned().collect()
    }

    /// How many outputs these sums have.
    fn distinct(&self, numbers: &[i64], sums: impl Iterator<Item = i128>) -> usize {
        let each: Vec<Vec<i64>> = numbers.iter().map(|value| vec![*value]).collect();
        let post = self.design.post_program().channel(&each, 0);
        sums.map(|x| post.from(0, x)).collect::<std::collections::BTreeSet<_>>().len()
    }

    /// Sums that stop at rails, go beyond and come back: from biases around every magnitude, by small and large steps.
    pub fn sums(&mut self) {
        let assignments = self.assignments();
        let showing = self.showing(&assignments);
        let starts = self.starts();
        for (at, start) in starts.iter().enumerate() {
            let mut numbers = showing[at % showing.len()].clone();
            if let Some(bias) = self.design.accumulator.bias {
                numbers[bias] = *start;
            }
            let values = self.weights(&numbers);
            let some = if self.design.is_post_only() { 1 } else { usize::MAX };
            for steps in patterns(values, self.k, self.chance).into_iter().take(some) {
                self.add(&numbers, &steps);
            }
            if self.count(false) > self.most[0] / 2 {
                return;
            }
        }
    }

    /// Sums that stop exactly at a rail, go beyond it or start beyond it, or have the largest products of a beat in them, and
    /// come back to where an output shows its lowest bit: it tells what goes wrong there and no neighbour stands for.
    pub fn returns(&mut self) {
        let numbers = self.sharp();
        let register = self.design.accumulator.register;
        for (rail, outwards) in [(register.min(), -1), (register.max(), 1)] {
            self.returns_from(rail, outwards, &numbers);
        }
        let values = self.weights(&numbers);
        for row in [2, 3] {
            for weight in [values.low, values.high] {
                let first = vec![weight; self.design.array.lanes.min(self.k)];
                let Some(row) = self.rows.get(row).cloned() else { continue };
                let sum = row.iter().zip(&first).map(|(a, w)| self.term(*a, *w, &numbers)).sum();
                self.comes_back(&row, first, &numbers, sum);
            }
        }
    }

    /// Numbers with which the output of 0 is another one than those beside, if there are any.
    pub fn sharp(&mut self) -> Vec<i64> {
        let assignments = self.assignments();
        let mut all = assignments.clone();
        for index in
            by_channel(self.design).into_iter().filter(|index| part(self.design, *index) == Part::Term)
        {
            let parameter = &self.design.parameters[index];
            all.iter_mut().for_each(|numbers| numbers[index] = 0.clamp(parameter.min, parameter.max));
        }
        let is_sharp = |numbers: &Vec<i64>| {
            let each: Vec<Vec<i64>> = numbers.iter().map(|value| vec![*value]).collect();
            let output = |x: i128| self.design.post_program().channel(&each, 0).from(0, x);
            output(-1) != output(0) && output(0) != output(1)
        };
        all.into_iter().find(is_sharp).unwrap_or_else(|| self.showing(&assignments)[0].clone())
    }

    /// For every column channels in which nothing counts but codes and their opposites: a weight of 1 or −1 makes the same sum
    /// of them in every row, or in the two that have them, as long as no bit is lost on the way to a PE. With a bias it is
    /// 0, or −1, so that no bit is lost on the way out either. Where weights stay, two channels more have some by chance, for
    /// both of a pair the same, and bit by bit the opposite.
    pub fn everywhere(&mut self, spread: Spread) {
        let numbers = self.clear();
        let values = self.weights(&numbers);
        let (row, idle, places) = match spread {
            Spread::Behind(places) => (0, self.k, places),
            Spread::Rows => (self.rows.len() - 1, 0, self.k / 2 * 2),
        };
        let codes = self.rows[row][idle..idle + places].to_vec();
        for (weight, sum) in [(1, 0), (-1, -1)].into_iter().filter(|(weight, _)| values.holds(*weight)) {
            let one = self.of_opposites((&numbers, idle), &codes, &vec![weight; places], sum);
            self.columns.extend(std::iter::repeat_n(one, self.design.array.columns));
        }
        // Where weights pass from PE to PE, each of them meets those of many channels.
        let columns = if is_one_product_a_row(self.design) { self.design.array.columns } else { 0 };
        for _ in 0..columns {
            let chosen: Vec<i64> =
                (0..places / 2).map(|_| self.chance.within(values.low, values.high)).collect();
            let start = self.any_start();
            let of_pair = |place: usize| match spread {
                Spread::Behind(places) => place % (places / 2),
                Spread::Rows => place / 2,
            };
            for is_opposite in [false, true] {
                let weight = |place: usize| {
                    let weight = chosen[of_pair(place)];
                    if is_opposite { values.low + values.high - weight } else { weight }
                };
                let weights: Vec<i64> = (0..places).map(weight).collect();
                let mut one = self.of_opposites((&numbers, idle), &codes, &weights, 0);
                // So that each of its bits is seen both ways, whatever the others are.
                if let Some((bias, start, opposite)) = start {
                    one.numbers[bias] = if is_opposite { opposite } else { start };
                }
                self.columns.push(one);
            }
        }
    }

    /// The bias, any one and its opposite, where all that is summed is shown.
    fn any_start(&mut self) -> Option<(usize, i64, i64)> {
        let bias = self.design.accumulator.bias.filter(|_| self.design.post.is_empty())?;
        let (low, high) = (self.design.parameters[bias].min, self.design.parameters[bias].max);
        let start = self.chance.within(low, high);
        // Inside the limits, whatever the steps on the way there are.
        Some((bias, start, low.wrapping_add(high).wrapping_sub(start)))
    }

    /// A channel of these weights behind so many that are 0, whose bias, where there is one, makes this sum of the codes.
    fn of_opposites(
        &self,
        (numbers, idle): (&[i64], usize),
        codes: &[i64],
        weights: &[i64],
        sum: i64,
    ) -> Column {
        let mut numbers = numbers.to_vec();
        let values = self.weights(&numbers);
        if let Some(bias) = self.design.accumulator.bias {
            let parameter = &self.design.parameters[bias];
            let products: i64 = codes.iter().zip(weights).map(|(code, weight)| code * weight).sum();
            numbers[bias] = (sum - products).clamp(parameter.min, parameter.max);
        }
        let zero = vec![values.nearest_to_zero(); idle];
        let weights = zero.iter().chain(weights).map(|value| value - values.offset).collect();
        Column { weights, idle: -values.offset, numbers, needed: false, everywhere: true }
    }

    /// Numbers under which most sums around 0 have an output of their own.
    fn clear(&mut self) -> Vec<i64> {
        let assignments = self.assignments();
        let shown = |numbers: &&Vec<i64>| self.distinct(numbers, -16..=16);
        assignments.iter().max_by_key(shown).unwrap_or(&assignments[0]).clone()
    }

    /// From biases at a rail and beside it, one product further, and back.
    fn returns_from(&mut self, rail: i64, outwards: i64, numbers: &[i64]) {
        let Some(bias) = self.design.accumulator.bias else { return };
        let parameter = &self.design.parameters[bias];
        let row = self.rows[usize::from(self.rows.len() > 1)].clone();
        let values = self.weights(numbers);
        let up = if (row[0] > 0) == (outwards > 0) { 1 } else { -1 };
        let far = if up > 0 { values.high } else { values.low };
        let rail = i128::from(rail);
        let product = |weight: i64| self.term(row[0], weight, numbers);
        // The bias, the first weight, and the sum behind it.
        let ways = [
            (rail - product(up), up, rail),
            (rail, far, rail),
            (rail + 3 * i128::from(outwards), -up, rail - product(up)),
        ];
        for (start, weight, sum) in ways {
            let start = i64::try_from(start).ok().filter(|s| (parameter.min..=parameter.max).contains(s));
            let Some(start) = start.filter(|_| values.holds(weight)) else { continue };
            let mut numbers = numbers.to_vec();
            numbers[bias] = start;
            let mut first = vec![values.nearest_to_zero(); self.design.array.lanes.min(self.k)];
            first[0] = weight;
            self.comes_back(&row, first, &numbers, sum);
        }
    }

    /// A channel of these first weights, and others that bring the sum of a row from there to 0.
    fn comes_back(&mut self, row: &[i64], first: Vec<i64>, numbers: &[i64], sum: i128) {
        if let Some(rest) = self.composed(&row[first.len()..], numbers, -sum) {
            let weights = [first, rest].concat();
            self.add(numbers, &weights);
        }
    }

    /// From a rail, one step beyond, and back to where outputs tell neighbours apart: what the rail took is then missing.
    pub fn excursions(&mut self) {
        let Some(bias) = self.design.accumulator.bias else { return };
        let assignments = self.assignments();
        let showing = self.showing(&assignments);
        let register = self.design.accumulator.register;
        let row = self.rows[usize::from(self.rows.len() > 1)].clone();
        let parameter = &self.design.parameters[bias];
        for rail in [register.min(), register.max()].map(|rail| rail.clamp(parameter.min, parameter.max)) {
            for (at, target) in [0, 3, -3, 20, -20, 1].into_iter().enumerate() {
                let mut numbers = showing[at % showing.len()].clone();
                numbers[bias] = rail;
                let values = self.weights(&numbers);
                let beyond = if (rail > 0) == (row[0] > 0) { values.high } else { values.low };
                let back = i128::from(target) - i128::from(rail);
                if let Some(rest) = self.composed(&row[1..], &numbers, back) {
                    let weights: Vec<i64> = std::iter::once(beyond).chain(rest).collect();
                    self.add(&numbers, &weights);
                }
            }
        }
    }

    fn starts(&self) -> Vec<i64> {
        let Some(bias) = self.design.accumulator.bias else { return vec![0] };
        let parameter = &self.design.parameters[bias];
        let register = self.design.accumulator.register;
        let rails = [register.min(), register.max()].map(i128::from);
        let around = rails.into_iter().flat_map(|rail| [rail, rail - 1, rail + 1, rail - 2, rail + 2]);
        let ends = [i128::from(parameter.min), i128::from(parameter.max)];
        let mut all: Vec<i64> =
            around.chain(ends).chain(magnitudes(register)).filter_map(|v| v.try_into().ok()).collect();
        all.retain(|value| (parameter.min..=parameter.max).contains(value));
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|value| seen.insert(*value));
        all
    }

    /// Accumulators that the post steps must tell apart.
    pub fn outputs(&mut self) {
        let assignments = self.assignments();
        let zero_row = usize::from(self.rows.len() > 1);
        let each = (self.all() / 2 / assignments.len().max(1)).max(6);
        let ends = self.ends_of_values().into_iter().map(|numbers| (numbers, usize::MAX));
        for (numbers, each) in ends.chain(assignments.into_iter().map(|numbers| (numbers, each))) {
            let alone: Vec<Vec<i64>> = numbers.iter().map(|value| vec![*value]).collect();
            for target in targets(self.design.post_program(), &alone).into_iter().take(each) {
                self.lead_to(target, &numbers, zero_row);
            }
        }
    }

    /// A channel whose accumulator in some row is `target`: from its bias, or by its products in the row that has units.
    pub fn lead_to(&mut self, target: i128, numbers: &[i64], row: usize) {
        if !self.is_direct() {
            return self.through_memory(target, numbers);
        }
        let mut numbers = numbers.to_vec();
        let values = self.weights(&numbers);
        let idle = vec![values.nearest_to_zero(); self.k];
        if let Some(bias) = self.design.accumulator.bias {
            let parameter = &self.design.parameters[bias];
            let sum: i128 = self.rows[0].iter().zip(&idle).map(|(a, w)| self.term(*a, *w, &numbers)).sum();
            if let Ok(start) = i64::try_from(target - sum) {
                numbers[bias] = start.clamp(parameter.min, parameter.max);
                return self.add(&numbers, &idle);
            }
        }
        if let Some(weights) = self.composed(&self.rows[row], &numbers, target) {
            self.add(&numbers, &weights);
        }
    }

    pub fn by_chance(&mut self, count: usize) {
        let assignments = self.assignments();
        for at in 0..count {
            let mut numbers = assignments[(at * 7) % assignments.len()].clone();
            if let Some(bias) = self.design.accumulator.bias {
                let parameter = &self.design.parameters[bias];
                numbers[bias] = self.chance.within(parameter.min / 4, parameter.max / 4);
            }
            let values = self.weights(&numbers);
            let weights: Vec<i64> =
                (0..self.k).map(|_| self.chance.within(values.low, values.high)).collect();
            self.add(&numbers, &weights);
        }
    }
}

/// Weights by steps: none, one up, one down, there and back, at the ends of an output.
fn patterns(values: Values, k: usize, chance: &mut Chance) -> Vec<Vec<i64>> {
    let zero = values.nearest_to_zero();
    let at = |steps: &[(usize, i64)]| {
        let mut weights = vec![zero; k];
        for (at, value) in steps {
            weights[*at] = (*value).clamp(values.low, values.high);
        }
        weights
    };
    let last = k - 1;
    let middle = k / 2;
    let mut all = vec![
        vec![values.low; k],
        vec![values.high; k],
        (0..k).map(|k| if k % 2 == 0 { values.low } else { values.high }).collect(),
        at(&[]),
        at(&[(0, 1)]),
        at(&[(0, -1)]),
        at(&[(last, 1)]),
        at(&[(last, -1)]),
        at(&[(0, 1), (last, -1)]),
        at(&[(0, -1), (last, 1)]),
        at(&[(0, 2), (middle, -3), (last, 1)]),
        at(&[(0, values.high), (last, values.low)]),
        at(&[(0, values.low), (last, values.high)]),
    ];
    all.push((0..k).map(|_| chance.within(values.low, values.high)).collect());
    all
}
