//! A design's numbers for Verilog: a header to include in a module's body.

use std::fmt::Write as _;

use super::Design;

impl Design {
    /// One `localparam` per mapped key of `[twin.parameters]`, in the order of the keys; then the width of each
    /// parameter port, `PARAM_<NAME>_WIDTH`, in the design's order. The first line names design and hash.
    pub fn verilog_header(&self) -> String {
        let mut text = format!("// {}, design sha256 {}\n", self.name, self.hash);
        for (key, value) in &self.twin_values {
            let _ = writeln!(text, "localparam {} = {value}; // {key}", self.twin[key]);
        }
        for parameter in &self.parameters {
            let (name, format) = (&parameter.name, parameter.format);
            let upper = name.to_uppercase();
            let _ =
                writeln!(text, "localparam PARAM_{upper}_WIDTH = {}; // {name}, {format}", format.width());
        }
        text
    }
}
