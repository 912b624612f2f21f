//! How many bits a range needs.

/// The rule N + M + ceil(log2 K): what designers add up when they know only the operands' widths.
///
/// ```
/// use goldpath::bounds::rule_of_thumb_width;
/// assert_eq!(rule_of_thumb_width(8, 8, 576), 26); // signed operands never need the last bit: 25 do
/// ```
pub fn rule_of_thumb_width(activation_bits: u32, weight_bits: u32, k: u64) -> u32 {
    activation_bits + weight_bits + k.max(1).next_power_of_two().trailing_zeros()
}
