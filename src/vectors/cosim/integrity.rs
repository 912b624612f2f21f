//! Whether a bundle's files are still those that its manifest names.
//!
//! A changed data file is simulated all the same, so that the answer can be the cycle and the signal that differ;
//! but it cannot pass. The bundle's `tb.sv` is never run, and must be what goldpath writes.

use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Error, Kind, Place, Result};
use crate::vectors::testbench::layout_id;
use crate::vectors::validity::EARLIER_TESTBENCH;
use crate::vectors::{DATA_FILES, Layout, Layouts, Manifest, manifest, sha256};

/// Names of the files that are missing or whose SHA-256 is not the manifest's.
pub fn changed_files(bundle: &Path, manifest: &Manifest) -> Result<Vec<String>> {
    let data = DATA_FILES.iter().map(|name| format!("{name}.hex"));
    let all = data.chain(["header.hex", "design.vh", "tb.sv"].map(String::from));
    refuse_earlier(bundle, manifest)?;
    let mut changed = Vec::new();
    for name in all {
        let path = bundle.join(&name);
        let Some(entry) = manifest.files.get(&name) else {
            return Err(Error::new(Kind::Malformed, format!("does not name {name} among its files"))
                .in_file(&bundle.join("manifest.json")));
        };
        match std::fs::read(&path) {
            Ok(bytes) => {
                if name.ends_with(".hex") {
                    refuse_foreign_bytes(&path, &bytes)?;
                }
                if sha256(&bytes) != entry.sha256 {
                    changed.push(name);
                }
            }
            Err(e) if e.kind() == ErrorKind::NotFound => changed.push(name),
            Err(e) => return Err(Error::io(&path, "read this file", e)),
        }
    }
    Ok(changed)
}

/// Refuses a bundle of which a file is missing or not the one that its manifest names.
///
/// # Errors
/// The file; or the manifest, where it describes other signals or counts than the data files were written with.
pub fn refuse_changed(bundle: &Path, manifest: &Manifest) -> Result<()> {
    let changed = changed_files(bundle, manifest)?;
    if let Some(name) = changed.first() {
        return Err(Error::new(Kind::Malformed, "is not the file that manifest.json names, or is missing")
            .in_file(&bundle.join(name))
            .help("write the bundle again with `goldpath vectors`"));
    }
    refuse_other_layout(bundle, manifest, &manifest.layouts()?, &changed)
}

/// Refuses a bundle from before its testbench had the ending of what it is.
pub fn refuse_earlier(bundle: &Path, manifest: &Manifest) -> Result<()> {
    if manifest.files.contains_key("tb.sv") || !manifest.files.contains_key(EARLIER_TESTBENCH) {
        return Ok(());
    }
    let message = "is of a bundle that an earlier goldpath wrote: its testbench is tb.v, which is now tb.sv";
    Err(Error::new(Kind::Unsupported, message)
        .in_file(&bundle.join("manifest.json"))
        .help("write the bundle again with `goldpath vectors`: it takes the earlier one's place"))
}

/// Simulators disagree on everything but lower-case digits and line ends: Verilator reads an `x` as 0.
fn refuse_foreign_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let known = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'\n');
    let Some(at) = bytes.iter().position(|b| !known(b)) else { return Ok(()) };
    let before = &bytes[..at];
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = at - before.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1) + 1;
    Err(Error::new(Kind::Malformed, "is neither a lower-case hex digit nor a line's end")
        .at(Place::Line { path: path.to_path_buf(), line, column })
        .help("write the bundle again with `goldpath vectors`"))
}

/// Refuses a manifest that describes other signals or counts than those that the data files were written with.
pub fn refuse_other_layout(
    bundle: &Path,
    manifest: &Manifest,
    layouts: &Layouts,
    changed: &[String],
) -> Result<()> {
    let path = bundle.join("header.hex");
    if changed.iter().any(|name| name == "header.hex") {
        return Ok(());
    }
    let header = std::fs::read_to_string(&path).map_err(|e| Error::io(&path, "read this file", e))?;
    let word = |at: usize| header.lines().nth(at).and_then(|l| u32::from_str_radix(l, 16).ok());
    let lines =
        |(name, layout): (&str, &Layout)| manifest.records(&format!("{name}.hex")) * layout.words as u64;
    let counted = layouts
        .files()
        .into_iter()
        .enumerate()
        .all(|(index, file)| word(3 + 2 * index).map(u64::from) == Some(lines(file)));
    if word(1) == Some(layout_id(layouts)) && word(2).map(u64::from) == Some(manifest.cycles) && counted {
        return Ok(());
    }
    Err(Error::new(
        Kind::Malformed,
        "describes other signals, parameters or counts than header.hex was written with",
    )
    .in_file(&bundle.join("manifest.json"))
    .help("write the bundle again with `goldpath vectors`"))
}

/// Refuses a `tb.sv` or `design.vh` that is not what this goldpath writes for the bundle: it could say anything. A
/// bundle of another version is checked with this one's texts, and a note says so.
pub fn refuse_foreign_texts(
    bundle: &Path,
    manifest: &Manifest,
    expected: &[(&str, String)],
) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for (name, text) in expected {
        let path = bundle.join(name);
        let found = std::fs::read(&path).map_err(|e| Error::io(&path, "read this file", e))?;
        if found == text.as_bytes() {
            continue;
        }
        let told = manifest.files.get(*name).is_some_and(|entry| entry.sha256 == sha256(&found));
        if told && manifest.generator != manifest::generator() {
            notes.push(format!(
                "{name} was written by {:?} and is not used: {} runs its own",
                manifest.generator,
                manifest::generator()
            ));
            continue;
        }
        let what =
            if told { "for this bundle" } else { "for this bundle, nor the one that the manifest names" };
        return Err(Error::new(Kind::Malformed, format!("is not the {name} that goldpath writes {what}"))
            .in_file(&path)
            .help("it was edited, or another goldpath wrote it: write the bundle again with `goldpath vectors`, or run it in a simulator yourself"));
    }
    Ok(notes)
}

/// Records that the longest data file can have: what the manifest says, but no more than its file has room for.
pub fn depth(bundle: &Path, manifest: &Manifest, layouts: &Layouts) -> u64 {
    let records = |(name, layout): (&str, &Layout)| {
        let name = format!("{name}.hex");
        let bytes = std::fs::metadata(bundle.join(&name)).map_or(0, |m| m.len());
        let record = layout.words as u64 * (layout.digits() as u64 + 1);
        manifest.records(&name).min(bytes.div_ceil(record.max(1)))
    };
    layouts.files().into_iter().map(records).max().unwrap_or(0)
}
