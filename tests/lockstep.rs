//! The vector grid against the plain array: every register of every cycle, and the outcome, on random designs.
//!
//! The seed of each case is printed with what differs. A case is a design, a product and a way to look: every
//! cycle, or cycles drawn at random between which the grid runs in bulk.

#[path = "engine/designs.rs"]
#[allow(dead_code)]
mod designs;
#[path = "engine/planned.rs"]
mod planned;
#[path = "engine/work.rs"]
#[allow(dead_code)]
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use goldpath::datapath::{self, Datapath, Inputs, Lockstep, Observer, Period, Port, Records, Watch};
use goldpath::design::{
    AccumulatorOverflow, Array, Dataflow, Design, Drain, Node, Operand, Parts, Skew, Start,
};
use goldpath::lower::Program;
use goldpath::num::{Flags, Format, Overflow, Rounding};
use goldpath::post::{self, Op, Per};
use goldpath::simulate::{self, Options};

use planned::Planned;
use work::Random;

/// The two clocked together from inputs alone.
struct Clocked(Lockstep<Box<dyn Datapath>, datapath::Array>, Arc<AtomicU64>);

impl Datapath for Clocked {
    fn signals(&self) -> Vec<Port> {
        self.0.signals()
    }

    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        self.0.visit(inputs, sample);
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        self.0.clock(inputs, watch);
        assert_eq!(self.0.difference(), None, "the grid is the left one");
        let values: usize = self.0.signals().iter().map(Port::instances).sum();
        self.1.fetch_add(values as u64, Ordering::Relaxed);
    }
}

/// Both datapaths on the same periods, the grid in its own way; whatever they show must be equal.
struct Alongside {
    plain: datapath::Array,
    fast: Box<dyn Datapath>,
    look: Look,
    random: Random,
    compared: Arc<AtomicU64>,
}

/// How the fast datapath is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// By `clock`, from inputs alone.
    Clock,
    /// By `run`, every cycle sampled.
    Every,
    /// By `run`, some cycles sampled.
    Sometimes,
    /// By `run`, no cycle sampled.
    Never,
}

/// Hears nothing.
struct Deaf;

impl Watch for Deaf {
    fn overflow(&mut self, _: Node, _: usize, _: usize, _: Flags) {}
    fn finished(&mut self, _: usize, _: &[i64]) {}
    fn output(&mut self, _: usize, _: &[i64]) {}
}

impl Alongside {
    fn plan(&mut self, cycles: usize) -> Vec<bool> {
        (0..cycles)
            .map(|_| match self.look {
                Look::Clock | Look::Every => true,
                Look::Sometimes => self.random.below(9) == 0,
                Look::Never => false,
            })
            .collect()
    }

    fn compare(&self, cycle: usize, plain: &[i64], fast: &[i64]) {
        self.compared.fetch_add(plain.len() as u64, Ordering::Relaxed);
        if plain == fast {
            return;
        }
        let mut at = 0;
        for port in self.plain.signals() {
            let range = at..at + port.instances();
            let (p, f) = (&plain[range.clone()], &fast[range.clone()]);
            assert_eq!(p, f, "cycle {cycle} of the period: {} (plain, then fast)", port.name);
            at = range.end;
        }
        panic!("cycle {cycle}: {} values against {}", plain.len(), fast.len());
    }
}

impl Datapath for Alongside {
    fn signals(&self) -> Vec<Port> {
        let signals = self.fast.signals();
        assert_eq!(self.plain.signals(), signals);
        signals
    }

    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        self.fast.visit(inputs, sample);
    }

    fn clock(&mut self, _: &Inputs, _: &mut dyn Watch) {
        unreachable!("runs whole periods");
    }

    fn run(&mut self, period: &Period, observer: &mut dyn Observer) {
        let plan = self.plan(period.cycles);
        let mut probe = Planned::new(observer, &plan);
        self.fast.run(period, &mut probe);
        assert_eq!(probe.cycle, period.cycles);
        let samples = probe.samples;
        let mut samples = samples.into_iter().peekable();
        let mut inputs = Inputs::default();
        for cycle in 0..period.cycles {
            period.drive(cycle, &mut inputs);
            if let Some((_, fast)) = samples.next_if(|(at, _)| *at == cycle) {
                let mut plain = Vec::new();
                self.plain.visit(&inputs, &mut plain);
                self.compare(cycle, &plain, &fast);
            }
            self.plain.clock(&inputs, &mut Deaf);
        }
        assert!(samples.next().is_none());
    }
}

fn array(random: &mut Random) -> Array {
    let extent = |random: &mut Random| random.pick(&[1, 2, 3, 5, 8, 16, 17]);
    let hop = |random: &mut Random| random.pick(&[0, 1, 1, 1, 2]);
    Array {
        dataflow: Dataflow::OutputStationary,
        rows: extent(random),
        columns: extent(random),
        lanes: 1,
        hop_activation: hop(random),
        hop_weight: hop(random),
        skew: random.pick(&[Skew::Internal, Skew::Host]),
        drain: Some(Drain { latency: random.pick(&[0, 0, 1, 2]), ..Drain::ROWS }),
        ..designs::sequential()
    }
}

/// An accumulator that often overflows, for one of the three lanes.
fn accumulator(random: &mut Random) -> (Format, AccumulatorOverflow) {
    let width = random.pick(&[9, 12, 16, 16, 17, 20, 24, 31, 32, 33, 48, 64]);
    let signed = random.below(4) > 0 && width < 64 || width == 64;
    let rules = [
        AccumulatorOverflow::Wrap,
        AccumulatorOverflow::Saturate,
        AccumulatorOverflow::SaturateSymmetric,
        AccumulatorOverflow::SaturateOutput,
    ];
    (Format::new(width, signed).unwrap(), random.pick(&rules))
}

fn operand(random: &mut Random, parameter: &mut Vec<post::Parameter>, name: &str, per: Per) -> Operand {
    let text = random.pick(&["s8", "u8", "s4", "s8", "u5", "s16", "u16"]);
    let plain = designs::operand(text);
    if random.below(3) > 0 {
        return plain;
    }
    // The idle code, minus the offset, must itself be a code.
    let (min, max) = (-plain.format.max().min(100), -plain.format.min().max(-100));
    let parsed = designs::parameter(name, "s9", per, None);
    let bounded = post::Parameter { min, max, ..parsed };
    parameter.push(bounded);
    let sum = Format::signed(plain.format.width() + 2).unwrap();
    let offset = Some(post::Operand::Parameter(parameter.len() - 1));
    Operand { offset, sum, ..plain }
}

/// Steps in every combination of rounding, rule and latency; the first one shifts into reach.
fn steps(random: &mut Random, parameters: &mut Vec<post::Parameter>, format: Format) -> Vec<post::Step> {
    let mut steps = Vec::new();
    let overflow =
        |random: &mut Random| random.pick(&[Overflow::Wrap, Overflow::Saturate, Overflow::SaturateSymmetric]);
    let latency = |random: &mut Random| random.pick(&[0, 0, 1, 2]);
    if random.below(6) > 0 {
        let count = post::Parameter { max: 20, ..designs::parameter("shift", "u5", Per::Channel, None) };
        parameters.push(count);
        let rounding = random.pick(&Rounding::ALL);
        let op = Op::ShiftRight(post::Operand::Parameter(parameters.len() - 1), rounding, None);
        let (rule, cycles) = (overflow(random), latency(random));
        steps.push(post::Step { format: Some(format), ..designs::step(0, op, "s16", rule, cycles) });
    }
    for _ in 0..random.below(4) {
        parameters.push(designs::parameter(&format!("p{}", steps.len()), "s12", Per::Channel, None));
        let p = post::Operand::Parameter(parameters.len() - 1);
        let low_high = Op::Clamp { low: post::Operand::Constant(-100), high: p };
        let multiply = Op::Multiply(post::Operand::Constant(3));
        let op =
            random.pick(&[Op::Add(p), Op::Subtract(p), Op::Max(p), Op::Min(p), low_high, multiply, Op::Fit]);
        let text = random.pick(&["s8", "u8", "s16", "s24", "s40", "s63"]);
        let (rule, cycles) = (overflow(random), latency(random));
        steps.push(designs::step(steps.len(), op, text, rule, cycles));
    }
    steps
}

fn design(seed: u64) -> Design {
    let random = &mut Random::new(seed);
    let (format, overflow) = accumulator(random);
    let start = random.pick(&[Start::Bias, Start::Zero, Start::Overwrite]);
    let mut parameters = vec![designs::parameter("bias", "s40", Per::Channel, Some(0))];
    let activation = operand(random, &mut parameters, "activation_offset", Per::Layer);
    let weight = operand(random, &mut parameters, "weight_offset", Per::Channel);
    let post = steps(random, &mut parameters, format);
    let mut accumulator = designs::accumulator("s16", overflow, start);
    (accumulator.format, accumulator.register) = (format, format);
    if overflow == AccumulatorOverflow::SaturateOutput {
        let most = if format.is_signed() { 64 } else { 63 };
        accumulator.register = Format::new((format.width() + 3).min(most), format.is_signed()).unwrap();
    }
    let base = designs::os16x16_s8_acc16sat();
    designs::drawn(Parts {
        name: format!("random_{seed}"),
        activation,
        weight,
        operand_latency: random.pick(&[0, 1, 1, 2]),
        product_latency: random.pick(&[0, 0, 1, 2]),
        accumulator,
        array: array(random),
        post,
        parameters,
        ..base.into()
    })
}

/// Runs both; returns values compared and events seen, or `None` without a licence.
fn check(program: &Program, look: Look, seed: u64) -> Option<(u64, u64)> {
    let records: Records = program.records();
    let compared: Arc<AtomicU64> = Arc::default();
    let (fast, plain) = (
        datapath::grid(&program.design, &records)?,
        datapath::Array::new(program.design.clone(), records.clone()),
    );
    let mut both: Box<dyn Datapath> = if look == Look::Clock {
        Box::new(Clocked(Lockstep::new(fast, plain), compared.clone()))
    } else {
        Box::new(Alongside { plain, fast, look, random: Random::new(seed), compared: compared.clone() })
    };
    let options = Options { counts: true, ..Default::default() };
    let fast = simulate::run_on(program, both.as_mut(), options, &mut []).unwrap();
    let mut plain = datapath::Array::new(program.design.clone(), records);
    let plain = simulate::run_on(program, &mut plain, options, &mut []).unwrap();
    assert_eq!(plain, fast, "outcome, cycles or first event (plain, then fast)");
    let events = plain.outcome.counts.unwrap().nodes.iter().map(|n| n.high + n.low).sum();
    Some((compared.load(Ordering::Relaxed), events))
}

const LOOKS: [Look; 4] = [Look::Clock, Look::Every, Look::Sometimes, Look::Never];

#[test]
fn random_designs_register_by_register() {
    let (mut licensed, mut refused, mut compared, mut events) = (0, 0, 0, 0);
    for seed in 0..250 {
        let design = Arc::new(design(seed));
        let random = &mut Random::new(seed ^ 0x5eed);
        let shape = [1 + random.below(40), 1 + random.below(30), 1 + random.below(40)];
        let program = work::product(&design, shape, seed, seed % 3 == 0);
        let look = LOOKS[seed as usize % LOOKS.len()];
        println!("seed {seed}: {shape:?} {look:?} {:?} {:?}", design.array, design.accumulator);
        match check(&program, look, seed) {
            Some((values, seen)) => {
                licensed += 1;
                compared += values;
                events += seen;
            }
            None => refused += 1,
        }
    }
    println!("{licensed} designs, {refused} without a licence, {compared} values compared, {events} events");
    assert!(licensed > 200, "{licensed}");
    assert!(events > 10_000, "overflows must be hit: {events}");
}

#[test]
fn the_array_twins_many_tiles() {
    for design in [designs::os8x8_s8_acc32(), designs::os16x16_s8_acc16sat()] {
        let design = Arc::new(design);
        for (seed, look) in LOOKS.into_iter().enumerate() {
            let program = work::product(&design, [37, 70, 45], seed as u64, false);
            let (compared, events) = check(&program, look, 3).expect("licensed");
            println!("{} {look:?}: {compared} values, {events} events", design.name);
            assert!(events > 0 || design.accumulator.format.width() > 16);
        }
    }
}
