//! The JSON Schema of `design.toml`.

use super::{Design, file};

impl Design {
    /// The schema that editors and other programs read; JSON Schema 2020-12.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(file::File).to_value()
    }
}
