//! ONNX files written by hand, byte by byte, and their operators counted the same way: nothing here is of `src`.

/// Elements of an initialiser.
#[derive(Debug, Clone)]
pub enum Data {
    F32(Vec<f32>),
    U8(Vec<u8>),
    I8(Vec<i8>),
    I32(Vec<i32>),
    I64(Vec<i64>),
}

/// An attribute's value.
#[derive(Debug, Clone)]
pub enum Value {
    Int(i64),
    Ints(Vec<i64>),
    Float(f32),
    Floats(Vec<f32>),
    Text(&'static str),
    /// Inside a function: an attribute of the call, and its type.
    Of(&'static str, u64),
    /// A whole message: a tensor in field 5, a graph in field 6, a sparse tensor in field 22.
    Message(u64, Vec<u8>),
}

/// A TensorProto.
pub fn tensor(name: &str, element: u64, shape: &[usize], data: &[u8], external: &[(&str, &str)]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|d| number(1, *d as u64)).collect();
    let entry = |(key, value): &(&str, &str)| {
        bytes(13, &[bytes(1, key.as_bytes()), bytes(2, value.as_bytes())].concat())
    };
    let data = match external {
        [] => bytes(9, data),
        entries => [entries.iter().flat_map(entry).collect(), number(14, 1)].concat(),
    };
    [dims, number(2, element), bytes(8, name.as_bytes()), data].concat()
}

/// A model under construction.
#[derive(Debug, Clone, Default)]
pub struct Model {
    nodes: Vec<Vec<u8>>,
    initialisers: Vec<Vec<u8>>,
    inputs: Vec<Vec<u8>>,
    outputs: Vec<String>,
    functions: Vec<Vec<u8>>,
    names: usize,
    /// Opset of ONNX's own domain; 17 when left 0.
    pub opset: u64,
}

pub const FLOAT: u64 = 1;
pub const UINT8: u64 = 2;
pub const INT8: u64 = 3;

impl Model {
    /// A tensor name that no other has.
    pub fn fresh(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}{}", self.names)
    }

    /// An input; 0 is a symbolic extent.
    pub fn input(&mut self, name: &str, element: u64, dims: &[u64]) {
        let dims: Vec<u8> = dims
            .iter()
            .flat_map(|d| bytes(1, &if *d == 0 { bytes(2, b"N") } else { number(1, *d) }))
            .collect();
        let tensor = [number(1, element), bytes(2, &dims)].concat();
        self.inputs.push([bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat());
    }

    pub fn output(&mut self, name: &str) {
        self.outputs.push(name.to_owned());
    }

    /// An initialiser under a name of its own.
    pub fn constant(&mut self, shape: &[usize], data: Data) -> String {
        let name = self.fresh("c");
        self.initialiser(&name, shape, data);
        name
    }

    pub fn initialiser(&mut self, name: &str, shape: &[usize], data: Data) {
        let (kind, raw): (u64, Vec<u8>) = match data {
            Data::F32(v) => (1, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Data::U8(v) => (2, v),
            Data::I8(v) => (3, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Data::I32(v) => (6, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Data::I64(v) => (7, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
        };
        let dims: Vec<u8> = shape.iter().flat_map(|d| number(1, *d as u64)).collect();
        let tensor = [dims, number(2, kind), bytes(8, name.as_bytes()), bytes(9, &raw)].concat();
        self.initialisers.push(tensor);
    }

    /// An initialiser of any element type, its data as raw bytes or in a file beside the model.
    pub fn tensor(
        &mut self,
        name: &str,
        element: u64,
        shape: &[usize],
        data: &[u8],
        external: &[(&str, &str)],
    ) {
        self.initialisers.push(tensor(name, element, shape, data, external));
    }

    pub fn scalar(&mut self, data: Data) -> String {
        self.constant(&[], data)
    }

    /// A node with one output of a name of its own; `name` may be empty, and so may inputs that are left out.
    pub fn node(&mut self, kind: &str, name: &str, inputs: &[&str], attributes: &[(&str, Value)]) -> String {
        let output = self.fresh("t");
        self.node_to(kind, name, inputs, &[&output], attributes);
        output
    }

    pub fn node_to(
        &mut self,
        kind: &str,
        name: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Value)],
    ) {
        let mut node: Vec<u8> = inputs.iter().flat_map(|i| bytes(1, i.as_bytes())).collect();
        node.extend(outputs.iter().flat_map(|o| bytes(2, o.as_bytes())));
        if !name.is_empty() {
            node.extend(bytes(3, name.as_bytes()));
        }
        let kind = match kind.rsplit_once('.') {
            None => kind,
            Some((domain, kind)) => {
                node.extend(bytes(7, domain.as_bytes()));
                kind
            }
        };
        node.extend(bytes(4, kind.as_bytes()));
        for (name, value) in attributes {
            let value = match value {
                Value::Int(v) => [number(3, v.cast_unsigned()), number(20, 2)].concat(),
                Value::Ints(list) => {
                    let list: Vec<u8> = list.iter().flat_map(|v| number(8, v.cast_unsigned())).collect();
                    [list, number(20, 7)].concat()
                }
                Value::Float(v) => [fixed(2, *v), number(20, 1)].concat(),
                Value::Floats(list) => {
                    let list: Vec<u8> = list.iter().flat_map(|v| fixed(7, *v)).collect();
                    [list, number(20, 6)].concat()
                }
                Value::Text(v) => [bytes(4, v.as_bytes()), number(20, 3)].concat(),
                Value::Of(outer, kind) => [bytes(21, outer.as_bytes()), number(20, *kind)].concat(),
                Value::Message(field, content) => bytes(*field, content),
            };
            node.extend(bytes(5, &[bytes(1, name.as_bytes()), value].concat()));
        }
        self.nodes.push(node);
    }

    /// A function of the file, of the domain `local`, with the nodes of `body`.
    pub fn function(&mut self, name: &str, inputs: &[&str], outputs: &[&str], body: &Model) {
        let texts = |field: u64, list: &[&str]| {
            list.iter().flat_map(|t| bytes(field, t.as_bytes())).collect::<Vec<u8>>()
        };
        let nodes: Vec<u8> = body.nodes.iter().flat_map(|node| bytes(7, node)).collect();
        let opset = bytes(9, &[bytes(1, b""), number(2, 17)].concat());
        let named = [bytes(1, name.as_bytes()), texts(4, inputs), texts(5, outputs)].concat();
        self.functions.push([named, nodes, opset, bytes(10, b"local")].concat());
    }

    /// The graph alone, as a body of If, Loop or Scan.
    pub fn graph(&self) -> Vec<u8> {
        let mut graph: Vec<u8> = self.nodes.iter().flat_map(|n| bytes(1, n)).collect();
        graph.extend(bytes(2, b"g"));
        graph.extend(self.initialisers.iter().flat_map(|t| bytes(5, t)));
        graph.extend(self.inputs.iter().flat_map(|i| bytes(11, i)));
        graph.extend(self.outputs.iter().flat_map(|o| bytes(12, &bytes(1, o.as_bytes()))));
        graph
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let graph = self.graph();
        let own = if self.opset == 0 { 17 } else { self.opset };
        let opset = |domain: &str, version: u64| [bytes(1, domain.as_bytes()), number(2, version)].concat();
        let opsets = [bytes(8, &opset("", own)), bytes(8, &opset("com.microsoft", 1))].concat();
        let functions: Vec<u8> = self.functions.iter().flat_map(|f| bytes(25, f)).collect();
        [number(1, 8), bytes(7, &graph), opsets, functions].concat()
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = (value & 0x7f).to_le_bytes()[0];
        value >>= 7;
        if value == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn fixed(field: u64, value: f32) -> Vec<u8> {
    [varint(field << 3 | 5), value.to_le_bytes().to_vec()].concat()
}

fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

/// The fields of a message: number, and content where it has a length.
fn fields(mut message: &[u8]) -> Vec<(u64, &[u8])> {
    fn take(message: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = message[0];
            *message = &message[1..];
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = take(&mut message);
        let content = match tag & 7 {
            0 => {
                take(&mut message);
                0
            }
            2 => usize::try_from(take(&mut message)).unwrap(),
            5 => 4,
            _ => 8,
        };
        found.push((tag >> 3, &message[..content]));
        message = &message[content..];
    }
    found
}

/// Operator and name of every multiply-accumulate node in the bytes of a model.
pub fn macs(model: &[u8]) -> Vec<(String, String)> {
    const MACS: [&str; 8] =
        ["Conv", "MatMul", "Gemm", "ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul", "QGemm"];
    let inside = |message: &[u8], wanted: u64| -> Vec<Vec<u8>> {
        fields(message).into_iter().filter(|(f, _)| *f == wanted).map(|(_, c)| c.to_vec()).collect()
    };
    let text = |message: &[u8], wanted: u64| {
        inside(message, wanted).pop().map_or(String::new(), |t| String::from_utf8(t).unwrap())
    };
    let nodes = inside(model, 7).iter().flat_map(|graph| inside(graph, 1)).collect::<Vec<_>>();
    let named = nodes.iter().map(|node| (text(node, 4), text(node, 3)));
    named.filter(|(kind, _)| MACS.contains(&kind.as_str())).collect()
}
