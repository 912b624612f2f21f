//! Keys of a design whose values differ in more than their names.

use std::path::Path;

use ndarray::Array2;

use super::Topic;
use crate::design::Design;
use crate::functional;
use crate::lower::{Numbers, Program};
use crate::num::{Format, power_of_two};

#[rustfmt::skip]
pub fn topics() -> Vec<Topic> {
    let mut all = of_paths();
    all.extend([Topic {
        name: "accumulator.start",
        kind: "key",
        summary: "what the accumulator holds before the first product of an output",
        text: "zero       a cycle of its own in front of every tile (one output per PE) clears the register: in.first is\n\
               \x20          1 in it while in.valid is 0, and the sum starts from 0\n\
               overwrite  the first product replaces whatever the register holds, as if it were added to 0: the same\n\
               \x20          values as zero, one cycle less a tile\n\
               bias       the first product is added to the bias, fitted into the register by its own rule (R9); no\n\
               \x20          cycle of its own either. The other two need the bias as a post step, or have none\n\
               \n\
               zero and overwrite differ in time only. Choose zero where the hardware has a clear input that takes\n\
               a cycle, overwrite where a multiplexer in front of the adder selects 0 for the first product.",
        example: Box::new(example),
    }, Topic {
        name: "parameters",
        kind: "key",
        summary: "the numbers that a layer brings, by name, and what else a design may ask for",
        text: "A design's parameters are what its steps, offsets and start name. A layer of a model brings, by name:\n\
               \n\
               bias                        its bias at x.scale * w.scale, with zero points folded in (R9)\n\
               multiplier, shift           x.scale * w.scale over the output's scale, as multiplier * 2^-shift\n\
               left_shift, right_shift     the same for two roundings (tflite_double), with multiplier\n\
               shift alone                 the scale as a power of two, which it has to be\n\
               scale                       the scale as the bits of a float32\n\
               zero_point, low, high       of the output: its zero point, and what its codes are clamped to\n\
               what an offset is called    minus the zero point of that operand: `offset = \"za\"` makes za such a name\n\
               \n\
               Where neither the accumulator nor a post step takes bias, a layer that has one is refused: --bias-in none\n\
               leaves it out on purpose.\n\
               Any other name (or a name of these that you changed) nothing brings: rename it, say which of these numbers it\n\
               is (source, of a scale formed as factor says; presets do), or give it parameters.NAME.default.\n\
               Products (--activations, --weights) take all of them from --params, an .npz whose arrays are called\n\
               as the parameter or as the id of the step (post.1) that reads it alone.\n\
               format, per (\"layer\", \"channel\", of a weight's exponent \"weight\"), min, max and default say what a\n\
               parameter may be; aligned = false that it is a static register, constant over a run, beside which\n\
               nothing is pipelined: one for the layer.\n\
               A bit that a step asks (`if`) is a parameter of format \"u1\"; of thresholds, NAME with count = 3 is three\n\
               parameters: NAME_0, NAME_1 and NAME_2.",
        example: Box::new(String::new),
    }]);
    all
}

/// What values go through in front of the post-processing.
#[rustfmt::skip]
fn of_paths() -> Vec<Topic> {
    vec![levels(), Topic {
        name: "product.steps",
        kind: "key",
        summary: "what a product goes through before it is added: cut, rounded, saturated, clamped",
        text: "Steps as in [[post]] (`goldpath explain steps`), between the multiplier and its registers: add, subtract,\n\
               max, min, relu, the shifts, clamp, fit and saturate, of constants and of parameters per layer or channel.\n\
               None has registers (product.latency counts those behind the last) or asks a bit, and a product of 0 stays\n\
               0: lanes without a product, and padding, add nothing.\n\
               \n\
               An event is a value outside its step's format, counted as product.steps.N; bounds and overflow speak of\n\
               sums of what leaves the last step. Where constants shift products right by s in all, a layer of a model\n\
               brings its bias / 2^s, ties to even, and its scale times 2^s; where a parameter says how far, it has to\n\
               come as a product of its own.",
        example: Box::new(products),
    }, Topic {
        name: "memory.store",
        kind: "key",
        summary: "what happens to partial sums on their way to the memory, and to words that are read again",
        text: "word = fit(load(word) + store(sum)), where sum is what a visit leaves in the accumulator (behind the clamp of\n\
               saturate_output) and fit is memory.format with memory.overflow. The first visit stores: nothing is loaded.\n\
               memory.store and memory.load are steps as in [[post]] (`goldpath explain steps`) of constants and parameters,\n\
               without registers and without if; a bias or zero point would enter with every visit, and belongs to [[post]].\n\
               An event is a value outside its step's format, counted as memory.store.N or memory.load.N.\n\
               \n\
               Where constants in memory.store shift right by s in all, a layer of a model brings its bias / 2^s and its\n\
               scale times 2^s, as with product.steps; memory.load must then not shift.",
        example: Box::new(String::new),
    }, Topic {
        name: "product.packing",
        kind: "key",
        summary: "DSP slices, and two products side by side in one of them",
        text: "product.multiplier = \"dsp48e1\", \"dsp48e2\" or \"dsp58\" names the slice: operands must fit its ports (25 x 18,\n\
               27 x 18, 27 x 24 bits, signed) and the accumulator its sum P (48, 48, 58 bits). It changes no value.\n\
               \n\
               packing = { products = 2, offset, share, correction } puts two codes `offset` bits apart into the wide port,\n\
               and both products have the code that is shared: share = \"activation\" pairs columns, \"weight\" pairs rows of\n\
               an output-stationary array (or columns of an input-stationary one). P then holds two sums, and\n\
               [accumulator] is what each is read as: it wraps, and has no more than `offset` bits.\n\
               \n\
               A first sum below 0 takes 1 from the second: correction = \"borrow\" adds the first one's sign bit to what is\n\
               read, \"carry_count\" has a counter (carry = its format), \"none\" needs a first sum that is never negative.\n\
               A first sum that leaves its bits leaks into the second. goldpath builds packing where that provably cannot\n\
               happen, so that both sums are what two accumulators hold: from the operands' ranges and the most products of\n\
               a sum (a column's, order.tile_k with a [memory], or order.max_k); anything else is an error that shows the\n\
               range.",
        example: Box::new(String::new),
    }, Topic {
        name: "order.loops",
        kind: "key",
        summary: "in which order the host walks tiles, and how far it counts",
        text: "order.loops  [\"m\", \"n\", \"k\"]: for every band of positions all bands of channels;\n\
               \x20            [\"n\", \"m\", \"k\"]: the other way round, so that weights are used again. All of k is inside,\n\
               \x20            images and groups are outside. It changes when a tile comes, and no value\n\
               order.max_k  the most products of an output: more are an error, and what needs a limit may rely on it",
        example: Box::new(String::new),
    }, coding()]
}

/// Weights that are shifts.
#[rustfmt::skip]
fn coding() -> Topic {
    Topic {
        name: "operands.weight.coding",
        kind: "key",
        summary: "weights that are powers of two: a shifter where a multiplier would be",
        text: "integer       a code is its weight\n\
               power_of_two  a code is a sign (its top bit, where the weight is signed) and an exponent of 1 to 4 bits; the\n\
               \x20             weight is +-2^exponent, 0 is none. product.multiplier = \"shift\" goes with it: the product is the\n\
               \x20             activation, offset included, shifted left by the exponent and negated by the sign, exact\n\
               \n\
               Weights of 2^-k are those of 2^(most - k) with a shift_right by most in product.steps: with \"floor\" what\n\
               leaves it is floor(+-x / 2^k). Matrices and bundles hold codes. A layer of a model holds weights: each must be\n\
               such a power, without a zero point, or the first that is none is named.\n\
               \n\
               Where the sign stands behind the shifter, the exponent is read by name:\n\
               \x20 [parameters]\n\
               \x20 k = { format = \"u3\", per = \"weight\" }        the exponent's field of a weight of width 4, signed\n\
               \x20 [product]\n\
               \x20 steps = [{ step = \"shift_right\", value = \"k\", rounding = \"floor\" }]\n\
               The steps are then those of the activation, and what leaves them is added or subtracted as the sign says:\n\
               +-floor(x / 2^k). Only product.steps read it, no port brings it, and layers of a model are refused.",
        example: Box::new(powers),
    }
}

/// Lanes, and when they are added.
#[rustfmt::skip]
fn levels() -> Topic {
    Topic {
        name: "reduce",
        kind: "key",
        summary: "how a beat's lanes are added, and what is added behind the last beat",
        text: "[[reduce]] is a level: groups of `group` terms, `stride` apart (1 = neighbours, 8 = k and k + 8), are\n\
               summed exactly, and each sum is fitted once into format by overflow; without a format it is exact.\n\
               Levels follow on each other until one term is left; without any, one exact adder takes all lanes.\n\
               latency: registers behind it.\n\
               \n\
               reduce.N.when = \"beat\"  every beat, in front of the accumulator (what is meant where nothing is said)\n\
               reduce.N.when = \"last\"  behind an output's last beat: each term that the levels before leave has an\n\
               \x20                      accumulator of its own, of the format and overflow of [accumulator], and the levels\n\
               \x20                      from here on add them, once. A trace shows every one of them; a level's\n\
               \x20                      latency counts behind the last beat\n\
               \n\
               The two are different designs: they agree where everything wraps at one width, and not where anything\n\
               saturates. \"last\" is for dataflow sequential and tree, one bank and no [memory]; start is \"zero\" or\n\
               \"overwrite\", since a bias belongs to no lane: a post step adds it. No level of a beat follows one.\n\
               `overflow`, `check` and `sweep` look at each accumulator. Its events are counted at accumulator over all\n\
               lanes, and at reduce.N for the level.\n\
               The folder `designs` has the levels of software kernels: vpmaddubsw, NEON mlal, MNN, FBGEMM acc16.",
        example: Box::new(lanes),
    }
}

fn powers() -> String {
    let s4 = Format::signed(4).expect("4 bits");
    let of = |code: i64| format!("{code} in s4 is {}", power_of_two(code, s4));
    [0, 3, 7, -8, -5].map(of).join("\n")
}

fn products() -> String {
    const STEPS: [&str; 4] = [
        "{ step = \"shift_right\", shift = 4, rounding = \"floor\" }",
        "{ step = \"shift_right\", shift = 4, rounding = \"half_even\" }",
        "{ step = \"fit\", format = \"s8\", overflow = \"saturate\" }",
        "{ step = \"fit\", format = \"s8\", overflow = \"wrap\" }",
    ];
    let of = |steps: &str| {
        let design = stated("zero", &format!("[product]\nsteps = [{steps}]\n"));
        let sum = design.product_program().channel(&[], 0).output(13 * -27);
        format!("{steps}: 13 * -27 adds {sum}")
    };
    STEPS.map(of).join("\n")
}

fn lanes() -> String {
    let sum = |when: &str, overflow: &str| {
        let text = format!(
            "schema = 1\nname = \"example\"\n\
             [operands]\nactivation = {{ width = 8, signed = true }}\nweight = {{ width = 8, signed = true }}\n\
             [[reduce]]\ngroup = 2\nwhen = {when:?}\nformat = \"s17\"\noverflow = {overflow:?}\n\
             [accumulator]\nwidth = 16\nsigned = true\noverflow = {overflow:?}\nstart = \"overwrite\"\n\
             [array]\ndataflow = \"tree\"\nlanes = 2"
        );
        let design =
            std::sync::Arc::new(Design::parse(&text, Path::new("example"), &[]).expect("a sound design"));
        // Lane 0 has 16129 three times, lane 1 its negative.
        let (a, w) =
            (Array2::from_elem((1, 6), 127), Array2::from_shape_fn((6, 1), |(k, _)| [127, -127][k % 2]));
        let program = Program::matrix(design, a.view(), w.view(), &Numbers::default()).expect("a product");
        functional::run(&program, false).accumulators[[0, 0]]
    };
    let lines = [("beat", "saturate"), ("last", "saturate"), ("beat", "wrap"), ("last", "wrap")];
    let lines = lines.map(|(when, rule)| {
        format!("when = {when:?}, {rule}: 3 * (127 * 127 - 127 * 127) is {}", sum(when, rule))
    });
    lines.join("\n")
}

fn example() -> String {
    let lines = ["zero", "overwrite", "bias"].map(|start| {
        let cycles = stated(start, "").cycles(4, 9, 2).total;
        format!("start = {start:?}: one MAC takes {cycles} cycles for 4 x 2 outputs of 9 products")
    });
    lines.join("\n")
}

fn stated(start: &str, more: &str) -> Design {
    let text = format!(
        "schema = 1\nname = \"example\"\npost = [{{ step = \"saturate\", width = 8 }}]\n\
         [operands]\nactivation = {{ width = 8, signed = true }}\nweight = {{ width = 8, signed = true }}\n\
         [accumulator]\nwidth = 32\nsigned = true\noverflow = \"wrap\"\nstart = {start:?}\n\
         [array]\ndataflow = \"sequential\"\n{more}"
    );
    Design::parse(&text, Path::new("example"), &[]).expect("a sound design")
}
