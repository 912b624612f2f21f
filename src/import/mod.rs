//! Files of other people's formats → plain data and diagnostics; nobody else knows those formats.

pub mod npy;
pub mod onnx;
