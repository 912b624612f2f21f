//! Files of samples and arrays: what other people's viewers and numpy read.

mod npy;
mod npz;
mod pending;
mod text;
mod vcd;

use std::path::Path;

pub use npy::{npy_header, npy_int64, npy_narrowest};
pub use npz::NpzSink;
pub use text::TextSink;
pub use vcd::VcdSink;

use crate::error::{Error, Kind, Place, Result};
use crate::trace::Sink;

/// Opens a trace file: `.vcd`, `.npz` or `.txt`. It appears under its name when the trace is finished.
///
/// # Errors
/// Another extension, or a folder that cannot be written.
pub fn create(path: &Path) -> Result<Box<dyn Sink>> {
    match path.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "vcd" => Ok(Box::new(VcdSink::create(path)?)),
        "npz" => Ok(Box::new(NpzSink::create(path)?)),
        "txt" => Ok(Box::new(TextSink::create(path)?)),
        other => Err(Error::new(Kind::Unsupported, format!("no trace format has the extension {other:?}"))
            .at(Place::File(path.to_path_buf()))
            .help("use .vcd, .npz or .txt")),
    }
}
