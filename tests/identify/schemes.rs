//! What every scheme makes of a sum, from its formula, in integers, by the slow rules of the oracle.

use goldpath::identify::{Figure, Named, Question};

use crate::oracle::float::of_ops;
use crate::oracle::{fit, power_of_two, round, round_in};

/// The numbers of one channel: x is multiplied by m / 2^n, or by a float; or compared with thresholds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numbers {
    pub m: i128,
    pub n: i64,
    pub float: f64,
    pub thresholds: Vec<i128>,
    pub offset: i128,
}

impl Numbers {
    /// Those that an answer names.
    pub fn of(scheme: &Named, channel: usize) -> Numbers {
        let figure = |name: &str| {
            let values = scheme.numbers.get(name)?;
            Some(values[if values.len() == 1 { 0 } else { channel }])
        };
        let integer = |name: &str| match figure(name) {
            Some(Figure::Integer(value)) => Some(value),
            _ => None,
        };
        let shifts = integer("right_shift").unwrap_or(0) - integer("left_shift").unwrap_or(0);
        let single = ["shift", "truncate", "count"].into_iter().find_map(integer);
        let n = match scheme.preset.as_str() {
            "gemmlowp" | "tflite_double" | "cmsis_nn" | "ruy_x86" => 31 + shifts,
            "xnnpack_rndnu16" => 15 + shifts,
            "dpu_round" => single.unwrap() - 1,
            "cmsis_nn_s64" => single.unwrap() + 1,
            _ => single.unwrap_or(shifts),
        };
        Numbers {
            m: ["multiplier", "factor"].into_iter().find_map(integer).unwrap_or(1).into(),
            n,
            float: match figure("scale") {
                Some(Figure::Float(value)) => value,
                _ => 0.0,
            },
            thresholds: (0..15)
                .filter_map(|at| integer(&format!("threshold_{at}")))
                .map(i128::from)
                .collect(),
            offset: integer("offset").unwrap_or(0).into(),
        }
    }

    /// Those that a scheme forms of a scale that float32 holds.
    pub fn at(preset: &str, scale: f64) -> Numbers {
        let with_bits = |bits: u32| {
            let mut n = 0;
            while (scale * 2_f64.powi(n)).round() < power_of_two(bits - 1) as f64 {
                n += 1;
            }
            while (scale * 2_f64.powi(n)).round() >= power_of_two(bits) as f64 {
                n -= 1;
            }
            ((scale * 2_f64.powi(n)).round() as i128, i64::from(n))
        };
        let (m, n) = match preset {
            "tflite_int16x8" | "cmsis_nn_s64" => {
                let (m, n) = with_bits(31);
                (round(m, 16, "half_up").min(0x7fff), n - 16)
            }
            "xnnpack_rndnu" | "xnnpack_rndnu_neon" => with_bits(24),
            "xnnpack_rndnu16" => {
                let (m, n) = with_bits(24);
                let m = round(m, 9, "half_up");
                if m == 1 << 15 { (1 << 14, n - 10) } else { (m, n - 9) }
            }
            "shift" | "nvdla_cacc" | "gemmini_shift" | "vta" | "dpu_round" | "f8net" | "ai8x" => {
                (1, -scale.log2().round() as i64)
            }
            _ => with_bits(31),
        };
        Numbers { m, n, float: scale, ..Numbers::default() }
    }

    /// Fifteen of them.
    pub fn thresholds(thresholds: Vec<i128>, offset: i128) -> Numbers {
        Numbers { thresholds, offset, ..Numbers::default() }
    }
}

/// Schemes that round what a float product is.
fn of_float(preset: &str, x: i128, numbers: &Numbers, zero: i128, (low, high): (i128, i128)) -> Option<i128> {
    let wide = [i128::from(numbers.float.to_bits()), zero];
    let bits = [i128::from((numbers.float as f32).to_bits()), zero, low, high];
    let single = |ops: &[(&str, usize)], mode: &str| of_ops(x, false, ops, &bits).to_integer(mode);
    let double = |ops: &[(&str, usize)], mode: &str| of_ops(x, true, ops, &wide).to_integer(mode);
    let s32 = |value: i128| fit(value, 32, true, "saturate").0;
    let s16 = |value: i128| fit(value, 16, true, "saturate").0;
    let product = [("multiply", 1)];
    let with_zero = [("multiply", 1), ("add_integer", 1)];
    Some(match preset {
        "onnxruntime" | "xnnpack_fp32" | "qnnpack" => s32(single(&product, "half_even")) + zero,
        "gemmini_scale" => single(&product, "half_even"),
        "fbgemm" => s16(s16(single(&product, "half_even")) + zero),
        "mnn" => s32(single(&product, "half_away")) + zero,
        "mnn_x86" => s32(single(&[("multiply", 1), ("add_half", 0)], "trunc")) + zero,
        "qonnx_quant" => single(&[("multiply", 1), ("add_integer", 1), ("clamp", 2)], "half_even"),
        "litert_fc_reference" => s32(double(&product, "half_away")) + zero,
        "onnx_reference" | "onednn" => s32(double(&with_zero, "half_even")),
        _ => return None,
    })
}

/// Two roundings: 31 bits, then the rest.
fn twice(x: i128, numbers: &Numbers, rule: &str, mode: &str) -> i128 {
    let (left, right) = ((31 - numbers.n).max(0) as u32, (numbers.n - 31).max(0) as u32);
    let x = fit(x * power_of_two(left) as i128, 32, true, rule).0;
    let high = fit(round(x * numbers.m, 31, "half_up"), 32, true, "saturate").0;
    round(high, right, mode)
}

/// What a scheme makes of a sum.
pub fn output(scheme: &Named, numbers: &Numbers, x: i64, question: &Question) -> i64 {
    let zero = i128::from(scheme.zero_point.unwrap_or(0));
    let rounding = scheme.rounding.as_deref().unwrap_or("");
    made(&scheme.preset, rounding, numbers, x.into(), zero, question)
}

/// The same of its parts.
pub fn made(
    preset: &str,
    rounding: &str,
    numbers: &Numbers,
    x: i128,
    zero: i128,
    question: &Question,
) -> i64 {
    let (low, high) = (i128::from(question.bounds.0), i128::from(question.bounds.1));
    let Numbers { m, n, .. } = *numbers;
    let shifted = |value: i128, mode: &str| match u32::try_from(n) {
        Ok(count) => round(value, count, mode),
        Err(_) => value * power_of_two(n.unsigned_abs() as u32) as i128,
    };
    let wrap = |value: i128| fit(value, 32, true, "wrap").0;
    let value = match preset {
        "shift" => shifted(x, rounding) + zero,
        "multiply_shift" | "tflite_single" | "tflite_int16x8" | "xnnpack_rndnu" => {
            wrap(shifted(x * m, "half_up")) + zero
        }
        "xnnpack_rndnu_neon" => fit(shifted(x * m, "half_up"), 32, true, "saturate").0 + zero,
        "gemmlowp" => twice(x, numbers, "saturate", "half_away") + zero,
        "tflite_double" | "cmsis_nn" => twice(x, numbers, "wrap", "half_away") + zero,
        "ruy_x86" => twice(x, numbers, "wrap", "half_up") + zero,
        "cmsis_nn_s64" => {
            let kept = wrap(round(x * m, (n - 1) as u32, "floor"));
            round(wrap(kept + 1), 1, "floor") + zero
        }
        "xnnpack_rndnu16" => {
            let (left, right) = ((15 - n).max(0) as u32, (n - 15).max(0) as u32);
            let wide = fit(x * power_of_two(left) as i128, 32, true, "saturate").0;
            let short = fit(round(wide, right, "half_up"), 16, true, "saturate").0;
            fit(round(short * m, 15, "half_up") + zero, 16, true, "saturate").0
        }
        "nvdla_sdp" => fit(shifted(x * m, "half_away"), 17, true, "saturate").0,
        "nvdla_cacc" => round(shifted(x * 65536, "floor"), 16, "half_away"),
        "gemmini_shift" => shifted(x, "half_even"),
        "ai8x" => shifted(x, "half_up"),
        "vta" if n < 0 => wrap(shifted(x, "floor")),
        "vta" => shifted(x, "floor"),
        "dpu_round" => round(2 * x, (n + 1) as u32, "half_up"),
        "f8net" => {
            let in_32 = |value: i128| fit(value, 32, true, "wrap");
            return round_in(x, n as u32, "half_even", &in_32).0.clamp((-high).max(low), high) as i64;
        }
        "pulp" => shifted(x * m, "floor"),
        "finn_threshold" => {
            numbers.offset + numbers.thresholds.iter().filter(|threshold| **threshold <= x).count() as i128
        }
        other => of_float(other, x, numbers, zero, (low, high)).unwrap_or_else(|| panic!("{other} is new")),
    };
    value.clamp(low, high) as i64
}
