//! Faults for tests, inert unless `GOLDPATH_FAULT` asks for them.
//!
//! `kill:N` ends the process as `kill -9` would at its Nth change of a name (every one counts twice: before and after);
//! `no-exchange` is a file system that cannot exchange names. Both may be given, with a comma between.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
struct Faults {
    kill_at: Option<u64>,
    no_exchange: bool,
}

fn faults() -> &'static Faults {
    static FAULTS: OnceLock<Faults> = OnceLock::new();
    FAULTS.get_or_init(|| {
        let asked = std::env::var("GOLDPATH_FAULT").unwrap_or_default();
        let mut faults = Faults::default();
        for word in asked.split(',') {
            match word.split_once(':') {
                Some(("kill", count)) => faults.kill_at = count.parse().ok(),
                _ => faults.no_exchange |= word == "no-exchange",
            }
        }
        faults
    })
}

/// Before or after a change of a name.
pub fn point() {
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Some(kill_at) = faults().kill_at else { return };
    if PASSED.fetch_add(1, Ordering::SeqCst) + 1 == kill_at {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal may come a moment after the call returns.
        loop {
            std::thread::park();
        }
    }
}

/// Whether names cannot be exchanged.
pub fn no_exchange() -> bool {
    faults().no_exchange
}
