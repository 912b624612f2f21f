//! Every node of a design in a row: what it holds, how it gets there, how long it takes.

use serde::Serialize;

use super::convert::overflow_name;
use super::{Coding, Design, Level, Operand, Start, exponent};
use crate::num::{Format, Rounding};
use crate::post::{self, Parameter, Step};

/// One node, as `goldpath check` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `activation`, `product`, `accumulator`, `post.0`, …
    pub node: String,
    /// What it does, in a few words.
    pub does: String,
    /// Absent where a product wider than 64 bits is fused with its shift.
    pub format: Option<String>,
    /// `exact` when no value can leave the format.
    pub overflow: &'static str,
    /// The rounding mode's name, for shifts and float scales only.
    pub rounding: Option<&'static str>,
    /// Registers behind the node; in front of the multiplier for operands.
    pub latency_cycles: u32,
}

impl Design {
    /// Every node in datapath order.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        if self.is_post_only() {
            rows.push(exact("accumulator", "what comes in", self.accumulator.format, 0));
            rows.extend(self.step_rows());
            return rows;
        }
        rows.extend(self.operand_rows());
        let product = self.product_format();
        let direct = self.product_steps.is_empty();
        let latency = if direct { self.product_latency } else { 0 };
        let shifts = self.weight.coding == Coding::PowerOfTwo;
        let does = match (shifts, self.dsp) {
            (true, _) => "activation << exponent, with the sign".to_owned(),
            (false, None) => "activation * weight".to_owned(),
            (false, Some(dsp)) => match dsp.packing {
                None => format!("activation * weight, {}", dsp.slice.name()),
                Some(packing) => {
                    format!(
                        "activation * weight, two of one {}, {} bits apart",
                        dsp.slice.name(),
                        packing.offset
                    )
                }
            },
        };
        if self.exponent.is_none() {
            rows.push(exact("product", &does, product, latency));
        }
        // Behind the sign, where it stands behind the steps.
        let last =
            if self.exponent.is_some() { usize::MAX } else { self.product_steps.len().saturating_sub(1) };
        for (index, (step, range)) in self.product_steps.iter().zip(self.product_ranges()).enumerate() {
            let latency_cycles = if index == last { self.product_latency } else { 0 };
            rows.push(Row { latency_cycles, ..step_row(step, range.always_fits, &self.parameters) });
        }
        if self.exponent.is_some() {
            rows.push(exact(
                "product",
                "the same, with the weight's sign",
                self.term_format(),
                self.product_latency,
            ));
        }
        for (level, range) in self.reduce.iter().zip(self.level_ranges()) {
            rows.push(level_row(level, "", range.always_fits));
        }
        rows.extend(self.accumulator_rows());
        rows.extend(self.step_rows());
        rows
    }

    fn step_rows(&self) -> impl Iterator<Item = Row> + '_ {
        let steps = self.post.iter().zip(self.step_ranges());
        steps.map(|(step, range)| step_row(step, range.always_fits, &self.parameters))
    }

    fn operand_rows(&self) -> Vec<Row> {
        let row = |node: &str, operand: &Operand| {
            let does = match operand.offset {
                None if operand.coding == Coding::PowerOfTwo && self.exponent.is_some() => {
                    return exact(node, "sign and exponent", operand.format, self.operand_latency);
                }
                None if operand.coding == Coding::PowerOfTwo => {
                    format!("2^code, {} of sign and exponent", operand.format)
                }
                None => "code".to_string(),
                Some(offset) => format!("{} code + {}", operand.format, show(offset, &self.parameters)),
            };
            exact(node, &does, operand.sum, self.operand_latency)
        };
        vec![row("activation", &self.activation), row("weight", &self.weight)]
    }

    fn accumulator_rows(&self) -> Vec<Row> {
        let a = &self.accumulator;
        let does = match a.start {
            Start::Overwrite => "sum over k, the first product overwrites".to_owned(),
            other => format!("sum over k, starts from {}", other.name()),
        };
        let overflow = overflow_name(a.step_rule());
        let mut rows = Vec::new();
        if let Some(bias) = a.bias {
            let fits = a.register_fit().holds(self.parameters[bias].range());
            let overflow = if fits { "exact" } else { overflow };
            let does = format!("{}, with the first beat", self.parameters[bias].name);
            rows.push(Row { overflow, ..exact("accumulator.start", &does, a.register, 0) });
        }
        let does = match (self.array.banks, self.partial_sums()) {
            (1, 1) => does,
            (1, lanes) => format!("{does}, {lanes} side by side"),
            (banks, _) => format!("{does}, {banks} outputs in turn"),
        };
        rows.push(Row { overflow, ..exact("accumulator", &does, a.register, self.array.loop_latency) });
        if let Some(fit) = a.output_fit() {
            let clamp = exact("accumulator.output", "clamp of the finished sum", fit.format, 0);
            rows.push(Row { overflow: overflow_name(fit.overflow), ..clamp });
        }
        let after = self.after.iter().zip(self.after_ranges());
        rows.extend(
            after.map(|(level, range)| level_row(level, ", behind the last beat", range.always_fits)),
        );
        let [store, load] = self.memory_ranges();
        let steps = self.store_steps.iter().zip(store).chain(self.load_steps.iter().zip(load));
        rows.extend(steps.map(|(step, range)| step_row(step, range.always_fits, &self.parameters)));
        if let Some(memory) = self.memory {
            let does = match self.visit_steps() {
                Some(steps) => format!("sum of visits of {} products each", steps * self.array.lanes),
                None => "the sum as it is".to_owned(),
            };
            let latency = memory.read_latency + 1;
            rows.push(Row {
                overflow: overflow_name(memory.overflow),
                ..exact("memory", &does, memory.format, latency)
            });
        }
        if let Some(drain) = self.array.drain {
            rows.push(exact("drain", drain.words(), a.format, drain.latency));
        }
        rows
    }
}

fn exact(node: &str, does: &str, format: Format, latency_cycles: u32) -> Row {
    Row {
        node: node.to_string(),
        does: does.to_string(),
        format: Some(format.to_string()),
        overflow: "exact",
        rounding: None,
        latency_cycles,
    }
}

/// `of`: of what, where it is not a beat's terms.
fn level_row(level: &Level, of: &str, always_fits: bool) -> Row {
    let does = match level.stride {
        1 => format!("sum of {} neighbours{of}", level.group),
        stride => format!("sum of {} terms, {stride} apart{of}", level.group),
    };
    let overflow = if always_fits { "exact" } else { overflow_name(level.overflow) };
    Row { overflow, ..exact(&level.id, &does, level.format, level.latency) }
}

fn step_row(step: &Step, always_fits: bool, parameters: &[Parameter]) -> Row {
    let (does, rounding) = step_words(step, parameters);
    Row {
        node: step.id.clone(),
        does,
        format: step.format.map(|f| f.to_string()),
        overflow: if always_fits { "exact" } else { overflow_name(step.overflow) },
        rounding,
        latency_cycles: step.latency,
    }
}

/// A step as a short expression, and its rounding.
pub(super) fn step_words(step: &Step, parameters: &[Parameter]) -> (String, Option<&'static str>) {
    let formula = step.formula("x", &|operand| show(operand, parameters));
    (formula, step.op.rounding().map(Rounding::name))
}

fn show(operand: post::Operand, parameters: &[Parameter]) -> String {
    match operand {
        post::Operand::Constant(value) => value.to_string(),
        post::Operand::Parameter(index) => parameters[index].name.clone(),
        post::Operand::Exponent { .. } => exponent::name(parameters.iter().map(|p| p.name.as_str())),
    }
}
