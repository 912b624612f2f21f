//! One error type for everything a user can cause: what happened, where, and what to do about it.

mod near;

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

pub use near::{near_names, nearest};

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
    /// Larger than a stated limit; the message names the option that moves it, where one does.
    Limit,
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
            Place::File(path) => write!(f, "{}", shown_path(path)),
            Place::Line { path, line, column } => write!(f, "{}:{line}:{column}", shown_path(path)),
            Place::Node { path, node } => write!(f, "{}: node {}", shown_path(path), shown(node)),
            Place::Signal(name) | Place::Option(name) => write!(f, "{}", shown(name)),
        }
    }
}

/// Of a foreign name, so many characters are shown where a message says where it happened.
const MOST_SHOWN: usize = 400;

/// The character itself, or `\u{…}` where a terminal or a page would obey it rather than show it: control characters,
/// those that turn the direction of the text around them, and those that leave no mark.
pub fn visible(c: char) -> Cow<'static, str> {
    if is_obeyed(c) { c.escape_unicode().to_string().into() } else { c.to_string().into() }
}

fn is_obeyed(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    let unseen = matches!(
        c,
        '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}'
            | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    );
    c.is_control() || turns || breaks || unseen || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// A name from a file or an argument, on one line, every character visible.
pub fn spelt(name: &str) -> String {
    name.chars().map(visible).collect()
}

/// As [`spelt`]; the middle of a very long one is left out.
pub fn shown(name: &str) -> String {
    let text = spelt(name);
    let count = text.chars().count();
    if count <= MOST_SHOWN {
        return text;
    }
    let part = |skip: usize| text.chars().skip(skip).take(MOST_SHOWN / 2).collect::<String>();
    format!("{} … {}", part(0), part(count - MOST_SHOWN / 2))
}

/// A whole message, made visible: line ends and tabs are our own layout.
pub fn shown_lines(text: &str) -> Cow<'_, str> {
    let is_layout = |c: char| c == '\n' || c == '\t';
    if !text.contains(|c| is_obeyed(c) && !is_layout(c)) {
        return text.into();
    }
    let kept = |c: char| if is_layout(c) { c.to_string().into() } else { visible(c) };
    text.chars().map(kept).collect::<String>().into()
}

/// JSON in which the characters that JSON leaves as they are, but terminals obey, are escaped in JSON's own way: the
/// same value.
pub fn shown_json(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| is_obeyed(c) && c != '\n') {
        return text.into();
    }
    let mut units = [0; 2];
    let mut escape = |c: char| match c {
        '\n' => "\n".to_owned(),
        c if is_obeyed(c) => c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        c => c.to_string(),
    };
    text.chars().map(&mut escape).collect::<String>().into()
}

fn shown_path(path: &Path) -> String {
    spelt(&path.to_string_lossy())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelt_out() {
        let name = "a\u{1b}[31m\r\u{9b}\u{7f}\u{202e}b\n";
        assert_eq!(shown(name), "a\\u{1b}[31m\\u{d}\\u{9b}\\u{7f}\\u{202e}b\\u{a}");
        assert_eq!(shown_lines("two\nlines\tand \u{7}"), "two\nlines\tand \\u{7}");
        assert_eq!(shown("größe µ 層"), "größe µ 層");
        let place = Place::Node { path: "m\u{1b}.onnx".into(), node: "x\ny".into() };
        assert_eq!(place.to_string(), "m\\u{1b}.onnx: node x\\u{a}y");
        assert!(shown(&"x".repeat(100_000)).len() < 500);
        assert_eq!(shown("a\u{ad}\u{200b}\u{e0041}b"), "a\\u{ad}\\u{200b}\\u{e0041}b");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({ "a\u{202e}": "\u{9b}31m \u{7f} \u{1b} ö \\ \n \u{e0041}\u{200d}" });
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let text = shown_json(&pretty);
        assert!(
            !text.contains(['\u{202e}', '\u{9b}', '\u{7f}', '\u{1b}', '\u{e0041}', '\u{200d}']),
            "{text}"
        );
        assert!(text.contains('ö'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
