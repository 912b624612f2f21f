//! What a number is: formats, rounding, fitting, machine lanes and bit patterns (R1–R7, R10).
//!
//! Nothing here does I/O or knows a layer. A fitted value is an `i64`, an unfitted one an `i128`.

mod bits;
mod fit;
mod format;
mod round;

pub use bits::{hex, hex_digits, pack, unpack};
pub use fit::{Fitted, Flags, Overflow, fit};
pub use format::Format;
pub use round::{MAX_SHIFT, Rounding, shift_right};
