//! What other systems call these roundings and overflow rules: the one table that pages, errors and tests read.

use super::{Overflow, Rounding};

/// Somebody else's fixed-point numbers.
#[derive(Debug, PartialEq, Eq)]
pub struct System {
    /// As its users say it.
    pub name: &'static str,
    /// Where its names are defined.
    pub source: &'static str,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// One of ours.
    Rounding(Rounding),
    /// One of ours.
    Overflow(Overflow),
    /// A rounding that is none of ours: what it does.
    OtherRounding(&'static str),
    /// An overflow rule that is none of ours: what it does.
    OtherOverflow(&'static str),
}

/// A name that another system gives to a rounding or an overflow rule.
#[derive(Debug)]
pub struct Alias {
    /// Whose name it is.
    pub system: &'static System,
    /// As it is written there.
    pub name: &'static str,
    /// What it is here.
    pub meaning: Meaning,
}

const AP_FIXED: System = System {
    name: "ap_fixed",
    source: "Vitis HLS User Guide UG1399, Quantization Modes and Overflow Modes; ap_fixed_base.h",
};
const AC_FIXED: System = System {
    name: "ac_fixed",
    source: "Algorithmic C Datatypes Reference Manual, Quantization and Overflow; ac_fixed.h",
};
const MATLAB: System = System {
    name: "MATLAB",
    source: "Fixed-Point Designer, fimath RoundingMethod and OverflowAction; fix, nearest, round, convergent",
};
const APYTYPES: System =
    System { name: "apytypes", source: "APyTypes, QuantizationMode and OverflowMode (fixed point)" };
const QONNX: System =
    System { name: "QONNX", source: "QONNX IntQuant, rounding_mode; custom_op/general/intquant.py" };

/// In the order in which tables have them.
pub static SYSTEMS: [&System; 5] = [&AP_FIXED, &AC_FIXED, &MATLAB, &APYTYPES, &QONNX];

const fn round(system: &'static System, name: &'static str, rounding: Rounding) -> Alias {
    Alias { system, name, meaning: Meaning::Rounding(rounding) }
}

const fn fit(system: &'static System, name: &'static str, overflow: Overflow) -> Alias {
    Alias { system, name, meaning: Meaning::Overflow(overflow) }
}

const fn other(system: &'static System, name: &'static str, does: &'static str) -> Alias {
    Alias { system, name, meaning: Meaning::OtherRounding(does) }
}

const fn other_fit(system: &'static System, name: &'static str, does: &'static str) -> Alias {
    Alias { system, name, meaning: Meaning::OtherOverflow(does) }
}

const TO_ZERO: &str = "a value outside the format becomes 0";

/// Every name, system by system.
pub static ALIASES: &[Alias] = &[
    round(&AP_FIXED, "AP_TRN", Rounding::Floor),
    round(&AP_FIXED, "AP_TRN_ZERO", Rounding::Trunc),
    round(&AP_FIXED, "AP_RND", Rounding::HalfUp),
    round(&AP_FIXED, "AP_RND_ZERO", Rounding::HalfZero),
    round(&AP_FIXED, "AP_RND_INF", Rounding::HalfAway),
    round(&AP_FIXED, "AP_RND_MIN_INF", Rounding::HalfDown),
    round(&AP_FIXED, "AP_RND_CONV", Rounding::HalfEven),
    fit(&AP_FIXED, "AP_WRAP", Overflow::Wrap),
    fit(&AP_FIXED, "AP_SAT", Overflow::Saturate),
    fit(&AP_FIXED, "AP_SAT_SYM", Overflow::SaturateSymmetric),
    other_fit(&AP_FIXED, "AP_SAT_ZERO", TO_ZERO),
    other_fit(
        &AP_FIXED,
        "AP_WRAP_SM",
        "the lowest bit that is cut off becomes the sign, and where it was another, the rest is inverted",
    ),
    round(&AC_FIXED, "AC_TRN", Rounding::Floor),
    round(&AC_FIXED, "AC_TRN_ZERO", Rounding::Trunc),
    round(&AC_FIXED, "AC_RND", Rounding::HalfUp),
    round(&AC_FIXED, "AC_RND_ZERO", Rounding::HalfZero),
    round(&AC_FIXED, "AC_RND_INF", Rounding::HalfAway),
    round(&AC_FIXED, "AC_RND_MIN_INF", Rounding::HalfDown),
    round(&AC_FIXED, "AC_RND_CONV", Rounding::HalfEven),
    round(&AC_FIXED, "AC_RND_CONV_ODD", Rounding::HalfOdd),
    fit(&AC_FIXED, "AC_WRAP", Overflow::Wrap),
    fit(&AC_FIXED, "AC_SAT", Overflow::Saturate),
    fit(&AC_FIXED, "AC_SAT_SYM", Overflow::SaturateSymmetric),
    other_fit(&AC_FIXED, "AC_SAT_ZERO", TO_ZERO),
    round(&MATLAB, "Ceiling", Rounding::Ceil),
    round(&MATLAB, "Convergent", Rounding::HalfEven),
    round(&MATLAB, "Floor", Rounding::Floor),
    round(&MATLAB, "Nearest", Rounding::HalfUp),
    round(&MATLAB, "Round", Rounding::HalfAway),
    round(&MATLAB, "Zero", Rounding::Trunc),
    round(&MATLAB, "fix", Rounding::Trunc),
    other(&MATLAB, "Simplest", "Simulink takes whichever rounding needs the least code"),
    fit(&MATLAB, "Saturate", Overflow::Saturate),
    fit(&MATLAB, "Wrap", Overflow::Wrap),
    round(&APYTYPES, "TRN", Rounding::Floor),
    round(&APYTYPES, "TO_NEG", Rounding::Floor),
    round(&APYTYPES, "TRN_INF", Rounding::Ceil),
    round(&APYTYPES, "TO_POS", Rounding::Ceil),
    round(&APYTYPES, "TRN_ZERO", Rounding::Trunc),
    round(&APYTYPES, "TO_ZERO", Rounding::Trunc),
    round(&APYTYPES, "TRN_AWAY", Rounding::Away),
    round(&APYTYPES, "TO_AWAY", Rounding::Away),
    round(&APYTYPES, "RND", Rounding::HalfUp),
    round(&APYTYPES, "TIES_POS", Rounding::HalfUp),
    round(&APYTYPES, "RND_ZERO", Rounding::HalfZero),
    round(&APYTYPES, "TIES_ZERO", Rounding::HalfZero),
    round(&APYTYPES, "RND_INF", Rounding::HalfAway),
    round(&APYTYPES, "TIES_AWAY", Rounding::HalfAway),
    round(&APYTYPES, "RND_MIN_INF", Rounding::HalfDown),
    round(&APYTYPES, "TIES_NEG", Rounding::HalfDown),
    round(&APYTYPES, "RND_CONV", Rounding::HalfEven),
    round(&APYTYPES, "TIES_EVEN", Rounding::HalfEven),
    round(&APYTYPES, "RND_CONV_ODD", Rounding::HalfOdd),
    round(&APYTYPES, "TIES_ODD", Rounding::HalfOdd),
    other(
        &APYTYPES,
        "TRN_MAG",
        "the floor plus the sign bit: trunc, but exact negative values go up by one, too",
    ),
    other(&APYTYPES, "JAM", "the floor with its lowest bit set"),
    other(&APYTYPES, "JAM_UNBIASED", "the floor, its lowest bit set where anything is cut off"),
    other(&APYTYPES, "STOCH_WEIGHTED", "up or down at random, as likely as the fraction says"),
    other(&APYTYPES, "STOCH_EQUAL", "up or down at random, either as likely"),
    fit(&APYTYPES, "WRAP", Overflow::Wrap),
    fit(&APYTYPES, "SAT", Overflow::Saturate),
    other_fit(&APYTYPES, "NUMERIC_STD", "the sign stays, the bits behind it are cut off"),
    round(&QONNX, "ROUND", Rounding::HalfEven),
    round(&QONNX, "HALF_EVEN", Rounding::HalfEven),
    round(&QONNX, "CEIL", Rounding::Ceil),
    round(&QONNX, "FLOOR", Rounding::Floor),
    round(&QONNX, "UP", Rounding::Away),
    round(&QONNX, "DOWN", Rounding::Trunc),
    round(&QONNX, "HALF_UP", Rounding::HalfAway),
    round(&QONNX, "HALF_DOWN", Rounding::HalfZero),
];

impl Meaning {
    /// Whether it says how values are rounded; else, what happens to those outside their format.
    pub fn is_rounding(self) -> bool {
        matches!(self, Meaning::Rounding(_) | Meaning::OtherRounding(_))
    }

    /// What designs call it, if they know it.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Meaning::Rounding(rounding) => Some(rounding.name()),
            Meaning::Overflow(overflow) => Some(overflow.name()),
            Meaning::OtherRounding(_) | Meaning::OtherOverflow(_) => None,
        }
    }
}

impl Alias {
    /// Everything that goes by that name, in capitals or not: `AP_RND`, or with its system in front, `qonnx:round`.
    ///
    /// ```
    /// use goldpath::num::Alias;
    /// let names = |asked: &str| Alias::named(asked).map(|alias| alias.meaning.name()).collect::<Vec<_>>();
    /// assert_eq!(names("AP_RND"), [Some("half_up")]);
    /// assert_eq!(names("round"), [Some("half_away"), Some("half_even")]);
    /// assert_eq!(names("qonnx:round"), [Some("half_even")]);
    /// assert_eq!(names("JAM"), [None]);
    /// ```
    pub fn named(asked: &str) -> impl Iterator<Item = &'static Alias> {
        let plain = |text: &str| text.trim().to_lowercase().replace('-', "_");
        let (system, name) = match asked.split_once([':', ' ']) {
            Some((system, name)) => (Some(plain(system)), plain(name)),
            None => (None, plain(asked)),
        };
        ALIASES.iter().filter(move |alias| {
            let is_its = system.as_ref().is_none_or(|system| plain(alias.system.name) == *system);
            is_its && plain(alias.name) == name
        })
    }

    /// In a sentence: what it is here, or that it is nothing here.
    pub fn says(&self) -> String {
        let (name, system) = (self.name, self.system.name);
        match self.meaning {
            Meaning::Rounding(rounding) => format!("{name} of {system} is {:?}", rounding.name()),
            Meaning::Overflow(overflow) => format!("{name} of {system} is {:?}", overflow.name()),
            Meaning::OtherRounding(does) | Meaning::OtherOverflow(does) => {
                format!("{name} of {system} has no equal here: {does}")
            }
        }
    }
}
