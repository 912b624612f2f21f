//! What a design says, as plain data, and the one way from there to a [`Design`]: its text is read like any other.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use super::{Accumulator, Array, BiasIn, Dsp, Level, Memory, Operand, Order, canonical};
use crate::error::{Error, Kind, Place, Result, shown};
use crate::post::{self, Parameter, Role, Step};

/// A complete, validated design: its [`Parts`] can be read, and changed by [`Design::new`] alone, which checks them.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    /// Inside of the crate they are edited: what somebody may have built by mistake is a design too (`neighbours`).
    pub(crate) parts: Parts,
}

impl std::ops::Deref for Design {
    type Target = Parts;

    #[inline]
    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// What a design says, every default made explicit.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// A Verilog identifier of at most 128 characters: also the name of the twin's module.
    pub name: String,
    /// The codes that come in by the rows.
    pub activation: Operand,
    /// The codes that come in by the columns.
    pub weight: Operand,
    /// Registers in front of the multiplier, on both sides.
    pub operand_latency: u32,
    /// What a product goes through before it is added, behind the multiplier and in front of its registers; a product of 0
    /// stays 0. Empty: it is exact.
    pub product_steps: Vec<post::Step>,
    /// Bits of a weight's exponent, where the steps read it: they are then the activation's, and what leaves them is added or
    /// subtracted as the weight's sign says. See [`Design::formed`].
    pub exponent: Option<u32>,
    /// Registers behind the multiplier and its steps.
    pub product_latency: u32,
    /// The slice that multiplies, where the design names one: it changes no value.
    pub dsp: Option<Dsp>,
    /// Reduction of a beat's lanes, level by level; what it leaves is summed exactly, or where levels follow behind the last
    /// beat, has an accumulator for each term. One of both is never empty when `array.lanes > 1`.
    pub reduce: Vec<Level>,
    /// Reduction of an output's accumulators behind its last beat, level by level, down to one; empty: there is one.
    pub after: Vec<Level>,
    /// What sums the products of one output.
    pub accumulator: Accumulator,
    /// How many PEs there are, and how they are wired.
    pub array: Array,
    /// Where partial sums meet, if K is cut.
    pub memory: Option<Memory>,
    /// What a visit's sum goes through on its way to its word of the memory; empty without one.
    pub store_steps: Vec<post::Step>,
    /// What a word goes through before a later visit's sum is added to it; empty without a memory.
    pub load_steps: Vec<post::Step>,
    /// What turns a finished accumulator into an output; may be empty.
    pub post: Vec<post::Step>,
    /// How many of the post steps stand on the way out of a grid, as its drain says: they move sums.
    pub drained: usize,
    /// What the layer must bring, in the order of first use; operands and programs refer to it by index.
    pub parameters: Vec<Parameter>,
    /// In which order the products of an output are formed.
    pub order: Order,
    /// Where layers' biases go, as this run says; no part of the hash.
    pub bias_in: BiasIn,
    /// Design key (`accumulator.width`) → Verilog parameter (`ACC_WIDTH`).
    pub twin: BTreeMap<String, String>,
    /// Values of the mapped keys, as overridden.
    pub twin_values: BTreeMap<String, i64>,
    /// SHA-256 of the canonical, expanded design, as overridden and without `[twin]`: lower-case hex.
    pub hash: String,
}

impl Design {
    /// A design of parts that somebody made or edited. The parts are written as TOML and read by [`Design::parse`], so that
    /// nothing is a design that could not be a file.
    ///
    /// What changes nothing is settled as it is for a file: an overflow rule or an adder that never acts, entries of a table
    /// beside all that comes. `hash` and `twin_values` are those of what was read, whatever the parts say; `bias_in` is kept.
    ///
    /// # Errors
    /// An index without a parameter; what [`Design::parse`] refuses; parts of which the text says something else, such as ids
    /// out of order, or parameters in another order than that of their first use ([`Parts::renumbered`]); and `bias_in` as
    /// [`Design::with_bias_in`].
    ///
    /// ```
    /// use goldpath::design::{Design, Parts};
    /// use goldpath::num::Format;
    ///
    /// let text = r#"
    /// schema = 1
    /// name = "mac"
    /// operands = { activation = { width = 8, signed = true }, weight = { width = 8, signed = true } }
    /// accumulator = { width = 16, signed = true, overflow = "saturate", start = "overwrite" }
    /// array = { dataflow = "sequential", rows = 1, columns = 1, lanes = 1 }
    /// "#;
    /// let design = Design::parse(text, "mac.toml".as_ref(), &[])?;
    /// let mut parts: Parts = design.clone().into();
    /// parts.accumulator.format = Format::signed(20).unwrap();
    /// let error = Design::new(parts.clone()).unwrap_err();
    /// assert!(error.message.starts_with("`accumulator` is nothing that a design.toml says"), "{error}");
    ///
    /// parts.accumulator.register = parts.accumulator.format;
    /// let wider = Design::new(parts)?;
    /// assert_eq!(wider, Design::parse(text, "mac.toml".as_ref(), &["accumulator.width=20".to_owned()])?);
    /// # Ok::<(), goldpath::error::Error>(())
    /// ```
    pub fn new(parts: Parts) -> Result<Design> {
        parts.check_indices()?;
        let given = Design { parts };
        let text = canonical::unproved(&given);
        let read = Design::parse(&text, Path::new("parts"), &[]).map_err(|error| unplaced(error, &text))?;
        let given = given.parts;
        if let Some([part, given, read]) = given.difference(&read) {
            let what = format!(
                "`{part}` is nothing that a design.toml says: what is written of the parts reads back otherwise"
            );
            return Err(Error::new(Kind::Design, what).help(format!("given {given}; read back {read}")));
        }
        read.with_bias_in(given.bias_in)
    }
}

impl From<Design> for Parts {
    fn from(design: Design) -> Parts {
        design.parts
    }
}

impl Parts {
    /// The same with its parameters in the order of their first use, as a file has them: parameters that nothing reads are left
    /// out, and operands are numbered anew.
    pub fn renumbered(mut self) -> Parts {
        let mut order: Vec<usize> = Vec::new();
        let read = self.operands().into_iter().filter_map(|(_, _, operand)| match operand {
            post::Operand::Parameter(index) if index < self.parameters.len() => Some(index),
            _ => None,
        });
        for index in read {
            if !order.contains(&index) {
                order.push(index);
            }
        }
        let place = |index: usize| order.iter().position(|old| *old == index).unwrap_or(index);
        let other = |operand| match operand {
            post::Operand::Parameter(index) => post::Operand::Parameter(place(index)),
            post::Operand::Constant(_) | post::Operand::Exponent { .. } => operand,
        };
        for side in [&mut self.activation, &mut self.weight] {
            side.offset = side.offset.map(other);
        }
        self.accumulator.bias = self.accumulator.bias.map(place);
        for list in [&mut self.product_steps, &mut self.store_steps, &mut self.load_steps, &mut self.post] {
            list.iter_mut().for_each(|step| *step = step.with_operands(&other));
        }
        self.parameters = order.iter().map(|index| self.parameters[*index].clone()).collect();
        self
    }

    fn lists(&self) -> [(&'static str, &[Step]); 4] {
        [
            ("product_steps", &self.product_steps),
            ("store_steps", &self.store_steps),
            ("load_steps", &self.load_steps),
            ("post", &self.post),
        ]
    }

    /// Every operand in the order in which a file is read, with who reads it and what it is to its step.
    fn operands(&self) -> Vec<(String, Option<Role>, post::Operand)> {
        let offsets = [("activation.offset", self.activation.offset), ("weight.offset", self.weight.offset)];
        let bias = ("accumulator.bias", self.accumulator.bias.map(post::Operand::Parameter));
        let alone = offsets.into_iter().chain([bias]);
        let alone = alone.filter_map(|(key, operand)| Some((key.to_owned(), None, operand?)));
        let steps = self.lists().into_iter().flat_map(|(list, steps)| {
            let of_step = move |(index, step): (usize, &Step)| {
                let key = format!("{list}[{index}]");
                step.roles().into_iter().map(move |(role, operand)| (key.clone(), Some(role), operand))
            };
            steps.iter().enumerate().flat_map(of_step)
        });
        alone.chain(steps).collect()
    }

    /// Refuses what could not even be written: an index without a parameter, and numbers where there can be none.
    fn check_indices(&self) -> Result<()> {
        let count = self.parameters.len();
        for (key, role, operand) in self.operands() {
            let what = match (role, operand) {
                (_, post::Operand::Parameter(index)) if index >= count => {
                    format!("`{key}` reads parameter {index}, but there are {count}, counted from 0")
                }
                (Some(Role::Condition), post::Operand::Constant(_) | post::Operand::Exponent { .. }) => {
                    format!("`{key}` asks a bit that is no parameter")
                }
                (None, post::Operand::Exponent { .. }) => {
                    format!("`{key}` is the exponent of a weight, which only steps of a product meet")
                }
                _ => continue,
            };
            return Err(Error::new(Kind::Design, what));
        }
        Ok(())
    }

    /// The first part that reads back otherwise, by name, with both; what has no effect is settled, and no difference.
    fn difference(&self, read: &Parts) -> Option<[String; 3]> {
        // All of them by name, so that a new one is not forgotten.
        let Parts {
            name,
            activation,
            weight,
            operand_latency,
            product_steps,
            exponent,
            product_latency,
            dsp,
            reduce,
            after,
            accumulator,
            array,
            memory,
            store_steps,
            load_steps,
            post,
            drained,
            parameters,
            order,
            twin,
            bias_in: _,
            twin_values: _,
            hash: _,
        } = self;
        differs("name", name, &read.name)
            .or_else(|| differs("activation", activation, &read.activation))
            .or_else(|| differs("weight", weight, &read.weight))
            .or_else(|| differs("operand_latency", operand_latency, &read.operand_latency))
            .or_else(|| differs_in("product_steps", product_steps, &read.product_steps, Step::without_rules))
            .or_else(|| differs("exponent", exponent, &read.exponent))
            .or_else(|| differs("product_latency", product_latency, &read.product_latency))
            .or_else(|| differs("dsp", dsp, &read.dsp))
            .or_else(|| differs_in("reduce", reduce, &read.reduce, Level::without_rule))
            .or_else(|| differs_in("after", after, &read.after, Level::without_rule))
            .or_else(|| differs("accumulator", accumulator, &read.accumulator))
            .or_else(|| differs("array", array, &read.array))
            .or_else(|| differs("memory", memory, &read.memory))
            .or_else(|| differs_in("store_steps", store_steps, &read.store_steps, Step::without_rules))
            .or_else(|| differs_in("load_steps", load_steps, &read.load_steps, Step::without_rules))
            .or_else(|| differs_in("post", post, &read.post, Step::without_rules))
            .or_else(|| differs("drained", drained, &read.drained))
            .or_else(|| differs_in("parameters", parameters, &read.parameters, Clone::clone))
            .or_else(|| differs("order", order, &read.order))
            .or_else(|| differs("twin", twin, &read.twin))
    }
}

fn differs<T: PartialEq + Debug>(part: &str, given: &T, read: &T) -> Option<[String; 3]> {
    (given != read).then(|| [part.to_owned(), shown(&format!("{given:?}")), shown(&format!("{read:?}"))])
}

/// The first that differs, by its place in the list; `settled` is one without what has no effect.
fn differs_in<T: PartialEq + Debug>(
    list: &str,
    given: &[T],
    read: &[T],
    settled: impl Fn(&T) -> T,
) -> Option<[String; 3]> {
    let both = |at: usize| [given, read].map(|list| list.get(at).map(&settled));
    let at = (0..given.len().max(read.len())).find(|at| both(*at)[0] != both(*at)[1])?;
    let one = |list: &[T]| list.get(at).map_or("nothing".to_owned(), |one| shown(&format!("{one:?}")));
    Some([format!("{list}[{at}]"), one(given), one(read)])
}

/// An error without its place in a text that nobody has; the line takes its place where it is one.
fn unplaced(error: Error, text: &str) -> Error {
    let line = match &error.place {
        Place::Line { line, .. } => text.lines().nth(line.saturating_sub(1)),
        _ => None,
    };
    let place = line.map_or(Place::Nowhere, |line| Place::Signal(line.to_owned()));
    error.at(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::{Format, Overflow};
    use crate::post::{Operand as Value, Per, When};

    const TEXT: &str = r#"
schema = 1
name = "mac"
operands = { activation = { width = 8, signed = true }, weight = { width = 8, signed = true } }
accumulator = { width = 24, signed = true, overflow = "saturate", start = "bias" }
array = { dataflow = "tree", lanes = 4 }
post = [
    { step = "add", value = "more", format = "s25", overflow = "saturate" },
    { step = "clamp", low = -8, high = "most", format = "s8", overflow = "saturate" },
]
parameters = { bias = { format = "s16" }, more = { format = "s8" }, most = { format = "u4" } }
twin = { parameters = { "accumulator.width" = "ACC_WIDTH" } }
"#;

    fn parts() -> Parts {
        Design::parse(TEXT, Path::new("mac.toml"), &[]).unwrap().into()
    }

    /// What is said of parts that are no design.
    fn refused(edit: impl FnOnce(&mut Parts)) -> String {
        let mut parts = parts();
        edit(&mut parts);
        let error = Design::new(parts).unwrap_err();
        assert_eq!(error.kind, Kind::Design, "{error}");
        error.message
    }

    #[test]
    fn parts_make_their_design_again() {
        let design = Design::parse(TEXT, Path::new("mac.toml"), &[]).unwrap();
        let mut parts: Parts = design.clone().into();
        (parts.hash, parts.twin_values) = (String::new(), BTreeMap::new());
        assert_eq!(Design::new(parts).unwrap(), design);
    }

    #[test]
    fn edits_are_those_of_the_file() {
        let mut parts = parts();
        let wide = Format::signed(30).unwrap();
        (parts.accumulator.format, parts.accumulator.register) = (wide, wide);
        (parts.post[0].format, parts.post[1].latency) = (Format::signed(31), 2);
        let sets = ["accumulator.width=30", "post.0.format=\"s31\"", "post.1.latency=2"].map(str::to_owned);
        let read = Design::parse(TEXT, Path::new("mac.toml"), &sets).unwrap();
        assert_eq!(read.twin_values["accumulator.width"], 30);
        assert_eq!(Design::new(parts).unwrap(), read);
    }

    #[test]
    fn rules_that_never_act_are_settled() {
        let mut parts = parts();
        assert_eq!(parts.post[1].overflow, Overflow::Wrap, "the clamp's bounds fit");
        let settled = Design::new(parts.clone()).unwrap();
        parts.post[1].overflow = Overflow::SaturateSymmetric;
        parts.reduce[0].overflow = Overflow::Saturate;
        assert_eq!(Design::new(parts).unwrap(), settled);
    }

    #[test]
    fn where_a_bias_goes_is_kept_and_checked() {
        let mut parts = parts();
        parts.bias_in = BiasIn::Nowhere;
        assert_eq!(Design::new(parts.clone()).unwrap().bias_in, BiasIn::Nowhere);
        parts.bias_in = BiasIn::Post;
        assert!(Design::new(parts).unwrap_err().message.contains("exactly one place (R9)"));
    }

    #[test]
    fn indices_without_a_parameter_are_refused() {
        let nowhere = "reads parameter 3, but there are 3, counted from 0";
        let third = |step: &Step| step.with_operands(&|_| Value::Parameter(3));
        let said = refused(|parts| parts.post[0] = third(&parts.post[0]));
        assert_eq!(said, format!("`post[0]` {nowhere}"));
        let said = refused(|parts| parts.post[0].value_steps = vec![third(&parts.post[0])]);
        assert_eq!(said, format!("`post[0]` {nowhere}"));
        let said = refused(|parts| parts.accumulator.bias = Some(3));
        assert_eq!(said, format!("`accumulator.bias` {nowhere}"));
        let said = refused(|parts| parts.weight.offset = Some(Value::Parameter(usize::MAX)));
        assert!(said.starts_with("`weight.offset` reads parameter 18446744073709551615"), "{said}");
        let said = refused(|parts| parts.parameters.clear());
        assert_eq!(said, "`accumulator.bias` reads parameter 0, but there are 0, counted from 0");
    }

    #[test]
    fn operands_that_cannot_be_written_are_refused() {
        let bit = |bit| Some(When { bit, is: true, wire: false });
        let said = refused(|parts| parts.post[0].when = bit(Value::Constant(1)));
        assert_eq!(said, "`post[0]` asks a bit that is no parameter");
        let said = refused(|parts| parts.activation.offset = Some(Value::Exponent { bits: 3 }));
        assert!(said.starts_with("`activation.offset` is the exponent of a weight"), "{said}");
    }

    #[test]
    fn contradictions_are_said_as_of_a_file() {
        let said = refused(|parts| parts.product_latency = 65);
        assert!(said.starts_with("`product.latency` is 65"), "{said}");
        let said = refused(|parts| parts.reduce.clear());
        assert_eq!(
            said,
            "`reduce[0]` is nothing that a design.toml says: what is written of the parts reads back otherwise"
        );
        let said = refused(|parts| parts.drained = 1);
        assert!(said.starts_with("`parameters.more` changes nothing"), "no drain has its step: {said}");
        let said = refused(|parts| parts.exponent = Some(3));
        assert!(said.contains("operands.weight.coding is not \"power_of_two\""), "{said}");
    }

    #[test]
    fn what_the_text_does_not_say_is_named() {
        let named = |part: &str, edit: &dyn Fn(&mut Parts)| {
            let said = refused(edit);
            assert!(said.starts_with(&format!("`{part}` is nothing that a design.toml says")), "{said}");
        };
        named("activation", &|parts| parts.activation.sum = Format::signed(9).unwrap());
        named("array", &|parts| parts.array.hop_sum = u32::MAX);
        named("accumulator", &|parts| parts.accumulator.register = Format::signed(25).unwrap());
        named("post[1]", &|parts| parts.post[1].id = "clamp".into());
        named("store_steps[0]", &|parts| parts.store_steps = parts.post.clone());
    }

    #[test]
    fn parameters_are_numbered_as_they_are_read() {
        let mut edited = parts();
        let (min, max, format) = (-9, 9, Format::signed(5).unwrap());
        let (name, per) = ("offset".to_owned(), Per::Layer);
        edited.parameters.push(Parameter::new(name, format, per).within(min, max));
        edited.weight.offset = Some(Value::Parameter(3));
        edited.weight.sum = Format::signed(9).unwrap();
        edited.post.remove(1);
        let error = Design::new(edited.clone()).unwrap_err();
        assert!(error.message.contains("most"), "{error}");
        let design = Design::new(edited.renumbered()).unwrap();
        let names: Vec<&str> = design.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        assert_eq!(names, ["offset", "bias", "more"]);
        assert_eq!((design.weight.offset, design.accumulator.bias), (Some(Value::Parameter(0)), Some(1)));
        assert_eq!(design.post[0].operands(), [Value::Parameter(2)]);
    }
}
