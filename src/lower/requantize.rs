//! The numbers of a layer's post steps, by the parameters' well-known names.

use super::parameters::Numbers;
use crate::design::{Design, Recode};
use crate::error::{Error, Kind, Place, Result};
use crate::network::{DType, Layer};
use crate::post::{
    Parameter, Per, double_rounding_parameters, power_of_two_shift, single_rounding_parameters,
};

/// What must be added to an output of the design to get the layer's output code: 128 when the design computes u8
/// tensors recoded, else 0.
pub fn output_recoding(design: &Design, layer: &Layer) -> i32 {
    let unsigned = layer.output.is_some_and(|output| output.dtype == DType::U8);
    let recoded = design.activation.recode == Some(Recode::Minus128);
    if unsigned && recoded && !design.output().contains(255) { 128 } else { 0 }
}

/// One value per well-known parameter that the design declares and `lower` has not set otherwise.
pub fn post_numbers(design: &Design, layer: &Layer) -> Result<Numbers> {
    let mut numbers = Numbers::new();
    for parameter in design.parameters.iter().filter(|p| is_post(&p.name)) {
        let values = values(design, layer, parameter)?;
        let values = match parameter.per {
            Per::Channel => values,
            Per::Layer => one_for_all(parameter, values)?,
        };
        numbers.insert(parameter.name.clone(), values);
    }
    Ok(numbers)
}

fn is_post(name: &str) -> bool {
    const NAMES: [&str; 8] =
        ["multiplier", "shift", "left_shift", "right_shift", "scale", "zero_point", "low", "high"];
    NAMES.contains(&name)
}

/// A value per channel, or one for a layer.
fn values(design: &Design, layer: &Layer, parameter: &Parameter) -> Result<Vec<i64>> {
    let Some(output) = layer.output else {
        // Without an output scale only the accumulator is asked for.
        return Ok(vec![parameter.default.unwrap_or(0.clamp(parameter.min, parameter.max))]);
    };
    let recoding = output_recoding(design, layer);
    match parameter.name.as_str() {
        "zero_point" => return Ok(vec![i64::from(output.zero_point - recoding)]),
        "low" => return Ok(vec![i64::from(layer.low - recoding)]),
        "high" => return Ok(vec![i64::from(layer.high - recoding)]),
        _ => {}
    }
    let moved = 2_f32.powi(super::zero_point::moved(design)?);
    let has = |name: &str| design.parameters.iter().any(|p| p.name == name);
    (0..layer.channels())
        .map(|channel| {
            let scale = layer.input_carrier.scale * layer.weight_scale(channel) / output.scale * moved;
            match parameter.name.as_str() {
                "scale" => Ok(i64::from(scale.to_bits())),
                "left_shift" => Ok(double_rounding_parameters(scale)?.1),
                "right_shift" => Ok(double_rounding_parameters(scale)?.2),
                "multiplier" if has("right_shift") => Ok(double_rounding_parameters(scale)?.0),
                "multiplier" => Ok(single_rounding_parameters(scale)?.0),
                _ if has("multiplier") => Ok(single_rounding_parameters(scale)?.1),
                _ => power_of_two_shift(scale),
            }
        })
        .collect()
}

fn one_for_all(parameter: &Parameter, values: Vec<i64>) -> Result<Vec<i64>> {
    if values.iter().all(|v| *v == values[0]) {
        return Ok(values[..1].to_vec());
    }
    let message = "is per layer in the design, but the layer's channels need different values";
    Err(Error::new(Kind::Value, message)
        .at(Place::Signal(parameter.name.clone()))
        .help(format!("declare parameters.{}.per = \"channel\"", parameter.name)))
}
