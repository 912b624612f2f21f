//! The program `goldpath`: everything it does is in the library's `cli`.

fn main() -> std::process::ExitCode {
    goldpath::cli::main()
}
