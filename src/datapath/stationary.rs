//! Operands that stay in their PEs, and how they come there.
//!
//! ```text
//!  one buffer     port ─►[pe.w]─► ×                     row: the addressed row loads; instant: all do
//!  two buffers    port ─►[pe.w.next]─►[pe.w]─► ×        shift: row 0 loads, every other row takes the one above it
//! ```
//!
//! Registers: `pe.w` (`pe.a` where activations stay) `[rows, columns, lanes]` and, with two buffers, `pe.w.next`; both hold.
//! A wave switches each PE with its first vector (`in.first`), whose product is of the new operand already; globally, all PEs
//! switch at the edge of `in.switch`. A load goes to the buffer that is not used.

use super::control::Control;
use super::{Inputs, Port, register};
use crate::design::{Array, Design, Load, LoadKind, Switch};

/// The block.
pub struct Stationary {
    load: Load,
    /// Operands of a row of PEs.
    width: usize,
    lanes: usize,
    used: Vec<i32>,
    next: Vec<i32>,
}

impl Stationary {
    pub fn new(array: &Array, load: Load) -> Self {
        let width = array.columns * array.lanes;
        let all = vec![0; array.rows * width];
        let next = if load.switch.is_some() { all.clone() } else { Vec::new() };
        Stationary { load, width, lanes: array.lanes, used: all, next }
    }

    pub fn signals(&self, design: &Design) -> Vec<Port> {
        let array = &design.array;
        let (name, node, format) = match array.is_turned() {
            false => ("pe.w", "weight", design.weight.format),
            true => ("pe.a", "activation", design.activation.format),
        };
        let shape = array.with_lanes(array.pe_shape());
        let mut ports = vec![register(name.to_string(), node, shape.clone(), format)];
        if self.load.switch.is_some() {
            ports.push(register(format!("{name}.next"), node, shape, format));
        }
        ports
    }

    pub fn visit(&self, sample: &mut Vec<i64>) {
        sample.extend(self.used.iter().chain(&self.next).map(|code| i64::from(*code)));
    }

    /// What the multipliers see, of PEs whose vector has these control bits.
    pub fn seen(&self, controls: &[Control]) -> Vec<i32> {
        let mut seen = self.used.clone();
        if self.load.switch == Some(Switch::Wave) {
            let pes = controls
                .iter()
                .zip(seen.chunks_exact_mut(self.lanes).zip(self.next.chunks_exact(self.lanes)));
            for (_, (seen, next)) in pes.filter(|(control, _)| control.valid && control.first) {
                seen.copy_from_slice(next);
            }
        }
        seen
    }

    /// The edge.
    pub fn clock(&mut self, inputs: &Inputs, port: &[i32], controls: &[Control]) {
        match self.load.switch {
            Some(Switch::Wave) => self.used = self.seen(controls),
            Some(Switch::Global) if inputs.switch => self.used.copy_from_slice(&self.next),
            Some(Switch::Global) | None => {}
        }
        if !inputs.load {
            return;
        }
        let width = self.width;
        let free = if self.load.switch.is_some() { &mut self.next } else { &mut self.used };
        match self.load.kind {
            LoadKind::AtOnce => free.copy_from_slice(port),
            LoadKind::Row => free[inputs.load_row * width..][..width].copy_from_slice(port),
            LoadKind::Shift => {
                free.rotate_right(width);
                free[..width].copy_from_slice(port);
            }
        }
    }
}
