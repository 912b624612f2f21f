//! A requantizer alone while nobody samples: many values at a time.
//!
//! Registers, latency: those of [`PostOnly`]. Licence: none is needed, each value goes through its own steps. Not modelled: rests.
//! Rules: R4 to R6 where what comes in is read by a narrower port; R7 and R8 through `post`.

use std::sync::Arc;

use super::Routes;
use super::behind::Behind;
use super::kernel::inside;
use super::table::Table;
use super::told::{Tell, Told};
use crate::datapath::accumulate::Accumulate;
use crate::datapath::post_only::PostOnly;
use crate::datapath::{Datapath, Inputs, Observer, Period, Port, Records, Watch};
use crate::design::{Design, Node};
use crate::num::{Fitted, Flags};

/// The block.
pub struct Values {
    read: Accumulate,
    /// What is read as it comes.
    rails: (i64, i64),
    behind: Behind,
    table: Table,
    /// Values so far.
    done: usize,
    /// Who is there once somebody samples, and whether somebody did.
    watched: PostOnly,
    is_watched: bool,
    routes: Routes,
}

impl Values {
    pub fn new(design: &Arc<Design>, records: &Records) -> Self {
        Values {
            read: Accumulate::new(design),
            rails: design.accumulator.register_fit().rails(),
            behind: Behind::new(design, records),
            table: Table::default(),
            done: 0,
            watched: PostOnly::new(design, records.clone()),
            is_watched: false,
            routes: Routes::default(),
        }
    }
}

/// Takes values that a narrower port reads, each as R4 and R5 say.
fn fit(read: &Accumulate, values: &[i64], table: &mut Table, told: &mut Told<'_>) {
    let fitted: Vec<Fitted> = values.iter().map(|value| read.onto(*value, 0)).collect();
    table.values.iter_mut().zip(&fitted).for_each(|(value, fitted)| *value = fitted.value);
    let side = |of: fn(&Flags) -> bool| fitted.iter().map(|f| of(&f.flags).into()).collect::<Vec<u32>>();
    let (high, low) = (side(|flags| flags.high), side(|flags| flags.low));
    let mut each = |column: usize, tell: &mut Tell<'_>| tell(Some(0), fitted[column].flags);
    told.row(Node::AccumulatorStart, 0, [&high, &low], &mut each);
}

impl Datapath for Values {
    fn signals(&self) -> Vec<Port> {
        self.watched.signals()
    }

    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        self.watched.visit(inputs, sample);
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        self.is_watched = true;
        self.watched.clock(inputs, watch);
    }

    fn takes_rests(&self) -> bool {
        false
    }

    fn takes_values(&self) -> bool {
        !self.is_watched
    }

    fn routes(&self) -> Routes {
        self.routes
    }

    fn run(&mut self, period: &Period, observer: &mut dyn Observer) {
        self.is_watched |= observer.unsampled_cycles() < period.cycles;
        if self.is_watched {
            return self.watched.run(period, observer);
        }
        let values = match period.values.as_slice() {
            [] => std::slice::from_ref(&period.value),
            values => values,
        };
        if period.feed.beats > 0 {
            self.table.reset(1, values.len());
            let mut told = Told { observer, first: self.done, across: values.len(), step: 1, own: [1, 1] };
            if inside(values, self.rails) {
                self.table.values.copy_from_slice(values);
            } else {
                fit(&self.read, values, &mut self.table, &mut told);
            }
            self.behind.finish((&self.read, false), &mut self.table, period, &mut told);
            self.done += values.len();
            self.routes.values += 1;
        }
        observer.edges(period.cycles);
    }
}
