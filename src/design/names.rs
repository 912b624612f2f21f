//! Names in a design file and the parameters they stand for, in the order of their first use.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::context::Context;
use super::file::{self, At, Value};
use super::identifier::is_plain;
use super::{convert, post_only, synonyms};
use crate::error::{Result, nearest};
use crate::num::Format;
use crate::post::{Factor, Number, Operand, Parameter, Per, Source};

pub(super) struct Names<'a> {
    declared: &'a BTreeMap<String, At<file::Parameter>>,
    used: Vec<Parameter>,
    /// Declared once for several: how many.
    expanded: BTreeMap<String, u32>,
    /// Whether every value that comes in is a channel of its own.
    alone: bool,
    /// The name of the exponent of a weight, and its bits.
    exponent: Option<(&'a str, u32)>,
    /// Whether what reads names now has a weight.
    of_products: bool,
    exponent_is_read: bool,
}

impl<'a> Names<'a> {
    pub fn new(declared: &'a BTreeMap<String, At<file::Parameter>>) -> Self {
        Names {
            declared,
            used: Vec::new(),
            expanded: BTreeMap::new(),
            alone: false,
            exponent: None,
            of_products: false,
            exponent_is_read: false,
        }
    }

    pub fn parameters(&self) -> &[Parameter] {
        &self.used
    }

    /// Every value the operand can have.
    pub fn interval(&self, operand: Operand) -> (i128, i128) {
        operand.range(&self.used)
    }

    /// The operand that `value` is. `implicit` says what an undeclared name means.
    pub fn operand(
        &mut self,
        value: &At<Value>,
        key: &str,
        implicit: Option<Parameter>,
        context: &Context<'_>,
    ) -> Result<Operand> {
        match &**value {
            Value::Constant(constant) => Ok(Operand::Constant(*constant)),
            Value::Name(name) if self.of_products && self.exponent.is_some_and(|(own, _)| own == name) => {
                self.exponent_is_read = true;
                let bits = self.exponent.map_or(0, |(_, bits)| bits);
                Ok(Operand::Exponent { bits })
            }
            Value::Name(name) => {
                self.parameter(name, &value.span(), key, implicit, context).map(Operand::Parameter)
            }
        }
    }

    /// `count` parameters that are declared as one: `name_0`, `name_1`, …
    pub fn expand(
        &mut self,
        name: &str,
        count: u32,
        span: &Range<usize>,
        key: &str,
        implicit: Option<Parameter>,
        context: &Context<'_>,
    ) -> Result<Vec<Value>> {
        let one = match (self.declared.get(name), implicit) {
            (Some(at), implicit) => declared(name, at, implicit, self.alone, context)?,
            (None, Some(implicit)) => implicit,
            (None, None) => {
                // Says which names there are.
                self.parameter(name, span, key, None, context)?;
                return Ok(Vec::new());
            }
        };
        let known = self.expanded.insert(name.to_owned(), count);
        if known.is_some_and(|known| known != count) || self.used.iter().any(|p| p.name == name) {
            let what = format!("names parameter {name:?}, of which there are not {count} elsewhere");
            return Err(context.wrong(span, key, what));
        }
        let names: Vec<String> = (0..count).map(|index| format!("{name}_{index}")).collect();
        for name in names.iter().filter(|_| known.is_none()) {
            if self.declared.contains_key(name) || self.used.iter().any(|p| p.name == *name) {
                let what = format!("stands for parameter {name:?} among others, which there is already");
                return Err(context.wrong(span, key, what));
            }
            self.used.push(Parameter { name: name.clone(), ..one.clone() });
        }
        Ok(names.into_iter().map(Value::Name).collect())
    }

    /// The parameter that starts the accumulator, whose own rule fits it (R9).
    pub fn bias(&mut self, register: Format, span: &Range<usize>, context: &Context<'_>) -> Result<usize> {
        self.parameter("bias", span, "accumulator.start", Some(synonyms::bias(register)), context)
    }

    /// The names of a requantizer alone, whose values are channels.
    pub fn alone(self, alone: bool) -> Self {
        Names { alone, ..self }
    }

    /// Names of which one is that of a weight's exponent.
    pub fn with_exponent(&mut self, exponent: Option<(&'a str, u32)>) {
        self.exponent = exponent;
    }

    /// From here on, or no longer, what reads names has a weight.
    pub fn of_products(&mut self, are_of_products: bool) {
        self.of_products = are_of_products;
    }

    /// The name that is declared to be that of a weight's exponent.
    pub fn exponent_name(&self) -> Option<&'a str> {
        self.exponent.map(|(name, _)| name)
    }

    /// Bits of the exponent of a weight, where steps read it.
    pub fn exponent_bits(&self) -> Option<u32> {
        self.exponent.filter(|_| self.exponent_is_read).map(|(_, bits)| bits)
    }

    /// What comes in at a requantizer alone: the first parameter.
    pub fn value(&mut self, format: Format) -> usize {
        self.used.push(post_only::value(format));
        self.used.len() - 1
    }

    fn parameter(
        &mut self,
        name: &str,
        span: &Range<usize>,
        key: &str,
        implicit: Option<Parameter>,
        context: &Context<'_>,
    ) -> Result<usize> {
        if let Some(index) = self.used.iter().position(|p| p.name == name) {
            return Ok(index);
        }
        let parameter = match (self.declared.get(name), implicit) {
            (Some(at), implicit) => declared(name, at, implicit, self.alone, context)?,
            (None, Some(implicit)) => implicit,
            (None, None) => {
                let what = format!("names parameter {name:?}, which [parameters] does not declare");
                let error = context.wrong(span, key, what);
                let known: Vec<&str> = self.declared.keys().map(String::as_str).collect();
                let near = nearest(name, &known).map(|n| format!("did you mean {n:?}? Or "));
                let help = format!("{}add [parameters.{name}] with format = \"…\"", near.unwrap_or_default());
                return Err(error.help(help));
            }
        };
        self.used.push(parameter);
        Ok(self.used.len() - 1)
    }

    /// The names under which what is in use was declared.
    pub fn declarations(&self) -> impl Iterator<Item = String> + '_ {
        let exponent = self.exponent.filter(|_| self.exponent_is_read).map(|(name, _)| name.to_owned());
        let used = self.used.iter().map(|parameter| parameter.name.clone());
        used.chain(self.expanded.keys().cloned()).chain(exponent)
    }

    /// The parameters in use; a declared one that nothing uses, here or `elsewhere`, is a key that changes nothing.
    pub fn finish(self, elsewhere: &BTreeSet<String>, context: &Context<'_>) -> Result<Vec<Parameter>> {
        let own: BTreeSet<String> = self.declarations().collect();
        for (name, at) in self.declared {
            let is_used = elsewhere.contains(name) || own.contains(name);
            if !context.overridden && !is_used {
                let what = "changes nothing: no node uses this parameter";
                return Err(context.wrong(&at.span(), &format!("parameters.{name}"), what));
            }
        }
        // A source that the name says is not said twice.
        let names: Vec<String> = self.used.iter().map(|parameter| parameter.name.clone()).collect();
        let has = |name: &str| names.iter().any(|other| other == name);
        let plain = |parameter: Parameter| {
            let source =
                parameter.source.filter(|source| Source::by_name(&parameter.name, has) != Some(*source));
            Parameter { source, ..parameter }
        };
        Ok(self.used.into_iter().map(plain).collect())
    }
}

/// Where a layer's number comes from: as declared, or as the preset that reads it says.
fn source(
    at: &file::Parameter,
    implicit: Option<&Parameter>,
    key: &str,
    context: &Context<'_>,
) -> Result<Option<Source>> {
    let inherited = implicit.and_then(|parameter| parameter.source);
    let factor = at.factor.as_deref().map(|factor| convert::factor(*factor));
    let Some(stated) = &at.source else {
        let named = inherited.map(|source| Source { factor: factor.unwrap_or(source.factor), ..source });
        if let (Some(at), None) = (&at.factor, named) {
            let what = "is of a number of the layer: `source` says of which";
            return Err(context.wrong(&at.span(), &format!("{key}.factor"), what));
        }
        return Ok(named);
    };
    let Some(number) = Number::named(stated) else {
        let names = Number::NAMES.map(|(_, name)| name);
        let what = format!("is {:?}, which is no number of a layer", **stated);
        let near = nearest(stated, &names).map(|near| format!("did you mean {near:?}? ")).unwrap_or_default();
        let error = context.wrong(&stated.span(), &format!("{key}.source"), what);
        return Err(error.help(format!("{near}The numbers: {}", names.join(", "))));
    };
    let factor = factor.or(inherited.map(|source| source.factor)).unwrap_or(Factor::Float32);
    Ok(Some(Source { number, factor }))
}

fn declared(
    name: &str,
    at: &At<file::Parameter>,
    implicit: Option<Parameter>,
    alone: bool,
    context: &Context<'_>,
) -> Result<Parameter> {
    let key = format!("parameters.{name}");
    if !is_plain(name) {
        return Err(context.wrong(&at.span(), &key, "is not a name: letters, digits and _ only"));
    }
    let format = match (&at.format, &implicit) {
        (Some(format), _) => format.0,
        (None, Some(implicit)) => implicit.format,
        (None, None) => {
            return Err(context.wrong(&at.span(), &format!("{key}.format"), "is missing"));
        }
    };
    // Limits of an implicit parameter belong to its implicit format.
    let inherited = implicit.as_ref().filter(|i| i.format == format);
    let limit = |at: &Option<At<i64>>, part: &str, otherwise: i64| match at {
        None => Ok(otherwise),
        Some(at) if format.contains(i128::from(**at)) => Ok(**at),
        Some(at) => {
            let what = format!("is {}, outside {format}", **at);
            Err(context.wrong(&at.span(), &format!("{key}.{part}"), what))
        }
    };
    let min = limit(&at.min, "min", inherited.map_or(format.min(), |i| i.min))?;
    let max = limit(&at.max, "max", inherited.map_or(format.max(), |i| i.max))?;
    if min > max {
        return Err(context.wrong(&at.span(), &key, format!("has min {min} above max {max}")));
    }
    let default = match &at.default {
        Some(at) if (min..=max).contains(&**at) => Some(**at),
        Some(at) => {
            let what = format!("is {}, outside {min}..{max}", **at);
            return Err(context.wrong(&at.span(), &format!("{key}.default"), what));
        }
        None => implicit.as_ref().and_then(|i| i.default).filter(|d| (min..=max).contains(d)),
    };
    let per = match (&at.per, &implicit) {
        (Some(per), _) if **per == file::Per::Channel => Per::Channel,
        (Some(per), _) if **per == file::Per::Beat && alone => Per::Channel,
        (Some(per), _) if **per == file::Per::Weight => {
            let what = "is \"weight\": the exponent of a weight, which only product.steps meet";
            return Err(context.wrong(&per.span(), &format!("{key}.per"), what));
        }
        (Some(per), _) if **per == file::Per::Beat => {
            let what = "is \"beat\", which only values that come in have: an array's numbers come with their channel";
            return Err(context.wrong(&per.span(), &format!("{key}.per"), what));
        }
        (None, Some(implicit)) => implicit.per,
        _ => Per::Layer,
    };
    let aligned = at.aligned.as_ref().is_none_or(|aligned| **aligned);
    if let Some(at) = at.aligned.as_ref().filter(|_| !aligned && per == Per::Channel) {
        let what = "is false: a register that is not pipelined is constant over a run, and channels differ";
        return Err(context.wrong(&at.span(), &format!("{key}.aligned"), what).help("use per = \"layer\""));
    }
    let source = source(at, implicit.as_ref(), &key, context)?;
    Ok(Parameter { name: name.to_string(), format, per, min, max, default, aligned, source })
}
