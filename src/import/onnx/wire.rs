//! What a file asks for, counted on the wire before it is decoded: an empty message is two bytes in the file and
//! hundreds in memory.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::proto::{
    AttributeProto, DimensionProto, FunctionProto, GraphProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto,
};

/// What a model will hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Node messages of its graph, and of the graphs inside these.
    pub nodes: usize,
    /// Bytes of its messages in memory, without the content of texts and raw data, which is that of the file.
    pub bytes: u64,
}

/// How deep messages may lie inside one another, as prost has it.
const DEEPEST: usize = 100;

/// A message of `proto`, or what else a field is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Model,
    Graph,
    Function,
    Node,
    Attribute,
    Tensor,
    Sparse,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    /// Text and messages without parts.
    Leaf,
    /// Numbers of so many bytes, which the wire may write in one each.
    Numbers(u64),
}

/// Counts; of a damaged file, what stands in front of the damage.
pub fn asked(bytes: &[u8]) -> Asked {
    let mut asked = Asked::default();
    asked.count(bytes, Part::Model, DEEPEST);
    asked
}

/// What field `tag` of a message is, and the bytes that each one takes; none when it is skipped or bounded.
fn part(message: Part, tag: u32) -> Option<(Part, usize)> {
    // A short text is an allocation of its own.
    let text = (Part::Leaf, size_of::<String>() + 16);
    Some(match (message, tag) {
        (Part::Model, 7) => (Part::Graph, 0),
        (Part::Model, 25) => (Part::Function, size_of::<FunctionProto>()),
        (Part::Function, 7) => (Part::Node, size_of::<NodeProto>()),
        (Part::Function, 11) => (Part::Attribute, size_of::<AttributeProto>()),
        (Part::Function, 4 | 5) | (Part::Attribute, 21) => text,
        (Part::Model, 8) | (Part::Function, 9) => (Part::Leaf, size_of::<OperatorSetIdProto>()),
        (Part::Attribute, 6 | 11) => (Part::Graph, size_of::<GraphProto>()),
        (Part::Graph, 1) => (Part::Node, size_of::<NodeProto>()),
        // What a sparse tensor has besides its values is not read.
        (Part::Graph, 15) => (Part::Sparse, size_of::<TensorProto>()),
        (Part::Sparse, 1) => (Part::Tensor, 0),
        (Part::Graph, 5) | (Part::Attribute, 5) => (Part::Tensor, size_of::<TensorProto>()),
        (Part::Graph, 11 | 12) => (Part::ValueInfo, size_of::<ValueInfoProto>()),
        (Part::Node, 1 | 2) | (Part::Attribute, 9) => text,
        // An entry of a key and a value.
        (Part::Tensor, 13) => (Part::Leaf, 2 * text.1),
        (Part::Node, 5) => (Part::Attribute, size_of::<AttributeProto>()),
        (Part::Attribute, 8) | (Part::Tensor, 1 | 7 | 11) => (Part::Numbers(8), 0),
        (Part::Tensor, 5) => (Part::Numbers(4), 0),
        (Part::ValueInfo, 2) => (Part::Type, 0),
        (Part::Type, 1) => (Part::TensorType, 0),
        (Part::TensorType, 2) => (Part::Shape, 0),
        (Part::Shape, 1) => (Part::Leaf, size_of::<DimensionProto>()),
        _ => return None,
    })
}

impl Asked {
    /// Of what lies too deep, nothing is counted: it is not decoded either.
    fn count(&mut self, mut bytes: &[u8], message: Part, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        while let Ok((tag, wire)) = decode_key(&mut bytes) {
            let part = part(message, tag);
            let Some((part, size)) = part.filter(|_| wire != WireType::StartGroup) else {
                if skip_field(wire, tag, &mut bytes, DecodeContext::default()).is_err() {
                    return;
                }
                continue;
            };
            self.nodes += usize::from(part == Part::Node);
            self.bytes = self.bytes.saturating_add(size as u64);
            let content = match (wire, decode_varint_of(wire, &mut bytes)) {
                // One number, not packed with others.
                (WireType::Varint, Some(_)) => &[0],
                (WireType::LengthDelimited, Some(length)) => {
                    let Some((content, rest)) = split(bytes, length) else { return };
                    bytes = rest;
                    content
                }
                _ => return,
            };
            match part {
                Part::Leaf => {}
                // The last byte of a number has no continuation bit.
                Part::Numbers(each) => {
                    let numbers = content.iter().filter(|byte| **byte < 0x80).count() as u64;
                    self.bytes = self.bytes.saturating_add(numbers.saturating_mul(each));
                }
                message => self.count(content, message, depth),
            }
        }
    }
}

/// The number that a field of this wire type starts with.
fn decode_varint_of(wire: WireType, bytes: &mut &[u8]) -> Option<u64> {
    let starts = matches!(wire, WireType::Varint | WireType::LengthDelimited);
    decode_varint(bytes).ok().filter(|_| starts)
}

fn split(bytes: &[u8], length: u64) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(usize::try_from(length).ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::proto::{GraphProto, ModelProto};
    use super::*;
    use prost::Message as _;

    #[test]
    fn nodes_are_counted_over_graphs_in_parts_and_behind_groups() {
        let graph = GraphProto { node: vec![NodeProto::default(); 3], ..GraphProto::default() };
        let model = ModelProto { graph: Some(graph), ..ModelProto::default() }.encode_to_vec();
        // Field 3 as a group, and again the graph: decoding puts the two together.
        let twice = [model.as_slice(), &[0x1b, 0x1c], &model].concat();
        assert_eq!(ModelProto::decode(twice.as_slice()).unwrap().graph.unwrap().node.len(), 6);
        assert_eq!(asked(&twice).nodes, 6);
        assert_eq!(asked(&twice[..twice.len() - 1]).nodes, 3);
        assert!(asked(&twice).bytes >= 6 * size_of::<NodeProto>() as u64);
    }

    #[test]
    fn numbers_count_packed_and_one_by_one() {
        // TensorProto.int64_data: three packed, one alone.
        let tensor = [0x3a, 3, 1, 2, 3, 0x38, 7];
        let graph = [[0x2a, 7].as_slice(), &tensor].concat();
        let model = [[0x3a, 9].as_slice(), &graph].concat();
        assert_eq!(asked(&model).bytes, 4 * 8 + size_of::<TensorProto>() as u64);
    }
}
