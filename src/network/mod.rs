//! A quantised graph as plain data: integer carriers in tensors, scales and zero points as metadata.
//!
//! Nothing here computes a value of the network or touches a file: `import` fills it, `functional` evaluates it
//! by its framework's rules, `lower` takes single [`Layer`]s out of it.

mod layer;
mod tensor;
mod window;

pub use layer::{Carrier, Geometry, Layer, Weights};
pub(crate) use tensor::map_tensor;
pub use tensor::{DType, MAX_ELEMENTS, Tensor, element_count};
pub use window::{Padding, Placed, Window};
