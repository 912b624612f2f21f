//! Every stated limit in one place, and the account that large allocations are charged to before they are made.
//!
//! What a file or an argument asks for is never allocated unseen: extents are multiplied by [`element_count`], and
//! what grows with them is charged against [`max_memory`] (`--max-memory`). One process has one account, because it
//! has one memory.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Kind, Result};

/// The most elements one tensor may have.
pub const MAX_ELEMENTS: usize = 1 << 30;

/// The most axes one tensor may have.
pub const MAX_RANK: usize = 64;

/// What large data may take unless `--max-memory` says otherwise: the same on every machine, so that what is refused
/// is the same, too.
pub const DEFAULT_MAX_MEMORY: u64 = 8 << 30;

/// The least `--max-memory`: below it, not even the program itself would fit.
pub const LEAST_MAX_MEMORY: u64 = 16 << 20;

/// The most nodes of one network: every pass over them is linear, so that reading and proving this many takes seconds.
pub const MAX_NODES: usize = 1 << 15;

/// The longest design.toml.
pub const MAX_DESIGN_BYTES: u64 = 1 << 20;

/// The most parts of a key in `--set`, and the deepest nesting of a value.
pub const MAX_KEY_PARTS: usize = 16;

/// The most overrides of one invocation.
pub const MAX_OVERRIDES: usize = 4096;

/// The largest JSON file that is read back: a manifest, a witness file, a plan, a piece, a table of costs.
pub const MAX_JSON_BYTES: u64 = 1 << 28;

/// The most pieces a sweep may have: combinations of varied keys times (widths times modes + 1).
pub const MAX_PIECES: usize = 100_000;

/// The most combinations of varied keys a sweep may have.
pub const MAX_VARIANTS: usize = 10_000;

/// A limit as `goldpath explain limits` lists it: its name, its value, what it bounds.
pub const STATED: [(&str, u64, &str); 10] = [
    ("memory", DEFAULT_MAX_MEMORY, "bytes that large data may take at once; --max-memory SIZE changes it"),
    ("elements", MAX_ELEMENTS as u64, "elements of one tensor"),
    ("axes", MAX_RANK as u64, "axes of one tensor"),
    ("nodes", MAX_NODES as u64, "nodes of one network"),
    ("design", MAX_DESIGN_BYTES, "bytes of a design.toml"),
    ("overrides", MAX_OVERRIDES as u64, "--set options of one invocation"),
    ("key", MAX_KEY_PARTS as u64, "parts of a dotted key, and levels of nesting of a design's value"),
    ("json", MAX_JSON_BYTES, "bytes of a JSON file that is read back: manifest, witness, plan, piece"),
    ("variants", MAX_VARIANTS as u64, "combinations of a sweep's varied keys"),
    ("pieces", MAX_PIECES as u64, "pieces of a sweep: combinations times (widths times modes + 1)"),
];

static MAX_MEMORY: AtomicU64 = AtomicU64::new(DEFAULT_MAX_MEMORY);
static CHARGED: AtomicU64 = AtomicU64::new(0);

/// Bytes that large data may take at once.
pub fn max_memory() -> u64 {
    MAX_MEMORY.load(Ordering::Relaxed)
}

/// Sets [`max_memory`] for the whole process.
pub fn set_max_memory(bytes: u64) {
    MAX_MEMORY.store(bytes, Ordering::Relaxed);
}

/// Product of the extents; every partial product of them fits, too, even where one extent is 0.
///
/// # Errors
/// More than [`MAX_ELEMENTS`], extents of 0 counted as 1, or more than [`MAX_RANK`] axes.
pub fn element_count(shape: &[usize]) -> Result<usize> {
    let widest = shape.iter().try_fold(1usize, |n, d| n.checked_mul((*d).max(1)));
    if shape.len() > MAX_RANK || widest.is_none_or(|n| n > MAX_ELEMENTS) {
        let shown = if shape.len() > MAX_RANK {
            format!("a shape of {} axes", shape.len())
        } else {
            format!("shape {shape:?}")
        };
        let help = format!("a tensor may have up to {MAX_ELEMENTS} elements and {MAX_RANK} axes");
        return Err(Error::new(Kind::Limit, format!("{shown} is too large")).help(help));
    }
    Ok(shape.iter().product())
}

/// Bytes of large data, held until dropped.
#[derive(Debug)]
#[must_use = "what is dropped is no longer counted"]
pub struct Charge(u64);

impl Charge {
    /// Counts `bytes` about to be allocated; `what` they are for is asked only for the message.
    ///
    /// # Errors
    /// With them, more than [`max_memory`] would be held.
    pub fn new(bytes: u64, what: impl FnOnce() -> String) -> Result<Charge> {
        // What is refused is at no moment counted, or it would have others refused that fit.
        CHARGED
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| with(held, bytes))
            .map_or_else(|held| Err(too_large(bytes, held, &what())), |_| Ok(Charge(bytes)))
    }
}

/// The account with `bytes` more, if it may have them.
fn with(held: u64, bytes: u64) -> Option<u64> {
    held.checked_add(bytes).filter(|sum| *sum <= max_memory())
}

impl Drop for Charge {
    fn drop(&mut self) {
        CHARGED.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// Refuses what would not fit now, without counting it.
///
/// # Errors
/// As [`Charge::new`].
pub fn check_room(bytes: u64, what: impl FnOnce() -> String) -> Result<()> {
    let held = CHARGED.load(Ordering::Relaxed);
    with(held, bytes).map_or_else(|| Err(too_large(bytes, held, &what())), |_| Ok(()))
}

/// Bytes of `count` things of `each` bytes; a product beyond 64 bits is more than any memory.
pub fn bytes(counts: &[usize], each: u64) -> u64 {
    counts.iter().fold(each, |product, count| product.saturating_mul(*count as u64)).min(u64::MAX / 4)
}

fn too_large(bytes: u64, held: u64, what: &str) -> Error {
    let besides = if held == 0 { String::new() } else { format!(" besides {} held already", size(held)) };
    let message = format!("{what} would take {}{besides}, more than {}", size(bytes), size(max_memory()));
    let needed = held.saturating_add(bytes).div_ceil(1 << 30).saturating_mul(1 << 30);
    let help = format!("give --max-memory {} if the machine has it, or less data at once", option_of(needed));
    Error::new(Kind::Limit, message).help(help)
}

/// All bytes of a stream of at most `most`: a device that never ends is cut there, too. `doing` is for the message.
///
/// # Errors
/// It cannot be read, or is longer.
pub fn read_all(stream: impl Read, path: &Path, most: u64, doing: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| Error::io(path, doing, e))?;
    if bytes.len() as u64 > most {
        let message = format!("is longer than {}, the most such a file may have", size(most));
        return Err(Error::new(Kind::Limit, message).in_file(path));
    }
    Ok(bytes)
}

/// As [`read_all`], of UTF-8 text.
///
/// # Errors
/// As [`read_all`], and bytes that are no text.
pub fn read_text(stream: impl Read, path: &Path, most: u64, doing: &str) -> Result<String> {
    let bytes = read_all(stream, path, most, doing)?;
    String::from_utf8(bytes).map_err(|e| {
        let message = format!("is not UTF-8 text: byte {} is none", e.utf8_error().valid_up_to());
        Error::new(Kind::Malformed, message).in_file(path)
    })
}

/// A number of bytes as people say it.
pub fn size(bytes: u64) -> String {
    let units = [(1u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) if bytes.is_multiple_of(*unit) => format!("{} {name}", bytes / unit),
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} bytes"),
    }
}

/// A number of bytes as `--max-memory` takes it.
fn option_of(bytes: u64) -> String {
    format!("{}G", bytes.div_ceil(1 << 30))
}

/// Reads `8G`, `512M`, `8 GiB`, `1073741824`: K, M, G and T count in 1024s.
///
/// # Errors
/// Words for the command line.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err("expected a size like 8G, 512M or 1073741824".into()),
    };
    let number: u64 =
        number.parse().map_err(|_| "expected a size like 8G, 512M or 1073741824".to_string())?;
    let bytes = number.checked_mul(1 << shift).filter(|bytes| *bytes <= u64::MAX / 4);
    match bytes {
        Some(bytes) if bytes >= LEAST_MAX_MEMORY => Ok(bytes),
        Some(_) => Err(format!("at least {} are needed", size(LEAST_MAX_MEMORY))),
        None => Err("no machine has so much".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_never_overflow_even_beside_a_zero() {
        assert_eq!(element_count(&[]).unwrap(), 1);
        assert_eq!(element_count(&[3, 0, 5]).unwrap(), 0);
        assert_eq!(element_count(&[MAX_ELEMENTS]).unwrap(), MAX_ELEMENTS);
        for shape in [&[0, usize::MAX, 4][..], &[usize::MAX, 4, 0], &[1 << 31], &[1 << 20, 1 << 20], &[1; 65]]
        {
            let error = element_count(shape).unwrap_err();
            assert!(error.message.contains("too large"), "{error}");
        }
    }

    #[test]
    fn sizes_are_read_as_they_are_shown() {
        assert_eq!(parse_size("8G"), Ok(8 << 30));
        assert_eq!(parse_size("512 MiB"), Ok(512 << 20));
        assert_eq!(parse_size("1073741824"), Ok(1 << 30));
        assert_eq!(parse_size(&size(12 << 30)), Ok(12 << 30));
        for wrong in ["", "G", "-1", "8X", "1.5G", "99999999999999T", "18446744073709551615", "1K", "0"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_option_that_would_let_it() {
        let error = check_room(u64::MAX, || "a tensor".into()).unwrap_err();
        assert!(error.message.starts_with("a tensor would take"), "{error}");
        assert!(error.help.unwrap().contains("--max-memory"));
        assert_eq!(bytes(&[usize::MAX, usize::MAX], 8), u64::MAX / 4);
    }

    /// Thread beside thread, what is refused never has others refused.
    #[test]
    fn a_refusal_is_no_one_elses() {
        std::thread::scope(|scope| {
            let refused = scope.spawn(|| {
                (0..20_000).all(|_| {
                    let charged = Charge::new(u64::MAX / 4, || "all".into()).is_err();
                    charged && check_room(u64::MAX, || "all".into()).is_err()
                })
            });
            let fits = (0..20_000).all(|_| Charge::new(64, || "a little".into()).is_ok());
            assert!(fits && refused.join().unwrap());
        });
    }
}
