//! What killed runs of earlier versions left: hidden folders of bundles, without an owner's lock.

use std::fs;
use std::path::Path;

const PREFIX: &str = ".goldpath-bundle-";
const RANDOM: usize = 6;

/// Files that were written in such a folder.
const WRITTEN: [&str; 9] = [
    "stimulus.hex",
    "expected.hex",
    "beats_in.hex",
    "beats_out.hex",
    "channels.hex",
    "header.hex",
    "design.vh",
    "tb.v",
    "manifest.json",
];

/// Removes them from `parent`, best effort. One that holds anything else, such as the bundle that was being replaced,
/// stays.
pub fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let named = rest.is_some_and(|r| r.len() == RANDOM && r.bytes().all(|b| b.is_ascii_alphanumeric()));
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if named && is_folder && is_left(&entry.path()) == Some(true) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether there is nothing in it but an unfinished bundle; `None` when it cannot be looked at.
fn is_left(folder: &Path) -> Option<bool> {
    for entry in fs::read_dir(folder).ok()? {
        let entry = entry.ok()?;
        if entry.file_name() != "bundle" || !entry.file_type().ok()?.is_dir() {
            return Some(false);
        }
        for file in fs::read_dir(entry.path()).ok()? {
            let file = file.ok()?;
            let known = file.file_name().to_str().is_some_and(|name| WRITTEN.contains(&name));
            if !known || !file.file_type().ok()?.is_file() {
                return Some(false);
            }
        }
    }
    Some(true)
}
