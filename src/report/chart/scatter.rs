//! Candidates by cost and merit, and the line of those that no other beats.

use super::curves::range;
use super::frame::{BELOW, Frame};
use super::{Chart, WIDTH};
use crate::report::markup::Svg;
use crate::report::number::real;

const HEIGHT: f64 = 260.0;
const TOP: f64 = 18.0;

/// One point.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its name, shown when pointed at.
    pub name: String,
    /// To the left is cheaper.
    pub cost: f64,
    /// Higher is better.
    pub merit: f64,
    /// Whether nothing is both cheaper and better; such points are numbered from 1 in the order given.
    pub on_front: bool,
}

/// Cost against merit.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    /// Read aloud.
    pub title: String,
    /// Title of the horizontal axis, with its unit.
    pub cost_name: String,
    /// Title of the vertical axis, with its unit.
    pub merit_name: String,
    /// In any order; the front's points by ascending cost.
    pub candidates: Vec<Candidate>,
}

impl Scatter {
    /// Draws it.
    pub fn draw(&self) -> Chart {
        let (left, right) = range(self.candidates.iter().map(|c| c.cost));
        let (low, high) = range(self.candidates.iter().map(|c| c.merit));
        let (wide, tall) = ((right - left).max(1.0) * 0.05, (high - low).max(0.01) * 0.06);
        let bottom = TOP + HEIGHT;
        let frame = Frame::new((left - wide, right + wide), (low - tall, high + tall), [TOP, 20.0, bottom]);
        let mut svg = Svg::new(WIDTH, bottom + BELOW, &self.title);
        let (ticks, decimals) = frame.y.ticks(6, 0.0);
        let ticks: Vec<(f64, String)> = ticks.into_iter().map(|t| (t, real(t, decimals))).collect();
        frame.vertical(&mut svg, &ticks, &self.merit_name);
        frame.horizontal(&mut svg, &self.cost_name);
        let place = |c: &Candidate| (frame.x.at(c.cost), frame.y.at(c.merit));
        for candidate in self.candidates.iter().filter(|c| !c.on_front && c.merit.is_finite()) {
            svg.circle("beaten", place(candidate), 3.5, &candidate.name);
        }
        let front: Vec<&Candidate> =
            self.candidates.iter().filter(|c| c.on_front && c.merit.is_finite()).collect();
        let mut data = String::new();
        for candidate in &front {
            let (x, y) = place(candidate);
            let step = if data.is_empty() { format!("M{x:.1} {y:.1}") } else { format!("H{x:.1}V{y:.1}") };
            data.push_str(&step);
        }
        if !data.is_empty() {
            svg.path("line s0", &data, "the front");
        }
        number(&mut svg, &front, &place);
        Chart::new(svg)
            .explain_line(
                "line s0",
                "<circle class=\"best\" cx=\"16\" cy=\"6\" r=\"5\"/>",
                "not beaten: numbered as in the table",
            )
            .explain_line(
                "none",
                "<circle class=\"beaten\" cx=\"16\" cy=\"6\" r=\"3.5\"/>",
                "beaten by a cheaper or better one",
            )
    }
}

/// Dots with numbers; where two would touch, only the first has its number.
fn number(svg: &mut Svg, front: &[&Candidate], place: &dyn Fn(&Candidate) -> (f64, f64)) {
    let mut numbered: Vec<(usize, (f64, f64))> = Vec::new();
    let tip = |at: usize| format!("{}: {}", at + 1, front[at].name);
    for (at, candidate) in front.iter().enumerate() {
        let (x, y) = place(candidate);
        if numbered.iter().all(|(_, (a, b))| (x - a).abs() >= 18.0 || (y - b).abs() >= 18.0) {
            numbered.push((at, (x, y)));
        } else {
            svg.circle("best", (x, y), 4.0, &tip(at));
        }
    }
    for (at, (x, y)) in numbered {
        svg.circle("best", (x, y), 8.5, &tip(at));
        svg.text("number middle", (x, y + 4.0), &(at + 1).to_string());
    }
}
