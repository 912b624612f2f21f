//! A requantisation scheme as somebody chooses it: a preset, and how it rounds where it leaves that open.

use std::path::Path;

use super::{Design, Preset};
use crate::error::Result;
use crate::num::{Format, Rounding};

/// A preset, and how it rounds where it leaves that open.
#[derive(Debug, Clone, Copy)]
pub struct Scheme {
    /// Its steps, and where their numbers come from.
    pub preset: &'static Preset,
    /// Only, and always, of a preset that takes one.
    pub rounding: Option<Rounding>,
}

impl Scheme {
    /// Every preset once, with half up where it takes a rounding.
    pub fn all() -> impl Iterator<Item = Scheme> {
        let is_first = |scheme: &Scheme| scheme.rounding.is_none_or(|rounding| rounding == Rounding::HalfUp);
        Scheme::in_every_rounding().filter(is_first)
    }

    /// Every preset, in every rounding that it may be given.
    pub fn in_every_rounding() -> impl Iterator<Item = Scheme> {
        Preset::all().iter().flat_map(|preset| {
            let roundings = match preset.takes_rounding() {
                true => Rounding::ALL.map(Some).to_vec(),
                false => vec![None],
            };
            roundings.into_iter().map(move |rounding| Scheme { preset, rounding })
        })
    }

    /// `NAME`, or `NAME:ROUNDING` of a preset that takes one.
    ///
    /// # Errors
    /// What is no such name, with what may be said instead.
    pub fn parse(text: &str) -> Result<Scheme, String> {
        let (name, rounding) = text.split_once(':').map_or((text, None), |(name, r)| (name, Some(r)));
        let preset = Preset::named(name).map_err(|near| match near {
            Some(near) => format!("there is no preset {name}; did you mean {near}?"),
            None => format!("there is no preset {name}: `goldpath explain presets` lists them"),
        })?;
        let rounding = rounding.map(str::parse::<Rounding>).transpose()?;
        match (preset.takes_rounding(), rounding) {
            (true, None) => Err(format!("preset {name} rounds as told: {name}:half_up, {name}:floor, ...")),
            (false, Some(_)) => {
                Err(format!("preset {name} rounds as its scheme says: leave the rounding out"))
            }
            _ => Ok(Scheme { preset, rounding }),
        }
    }

    /// As [`Scheme::parse`] reads it.
    pub fn name(&self) -> String {
        match self.rounding {
            None => self.preset.name.to_owned(),
            Some(rounding) => format!("{}:{rounding}", self.preset.name),
        }
    }

    /// What a design says to have it, in front of outputs of this format.
    pub fn post(&self, output: Format) -> String {
        let rounding = self.rounding.map_or_else(String::new, |r| format!(", rounding = \"{r}\""));
        format!("post = {{ preset = \"{}\", format = \"{output}\"{rounding} }}\n", self.preset.name)
    }

    /// The scheme alone, between these formats: a requantizer without an array.
    ///
    /// # Errors
    /// It does not go from the one to the other.
    pub fn alone(&self, input: Format, output: Format) -> Result<Design> {
        let (width, signed) = (input.width(), input.is_signed());
        let text = format!(
            "schema = 1\nname = \"alone\"\n{}accumulator = {{ width = {width}, signed = {signed} }}\n",
            self.post(output)
        );
        Design::parse(&text, Path::new(self.preset.name), &[])
    }
}
