//! What is proved equal is never told apart: random designs, random inputs, and their corners.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use goldpath::design::Design;
use goldpath::functional;
use goldpath::neighbours::{self, Hardware};
use goldpath::strength::directed::{Form, directed};
use goldpath::strength::{Judge, proved_equal};
use goldpath::vectors::case::{self, Case};

fn pick<'a>(seed: &mut u64, of: &[&'a str]) -> &'a str {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    of[(*seed >> 33) as usize % of.len()]
}

/// What stands in front of `[operands]`: no post steps, a preset, or a list.
fn random_post(seed: &mut u64, rounding: &str, output: &str) -> String {
    let mut p = |of: &[&'static str]| pick(seed, of);
    match p(&["none", "shift", "multiply_shift", "tflite_double", "onnxruntime", "steps", "others", "others"])
    {
        "none" => String::new(),
        "shift" => format!(
            "post = {{ preset = \"shift\", format = \"{output}\", rounding = \"{rounding}\", latency = [0, 1, 1] }}\n"
        ),
        "steps" => format!(
            "post = [{{ step = \"shift_right\", shift = {}, rounding = \"{rounding}\" }}, {{ step = \"max\", value = 0 }}, {{ step = \"saturate\", format = \"{output}\" }}]\n",
            p(&["1", "2", "3"])
        ),
        "others" => {
            let adder = p(&["s6", "s9", "s12", "s20", "u8"]);
            let lists = [
                format!("{{ step = 'shift_right', shift = 'cut', rounding = '{rounding}', adder = '{adder}' }}"),
                format!("{{ step = 'shift_right', shift = 2, rounding = '{rounding}', adder = '{adder}', if = 'bit', bypass = 'register' }}"),
                "{ step = 'add', value = 'term', value_steps = [{ step = 'shift_left', value = 'cut', format = 's10', overflow = 'saturate' }] }".into(),
                "{ step = 'min', value = 'term', value_steps = [{ step = 'multiply', value = -3 }, { step = 'add', value = 1 }] }".into(),
                "{ step = 'max', value = 0, if = '!bit', bypass = 'register', latency = 1 }".into(),
                "{ step = 'lut', first = -4, values = [9, -1, -1, 0, 5, 2, 7, 7, -20], below = 3, above = 11 }".into(),
                "{ step = 'thresholds', values = [-7, 'term', 0, 3, 40], offset = -2 }".into(),
                "{ step = 'thresholds', values = 'many', count = 3, latency = 1 }".into(),
                format!("{{ step = 'subtract', value = 5 }}, {{ step = 'branch', negative = [{{ step = 'shift_right', shift = 2, rounding = '{rounding}' }}], otherwise = [{{ step = 'multiply', value = 3, format = 's7', overflow = 'saturate' }}] }}"),
                "{ step = 'subtract', value = 1 }, { step = 'branch', negative = [{ step = 'add', value = 'term', value_steps = [{ step = 'min', value = 2 }] }] }".into(),
            ];
            let places = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
            let steps: Vec<String> =
                (0..2).map(|_| lists[p(&places).parse::<usize>().unwrap()].clone()).collect();
            format!("post = [{}, {{ step = \"saturate\", format = \"{output}\" }}]\n", steps.join(", "))
        }
        preset => format!("post = {{ preset = \"{preset}\", format = \"{output}\" }}\n"),
    }
}

/// The wires of an array whose sums travel.
fn travelling(seed: &mut u64, array: &str) -> String {
    let passes = match array {
        "weight_stationary" => "activation",
        "input_stationary" => "weight",
        _ => return String::new(),
    };
    let mut p = |of: &[&'static str]| pick(seed, of);
    let mut text = format!("rows = {}\ncolumns = {}\n", p(&["1", "2", "5", "9"]), p(&["1", "2", "4"]));
    text += &format!("hop = {{ {passes} = {}, sum = {} }}\n", p(&["0", "1"]), p(&["1", "2"]));
    text += &format!("skew = \"{}\"\n", p(&["host", "internal"]));
    text += &format!("sum_register = \"{}\"\n", p(&["after", "before"]));
    let loads = [
        "kind = \"row\"",
        "kind = \"instant\", clears_sums = true",
        "kind = \"shift\", buffers = 2, switch = \"wave\"",
        "kind = \"row\", buffers = 2, switch = \"global\"",
    ];
    text + &format!("load = {{ {} }}\n", p(&loads))
}

/// A memory, now and then, and visits of three beats where sums stay.
fn memory(seed: &mut u64, array: &str, lanes: &str) -> String {
    let mut p = |of: &[&'static str]| pick(seed, of);
    if p(&["no", "yes"]) == "no" {
        return String::new();
    }
    let (rule, format) = (p(&["wrap", "saturate", "saturate_symmetric"]), p(&["s8", "s13", "s20", "s33"]));
    let mut text = format!("[memory]\nformat = \"{format}\"\noverflow = \"{rule}\"\n");
    text += &format!("depth = {}\nread_latency = {}\n", p(&["3", "64"]), p(&["0", "1"]));
    text += p(&[
        "",
        "store = [{ step = 'shift_right', shift = 2, rounding = 'half_even' }]\n",
        "store = [{ step = 'clamp', low = -90, high = 75 }]\nload = [{ step = 'shift_right', shift = 1, rounding = 'half_up' }]\n",
        "load = [{ step = 'saturate', format = 's9' }]\n",
    ]);
    let stays = !array.starts_with("weight") && !array.starts_with("input");
    if stays && p(&["whole", "visits"]) == "visits" {
        text += &format!("[order]\ntile_k = {}\n", 3 * lanes.parse::<usize>().unwrap());
    }
    text
}

/// Steps of products, now and then.
fn product(seed: &mut u64) -> &'static str {
    let all = [
        "",
        "",
        "[product]\nsteps = [{ step = 'shift_right', shift = 3, rounding = 'half_even' }]\n",
        "[product]\nsteps = [{ step = 'shift_right', shift = 1, rounding = 'half_away' }, { step = 'saturate', format = 's6' }]\n",
        "[product]\nsteps = [{ step = 'clamp', low = -100, high = 90 }]\n",
    ];
    pick(seed, &all)
}

/// A design of anything that the language says, as text; not every one can be built.
pub fn random_design(seed: &mut u64) -> String {
    let mut p = |of: &[&'static str]| pick(seed, of);
    let arrays = ["sequential", "tree", "output_stationary", "weight_stationary", "input_stationary"];
    let array = p(&arrays);
    let lanes = if array == "sequential" { "1" } else { p(&["1", "2", "3", "4"]) };
    let lanes = if array == "tree" && lanes == "1" { "2" } else { lanes };
    let width = p(&["4", "7", "8", "12", "16", "20", "24", "32", "33", "48", "64"]);
    let overflow = p(&["wrap", "saturate", "saturate_symmetric"]);
    let start = p(&["zero", "bias", "overwrite", "bias"]);
    let (aw, asg) = (p(&["1", "2", "4", "5", "8", "9", "12"]), p(&["true", "false", "true"]));
    let (ww, wsg) = (p(&["2", "3", "4", "8", "8", "11"]), p(&["true", "false", "true", "true"]));
    let rounding = p(&[
        "floor",
        "ceil",
        "trunc",
        "away",
        "half_up",
        "half_down",
        "half_away",
        "half_zero",
        "half_even",
        "half_odd",
    ]);
    let output = p(&["s8", "u8", "s4", "s12", "u4", "s16"]);
    let post = random_post(seed, rounding, output);
    let mut p = |of: &[&'static str]| pick(seed, of);
    let offset = match p(&["none", "none", "constant", "parameter"]) {
        "constant" => ", offset = -3, format = \"s16\"",
        "parameter" => ", offset = \"activation_offset\", format = \"s18\"",
        _ => "",
    };
    let mut text = format!(
        "schema = 1\nname = \"made\"\n{post}[operands]\nactivation = {{ width = {aw}, signed = {asg}{offset} }}\n\
         weight = {{ width = {ww}, signed = {wsg} }}\nlatency = {}\n[accumulator]\nwidth = {width}\nsigned = {}\n\
         overflow = \"{overflow}\"\nstart = \"{start}\"\n[array]\ndataflow = \"{array}\"\nlanes = {lanes}\n",
        p(&["0", "1"]),
        p(&["true", "true", "false"]),
    );
    if array == "output_stationary" {
        text += &format!("rows = {}\ncolumns = {}\n", p(&["1", "2", "3"]), p(&["1", "2", "4"]));
        text += p(&[
            "",
            "hop = { activation = 1, weight = 1 }\nskew = \"internal\"\n",
            "hop = { activation = 1, weight = 0 }\nskew = \"host\"\n",
        ]);
    }
    if array == "tree" {
        text += &format!("columns = {}\n", p(&["1", "3"]));
    }
    text += &travelling(seed, array);
    text += product(seed);
    if start != "bias" {
        text += &memory(seed, array, lanes);
    }
    let mut p = |of: &[&'static str]| pick(seed, of);
    text += "[parameters]\n";
    let declared = [
        ("'cut'", "cut = { format = \"u3\", per = \"channel\" }\n"),
        ("'term'", "term = { format = \"s6\", per = \"channel\" }\n"),
        ("'many'", "many = { format = \"s5\", per = \"channel\" }\n"),
    ];
    let used = declared.into_iter().filter(|(name, _)| text.contains(name));
    let used: String = used.map(|(_, line)| line).collect();
    text += &used;
    if start == "bias" {
        let format = p(&["s32", "s8", "s16", "s40"]);
        text += &format!("bias = {{ format = \"{format}\", per = \"channel\" }}\n");
    }
    let is_offset = offset.contains("activation_offset");
    text + if is_offset { "activation_offset = { format = \"s9\", per = \"layer\" }\n" } else { "" }
}

pub fn designs(count: usize, seed: u64) -> Vec<(u64, Arc<Design>)> {
    let mut state = seed;
    let mut made = Vec::new();
    for _ in 0..count * 40 {
        let before = state;
        if let Ok(design) = Design::parse(&random_design(&mut state), Path::new("made.toml"), &[]) {
            made.push((before, Arc::new(design)));
        }
        if made.len() == count {
            return made;
        }
    }
    panic!("only {} of {count} designs can be built", made.len());
}

/// What is made of each design, in threads that share no pool: one that waits for its own work begins no other design's.
pub fn each_apart<R: Send>(
    designs: &[(u64, Arc<Design>)],
    make: &(dyn Fn(u64, &Arc<Design>) -> R + Sync),
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        while let Some((at, design)) = designs.get(next.fetch_add(1, Ordering::Relaxed)) {
            made.push(make(*at, design));
        }
        made
    };
    let threads = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e)))
            .collect()
    })
}

/// Programs, neighbours proved equal, those told apart, and those that are neither.
fn check(count: usize, seed: u64) -> [usize; 4] {
    let found = each_apart(&designs(count, seed), &|at, design| check_one(at, design));
    let sum = |a: [usize; 4], b: [usize; 4]| std::array::from_fn(|n| a[n] + b[n]);
    let [programs, proved, told, unknown] = found.into_iter().fold([0; 4], sum);
    println!(
        "{count} designs, {programs} programs: {proved} proved equal, {told} told apart, {unknown} neither"
    );
    [programs, proved, told, unknown]
}

fn check_one(at: u64, design: &Arc<Design>) -> [usize; 4] {
    let all: Vec<_> = neighbours::of(&Hardware::of(design)).collect();
    let equal: Vec<bool> = all.iter().map(|n| proved_equal(design, &n.hardware).is_some()).collect();
    let mut caught = vec![false; all.len()];
    let forms = [Form::Whole, Form::Single].into_iter().map(|form| directed(design, form, None, 1));
    let cases = Case::ALL
        .into_iter()
        .map(|case| case::make(design, case, [3, 9, 5], at, &|program| functional::run(program, true)));
    let mut programs = 0;
    for program in forms.chain(cases).flatten() {
        let judge = Judge::new(&program);
        assert_eq!(judge.difference(&Hardware::of(design)), None, "seed {at}");
        programs += 1;
        for (index, neighbour) in all.iter().enumerate() {
            // What was told apart once is.
            if caught[index] {
                continue;
            }
            let difference = judge.difference(&neighbour.hardware);
            assert!(
                difference.is_none() || !equal[index],
                "seed {at}: {} is proved equal, but {difference:?}\n{}",
                neighbour.name,
                design.to_toml()
            );
            caught[index] = difference.is_some();
        }
    }
    let count = |flags: &dyn Fn(usize) -> bool| (0..all.len()).filter(|index| flags(*index)).count();
    [
        programs,
        count(&|index| equal[index]),
        count(&|index| caught[index]),
        count(&|index| !caught[index] && !equal[index]),
    ]
}

#[test]
fn what_is_proved_equal_is_never_told_apart() {
    let [programs, proved, told, _] = check(40, 9);
    assert!(programs > 120 && proved > 300 && told > 2000);
}

#[test]
#[ignore = "long: 1 000 random designs"]
fn a_thousand_random_designs() {
    check(1000, 10);
}
