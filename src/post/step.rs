//! A step: an operation, what its second operand goes through first, when it runs, and what fits its result.

use std::sync::Arc;

use super::{Op, Operand, Role, Table};
use crate::num::{Format, Overflow};

/// One node `post.N`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// `post.0`, `post.1`, …
    pub id: String,
    /// What it does, exactly, before its format.
    pub op: Op,
    /// What the second operand goes through before it is used, each fitted like any step, without registers and without
    /// events. Only add, subtract, multiply, max and min have any.
    pub value_steps: Vec<Step>,
    /// A step that does not run passes its input on, through its own format and registers.
    pub when: Option<When>,
    /// Format after the step. `None`: the exact product is wider than 64 bits and is fused with the
    /// shift that follows (R8); such a step has latency 0.
    pub format: Option<Format>,
    /// How the exact result enters `format` (R4, R5); of no matter while that is `None`.
    pub overflow: Overflow,
    /// Registers behind the step.
    pub latency: u32,
}

/// A layer's bit, and what it must be for a step to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct When {
    /// A parameter of one bit.
    pub bit: Operand,
    /// What it must be.
    pub is: bool,
    /// Whether a step that does not run is without its registers, too: what it passes on goes around them.
    pub wire: bool,
}

impl Step {
    /// A step that always runs, of an operand that is used as it comes.
    pub fn new(id: &str, op: Op, format: Option<Format>, overflow: Overflow, latency: u32) -> Step {
        Step { id: id.to_owned(), op, value_steps: Vec::new(), when: None, format, overflow, latency }
    }

    /// Whether it is its operation and its format, and nothing else.
    pub fn is_plain(&self) -> bool {
        self.value_steps.is_empty() && self.when.is_none()
    }

    /// A layer's bit that decides whether the step has its registers, and what it is then; `None`: it always has.
    pub fn wire(&self) -> Option<(Operand, bool)> {
        self.when.filter(|when| when.wire).map(|when| (when.bit, when.is))
    }

    /// The same node with another operation, which always runs and takes its operand as it comes.
    pub fn with_op(&self, op: Op) -> Step {
        Step { op, value_steps: Vec::new(), when: None, ..self.clone() }
    }

    /// What it does is done by another step, whose node keeps its own format and registers.
    pub fn does_as(&mut self, other: &Step) {
        self.op = other.op.clone();
        self.value_steps.clone_from(&other.value_steps);
        self.when = other.when;
    }

    /// The steps inside it: those of its operand, then those of a branch.
    fn inner(&self) -> impl Iterator<Item = &Step> {
        let [negative, otherwise] = self.op.arms().unwrap_or_default();
        self.value_steps.iter().chain(negative).chain(otherwise)
    }

    /// Every operand that it and the steps inside it read, each with its role.
    pub fn roles(&self) -> Vec<(Role, Operand)> {
        let mut roles = self.op.roles();
        roles.extend(self.inner().flat_map(Step::roles));
        roles.extend(self.when.map(|when| (Role::Condition, when.bit)));
        roles
    }

    /// The same without the roles.
    pub fn operands(&self) -> Vec<Operand> {
        self.roles().into_iter().map(|(_, operand)| operand).collect()
    }

    /// What it does, on other operands.
    pub fn with_operands(&self, other: &dyn Fn(Operand) -> Operand) -> Step {
        let mut step = self.clone();
        step.op.operands_mut().for_each(|operand| *operand = other(*operand));
        let inner = |steps: &mut Vec<Step>| {
            steps.iter_mut().for_each(|step| *step = step.with_operands(other));
        };
        inner(&mut step.value_steps);
        if let Op::Branch { negative, otherwise } = &mut step.op {
            inner(negative);
            inner(otherwise);
        }
        if let Some(when) = &mut step.when {
            when.bit = other(when.bit);
        }
        step
    }

    /// The same without what may have no effect, inside it too: overflow rules, adders, a table's entries beside its list.
    pub(crate) fn without_rules(&self) -> Step {
        let all = |steps: &[Step]| steps.iter().map(Step::without_rules).collect();
        let op = match &self.op {
            Op::ShiftRight(count, rounding, _) => Op::ShiftRight(*count, *rounding, None),
            Op::Lut(table) => Op::Lut(Arc::new(Table { below: 0, above: 0, ..(**table).clone() })),
            Op::Branch { negative, otherwise } => {
                Op::Branch { negative: all(negative), otherwise: all(otherwise) }
            }
            op => op.clone(),
        };
        Step { op, value_steps: all(&self.value_steps), overflow: Overflow::Wrap, ..self.clone() }
    }

    /// As a formula over what is called `x`; `name` says how an operand is written.
    pub fn formula(&self, x: &str, name: &dyn Fn(Operand) -> String) -> String {
        let value = |operand: Operand| {
            let begin = name(operand);
            self.value_steps.iter().fold(begin, |value, step| format!("({})", step.formula(&value, name)))
        };
        let formula = self.op.formula(x, &value);
        match self.when {
            None => formula,
            Some(When { bit, is, .. }) => {
                format!("if {}{}: {formula}", if is { "" } else { "not " }, name(bit))
            }
        }
    }
}
