//! Which numbers a scheme may have: shifts one by one, and for each of them a range of multipliers.

use super::candidate::{Candidate, Part};
use super::{Factors, Scale};

/// n of x · M / 2^n that is looked at: beyond it, no preset has a shift.
const EXPONENTS: std::ops::RangeInclusive<i64> = -64..=127;

/// Numbers that are set, and the one that is not.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    /// Equal in two channels: the same shifts.
    pub n: i64,
    /// Place and number.
    pub fixed: Vec<(usize, i64)>,
    pub varied: Option<Varied>,
}

/// Every number from `low` to `high`, for one parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Varied {
    pub at: usize,
    pub low: i64,
    pub high: i64,
}

/// What is known of one channel.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known {
    Nothing,
    Factors(Factors),
    Numbers { multiplier: Option<i64>, shift: Option<i64> },
}

impl Scale {
    pub(super) fn known(&self, channel: usize) -> Known {
        let of = |list: &Vec<i64>| if list.len() == 1 { list[0] } else { list[channel] };
        match self {
            Scale::Unknown => Known::Nothing,
            Scale::Factors(list) => Known::Factors(if list.len() == 1 { list[0] } else { list[channel] }),
            Scale::Numbers { multipliers, shifts } => {
                Known::Numbers { multiplier: multipliers.as_ref().map(of), shift: shifts.as_ref().map(of) }
            }
        }
    }
}

impl Known {
    /// The real factor, where it is known.
    pub fn factor(self) -> Option<f64> {
        match self {
            Known::Factors(factors) => Some(factors.float64),
            Known::Numbers { multiplier: Some(m), shift: Some(n) } => Some(product(m, n)),
            _ => None,
        }
    }
}

/// m / 2^n.
pub(super) fn product(m: i64, n: i64) -> f64 {
    m as f64 * 2_f64.powi(i32::try_from(-n).unwrap_or(i32::MIN))
}

/// The settings of one channel, or why there is none.
pub(super) fn settings(candidate: &Candidate, known: Known) -> Result<Vec<Setting>, String> {
    if candidate.has(Part::Offset) {
        return match known {
            Known::Nothing => Ok(vec![]),
            _ => Err("its thresholds are no numbers of a scale".to_owned()),
        };
    }
    let has_own = (0..candidate.parts.len()).all(|at| {
        !matches!(candidate.parts[at], Part::Magnitude | Part::Count(_)) || candidate.source(at).is_some()
    });
    match known {
        Known::Nothing => Ok(searched(candidate, None, None)),
        Known::Factors(factors) if has_own => formed(candidate, factors).map(|setting| vec![setting]),
        Known::Factors(factors) => Ok(near(candidate, factors.float64)),
        Known::Numbers { multiplier, shift } => given(candidate, multiplier, shift),
    }
}

/// Every shift that the scheme can have, each with its multipliers.
fn searched(candidate: &Candidate, multiplier: Option<i64>, shift: Option<i64>) -> Vec<Setting> {
    let Some(at) = candidate.magnitude() else {
        return EXPONENTS
            .filter(|n| shift.is_none_or(|s| s == *n))
            .filter_map(|n| setting(candidate, n, None))
            .collect();
    };
    let parameter = &candidate.design.parameters[at];
    if candidate.precision().is_some() {
        let varied = Varied { at, low: parameter.min.max(1), high: parameter.max };
        return vec![Setting { n: 0, fixed: vec![], varied: Some(varied) }];
    }
    let (low, high) = match (multiplier, shift) {
        (Some(m), _) => (m, m),
        // With its shift given, a multiplier is what it is.
        (None, Some(_)) => (parameter.min.max(1), parameter.max),
        (None, None) => candidate.normal(at),
    };
    if !candidate.takes(at, low) || !candidate.takes(at, high) {
        return vec![];
    }
    let exponents = EXPONENTS.filter(|n| shift.is_none_or(|s| s == *n));
    if low == high {
        let mut settings: Vec<Setting> = exponents.filter_map(|n| setting(candidate, n, None)).collect();
        settings.iter_mut().for_each(|setting| setting.fixed.push((at, low)));
        return settings;
    }
    let varied = Some(Varied { at, low, high });
    exponents.filter_map(|n| setting(candidate, n, varied)).collect()
}

/// The shifts of one n, if the scheme can have them.
fn setting(candidate: &Candidate, n: i64, varied: Option<Varied>) -> Option<Setting> {
    let fixed: Vec<(usize, i64)> = candidate.counts().map(|(at, count)| (at, count.at(n))).collect();
    let fits = fixed.iter().all(|(at, value)| candidate.takes(*at, *value));
    fits.then_some(Setting { n, fixed, varied })
}

/// The numbers that the scheme forms of a real factor.
fn formed(candidate: &Candidate, factors: Factors) -> Result<Setting, String> {
    let mut fixed = Vec::new();
    for (at, part) in candidate.parts.iter().enumerate() {
        if !matches!(part, Part::Magnitude | Part::Count(_)) {
            continue;
        }
        let Some(source) = candidate.source(at) else { continue };
        let value = source.number.of(factors.of(source.factor)).map_err(|e| e.message)?;
        let parameter = &candidate.design.parameters[at];
        if !candidate.takes(at, value) {
            let (name, min, max) = (&parameter.name, parameter.min, parameter.max);
            return Err(format!("{name} would be {value}, outside {min}..={max}"));
        }
        fixed.push((at, value));
    }
    Ok(Setting { n: 0, fixed, varied: None })
}

/// Of a scheme that says no rule for its numbers: the two multipliers beside the factor, for every shift.
fn near(candidate: &Candidate, factor: f64) -> Vec<Setting> {
    let one = |mut setting: Setting| {
        let Some(varied) = &mut setting.varied else { return Some(setting) };
        let exact = factor * 2_f64.powi(i32::try_from(setting.n).ok()?);
        // Beyond 2^53 there is no multiplier, and all below is exact.
        if exact >= 9e15 {
            return None;
        }
        varied.low = varied.low.max(exact.floor() as i64);
        varied.high = varied.high.min(exact.ceil() as i64);
        (varied.low <= varied.high).then_some(setting)
    };
    searched(candidate, None, None).into_iter().filter_map(one).collect()
}

/// Multiplier and shift as they are; what is not given is searched.
fn given(candidate: &Candidate, multiplier: Option<i64>, shift: Option<i64>) -> Result<Vec<Setting>, String> {
    let outside = || {
        let words = |what: &str, value: Option<i64>| value.map(|value| format!("{what} {value}"));
        let words: Vec<String> =
            [words("multiplier", multiplier), words("shift", shift)].into_iter().flatten().collect();
        format!("it cannot have {}", words.join(" and "))
    };
    let found = match (candidate.magnitude(), candidate.precision()) {
        (None, _) => match multiplier {
            Some(m) if m <= 0 || m.count_ones() != 1 => {
                return Err(format!("it only shifts, and {m} is no power of two"));
            }
            m => {
                let bits = m.map_or(0, |m| i64::from(m.trailing_zeros()));
                searched(candidate, None, shift.map(|n| n - bits))
            }
        },
        (Some(_), Some(_)) => match (multiplier, shift) {
            (Some(m), Some(n)) if m > 0 => {
                return formed(candidate, Factors::whole(product(m, n))).map(|s| vec![s]);
            }
            (Some(m), _) if m <= 0 => vec![],
            _ => searched(candidate, None, None),
        },
        (Some(_), None) => searched(candidate, multiplier, shift),
    };
    if found.is_empty() { Err(outside()) } else { Ok(found) }
}
