//! What can be said of a user's sources before any compiler sees them: VHDL, and ports that no vector meets.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::vectors::testbench::Wiring;

/// So much of a source is looked at.
const MOST_BYTES: u64 = 8 << 20;

/// Refuses sources that are not Verilog, and a top module with unpacked array ports among those that are wired.
///
/// # Errors
/// As said, or a source cannot be read.
pub fn check(rtl: &[std::path::PathBuf], wiring: &Wiring) -> Result<()> {
    for path in rtl {
        let file = std::fs::File::open(path).map_err(|e| Error::io(path, "read this source", e))?;
        if file.metadata().is_ok_and(|facts| facts.is_dir()) {
            return Err(Error::new(Kind::Io, "is a folder, not a Verilog source")
                .in_file(path)
                .help("name the files in it; folders with files to include are given by --incdir"));
        }
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(file, MOST_BYTES), &mut bytes)
            .map_err(|e| Error::io(path, "read this source", e))?;
        let text = String::from_utf8_lossy(&bytes);
        if is_vhdl(path, &text) {
            return Err(Error::new(Kind::Unsupported, "is VHDL, which goldpath does not read yet")
                .in_file(path)
                .help("give Verilog or SystemVerilog; `ghdl synth --out=verilog` writes VHDL as such"));
        }
        let Some(port) =
            unpacked_port(&text, &wiring.module, &|name| wiring.ports.iter().any(|p| p.theirs == name))
        else {
            continue;
        };
        let message = format!(
            "port {} of module {} is an unpacked array ({}): the testbench drives and compares plain words",
            port.name, wiring.module, port.declared
        );
        return Err(Error::new(Kind::Unsupported, message).in_file(path).help(port.help(&wiring.module)));
    }
    Ok(())
}

/// By its ending, unless what is in it is Verilog; or by its design units.
fn is_vhdl(path: &Path, text: &str) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let text =
        text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
    if words.iter().any(|word| word.starts_with("endmodule")) {
        return false;
    }
    let unit = words.windows(3).any(|w| ["entity", "package"].contains(&w[0].as_str()) && w[2] == "is");
    ["vhd", "vhdl"].contains(&ending.as_str()) || unit
}

/// A port that is an array of words.
struct Unpacked {
    name: String,
    declared: String,
    output: bool,
}

impl Unpacked {
    fn help(&self, module: &str) -> String {
        let (name, way) = (&self.name, if self.output { "output" } else { "input" });
        let join = if self.output {
            format!("assign {name} = {{array[1], array[0]}};")
        } else {
            format!("assign array[0] = {name}[7:0], array[1] = {name}[15:8];")
        };
        format!(
            "declare it as one packed word, element 0 in the lowest bits, or write a wrapper around {module} with `{way} wire \
             [15:0] {name}` and `{join}` (two elements of 8 bits here), add it to --rtl and name it by --top"
        )
    }
}

/// The first unpacked array among the ports that `module` declares and `is_wired` knows.
fn unpacked_port(text: &str, module: &str, is_wired: &dyn Fn(&str) -> bool) -> Option<Unpacked> {
    let text = without_comments(text);
    let words = ["module", "macromodule"];
    let begins = words.iter().flat_map(|word| text.match_indices(word)).find_map(|(at, word)| {
        let rest = text[at + word.len()..].trim_start();
        let rest =
            rest.strip_prefix("automatic").or(rest.strip_prefix("static")).unwrap_or(rest).trim_start();
        let rest = rest.strip_prefix(module)?;
        rest.starts_with(|c: char| c.is_whitespace() || "#(;".contains(c)).then_some(rest)
    })?;
    let body = &begins[..begins.find("endmodule").unwrap_or(begins.len())];
    let mut output = None;
    for (piece, end) in pieces(body) {
        if let Some(direction) = direction(piece) {
            output = Some(direction == "output");
        }
        if let (Some(output), Some((name, declared))) = (output, unpacked(piece))
            && is_wired(name)
        {
            return Some(Unpacked { name: name.to_owned(), declared: declared.to_owned(), output });
        }
        // Behind a declaration's end, names are of another kind.
        if end == ';' || end == ')' {
            output = None;
        }
    }
    None
}

/// Verilog without comments, strings and attributes emptied.
fn without_comments(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(['/', '"']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = if rest.starts_with("//") {
            rest.find('\n')
        } else if rest.starts_with("/*") {
            rest.find("*/").map(|end| end + 2)
        } else if let Some(string) = rest.strip_prefix('"') {
            string.find(['"', '\n']).map(|end| end + 2)
        } else {
            out.push('/');
            Some(1)
        };
        out.push(' ');
        rest = end.and_then(|end| rest.get(end..)).unwrap_or_default();
    }
    out + rest
}

/// What commas, semicolons and parentheses outside brackets part, with the character behind each.
fn pieces(body: &str) -> impl Iterator<Item = (&str, char)> {
    let (mut depth, mut begun, mut all) = (0usize, 0, Vec::new());
    for (at, c) in body.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            ',' | ';' | '(' | ')' if depth == 0 => {
                all.push((body[begun..at].trim(), c));
                begun = at + 1;
            }
            _ => {}
        }
    }
    all.into_iter()
}

fn direction(piece: &str) -> Option<&str> {
    let first = piece.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
    ["input", "output", "inout"].contains(&first).then_some(first)
}

/// Name and declaration of a piece that ends with a name and a range behind it.
fn unpacked(piece: &str) -> Option<(&str, &str)> {
    let piece = piece.split('=').next()?.trim_end();
    let mut before = piece;
    while let Some(rest) = before.strip_suffix(']') {
        before = rest[..rest.rfind('[')?].trim_end();
    }
    if before.len() == piece.len() {
        return None;
    }
    let begun =
        before.rfind(|c: char| !c.is_ascii_alphanumeric() && !"_$".contains(c)).map_or(0, |at| at + 1);
    let name = &before[begun..];
    let keywords =
        ["input", "output", "inout", "wire", "reg", "logic", "bit", "signed", "unsigned", "var", "tri"];
    (!name.is_empty() && !keywords.contains(&name)).then_some((name, piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        unpacked_port(text, "dut", &|_| true).map(|port| port.name)
    }

    #[test]
    fn unpacked_ports_are_found_and_packed_ones_are_not() {
        let is = |text: &str, name: &str| assert_eq!(found(text).as_deref(), Some(name), "{text}");
        is("module dut(input clk, input wire [7:0] x [0:1], output reg [7:0] od);", "x");
        is("module dut #(parameter N = 2) (input clk, output logic signed [7:0] od [N]);", "od");
        is("module dut(clk, x); input clk; input [7:0] a, x [0:3]; endmodule", "x");
        is("module other(input a [2]); endmodule\nmodule dut (input wire b [0:1][0:2]);", "b");
        for text in [
            "module dut(input clk, input wire [7:0][1:0] x, output [N-1:0] y);",
            "module dut #(parameter [7:0] P = 1, Q = M[3]) (input [7:0] x); reg [7:0] memory [0:3]; endmodule",
            "module dut(input x /* [0:1] */, output y); // input z [0:1]\n wire w [0:2]; endmodule",
            "module dutch(input x [0:1]); endmodule",
            "module dut(x); input [3:0] x; reg [7:0] m [0:3], n [0:1]; always @(posedge x) n[0] = f(m[1], 2); endmodule",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn vhdl_is_told_from_verilog() {
        let is = |name: &str, text: &str| is_vhdl(Path::new(name), text);
        assert!(is("x.vhd", "") && is("X.VHDL", "library ieee;"));
        assert!(is("x.v", "-- text\nLIBRARY ieee;\nENTITY mac IS port (a : in bit); END mac;"));
        assert!(!is("x.vhd", "module a; endmodule") && !is("x.v", "module entity_is; endmodule"));
    }
}
