//! The loader: file and overrides → tree → expanded tree → [`Design`].

use std::cell::OnceCell;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::context::{Context, Drained};
use super::file::At;
use super::overrides;
use super::preset::Choice;
use super::source::{Source, join};
use super::{Design, build, canonical, expand, file, identifier, keys, post_only, programs};
use crate::error::{Error, Kind, Place, Result};
use crate::limits::{MAX_DESIGN_BYTES, read_all};

impl Design {
    /// Reads a design file. Each override is `KEY=VALUE` as typed behind `--set`: a dotted path, list indices
    /// allowed, and a TOML value; later ones win.
    ///
    /// # Errors
    /// Anything wrong, at the line of the file or the option that says it.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Design> {
        let file = std::fs::File::open(path).map_err(|e| Error::io(path, "read the design", e))?;
        let bytes = read_all(file, path, MAX_DESIGN_BYTES, "read the design")?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let valid = e.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(&e.as_bytes()[..valid]).into_owned();
            let (line, column) = super::source::line_and_column(&text, valid);
            Error::new(Kind::Malformed, "the design is not UTF-8 text").at(Place::Line {
                path: path.to_path_buf(),
                line,
                column,
            })
        })?;
        Design::parse(&text, path, overrides)
    }

    /// Reads a design from text; `file_name` is what errors call it.
    ///
    /// # Errors
    /// As [`Design::load`].
    pub fn parse(text: &str, file_name: &Path, overrides: &[String]) -> Result<Design> {
        let settings = overrides::settings(overrides, text.len())?;
        let source = Source { path: file_name, text, settings: &settings };
        let expansion = OnceCell::new();
        let tree = DeTable::parse(text).map_err(|e| source.reader_error(&e, None))?;
        let span = tree.span();
        let mut tree = tree.into_inner();
        let choice = shape(&mut tree, &expansion, &source)?;
        refuse_not_built(&mut tree, "", &source)?;
        post_only::complete(&mut tree, &source)?;
        let others = programs::others(&mut tree, &source)?;
        let mut file = file::File::deserialize(Deserializer::from(Spanned::new(span, tree.clone())))
            .map_err(|e| source.reader_error(&e, Some(&tree)))?;
        file.others = others;
        let drained = drained(&mut file);
        let context = Context { source: &source, overridden: !settings.is_empty(), drained };
        let mut design = Design { parts: build::parts(&file, choice.as_ref(), &context)? };
        bind_twin(&mut design, &file, &source)?;
        design.parts.hash = canonical::hash(&design);
        Ok(design)
    }

    /// The complete, expanded design as TOML: it loads back to the same design and hash.
    pub fn to_toml(&self) -> String {
        canonical::full(self)
    }
}

/// Puts the steps of a drain in front of the list that they begin: what sums go through on the way to their words, or to the
/// output, which is every program.
fn drained(file: &mut file::File) -> Drained {
    let drain = file.array.get_mut().drain.as_mut();
    let steps = drain.map(|drain| std::mem::take(&mut drain.get_mut().steps)).unwrap_or_default();
    let count = steps.len();
    let before = |list: &mut Vec<At<file::Step>>| {
        list.splice(0..0, steps.iter().cloned());
    };
    if let Some(memory) = &mut file.memory {
        before(&mut memory.get_mut().store);
        return Drained { list: "memory.store", count };
    }
    before(&mut file.post);
    file.others.iter_mut().filter(|other| other.names.is_empty()).for_each(|other| before(&mut other.steps));
    Drained { list: "post", count }
}

/// Overrides in the order typed; a program is chosen and a preset expanded as soon as one of its steps is named, else at the
/// end.
fn shape<'a>(
    tree: &mut DeTable<'a>,
    expansion: &'a OnceCell<String>,
    source: &Source<'a>,
) -> Result<Option<Choice>> {
    let mut choice = None;
    for setting in source.settings {
        let step = setting.keys.get(1).is_some_and(|k| k.bytes().all(|b| b.is_ascii_digit()));
        if setting.keys[0] == "post" {
            programs::choose(tree, source)?;
        }
        if setting.keys[0] == "post" && step && choice.is_none() {
            choice = expand::expand(tree, expansion, source)?;
        }
        overrides::apply(tree, setting, source)?;
    }
    if programs::choose(tree, source)? {
        choice = None;
    }
    Ok(match choice {
        Some(choice) => Some(choice),
        None => expand::expand(tree, expansion, source)?,
    })
}

/// Keys and values of the vocabulary that goldpath does not build are refused by name; those that say what is
/// built anyway are dropped.
fn refuse_not_built(table: &mut DeTable<'_>, path: &str, source: &Source<'_>) -> Result<()> {
    let mut as_built = Vec::new();
    for (key, value) in table.iter_mut() {
        let path = join(path, key.get_ref());
        let found = keys::NOT_BUILT.iter().find(|(pattern, ..)| keys::matches(pattern, &path));
        if let Some((_, built, supported)) = found.filter(|_| !matches!(value.get_ref(), DeValue::Table(_))) {
            if scalar(value.get_ref()).is_some_and(|v| built.contains(&v.as_str())) {
                as_built.push(key.get_ref().to_string());
                continue;
            }
            let error = Error::new(Kind::Unsupported, format!("`{path}` is not supported yet"));
            return Err(error.at(source.place(key.span().start)).help(*supported));
        }
        refuse_value(value, &path, source)?;
        match value.get_mut() {
            DeValue::Table(inner) => {
                refuse_not_built(inner, &path, source)?;
                if inner.is_empty() && path.starts_with("interface") {
                    as_built.push(key.get_ref().to_string());
                }
            }
            DeValue::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let path = join(&path, &index.to_string());
                    if let DeValue::Table(inner) = item.get_mut() {
                        refuse_not_built(inner, &path, source)?;
                    }
                }
            }
            _ => {}
        }
    }
    for key in as_built {
        table.remove(key.as_str());
    }
    Ok(())
}

fn refuse_value(value: &Spanned<DeValue<'_>>, path: &str, source: &Source<'_>) -> Result<()> {
    let text = value.get_ref().as_str();
    let found = keys::NOT_BUILT_VALUES.iter().find(|(p, v, _)| keys::matches(p, path) && text == Some(*v));
    match found {
        None => Ok(()),
        Some((_, value_text, supported)) => {
            let what = format!("`{path}` = {value_text:?} is not supported yet");
            let error = Error::new(Kind::Unsupported, what);
            Err(error.at(source.place(value.span().start)).help(format!("supported: {supported}")))
        }
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Looks every mapped key up in the canonical design, so that defaults can be mapped too.
fn bind_twin(design: &mut Design, file: &file::File, source: &Source<'_>) -> Result<()> {
    let text = canonical::full(design);
    let tree = DeTable::parse(&text).expect("the canonical design is TOML");
    let root = DeValue::Table(tree.into_inner());
    for (key, name) in &file.twin.parameters {
        let shown = format!("twin.parameters.\"{key}\"");
        let node = key.split('.').try_fold(&root, |node, part| match node {
            DeValue::Table(table) => table.get(part).map(Spanned::get_ref),
            DeValue::Array(items) => {
                part.parse().ok().and_then(|i: usize| items.get(i)).map(Spanned::get_ref)
            }
            _ => None,
        });
        let value = node
            .and_then(DeValue::as_integer)
            .and_then(|i| i64::from_str_radix(i.as_str(), i.radix()).ok())
            .ok_or_else(|| {
                let what = "maps no integer key of this design";
                source.wrong(&name.span(), &shown, what).help("for example \"accumulator.width\"")
            })?;
        let is_plain = identifier::is_plain(name);
        if let Some(fault) = identifier::fault_in_testbench(name).or((!is_plain).then(|| "has a $".into())) {
            let what = format!("is {:?}, which cannot name a Verilog parameter: it {fault}", **name);
            return Err(source.wrong(&name.span(), &shown, what));
        }
        design.parts.twin_values.insert(key.clone(), value);
    }
    Ok(())
}
