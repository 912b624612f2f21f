//! Directed programs of designs with every kind of step: each neighbour told apart or proved equal, each goal reached or
//! proved impossible.

use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::neighbours::{self, Hardware};
use goldpath::strength::directed::{Form, directed};
use goldpath::strength::{Judge, goals, proved_equal, reached};

/// A sequential MAC in front of steps.
fn text(post: &str, parameters: &str) -> String {
    format!(
        "schema = 1\nname = \"mac\"\npost = [{post}]\n\
         [operands]\nactivation = {{ width = 8, signed = true }}\nweight = {{ width = 8, signed = true }}\n\
         [accumulator]\nwidth = 12\nsigned = true\noverflow = \"wrap\"\nstart = \"bias\"\n\
         [array]\ndataflow = \"sequential\"\n\
         [parameters]\nbias = {{ format = \"s12\", per = \"channel\" }}\n{parameters}"
    )
}

/// Neighbours, proved equal, neither; goals, impossible, open.
fn strength(design: &Arc<Design>) -> (usize, usize, Vec<String>, usize, Vec<String>) {
    let programs = Form::ALL.map(|form| directed(design, form, None, 1).unwrap());
    let judges = programs.each_ref().map(Judge::new);
    let (mut equal, mut missed, mut count) = (0, Vec::new(), 0);
    for neighbour in neighbours::of(&Hardware::of(design)) {
        count += 1;
        let told = judges.iter().any(|judge| judge.difference(&neighbour.hardware).is_some());
        let proof = if told { None } else { proved_equal(design, &neighbour.hardware) };
        assert!(!told || proved_equal(design, &neighbour.hardware).is_none(), "{} is both", neighbour.name);
        equal += usize::from(proof.is_some());
        if !told && proof.is_none() {
            missed.push(neighbour.name);
        }
    }
    let all = goals(design);
    let by: Vec<Vec<bool>> =
        programs.iter().zip(&judges).map(|(program, judge)| reached(program, judge, &all)).collect();
    let mut open = Vec::new();
    for (index, goal) in all.iter().enumerate() {
        let is_reached = by.iter().any(|by| by[index]);
        assert!(!(is_reached && goal.impossible.is_some()), "{goal:?} is reached");
        if !is_reached && goal.impossible.is_none() {
            open.push(goal.name.clone());
        }
    }
    (count, equal, missed, all.len(), open)
}

fn check(post: &str, parameters: &str, keys: &[&str]) {
    check_text(&text(post, parameters), keys);
}

fn check_text(text: &str, keys: &[&str]) {
    let design =
        Arc::new(Design::parse(text, Path::new("mac.toml"), &[]).unwrap_or_else(|e| panic!("{e}\n{text}")));
    let edited: Vec<&str> = neighbours::of(&Hardware::of(&design)).map(|n| n.key).collect();
    for key in keys {
        assert!(edited.contains(key), "nothing edits {key}");
    }
    let (count, equal, missed, goals, open) = strength(&design);
    println!("{count} neighbours, {equal} equal; {goals} goals");
    assert!(
        missed.is_empty() && open.is_empty(),
        "neither told nor equal {missed:#?}; open {open:#?}\n{text}"
    );
}

#[test]
fn a_stated_adder() {
    let post = r#"{ step = "shift_right", value = "shift", rounding = "half_even", adder = "s12" },
        { step = "fit", format = "s8", overflow = "saturate_symmetric" }"#;
    check(post, "shift = { format = \"u3\", per = \"channel\" }\n", &["post.*.adder"]);
}

#[test]
fn steps_of_a_value() {
    let post = r#"{ step = "add", value = "level", value_steps = [{ step = "shift_left", value = "up" }] },
        { step = "max", value = -5 },
        { step = "shift_right", value = "cut", rounding = "half_up", format = "s8", overflow = "saturate" }"#;
    let parameters = "level = { format = \"s8\", per = \"channel\" }\n\
                      up = { format = \"u2\", per = \"channel\" }\ncut = { format = \"u3\", per = \"channel\" }\n";
    check(post, parameters, &["post.*.value_steps"]);
}

#[test]
fn a_table() {
    let post = r#"{ step = "shift_right", value = "shift", rounding = "floor" },
        { step = "lut", first = -8, values = [-90, -60, -33, -20, -9, -4, -2, -1, 0, 3, 7, 20, 31, 45, 80], below = -100, above = 99 }"#;
    let shift = "shift = { format = \"u3\", per = \"channel\" }\n";
    check(post, shift, &["post.*.first", "post.*.values", "post.*.below", "post.*.above"]);
}

#[test]
fn thresholds() {
    let listed = r#"{ step = "thresholds", values = [-700, -90, -3, 0, 1, 40, 1500], offset = -4 }"#;
    check(listed, "", &["post.*.values", "post.*.count", "post.*.offset"]);
    let named = r#"{ step = "thresholds", values = "t", count = 3, offset = "o" }"#;
    let parameters = "t = { format = \"s10\", per = \"channel\" }\no = { format = \"s4\" }\n";
    check(named, parameters, &["post.*.values", "post.*.count", "post.*.offset"]);
}

#[test]
fn a_branch() {
    let post = r#"{ step = "branch",
            negative = [{ step = "multiply", value = "slope" },
                        { step = "shift_right", value = 5, rounding = "half_away", format = "s10", overflow = "saturate" }],
            otherwise = [{ step = "add", value = 9 }] },
        { step = "fit", format = "s9", overflow = "saturate" }"#;
    check(
        &post.replace('\n', " "),
        "slope = { format = \"s6\", per = \"channel\" }\n",
        &["post.*.negative", "post.*.otherwise"],
    );
}

#[test]
fn a_bit_of_the_layer() {
    let post = r#"{ step = "max", value = 0, if = "relu", bypass = "register", latency = 1 },
        { step = "fit", format = "s8", overflow = "saturate" }"#;
    check(post, "", &["post.*.if"]);
}

/// A MAC whose products, sums on their way to a memory, or words go through steps.
fn inner(steps: &str, parameters: &str) -> String {
    format!(
        "schema = 1\nname = \"mac\"\n\
         [operands]\nactivation = {{ width = 8, signed = true }}\nweight = {{ width = 8, signed = true }}\n\
         [accumulator]\nwidth = 16\nsigned = true\noverflow = \"wrap\"\nstart = \"overwrite\"\n\
         [array]\ndataflow = \"sequential\"\n{steps}\n[parameters]\n{parameters}"
    )
}

#[test]
fn steps_of_products() {
    let rounded = "[product]\nsteps = [{ step = 'shift_right', value = 3, rounding = 'half_even', format = 's10', overflow = 'saturate' }]";
    check_text(&inner(rounded, ""), &["product.steps"]);
    let clamped = "[product]\nsteps = [{ step = 'clamp', low = -3000, high = 2900 }]";
    check_text(&inner(clamped, ""), &["product.steps"]);
    let shifted = "[product]\nsteps = [{ step = 'shift_right', value = 'cut', rounding = 'half_away', format = 's9', overflow = 'wrap' }]";
    check_text(&inner(shifted, "cut = { format = 'u3', per = 'channel' }\n"), &["product.steps"]);
}

/// Two products of one slice: without its correction the second sum lacks what the first one's sign takes.
#[test]
fn a_packed_slice() {
    let text = "schema = 1\nname = \"pair\"\n[operands]\n\
         activation = { width = 8, signed = true }\nweight = { width = 8, signed = true }\n\
         [product]\nmultiplier = \"dsp48e2\"\n\
         packing = { products = 2, offset = 18, share = \"activation\", correction = \"borrow\" }\n\
         [accumulator]\nwidth = 18\nsigned = true\noverflow = \"wrap\"\nstart = \"overwrite\"\n\
         [array]\ndataflow = \"tree\"\ncolumns = 2\nlanes = 1\n[order]\nmax_k = 7\n";
    check_text(text, &["product.packing.correction"]);
}

#[test]
fn steps_of_a_memory() {
    let memory = |format: &str, steps: &str| {
        format!(
            "[memory]\nformat = '{format}'\noverflow = 'saturate'\ndepth = 16\n{steps}\n[order]\ntile_k = 6\n"
        )
    };
    let stored = "store = [{ step = 'shift_right', value = 4, rounding = 'half_up', format = 's12', overflow = 'saturate' }]";
    check_text(&inner(&memory("s13", stored), ""), &["memory.store"]);
    let loaded = "load = [{ step = 'shift_right', value = 1, rounding = 'half_even' }, { step = 'clamp', low = -900, high = 901 }]";
    check_text(&inner(&memory("s13", loaded), ""), &["memory.load"]);
}

/// Activations that are shifted by the exponent of their weight, whose sign comes behind: of roundings that are the same on both
/// sides of 0, that is no other hardware than a sign in front.
#[test]
fn steps_that_read_exponents() {
    for rounding in ["floor", "half_away"] {
        let text = format!(
            "schema = 1\nname = \"mac\"\n\
             post = [{{ step = \"shift_right\", value = 2, rounding = \"half_up\", format = \"s8\", overflow = \"saturate\" }}]\n\
             [operands]\nactivation = {{ width = 8, signed = true }}\n\
             weight = {{ width = 4, signed = true, coding = \"power_of_two\" }}\n\
             [product]\nmultiplier = \"shift\"\n\
             steps = [{{ step = \"shift_right\", value = \"k\", rounding = \"{rounding}\" }}]\n\
             [accumulator]\nwidth = 12\nsigned = true\noverflow = \"wrap\"\nstart = \"bias\"\n\
             [array]\ndataflow = \"sequential\"\n\
             [parameters]\nbias = {{ format = \"s12\", per = \"channel\" }}\nk = {{ format = \"u3\", per = \"weight\" }}\n"
        );
        check_text(&text, &["parameters.*.per", "operands.*.width", "product.steps"]);
        let design = Arc::new(Design::parse(&text, Path::new("mac.toml"), &[]).unwrap());
        let first =
            neighbours::of(&Hardware::of(&design)).find(|n| n.name.contains("sign in front")).unwrap();
        assert_eq!(proved_equal(&design, &first.hardware).is_some(), rounding == "half_away");
    }
}

#[test]
fn steps_in_floats() {
    let post = r#"{ step = "float", ops = [{ multiply = "scale" }, { add_integer = "zero" }], rounding = "half_even",
        format = "s8", overflow = "saturate" }"#;
    let parameters = "scale = { format = \"s32\", per = \"channel\", min = 0, max = 2139095039 }\n\
                      zero = { format = \"s8\", per = \"layer\" }\n";
    check(post, parameters, &["post.*.ops"]);
}
