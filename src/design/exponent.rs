//! Weights of which steps read the exponent: a shifter and a sign in the place of a multiplier.
//!
//! ```text
//!  activation ─► steps, of the weight's exponent ─► +1 or −1, the weight's sign ─► added
//! ```

use std::borrow::Cow;

use super::file::{self, At};
use super::{Coding, Design, Operand, context::Context, identifier};
use crate::error::Result;
use crate::num::Format;
use crate::post::{Channel, Operand as Value, Range, Step};

/// What two factors meet in: a value, what it goes through, and the sign of what comes of it.
#[derive(Debug, Clone)]
pub struct Formed<'a> {
    /// The product, or the activation where steps read the weight's exponent.
    pub value: i128,
    /// In front of the adder.
    pub steps: Cow<'a, [Step]>,
    /// Whether what leaves the steps is subtracted.
    pub is_negative: bool,
    /// What the steps read of the weight; 0 where they read nothing of it.
    pub exponent: u32,
}

impl Formed<'_> {
    /// What is added, with the numbers of one channel.
    pub fn term(&self, parameters: &[Vec<i64>], channel: usize) -> i128 {
        let steps = Channel { steps: &self.steps, numbers: parameters, channel };
        self.signed(steps.through(0..self.steps.len(), self.value))
    }

    /// The same of another value in front of the steps, which read no number of a channel.
    pub fn of(&self, value: i128) -> i128 {
        let steps = Channel { steps: &self.steps, numbers: &[], channel: 0 };
        self.signed(steps.through(0..self.steps.len(), value))
    }

    /// What is added where no format on the way takes anything from it: what the steps round stays rounded.
    pub fn exact(&self, parameters: &[Vec<i64>], channel: usize) -> i128 {
        let exact = |x, step: &Step| step.apply(x, parameters, channel).exact;
        self.signed(self.steps.iter().fold(self.value, exact))
    }

    /// What leaves the steps, with the weight's sign.
    pub fn signed(&self, value: i128) -> i128 {
        if self.is_negative { -value } else { value }
    }
}

impl Design {
    /// What effective operands, offsets included, meet in.
    pub fn formed(&self, activation: i64, weight: i64) -> Formed<'_> {
        if self.exponent.is_none() {
            let value = i128::from(activation) * i128::from(weight);
            return Formed {
                value,
                steps: Cow::Borrowed(&self.product_steps),
                is_negative: false,
                exponent: 0,
            };
        }
        let exponent = weight.trailing_zeros();
        let steps = self.product_steps.iter().map(|step| of_weight(step, exponent)).collect();
        Formed { value: activation.into(), steps, is_negative: weight < 0, exponent }
    }

    /// The same hardware with the weight's sign in front of the steps: what holds every activation there holds its negative.
    pub fn with_sign_first(&self) -> Design {
        let mut sided = self.clone();
        for (step, range) in sided.parts.product_steps.iter_mut().zip(self.product_ranges()) {
            if range.always_fits && step.format.is_some() {
                step.format = Format::signed(64);
            }
        }
        sided
    }

    /// The same range with the signs that a weight may have, where its sign stands behind the steps.
    pub(super) fn with_signs(&self, range: Range) -> Range {
        signed(range, self.exponent.is_some() && self.weight.format.is_signed())
    }
}

/// A step as it is for a weight of this exponent.
pub fn of_weight(step: &Step, exponent: u32) -> Step {
    let own = Value::Constant(exponent.into());
    step.with_operands(&|operand| if matches!(operand, Value::Exponent { .. }) { own } else { operand })
}

/// A range, and its negative where a sign may follow.
pub(super) fn signed((low, high): Range, may_be_negative: bool) -> Range {
    if may_be_negative { (low.min(-high), high.max(-low)) } else { (low, high) }
}

/// The field of the exponent, where a parameter is declared to be that of each weight: its name and its bits.
pub(super) fn field<'a>(
    file: &'a file::File,
    weight: &Operand,
    context: &Context<'_>,
) -> Result<Option<(&'a str, u32)>> {
    let of_weight = |at: &file::Parameter| at.per.as_ref().is_some_and(|per| **per == file::Per::Weight);
    let mut all = file.parameters.iter().filter(|(_, at)| of_weight(at));
    let Some((name, at)) = all.next() else { return Ok(None) };
    let key = |part: &str| format!("parameters.{name}.{part}");
    if !identifier::is_plain(name) {
        let key = format!("parameters.{name}");
        return Err(context.wrong(&at.span(), &key, "is not a name: letters, digits and _ only"));
    }
    let per = at.per.as_ref().expect("just asked");
    if let Some((other, _)) = all.next() {
        let what = format!("is \"weight\", and so is that of {other:?}: a weight has one exponent");
        return Err(context.wrong(&per.span(), &key("per"), what));
    }
    if weight.coding != Coding::PowerOfTwo {
        let what = "is \"weight\", which is the exponent of a weight: operands.weight.coding is not \"power_of_two\"";
        return Err(context.wrong(&per.span(), &key("per"), what));
    }
    let bits = weight.format.width() - u32::from(weight.format.is_signed());
    let own = Format::unsigned(bits).expect("1 to 4 bits");
    if let Some(format) = at.format.as_ref().filter(|format| format.0 != own) {
        let sign = if weight.format.is_signed() { "its sign and " } else { "" };
        let what =
            format!("is {}, but the code of a weight is {sign}an exponent of {bits} bits: {own}", format.0);
        return Err(context.wrong(&format.span(), &key("format"), what));
    }
    context.idle(&at.min, &key("min"), "every exponent of the field may come")?;
    context.idle(&at.max, &key("max"), "every exponent of the field may come")?;
    context.idle(&at.default, &key("default"), "every weight brings its own")?;
    context.idle(&at.aligned, &key("aligned"), "it comes with its weight")?;
    Ok(Some((name, bits)))
}

/// Whether some step, or a step inside one, reads what is called so.
pub(super) fn is_read(name: &str, steps: &[At<file::Step>]) -> bool {
    let is_it = |value: &At<file::Value>| matches!(&**value, file::Value::Name(own) if own == name);
    steps.iter().any(|step| {
        let operands = [&step.value, &step.shift, &step.low, &step.high, &step.min, &step.max];
        operands.into_iter().flatten().any(is_it)
            || step.value_steps.as_ref().is_some_and(|inner| is_read(name, inner))
    })
}

/// What the field is called in a complete design: a name that none of its parameters has.
pub(super) fn name<'a>(others: impl Iterator<Item = &'a str> + Clone) -> String {
    let mut name = "exponent".to_owned();
    while others.clone().any(|other| other == name) {
        name.push('_');
    }
    name
}

/// The exponent's field as TOML.
pub(super) fn text(name: &str, bits: u32) -> String {
    format!("\n[parameters.{name}]\nformat = \"u{bits}\"\nper = \"weight\"\n")
}
