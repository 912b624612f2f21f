//! What nobody means well: files and arguments that ask for too much, that lie, that are damaged.
//!
//! `cases` are the smallest forms of what was met, `graphs` are as large as is taken, `advice` tries what help texts say,
//! and `mutants` damages valid files of every format and runs every command on them.

mod advice;
mod bytes;
mod cases;
mod graphs;
mod mutants;
mod names;
mod seeds;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn data(name: &str) -> PathBuf {
    root().join("tests/hostile/data").join(name)
}

/// Runs the program as a child.
fn goldpath(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_goldpath")).args(arguments).current_dir(root()).output().unwrap()
}

/// Exit status, standard output, standard error.
fn spoken(arguments: &[&str]) -> (i32, String, String) {
    let output = goldpath(arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Refused: exit status 2, no panic, a message that has every one of `words`.
fn assert_refused(arguments: &[&str], words: &[&str]) {
    let (status, _, errors) = spoken(arguments);
    assert_eq!(status, 2, "{arguments:?}\n{errors}");
    assert!(errors.starts_with("error: "), "{arguments:?}\n{errors}");
    for word in words {
        assert!(errors.contains(word), "{arguments:?}: no {word:?} in\n{errors}");
    }
}

/// Runs the program in this process: its exit status and what it said.
fn within(arguments: &[String]) -> (Option<u8>, Vec<u8>) {
    thread_local! {
        static HEARD: &'static Mutex<Vec<u8>> = Box::leak(Box::default());
    }
    HEARD.with(|heard| {
        heard.lock().unwrap_or_else(|e| e.into_inner()).clear();
        let typed = std::iter::once("goldpath").chain(arguments.iter().map(String::as_str));
        let status = goldpath::cli::in_process(typed.map(OsString::from), heard);
        (status, heard.lock().unwrap_or_else(|e| e.into_inner()).clone())
    })
}
