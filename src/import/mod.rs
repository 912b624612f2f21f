//! Files of other people's formats → plain data and diagnostics; nobody else knows those formats.

mod foreign;
pub mod npy;
pub mod onnx;
