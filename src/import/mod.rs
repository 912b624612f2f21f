//! Files of other people's formats → plain data and diagnostics; nobody else knows those formats.

mod foreign;
pub mod npy;
pub mod onnx;

use std::path::Path;

use crate::error::Result;
use crate::network::Network;

/// Reads a model, whatever its format: what a further format is added to. So far that is [`onnx`].
///
/// # Errors
/// As [`onnx::read`].
pub fn read(path: &Path) -> Result<Network> {
    onnx::read(path)
}
