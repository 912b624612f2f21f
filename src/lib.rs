//! goldpath says, bit for bit and clock for clock, what an integer MAC datapath does with a real quantised
//! network, and writes it down as golden vectors that someone else's RTL is checked against.
//!
//! This page is the architecture: what flows where, who may know whom, and what never changes. In ten lines:
//!
//! ```
//! use goldpath::{design::Design, functional, lower::Program};
//! use ndarray::array;
//!
//! let text = r#"
//! schema = 1
//! name = "mac"
//! operands = { activation = { width = 8, signed = true }, weight = { width = 8, signed = true } }
//! accumulator = { width = 16, signed = true, overflow = "saturate", start = "overwrite" }
//! array = { dataflow = "sequential", rows = 1, columns = 1, lanes = 1 }
//! "#;
//! let design = std::sync::Arc::new(Design::parse(text, "mac.toml".as_ref(), &[])?);
//! let (activations, weights) = (array![[127, 127, 127]], array![[127], [127], [127]]);
//! let program = Program::matrix(design, activations.view(), weights.view(), &Default::default())?;
//! let outcome = functional::run(&program, true);
//! assert_eq!(outcome.accumulators, array![[32767]]);
//! assert_eq!(outcome.counts.unwrap().accumulator, array![[1]]);
//! # Ok::<(), goldpath::error::Error>(())
//! ```
//!
//! # The flow
//!
//! ```text
//! hw_models/<design>/design.toml ─► Design ──┐
//!                                            ├─► lower ─► Program ─┬─► simulate (datapath, clock by clock) ─► Trace + Outcome
//! model.onnx / .npy ─► import ─► Network ────┘                     └─► functional (no cycles) ──────────────► Outcome
//!
//! Trace   ─► vectors (bundle: stimulus, expected values, testbench) · wave (VCD, npz, text)
//! Outcome ─► accumulators, outputs, overflow events per node · overflow (what became of them) · explore (all
//!            accumulator widths at once) · identify (which scheme made these outputs) ─► report (text, JSON, HTML)
//!
//! Design  ─► neighbours (one mistake away each) ─► strength (which of them a program tells apart) ─► the bundle's manifest
//! bundle  ─► vectors::read_back ─► Program ─► strength of several bundles together
//! ```
//!
//! Two inputs (a [`design::Design`], a [`network`]), one [`lower::Program`] between: what to multiply in which
//! order, and how to finish it. Two waists: a [`trace`] is a signal table and a stream of chunks of samples, so
//! ten million cycles need no more memory than ten thousand; a [`lower::Outcome`] is the values and the events.
//! Both engines yield an Outcome. Nothing flows back.
//!
//! Every command reads a model the same way: constants are folded by the operators that run ([`functional`]), and the integer
//! layer that a QDQ layer stands for takes its place ([`network::Network::fused`]) or stands beside it, read by nobody, while
//! the values are those of the float32 operators as written ([`network::Network::written`]). Where accumulators are looked
//! at, the integer sums inside float layers are set beside these. [`network::Network::macs`] lists every MAC and why it is no integer layer. A node that
//! is not known is [`network::Operator::Opaque`]: [`functional::graph`] runs what is asked for alone, on what is fed
//! (`--input`, `--tensors`), and refuses where that needs an opaque node. An If is read with its bodies ([`network::Body`]): one that a constant
//! decides is replaced by the body it chooses, any other is computed whole, and its MACs are listed as inside it.
//!
//! # The rooms
//!
//! | room | what it knows | may import (of ours) |
//! |---|---|---|
//! | [`error`] | what happened, where, what to do about it | nothing |
//! | [`files`] | folders and files that appear whole or not at all, locks, leftovers, interruption | error |
//! | [`limits`] | how large is too large: every stated limit, and the account of memory | error |
//! | [`num`] | what a number is: format, rounding, fitting, machine lanes, bit patterns; what others call these rules | nothing |
//! | [`post`] | the post-processing program: what each operation means and says of itself, where its numbers come from | num, error |
//! | [`trace`] | samples over time | num, error |
//! | [`network`] | a quantised graph as plain data | num, post, limits, error |
//! | [`design`] | design.toml → Design: bounded, hashed, linted; the named requantisation schemes, as data | num, limits, error, post |
//! | [`neighbours`] | Design → hardware that differs by one plausible mistake, lazily; nothing runs here | num, design, post |
//! | [`lower`] | layer × Design → Program | num, design, post, network, limits, error |
//! | [`datapath`] | one hardware block per file: registers and next state | num, design, post |
//! | [`simulate`] | Program → datapath → Trace and Outcome; assigns cycles | datapath, lower, trace and below |
//! | [`bounds`] | Program → what can be proved of every node without running it | lower and below |
//! | [`functional`] | Program → Outcome without cycles, as fast as is licensed; a network by its framework's own rules | bounds, lower and below |
//! | [`overflow`] | a network or a product through a design → where sums leave their formats, and whether it matters | simulate, functional and below |
//! | [`import`] | .onnx, .npy, .npz → data and diagnostics; nobody else knows those formats | network and below |
//! | [`wave`] | a trace as VCD, npz or text | files, trace, design and below |
//! | [`vectors`] | a trace as a bundle, and a bundle's program; co-simulation of a bundle, and of mutants of its RTL | files, trace, neighbours, design, lower and below |
//! | [`strength`] | neighbours × programs → what is told apart, what is proved equal; programs directed at what can be | neighbours, functional and below |
//! | [`explore`] | every accumulator width from one pass: what narrower ones do, what they save | functional, bounds and below |
//! | [`identify`] | accumulators and outputs → the named schemes that explain them, with which numbers, and what tells them apart | design and below |
//! | [`report`] | answers → text tables, and self-contained HTML pages with charts | the answers |
//! | `cli` | arguments as typed → what to do; the only place that prints or exits. Feature `cli`, on by default: without it the library brings no crate of the command line | everything |
//!
//! `tests/tidy.rs` reads the source and holds this table.
//!
//! # A new kind of array
//!
//! A kind is what its PEs do with their sums, how operands reach them, and how sums leave. It touches:
//!
//! | what | where |
//! |---|---|
//! | its keys, and their bounds | `design::{file, keys, pes, canonical}` |
//! | what follows from them: rows and columns, a drain, a host that skews | [`design::Array`] |
//! | its laws: when a sum enters, when it leaves, when the next tile may come | [`design::Time`] |
//! | which product meets where, and back | [`lower::Map`] |
//! | its registers | `datapath::array`, and the part that differs: `sums`, `exit`, `stationary`, `travel`, `words`; the vector grid once it has a licence, and `folded` where nobody samples |
//! | its mistakes | `neighbours::array` |
//! | its twin | `hw_models` |
//!
//! A requantizer alone ([`design::Design::is_post_only`]) is a MAC that multiplies nothing: what comes in is what its sums start from,
//! a parameter of each output's own, which has a port (`in.value`) instead of a record. So bounds, engines and neighbours know it.
//!
//! # A new kernel of somebody's software
//!
//! A design file under `designs`, and what its instructions do, in plain loops, in `tests/groupings/kernels.rs`.
//!
//! # A new post step
//!
//! | what | where |
//! |---|---|
//! | its word, its operands and what each is to it, its formula | [`post::Op`] |
//! | its exact meaning, and its interval | `post::{run, range}`; a form in lanes where it is worth one, or none (`post::lanes`) |
//! | cases that vectors should meet, if it has some | `post::cases` |
//! | its keys, and their bounds | `design::{file, operation, keys, canonical}` |
//! | its mistakes | `neighbours::{step, keys}` |
//!
//! What only floats say is one step: operations of one precision in the order written, then one rounding ([`post::Float`]).
//!
//! # A new requantisation scheme
//!
//! A file under `src/design/presets` (steps in the language of designs, parameters, formula, ties, source, traps) and its name in
//! `design::preset`; its formula in `tests/identify/schemes.rs`; of integer steps, its twin in `hw_models/requant_presets` and a
//! row in `tests/cosim/presets.rs`. Every parameter says which number of a layer it is ([`post::Source`]); one that no scheme had
//! before is an entry there.
//!
//! Products go through the same steps before they are added (`Design::product_steps`), in both engines one by one: every
//! faster route, the vector grid and folded periods have a licence for exact products only. Where a step reads the exponent of a
//! weight there is no product: [`design::Design::formed`] says what meets what, to both engines and to whoever proves.
//!
//! Steps inside a step (what a value goes through first, the arms of a branch) are the same steps: whoever asks a
//! [`post::Step`] what it reads or makes gets their answer too.
//!
//! # Invariants
//!
//! - **`num` does no I/O and knows no layer.** A fitted value is an `i64`, an unfitted one an `i128`.
//! - **A datapath never sees a file, a network or a trace:** it is clocked and visited.
//! - **No arithmetic rule stands outside `num` and `post`.** One rule, one place, one number, one doctest.
//! - **Only files, import, wave, vectors, design's loader and cli touch the file system**; every write is atomic, goes
//!   through [`files`], and takes the place of nothing but what goldpath wrote there.
//! - **Proved means for every input.** What one input shows is called observed; what the network computes itself, weights
//!   or zero points, may be anything its type holds ([`bounds::entering_ranges_of`]).
//! - **No MAC vanishes.** What is not looked at is listed with its reason, and then nothing is said of the network.
//! - **Overflow is a value**, never an error and never a log line.
//! - **Same inputs, same bytes out**, on any machine and any number of threads; no date in a golden file.
//! - **A Design is what some text says.** There is one validator, the loader: edited parts are written out and read by it
//!   ([`design::Design::new`]). Only what somebody may have built by mistake ([`neighbours`]) need not be a file.
//! - **A Design never holds a layer's numbers.** Multipliers, shifts and zero points are parameters, which a Program
//!   brings, unless the hardware has them wired in as constants.
//! - **Arithmetic keys never move a cycle, timing keys never change a value.** A layer's bit moves cycles where values go around
//!   registers (`bypass = "wire"`). Only `array.lanes` and `accumulator.start` can do both: beats hold more terms, and a start from zero takes a clear cycle.
//! - **Gaps move cycles and nothing else.** How a host rests ([`simulate::Gaps`]) is no part of a Program: outcomes and the
//!   sequence of beats are the same, and every law of [`simulate::Timing`] holds with them.
//! - **Two engines, one arithmetic, one schedule.** A faster path needs a licence: a proof that it cannot differ.
//! - **Speed comes with its reason.** `functional::fast` gives every channel a route, and says which:
//!
//!   | route | licence |
//!   |---|---|
//!   | exact | [`bounds`] prove that no prefix leaves the format (start values are fitted and counted apart, once an output), or the accumulator wraps and nobody counts |
//!   | blocks | before every block of beats, the sum lies so far inside that the block's own weights and activations cannot take it out; what does not is looked at, and walked if need be |
//!   | steps 16, steps 32 | formats and products fit the lane: R3 to R6 on every step |
//!   | steps 64 | any format and reduction level whose sums fit 64 bits |
//!   | plain | none is needed: it is the definition; all there is where sums meet in a memory or behind the last beat, or products go through steps |
//!
//!   A framework's own integer layers run in `functional::operators::engine`: its accumulator wraps, and sums modulo 2^32 may be
//!   formed in any order, offsets last.
//!
//! # The rules
//!
//! | rule | in one line | where |
//! |---|---|---|
//! | R1 | a value is a mathematical integer inside its format | [`num::Format`] |
//! | R2 | a product is exact: width a + b, signed if either operand is | [`num`] |
//! | R3 | one operation at a time, in schedule order, fitted after each | [`num`] |
//! | R4 | wrap is reduction mod 2^width | [`num::fit`] |
//! | R5 | saturate is a clamp to the asymmetric range; symmetric only when the design says so | [`num::fit`] |
//! | R6 | flags high and low describe the unfitted value, in every mode | [`num::Flags`] |
//! | R7 | the rounding right shift: ten modes, counts 0..=127, mathematical at any count | [`num::shift_right`] |
//! | R8 | post steps run in the order written, each fitted into its own format; a wider product is fused with its shift | [`post`] |
//! | R9 | the bias enters in exactly one place, where the design says | [`lower`] |
//! | R10 | a bit pattern is the value mod 2^width; hex has ceil(width/4) digits | [`num::hex`] |
//! | R11 | cycle n ends with rising edge n; inputs of cycle n affect registers visible in cycle n + 1 | [`simulate`] |
//! | R12 | reset is synchronous, active high, held two edges; edge 0 is the first without it | [`datapath`] |
//!
//! `goldpath explain R7` prints any of them.

pub mod bounds;
pub mod datapath;
pub mod design;
pub mod error;
pub mod explore;
pub mod files;
pub mod functional;
pub mod identify;
pub mod import;
pub mod limits;
pub mod lower;
pub mod neighbours;
pub mod network;
pub mod num;
pub mod overflow;
pub mod post;
pub mod report;
pub mod simulate;
pub mod strength;
pub mod trace;
pub mod vectors;
pub mod wave;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
