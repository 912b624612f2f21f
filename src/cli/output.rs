//! What commands that write a folder have in common: which files they read, and what to say afterwards.

use std::path::{Path, PathBuf};

use super::Console;
use crate::files::Committed;

/// Files that a command reads, none of which its output may replace. A design may be named by its folder.
pub fn inputs(design: Option<&Path>, files: &[Option<&PathBuf>]) -> Vec<PathBuf> {
    let design = design.map(|path| if path.is_dir() { path.join("design.toml") } else { path.to_path_buf() });
    design.into_iter().chain(files.iter().filter_map(|file| file.cloned())).collect()
}

/// The same paths, borrowed.
pub fn borrowed(paths: &[PathBuf]) -> Vec<&Path> {
    paths.iter().map(PathBuf::as_path).collect()
}

/// The answer in a sentence, and where the page of a folder of results is.
pub fn page(answer: &str, out: &Path) -> String {
    format!("\nanswer: {answer}\npage: {}\n", out.join("report.html").display())
}

/// Says what is worth knowing about a folder that was put in its place.
pub fn note(console: &Console, committed: Committed) {
    if committed.current {
        console.note("note: the current folder was replaced; enter the new one with `cd \"$PWD\"`");
    }
}
