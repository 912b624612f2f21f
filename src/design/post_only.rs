//! A requantizer alone: `[accumulator]` is the format of what comes in, and there is no `[operands]` and no `[array]`.
//!
//! It is one MAC that multiplies nothing: what comes in is what its sums start from, a number of every output's own, and its
//! beat adds 0 to that. So every engine, bound and neighbour that knows a start knows it; only ports and cycles are its own.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Design;
use super::keys;
use super::overrides::moved;
use super::source::{Source, join};
use crate::error::Result;
use crate::num::Format;
use crate::post::{Parameter, Per};

/// Name of what comes in: the port is `in.value`.
pub(super) const VALUE: &str = "value";

/// What such a design has beside `[accumulator]`.
const TABLES: [&str; 8] =
    ["schema", "name", "accumulator", "post", "program", "programs", "parameters", "twin"];

/// What stands for the tables that it has not.
const OPERANDS: &str =
    "{ activation = { width = 1, signed = false }, weight = { width = 1, signed = false } }";
const ARRAY: &str = "{ dataflow = \"post_only\" }";
const OVERFLOW: &str = "\"wrap\"";
const START: &str = "\"overwrite\"";

/// Completes the file of a requantizer alone; any other is left as it is.
pub(super) fn complete(tree: &mut DeTable<'_>, source: &Source<'_>) -> Result<()> {
    let is_one = tree.contains_key("post") || tree.contains_key("programs");
    if !is_one || tree.contains_key("operands") || tree.contains_key("array") {
        return Ok(());
    }
    let Some((key, accumulator)) = tree.get_key_value("accumulator") else { return Ok(()) };
    let at = key.span();
    refuse_others(tree, "", &TABLES, source)?;
    if let DeValue::Table(table) = accumulator.get_ref() {
        refuse_others(table, "accumulator", &["width", "signed"], source)?;
    }
    let declared = tree.get("parameters").and_then(|table| table.get_ref().get(VALUE));
    if let Some(declared) = declared {
        let what = "is what comes in, of the accumulator's format: a parameter needs another name";
        return Err(source.wrong(&declared.span(), &format!("parameters.{VALUE}"), what));
    }
    let written = |text: &'static str| {
        DeValue::parse(text).map(|value| moved(value, &at)).map_err(|e| source.reader_error(&e, None))
    };
    let put = |table: &mut DeTable<'_>, key: &'static str, text: &'static str| -> Result<()> {
        table.insert(Spanned::new(at.clone(), key.into()), written(text)?);
        Ok(())
    };
    if let Some(DeValue::Table(table)) = tree.get_mut("accumulator").map(Spanned::get_mut) {
        put(table, "overflow", OVERFLOW)?;
        put(table, "start", START)?;
    }
    put(tree, "operands", OPERANDS)?;
    put(tree, "array", ARRAY)
}

/// Refuses the keys of a table that a requantizer alone has no use for; unknown ones are the reader's matter.
fn refuse_others(table: &DeTable<'_>, path: &str, own: &[&str], source: &Source<'_>) -> Result<()> {
    for (key, _) in table.iter().filter(|(key, _)| !own.contains(&key.get_ref().as_ref())) {
        let path = join(path, key.get_ref());
        let is_table = ["product", "reduce", "memory", "order"].contains(&path.as_str());
        if is_table || keys::allowed(&path).is_some() {
            let what = "changes nothing: without [operands] and [array] nothing is multiplied or summed";
            return Err(source.wrong(&key.span(), &path, what));
        }
    }
    Ok(())
}

/// What comes in, as the start of a sum: every value of its format, each output its own.
pub(super) fn value(format: Format) -> Parameter {
    Parameter::new(VALUE, format, Per::Channel)
}

impl Design {
    /// Whether it is a requantizer alone, without operands and an array.
    pub fn is_post_only(&self) -> bool {
        self.array.is_post_only()
    }

    /// Format of `in.value`.
    pub fn value_format(&self) -> Format {
        self.value_parameter().map_or(self.accumulator.format, |index| self.parameters[index].format)
    }

    /// What comes in at a requantizer alone, among the parameters.
    pub fn value_parameter(&self) -> Option<usize> {
        self.accumulator.bias.filter(|_| self.is_post_only())
    }
}
