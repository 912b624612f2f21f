//! A host that rests between beats: cycles move, nothing else does, and the laws say where to.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use goldpath::datapath;
use goldpath::design::{Dataflow, Design, Node, Skew, Start};
use goldpath::error::Kind;
use goldpath::functional;
use goldpath::lower::Program;
use goldpath::simulate::{self, Gaps, Located, Options, Run, Timing};
use goldpath::trace::MemorySink;
use goldpath::vectors::{BundleWriter, Found, Provenance};

use super::work::{Random, product};
use super::{designs, random};

fn program(seed: u64) -> Program {
    let mut random = Random::new(seed);
    random::program(random::design(&mut random), &mut random)
}

fn options(gaps: Gaps) -> Options<'static> {
    Options { counts: true, gaps, ..Options::default() }
}

fn run(program: &Program, gaps: Gaps) -> (Run, MemorySink) {
    let mut memory = MemorySink::default();
    let run = simulate::run(program, options(gaps), &mut [&mut memory]).unwrap();
    (run, memory)
}

#[test]
fn outcomes_do_not_know_of_gaps() {
    let (mut events, mut moved) = (0, 0);
    for seed in 0..400 {
        let program = program(5000 + seed);
        let gaps = Gaps::mixed(seed % 7);
        let (run, memory) = run(&program, gaps);
        assert_eq!(run.outcome, functional::run_plain(&program, true), "seed {seed}");
        let timing = Timing::with(&program, gaps);
        assert_eq!((run.cycles, memory.cycles() as u64), (timing.total_cycles(), timing.total_cycles()));
        // Where a tile waits for the next one's load, a rest may cost nothing.
        let least = Timing::new(&program).total_cycles() + u64::from(!program.design.array.sums_travel());
        assert!(run.cycles >= least, "seed {seed}");
        let Some(first) = run.outcome.counts.as_ref().and_then(|counts| counts.first.as_ref()) else {
            continue;
        };
        let nodes = program.design.fitting_nodes();
        let node = nodes.iter().find(|(_, name)| *name == first.node).unwrap().0;
        let [tile, row, column] = program.place(first.m, first.n);
        let at = timing.cycle_of(node, tile, first.beat, [row, column]);
        assert_eq!(run.first_cycle, Some(at), "seed {seed}");
        events += 1;
        moved += u64::from(Timing::new(&program).cycle_of(node, tile, first.beat, [0, 0]) < at);
    }
    assert!(events > 200 && moved > 50, "{events} {moved}");
}

#[test]
fn cycles_and_what_happens_in_them_are_inverse() {
    let mut checked = 0;
    for seed in 0..200 {
        let program = program(6000 + seed);
        let (design, map) = (&program.design, program.map());
        for gaps in [Gaps::none(), Gaps::mixed(seed)] {
            let timing = Timing::with(&program, gaps);
            for tile in 0..program.tile_count() {
                let (start, end) = (timing.tile_start(tile), timing.tile_start(tile + 1));
                assert_eq!(end - start, timing.period_cycles(tile) as u64);
                assert!((start..end).all(|cycle| timing.tile_at(cycle) == tile), "seed {seed}");
                for (node, name) in design.fitting_nodes() {
                    let is_last = matches!(node, Node::After(_));
                    let behind = is_last || name.starts_with("post") || name == "accumulator.output";
                    let beats = if behind { vec![None] } else { (0..program.beats()).map(Some).collect() };
                    for (output, beat) in corners(map.tile)
                        .into_iter()
                        .flat_map(|output| beats.iter().map(move |beat| (output, *beat)))
                    {
                        let cycle = timing.cycle_of(node, tile, beat, output);
                        let ([row, column], (pe, _)) = (output, map.place(output, beat.unwrap_or(0)));
                        let located = Located { tile, row, column, beat };
                        let at = if behind { [0, map.exit(output)] } else { pe };
                        assert_eq!(timing.locate(node, at, cycle), located, "seed {seed} {name}");
                        checked += 1;
                    }
                }
            }
        }
    }
    assert!(checked > 100_000, "{checked}");
}

fn corners(tile: [usize; 2]) -> Vec<[usize; 2]> {
    let (row, column) = (tile[0] - 1, tile[1] - 1);
    vec![[0, 0], [0, column], [row, 0], [row, column]]
}

/// What the ports carry, each row and column in its own time.
struct Ports {
    valid: Vec<bool>,
    first: Vec<bool>,
    last: Option<Vec<bool>>,
    /// Activations, weights, channel.
    rest: Vec<Vec<i64>>,
}

impl Ports {
    /// Cycles of which every row and column is in the trace.
    fn new(design: &Design, memory: &MemorySink) -> Ports {
        let array = &design.array;
        let host = array.dataflow == Dataflow::OutputStationary && array.skew == Skew::Host;
        let hop = |hop: u32| if host { hop as usize } else { 0 };
        let edges = [
            (memory.signal("in.activation").unwrap(), array.rows, hop(array.hop_weight)),
            (memory.signal("in.weight").unwrap(), array.columns, hop(array.hop_activation)),
        ];
        let lag = edges.iter().map(|(_, lines, hop)| hop * (lines - 1)).max().unwrap();
        let cycles = memory.cycles() - lag;
        let channel = memory.signal("in.channel").unwrap();
        let rest = |cycle: usize| {
            let line = |(codes, _, hop): &(Vec<&[i64]>, usize, usize), line: usize| {
                codes[cycle + line * hop][line * array.lanes..][..array.lanes].to_vec()
            };
            let all = edges.iter().flat_map(|edge| (0..edge.1).flat_map(move |l| line(edge, l)));
            all.chain([channel[cycle][0]]).collect()
        };
        let bit = |name: &str| {
            let bits = memory.signal(name)?;
            // Rows of a skewing host have their bits when their codes come.
            let rows = bits[0].len();
            let of_row = |cycle: usize, row: usize| bits[cycle + row * hop(array.hop_weight)][row] == 1;
            (0..cycles).for_each(|cycle| assert!((0..rows).all(|r| of_row(cycle, r) == of_row(cycle, 0))));
            Some((0..cycles).map(|cycle| of_row(cycle, 0)).collect::<Vec<bool>>())
        };
        Ports {
            valid: bit("in.valid").unwrap(),
            first: bit("in.first").unwrap(),
            last: bit("in.last"),
            rest: (0..cycles).map(rest).collect(),
        }
    }

    fn beats(&self) -> Vec<usize> {
        (0..self.valid.len()).filter(|cycle| self.valid[*cycle]).collect()
    }
}

#[test]
fn a_resting_host_holds_its_last_beat() {
    let (mut rests, mut between) = (0, 0);
    for seed in 0..200 {
        let program = program(7000 + seed);
        let design = &*program.design;
        if design.array.sums_travel() {
            continue;
        }
        let gaps = Gaps::mixed(seed);
        let timing = Timing::with(&program, gaps);
        let dense = Ports::new(design, &run(&program, Gaps::none()).1);
        let ports = Ports::new(design, &run(&program, gaps).1);
        let banks = program.design.array.banks;
        let (beats, tiles, clears) =
            (program.beats() * banks, program.tile_count(), program.design.time().clears);
        let (cycles, straight) = (ports.beats(), dense.beats());
        assert_eq!((cycles.len(), straight.len()), (beats * tiles, beats * tiles));
        for (n, (cycle, dense_cycle)) in cycles.iter().zip(&straight).enumerate() {
            let (tile, beat, resting) = (n / beats, n % beats, (tiles - 1 - n / beats).is_multiple_of(2));
            // The same beats, in the same order.
            assert_eq!(ports.rest[*cycle], dense.rest[*dense_cycle], "seed {seed}");
            assert_eq!(ports.first[*cycle], beat < banks && clears == 0);
            assert!(ports.last.as_ref().is_none_or(|last| last[*cycle] == (beat + banks >= beats)));
            let start = timing.tile_start(tile) as usize;
            let waits = if beat == 0 { start..*cycle } else { cycles[n - 1] + 1..*cycle };
            let quiet = |c: &usize| !ports.valid[*c] && ports.last.as_ref().is_none_or(|last| !last[*c]);
            assert!(waits.clone().all(|c| quiet(&c)));
            if beat > 0 {
                let waiting = resting && [1, beats - 1].contains(&beat);
                assert!(!waiting || !waits.is_empty(), "the second beat waits, and the last one");
                assert!(resting || waits.is_empty(), "tiles between are dense");
                assert!(waits.clone().all(|c| !ports.first[c] && ports.rest[c] == ports.rest[cycles[n - 1]]));
                rests += waits.len();
                continue;
            }
            // In front of a tile: lead, clear, settling.
            let clear: Vec<usize> = waits.clone().filter(|c| ports.first[*c]).collect();
            assert_eq!(clear.len(), clears);
            assert!(resting || waits.len() == clears, "tiles between are dense");
            let held: Vec<usize> = waits.filter(|c| !clear.contains(c)).collect();
            assert!(!resting || held.len() > clears, "a tile waits, and so does one that was cleared");
            for codes in held.iter().map(|c| &ports.rest[*c]) {
                let codes = &codes[..codes.len() - 1];
                let before = n.checked_sub(1).map(|before| &ports.rest[cycles[before]][..codes.len()]);
                assert!(
                    before.map_or(codes.iter().all(|v| *v == 0), |before| before == codes),
                    "seed {seed}"
                );
            }
            between += usize::from(resting && n > 0);
        }
    }
    assert!(rests > 1000 && between > 200, "{rests} {between}");
}

/// The vector grid has no bubbles: it is not chosen, and refuses them.
#[test]
fn the_grid_is_for_dense_tiles() {
    let design = Arc::new(designs::os16x16_s8_acc16sat());
    let program = product(&design, [20, 12, 40], 1, false);
    let records = program.records();
    let mut grid = datapath::grid(&design, &records).unwrap();
    let refused = simulate::run_on(&program, grid.as_mut(), options(Gaps::mixed(1)), &mut []).unwrap_err();
    assert_eq!(refused.kind, Kind::Unsupported);
    simulate::run_on(&program, grid.as_mut(), options(Gaps::none()), &mut []).unwrap();
    let (run, _) = run(&program, Gaps::mixed(1));
    assert_eq!(run.outcome, functional::run_plain(&program, true));
}

/// `beats_in.hex` and `beats_out.hex` hold no timing, with or without `in.last`, skewed or not.
#[test]
fn transactions_do_not_know_of_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let written = |program: &Program, gaps: Gaps, name: &str| {
        let out = folder.path().join(name);
        let mut writer = BundleWriter::create(&out, program.clone()).unwrap();
        simulate::run(program, options(gaps), &mut [&mut writer]).unwrap();
        writer.publish(&Provenance::default(), Found::default()).unwrap();
        let read = |file: &str| fs::read(Path::new(&out).join(file)).unwrap();
        (["beats_in.hex", "beats_out.hex", "channels.hex"].map(read), read("stimulus.hex"))
    };
    let mut kinds = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let mut random = Random::new(9000 + seed);
        let design = random::design(&mut random);
        kinds.insert((
            format!("{:?} {:?}", design.array.dataflow, design.array.skew),
            design.accumulator.start == Start::Zero,
        ));
        let program = random::program(design, &mut random);
        let (dense, gaps) =
            (written(&program, Gaps::none(), "dense"), written(&program, Gaps::mixed(seed), "gaps"));
        assert!(dense.0 == gaps.0, "seed {seed}");
        assert!(dense.1 != gaps.1, "seed {seed}");
    }
    assert!(kinds.len() >= 8, "{kinds:?}");
}
