//! The program as its users meet it: exit statuses, what is on which stream, and the words.

mod bias;
mod names;
mod speech;
mod starts;

use std::process::Output;

/// Runs goldpath with these arguments.
fn goldpath(arguments: &[&str]) -> Output {
    assert_cmd::Command::cargo_bin("goldpath").expect("the binary is built").args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8 on standard output")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8 on standard error")
}
