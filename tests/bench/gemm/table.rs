//! The engine beside its peers: per mode a table of products, rates in GMAC/s, and the network's total.

use std::cell::RefCell;

use rayon::ThreadPool;

use super::bare::{Bare, Vectors};
use super::clock::processor_seconds;
use super::contest::{Contestant, contest, median, timed};
use super::operands::{Draw, Operands, draw};
use super::ours::{Answer, Ask, Engine, Hardware};
use super::peer::Peer;
use super::shapes::{CUBE, Product, RESNET18};

/// Whom the engine is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// By the name that the Python child knows.
    Python(&'static str),
    BareValues,
    BareCounts,
}

impl Against {
    fn name(self) -> &'static str {
        match self {
            Against::Python("ort") => "ORT",
            Against::Python(name) => name,
            Against::BareValues => "bare",
            Against::BareCounts => "bare+counts",
        }
    }
}

pub struct Mode {
    pub title: &'static str,
    pub draw: Draw,
    pub hardware: Hardware,
    pub ask: Ask,
    pub against: &'static [Against],
    /// What is asked of the engine, for the reader.
    pub asked: &'static str,
}

const ORT: Against = Against::Python("ort");
const NUMPY: [Against; 2] = [Against::Python("numpy int32"), Against::Python("numpy int64")];

const fn mode(
    title: &'static str,
    draw: Draw,
    hardware: Hardware,
    ask: Ask,
    against: &'static [Against],
    asked: &'static str,
) -> Mode {
    Mode { title, draw, hardware, ask, against, asked }
}

const WRAP: Hardware = Hardware::new(32, "wrap", 1);
const SATURATE: Hardware = Hardware::new(16, "saturate", 1);
const RARE: Hardware = Hardware::new(20, "saturate", 1);

pub const MODES: [Mode; 10] = [
    mode("32-bit wrap, u8 x s8, values", Draw::Unsigned, WRAP, Ask::Values, &[ORT], "ORT 1"),
    mode("32-bit wrap, s8 x s8, values", Draw::Signed, WRAP, Ask::Values, &[ORT], "ORT 10"),
    mode(
        "16-bit saturate, s8 x s8, values",
        Draw::Signed,
        SATURATE,
        Ask::Values,
        &[NUMPY[0], NUMPY[1], Against::BareValues],
        "NumPy 40, bare 0.6",
    ),
    mode(
        "16-bit saturate, s8 x s8, counts",
        Draw::Signed,
        SATURATE,
        Ask::Counts,
        &[Against::BareValues, Against::BareCounts],
        "bare 0.35",
    ),
    mode("20-bit saturate, trained u8 x s8, counts", Draw::Trained, RARE, Ask::Counts, &[ORT], "ORT 0.5"),
    mode("all widths, trained u8 x s8", Draw::Trained, RARE, Ask::AllWidths, &[ORT], "ORT 0.5"),
    mode("all widths, s8 x s8", Draw::Signed, SATURATE, Ask::AllWidths, &[ORT], "12 GMAC/s"),
    mode("all widths, rising s8 x s8", Draw::Rising, SATURATE, Ask::AllWidths, &[ORT], "12 GMAC/s"),
    mode(
        "8 lanes, 24-bit wrap, s8 x s8, counts",
        Draw::Signed,
        Hardware::new(24, "wrap", 8),
        Ask::Counts,
        &[ORT],
        "nothing",
    ),
    mode(
        "8 lanes, 18-bit saturate, s8 x s8, counts",
        Draw::Signed,
        Hardware::new(18, "saturate", 8),
        Ask::Counts,
        &[ORT],
        "nothing",
    ),
];

/// Seconds of one run, per round: the engine first, then the others.
type Seconds = Vec<Vec<f64>>;

pub struct Bench<'a> {
    pub pool: &'a ThreadPool,
    pub peer: Option<&'a RefCell<Peer>>,
    pub vectors: Option<Vectors>,
    pub rounds: usize,
    pub quick: bool,
}

impl Bench<'_> {
    pub fn table(&self, mode: &Mode) {
        println!("\n{}; GMAC/s, in brackets ours / theirs; asked: {}", mode.title, mode.asked);
        let mut network = Vec::new();
        let quick = if self.quick { 64 } else { 1 };
        let shrunk = |p: Product| Product { m: p.m.div_ceil(quick), ..p };
        for product in std::iter::once(CUBE).chain(RESNET18).map(shrunk) {
            let (names, seconds, note) = self.product(mode, product);
            let Product { m, k, n, times } = product;
            line(&format!("{m:>5} x {k:>4} x {n:>4}"), product.macs(), &names, &seconds, &note);
            if product != shrunk(CUBE) {
                network.push((names, seconds, product, times));
            }
        }
        total(&network);
    }

    /// All contestants of a mode on one product: names, seconds, and what there is to say.
    fn product(&self, mode: &Mode, product: Product) -> (Vec<&'static str>, Seconds, String) {
        let operands = draw(mode.draw, product);
        let engine = Engine::new(mode.hardware.program(mode.draw, &operands), mode.ask);
        let answer = engine.outcome(self.pool);
        engine.check(self.pool, &answer);
        let mut contestants =
            vec![Contestant::new("ours", timed(processor_seconds, || engine.spin(self.pool)))];
        if let Some(peer) = self.peer {
            peer.borrow_mut().operands(mode.draw, &operands);
        }
        for against in mode.against {
            contestants.extend(self.contestant(*against, &operands, &answer));
        }
        if mode.ask != Ask::AllWidths {
            let spin = || engine.spin_outcome(self.pool);
            contestants.push(Contestant::new("outcome", timed(processor_seconds, spin)));
        }
        let (events, outputs) = (answer.events(), product.m * product.n);
        let note =
            if engine.counts() { format!("{events} events, {outputs} outputs; ") } else { String::new() };
        let seconds = contest(&mut contestants, self.rounds);
        (contestants.iter().map(|c| c.name).collect(), seconds, note + &engine.routes())
    }

    /// None where it is not to be had here, which `main` has said.
    fn contestant(&self, against: Against, operands: &Operands, answer: &Answer) -> Option<Contestant<'_>> {
        let counts = match against {
            Against::Python(name) => return self.python(against.name(), name, answer),
            Against::BareValues => false,
            Against::BareCounts => true,
        };
        let mut bare = Bare::new(self.vectors?, operands);
        let run = move || if counts { bare.run::<true>() } else { bare.run::<false>() };
        check_bare(self.vectors?, operands, answer, counts);
        Some(Contestant::new(against.name(), timed(processor_seconds, run)))
    }

    fn python(&self, shown: &'static str, name: &'static str, answer: &Answer) -> Option<Contestant<'_>> {
        let peer = self.peer?;
        let made = peer.borrow_mut().make(name);
        match made {
            Ok((result, _)) => {
                if let Some(message) = differs(shown, &result, answer) {
                    println!("  {shown} is left out: {message}");
                    return None;
                }
            }
            Err(message) => {
                println!("  {shown} is left out: {message}");
                return None;
            }
        }
        Some(Contestant::new(shown, move |repeats| peer.borrow_mut().time(name, repeats)))
    }
}

/// Where its accumulators are not ours, bit for bit; not looked at where ours overflowed and ONNX Runtime's cannot. A peer
/// that is wrong on this processor is no measure, and no reason to stop.
fn differs(name: &str, theirs: &ndarray::Array2<i32>, answer: &Answer) -> Option<String> {
    let events = match answer {
        Answer::Outcome(outcome) => outcome.counts.as_ref().map(|counts| &counts.accumulator),
        Answer::Prefixes(_) => None,
    };
    let wrong = theirs.indexed_iter().find(|(at, theirs)| {
        let compared = name != "ORT" || events.is_none_or(|events| events[*at] == 0);
        compared && answer.values()[*at] != i64::from(**theirs)
    });
    wrong.map(|(at, theirs)| {
        format!("its accumulator at {at:?} is {theirs}, ours {}: see `goldpath doctor`", answer.values()[at])
    })
}

fn check_bare(vectors: Vectors, operands: &Operands, answer: &Answer, counted: bool) {
    let mut bare = Bare::new(vectors, operands);
    bare.run::<true>();
    assert!(answer.values() == bare.accumulators(), "the bare loop's accumulators differ");
    if counted {
        let counts = answer.outcome().counts.as_ref().expect("counts were asked for");
        assert!(counts.accumulator == bare.counts(), "the bare loop's counts differ");
    }
}

fn line(what: &str, macs: f64, names: &[&str], seconds: &Seconds, note: &str) {
    let rate = |seconds: &[f64]| macs / median(seconds.iter().copied()) / 1e9;
    print!("  {what:<22} ours {:>6.1}", rate(&seconds[0]));
    for (name, theirs) in names.iter().zip(seconds).skip(1) {
        let ratio = median(seconds[0].iter().zip(theirs).map(|(ours, theirs)| theirs / ours));
        print!("  {name} {:>6.1} ({ratio:>5.2})", rate(theirs));
    }
    println!("  {note}");
}

/// All layers of the network, each as often as it has it; round by round, as one contest.
fn total(network: &[(Vec<&'static str>, Seconds, Product, usize)]) {
    let macs = network.iter().map(|(_, _, product, times)| product.macs() * *times as f64).sum();
    let Some((names, first, ..)) = network.first() else { return };
    let mut sums: Seconds = first.iter().map(|rounds| vec![0.0; rounds.len()]).collect();
    for (_, seconds, _, times) in network {
        for (sum, seconds) in sums.iter_mut().zip(seconds) {
            sum.iter_mut().zip(seconds).for_each(|(sum, s)| *sum += s * *times as f64);
        }
    }
    line(&format!("ResNet-18, {:.2} GMAC", macs / 1e9), macs, names, &sums, "");
}
