//! The engine under test, as anyone calls it.

use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::functional::{self, Prefixes};
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

pub fn run(pool: &ThreadPool, program: &Program, ask: Ask) -> Answer {
    pool.install(|| match ask {
        Ask::Values => Answer::Outcome(functional::run(program, false)),
        Ask::Counts => Answer::Outcome(functional::run(program, true)),
        Ask::AllWidths => Answer::Prefixes(functional::prefixes(program)),
    })
}

pub fn pool(threads: usize) -> ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}
