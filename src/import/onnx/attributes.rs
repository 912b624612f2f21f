//! A node's attributes, taken one by one: what is left over at the end was not understood, and is refused.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::external::External;
use super::proto::{AttributeProto, NodeProto};
use crate::error::{Error, Kind, Result};
use crate::network::{AutoPad, Sliding, Tensor};

/// The largest kernel, stride, dilation or padding: far beyond any network, and no image of it fills the memory.
const LARGEST_EXTENT: usize = 4096;

pub(super) struct Attributes<'a> {
    node: &'a NodeProto,
    taken: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Attributes<'a> {
    pub fn new(node: &'a NodeProto) -> Self {
        Attributes { node, taken: RefCell::default() }
    }

    fn find(&self, name: &str) -> Option<&'a AttributeProto> {
        let found = self.node.attribute.iter().find(|a| a.name.as_deref() == Some(name))?;
        self.taken.borrow_mut().insert(found.name.as_deref().unwrap_or(""));
        Some(found)
    }

    /// Fails when an attribute was never asked for: ignoring it could change the answer.
    pub fn finish(self) -> Result<()> {
        let taken = self.taken.into_inner();
        let names = self.node.attribute.iter().map(|a| a.name.as_deref().unwrap_or(""));
        match names.into_iter().find(|name| !taken.contains(name)) {
            Some(name) => Err(Error::new(Kind::Unsupported, format!("attribute {name:?} is not supported"))),
            None => Ok(()),
        }
    }

    pub fn int(&self, name: &str) -> Result<Option<i64>> {
        self.find(name).map(|a| a.i.ok_or_else(|| wrong(name, "an integer"))).transpose()
    }

    pub fn int_or(&self, name: &str, default: i64) -> Result<i64> {
        Ok(self.int(name)?.unwrap_or(default))
    }

    pub fn flag(&self, name: &str) -> Result<bool> {
        Ok(self.int_or(name, 0)? != 0)
    }

    pub fn float(&self, name: &str) -> Result<Option<f32>> {
        self.find(name).map(|a| a.f.ok_or_else(|| wrong(name, "a float"))).transpose()
    }

    pub fn floats(&self, name: &str) -> Option<Vec<f32>> {
        self.find(name).map(|a| a.floats.clone())
    }

    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.find(name).map(|a| a.ints.clone())
    }

    pub fn tensor(&self, name: &str) -> Result<Option<Tensor>> {
        let Some(found) = self.find(name) else { return Ok(None) };
        let proto = found.t.as_ref().ok_or_else(|| wrong(name, "a tensor"))?;
        if proto.data_location == Some(1) {
            let message = format!("attribute {name} lies in another file, which is not supported");
            return Err(Error::new(Kind::Unsupported, message));
        }
        super::tensor::tensor(proto, &External::new(Path::new(""), 0)).map(Some)
    }

    /// Extents of a window, bounded by [`LARGEST_EXTENT`]; an absent list is empty.
    pub fn sizes(&self, name: &str) -> Result<Vec<usize>> {
        let size = |v: &i64| usize::try_from(*v).ok().filter(|v| *v <= LARGEST_EXTENT);
        let list = self.ints(name).unwrap_or_default();
        let needed = format!("entries of 0 to {LARGEST_EXTENT}");
        list.iter().map(|v| size(v).ok_or_else(|| wrong(name, &needed))).collect()
    }

    pub fn text(&self, name: &str) -> Result<Option<&'a str>> {
        self.find(name)
            .map(|a| {
                a.s.as_deref().and_then(|s| std::str::from_utf8(s).ok()).ok_or_else(|| wrong(name, "text"))
            })
            .transpose()
    }

    /// A list of words; empty when absent.
    pub fn texts(&self, name: &str) -> Result<Vec<&'a str>> {
        let Some(found) = self.find(name) else { return Ok(Vec::new()) };
        let words = found.strings.iter().map(|word| std::str::from_utf8(word));
        words.collect::<Result<_, _>>().map_err(|_| wrong(name, "a list of words"))
    }

    /// An attribute that may be present only with the value that changes nothing.
    pub fn only(&self, name: &str, value: i64) -> Result<()> {
        match self.int(name)? {
            Some(found) if found != value => {
                let message = format!("attribute {name} = {found} is not supported");
                Err(Error::new(Kind::Unsupported, message).help(format!("supported: {name} = {value}")))
            }
            _ => Ok(()),
        }
    }

    /// kernel_shape, strides, dilations, pads, auto_pad and ceil_mode.
    pub fn sliding(&self) -> Result<Sliding> {
        let pads = self.sizes("pads")?;
        let padding = match self.text("auto_pad")?.unwrap_or("NOTSET") {
            "NOTSET" | "" => AutoPad::Explicit(pads),
            "VALID" => AutoPad::Explicit(Vec::new()),
            "SAME_UPPER" => AutoPad::SameUpper,
            "SAME_LOWER" => AutoPad::SameLower,
            other => {
                return Err(wrong("auto_pad", "NOTSET, VALID, SAME_UPPER or SAME_LOWER")
                    .help(format!("not {other:?}")));
            }
        };
        Ok(Sliding {
            kernel: self.sizes("kernel_shape")?,
            strides: self.sizes("strides")?,
            dilations: self.sizes("dilations")?,
            padding,
            ceil: self.flag("ceil_mode")?,
        })
    }
}

fn wrong(name: &str, needed: &str) -> Error {
    Error::new(Kind::Malformed, format!("attribute {name} must be {needed}"))
}
