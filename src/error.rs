//! One error type for everything a user can cause: what happened, where, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

/// What kind of failure it is; `cli` maps every kind to exit status 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file could not be read or written.
    Io,
    /// A file's content is not what its format says.
    Malformed,
    /// A design says something impossible or contradictory.
    Design,
    /// A value does not fit where it is needed (operand, parameter, shape, dtype).
    Value,
    /// Understood, but not something goldpath does; the message names what is supported.
    Unsupported,
    /// The command line contradicts itself.
    Usage,
    /// A simulator is missing or broke down (a mismatch is not an error: it is an answer).
    Simulator,
}

/// Where it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere in particular.
    Nowhere,
    /// A whole file or folder.
    File(PathBuf),
    /// A position in a text file; line and column count from 1.
    Line {
        /// The file as the user named it.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// A node of a network, by name and operator.
    Node {
        /// The model's file.
        path: PathBuf,
        /// Its name and operator, as messages print them.
        node: String,
    },
    /// A signal, node id or key of a design.
    Signal(String),
    /// A command-line option.
    Option(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Nowhere => Ok(()),
            Place::File(path) => write!(f, "{}", path.display()),
            Place::Line { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Place::Node { path, node } => write!(f, "{}: node {node}", path.display()),
            Place::Signal(name) => write!(f, "{name}"),
            Place::Option(name) => write!(f, "{name}"),
        }
    }
}

/// An error a user can act on.
#[derive(Debug)]
pub struct Error {
    /// What a caller may act on without reading the message.
    pub kind: Kind,
    /// Printed in front of the message, as `file:line:column` where it is a line.
    pub place: Place,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The error underneath, printed in brackets behind the message.
    pub source: Option<Box<dyn std::error::Error + Send + Sync + 'static>>,
}

/// A result with goldpath's own error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without place, help or source; add them with [`Error::at`], [`Error::help`] and [`Error::because`].
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error { kind, place: Place::Nowhere, message: message.into(), help: None, source: None }
    }

    /// States where it happened, whatever was stated before.
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Places the error in a file unless it already says where it is.
    pub fn in_file(self, path: &Path) -> Self {
        if self.place == Place::Nowhere { self.at(Place::File(path.to_path_buf())) } else { self }
    }

    /// States what to do about it, in one sentence without a full stop.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Keeps the error underneath: a parser's, or the operating system's.
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// A file could not be read or written.
    pub fn io(path: &Path, doing: &str, source: std::io::Error) -> Self {
        Error::new(Kind::Io, format!("cannot {doing}: {source}")).at(Place::File(path.to_path_buf()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place != Place::Nowhere {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "{}", self.message)?;
        if let Some(source) = &self.source {
            write!(f, " ({source})")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as &(dyn std::error::Error + 'static))
    }
}
