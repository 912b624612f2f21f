//! A claim about one output with everything it takes to show it again: `witness.json`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::replay::{Requantizer, Row, Visit, Weights};
use super::{Class, DesignEntry, Event, Exact, PlaceEntry};
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::lower::{Numbers, Program, no_events};
use crate::num::{Format, Overflow, fit, hex, hex_digits};
use crate::post::{self, bind};

/// The file: witnesses of one analysis, by layer and claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WitnessFile {
    /// Version of this format: 1.
    pub schema: u32,
    /// The goldpath that wrote it, with its version.
    pub generator: String,
    /// The hardware that the claims are about.
    pub design: DesignEntry,
    /// Every claim; the ids are distinct.
    pub witnesses: Vec<Witness>,
}

/// One output that shows one claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Witness {
    /// `<layer>/first`, `<layer>/largest` (of all nodes that form the sum), `<layer>/channel/<n>`,
    /// `<layer>/<node>/first`, `<layer>/<node>/largest`, `<layer>/<class>`.
    pub id: String,
    /// What it shows, in one sentence.
    pub claim: String,
    /// The layer that the output belongs to.
    pub layer: String,
    /// Where the output lies in the layer, with the beat of the event that is claimed.
    pub place: PlaceEntry,
    /// What became of the output; none when nothing was taken from its sum.
    pub class: Option<Class>,
    /// The event that is claimed; none when the claim is about the whole output.
    pub event: Option<Event>,
    /// What must come out.
    pub expected: Expected,
    /// What must go in.
    pub operands: Operands,
}

/// What the output's accumulation and post steps yield.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expected {
    /// What the accumulator starts from.
    #[serde(with = "crate::num::exact")]
    #[schemars(with = "Exact")]
    pub start: i64,
    /// What it ends with.
    #[serde(with = "crate::num::exact")]
    #[schemars(with = "Exact")]
    pub accumulator: i64,
    /// The exact sum: the start as it is brought plus every product, never fitted.
    pub exact: Exact,
    /// What leaves the post steps.
    #[serde(with = "crate::num::exact")]
    #[schemars(with = "Exact")]
    pub output: i64,
    /// What would leave them for the exact sum.
    pub corrected: Exact,
    /// Events of this output at each fitting node, in datapath order: node, high, low.
    pub events: Vec<(String, u64, u64)>,
}

/// One row of activations and one column of weights, in scheduled order, and the numbers of the channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Operands {
    /// Products of the output.
    pub k: usize,
    /// Format of the activation codes.
    pub activation_format: String,
    /// The codes, each in ceil(width / 4) hex digits of two's complement, element 0 first.
    pub activations: String,
    /// Format of the weight codes.
    pub weight_format: String,
    /// The codes, like the activations.
    pub weights: String,
    /// Every parameter of the design, with its value for this channel.
    #[serde(with = "crate::num::exact")]
    #[schemars(with = "BTreeMap<String, Exact>")]
    pub parameters: BTreeMap<String, i64>,
}

/// What a witness is asked to show.
pub(super) struct Claim {
    pub id: String,
    pub claim: String,
    pub layer: String,
    pub place: PlaceEntry,
    pub class: Option<Class>,
    pub event: Option<Event>,
}

impl Witness {
    /// The output at `claim.place`, taken out of its program.
    pub(super) fn new(program: &Program, claim: Claim) -> Witness {
        let Claim { id, claim, layer, place, class, event } = claim;
        let operands = Operands::new(program, place.m, place.n);
        Witness { expected: expected(program, place), id, claim, layer, place, class, event, operands }
    }

    /// The output alone: 1 × K × 1 on the same design.
    ///
    /// # Errors
    /// Operands that are none, or that the design has no place for; the place is the witness.
    pub fn program(&self, design: &Arc<Design>) -> Result<Program> {
        let placed = |e: Error| if e.place == Place::Nowhere { e.at(self.named()) } else { e };
        let codes = |digits: &str, format: Format| codes(digits, format, self.operands.k);
        let a = codes(&self.operands.activations, design.activation.format).map_err(placed)?;
        let w = codes(&self.operands.weights, design.weight.format).map_err(placed)?;
        let numbers: Numbers =
            self.operands.parameters.iter().map(|(name, value)| (name.clone(), vec![*value])).collect();
        let shape = |rows, columns, codes| Array2::from_shape_vec((rows, columns), codes);
        let (Ok(a), Ok(w)) = (shape(1, self.operands.k, a), shape(self.operands.k, 1, w)) else {
            return Err(Error::new(Kind::Malformed, "its codes are not k many").at(self.named()));
        };
        Program::matrix(Arc::clone(design), a.view(), w.view(), &numbers)
    }

    fn named(&self) -> Place {
        Place::Signal(format!("witness {}", self.id))
    }

    /// Refuses the witness: `what` is not as it claims.
    pub(super) fn refuse(&self, what: &str, expected: impl ToString, found: impl ToString) -> Error {
        let message = format!("it claims {what} {}, but this is {}", expected.to_string(), found.to_string());
        Error::new(Kind::Value, message)
            .at(self.named())
            .help("the file has been changed, or goldpath's arithmetic has; run `goldpath overflow` again")
    }
}

/// Replays one output.
pub(super) fn expected(program: &Program, place: PlaceEntry) -> Expected {
    let (m, n, design) = (place.m, place.n, &program.design);
    let mut counts = no_events(design);
    let mut count = |visit: Visit| {
        let events = &mut counts[design.node_index(visit.node)];
        events.high += u64::from(visit.flags.high);
        events.low += u64::from(visit.flags.low);
    };
    let weights = Weights::new(program, n..n + 1);
    let ended = Row::new(program, &weights, m).replay(n, &mut count);
    let requantizer = Requantizer::new(program);
    let output = requantizer.run(program, n, i128::from(ended.accumulator), &mut count);
    Expected {
        start: program.start(n),
        accumulator: ended.accumulator,
        exact: Exact(ended.exact),
        // The last step's format holds it, and no format has more than 64 bits.
        output: output as i64,
        corrected: Exact(requantizer.run(program, n, ended.exact, &mut |_| {})),
        events: counts.into_iter().map(|e| (e.node, e.high, e.low)).collect(),
    }
}

/// Every event of output (0, 0), in order.
pub(super) fn visits(program: &Program) -> Vec<Visit> {
    let mut visits = Vec::new();
    let weights = Weights::new(program, 0..1);
    let ended = Row::new(program, &weights, 0).replay(0, &mut |visit| visits.push(visit));
    let accumulator = i128::from(ended.accumulator);
    Requantizer::new(program).run(program, 0, accumulator, &mut |visit| visits.push(visit));
    visits
}

impl Operands {
    fn new(program: &Program, m: usize, n: usize) -> Operands {
        let (design, shape) = (&program.design, program.shape);
        let (group, channel) = (n / shape.n, n % shape.n);
        let activation = |k| i64::from(program.activation(m / shape.m, group, m % shape.m, k));
        let weight = |k| i64::from(program.weight(group, k, channel));
        let parameters = design.parameters.iter().enumerate();
        let value = |index| bind(post::Operand::Parameter(index), &program.parameters, n);
        Operands {
            k: shape.k,
            activation_format: design.activation.format.to_string(),
            activations: (0..shape.k).map(|k| hex(activation(k), design.activation.format)).collect(),
            weight_format: design.weight.format.to_string(),
            weights: (0..shape.k).map(|k| hex(weight(k), design.weight.format)).collect(),
            parameters: parameters.map(|(index, p)| (p.name.clone(), value(index))).collect(),
        }
    }
}

/// R10 backwards: `k` codes of `format`.
fn codes(digits: &str, format: Format, k: usize) -> Result<Vec<i64>> {
    let each = hex_digits(format.width() as usize);
    let bad = |message: String| Err(Error::new(Kind::Malformed, message));
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) || Some(digits.len()) != k.checked_mul(each) {
        return bad(format!("{k} codes of {format} are {each} hex digits each and nothing else"));
    }
    let mut codes = Vec::with_capacity(k);
    for at in (0..digits.len()).step_by(each) {
        let pattern = i128::from_str_radix(&digits[at..at + each], 16).unwrap_or_default();
        if pattern >> format.width() != 0 {
            return bad(format!("{} has more bits than {format}", &digits[at..at + each]));
        }
        codes.push(fit(pattern, format, Overflow::Wrap).value);
    }
    Ok(codes)
}

impl WitnessFile {
    /// The JSON Schema of `witness.json`.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(WitnessFile).to_value()
    }

    /// The witness called `id`.
    ///
    /// # Errors
    /// There is none; the message lists some that there are.
    pub fn find(&self, id: &str) -> Result<&Witness> {
        self.witnesses.iter().find(|w| w.id == id).ok_or_else(|| {
            let known: Vec<&str> = self.witnesses.iter().take(12).map(|w| w.id.as_str()).collect();
            let more = if self.witnesses.len() > known.len() { ", …" } else { "" };
            let list = if known.is_empty() { "none".to_string() } else { known.join(", ") };
            Error::new(Kind::Value, format!("has no witness {id:?}"))
                .help(format!("its {} witnesses: {list}{more}", self.witnesses.len()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back_from_their_digits() {
        for (format, values) in [("s8", vec![-128, 127, -1, 0]), ("u4", vec![15, 0]), ("s9", vec![-256, 255])]
        {
            let format: Format = format.parse().unwrap();
            let digits: String = values.iter().map(|v| hex(*v, format)).collect();
            assert_eq!(codes(&digits, format, values.len()).unwrap(), values);
            assert!(codes(&digits, format, values.len() + 1).is_err());
        }
        let s9: Format = "s9".parse().unwrap();
        assert!(codes("fff", s9, 1).is_err() && codes("00g", s9, 1).is_err() && codes("+01", s9, 1).is_err());
    }
}
