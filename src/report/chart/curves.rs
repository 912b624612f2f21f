//! Line curves of several series over the accumulator's width.

use super::frame::{BELOW, Frame};
use super::{Chart, WIDTH, mark_path, series_class};
use crate::report::markup::Svg;
use crate::report::number::real;

const HEIGHT: f64 = 240.0;
const TOP: f64 = 14.0;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Width in bits and value, ascending; infinity is drawn on a line of its own above the finite
    /// values, and the line breaks where there is no number.
    pub points: Vec<(u32, f64)>,
}

/// Several lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// Read aloud.
    pub title: String,
    /// Title of the vertical axis, with its unit.
    pub value_name: String,
    /// What infinity means.
    pub infinity: String,
    /// A level to compare with, and its name.
    pub level: Option<(f64, String)>,
    /// One line each.
    pub series: Vec<Series>,
}

impl Curves {
    /// Draws it.
    pub fn draw(&self) -> Chart {
        let points = || self.series.iter().flat_map(|s| s.points.iter().copied());
        let finite = points().map(|p| p.1).chain(self.level.as_ref().map(|l| l.0)).filter(|v| v.is_finite());
        let (low, high) = range(finite);
        let infinite = points().any(|p| p.1 == f64::INFINITY);
        // The line of the infinite lies above the finite part.
        let above = if infinite { high + (high - low).max(1.0) * 0.12 } else { high };
        let bottom = TOP + HEIGHT;
        let (first, last) = range(points().map(|p| f64::from(p.0)));
        let frame = Frame::new((first, last), (low, above), [TOP, 20.0, bottom]);
        let mut svg = Svg::new(WIDTH, bottom + BELOW, &self.title);
        let (ticks, decimals) = frame.y.ticks(6, 0.0);
        // No tick close to the label of the infinite.
        let free = above - (above - low) * 0.07;
        let ticks = ticks.into_iter().filter(|t| !infinite || *t <= free);
        let mut ticks: Vec<(f64, String)> = ticks.map(|t| (t, real(t, decimals))).collect();
        if infinite {
            ticks.push((above, self.infinity.clone()));
        }
        frame.vertical(&mut svg, &ticks, &self.value_name);
        frame.horizontal(&mut svg, "accumulator width, bits");
        if let Some((value, _)) = &self.level {
            let y = frame.y.at(*value);
            svg.line("level", (frame.x.from, y), (frame.x.to, y));
        }
        let place = |width: u32, v: f64| {
            let v = if v == f64::INFINITY { above } else { v.max(low) };
            (frame.x.at(f64::from(width)), frame.y.at(v))
        };
        for (index, series) in self.series.iter().enumerate() {
            line(&mut svg, series, index, &place);
        }
        self.legend(Chart::new(svg))
    }

    fn legend(&self, mut chart: Chart) -> Chart {
        for (index, series) in self.series.iter().enumerate() {
            let class = series_class(index);
            let mark = mark_path((16.0, 6.0), index);
            let mark = format!("<path class=\"dot {class}\" d=\"{mark}\"/>");
            chart = chart.explain_line(&format!("line {class}"), &mark, &series.name);
        }
        match &self.level {
            Some((_, name)) => chart.explain_line("level", "", name),
            None => chart,
        }
    }
}

fn line(svg: &mut Svg, series: &Series, index: usize, place: &dyn Fn(u32, f64) -> (f64, f64)) {
    let class = series_class(index);
    let (mut data, mut pen) = (String::new(), 'M');
    for (width, value) in &series.points {
        if value.is_nan() {
            pen = 'M';
            continue;
        }
        let (x, y) = place(*width, *value);
        data.push_str(&format!("{pen}{x:.1} {y:.1}"));
        pen = 'L';
    }
    if !data.is_empty() {
        svg.path(&format!("line {class}"), &data, &series.name);
    }
    for (width, value) in series.points.iter().filter(|p| !p.1.is_nan()) {
        let tip = format!("{}, {width} bits: {}", series.name, real(*value, 2));
        svg.path(&format!("dot {class}"), &mark_path(place(*width, *value), index), &tip);
    }
}

/// Smallest and largest; 0 and 1 of nothing.
pub(super) fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.filter(|v| v.is_finite()).fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}
