//! One layer of a sweep: where its sums lie, how its outputs suffer, which channels need how much.

use super::chart::{Curves, HeatMap, Series};
use super::sweep::{behind, plural};
use super::{Cell, Figure, Section, Table, grouped};
use crate::explore::answer::{Layer, Variant};

/// The layer's section.
pub(super) fn layer_section(variant: &Variant, layer: &Layer) -> Section {
    let mut figures = vec![fidelity(layer)];
    figures.extend(channels(layer));
    let mut text = format!(
        "{} products per output, {} channels, {} outputs. Sums lie in {} to {} on these inputs",
        grouped(layer.k),
        grouped(layer.channels),
        grouped(layer.outputs),
        grouped(layer.observed[0]),
        grouped(layer.observed[1])
    );
    text.push_str(&match layer.proved {
        Some([low, high]) => format!(", and in {} to {} for every input.", grouped(low.0), grouped(high.0)),
        None => ".".to_owned(),
    });
    for level in layer.levels.iter().filter(|level| level.high + level.low > 0) {
        text.push_str(&format!(
            " At {} {} too high and {} too low where no accumulator overflows.",
            level.node,
            grouped(level.high),
            grouped(level.low)
        ));
    }
    if layer.changed_by_levels > 0 {
        let outputs = plural(layer.changed_by_levels, "output");
        text.push_str(&format!(
            " That makes {outputs} other than exact sums would, whatever the accumulator's width."
        ));
    }
    let dead = Some(layer.dead.text()).filter(|dead| !dead.is_empty());
    let dead = dead.map(|dead| format!("{dead}, {} observed.", layer.without_dead.observed));
    let computed = layer.computed.as_ref().map(|what| match layer.minimal_proved_width {
        Some(_) => format!("The network computes {what}: what is proved holds for every value of them."),
        None => format!("Nothing is proved: {what}."),
    });
    let text = std::iter::once(text).chain(dead).chain(computed).collect();
    Section { title: format!("Layer {}{}", layer.name, behind(variant)), text, figures }
}

fn fidelity(layer: &Layer) -> Figure {
    let mut columns = vec![("width", "bits")];
    let names: Vec<String> = layer.curves.iter().map(|c| format!("{} SQNR", c.mode)).collect();
    let changed: Vec<String> = layer.curves.iter().map(|c| format!("{} changed", c.mode)).collect();
    for (name, changed) in names.iter().zip(&changed) {
        columns.extend([(name.as_str(), "dB"), (changed.as_str(), "outputs")]);
    }
    let mut table = Table::new("Outputs against those of exact sums", &columns);
    let points = layer.curves.first().map_or(0, |c| c.points.len());
    let last = |c: &crate::explore::answer::Curve| {
        c.points.iter().rposition(|p| p.result.done().is_none_or(|f| f.sqnr_db.is_some()))
    };
    // One line with no difference at all says the rest.
    let shown = layer.curves.iter().filter_map(last).max().map_or(1, |at| at + 2).min(points);
    for at in 0..shown {
        let mut row = vec![Cell::from(layer.curves[0].points[at].width)];
        for curve in &layer.curves {
            match curve.points.get(at).and_then(|p| p.result.done()) {
                Some(f) => {
                    row.extend([Cell::Real(f.sqnr_db.unwrap_or(f64::INFINITY), 1), f.outputs_changed.into()]);
                }
                None => row.extend([Cell::Missing, Cell::Missing]),
            }
        }
        table.row(row);
    }
    let series = layer.curves.iter().map(|curve| {
        let value = |p: &crate::explore::answer::CurvePoint| {
            p.result.done().map_or(f64::NAN, |f| f.sqnr_db.unwrap_or(f64::INFINITY))
        };
        let points = curve.points.iter().take(shown).map(|p| (p.width, value(p))).collect();
        Series { name: curve.mode.clone(), points }
    });
    let curves = Curves {
        title: format!("SQNR of {} against accumulator width", layer.name),
        value_name: "SQNR, dB".to_string(),
        infinity: "equal".to_string(),
        level: None,
        series: series.collect(),
    };
    Figure {
        caption: "SQNR against accumulator width".to_string(),
        chart: Some(curves.draw()),
        table: Some(table),
        ..Figure::default()
    }
}

/// Channels down, widths across; none where nothing overflows at any width from 8 on.
fn channels(layer: &Layer) -> Option<Figure> {
    let overflowing = layer.overflowing.first()?;
    let columns = overflowing.outputs.iter().map(Vec::len).max().filter(|columns| *columns > 0)?;
    let counts = overflowing
        .outputs
        .iter()
        .flat_map(|channel| (0..columns).map(|at| channel.get(at).copied().unwrap_or(0)));
    let caption = format!("Outputs that overflow, by channel and width ({})", overflowing.mode);
    let map = HeatMap {
        title: format!("{}: {caption}", layer.name),
        unit: "overflow".to_string(),
        row_name: "channel".to_string(),
        column_name: "accumulator width, bits".to_string(),
        shape: (overflowing.outputs.len(), columns),
        first: (0, usize::try_from(overflowing.first_width).unwrap_or(0)),
        counts: counts.collect(),
    };
    let mut table = Table::new(
        "Least width without overflow",
        &[("channel", ""), ("observed", "bits"), ("proved", "bits"), ("bias", "bits")],
    );
    for (channel, widths) in layer.channel_widths.iter().enumerate().take(256) {
        table.row([Cell::from(channel), widths.observed.into(), widths.proved.into(), widths.start.into()]);
    }
    Some(Figure { caption, chart: Some(map.draw()), table: Some(table), ..Figure::default() })
}
