//! Answers as something to read: text tables, and one self-contained HTML page per answer.
//!
//! ```text
//! answer ─► Page {lead, facts, sections of figures} ─► templates/page.html ─► one file
//! figure  = chart (inline SVG) + legend + the same numbers as a table
//! ```
//!
//! A page loads nothing: no script, no font, no picture, no link to elsewhere, and it needs no network. Names that
//! come from models and designs are text wherever they stand ([`Markup`] is made by escaping only). The same answer
//! gives the same bytes.

pub mod chart;
mod front;
mod identify;
mod macs;
mod markup;
mod number;
mod overflow;
mod page;
mod strength;
mod sweep;
mod sweep_layer;
mod table;

pub use identify::identify_text;
pub use markup::Markup;
pub use number::{grouped, percent, real};
pub use overflow::{Drawn, overflow_html, overflow_lead};
pub use page::{Figure, Page, Section};
pub use strength::{Scored, score_text, together_text};
pub use sweep::{sweep_html, sweep_lead};
pub use table::{Cell, Column, Table};
