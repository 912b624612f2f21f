//! Operators that compute every element of their output from the elements at its place: names and attributes are ONNX's.

/// Of one tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unary {
    /// |x|.
    Abs,
    /// Smallest integer not below x.
    Ceil,
    /// Cosine, of radians.
    Cos,
    /// Gauss's error function.
    Erf,
    /// e^x.
    Exp,
    /// Largest integer not above x.
    Floor,
    /// x · max(0, min(1, x/6 + 1/2)).
    HardSwish,
    /// Whether x is no number.
    IsNaN,
    /// Natural logarithm.
    Log,
    /// x · tanh(Softplus(x)).
    Mish,
    /// −x.
    Neg,
    /// Logical negation.
    Not,
    /// 1 / x.
    Reciprocal,
    /// To the nearest integer, ties to even.
    Round,
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// −1, 0 or 1.
    Sign,
    /// Sine, of radians.
    Sin,
    /// ln(1 + e^x).
    Softplus,
    /// x / (1 + |x|).
    Softsign,
    /// Square root.
    Sqrt,
    /// Hyperbolic tangent.
    Tanh,
    /// x where it is not negative, else alpha · (e^x − 1).
    Elu {
        /// See above.
        alpha: f32,
    },
    /// x · Φ(x), Φ the normal distribution.
    Gelu {
        /// Φ by a hyperbolic tangent (`approximate`), rather than by the error function.
        tanh: bool,
    },
    /// com.microsoft: x / (1 + e^(−alpha · x)).
    QuickGelu {
        /// See above.
        alpha: f32,
    },
    /// max(0, min(1, alpha · x + beta)).
    HardSigmoid {
        /// See above.
        alpha: f32,
        /// See above.
        beta: f32,
    },
    /// x where it is not negative, else alpha · x.
    LeakyRelu {
        /// See above.
        alpha: f32,
    },
    /// gamma · x where it is positive, else gamma · alpha · (e^x − 1).
    Selu {
        /// See above.
        alpha: f32,
        /// See above.
        gamma: f32,
    },
    /// x where it exceeds alpha, else 0.
    ThresholdedRelu {
        /// See above.
        alpha: f32,
    },
}

/// Of two tensors, with ONNX's broadcasting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// a − b.
    Sub,
    /// a / b; of integers, towards zero.
    Div,
    /// a^b, of a's type.
    Pow,
    /// a where it is not negative, else b · a; b broadcasts to a.
    PRelu,
    /// Remainder of a / b.
    Mod {
        /// With the sign of the dividend (C's fmod), rather than of the divisor.
        fmod: bool,
    },
    /// a = b.
    Equal,
    /// a > b.
    Greater,
    /// a ≥ b.
    GreaterOrEqual,
    /// a < b.
    Less,
    /// a ≤ b.
    LessOrEqual,
    /// Both.
    And,
    /// Either or both.
    Or,
    /// Either, not both.
    Xor,
}

/// Of any number of tensors, with ONNX's broadcasting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variadic {
    /// The largest; NaN where there is one.
    Max,
    /// The smallest; NaN where there is one.
    Min,
    /// Their sum, from the first to the last.
    Sum,
    /// Their sum over their number.
    Mean,
}

/// com.microsoft: of one tensor of 8-bit codes, by a table of its 256 values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lookup {
    /// QLinearSigmoid.
    Sigmoid,
    /// QLinearLeakyRelu.
    LeakyRelu {
        /// Factor of negative numbers.
        alpha: f32,
    },
}
