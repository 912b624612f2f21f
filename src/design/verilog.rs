//! A design's numbers for Verilog: a header to include in a module's body.

use std::fmt::Write as _;

use super::Design;

impl Design {
    /// One `localparam` per mapped key of `[twin.parameters]`, in the order of the keys. The first line names the
    /// design and its hash.
    pub fn verilog_header(&self) -> String {
        let mut text = format!("// {}, design sha256 {}\n", self.name, self.hash);
        for (key, value) in &self.twin_values {
            let _ = writeln!(text, "localparam {} = {value}; // {key}", self.twin[key]);
        }
        text
    }
}
