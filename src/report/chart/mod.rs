//! The charts, each from plain numbers: none knows an answer, a design or a network.
//!
//! Every chart is 640 CSS pixels wide, so that its text is as large as the page's at any width of the window from 700
//! pixels on. Colour never stands alone: series differ in dashes and marks too, and the numbers are in a table beside.

mod accumulation;
mod curves;
mod frame;
mod headroom;
mod heat_map;
mod histogram;
mod scatter;
mod sided;
mod stacked;

pub use accumulation::{Accumulation, Beat};
pub use curves::{Curves, Series};
pub use headroom::{Headroom, LayerBits};
pub use heat_map::HeatMap;
pub use histogram::{Histogram, Mark};
pub use scatter::{Candidate, Scatter};
pub use sided::Sided;
pub use stacked::{Bar, Stacked};

use super::Markup;
use super::markup::Svg;

/// Width of every chart.
const WIDTH: f64 = 640.0;

/// A drawing and what its colours mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chart {
    pub(super) drawing: Markup,
    /// Swatch and meaning.
    pub(super) legend: Vec<(Markup, String)>,
}

impl Chart {
    fn new(drawing: Svg) -> Chart {
        Chart { drawing: drawing.finish(), legend: Vec::new() }
    }

    /// Explains the shapes of a class by a small filled square.
    fn explain(mut self, class: &str, meaning: &str) -> Chart {
        let mut swatch = Markup::default();
        swatch.raw(format_args!("<svg class=\"swatch\" aria-hidden=\"true\" viewBox=\"0 0 14 12\" width=\"14\" height=\"12\"><rect class=\"{class}\" x=\"1\" y=\"1\" width=\"12\" height=\"10\"/></svg>"));
        self.legend.push((swatch, meaning.to_string()));
        self
    }

    /// Explains a line, with its mark if it has one.
    fn explain_line(mut self, class: &str, mark: &str, meaning: &str) -> Chart {
        let mut swatch = Markup::default();
        swatch.raw(format_args!("<svg class=\"swatch\" aria-hidden=\"true\" viewBox=\"0 0 32 12\" width=\"32\" height=\"12\"><path class=\"{class}\" d=\"M1 6H31\"/>{mark}</svg>"));
        self.legend.push((swatch, meaning.to_string()));
        self
    }
}

/// Colours of series; they repeat after the sixth, with other dashes.
fn series_class(index: usize) -> String {
    format!("s{} dash{}", index % 6, index % 4)
}

/// The outline of the mark of series `index` around a point: circle, square, triangle, diamond.
fn mark_path((x, y): (f64, f64), index: usize) -> String {
    match index % 4 {
        0 => format!("M{:.1} {y:.1}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0Z", x - 3.5),
        1 => format!("M{:.1} {:.1}h6v6h-6Z", x - 3.0, y - 3.0),
        2 => format!("M{x:.1} {:.1}l4 7h-8Z", y - 4.5),
        _ => format!("M{x:.1} {:.1}l4.5 4.5l-4.5 4.5l-4.5 -4.5Z", y - 4.5),
    }
}
