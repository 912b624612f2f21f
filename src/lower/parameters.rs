//! Numbers from outside, bound to the design's parameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::post::{Operand, Parameter, Per};

/// Values by name: a parameter's name, or the id of the step whose only operand it is (`post.1`).
/// One value stands for all channels.
pub type Numbers = BTreeMap<String, Vec<i64>>;

/// One entry per design parameter, of length 1 (per layer) or `channels` (per channel).
///
/// A bias that nobody brings is 0.
///
/// # Errors
/// An unknown name, a wrong count, a value outside the parameter's limits, a required parameter that is missing.
pub fn bind_numbers(design: &Design, numbers: &Numbers, channels: usize) -> Result<Arc<Vec<Vec<i64>>>> {
    let mut bound: Vec<Option<(&str, &[i64])>> = vec![None; design.parameters.len()];
    for (name, values) in numbers {
        let index = resolve(design, name)?;
        if let Some((other, _)) = bound[index] {
            return Err(refuse(name, format!("sets the same parameter as {other}")));
        }
        bound[index] = Some((name, values));
    }
    let missing: Vec<&str> = design
        .parameters
        .iter()
        .zip(&bound)
        .filter(|(parameter, given)| given.is_none() && default(parameter).is_none())
        .map(|(parameter, _)| parameter.name.as_str())
        .collect();
    if !missing.is_empty() {
        return Err(nothing_brings(&missing));
    }
    let accepted: Result<Vec<Vec<i64>>> = design
        .parameters
        .iter()
        .zip(bound)
        .map(|(parameter, given)| match given {
            Some((name, values)) => accept(parameter, name, values, channels),
            None => accept(parameter, &parameter.name, &[default(parameter).unwrap_or(0)], channels),
        })
        .collect();
    accepted.map(Arc::new)
}

/// The parameter a name stands for.
fn resolve(design: &Design, name: &str) -> Result<usize> {
    if let Some(index) = design.parameters.iter().position(|p| p.name == name) {
        return Ok(index);
    }
    if name == "bias" {
        return Err(refuse(name, "design has no place for a bias").help(
            "use start = \"bias\", or a post step that adds parameter bias (--bias-in post says that it must); --bias-in none \
             leaves the bias out on purpose",
        ));
    }
    let steps = || {
        design.product_steps.iter().chain(&design.store_steps).chain(&design.load_steps).chain(&design.post)
    };
    let Some(step) = steps().find(|s| s.id == name) else {
        let known: Vec<_> = design.parameters.iter().map(|p| p.name.as_str()).collect();
        let ids: Vec<_> = steps().map(|s| s.id.as_str()).collect();
        return Err(refuse(name, "design has no such parameter or step").help(format!(
            "parameters: {}; steps: {}",
            list(&known),
            list(&ids)
        )));
    };
    let parameters: Vec<usize> = step
        .operands()
        .into_iter()
        .filter_map(|o| if let Operand::Parameter(index) = o { Some(index) } else { None })
        .collect();
    match parameters.as_slice() {
        [index] => Ok(*index),
        [] => Err(refuse(name, "step takes no parameter: its numbers are wired into the design")
            .help(format!("override them with --set {name}.value=…"))),
        many => {
            let names: Vec<_> = many.iter().map(|i| design.parameters[*i].name.as_str()).collect();
            Err(refuse(name, "step takes several parameters").help(format!("name them: {}", list(&names))))
        }
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_string() } else { names.join(", ") }
}

fn accept(parameter: &Parameter, name: &str, values: &[i64], channels: usize) -> Result<Vec<i64>> {
    let wanted = match parameter.per {
        Per::Layer => 1,
        Per::Channel => channels,
    };
    if values.len() != wanted && values.len() != 1 {
        let message = format!("has {} values, but {} takes {wanted}", values.len(), parameter.name);
        return Err(refuse(name, message));
    }
    let bad = values.iter().position(|v| !(parameter.min..=parameter.max).contains(v));
    if let Some(at) = bad {
        let (value, min, max) = (values[at], parameter.min, parameter.max);
        // One number was given for all, or made for a layer: it has no index.
        let which = if values.len() == 1 { String::new() } else { format!(" of channel {at}") };
        let named =
            if name == parameter.name { name.to_string() } else { format!("{} ({name})", parameter.name) };
        let message = format!("{named}{which} is {value}, which the design limits to {min}..{max}");
        return Err(refuse(name, message));
    }
    Ok(if values.len() == 1 { vec![values[0]; wanted] } else { values.to_vec() })
}

fn default(parameter: &Parameter) -> Option<i64> {
    if parameter.name == "bias" { parameter.default.or(Some(0)) } else { parameter.default }
}

fn nothing_brings(missing: &[&str]) -> Error {
    let message = match missing {
        [_] => "the design needs this parameter and nothing brings it".to_owned(),
        many => {
            format!("the design needs {} parameters that nothing brings: {}", many.len(), many.join(", "))
        }
    };
    refuse(missing[0], message).help(
        "a model's layer brings bias, multiplier, shift, left_shift, right_shift, scale, zero_point, low, high and what \
         operand offsets are called: name it so, say which number it is (source), or give it a default (goldpath explain \
         parameters); a product takes it from --params, by name or step id",
    )
}

fn refuse(name: &str, message: impl Into<String>) -> Error {
    Error::new(Kind::Value, message).at(Place::Signal(name.to_string()))
}
