//! One edit of the circuit, as `mutate -list` writes it, and in words.

use std::path::PathBuf;

use super::netlist::Netlist;

/// What the edit does to one bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "mode")]
pub enum Change {
    /// It is inverted.
    Inverted,
    /// It is this value whatever happens.
    Stuck {
        /// The value.
        at: u8,
    },
    /// It is inverted where another bit of the same port has this value.
    InvertedWhere {
        /// The other bit.
        bit: usize,
        /// Its value.
        is: u8,
    },
}

impl Change {
    fn words(self) -> String {
        match self {
            Change::Inverted => "inverted".to_string(),
            Change::Stuck { at } => format!("stuck at {at}"),
            Change::InvertedWhere { bit, is } => format!("inverted where bit {bit} is {is}"),
        }
    }
}

/// A place in the user's source.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceLine {
    /// As the user named it.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
}

/// One bit of one port of one cell, changed.
#[derive(Debug, Clone)]
pub struct Mutation {
    /// What is done to the bit.
    pub change: Change,
    /// The module that the cell is in, as Yosys calls it.
    pub module: String,
    /// The cell.
    pub cell: String,
    /// The cell's port.
    pub port: String,
    /// The port's bit.
    pub bit: usize,
    /// The wire that carries it, and its bit, where it has a name of the user's.
    pub wire: Option<(String, usize)>,
    /// Everything behind `mutate`, without what is only for reading.
    pub command: String,
}

impl Mutation {
    /// A line of the list. `None` for one with names that a script of Yosys would misread.
    pub fn parse(line: &str) -> Option<Mutation> {
        let mut words = line.strip_prefix("mutate ")?.split_whitespace();
        let (mut mode, mut wire, mut wire_bit) = (None, None, None);
        let (mut module, mut cell, mut port, mut bit, mut control) = (None, None, None, None, None);
        while let (Some(option), Some(value)) = (words.next(), words.next()) {
            let number = || value.parse::<usize>().ok();
            match option {
                "-mode" => mode = Some(value),
                "-module" => module = Some(value),
                "-cell" => cell = Some(value),
                "-port" => port = Some(value),
                "-portbit" => bit = number(),
                "-ctrlbit" => control = number(),
                "-wire" => wire = Some(value.to_string()),
                "-wirebit" => wire_bit = number(),
                _ => {}
            }
        }
        let (mode, module, cell, port, bit) = (mode?, module?, cell?, port?, bit?);
        let misread = |name: &str| name.contains([';', '"', '#', '!']);
        if [module, cell, port].iter().any(|name| misread(name)) {
            return None;
        }
        let change = match (mode, control) {
            ("inv", _) => Change::Inverted,
            ("const0", _) => Change::Stuck { at: 0 },
            ("const1", _) => Change::Stuck { at: 1 },
            ("cnot0", Some(bit)) => Change::InvertedWhere { bit, is: 0 },
            ("cnot1", Some(bit)) => Change::InvertedWhere { bit, is: 1 },
            _ => return None,
        };
        let control = control.map_or(String::new(), |bit| format!(" -ctrlbit {bit}"));
        let command =
            format!("-mode {mode} -module {module} -cell {cell} -port {port} -portbit {bit}{control}");
        let [module, cell, port] = [module, cell, port].map(str::to_string);
        Some(Mutation { change, module, cell, port, bit, wire: wire.zip(wire_bit), command })
    }

    /// `input value[6] of round (a rounding_shift), acc[6]: stuck at 1`
    pub fn words(&self, netlist: &Netlist) -> String {
        let way = if netlist.is_output(self) { "output" } else { "input" };
        let kind = netlist.kind_of(self);
        let of = match kind.strip_prefix('$').filter(|k| !k.starts_with("paramod")) {
            Some(operator) => operator_words(operator),
            None => format!("{} (module {})", self.cell, plain_module(&kind)),
        };
        let wire = self.wire.as_ref().map_or(String::new(), |(name, bit)| format!(", wire {name}[{bit}]"));
        format!("{way} {}[{}] of {of}{wire}: {}", self.port, self.bit, self.change.words())
    }

    /// Where the cell stands in the source: the narrowest of its places.
    pub fn place(&self, netlist: &Netlist, named: &dyn Fn(&str) -> PathBuf) -> Option<SourceLine> {
        let places = netlist.source_of(self)?;
        let narrowest =
            places.split('|').filter_map(span).min_by_key(|(_, lines, columns, _)| (*lines, *columns));
        narrowest.map(|(file, _, _, line)| SourceLine { file: named(file), line })
    }
}

/// `file:16.13-16.16`: the file, how many lines and columns it spans, and its first line.
fn span(place: &str) -> Option<(&str, usize, usize, usize)> {
    let (file, range) = place.rsplit_once(':')?;
    let (from, to) = range.split_once('-').unwrap_or((range, range));
    let position = |text: &str| {
        let (line, column) = text.split_once('.').unwrap_or((text, "0"));
        Some((line.parse::<usize>().ok()?, column.parse::<usize>().ok()?))
    };
    let ((first, left), (last, right)) = (position(from)?, position(to)?);
    Some((file, last.saturating_sub(first), right.saturating_sub(left), first))
}

/// `$paramod$1f2e\name` and `$paramod\name\A=1` are `name`.
pub fn plain_module(name: &str) -> &str {
    match name.strip_prefix("$paramod") {
        Some(rest) => rest.split('\\').nth(1).unwrap_or(name),
        None => name,
    }
}

fn operator_words(operator: &str) -> String {
    let words = match operator {
        "add" => "an addition",
        "sub" => "a subtraction",
        "mul" => "a multiplication",
        "neg" => "a negation",
        "mux" | "pmux" => "a choice",
        "dff" | "adff" | "sdff" | "dffe" | "aldff" => "a register",
        "shl" | "sshl" => "a left shift",
        "shr" | "sshr" | "shift" | "shiftx" => "a right shift",
        "eq" | "ne" | "eqx" | "nex" | "lt" | "le" | "gt" | "ge" => "a comparison",
        _ => return format!("a cell ${operator}"),
    };
    format!("{words} (${operator})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_list_is_read() {
        let line = "mutate -mode cnot0 -module $paramod$4f\\clamp -cell $gt$gp_s4.v:15$19 -port A -portbit 5 -ctrlbit 12 \
            -wire upper -wirebit 5 -src gp_s4.v:16.22-16.27";
        let mutation = Mutation::parse(line).unwrap();
        assert_eq!(mutation.change, Change::InvertedWhere { bit: 12, is: 0 });
        assert_eq!(mutation.wire, Some(("upper".to_string(), 5)));
        assert!(mutation.command.ends_with("-port A -portbit 5 -ctrlbit 12"), "{}", mutation.command);
        assert!(Mutation::parse("mutate -mode inv -module m -cell a;exec -port A -portbit 5").is_none());
        let valued = "mutate -mode inv -module $paramod\\m\\W=s32'00000000000000000000000000000001 -cell c -port A -portbit 0";
        assert!(Mutation::parse(valued).is_some());
        assert_eq!(plain_module("$paramod$4f\\clamp"), "clamp");
        assert_eq!(plain_module("$paramod\\clamp\\W=1"), "clamp");
        assert_eq!(span("a:b.v:16.13-17.16"), Some(("a:b.v", 1, 3, 16)));
    }
}
