//! Which MACs of a network an answer is about, and why the others are not among them.

use super::sweep::plural;
use super::{Cell, Figure, Section, Table};
use crate::network::{Coverage, Mac};

/// The MACs that are no integer layer of the answer; none when all are.
pub(super) fn macs(coverage: &Coverage, macs: &[Mac], behind: &str) -> Option<Section> {
    let mut table =
        Table::new("MACs that are no integer layers here", &[("node", ""), ("operator", ""), ("why", "")]);
    for mac in coverage.told(macs) {
        let why = mac.reason.clone().unwrap_or_default();
        table.row([Cell::from(mac.name.clone()), mac.kind.clone().into(), why.into()]);
    }
    let text = format!(
        "The network has {}. {} looked at here; {} fed by integers and not looked at; {} float32{}.",
        plural(coverage.macs as u64, "MAC"),
        are(coverage.covered),
        are(coverage.not_covered.len()),
        are(coverage.float),
        match coverage.uncovered.len() {
            0 => String::new(),
            inside => format!("; {} in bodies or unknown forms", are(inside)),
        }
    );
    (!table.is_empty()).then(|| Section {
        title: format!("What is looked at{behind}"),
        text: vec![text],
        figures: vec![Figure { table: Some(table), ..Figure::default() }],
    })
}

fn are(count: usize) -> String {
    format!("{count} {}", if count == 1 { "is" } else { "are" })
}
