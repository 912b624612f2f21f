//! How commands speak: answers on standard output, notes and errors on standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::args::OutputFormat;
use crate::error::{Error, Kind, Result, shown_json, shown_lines};

/// Where a command's answers, notes and progress go.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    format: OutputFormat,
    quiet: bool,
    /// Who hears everything instead of the terminal.
    heard: Option<&'static Mutex<Vec<u8>>>,
}

impl Console {
    pub fn new(format: OutputFormat, quiet: bool) -> Self {
        Console { format, quiet, heard: None }
    }

    /// As [`Console::new`]; both streams go to `heard`.
    pub fn heard_by(format: OutputFormat, quiet: bool, heard: &'static Mutex<Vec<u8>>) -> Self {
        Console { format, quiet, heard: Some(heard) }
    }

    /// Whether somebody else has heard it.
    fn tell(&self, text: &str) -> bool {
        let Some(heard) = self.heard else { return false };
        heard.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(text.as_bytes());
        true
    }

    /// Whether `--format json` was asked for.
    pub fn is_json(&self) -> bool {
        self.format == OutputFormat::Json
    }

    /// Writes an answer to standard output, foreign names in it made visible. A reader that has gone away is not an error.
    pub fn answer(&self, text: &str) -> Result<()> {
        let text = shown_lines(text);
        if self.tell(&text) {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(e) => Err(Error::new(Kind::Io, format!("cannot write the answer: {e}"))),
            Ok(()) => Ok(()),
        }
    }

    /// Writes an answer as JSON, indented, keys in the order of the type.
    pub fn answer_json(&self, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|e| Error::new(Kind::Io, "cannot write the answer as JSON").because(e))?;
        text.push('\n');
        self.answer(&shown_json(&text))
    }

    /// Says something worth knowing on standard error, unless quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// Says something on standard error, quiet or not.
    pub fn warn(&self, text: &str) {
        let text = shown_lines(text);
        if !self.tell(&text) {
            // Nothing is left to be told when standard error is closed.
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// Reports why the command could not be done.
    pub fn error(&self, error: &Error) {
        if self.is_json() {
            let report = serde_json::json!({ "error": {
                "kind": format!("{:?}", error.kind).to_lowercase(),
                "place": error.place.to_string(),
                "message": error.message,
                "source": error.source.as_ref().map(|source| source.to_string()),
                "help": error.help,
            } });
            self.warn(&shown_json(&report.to_string()));
        } else {
            self.warn(&format!("error: {error}"));
        }
    }

    /// What is under way and for how long, on a terminal, until it is cleared; hidden as a [`Console::progress`].
    pub fn phase(&self, what: String) -> ProgressBar {
        if self.quiet || self.is_json() || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner().with_message(what);
        let bar = match ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }

    /// A progress bar on a terminal; hidden when quiet, when asked for JSON, or when nobody watches.
    pub fn progress(&self, steps: u64, what: &'static str) -> ProgressBar {
        if self.quiet || self.is_json() || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(steps).with_message(what);
        match ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}

/// A usage error that quotes control characters, without colours.
pub fn usage(text: &str) {
    let _ = write!(io::stderr(), "{}", shown_lines(text));
}
