//! The files of a matrix product: activations, weights, bias, post parameters.

use std::path::Path;
use std::sync::Arc;

use ndarray::{Array2, Ix2};

use crate::design::{BiasIn, Design, Operand};
use crate::error::{Error, Kind, Place, Result};
use crate::import::npy::{read_npy, read_npz};
use crate::lower::{Numbers, Program, recoding};
use crate::network::Tensor;
use crate::num::Format;
use crate::post::{self, Precision, Role};

/// Where the operands and numbers of Y[M,N] = A[M,K] · W[K,N] are.
pub struct ProductFiles<'a> {
    pub activations: &'a Path,
    pub weights: &'a Path,
    pub bias: Option<&'a Path>,
    pub params: Option<&'a Path>,
}

impl ProductFiles<'_> {
    /// Reads the files and meets the design; errors name the file that is to blame.
    pub fn program(&self, design: &Arc<Design>) -> Result<Program> {
        self.with(matrix(self.activations, &design.activation)?, design)
    }

    /// The product of these weights with activations that do not matter: 0, a row for every row of the array.
    pub fn weights_only(&self, design: &Arc<Design>) -> Result<Program> {
        let k = matrix(self.weights, &design.weight)?.nrows();
        self.with(Array2::zeros([design.array.rows, k]), design)
    }

    fn with(&self, activations: Array2<i64>, design: &Arc<Design>) -> Result<Program> {
        let weights = matrix(self.weights, &design.weight)?;
        let mut numbers = match self.params {
            Some(path) => parameters(path, design)?,
            None => Numbers::new(),
        };
        if let Some(path) = self.bias
            && numbers.insert("bias".to_string(), bias(path, weights.ncols())?).is_some()
        {
            return Err(Error::new(Kind::Usage, "the parameter file has a bias, too").in_file(path));
        }
        if design.bias_in == BiasIn::Nowhere && numbers.remove("bias").is_none() {
            return Err(Error::new(
                Kind::Usage,
                "there is no bias to leave out: give --bias, or one in --params",
            )
            .at(Place::Option("--bias-in none".to_string())));
        }
        let program = Program::matrix(design.clone(), activations.view(), weights.view(), &numbers);
        program.map_err(|error| self.blame(error, &numbers))
    }

    /// Puts the file in place of the operand or parameter that an error names.
    fn blame(&self, mut error: Error, numbers: &Numbers) -> Error {
        let Place::Signal(name) = &error.place else { return error };
        error.place = match (name.as_str(), self.bias, self.params) {
            ("activation", _, _) => Place::File(self.activations.to_path_buf()),
            ("weight", _, _) => Place::File(self.weights.to_path_buf()),
            ("bias", Some(path), _) => Place::File(path.to_path_buf()),
            (name, _, Some(path)) if numbers.contains_key(name) => {
                Place::Node { path: path.to_path_buf(), node: name.to_string() }
            }
            _ => return error,
        };
        error
    }
}

/// The operand's codes: those of a u8 file are recoded where the design says so.
fn matrix(path: &Path, operand: &Operand) -> Result<Array2<i64>> {
    let tensor = read_npy(path)?;
    let shift = i64::from(recoding(operand, tensor.dtype()));
    let shape = tensor.shape().to_vec();
    let values = tensor.to_i64().map_err(|e| e.in_file(path))?;
    values.mapv_into(|code| code - shift).into_dimensionality::<Ix2>().map_err(|_| {
        Error::new(Kind::Value, format!("a matrix is needed, not an array of shape {shape:?}")).in_file(path)
    })
}

fn bias(path: &Path, channels: usize) -> Result<Vec<i64>> {
    let tensor = read_npy(path)?;
    if tensor.shape() != [channels] {
        let message = format!("a bias of shape [{channels}] is needed, not {:?}", tensor.shape());
        return Err(Error::new(Kind::Value, message).in_file(path));
    }
    Ok(tensor.to_i64().map_err(|e| e.in_file(path))?.into_iter().collect())
}

/// Post parameters by step id or name, shape [] or [N]. Float scales may come as float32: their bits are taken.
fn parameters(path: &Path, design: &Design) -> Result<Numbers> {
    let mut numbers = Numbers::new();
    for (name, tensor) in read_npz(path)? {
        let place = Place::Node { path: path.to_path_buf(), node: name.clone() };
        if tensor.shape().len() > 1 {
            let message = format!("a shape of [] or [N] is needed, not {:?}", tensor.shape());
            return Err(Error::new(Kind::Value, message).at(place));
        }
        let values = match (&tensor, float(design, &name)) {
            (Tensor::F32(numbers), Some((precision, format))) => {
                if let Some(number) = numbers.iter().find(|number| !number.is_finite()) {
                    let message = format!("holds {number}: a factor or a term is a finite number");
                    return Err(Error::new(Kind::Value, message).at(place));
                }
                numbers.iter().map(|number| float_bits(*number, precision, format)).collect()
            }
            _ => tensor.to_i64().map_err(|e| e.at(place))?.into_iter().collect(),
        };
        numbers.insert(name, values);
    }
    Ok(numbers)
}

/// Precision and format of the float that `name` stands for: the parameter itself, or the step that it is alone in.
fn float(design: &Design, name: &str) -> Option<(Precision, Format)> {
    design.post.iter().find_map(|step| {
        let precision = step.op.float()?.precision;
        let is_float = |(role, _): &(Role, post::Operand)| matches!(role, Role::Scale | Role::FloatTerm);
        step.op.roles().into_iter().filter(is_float).find_map(|(_, operand)| {
            let post::Operand::Parameter(index) = operand else { return None };
            let parameter = &design.parameters[index];
            (step.id == name || parameter.name == name).then_some((precision, parameter.format))
        })
    })
}

/// The bits of a float as a number of `format` (R10).
fn float_bits(value: f32, precision: Precision, format: Format) -> i64 {
    let bits = precision.bits(value.into());
    match precision {
        Precision::F32 if !format.is_signed() => bits.rem_euclid(1 << 32),
        _ => bits,
    }
}
