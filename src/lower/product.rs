//! A plain matrix product on a design.

use std::sync::Arc;

use ndarray::ArrayView2;

use super::parameters::{Numbers, bind_numbers};
use super::{Convolution, Gather, Program, Shape};
use crate::design::{Design, Operand};
use crate::error::{Error, Kind, Place, Result};
use crate::limits::{bytes, check_room, element_count};
use crate::num::Format;
use crate::post::{self, Per, bind};

impl Program {
    /// `Y[M,N] = A[M,K] · W[K,N]` through `design`; every code is used as it is.
    ///
    /// `numbers` holds the bias, too, under its name.
    ///
    /// # Errors
    /// Shapes that do not meet, an empty product, a code outside its operand's format, a parameter the design has
    /// no place for.
    pub fn matrix(
        design: Arc<Design>,
        activations: ArrayView2<'_, i64>,
        weights: ArrayView2<'_, i64>,
        numbers: &Numbers,
    ) -> Result<Program> {
        let ([m, k], [rows, n]) = (activations.dim().into(), weights.dim().into());
        if k != rows {
            let message = format!("has {rows} rows, but the activations have {k} columns");
            return Err(Error::new(Kind::Value, message).at(Place::Signal("weight".to_string())));
        }
        let shape = Shape { images: 1, groups: 1, m, k, n };
        check_extents(shape).map_err(|e| {
            let operand = if m == 0 || k == 0 { "activation" } else { "weight" };
            e.at(Place::Signal(operand.to_string()))
        })?;
        let program = Program {
            activations: codes("activation", activations, design.activation.format)?,
            weights: codes("weight", weights, design.weight.format)?,
            gather: Gather::Matrix,
            parameters: bind_numbers(&design, numbers, n)?,
            design,
            shape,
        };
        program.check_work()?;
        Ok(program)
    }

    /// The same of several images and groups, of codes in scheduled order, as a bundle lists them: activations
    /// `[images][groups][m][k]`, weights `[groups][k][n]`. `parameters` has one entry per design parameter.
    ///
    /// # Errors
    /// An empty product, lists of another length, a code outside its operand's format, a parameter outside its limits.
    pub fn listed(
        design: Arc<Design>,
        shape: Shape,
        activations: &[i32],
        weights: Vec<i32>,
        parameters: &[Vec<i64>],
    ) -> Result<Program> {
        check_extents(shape)?;
        let Shape { images, groups, m, k, n } = shape;
        let counted = [
            ("activation", activations, element_count(&[images, groups, m, k])?, design.activation.format),
            ("weight", &weights, element_count(&[groups, k, n])?, design.weight.format),
        ];
        for (node, codes, count, format) in counted {
            if codes.len() != count {
                let message = format!("has {} codes, but the shape has {count}", codes.len());
                return Err(Error::new(Kind::Value, message).at(Place::Signal(node.to_string())));
            }
            if let Some(at) = codes.iter().position(|code| !format.contains(i128::from(*code))) {
                return Err(outside(node, &at.to_string(), i64::from(codes[at]), format));
            }
        }
        let named = design.parameters.iter().map(|parameter| parameter.name.clone());
        let numbers: Numbers = named.zip(parameters.iter().cloned()).collect();
        let (gather, activations) = match (images, groups) {
            (1, 1) => (Gather::Matrix, activations.to_vec()),
            _ => (side_by_side(shape), transposed(activations, m, k)),
        };
        let parameters = bind_numbers(&design, &numbers, shape.channels())?;
        let program = Program { design, shape, activations, weights, gather, parameters };
        program.check_work()?;
        Ok(program)
    }

    /// Refuses outputs of more products than there is room for, and a ragged program whose idle lanes have no code that means 0.
    pub(super) fn check_work(&self) -> Result<()> {
        self.check_values()?;
        check_depth(&self.design, self.shape.k as u64)?;
        self.check_visits()?;
        let map = self.map();
        let (array, shape) = (&self.design.array, self.shape);
        // With a memory, the last visit may be short.
        let steps = if map.visits > 1 { Some(map.steps) } else { map.column_steps() };
        let lanes = !shape.k.is_multiple_of(steps.unwrap_or(1) * array.lanes);
        let (records, tile) = (self.records(), map.tile);
        if lanes || !shape.m.is_multiple_of(tile[0]) {
            check_idle("activation", &self.design.activation, &records)?;
        }
        if lanes || !shape.n.is_multiple_of(tile[1]) {
            check_idle("weight", &self.design.weight, &records)?;
        }
        self.check_activation_offset()
    }

    /// Refuses products of a requantizer alone: it has outputs, each with its own value, and nothing else.
    fn check_values(&self) -> Result<()> {
        let Shape { images, m, k, .. } = self.shape;
        let is_plain =
            [images, m, k] == [1; 3] && self.activations.iter().chain(&self.weights).all(|c| *c == 0);
        if is_plain || !self.design.is_post_only() {
            return Ok(());
        }
        let message =
            format!("M = {m}, K = {k}: a requantizer alone has N values, M = K = 1, and multiplies 0 by 0");
        Err(Error::new(Kind::Value, message)
            .at(Place::Signal("array".to_string()))
            .help("bring what comes in as parameter value, and activations and weights of 0"))
    }

    /// Refuses a word of the memory that would be visited again before it can be read.
    fn check_visits(&self) -> Result<()> {
        let (Some(memory), time) = (self.design.memory, self.design.time_with(&self.parameters)) else {
            return Ok(());
        };
        let fed = time.clears + self.tile_beats();
        let between = time.period([time.clears, fed], fed);
        let needed = memory.write_latency as usize;
        if self.map().visits == 1 || between >= needed {
            return Ok(());
        }
        let message =
            format!("hazard: a word is visited again after {between} cycles, and may be after {needed}");
        Err(Error::new(Kind::Value, message)
            .at(Place::Signal("memory.write_latency".to_string()))
            .help("choose a larger order.tile_k"))
    }

    /// The activation of a row meets every column, so its offset cannot differ between channels.
    fn check_activation_offset(&self) -> Result<()> {
        match self.design.activation.offset {
            Some(post::Operand::Parameter(index)) if self.design.parameters[index].per == Per::Channel => {
                Err(Error::new(Kind::Design, "the activation's offset cannot be per channel")
                    .at(Place::Signal("operands.activation.offset".to_string())))
            }
            _ => Ok(()),
        }
    }
}

/// One product an image and group: a convolution of one tap, whose positions are the rows and whose channels are k.
fn side_by_side(shape: Shape) -> Gather {
    Gather::Convolution(Box::new(Convolution {
        cin: shape.k,
        height: shape.m,
        width: 1,
        kernel: [1; 2],
        stride: [1; 2],
        dilation: [1; 2],
        pad: [0; 2],
        output: [shape.m, 1],
        padding_code: 0,
        taps: (0..shape.k).map(|k| [0, 0, k]).collect(),
    }))
}

/// `[…][m][k]` as `[…][k][m]`.
fn transposed(codes: &[i32], m: usize, k: usize) -> Vec<i32> {
    let turned = |one: &[i32]| (0..m * k).map(|at| one[at % m * k + at / m]).collect::<Vec<_>>();
    codes.chunks_exact(m * k).flat_map(turned).collect()
}

/// Bytes per operand code on the way into a program: as a file's integers, and as codes.
const PER_CODE: u64 = 12;

/// Bytes per output: a sum, a value and a count, and each again as a file.
const PER_OUTPUT: u64 = 48;

/// Refuses outputs of more products than the hardware can add.
///
/// # Errors
/// A column that is too short, without a memory; more than the host counts to.
pub fn check_depth(design: &Design, k: u64) -> Result<()> {
    let (rows, lanes) = (design.array.rows, design.array.lanes);
    let column = design.array.column_products().filter(|_| design.memory.is_none());
    if let Some(most) = column.filter(|most| (*most as u64) < k) {
        let message = format!("K is {k}, but a column of {rows} x {lanes} operands that stay sums {most}");
        return Err(Error::new(Kind::Value, message)
            .at(Place::Signal("array.rows".to_string()))
            .help("give the array more rows or lanes, or a [memory] in which parts of a sum meet"));
    }
    match design.order.max_k.filter(|most| (*most as u64) < k) {
        None => Ok(()),
        Some(most) => Err(Error::new(Kind::Value, format!("K is {k}, but the design counts to {most}"))
            .at(Place::Signal("order.max_k".to_string()))
            .help("cut the layer, or let order.max_k be larger where the hardware counts further")),
    }
}

/// Refuses a product of nothing, and one that would not fit in memory, before anything of it is made.
///
/// # Errors
/// An extent of 0; more elements than a tensor may have; no room.
pub fn check_extents(shape: Shape) -> Result<()> {
    let extents = [("images", shape.images), ("M", shape.m), ("K", shape.k), ("N", shape.n)];
    if let Some((name, _)) = extents.into_iter().find(|(_, extent)| *extent == 0) {
        return Err(Error::new(Kind::Value, format!("{name} = 0: there is nothing to compute")));
    }
    let Shape { images, groups, m, k, n } = shape;
    element_count(&[groups, k, n])?;
    element_count(&[images, m, groups, n])?;
    let outputs = bytes(&[images, m, groups, n], PER_OUTPUT);
    let codes = bytes(&[groups, k, n], PER_CODE);
    check_room(outputs.saturating_add(codes), || format!("a product of M = {m}, K = {k}, N = {n}"))
}

fn check_idle(node: &str, operand: &Operand, records: &[Vec<i64>]) -> Result<()> {
    let offsets: Vec<i64> = match operand.offset {
        None => return Ok(()),
        Some(post::Operand::Parameter(index)) => records[index].clone(),
        Some(constant) => vec![bind(constant, records, 0)],
    };
    match offsets.into_iter().find(|o| !operand.format.contains(-i128::from(*o))) {
        None => Ok(()),
        Some(offset) => Err(Error::new(
            Kind::Value,
            format!("idle lanes need the code {}, which is not in {}", -i128::from(offset), operand.format),
        )
        .at(Place::Signal(node.to_string()))
        .help("choose extents that fill the array, or an offset whose negative is a code")),
    }
}

/// Row-major codes, each inside `format`.
fn codes(node: &str, values: ArrayView2<'_, i64>, format: Format) -> Result<Vec<i32>> {
    let bad = values.indexed_iter().find(|(_, v)| !format.contains(i128::from(**v)));
    if let Some(((row, column), value)) = bad {
        return Err(outside(node, &format!("[{row}, {column}]"), *value, format));
    }
    // Operands have at most 16 bits.
    Ok(values.iter().map(|v| *v as i32).collect())
}

/// A code that its operand's format does not hold.
fn outside(node: &str, element: &str, value: i64, format: Format) -> Error {
    let (min, max) = (format.min(), format.max());
    Error::new(Kind::Value, format!("element {element} is {value}, outside {format} ({min}..{max})"))
        .at(Place::Signal(node.to_string()))
}
