//! What a number is: formats, products, order, fitting, rounding, machine lanes and bit patterns.
//!
//! | rule | in one sentence | formula | here |
//! |---|---|---|---|
//! | R1 | a value is a mathematical integer inside its format | `min ≤ v ≤ max` | [`Format`] |
//! | R2 | a product is exact, as wide as both operands together, signed if either is | `p = a · b` | [`product_format`], [`product`] |
//! | R3 | one operation at a time, in schedule order, fitted after each | `acc ← fit(acc + t)` | [`accumulate`] |
//! | R4 | wrap reduces modulo two to the width | `v mod 2^w`, read in the format | [`Overflow::Wrap`], [`fit()`] |
//! | R5 | saturate clamps to the format's own, asymmetric range | `min(max(v, low), high)` | [`Overflow::Saturate`], [`fit()`] |
//! | R6 | the flags describe the unfitted value, in every overflow rule | `v > high`, `v < low` | [`Flags`] |
//! | R7 | a rounding shift divides by a power of two in one of ten modes; count 0 is the identity | `round(v / 2^s)` | [`Rounding`], [`shift_right`] |
//! | R10 | a bit pattern is the value modulo two to the width, in ceil(w / 4) hex digits | `v mod 2^w` | [`hex()`], [`pack`], [`unpack`] |
//!
//! A [`Fit`] is a format with its overflow rule, and [`narrowest`] the format that a range needs. [`Exact`] is the one form in which files say an exact integer; [`Chance`] is where made-up numbers come from, and [`ALIASES`] what
//! other systems call roundings and overflow rules. R8 and R9 are `post`'s; R11 and R12 are the datapaths'. Nothing here does I/O or knows a layer. A fitted
//! value is an `i64`, an unfitted one an `i128`. [`lanes`] has R3 to R6 once more on `i16`, `i32` and `i64`,
//! in the form that a compiler turns into vector instructions, and is tested to be equal.

pub mod adder;
mod alias;
mod bits;
mod chance;
pub mod exact;
mod fit;
mod format;
pub mod lanes;
mod product;
mod round;
mod width;

pub use alias::{ALIASES, Alias, Meaning, SYSTEMS, System};
pub use bits::{hex, hex_digits, pack, unpack};
pub use chance::Chance;
pub use exact::Exact;
pub use fit::{Fit, Fitted, Flags, Overflow, accumulate, fit};
pub use format::Format;
pub use product::{power_of_two, power_of_two_code, product, product_format};
pub use round::{MAX_SHIFT, Rounding, shift_right, shift_right_in};
pub use width::{narrowest, needed_bits, needed_bits_64};
