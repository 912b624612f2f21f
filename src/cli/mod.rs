//! The command line: arguments as typed, what they mean, and the only place that prints or exits.

/// Runs the program; exit status 0 done or same, 1 different, 2 could not do it.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(2)
}
