//! Text that is safe to stand in a page, and the few SVG shapes that charts are made of.

use std::fmt::Write;

use crate::error::visible;

/// A piece of HTML or SVG whose every text has been escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markup(String);

impl Markup {
    /// The markup as it stands in the page.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends a piece written in this program; its variable parts are numbers or went through [`escape`].
    pub(super) fn raw(&mut self, piece: std::fmt::Arguments) {
        // Writing to a String does not fail.
        let _ = self.0.write_fmt(piece);
    }

    pub(super) fn push(&mut self, other: &Markup) {
        self.0.push_str(&other.0);
    }
}

/// Text for content and double-quoted attributes. Control characters, which HTML forbids, are spelt out, and so are
/// the characters that turn the direction of the text around them.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push_str(&visible(c)),
        }
    }
    safe
}

/// At most about `pixels` wide as a chart's label, the end kept: layers of one network differ at the end of their
/// names.
pub(super) fn shorten(text: &str, pixels: f64) -> String {
    let widths: Vec<f64> = text.chars().map(|c| visible(c).chars().map(label_pixels).sum()).collect();
    if widths.iter().sum::<f64>() <= pixels {
        return text.to_string();
    }
    let fits = |part: f64| {
        move |used: &mut f64, wide: f64| {
            *used += wide;
            (*used <= part).then_some(())
        }
    };
    let room = pixels - label_pixels('…');
    let head = widths.iter().copied().scan(0.0, fits(room / 3.0)).count();
    let rest = room - widths[..head].iter().sum::<f64>();
    let tail = widths.iter().rev().copied().scan(0.0, fits(rest)).count();
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(widths.len() - tail).collect();
    format!("{start}…{end}")
}

/// About how wide a chart's label is, in pixels.
pub(super) fn label_width(text: &str) -> f64 {
    text.chars().map(label_pixels).sum()
}

/// Width of a character of 12 pixels' height, on the safe side of every usual font: DejaVu Sans is the widest.
fn label_pixels(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '\'' | 'I' | '!' | '/' | '(' | ')' | ' '
        | '\u{202f}' => 4.9,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 12.1,
        '_' | '-' | 'f' | 't' | 'r' => 6.1,
        'A'..='Z' | '&' | '<' | '>' | '=' | '+' | '\u{2212}' | '#' | '~' => 10.1,
        '!'..='~' => 7.7,
        _ => 12.1,
    }
}

/// A drawing, in CSS pixels; it shrinks with the page and never grows.
pub(super) struct Svg {
    width: f64,
    height: f64,
    title: String,
    body: Markup,
}

impl Svg {
    pub fn new(width: f64, height: f64, title: &str) -> Svg {
        Svg { width, height, title: title.to_string(), body: Markup::default() }
    }

    pub fn finish(self) -> Markup {
        let mut all = Markup::default();
        let (w, h, title) = (self.width, self.height, escape(&self.title));
        all.raw(format_args!(
            "<svg class=\"chart\" role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 {w:.0} {h:.0}\" width=\"{w:.0}\" height=\"{h:.0}\">\n"
        ));
        all.push(&self.body);
        all.raw(format_args!("</svg>\n"));
        all
    }

    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.body.raw(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n"
        ));
    }

    /// A rectangle; a tooltip says what it stands for.
    pub fn rect(&mut self, class: &str, [x, y, w, h]: [f64; 4], tip: &str) {
        self.body.raw(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"",
            w.max(0.0),
            h.max(0.0)
        ));
        self.close("rect", tip);
    }

    /// Text whose anchor (start, middle, end) is in its class.
    pub fn text(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        let text = escape(text);
        self.body.raw(format_args!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n"));
    }

    /// A name in a place of that many pixels; the whole of it is the tooltip.
    pub fn name(&mut self, class: &str, (x, y): (f64, f64), text: &str, pixels: f64) {
        let short = shorten(text, pixels);
        if short == text {
            return self.text(class, (x, y), text);
        }
        self.body.raw(format_args!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}", escape(&short)));
        self.body.raw(format_args!("<title>{}</title></text>\n", escape(text)));
    }

    /// Text that reads upwards: the title of a vertical axis.
    pub fn upward(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        let text = escape(text);
        self.body.raw(format_args!(
            "<text class=\"{class}\" transform=\"translate({x:.1} {y:.1}) rotate(-90)\">{text}</text>\n"
        ));
    }

    /// `data` is made of letters and numbers by the charts.
    pub fn path(&mut self, class: &str, data: &str, tip: &str) {
        self.body.raw(format_args!("<path class=\"{class}\" d=\"{data}\""));
        self.close("path", tip);
    }

    pub fn circle(&mut self, class: &str, (x, y): (f64, f64), r: f64, tip: &str) {
        self.body.raw(format_args!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\""));
        self.close("circle", tip);
    }

    fn close(&mut self, tag: &str, tip: &str) {
        if tip.is_empty() {
            self.body.raw(format_args!("/>\n"));
        } else {
            self.body.raw(format_args!("><title>{}</title></{tag}>\n", escape(tip)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_place() {
        assert_eq!(escape("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
        assert_eq!(escape("a\u{0}b\u{202e}c\u{1b}"), "a\\u{0}b\\u{202e}c\\u{1b}");
        assert_eq!(escape("größe 層"), "größe 層");
    }

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(shorten("conv1_quant", 160.0), "conv1_quant");
        assert_eq!(shorten("layer4.1.conv2.weight", 80.0), "lay…weight");
        assert_eq!(shorten("層層層層層層", 50.0), "層…層層");
        assert_eq!(shorten("\u{202e}", 20.0), "…");
    }
}
