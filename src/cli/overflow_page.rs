//! `report.html` of `goldpath overflow`: the answer, with some of its witnesses drawn beat by beat.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::design::Design;
use crate::error::Result;
use crate::functional::walk;
use crate::overflow::{Findings, Witness};
use crate::report::chart::{Accumulation, Beat};
use crate::report::{Drawn, grouped, overflow_html};

/// Pictures per layer.
const MOST_DRAWN: usize = 3;

/// What is drawn first: the ends of the witnesses' ids.
const ORDER: [&str; 7] =
    ["/decisive", "/harmful", "/unevaluated", "/surviving", "/transient", "/first", "/largest"];

/// The page.
///
/// # Errors
/// A witness that its design cannot run, or a fault of the template.
pub fn html(findings: &Findings, design: &Arc<Design>) -> Result<String> {
    let mut drawn = Vec::new();
    for layer in &findings.report.layers {
        let mut outputs = BTreeSet::new();
        let of_layer = || findings.witnesses.witnesses.iter().filter(|w| w.layer == layer.layer);
        let wanted = ORDER.iter().flat_map(|end| of_layer().filter(move |w| w.id.ends_with(end)));
        let has_events = |w: &&Witness| {
            // A post step's event is nothing that a picture of the sum shows.
            let in_the_sum =
                |(node, high, low): &(String, u64, u64)| !node.starts_with("post.") && high + low > 0;
            w.expected.events.iter().any(in_the_sum)
        };
        let other = |w: &&Witness| outputs.insert((w.place.image, w.place.product, w.place.m, w.place.n));
        for witness in wanted.filter(has_events).filter(other).take(MOST_DRAWN) {
            drawn.push(draw(witness, design)?);
        }
    }
    overflow_html(&findings.report, &drawn)
}

fn draw(witness: &Witness, design: &Arc<Design>) -> Result<Drawn> {
    let program = witness.program(design)?;
    let walked = walk(&program, 0, 0);
    let place = &witness.place;
    // Of several accumulators, the one that the witness speaks of.
    let event = witness.event.as_ref().and_then(|event| event.place.accumulator);
    let lane = event.unwrap_or_default();
    let of_output = match design.partial_sums() {
        1 => "output".to_owned(),
        _ => format!("accumulator {lane} of output"),
    };
    let steps = walked.steps.iter().filter(|step| step.lane == lane);
    let beats: Vec<Beat> = steps
        .map(|step| Beat { exact: step.exact, entering: step.entering, value: i128::from(step.value) })
        .collect();
    let result = match (design.partial_sums(), beats.last()) {
        (2.., Some(last)) => last.value,
        _ => i128::from(walked.accumulator),
    };
    let (low, high) = design.accumulator.register_fit().rails();
    let accumulation = Accumulation {
        title: format!("Prefix sums of {of_output} [{}, {}] of {}", place.m, place.n, witness.layer),
        beat_name: if design.array.lanes == 1 { "k" } else { "beat" }.to_string(),
        bias: i128::from(walked.bias),
        start: i128::from(walked.start),
        beats,
        rails: (i128::from(low), i128::from(high)),
        result,
    };
    let class = witness.class.map_or(String::new(), |class| format!(", {}", class.name()));
    let caption = format!("Image {}, output [{}, {}]{class}", place.image, place.m, place.n);
    let expected = &witness.expected;
    let note = format!(
        "Witness {}: {}. The output is {}; without overflow it would be {}.",
        witness.id,
        witness.claim,
        grouped(expected.output),
        grouped(expected.corrected.0)
    );
    Ok(Drawn { layer: witness.layer.clone(), caption, note, accumulation })
}
