//! Reductions, extremes and normalisations.

use super::super::attributes::Attributes;
use super::{Entry, required};
use crate::error::{Error, Kind, Result};
use crate::network::{Arg, Normalization, Operator, Reduce, Reduction};

pub(super) const ENTRIES: &[Entry] = &[
    ("ArgMax", |a, _| arg(a, true)),
    ("ArgMin", |a, _| arg(a, false)),
    ("GroupNormalization", |a, opset| {
        if opset < 21 {
            let message = "GroupNormalization before opset 21 has a scale per group, and is deprecated";
            return Err(Error::new(Kind::Unsupported, message).help("convert the model to opset 21 or later"));
        }
        a.int("stash_type")?;
        let groups = usize::try_from(required(a, "num_groups")?).unwrap_or(0);
        Ok(Operator::Normalize(Normalization::Group { groups, epsilon: epsilon(a)? }))
    }),
    ("InstanceNormalization", |a, _| {
        Ok(Operator::Normalize(Normalization::Instance { epsilon: epsilon(a)? }))
    }),
    ("LayerNormalization", |a, _| {
        a.only("stash_type", 1)?;
        let axis = a.int_or("axis", -1)?;
        Ok(Operator::Normalize(Normalization::Layer { axis, epsilon: epsilon(a)? }))
    }),
    ("LogSoftmax", |a, opset| {
        let flatten = opset < 13;
        let axis = a.int_or("axis", if flatten { 1 } else { -1 })?;
        Ok(Operator::Normalize(Normalization::LogSoftmax { axis, flatten }))
    }),
    ("ReduceL1", |a, _| reduce(a, Reduction::L1)),
    ("ReduceL2", |a, _| reduce(a, Reduction::L2)),
    ("ReduceMax", |a, _| reduce(a, Reduction::Max)),
    ("ReduceMean", |a, _| reduce(a, Reduction::Mean)),
    ("ReduceMin", |a, _| reduce(a, Reduction::Min)),
    ("ReduceProd", |a, _| reduce(a, Reduction::Prod)),
    ("ReduceSum", |a, _| reduce(a, Reduction::Sum)),
    ("ReduceSumSquare", |a, _| reduce(a, Reduction::SumSquare)),
    ("TopK", |a, opset| {
        let k = if opset < 10 { Some(required(a, "k")?) } else { None };
        // Sorted or not, the same elements; goldpath always sorts.
        a.int("sorted")?;
        Ok(Operator::TopK { axis: a.int_or("axis", -1)?, largest: a.int_or("largest", 1)? != 0, k })
    }),
];

fn reduce(a: &Attributes, kind: Reduction) -> Result<Operator> {
    Ok(Operator::Reduce(reduction(a, kind)?))
}

pub(super) fn reduction(a: &Attributes, kind: Reduction) -> Result<Reduce> {
    let (keep, noop) = (a.int_or("keepdims", 1)? != 0, a.flag("noop_with_empty_axes")?);
    Ok(Reduce { kind, axes: a.ints("axes"), keep, noop })
}

fn arg(a: &Attributes, largest: bool) -> Result<Operator> {
    let keep = a.int_or("keepdims", 1)? != 0;
    Ok(Operator::Arg(Arg { largest, axis: a.int_or("axis", 0)?, keep, last: a.flag("select_last_index")? }))
}

fn epsilon(a: &Attributes) -> Result<f32> {
    Ok(a.float("epsilon")?.unwrap_or(1e-5))
}
