//! The named requantisation schemes: what their files say, the steps they expand to, and what these make of a few sums.

use super::Topic;
use crate::design::{Design, Preset, Scheme};
use crate::num::{Format, Rounding};
use crate::post::{Number, Operand, Parameter, Source};

/// Columns of a line.
const WIDTH: usize = 104;

/// The scheme alone, behind sums of 32 bits and in front of an output of 8.
fn alone(preset: &'static Preset) -> Option<Design> {
    let rounding = preset.takes_rounding().then_some(Rounding::HalfUp);
    Scheme { preset, rounding }.alone(Format::signed(32)?, Format::signed(8)?).ok()
}

fn steps(preset: &Preset, design: &Design) -> String {
    let name = |operand: Operand| match operand {
        Operand::Constant(value) => value.to_string(),
        Operand::Parameter(index) => design.parameters[index].name.clone(),
        Operand::Exponent { .. } => "exponent".to_owned(),
    };
    let chosen = if preset.takes_rounding() { " and half_up" } else { "" };
    let mut text = format!("expands, for sums of 32 bits, an s8 output{chosen}, to");
    for step in &design.post {
        let format = step.format.map_or("exact".to_owned(), |format| format!("into {format}"));
        text += &format!("\n  {}  {} {format}", step.id, step.op.instruction(&name));
    }
    text
}

/// What the parameters are at a real scale; none where one is not of a scale.
fn numbers(design: &Design, factor: f64) -> Option<Vec<Vec<i64>>> {
    let has = |name: &str| design.parameters.iter().any(|parameter| parameter.name == name);
    let number = |parameter: &Parameter| {
        let source = parameter.source.or_else(|| Source::by_name(&parameter.name, has));
        match source.map(|source| source.number) {
            None | Some(Number::ZeroPoint | Number::Low | Number::High) => parameter.default,
            Some(number) => number.of(factor).ok(),
        }
    };
    let is_value = |index: usize| design.value_parameter() == Some(index);
    let one =
        |(index, parameter)| if is_value(index) { Some(vec![0]) } else { number(parameter).map(|n| vec![n]) };
    design.parameters.iter().enumerate().map(one).collect()
}

/// Sums around 0 at a scale of a quarter: every second even one is a tie.
fn number_line(design: &Design) -> Option<String> {
    let numbers = numbers(design, 0.25)?;
    let row = |value: &dyn Fn(i64) -> i64| (-7..=7).map(|x| format!("{:>4}", value(x))).collect::<String>();
    let post = design.post_program().channel(&numbers, 0);
    Some(format!("at a scale of 1/4\n  x {}\n  y {}", row(&|x| x), row(&|x| post.output(x))))
}

/// Words in lines; those behind the first are indented.
pub(super) fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one");
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(format!("  {word}"));
        } else {
            *line += if line.is_empty() { "" } else { " " };
            *line += word;
        }
    }
    lines.join("\n")
}

/// Its formula, its steps, what they do, and where they come from.
fn page(preset: &'static Preset) -> String {
    let mut parts = vec![wrapped(&format!("y = {}", preset.formula()))];
    parts.push(wrapped(&format!("ties: {}", preset.ties())));
    if let Some(design) = alone(preset) {
        parts.extend(number_line(&design));
        parts.push(steps(preset, &design));
    }
    parts.extend(preset.traps().iter().map(|trap| wrapped(&format!("trap: {trap}"))));
    parts.push(wrapped(&format!("source: {}", preset.source())));
    parts.join("\n")
}

pub fn topics() -> Vec<Topic> {
    let topic = |preset: &'static Preset| Topic {
        name: preset.name,
        kind: "preset",
        summary: preset.summary(),
        text: preset.about(),
        example: Box::new(move || page(preset)),
    };
    Preset::all().iter().map(topic).collect()
}
