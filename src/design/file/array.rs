//! The shape of `[array]`.

use schemars::JsonSchema;

use super::{At, Step};
use crate::design::array::{LoadKind, Mirror, SumRegister, Switch};

#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::design) struct Array {
    pub dataflow: At<Dataflow>,
    pub rows: Option<At<i64>>,
    pub columns: Option<At<i64>>,
    /// Products per PE and beat.
    pub lanes: Option<At<i64>>,
    pub hop: Option<At<Hop>>,
    pub skew: Option<At<Skew>>,
    pub drain: Option<At<Drain>>,
    /// Whether PEs are numbered against the way in which their outputs are.
    pub mirror: Option<At<Mirror>>,
    /// Of sums that travel: behind the adder unless said otherwise.
    pub sum_register: Option<At<SumRegister>>,
    /// How operands that stay come to their PEs; needed where they do.
    pub load: Option<At<Load>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::design) enum Dataflow {
    Sequential,
    Tree,
    OutputStationary,
    WeightStationary,
    InputStationary,
    /// Written by nobody: a file without `operands` and `array` gets it.
    #[schemars(skip)]
    PostOnly,
}

/// Registers per PE step of what travels; 0 = broadcast.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::design) struct Hop {
    pub activation: Option<At<i64>>,
    pub weight: Option<At<i64>>,
    /// Of sums that travel: 1 unless said otherwise.
    pub sum: Option<At<i64>>,
}

#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::design) struct Load {
    pub kind: At<LoadKind>,
    /// 1, or 2: loads hide behind the vectors before.
    pub buffers: Option<At<i64>>,
    /// Needed with two buffers.
    pub switch: Option<At<Switch>>,
    /// Whether registers of sums are 0 while a row is loaded.
    pub clears_sums: Option<At<bool>>,
}

/// Who delays lane n of a skewed array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::design) enum Skew {
    Host,
    Internal,
}

#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::design) struct Drain {
    /// By row, unless said otherwise.
    pub order: Option<At<DrainOrder>>,
    /// Which row, or column, leaves first: the last one, unless said otherwise.
    pub exit: Option<At<DrainExit>>,
    /// Whether sums are taken over into registers of their own, so that the next tile may follow at once.
    pub capture: Option<At<bool>>,
    /// Registers between the PEs and the requantizers.
    pub latency: Option<At<i64>>,
    /// What a sum goes through on the way: the first steps of `post`, or with a memory of `memory.store`.
    #[serde(default)]
    pub steps: Vec<At<Step>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::design) enum DrainOrder {
    Rows,
    Columns,
    Diagonal,
    Parallel,
    /// Along every row's chain of registers beside its PEs: "columns" with capture = true, the first column first.
    Shift,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::design) enum DrainExit {
    LastRow,
    FirstRow,
    LastColumn,
    FirstColumn,
}
