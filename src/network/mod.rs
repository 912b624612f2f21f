//! A quantised graph as plain data: integer carriers in tensors, scales and zero points as metadata.
//!
//! Nothing here computes a value of the network (`argmax` reads the answer off one) or touches a file: `import` fills it, `functional` evaluates it
//! by its framework's rules, `lower` takes single [`Layer`]s out of it.

mod affine;
mod argmax;
mod bias;
mod body;
mod einsum;
mod elementwise;
mod fuse;
mod graph;
mod layer;
mod layout;
mod macs;
mod moves;
mod opaque;
mod order;
mod products;
mod recurrent;
mod resampling;
mod statistics;
mod tensor;
mod trace;
mod window;
mod wires;

pub use crate::limits::{MAX_ELEMENTS, element_count};
pub(crate) use body::multiplies;
pub use body::{Body, Inside};
pub use einsum::{Axis, Equation, Term};
pub use elementwise::{Binary, Lookup, Unary, Variadic};
pub use fuse::Qdq;
pub use graph::{AutoPad, Clamp, Conv, Gemm, Input, NBits, Network, Node, Operator, Sliding};
pub use layer::{Carrier, Geometry, Layer, Weights, per_channel};
pub use layout::{Joining, Layout, PadMode};
pub use macs::{Computed, Coverage, Mac, MacState};
pub(crate) use moves::Moves;
pub use opaque::OpaqueOperator;
pub use products::Products;
pub use recurrent::{Cell, Direction, Recurrent};
pub use resampling::{AspectRatio, ConvTranspose, Coordinates, Interpolation, Nearest, Resize};
pub use statistics::{Arg, Normalization, Reduce, Reduction};
pub use tensor::{DType, Tensor};
pub(crate) use tensor::{for_tensor, map_tensor};
pub use window::{Padding, Placed, Window};
pub(crate) use wires::{FreeNames, Wires};
