//! `--cost yosys`: what `synth_xilinx` makes of a design's twin.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::cosim;
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::explore::answer::Synthesis;

/// The Verilog twin of a design.
pub struct Twin {
    /// Folder of design.toml.
    design: PathBuf,
    sources: Vec<PathBuf>,
}

impl Twin {
    /// The twin beside the design at `path`, and Yosys.
    ///
    /// # Errors
    /// The design has no twin, or Yosys is not installed.
    pub fn find(path: &Path) -> Result<Twin> {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new(".")) };
        let list = folder.join("rtl").join("files.f");
        let text = std::fs::read_to_string(&list).map_err(|e| {
            Error::io(&list, "read the twin's list of sources", e).help(
                "--cost yosys synthesises the design's Verilog twin; a design without one has --cost bits",
            )
        })?;
        let sources: Vec<PathBuf> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| folder.join(line))
            .collect();
        let unusual = |path: &&PathBuf| path.to_string_lossy().contains([' ', ';', '"', '\n']);
        if let Some(path) = sources.iter().find(unusual) {
            return Err(Error::new(
                Kind::Unsupported,
                "Yosys takes no path with spaces, quotes or semicolons",
            )
            .at(Place::File(path.clone())));
        }
        yosys(&["-V"])?;
        Ok(Twin { design: folder.to_path_buf(), sources })
    }

    /// Cells of the twin at `design`, whose overrides are `set`; or why there are none: an override reaches no Verilog
    /// parameter, so that the twin is another circuit.
    ///
    /// # Errors
    /// Yosys fails.
    pub fn cells(&self, design: &Design, set: &[(String, String)]) -> Result<Result<Synthesis, String>> {
        if let Err(refused) = cosim::refuse_unmapped(&self.design, design, set) {
            return Ok(Err(refused.message));
        }
        let top = &design.name;
        let files: Vec<String> = self.sources.iter().map(|file| file.display().to_string()).collect();
        let mut script = format!("read_verilog {}; ", files.join(" "));
        for (key, name) in &design.twin {
            if let Some(value) = design.twin_values.get(key) {
                script.push_str(&format!("chparam -set {name} {value} {top}; "));
            }
        }
        script.push_str(&format!("synth_xilinx -flatten -top {top}; stat -json"));
        let said = yosys(&["-Q", "-T", "-p", &script])?;
        count(&said).map(Ok).ok_or_else(|| {
            Error::new(Kind::Simulator, "Yosys said nothing about the cells of the twin").at(place())
        })
    }
}

fn place() -> Place {
    Place::Option("yosys".to_owned())
}

/// Standard output; anything but exit status 0 is an error.
fn yosys(arguments: &[&str]) -> Result<String> {
    let output = Command::new("yosys").args(arguments).stdin(Stdio::null()).output().map_err(|e| {
        let message = match e.kind() {
            ErrorKind::NotFound => "yosys is not installed".to_owned(),
            _ => format!("cannot start yosys: {e}"),
        };
        Error::new(Kind::Simulator, message).at(place()).help("install it, or use --cost bits")
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let line = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    Err(Error::new(Kind::Simulator, format!("Yosys failed: {line}")).at(place()))
}

/// Flip-flops and LUTs of the last statistics in a log: those of the whole design.
fn count(log: &str) -> Option<Synthesis> {
    let begin = log.rfind("\n{").map(|at| at + 1)?;
    let mut values = serde_json::Deserializer::from_str(&log[begin..]).into_iter::<serde_json::Value>();
    let statistics = values.next()?.ok()?;
    let cells = statistics.get("design")?.get("num_cells_by_type")?.as_object()?;
    let sum = |is: &dyn Fn(&str) -> bool| {
        cells.iter().filter(|(name, _)| is(name)).filter_map(|(_, count)| count.as_u64()).sum()
    };
    Some(Synthesis {
        flip_flops: sum(&|name| ["FDRE", "FDSE", "FDCE", "FDPE"].contains(&name)),
        luts: sum(&|name| name.strip_prefix("LUT").is_some_and(|n| n.parse::<u8>().is_ok())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_counted_by_kind() {
        let log = "1. Executing\n{ not this }\n2. Printing statistics.\n\n{\n \"creator\": \"x\", \"modules\": {},\n \
                   \"design\": { \"num_cells\": 30, \"num_cells_by_type\": { \"FDRE\": 7, \"FDSE\": 1, \"LUT2\": 3, \
                   \"LUT6\": 4, \"CARRY4\": 5, \"LUTRAM\": 9 } }\n}\n\nend\n";
        assert_eq!(count(log), Some(Synthesis { flip_flops: 8, luts: 7 }));
        assert_eq!(count("nothing"), None);
    }
}
