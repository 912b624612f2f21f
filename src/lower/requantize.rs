//! The numbers of a layer's post steps, each of its source.

use super::parameters::Numbers;
use crate::design::{Design, Recode};
use crate::error::{Error, Kind, Place, Result};
use crate::network::{DType, Layer};
use crate::post::{Number, Parameter, Per, Source};

/// What must be added to an output of the design to get the layer's output code: 128 when the design computes u8
/// tensors recoded, else 0.
pub fn output_recoding(design: &Design, layer: &Layer) -> i32 {
    let unsigned = layer.output.is_some_and(|output| output.dtype == DType::U8);
    let recoded = design.activation.recode == Some(Recode::Minus128);
    if unsigned && recoded && !design.output().contains(255) { 128 } else { 0 }
}

/// One value per parameter that has a source, by its own word or by its name, and that `lower` has not set otherwise.
pub fn post_numbers(design: &Design, layer: &Layer) -> Result<Numbers> {
    let mut numbers = Numbers::new();
    let has = |name: &str| design.parameters.iter().any(|p| p.name == name);
    for parameter in &design.parameters {
        let Some(source) = parameter.source.or_else(|| Source::by_name(&parameter.name, has)) else {
            continue;
        };
        let values = values(design, layer, parameter, source)?;
        let values = match parameter.per {
            Per::Channel => values,
            Per::Layer => one_for_all(parameter, values)?,
        };
        numbers.insert(parameter.name.clone(), values);
    }
    Ok(numbers)
}

/// A value per channel, or one for a layer.
fn values(design: &Design, layer: &Layer, parameter: &Parameter, source: Source) -> Result<Vec<i64>> {
    let Some(output) = layer.output else {
        // Without an output scale only the accumulator is asked for.
        return Ok(vec![parameter.default.unwrap_or(0.clamp(parameter.min, parameter.max))]);
    };
    let recoding = output_recoding(design, layer);
    match source.number {
        Number::ZeroPoint => return Ok(vec![i64::from(output.zero_point - recoding)]),
        Number::Low => return Ok(vec![i64::from(layer.low - recoding)]),
        Number::High => return Ok(vec![i64::from(layer.high - recoding)]),
        _ => {}
    }
    let moved = super::zero_point::moved(design)?;
    let is_plain = layer.weights.scales.len() == 1 && layer.bias.is_none();
    (0..layer.channels())
        .map(|channel| {
            let scales = [layer.input_carrier.scale, layer.weight_scale(channel), output.scale];
            source.number.of(source.factor.of(scales, moved, is_plain))
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
