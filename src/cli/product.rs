//! The files of a matrix product: activations, weights, bias, post parameters.

use std::path::Path;
use std::sync::Arc;

use ndarray::{Array2, Ix2};

use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::import::npy::{read_npy, read_npz};
use crate::lower::{Numbers, Program};
use crate::network::Tensor;
use crate::post::Op;

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
        let activations = matrix(self.activations)?;
        let weights = matrix(self.weights)?;
        let mut numbers = match self.params {
            Some(path) => parameters(path, design)?,
            None => Numbers::new(),
        };
        if let Some(path) = self.bias
            && numbers.insert("bias".to_string(), bias(path, weights.ncols())?).is_some()
        {
            return Err(Error::new(Kind::Usage, "the parameter file has a bias, too").in_file(path));
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

fn matrix(path: &Path) -> Result<Array2<i64>> {
    let tensor = read_npy(path)?;
    let shape = tensor.shape().to_vec();
    let values = tensor.to_i64().map_err(|e| e.in_file(path))?;
    values.into_dimensionality::<Ix2>().map_err(|_| {
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
        let values = match &tensor {
            Tensor::F32(scales) if takes_float(design, &name) => {
                scales.iter().map(|s| i64::from(s.to_bits())).collect()
            }
            _ => tensor.to_i64().map_err(|e| e.at(place))?.into_iter().collect(),
        };
        numbers.insert(name, values);
    }
    Ok(numbers)
}

fn takes_float(design: &Design, name: &str) -> bool {
    name == "scale" || design.post.iter().any(|s| s.id == name && matches!(s.op, Op::FloatScale(..)))
}
