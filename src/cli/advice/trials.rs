//! The overrides that are tried: widths, signs, recodes and offsets of the operands, with outputs and levels to match.

use crate::design::{Design, Operand};

/// Name of the parameter that advice makes for weight zero points.
const WEIGHT_OFFSET: &str = "weight_zero_point";

/// `--set` options, key and TOML value.
pub type Settings = Vec<(String, String)>;

/// Every combination of what may be changed on the two sides, the fewest changes first.
pub fn candidates(design: &Design) -> Vec<Settings> {
    let mut all = Vec::new();
    for activation in changes("activation", &design.activation) {
        let output = output_like(&design.activation, &activation);
        for weight in changes("weight", &design.weight) {
            let operands = [activation.clone(), weight].concat();
            all.push([operands.clone(), vec![output.clone()]].concat());
            all.push(operands);
        }
    }
    all.sort_by_key(Vec::len);
    all
}

/// Outputs of the format of the changed activations: what a layer writes, the next one reads.
fn output_like(operand: &Operand, changed: &Settings) -> (String, String) {
    let value =
        |end: &str| changed.iter().find(|(key, _)| key.ends_with(end)).map(|(_, value)| value.clone());
    let width = value(".width").unwrap_or_else(|| operand.format.width().to_string());
    let signed = value(".signed").map_or(operand.format.is_signed(), |value| value == "true");
    ("post.format".to_owned(), format!("\"{}{width}\"", if signed { 's' } else { 'u' }))
}

/// Levels that hold every sum of the design's products, as wide as those of the changed operands ask for.
pub fn wider_levels(design: &Design, settings: &Settings) -> Settings {
    let grown = |side: &str, operand: &Operand| {
        let of = |key: &str| {
            let key = format!("operands.{side}.{key}");
            settings
                .iter()
                .find(|(found, _)| *found == key)
                .map(|(_, value)| value.trim_matches(['"', 's']).to_owned())
        };
        let width = of("format").or_else(|| of("width")).and_then(|width| width.parse::<u32>().ok());
        let width = width.unwrap_or(operand.sum.width());
        // The product of an unsigned code needs a sign.
        let unsigned = of("signed").is_some_and(|signed| signed == "false");
        (width + u32::from(unsigned)).saturating_sub(operand.sum.width())
    };
    let more = grown("activation", &design.activation) + grown("weight", &design.weight);
    let ranges = design.node_ranges();
    let exact = |id: &str| ranges.iter().any(|range| range.id == id && range.always_fits);
    let levels = design.reduce.iter().filter(|level| exact(&level.id));
    levels
        .map(|level| (format!("{}.format", level.id), format!("\"s{}\"", level.format.width() + more)))
        .collect()
}

fn changes(side: &str, operand: &Operand) -> Vec<Settings> {
    let set = |key: &str, value: String| (format!("operands.{side}.{key}"), value);
    let (width, signed) = (operand.format.width(), operand.format.is_signed());
    let mut all: Vec<(Settings, u32)> = vec![(vec![], width)];
    let mut recoded: Vec<Settings> = Vec::new();
    if signed && width == 8 && operand.recode.is_none() {
        all.push((vec![set("recode", "\"minus_128\"".into())], width));
    }
    all.push((vec![set("signed", (!signed).to_string())], width));
    for wider in [width + 1, 8, 16].into_iter().filter(|wider| *wider > width && *wider <= 16) {
        all.push((vec![set("width", wider.to_string())], wider));
        all.push((vec![set("width", wider.to_string()), set("signed", (!signed).to_string())], wider));
    }
    if side == "weight" && operand.offset.is_none() && operand.recode.is_none() {
        // Where a weight less its zero point fits, the multiplier needs no adder in front.
        let recode = || set("recode", "\"minus_zero_point\"".into());
        for wider in [width, width + 1, 16].into_iter().filter(|wider| *wider <= 16) {
            let mut settings = vec![recode()];
            settings.extend((wider > width).then(|| set("width", wider.to_string())));
            settings.extend((!signed).then(|| set("signed", "true".into())));
            recoded.push(settings);
        }
    }
    if side == "weight" && operand.offset.is_none() {
        let plain = all.clone();
        for (mut settings, width) in plain {
            let format = format!("\"s{}\"", width + 1);
            settings.push(set("offset", format!("\"{WEIGHT_OFFSET}\"")));
            settings.push(set("format", format!("\"s{}\"", width + 2)));
            let parameter = format!("{{ format = {format}, per = \"channel\" }}");
            settings.push((format!("parameters.{WEIGHT_OFFSET}"), parameter));
            all.push((settings, width));
        }
    }
    all.into_iter().map(|(settings, _)| settings).chain(recoded).collect()
}
