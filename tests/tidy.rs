//! Holds the house: who may import whom, who may touch files, print or be unsafe, and what may be committed.
//!
//! Reads the source as text. When a complaint is wrong, change the table and say why in the commit.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms it may import. A new room in `src` needs a line here.
const ROOMS: [(&str, &str); 26] = [
    ("error", ""),
    ("files", "error"),
    ("limits", "error"),
    ("num", ""),
    ("post", "num error"),
    ("trace", "num error"),
    ("network", "num error limits post"),
    ("design", "num error limits post"),
    ("neighbours", "num post design"),
    ("lower", "num error limits post design network"),
    ("datapath", "num error post design"),
    ("simulate", "num error limits post design network lower datapath trace"),
    ("functional", "num error limits post design network lower bounds"),
    ("bounds", "num error limits post design network lower"),
    ("import", "num error limits network"),
    ("quantize", "num error limits network"),
    ("wave", "num error post design trace files"),
    ("vectors", "num error limits post design neighbours network lower trace files"),
    ("diff", "num error post design trace"),
    ("overflow", BELOW_THE_QUESTIONS),
    ("explore", BELOW_THE_QUESTIONS),
    ("identify", BELOW_THE_QUESTIONS),
    (
        "strength",
        "num error limits post design neighbours network lower datapath trace simulate functional bounds",
    ),
    (
        "report",
        "num error limits post design neighbours network lower trace diff bounds overflow explore identify",
    ),
    ("cli", "*"),
    ("lib", "*"),
];
const BELOW_THE_QUESTIONS: &str =
    "num error limits post design network lower datapath trace simulate functional bounds";

/// The only places with `unsafe` blocks; each block there states its reason and its bound.
const UNSAFE_ALLOWED: [&str; 1] = ["src/functional/kernels/"];

/// Who touches the file system.
const FILES_ALLOWED: [&str; 7] = [
    "src/files/",
    "src/import/",
    "src/wave/",
    "src/vectors/",
    "src/design/load.rs",
    "src/quantize/",
    "src/cli/",
];

/// Who starts other programs: simulators.
const PROGRAMS_ALLOWED: [&str; 2] = ["src/vectors/", "src/cli/"];

/// Who prints and exits.
const VOICE_ALLOWED: [&str; 2] = ["src/cli/", "src/main.rs"];

/// Who knows how long things take; nothing that is written may.
const CLOCK_ALLOWED: [&str; 2] = ["src/cli/", "src/vectors/cosim"];

/// Who may tell operations of post steps apart: others ask the operation itself, so that none is forgotten. Beside their own
/// room: what makes them of a file's words, what makes mistakes of them, and who looks for one alone.
const OPERATIONS_ALLOWED: [&str; 6] = [
    "src/post/",
    "src/design/operation.rs",
    "src/neighbours/",
    "src/overflow/replay.rs",
    "src/strength/proofs/mod.rs",
    "src/strength/directed/compare.rs",
];

/// Who knows how a command line is read and a terminal is written to; the library goes without these crates.
const COMMAND_LINE_ALLOWED: [&str; 2] = ["src/cli/", "src/main.rs"];

const LONGEST_FILE_LINES: usize = 500;

/// Written in two halves, so that this file does not contain what it forbids.
const FORBIDDEN_IN_TEXT: [(&str, &str); 9] = [
    (concat!("TO", "DO"), "finish it, or open an issue"),
    (concat!("FIX", "ME"), "finish it, or open an issue"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/ho", "me/"), "a path of one machine"),
    (concat!("/tm", "p/"), "ask for a temporary folder instead"),
    (concat!("../sha", "red"), "copy the data under tests/"),
    (concat!("C:", "\\"), "a path of one machine"),
    (concat!("<<<<", "<<<"), "an unfinished merge"),
];

/// One committed text file: its path from the root with `/`, and its content.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into() }
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    /// First folder or file under `src`.
    fn room(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        rest.split('/').next().map(|first| first.trim_end_matches(".rs"))
    }

    fn is_code(&self) -> bool {
        [".rs", ".v", ".vh", ".sv", ".py", ".j2"].iter().any(|end| self.path.ends_with(end))
    }

    fn complaint(&self, line: usize, what: impl std::fmt::Display) -> String {
        format!("{}:{}: {what}", self.path, line + 1)
    }
}

/// The text with comments and the insides of literals blanked; lines stay where they are.
fn code_of(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match (bytes[at], bytes.get(at + 1)) {
            ('/', Some('/')) => find(&bytes, at, "\n"),
            ('/', Some('*')) => find(&bytes, at + 2, "*/") + 2,
            ('"', _) => end_of_string(&bytes, at + 1),
            ('r', Some('"')) => find(&bytes, at + 2, "\"") + 1,
            ('r', Some('#')) if bytes.get(at + 2) == Some(&'"') => find(&bytes, at + 3, "\"#") + 2,
            ('\'', Some('\\')) => find(&bytes, at + 3, "'") + 1,
            ('\'', Some(_)) if bytes.get(at + 2) == Some(&'\'') => at + 3,
            _ => {
                code.push(bytes[at]);
                at += 1;
                continue;
            }
        };
        let end = end.min(bytes.len());
        code.extend(bytes[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    code
}

fn find(text: &[char], from: usize, what: &str) -> usize {
    let what: Vec<char> = what.chars().collect();
    (from..text.len()).find(|at| text[*at..].starts_with(&what)).unwrap_or(text.len())
}

fn end_of_string(text: &[char], mut at: usize) -> usize {
    while at < text.len() && text[at] != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Whether `word` stands in `line` and is not part of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let goes_on = word.ends_with(is_name) && line[at + word.len()..].starts_with(is_name);
        !line[..at].ends_with(is_name) && !goes_on
    })
}

/// Rooms named by `crate::room` and `crate::{room, …}`, with the line each is on.
fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].matches('\n').count();
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(top_names(group).into_iter().map(|name| (line, name))),
            None => found.push((line, leading_name(rest))),
        }
    }
    found
}

fn leading_name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first name of each entry of a use group, up to its closing brace.
fn top_names(group: &str) -> Vec<String> {
    let (mut depth, mut entry, mut names) = (1, String::new(), Vec::new());
    for c in group.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth == 0 || (depth == 1 && c == ',') {
            names.push(leading_name(entry.trim()));
            entry.clear();
            if depth == 0 {
                break;
            }
        } else {
            entry.push(c);
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn import_order(source: &Source) -> Vec<String> {
    let Some(room) = source.room().filter(|room| *room != "main") else { return vec![] };
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![source.complaint(0, format!("room `{room}` has no line in tests/tidy.rs"))];
    };
    imports(&code_of(&source.text))
        .into_iter()
        .filter(|(_, other)| *allowed != "*" && other != room && !allowed.split(' ').any(|a| a == other))
        .map(|(line, other)| source.complaint(line, format!("`{room}` may not import `{other}`")))
        .collect()
}

/// Words of the language that only some places may use.
fn privileges(source: &Source) -> Vec<String> {
    if !source.path.starts_with("src/") || !source.path.ends_with(".rs") {
        return vec![];
    }
    let rules: [(&[&str], &[&str], &str); 9] = [
        (
            &["println!", "eprintln!", "print!", "eprint!", "dbg!", "process::exit", "stdout()", "stderr()"],
            &VOICE_ALLOWED,
            "only cli prints or exits",
        ),
        (&["std::fs", "fs::", "File::", "OpenOptions"], &FILES_ALLOWED, "this room does not touch files"),
        (&["process::Command", "Command::new"], &PROGRAMS_ALLOWED, "this room starts no programs"),
        (&["unsafe"], &UNSAFE_ALLOWED, "unsafe only in functional/kernels, with its reason"),
        (&["bitvec"], &["src/num/bits.rs"], "only num/bits.rs knows bitvec"),
        (&["Op::"], &OPERATIONS_ALLOWED, "ask the operation: post/op.rs, post/range.rs"),
        (
            &["clap", "clap_complete", "anstream", "indicatif", "mimalloc"],
            &COMMAND_LINE_ALLOWED,
            "only the command line knows this crate (feature cli)",
        ),
        (&["SystemTime", "Instant"], &CLOCK_ALLOWED, "same inputs, same bytes: no clock here"),
        (
            &["todo!", "unimplemented!", "HashMap", "HashSet"],
            &[],
            "finish it; and hash order is not reproducible, use BTree",
        ),
    ];
    let mut complaints = Vec::new();
    for (number, line) in code_of(&source.text).lines().enumerate() {
        for (words, places, why) in rules {
            for word in words.iter().filter(|word| has_word(line, word) && !source.is_in(places)) {
                complaints.push(source.complaint(number, format!("`{word}`: {why}")));
            }
        }
        let exact = ["src/num/", "src/datapath/"];
        if source.is_in(&exact) && (has_word(line, "f32") || has_word(line, "f64")) {
            complaints.push(source.complaint(number, "no floats where integers are exact"));
        }
    }
    complaints
}

fn shape_of_files(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines = source.text.lines().count();
    // Testbenches of bundles are written by the program: nobody splits them.
    if source.is_code() && !source.is_in(&["vectors/", "tests/cosim/bundles/"]) && lines > LONGEST_FILE_LINES
    {
        complaints.push(source.complaint(lines, format!("more than {LONGEST_FILE_LINES} lines; split it")));
    }
    for part in source.path.split('/') {
        let stem = part.split('.').next().unwrap_or(part);
        if ["util", "utils", "helper", "helpers", "common", "manager", "misc"].contains(&stem) {
            complaints
                .push(source.complaint(0, format!("`{stem}` says nothing; name it after the hardware")));
        }
    }
    complaints
}

fn committed_text(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        for (word, why) in FORBIDDEN_IN_TEXT {
            if let Some(at) = line.find(word) {
                // A path begins where a name or another path does not go on.
                let goes_on = word.starts_with('/')
                    && line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}$~".contains(c));
                if !goes_on {
                    complaints.push(source.complaint(number, format!("`{word}`: {why}")));
                }
            }
        }
    }
    complaints
}

fn check_all(source: &Source) -> Vec<String> {
    [import_order(source), privileges(source), shape_of_files(source), committed_text(source)].concat()
}

/// Every text file that is, or is about to be, committed; without git, so that an archive can be tested too.
fn committed_files() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.to_path_buf()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let is_build = ["target", ".git", ".goldpath", "__pycache__", ".venv"].contains(&name.as_str());
            if is_build || entry.file_type().unwrap().is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                sources.push(Source { path: relative(root, &path), text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn relative(root: &Path, path: &Path) -> String {
    let rest: PathBuf = path.strip_prefix(root).unwrap().into();
    rest.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[test]
fn the_house_is_tidy() {
    let sources = committed_files();
    let rust = sources.iter().filter(|s| s.path.starts_with("src/")).count();
    println!("{} text files, {rust} in src", sources.len());
    assert!(rust > 20, "the walk found no source");
    let complaints: Vec<String> = sources.iter().flat_map(check_all).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_planted_fault_is_found() {
    let faults: [(&str, &str, &str); 18] = [
        ("src/num/x.rs", "use crate::post::run;", "`num` may not import `post`"),
        (
            "src/datapath/x.rs",
            "use crate::{\n num::fit,\n trace::{Sink, Chunk},\n};",
            "`datapath` may not import `trace`",
        ),
        ("src/functional/x.rs", "fn f() { crate::simulate::go() }", "`functional` may not import `simulate`"),
        ("src/vectors/x.rs", "use crate::cli::Console;", "`vectors` may not import `cli`"),
        ("src/cellar/mod.rs", "", "room `cellar` has no line"),
        ("src/lower/x.rs", "fn f() { println!(\"{}\", 1) }", "`println!`"),
        ("src/simulate/x.rs", "use std::fs::File;", "`std::fs`"),
        ("src/simulate/x.rs", "let c = Command::new(\"iverilog\");", "`Command::new`"),
        ("src/num/lanes.rs", "unsafe { x }", "`unsafe`"),
        ("src/vectors/x.rs", "use bitvec::vec::BitVec;", "`bitvec`"),
        ("src/bounds/x.rs", "let is_one = matches!(op, Op::Fit);", "`Op::`: ask the operation"),
        ("src/report/x.rs", "use clap::Parser;", "`clap`: only the command line"),
        ("src/trace/x.rs", "let now = SystemTime::now();", "`SystemTime`"),
        ("src/post/x.rs", "let m = HashMap::new();", "`HashMap`"),
        ("src/num/x.rs", "let x = v as f64;", "no floats"),
        ("src/utils.rs", "", "`utils` says nothing"),
        ("README.md", concat!("run /tm", "p/x"), "temporary folder"),
        ("tests/x.py", concat!("path = \"/wo", "rk/main\""), "one machine"),
    ];
    for (path, text, expected) in faults {
        let complaints = check_all(&Source::new(path, text));
        assert!(complaints.iter().any(|c| c.contains(expected)), "{path}: {text:?} gave {complaints:?}");
    }
    let long = "\n".repeat(LONGEST_FILE_LINES + 1);
    assert_eq!(shape_of_files(&Source::new("src/num/x.rs", &long)).len(), 1);
}

#[test]
fn what_is_allowed_passes() {
    let fine = [
        ("src/cli/x.rs", "use crate::simulate::run;\nfn f() { println!(\"x\") }"),
        ("src/post/x.rs", "use crate::{error::Result, num::{fit, Format}};"),
        (
            "src/num/x.rs",
            "//! `println!` and unsafe and crate::cli are only words here\nlet s = \"crate::cli \\\" unsafe\";",
        ),
        (
            "src/lower/x.rs",
            "let c = '\"'; // crate::cli\nlet unsafely = r#\"f64 \"unsafe\"#;\nlet l: &'static str;",
        ),
        ("src/functional/kernels/x.rs", "unsafe { x }"),
        ("Makefile", "see https://example.org/home/page and target/tmp/x"),
    ];
    for (path, text) in fine {
        assert_eq!(check_all(&Source::new(path, text)), Vec::<String>::new(), "{path}: {text:?}");
    }
}
