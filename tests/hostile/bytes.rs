//! Files made by hand: .npy, stored .npz, and ONNX models field by field.

use std::io::Write;
use std::path::Path;

/// A `.npy` file of any header and body.
pub fn npy(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), body].concat()
}

/// An archive of these entries.
pub fn npz(path: &Path, entries: &[(&str, Vec<u8>)], packed: bool) {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let method = if packed { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in entries {
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

/// A number, field `tag`.
pub fn number(tag: u64, value: u64) -> Vec<u8> {
    [varint(tag << 3), varint(value)].concat()
}

/// Bytes, text or a message, field `tag`.
pub fn field(tag: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(tag << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// NodeProto.
pub fn node(kind: &str, name: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs = inputs.iter().flat_map(|name| field(1, name.as_bytes()));
    let outputs = outputs.iter().flat_map(|name| field(2, name.as_bytes()));
    let names = [field(3, name.as_bytes()), field(4, kind.as_bytes())].concat();
    let attributes = attributes.iter().flat_map(|attribute| field(5, attribute));
    inputs.chain(outputs).chain(names).chain(attributes).collect()
}

/// AttributeProto of an integer.
pub fn integer(name: &str, value: u64) -> Vec<u8> {
    [field(1, name.as_bytes()), number(3, value), number(20, 2)].concat()
}

/// ValueInfoProto of element type `code`.
pub fn value_info(name: &str, code: u64, dims: &[u64]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|dim| field(1, &number(1, *dim))).collect();
    let tensor = [number(1, code), field(2, &dims)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

/// TensorProto with raw data.
pub fn tensor(name: &str, code: u64, dims: &[u64], raw: &[u8]) -> Vec<u8> {
    let dims = dims.iter().flat_map(|dim| number(1, *dim));
    dims.chain([number(2, code), field(8, name.as_bytes()), field(9, raw)].concat()).collect()
}

/// ModelProto of opset 17.
pub fn model(nodes: &[Vec<u8>], constants: &[Vec<u8>], inputs: &[Vec<u8>], outputs: &[Vec<u8>]) -> Vec<u8> {
    let part = |tag: u64, list: &[Vec<u8>]| list.iter().flat_map(|p| field(tag, p)).collect::<Vec<u8>>();
    let graph = [part(1, nodes), part(5, constants), part(11, inputs), part(12, outputs)].concat();
    [number(1, 8), field(7, &graph), field(8, &[field(1, b""), number(2, 17)].concat())].concat()
}
