//! The pieces of a sweep: what they are called, and what they hold.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::explore::MODES;
use crate::explore::answer::{Layers, Outcome, Plan, PointResult};
use crate::limits::{MAX_PIECES, MAX_VARIANTS};

/// A piece of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Index of the combination of varied keys.
    pub variant: usize,
    /// Index of the point: width · modes + mode; `None` for the variant's layers.
    pub point: Option<usize>,
}

/// What a piece's file holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    Layers(Outcome<Layers>),
    Point(Outcome<PointResult>),
}

impl Content {
    /// A piece of a variant that has no exact network.
    pub fn refused(piece: Piece, words: &str) -> Content {
        match piece.point {
            None => Content::Layers(Outcome::NotBuildable(words.to_owned())),
            Some(_) => Content::Point(Outcome::NotBuildable(words.to_owned())),
        }
    }
}

/// Refuses what no sweep is: more pieces than are built (counted before any is), a width or mode that names no file.
///
/// # Errors
/// As said.
pub fn check(plan: &Plan) -> Result<()> {
    let variants = plan.axes.iter().try_fold(1usize, |n, axis| n.checked_mul(axis.values.len()));
    let points = plan.widths.len().checked_mul(plan.modes.len()).and_then(|n| n.checked_add(1));
    let pieces = variants.zip(points).and_then(|(variants, points)| variants.checked_mul(points));
    if variants.is_none_or(|n| n > MAX_VARIANTS) || pieces.is_none_or(|n| n > MAX_PIECES) {
        let values: Vec<String> = plan.axes.iter().map(|axis| axis.values.len().to_string()).collect();
        let message = format!(
            "{} combinations of varied keys, {} widths and {} overflow rules",
            if values.is_empty() { "1".to_owned() } else { values.join(" x ") },
            plan.widths.len(),
            plan.modes.len()
        );
        let help = format!("a sweep may have {MAX_VARIANTS} combinations and {MAX_PIECES} points and layers");
        return Err(Error::new(Kind::Usage, message).help(help));
    }
    if let Some(axis) = plan.axes.iter().find(|axis| axis.values.is_empty()) {
        return Err(Error::new(Kind::Malformed, format!("{:?} is varied over no values", axis.key)));
    }
    let unknown = plan.modes.iter().find(|mode| !MODES.contains(&mode.as_str()));
    if let Some(unknown) = unknown {
        return Err(Error::new(Kind::Malformed, format!("{unknown:?} is no overflow rule")));
    }
    match plan.widths.iter().find(|width| !(1..=64).contains(*width)) {
        Some(width) => Err(Error::new(Kind::Malformed, format!("an accumulator has no {width} bits"))),
        None => Ok(()),
    }
}

/// How many combinations of varied keys there are.
pub fn variants(plan: &Plan) -> usize {
    plan.axes.iter().map(|axis| axis.values.len()).product()
}

/// Every piece, in the order of the report.
pub fn all(plan: &Plan) -> Vec<Piece> {
    let points = plan.widths.len() * plan.modes.len();
    let of_variant = |variant| {
        let points = (0..points).map(Some);
        std::iter::once(None).chain(points).map(move |point| Piece { variant, point })
    };
    (0..variants(plan)).flat_map(of_variant).collect()
}

/// Width and mode of a point.
pub fn candidate(plan: &Plan, piece: Piece) -> Option<(u32, &str)> {
    let point = piece.point?;
    let width = plan.widths.get(point / plan.modes.len().max(1))?;
    Some((*width, plan.modes.get(point % plan.modes.len().max(1))?))
}

/// Name of the piece's file.
pub fn file(plan: &Plan, piece: Piece) -> String {
    match candidate(plan, piece) {
        None => format!("v{:04}_layers.json", piece.variant),
        Some((width, mode)) => format!("v{:04}_{width:02}_{mode}.json", piece.variant),
    }
}
