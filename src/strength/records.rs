//! The numbers of a layer as a neighbour's hardware reads them.

use crate::neighbours::{Fault, Hardware};
use crate::num::{Overflow, fit};
use crate::post;

/// The records as hardware reads them.
pub(super) fn records_read(records: &[Vec<i64>], hardware: &Hardware) -> Vec<Vec<i64>> {
    let mut all: Vec<Vec<i64>> = records.to_vec();
    for fault in &hardware.faults {
        match fault {
            Fault::Added(index, by) => {
                all[*index].iter_mut().for_each(|value| *value = value.wrapping_add(*by))
            }
            Fault::OtherChannel(index, by) => {
                let values = &mut all[*index];
                let count = i64::try_from(values.len()).unwrap_or(i64::MAX);
                let by = usize::try_from(by.rem_euclid(count)).unwrap_or_default();
                values.rotate_left(by);
            }
            Fault::Stuck { parameter, bit, at } => {
                let only = 1_i64.wrapping_shl(*bit);
                all[*parameter]
                    .iter_mut()
                    .for_each(|value| *value = (*value & !only) | if *at { only } else { 0 });
            }
            _ => {}
        }
    }
    for (values, parameter) in all.iter_mut().zip(&hardware.design.parameters) {
        if parameter.per == post::Per::Layer {
            values.truncate(1);
        }
        for value in values.iter_mut() {
            *value = fit(i128::from(*value), parameter.format, Overflow::Wrap).value;
        }
    }
    all
}
