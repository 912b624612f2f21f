//! The position-weighted sum that a testbench recomputes before it believes a data file.

/// Sum over 32-bit chunks, modulo 2^32; chunk `i` of the file weighs `2·i + 1`.
///
/// A word of `w` bits is `ceil(w / 32)` chunks, least significant first. Every weight is odd, hence invertible
/// modulo 2^32: no single changed chunk, and so no single flipped digit, can leave the sum as it was. An even
/// weight could: 2^28 times a multiple of 16 is 0.
///
/// ```
/// use goldpath::vectors::Sum;
/// let mut sum = Sum::default();
/// sum.word(&[0x1_0000_0002], 64);
/// assert_eq!(sum.value(), 2 * 1 + 1 * 3);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    value: u32,
    weight: u32,
}

impl Sum {
    /// Adds one word of `bits` bits, given as 64-bit limbs, least significant first.
    pub fn word(&mut self, limbs: &[u64], bits: usize) {
        for chunk in 0..bits.div_ceil(32) {
            // Half a limb: the cast keeps exactly the 32 bits that are this chunk.
            let part = (limbs[chunk / 2] >> (32 * (chunk % 2))) as u32;
            let odd = self.weight.wrapping_mul(2).wrapping_add(1);
            self.value = self.value.wrapping_add(part.wrapping_mul(odd));
            self.weight = self.weight.wrapping_add(1);
        }
    }

    /// The sum so far, modulo 2^32.
    pub fn value(self) -> u32 {
        self.value
    }
}
