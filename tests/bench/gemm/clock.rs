//! What a process used: processor time, so that other work on the machine is not charged, and memory.
#![allow(unsafe_code)] // two calls into the C library that std links anyway; schedstat lags by a tick of 4 ms

use std::sync::OnceLock;
use std::time::Instant;

/// All threads of this process, in seconds; where the system does not tell, the time of day.
pub fn processor_seconds() -> f64 {
    told().unwrap_or_else(wall_seconds)
}

/// Seconds since the first call.
pub fn wall_seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn told() -> Option<f64> {
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
    }
    const PROCESS_CPUTIME: i32 = 2;
    let mut time = [0; 2];
    // SAFETY: a 64-bit Linux's timespec is two 64-bit integers, and the pointer is to one that lives here.
    let status = unsafe { clock_gettime(PROCESS_CPUTIME, &raw mut time) };
    (status == 0).then_some(time[0] as f64 + time[1] as f64 / 1e9)
}

/// The largest resident set of any child that has ended, in megabytes.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub fn peak_of_children() -> Option<f64> {
    unsafe extern "C" {
        fn getrusage(who: i32, usage: *mut [i64; 18]) -> i32;
    }
    const CHILDREN: i32 = -1;
    /// Behind two times of two integers each, in kilobytes.
    const LARGEST: usize = 4;
    let mut usage = [0; 18];
    // SAFETY: a 64-bit Linux's rusage is eighteen 64-bit integers, and the pointer is to some that live here.
    let status = unsafe { getrusage(CHILDREN, &raw mut usage) };
    (status == 0).then_some(usage[LARGEST] as f64 / 1e3)
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub fn peak_of_children() -> Option<f64> {
    None
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn told() -> Option<f64> {
    None
}
