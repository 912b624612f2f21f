//! What each key of a design may hold, for the help line of an error, and the keys of the vocabulary that
//! goldpath does not build yet.

/// `*` stands for an index or a name.
const ALLOWED: &[(&str, &str)] = &[
    ("schema", "1"),
    ("name", "a Verilog identifier: letters, digits and _, not starting with a digit"),
    ("operands", "a table with activation and weight"),
    ("operands.*.width", "an integer from 1 to 16"),
    ("operands.*.signed", "true or false"),
    ("operands.*.offset", "an integer, or the name of a parameter"),
    ("operands.*.format", "the format of code + offset, like \"s9\", at most 32 bits"),
    (
        "operands.*.recode",
        "\"minus_128\" (u8 codes into a signed 8-bit operand), \"minus_zero_point\" (weights)",
    ),
    ("operands.*.coding", "\"integer\", or of weights \"power_of_two\""),
    ("operands.latency", "an integer from 0 to 64"),
    ("operands.*", "a table { width, signed }"),
    ("product.latency", "an integer from 0 to 64"),
    ("product.multiplier", "\"integer\", \"shift\", \"dsp48e1\", \"dsp48e2\" or \"dsp58\""),
    ("product.packing", "{ products = 2, offset, share, correction }, of a DSP multiplier"),
    ("product.packing.products", "2"),
    ("product.packing.offset", "an integer from 2 to 32"),
    ("product.packing.share", "\"activation\" or \"weight\": the operand of both products"),
    ("product.packing.correction", "\"none\", \"borrow\" or \"carry_count\""),
    ("product.packing.carry", "the format of the counter, of \"carry_count\""),
    ("product.steps", "a list of steps without registers, of which a product of 0 stays 0"),
    ("reduce.*.group", "an integer from 2 to 4096"),
    ("reduce.*.stride", "an integer from 1 to 4096"),
    ("reduce.*.format", "a format: \"s1\"..\"s64\", \"u1\"..\"u63\" or { width, signed }"),
    ("reduce.*.overflow", "\"wrap\", \"saturate\" or \"saturate_symmetric\""),
    ("reduce.*.latency", "an integer from 0 to 64"),
    ("reduce.*.when", "\"beat\" or \"last\""),
    ("accumulator", "a table with width, signed, overflow and start"),
    ("accumulator.width", "an integer from 1 to 64 (63 when unsigned)"),
    ("accumulator.signed", "true or false"),
    (
        "accumulator.register_width",
        "an integer from accumulator.width to 64, with overflow = \"saturate_output\"",
    ),
    ("accumulator.overflow", "\"wrap\", \"saturate\", \"saturate_symmetric\" or \"saturate_output\""),
    ("accumulator.start", "\"zero\", \"bias\" or \"overwrite\""),
    ("accumulator.clear", "\"aligned\" or \"immediate\""),
    ("accumulator.banks", "an integer from 1 to 64"),
    ("accumulator.latency", "an integer from 1 to accumulator.banks"),
    ("array", "a table with dataflow, rows, columns and lanes"),
    (
        "array.dataflow",
        "\"sequential\", \"tree\", \"output_stationary\", \"weight_stationary\" or \"input_stationary\"",
    ),
    ("array.rows", "an integer from 1 to 1024"),
    ("array.columns", "an integer from 1 to 1024"),
    ("array.lanes", "an integer from 1 to 4096"),
    ("array.hop", "{ activation, weight, sum }: registers per PE step of what travels, 0 = broadcast"),
    ("array.hop.sum", "an integer from 1 to 16"),
    ("array.hop.*", "an integer from 0 to 16"),
    ("array.skew", "\"host\" or \"internal\""),
    ("array.drain", "{ order, exit, capture, latency, steps }"),
    ("array.drain.order", "\"rows\", \"columns\", \"shift\", \"diagonal\" or \"parallel\""),
    ("array.drain.steps", "a list of steps: the first of [[post]], or with a memory of memory.store"),
    ("array.drain.exit", "\"last_row\" or \"first_row\", of columns \"last_column\" or \"first_column\""),
    ("array.drain.capture", "true or false"),
    ("array.drain.latency", "an integer from 0 to 64"),
    ("array.sum_register", "\"after\" or \"before\""),
    ("array.mirror", "\"none\", \"columns\" or \"rows\": output c is PE columns - 1 - c"),
    ("array.load", "{ kind, buffers, switch, clears_sums }, for operands that stay"),
    ("array.load.kind", "\"row\", \"shift\" or \"instant\""),
    ("array.load.buffers", "1 or 2"),
    ("array.load.switch", "\"wave\" or \"global\", with two buffers"),
    ("array.load.clears_sums", "true or false"),
    ("post", "a list of steps, or { preset = NAME }: `goldpath explain presets` lists the names"),
    ("post.preset", "a name like \"shift\" or \"tflite_double\": `goldpath explain presets` lists them"),
    ("post.latency", "a list of registers behind each expanded step, each 0 to 64"),
    ("post.format", "the output's format, like \"s8\""),
    ("post.rounding", ROUNDING),
    ("post.*.step", STEPS),
    ("post.*.value", "an integer, or the name of a parameter"),
    ("post.*.shift", "an integer, or the name of a parameter"),
    ("post.*.low", "an integer, or the name of a parameter"),
    ("post.*.high", "an integer, or the name of a parameter"),
    ("post.*.min", "the clamp's `low`: an integer, or the name of a parameter"),
    ("post.*.max", "the clamp's `high`: an integer, or the name of a parameter"),
    ("post.*.width", "an integer from 1 to 64 (63 when unsigned), for \"fit\" and \"saturate\""),
    ("post.*.signed", "true or false, beside `width`"),
    ("post.*.value_steps", "a list of steps without registers, for what `value` becomes before it is used"),
    ("post.*.precision", "\"f32\" or \"f64\", of \"float\""),
    (
        "post.*.ops",
        "a list of { multiply = V }, { add = V }, { multiply_add = [V, W] }, { add_integer = V }, { clamp = [V, W] } and \"add_half\"",
    ),
    ("post.*.adder", "a format: \"s1\"..\"s64\", \"u1\"..\"u63\" or { width, signed }"),
    (
        "post.*.values",
        "a list of integers; of \"thresholds\" also of parameters, or one parameter's name beside `count`",
    ),
    ("post.*.first", "an integer: which x the first of `values` is for"),
    ("post.*.below", "an integer: what every smaller x becomes"),
    ("post.*.above", "an integer: what every larger x becomes"),
    ("post.*.count", "an integer from 1 to 1023: how many thresholds the parameter has"),
    ("post.*.offset", "an integer, or the name of a parameter"),
    ("post.*.negative", "a list of steps without registers, for x below 0"),
    ("post.*.otherwise", "a list of steps without registers, for any other x"),
    ("post.*.if", "the name of a \"u1\" parameter, or \"!name\""),
    (
        "post.*.bypass",
        "\"register\": through the step's own format and registers, or \"wire\": through the format, around the registers",
    ),
    ("post.*.rounding", ROUNDING),
    ("post.*.format", "a format: \"s1\"..\"s64\", \"u1\"..\"u63\" or { width, signed }"),
    ("post.*.overflow", "\"wrap\", \"saturate\" or \"saturate_symmetric\""),
    ("post.*.latency", "an integer from 0 to 64"),
    ("parameters.*.format", "a format: \"s1\"..\"s64\", \"u1\"..\"u63\" or { width, signed }"),
    ("program", "the name of one of `programs`"),
    ("programs", "a table of programs: NAME = a list of steps, or a preset"),
    ("parameters.*.aligned", "true or false"),
    ("parameters.*.source", "the name of a number of a network's layer, like \"double_multiplier\""),
    ("parameters.*.factor", "\"float32\", \"float64\" or \"tflite\""),
    (
        "parameters.*.per",
        "\"layer\" or \"channel\"; of a requantizer alone also \"beat\"; of a power of two's exponent \"weight\"",
    ),
    ("parameters.*.min", "an integer inside the parameter's format"),
    ("parameters.*.max", "an integer inside the parameter's format"),
    ("parameters.*.default", "an integer inside the parameter's min and max"),
    ("order.kernel", "a permutation of [\"kh\", \"kw\", \"cin\"]"),
    ("order.lane_map", "\"adjacent\" or \"strided\""),
    ("order.loops", "[\"m\", \"n\", \"k\"] or [\"n\", \"m\", \"k\"]: tiles, outermost loop first"),
    ("order.max_k", "an integer from 1 to 1073741824"),
    ("order.tile_k", "an integer: a multiple of array.lanes, with [memory]"),
    ("memory", "a table with format, overflow and depth"),
    ("memory.format", "a format: \"s1\"..\"s64\", \"u1\"..\"u63\" or { width, signed }"),
    ("memory.overflow", "\"wrap\", \"saturate\" or \"saturate_symmetric\""),
    ("memory.depth", "an integer from 1 to 1048576"),
    ("memory.store", "a list of steps without registers, for sums on their way to their words"),
    ("memory.load", "a list of steps without registers, for words that are read again"),
    ("memory.read_latency", "an integer from 0 to 64"),
    ("memory.write_latency", "an integer from read_latency + 1 to 128"),
    ("twin.parameters", "a table: design key = \"VERILOG_PARAMETER\""),
    ("twin.parameters.*", "the name of a Verilog parameter"),
];

const ROUNDING: &str = "\"floor\", \"ceil\", \"trunc\", \"away\", \"half_up\", \"half_down\", \"half_away\", \
     \"half_zero\", \"half_even\" or \"half_odd\"";

const STEPS: &str = "\"add\", \"subtract\", \"multiply\", \"max\", \"min\", \"bias\", \"zero_point\", \"relu\", \
     \"shift_left\", \"shift_right\", \"rounding_shift\", \"clamp\", \"fit\", \"saturate\", \"float_scale\", \"float\", \"lut\", \
     \"thresholds\" or \"branch\"";

/// Keys of the vocabulary that are not built: pattern, the values that mean "as built", what is supported instead.
pub(super) const NOT_BUILT: &[(&str, &[&str], &str)] = &[
    ("operands.*.latency", &[], "one operands.latency serves both sides: they must meet at the multiplier"),
    ("interface.stall", &["none"], FIXED),
    ("interface.*.kind", &["fixed", "valid"], FIXED),
    ("interface.*.buffer", &["none"], FIXED),
    ("interface.*.*", &[], FIXED),
];

const FIXED: &str =
    "fixed latency with a valid bit, and no back-pressure: interface.*.kind = \"fixed\" or \"valid\"";

/// Values of built keys that are not built: key, value, what is supported.
pub(super) const NOT_BUILT_VALUES: &[(&str, &str, &str)] =
    &[("array.dataflow", "post_only", "leave [operands] and [array] out: a requantizer alone")];

/// What a key may hold.
pub(super) fn allowed(key: &str) -> Option<&'static str> {
    let key = outside(key);
    ALLOWED.iter().find(|(pattern, _)| matches(pattern, &key)).map(|(_, text)| *text)
}

/// The key of a step of `post` that means what that of a step elsewhere does: there is one grammar of steps.
fn outside(key: &str) -> String {
    let parts: Vec<&str> = key.split('.').collect();
    let inside = parts.iter().rposition(|part| INSIDE.contains(part));
    // `programs.NAME` is another `post`, and so are lists of steps elsewhere.
    let list = LISTS.iter().find(|list| key.starts_with(*list)).map(|list| list.matches('.').count() - 1);
    let program = (parts[0] == "programs").then_some(1);
    match inside.or(list).or(program).filter(|at| at + 1 < parts.len()) {
        Some(at) => ["post"].into_iter().chain(parts[at + 1..].iter().copied()).collect::<Vec<_>>().join("."),
        None => key.to_owned(),
    }
}

/// Lists of steps in front of the post-processing.
const LISTS: [&str; 4] = ["product.steps.", "array.drain.steps.", "memory.store.", "memory.load."];

/// Keys of a step that hold steps.
const INSIDE: [&str; 3] = ["value_steps", "negative", "otherwise"];

/// Does a dotted pattern match a dotted key?
pub(super) fn matches(pattern: &str, key: &str) -> bool {
    pattern.split('.').count() == key.split('.').count()
        && pattern.split('.').zip(key.split('.')).all(|(p, k)| p == "*" || p == k)
}
