//! The kinds of array: what stays, what travels, and one worked design of each.

use std::path::Path;

use super::Topic;
use crate::design::Design;

/// A worked design: the kind, what it is in a line, its tables from `[array]` on, and all of it.
type Worked = (&'static str, &'static str, &'static str, fn() -> String);

/// What the accumulators of a kind are beside 32 bits that wrap.
const LOOP: (&str, &str) = ("banks", ", banks = 4, latency = 4");

const WORKED: [Worked; 8] = [
    (
        "sequential",
        "one MAC: an output's products come one after the other",
        "[array]\n\
         dataflow = \"sequential\"",
        || worked(0),
    ),
    (
        "tree",
        "a beat brings 16 products of one position to each of 4 channels, summed in two levels",
        "[array]\n\
         dataflow = \"tree\"\n\
         columns = 4\n\
         lanes = 16\n\
         \n\
         [[reduce]]\n\
         group = 4\n\
         format = \"s18\"\n\
         latency = 1\n\
         [[reduce]]\n\
         group = 4\n\
         format = \"s20\"",
        || worked(1),
    ),
    (
        "output_stationary",
        "sums stay, activations travel right, weights down; results drain row by row",
        "[array]\n\
         dataflow = \"output_stationary\"\n\
         rows = 8\n\
         columns = 8\n\
         hop = { activation = 1, weight = 1 }\n\
         skew = \"internal\"\n\
         drain = { order = \"rows\", latency = 1 }",
        || worked(2),
    ),
    (
        "weight_stationary",
        "weights stay, activations travel right, sums down; a vector is a position",
        "[array]\n\
         dataflow = \"weight_stationary\"\n\
         rows = 16\n\
         columns = 16\n\
         hop = { activation = 1, sum = 1 }\n\
         skew = \"internal\"\n\
         load = { kind = \"shift\", buffers = 2, switch = \"wave\" }",
        || worked(3),
    ),
    (
        "input_stationary",
        "activations stay, weights travel right, sums down; a vector is a channel",
        "[array]\n\
         dataflow = \"input_stationary\"\n\
         rows = 8\n\
         columns = 8\n\
         hop = { weight = 1, sum = 1 }\n\
         skew = \"host\"\n\
         sum_register = \"before\"\n\
         load = { kind = \"row\" }",
        || worked(4),
    ),
    (
        "memory",
        "K is cut: a column's 16 products a visit, added to a word of 32 bits per position",
        "[array]\n\
         dataflow = \"weight_stationary\"\n\
         rows = 16\n\
         columns = 16\n\
         hop = { activation = 0, sum = 1 }\n\
         skew = \"internal\"\n\
         load = { kind = \"row\" }\n\
         \n\
         [memory]\n\
         format = \"s32\"\n\
         overflow = \"wrap\"\n\
         depth = 1024",
        || worked(5),
    ),
    (
        "drain",
        "sums stay, and leave as they finish, an anti-diagonal a clock; tiles overlap",
        "[array]\n\
         dataflow = \"output_stationary\"\n\
         rows = 8\n\
         columns = 8\n\
         hop = { activation = 1, weight = 1 }\n\
         skew = \"host\"\n\
         drain = { order = \"diagonal\", latency = 1 }",
        || worked(6),
    ),
    (
        "banks",
        "an adder that takes four clocks has four accumulators, whose outputs' beats come in turn",
        "[array]\n\
         dataflow = \"tree\"\n\
         columns = 4\n\
         lanes = 16",
        || worked(7),
    ),
];

#[rustfmt::skip]
pub fn topics() -> Vec<Topic> {
    let kinds = WORKED.into_iter().map(|(name, summary, _, example)| Topic {
        name,
        kind: "array",
        summary,
        text: "A worked design, whole; `goldpath explain array.dataflow` has the keys:",
        example: Box::new(example),
    });
    let keys = Topic {
        name: "array.dataflow",
        kind: "key",
        summary: "the kinds of array: what stays, what travels, and a worked design of each",
        text: "Ask of a block diagram: where is the sum while products are added to it?\n\
               \n\
               It stays in a register at its adder:\n\
               sequential         one MAC; array.lanes products a beat\n\
               tree               array.columns sums side by side, of array.lanes products a beat; activations shared\n\
               output_stationary  rows x columns PEs with one sum each: rows are output positions, columns channels\n\
               \n\
               It travels down a column, from adder to adder, past operands that stay. A column sums rows * lanes\n\
               products; without a [memory] K may be no larger:\n\
               weight_stationary  columns are channels, what passes are activations: one vector a position\n\
               input_stationary   columns are positions, what passes are weights: one vector a channel, whose\n\
               \x20                  parameters come with it\n\
               \n\
               array.hop          registers from PE to PE of what travels: activation and weight where sums stay (0 =\n\
               \x20                  broadcast), sum and the operand that passes where they do not\n\
               array.mirror       \"columns\": output c of a row is PE columns - 1 - c; \"rows\" likewise; ports are the PEs'\n\
               array.skew         who delays the outer rows and columns as the hops ask: \"host\", the stimulus (then a\n\
               \x20                  travelling sum leaves later in outer columns, with a valid bit each), or \"internal\",\n\
               \x20                  triangular registers (a vector's sums then leave together)\n\
               array.sum_register of a travelling sum: \"after\" the adder, or \"before\" it\n\
               array.load         how operands that stay come: kind \"row\" (in.load_row says which), \"shift\" (down\n\
               \x20                  the columns, last row first) or \"instant\"; buffers = 2 hides a load behind the\n\
               \x20                  vectors before, and switch says when PEs take it: \"wave\" (each with its first\n\
               \x20                  vector, in.first) or \"global\" (all with in.switch); clears_sums sets the sums'\n\
               \x20                  registers to 0 while a row is loaded\n\
               array.drain        of output_stationary: how sums leave; accumulator.banks: several of a MAC (both have pages)\n\
               [memory]           words in which parts of a sum meet: sums that travel are cut by columns, others by\n\
               \x20                  order.tile_k",
        example: Box::new(formulas),
    };
    let alone = Topic {
        name: "post_only",
        kind: "array",
        summary: "a requantizer alone: no [operands], no [array]",
        text: "A design without [operands] and [array] is what stands behind an accumulator, alone: [accumulator] has width\n\
               and signed, the format of what comes in, and nothing else; post, programs and parameters are as ever.\n\
               in.value (1 to 64 bits) comes with in.valid, one a cycle; its parameters come with it, as in.channel says;\n\
               out.data leaves as many cycles later as the steps have registers. A product of it is N values, M = K = 1,\n\
               each of a channel of its own: `vectors --case random --shape 1,1,N`, `--case directed`, or your own values\n\
               as parameter value (--params; activations and weights are then zeros, [1, 1] and [1, N]).",
        example: Box::new(|| {
            let text = "schema = 1\nname = \"example\"\npost = { preset = \"multiply_shift\", latency = [2, 1, 0, 1] }\n\n\
                        [accumulator]\nwidth = 32\nsigned = true";
            format!("{text}\n\n# cycles of N values: {}", parsed(text).cycle_formula())
        }),
    };
    kinds.chain([keys, alone, drain(), banks()]).collect()
}

fn drain() -> Topic {
    Topic {
        name: "array.drain",
        kind: "key",
        summary: "how sums that stay in a grid leave it: order, exit, capture, latency, steps",
        text: "order   \"rows\" (as without [array.drain]) or \"columns\": sums move through each other's accumulators while\n\
               \x20       in.drain is 1, the last row (column) first; the next tile waits for them\n\
               \x20       \"diagonal\": every row has a way out, by which its PE that has just finished leaves\n\
               \x20       \"parallel\": every PE has one\n\
               exit    of rows and columns: \"last_row\" or \"first_row\", \"last_column\" or \"first_column\" leaves first\n\
               capture of rows and columns: true takes sums over into registers beside the accumulators behind\n\
               \x20       their last beat, and they leave through these while the next tile is under way\n\
               \x20       order = \"shift\" is columns with capture = true, the first column first\n\
               latency registers between the PEs and the post steps\n\
               steps   what a sum goes through on the way, like a shift and a saturation: the first steps of [[post]],\n\
               \x20       or with a [memory] of memory.store\n\
               \n\
               Without in.drain a beat says that it is the last (in.last), and every PE has a bit that says that its sum is\n\
               whole. Exits that finish in cycles of their own have a valid bit each. Post steps stand at every exit, with\n\
               the numbers of the channel whose sum is there. A [memory] takes rows.",
        example: Box::new(String::new),
    }
}

fn banks() -> Topic {
    Topic {
        name: "accumulator.banks",
        kind: "key",
        summary: "accumulators that beats use in turn, and the registers in their loop",
        text: "An adder that takes several clocks (accumulator.latency: registers in the accumulator's loop, 1 unless said)\n\
               cannot add to the same sum every clock. Sequential MACs and trees then have banks of accumulators, at least as\n\
               many: beat n belongs to bank n mod banks, and each bank is one of as many neighbouring output positions.\n\
               in.first is 1 with the first beat of every bank, in.last with the last; the hardware counts beats.\n\
               \n\
               accumulator.clear, of start = \"zero\": \"aligned\" travels beside the products, \"immediate\" reaches the\n\
               accumulators from the port at once (the host waits until no product is under way).",
        example: Box::new(String::new),
    }
}

/// How long each kind takes.
fn formulas() -> String {
    let line =
        |(name, _, array, _): &Worked| format!("{name}: {}", parsed(&whole(name, array)).cycle_formula());
    format!("cycles of Y[M,N] = A[M,K] * W[K,N]\n{}", WORKED.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// A worked design, and how long it takes.
fn worked(index: usize) -> String {
    let text = whole(WORKED[index].0, WORKED[index].2);
    format!("{text}\n\n# cycles of Y[M,N] = A[M,K] * W[K,N]: {}", parsed(&text).cycle_formula())
}

fn parsed(text: &str) -> Design {
    Design::parse(text, Path::new("example"), &[]).expect("a sound design")
}

fn whole(kind: &str, array: &str) -> String {
    let looped = if kind == LOOP.0 { LOOP.1 } else { "" };
    format!(
        "schema = 1\nname = \"example\"\n\
         operands = {{ activation = {{ width = 8, signed = true }}, weight = {{ width = 8, signed = true }}, latency = 1 }}\n\
         accumulator = {{ width = 32, signed = true, overflow = \"wrap\", start = \"overwrite\"{looped} }}\n\
         \n{array}"
    )
}
