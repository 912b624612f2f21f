//! What is legal in a design and probably not meant.

use super::steps::Interval;
use super::{Design, depth, ranges};
use crate::num::{Format, Overflow};
use crate::post::{NodeRange, Rounded, Step, product_range};

/// One doubt about a design.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// Stable name, like `accumulator-narrow`.
    pub name: &'static str,
    /// Key of the design that it is about.
    pub key: String,
    /// What is doubtful, in one sentence without a full stop.
    pub message: String,
    /// What would remove the doubt.
    pub help: String,
}

impl Design {
    /// Every doubt about this design; `k` is the number of products per output, when one is known.
    pub fn lints(&self, k: Option<u64>) -> Vec<Lint> {
        let mut lints = Vec::new();
        lints.extend(k.and_then(|k| self.narrow_accumulator(k)));
        let sides = [("activation", &self.activation), ("weight", &self.weight)];
        lints.extend(sides.iter().filter_map(|(side, operand)| self.wider_operand(side, operand)));
        lints.extend(self.ragged_groups());
        lints.extend(self.order_dependent_bound());
        lints.extend(self.empty_shifts());
        lints
    }

    fn narrow_accumulator(&self, k: u64) -> Option<Lint> {
        let k = self.visit_products().map_or(k, |most| k.min(most as u64));
        let (low, high) = self.sum_interval(k);
        let rails = ranges::rails(self);
        if low >= rails.0 && high <= rails.1 {
            return None;
        }
        let register = self.accumulator.register;
        let need = match (register.is_signed(), low < 0) {
            (false, false) => Format::holding(low, high).map_or(65, Format::width),
            _ => depth::signed_width((low, high)),
        };
        let sign = if !register.is_signed() && low < 0 { "signed " } else { "" };
        let safe = self.largest_safe_k().unwrap_or(u64::MAX);
        Some(Lint {
            name: "accumulator-narrow",
            key: "accumulator.width".into(),
            message: format!(
                "{k} products reach {low}..{high}, which needs {sign}{need} bits; {register} is safe up to K = {safe}"
            ),
            help: match self.accumulator.step_rule() {
                Overflow::Wrap => {
                    "a sum that leaves the register and comes back is still exact; one that ends outside is not"
                        .into()
                }
                Overflow::Saturate | Overflow::SaturateSymmetric => "every saturation loses what lay beyond the rail, in an order-dependent way".into(),
            },
        })
    }

    fn wider_operand(&self, side: &str, operand: &super::Operand) -> Option<Lint> {
        operand.offset?;
        let (low, high) = operand.interval(&self.parameters);
        let need = match Format::holding(low, high) {
            // A signed port's sum stays signed in the hardware.
            Some(f) if operand.format.is_signed() && !f.is_signed() => f.width() + 1,
            Some(f) => f.width(),
            None => 65,
        };
        let port = operand.format;
        if need <= port.width() {
            return None;
        }
        Some(Lint {
            name: "operand-offset",
            key: format!("operands.{side}.offset"),
            message: format!(
                "{port} + offset is {low}..{high}: the multiplier's {side} input has {need} bits instead of {}",
                port.width()
            ),
            help: format!(
                "folding the zero point into the bias keeps {} bits, but changes every partial sum",
                port.width()
            ),
        })
    }

    /// Lanes that a level's groups do not divide: what becomes of the terms that are not there.
    fn ragged_groups(&self) -> Vec<Lint> {
        let mut inputs = self.array.lanes;
        let mut lints = Vec::new();
        for level in self.reduce.iter().chain(&self.after) {
            let outputs = level.outputs(inputs);
            let missing = outputs * level.group - inputs.min(outputs * level.group);
            if missing > 0 {
                let terms = if missing == 1 { "term is" } else { "terms are" };
                lints.push(Lint {
                    name: "ragged-group",
                    key: format!("{}.group", level.id),
                    message: format!(
                        "{inputs} terms in groups of {}: {missing} {terms} missing from the last group; a missing \
                         term is 0, and the sum is still fitted into {}",
                        level.group, level.format
                    ),
                    help: "choose array.lanes and the groups so that they divide, unless the hardware ties these \
                           inputs to 0"
                        .into(),
                });
            }
            inputs = outputs;
        }
        lints
    }

    /// Bounds on the final sum say nothing about a register that saturates at every step unless every input can
    /// be 0: a partial sum may then lie further out than any final one.
    fn order_dependent_bound(&self) -> Option<Lint> {
        let saturates = self.accumulator.step_rule() != Overflow::Wrap;
        let (low, high) = self.activation.interval(&self.parameters);
        if !saturates || (low <= 0 && high >= 0) {
            return None;
        }
        Some(Lint {
            name: "saturation-order",
            key: "accumulator.overflow".into(),
            message: format!(
                "the accumulator saturates at every step and activations are {low}..{high}, without 0: \
                 bounds on the final sum (weight norms) do not bound the partial sums"
            ),
            help: "let 0 be a value of the activation, or bound every prefix of the sum in its order".into(),
        })
    }

    /// A right shift whose smallest count leaves nothing but rounding.
    fn empty_shifts(&self) -> Vec<Lint> {
        let of_step = |(step, range): (&Step, NodeRange)| {
            let (Rounded::Shift(count), _) = step.op.rounds()? else { return None };
            let (least, before) = (count.range(&self.parameters).0, range.entering);
            let after = step.op.range(before, |_| (least, least))?;
            (after.1 - after.0 <= 1 && before.1 - before.0 > 1)
                .then(|| empty_shift(&step.id, before, after, least))
        };
        let products = self.product_steps.iter().zip(self.product_ranges());
        let [store, load] = self.memory_ranges();
        let words = self.store_steps.iter().zip(store).chain(self.load_steps.iter().zip(load));
        products.chain(words).chain(self.post.iter().zip(self.step_ranges())).filter_map(of_step).collect()
    }
}

fn empty_shift(id: &str, before: Interval, after: Interval, least: i128) -> Lint {
    Lint {
        name: "shift-discards-everything",
        key: format!("{id}.shift"),
        message: format!(
            "{}..{} shifted right by {least} or more is {}..{}: nothing of the value is left",
            before.0, before.1, after.0, after.1
        ),
        help: "shift by fewer bits".into(),
    }
}

impl Design {
    /// What a zero point costs in this design, folded into the bias or subtracted before the multiply: two lines.
    pub fn zero_point_cost(&self) -> String {
        let (activation, weight) = (&self.activation, &self.weight);
        if self.exponent.is_some() {
            return "none: no layer of a model runs where steps read exponents".to_owned();
        }
        let safe = |k: Option<u64>| k.map_or("any".into(), |k| k.to_string());
        let port = activation.format;
        let span = i128::from(port.max()) - i128::from(port.min());
        let weights = weight.interval(&self.parameters);
        let terms = |activations: Interval| {
            let entering =
                if self.exponent.is_some() { activations } else { product_range(activations, weights) };
            let stepped = self.product_program().ranges(entering).last().map(|range| range.fitted);
            stepped.map_or(entering, |range| self.with_signs(range))
        };
        let raw = terms((i128::from(port.min()), i128::from(port.max())));
        let centred = terms((-span, span));
        let (folded, subtracted) = (safe(self.safe_k_of(raw)), safe(self.safe_k_of(centred)));
        let (bits, wide, other) = (port.width(), depth::signed_width((-span, span)), weight.sum.width());
        let fold = format!(
            "{bits} x {other} bit products, sums safe to K = {folded}, each shifted by zero point * sum of weights"
        );
        if activation.offset.is_none() {
            format!(
                "folded into the bias: {fold}\nsubtracted before the multiply it would take {wide} x {other} bit \
                 products, sums safe to K = {subtracted}"
            )
        } else {
            let (sum, safe) = (activation.sum.width(), safe(self.largest_safe_k()));
            format!(
                "subtracted before the multiply: {sum} x {other} bit products, sums safe to K = {safe}\n\
                 folded into the bias it would take {fold}"
            )
        }
    }
}
