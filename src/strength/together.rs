//! Several programs of one design: what each tells apart, what all together, and which of them are needed.

use rayon::prelude::*;

use super::cover;
use super::goals::{goals, reached_with, summed as sum_of_goals};
use super::judge::Judge;
use super::observed::observed;
use super::proofs::{by_ranges, proved_equal};
use super::score::summed;
use crate::design::Design;
use crate::lower::Program;
use crate::neighbours::{self, Hardware, Neighbour, NodeSeen, Score};

/// What one program tells apart, neighbour by neighbour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// In the order of [`neighbours::of`].
    each: Vec<bool>,
    nodes: Vec<NodeSeen>,
    /// In the order of [`goals`].
    reached: Vec<bool>,
}

impl Told {
    /// By a judge of the program.
    pub fn of(program: &Program, judge: &Judge<'_>) -> Told {
        let design = &program.design;
        let all: Vec<Neighbour> = neighbours::of(&Hardware::of(design)).collect();
        // Whoever is proved equal need not be run.
        let is_told = |neighbour: &Neighbour| {
            by_ranges(design, &neighbour.hardware).is_none()
                && judge.difference(&neighbour.hardware).is_some()
        };
        let each = all.par_iter().map(is_told).collect();
        let nodes = observed(program);
        let reached = reached_with(program, judge, &goals(design), &nodes);
        Told { each, nodes, reached }
    }
}

/// Programs of one design.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Together {
    /// Each alone.
    pub each: Vec<Score>,
    /// All: a neighbour is caught if one of them tells it apart.
    pub all: Score,
    /// Indices of the fewest found that catch as many, in order.
    pub smallest: Vec<usize>,
    /// Whether no fewer would do.
    pub none_fewer: bool,
}

/// The scores of programs of `design`, each alone and all together.
pub fn together(design: &Design, told: &[Told]) -> Together {
    let all: Vec<Neighbour> = neighbours::of(&Hardware::of(design)).collect();
    let any: Vec<bool> = (0..all.len()).map(|at| told.iter().any(|told| told.each[at])).collect();
    // Asked once for every neighbour that some program misses.
    let proofs: Vec<Option<String>> = all
        .par_iter()
        .enumerate()
        .map(|(at, neighbour)| {
            let is_missed = told.is_empty() || told.iter().any(|told| !told.each[at]);
            is_missed.then(|| proved_equal(design, &neighbour.hardware)).flatten()
        })
        .collect();
    let proof = |at: usize| proofs[at].clone();
    let goals = goals(design);
    let by_any: Vec<bool> = (0..goals.len()).map(|at| told.iter().any(|told| told.reached[at])).collect();
    let alone = |told: &Told| {
        let goals = sum_of_goals(&goals, &told.reached);
        summed(&all, &told.each, &proof, told.nodes.clone(), goals)
    };
    let each = told.iter().map(alone).collect();
    let mut nodes: Vec<NodeSeen> = told.first().map_or_else(Vec::new, |told| told.nodes.clone());
    for more in told.iter().skip(1) {
        nodes.iter_mut().zip(&more.nodes).for_each(|(sum, more)| sum.add(more));
    }
    let sets: Vec<Vec<bool>> = told.iter().map(|told| told.each.clone()).collect();
    let (smallest, none_fewer) = cover::smallest(&sets);
    Together {
        each,
        all: summed(&all, &any, &proof, nodes, sum_of_goals(&goals, &by_any)),
        smallest,
        none_fewer,
    }
}
