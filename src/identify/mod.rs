//! Which requantisation scheme made these outputs of these accumulators?
//!
//! ```text
//! samples ─► candidates (preset, its rounding) ─► numbers: given, or searched exactly ─► explains all ─► classes, what tells them apart
//!                                                                                     └► does not ─► with which numbers it misses least
//! ```
//!
//! Every named scheme is built as a requantizer alone and asked what it makes of the accumulators; there is no arithmetic here.
//! What is not given is searched: shifts one by one, and for each of them the multipliers (or the bits of a float scale) by
//! bisection, as outputs rise or fall with them. That holds while nothing wraps behind the multiplier: numbers that wrap
//! are looked at one by one, and not all where they are many ([`Remaining::is_whole`]).

mod apart;
mod candidate;
mod miss;
mod representative;
mod samples;
mod search;
mod settings;
mod thresholds;
mod zero;

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::limits::{Charge, bytes};
use crate::num::{Format, exact};
use crate::post::Factor;
pub use apart::{Class, Equal, Member, Telling};
use candidate::Candidate;
pub use miss::{Miss, Refuting};
use samples::Groups;
pub use samples::{Conflict, Samples};
use search::Solution;

/// What a sample takes, once as it comes and once in its channel.
const SAMPLE_BYTES: u64 = 64;

/// Outputs of a scheme, and what is known of it.
#[derive(Debug, Clone)]
pub struct Question {
    /// What went in, and what came out.
    pub samples: Samples,
    /// Of the accumulators.
    pub input: Format,
    /// Of the outputs.
    pub output: Format,
    /// Outputs are clamped to this, inside their format.
    pub bounds: (i64, i64),
    /// Searched when it is not given.
    pub zero_point: Option<i64>,
    /// One for all channels, or one for each.
    pub scale: Scale,
}

/// What is known of the numbers.
#[derive(Debug, Clone)]
pub enum Scale {
    /// Nothing.
    Unknown,
    /// The real factor, one or one per channel; schemes form their numbers of it as they do.
    Factors(Vec<Factors>),
    /// The product is x · multiplier / 2^shift, as they are given; what is missing is searched.
    Numbers {
        /// One, or one per channel.
        multipliers: Option<Vec<i64>>,
        /// One, or one per channel.
        shifts: Option<Vec<i64>>,
    },
}

/// One real factor in every precision that schemes form it in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors {
    /// [`Factor::Float32`]
    pub float32: f64,
    /// [`Factor::Float64`]
    pub float64: f64,
    /// [`Factor::Tflite`]
    pub tflite: f64,
}

impl Factors {
    /// Of a number that is given as a whole.
    pub fn whole(scale: f64) -> Factors {
        Factors { float32: f64::from(scale as f32), float64: scale, tflite: scale }
    }

    /// Of a layer's three scales; `is_plain`: one weight scale, and no bias.
    pub fn of_scales(scales: [f32; 3], is_plain: bool) -> Factors {
        let [float32, float64, tflite] = Factor::ALL.map(|factor| factor.of(scales, 0, is_plain));
        Factors { float32, float64, tflite }
    }

    fn of(self, factor: Factor) -> f64 {
        match factor {
            Factor::Float32 => self.float32,
            Factor::Float64 => self.float64,
            Factor::Tflite => self.tflite,
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// How many samples, those that say the same included.
    pub samples: usize,
    /// How many that differ in channel, accumulator or output.
    pub distinct: usize,
    /// Channels that have numbers of their own.
    pub channels: usize,
    /// Format of the accumulators.
    pub input: String,
    /// Format of the outputs.
    pub output: String,
    /// Outputs are clamped to this.
    pub bounds: [i64; 2],
    /// Zero points that were tried; one where it is given.
    pub zero_points: Vec<i64>,
    /// Whether more zero points are possible than were tried.
    pub zero_points_cut: bool,
    /// Equal accumulators with unequal outputs: no scheme does that.
    pub conflicts: Vec<Conflict>,
    /// Schemes that explain every sample, in classes that some accumulator tells apart.
    pub classes: Vec<Class>,
    /// Accumulators that tell these classes apart, every two of them by at least one.
    pub apart: Vec<Telling>,
    /// Accumulators that were tried to tell them apart.
    pub tried: usize,
    /// Schemes that do not explain every sample, the nearest first.
    pub misses: Vec<Miss>,
    /// Schemes that were not tried, and why.
    pub not_tried: BTreeMap<String, String>,
    /// Where nothing explains the samples with the numbers that are given: what does with others.
    pub with_other_numbers: Vec<Named>,
}

/// A scheme with its numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named {
    /// Of the preset.
    pub preset: String,
    /// Where the preset leaves it open.
    pub rounding: Option<String>,
    /// `None`: the scheme has none.
    pub zero_point: Option<i64>,
    /// The real factor of each channel.
    pub scales: Vec<f64>,
    /// Its parameters that are numbers of a scale, one value per channel.
    pub numbers: BTreeMap<String, Vec<Figure>>,
}

/// A parameter's number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Figure {
    /// As it is.
    Integer(#[serde(with = "exact")] i64),
    /// The float that its bits are.
    Float(f64),
}

/// How many numbers are left that explain everything.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Remaining {
    /// Of the channel that has the most.
    pub most: u64,
    /// Of the channel that has the fewest.
    pub fewest: u64,
    /// Zero points with which there are some.
    pub zero_points: usize,
    /// Whether no other number does; false where numbers that wrap were too many to look at.
    pub is_whole: bool,
}

/// A scheme that explains every sample, and everything that does so with it.
struct Explaining<'c> {
    candidate: &'c Candidate,
    /// One for each zero point.
    solutions: Vec<Solution>,
}

/// What became of one scheme.
enum Verdict<'c> {
    Explains(Explaining<'c>),
    Refuted(&'c Candidate),
    NotTried(String),
}

/// Tries every named scheme on the samples.
///
/// ```
/// use goldpath::identify::{Factors, Question, Samples, Scale, identify};
/// use goldpath::num::Format;
/// // tensorflow #102943: 585 / 90 lies just above 6.5, and TFLite printed 6 above its zero point.
/// let samples =
///     Samples { accumulators: vec![585, 135], outputs: vec![-120, -124], channels: vec![0; 2], channel_count: 1 };
/// let (input, output) = (Format::signed(32).unwrap(), Format::signed(8).unwrap());
/// let scale = Scale::Factors(vec![Factors::whole(f64::from(1_f32 / 90.0))]);
/// let question = Question { samples, input, output, bounds: (-128, 127), zero_point: Some(-126), scale };
/// let answer = identify(&question)?;
/// assert_eq!(answer.classes[0].ties[0], "half_even, of the float32 product");
/// assert_eq!(answer.classes.len(), 1);
/// # Ok::<(), goldpath::error::Error>(())
/// ```
///
/// # Errors
/// No samples, lists of unequal length, values outside their formats, and numbers that no scale can be.
pub fn identify(question: &Question) -> Result<Answer> {
    check(question)?;
    let count = question.samples.accumulators.len();
    let _held = Charge::new(bytes(&[count], SAMPLE_BYTES), || format!("{count} samples by channel"))?;
    let groups = Groups::new(&question.samples);
    let zeros = zero::zeros(question, &groups);
    let (candidates, mut not_tried) = candidate::all(question);
    let verdict = |candidate| (candidate, search::verdict(candidate, question, &groups, &zeros));
    let verdicts: Vec<(&Candidate, Verdict<'_>)> = candidates.par_iter().map(verdict).collect();
    let (mut explaining, mut refuted) = (Vec::new(), Vec::new());
    for (candidate, verdict) in verdicts {
        match verdict {
            Verdict::Explains(found) => explaining.push(found),
            Verdict::Refuted(candidate) => refuted.push(candidate),
            Verdict::NotTried(why) => drop(not_tried.insert(candidate.name(), why)),
        }
    }
    let chosen = representative::choose(&explaining, question, &groups);
    let (classes, apart, tried) = apart::classes(&chosen, question, &groups);
    let misses = miss::misses(&refuted, question, &groups, &zeros, chosen.first());
    let with_other_numbers = if classes.is_empty() { others(question, &groups)? } else { vec![] };
    Ok(Answer {
        samples: question.samples.accumulators.len(),
        distinct: groups.channels.iter().map(Vec::len).sum(),
        channels: groups.channels.len(),
        input: question.input.to_string(),
        output: question.output.to_string(),
        bounds: [question.bounds.0, question.bounds.1],
        zero_points: zeros.tried.iter().map(|zero| zero.point).collect(),
        zero_points_cut: zeros.is_cut,
        conflicts: groups.conflicts,
        classes,
        apart,
        tried,
        misses,
        not_tried,
        with_other_numbers,
    })
}

/// What explains the samples with numbers that nobody gave.
fn others(question: &Question, groups: &Groups) -> Result<Vec<Named>> {
    let is_given = !matches!(question.scale, Scale::Unknown) || question.zero_point.is_some();
    if !is_given || !groups.conflicts.is_empty() {
        return Ok(vec![]);
    }
    let open = Question { scale: Scale::Unknown, zero_point: None, ..question.clone() };
    let members = identify(&open)?.classes.into_iter().flat_map(|class| class.members);
    Ok(members.map(|member| member.scheme).collect())
}

/// What is asked makes sense; callers say where a number comes from.
fn check(question: &Question) -> Result<()> {
    let Question { samples, input, output, bounds: (low, high), .. } = question;
    let wrong = |what: String| Err(Error::new(Kind::Value, what));
    let Samples { accumulators, outputs, channels, channel_count } = samples;
    if accumulators.is_empty() {
        return wrong("there are no samples".to_owned());
    }
    if accumulators.len() != outputs.len() || accumulators.len() != channels.len() {
        let [a, o, c] = [accumulators.len(), outputs.len(), channels.len()];
        return wrong(format!("{a} accumulators, {o} outputs and {c} channels are no samples"));
    }
    if channels.iter().any(|channel| channel >= channel_count) {
        return wrong(format!("a sample lies beyond the {channel_count} channels"));
    }
    for (values, format, what) in [(accumulators, input, "accumulator"), (outputs, output, "output")] {
        if let Some((at, value)) = values.iter().enumerate().find(|(_, v)| !format.contains(i128::from(**v)))
        {
            return wrong(format!("{what} {at} is {value}, outside {format}"));
        }
    }
    if low > high || !output.contains(i128::from(*low)) || !output.contains(i128::from(*high)) {
        return wrong(format!("outputs of {output} cannot be clamped to {low}..={high}"));
    }
    if let Some(zero) = question.zero_point.filter(|zero| !output.contains(i128::from(*zero))) {
        return wrong(format!("zero point {zero} lies outside {output}"));
    }
    check_scale(&question.scale, *channel_count)
}

fn check_scale(scale: &Scale, channels: usize) -> Result<()> {
    let count = |what: &str, given: usize| match given == 1 || given == channels {
        true => Ok(()),
        false => Err(Error::new(Kind::Value, format!("{given} {what} for {channels} channels"))),
    };
    match scale {
        Scale::Unknown => Ok(()),
        Scale::Factors(factors) => {
            let is_wrong = |f: &f64| !f.is_finite() || *f <= 0.0;
            let wrong = factors.iter().position(|f| [f.float64, f.tflite].iter().any(is_wrong));
            if let Some(at) = wrong {
                let message = format!("scale {at} is {}", factors[at].float64);
                return Err(Error::new(Kind::Value, message).help("a scale is finite and above 0"));
            }
            count("scales", factors.len())
        }
        Scale::Numbers { multipliers, shifts } => {
            count("multipliers", multipliers.as_ref().map_or(1, Vec::len))?;
            count("shifts", shifts.as_ref().map_or(1, Vec::len))
        }
    }
}
