//! Is the state real? The engine's array runs in bulk, is looked at in random cycles, and must show there what
//! the plain array shows that was clocked all the way, in every register.

use goldpath::datapath::{self, Array, Datapath, Inputs, Observer, Period, Port, Watch};
use goldpath::design::Node;
use goldpath::num::Flags;
use goldpath::simulate::{self, Options};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::planned::Planned;
use super::work;

/// One cycle in so many is looked at.
const ONE_IN: u32 = 23;

struct Probed {
    fast: Box<dyn Datapath>,
    plain: Array,
    random: ChaCha8Rng,
    looks: u64,
    values: u64,
}

struct Deaf;

impl Watch for Deaf {
    fn overflow(&mut self, _: Node, _: usize, _: usize, _: Flags) {}
    fn finished(&mut self, _: usize, _: &[i64]) {}
    fn output(&mut self, _: usize, _: &[i64]) {}
}

impl Datapath for Probed {
    fn signals(&self) -> Vec<Port> {
        self.fast.signals()
    }

    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        self.fast.visit(inputs, sample);
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        self.fast.clock(inputs, watch);
    }

    fn run(&mut self, period: &Period, observer: &mut dyn Observer) {
        let plan: Vec<bool> =
            (0..period.cycles).map(|_| self.random.next_u32().is_multiple_of(ONE_IN)).collect();
        let mut look = Planned::new(observer, &plan);
        self.fast.run(period, &mut look);
        let mut samples = look.samples.into_iter().map(|(_, sample)| sample);
        let (mut inputs, mut plain) = (Inputs::default(), Vec::new());
        for (cycle, looked) in plan.iter().enumerate() {
            period.drive(cycle, &mut inputs);
            if *looked {
                plain.clear();
                self.plain.visit(&inputs, &mut plain);
                assert!(
                    samples.next().as_ref() == Some(&plain),
                    "a register differs in cycle {cycle} of a tile"
                );
                self.looks += 1;
                self.values += plain.len() as u64;
            }
            self.plain.clock(&inputs, &mut Deaf);
        }
    }
}

pub fn report() {
    let program = work::product(&work::design("os16x16_s8_acc16sat"), [64, 64, 64]);
    let records = program.records();
    let mut probed = Probed {
        fast: datapath::build(&program.design, &records),
        plain: Array::new(program.design.clone(), records),
        random: ChaCha8Rng::seed_from_u64(1),
        looks: 0,
        values: 0,
    };
    let run =
        simulate::run_on(&program, &mut probed, Options { counts: true, ..Default::default() }, &mut []);
    let run = run.expect("it runs");
    println!(
        "\nState: {} of {} cycles looked at between bulk runs, {} register values, all equal to the plain array's",
        probed.looks, run.cycles, probed.values
    );
}
