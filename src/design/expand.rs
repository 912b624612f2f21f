//! A preset becomes its list of steps before anything is read, so that `post.N.key` exists.

use std::cell::OnceCell;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::file::{self, At, PresetName, Value};
use super::overrides::moved;
use super::source::Source;
use super::{canonical, convert};
use crate::error::Result;
use crate::post::{Choice, Operand, Preset};

const MAX_LATENCY: i64 = 64;

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
    let preset = file::Preset::deserialize(ValueDeserializer::from(post.clone()))
        .map_err(|e| source.reader_error(&e, Some(tree)))?;
    let choice = choice(&preset, source)?;
    let names = choice.preset.parameters();
    let given = given(&preset);
    for (name, value) in &given {
        if let Some(value) = value.filter(|_| !names.contains(name)) {
            let key = format!("post.{name}");
            let what = format!("changes nothing: preset {:?} has {}", choice.preset.name(), names.join(", "));
            return Err(source.wrong(&value.span(), &key, what));
        }
    }
    let values: Vec<Value> = names
        .iter()
        .map(|name| {
            let value = given.iter().find(|(n, _)| n == name).and_then(|(_, v)| *v);
            value.map_or_else(|| Value::Name(name.to_string()), |v| (**v).clone())
        })
        .collect();
    let operands: Vec<Operand> = (0..values.len()).map(Operand::Parameter).collect();
    let steps = choice.steps(&operands);
    let text = text.get_or_init(|| canonical::step_list(&steps, &values));
    let list = DeValue::parse(text).map_err(|e| source.reader_error(&e, None))?;
    if let Some(post) = tree.get_mut("post") {
        *post = Spanned::new(span.clone(), moved(list, &span).into_inner());
    }
    Ok(Some(choice))
}

/// The parameters of a preset that does not run, which is checked.
pub(super) fn parameters(
    program: &Spanned<DeValue<'_>>,
    source: &Source<'_>,
    tree: &DeTable<'_>,
) -> Result<Vec<String>> {
    let preset = file::Preset::deserialize(ValueDeserializer::from(program.clone()))
        .map_err(|e| source.reader_error(&e, Some(tree)))?;
    let choice = choice(&preset, source)?;
    let named = given(&preset).into_iter().filter_map(|(_, value)| match value.map(|value| &**value) {
        Some(Value::Name(name)) => Some(name.clone()),
        _ => None,
    });
    Ok(choice.preset.parameters().iter().map(|name| (*name).to_owned()).chain(named).collect())
}

fn given(preset: &file::Preset) -> [(&'static str, Option<&At<Value>>); 8] {
    [
        ("multiplier", preset.multiplier.as_ref()),
        ("shift", preset.shift.as_ref()),
        ("left_shift", preset.left_shift.as_ref()),
        ("right_shift", preset.right_shift.as_ref()),
        ("scale", preset.scale.as_ref()),
        ("zero_point", preset.zero_point.as_ref()),
        ("low", preset.low.as_ref()),
        ("high", preset.high.as_ref()),
    ]
}

fn choice(file: &file::Preset, source: &Source<'_>) -> Result<Choice> {
    let preset = match *file.preset {
        PresetName::Shift => Preset::Shift,
        PresetName::MultiplyShift => Preset::MultiplyShift,
        PresetName::TfliteDouble => Preset::TfliteDouble,
        PresetName::Onnxruntime => Preset::Onnxruntime,
    };
    let rounding = match (&file.rounding, preset) {
        (Some(rounding), Preset::Shift) => convert::rounding(**rounding),
        (None, Preset::Shift) => {
            return Err(source.wrong(&file.preset.span(), "post.rounding", "is missing"));
        }
        (Some(rounding), _) => {
            let what = format!("changes nothing: preset {:?} fixes its own rounding", preset.name());
            return Err(source.wrong(&rounding.span(), "post.rounding", what));
        }
        (None, _) => crate::num::Rounding::HalfUp,
    };
    let output = match &file.format {
        Some(format) => format.0,
        None => crate::num::Format::signed(8).expect("8 bits"),
    };
    let mut choice = Choice { preset, output, rounding, latency: Vec::new() };
    if let Some(list) = &file.latency {
        if list.len() != choice.step_count() {
            let what =
                format!("has {} entries, but the preset has {} steps", list.len(), choice.step_count());
            return Err(source.wrong(&list.span(), "post.latency", what));
        }
        for entry in list.iter() {
            let latency = u32::try_from(**entry).ok().filter(|_| **entry <= MAX_LATENCY);
            let what = || format!("holds {}, which is not 0 to {MAX_LATENCY}", **entry);
            choice.latency.push(latency.ok_or_else(|| source.wrong(&entry.span(), "post.latency", what()))?);
        }
    }
    Ok(choice)
}
