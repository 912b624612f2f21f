//! Operators on shapes and places.

use super::super::attributes::Attributes;
use super::{Entry, required};
use crate::error::{Error, Kind, Result};
use crate::network::{Joining, Layout, Operator, PadMode, Tensor};

pub(super) const ENTRIES: &[Entry] = &[
    ("ConstantOfShape", |a, _| {
        let zero = || Tensor::F32(ndarray::arr1(&[0.0]).into_dyn());
        layout(Layout::ConstantOfShape { value: a.tensor("value")?.unwrap_or_else(zero) })
    }),
    ("CumSum", |a, _| {
        layout(Layout::CumSum { exclusive: a.flag("exclusive")?, reverse: a.flag("reverse")? })
    }),
    ("DepthToSpace", |a, _| {
        let columns_first = one_of(a, "mode", &["DCR", "CRD"])? == 1;
        layout(Layout::DepthToSpace { block: block(a)?, columns_first })
    }),
    ("Dropout", |a, _| {
        a.float("ratio")?;
        a.int("seed")?;
        layout(Layout::Dropout)
    }),
    ("Expand", |_, _| layout(Layout::Expand)),
    ("Gather", |a, _| layout(Layout::Gather { axis: a.int_or("axis", 0)? })),
    ("GatherElements", |a, _| layout(Layout::GatherElements { axis: a.int_or("axis", 0)? })),
    ("GatherND", |a, _| {
        let batch = usize::try_from(a.int_or("batch_dims", 0)?);
        let wrong = |_| Error::new(Kind::Malformed, "attribute batch_dims is negative");
        layout(Layout::GatherNd { batch: batch.map_err(wrong)? })
    }),
    ("NonZero", |_, _| layout(Layout::NonZero)),
    ("Pad", |a, _| {
        const MODES: [PadMode; 4] = [PadMode::Constant, PadMode::Reflect, PadMode::Edge, PadMode::Wrap];
        let mode = MODES[one_of(a, "mode", &["constant", "reflect", "edge", "wrap"])?];
        layout(Layout::Pad { mode, pads: a.ints("pads"), value: a.float("value")?.unwrap_or(0.0) })
    }),
    ("Range", |_, _| layout(Layout::Range)),
    // The name of ScatterElements before opset 11.
    ("Scatter", |a, _| scatter_elements(a)),
    ("ScatterElements", |a, _| scatter_elements(a)),
    ("ScatterND", |a, _| layout(Layout::ScatterNd { joining: joining(a)? })),
    ("Shape", |a, _| layout(Layout::Shape { start: a.int_or("start", 0)?, end: a.int("end")? })),
    ("Size", |_, _| layout(Layout::Size)),
    ("Slice", |a, opset| {
        let fixed =
            if opset < 10 { ["starts", "ends", "axes"].map(|name| a.ints(name)) } else { [None, None, None] };
        layout(Layout::Slice { fixed })
    }),
    ("SpaceToDepth", |a, _| layout(Layout::SpaceToDepth { block: block(a)? })),
    ("Split", |a, _| {
        // One piece per output there is.
        a.int("num_outputs")?;
        layout(Layout::Split { axis: a.int_or("axis", 0)?, sizes: a.ints("split") })
    }),
    ("Squeeze", |a, _| layout(Layout::Squeeze { axes: a.ints("axes") })),
    ("Tile", |_, _| layout(Layout::Tile)),
    ("Trilu", |a, _| layout(Layout::Trilu { upper: a.int_or("upper", 1)? != 0 })),
    ("Unsqueeze", |a, _| layout(Layout::Unsqueeze { axes: a.ints("axes") })),
    ("Where", |_, _| layout(Layout::Where)),
];

fn scatter_elements(a: &Attributes) -> Result<Operator> {
    layout(Layout::ScatterElements { axis: a.int_or("axis", 0)?, joining: joining(a)? })
}

fn joining(a: &Attributes) -> Result<Joining> {
    const ALL: [Joining; 5] = [Joining::Last, Joining::Add, Joining::Mul, Joining::Min, Joining::Max];
    Ok(ALL[one_of(a, "reduction", &["none", "add", "mul", "min", "max"])?])
}

fn layout(layout: Layout) -> Result<Operator> {
    Ok(Operator::Layout(layout))
}

/// The position of a word in the list of those allowed; the first when absent.
pub(super) fn one_of(a: &Attributes, name: &str, words: &[&str]) -> Result<usize> {
    let Some(found) = a.text(name)? else { return Ok(0) };
    words.iter().position(|word| *word == found).ok_or_else(|| {
        let message = format!("attribute {name} = {found:?} is not supported");
        Error::new(Kind::Unsupported, message).help(format!("supported: {}", words.join(", ")))
    })
}

fn block(a: &Attributes) -> Result<usize> {
    let block = usize::try_from(required(a, "blocksize")?).ok().filter(|b| (1..=4096).contains(b));
    block.ok_or_else(|| Error::new(Kind::Malformed, "attribute blocksize must be 1 to 4096"))
}
