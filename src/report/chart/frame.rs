//! Axes: from numbers to pixels, and the lines and labels around a plot.

use super::WIDTH;
use crate::report::markup::Svg;
use crate::report::number::real;

/// One axis, linear; pixels may run either way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub low: f64,
    pub high: f64,
    pub from: f64,
    pub to: f64,
}

impl Axis {
    /// An axis from the smallest to the largest value; where both are one, it shows a little around it.
    pub fn new((low, high): (f64, f64), (from, to): (f64, f64)) -> Axis {
        let (low, high) = if low < high { (low, high) } else { (low - 1.0, high + 1.0) };
        Axis { low, high, from, to }
    }

    /// The pixel of a value, held inside the axis.
    pub fn at(&self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.from + share * (self.to - self.from)
    }

    /// Round values, at most about `count`, and how many decimals they need.
    pub fn ticks(&self, count: usize, smallest: f64) -> (Vec<f64>, usize) {
        let rough = (self.high - self.low) / count.max(1) as f64;
        let power = 10_f64.powf(rough.max(smallest).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
        let step = steps.into_iter().find(|step| *step >= rough && *step >= smallest);
        let step = step.unwrap_or(steps[3]);
        let decimals = if step >= 1.0 { 0 } else { (-step.log10().floor()) as usize };
        let first = (self.low / step).ceil();
        let last = (self.high / step).floor();
        let ticks = (0..=(last - first).clamp(0.0, 200.0) as usize).map(|i| (first + i as f64) * step);
        (ticks.filter(|t| *t <= self.high + step * 1e-9).collect(), decimals)
    }
}

/// A plot with a horizontal and a vertical axis.
pub(super) struct Frame {
    pub x: Axis,
    pub y: Axis,
}

/// Room left of a plot for the labels of its vertical axis.
pub(super) const LEFT: f64 = 72.0;

/// Room below a plot for the labels and the title of its horizontal axis.
pub(super) const BELOW: f64 = 44.0;

impl Frame {
    pub fn new(x: (f64, f64), y: (f64, f64), [top, right, bottom]: [f64; 3]) -> Frame {
        Frame { x: Axis::new(x, (LEFT, WIDTH - right)), y: Axis::new(y, (bottom, top)) }
    }

    /// A grid line and a label per tick of the vertical axis.
    pub fn vertical(&self, svg: &mut Svg, ticks: &[(f64, String)], title: &str) {
        for (value, label) in ticks {
            let y = self.y.at(*value);
            svg.line("grid", (self.x.from, y), (self.x.to, y));
            svg.text("tick end", (self.x.from - 6.0, y + 4.0), label);
        }
        svg.upward("axis middle", (12.0, (self.y.from + self.y.to) / 2.0), title);
    }

    /// A label per whole number of the horizontal axis, as many as fit.
    pub fn horizontal(&self, svg: &mut Svg, title: &str) {
        let (ticks, decimals) = self.x.ticks(12, 1.0);
        for tick in ticks {
            let x = self.x.at(tick);
            svg.line("axis-line", (x, self.y.from), (x, self.y.from + 4.0));
            svg.text("tick middle", (x, self.y.from + 17.0), &real(tick, decimals));
        }
        svg.line("axis-line", (self.x.from, self.y.from), (self.x.to, self.y.from));
        svg.text("axis middle", ((self.x.from + self.x.to) / 2.0, self.y.from + 36.0), title);
    }
}

/// Moves labels apart until neighbours are `gap` pixels from each other, keeping their order, inside `low..=high`
/// where they have room.
pub(super) fn spread(wanted: &[f64], gap: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut placed = wanted.to_vec();
    let mut least = low;
    for at in &order {
        placed[*at] = placed[*at].max(least);
        least = placed[*at] + gap;
    }
    let mut most = high;
    for at in order.iter().rev() {
        placed[*at] = placed[*at].min(most);
        most = placed[*at] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = |low, high| Axis::new((low, high), (0.0, 100.0));
        assert_eq!(axis(8.0, 48.0).ticks(12, 1.0), (vec![10., 15., 20., 25., 30., 35., 40., 45.], 0));
        assert_eq!(axis(0.0, 3.0).ticks(12, 1.0), (vec![0., 1., 2., 3.], 0));
        assert_eq!(axis(0.0, 1.0).ticks(5, 0.0).0.len(), 6);
        assert_eq!(axis(0.0, 1.0).ticks(5, 0.0).1, 1);
        let (ticks, _) = axis(-32_768.0, 32_767.0).ticks(6, 1.0);
        assert_eq!(ticks, [-20_000.0, 0.0, 20_000.0]);
    }

    #[test]
    fn an_axis_of_one_value_still_has_a_middle() {
        assert_eq!(Axis::new((5.0, 5.0), (0.0, 100.0)).at(5.0), 50.0);
        assert_eq!(Axis::new((0.0, 10.0), (100.0, 0.0)).at(20.0), 0.0);
    }

    #[test]
    fn labels_keep_their_distance_and_their_order() {
        assert_eq!(spread(&[10.0, 11.0, 50.0], 14.0, (0.0, 100.0)), [10.0, 24.0, 50.0]);
        assert_eq!(spread(&[99.0, 98.0], 14.0, (0.0, 100.0)), [100.0, 86.0]);
    }
}
