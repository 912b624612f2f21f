//! The JSON Schema accepts every design that the loader accepts, and knows every key the loader knows.

use std::path::Path;

use goldpath::design::Design;
use serde_json::Value;

/// Does `value` satisfy `schema`? Only the keywords that goldpath's schema uses; another one is an error.
fn accepts(root: &Value, schema: &Value, value: &Value) -> bool {
    let Some(table) = schema.as_object() else { return schema.as_bool().unwrap_or(false) };
    table.iter().all(|(keyword, rule)| match keyword.as_str() {
        "$ref" => {
            let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
            accepts(root, target, value)
        }
        "anyOf" => rule.as_array().unwrap().iter().any(|s| accepts(root, s, value)),
        "oneOf" => rule.as_array().unwrap().iter().filter(|s| accepts(root, s, value)).count() == 1,
        "type" => of_type(rule, value),
        "const" => rule == value,
        "enum" => rule.as_array().unwrap().contains(value),
        "items" => value.as_array().is_none_or(|v| v.iter().all(|i| accepts(root, rule, i))),
        "minItems" => value.as_array().is_none_or(|v| v.len() as u64 >= rule.as_u64().unwrap()),
        "maxItems" => value.as_array().is_none_or(|v| v.len() as u64 <= rule.as_u64().unwrap()),
        "required" => rule.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some()),
        "properties" => value.as_object().is_none_or(|object| {
            object.iter().all(|(key, v)| rule.get(key).is_none_or(|s| accepts(root, s, v)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|object| {
            let known = |key: &str| schema.pointer(&format!("/properties/{key}")).is_some();
            object.iter().filter(|(key, _)| !known(key)).all(|(_, v)| accepts(root, rule, v))
        }),
        // A string is read by the loader; annotations change nothing.
        "pattern" | "format" | "minimum" | "description" | "title" | "default" | "$defs" | "$schema" => true,
        other => panic!("the schema uses {other:?}, which this test does not know"),
    })
}

fn of_type(rule: &Value, value: &Value) -> bool {
    if let Some(any) = rule.as_array() {
        return any.iter().any(|r| of_type(r, value));
    }
    match rule.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other:?}"),
    }
}

fn json(text: &str) -> Value {
    serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
}

/// A design that uses every step and every key of a step.
const EVERY_STEP: &str = r#"
schema = 1
name = "every_step"
post = [
    { step = "bias", latency = 1 },
    { step = "add", value = -1 },
    { step = "subtract", value = "amount", format = { width = 40, signed = true }, overflow = "wrap" },
    { step = "multiply", value = 3 },
    { step = "max", value = -1000 },
    { step = "min", value = 1000 },
    { step = "relu" },
    { step = "shift_left", shift = 1 },
    { step = "shift_right", value = 1, rounding = "half_odd" },
    { step = "rounding_shift", shift = 1, rounding = "away" },
    { step = "float_scale", value = 1065353216, rounding = "half_even", format = "s16", overflow = "saturate" },
    { step = "float", precision = "f64", ops = [{ multiply = 0 }, { add = "amount" }, { multiply_add = [0, 0] }, { add_integer = 1 }, { clamp = [-5, 5] }, "add_half"], rounding = "trunc", format = "s16", overflow = "saturate" },
    { step = "zero_point" },
    { step = "clamp", low = 0, high = 255 },
    { step = "clamp", min = 0, max = 255 },
    { step = "shift_right", value = 1, rounding = "half_up", adder = "u8", if = "halved", bypass = "register" },
    { step = "add", value = "amount", value_steps = [{ step = "shift_left", value = 1 }], if = "!halved", bypass = "register" },
    { step = "lut", first = 0, values = [0, 5, -3], below = 0, above = 9 },
    { step = "thresholds", values = [-1, 3, "amount"], offset = -2 },
    { step = "thresholds", values = "level", count = 2 },
    { step = "subtract", value = 1 },
    { step = "branch", negative = [{ step = "multiply", value = 3 }], otherwise = [{ step = "add", value = 1 }] },
    { step = "saturate", width = 8, signed = false },
    { step = "fit", format = "s8", overflow = "saturate_symmetric" },
]

[operands]
activation = { width = 8, signed = true, offset = 1, format = "s9" }
weight = { width = 8, signed = true, recode = "minus_128" }
latency = 1

[product]
latency = 1

[[reduce]]
group = 2
stride = 1
format = "s18"
latency = 1

[accumulator]
width = 20
signed = true
overflow = "saturate_output"
register_width = 24
start = "overwrite"

[array]
dataflow = "output_stationary"
rows = 2
columns = 2
lanes = 2
hop = { activation = 1, weight = 0 }
skew = "internal"
drain = { order = "rows", latency = 1 }

[order]
kernel = ["cin", "kh", "kw"]
lane_map = "strided"

[parameters]
amount = { format = "s8", per = "channel", min = 0, max = 9, default = 2 }
level = { format = "s3", per = "channel" }

[twin.parameters]
"accumulator.width" = "ACC_WIDTH"
"#;

#[test]
fn the_schema_accepts_what_the_loader_accepts() {
    let schema = Design::json_schema();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_models");
    let mut texts = vec![EVERY_STEP.to_string()];
    for entry in std::fs::read_dir(folder).unwrap() {
        texts.extend(std::fs::read_to_string(entry.unwrap().path().join("design.toml")));
    }
    assert!(texts.len() >= 6);
    for text in texts {
        let design = Design::parse(&text, Path::new("design.toml"), &[]).unwrap_or_else(|e| panic!("{e}"));
        assert!(accepts(&schema, &schema, &json(&text)), "{text}");
        assert!(accepts(&schema, &schema, &json(&design.to_toml())), "{}", design.to_toml());
    }
}

#[test]
fn the_schema_refuses_what_the_loader_refuses() {
    let schema = Design::json_schema();
    let faults = [
        ("latency = 1 },\n    { step = \"add\"", "latncy = 1 },\n    { step = \"add\""),
        ("step = \"relu\"", "step = \"rleu\""),
        ("rounding = \"away\"", "rounding = \"up\""),
        ("{ multiply_add = [0, 0] }", "{ multiply_add = [0] }"),
        ("\"add_half\"", "\"half\""),
        ("schema = 1\n", ""),
        ("[product]\nlatency = 1", "[product]\nlatency = true"),
        ("start = \"overwrite\"", "start = \"none\""),
    ];
    for (from, to) in faults {
        let text = EVERY_STEP.replacen(from, to, 1);
        assert_ne!(text, EVERY_STEP);
        assert!(Design::parse(&text, Path::new("design.toml"), &[]).is_err(), "{to}");
        assert!(!accepts(&schema, &schema, &json(&text)), "{to}");
    }
}
