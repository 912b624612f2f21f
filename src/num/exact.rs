//! The one JSON form of an exact integer: a number up to 2^53 in magnitude; beyond that, where readers lose digits, its
//! decimal digits as a string.
//!
//! A field of type [`Exact`] has it; one of type `i64` takes it with `#[serde(with = "crate::num::exact")]` and
//! `#[schemars(with = "Exact")]`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The largest magnitude that every reader of JSON numbers holds.
const LARGEST_NUMBER: u64 = 1 << 53;

/// A mathematical integer, which no format has limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exact(pub i128);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(self.0) {
            Ok(small) if small.unsigned_abs() <= LARGEST_NUMBER => serializer.serialize_i64(small),
            _ => serializer.serialize_str(&self.0.to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Digits)
    }
}

struct Digits;

impl Visitor<'_> for Digits {
    type Value = Exact;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an integer, or its decimal digits")
    }

    fn visit_i64<E>(self, value: i64) -> Result<Exact, E> {
        Ok(Exact(i128::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Exact, E> {
        Ok(Exact(i128::from(value)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Exact, E> {
        text.parse().map(Exact).map_err(|_| E::custom(format!("{text:?} is no integer")))
    }
}

impl JsonSchema for Exact {
    fn schema_name() -> Cow<'static, str> {
        "Exact".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An exact integer; beyond 2^53 in magnitude its decimal digits as a string.",
            "type": ["integer", "string"],
            "pattern": "^-?[0-9]+$",
        })
    }
}

/// Fields of machine integers that are written as [`Exact`].
pub trait Written: Sized {
    /// The same field of [`Exact`].
    type Form: Serialize + DeserializeOwned;
    /// As it is written.
    fn form(&self) -> Self::Form;
    /// As it was read; `None` when a value does not fit.
    fn back(form: Self::Form) -> Option<Self>;
}

impl Written for i64 {
    type Form = Exact;

    fn form(&self) -> Exact {
        Exact(i128::from(*self))
    }

    fn back(form: Exact) -> Option<i64> {
        i64::try_from(form.0).ok()
    }
}

impl Written for [i64; 2] {
    type Form = [Exact; 2];

    fn form(&self) -> [Exact; 2] {
        self.map(|value| value.form())
    }

    fn back(form: [Exact; 2]) -> Option<[i64; 2]> {
        Some([i64::back(form[0])?, i64::back(form[1])?])
    }
}

impl Written for BTreeMap<String, i64> {
    type Form = BTreeMap<String, Exact>;

    fn form(&self) -> BTreeMap<String, Exact> {
        self.iter().map(|(name, value)| (name.clone(), value.form())).collect()
    }

    fn back(form: BTreeMap<String, Exact>) -> Option<BTreeMap<String, i64>> {
        form.into_iter().map(|(name, value)| Some((name, i64::back(value)?))).collect()
    }
}

/// For `#[serde(with)]`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: Written, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.form().serialize(serializer)
}

/// For `#[serde(with)]`.
///
/// # Errors
/// Not an integer, or one beyond 64 bits.
pub fn deserialize<'de, T: Written, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::back(T::Form::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("an integer beyond 64 bits"))
}

/// Every integer inside `value`, in the one form.
pub fn in_json(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Array(items) => items.iter_mut().for_each(in_json),
        Value::Object(fields) => fields.values_mut().for_each(in_json),
        Value::Number(number) => {
            let wide = number.as_i128().filter(|v| v.unsigned_abs() > u128::from(LARGEST_NUMBER));
            if let Some(wide) = wide {
                *value = Value::String(wide.to_string());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Fields {
        exact: Exact,
        #[serde(with = "super")]
        machine: i64,
        #[serde(with = "super")]
        pair: [i64; 2],
        #[serde(with = "super")]
        table: BTreeMap<String, i64>,
    }

    /// 2^60 + 1 is the same text, whatever the field's type; 2^53 is a number everywhere.
    #[test]
    fn every_field_has_the_one_form() {
        let wide = (1_i64 << 60) + 1;
        for (value, json) in [
            (wide, format!("\"{wide}\"")),
            (-wide, format!("\"-{wide}\"")),
            (1 << 53, "9007199254740992".into()),
        ] {
            let table = BTreeMap::from([("a".to_string(), value)]);
            let fields = Fields { exact: value.form(), machine: value, pair: [value, 3], table };
            let text = serde_json::to_string(&fields).unwrap();
            let wanted =
                format!(r#"{{"exact":{json},"machine":{json},"pair":[{json},3],"table":{{"a":{json}}}}}"#);
            assert_eq!(text, wanted);
            assert_eq!(serde_json::from_str::<Fields>(&text).unwrap(), fields);
            let mut plain = serde_json::json!({ "a": [value] });
            in_json(&mut plain);
            assert_eq!(plain.to_string(), format!(r#"{{"a":[{json}]}}"#));
        }
    }

    #[test]
    fn no_digit_is_lost() {
        for value in [0, -1, 1 << 53, (1 << 53) + 1, i128::from(i64::MAX) + 1, i128::MIN] {
            let text = serde_json::to_string(&Exact(value)).unwrap();
            assert_eq!(serde_json::from_str::<Exact>(&text).unwrap(), Exact(value), "{text}");
        }
        // A number that an earlier goldpath wrote is read as well.
        assert_eq!(serde_json::from_str::<Exact>("1152921504606846977").unwrap(), Exact((1 << 60) + 1));
        for bad in ["\"x\"", "1.5", "\"12x\"", "null"] {
            assert!(serde_json::from_str::<Exact>(bad).is_err(), "{bad}");
        }
        let beyond = r#"{"exact":1,"machine":"9223372036854775808","pair":[1,2],"table":{}}"#;
        assert!(serde_json::from_str::<Fields>(beyond).is_err());
    }
}
