//! Runs the tools that must be there; a missing one fails the test that needs it, by name.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program and its arguments.
pub struct Call {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Call {
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Call { program: program.into(), arguments: Vec::new() }
    }

    pub fn with(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Standard output if the exit status is 0, else everything that was said.
    pub fn attempt(&self) -> Result<String, String> {
        let output = match Command::new(&self.program).args(&self.arguments).output() {
            Ok(output) => output,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("{} is not installed: run `make setup`", self.program.display())
            }
            Err(error) => panic!("{}: {error}", self.program.display()),
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(format!("{} {:?}: {}\n{said}{complaint}", self.program.display(), self.arguments, output.status))
    }

    /// Standard output; anything but exit status 0 fails the test.
    pub fn run(&self) -> String {
        self.attempt().unwrap_or_else(|complaint| panic!("{complaint}"))
    }
}

/// An empty folder of this test's own.
pub fn fresh_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rtl").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// What a testbench prints in Icarus.
pub fn icarus(folder: &Path, top: &str, sources: &[PathBuf]) -> String {
    let program = folder.join("testbench.vvp");
    Call::new("iverilog").with(["-g2012", "-s", top, "-o"]).with([&program]).with(sources).run();
    Call::new("vvp").with(["-n"]).with([&program]).run()
}

/// What a testbench prints in Verilator. The C++ is not optimised: it runs for less than a second.
pub fn verilator(folder: &Path, top: &str, sources: &[PathBuf]) -> String {
    Call::new("verilator")
        .with(["--binary", "--timing", "-Wno-fatal", "-O1", "--top-module", top, "--Mdir"])
        .with([folder])
        .with(["-MAKEFLAGS", "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0", "-o", "testbench"])
        .with(sources)
        .run();
    Call::new(folder.join("testbench")).run()
}
