//! The section of a sweep's page that says which points no other beats, and what they cost.

use super::chart::{Candidate, Scatter};
use super::sweep::series_name;
use super::{Cell, Figure, Section, Table};
use crate::explore;
use crate::explore::answer::{Front, FrontPoint, Point, Sweep, Variant};

/// One front: the points of the whole sweep by cost and accuracy.
pub(super) fn section(sweep: &Sweep, front: &Front) -> Section {
    let plan = &sweep.plan;
    let bits = front.cost == "bits";
    let cells = if front.cost == "luts" { "LUTs" } else { "flip-flops" };
    let merit_name = if front.accuracy == "correct" { "images right" } else { "images answered alike" };
    let cost_name = if bits { "accumulator and adder bits, all PEs" } else { cells };
    let mut candidates = Vec::new();
    let mut table = Table::new(
        "Not beaten in both cost and accuracy",
        &[
            ("no.", ""),
            ("width", "bits"),
            ("rule", ""),
            (if bits { "cost" } else { cells }, if bits { "bits" } else { "" }),
            (merit_name, ""),
        ],
    );
    for (at, point) in front.points.iter().enumerate() {
        let Some(variant) = sweep.variants.get(point.variant) else { continue };
        candidates.push(Candidate {
            name: candidate_name(variant, point.width, &point.mode),
            cost: point.cost as f64,
            merit: point.accuracy as f64,
            on_front: true,
        });
        let rule = series_name(variant, &point.mode);
        table.row([
            Cell::from(at + 1),
            point.width.into(),
            rule.into(),
            point.cost.into(),
            point.accuracy.into(),
        ]);
    }
    candidates.extend(beaten(sweep, front));
    let title = format!("{} against {cost_name}", merit_name.replacen("images", "Images", 1));
    let text = match (&plan.labels, front.accuracy.as_str()) {
        (None, _) => "There are no labels: an image counts when it is answered as without overflow.",
        _ => "Up and to the left is better.",
    };
    let scatter = Scatter {
        title: title.clone(),
        cost_name: cost_name.to_string(),
        merit_name: merit_name.to_string(),
        candidates,
    };
    Section {
        title: if bits { "What it costs".to_string() } else { format!("What it costs in an FPGA: {cells}") },
        text: std::iter::once(text.to_string())
            .chain((!bits).then(|| without_cells(sweep)).flatten())
            .collect(),
        figures: vec![Figure {
            caption: title,
            chart: Some(scatter.draw()),
            table: Some(table),
            ..Figure::default()
        }],
    }
}

/// The points whose twin was not synthesised, and why.
fn without_cells(sweep: &Sweep) -> Option<String> {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    let points = sweep.variants.iter().flat_map(|variant| &variant.points);
    for why in points.filter_map(|point| point.result.done()?.not_synthesised.as_deref()) {
        match reasons.iter_mut().find(|(other, _)| *other == why) {
            Some((_, count)) => *count += 1,
            None => reasons.push((why, 1)),
        }
    }
    let told: Vec<String> = reasons.iter().map(|(why, count)| format!("{count} with {why}")).collect();
    (!told.is_empty())
        .then(|| format!("Points without cells, whose twin would be another circuit: {}.", told.join("; ")))
}

fn candidate_name(variant: &Variant, width: u32, mode: &str) -> String {
    format!("{width} bits, {}", series_name(variant, mode))
}

/// Every point that is not on the front and has a cost in its measure.
fn beaten(sweep: &Sweep, front: &Front) -> Vec<Candidate> {
    let cost = |p: &Point| {
        let cost = p.result.done()?.cost;
        explore::cost_by(&front.cost, &cost)
    };
    let mut candidates = Vec::new();
    for (index, variant) in sweep.variants.iter().enumerate() {
        for point in &variant.points {
            let (Some(cost), Some(result)) = (cost(point), point.result.done()) else { continue };
            let same = |f: &&FrontPoint| f.variant == index && f.width == point.width && f.mode == point.mode;
            let merit = if front.accuracy == "correct" { result.correct } else { Some(result.agree) };
            if let (None, Some(merit)) = (front.points.iter().find(same), merit) {
                let name = candidate_name(variant, point.width, &point.mode);
                candidates.push(Candidate { name, cost: cost as f64, merit: merit as f64, on_front: false });
            }
        }
    }
    candidates
}
