//! Programs that a design has besides `post`: `program` says which one takes its place. The others are read too, so that a
//! mistake in one is found whichever runs.

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::expand;
use super::file::{self, At};
use super::source::{Source, join};
use crate::error::{Result, nearest};

/// A program that does not run.
#[derive(Debug, Clone)]
pub(super) struct Other {
    /// `programs.relu`, or `post`.
    pub key: String,
    /// None of a preset, which has been checked.
    pub steps: Vec<At<file::Step>>,
    /// Parameters that a preset reads.
    pub names: Vec<String>,
}

/// Puts the program that `program` names in the place of `post`, which then is one of the others; says whether it did.
pub(super) fn choose<'a>(tree: &mut DeTable<'a>, source: &Source<'a>) -> Result<bool> {
    let Some(chosen) = tree.remove("program") else { return Ok(false) };
    let Some(name) = chosen.get_ref().as_str() else {
        return Err(source.wrong(&chosen.span(), "program", "is not the name of a program"));
    };
    let mut programs = match tree.get("programs").map(Spanned::get_ref) {
        Some(DeValue::Table(programs)) => programs.clone(),
        _ => DeTable::new(),
    };
    let Some(program) = programs.remove(name) else {
        let known: Vec<&str> = programs.keys().map(|key| key.get_ref().as_ref()).collect();
        let what = format!("is {name:?}, but [programs] has {}", listed(&known));
        let error = source.wrong(&chosen.span(), "program", what);
        return Err(match nearest(name, &known) {
            Some(near) => error.help(format!("did you mean {near:?}?")),
            None => error.help("write its steps as `programs.NAME`, or leave `program` out for `post`"),
        });
    };
    let span = program.span();
    if let Some(post) = tree.remove("post") {
        programs.insert(Spanned::new(post.span(), UNCHOSEN.into()), post);
    }
    tree.insert(Spanned::new(span.clone(), "post".into()), program);
    tree.remove("programs");
    tree.insert(Spanned::new(span.clone(), "programs".into()), Spanned::new(span, DeValue::Table(programs)));
    Ok(true)
}

/// `post` among the others; no name of a program.
const UNCHOSEN: &str = "post of no program";

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Takes the programs that do not run out of the tree.
pub(super) fn others(tree: &mut DeTable<'_>, source: &Source<'_>) -> Result<Vec<Other>> {
    let Some(programs) = tree.get("programs") else { return Ok(Vec::new()) };
    let DeValue::Table(programs) = programs.get_ref() else {
        return Err(source.wrong(&programs.span(), "programs", "is not a table of programs"));
    };
    let mut others = Vec::new();
    for (name, program) in programs.iter() {
        let name = name.get_ref();
        let key = if name == UNCHOSEN { "post".to_owned() } else { join("programs", name) };
        let (mut steps, mut names) = (Vec::new(), Vec::new());
        if matches!(program.get_ref(), DeValue::Table(_)) {
            names = expand::parameters(program, &key, source, tree)?;
        } else {
            steps = Vec::deserialize(ValueDeserializer::from(program.clone()))
                .map_err(|e| source.reader_error(&e, Some(tree)))?;
        }
        others.push(Other { key, steps, names });
    }
    tree.remove("programs");
    Ok(others)
}
