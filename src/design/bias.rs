//! Where a layer's bias goes, as whoever runs a design says.

use super::{Accumulator, Design, Parts};
use crate::error::{Error, Kind, Place, Result};
use crate::post::Operand;

/// Where a layer's bias goes: said for a run, and no part of the hardware or of its hash (R9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BiasIn {
    /// Where the design takes parameter `bias`: a layer that needs one is refused where nothing does.
    #[default]
    Design,
    /// A post step, which must take it.
    Post,
    /// Nowhere: it is left out on purpose, and what zero points add to it with it.
    Nowhere,
}

impl Design {
    /// The same hardware, whose layers' biases go there.
    ///
    /// # Errors
    /// [`BiasIn::Post`] where the accumulator starts from the bias, or where no post step takes parameter `bias`.
    pub fn with_bias_in(self, bias_in: BiasIn) -> Result<Design> {
        let refuse = |message: &str, help: &str| {
            let place = Place::Option("--bias-in post".to_owned());
            Err(Error::new(Kind::Design, message).at(place).help(help))
        };
        match bias_in {
            BiasIn::Post if self.accumulator.bias.is_some() => refuse(
                "the design adds the bias in front: accumulator.start is \"bias\", and it enters in exactly one place (R9)",
                "leave --bias-in out; or --set accumulator.start=\"overwrite\" and a post step that adds parameter bias",
            ),
            BiasIn::Post if self.bias_step().is_none() => refuse(
                "no post step of the design takes a parameter named bias",
                "write { step = \"bias\" } where the bias is added, or leave it out on purpose with --bias-in none",
            ),
            _ => Ok(Design { parts: Parts { bias_in, ..self.parts } }),
        }
    }

    /// Id of the first post step that takes parameter `bias`.
    pub fn bias_step(&self) -> Option<&str> {
        let Accumulator { bias, .. } = self.accumulator;
        let is_bias = |operand: &Operand| match operand {
            Operand::Parameter(index) => self.parameters[*index].name == "bias" && bias != Some(*index),
            Operand::Constant(_) | Operand::Exponent { .. } => false,
        };
        let step = self.post.iter().find(|step| step.operands().iter().any(is_bias));
        step.map(|step| step.id.as_str())
    }

    /// What became of the bias, in words, where a run said so.
    pub fn bias_words(&self) -> Option<String> {
        match self.bias_in {
            BiasIn::Design => None,
            BiasIn::Post => Some(format!("added by {} (--bias-in post)", self.bias_step().unwrap_or("post"))),
            BiasIn::Nowhere => Some(
                "left out on purpose, and what zero points add to it with it (--bias-in none)".to_owned(),
            ),
        }
    }
}
