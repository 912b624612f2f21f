//! Which candidates become channels.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::merit;
use super::pool::{CYCLES, Pool, WITH_RESTS};
use crate::design::{Dataflow, Design, Skew};
use crate::error::Result;
use crate::lower::Program;

/// One channel in so many is there for what no neighbour stands for.
const NEEDED: usize = 3;

/// The program of the channels that tell most neighbours apart.
pub(super) fn program(design: &Arc<Design>, pool: &Pool, shape: Option<[usize; 3]>) -> Result<Program> {
    let alone = Arc::new(by_itself(design));
    let all: Vec<usize> = (0..pool.columns.len()).collect();
    // By how many products their weights need.
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in all.iter().filter(|index| !pool.columns[**index].everywhere) {
        groups.entry(pool.columns[*index].weights.len()).or_default().push(*index);
    }
    let mut by = BTreeMap::new();
    for (k, group) in groups {
        merit::add(&mut by, &pool.judged(&alone, &group, k)?, &group);
    }
    let told: Vec<(Vec<usize>, usize)> = by.into_iter().map(|(told, by)| (by, told.times())).collect();
    let columns = design.array.columns;
    let wanted = match shape {
        Some([_, _, n]) => n,
        None => most(design, pool),
    };
    let needed = all.iter().copied().filter(|index| pool.columns[*index].needed);
    let mut chosen = chosen(&told, all.len(), wanted, needed.take(wanted / NEEDED).collect());
    let fill = match shape {
        Some([_, _, n]) => n,
        None => chosen.len().max(pool.least).next_multiple_of(columns),
    };
    // Channels by chance are the last candidates.
    let is_everywhere = |index: &usize| pool.columns[*index].everywhere;
    let others = all.iter().rev().filter(|index| !chosen.contains(index) && !is_everywhere(index));
    let mut others = others.copied().collect::<Vec<_>>().into_iter();
    while chosen.len() < fill {
        let again = chosen[chosen.len() / 2];
        chosen.push(others.next().unwrap_or(again));
    }
    // As many as there are columns, of each kind.
    chosen.extend(all.iter().copied().filter(is_everywhere));
    pool.program(design, &chosen)
}

/// One PE: values are the same, and a channel is judged alone.
fn by_itself(design: &Design) -> Design {
    let mut alone = design.clone();
    let array = &mut alone.parts.array;
    (array.rows, array.columns) = (1, 1);
    (array.hop_activation, array.hop_weight, array.hop_sum) = (0, 0, 0);
    (array.skew, array.drain, array.load) = (Skew::Host, None, None);
    (array.banks, array.loop_latency, array.clears_at_once) = (1, 1, false);
    if !array.is_post_only() {
        array.dataflow = if array.lanes > 1 { Dataflow::Tree } else { Dataflow::Sequential };
    }
    if let (Some(memory), Some(steps)) = (&mut alone.parts.memory, design.visit_steps()) {
        memory.tile_k = Some(steps * design.array.lanes);
    }
    alone
}

/// Channels for which there is time, the cycles among it in which the host of a directed bundle rests: 12 in every other tile.
fn most(design: &Design, pool: &Pool) -> usize {
    const RESTS: u128 = 6;
    let (m, k) = pool.activations.dim();
    let columns = design.array.columns;
    let fits = |tiles: usize| {
        let cycles = design.cycles(m as u64, k as u64, (tiles * columns) as u64).total;
        let all = (tiles * m.div_ceil(design.array.rows * design.array.banks)) as u128;
        cycles <= u128::from(CYCLES) && cycles + all * RESTS <= u128::from(WITH_RESTS)
    };
    // Those that every column has one of come on top.
    let more = pool.columns.iter().filter(|column| column.everywhere).count().div_ceil(columns);
    (1..=1024).take_while(|tiles| fits(*tiles + more)).last().unwrap_or(1) * columns
}

/// After the `needed` ones, greedily: the candidate that adds most, until each of `told` is told by as many channels as it
/// asks for, if there are that many, or no room is left.
fn chosen(told: &[(Vec<usize>, usize)], candidates: usize, most: usize, needed: Vec<usize>) -> Vec<usize> {
    let mut by_candidate: Vec<Vec<usize>> = vec![Vec::new(); candidates];
    for (index, (columns, _)) in told.iter().enumerate() {
        columns.iter().for_each(|column| by_candidate[*column].push(index));
    }
    let mut by: Vec<usize> = vec![0; told.len()];
    let mut taken = vec![false; candidates];
    for column in &needed {
        taken[*column] = true;
        by_candidate[*column].iter().for_each(|index| by[*index] += 1);
    }
    let mut chosen = needed;
    while chosen.len() < most {
        // What nothing tells yet comes before anything that one channel tells; of that, what asks for two.
        let gain = |column: &usize| -> [usize; 3] {
            let wanting = || by_candidate[*column].iter().filter(|index| by[**index] < told[**index].1);
            let untold = |twice: bool| {
                wanting().filter(|index| by[**index] == 0 && (told[**index].1 > 1) == twice).count()
            };
            [untold(true), untold(false), wanting().filter(|index| by[**index] > 0).count()]
        };
        let open = (0..candidates).filter(|column| !taken[*column]);
        let Some(best) = open.max_by_key(|column| (gain(column), std::cmp::Reverse(*column))) else { break };
        if gain(&best) == [0, 0, 0] {
            break;
        }
        taken[best] = true;
        chosen.push(best);
        by_candidate[best].iter().for_each(|index| by[*index] += 1);
    }
    chosen
}
