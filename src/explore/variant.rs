//! The designs of a sweep: one per width and overflow rule, and the widest for the exact network.

use std::sync::Arc;

use super::answer::Outcome;
use super::counts::{FIRST_WIDTH, LAST_WIDTH};
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::num::Overflow;
use crate::post::Step;

/// Overflow rules that can be swept, as `accumulator.overflow` spells them. `saturate_output` is none of them: the
/// register that overflows there does not have the width that is swept.
pub const MODES: [&str; 3] = ["wrap", "saturate", "saturate_symmetric"];

/// One width and overflow rule.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Of the accumulator.
    pub width: u32,
    /// One of [`MODES`].
    pub mode: &'static str,
    /// The design there, or its own words why not.
    pub design: Outcome<Arc<Design>>,
}

impl Candidate {
    /// What the mode does to a value outside.
    pub fn rule(&self) -> Overflow {
        rule(self.mode)
    }
}

pub(super) fn rule(mode: &str) -> Overflow {
    match mode {
        "wrap" => Overflow::Wrap,
        "saturate" => Overflow::Saturate,
        _ => Overflow::SaturateSymmetric,
    }
}

/// Every design of one variant.
#[derive(Debug, Clone)]
pub struct Candidates {
    /// The widest accumulator that the design builds: its post steps finish the exact sums.
    pub reference: Arc<Design>,
    /// The modes, in the order asked.
    pub modes: Vec<&'static str>,
    /// Widths ascending, modes in the order asked: every width from 8 to 48, and those asked for.
    pub all: Vec<Candidate>,
}

impl Candidates {
    /// Builds the designs. `build` gets overrides as behind `--set` and applies them last; overrides of its own are
    /// its matter.
    ///
    /// # Errors
    /// No width at all can be built: the design's own error at the width it came with, or at 64 bits.
    pub fn new(
        modes: &[&'static str],
        widths: &[u32],
        build: &dyn Fn(&[String]) -> Result<Design>,
    ) -> Result<Candidates> {
        let reference = Arc::new(reference(modes, build)?);
        let mut all_widths: Vec<u32> = (FIRST_WIDTH..=LAST_WIDTH).chain(widths.iter().copied()).collect();
        all_widths.sort_unstable();
        all_widths.dedup();
        let mut all = Vec::with_capacity(all_widths.len() * modes.len());
        for width in all_widths {
            for mode in modes {
                all.push(Candidate { width, mode, design: candidate(width, mode, &reference, build) });
            }
        }
        Ok(Candidates { reference, modes: modes.to_vec(), all })
    }

    /// The candidate at `width` and `mode`.
    ///
    /// # Errors
    /// Neither was asked for.
    pub fn at(&self, width: u32, mode: &str) -> Result<&Candidate> {
        let found = self.all.iter().find(|c| c.width == width && c.mode == mode);
        found.ok_or_else(|| Error::new(Kind::Usage, format!("{width} bits with {mode} were not asked for")))
    }

    /// The rule that needs most bits: minimal widths are those of all modes.
    pub(super) fn strictest(&self) -> Overflow {
        let symmetric = self.modes.contains(&"saturate_symmetric");
        if symmetric { Overflow::SaturateSymmetric } else { Overflow::Saturate }
    }
}

/// The widest design: no accumulator that it builds holds more.
fn reference(modes: &[&'static str], build: &dyn Fn(&[String]) -> Result<Design>) -> Result<Design> {
    for width in (1..=64).rev() {
        for mode in modes {
            if let Ok(design) = build(&overrides(width, mode)) {
                return Ok(design);
            }
        }
    }
    build(&[])?;
    let mode = modes.first().copied().unwrap_or("wrap");
    let refused = build(&overrides(32, mode)).err();
    Err(refused.unwrap_or_else(|| Error::new(Kind::Usage, "no mode to sweep")))
}

fn overrides(width: u32, mode: &str) -> Vec<String> {
    vec![format!("accumulator.width={width}"), format!("accumulator.overflow={mode}")]
}

fn candidate(
    width: u32,
    mode: &str,
    reference: &Design,
    build: &dyn Fn(&[String]) -> Result<Design>,
) -> Outcome<Arc<Design>> {
    match build(&overrides(width, mode)) {
        Err(error) => Outcome::NotBuildable(words(&error)),
        Ok(design) if !same_front(&design, reference) => {
            Outcome::NotBuildable("another width changes what is in front of the accumulator".to_owned())
        }
        Ok(design) => Outcome::Done(Arc::new(design)),
    }
}

/// One pass serves all widths only where they multiply and reduce alike.
fn same_front(a: &Design, b: &Design) -> bool {
    let multiplied = |d: &Design| (d.activation, d.weight, d.array, d.order, d.product_steps.clone());
    let summed = |d: &Design| (d.reduce.clone(), d.memory);
    multiplied(a) == multiplied(b)
        && summed(a) == summed(b)
        && same_behind(a, b)
        && a.accumulator.output_fit().is_none()
        && a.accumulator.start == b.accumulator.start
}

/// What is behind the accumulator does the same. Formats there that nobody wrote follow its width, and hold every value.
fn same_behind(a: &Design, b: &Design) -> bool {
    let levels = |d: &Design| d.after.iter().map(|level| (level.group, level.stride)).collect::<Vec<_>>();
    let work = |step: &Step| (step.op.clone(), step.value_steps.clone(), step.when);
    let steps = |d: &Design| d.store_steps.iter().chain(&d.load_steps).map(work).collect::<Vec<_>>();
    levels(a) == levels(b) && steps(a) == steps(b)
}

/// An error without the folder that the design lay in, which is nobody's business in a report.
pub(super) fn words(error: &Error) -> String {
    let place = match &error.place {
        Place::Nowhere | Place::Option(_) => String::new(),
        Place::File(path) | Place::Line { path, .. } => {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            match error.place {
                Place::Line { line, column, .. } => format!("{name}:{line}:{column}: "),
                _ => format!("{name}: "),
            }
        }
        Place::Node { node, .. } => format!("node {node}: "),
        Place::Signal(signal) => format!("{signal}: "),
    };
    format!("{place}{}", error.message)
}
