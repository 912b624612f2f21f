//! What other systems call our roundings and overflow rules.

use serde::Serialize;

use super::presets::wrapped;
use super::{Explained, Topic, explained, find, page_of};
use crate::num::{ALIASES, Alias, Meaning, Overflow, Rounding, SYSTEMS, System};

/// A name of another system, and the page of ours if there is one.
#[derive(Serialize)]
pub(super) struct Named<'t> {
    name: &'static str,
    kind: &'static str,
    system: &'static str,
    summary: String,
    source: &'static str,
    topic: Option<Explained<'t>>,
}

pub(super) fn is_one(asked: &str) -> bool {
    Alias::named(asked).next().is_some()
}

/// Everything that goes by that name: systems do not agree on all of them.
pub(super) fn named<'t>(asked: &str, topics: &'t [Topic]) -> Vec<Named<'t>> {
    let one = |alias: &'static Alias| Named {
        name: alias.name,
        kind: "alias",
        system: alias.system.name,
        summary: alias.says(),
        source: alias.system.source,
        topic: alias.meaning.name().and_then(|name| find(topics, name).ok()).map(explained),
    };
    Alias::named(asked).map(one).collect()
}

pub(super) fn page(named: &Named<'_>) -> String {
    let text = format!("{}\n{}\n", wrapped(&named.summary), wrapped(&format!("source: {}", named.source)));
    match &named.topic {
        Some(topic) => format!("{text}\n{}", page_of(topic)),
        None => text,
    }
}

/// Of one of ours: what it is called, where that is defined, and what else goes by its name.
pub(super) fn of(ours: Meaning) -> String {
    let called: Vec<&Alias> = ALIASES.iter().filter(|alias| alias.meaning == ours).collect();
    let name = ours.name().expect("one of ours");
    let mut lines = Vec::new();
    if !called.is_empty() {
        let of = |system: &System| {
            let names = called.iter().filter(|alias| alias.system == system).map(|alias| alias.name);
            names.collect::<Vec<_>>().join(", ")
        };
        let systems: Vec<_> = SYSTEMS.iter().filter(|system| !of(system).is_empty()).collect();
        let names = systems.iter().map(|system| format!("{} ({})", of(system), system.name));
        lines.push(wrapped(&format!("also called {}", names.collect::<Vec<_>>().join("; "))));
        lines.extend(systems.iter().map(|system| wrapped(&format!("source: {}", system.source))));
    }
    let others = Alias::named(name).filter(|alias| alias.meaning != ours);
    lines.extend(others.map(|alias| wrapped(&format!("trap: {}", alias.says()))));
    lines.join("\n")
}

fn table() -> String {
    let row = |ours: &str, cells: [String; 5]| {
        let [ap, ac, matlab, apytypes, qonnx] = cells;
        let line = format!("{ours:<18} {ap:<14} {ac:<15} {matlab:<10} {apytypes:<21} {qonnx}");
        line.trim_end().to_owned()
    };
    let mut lines = vec![row("", SYSTEMS.map(|system| system.name.to_owned()))];
    let roundings = Rounding::ALL.into_iter().map(Meaning::Rounding);
    for ours in roundings.chain(Overflow::ALL.into_iter().map(Meaning::Overflow)) {
        let cell = |system: &System| {
            let names = ALIASES.iter().filter(|alias| alias.system == system && alias.meaning == ours);
            names.map(|alias| alias.name).collect::<Vec<_>>().join(" ")
        };
        lines.push(row(ours.name().expect("one of ours"), SYSTEMS.map(cell)));
    }
    lines.push(String::new());
    let others = ALIASES.iter().filter(|alias| alias.meaning.name().is_none());
    lines.extend(others.filter_map(|alias| match alias.meaning {
        Meaning::OtherRounding(does) | Meaning::OtherOverflow(does) => {
            Some(wrapped(&format!("{}: {does}", alias.name)))
        }
        _ => None,
    }));
    lines.join("\n")
}

pub fn topics() -> Vec<Topic> {
    vec![Topic {
        name: "aliases",
        kind: "alias",
        summary: "what ap_fixed, ac_fixed, MATLAB, apytypes and QONNX call roundings and overflow rules",
        text: "A design says ours; `goldpath explain AP_RND` says which that is. A name of several: explain qonnx:round.\n\
               AP_WRAP keeps no bits (its N is 0). Those behind the table have no equal here.",
        example: Box::new(table),
    }]
}
