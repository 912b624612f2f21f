//! What is multiplied: a cube, and ResNet-18's layers at batch 1 as matrix products (M = OH · OW, K = cin · kh · kw).

/// One matrix product, and how often the network has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    pub m: usize,
    pub k: usize,
    pub n: usize,
    pub times: usize,
}

impl Product {
    pub const fn new(m: usize, k: usize, n: usize, times: usize) -> Product {
        Product { m, k, n, times }
    }

    /// Multiply-accumulates of one.
    pub fn macs(self) -> f64 {
        self.m as f64 * self.k as f64 * self.n as f64
    }
}

pub const CUBE: Product = Product::new(1024, 1024, 1024, 1);

/// He et al. 2015, table 1, 18 layers, 224 × 224: 1.81 GMAC.
pub const RESNET18: [Product; 12] = [
    Product::new(12544, 147, 64, 1),
    Product::new(3136, 576, 64, 4),
    Product::new(784, 576, 128, 1),
    Product::new(784, 1152, 128, 3),
    Product::new(784, 64, 128, 1),
    Product::new(196, 1152, 256, 1),
    Product::new(196, 2304, 256, 3),
    Product::new(196, 128, 256, 1),
    Product::new(49, 2304, 512, 1),
    Product::new(49, 4608, 512, 3),
    Product::new(49, 256, 512, 1),
    Product::new(1, 512, 1000, 1),
];

/// The network's convolutions as images: channels and size in, channels out, kernel, stride, padding, how often.
pub const CONVOLUTIONS: [[usize; 7]; 12] = [
    [3, 224, 64, 7, 2, 3, 1],
    [64, 56, 64, 3, 1, 1, 4],
    [64, 56, 128, 3, 2, 1, 1],
    [128, 28, 128, 3, 1, 1, 3],
    [64, 56, 128, 1, 2, 0, 1],
    [128, 28, 256, 3, 2, 1, 1],
    [256, 14, 256, 3, 1, 1, 3],
    [128, 28, 256, 1, 2, 0, 1],
    [256, 14, 512, 3, 2, 1, 1],
    [512, 7, 512, 3, 1, 1, 3],
    [256, 14, 512, 1, 2, 0, 1],
    [512, 1, 1000, 1, 1, 0, 1],
];
