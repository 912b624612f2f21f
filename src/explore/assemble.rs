//! The pieces of a sweep, put together: nothing here depends on who computed which of them, and when.

use super::answer::{Outcome, Plan, Sweep, Variant, Work};
use super::front::fronts;

/// The whole answer.
pub fn assemble(plan: Plan, variants: Vec<Variant>) -> Sweep {
    let fronts = fronts(&variants);
    let work = variants.iter().map(work).fold(Work::default(), |a, b| Work {
        points: a.points + b.points,
        networks_run: a.networks_run + b.networks_run,
        networks_run_above_minimum: a.networks_run_above_minimum + b.networks_run_above_minimum,
        layers: a.layers + b.layers,
        layers_run: a.layers_run + b.layers_run,
        outputs_replayed: a.outputs_replayed + b.outputs_replayed,
    });
    Sweep { plan, variants, fronts, work }
}

fn work(variant: &Variant) -> Work {
    let minimum = variant.layers.done().map(|layers| layers.minimal_observed_width);
    let mut work = Work::default();
    for point in &variant.points {
        let Outcome::Done(result) = &point.result else { continue };
        let above = minimum.is_some_and(|minimum| point.width >= minimum);
        work.points += 1;
        work.networks_run += u64::from(result.network_run);
        work.networks_run_above_minimum += u64::from(result.network_run && above);
        work.layers += result.layers.len() as u64;
        work.layers_run += result.layers_run;
        work.outputs_replayed += result.outputs_replayed;
    }
    work
}
