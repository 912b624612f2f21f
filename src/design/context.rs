//! What every part of a design is read with: the source that errors point into, and the checks that all keys share.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};

use super::file::At;
use super::source::Source;
use crate::error::{Error, Kind, Result};

/// Registers in a row, anywhere.
const LATENCY: RangeInclusive<i64> = 0..=64;

/// What the parts of a design are built with.
pub(super) struct Context<'a> {
    pub source: &'a Source<'a>,
    /// Overrides may leave a declared parameter without use.
    pub overridden: bool,
    /// The list that begins with the steps of a drain, and how many they are.
    pub drained: Drained,
}

/// A list of steps, and how many of its first ones were written as `array.drain.steps`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drained {
    pub list: &'static str,
    pub count: usize,
}

impl Drained {
    /// As the file has it.
    fn spelled<'k>(&self, key: &'k str) -> Cow<'k, str> {
        let rest = key.strip_prefix(self.list).and_then(|rest| rest.strip_prefix('.'));
        let Some(rest) = rest.filter(|_| self.count > 0) else { return Cow::Borrowed(key) };
        let (index, rest) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
        match index.parse::<usize>() {
            Ok(index) if index < self.count => format!("array.drain.steps.{index}{rest}").into(),
            Ok(index) => format!("{}.{}{rest}", self.list, index - self.count).into(),
            Err(_) => Cow::Borrowed(key),
        }
    }
}

impl Context<'_> {
    pub fn wrong(&self, span: &Range<usize>, key: &str, what: impl AsRef<str>) -> Error {
        self.source.wrong(span, &self.drained.spelled(key), what)
    }

    pub fn integer(&self, at: &At<i64>, key: &str, range: RangeInclusive<i64>) -> Result<u32> {
        let value = **at;
        u32::try_from(value).ok().filter(|_| range.contains(&value)).ok_or_else(|| {
            let what = format!("is {value}, which is not {} to {}", range.start(), range.end());
            self.wrong(&at.span(), key, what)
        })
    }

    pub fn latency(&self, at: &Option<At<i64>>, key: &str) -> Result<u32> {
        at.as_ref().map_or(Ok(0), |a| self.integer(a, key, LATENCY))
    }

    pub fn idle<T>(&self, at: &Option<At<T>>, key: &str, why: &str) -> Result<()> {
        match at {
            Some(at) => {
                let key = self.drained.spelled(key);
                let said =
                    self.source.error(Kind::Design, &at.span(), &key, format!("changes nothing: {why}"));
                Err(said.help(format!("take `{key}` out")))
            }
            None => Ok(()),
        }
    }
}
