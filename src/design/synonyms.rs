//! Steps as designers call them, said in the few steps that a program is made of.

use super::context::Context;
use super::file::{At, Format, Overflow, Step, StepKind, Value};
use crate::error::Result;
use crate::num;
use crate::post::{Parameter, Per};

/// The step that `file` stands for: no synonym, and none of the keys that only synonyms have.
///
/// `signed` is the sign of what enters the step: `width` alone keeps it.
pub(super) fn plain(file: &At<Step>, key: &str, signed: bool, context: &Context<'_>) -> Result<At<Step>> {
    let mut step = (**file).clone();
    let at = file.step.span();
    let named = |name: &str| At::new(at.clone(), Value::Name(name.into()));
    bounds(&mut step, key, context)?;
    width(&mut step, key, signed, context)?;
    let kind = match *file.step {
        StepKind::Bias => {
            step.value = Some(step.value.unwrap_or_else(|| named("bias")));
            StepKind::Add
        }
        StepKind::ZeroPoint => {
            step.value = Some(step.value.unwrap_or_else(|| named("zero_point")));
            StepKind::Add
        }
        StepKind::Relu => {
            context.idle(&step.value, &format!("{key}.value"), "this step does not use it")?;
            step.value = Some(At::new(at.clone(), Value::Constant(0)));
            StepKind::Max
        }
        StepKind::RoundingShift => StepKind::ShiftRight,
        StepKind::Saturate => {
            if let Some(overflow) = step.overflow.as_ref().filter(|o| ***o != Overflow::Saturate) {
                let what = "contradicts step = \"saturate\"";
                return Err(context.wrong(&overflow.span(), &format!("{key}.overflow"), what));
            }
            step.overflow = Some(At::new(at.clone(), Overflow::Saturate));
            StepKind::Fit
        }
        kind => kind,
    };
    step.step = At::new(at, kind);
    Ok(At::new(file.span(), step))
}

/// The parameter that a synonym brings along when `[parameters]` does not declare it.
pub(super) fn implicit(kind: StepKind, register: num::Format) -> Option<Parameter> {
    match kind {
        StepKind::Bias => Some(bias(register)),
        // Wide enough for the zero point of an s8 and of a u8 output.
        StepKind::ZeroPoint => Some(
            Parameter::new("zero_point", num::Format::signed(9).expect("9 bits"), Per::Layer)
                .within(-128, 255)
                .or(0),
        ),
        _ => None,
    }
}

/// 32 bits on the port, as frameworks store it, or the register's width if that is more.
pub(super) fn bias(register: num::Format) -> Parameter {
    let format = num::Format::signed(register.width().max(32)).expect("at most 64 bits");
    Parameter::new("bias", format, Per::Channel).or(0)
}

/// `min` and `max` of a clamp are its `low` and `high`.
fn bounds(step: &mut Step, key: &str, context: &Context<'_>) -> Result<()> {
    let clamp = *step.step == StepKind::Clamp;
    let pairs =
        [("min", "low", step.min.take(), &mut step.low), ("max", "high", step.max.take(), &mut step.high)];
    for (name, plain, synonym, bound) in pairs {
        let key = format!("{key}.{name}");
        if !clamp {
            context.idle(&synonym, &key, "this step does not use it")?;
        }
        if let (Some(at), Some(_)) = (&synonym, &bound) {
            return Err(context.wrong(
                &at.span(),
                &key,
                format!("and `{plain}` are the same key: write one"),
            ));
        }
        *bound = bound.take().or(synonym);
    }
    Ok(())
}

/// `width` and `signed` of a fit or saturate are its `format`.
fn width(step: &mut Step, key: &str, signed: bool, context: &Context<'_>) -> Result<()> {
    let (width_key, signed_key) = (format!("{key}.width"), format!("{key}.signed"));
    let fits = matches!(*step.step, StepKind::Fit | StepKind::Saturate);
    let (width, sign) = (step.width.take(), step.signed.take());
    if !fits || step.format.is_some() {
        let why = if fits { "`format` says it" } else { "this step does not use it" };
        context.idle(&width, &width_key, why)?;
        return context.idle(&sign, &signed_key, why);
    }
    let Some(width) = width else {
        return context.idle(&sign, &signed_key, "there is no width");
    };
    let signed = sign.map_or(signed, |s| *s);
    let bits = context.integer(&width, &width_key, 1..=if signed { 64 } else { 63 })?;
    let format = num::Format::new(bits, signed).expect("inside the limit");
    step.format = Some(At::new(width.span(), Format(format)));
    Ok(())
}
