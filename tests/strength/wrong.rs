//! MACs written by three other hands, right and with one mistake each: the right ones pass every bundle, each wrong one
//! fails the directed bundle (or the one of single products, where the mistake says so) in Icarus and in Verilator, at the
//! same value. `--nocapture` prints what was caught where, and how many mistakes the older cases let pass.
//!
//! A hand is `wrong/<hand>.toml` and `wrong/<hand>.v`; its mistakes are texts replaced in the latter (`mistakes`). Icarus
//! compiles a module a mistake; Verilator compiles them all at once, and a file tells which one answers.
//!
//! Mistakes that no bundle can show are not here: `last` that is taken without `valid` (it is never 1 then), idle lanes of a
//! ragged beat (the host feeds them their zero).

mod mistakes;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::functional;
use goldpath::lower::Program;
use goldpath::simulate::{self, Gaps};
use goldpath::strength::directed::{Form, directed};
use goldpath::vectors::case::{self, Case};
use goldpath::vectors::cosim::{Bench, Compare, Mismatch, PortMap, Runner, Simulator, Verdict, user_wiring};
use goldpath::vectors::{BundleWriter, Found, Provenance, manifest};

use mistakes::Mistake;

/// A right MAC.
struct Hand {
    name: &'static str,
    /// The bundle's signals at its ports.
    ports: &'static [(&'static str, &'static str)],
    mistakes: &'static [Mistake],
    /// Of the older cases: the sum must leave its format.
    shape: [usize; 3],
}

const LARK: Hand = Hand {
    name: "lark",
    ports: &[
        ("clk", "ck"),
        ("rst", "clr"),
        ("in.valid", "go"),
        ("in.first", "head"),
        ("in.last", "tail"),
        ("in.activation", "x"),
        ("in.weight", "k"),
        ("param.bias", "b"),
        ("param.multiplier", "m"),
        ("param.shift", "n"),
        ("param.zero_point", "z"),
        ("param.low", "lo"),
        ("param.high", "hi"),
        ("out.valid", "rdy"),
        ("out.data", "y"),
    ],
    mistakes: mistakes::LARK,
    shape: [4, 60, 4],
};

const OSPREY: Hand = Hand {
    name: "osprey",
    ports: &[
        ("clk", "clk"),
        ("rst", "!arst_n"),
        ("in.valid", "stb"),
        ("in.first", "sof"),
        ("in.last", "eof"),
        ("in.activation", "pixel"),
        ("in.weight", "coef"),
        ("param.bias", "offset"),
        ("param.shift", "places"),
        ("param.zero_point", "zero"),
        ("param.low", "least"),
        ("param.high", "most"),
        ("out.valid", "strobe"),
        ("out.data", "result"),
    ],
    mistakes: mistakes::OSPREY,
    shape: [4, 60, 4],
};

const TEAL: Hand = Hand {
    name: "teal",
    ports: &[
        ("clk", "c"),
        ("rst", ""),
        ("in.valid", "run"),
        ("in.first", "wipe"),
        ("in.last", "fin"),
        ("in.activation", "u"),
        ("in.weight", "v"),
        ("param.bias", "bias"),
        ("param.cut", "cut"),
        ("out.valid", "ok"),
        ("out.data", "o"),
    ],
    mistakes: mistakes::TEAL,
    shape: [4, 600, 4],
};

/// Cycles within which every mistake is to be caught.
const CYCLES: u64 = 20_000;

const DIRECTED: usize = 0;
const SINGLE: usize = 1;
const DENSE: usize = 2;
const CASES: [&str; 6] = ["directed", "single", "directed without gaps", "random", "extreme", "saturating"];

impl Hand {
    fn text(&self, ending: &str) -> String {
        fs::read_to_string(Path::new("tests/strength/wrong").join(format!("{}.{ending}", self.name))).unwrap()
    }

    /// The right source, then one for every mistake.
    fn sources(&self) -> Vec<String> {
        let right = self.text("v");
        let wrong = |mistake: &Mistake| {
            mistake.edits.iter().fold(right.clone(), |text, (written, wrongly)| {
                assert_eq!(text.matches(written).count(), 1, "{}, {}: {written}", self.name, mistake.name);
                text.replace(written, wrongly)
            })
        };
        std::iter::once(right.clone()).chain(self.mistakes.iter().map(wrong)).collect()
    }

    fn program(&self, design: &Arc<Design>, case: usize) -> Program {
        let made = match case {
            DIRECTED | DENSE => directed(design, Form::Whole, None, 1),
            SINGLE => directed(design, Form::Single, None, 1),
            other => case::make(design, Case::ALL[other - 3], self.shape, 1, &|p| functional::run(p, true)),
        };
        made.unwrap_or_else(|e| panic!("{} {}: {e:?}", self.name, CASES[case]))
    }

    /// A bundle of every case.
    fn bundles(&self, root: &Path) -> Vec<PathBuf> {
        let file = Path::new("tests/strength/wrong").join(format!("{}.toml", self.name));
        let design = Arc::new(Design::load(&file, &[]).unwrap());
        let write = |case: usize| {
            let folder = root.join(CASES[case]);
            let program = self.program(&design, case);
            let mut writer = BundleWriter::create(&folder, program.clone()).unwrap();
            let gaps = if case < DENSE { Gaps::mixed(1) } else { Gaps::none() };
            let options = simulate::Options { gaps, ..Default::default() };
            simulate::run(&program, options, &mut [&mut writer]).unwrap();
            writer.publish(&Provenance::default(), Found::default()).unwrap();
            folder
        };
        (0..CASES.len()).map(write).collect()
    }

    fn bench(&self, bundle: &Path, module: &str, source: &Path) -> Bench {
        let layouts = manifest::read(bundle).unwrap().layouts().unwrap();
        let ports: Vec<PortMap> =
            self.ports.iter().map(|(ours, theirs)| ((*ours).to_owned(), (*theirs).to_owned())).collect();
        let wiring = user_wiring(&layouts, module, &ports, &[]).unwrap();
        Bench::user(bundle, vec![source.to_path_buf()], vec![], &wiring).unwrap()
    }

    /// A module with the right one's ports and all of `sources` inside: that whose number is in `which` answers.
    fn chooser(&self, sources: &[String], which: &Path) -> String {
        let (name, count, which) = (self.name, sources.len(), which.display());
        let right = &sources[0];
        let from = right.find(&format!("module {name} ")).unwrap();
        let to = from + right[from..].find(");\n").unwrap() + ");\n".len();
        let head = right[from..to].replacen(name, &format!("{name}_chooser"), 1);
        let head = head.replace("output wire", "output reg ").replace(" = 0", "");
        let port = |signal: &str| self.ports.iter().find(|(ours, _)| *ours == signal).unwrap().1;
        let (valid, data) = (port("out.valid"), port("out.data"));
        let inputs =
            self.ports.iter().filter(|(ours, theirs)| !ours.starts_with("out.") && !theirs.is_empty());
        let inputs = inputs.map(|(_, port)| port.trim_start_matches('!'));
        let inputs: String = inputs.map(|port| format!(".{port}({port}), ")).collect();
        let renamed = |(n, source): (usize, &String)| source.replace(name, &format!("{name}_{n}"));
        let modules: String = sources.iter().enumerate().map(renamed).collect();
        let hand = |n| {
            format!("    {name}_{n} hand_{n} ({inputs}.{valid}(valids[{n}]), .{data}(answers[8*{n}+:8]));\n")
        };
        let hands: String = (0..count).map(hand).collect();
        format!(
            r#"{modules}{head}
    integer which = -1, file, found;
    initial begin
        file = $fopen("{which}", "r");
        found = $fscanf(file, "%d", which);
        $fclose(file);
        if (found != 1) $fatal;
    end
    wire [{count}-1:0] valids;
    wire [{count}*8-1:0] answers;
{hands}
    always @* begin
        {valid} = valids[which];
        {data} = answers[8*which+:8];
    end
endmodule
"#
        )
    }
}

/// Where a run differs first; None: it passed. Anything but a mismatch is no answer.
fn difference(runner: &Runner<'_>, what: &str) -> Option<Mismatch> {
    match runner.run(Compare::Cycles).unwrap_or_else(|e| panic!("{what}: {e:?}")) {
        Verdict::Pass { .. } => None,
        Verdict::Fail { reason, mismatches, .. } if reason == "mismatch" => Some(mismatches[0].clone()),
        other => panic!("{what}: {other:#?}"),
    }
}

/// What every source, the right one first, does with every bundle.
type Differences = Vec<[Option<Mismatch>; CASES.len()]>;

fn in_verilator(hand: &Hand, sources: &[String], folder: &Path, bundles: &[PathBuf]) -> Differences {
    let (module, which) = (format!("{}_chooser", hand.name), folder.join("which"));
    let source = folder.join("chooser.v");
    fs::write(&which, "0").unwrap();
    fs::write(&source, hand.chooser(sources, &which)).unwrap();
    let benches: Vec<Bench> = bundles.iter().map(|bundle| hand.bench(bundle, &module, &source)).collect();
    let runners: Vec<Runner<'_>> =
        benches.iter().map(|bench| bench.build(Simulator::Verilator).unwrap()).collect();
    let of_source = |n: usize| {
        fs::write(&which, n.to_string()).unwrap();
        std::array::from_fn(|case| difference(&runners[case], &format!("{} {n} {}", hand.name, CASES[case])))
    };
    (0..sources.len()).map(of_source).collect()
}

/// The right source with every bundle, a wrong one with the bundle that catches it.
fn in_icarus(hand: &Hand, sources: &[String], folder: &Path, bundles: &[PathBuf]) -> Differences {
    let of_source = |(n, text): (usize, &String)| {
        let source = folder.join(format!("{n}.v"));
        fs::write(&source, text).unwrap();
        std::array::from_fn(|case| {
            let is_asked = n == 0 || case == hand.catcher(n);
            is_asked.then(|| hand.bench(&bundles[case], hand.name, &source)).and_then(|bench| {
                let what = format!("{} {n} {}", hand.name, CASES[case]);
                difference(&bench.build(Simulator::Icarus).unwrap(), &what)
            })
        })
    };
    sources.iter().enumerate().map(of_source).collect()
}

impl Hand {
    /// The case that must catch source `n`.
    fn catcher(&self, n: usize) -> usize {
        if n > 0 && self.mistakes[n - 1].needs_single { SINGLE } else { DIRECTED }
    }
}

fn every_mistake_is_caught(hand: &Hand) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wrong").join(hand.name);
    fs::create_dir_all(&folder).unwrap();
    let root = tempfile::tempdir().unwrap();
    let (sources, bundles) = (hand.sources(), hand.bundles(root.path()));
    for case in [DIRECTED, SINGLE] {
        let cycles = manifest::read(&bundles[case]).unwrap().cycles;
        println!("{} {}: {cycles} cycles", hand.name, CASES[case]);
        assert!(cycles <= CYCLES, "{} {}: {cycles} cycles", hand.name, CASES[case]);
    }
    let begun = std::time::Instant::now();
    let verilator = in_verilator(hand, &sources, &folder, &bundles);
    let between = begun.elapsed();
    let icarus = in_icarus(hand, &sources, &folder, &bundles);
    println!("{}: Verilator {between:.1?}, Icarus {:.1?}", hand.name, begun.elapsed() - between);
    assert!(
        verilator[0].iter().chain(&icarus[0]).all(Option::is_none),
        "{}: {:?} {:?}",
        hand.name,
        verilator[0],
        icarus[0]
    );
    let mut survivors = Vec::new();
    for (n, mistake) in hand.mistakes.iter().enumerate().map(|(at, mistake)| (at + 1, mistake)) {
        let case = hand.catcher(n);
        let passed = (0..CASES.len()).filter(|case| verilator[n][*case].is_none()).map(|case| CASES[case]);
        let passed: Vec<&str> = passed.collect();
        let (first, other) = (&verilator[n][case], &icarus[n][case]);
        let said = first.as_ref().map_or("SURVIVES".to_owned(), |m| {
            format!("cycle {}: {} is {}, not {}", m.n, m.signal, m.got, m.expected)
        });
        println!(
            "{} | {} | {} | {said} | passes {}",
            hand.name,
            mistake.name,
            CASES[case],
            passed.join(", ")
        );
        assert!(!mistake.needs_gaps || passed.contains(&CASES[DENSE]), "{}: {said}", mistake.name);
        let unknown = other.as_ref().is_some_and(|m| m.got.contains(['x', 'X']));
        if first.is_none()
            || other.is_none()
            || (first.as_ref().map(place) != other.as_ref().map(place) && !unknown)
        {
            survivors.push(format!("{}: Verilator {first:?}, Icarus {other:?}", mistake.name));
        }
    }
    for (case, name) in CASES.iter().enumerate() {
        let passes = verilator[1..].iter().filter(|of| of[case].is_none()).count();
        println!("{}: {name} lets {passes} of {} mistakes pass", hand.name, hand.mistakes.len());
    }
    assert!(survivors.is_empty(), "{}: {survivors:#?}", hand.name);
}

fn place(mismatch: &Mismatch) -> (u64, &str, &str, &str) {
    (mismatch.n, &mismatch.signal, &mismatch.expected, &mismatch.got)
}

#[test]
fn wrong_macs_of_one_clocked_block_are_caught() {
    every_mistake_is_caught(&LARK);
}

#[test]
fn wrong_macs_of_many_modules_are_caught() {
    every_mistake_is_caught(&OSPREY);
}

#[test]
fn wrong_trees_of_four_lanes_are_caught() {
    every_mistake_is_caught(&TEAL);
}
