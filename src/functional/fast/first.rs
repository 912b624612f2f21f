//! The first event in schedule order, once it is known in which tile to look.

use ndarray::Array2;

use crate::design::Node;
use crate::functional::plain::{Found, first_of};
use crate::lower::{Event, Program};

/// The first event at or behind `tile`, in which something may have happened.
///
/// Outputs without an event at the accumulator are walked, too, as long as something else could have happened to them.
pub fn event(program: &Program, tile: usize, counts: &Array2<i64>) -> Option<Event> {
    (tile..program.tile_count()).find_map(|tile| in_tile(program, tile, counts))
}

fn in_tile(program: &Program, index: usize, counts: &Array2<i64>) -> Option<Event> {
    let tile = program.tile(index);
    let nodes = program.design.fitting_nodes();
    let elsewhere = nodes.iter().any(|(node, _)| !matches!(node, Node::AccumulatorStart | Node::Accumulator));
    let mut best: Option<Found> = None;
    let [rows, columns] = program.map().tile;
    for row in 0..rows {
        for column in 0..columns {
            let Some([m, n]) = program.output(tile, [row, column]) else { continue };
            if counts[[m, n]] == 0 && !elsewhere && !program.fitted_start(n).flags.any() {
                continue;
            }
            let found = first_of(program, m, n, best.as_ref().map(|best| best.order));
            if let Some(found) = found
                && best.as_ref().is_none_or(|best| found.order < best.order)
            {
                best = Some(found);
            }
        }
    }
    best.map(|best| best.event)
}
