//! A design drawn in ASCII: one picture per dataflow. `[n]` is n registers.

use std::fmt::Write as _;

use super::convert::overflow_name;
use super::table::step_words;
use super::{Dataflow, Design, DrainOrder, Level, LoadKind, Mirror, Skew, SumRegister};

impl Design {
    /// The design's schematic, several lines.
    pub fn schematic(&self) -> String {
        let mut text = match self.array.dataflow {
            Dataflow::Sequential | Dataflow::Tree => {
                let mut text = self.one_accumulator();
                self.words(&mut text);
                text
            }
            Dataflow::PostOnly => format!("  value {} --> post\n", self.accumulator.format),
            Dataflow::OutputStationary | Dataflow::WeightStationary | Dataflow::InputStationary => {
                self.grid()
            }
        };
        let (a, end) = (&self.array, "PEs count against outputs:");
        let _ = match a.mirror {
            Mirror::None => Ok(()),
            Mirror::Columns => writeln!(text, "  {end} output 0 is in column {}", a.columns - 1),
            Mirror::Rows => writeln!(text, "  {end} output 0 is in row {}", a.rows - 1),
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
        let banks = match (self.array.banks, self.partial_sums()) {
            (1, 1) => String::new(),
            (1, lanes) => format!(", {lanes} of them"),
            (banks, _) => format!(", {banks} of them in turn"),
        };
        let looped = registers(self.array.loop_latency);
        let (register, rule) = (acc.register, acc.overflow.name());
        let _ = write!(middle, "-> (+) --> accumulator {register} {rule} {looped}{banks} --+-");
        let (adder, end) = (middle.find("(+)").unwrap_or(0) + 1, middle.rfind('+').unwrap_or(0));
        levels_chain(&self.after, &mut middle);
        middle.push_str("-> post");
        let below = at(&format!("  {w:-<width$}--+"), &[(adder, "^"), (end, "|")]);
        let back = format!("+{:-<1$}+  start: {2}", "", end - adder - 1, self.starts());
        format!("  {a:-<width$}--+\n{middle}\n{below}\n{}\n", at("", &[(adder, &back)]))
    }

    /// What a sum starts from.
    fn starts(&self) -> String {
        let at_once = if self.array.clears_at_once { ", cleared at once" } else { "" };
        format!("{}{at_once}", self.accumulator.start.name())
    }

    /// Multiplier and adder levels with their registers.
    fn product_chain(&self, line: &mut String) {
        match self.exponent {
            None => line.push_str(&format!("(x) {} -", self.product_format())),
            Some(_) => line.push_str("(exponent) -"),
        }
        for step in &self.product_steps {
            let format = step.format.map_or_else(String::new, |format| format!(" {format}"));
            let _ = write!(line, "> {}{format} -", step.op.name());
        }
        if self.exponent.is_some() {
            let _ = write!(line, "> sign {} -", self.term_format());
        }
        let _ = write!(line, "{}-", registers(self.product_latency));
        levels_chain(&self.reduce, line);
    }

    fn grid(&self) -> String {
        let a = &self.array;
        let lanes = if a.lanes == 1 { String::new() } else { format!(" x{}", a.lanes) };
        let (activation, weight) = (self.activation.format, self.weight.format);
        let sides = [("activation", activation), ("weight", weight)];
        let [(left, left_format), (above, above_format)] =
            if a.is_turned() { [sides[1], sides[0]] } else { sides };
        let head = format!("  {left} {left_format}{lanes} -");
        let columns = shown(a.columns);
        let hop = format!(" -{}-> ", registers(a.hop_right()));
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
                let above = self.comes_from_above(&format!("{above} {above_format}{lanes}"));
                let _ = writeln!(text, "{}", at("", &[(starts[0], &above)]));
                let _ = writeln!(text, "{}\n{line}", every(&starts, "v"));
                if a.rows > 1 {
                    let _ = writeln!(text, "{}", every(&starts, &registers(a.hop_down())));
                }
            } else {
                let _ = writeln!(text, "{line}");
            }
        }
        let _ = writeln!(text, "{}\n{}", every(&starts, "v"), at("", &[(starts[0], &self.leaves_below())]));
        self.element(&mut text, left, above);
        self.rows_skew(&mut text, left);
        self.words(&mut text);
        let each = match self.array.drain.map(|drain| drain.order) {
            Some(DrainOrder::Columns | DrainOrder::Diagonal) => "row",
            Some(DrainOrder::Parallel) => "PE",
            Some(DrainOrder::Rows) | None => "column",
        };
        let _ = writeln!(text, "  one post per {each}:");
        text
    }

    /// What enters the columns at the top.
    fn comes_from_above(&self, operand: &str) -> String {
        let a = &self.array;
        match a.load {
            None if a.hop_right() > 0 => format!("{operand}, {}", self.skewed()),
            None if a.hop_down() > 0 => format!("{operand}, not skewed"),
            None => format!("{operand}, broadcast"),
            Some(load) => {
                let start = if self.accumulator.bias.is_some() { "bias" } else { "0" };
                let how = match load.kind {
                    LoadKind::Row => "row by row, addressed",
                    LoadKind::Shift => "shifted down, last row first",
                    LoadKind::AtOnce => "all at once",
                };
                let buffers = match load.switch {
                    None => "one buffer".to_owned(),
                    Some(switch) => format!("two buffers, switched by {}", switch.name()),
                };
                format!("{start}; {operand} stays, loaded {how}, {buffers}")
            }
        }
    }

    fn skewed(&self) -> &'static str {
        match self.array.skew {
            Skew::Host => "skewed by the host",
            Skew::Internal => "skewed by triangular registers",
        }
    }

    /// What enters the rows waits for what comes down to them, where nothing said so above.
    fn rows_skew(&self, text: &mut String, left: &str) {
        let a = &self.array;
        if a.hop_down() > 0 && (a.load.is_some() || a.hop_right() == 0) {
            let (by, row) = (a.hop_down(), if a.hop_down() == 1 { "i" } else { "i * hop" });
            let _ = writeln!(text, "  {left}: {}, row i by {row} cycles (hop {by})", self.skewed());
        }
    }

    /// How sums leave at the bottom.
    fn leaves_below(&self) -> String {
        let a = &self.array;
        match (a.load, a.leaves_skewed()) {
            (None, _) => self.drained(),
            (Some(_), true) => "sums leave column after column".to_owned(),
            (Some(_), false) if a.hop_right() == 0 => "a vector's sums leave together".to_owned(),
            (Some(_), false) => "triangular registers: a vector's sums leave together".to_owned(),
        }
    }

    /// How sums that stay leave the grid.
    fn drained(&self) -> String {
        let Some(drain) = self.array.drain else { return "sums leave".to_owned() };
        let latency = registers(drain.latency);
        let rows = match (drain.order, drain.first) {
            (DrainOrder::Rows, false) => "rows move down, the last row leaves first",
            (DrainOrder::Rows, true) => "rows move up, the first row leaves first",
            (DrainOrder::Columns, false) => "columns move right, the last column leaves first",
            (DrainOrder::Columns, true) => "columns move left, the first column leaves first",
            (DrainOrder::Diagonal, _) => "every row shows the PE that has just finished",
            (DrainOrder::Parallel, _) => "every PE leaves by itself",
        };
        let capture = if drain.capture { "[1] taken over, then " } else { "" };
        format!("{latency} {capture}{rows}")
    }

    /// One PE.
    fn element(&self, text: &mut String, left: &str, above: &str) {
        let acc = &self.accumulator;
        let (format, rule, start) = (acc.register, acc.overflow.name(), self.starts());
        let operand = registers(self.operand_latency);
        if !self.array.sums_travel() {
            let mut pe = format!("  PE: {left}, {above} -{operand}-> ");
            self.product_chain(&mut pe);
            let _ = writeln!(text, "{pe}-> (+) --> accumulator {format} {rule} [1], start: {start}");
            return;
        }
        let mut pe = format!("  PE: {left} -{operand}-> ");
        self.product_chain(&mut pe);
        let hop = registers(self.array.hop_sum);
        let place = match self.array.sum_register {
            SumRegister::After => format!("sum below {format} {rule} {hop}"),
            SumRegister::Before => format!("sum below {format} {rule} {hop}, the last adder without"),
        };
        let _ = writeln!(text, "{pe}-> (+ sum from above) --> {place}");
    }

    /// The memory of partial sums, where there is one.
    fn words(&self, text: &mut String) {
        if let Some(memory) = self.memory {
            let rule = overflow_name(memory.overflow);
            let visit =
                self.visit_steps().map_or("K".to_owned(), |steps| (steps * self.array.lanes).to_string());
            let _ = writeln!(
                text,
                "  memory: sum of {visit} products + word -> word {} {rule}, {} words, read [{}] -> [1] behind an output's last",
                memory.format, memory.depth, memory.read_latency
            );
        }
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

/// Adder levels, one behind the other, with their registers.
fn levels_chain(levels: &[Level], line: &mut String) {
    for level in levels {
        let _ = write!(line, "> sum {} {} -{}-", level.group, level.format, registers(level.latency));
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
