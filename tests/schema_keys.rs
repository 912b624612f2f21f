//! Every design key that a help text, an explained topic, an advice or README names is one that the schema knows.

use std::path::Path;

use goldpath::design::Design;
use serde_json::Value;

/// Names with a dot that are no keys of a design: a node, scales of a layer, calls of Python's, a domain of operators.
const OTHERS: [&str; 10] = [
    "accumulator.output",
    "x.scale",
    "w.scale",
    "x.astype",
    "onnx.load",
    "onnx.save",
    "com.microsoft",
    "numpy.save",
    "numpy.savez",
    "torch.round",
];

/// Ends of file names.
const FILES: [&str; 18] = [
    "h", "c", "cc", "cpp", "rs", "toml", "json", "npy", "npz", "txt", "html", "onnx", "v", "sv", "md", "vcd",
    "vh", "py",
];

/// Signals of a twin.
const SIGNALS: [&str; 2] = ["in", "out"];

/// Whether a path of keys leads somewhere; `N` and numbers are indices.
fn leads(root: &Value, schema: &Value, path: &[&str]) -> bool {
    let Some((key, rest)) = path.split_first() else { return true };
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return leads(root, root.pointer(target.trim_start_matches('#')).unwrap(), path);
    }
    let ways = ["anyOf", "oneOf"].into_iter().filter_map(|way| schema.get(way)?.as_array()).flatten();
    let is_index = *key == "N" || key.bytes().all(|b| b.is_ascii_digit());
    let inner = [
        schema.get("properties").and_then(|properties| properties.get(key)),
        schema.get("items").filter(|_| is_index),
        schema.get("additionalProperties").filter(|rule| rule.is_object()),
    ];
    ways.into_iter().any(|way| leads(root, way, path))
        || inner.into_iter().flatten().any(|inner| leads(root, inner, rest))
}

/// Words with dots inside.
fn dotted(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let words = text.split(|c| !is_part(c)).map(|word| word.trim_matches('.'));
    let is_key = |word: &&str| {
        let parts: Vec<&str> = word.split('.').collect();
        let starts = |part: &str| part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        parts.len() > 1 && starts(parts[0]) && parts.iter().all(|p| !p.is_empty()) && !word.contains("..")
    };
    words.filter(is_key).collect()
}

/// Words that are neither keys nor known to be something else.
fn unknown<'t>(schema: &Value, text: &'t str) -> (usize, Vec<&'t str>) {
    let mut keys = 0;
    let mut found = Vec::new();
    for word in dotted(text) {
        let parts: Vec<&str> = word.split('.').collect();
        let ends_like_a_file = FILES.contains(parts.last().unwrap());
        if ends_like_a_file || SIGNALS.contains(&parts[0]) || OTHERS.contains(&word) {
            continue;
        }
        match leads(schema, schema, &parts) {
            true => keys += 1,
            false => found.push(word),
        }
    }
    (keys, found)
}

/// What stands in the string literals behind each `help(`.
fn advice(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices("help(") {
        let rest = &source[at + 5..];
        let Some(open) = rest.find('"').filter(|open| !rest[..*open].contains(';')) else { continue };
        let mut text = String::new();
        let mut letters = rest[open + 1..].chars();
        while let Some(letter) = letters.next().filter(|c| *c != '"') {
            text.push(letter);
            if letter == '\\' {
                text.extend(letters.next());
            }
        }
        found.push(text.replace("\\\"", " ").replace("\\n", " "));
    }
    found
}

fn sources(folder: &Path, all: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

fn said(arguments: &[&str]) -> String {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("goldpath");
    String::from_utf8(command.args(arguments).output().unwrap().stdout).unwrap()
}

#[test]
fn every_key_that_is_named_exists() {
    let schema = Design::json_schema();
    let commands = said(&["--help"]);
    let commands = commands.lines().skip_while(|l| !l.starts_with("Commands:")).skip(1);
    let commands: Vec<String> = commands
        .take_while(|l| l.starts_with("  "))
        .filter_map(|l| l.split_whitespace().next().map(str::to_string))
        .collect();
    assert!(commands.contains(&"sweep".to_string()) && commands.len() >= 11, "{commands:?}");
    let mut texts: Vec<String> = commands.iter().map(|command| said(&[command, "--help"])).collect();
    texts.push(said(&["explain", "--format", "json"]).replace("\\n", " "));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    texts.push(std::fs::read_to_string(root.join("README.md")).unwrap());
    let mut all = Vec::new();
    sources(&root.join("src"), &mut all);
    let advice: Vec<String> = all.iter().flat_map(|source| advice(source)).collect();
    assert!(advice.len() > 60, "{} advices", advice.len());
    texts.extend(advice);
    let (mut keys, mut strangers) = (0, Vec::new());
    for text in &texts {
        let (known, unknown) = unknown(&schema, text);
        strangers.extend(unknown);
        keys += known;
    }
    assert!(strangers.is_empty(), "{strangers:?}");
    println!("{keys} keys in {} texts", texts.len());
    assert!(keys > 10, "{keys}");
}

/// The keys of the check itself: those that exist are found, one that does not is not.
#[test]
fn a_key_that_does_not_exist_is_found_out() {
    let schema = Design::json_schema();
    let good =
        "accumulator.width, post.0.shift, reduce.N.format, operands.activation.recode, out.npy, in.first.";
    assert_eq!(unknown(&schema, good), (4, vec![]));
    let bad = "set memory.shift = 2, accumulator.widht or post.N.shif";
    assert_eq!(unknown(&schema, bad), (0, vec!["memory.shift", "accumulator.widht", "post.N.shif"]));
    assert_eq!(advice("e.help(\"set \\\"memory.shift=1\\\"\")"), ["set  memory.shift=1 "]);
}
