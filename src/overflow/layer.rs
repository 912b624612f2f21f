//! A layer over all of its runs: what the answer says of it, and the witnesses of what it says.

use std::collections::BTreeMap;

use ndarray::Array3;

use super::inspect::{Inspected, Judged};
use super::scene::Scene;
use super::tally::{Both, ChannelTally, Found, Grid, NodeTally, Output};
use super::widths::Needed;
use super::witness::Claim;
use super::{
    ChannelAnswer, Class, Classes, Event, Exact, LayerAnswer, NodeAnswer, PlaceEntry, ScheduleEntry,
    ShapeEntry, Sides, TileAnswer, Witness,
};
use crate::bounds::Range;
use crate::design::{Accumulator, Design, Node};
use crate::error::{Error, Kind, Place, Result};
use crate::lower::{Map, Program, Tile};
use crate::num::Overflow;

/// Which images and which product of a batched one a run of a layer is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub judged: Judged,
    pub first_image: usize,
    pub images: usize,
    pub product: usize,
    pub products: usize,
}

impl Run {
    /// The image of the input that output row `m` belongs to.
    pub fn image(&self, program: &Program, m: usize) -> usize {
        let rows = program.shape.rows();
        self.first_image
            + match self.products {
                1 => m * self.images / rows,
                products => self.product * self.images / products,
            }
    }
}

/// Sums, firsts and largests over the runs so far.
pub(super) struct LayerState {
    name: String,
    shape: ShapeEntry,
    schedule: ScheduleEntry,
    /// Which outputs are a tile's, and of how many visits.
    map: Map,
    accumulator: Accumulator,
    needed: Needed,
    runs: u64,
    /// What the network computes of it, or why nothing is proved then.
    pub computed: Option<String>,
    nodes: Vec<NodeAnswer>,
    channels: Vec<ChannelAnswer>,
    cycles: Vec<Both>,
    only_post: u64,
    /// Of every node that forms the sum, in datapath order.
    tables: Vec<Array3<i64>>,
    /// The largest excess so far at any of them.
    largest: Option<Exact>,
    /// By claim, so that a later run's larger excursion takes the place of an earlier one.
    witnesses: BTreeMap<Slot, Witness>,
}

/// Events per output, `[2, rows, channels]` (high, low), by node: of those that form the sum.
pub(super) type Tables = BTreeMap<String, Array3<i64>>;

/// What a witness is for, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    /// First or largest of all nodes that form the sum.
    Sum(bool),
    Node(usize, bool),
    Class(Class),
    Channel(usize),
}

impl LayerState {
    pub fn new(name: &str, program: &Program) -> LayerState {
        let (design, shape) = (&program.design, program.shape);
        let (array, grid) = (&design.array, Grid::new(program));
        let channel = |channel| ChannelAnswer {
            channel,
            high: 0,
            low: 0,
            outputs_with_events: 0,
            classes: Classes::default(),
            largest_excess: Exact(0),
            first: None,
        };
        LayerState {
            name: name.to_string(),
            shape: ShapeEntry {
                images: shape.images,
                groups: shape.groups,
                m: shape.m,
                k: shape.k,
                n: shape.n,
            },
            schedule: ScheduleEntry {
                beats: program.beats(),
                lanes: array.lanes,
                rows: array.rows,
                columns: array.columns,
                tiles: program.tile_count(),
                period_cycles: grid.timing.period_cycles(0),
                cycles: grid.timing.total_cycles(),
            },
            map: program.map(),
            accumulator: design.accumulator,
            needed: Needed::default(),
            runs: 0,
            computed: None,
            nodes: design
                .fitting_nodes()
                .into_iter()
                .map(|(node, id)| node_answer(design, node, id))
                .collect(),
            channels: (0..shape.channels()).map(channel).collect(),
            cycles: vec![[0; 2]; grid.timing.period_cycles(0)],
            only_post: 0,
            tables: Vec::new(),
            largest: None,
            witnesses: BTreeMap::new(),
        }
    }

    /// Adds a run of the same shape. `computed` is what is proved when the network computes numbers of the layer;
    /// `verdicts` are the classes of the first outputs that differ, in order; the others
    /// are unevaluated.
    ///
    /// # Errors
    /// A run of another shape.
    pub fn add(
        &mut self,
        program: &Program,
        run: Run,
        inspected: Inspected,
        verdicts: &[Class],
        computed: Option<&Result<Vec<Range>, String>>,
    ) -> Result<()> {
        let Inspected { tally, tables } = inspected;
        if self.tables.is_empty() {
            self.tables = tables.iter().map(|table| Array3::zeros(table.raw_dim())).collect();
        }
        let dim = |tables: &[Array3<i64>]| tables.first().map(Array3::dim);
        let (found, before) = (dim(&tables), dim(&self.tables));
        if found != before {
            let (found, before) = (found.unwrap_or_default(), before.unwrap_or_default());
            let message = format!("a run of {found:?} outputs after one of {before:?}");
            return Err(Error::new(Kind::Unsupported, message)
                .at(Place::Signal(self.name.clone()))
                .help("choose a --batch that divides the number of images"));
        }
        let scene = Scene { program, grid: Grid::new(program), run };
        let class = |m: usize, n: usize| {
            let at = tally.wrong.iter().position(|o| (o.m, o.n) == (m, n));
            at.and_then(|at| verdicts.get(at)).copied().unwrap_or(Class::Unevaluated)
        };
        self.runs += 1;
        self.needed.add(program, computed);
        if let Some(Err(why)) = computed {
            self.computed = Some(why.clone());
        }
        self.tables.iter_mut().zip(&tables).for_each(|(sum, table)| *sum += table);
        self.only_post += tally.only_post;
        add(&mut self.cycles, &tally.cycles);
        self.add_sum(&scene, &tally.nodes, &class);
        for (index, node) in tally.nodes.iter().enumerate() {
            self.add_node(&scene, index, node, &class);
        }
        for (n, channel) in tally.channels.iter().enumerate() {
            self.add_channel(&scene, n, channel, &class);
        }
        for (output, verdict) in tally.wrong.iter().zip(verdicts) {
            let classes = &mut self.channels[output.n].classes;
            classes.unevaluated -= 1;
            classes.count(*verdict);
        }
        let unevaluated = tally.wrong.get(verdicts.len());
        let tried = tally.wrong.iter().zip(verdicts).map(|(output, class)| (*class, Some(output)));
        let examples = [
            (Class::Transient, tally.examples[0].as_ref()),
            (Class::Surviving, tally.examples[1].as_ref()),
            (Class::Unevaluated, unevaluated),
        ];
        for (class, output) in examples.into_iter().chain(tried) {
            if let Some(output) = output {
                self.add_example(&scene, class, output);
            }
        }
        Ok(())
    }

    /// The first event and the largest excursion of all nodes that form the sum.
    fn add_sum(&mut self, scene: &Scene, nodes: &[NodeTally], class: &dyn Fn(usize, usize) -> Class) {
        let forming = nodes.iter().zip(&self.nodes).take(self.tables.len());
        let found = |pick: fn(&NodeTally) -> Option<Found>| {
            let ids = forming.clone().map(|(_, answer)| answer.node.clone());
            forming.clone().map(|(tally, _)| tally).zip(ids).filter_map(move |(t, id)| Some((pick(t)?, id)))
        };
        // Both take the first of equals.
        let first = found(|n| n.first).min_by_key(|(found, _)| found.order);
        let largest =
            found(|n| n.largest).min_by_key(|(found, _)| (std::cmp::Reverse(found.excess), found.order));
        if let Some((found, id)) = first.filter(|_| !self.witnesses.contains_key(&Slot::Sum(false))) {
            let witness = scene.witness(&self.name, Slot::Sum(false), &id, &found, class);
            self.witnesses.insert(Slot::Sum(false), witness);
        }
        if let Some((found, id)) = largest.filter(|(found, _)| self.largest.is_none_or(|l| found.excess > l))
        {
            self.largest = Some(found.excess);
            let witness = scene.witness(&self.name, Slot::Sum(true), &id, &found, class);
            self.witnesses.insert(Slot::Sum(true), witness);
        }
    }

    fn add_node(
        &mut self,
        scene: &Scene,
        index: usize,
        tally: &NodeTally,
        class: &dyn Fn(usize, usize) -> Class,
    ) {
        let node = &mut self.nodes[index];
        let sum = |side: usize| tally.channels.iter().map(|c| c[side]).sum::<u64>();
        let (high, low) = (sum(0), sum(1));
        if high + low == 0 {
            return;
        }
        node.high += high;
        node.low += low;
        node.outputs += tally.outputs;
        node.channels.add(&tally.channels);
        node.beats.add(&tally.beats);
        node.pes.add(&tally.pes);
        let id = node.node.clone();
        // Where only the accumulator forms the sum, the layer's witnesses are its own.
        let own = self.tables.len() > 1 || id != "accumulator";
        if let Some(found) = tally.first.filter(|_| node.first.is_none()) {
            node.first = Some(scene.event(&id, &found));
        }
        if let Some(found) =
            tally.first.filter(|_| own && !self.witnesses.contains_key(&Slot::Node(index, false)))
        {
            let witness = scene.witness(&self.name, Slot::Node(index, false), &id, &found, class);
            self.witnesses.insert(Slot::Node(index, false), witness);
        }
        let beaten = |best: &Event| tally.largest.is_some_and(|found| found.excess > best.excess);
        if let Some(found) = tally.largest.filter(|_| node.largest.as_ref().is_none_or(beaten)) {
            node.largest = Some(scene.event(&id, &found));
            if own {
                let witness = scene.witness(&self.name, Slot::Node(index, true), &id, &found, class);
                self.witnesses.insert(Slot::Node(index, true), witness);
            }
        }
    }

    fn add_channel(
        &mut self,
        scene: &Scene,
        n: usize,
        tally: &ChannelTally,
        class: &dyn Fn(usize, usize) -> Class,
    ) {
        let channel = &mut self.channels[n];
        let [transient, surviving, wrong] = tally.became;
        channel.outputs_with_events += transient + surviving + wrong;
        let became = Classes { transient, surviving, unevaluated: wrong, ..Classes::default() };
        channel.classes.add(&became);
        channel.largest_excess = channel.largest_excess.max(tally.excess);
        if let Some(found) = tally.first.filter(|_| channel.first.is_none()) {
            let node = &self.nodes[scene.program.design.node_index(found.visit.node)].node;
            let witness = scene.witness(&self.name, Slot::Channel(n), node, &found, class);
            channel.first = Some(witness.id.clone());
            self.witnesses.insert(Slot::Channel(n), witness);
        }
    }

    fn add_example(&mut self, scene: &Scene, class: Class, output: &Output) {
        let (name, slot) = (&self.name, Slot::Class(class));
        self.witnesses.entry(slot).or_insert_with(|| {
            let place = scene.place(Node::Accumulator, [output.m, output.n], (Some(0), 0));
            let place = PlaceEntry { beat: None, accumulator: None, ..place };
            let claim = format!("an output that is {}: {}", class.name(), became(class));
            let id = format!("{name}/{}", class.name());
            let class = Some(class);
            Witness::new(scene.program, Claim { id, claim, layer: name.clone(), place, class, event: None })
        });
    }

    /// The layer's part of the answer, its witnesses, and its table.
    pub fn finish(mut self) -> (LayerAnswer, Vec<Witness>, Tables) {
        let mut classes = Classes::default();
        let accumulator = self.nodes.iter().position(|n| n.node == "accumulator").unwrap_or_default();
        let sides = &self.nodes[accumulator].channels;
        for (channel, (high, low)) in self.channels.iter_mut().zip(sides.high.iter().zip(&sides.low)) {
            (channel.high, channel.low) = (*high, *low);
        }
        self.channels.iter().for_each(|c| classes.add(&c.classes));
        let outputs_with_events = self.channels.iter().map(|c| c.outputs_with_events).sum();
        assert_eq!(classes.sum(), outputs_with_events, "every output with events has one class");
        let per_run = self.shape.images * self.shape.groups * self.shape.m * self.shape.n;
        let names: Vec<String> = self.nodes.iter().map(|n| n.node.clone()).collect();
        let mut cycles = Sides::default();
        if self.cycles.iter().any(|c| *c != [0; 2]) {
            cycles.add(&self.cycles);
        }
        let tiles = self.tables.get(accumulator).and_then(|table| self.tiles(table));
        let tables = names.into_iter().zip(self.tables).collect();
        let answer = LayerAnswer {
            tiles,
            layer: self.name,
            shape: self.shape,
            schedule: self.schedule,
            widths: self.needed.widths(&self.accumulator),
            computed: self.computed,
            runs: self.runs,
            outputs: self.runs * per_run as u64,
            outputs_with_events,
            classes,
            only_post: self.only_post,
            nodes: self.nodes,
            channels: self.channels,
            cycles,
            witnesses: self.witnesses.values().map(|w| w.id.clone()).collect(),
            table: None,
        };
        (answer, self.witnesses.into_values().collect(), tables)
    }

    /// The table of outputs, tile by tile.
    fn tiles(&self, table: &Array3<i64>) -> Option<TileAnswer> {
        let mut tiles = vec![[0_u64; 2]; self.map.tile_count()];
        for ((side, m, n), events) in table.indexed_iter().filter(|(_, events)| **events > 0) {
            tiles[self.map.find(m, n)[0]][side] += events.unsigned_abs();
        }
        let total = |tile: usize| tiles[tile][0] + tiles[tile][1];
        let with_events = (0..tiles.len()).filter(|tile| total(*tile) > 0).count();
        // The last of equals when counted from behind is the first.
        let busiest =
            (0..tiles.len()).rev().max_by_key(|tile| total(*tile)).filter(|tile| total(*tile) > 0)?;
        let Tile { image, group, m0, n0, .. } = self.map.tile_at(busiest);
        Some(TileAnswer {
            with_events,
            busiest,
            m: image * self.shape.m + m0,
            n: group * self.shape.n + n0,
            high: tiles[busiest][0],
            low: tiles[busiest][1],
        })
    }
}

impl Sides {
    fn add(&mut self, counts: &[Both]) {
        self.high.resize(counts.len(), 0);
        self.low.resize(counts.len(), 0);
        for (index, [high, low]) in counts.iter().enumerate() {
            self.high[index] += high;
            self.low[index] += low;
        }
    }
}

fn add(sums: &mut [Both], more: &[Both]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum = [sum[0] + more[0], sum[1] + more[1]]);
}

fn node_answer(design: &Design, node: Node, id: String) -> NodeAnswer {
    let fit = design.fit_of(node);
    NodeAnswer {
        node: id,
        format: fit.map(|fit| fit.format.to_string()),
        overflow: fit.map_or(Overflow::Wrap, |fit| fit.overflow).name().to_string(),
        high: 0,
        low: 0,
        outputs: 0,
        table: None,
        channels: Sides::default(),
        beats: Sides::default(),
        pes: Sides::default(),
        first: None,
        largest: None,
    }
}

fn became(class: Class) -> &'static str {
    match class {
        Class::Transient => "the accumulator ends with the exact sum",
        Class::Surviving => "the accumulator differs from the exact sum, the requantised output does not",
        Class::Harmful => "the output is wrong, and correcting it alone does not change the answer",
        Class::Decisive => "the output is wrong, and correcting it alone changes the answer",
        Class::Unevaluated => "the output is wrong; what its correction would change was not tried",
    }
}
