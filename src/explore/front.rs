//! The points that no other beats.

use super::answer::{Cost, Front, FrontPoint, Outcome, Variant};

/// What fronts are made by.
const MEASURES: [&str; 3] = ["bits", "flip_flops", "luts"];

/// What a point costs in a front's measure; `None` where its twin was not synthesised.
pub fn cost_by(measure: &str, cost: &Cost) -> Option<u64> {
    match measure {
        "bits" => Some(cost.bits()),
        "flip_flops" => cost.synthesis.map(|s| s.flip_flops),
        "luts" => cost.synthesis.map(|s| s.luts),
        _ => None,
    }
}

/// One front by accumulator and adder bits; one by flip-flops and one by LUTs, where some point has them: no exchange
/// rate between the two holds for every device.
pub fn fronts(variants: &[Variant]) -> Vec<Front> {
    let all = MEASURES.map(|measure| front(measure, variants, &|cost| cost_by(measure, cost)));
    all.into_iter().filter(|front| !front.points.is_empty()).collect()
}

fn front(measure: &str, variants: &[Variant], cost: &dyn Fn(&Cost) -> Option<u64>) -> Front {
    let mut points = Vec::new();
    let mut labelled = false;
    for (variant, v) in variants.iter().enumerate() {
        for point in &v.points {
            let Outcome::Done(result) = &point.result else { continue };
            let Some(cost) = cost(&result.cost) else { continue };
            labelled |= result.correct.is_some();
            let accuracy = result.correct.unwrap_or(result.agree);
            points.push(FrontPoint { variant, width: point.width, mode: point.mode.clone(), cost, accuracy });
        }
    }
    let accuracy = if labelled { "correct" } else { "agree" };
    Front { cost: measure.to_owned(), accuracy: accuracy.to_owned(), points: unbeaten(points) }
}

/// Cheapest first; points that are equal in both stay side by side.
fn unbeaten(points: Vec<FrontPoint>) -> Vec<FrontPoint> {
    let beats = |a: &FrontPoint, b: &FrontPoint| {
        a.cost <= b.cost && a.accuracy >= b.accuracy && (a.cost < b.cost || a.accuracy > b.accuracy)
    };
    let mut front: Vec<FrontPoint> =
        points.iter().filter(|p| !points.iter().any(|other| beats(other, p))).cloned().collect();
    front.sort_by_key(|p| (p.cost, p.variant, p.width));
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dearer_and_worse_points_are_beaten_and_equals_stay() {
        let point = |width: u32, mode: &str, cost: u64, accuracy: u64| FrontPoint {
            variant: 0,
            width,
            mode: mode.to_owned(),
            cost,
            accuracy,
        };
        let all = vec![
            point(20, "wrap", 40, 9),
            point(12, "wrap", 24, 3),
            point(12, "saturate", 24, 5),
            point(16, "wrap", 32, 9),
            point(16, "saturate", 32, 9),
            point(14, "saturate", 28, 4),
        ];
        let found: Vec<(u32, String)> = unbeaten(all).into_iter().map(|p| (p.width, p.mode)).collect();
        let wanted = [(12, "saturate"), (16, "wrap"), (16, "saturate")];
        assert_eq!(found, wanted.map(|(w, m)| (w, m.to_owned())));
    }
}
