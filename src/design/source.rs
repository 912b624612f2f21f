//! Where a byte of a design came from: the file, or an override on the command line.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::keys;
use crate::error::{Error, Kind, Place, nearest};
use crate::num::Alias;

/// The file's text, followed in one virtual address space by every override, so that a span says which it is.
pub(super) struct Source<'a> {
    pub path: &'a Path,
    pub text: &'a str,
    pub settings: &'a [Setting],
}

/// One `--set KEY=VALUE`.
pub(super) struct Setting {
    /// As typed.
    pub typed: String,
    pub keys: Vec<String>,
    /// The value as TOML text.
    pub value: String,
    /// Where it lies behind the file's text.
    pub at: Range<usize>,
}

impl Source<'_> {
    /// The place of a byte: a line of the file, or the option that wrote it.
    pub fn place(&self, at: usize) -> Place {
        match self.settings.iter().find(|s| s.at.contains(&at)) {
            Some(setting) => Place::Option(format!("--set {}", setting.typed)),
            None => {
                let (line, column) = line_and_column(self.text, at);
                Place::Line { path: self.path.to_path_buf(), line, column }
            }
        }
    }

    /// An error about the value of `key`.
    pub fn error(&self, kind: Kind, span: &Range<usize>, key: &str, what: impl AsRef<str>) -> Error {
        let error = Error::new(kind, format!("`{key}` {}", what.as_ref())).at(self.place(span.start));
        match keys::allowed(key) {
            Some(allowed) => error.help(format!("`{key}` is {allowed}")),
            None => error,
        }
    }

    /// A design that contradicts itself at `key`.
    pub fn wrong(&self, span: &Range<usize>, key: &str, what: impl AsRef<str>) -> Error {
        self.error(Kind::Design, span, key, what)
    }

    /// An error of the TOML reader, said in the design's words.
    pub fn reader_error(&self, error: &toml::de::Error, tree: Option<&DeTable<'_>>) -> Error {
        let span = error.span().unwrap_or(0..0);
        // The document itself has an empty span.
        let owner = tree.filter(|_| !span.is_empty()).map(|t| path_at(t, &span)).unwrap_or_default();
        let place = self.place(span.start);
        let message = error.message().trim_end();
        let mut words = message.split('`').skip(1).step_by(2);
        if message.starts_with("unknown field") {
            let key = words.next().unwrap_or_default();
            let parent = owner.strip_suffix(key).unwrap_or(&owner).trim_end_matches('.');
            return unknown_key(&join(parent, key), parent, key, &words.collect::<Vec<_>>()).at(place);
        }
        if message.starts_with("missing field") {
            let key = join(&owner, words.next().unwrap_or_default());
            let error = Error::new(Kind::Design, format!("`{key}` is missing")).at(place);
            return match keys::allowed(&key) {
                Some(allowed) => error.help(format!("`{key}` is {allowed}")),
                None => error,
            };
        }
        if tree.is_none() || owner.is_empty() {
            return Error::new(Kind::Malformed, message).at(place).help("a design is a TOML file");
        }
        // What is allowed is the help line's to say, where there is one.
        let message = match keys::allowed(&owner) {
            Some(_) => message.split(", expected one of").next().unwrap_or(message),
            None => message,
        };
        let error = self.error(Kind::Design, &span, &owner, format!("cannot be read: {message}"));
        match (elsewhere(&owner, message), keys::allowed(&owner)) {
            (Some(names), Some(allowed)) => error.help(format!("{names}. `{owner}` is {allowed}")),
            (Some(names), None) => error.help(names),
            (None, _) => error,
        }
    }
}

/// What a rounding or an overflow rule by another system's name is here; where none is written, nothing.
fn elsewhere(owner: &str, message: &str) -> Option<String> {
    let value = message.strip_prefix("unknown variant `")?.split('`').next()?;
    let is_rounding = match owner.rsplit('.').next()? {
        "rounding" => true,
        "overflow" => false,
        _ => return None,
    };
    let names = Alias::named(value).filter(|alias| alias.meaning.is_rounding() == is_rounding);
    let says: Vec<String> = names.map(Alias::says).collect();
    (!says.is_empty()).then(|| says.join("; "))
}

/// A key that nobody reads, and what may have been meant.
pub(super) fn unknown_key(path: &str, parent: &str, key: &str, allowed: &[&str]) -> Error {
    let table = if parent.is_empty() { "the top level".to_string() } else { format!("`{parent}`") };
    let error = Error::new(Kind::Design, format!("unknown key `{path}`"));
    let known = format!("{table} knows {}", allowed.join(", "));
    match nearest(key, allowed) {
        Some(near) => error.help(format!("did you mean `{}`? {known}", join(parent, near))),
        None => error.help(known),
    }
}

pub(super) fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_string() } else { format!("{parent}.{key}") }
}

/// Both from 1; the column counts characters.
pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = String::from_utf8_lossy(&text.as_bytes()[..at.min(text.len())]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    (line, column)
}

/// The dotted path of the key or value that a span belongs to; empty for the whole document.
fn path_at(tree: &DeTable<'_>, span: &Range<usize>) -> String {
    let mut best: Option<(usize, String)> = None;
    visit_table(tree, "", &mut |path, at| {
        if at.start <= span.start && span.end <= at.end {
            let size = at.len();
            if best.as_ref().is_none_or(|(b, _)| size < *b) {
                best = Some((size, path.to_string()));
            }
        }
    });
    best.map(|(_, path)| path).unwrap_or_default()
}

fn visit_table(table: &DeTable<'_>, path: &str, see: &mut impl FnMut(&str, Range<usize>)) {
    for (key, value) in table.iter() {
        let path = join(path, key.get_ref());
        see(&path, key.span());
        visit_value(value, &path, see);
    }
}

fn visit_value(value: &toml::Spanned<DeValue<'_>>, path: &str, see: &mut impl FnMut(&str, Range<usize>)) {
    see(path, value.span());
    match value.get_ref() {
        DeValue::Table(table) => visit_table(table, path, see),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                visit_value(item, &join(path, &index.to_string()), see);
            }
        }
        _ => {}
    }
}
