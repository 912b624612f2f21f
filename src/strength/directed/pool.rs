//! Candidates for the channels of a directed program.

use std::sync::Arc;

use ndarray::Array2;

use super::numbers::{Part, by_channel, of_layer, part, values};
use super::rows::{Values, composed, reach, rows};
use super::targets::{magnitudes, targets};
use super::{Chance, Form};
use crate::design::{Dataflow, Design, Start};
use crate::error::{Error, Kind, Place, Result};
use crate::lower::{Numbers, Program, Shape, check_extents};
use crate::post::{Operand, Per};

/// Products that all candidates together may cost, and how many candidates there are at least and at most.
const PRODUCTS: usize = 1 << 20;
const CANDIDATES: std::ops::RangeInclusive<usize> = 256..=4096;

/// Beats of an output whose start reaches any sum.
const BEATS: usize = 6;

/// Cycles of a program whose shape nobody gave.
pub(super) const CYCLES: u64 = 16_000;

/// One channel: its weights' codes, and one number per parameter of the design.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Column {
    pub weights: Vec<i64>,
    pub numbers: Vec<i64>,
    /// Worth a channel whatever neighbours it tells apart.
    pub needed: bool,
}

/// Whether all lanes of an output's last beat have a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastBeat {
    Ragged,
    Full,
}

/// Activations for all, and channels to choose from.
pub(super) struct Pool {
    /// Codes, `[m][k]`.
    pub activations: Array2<i64>,
    pub columns: Vec<Column>,
}

impl Pool {
    pub fn new(
        design: &Arc<Design>,
        form: Form,
        shape: Option<[usize; 3]>,
        last: LastBeat,
        chance: &mut Chance,
    ) -> Result<Pool> {
        let (m, k) = match shape {
            Some([m, k, n]) => {
                check_extents(Shape { images: 1, groups: 1, m, k, n })
                    .map_err(|e| e.at(Place::Option(format!("--shape {m},{k},{n}"))))?;
                if form == Form::Single && k != 1 {
                    let error = Error::new(Kind::Usage, "single has one product an output: K = 1");
                    return Err(error.at(Place::Option(format!("--shape {m},{k},{n}"))));
                }
                (m, k)
            }
            None => (own_rows(design), own_depth(design, form, last)),
        };
        let layer: Vec<i64> =
            (0..design.parameters.len()).map(|index| of_layer(design, index, form == Form::Single)).collect();
        let offset = |operand: Option<Operand>| match operand {
            None => 0,
            Some(Operand::Constant(value)) => value,
            Some(Operand::Parameter(index)) => layer[index],
        };
        let activation = Values::of(&design.activation, offset(design.activation.offset));
        let values = rows(activation, m, k, chance);
        let activations = Array2::from_shape_fn([m, k], |(m, k)| values[m][k] - activation.offset);
        let most = (PRODUCTS / (m * k)).clamp(*CANDIDATES.start(), *CANDIDATES.end());
        let mut maker = Maker { design, layer, rows: values, k, chance, most, columns: Vec::new() };
        maker.returns();
        maker.excursions();
        maker.sums();
        maker.outputs();
        maker.by_chance(64);
        let Maker { columns, .. } = maker;
        if columns.is_empty() {
            return Err(Error::new(
                Kind::Value,
                "no bias, weight and parameter inside their limits make a channel",
            ));
        }
        Ok(Pool { activations, columns })
    }

    /// A program of some of the candidates, on `design`.
    pub fn program(&self, design: &Arc<Design>, chosen: &[usize]) -> Result<Program> {
        let columns: Vec<&Column> = chosen.iter().map(|index| &self.columns[*index]).collect();
        let k = self.activations.ncols();
        let weights = Array2::from_shape_fn([k, columns.len()], |(k, n)| columns[n].weights[k]);
        let numbers: Numbers = design
            .parameters
            .iter()
            .enumerate()
            .map(|(index, parameter)| {
                let mut values: Vec<i64> = columns.iter().map(|column| column.numbers[index]).collect();
                if parameter.per == Per::Layer {
                    values.truncate(1);
                }
                (parameter.name.clone(), values)
            })
            .collect();
        Program::matrix(Arc::clone(design), self.activations.view(), weights.view(), &numbers)
    }
}

/// One of each kind of row; whole tiles.
fn own_rows(design: &Design) -> usize {
    6_usize.next_multiple_of(design.array.rows)
}

/// Products of an output, so that a sum can leave the register from where it starts, and come back.
fn own_depth(design: &Design, form: Form, last: LastBeat) -> usize {
    let lanes = design.array.lanes;
    if form == Form::Single {
        // With idle lanes, or a beat of all.
        return if last == LastBeat::Ragged { 1 } else { lanes };
    }
    let idle = usize::from(lanes > 1 && last == LastBeat::Ragged);
    let whole = |beats: usize| (beats * lanes).saturating_sub(idle).max(1);
    let rail = i128::from(design.accumulator.register.max()) + 1;
    let (low, high) = reach(design, lanes);
    let step = high.max(-low).max(1);
    // Half of the products of row 1 are large.
    let needed = (rail / step).saturating_mul(2).saturating_add(BEATS as i128);
    let most = match design.array.dataflow {
        Dataflow::OutputStationary => CYCLES as usize / 4,
        Dataflow::Sequential | Dataflow::Tree => CYCLES as usize / (8 * own_rows(design)),
    };
    let beats = usize::try_from(needed).unwrap_or(usize::MAX);
    // A start that reaches every sum needs no more, where coming back from a rail is too far.
    let otherwise = if design.accumulator.start == Start::Bias { BEATS } else { most };
    whole(if beats <= most { beats.max(BEATS) } else { otherwise })
}

struct Maker<'a> {
    design: &'a Design,
    /// A number for every parameter; those of channels are replaced.
    layer: Vec<i64>,
    /// Values of the activations.
    rows: Vec<Vec<i64>>,
    k: usize,
    chance: &'a mut Chance,
    /// Candidates for which there is time.
    most: usize,
    columns: Vec<Column>,
}

impl Maker<'_> {
    fn weights(&self, numbers: &[i64]) -> Values {
        let offset = match self.design.weight.offset {
            None => 0,
            Some(Operand::Constant(value)) => value,
            Some(Operand::Parameter(index)) => numbers[index],
        };
        Values::of(&self.design.weight, offset)
    }

    /// Adds a channel whose weights are these values.
    fn add(&mut self, numbers: &[i64], weights: &[i64]) {
        let offset = self.weights(numbers).offset;
        let weights: Vec<i64> = weights.iter().map(|value| value - offset).collect();
        if self.columns.len() < self.most
            && weights.iter().all(|w| self.design.weight.format.contains(i128::from(*w)))
        {
            self.columns.push(Column { weights, numbers: numbers.to_vec(), needed: false });
        }
    }

    /// Every combination of numbers of a channel that is worth one: each count with a few factors, the rest by turns.
    fn assignments(&mut self) -> Vec<Vec<i64>> {
        let mut all = vec![self.layer.clone()];
        for index in by_channel(self.design) {
            let values = values(self.design, index, self.chance);
            let multiplies = matches!(part(self.design, index), Part::Count | Part::Factor | Part::Scale);
            if multiplies && all.len() * values.len() <= self.most / 4 {
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

    /// Numbers under which an output shows the most of its accumulator.
    fn showing(&self, assignments: &[Vec<i64>]) -> Vec<Vec<i64>> {
        let distinct = |numbers: &&Vec<i64>| {
            let each: Vec<Vec<i64>> = numbers.iter().map(|value| vec![*value]).collect();
            let outputs = magnitudes(self.design.accumulator.register).into_iter();
            let register = self.design.accumulator.register;
            let inside = outputs.filter(|x| register.contains(*x));
            let outputs = inside.map(|x| super::targets::entering(self.design, &each, x).pop());
            outputs.collect::<std::collections::BTreeSet<_>>().len()
        };
        let mut ranked: Vec<&Vec<i64>> = assignments.iter().collect();
        ranked.sort_by_cached_key(|numbers| std::cmp::Reverse(distinct(numbers)));
        ranked.into_iter().take(4).cloned().collect()
    }

    /// Sums that stop at rails, go beyond and come back: from biases around every magnitude, by small and large steps.
    fn sums(&mut self) {
        let assignments = self.assignments();
        let showing = self.showing(&assignments);
        let starts = self.starts();
        for (at, start) in starts.iter().enumerate() {
            let mut numbers = showing[at % showing.len()].clone();
            if let Some(bias) = self.design.accumulator.bias {
                numbers[bias] = *start;
            }
            let values = self.weights(&numbers);
            for steps in patterns(values, self.k, self.chance) {
                self.add(&numbers, &steps);
            }
            if self.columns.len() > self.most / 2 {
                return;
            }
        }
    }

    /// Sums that stop exactly at a rail, go beyond it or start beyond it, or have the largest products of a beat in them, and
    /// come back to where an output shows its lowest bit: it tells what goes wrong there and no neighbour stands for.
    fn returns(&mut self) {
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
                let sum = row.iter().zip(&first).map(|(a, w)| i128::from(*a) * i128::from(*w)).sum();
                self.comes_back(&row, first, &numbers, sum);
            }
        }
        self.columns.iter_mut().for_each(|column| column.needed = true);
    }

    /// Numbers with which the output of 0 is another one than those beside, if there are any.
    fn sharp(&mut self) -> Vec<i64> {
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
            let output = |x: i128| super::targets::entering(self.design, &each, x).pop();
            output(-1) != output(0) && output(0) != output(1)
        };
        all.into_iter().find(is_sharp).unwrap_or_else(|| self.showing(&assignments)[0].clone())
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
        let product = |weight: i64| i128::from(row[0]) * i128::from(weight);
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
        if let Some(rest) = composed(&row[first.len()..], self.weights(numbers), -sum) {
            let weights = [first, rest].concat();
            self.add(numbers, &weights);
        }
    }

    /// From a rail, one step beyond, and back to where outputs tell neighbours apart: what the rail took is then missing.
    fn excursions(&mut self) {
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
                if let Some(rest) = composed(&row[1..], values, back) {
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
    fn outputs(&mut self) {
        let assignments = self.assignments();
        let zero_row = usize::from(self.rows.len() > 1);
        let each = (self.most / 2 / assignments.len().max(1)).max(6);
        for numbers in assignments {
            let alone: Vec<Vec<i64>> = numbers.iter().map(|value| vec![*value]).collect();
            for target in targets(self.design, &alone).into_iter().take(each) {
                self.lead_to(target, &numbers, zero_row);
            }
        }
    }

    /// A channel whose accumulator in some row is `target`: from its bias, or by its products in the row that has units.
    fn lead_to(&mut self, target: i128, numbers: &[i64], row: usize) {
        let mut numbers = numbers.to_vec();
        let values = self.weights(&numbers);
        let idle = vec![values.nearest_to_zero(); self.k];
        if let Some(bias) = self.design.accumulator.bias {
            let parameter = &self.design.parameters[bias];
            let sum: i128 =
                self.rows[0].iter().zip(&idle).map(|(a, w)| i128::from(*a) * i128::from(*w)).sum();
            if let Ok(start) = i64::try_from(target - sum) {
                numbers[bias] = start.clamp(parameter.min, parameter.max);
                return self.add(&numbers, &idle);
            }
        }
        if let Some(weights) = composed(&self.rows[row], values, target) {
            self.add(&numbers, &weights);
        }
    }

    fn by_chance(&mut self, count: usize) {
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
