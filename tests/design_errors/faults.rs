//! Sound designs, and each way to spoil one of them.

use goldpath::error::Kind;

pub const SEQUENTIAL: &str = r#"schema = 1
name = "mac"
post = { preset = "shift", rounding = "half_up" }

[operands]
activation = { width = 8, signed = true }
weight = { width = 8, signed = true }

[accumulator]
width = 32
signed = true
overflow = "wrap"
start = "bias"

[array]
dataflow = "sequential"
"#;

pub const STATIONARY: &str = r#"schema = 1
name = "weights"

[operands]
activation = { width = 8, signed = true }
weight = { width = 8, signed = true }

[accumulator]
width = 24
signed = true
overflow = "wrap"
start = "overwrite"

[array]
dataflow = "weight_stationary"
rows = 4
columns = 4
hop = { activation = 1 }
skew = "internal"
load = { kind = "shift", buffers = 2, switch = "wave" }
"#;

pub const PACKING: &str = r#"schema = 1
name = "cascade"

[operands]
activation = { width = 8, signed = true }
weight = { width = 8, signed = true }
latency = 1

[product]
multiplier = "dsp48e2"
latency = 1
packing = { products = 2, offset = 18, share = "activation", correction = "borrow" }

[accumulator]
width = 18
signed = true
overflow = "wrap"
start = "zero"

[array]
dataflow = "weight_stationary"
rows = 4
columns = 2
hop = { activation = 0, sum = 1 }
skew = "internal"
load = { kind = "row", buffers = 2, switch = "wave" }
"#;

pub const LANES: &str = r#"schema = 1
name = "lanes"
post = [{ step = "saturate", width = 8 }]

[operands]
activation = { width = 8, signed = true }
weight = { width = 8, signed = true }

[[reduce]]
group = 2

[[reduce]]
group = 2
when = "last"
format = "s24"
overflow = "saturate"

[accumulator]
width = 24
signed = true
overflow = "wrap"
start = "overwrite"

[array]
dataflow = "tree"
lanes = 4
"#;

pub const ARRAY: &str = r#"schema = 1
name = "grid"

[operands]
activation = { width = 8, signed = true }
weight = { width = 8, signed = true }

[accumulator]
width = 24
signed = true
overflow = "wrap"
start = "zero"

[array]
dataflow = "output_stationary"
rows = 4
columns = 4
lanes = 4
hop = { activation = 1, weight = 1 }
skew = "host"
drain = { order = "rows" }

[[post]]
step = "shift_right"
shift = 4
rounding = "floor"
"#;

/// The operands of both bases.
pub const EIGHT_BITS: &str =
    "activation = { width = 8, signed = true }\nweight = { width = 8, signed = true }";

/// The base array's only step.
pub const SHIFT: &str = "step = \"shift_right\"\nshift = 4\nrounding = \"floor\"";

/// One way to spoil a design: replace `from` by `to`; the error is at `at` in the result and says `says`.
pub struct Fault {
    pub base: &'static str,
    pub from: &'static str,
    pub to: &'static str,
    pub at: &'static str,
    pub kind: Kind,
    pub says: &'static [&'static str],
}

pub const fn fault(
    base: &'static str,
    from: &'static str,
    to: &'static str,
    at: &'static str,
    says: &'static [&'static str],
) -> Fault {
    Fault { base, from, to, at, kind: Kind::Design, says }
}

pub const fn unsupported(
    base: &'static str,
    from: &'static str,
    to: &'static str,
    at: &'static str,
    says: &'static [&'static str],
) -> Fault {
    Fault { base, from, to, at, kind: Kind::Unsupported, says }
}

#[rustfmt::skip]
pub const FAULTS: &[Fault] = &[
    // Keys.
    fault(SEQUENTIAL, "overflow =", "overflw =", "overflw", &["unknown key `accumulator.overflw`", "did you mean `accumulator.overflow`?"]),
    fault(SEQUENTIAL, "[array]", "[arrray]", "arrray", &["unknown key `arrray`", "did you mean `array`?"]),
    fault(SEQUENTIAL, "width = 8, signed = true }\nweight", "width = 8, sgned = true }\nweight", "sgned", &["unknown key `operands.activation.sgned`", "`operands.activation.signed`"]),
    fault(SEQUENTIAL, "rounding = ", "roundin = ", "roundin", &["unknown key `post.roundin`", "did you mean `post.rounding`?"]),
    fault(ARRAY, "shift = 4", "shft = 4", "shft", &["unknown key `post.0.shft`", "did you mean `post.0.shift`?"]),
    fault(SEQUENTIAL, "overflow = \"wrap\"\n", "", "[accumulator]", &["`accumulator.overflow` is missing", "\"saturate_output\""]),
    fault(SEQUENTIAL, "[array]\ndataflow = \"sequential\"\n", "", "schema", &["`array` is missing"]),
    // Widths.
    fault(SEQUENTIAL, "activation = { width = 8", "activation = { width = 0", "0, signed", &["`operands.activation.width` is 0", "1 to 16"]),
    fault(SEQUENTIAL, "weight = { width = 8", "weight = { width = 17", "17", &["`operands.weight.width` is 17", "1 to 16"]),
    fault(SEQUENTIAL, "width = 32", "width = 0", "0\nsigned", &["`accumulator.width` is 0", "1 to 64"]),
    fault(SEQUENTIAL, "width = 32", "width = 65", "65", &["`accumulator.width` is 65", "1 to 64"]),
    fault(SEQUENTIAL, "width = 32\nsigned = true", "width = 64\nsigned = false", "64", &["`accumulator.width` is 64", "1 to 63"]),
    fault(SEQUENTIAL, "width = 32", "width = -8", "-8", &["`accumulator.width` is -8"]),
    // Types.
    fault(SEQUENTIAL, "width = 32", "width = \"32\"", "\"32\"", &["`accumulator.width`", "invalid type: string"]),
    fault(SEQUENTIAL, "width = 32", "width = 32.5", "32.5", &["`accumulator.width`", "invalid type: floating point"]),
    fault(SEQUENTIAL, "\"wrap\"", "\"wrapp\"", "\"wrapp\"", &["`accumulator.overflow`", "unknown variant `wrapp`", "\"saturate_symmetric\""]),
    fault(SEQUENTIAL, "\"shift\"", "\"shyft\"", "\"shyft\"", &["`post.preset`", "did you mean \"shift\"", "tflite_double"]),
    fault(ARRAY, "\"floor\"", "\"nearest\"", "\"nearest\"", &["`post.0.rounding`", "half_away"]),
    fault(ARRAY, "rounding = \"floor\"", "rounding = \"floor\"\nformat = \"s65\"", "\"s65\"", &["`post.0.format`", "s1..s64"]),
    fault(ARRAY, "rounding = \"floor\"", "rounding = \"floor\"\nformat = { width = 64, signed = false }", "{ width = 64", &["`post.0.format`", "64 bits"]),
    fault(SEQUENTIAL, "schema = 1", "schema = 2", "2\n", &["`schema` is 2"]),
    fault(SEQUENTIAL, "\"mac\"", "\"8mac\"", "\"8mac\"", &["`name` is \"8mac\"", "Verilog"]),
    // Contradictions, and keys that would change nothing.
    fault(SEQUENTIAL, "width = 32", "width = 32\nregister_width = 40", "40", &["`accumulator.register_width` changes nothing"]),
    fault(SEQUENTIAL, "\"wrap\"", "\"saturate_output\"", "\"saturate_output\"", &["needs `accumulator.register_width`"]),
    fault(SEQUENTIAL, "overflow = \"wrap\"", "overflow = \"saturate_output\"\nregister_width = 31", "31", &["`accumulator.register_width` is 31", "32 to 64"]),
    fault(SEQUENTIAL, "\"sequential\"", "\"sequential\"\ncolumns = 2", "2\n", &["`array.columns` is 2", "\"sequential\" has 1"]),
    fault(SEQUENTIAL, "\"sequential\"", "\"tree\"\nlanes = 4\nrows = 2", "2\n", &["`array.rows` is 2", "\"tree\" has 1"]),
    fault(SEQUENTIAL, "\"sequential\"", "\"sequential\"\nload = { kind = \"row\" }", "{ kind = \"row\"", &["`array.load` changes nothing", "sums stay"]),
    fault(ARRAY, "skew = ", "sum_register = \"after\"\nskew = ", "\"after\"", &["`array.sum_register` changes nothing", "sums stay"]),
    fault(ARRAY, "weight = 1 }", "weight = 1, sum = 1 }", "1 }\nskew", &["`array.hop.sum` changes nothing", "sums stay"]),
    fault(ARRAY, "\"output_stationary\"", "\"weight_stationary\"", "{ order", &["`array.drain` changes nothing", "sums that travel"]),
    fault(STATIONARY, "load = { kind = \"shift\", buffers = 2, switch = \"wave\" }\n", "", "[array]", &["`array.load` is missing"]),
    fault(STATIONARY, ", switch = \"wave\"", "", "{ kind", &["`array.load.switch` is missing", "two buffers"]),
    fault(STATIONARY, "buffers = 2", "buffers = 1", "\"wave\"", &["`array.load.switch` changes nothing"]),
    fault(STATIONARY, "buffers = 2", "buffers = 3", "3,", &["`array.load.buffers` is 3", "1 to 2"]),
    fault(STATIONARY, "\"wave\" }", "\"wave\", clears_sums = true }", "true }\n", &["`array.load.clears_sums` would clear"]),
    fault(STATIONARY, "\"shift\", buffers = 2, switch = \"wave\"", "\"instant\", buffers = 2, switch = \"global\"", "\"global\"", &["`array.load.switch` changes nothing", "no second buffer"]),
    fault(STATIONARY, "activation = 1", "activation = 1, weight = 1", "1 }\nskew", &["`array.hop.weight` changes nothing", "weights stay"]),
    fault(STATIONARY, "activation = 1", "activation = 1, sum = 0", "0 }", &["`array.hop.sum` is 0", "1 to 16"]),
    fault(STATIONARY, "skew = \"internal\"\n", "", "{ activation = 1", &["`array.skew` is missing"]),
    fault(STATIONARY, "\"weight_stationary\"", "\"input_stationary\"", "1 }\nskew", &["`array.hop.activation` changes nothing", "activations stay"]),
    fault(SEQUENTIAL, "\"sequential\"", "\"sequential\"\nskew = \"host\"", "\"host\"", &["`array.skew` changes nothing"]),
    fault(SEQUENTIAL, "\"sequential\"", "\"sequential\"\nhop = { weight = 1 }", "{ weight = 1", &["`array.hop` changes nothing"]),
    fault(SEQUENTIAL, "\"sequential\"", "\"tree\"", "[array]", &["`array.lanes` is missing"]),
    fault(SEQUENTIAL, "[array]", "[[reduce]]\ngroup = 2\n\n[array]", "[[reduce]]", &["`reduce` changes nothing: array.lanes is 1"]),
    fault(SEQUENTIAL, "width = 8, signed = true }\nweight", "width = 8, signed = true, format = \"s9\" }\nweight", "\"s9\"", &["`operands.activation.format` changes nothing"]),
    fault(SEQUENTIAL, EIGHT_BITS, "activation = { width = 16, signed = false, offset = 4294901760, format = \"u32\" }\nweight = { width = 1, signed = false, offset = 4294967294, format = \"u32\" }", "\"u32\" }\n\n", &["`operands.weight.format` is u32", "u32 * u32", "63"]),
    fault(SEQUENTIAL, "width = 8, signed = true }\nweight", "width = 8, signed = true, offset = 5 }\nweight", "5 }", &["`operands.activation.offset` needs `operands.activation.format`"]),
    fault(SEQUENTIAL, "width = 8, signed = true }\nweight", "width = 8, signed = true, offset = 128, format = \"s8\" }\nweight", "\"s8\"", &["`operands.activation.format` is s8", "0..255", "needs u8"]),
    fault(SEQUENTIAL, "width = 8, signed = true }\nweight", "width = 8, signed = false, recode = \"minus_128\" }\nweight", "\"minus_128\"", &["needs a signed operand of 8 bits"]),
    fault(SEQUENTIAL, "width = 8, signed = true }\nweight", "width = 8, signed = true, recode = \"minus_zero_point\" }\nweight", "\"minus_zero_point\"", &["`operands.activation.recode` is for weights"]),
    fault(SEQUENTIAL, "weight = { width = 8, signed = true }", "weight = { width = 8, signed = false, recode = \"minus_zero_point\" }", "\"minus_zero_point\"", &["`operands.weight.recode` needs a signed operand"]),
    fault(SEQUENTIAL, "weight = { width = 8, signed = true }", "weight = { width = 8, signed = true, recode = \"minus_zero_point\", offset = 1, format = \"s9\" }", "\"minus_zero_point\"", &["`operands.weight.recode` leaves nothing for an offset"]),
    fault(SEQUENTIAL, "[array]", "[parameters.gain]\nformat = \"s8\"\n\n[array]", "[parameters.gain]", &["`parameters.gain` changes nothing"]),
    fault(SEQUENTIAL, "[array]", "[parameters.shift]\nformat = \"u4\"\nmax = 16\n\n[array]", "16\n", &["`parameters.shift.max` is 16, outside u4"]),
    fault(SEQUENTIAL, "[array]", "[parameters.shift]\nmin = 5\nmax = 4\n\n[array]", "[parameters.shift]", &["has min 5 above max 4"]),
    fault(SEQUENTIAL, "rounding = \"half_up\"", "rounding = \"half_up\", latency = [1]", "[1]", &["`post.latency` has 1 entries", "3 steps"]),
    fault(SEQUENTIAL, ", rounding = \"half_up\"", "", "\"shift\"", &["`post.rounding` is missing"]),
    fault(SEQUENTIAL, "\"shift\", rounding", "\"multiply_shift\", rounding", "\"half_up\"", &["`post.rounding` changes nothing"]),
    fault(SEQUENTIAL, "rounding = \"half_up\"", "rounding = \"half_up\", scale = 3", "3 }", &["`post.scale` changes nothing"]),
    fault(SEQUENTIAL, "[array]", "[order]\nlane_map = \"strided\"\n\n[array]", "\"strided\"", &["`order.lane_map` changes nothing"]),
    fault(SEQUENTIAL, "[array]", "[order]\nkernel = [\"kh\", \"kh\", \"cin\"]\n\n[array]", "[\"kh\"", &["does not name each axis once"]),
    fault(SEQUENTIAL, "[array]", "[twin.parameters]\n\"accumulator.widht\" = \"W\"\n\n[array]", "\"W\"", &["maps no integer key"]),
    fault(SEQUENTIAL, "[array]", "[twin.parameters]\n\"accumulator.width\" = \"9W\"\n\n[array]", "\"9W\"", &["\"9W\""]),
    fault(SEQUENTIAL, "{ preset = \"shift\", rounding = \"half_up\" }", "[{ step = \"add\", value = \"bias\" }]", "\"bias\"", &["`post.0.value`", "exactly one place (R9)"]),
    // Arrays and reductions.
    fault(ARRAY, "skew = \"host\"\n", "", "{ activation = 1", &["`array.skew` is missing"]),
    fault(ARRAY, "hop = { activation = 1, weight = 1 }", "hop = { activation = 0, weight = 0 }", "\"host\"", &["`array.skew` changes nothing"]),
    fault(ARRAY, "rows = 4", "rows = 0", "0\n", &["`array.rows` is 0", "1 to 1024"]),
    fault(ARRAY, "columns = 4\n", "", "[array]", &["`array.columns` is missing"]),
    fault(ARRAY, "[array]", "[[reduce]]\ngroup = 3\n\n[array]", "[[reduce]]", &["leaves 2 terms of 4 lanes"]),
    fault(ARRAY, "[array]", "[[reduce]]\ngroup = 4\n[[reduce]]\ngroup = 2\n\n[array]", "[[reduce]]\ngroup = 2", &["`reduce.1` changes nothing"]),
    fault(ARRAY, "[array]", "[[reduce]]\ngroup = 4\nformat = \"s16\"\n\n[array]", "\"s16\"", &["`reduce.0.overflow` is missing", "-65024..65536"]),
    fault(ARRAY, "[array]", "[[reduce]]\ngroup = 4\noverflow = \"wrap\"\n\n[array]", "\"wrap\"\n\n[array]", &["`reduce.0.overflow` changes nothing"]),
    // Steps.
    fault(ARRAY, "shift = 4\n", "", "[[post]]", &["`post.0.shift` is missing"]),
    fault(ARRAY, "shift = 4", "shift = 4\nvalue = 5", "4\nvalue", &["`post.0.shift` and `value` are the same key"]),
    fault(ARRAY, "shift = 4", "shift = 128", "128", &["is 128..128", "0 to 127"]),
    fault(ARRAY, "shift = 4", "shift = -1", "-1", &["is -1..-1"]),
    fault(ARRAY, "shift = 4", "shift = \"amount\"", "\"amount\"", &["parameter \"amount\"", "[parameters.amount]"]),
    fault(ARRAY, "rounding = \"floor\"", "rounding = \"floor\"\nlow = 1", "1\n", &["`post.0.low` changes nothing"]),
    fault(ARRAY, "rounding = \"floor\"\n", "", "[[post]]", &["`post.0.rounding` is missing"]),
    fault(ARRAY, "rounding = \"floor\"", "rounding = \"floor\"\nformat = \"s8\"", "\"s8\"", &["`post.0.overflow` is missing", "-524288..524287"]),
    fault(ARRAY, "rounding = \"floor\"", "rounding = \"floor\"\noverflow = \"wrap\"", "\"wrap\"\n", &["`post.0.overflow` changes nothing"]),
    fault(ARRAY, "step = \"shift_right\"\nshift = 4\nrounding = \"floor\"", "step = \"multiply\"\nvalue = 9223372036854775807", "[[post]]", &["wider than 64 bits", "R8"]),
    fault(ARRAY, "step = \"shift_right\"\nshift = 4\nrounding = \"floor\"", "step = \"multiply\"\nvalue = 9223372036854775807\nlatency = 1\n[[post]]\nstep = \"shift_right\"\nshift = 9\nrounding = \"floor\"", "1\n[[post]]", &["`post.0.latency` must be 0", "R8"]),
    fault(ARRAY, "step = \"shift_right\"\nshift = 4\nrounding = \"floor\"", "step = \"float_scale\"\nvalue = 2143289344\nrounding = \"half_even\"\nformat = \"s8\"\noverflow = \"saturate\"", "2143289344", &["`post.0.value` has 2143289344", "no finite float32"]),
    fault(ARRAY, "step = \"shift_right\"\nshift = 4\nrounding = \"floor\"", "step = \"float_scale\"\nvalue = 1\nrounding = \"half_even\"\nformat = \"s8\"\noverflow = \"wrap\"", "\"wrap\"\n", &["`post.0.overflow` must be \"saturate\""]),
    fault(ARRAY, "step = \"shift_right\"\nshift = 4\nrounding = \"floor\"", "step = \"fit\"", "[[post]]", &["`post.0.format` is missing"]),
    fault(ARRAY, SHIFT, "step = \"relu\"\nvalue = 1", "1", &["`post.0.value` changes nothing"]),
    fault(ARRAY, SHIFT, "step = \"saturate\"", "[[post]]", &["`post.0.format` is missing"]),
    fault(ARRAY, SHIFT, "step = \"saturate\"\nwidth = 65", "65", &["`post.0.width` is 65", "1 to 64"]),
    fault(ARRAY, SHIFT, "step = \"saturate\"\nwidth = 0", "0", &["`post.0.width` is 0"]),
    fault(ARRAY, SHIFT, "step = \"saturate\"\nsigned = true\nformat = \"s8\"", "true\nformat", &["`post.0.signed` changes nothing", "`format`"]),
    fault(ARRAY, SHIFT, "step = \"saturate\"\nwidth = 8\noverflow = \"wrap\"", "\"wrap\"\n", &["`post.0.overflow` contradicts"]),
    fault(ARRAY, SHIFT, "step = \"add\"\nvalue = 1\nwidth = 8", "8\n", &["`post.0.width` changes nothing"]),
    fault(ARRAY, SHIFT, "step = \"clamp\"\nlow = 1\nmin = 0\nmax = 3", "0\n", &["`post.0.min` and `low` are the same key"]),
    fault(ARRAY, SHIFT, "step = \"add\"\nvalue = 1\nmax = 3", "3\n", &["`post.0.max` changes nothing"]),
    // Steps inside steps, tables, thresholds, branches, bits of the layer.
    fault(ARRAY, "shift = 4", "shift = 4\nadder = \"s70\"", "\"s70\"", &["`post.0.adder`", "s1..s64"]),
    fault(ARRAY, SHIFT, "step = \"add\"\nvalue = 1\nadder = \"s8\"", "\"s8\"\n", &["`post.0.adder` changes nothing"]),
    fault(ARRAY, "shift = 4", "shift = 4\nvalue_steps = [{ step = \"fit\", format = \"u3\" }]", "[{ step", &["`post.0.value_steps` changes nothing"]),
    fault(ARRAY, SHIFT, "step = \"add\"\nvalue = 1\nvalue_steps = []", "[]", &["`post.0.value_steps` changes nothing: the list is empty"]),
    fault(ARRAY, SHIFT, "step = \"add\"\nvalue = 1\nvalue_steps = [{ step = \"shift_left\", shift = 64 }]", "64 }", &["`post.0.value_steps.0.shift` is 64..64", "0 to 63"]),
    fault(ARRAY, SHIFT, "step = \"add\"\nvalue = 1\nvalue_steps = [{ step = \"add\", value = 1, latency = 1 }]", "1 }]", &["`post.0.value_steps.0.latency` must be 0", "behind the step"]),
    fault(ARRAY, SHIFT, "step = \"add\"\nvalue = 1\nvalue_steps = [{ step = \"add\", value = \"v\" }]", "\"v\"", &["`post.0.value_steps.0.value` names parameter \"v\""]),
    fault(ARRAY, SHIFT, "step = \"add\"\nvalue = 1\nvalue_steps = [{ step = \"fit\", format = \"s8\", roundin = 1 }]", "roundin", &["unknown key `post.0.value_steps.0.roundin`"]),
    fault(ARRAY, SHIFT, "step = \"add\"\nvalue = 300\nvalue_steps = [{ step = \"fit\", format = \"s8\" }]", "\"s8\" }", &["`post.0.value_steps.0.overflow` is missing", "saturate_symmetric"]),
    fault(ARRAY, SHIFT, "step = \"lut\"\nvalues = [1]", "[[post]]", &["`post.0.first` is missing", "which x the first"]),
    fault(ARRAY, SHIFT, "step = \"lut\"\nfirst = 0", "[[post]]", &["`post.0.values` is missing"]),
    fault(ARRAY, SHIFT, "step = \"lut\"\nfirst = 0\nvalues = []", "[]", &["`post.0.values` is not a list of 1 to 4096 integers"]),
    fault(ARRAY, SHIFT, "step = \"lut\"\nfirst = 0\nvalues = [1, \"p\"]", "[1, \"p\"]", &["`post.0.values` is not a list"]),
    fault(ARRAY, SHIFT, "step = \"lut\"\nfirst = 0\nvalues = [1, 2]\nabove = 3", "[[post]]", &["`post.0.below` is missing: x may be -8388608, and the table is 0..1"]),
    fault(ARRAY, SHIFT, "step = \"lut\"\nfirst = 0\nvalues = [1, 2]\nbelow = 3", "[[post]]", &["`post.0.above` is missing: x may be 8388607"]),
    fault(ARRAY, SHIFT, "step = \"lut\"\nfirst = 0\nvalues = [1, 2]\ncount = 3", "3\n", &["`post.0.count` changes nothing"]),
    fault(ARRAY, SHIFT, "step = \"thresholds\"", "[[post]]", &["`post.0.values` is missing"]),
    fault(ARRAY, SHIFT, "step = \"thresholds\"\nvalues = []", "[]", &["`post.0.values` holds 0 thresholds", "1 to 1023"]),
    fault(ARRAY, SHIFT, "step = \"thresholds\"\nvalues = [1, \"p\"]", "[1, \"p\"]", &["`post.0.values` names parameter \"p\""]),
    fault(ARRAY, SHIFT, "step = \"thresholds\"\nvalues = \"p\"", "\"p\"", &["`post.0.count` is missing", "1 to 1023"]),
    fault(ARRAY, SHIFT, "step = \"thresholds\"\nvalues = \"p\"\ncount = 3", "\"p\"", &["`post.0.values` names parameter \"p\""]),
    fault(ARRAY, SHIFT, "step = \"thresholds\"\nvalues = [1]\ncount = 1", "1\n", &["`post.0.count` changes nothing"]),
    fault(ARRAY, SHIFT, "step = \"thresholds\"\nvalues = [1]\nfirst = 0", "0\n", &["`post.0.first` changes nothing"]),
    fault(ARRAY, SHIFT, "step = \"branch\"", "[[post]]", &["`post.0.negative` is missing"]),
    fault(ARRAY, SHIFT, "step = \"max\"\nvalue = 0\n[[post]]\nstep = \"branch\"\nnegative = [{ step = \"add\", value = 1 }]", "[[post]]\nstep = \"branch\"", &["`post.1.negative` changes nothing: only 0..8388607 comes there"]),
    fault(ARRAY, SHIFT, "step = \"branch\"\nnegative = [{ step = \"add\", value = 1, if = \"b\", bypass = \"register\" }]", "\"b\"", &["`post.0.negative.0.if` is for the steps of a program"]),
    fault(ARRAY, "rounding = \"floor\"", "rounding = \"floor\"\nif = \"relu\"", "\"relu\"", &["`post.0.bypass` is missing", "\"register\""]),
    fault(ARRAY, "rounding = \"floor\"", "rounding = \"floor\"\nbypass = \"register\"", "\"register\"", &["`post.0.bypass` changes nothing: there is no `if`"]),
    fault(ARRAY, "rounding = \"floor\"", "rounding = \"floor\"\nif = \"v\"\nbypass = \"register\"\n[parameters]\nv = { format = \"u2\" }", "\"v\"", &["`post.0.if` names \"v\", which is no bit of the layer"]),
    fault(ARRAY, SHIFT, "step = \"square\"", "\"square\"", &["`post.0.step`", "unknown variant `square`", "\"zero_point\"", "\"rounding_shift\""]),
    fault(SEQUENTIAL, "post = { preset = \"shift\", rounding = \"half_up\" }", "post = [{ step = \"bias\" }]", "\"bias\"", &["`post.0.value` is the bias", "R9"]),
    fault(ARRAY, "rows = 4\ncolumns = 4\nlanes = 4", "rows = 1024\ncolumns = 1024\nlanes = 2", "\"output_stationary\"", &["`array` has 1024 x 1024 x 2 = 2097152 multipliers"]),
    // What a product goes through.
    fault(ARRAY, "[array]", "[product]\nsteps = [{ step = \"multiply\", value = 3 }]\n\n[array]", "\"multiply\"", &["`product.steps.0.step` is a second multiplier"]),
    fault(ARRAY, "[array]", "[product]\nsteps = [{ step = \"lut\", first = 0, values = [1] }]\n\n[array]", "\"lut\"", &["`product.steps.0.step` is not built for products", "clamp and fit"]),
    fault(ARRAY, "[array]", "[product]\nsteps = [{ step = \"bias\" }]\n\n[array]", "\"bias\"", &["`product.steps.0.step` belongs to a sum"]),
    fault(ARRAY, "[array]", "[product]\nsteps = [{ step = \"shift_right\", value = 3, rounding = \"floor\", latency = 1 }]\n\n[array]", "1 }", &["`product.steps.0.latency` must be 0", "product.latency"]),
    fault(ARRAY, "[array]", "[product]\nsteps = [{ step = \"fit\", format = \"s8\" }]\n\n[array]", "\"s8\" }", &["`product.steps.0.overflow` is missing", "s8 does not hold"]),
    fault(ARRAY, "[array]", "[product]\nsteps = [{ step = \"fit\", format = \"s8\", overflw = \"wrap\" }]\n\n[array]", "overflw", &["unknown key `product.steps.0.overflw`"]),
    fault(ARRAY, "[array]", "[product]\nsteps = [{ step = \"add\", value = 3 }]\n\n[array]", "{ step", &["`product.steps` make 3..3 of a product of 0"]),
    fault(ARRAY, "[array]", "[product]\nsteps = [{ step = \"clamp\", low = 1, high = 9 }]\n\n[array]", "{ step", &["`product.steps` make 1..1 of a product of 0"]),
    fault(ARRAY, "[array]", "[product]\nsteps = [{ step = \"shift_right\", value = 3 }]\n\n[array]", "{ step", &["`product.steps.0.rounding` is missing"]),
    fault(ARRAY, "[array]", "[product]\nsteps = [{ step = \"relu\", if = \"b\", bypass = \"register\" }]\n\n[array]", "\"b\"", &["`product.steps.0.if` is for the steps of [[post]]"]),
    fault(ARRAY, "[array]", "[product]\nsteps = [{ step = \"shift_right\", value = \"cut\", rounding = \"floor\" }]\n\n[array]", "\"cut\"", &["`product.steps.0.shift` names parameter \"cut\"", "parameters.cut"]),
    fault(ARRAY, "[array]", "[product]\nsteps = [{ step = \"shift_right\", value = \"shift\", rounding = \"floor\" }]\n\n[parameters.shift]\nformat = \"u3\"\n\n[array]", "{ step", &["`product.steps` read parameter \"shift\"", "another name"]),
    fault(ARRAY, "[array]", "[parameters.k]\nformat = \"u3\"\nper = \"weight\"\n\n[array]", "\"weight\"", &["`parameters.k.per` is \"weight\"", "is not \"power_of_two\""]),
    // In the vocabulary, not built.
    fault(ARRAY, "order = \"rows\"", "order = \"shift\", capture = false", "false", &["`array.drain.capture` is false", "beside the PEs"]),
    fault(ARRAY, "order = \"rows\"", "order = \"shift\", exit = \"last_row\"", "\"last_row\"", &["`array.drain.exit` names one of the rows, but columns drain"]),
    fault(ARRAY, "order = \"rows\"", "order = \"rows\", steps = [{ step = \"fit\", format = \"s8\" }]", "\"s8\"", &["`array.drain.steps.0.overflow` is missing"]),
    fault(ARRAY, "drain = { order = \"rows\" }\n\n[[post]]\nstep = \"shift_right\"\nshift = 4\nrounding = \"floor\"", "drain = { order = \"rows\", steps = [{ step = \"relu\" }] }\n\n[[post]]\nstep = \"shift_right\"\nshift = 4", "[[post]]", &["`post.0.rounding` is missing"]),
    fault(ARRAY, "[array]", "[order]\nloops = [\"k\", \"m\", \"n\"]\n\n[array]", "[\"k\"", &["`order.loops` is another nest", "[\"n\", \"m\", \"k\"]"]),
    fault(ARRAY, "[array]", "[order]\nmax_k = 0\n\n[array]", "0\n", &["`order.max_k` is 0"]),
    fault(ARRAY, "order = \"rows\"", "order = \"rows\", exit = \"last_column\"", "\"last_column\"", &["`array.drain.exit` names one of the columns, but rows drain"]),
    fault(ARRAY, "order = \"rows\"", "order = \"parallel\", exit = \"last_row\"", "\"last_row\"", &["`array.drain.exit` changes nothing", "parallel"]),
    fault(ARRAY, "order = \"rows\"", "order = \"diagonal\", capture = true", "true", &["`array.drain.capture` changes nothing", "diagonal"]),
    fault(ARRAY, "order = \"rows\"", "order = \"sideways\"", "\"sideways\"", &["`array.drain.order`", "unknown variant `sideways`", "\"parallel\""]),
    fault(ARRAY, "[array]", "[memory]\nformat = \"s32\"\ndepth = 4\n\n[array]", "[memory]", &["`memory.overflow` is missing"]),
    fault(ARRAY, "[array]", "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 3\n\n[array]", "3\n", &["`memory.depth` is 3", "4 sums a column"]),
    fault(ARRAY, "[array]", "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 4\nread_latency = 2\nwrite_latency = 2\n\n[array]", "2\n\n", &["`memory.write_latency` is 2", "3 to 128"]),
    fault(ARRAY, "[array]", "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 4\n\n[order]\ntile_k = 6\n\n[array]", "6\n", &["`order.tile_k` is 6", "4 lanes"]),
    fault(ARRAY, "[array]", "[order]\ntile_k = 16\n\n[array]", "16", &["`order.tile_k` changes nothing", "[memory]"]),
    fault(SEQUENTIAL, "[array]", "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 4\n\n[array]", "\"bias\"", &["`accumulator.start` is \"bias\"", "R9"]),
    fault(STATIONARY, "[array]", "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 4\n\n[order]\ntile_k = 16\n\n[array]", "16", &["`order.tile_k` is 16", "are 4"]),
    fault(STATIONARY, "[array]", "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 4\nstore = [{ step = \"bias\" }]\n\n[array]", "\"bias\"", &["`memory.store.0.step` would enter with every visit", "R9"]),
    fault(STATIONARY, "[array]", "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 4\nload = [{ step = \"add\", value = 1, latency = 2 }]\n\n[array]", "2 }", &["`memory.load.0.latency` must be 0", "not built"]),
    fault(STATIONARY, "[array]", "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 4\nload = [{ step = \"fit\", format = \"s8\" }]\n\n[array]", "\"s8\" }", &["`memory.load.0.overflow` is missing"]),
    fault(STATIONARY, "[array]", "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 4\nstore = [{ step = \"relu\", if = \"b\", bypass = \"register\" }]\n\n[array]", "\"b\"", &["`memory.store.0.if` is for the steps of [[post]]"]),
    fault(ARRAY, "[array]", "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 4\nload = [{ step = \"relu\" }]\n\n[array]", "{ step", &["`memory.load` changes nothing", "order.tile_k"]),
    // Weights that are powers of two.
    fault(ARRAY, "[array]", "[product]\nmultiplier = \"shift\"\n\n[array]", "\"shift\"", &["`product.multiplier` is \"shift\"", "operands.weight.coding"]),
    fault(ARRAY, "[array]", "[product]\nmultiplier = \"shifter\"\n\n[array]", "\"shifter\"", &["`product.multiplier`", "\"shift\", \"dsp48e1\""]),
    // Levels behind the last beat.
    fault(LANES, "dataflow = \"tree\"", "dataflow = \"output_stationary\"\nrows = 2\ncolumns = 2", "\"last\"", &["`reduce.1.when` is \"last\"", "a PE of dataflow \"output_stationary\" has one", "\"sequential\" or \"tree\""]),
    fault(LANES, "start = \"overwrite\"", "start = \"overwrite\"\nbanks = 2", "\"last\"", &["`reduce.1.when` is \"last\"", "accumulator.banks"]),
    fault(LANES, "[array]", "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 4\n\n[array]", "\"last\"", &["`reduce.1.when` is \"last\"", "[memory] cuts an output"]),
    fault(LANES, "start = \"overwrite\"", "start = \"bias\"", "\"last\"", &["`reduce.1.when` is \"last\"", "start = \"bias\"", "post step", "R9"]),
    fault(LANES, "overflow = \"wrap\"\nstart", "overflow = \"saturate_output\"\nregister_width = 32\nstart", "\"last\"", &["`reduce.1.when` is \"last\"", "saturate_output", "this level's format"]),
    fault(LANES, "[accumulator]", "[[reduce]]\ngroup = 2\n\n[accumulator]", "[[reduce]]\ngroup = 2\n\n[acc", &["`reduce.2` changes nothing", "one term is left"]),
    fault(LANES, "group = 2\n\n[[reduce]]\ngroup = 2\nwhen = \"last\"\nformat = \"s24\"\noverflow = \"saturate\"", "group = 2\nwhen = \"last\"\n\n[[reduce]]\ngroup = 2\nwhen = \"beat\"", "\"beat\"", &["`reduce.1.when` reduces every beat, but", "behind the last one"]),
    fault(LANES, "lanes = 4", "lanes = 8", "[[reduce]]\ngroup = 2\nwhen", &["`reduce` leaves 2 terms of 8 lanes"]),
    fault(LANES, "lanes = 4", "lanes = 1", "[[reduce]]", &["`reduce` changes nothing", "array.lanes is 1"]),
    fault(LANES, "format = \"s24\"\noverflow = \"saturate\"", "format = \"s24\"", "\"s24\"", &["`reduce.1.overflow` is missing", "-16777216..16777214"]),
    fault(LANES, "\"last\"", "\"late\"", "\"late\"", &["`reduce.1.when`", "\"beat\" or \"last\""]),
    unsupported(ARRAY, "[array]", "[interface]\nstall = \"enable\"\n\n[array]", "stall", &["`interface.stall` is not supported", "valid bit"]),
    unsupported(ARRAY, "[array]", "[interface]\ninput = { kind = \"stream\" }\n\n[array]", "kind", &["`interface.input.kind` is not supported", "valid bit"]),
    unsupported(ARRAY, "[array]", "[interface]\ninput = { kind = \"valid\", words = 4 }\n\n[array]", "words", &["`interface.input.words` is not supported"]),
    // DSP slices, and two products of one.
    fault(ARRAY, "[array]", "[product]\npacking = { products = 2, offset = 18, share = \"activation\" }\n\n[array]", "{ products", &["`product.packing` changes nothing", "DSP multiplier"]),
    fault(ARRAY, EIGHT_BITS, "activation = { width = 16, signed = true, offset = 9000, format = \"s20\" }\nweight = { width = 16, signed = true, offset = 9000, format = \"s20\" }\n\n[product]\nmultiplier = \"dsp48e2\"", "\"dsp48e2\"", &["`product.multiplier` is \"dsp48e2\" of 27 x 18 bits", "20 and 20"]),
    fault(ARRAY, "width = 24\nsigned = true\noverflow = \"wrap\"\nstart = \"zero\"", "width = 49\nsigned = true\noverflow = \"wrap\"\nstart = \"zero\"\n\n[product]\nmultiplier = \"dsp48e1\"", "\"dsp48e1\"", &["`product.multiplier` is \"dsp48e1\"", "48 bits, not s49"]),
    fault(PACKING, "width = 18", "width = 19", "19", &["`accumulator.width` is 19, but a sum has 18 bits of P"]),
    fault(PACKING, "correction = \"borrow\"", "correction = \"none\"", "{ products", &["`product.packing` cannot be told from leaking sums", "-65024..65536 over 4 products", "0..262143"]),
    fault(PACKING, "rows = 4", "rows = 9", "{ products", &["`product.packing` cannot be told from leaking sums", "over 9 products", "-131072..131071"]),
    fault(PACKING, "columns = 2", "columns = 3", "\"activation\"", &["`product.packing.share` needs pairs, but 3 columns are none"]),
    fault(PACKING, "share = \"activation\"", "share = \"weight\"", "\"weight\"", &["`product.packing.share` is the weight"]),
    fault(PACKING, "offset = 18", "offset = 19", "19", &["`product.packing.offset` is 19", "need 28 bits", "dsp48e2 has 27"]),
    fault(PACKING, "products = 2", "products = 3", "3", &["`product.packing.products` is 3"]),
    fault(PACKING, "correction = \"borrow\"", "correction = \"carry_count\"", "{ products", &["`product.packing.carry` is missing"]),
    fault(PACKING, "correction = \"borrow\"", "correction = \"borrow\", carry = \"s4\"", "\"s4\"", &["`product.packing.carry` changes nothing"]),
    fault(PACKING, "overflow = \"wrap\"\nstart", "overflow = \"saturate\"\nstart", "{ products", &["`product.packing` needs accumulator.overflow = \"wrap\""]),
    fault(ARRAY, "start = \"zero\"", "start = \"zero\"\nbanks = 2", "2", &["`accumulator.banks` are for one row of MACs"]),
    fault(ARRAY, "rounding = \"floor\"", "rounding = \"floor\"\nif = \"relu\"\nbypass = \"wire\"", "\"wire\"", &["`post.0.bypass` changes nothing", "no registers to go around"]),
];
