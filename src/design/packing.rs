//! DSP slices: what their ports hold, and two products side by side in one of them.
//!
//! A slice multiplies a shared code by `second · 2^offset + first` and sums in one wide register P: the first sum stands in
//! P's low `offset` bits, the second above it. While the first stays inside its bits, and its sign is made up for, both are
//! what two accumulators would hold, and that is what both engines compute: packing is accepted where it is proved, and
//! changes no value.

use schemars::JsonSchema;

use super::context::Context;
use super::file::{self, At};
use super::steps::Interval;
use super::{Accumulator, AccumulatorOverflow, Array, Dataflow, Operand};
use crate::error::Result;

/// A multiplier of an FPGA with its own adder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dsp {
    /// Which one.
    pub slice: Slice,
    /// Two products of one of them.
    pub packing: Option<Packing>,
}

/// The slices of three generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    /// 25 × 18 bits, P of 48.
    Dsp48e1,
    /// 27 × 18 bits, P of 48.
    Dsp48e2,
    /// 27 × 24 bits, P of 58.
    Dsp58,
}

/// Two products of one slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// Bit of P at which the second sum begins.
    pub offset: u32,
    /// Whether both products have the activation; otherwise they have the weight.
    pub shares_activation: bool,
    /// What makes up for the first one's sign in the second.
    pub correction: Correction,
    /// Bits of the counter of carries, and whether it is signed.
    pub carry: Option<crate::num::Format>,
}

/// What makes up for the first sum's sign in the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Nothing: a first sum is never negative.
    None,
    /// The first one's sign bit is added to the second.
    Borrow,
    /// A counter of the carries from the first to the second.
    CarryCount,
}

impl Slice {
    /// As the file spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Slice::Dsp48e1 => "dsp48e1",
            Slice::Dsp48e2 => "dsp48e2",
            Slice::Dsp58 => "dsp58",
        }
    }

    /// Bits of the wider port, behind its adder, and of the other one.
    pub const fn ports(self) -> [u32; 2] {
        match self {
            Slice::Dsp48e1 => [25, 18],
            Slice::Dsp48e2 => [27, 18],
            Slice::Dsp58 => [27, 24],
        }
    }

    /// Bits of P.
    pub const fn sum(self) -> u32 {
        match self {
            Slice::Dsp48e1 | Slice::Dsp48e2 => 48,
            Slice::Dsp58 => 58,
        }
    }
}

impl Correction {
    /// As the file spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Correction::None => "none",
            Correction::Borrow => "borrow",
            Correction::CarryCount => "carry_count",
        }
    }
}

/// What a slice meets.
pub(super) struct Around<'a> {
    pub operands: [&'a Operand; 2],
    /// Of the exact product.
    pub product: Interval,
    pub accumulator: &'a Accumulator,
    /// Every value that its start can have.
    pub start: Interval,
    pub array: &'a Array,
    /// The most products of one sum, where something limits them.
    pub most: Option<usize>,
}

/// The slice that the file names, whose ports hold the operands.
pub(super) fn dsp(file: &file::File, around: &Around<'_>, context: &Context<'_>) -> Result<Option<Dsp>> {
    let spoken = file.product.multiplier.as_ref();
    let slice = match spoken.map(|at| **at) {
        Some(file::Multiplier::Dsp48e1) => Slice::Dsp48e1,
        Some(file::Multiplier::Dsp48e2) => Slice::Dsp48e2,
        Some(file::Multiplier::Dsp58) => Slice::Dsp58,
        Some(file::Multiplier::Integer | file::Multiplier::Shift) | None => {
            let why = "only a DSP multiplier has room for two products: product.multiplier";
            context.idle(&file.product.packing, "product.packing", why)?;
            return Ok(None);
        }
    };
    let span = spoken.map(At::span).unwrap_or_default();
    let [wide, narrow] = slice.ports();
    let [a, w] = around.operands.map(signed_width);
    if a.max(w) > wide || a.min(w) > narrow {
        let what = format!("is {:?} of {wide} x {narrow} bits, but codes have {a} and {w}", slice.name());
        return Err(context.wrong(&span, "product.multiplier", what));
    }
    let register = around.accumulator.register;
    if register.width() > slice.sum() {
        let what = format!("is {:?}, whose sums have {} bits, not {register}", slice.name(), slice.sum());
        return Err(context.wrong(&span, "product.multiplier", what));
    }
    let packing = file.product.packing.as_ref();
    let packing = packing.map(|at| packing_of(at, file, slice, around, context)).transpose()?;
    Ok(Some(Dsp { slice, packing }))
}

/// Bits of a signed port that holds an operand.
fn signed_width(operand: &Operand) -> u32 {
    operand.sum.width() + u32::from(!operand.sum.is_signed())
}

fn packing_of(
    at: &At<file::Packing>,
    file: &file::File,
    slice: Slice,
    around: &Around<'_>,
    context: &Context<'_>,
) -> Result<Packing> {
    context.integer(&at.products, "product.packing.products", 2..=2)?;
    let offset = context.integer(&at.offset, "product.packing.offset", 2..=32)?;
    let shares_activation = *at.share == file::Share::Activation;
    let correction = at.correction.as_ref().map_or(Correction::None, |at| **at);
    let carry = match (&at.carry, correction) {
        (Some(format), Correction::CarryCount) => Some(format.0),
        (None, Correction::CarryCount) => {
            let what = "is missing: the counter's format";
            return Err(context.wrong(&at.span(), "product.packing.carry", what));
        }
        (at, _) => {
            context.idle(at, "product.packing.carry", "only correction = \"carry_count\" has a counter")?;
            None
        }
    };
    shared(at, around.array, context)?;
    let packed = around.operands[usize::from(shares_activation)];
    let needed = offset + signed_width(packed) + 1;
    if needed > slice.ports()[0] {
        let what = format!(
            "is {offset}: two codes of {} bits so far apart need {needed} bits, and {} has {}",
            signed_width(packed),
            slice.name(),
            slice.ports()[0]
        );
        return Err(context.wrong(&at.offset.span(), "product.packing.offset", what));
    }
    let packing = Packing { offset, shares_activation, correction, carry };
    sums(at, file, (packing, slice), around, context)?;
    Ok(packing)
}

/// Two PEs that have the shared operand in the same cycle.
fn shared(at: &At<file::Packing>, array: &Array, context: &Context<'_>) -> Result<()> {
    let shares_activation = *at.share == file::Share::Activation;
    let (count, of) = match (array.dataflow, shares_activation) {
        (Dataflow::InputStationary, false) => (array.columns, "columns"),
        (Dataflow::InputStationary, true) => (0, "activation, which stays"),
        (_, true) => (array.columns, "columns"),
        (Dataflow::OutputStationary, false) => (array.rows, "rows"),
        (_, false) => (0, "weight"),
    };
    if count > 0 && count.is_multiple_of(2) {
        return Ok(());
    }
    let what = match count {
        0 => format!("is the {of}: no two PEs of this array have it at once"),
        _ => format!("needs pairs, but {count} {of} are none"),
    };
    Err(context.wrong(&at.share.span(), "product.packing.share", what))
}

/// Proves that both sums are what two accumulators would hold.
fn sums(
    at: &At<file::Packing>,
    file: &file::File,
    (packing, slice): (Packing, Slice),
    around: &Around<'_>,
    context: &Context<'_>,
) -> Result<()> {
    let wrong = |what: &str| Err(context.wrong(&at.span(), "product.packing", what));
    if !file.product.steps.is_empty() {
        return wrong("leaves no place for product.steps: the slice adds what it multiplies");
    }
    if !file.reduce.is_empty() {
        return wrong("leaves no place for [[reduce]]: slices add in P");
    }
    let accumulator = around.accumulator;
    if accumulator.overflow != AccumulatorOverflow::Wrap {
        return wrong("needs accumulator.overflow = \"wrap\": a sum is read from bits of P");
    }
    let offset = packing.offset;
    let room = offset.min(slice.sum() - offset);
    if accumulator.register.width() > room {
        let what = format!("is {}, but a sum has {room} bits of P", accumulator.register.width());
        return Err(context.wrong(&file.accumulator.width.span(), "accumulator.width", what));
    }
    let Some(most) = around.most else {
        return wrong(
            "needs a limit of a sum's products, or the first sum may leave its bits and reach the second: order.max_k, or \
             with a memory order.tile_k",
        );
    };
    let most = most as i128;
    let (low, high) = around.product;
    let (low, high) =
        ((low * most).min(0) + around.start.0.min(0), (high * most).max(0) + around.start.1.max(0));
    let (least, largest) = match packing.correction {
        Correction::None => (0, (1_i128 << offset) - 1),
        Correction::Borrow | Correction::CarryCount => {
            (-(1_i128 << (offset - 1)), (1_i128 << (offset - 1)) - 1)
        }
    };
    if low < least || high > largest {
        let what = format!(
            "cannot be told from leaking sums: the first is {low}..{high} over {most} products, and correction = {:?} keeps \
             {least}..{largest} apart",
            packing.correction.name()
        );
        return Err(context
            .wrong(&at.span(), "product.packing", what)
            .help("goldpath builds packing where both sums provably are what two accumulators hold: fewer products, \
                   another offset, or correction = \"borrow\""));
    }
    Ok(())
}
