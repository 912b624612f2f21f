//! Random networks in the forms that quantisers write: QDQ, QOperator and dynamic, with every option that decides
//! whether a layer can become an integer one.

use super::onnx::{Data, FLOAT, Model, Value};

/// A generator of one's own, so that a number names a network for ever.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def0)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    pub fn is(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub fn unit(&mut self) -> f32 {
        self.below(1 << 20) as f32 / (1 << 20) as f32
    }

    fn code(&mut self, low: i32, high: i32) -> i32 {
        low + i32::try_from(self.below(usize::try_from(high - low + 1).unwrap())).unwrap()
    }
}

/// A float tensor with the extents behind its batch axis.
#[derive(Clone)]
struct Tensor {
    name: String,
    dims: Vec<usize>,
}

/// A network, and how many multiply-accumulate nodes were put into it.
pub struct Made {
    pub model: Model,
    pub macs: usize,
    /// Extents of the input, batch first.
    pub input: Vec<usize>,
}

struct Writer {
    model: Model,
    random: Random,
    macs: usize,
    /// Activations are u8 codes rather than s8.
    unsigned: bool,
    per_channel: bool,
    layers: usize,
}

/// The network of that number.
pub fn network(seed: u64) -> Made {
    let mut random = Random::new(seed);
    let (unsigned, per_channel) = (random.is(2), random.is(2));
    let mut w = Writer { model: Model::default(), random, macs: 0, unsigned, per_channel, layers: 0 };
    let side = 4 + w.random.below(3);
    let channels = 2 + w.random.below(3);
    let input = vec![1, channels, side, side];
    w.model.input("x", FLOAT, &[0, channels as u64, side as u64, side as u64]);
    let mut x = Tensor { name: "x".into(), dims: vec![channels, side, side] };
    for _ in 0..1 + w.random.below(3) {
        x = w.convolution(&x);
    }
    let features: usize = x.dims.iter().product();
    let flat = w.model.node("Flatten", "", &[&x.name], &[]);
    x = w.fully_connected(&Tensor { name: flat, dims: vec![features] });
    if w.random.is(2) {
        x = w.fully_connected(&x);
    }
    if w.random.is(3) {
        x = w.attention(&x);
    }
    w.model.output(&x.name);
    Made { model: w.model, macs: w.macs, input }
}

impl Writer {
    fn f32(&mut self, value: f32) -> String {
        self.model.scalar(Data::F32(vec![value]))
    }

    fn mac_name(&mut self) -> String {
        self.macs += 1;
        self.layers += 1;
        // Unnamed nodes, and a name given twice, are legal.
        match self.random.below(8) {
            0 => String::new(),
            1 => "again".to_owned(),
            _ => format!("mac{}", self.layers),
        }
    }

    /// Scale, and a zero point of the activations' type.
    fn activation(&mut self, scale: f32) -> (String, String) {
        let zero = self.random.code(-128, 127);
        let zero = if self.random.is(3) { 0 } else { zero };
        let zero = match self.unsigned {
            true => Data::U8(vec![(zero + 128).to_le_bytes()[0]]),
            false => Data::I8(vec![i8::try_from(zero).unwrap()]),
        };
        (self.f32(scale), self.model.scalar(zero))
    }

    /// Codes, scale and zero point of a float tensor.
    fn quantized(&mut self, x: &str, scale: f32) -> [String; 3] {
        let (scale, zero) = self.activation(scale);
        let codes = self.model.node("QuantizeLinear", "", &[x, &scale, &zero], &[]);
        [codes, scale, zero]
    }

    fn dequantize(&mut self, [codes, scale, zero]: &[String; 3]) -> String {
        self.model.node("DequantizeLinear", "", &[codes, scale, zero], &[])
    }

    /// Weight codes with `channels` along `axis`: scale(s) and zero point(s), dequantised by one of the forms in use.
    fn weights(&mut self, shape: &[usize], axis: usize, scale: f32) -> [String; 3] {
        let channels = shape[axis];
        let codes: Vec<i32> = (0..shape.iter().product()).map(|_| self.random.code(-127, 127)).collect();
        let count = if self.per_channel { channels } else { 1 };
        let scales: Vec<f32> = (0..count).map(|c| scale * (1.0 + c as f32 * 0.125)).collect();
        let dims: &[usize] = if self.per_channel { &[channels] } else { &[] };
        let unsigned = !self.per_channel && self.random.is(4);
        let (codes, zero) = match unsigned {
            true => {
                let codes = codes.iter().map(|c| (c + 128).to_le_bytes()[0]).collect();
                (Data::U8(codes), Data::U8(vec![128; count]))
            }
            false => {
                let codes = codes.iter().map(|c| i8::try_from(*c).unwrap()).collect();
                (Data::I8(codes), Data::I8(vec![0; count]))
            }
        };
        let codes = self.model.constant(shape, codes);
        let scale = self.model.constant(dims, Data::F32(scales));
        [codes, scale, self.model.constant(dims, zero)]
    }

    /// The same weights as the float tensor that a layer reads.
    fn weight_form(&mut self, shape: &[usize], axis: usize, scale: f32) -> (String, [String; 3]) {
        let at = |axis: usize| [("axis", Value::Int(i64::try_from(axis).unwrap()))];
        match self.random.below(6) {
            // QDQ pair around float weights, with and without the Clip of QCDQ.
            form @ (0 | 1) => {
                let values: Vec<f32> =
                    (0..shape.iter().product()).map(|_| (self.random.unit() - 0.5) * 254.0 * scale).collect();
                let float = self.model.constant(shape, Data::F32(values));
                let (scale, zero) = (self.f32(scale), self.model.scalar(Data::I8(vec![0])));
                let mut codes = self.model.node("QuantizeLinear", "", &[&float, &scale, &zero], &[]);
                if form == 1 {
                    let (low, high) =
                        (self.model.scalar(Data::I8(vec![-64])), self.model.scalar(Data::I8(vec![63])));
                    codes = self.model.node("Clip", "", &[&codes, &low, &high], &[]);
                }
                let float = self.model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
                (float, [codes, scale, zero])
            }
            // Stored the other way round.
            2 if shape.len() == 2 => {
                let [codes, scale, zero] = self.weights(&[shape[1], shape[0]], 1 - axis, scale);
                let float = self.model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &at(1 - axis));
                let turned = self.model.node("Transpose", "", &[&float], &[]);
                (turned, [codes, scale, zero])
            }
            // Stored flat, and brought into shape.
            3 if axis == 0 => {
                let flat = [shape[0], shape[1..].iter().product()];
                let [codes, scale, zero] = self.weights(&flat, 0, scale);
                let float = self.model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &at(0));
                let wanted = shape.iter().map(|d| i64::try_from(*d).unwrap()).collect();
                let wanted = self.model.constant(&[shape.len()], Data::I64(wanted));
                (self.model.node("Reshape", "", &[&float, &wanted], &[]), [codes, scale, zero])
            }
            _ => {
                let [codes, scale, zero] = self.weights(shape, axis, scale);
                let float = self.model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &at(axis));
                (float, [codes, scale, zero])
            }
        }
    }

    /// The bias of a QDQ layer, in one of the forms in use; none now and then.
    fn bias(&mut self, channels: usize, x_scale: f32, w_scale: f32) -> Option<String> {
        let codes: Vec<i32> = (0..channels).map(|_| self.random.code(-3000, 3000)).collect();
        let step = x_scale * w_scale;
        match self.random.below(6) {
            0 => None,
            1 => {
                let real = codes.iter().map(|c| *c as f32 * step * 1.01).collect();
                Some(self.model.constant(&[channels], Data::F32(real)))
            }
            2 => {
                let small = codes.iter().map(|c| i8::try_from(c / 24).unwrap()).collect();
                let (codes, scale) =
                    (self.model.constant(&[channels], Data::I8(small)), self.f32(step * 20.0));
                Some(self.model.node("DequantizeLinear", "", &[&codes, &scale], &[]))
            }
            form => {
                let codes = self.model.constant(&[channels], Data::I32(codes));
                // A per-channel layer has a bias scale per channel; 3 has one of its own.
                let factor = if form == 3 { 3.5 } else { 1.0 };
                let scales: Vec<f32> = match self.per_channel {
                    true => (0..channels)
                        .map(|c| x_scale * (w_scale * (1.0 + c as f32 * 0.125)) * factor)
                        .collect(),
                    false => vec![step * factor],
                };
                let dims: &[usize] = if scales.len() > 1 || self.per_channel { &[channels] } else { &[] };
                let scale = self.model.constant(dims, Data::F32(scales));
                Some(self.model.node("DequantizeLinear", "", &[&codes, &scale], &[("axis", Value::Int(0))]))
            }
        }
    }

    /// What stands behind a layer: Relu or not, Q and DQ or not, or an Add of what came before.
    fn behind(&mut self, y: String, residual: Option<&str>, scale: f32) -> String {
        let y = match residual {
            Some(other) if self.random.is(2) => self.model.node("Add", "", &[&y, other], &[]),
            _ => y,
        };
        let y = if self.random.is(2) { self.model.node("Relu", "", &[&y], &[]) } else { y };
        if self.random.is(6) {
            return y;
        }
        let codes = self.quantized(&y, scale);
        self.dequantize(&codes)
    }

    fn convolution(&mut self, x: &Tensor) -> Tensor {
        let cin = x.dims[0];
        let depthwise = self.random.is(4);
        let channels = if depthwise { cin } else { 2 + self.random.below(4) };
        let kernel = 1 + 2 * self.random.below(2);
        let pad = i64::try_from(kernel / 2).unwrap();
        let groups = if depthwise { cin } else { 1 };
        let shape = [channels, cin / groups, kernel, kernel];
        let attributes =
            [("pads", Value::Ints(vec![pad; 4])), ("group", Value::Int(i64::try_from(groups).unwrap()))];
        let k = (cin / groups * kernel * kernel) as f32;
        let (sx, sw) = (0.02, 0.005);
        let sy = sx * sw * 60.0 * k.sqrt();
        let name = self.mac_name();
        let y = match self.random.below(5) {
            0 => {
                // QOperator.
                let [codes, scale, zero] = self.quantized(&x.name, sx);
                let [w, w_scale, w_zero] = self.weights(&shape, 0, sw);
                let (y_scale, y_zero) = self.activation(sy);
                let bias: Vec<i32> = (0..channels).map(|_| self.random.code(-3000, 3000)).collect();
                let bias = self.model.constant(&[channels], Data::I32(bias));
                let all = [&codes, &scale, &zero, &w, &w_scale, &w_zero, &y_scale, &y_zero, &bias];
                let y = self.model.node("QLinearConv", &name, &all.map(String::as_str), &attributes);
                self.dequantize(&[y, y_scale, y_zero])
            }
            1 => {
                let [codes, scale, zero] = self.dynamic(&x.name);
                let [w, w_scale, w_zero] = self.one_scale(|this| this.weights(&shape, 0, sw));
                let sum = self.model.node("ConvInteger", &name, &[&codes, &w, &zero, &w_zero], &attributes);
                self.real(&sum, &scale, &w_scale)
            }
            2 if self.random.is(3) => {
                // Weights alone are quantised, or nothing is.
                let (w, _) = self.weight_form(&shape, 0, sw);
                self.model.node("Conv", &name, &[&x.name, &w], &attributes)
            }
            _ => {
                let codes = self.quantized(&x.name, sx);
                let input = self.dequantize(&codes);
                let (w, _) = self.weight_form(&shape, 0, sw);
                let bias = self.bias(channels, sx, sw);
                let all = [Some(input.as_str()), Some(w.as_str()), bias.as_deref()];
                let all: Vec<&str> = all.into_iter().flatten().collect();
                let y = self.model.node("Conv", &name, &all, &attributes);
                let residual = (channels == cin).then_some(x.name.as_str());
                self.behind(y, residual, sy)
            }
        };
        Tensor { name: y, dims: vec![channels, x.dims[1], x.dims[2]] }
    }

    /// Codes, scale and zero point of DynamicQuantizeLinear.
    fn dynamic(&mut self, x: &str) -> [String; 3] {
        let outputs = ["codes", "scale", "zero"].map(|what| self.model.fresh(what));
        let named = outputs.each_ref().map(String::as_str);
        self.model.node_to("DynamicQuantizeLinear", "", &[x], &named, &[]);
        outputs
    }

    fn one_scale<T>(&mut self, make: impl FnOnce(&mut Writer) -> T) -> T {
        let before = std::mem::replace(&mut self.per_channel, false);
        let made = make(self);
        self.per_channel = before;
        made
    }

    fn real(&mut self, sum: &str, x_scale: &str, w_scale: &str) -> String {
        let float = self.model.node("Cast", "", &[sum], &[("to", Value::Int(1))]);
        let scale = self.model.node("Mul", "", &[x_scale, w_scale], &[]);
        self.model.node("Mul", "", &[&float, &scale], &[])
    }

    fn fully_connected(&mut self, x: &Tensor) -> Tensor {
        let (k, n) = (x.dims[0], 3 + self.random.below(5));
        let (sx, sw) = (0.02, 0.005);
        let sy = sx * sw * 60.0 * (k as f32).sqrt();
        let name = self.mac_name();
        let y = match self.random.below(6) {
            0 => {
                let [codes, scale, zero] = self.quantized(&x.name, sx);
                let [w, w_scale, w_zero] = self.weights(&[k, n], 1, sw);
                let (y_scale, y_zero) = self.activation(sy);
                let all = [&codes, &scale, &zero, &w, &w_scale, &w_zero, &y_scale, &y_zero];
                let y = self.model.node("QLinearMatMul", &name, &all.map(String::as_str), &[]);
                self.dequantize(&[y, y_scale, y_zero])
            }
            1 => {
                let [codes, scale, zero] = self.dynamic(&x.name);
                let [w, w_scale, w_zero] = self.one_scale(|this| this.weights(&[k, n], 1, sw));
                let sum = self.model.node("MatMulInteger", &name, &[&codes, &w, &zero, &w_zero], &[]);
                self.real(&sum, &scale, &w_scale)
            }
            2 => {
                // Gemm with its weights stored by channel.
                let codes = self.quantized(&x.name, sx);
                let input = self.dequantize(&codes);
                let (w, _) = self.weight_form(&[n, k], 0, sw);
                let bias = self.bias(n, sx, sw);
                let all = [Some(input.as_str()), Some(w.as_str()), bias.as_deref()];
                let all: Vec<&str> = all.into_iter().flatten().collect();
                let y = self.model.node("Gemm", &name, &all, &[("transB", Value::Int(1))]);
                self.behind(y, None, sy)
            }
            _ => {
                let codes = self.quantized(&x.name, sx);
                let input = self.dequantize(&codes);
                let (w, _) = self.weight_form(&[k, n], 1, sw);
                let y = self.model.node("MatMul", &name, &[&input, &w], &[]);
                let bias = self.bias(n, sx, sw);
                let y = match bias {
                    Some(bias) => self.model.node("Add", "", &[&y, &bias], &[]),
                    None => y,
                };
                self.behind(y, None, sy)
            }
        };
        Tensor { name: y, dims: vec![n] }
    }

    /// x xᵀ x: products of two activations, once behind a Transpose.
    fn attention(&mut self, x: &Tensor) -> Tensor {
        let n = x.dims[0];
        let wanted = self.model.constant(&[3], Data::I64(vec![0, i64::try_from(n).unwrap(), 1]));
        let column = self.model.node("Reshape", "", &[&x.name, &wanted], &[]);
        let codes = self.quantized(&column, 0.05);
        let q = self.dequantize(&codes);
        let row = self.model.node("Transpose", "", &[&q], &[("perm", Value::Ints(vec![0, 2, 1]))]);
        let name = self.mac_name();
        let scores = self.model.node("MatMul", &name, &[&q, &row], &[]);
        let codes = self.quantized(&scores, 0.2);
        let scores = self.dequantize(&codes);
        let name = self.mac_name();
        let y = self.model.node("MatMul", &name, &[&scores, &q], &[]);
        let codes = self.quantized(&y, 0.5);
        let y = self.dequantize(&codes);
        let flat = self.model.node("Flatten", "", &[&y], &[]);
        Tensor { name: flat, dims: vec![n] }
    }
}
