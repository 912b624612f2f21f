//! How large is too large.

use super::Topic;
use crate::limits::{STATED, max_memory, size};

pub fn topics() -> Vec<Topic> {
    vec![Topic {
        name: "limits",
        kind: "limit",
        summary: "what goldpath refuses because it is too large, and the option that moves it",
        text: "Files and arguments are not believed: what they ask for is counted before it is allocated. What grows\n\
               with it (tensors of a network, operands, sums, traces) is charged to one account, which --max-memory\n\
               bounds. A design's own numbers (rows, lanes, widths, latencies) are bounded by its schema.",
        example: Box::new(listed),
    }]
}

fn listed() -> String {
    let rows = STATED.iter().map(|(name, value, what)| {
        let value = if *name == "memory" { max_memory() } else { *value };
        let value = if what.starts_with("bytes") { size(value) } else { value.to_string() };
        format!("{name:<10} {value:>10}  {what}")
    });
    rows.collect::<Vec<_>>().join("\n")
}
