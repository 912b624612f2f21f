//! The one place that starts compilers and simulations: each in a process group of its own, which ends as a whole.

use std::io::{Error, Read, Result};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::files::interrupt;

/// What is kept of each stream: a module that prints for ever must not fill the memory.
const MOST_BYTES: usize = 16 << 20;

/// How long a stream is read on after its group was killed: a process that left the group may hold it open.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A started process and its group. Dropping it kills what is left of the group.
struct Group {
    child: Child,
    group: interrupt::Group,
    reaped: bool,
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.group.kill();
            let _ = self.child.wait();
        }
    }
}

/// Starts the command in a group of its own, which ends with us: it does not get the signals of the terminal.
fn start(command: &mut Command) -> Result<Group> {
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (child, group) = interrupt::guarded(|| command.spawn())?;
    Ok(Group { child, group, reaped: false })
}

/// What the command says until it ends; `None` when it had not ended at `deadline` and was killed with all its
/// children. What it leaves behind is killed too.
///
/// # Errors
/// It cannot be started.
pub fn run(command: &mut Command, deadline: Instant) -> Result<Option<Output>> {
    let mut group = start(command)?;
    let streams = [collect(group.child.stdout.take()), collect(group.child.stderr.take())];
    let ended = wait(&group, deadline)?;
    // Before it is reaped: afterwards the number is free for other processes.
    group.group.kill();
    let status = group.child.wait()?;
    group.reaped = true;
    let [stdout, stderr] = streams.map(Stream::last_words);
    Ok(ended.then_some(Output { status, stdout, stderr }))
}

/// A stream that is read beside the process, which would wait for ever on a full pipe.
struct Stream {
    kept: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

fn collect(stream: Option<impl Read + Send + 'static>) -> Stream {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&kept);
    let reader = spawn(move || {
        let mut part = [0; 1 << 14];
        let Some(mut stream) = stream else { return };
        while let Ok(count @ 1..) = stream.read(&mut part) {
            let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
            let room = MOST_BYTES - kept.len();
            kept.extend_from_slice(&part[..count.min(room)]);
        }
    });
    Stream { kept, reader }
}

impl Stream {
    /// Everything that was read. A reader that is held up longer is left alone.
    fn last_words(self) -> Vec<u8> {
        let begun = Instant::now();
        while !self.reader.is_finished() && begun.elapsed() < LAST_WORDS {
            sleep(Duration::from_millis(1));
        }
        std::mem::take(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether the process ended by itself. It is not reaped yet, so that its group's number stays its own.
fn wait(group: &Group, deadline: Instant) -> Result<bool> {
    let id = Pid::from_child(&group.child);
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let mut pause = Duration::from_millis(1);
    loop {
        match waitid(WaitId::Pid(id), options) {
            Ok(Some(_)) => return Ok(true),
            Ok(None) => {}
            Err(e) if e == rustix::io::Errno::INTR => continue,
            Err(e) => return Err(Error::from(e)),
        }
        let now = Instant::now();
        if now >= deadline {
            return Ok(false);
        }
        sleep(pause.min(deadline - now));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, seconds: u64) -> (Option<Output>, Duration) {
        let begun = Instant::now();
        let mut command = Command::new("sh");
        let output = run(command.args(["-c", script]), begun + Duration::from_secs(seconds)).unwrap();
        (output, begun.elapsed())
    }

    #[test]
    fn a_child_that_keeps_the_pipe_open_holds_nobody_up() {
        let (output, took) = shell("sleep 60 & echo said", 30);
        assert_eq!(output.unwrap().stdout, b"said\n");
        assert!(took < Duration::from_secs(10), "{took:?}");
        // Outside the group it cannot be killed, but nobody waits for it.
        let (output, took) = shell("setsid sleep 10 & echo said", 30);
        assert_eq!(output.unwrap().stdout, b"said\n");
        assert!(took < Duration::from_secs(9), "{took:?}");
    }

    #[test]
    fn the_whole_group_ends_at_the_deadline() {
        let (output, took) = shell("(sleep 61; echo late) & (trap '' TERM; sleep 61) & wait", 1);
        assert!(output.is_none() && took < Duration::from_secs(10), "{took:?}");
    }
}
