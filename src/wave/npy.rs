//! `.npy` headers and elements: little-endian, C order, the same bytes everywhere.
//!
//! Source: numpy's NEP 1 (`numpy/lib/format.py`), version 1.0.

use ndarray::ArrayViewD;

use crate::num::Format;

/// Magic, version and the dictionary, padded with spaces so that data starts at a multiple of 64.
pub fn npy_header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let extents: Vec<String> = shape.iter().map(|d| format!("{d},")).collect();
    // A tuple of one has a comma behind it, a longer one between its elements only.
    let tuple = match shape.len() {
        0 | 1 => extents.concat(),
        _ => extents.join(" ").trim_end_matches(',').to_string(),
    };
    let dictionary = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({tuple}), }}");
    let unpadded = 10 + dictionary.len() + 1;
    let padding = unpadded.next_multiple_of(64) - unpadded;
    let length = u16::try_from(dictionary.len() + padding + 1).unwrap_or(u16::MAX);
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.extend(dictionary.as_bytes());
    bytes.resize(bytes.len() + padding, b' ');
    bytes.push(b'\n');
    bytes
}

/// An int64 array as a `.npy` file.
pub fn npy_int64(values: ArrayViewD<'_, i64>) -> Vec<u8> {
    let mut bytes = npy_header("<i8", values.shape());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    bytes
}

/// Values of `format` as a `.npy` file of the narrowest dtype that holds the format.
pub fn npy_narrowest(values: ArrayViewD<'_, i64>, format: Format) -> Vec<u8> {
    let size = (format.width().div_ceil(8) as usize).next_power_of_two();
    let kind = if format.is_signed() { 'i' } else { 'u' };
    let mut bytes = npy_header(&format!("{}{kind}{size}", if size == 1 { '|' } else { '<' }), values.shape());
    // Two's complement: the low bytes of an i64 inside the format are the narrow element.
    values.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes()[..size]));
    bytes
}
