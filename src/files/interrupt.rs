//! Interrupted from outside: nothing stays behind, and no program that we started goes on.
//!
//! A stage or a process group is registered for as long as it must not outlive us. Without [`listen`] nothing happens
//! on a signal but its default; the next run then sweeps the stages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

/// What must not outlive us.
pub(super) struct Registry {
    stages: BTreeSet<PathBuf>,
    /// Folders that go if nothing was put into them.
    empties: BTreeSet<PathBuf>,
    /// Leaders of process groups.
    groups: BTreeSet<u32>,
}

static REGISTRY: Mutex<Registry> =
    Mutex::new(Registry { stages: BTreeSet::new(), empties: BTreeSet::new(), groups: BTreeSet::new() });

/// While this is held no signal ends us: what changes names holds it from the first change to the last.
pub(super) fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    pub fn add(&mut self, stage: &Path) {
        self.stages.insert(stage.to_path_buf());
    }

    pub fn remove(&mut self, stage: &Path) {
        self.stages.remove(stage);
    }

    pub fn add_empty(&mut self, folder: &Path) {
        self.empties.insert(folder.to_path_buf());
    }

    pub fn remove_empty(&mut self, folder: &Path) {
        self.empties.remove(folder);
    }
}

/// Waits for SIGINT, SIGTERM and SIGHUP from now on: kills the registered groups, removes the registered stages, and
/// ends as the signal would have. A signal that was ignored when we started (nohup, a shell's background) stays so.
/// A file beyond the limit of its size (`ulimit -f`) is an error of the write, no longer the end.
///
/// # Errors
/// The operating system refuses the handlers.
pub fn listen() -> std::io::Result<()> {
    let ignored = ignored_signals();
    let heeded = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(heeded)?;
    // Handled, not ignored: what we start must not inherit it.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            // Held until the end: nothing new is staged, no exchange is cut in two, no error of ours is printed.
            let registry = registry();
            for group in &registry.groups {
                end_group(*group);
            }
            for stage in &registry.stages {
                super::stage::remove(stage);
            }
            for folder in registry.empties.iter().rev() {
                let _ = std::fs::remove_dir(folder);
            }
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            // Only reached when the signal cannot end us.
            drop(registry);
        }
    })?;
    Ok(())
}

/// Returns at once, or never when a signal is ending this process: what failed because its stage was removed is not told.
pub fn settle() {
    drop(registry());
}

/// A process group that is killed when a signal ends this process. Dropped when its leader has been waited for.
pub struct Group(u32);

/// Starts a process (with `process_group(0)`) and registers its group. No signal ends us between the two.
///
/// # Errors
/// Those of `start`.
pub fn guarded(start: impl FnOnce() -> std::io::Result<Child>) -> std::io::Result<(Child, Group)> {
    let mut registry = registry();
    let child = start()?;
    registry.groups.insert(child.id());
    let group = Group(child.id());
    Ok((child, group))
}

impl Group {
    /// Kills every process of the group at once.
    pub fn kill(&self) {
        end_group(self.0);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        registry().groups.remove(&self.0);
    }
}

fn end_group(leader: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(pid) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        // A group that has ended already is what was wanted.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// Bit n − 1 for signal n. Systems without /proc ignore none that we could know of.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
