//! The answer that a tensor of scores gives: one rule for everything that compares answers.

use super::{Tensor, for_tensor};
use crate::error::{Error, Kind, Result};

impl Tensor {
    /// Image by image, batch first, the index of the largest value: the first of equal ones. A NaN is never larger than a
    /// number; an image of NaN alone answers 0.
    ///
    /// # Errors
    /// No value for each of `images`, or not equally many.
    pub fn answers(&self, images: usize) -> Result<Vec<usize>> {
        let each = self.len() / images.max(1);
        if each == 0 || each * images != self.len() {
            let message = format!("the network's output has shape {:?} for {images} images", self.shape());
            return Err(Error::new(Kind::Unsupported, message).help("the answer is read batch first"));
        }
        Ok(for_tensor!(self, values => {
            let values: Vec<_> = values.iter().copied().collect();
            values.chunks_exact(each).map(largest).collect()
        }))
    }
}

fn largest<T: PartialOrd>(values: &[T]) -> usize {
    let is_number = |at: usize| values[at].partial_cmp(&values[at]).is_some();
    (1..values.len()).fold(0, |best, at| {
        let better = values[at] > values[best] || (!is_number(best) && is_number(at));
        if better { at } else { best }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{ArrayD, IxDyn};

    #[test]
    fn a_nan_never_wins_and_the_first_of_equals_does() {
        let nan = f32::NAN;
        let values = vec![nan, 1.0, 3.0, 3.0, nan, nan, nan, nan, 2.0, nan, 5.0, -1.0, -0.0, 0.0, nan, -9.0];
        let tensor = Tensor::F32(ArrayD::from_shape_vec(IxDyn(&[4, 4]), values).unwrap());
        assert_eq!(tensor.answers(4).unwrap(), [2, 0, 2, 0]);
        assert!(tensor.answers(3).is_err() && tensor.answers(0).is_err());
        let codes = Tensor::I8(ArrayD::from_shape_vec(IxDyn(&[1, 3]), vec![-5, -3, -3]).unwrap());
        assert_eq!(codes.answers(1).unwrap(), [1]);
    }
}
