//! Candidates for the channels of a directed program.

use std::sync::Arc;

use ndarray::Array2;

use super::Form;
use super::maker::Maker;
use super::numbers::of_layer;
use super::rows::{Values, add_opposite_rows, add_opposites, reach, rows};
use crate::design::{Design, Start};
use crate::error::{Error, Kind, Place, Result};
use crate::limits::{Charge, bytes};
use crate::lower::{Numbers, Program, Shape, check_extents};
use crate::num::Chance;
use crate::post::{Operand, Per};

/// Products that all candidates together should cost; so many times more, where they are few otherwise.
const PRODUCTS: usize = 1 << 20;
const PATIENCE: usize = 16;

/// How many candidates there are, if there is time: enough, and at most.
const ENOUGH: usize = 256;
const MOST: usize = 4096;

/// At least, whatever they cost.
const LEAST: usize = 8;

/// Beats of an output whose start reaches any sum.
const BEATS: usize = 6;

/// Cycles of a program whose shape nobody gave.
pub(super) const CYCLES: u64 = 16_000;

/// And with those in which its host rests.
pub(super) const WITH_RESTS: u64 = 19_500;

/// One channel: its weights' codes, and one number per parameter of the design.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Column {
    /// As many as some products need; the rest is `idle`.
    pub weights: Vec<i64>,
    /// The code of a weight that is 0.
    pub idle: i64,
    pub numbers: Vec<i64>,
    /// Worth a channel whatever neighbours it tells apart.
    pub needed: bool,
    /// Of one kind that every column has one of: it tells one PE of many apart.
    pub everywhere: bool,
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
    /// Rows that candidates are judged by; those behind them reach words of a memory.
    judged: usize,
    /// Channels, at least.
    pub least: usize,
    pub columns: Vec<Column>,
    _charge: Charge,
}

/// How many candidates may be made, of so many products each.
fn candidates(products: usize) -> usize {
    let affordable = PRODUCTS / products;
    let few = (PRODUCTS.saturating_mul(PATIENCE) / products).clamp(LEAST, ENOUGH);
    affordable.clamp(few, MOST)
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
            None => (own_rows(design), room(design, own_depth(design, form, last))),
        };
        let short = k.min(BEATS * design.array.lanes);
        let most = [k, short].map(|k| candidates(m.saturating_mul(k)));
        let weights = bytes(&[most[0].saturating_add(m), k], 24).saturating_add(bytes(&[most[1], short], 24));
        let charge = Charge::new(weights, || format!("{} channels of {k} weights to choose from", most[0]))
            .map_err(|e| e.at(Place::Option(format!("--case {}", form.name()))))?;
        let layer: Vec<i64> =
            (0..design.parameters.len()).map(|index| of_layer(design, index, form)).collect();
        let offset = |operand: Option<Operand>| match operand {
            None => 0,
            Some(Operand::Constant(value)) => value,
            Some(Operand::Parameter(index)) => layer[index],
            Some(Operand::Exponent { .. }) => unreachable!("no offset is an exponent"),
        };
        let activation = match design.is_post_only() {
            true => Values::NONE,
            false => Values::of(&design.activation, offset(design.activation.offset)),
        };
        let mut values = rows(activation, m, k, chance);
        let spread = Spread::of(design, k).filter(|_| form == Spread::form(design) && shape.is_none());
        match spread {
            Some(Spread::Behind(places)) => add_opposites(&mut values, activation, places / 2, chance),
            Some(Spread::Rows) => add_opposite_rows(&mut values, activation, chance),
            None => {}
        }
        let m = values.len();
        let rows = values;
        let mut maker =
            Maker { design, layer, values: activation, rows, k, short, chance, most, columns: Vec::new() };
        // What no neighbour stands for comes first: room for it is taken in this order.
        maker.returns();
        maker.products();
        maker.visits();
        maker.climbs();
        maker.columns.iter_mut().for_each(|column| column.needed = true);
        let is_long = form == Form::Numbers && shape.is_none();
        // Operands are loaded beside others that pass where there are two tiles.
        let least = if is_long && is_one_product_a_row(design) { design.array.columns + 1 } else { 2 };
        let activations = activations(&mut maker, is_long);
        maker.excursions();
        maker.sums();
        maker.bits();
        maker.ties();
        maker.outputs();
        if let Some(spread) = spread {
            maker.everywhere(spread);
        }
        maker.by_chance(64);
        let Maker { columns, .. } = maker;
        if columns.is_empty() {
            return Err(Error::new(
                Kind::Value,
                "no bias, weight and parameter inside their limits make a channel",
            ));
        }
        Ok(Pool { activations, judged: m, least, columns, _charge: charge })
    }

    /// Products of an output.
    fn depth(&self) -> usize {
        self.activations.ncols()
    }

    /// A program of candidates that are to be judged, on `design`, of the first `k` products.
    pub fn judged(&self, design: &Arc<Design>, chosen: &[usize], k: usize) -> Result<Program> {
        self.of_rows(design, chosen, [self.judged, k])
    }

    /// The program of those that were chosen.
    pub fn program(&self, design: &Arc<Design>, chosen: &[usize]) -> Result<Program> {
        self.of_rows(design, chosen, [self.activations.nrows(), self.depth()])
    }

    fn of_rows(&self, design: &Arc<Design>, chosen: &[usize], [m, k]: [usize; 2]) -> Result<Program> {
        let columns: Vec<&Column> = chosen.iter().map(|index| &self.columns[*index]).collect();
        let weight = |(k, n): (usize, usize)| columns[n].weights.get(k).copied().unwrap_or(columns[n].idle);
        let weights = Array2::from_shape_fn([k, columns.len()], weight);
        let activations = self.activations.slice(ndarray::s![..m, ..k]);
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
        Program::matrix(Arc::clone(design), activations, weights.view(), &numbers)
    }
}

/// Codes of all rows, and of some by chance behind them where a memory, or a load, asks for more.
fn activations(maker: &mut Maker<'_>, is_long: bool) -> Array2<i64> {
    let (m, depth, values) = (maker.rows.len(), maker.rows[0].len(), maker.values);
    let words = if is_long { words(maker.design, depth) } else { m };
    let code = |(at, k): (usize, usize)| maker.rows[at % m][k] - values.offset;
    let mut activations = Array2::from_shape_fn([words.max(m), depth], code);
    for code in activations.slice_mut(ndarray::s![m.., ..]) {
        *code = maker.chance.within(values.low, values.high) - values.offset;
    }
    activations
}

/// One of each kind of row; whole tiles.
fn own_rows(design: &Design) -> usize {
    let array = &design.array;
    match (array.sums_travel(), array.is_turned()) {
        _ if array.is_post_only() => 1,
        (false, _) => 6_usize.next_multiple_of(array.rows * array.banks),
        (true, false) => 6,
        (true, true) => 6_usize.next_multiple_of(array.columns),
    }
}

/// How every PE of many meets two values, each bit both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// By so many products more of every sum, which count alone.
    Behind(usize),
    /// By two more rows of which every product counts: where sums travel, a product more has no PE.
    Rows,
}

impl Spread {
    /// The program that has them: where all visits of a memory are many in the first one, that of few.
    fn form(design: &Design) -> Form {
        match design.memory.is_some() && is_one_product_a_row(design) {
            true => Form::Numbers,
            false => Form::Whole,
        }
    }

    /// Of sums of so many products. `None`: one PE, or no room.
    fn of(design: &Design, k: usize) -> Option<Spread> {
        let array = &design.array;
        let places = opposites(design);
        match (array.is_grid() || array.columns > 1, design.most_products()) {
            (true, None) => Some(Spread::Behind(places)),
            (true, Some(most)) if k + places <= most => Some(Spread::Behind(places)),
            (true, Some(_)) if is_one_product_a_row(design) && k > 1 => Some(Spread::Rows),
            _ => None,
        }
    }
}

/// Whether a sum has one product, of every lane, of every row of PEs.
pub(super) fn is_one_product_a_row(design: &Design) -> bool {
    design.array.sums_travel() && !design.array.is_turned()
}

/// Two for each lane, of each row where a sum has one product of every row.
fn opposites(design: &Design) -> usize {
    let rows = if is_one_product_a_row(design) { design.array.rows } else { 1 };
    2 * rows * design.array.lanes
}

/// Positions that reach every word of a memory, as far as there is time for so many products of some channels; and so many
/// that operands are loaded while others still pass: behind the wave of the first, row by row.
fn words(design: &Design, products: usize) -> usize {
    const TILES: usize = 8;
    let array = &design.array;
    if !is_one_product_a_row(design) {
        return 0;
    }
    let visits = products.div_ceil(design.visit_steps().unwrap_or(products).max(1) * array.lanes);
    let most = CYCLES as usize / TILES / visits.max(1);
    design.memory.map_or(0, |memory| memory.depth).max(2 * array.rows + array.columns).min(most)
}

/// The products of an output that there is room for, with two values for every PE.
fn room(design: &Design, depth: usize) -> usize {
    match design.most_products() {
        None => depth,
        Some(most) if is_one_product_a_row(design) => depth.min(most),
        Some(most) => depth.min(most.saturating_sub(opposites(design))).max(1),
    }
}

/// Products of an output, so that a sum can leave the register from where it starts, and come back.
fn own_depth(design: &Design, form: Form, last: LastBeat) -> usize {
    let lanes = design.array.lanes;
    if design.is_post_only() {
        return 1;
    }
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
    let together = if design.array.is_grid() { 4 } else { 8 * own_rows(design) };
    let most = CYCLES as usize / together;
    let beats = usize::try_from(needed).unwrap_or(usize::MAX);
    // A start that reaches every sum needs no more, where coming back from a rail is too far; one form leaves the time to
    // many channels.
    let is_anywhere = design.accumulator.start == Start::Bias;
    let otherwise = if is_anywhere { BEATS } else { most };
    let is_short = form == Form::Numbers && (is_anywhere || design.memory.is_some());
    // Parts of a sum meet in a memory: two whole visits, and a short one.
    let visits = design.visit_steps().map_or(0, |steps| 2 * steps + 1);
    let beats = match () {
        () if is_short => BEATS,
        () if beats <= most => beats.max(BEATS),
        () => otherwise,
    };
    let travelled = if is_one_product_a_row(design) { design.array.rows } else { 0 };
    whole(beats.max(visits).max(travelled))
}
