//! The program `goldpath`: everything it does is in the library's `cli`.

/// Tensors come and go by the hundred megabytes: the system's allocator gives each back to the kernel, which clears every
/// page anew and interrupts all threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    goldpath::cli::main()
}
