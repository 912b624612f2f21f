//! Which candidates become channels.

use std::sync::Arc;

use rayon::prelude::*;

use super::goals::by_goal;
use super::pool::{CYCLES, Pool};
use crate::design::{Dataflow, Design, Skew};
use crate::error::Result;
use crate::lower::Program;
use crate::neighbours::{self, Class, Hardware};
use crate::strength::Judge;

/// One channel in so many is there for what no neighbour stands for.
const NEEDED: usize = 3;

/// The program of the channels that tell most neighbours apart.
pub(super) fn program(design: &Arc<Design>, pool: &Pool, shape: Option<[usize; 3]>) -> Result<Program> {
    let alone = Arc::new(by_itself(design));
    let all: Vec<usize> = (0..pool.columns.len()).collect();
    let candidates = pool.program(&alone, &all)?;
    let judge = Judge::new(&candidates);
    let hardware = Hardware::of(&alone);
    // Which beats an output has shows by its own weights; records and cycles are the matter of all channels together.
    let told = neighbours::of(&hardware).filter(|n| matches!(n.class, Class::Value | Class::Order));
    let told: Vec<Vec<usize>> =
        told.collect::<Vec<_>>().into_par_iter().map(|n| judge.channels(&n.hardware)).collect();
    let goals = by_goal(&candidates, judge.outcome());
    let told: Vec<Vec<usize>> = told.into_iter().chain(goals.into_values()).collect();
    let columns = design.array.columns;
    let wanted = match shape {
        Some([_, _, n]) => n,
        None => most(design, pool),
    };
    let needed = all.iter().copied().filter(|index| pool.columns[*index].needed);
    let mut chosen = chosen(&told, all.len(), wanted, needed.take(wanted / NEEDED).collect());
    let fill = match shape {
        Some([_, _, n]) => n,
        None => chosen.len().max(2).next_multiple_of(columns),
    };
    // Channels by chance are the last candidates.
    let mut others =
        all.iter().rev().filter(|index| !chosen.contains(index)).copied().collect::<Vec<_>>().into_iter();
    while chosen.len() < fill {
        let again = chosen[chosen.len() / 2];
        chosen.push(others.next().unwrap_or(again));
    }
    pool.program(design, &chosen)
}

/// One PE: values are the same, and a channel is judged alone.
fn by_itself(design: &Design) -> Design {
    let mut alone = design.clone();
    alone.array.rows = 1;
    alone.array.columns = 1;
    (alone.array.hop_activation, alone.array.hop_weight) = (0, 0);
    (alone.array.skew, alone.array.drain_latency) = (Skew::Host, 0);
    alone.array.dataflow = if alone.array.lanes > 1 { Dataflow::Tree } else { Dataflow::Sequential };
    alone
}

/// Channels for which there is time.
fn most(design: &Design, pool: &Pool) -> usize {
    let (m, k) = pool.activations.dim();
    let cycles = |n: usize| design.cycles(m as u64, k as u64, n as u64).total;
    let columns = design.array.columns;
    let tiles = (1..=1024).take_while(|tiles| cycles(tiles * columns) <= u128::from(CYCLES)).last();
    tiles.unwrap_or(1) * columns
}

/// After the `needed` ones, greedily: the candidate that adds most, until every difference is told by two that there are, or
/// no room is left.
fn chosen(told: &[Vec<usize>], candidates: usize, most: usize, needed: Vec<usize>) -> Vec<usize> {
    const TWICE: usize = 2;
    let mut by_candidate: Vec<Vec<usize>> = vec![Vec::new(); candidates];
    for (neighbour, columns) in told.iter().enumerate() {
        columns.iter().for_each(|column| by_candidate[*column].push(neighbour));
    }
    let mut by: Vec<usize> = vec![0; told.len()];
    let mut taken = vec![false; candidates];
    for column in &needed {
        taken[*column] = true;
        by_candidate[*column].iter().for_each(|neighbour| by[*neighbour] += 1);
    }
    let mut chosen = needed;
    while chosen.len() < most {
        // What nothing tells yet comes before anything that one channel tells.
        let gain = |column: &usize| -> [usize; 2] {
            let those_with = |count: usize| by_candidate[*column].iter().filter(|n| by[**n] == count).count();
            [those_with(0), (1..TWICE).map(&those_with).sum()]
        };
        let open = (0..candidates).filter(|column| !taken[*column]);
        let Some(best) = open.max_by_key(|column| (gain(column), std::cmp::Reverse(*column))) else { break };
        if gain(&best) == [0, 0] {
            break;
        }
        taken[best] = true;
        chosen.push(best);
        for neighbour in &by_candidate[best] {
            by[*neighbour] += 1;
        }
    }
    chosen
}
