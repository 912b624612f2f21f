//! Files of samples and arrays: what other people's viewers and numpy read.

mod npy;
mod sink;

pub use npy::{npy_header, npy_int64, npy_narrowest};
pub use sink::create;
