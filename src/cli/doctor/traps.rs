//! What the simulators really do, as measured on the versions named.

/// A dotted version, compared part by part: 5.006 is before 5.050 is before 6.0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u32>);

impl Version {
    /// The leading dotted numbers of `text`, if there are any.
    pub fn parse(text: &str) -> Option<Version> {
        let digits = text.split(|c: char| c != '.' && !c.is_ascii_digit()).next()?;
        let parts: Option<Vec<u32>> =
            digits.trim_end_matches('.').split('.').map(|p| p.parse().ok()).collect();
        parts.map(Version)
    }
}

/// One thing to know about a program.
pub struct Trap {
    pub program: &'static str,
    /// The first version without it, where that is known.
    pub fixed_in: Option<&'static str>,
    pub text: &'static str,
}

impl Trap {
    /// Whether a version may have it; an unknown version may.
    pub fn applies_to(&self, version: Option<&Version>) -> bool {
        match (version, self.fixed_in.and_then(Version::parse)) {
            (Some(version), Some(fixed_in)) => *version < fixed_in,
            _ => true,
        }
    }
}

const fn trap(program: &'static str, text: &'static str) -> Trap {
    Trap { program, fixed_in: None, text }
}

#[rustfmt::skip]
pub const TRAPS: [Trap; 17] = [
    trap("iverilog", "seen in 11.0: no SVA, bind, DPI, modports, break/continue, `inside`, streaming, signed'(), array slices"),
    trap("iverilog", "seen in 11.0: one `logic` array may not be driven from both assign and always_ff"),
    trap("vvp", "$error and $stop end with exit status 0, only $fatal with 1: a pass is the RESULT PASS line, never the status alone"),
    trap("vvp", "$readmemh of a missing file is a warning and exit status 0; so are short files and bad digits"),
    trap("vvp", "registers are x before reset: compare with !== from the first cycle after it"),
    trap("vvp", "unpacked arrays are not dumped to waves unless each element is named, then as \\acc[0]"),
    Trap {
        program: "verilator",
        fixed_in: Some("5.050"),
        text: "before 5.050: `<=` inside `initial` acts at once (verilator #5210); drive at the falling edge with `=`",
    },
    trap("verilator", "two-state: a check for X is always clean, and registers show 0 before reset"),
    trap("verilator", "$error, $fatal and $stop abort with status 134; +verilator+error+limit lets errors through with 0"),
    trap("verilator", "`final` blocks are skipped at $fatal: flush before it"),
    trap("verilator", "$readmemh of a missing file is exit status 0; too many digits are cut off silently, x and z are read as 0"),
    trap("verilator", "seen in 5.006: `<=` to an array inside a for loop is refused, `constraint` blocks are ignored, no ##1, no covergroup"),
    trap("verilator", "seen in 5.006: `v[i*8 +: 8] = x` in a timed process does not wake logic that reads v: assign v whole"),
    trap("verilator", "seen in 5.006: a $fseek whose result nobody reads is not called"),
    trap("verilator", "seen in 5.006: cocotb 2.1 wants 5.036 or newer"),
    trap("yosys", "seen in 0.23: no multi-dimensional packed ports or vectors, no `import`, no `return`"),
    trap("yosys", "a part-select is unsigned and >>> on unsigned is logical: cast explicitly"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_part_by_part() {
        let version = |text| Version::parse(text).unwrap();
        assert!(version("5.006") < version("5.050") && version("5.050") < version("6.0"));
        assert!(version("0.9") < version("0.23"));
        assert_eq!(Version::parse("0.23+44"), Some(Version(vec![0, 23])));
        assert_eq!(Version::parse("stable"), None);
    }
}
