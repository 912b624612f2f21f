//! Horizontal bars: how many bits each layer's sums need, against what its accumulator has.

use super::frame::Axis;
use super::{Chart, WIDTH};
use crate::report::markup::Svg;

const ROW: f64 = 26.0;
const TOP: f64 = 22.0;
const NAME: f64 = 168.0;
const RIGHT: f64 = 92.0;

/// One layer's widths, in bits of a signed accumulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerBits {
    /// The layer.
    pub name: String,
    /// What the accumulator has.
    pub accumulator: Option<u32>,
    /// Least width at which nothing overflowed for the inputs that ran.
    pub observed: Option<u32>,
    /// Least width at which nothing can overflow.
    pub proved: Option<u32>,
}

/// Headroom per layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headroom {
    /// Read aloud.
    pub title: String,
    /// From the network's input to its output.
    pub layers: Vec<LayerBits>,
}

impl Headroom {
    /// Draws it.
    pub fn draw(&self) -> Chart {
        let bits = |l: &LayerBits| [l.accumulator, l.observed, l.proved].into_iter().flatten().max();
        let most = self.layers.iter().filter_map(bits).max().unwrap_or(1);
        let bottom = TOP + ROW * self.layers.len() as f64;
        let mut svg = Svg::new(WIDTH, bottom + 4.0, &self.title);
        let x = Axis::new((0.0, f64::from(most)), (NAME, WIDTH - RIGHT));
        for tick in x.ticks(10, 4.0).0 {
            svg.line("grid", (x.at(tick), TOP - 4.0), (x.at(tick), bottom));
            svg.text("tick middle", (x.at(tick), TOP - 9.0), &format!("{tick:.0}"));
        }
        svg.text("axis", (WIDTH - RIGHT + 12.0, TOP - 9.0), "bits");
        for (at, layer) in self.layers.iter().enumerate() {
            bar(&mut svg, &x, TOP + ROW * at as f64, layer);
        }
        let has = |f: fn(&LayerBits) -> bool| self.layers.iter().any(f);
        let mut chart = Chart::new(svg).explain("used", "needed by the inputs that ran");
        if has(|l| l.observed > l.accumulator && l.accumulator.is_some()) {
            chart = chart.explain("over", "beyond the accumulator");
        }
        if has(|l| l.accumulator.is_some()) {
            chart = chart.explain("room", "the accumulator");
        }
        if has(|l| l.proved.is_some()) {
            chart = chart.explain_line("proved", "", "proved: enough for every input");
        }
        chart
    }
}

fn bar(svg: &mut Svg, x: &Axis, top: f64, layer: &LayerBits) {
    let bits = |name: &str, bits: Option<u32>| bits.map_or(String::new(), |b| format!(", {name} {b} bits"));
    let tip = format!(
        "{}{}{}{}",
        layer.name,
        bits("accumulator", layer.accumulator),
        bits("observed", layer.observed),
        bits("proved", layer.proved)
    );
    svg.name("label", (0.0, top + 17.0), &layer.name, NAME - 8.0);
    let span = |from: u32, to: u32| (x.at(f64::from(from)), x.at(f64::from(to)) - x.at(f64::from(from)));
    if let Some(width) = layer.accumulator {
        let (from, wide) = span(0, width);
        svg.rect("room", [from, top + 4.0, wide, ROW - 8.0], &tip);
    }
    if let Some(observed) = layer.observed {
        let inside = layer.accumulator.map_or(observed, |width| width.min(observed));
        let (from, wide) = span(0, inside);
        svg.rect("used", [from, top + 8.0, wide, ROW - 16.0], &tip);
        let (from, wide) = span(inside, observed);
        if observed > inside {
            svg.rect("over", [from, top + 8.0, wide, ROW - 16.0], &tip);
        }
    }
    if let Some(proved) = layer.proved {
        let at = x.at(f64::from(proved));
        svg.path("proved", &format!("M{at:.1} {:.1}V{:.1}", top + 3.0, top + ROW - 3.0), &tip);
    }
    if let (Some(width), Some(observed)) = (layer.accumulator, layer.observed) {
        let (class, text) = match i64::from(width) - i64::from(observed) {
            short if short < 0 => ("label bad", format!("{} short", -short)),
            0 => ("label", "just fits".to_string()),
            free => ("label", format!("{free} to spare")),
        };
        svg.text(class, (WIDTH - RIGHT + 12.0, top + 17.0), &text);
    }
}
