//! Keys that have no page of their own: what the schema of design.toml says of them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::design::Design;

/// How deep keys lie inside keys; steps inside steps are steps again.
const DEEPEST: usize = 4;

/// Pages of one key each, at most.
const MOST: usize = 4;

/// A key of design.toml.
pub(super) struct Entry {
    /// With dots; `*` stands for an index or a name.
    pub path: String,
    pub summary: String,
    /// What it may be, and the keys inside it.
    pub text: String,
}

/// Every key that is called so, with the tables it is in or without; the words of a step are the step's.
pub(super) fn entries(asked: &str) -> Vec<Entry> {
    let schema = Design::json_schema();
    let asked = asked.trim_matches('.').to_lowercase().replace('-', "_");
    let mut found = Vec::new();
    walk(&schema, &schema, "", 0, &mut |path, node, owner| {
        let plain = path.replace(".*", "");
        let is_it = plain == asked || plain.ends_with(&format!(".{asked}"));
        if is_it && !found.iter().any(|entry: &Entry| entry.path == path) {
            found.push(entry(&schema, path, node, owner));
        }
    });
    found.sort_by_key(|entry| entry.path.len());
    found.truncate(MOST);
    found
}

/// Every word that can be asked for, for near misses.
pub(super) fn words() -> BTreeSet<String> {
    let schema = Design::json_schema();
    let mut words = BTreeSet::new();
    walk(&schema, &schema, "", 0, &mut |path, _, _| {
        words.insert(path.replace(".*", ""));
        words.extend(path.rsplit('.').find(|word| *word != "*").map(str::to_owned));
    });
    words
}

/// Tells every key: its path, what it is, and the place that names it, whose description it may have.
fn walk(schema: &Value, node: &Value, path: &str, depth: usize, tell: &mut dyn FnMut(&str, &Value, &Value)) {
    if depth > DEEPEST {
        return;
    }
    for part in parts(schema, node) {
        let properties = part["properties"].as_object().into_iter().flatten();
        let inside = part.get("additionalProperties").filter(|inside| inside.is_object());
        let items = part.get("items").into_iter().chain(inside);
        for (name, child) in properties {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            tell(&path, child, child);
            walk(schema, child, &path, depth + 1, tell);
        }
        for child in items {
            walk(schema, child, &format!("{path}.*"), depth, tell);
        }
    }
}

/// What a node may be: itself, what it refers to, each of its alternatives but null.
fn parts<'a>(schema: &'a Value, node: &'a Value) -> Vec<&'a Value> {
    let mut all = vec![node];
    if let Some(name) = node["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        all.extend(parts(schema, &schema["$defs"][name]));
    }
    for key in ["anyOf", "oneOf"] {
        for child in node[key].as_array().into_iter().flatten() {
            all.extend(parts(schema, child));
        }
    }
    all
}

fn entry(schema: &Value, path: &str, node: &Value, owner: &Value) -> Entry {
    let parts = parts(schema, node);
    let said = |part: &&Value| part["description"].as_str().map(|text| text.replace('\n', " "));
    let own = owner["description"].as_str().map(|text| text.replace('\n', " "));
    let summary =
        own.or_else(|| parts.iter().find_map(said)).unwrap_or_else(|| "a key of design.toml".to_owned());
    let mut lines = Vec::new();
    for part in &parts {
        let listed = part["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
        lines.extend(listed.map(|value| format!("  \"{value}\"")));
        if let Some(value) = part["const"].as_str() {
            let what = said(part).map_or(String::new(), |what| format!(": {what}"));
            lines.push(format!("  \"{value}\"{what}"));
        }
        let types = match &part["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let plain = ["integer", "boolean", "number"].into_iter().filter(|kind| types.contains(kind));
        lines.extend(plain.map(|kind| format!("  {kind}")));
        for (name, child) in part["properties"].as_object().into_iter().flatten() {
            let what = said(&child).map_or(String::new(), |what| format!(": {what}"));
            lines.push(format!("  {name}{what}"));
        }
    }
    Entry { path: path.to_owned(), summary, text: lines.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_with_its_tables_or_without() {
        let one = entries("array.hop");
        assert_eq!(one.len(), 1);
        assert!(one[0].text.contains("activation") && one[0].text.contains("sum"), "{}", one[0].text);
        assert!(entries("register_width")[0].path == "accumulator.register_width");
        assert!(entries("lane_map")[0].text.contains("strided"), "{}", entries("lane_map")[0].text);
        assert!(
            entries("overflow").len() > 1 && entries("overflow").iter().any(|e| e.text.contains("saturate"))
        );
        assert!(entries("nothing").is_empty());
        assert!(words().contains("reduce.stride") && words().contains("stride"));
    }
}
