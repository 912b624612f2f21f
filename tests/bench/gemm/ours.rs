//! The engine under test, as anyone calls it.

use std::cell::RefCell;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::functional::{Bytes, Kernels, Options, Prefixes, Prepared, Tracker};
use goldpath::lower::{Numbers, Outcome, Program};
use rayon::ThreadPool;

use super::operands::{Draw, Operands};

/// An accumulator, and how many products a beat adds to it at once.
#[derive(Debug, Clone, Copy)]
pub struct Hardware {
    pub width: u32,
    pub overflow: &'static str,
    pub lanes: usize,
}

impl Hardware {
    pub const fn new(width: u32, overflow: &'static str, lanes: usize) -> Hardware {
        Hardware { width, overflow, lanes }
    }

    /// A design with nothing behind the accumulator: what ONNX Runtime's product yields, too.
    pub fn design(self, draw: Draw) -> Arc<Design> {
        let Hardware { width, overflow, lanes } = self;
        let dataflow = if lanes == 1 { "sequential" } else { "tree" };
        let text = format!(
            "schema = 1\nname = \"bench\"\npost = []\n\
             [operands]\nactivation = {{ width = 8, signed = {} }}\nweight = {{ width = 8, signed = true }}\n\
             [accumulator]\nwidth = {width}\nsigned = true\noverflow = \"{overflow}\"\nstart = \"zero\"\n\
             [array]\ndataflow = \"{dataflow}\"\nrows = 1\ncolumns = 1\nlanes = {lanes}\n",
            draw.signed_activations(),
        );
        Arc::new(Design::parse(&text, Path::new("bench.toml"), &[]).expect("a design that can be built"))
    }

    pub fn program(self, draw: Draw, operands: &Operands) -> Program {
        Program::matrix(self.design(draw), operands.a.view(), operands.w.view(), &Numbers::new())
            .expect("codes fit their formats")
    }
}

/// What the engine is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Values,
    Counts,
    AllWidths,
}

pub enum Answer {
    Outcome(Outcome),
    Prefixes(Prefixes),
}

impl Answer {
    pub fn outcome(&self) -> &Outcome {
        match self {
            Answer::Outcome(outcome) => outcome,
            Answer::Prefixes(_) => panic!("prefixes were asked for"),
        }
    }

    /// Accumulators, or sums.
    pub fn values(&self) -> &ndarray::Array2<i64> {
        match self {
            Answer::Outcome(outcome) => &outcome.accumulators,
            Answer::Prefixes(prefixes) => &prefixes.sums,
        }
    }

    /// Events at the accumulator.
    pub fn events(&self) -> i64 {
        match self {
            Answer::Outcome(outcome) => outcome.counts.as_ref().map_or(0, |c| c.accumulator.sum()),
            Answer::Prefixes(_) => 0,
        }
    }
}

enum Analysed {
    Run(Prepared),
    Track(Tracker),
}

/// A layer whose weights are analysed and packed, as ONNX Runtime's are when its session is made.
pub struct Engine {
    program: Program,
    ask: Ask,
    engine: Analysed,
    tables: RefCell<Tables>,
}

/// What `Prepared::accumulate` reads and fills: a byte a code, and 32-bit results, as ONNX Runtime has them.
struct Tables {
    signed: Vec<i8>,
    unsigned: Vec<u8>,
    accumulators: Vec<i32>,
    counts: Vec<u32>,
}

impl Engine {
    pub fn new(program: Program, ask: Ask) -> Engine {
        let engine = match ask {
            Ask::AllWidths => Analysed::Track(Tracker::new(&program, Kernels::best())),
            _ => Analysed::Run(Prepared::new(&program, Options::new(ask == Ask::Counts))),
        };
        let outputs = program.shape.rows() * program.shape.channels();
        let (mut signed, mut unsigned) = (Vec::new(), Vec::new());
        if program.design.activation.format.is_signed() {
            signed = program.activations.iter().map(|code| *code as i8).collect();
        } else {
            unsigned = program.activations.iter().map(|code| *code as u8).collect();
        }
        let counts = vec![0; if ask == Ask::Counts { outputs } else { 0 }];
        let tables = RefCell::new(Tables { signed, unsigned, accumulators: vec![0; outputs], counts });
        Engine { program, ask, engine, tables }
    }

    /// Everything: accumulators, outputs, counts of every node and the first event, in fresh tables.
    pub fn outcome(&self, pool: &ThreadPool) -> Answer {
        let (engine, program) = (&self.engine, &self.program);
        pool.install(|| match engine {
            Analysed::Run(prepared) => Answer::Outcome(prepared.run(program)),
            Analysed::Track(tracker) => Answer::Prefixes(tracker.prefixes(program)),
        })
    }

    /// Accumulators and, when asked for, counts of a matrix product into tables that are there; or how many outputs
    /// need how many bits.
    pub fn spin(&self, pool: &ThreadPool) {
        let prepared = match &self.engine {
            Analysed::Run(prepared) => prepared,
            Analysed::Track(tracker) => {
                let program = &self.program;
                black_box(pool.install(|| tracker.widths(program)));
                return;
            }
        };
        let tables = &mut *self.tables.borrow_mut();
        let Tables { signed, unsigned, accumulators, counts } = tables;
        let codes = if signed.is_empty() { Bytes::Unsigned(unsigned) } else { Bytes::Signed(signed) };
        let events = pool.install(|| prepared.accumulate(codes, accumulators, counts));
        black_box(events.expect("a matrix product of bytes"));
    }

    /// Runs it in full and forgets the answer.
    pub fn spin_outcome(&self, pool: &ThreadPool) {
        drop(black_box(self.outcome(pool)));
    }

    /// Both ways say the same.
    pub fn check(&self, pool: &ThreadPool, answer: &Answer) {
        let Answer::Outcome(outcome) = answer else { return };
        self.spin(pool);
        let tables = self.tables.borrow();
        let same = |all: &ndarray::Array2<i64>, mut each: Box<dyn Iterator<Item = i64> + '_>| {
            all.iter().all(|value| each.next() == Some(*value))
        };
        let accumulators = tables.accumulators.iter().map(|v| i64::from(*v));
        assert!(same(&outcome.accumulators, Box::new(accumulators)), "accumulators of the two ways");
        if let Some(counts) = &outcome.counts {
            let each = tables.counts.iter().map(|v| i64::from(*v));
            assert!(same(&counts.accumulator, Box::new(each)), "counts of the two ways");
        }
    }

    pub fn counts(&self) -> bool {
        self.ask == Ask::Counts
    }

    /// Which routes were licensed, and for how many channels.
    pub fn routes(&self) -> String {
        let shares = match &self.engine {
            Analysed::Run(prepared) => prepared.routes(),
            Analysed::Track(_) => Vec::new(),
        };
        let texts: Vec<String> = shares.iter().map(|s| format!("{:?} {}", s.route, s.channels)).collect();
        texts.join(", ")
    }
}

pub fn pool(threads: usize) -> ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}
