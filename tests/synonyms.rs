//! Steps by the names that designers use: each is the step it stands for, same hash, same program.

use std::path::Path;

use goldpath::design::Design;

const BASE: &str = r#"schema = 1
name = "mac"

[operands]
activation = { width = 8, signed = true }
weight = { width = 8, signed = true }

[accumulator]
width = 20
signed = true
overflow = "wrap"
start = "zero"

[array]
dataflow = "sequential"
"#;

fn parse(post: &str, parameters: &str, overrides: &[&str]) -> Design {
    let overrides: Vec<String> = overrides.iter().map(|s| s.to_string()).collect();
    let text = BASE.replacen("\n\n", &format!("\n{post}\n\n"), 1) + parameters;
    Design::parse(&text, Path::new("design.toml"), &overrides).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

#[test]
fn every_synonym_is_the_step_it_stands_for() {
    let parameters = "[parameters]\nbias = { format = \"s32\", per = \"channel\", default = 0 }\n\
                      zero_point = { format = \"s9\", min = -128, max = 255, default = 0 }\n";
    let spoken = r#"post = [
        { step = "bias" },
        { step = "relu" },
        { step = "rounding_shift", shift = 4, rounding = "half_up" },
        { step = "zero_point" },
        { step = "clamp", min = -100, max = 200 },
        { step = "saturate", width = 8, signed = true, latency = 1 },
    ]"#;
    let plain = r#"post = [
        { step = "add", value = "bias" },
        { step = "max", value = 0 },
        { step = "shift_right", value = 4, rounding = "half_up" },
        { step = "add", value = "zero_point" },
        { step = "clamp", low = -100, high = 200 },
        { step = "fit", format = "s8", overflow = "saturate", latency = 1 },
    ]"#;
    let (spoken, plain) = (parse(spoken, "", &[]), parse(plain, parameters, &[]));
    assert_eq!(spoken, plain);
    let again = Design::parse(&spoken.to_toml(), Path::new("expanded.toml"), &[]).unwrap();
    assert_eq!(again, spoken);
}

#[test]
fn a_synonym_takes_its_own_value_sign_and_format() {
    let same = |a: &str, b: &str| assert_eq!(parse(a, "", &[]), parse(b, "", &[]), "{a}");
    same(r#"post = [{ step = "zero_point", value = -3 }]"#, r#"post = [{ step = "add", value = -3 }]"#);
    same(r#"post = [{ step = "bias", value = 7 }]"#, r#"post = [{ step = "add", value = 7 }]"#);
    let fit =
        |format: &str| format!("post = [{{ step = 'fit', format = '{format}', overflow = 'saturate' }}]");
    same("post = [{ step = 'saturate', width = 8 }]", &fit("s8"));
    same("post = [{ step = 'saturate', width = 8, signed = false }]", &fit("u8"));
    same("post = [{ step = 'saturate', format = 'u4' }]", &fit("u4"));
    same("post = [{ step = 'fit', width = 8, overflow = 'saturate' }]", &fit("s8"));
}

#[test]
fn overrides_replace_a_synonym_key() {
    let clamp = r#"post = [{ step = "clamp", min = 1, max = 2 }, { step = "saturate", width = 8 }]"#;
    let set = |overrides: &[&str]| parse(clamp, "", overrides);
    assert_eq!(set(&["post.0.low=0", "post.0.high=3"]), set(&["post.0.min=0", "post.0.max=3"]));
    assert_eq!(set(&["post.1.format=s6"]), set(&["post.1.width=6"]));
}
