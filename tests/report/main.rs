//! Pages of answers: well-formed, self-contained, harmless, and laid out by a real browser.

mod browser;
mod examples;
mod markup;
mod pages;
mod same;
