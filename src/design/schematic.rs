//! A design drawn in ASCII: one picture per dataflow. `[n]` is n registers.

use std::fmt::Write as _;

use super::table::step_words;
use super::{Dataflow, Design, Skew};

impl Design {
    /// The design's schematic, several lines.
    pub fn schematic(&self) -> String {
        let mut text = match self.array.dataflow {
            Dataflow::Sequential | Dataflow::Tree => self.one_accumulator(),
            Dataflow::OutputStationary => self.grid(),
        };
        self.post_chain(&mut text);
        text
    }

    /// Operands, multiplier, adder tree if any, accumulator.
    fn one_accumulator(&self) -> String {
        let lanes = self.array.lanes;
        let side = |name: &str, operand: &super::Operand| {
            let wires = if lanes == 1 { String::new() } else { format!(" x{lanes}") };
            let offset = operand.offset.map_or(String::new(), |_| format!(" + offset {}", operand.sum));
            format!("{name} {}{wires} -{}-{offset}", operand.format, registers(self.operand_latency))
        };
        let (a, w) = (side("activation", &self.activation), side("weight", &self.weight));
        let width = a.len().max(w.len()) + 1;
        let acc = &self.accumulator;
        let mut middle = format!("  {:width$}  +--", "");
        self.product_chain(&mut middle);
        let _ =
            write!(middle, "-> (+) --> accumulator {} {} [1] --+--> post", acc.register, acc.overflow.name());
        let (adder, end) = (middle.find("(+)").unwrap_or(0) + 1, middle.rfind('+').unwrap_or(0));
        let below = at(&format!("  {w:-<width$}--+"), &[(adder, "^"), (end, "|")]);
        let back = format!("+{:-<1$}+  start: {2}", "", end - adder - 1, acc.start.name());
        format!("  {a:-<width$}--+\n{middle}\n{below}\n{}\n", at("", &[(adder, &back)]))
    }

    /// Multiplier and adder levels with their registers.
    fn product_chain(&self, line: &mut String) {
        let product = self.product_format();
        let _ = write!(line, "(x) {product} -{}-", registers(self.product_latency));
        for level in &self.reduce {
            let _ = write!(line, "> sum {} {} -{}-", level.group, level.format, registers(level.latency));
        }
    }

    fn grid(&self) -> String {
        let a = &self.array;
        let skew = match (a.hop_activation + a.hop_weight, a.skew) {
            (0, _) => "broadcast",
            (_, Skew::Host) => "skewed by the host",
            (_, Skew::Internal) => "skewed by triangular registers",
        };
        let lanes = if a.lanes == 1 { String::new() } else { format!(" x{}", a.lanes) };
        let head = format!("  activation {}{lanes} -", self.activation.format);
        let columns = shown(a.columns);
        let hop = format!(" -{}-> ", registers(a.hop_activation));
        let mut text = String::new();
        let mut starts = Vec::new();
        for row in shown(a.rows) {
            let Some(row) = row else {
                let _ = writeln!(text, "{}", every(&starts, ":"));
                continue;
            };
            let mut line = if row == 0 { head.clone() + "> " } else { at("", &[(head.len() - 1, "-> ")]) };
            starts.clear();
            for (index, column) in columns.iter().enumerate() {
                line.push_str(if index == 0 { "" } else { &hop });
                starts.extend(column.map(|_| line.len() + 2));
                line.push_str(&column.map_or("..".into(), |c| cell(row, c, a)));
            }
            if row == 0 {
                let weight = format!("weight {}{lanes}, {skew}", self.weight.format);
                let _ = writeln!(text, "{}", at("", &[(starts[0], &weight)]));
                let _ = writeln!(text, "{}\n{line}", every(&starts, "v"));
                if a.rows > 1 {
                    let _ = writeln!(text, "{}", every(&starts, &registers(a.hop_weight)));
                }
            } else {
                let _ = writeln!(text, "{line}");
            }
        }
        let drain = format!("{} rows move down, the last row leaves first", registers(a.drain_latency));
        let _ = writeln!(text, "{}\n{}", every(&starts, "v"), at("", &[(starts[0], &drain)]));
        let mut pe = format!("  PE: activation, weight -{}-> ", registers(self.operand_latency));
        self.product_chain(&mut pe);
        let acc = &self.accumulator;
        let (format, rule, start) = (acc.register, acc.overflow.name(), acc.start.name());
        let _ = writeln!(text, "{pe}-> (+) --> accumulator {format} {rule} [1], start: {start}");
        let _ = writeln!(text, "  one post per column:");
        text
    }

    fn post_chain(&self, text: &mut String) {
        let mut line = "  post:".to_string();
        for step in &self.post {
            let (words, rounding) = step_words(step, &self.parameters);
            let rounding = rounding.map_or(String::new(), |r| format!(" {r}"));
            let format = step.format.map_or(" fused".into(), |f| format!(" {f}"));
            let piece = format!(" {words}{rounding}{format} {} ->", registers(step.latency));
            if line.len() + piece.len() > 100 {
                let _ = writeln!(text, "{line}");
                line = "       ".to_string();
            }
            line.push_str(&piece);
        }
        let arrow = if self.post.is_empty() { " ->" } else { "" };
        let _ = writeln!(text, "{line}{arrow} out {}", self.output());
    }
}

fn registers(count: u32) -> String {
    format!("[{count}]")
}

/// The line with each text written at its column, spaces between.
fn at(line: &str, texts: &[(usize, &str)]) -> String {
    let mut line = line.to_string();
    for (column, text) in texts {
        while line.len() < *column {
            line.push(' ');
        }
        line.push_str(text);
    }
    line
}

/// The same mark under every column; wider marks begin one to the left.
fn every(columns: &[usize], mark: &str) -> String {
    let shift = usize::from(mark.len() > 1);
    let marks: Vec<(usize, &str)> = columns.iter().map(|c| (c - shift, mark)).collect();
    at("", &marks)
}

/// First, second, dots, last.
fn shown(count: usize) -> Vec<Option<usize>> {
    match count {
        0..=3 => (0..count).map(Some).collect(),
        _ => vec![Some(0), Some(1), None, Some(count - 1)],
    }
}

/// One PE, as wide as the one with the largest numbers.
fn cell(row: usize, column: usize, array: &super::Array) -> String {
    let width = format!("PE {},{}", array.rows - 1, array.columns - 1).len();
    format!("{:<width$}", format!("PE {row},{column}"))
}
