//! The page around the charts: one template, one style sheet, nothing from elsewhere.

use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::chart::Chart;
use super::{Markup, Table};
use crate::error::{Error, Kind, Result};

/// Everything on one page.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The browser's title and the first heading.
    pub title: String,
    /// The answer, in a sentence or two.
    pub lead: String,
    /// What the answer is about: label and value.
    pub facts: Vec<(String, String)>,
    /// From the general to the particular.
    pub sections: Vec<Section>,
}

/// A heading and what stands below it.
#[derive(Debug, Clone, Default)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// What to see here, and how to read it; a paragraph each.
    pub text: Vec<String>,
    /// In reading order.
    pub figures: Vec<Figure>,
}

/// A chart, its numbers, or both.
#[derive(Debug, Clone, Default)]
pub struct Figure {
    /// The caption.
    pub caption: String,
    /// A sentence below it, or nothing.
    pub note: String,
    /// The drawing.
    pub chart: Option<Chart>,
    /// The same numbers.
    pub table: Option<Table>,
}

impl Page {
    /// The whole file. It names no other.
    ///
    /// # Errors
    /// A fault of the template.
    pub fn html(&self) -> Result<String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let render = || {
            // The name's end switches escaping on.
            environment.render_named_str(
                "page.html",
                include_str!("templates/page.html"),
                context! {
                    title => visible(&self.title),
                    style => Value::from_safe_string(include_str!("templates/page.css").trim_end().to_string()),
                    lead => visible(&self.lead),
                    facts => self.facts.iter().map(|(l, v)| (visible(l), visible(v))).collect::<Vec<_>>(),
                    sections => self.sections.iter().map(section).collect::<Vec<_>>(),
                },
            )
        };
        let text = render()
            .map_err(|e| Error::new(Kind::Unsupported, "the report's template does not render").because(e))?;
        // The template engine drops the last newline.
        Ok(text + "\n")
    }
}

fn visible(text: &str) -> String {
    crate::error::spelt(text)
}

fn section(section: &Section) -> Value {
    context! {
        title => visible(&section.title),
        text => section.text.iter().map(|t| visible(t)).collect::<Vec<_>>(),
        figures => section.figures.iter().map(figure).collect::<Vec<_>>(),
    }
}

fn figure(figure: &Figure) -> Value {
    let safe = |markup: &Markup| Value::from_safe_string(markup.as_str().to_string());
    let table = figure.table.as_ref().map(Table::html);
    context! {
        caption => visible(&figure.caption),
        note => visible(&figure.note),
        chart => figure.chart.as_ref().map(|c| safe(&c.drawing)),
        legend => figure.chart.as_ref().map(|c| c.legend.iter().map(|(swatch, text)| {
            (safe(swatch), visible(text))
        }).collect::<Vec<_>>()),
        table => table.as_ref().map(safe),
    }
}
