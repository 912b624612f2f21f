//! `--set KEY=VALUE`: one field of the design, written over the file's.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::source::{Setting, Source};
use crate::error::{Error, Kind, Place, Result};
use crate::limits::{MAX_KEY_PARTS, MAX_OVERRIDES};

/// Reads the options as typed; `behind` is the length of the file's text.
pub(super) fn settings(typed: &[String], behind: usize) -> Result<Vec<Setting>> {
    if typed.len() > MAX_OVERRIDES {
        let message = format!("{} overrides; one invocation takes {MAX_OVERRIDES}", typed.len());
        return Err(Error::new(Kind::Usage, message).at(Place::Option("--set".into())));
    }
    let mut at = behind + 1;
    typed
        .iter()
        .map(|text| {
            let setting = setting(text, at)?;
            at = setting.at.end + 1;
            Ok(setting)
        })
        .collect()
}

fn setting(typed: &str, at: usize) -> Result<Setting> {
    let place = Place::Option(format!("--set {typed}"));
    let wrong = |what: String| {
        Error::new(Kind::Usage, what)
            .at(place.clone())
            .help("write --set KEY=VALUE, for example --set accumulator.width=20 or --set post.0.shift=7")
    };
    let (key, value) = typed.split_once('=').ok_or_else(|| wrong("there is no `=`".into()))?;
    let keys: Vec<String> = key.trim().split('.').map(|k| k.trim().to_string()).collect();
    if keys.iter().any(String::is_empty) {
        return Err(wrong(format!("{key:?} is not a dotted key")));
    }
    if keys.len() > MAX_KEY_PARTS {
        return Err(wrong(format!(
            "the key has {} parts; no key of a design has {MAX_KEY_PARTS}",
            keys.len()
        )));
    }
    let value = value.trim();
    let bare = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !["true", "false", "inf", "nan"].contains(&value);
    let value = if bare { format!("\"{value}\"") } else { value.to_string() };
    if let Err(error) = DeValue::parse(&value) {
        return Err(wrong(format!("{value:?} is not a TOML value: {}", error.message().trim_end())));
    }
    let end = at + typed.len().max(value.len());
    Ok(Setting { typed: typed.to_string(), keys, value, at: at..end })
}

/// Writes one override into the tree.
pub(super) fn apply<'a>(tree: &mut DeTable<'a>, setting: &'a Setting, source: &Source<'_>) -> Result<()> {
    let value = DeValue::parse(&setting.value).map_err(|e| source.reader_error(&e, None))?;
    let value = moved(value, &setting.at);
    let (last, tables) = setting.keys.split_last().expect("a setting has a key");
    let mut table = tree;
    let mut path = tables.iter().enumerate();
    while let Some((depth, key)) = path.next() {
        let node = table
            .entry(Spanned::new(setting.at.clone(), Cow::Owned(key.clone())))
            .or_insert_with(|| Spanned::new(setting.at.clone(), DeValue::Table(DeTable::new())));
        let mut node = node.get_mut();
        if matches!(node, DeValue::Array(_)) {
            let index = path.next().map(|(_, k)| k).unwrap_or(last);
            node = element(node, index, setting, &setting.keys[..=depth])?;
            if depth + 2 == setting.keys.len() {
                *node = value.into_inner();
                return Ok(());
            }
        }
        let DeValue::Table(inner) = node else {
            return Err(usage(setting, format!("`{}` is not a table", setting.keys[..=depth].join("."))));
        };
        table = inner;
    }
    put(table, last, value, setting);
    Ok(())
}

/// Pairs of keys of a step that mean the same: one replaces the other.
const SAME: [(&str, &str); 4] = [("shift", "value"), ("low", "min"), ("high", "max"), ("format", "width")];

fn put<'a>(table: &mut DeTable<'a>, key: &str, value: Spanned<DeValue<'a>>, setting: &Setting) {
    if table.contains_key("step") {
        for (one, other) in SAME {
            if key == one {
                table.remove(other);
            } else if key == other {
                table.remove(one);
            }
        }
        if key == "format" {
            table.remove("signed");
        }
    }
    table.remove(key);
    table.insert(Spanned::new(setting.at.clone(), Cow::Owned(key.to_string())), value);
}

fn element<'t, 'a>(
    node: &'t mut DeValue<'a>,
    index: &str,
    setting: &Setting,
    path: &[String],
) -> Result<&'t mut DeValue<'a>> {
    let path = path.join(".");
    let DeValue::Array(items) = node else {
        return Err(usage(setting, format!("`{path}` is not a list")));
    };
    let count = items.len();
    let bound = match count {
        0 => "it is empty".to_string(),
        _ => format!("it has elements 0 to {}", count - 1),
    };
    index
        .parse::<usize>()
        .ok()
        .and_then(|i| items.get_mut(i))
        .map(Spanned::get_mut)
        .ok_or_else(|| usage(setting, format!("`{path}` has no element {index}: {bound}")))
}

fn usage(setting: &Setting, what: String) -> Error {
    Error::new(Kind::Usage, what).at(Place::Option(format!("--set {}", setting.typed)))
}

/// The same value with every span replaced: it was written by an option or a preset.
pub(super) fn moved<'a>(value: Spanned<DeValue<'a>>, at: &Range<usize>) -> Spanned<DeValue<'a>> {
    let inner = match value.into_inner() {
        DeValue::Array(items) => {
            DeValue::Array(items.into_iter().map(|v| moved(v, at)).collect::<DeArray<'a>>())
        }
        DeValue::Table(table) => DeValue::Table(
            table
                .into_iter()
                .map(|(k, v)| (Spanned::new(at.clone(), k.into_inner()), moved(v, at)))
                .collect(),
        ),
        scalar => scalar,
    };
    Spanned::new(at.clone(), inner)
}
