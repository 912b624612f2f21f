//! Einsum's equation: which axes of which operand meet.

use crate::error::{Error, Kind, Result};

/// The most operands and axes of an equation.
const MOST: usize = 64;

/// One axis of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Axis {
    /// Axes that no letter names (`...`), counted from the back.
    Unnamed(usize),
    /// A letter.
    Letter(char),
}

/// One operand, or the result: letters, and where the axes stand that none names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Term {
    /// In front of the dots; all of them where there are none.
    pub before: Vec<char>,
    /// Behind the dots; none where there are no dots.
    pub after: Option<Vec<char>>,
}

/// The whole equation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equation {
    /// One per operand.
    pub operands: Vec<Term>,
    /// What is behind the arrow; without one, the letters that occur once.
    pub result: Option<Term>,
}

impl Term {
    fn parse(text: &str) -> Result<Term> {
        let wrong = || Error::new(Kind::Malformed, format!("a term {text:?} is no list of letters"));
        let letters = |text: &str| -> Result<Vec<char>> {
            let letters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
            let plain = letters.len() <= MOST && letters.iter().all(char::is_ascii_alphabetic);
            if plain { Ok(letters) } else { Err(wrong()) }
        };
        Ok(match text.split_once("...") {
            None => Term { before: letters(text)?, after: None },
            Some((before, after)) => Term { before: letters(before)?, after: Some(letters(after)?) },
        })
    }

    /// Its axes when `unnamed` of them have no letter.
    pub fn axes(&self, unnamed: usize) -> Vec<Axis> {
        let before = self.before.iter().copied().map(Axis::Letter);
        let Some(after) = &self.after else { return before.collect() };
        let dots = (0..unnamed).rev().map(Axis::Unnamed);
        before.chain(dots).chain(after.iter().copied().map(Axis::Letter)).collect()
    }

    /// Its letters.
    pub fn letters(&self) -> impl Iterator<Item = char> + '_ {
        self.before.iter().chain(self.after.iter().flatten()).copied()
    }
}

impl Equation {
    /// # Errors
    /// Text that is no equation.
    pub fn parse(text: &str) -> Result<Equation> {
        let (operands, result) = match text.split_once("->") {
            Some((operands, result)) => (operands, Some(Term::parse(result)?)),
            None => (text, None),
        };
        let operands: Vec<Term> = operands.split(',').map(Term::parse).collect::<Result<_>>()?;
        if operands.len() > MOST {
            let message = format!("{} operands, at most {MOST} are read", operands.len());
            return Err(Error::new(Kind::Unsupported, message));
        }
        Ok(Equation { operands, result })
    }

    /// The axes of the result when `unnamed` of them have no letter.
    pub fn result(&self, unnamed: usize) -> Vec<Axis> {
        if let Some(result) = &self.result {
            return result.axes(unnamed);
        }
        let mut letters: Vec<char> = self.operands.iter().flat_map(Term::letters).collect();
        letters.sort_unstable();
        let once = |c: &char| letters.iter().filter(|other| *other == c).count() == 1;
        let dots = (0..unnamed).rev().map(Axis::Unnamed);
        dots.chain(letters.iter().copied().filter(once).map(Axis::Letter)).collect()
    }
}
