//! `.npy` and `.npz` readers: any integer dtype or float32, C order, bounded by the file's own size.
//!
//! Source: numpy's NEP 1 (`numpy/lib/format.py`), versions 1.0, 2.0 and 3.0.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use crate::error::{Error, Kind, Place, Result};
use crate::import::foreign::{ENOUGH, looks_like};
use crate::limits::{Charge, bytes, element_count};
use crate::network::{DType, Tensor, map_tensor};

/// The first bytes of every `.npy` file.
const MAGIC: &[u8] = b"\x93NUMPY";

/// A header that shape and type cannot fill: numpy pads to 64 bytes.
const MAX_HEADER_BYTES: u64 = 1 << 16;

/// Reads a `.npy` file into a C-ordered tensor.
///
/// # Errors
/// Missing or truncated file, a dtype other than the integers, bool and float32; the message names file and dtype.
pub fn read_npy(path: &Path) -> Result<Tensor> {
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, "read", e))?;
    read_array(file).map_err(|e| match e.kind {
        Kind::Io => Error::io(path, "read", std::io::Error::other(e.message)),
        _ => e.in_file(path),
    })
}

/// Reads every array of an `.npz` file; keys are the array names without `.npy`.
///
/// # Errors
/// As [`read_npy`]; the place names the array inside the file.
pub fn read_npz(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let of_array = |(name, array): (String, Result<Tensor>)| {
        let place = Place::Node { path: path.to_path_buf(), node: name.clone() };
        array.map(|array| (name, array)).map_err(|e| e.at(place))
    };
    read_npz_of(path, &|_| true)?.into_iter().map(of_array).collect()
}

/// Reads the arrays of an `.npz` file whose names `is_wanted` holds of; one of an element type that is not read
/// ([`Kind::Unsupported`]) leaves the others as they are.
///
/// # Errors
/// As [`read_npz`], but for element types.
pub fn read_npz_of(
    path: &Path,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<String, Result<Tensor>>> {
    let malformed = |e| Error::new(Kind::Malformed, "not a readable .npz archive").because(e).in_file(path);
    let mut file = std::fs::File::open(path).map_err(|e| Error::io(path, "open", e))?;
    refuse_other(&mut file).map_err(|e| e.in_file(path))?;
    let listed = entries_listed(&mut file).map_err(|e| Error::io(path, "read", e))?;
    let mut archive = zip::ZipArchive::new(file).map_err(malformed)?;
    let twice = |what: String| {
        let error = Error::new(Kind::Malformed, what).in_file(path);
        Err(error.help("every array of an .npz has a name of its own"))
    };
    // The archive knows its entries by name and keeps the last of equal ones.
    if let Some(listed) = listed.filter(|listed| *listed != archive.len()) {
        return twice(format!("lists {listed} entries under {} names", archive.len()));
    }
    let mut tensors = BTreeMap::new();
    // All arrays of one file lie in memory together.
    let mut held = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(malformed)?;
        let name = entry.name().strip_suffix(".npy").unwrap_or(entry.name()).to_owned();
        let place = Place::Node { path: path.to_path_buf(), node: name.clone() };
        if !is_wanted(&name) {
            continue;
        }
        let tensor = match read_array(entry) {
            Err(error) if error.kind != Kind::Unsupported => return Err(error.at(place)),
            tensor => tensor,
        };
        let elements = tensor.as_ref().map_or(0, Tensor::len);
        held.push(
            Charge::new(bytes(&[elements], 8), || format!("array {name:?}")).map_err(|e| e.in_file(path))?,
        );
        if tensors.insert(name.clone(), tensor).is_some() {
            return twice(format!("holds array {name:?} twice"));
        }
    }
    Ok(tensors)
}

/// Refuses what is known to be something else than an archive.
fn refuse_other(file: &mut std::fs::File) -> Result<()> {
    let mut begins = Vec::new();
    let read = file.take(ENOUGH as u64).read_to_end(&mut begins).and_then(|_| file.seek(SeekFrom::Start(0)));
    read.map_err(|e| Error::new(Kind::Io, "cannot read").because(e))?;
    match looks_like(&begins).filter(|_| !begins.starts_with(b"PK")) {
        Some(what) => Err(Error::new(Kind::Malformed, format!("not an .npz archive: it looks like {what}"))
            .help("numpy.savez writes what is expected here: one array for each name")),
        None => Ok(()),
    }
}

/// How many entries the end record of a zip archive counts; `None` without one, or where zip64 counts elsewhere.
fn entries_listed(file: &mut std::fs::File) -> std::io::Result<Option<usize>> {
    /// The record itself, and the longest comment behind it.
    const LONGEST_END: u64 = 22 + 0xffff;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(LONGEST_END)))?;
    let mut end = Vec::new();
    file.take(LONGEST_END).read_to_end(&mut end)?;
    file.seek(SeekFrom::Start(0))?;
    let record = end.windows(22).rev().find(|record| record.starts_with(b"PK\x05\x06"));
    let count = record.map(|record| u16::from_le_bytes([record[10], record[11]]));
    Ok(count.filter(|count| *count != u16::MAX).map(usize::from))
}

/// Reads a header, then exactly the bytes that it promises: a stream that never ends, or one that expands a
/// thousandfold, is cut there.
fn read_array(mut stream: impl Read) -> Result<Tensor> {
    let broken = |e: std::io::Error| {
        // A damaged entry of an archive is an error of this kind, too.
        Error::new(if e.kind() == ErrorKind::InvalidData { Kind::Malformed } else { Kind::Io }, e.to_string())
    };
    let mut start = Vec::new();
    stream.by_ref().take(12).read_to_end(&mut start).map_err(broken)?;
    if !MAGIC.starts_with(&start[..start.len().min(MAGIC.len())]) || start.is_empty() {
        // What else it is shows further on.
        stream.by_ref().take(ENOUGH as u64).read_to_end(&mut start).map_err(broken)?;
    }
    let length = header_bytes(&start)?;
    if length > MAX_HEADER_BYTES {
        let message = format!("not a .npy file: a header of {length} bytes");
        return Err(Error::new(Kind::Malformed, message));
    }
    let more = length.saturating_sub(start.len() as u64);
    stream.by_ref().take(more).read_to_end(&mut start).map_err(broken)?;
    let (text, begun) = split(&start)?;
    let header = Header::parse(text)?;
    let wanted = header.data_bytes()?;
    let what = || format!("an array of shape {:?} of {}", header.shape, header.dtype);
    // The bytes, and the codes made of them: an operand's are eight bytes each.
    let elements = element_count(&header.shape)?;
    let _held = Charge::new(bytes(&[elements], 8).saturating_add(wanted), what)?;
    let mut data = begun.to_vec();
    stream.take((wanted + 1).saturating_sub(data.len() as u64)).read_to_end(&mut data).map_err(broken)?;
    header.tensor(&data)
}

/// Parses the bytes of a `.npy` file.
///
/// # Errors
/// Bytes that are no `.npy` file, end early, or hold an element type that is not supported.
pub fn parse_npy(bytes: &[u8]) -> Result<Tensor> {
    let (header, data) = split(bytes)?;
    Header::parse(header)?.tensor(data)
}

/// Bytes of magic, version, length and header text, told by the first ones.
fn header_bytes(start: &[u8]) -> Result<u64> {
    match start.strip_prefix(MAGIC) {
        Some([1, _, a, b, ..]) => Ok(10 + u64::from(u16::from_le_bytes([*a, *b]))),
        Some([2 | 3, _, a, b, c, d]) => Ok(12 + u64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
        _ => split(start).map(|_| 0),
    }
}

/// Header text and data behind magic, version and header length.
fn split(bytes: &[u8]) -> Result<(&str, &[u8])> {
    let broken = |what: &str| Error::new(Kind::Malformed, format!("not a .npy file: {what}"));
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| match looks_like(bytes) {
        Some(what) => {
            broken(&format!("it looks like {what}")).help("numpy.save writes what is expected here")
        }
        None => broken("no magic string"),
    })?;
    let (length, rest) = match rest {
        [1, _, a, b, rest @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => {
            (usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX), rest)
        }
        _ => return Err(broken("unknown version or truncated")),
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(|| broken("truncated header"))?;
    let header = std::str::from_utf8(header).map_err(|e| broken("header is not text").because(e))?;
    Ok((header, data))
}

struct Header {
    dtype: DType,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    /// The dictionary that numpy writes: `{'descr': '<i4', 'fortran_order': False, 'shape': (3, 4), }`.
    fn parse(text: &str) -> Result<Header> {
        let broken = |key: &str| Error::new(Kind::Malformed, format!("the .npy header has no valid {key}"));
        let after = |key: &str| {
            let quoted = format!("'{key}'");
            let rest = text.split_once(quoted.as_str()).ok_or_else(|| broken(key))?.1;
            Ok::<&str, Error>(rest.trim_start().strip_prefix(':').ok_or_else(|| broken(key))?.trim_start())
        };
        let descr = after("descr")?.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
        let (dtype, big_endian) = element_type(descr.ok_or_else(|| broken("descr"))?.0)?;
        let fortran = match after("fortran_order")? {
            rest if rest.starts_with("True") => true,
            rest if rest.starts_with("False") => false,
            _ => return Err(broken("fortran_order")),
        };
        let tuple = after("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let extents =
            tuple.ok_or_else(|| broken("shape"))?.0.split(',').map(str::trim).filter(|t| !t.is_empty());
        let shape = extents.map(|t| t.parse().map_err(|_| broken("shape"))).collect::<Result<_>>()?;
        Ok(Header { dtype, big_endian, fortran, shape })
    }

    /// Bytes that shape and dtype need.
    fn data_bytes(&self) -> Result<u64> {
        Ok(bytes(&[element_count(&self.shape)?], self.dtype.size_bytes() as u64))
    }

    /// The tensor, if `data` has exactly the bytes that it needs.
    fn tensor(&self, data: &[u8]) -> Result<Tensor> {
        let wanted = self.data_bytes()?;
        if data.len() as u64 == wanted {
            return Ok(self.read(data));
        }
        let found = if data.len() as u64 > wanted { "more".to_string() } else { data.len().to_string() };
        let message = format!(
            "shape {:?} of {} needs {wanted} bytes of data, there are {found}",
            self.shape, self.dtype
        );
        Err(Error::new(Kind::Malformed, message).help("the file is truncated or damaged"))
    }

    /// `data` has exactly the bytes that shape and dtype need.
    fn read(&self, data: &[u8]) -> Tensor {
        let tensor = match self.dtype {
            DType::U8 => Tensor::U8(self.array(data, u8::from_le_bytes)),
            DType::I8 => Tensor::I8(self.array(data, i8::from_le_bytes)),
            // No array of numpy's is of these.
            DType::U4 => Tensor::U4(self.array(data, |[byte]: [u8; 1]| byte.min(15))),
            DType::I4 => Tensor::I4(self.array(data, |byte: [u8; 1]| i8::from_le_bytes(byte).clamp(-8, 7))),
            DType::U16 => Tensor::U16(self.array(data, u16::from_le_bytes)),
            DType::I16 => Tensor::I16(self.array(data, i16::from_le_bytes)),
            DType::U32 => Tensor::U32(self.array(data, u32::from_le_bytes)),
            DType::I32 => Tensor::I32(self.array(data, i32::from_le_bytes)),
            DType::U64 => Tensor::U64(self.array(data, u64::from_le_bytes)),
            DType::I64 => Tensor::I64(self.array(data, i64::from_le_bytes)),
            DType::F32 => Tensor::F32(self.array(data, f32::from_le_bytes)),
            DType::Bool => Tensor::Bool(self.array(data, |[byte]: [u8; 1]| byte != 0)),
        };
        map_tensor!(tensor, a => a.as_standard_layout().into_owned())
    }

    fn array<T, const N: usize>(&self, data: &[u8], decode: impl Fn([u8; N]) -> T) -> ArrayD<T> {
        let elements = data.chunks_exact(N).map(|chunk| {
            let mut bytes: [u8; N] = chunk.try_into().expect("chunks of N");
            if self.big_endian {
                bytes.reverse();
            }
            decode(bytes)
        });
        let shape = IxDyn(&self.shape).set_f(self.fortran);
        ArrayD::from_shape_vec(shape, elements.collect()).expect("counted by parse_npy")
    }
}

/// numpy's type string: byte order, kind, size in bytes.
fn element_type(descr: &str) -> Result<(DType, bool)> {
    let (order, kind) = descr.split_at_checked(1).unwrap_or(("", descr));
    let dtype = match kind {
        "u1" => DType::U8,
        "i1" => DType::I8,
        "u2" => DType::U16,
        "i2" => DType::I16,
        "u4" => DType::U32,
        "i4" => DType::I32,
        "u8" => DType::U64,
        "i8" => DType::I64,
        "f4" => DType::F32,
        "b1" => DType::Bool,
        _ => {
            return Err(Error::new(Kind::Unsupported, format!("dtype {descr:?} is not one goldpath reads"))
                .help("use an integer dtype, bool or float32 (numpy: x.astype(...))"));
        }
    };
    Ok((dtype, order == ">"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), data].concat()
    }

    #[test]
    fn reads_orders_and_endianness() {
        let c = parse_npy(&npy("|i1", "False", "(2, 3)", &[1, 2, 3, 4, 5, 255])).unwrap();
        assert_eq!(c, Tensor::I8(ndarray::array![[1i8, 2, 3], [4, 5, -1]].into_dyn()));
        let f = parse_npy(&npy("|i1", "True", "(2, 3)", &[1, 4, 2, 5, 3, 255])).unwrap();
        assert_eq!(c, f);
        let big = parse_npy(&npy(">u2", "False", "(1,)", &[1, 2])).unwrap();
        assert_eq!(big, Tensor::U16(ndarray::array![258u16].into_dyn()));
        let scalar = parse_npy(&npy("<f4", "False", "()", &1.5f32.to_le_bytes())).unwrap();
        assert_eq!(scalar.shape(), &[] as &[usize]);
    }

    #[test]
    fn damage_is_an_error_never_a_panic() {
        let whole = npy("<i4", "False", "(2, 2)", &[0; 16]);
        for length in 0..whole.len() {
            assert!(parse_npy(&whole[..length]).is_err(), "{length}");
        }
        for shape in ["(4000000000, 4000000000, 4000000000)", "(-1,)", "(1073741824, 2)"] {
            assert!(parse_npy(&npy("<i4", "False", shape, &[])).is_err());
        }
        let message = parse_npy(&npy("<f8", "False", "(1,)", &[0; 8])).unwrap_err().to_string();
        assert!(message.contains("<f8"), "{message}");
    }
}
