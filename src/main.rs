fn main() -> std::process::ExitCode {
    goldpath::cli::main()
}
