//! Where each value lies in a line: fields packed from the least significant bit, split into words.

use crate::num::Format;

/// No word of a hex file is wider: Icarus and Verilator load wider ones five times slower.
pub const MAX_WORD_BITS: usize = 512;

/// One signal (or parameter) of a record: `instances` values of one format, side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The signal's or parameter's name.
    pub name: String,
    /// Instances, row-major; `[]` for a scalar.
    pub shape: Vec<usize>,
    /// Of every instance.
    pub format: Format,
    /// Bit of the record at which instance 0 begins.
    pub offset: usize,
}

impl Field {
    /// How many values it has: the product of its shape, 1 for a scalar.
    pub fn instances(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bits of all instances together.
    pub fn width(&self) -> usize {
        self.format.width() as usize
    }

    /// Bits of all instances.
    pub fn bits(&self) -> usize {
        self.instances() * self.width()
    }
}

/// The fields of a record and the words it is written in.
///
/// A record of at most 512 bits is one word of its width in whole digits; a longer one is words of 512 bits, the
/// least significant first. The unused top bits are zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// From bit 0 up, without gaps.
    pub fields: Vec<Field>,
    /// Bits used.
    pub bits: usize,
    /// Bits of a line, a multiple of 4.
    pub word_bits: usize,
    /// Lines per record.
    pub words: usize,
}

impl Layout {
    /// Packs fields of (name, shape, format) side by side, in the order given.
    pub fn new<'a>(fields: impl IntoIterator<Item = (&'a str, &'a [usize], Format)>) -> Layout {
        let mut offset = 0;
        let fields: Vec<Field> = fields
            .into_iter()
            .map(|(name, shape, format)| {
                let field = Field { name: name.to_string(), shape: shape.to_vec(), format, offset };
                offset += field.bits();
                field
            })
            .collect();
        // A record without fields still has a line: files keep one line per record. Whole digits, so that a
        // changed digit always changes the word: simulators drop digits' bits beyond a word without a word.
        let bits = offset.max(1).next_multiple_of(4);
        let words = bits.div_ceil(MAX_WORD_BITS);
        Layout { fields, bits: offset, word_bits: if words == 1 { bits } else { MAX_WORD_BITS }, words }
    }

    /// The field of this name, if the record has one.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// Hex digits of a line.
    pub fn digits(&self) -> usize {
        self.word_bits / 4
    }

    /// 64-bit limbs that hold a whole record.
    pub fn limbs(&self) -> usize {
        self.words * self.word_bits.div_ceil(64)
    }

    /// Packs the record's values, in field order, into `limbs` (R10), which is overwritten.
    pub fn pack(&self, values: &[i64], limbs: &mut Vec<u64>) {
        limbs.clear();
        limbs.resize(self.limbs(), 0);
        let mut values = values.iter();
        for field in &self.fields {
            let width = field.width();
            let mut at = field.offset;
            for value in values.by_ref().take(field.instances()) {
                insert(limbs, at, *value, width);
                at += width;
            }
        }
    }

    /// The record's values, in field order, out of its limbs (R10). False where a bit that no field has is set.
    pub fn unpack(&self, limbs: &[u64], values: &mut Vec<i64>) -> bool {
        values.clear();
        for field in &self.fields {
            let width = field.width();
            let ats = (0..field.instances()).map(|instance| field.offset + instance * width);
            values.extend(ats.map(|at| extract(limbs, at, width, field.format.is_signed())));
        }
        let (limb, shift) = (self.bits / 64, self.bits % 64);
        let beyond = limbs.iter().skip(limb).enumerate();
        beyond.map(|(at, limb)| if at == 0 { limb >> shift } else { *limb }).all(|rest| rest == 0)
    }
}

/// The value of `width` bits at bit `at`.
fn extract(limbs: &[u64], at: usize, width: usize, signed: bool) -> i64 {
    let (limb, shift) = (at / 64, at % 64);
    let mut pattern = limbs[limb] >> shift;
    if shift + width > 64 {
        pattern |= limbs[limb + 1] << (64 - shift);
    }
    let spare = 64 - width;
    // The casts reinterpret two's complement: one shift back fills with the sign, the other with zeros.
    if signed { ((pattern << spare) as i64) >> spare } else { ((pattern << spare) >> spare) as i64 }
}

/// Sets `width` bits at bit `at` to the pattern of `value` (R10: value mod 2^width).
fn insert(limbs: &mut [u64], at: usize, value: i64, width: usize) {
    // The cast reinterprets two's complement; the mask drops the sign extension.
    let pattern = (value as u64) & (u64::MAX >> (64 - width));
    let (limb, shift) = (at / 64, at % 64);
    limbs[limb] |= pattern << shift;
    if shift + width > 64 {
        limbs[limb + 1] |= pattern >> (64 - shift);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_records_are_one_exact_word() {
        let s9 = Format::signed(9).unwrap();
        let layout = Layout::new([("a", &[3][..], s9), ("b", &[][..], Format::unsigned(2).unwrap())]);
        assert_eq!((layout.bits, layout.word_bits, layout.words, layout.digits()), (29, 32, 1, 8));
        let mut limbs = Vec::new();
        layout.pack(&[-1, 0, -256, 1], &mut limbs);
        assert_eq!(limbs, [0x1ff | (0x100 << 18) | (1 << 27)]);
        let mut values = Vec::new();
        assert!(layout.unpack(&limbs, &mut values));
        assert_eq!(values, [-1, 0, -256, 1]);
        assert!(!layout.unpack(&[limbs[0] | 1 << 29], &mut values), "a bit beyond the fields");
    }

    #[test]
    fn long_records_are_words_of_512_bits() {
        let layout = Layout::new([("a", &[100][..], Format::signed(13).unwrap())]);
        assert_eq!((layout.word_bits, layout.words, layout.limbs()), (512, 3, 24));
        let mut limbs = Vec::new();
        let values: Vec<i64> = (0..100).map(|i| i * 37 - 2000).collect();
        layout.pack(&values, &mut limbs);
        for (i, value) in values.iter().enumerate() {
            let bits: u64 =
                (0..13).map(|b| ((limbs[(i * 13 + b) / 64] >> ((i * 13 + b) % 64)) & 1) << b).sum();
            assert_eq!(bits, (*value as u64) & 0x1fff);
        }
        let mut read = Vec::new();
        assert!(layout.unpack(&limbs, &mut read));
        assert_eq!(read, values);
        *limbs.last_mut().unwrap() |= 1 << 63;
        assert!(!layout.unpack(&limbs, &mut read), "a bit beyond the fields");
    }
}
