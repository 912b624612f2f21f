//! A preset becomes its list of steps before anything is read, so that `post.N.key` exists.

use std::cell::OnceCell;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::convert;
use super::file::{self, Value};
use super::overrides::moved;
use super::preset::{Choice, Preset};
use super::source::{Source, join, unknown_key};
use crate::error::Result;
use crate::num::Format;

const MAX_LATENCY: i64 = 64;

/// Keys beside a preset's parameters.
const OWN: [&str; 4] = ["preset", "format", "latency", "rounding"];

/// Replaces a preset table at `post` by its steps; says which preset it was.
///
/// `text` is where the steps are written as TOML: the tree borrows from it.
pub(super) fn expand<'a>(
    tree: &mut DeTable<'a>,
    text: &'a OnceCell<String>,
    source: &Source<'_>,
) -> Result<Option<Choice>> {
    let Some(post) = tree.get("post") else { return Ok(None) };
    if !matches!(post.get_ref(), DeValue::Table(_)) {
        return Ok(None);
    }
    let span = post.span();
    let (choice, given) = read(post, "post", source, tree)?;
    let text = text.get_or_init(|| choice.steps(&given));
    let list = DeValue::parse(text).map_err(|e| source.reader_error(&e, None))?;
    if let Some(post) = tree.get_mut("post") {
        *post = Spanned::new(span.clone(), moved(list, &span).into_inner());
    }
    Ok(Some(choice))
}

/// The parameters of a preset that does not run, which is checked.
pub(super) fn parameters(
    program: &Spanned<DeValue<'_>>,
    key: &str,
    source: &Source<'_>,
    tree: &DeTable<'_>,
) -> Result<Vec<String>> {
    let (choice, given) = read(program, key, source, tree)?;
    let named = given.into_iter().filter_map(|(_, value)| match value {
        Value::Name(name) => Some(name),
        Value::Constant(_) => None,
    });
    Ok(choice.preset.parameters().into_iter().map(str::to_owned).chain(named).collect())
}

/// What a table says: the scheme, what is chosen, and what stands for its parameters.
fn read(
    post: &Spanned<DeValue<'_>>,
    path: &str,
    source: &Source<'_>,
    tree: &DeTable<'_>,
) -> Result<(Choice, Vec<(String, Value)>)> {
    let fault = |e| source.reader_error(&e, Some(tree));
    let mut own = post.clone();
    let mut others = Vec::new();
    if let DeValue::Table(table) = own.get_mut() {
        others.extend(table.iter().map(|(key, value)| (key.clone(), value.clone())));
        others.retain(|(key, _)| !OWN.contains(&key.get_ref().as_ref()));
        others.iter().for_each(|(key, _)| drop(table.remove(key.get_ref().as_ref())));
    }
    let file = file::Preset::deserialize(ValueDeserializer::from(own)).map_err(fault)?;
    let preset = named(&file, path, source)?;
    let names = preset.parameters();
    let mut given = Vec::new();
    for (key, value) in others {
        let (name, own) = (key.get_ref().to_string(), join(path, key.get_ref()));
        if names.contains(&name.as_str()) {
            given.push((name, Value::deserialize(ValueDeserializer::from(value)).map_err(fault)?));
            continue;
        }
        if Preset::all().iter().any(|other| other.parameters().contains(&name.as_str())) {
            let what = format!("changes nothing: preset {:?} has {}", preset.name, names.join(", "));
            return Err(source.wrong(&value.span(), &own, what));
        }
        let known: Vec<&str> = OWN.into_iter().chain(names).collect();
        return Err(unknown_key(&own, path, &name, &known).at(source.place(key.span().start)));
    }
    Ok((choice(&file, preset, path, source)?, given))
}

/// The scheme that a table names.
fn named(file: &file::Preset, path: &str, source: &Source<'_>) -> Result<&'static Preset> {
    Preset::named(&file.preset).map_err(|near| {
        let what = format!("is {:?}, which is no preset", **file.preset);
        let names = Preset::names().join(", ");
        let near = near.map(|near| format!("did you mean {near:?}? ")).unwrap_or_default();
        source
            .wrong(&file.preset.span(), &join(path, "preset"), what)
            .help(format!("{near}The presets: {names}"))
    })
}

fn choice(file: &file::Preset, preset: &'static Preset, path: &str, source: &Source<'_>) -> Result<Choice> {
    let rounding = match (&file.rounding, preset.takes_rounding()) {
        (Some(rounding), true) => Some(convert::rounding(**rounding)),
        (None, true) => {
            return Err(source.wrong(&file.preset.span(), &join(path, "rounding"), "is missing"));
        }
        (Some(rounding), false) => {
            let what = format!("changes nothing: preset {:?} fixes its own rounding", preset.name);
            return Err(source.wrong(&rounding.span(), &join(path, "rounding"), what));
        }
        (None, false) => None,
    };
    let output = match &file.format {
        Some(format) => format.0,
        None => Format::signed(8).expect("8 bits"),
    };
    let mut choice = Choice { preset, output, rounding, latency: Vec::new() };
    if let Some(list) = &file.latency {
        if list.len() != choice.step_count() {
            let what =
                format!("has {} entries, but the preset has {} steps", list.len(), choice.step_count());
            return Err(source.wrong(&list.span(), &join(path, "latency"), what));
        }
        for entry in list.iter() {
            let latency = u32::try_from(**entry).ok().filter(|_| **entry <= MAX_LATENCY);
            let what = || format!("holds {}, which is not 0 to {MAX_LATENCY}", **entry);
            choice
                .latency
                .push(latency.ok_or_else(|| source.wrong(&entry.span(), &join(path, "latency"), what()))?);
        }
    }
    Ok(choice)
}
