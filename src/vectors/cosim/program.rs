//! Runs a built simulation, and ends one that does not end by itself.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use super::Simulator;
use crate::error::{Error, Kind, Place, Result};

/// What is kept of each stream: a module that prints for ever must not fill the memory.
const MOST_BYTES: usize = 16 << 20;

/// A built simulation.
pub struct Program {
    pub simulator: Simulator,
    pub path: PathBuf,
}

impl Program {
    /// What the simulation says until it ends. After `limit` it is killed, and that is an error: no verdict.
    pub fn run(&self, arguments: &[String], limit: Duration) -> Result<Output> {
        let mut command = match self.simulator {
            // -n: a `$stop` ends the run instead of waiting for a person.
            Simulator::Icarus => {
                let mut vvp = Command::new("vvp");
                vvp.arg("-n").arg(&self.path);
                vvp
            }
            Simulator::Verilator => Command::new(&self.path),
        };
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| self.simulator.missing(e))?;
        let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let ended = wait(&mut child, limit).map_err(|e| self.simulator.missing(e))?;
        // A reader that broke down has collected nothing, and nothing is no verdict.
        let [stdout, stderr] = [stdout, stderr].map(|reader| reader.join().unwrap_or_default());
        match ended {
            Some(status) => Ok(Output { status, stdout, stderr }),
            None => Err(self.endless(limit)),
        }
    }

    fn endless(&self, limit: Duration) -> Error {
        let seconds = limit.as_secs();
        let message = format!("the simulation did not end within {seconds} s and was killed: no verdict");
        Error::new(Kind::Simulator, message)
            .at(Place::Option(self.simulator.name().to_string()))
            .help("RTL that loops without time passing hangs a simulator; if it is only slow, give --timeout SECONDS")
    }
}

/// Reads a stream to its end beside the simulation, which would wait for ever on a full pipe.
fn collect(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    spawn(move || {
        let (mut kept, mut part) = (Vec::new(), [0; 1 << 14]);
        let Some(mut stream) = stream else { return kept };
        while let Ok(count @ 1..) = stream.read(&mut part) {
            let room = MOST_BYTES - kept.len();
            kept.extend_from_slice(&part[..count.min(room)]);
        }
        kept
    })
}

/// The status of a program that ended by itself; `None` when it had to be killed.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
