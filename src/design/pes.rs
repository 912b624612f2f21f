//! The array as written: extents, wires, loads, and the keys that an array of that kind has no use for.

use super::context::Context;
use super::file::{self, At};
use super::{Array, Dataflow, Drain, DrainOrder, Load, LoadKind, Mirror, Skew, SumRegister};
use crate::error::Result;

/// Every register of an array is held in memory.
const MAX_MULTIPLIERS: usize = 1 << 20;

pub(super) fn array(file: &At<file::Array>, context: &Context<'_>) -> Result<Array> {
    let dataflow = Dataflow::from(*file.dataflow);
    let mut array = Array {
        dataflow,
        rows: 1,
        columns: 1,
        lanes: 1,
        hop_activation: 0,
        hop_weight: 0,
        hop_sum: 0,
        skew: Skew::Host,
        mirror: Mirror::None,
        drain: None,
        sum_register: SumRegister::After,
        load: None,
        banks: 1,
        loop_latency: 1,
        clears_at_once: false,
    };
    let is_grid = array.is_grid();
    let extent = |at: &Option<At<i64>>, key: &str, most: i64| match at {
        Some(at) => context.integer(at, key, 1..=most).map(|n| n as usize),
        None if is_grid && most == 1024 => Err(context.wrong(&file.span(), key, "is missing")),
        None if dataflow == Dataflow::Tree && most > 1024 => {
            Err(context.wrong(&file.span(), key, "is missing: a tree needs its lanes"))
        }
        None => Ok(1),
    };
    array.rows = extent(&file.rows, "array.rows", 1024)?;
    array.columns = extent(&file.columns, "array.columns", 1024)?;
    array.lanes = extent(&file.lanes, "array.lanes", 4096)?;
    let Array { rows, columns, lanes, .. } = array;
    let multipliers = rows * columns * lanes;
    if multipliers > MAX_MULTIPLIERS {
        let what = format!(
            "has {rows} x {columns} x {lanes} = {multipliers} multipliers; goldpath builds up to {MAX_MULTIPLIERS}"
        );
        return Err(context.wrong(&file.dataflow.span(), "array", what));
    }
    one_extent(dataflow, &file.rows, "array.rows", !is_grid, context)?;
    one_extent(dataflow, &file.columns, "array.columns", dataflow == Dataflow::Sequential, context)?;
    match dataflow {
        Dataflow::Sequential | Dataflow::Tree => {
            let why = format!("dataflow {:?} has no PEs to travel through", dataflow.name());
            context.idle(&file.hop, "array.hop", &why)?;
            context.idle(&file.skew, "array.skew", &why)?;
            context.idle(&file.drain, "array.drain", &why)?;
            sums_stay(file, dataflow, context)?;
        }
        Dataflow::PostOnly => {}
        Dataflow::OutputStationary => {
            sums_stay(file, dataflow, context)?;
            hops(file, &mut array, context)?;
            array.drain = Some(drain(file, &array, context)?);
        }
        Dataflow::WeightStationary | Dataflow::InputStationary => {
            context.idle(&file.drain, "array.drain", "sums that travel leave with their vector")?;
            array.load = Some(load(file, context)?);
            array.sum_register = file.sum_register.as_ref().map_or(SumRegister::After, |at| **at);
            hops(file, &mut array, context)?;
        }
    }
    array.mirror = mirror(file, &array, context)?;
    Ok(array)
}

/// How many accumulators a MAC has, their loop, and how they are cleared.
pub(super) fn banks(file: &file::Accumulator, array: &mut Array, context: &Context<'_>) -> Result<()> {
    let count = |at: &Option<At<i64>>, key: &str| match at {
        Some(at) => context.integer(at, key, 1..=64),
        None => Ok(1),
    };
    let (banks, latency) =
        (count(&file.banks, "accumulator.banks")?, count(&file.latency, "accumulator.latency")?);
    if let Some(at) = file.banks.as_ref().filter(|_| banks > 1 && array.is_grid()) {
        let what = match array.sums_travel() {
            true => "are for sums that stay: these travel".to_owned(),
            false => format!("are for one row of MACs: a PE of dataflow {:?} has one", array.dataflow.name()),
        };
        return Err(context.wrong(&at.span(), "accumulator.banks", &what));
    }
    if let Some(at) = file.latency.as_ref().filter(|_| latency > banks) {
        let what = format!("is {latency}, but a sum comes back after {banks} beats: accumulator.banks");
        return Err(context.wrong(&at.span(), "accumulator.latency", &what));
    }
    if *file.start != file::Start::Zero {
        context.idle(&file.clear, "accumulator.clear", "only start = \"zero\" clears")?;
    }
    if array.sums_travel() {
        context.idle(&file.clear, "accumulator.clear", "sums that travel are not cleared")?;
    }
    array.banks = banks as usize;
    array.loop_latency = latency;
    array.clears_at_once = file.clear.as_ref().is_some_and(|at| **at == file::Clear::Immediate);
    Ok(())
}

/// Against which order PEs are numbered; what changes nothing is another thing than was meant.
fn mirror(file: &file::Array, array: &Array, context: &Context<'_>) -> Result<Mirror> {
    let Some(at) = &file.mirror else { return Ok(Mirror::None) };
    let what = match **at {
        Mirror::Rows if array.sums_travel() => "but rows are steps of a sum that travels, not outputs",
        Mirror::Rows if array.rows == 1 => "which changes nothing: there is one row",
        Mirror::Columns if array.columns == 1 => "which changes nothing: there is one column",
        mirror => return Ok(mirror),
    };
    Err(context.wrong(&at.span(), "array.mirror", format!("is {:?}, {what}", at.name())))
}

/// Refuses rows of what has none, and columns of one MAC.
fn one_extent(
    dataflow: Dataflow,
    at: &Option<At<i64>>,
    key: &str,
    is_one: bool,
    context: &Context<'_>,
) -> Result<()> {
    match at {
        Some(at) if is_one && **at != 1 => {
            let what = format!("is {}, but dataflow {:?} has 1", **at, dataflow.name());
            Err(context.wrong(&at.span(), key, what))
        }
        _ => Ok(()),
    }
}

fn sums_stay(file: &file::Array, dataflow: Dataflow, context: &Context<'_>) -> Result<()> {
    let why = format!("sums stay with dataflow {:?}", dataflow.name());
    context.idle(&file.sum_register, "array.sum_register", &why)?;
    context.idle(&file.load, "array.load", &why)
}

/// The hops of what travels, and who skews.
fn hops(file: &file::Array, array: &mut Array, context: &Context<'_>) -> Result<()> {
    let stays = match array.dataflow {
        Dataflow::WeightStationary => ("weight", "weights stay in their PEs"),
        Dataflow::InputStationary => ("activation", "activations stay in their PEs"),
        _ => ("sum", "sums stay in their PEs"),
    };
    if let Some(hop) = &file.hop {
        let read = |at: &Option<At<i64>>, name: &str, range: std::ops::RangeInclusive<i64>| {
            let key = format!("array.hop.{name}");
            if name == stays.0 {
                context.idle(at, &key, stays.1)?;
            }
            at.as_ref().map_or(Ok(None), |at| context.integer(at, &key, range).map(Some))
        };
        array.hop_activation = read(&hop.activation, "activation", 0..=16)?.unwrap_or(0);
        array.hop_weight = read(&hop.weight, "weight", 0..=16)?.unwrap_or(0);
        array.hop_sum = read(&hop.sum, "sum", 1..=16)?.unwrap_or(0);
    }
    if array.sums_travel() {
        array.hop_sum = array.hop_sum.max(1);
    }
    match (&file.skew, array.hop_right() + array.hop_down()) {
        (Some(skew), 0) => {
            let what = "changes nothing: every hop is 0, so no lane is delayed";
            Err(context.wrong(&skew.span(), "array.skew", what))
        }
        (None, 1..) => {
            let span = file.hop.as_ref().map_or_else(|| file.dataflow.span(), At::span);
            Err(context.wrong(&span, "array.skew", "is missing: a hop above 0 needs skewed operands"))
        }
        (Some(skew), _) => {
            array.skew = Skew::from(**skew);
            Ok(())
        }
        (None, 0) => Ok(()),
    }
}

/// The way out of a grid in which sums stay.
fn drain(file: &file::Array, array: &Array, context: &Context<'_>) -> Result<Drain> {
    let Some(drain) = &file.drain else { return Ok(Drain::ROWS) };
    let spoken = drain.order.as_ref().map_or(file::DrainOrder::Rows, |order| **order);
    let (order, shifts) = (DrainOrder::from(spoken), spoken == file::DrainOrder::Shift);
    let mut made = Drain { order, first: shifts, ..Drain::ROWS };
    if !made.is_chain() {
        let why = format!("drain order {:?} moves no sum through another's place", order.name());
        context.idle(&drain.exit, "array.drain.exit", &why)?;
        context.idle(&drain.capture, "array.drain.capture", &why)?;
    }
    if let Some(exit) = &drain.exit {
        let (of, first) = match **exit {
            file::DrainExit::LastRow => (DrainOrder::Rows, false),
            file::DrainExit::FirstRow => (DrainOrder::Rows, true),
            file::DrainExit::LastColumn => (DrainOrder::Columns, false),
            file::DrainExit::FirstColumn => (DrainOrder::Columns, true),
        };
        if of != order {
            let what = format!("names one of the {}, but {} drain", of.name(), order.name());
            return Err(context.wrong(&exit.span(), "array.drain.exit", &what));
        }
        made.first = first;
    }
    if order == DrainOrder::Diagonal && array.hop_right() == 0 && array.columns > 1 {
        let at = drain.order.as_ref().map_or_else(|| drain.span(), At::span);
        let what = "is \"diagonal\", but all PEs of a row finish together: activations have no hop";
        return Err(context.wrong(&at, "array.drain.order", what));
    }
    made.capture = drain.capture.as_ref().map_or(shifts, |at| **at);
    if let Some(at) = drain.capture.as_ref().filter(|at| shifts && !***at) {
        let what = "is false, but order = \"shift\" is a chain of registers beside the PEs";
        return Err(context.wrong(&at.span(), "array.drain.capture", what).help("or order = \"columns\""));
    }
    made.latency = context.latency(&drain.latency, "array.drain.latency")?;
    Ok(made)
}

fn load(file: &At<file::Array>, context: &Context<'_>) -> Result<Load> {
    let Some(load) = &file.load else {
        let what = "is missing: operands that stay are loaded";
        return Err(context.wrong(&file.span(), "array.load", what));
    };
    let buffers = match &load.buffers {
        Some(at) => context.integer(at, "array.load.buffers", 1..=2)?,
        None => 1,
    };
    let switch = match (&load.switch, buffers) {
        (Some(at), 2) => Some(**at),
        (None, 2) => {
            return Err(context.wrong(
                &load.span(),
                "array.load.switch",
                "is missing: there are two buffers",
            ));
        }
        (at, _) => {
            context.idle(at, "array.load.switch", "one buffer is used as it is loaded")?;
            None
        }
    };
    if *load.kind == LoadKind::AtOnce && switch == Some(super::Switch::Global) {
        let at = load.switch.as_ref().map_or_else(|| load.span(), At::span);
        let what = "changes nothing: operands that are loaded at once, when nothing is under way, need no second buffer";
        return Err(context.wrong(&at, "array.load.switch", what));
    }
    let clears_sums = load.clears_sums.as_ref().is_some_and(|at| **at);
    if let Some(at) = load.clears_sums.as_ref().filter(|at| ***at && switch.is_some()) {
        let what = "would clear sums that are under way: with two buffers, loads hide behind vectors";
        return Err(context.wrong(&at.span(), "array.load.clears_sums", what));
    }
    Ok(Load { kind: *load.kind, switch, clears_sums })
}
