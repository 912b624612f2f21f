//! One output's accumulation as a step line: its prefix sums over the beats, between the rails of its format.

use super::curves::range;
use super::frame::{BELOW, Frame, spread};
use super::{Chart, WIDTH};
use crate::report::markup::{Svg, label_width};
use crate::report::number::grouped;

const HEIGHT: f64 = 300.0;
const TOP: f64 = 34.0;
const RIGHT: f64 = 132.0;

/// What one beat did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// The sum so far, never fitted.
    pub exact: i128,
    /// What entered the accumulator.
    pub entering: i128,
    /// What it held afterwards.
    pub value: i128,
}

/// An accumulation from its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accumulation {
    /// Read aloud.
    pub title: String,
    /// Title of the horizontal axis: `beat`, or `k` where a beat adds one product.
    pub beat_name: String,
    /// What the sum starts from as it is brought: the bias, or 0.
    pub bias: i128,
    /// What the accumulator makes of it.
    pub start: i128,
    /// Smallest and largest value of the accumulator's format.
    pub rails: (i128, i128),
    /// In the scheduled order.
    pub beats: Vec<Beat>,
    /// What it yields: its value after the last beat, or what an output clamp made of that.
    pub result: i128,
}

impl Accumulation {
    fn overflows(&self, beat: &Beat) -> bool {
        beat.entering < self.rails.0 || beat.entering > self.rails.1
    }

    /// The first beat whose value does not fit, from 0.
    pub fn first_overflow(&self) -> Option<usize> {
        self.beats.iter().position(|beat| self.overflows(beat))
    }

    /// Draws it.
    pub fn draw(&self) -> Chart {
        let seen = self.beats.iter().flat_map(|b| [b.exact, b.entering, b.value]);
        let seen = seen.chain([self.bias, self.start, self.rails.0, self.rails.1]).map(|v| v as f64);
        let (low, high) = range(seen);
        let air = (high - low).max(1.0) * 0.03;
        let bottom = TOP + HEIGHT;
        let last = self.beats.len().max(1) as f64;
        let frame = Frame::new((0.0, last), (low - air, high + air), [TOP, RIGHT, bottom]);
        let mut svg = Svg::new(WIDTH, bottom + BELOW, &self.title);
        let (ticks, _) = frame.y.ticks(7, 1.0);
        let ticks: Vec<(f64, String)> = ticks.into_iter().map(|t| (t, compact(t as i128))).collect();
        frame.vertical(&mut svg, &ticks, "sum");
        frame.horizontal(&mut svg, &format!("{} added so far", self.beat_name));
        for rail in [self.rails.0, self.rails.1] {
            let y = frame.y.at(rail as f64);
            svg.line("rail", (frame.x.from, y), (frame.x.to, y));
        }
        svg.path("line exact", &steps(&frame, self.bias, self.beats.iter().map(|b| b.exact)), "exact sum");
        svg.path("line kept", &steps(&frame, self.start, self.beats.iter().map(|b| b.value)), "accumulator");
        self.start(&mut svg, &frame);
        self.events(&mut svg, &frame);
        self.ends(&mut svg, &frame);
        Chart::new(svg)
            .explain_line("line exact", "", "exact sum, never fitted")
            .explain_line("line kept", "", "what the accumulator holds")
            .explain_line("rail", "", "smallest and largest value of its format")
            .explain_line(
                "none",
                "<circle class=\"event\" cx=\"16\" cy=\"6\" r=\"3\"/>",
                "enters and does not fit",
            )
    }

    /// A dot where the start does not fit.
    fn start(&self, svg: &mut Svg, frame: &Frame) {
        if self.bias != self.start {
            let tip = format!("start: {} becomes {}", compact(self.bias), compact(self.start));
            svg.circle("event", (frame.x.at(0.0), frame.y.at(self.bias as f64)), 2.5, &tip);
        }
    }

    /// A dot where a value does not fit, one per pixel and side; the first has its numbers.
    fn events(&self, svg: &mut Svg, frame: &Frame) {
        let mut drawn = None;
        for (at, beat) in self.beats.iter().enumerate().filter(|(_, beat)| self.overflows(beat)) {
            let x = frame.x.at(at as f64 + 1.0);
            let key = ((x * 0.5) as i64, beat.entering > self.rails.1);
            if drawn == Some(key) {
                continue;
            }
            let tip = format!(
                "{} {at}: {} becomes {}",
                self.beat_name,
                compact(beat.entering),
                compact(beat.value)
            );
            svg.circle("event", (x, frame.y.at(beat.entering as f64)), 2.5, &tip);
            if drawn.is_none() {
                let text = format!("first overflow at {tip}");
                svg.line("event-line", (x, TOP - 12.0), (x, frame.y.from));
                let left = frame.x.from - LEFT_OF_TEXT;
                // The text must end before the chart does.
                let from = x.min(WIDTH - label_width(&text)).max(left);
                svg.text("label bad", (from, TOP - 18.0), &text);
            }
            drawn = Some(key);
        }
    }

    /// Names and values of the lines, at their right ends.
    fn ends(&self, svg: &mut Svg, frame: &Frame) {
        let (exact, value) = self.beats.last().map_or((self.bias, self.start), |b| (b.exact, b.value));
        let mut ends = vec![
            ("tick", "highest", self.rails.1),
            ("tick", "lowest", self.rails.0),
            ("label exact-text", "exact", exact),
            ("label kept-text", "held", value),
        ];
        if value != self.result {
            ends.push(("label kept-text", "clamped", self.result));
        }
        let wanted: Vec<f64> = ends.iter().map(|(_, _, v)| frame.y.at(*v as f64)).collect();
        let placed = spread(&wanted, 15.0, (TOP, frame.y.from));
        for (((class, name, value), wanted), placed) in ends.into_iter().zip(wanted).zip(placed) {
            svg.line("leader", (frame.x.to + 1.0, wanted), (frame.x.to + 8.0, placed));
            svg.text(class, (frame.x.to + 12.0, placed + 4.0), &format!("{name} {}", compact(value)));
        }
    }
}

const LEFT_OF_TEXT: f64 = 60.0;

/// A step line over the beats. With more beats than pixels, each pixel shows the smallest and largest of its own.
fn steps(frame: &Frame, start: i128, values: impl Iterator<Item = i128>) -> String {
    let y = |v: i128| frame.y.at(v as f64);
    let values: Vec<i128> = values.collect();
    let mut data = format!("M{:.1} {:.1}", frame.x.at(0.0), y(start));
    let per_pixel = values.len().div_ceil((frame.x.to - frame.x.from) as usize);
    for (at, group) in values.chunks(per_pixel.max(1)).enumerate() {
        let x = frame.x.at((at * per_pixel + group.len()) as f64);
        data.push_str(&format!("H{x:.1}V{:.1}", y(group[0])));
        if let ([_, _, ..], Some(low), Some(high)) = (group, group.iter().min(), group.iter().max()) {
            data.push_str(&format!("V{:.1}V{:.1}V{:.1}", y(*low), y(*high), y(group[group.len() - 1])));
        }
    }
    data
}

/// All digits, or the leading ones where there are many.
fn compact(value: i128) -> String {
    let digits = value.unsigned_abs().to_string();
    if digits.len() <= 10 {
        return grouped(value);
    }
    let sign = if value < 0 { "\u{2212}" } else { "" };
    format!("{sign}{}.{}e{}", &digits[..1], &digits[1..4], digits.len() - 1)
}
