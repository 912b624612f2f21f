//! The order in which ONNX Runtime (CPU, MLAS) adds the float32 products of Conv, MatMul and Gemm.
//!
//! ONNX fixes none, and float32 sums depend on it. Sources: mlas/lib/sgemm.cpp, convolve.cpp and the x86-64 kernels for
//! AVX, FMA3 and AVX-512 (these three agree), each rule run against ONNX Runtime 1.32 without a difference
//! (`tests/operators`). It is the order of one thread: more threads cut a product's columns into parts, whose lengths
//! then choose the blocks, so that ONNX Runtime's own last bits depend on how many there are.

/// In which order the products of one output are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Fused multiply-adds from the left, from 0, in blocks of so many products; every block's sum is added in turn.
    Blocks(usize),
    /// Rounded products, four at a time (then two, then one) added from the left; every group is added in turn.
    Groups,
    /// Eight interleaved sums of rounded products, which an output adds up as its [`Fold`] says.
    Lanes {
        /// Outputs of the whole product, a vector.
        outputs: usize,
    },
}

/// How eight interleaved sums become one. MLAS takes a vector's outputs by four, then two, then one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fold {
    /// ((0 + 1) + 2) + 3, and the upper four likewise.
    InTurn,
    /// 0 + 2, 1 + 3, and the upper four likewise; upper halves to lower ones; then these two.
    Halves,
    /// (0 + 1) + (2 + 3), and the upper four likewise.
    Pairs,
}

impl Fold {
    fn of(output: usize, outputs: usize) -> Fold {
        match output {
            at if at < outputs / 4 * 4 => Fold::InTurn,
            at if at < outputs / 2 * 2 => Fold::Halves,
            _ => Fold::Pairs,
        }
    }

    fn sum(self, [a, b, c, d, e, f, g, h]: [f32; 8]) -> f32 {
        match self {
            Fold::InTurn => (((a + b) + c) + d) + (((e + f) + g) + h),
            Fold::Halves => ((a + c) + (e + g)) + ((b + d) + (f + h)),
            Fold::Pairs => ((a + b) + (c + d)) + ((e + f) + (g + h)),
        }
    }
}

/// The eight sums of output number `output` of `outputs`, added up.
pub fn folded(lanes: [f32; 8], output: usize, outputs: usize) -> f32 {
    Fold::of(output, outputs).sum(lanes)
}

impl Order {
    /// Σ a·b of output number `output` (of a vector), times `alpha`, plus `start`.
    ///
    /// ```
    /// use goldpath::post::sgemm::Order;
    /// let terms = [(1e8, 1.0), (1.0, 1.0), (-1e8, 1.0), (1.0, 1.0)];
    /// assert_eq!(Order::Blocks(4).sum(0, None, 1.0, terms), 1.0); // 1e8 + 1 is 1e8
    /// assert_eq!(Order::Blocks(2).sum(0, None, 1.0, terms), 0.0); // 1 − 1e8 is −1e8
    /// assert_eq!(Order::Lanes { outputs: 2 }.sum(0, None, 1.0, terms), 2.0);
    /// assert_eq!(Order::Blocks(4).sum(0, Some(2.0), 0.5, [(1.0, 3.0)]), 3.5);
    /// ```
    pub fn sum(
        self,
        output: usize,
        start: Option<f32>,
        alpha: f32,
        terms: impl IntoIterator<Item = (f32, f32)>,
    ) -> f32 {
        match self {
            Order::Blocks(block) => blocks(start, alpha, terms, block),
            Order::Groups => groups(start.unwrap_or(0.0), terms),
            Order::Lanes { outputs } => {
                let mut lanes = [0.0f32; 8];
                terms.into_iter().enumerate().for_each(|(k, (a, b))| lanes[k % 8] += a * b);
                folded(lanes, output, outputs) + start.unwrap_or(0.0)
            }
        }
    }
}

fn blocks(start: Option<f32>, alpha: f32, terms: impl IntoIterator<Item = (f32, f32)>, block: usize) -> f32 {
    let (mut total, mut sum, mut taken) = (start, 0.0f32, 0);
    let close =
        |total: Option<f32>, sum: f32| Some(total.map_or(sum * alpha, |total| sum.mul_add(alpha, total)));
    for (a, b) in terms {
        if taken == block {
            total = close(total, sum);
            (sum, taken) = (0.0, 0);
        }
        sum = a.mul_add(b, sum);
        taken += 1;
    }
    close(total, sum).unwrap_or(0.0)
}

fn groups(start: f32, terms: impl IntoIterator<Item = (f32, f32)>) -> f32 {
    let products: Vec<f32> = terms.into_iter().map(|(a, b)| a * b).collect();
    let (fours, rest) = products.as_chunks::<4>();
    let (twos, rest) = rest.as_chunks::<2>();
    let total = fours.iter().fold(start, |total, [a, b, c, d]| (((a + b) + c) + d) + total);
    let total = twos.iter().fold(total, |total, [a, b]| (a + b) + total);
    rest.iter().fold(total, |total, a| a + total)
}

/// A product alpha · A · B + beta · C as MlasSgemm is asked for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Product {
    /// Rows of the result.
    pub rows: usize,
    /// Columns of the result.
    pub columns: usize,
    /// Products per output.
    pub depth: usize,
    /// A is stored with its axes exchanged.
    pub transposed_a: bool,
    /// B is.
    pub transposed_b: bool,
    /// Elements from one element of B's first column to the next.
    pub step_b: usize,
    /// B is an initialiser of rank 2 (or a Constant), which is laid out once, when the model is loaded.
    pub packed: bool,
    /// Factor of the sums.
    pub alpha: f32,
    /// Factor of C; 0 without one.
    pub beta: f32,
}

impl Product {
    /// A product of activations, neither scaled nor transposed.
    pub fn plain(rows: usize, columns: usize, depth: usize) -> Product {
        Product {
            rows,
            columns,
            depth,
            transposed_a: false,
            transposed_b: false,
            step_b: columns,
            packed: false,
            alpha: 1.0,
            beta: 0.0,
        }
    }

    /// ```
    /// use goldpath::post::sgemm::{Order, Product};
    /// assert_eq!(Product::plain(8, 16, 576).order(), Order::Blocks(1024)); // narrow results: longer blocks
    /// assert_eq!(Product::plain(8, 64, 576).order(), Order::Blocks(256));
    /// assert_eq!(Product { packed: true, ..Product::plain(1, 64, 576) }.order(), Order::Blocks(256));
    /// assert_eq!(Product::plain(1, 64, 576).order(), Order::Groups);
    /// assert_eq!(Product::plain(8, 1, 576).order(), Order::Lanes { outputs: 8 });
    /// ```
    pub fn order(&self) -> Order {
        /// MlasSgemm's blocks for weights that it packed beforehand.
        const PACKED: usize = 256;
        let simple = self.alpha == 1.0 && (self.beta == 0.0 || self.beta == 1.0);
        match self {
            Product { packed: true, .. } => Order::Blocks(PACKED),
            Product { rows: 1, transposed_a: false, transposed_b: false, .. } if simple => Order::Groups,
            Product { rows: 1, transposed_a: false, transposed_b: true, .. } if simple => {
                Order::Lanes { outputs: self.columns }
            }
            Product { columns: 1, step_b: 1, transposed_a: false, .. } if simple => {
                Order::Lanes { outputs: self.rows }
            }
            Product { columns: 1, step_b: 1, transposed_a: true, .. } if simple => Order::Groups,
            Product { transposed_a: true, .. } => Order::Blocks(BLOCK),
            _ => Order::Blocks(block(self.columns, self.depth)),
        }
    }
}

/// Products in a block of MlasSgemm.
const BLOCK: usize = 128;

/// A narrow result takes fewer columns and longer blocks at a time.
fn block(columns: usize, depth: usize) -> usize {
    let (mut taken, mut block) = (BLOCK, BLOCK);
    while columns < depth && taken > 16 && taken / 2 >= columns {
        taken /= 2;
        block *= 2;
    }
    block
}

/// A convolution of one image and group as MlasConv is asked for it; 1-D ones are images of height 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Output channels of the group.
    pub filters: usize,
    /// Input channels of the group.
    pub channels: usize,
    /// Height and width.
    pub input: [usize; 2],
    /// Height and width.
    pub kernel: [usize; 2],
    /// Height and width.
    pub output: [usize; 2],
    /// Strides of 1 and no padding.
    pub plain: bool,
    /// Dilations of 1.
    pub dense: bool,
}

impl Convolution {
    /// ```
    /// use goldpath::post::sgemm::{Convolution, Order};
    /// let depthwise = Convolution {
    ///     filters: 1, channels: 1, input: [8, 8], kernel: [3, 3], output: [8, 8], plain: false, dense: true,
    /// };
    /// assert_eq!(depthwise.order(), Order::Groups);
    /// assert_eq!(Convolution { filters: 8, channels: 64, ..depthwise }.order(), Order::Blocks(256));
    /// ```
    pub fn order(&self) -> Order {
        let Convolution { filters, channels, input, kernel, output, .. } = *self;
        let (outputs, taps) = (output[0] * output[1], kernel[0] * kernel[1]);
        let product = Product::plain(filters, outputs, channels * taps);
        if self.plain && taps == 1 {
            return product.order();
        }
        if self.plain && self.dense && channels == 1 {
            // The image itself is B: its rows are the windows, or their transpose.
            let step_b = input[1];
            if kernel[1] == input[1] {
                return Product { transposed_b: true, step_b, ..product }.order();
            }
            if kernel == [input[0], 1] {
                return Product { step_b, ..product }.order();
            }
        }
        match filters {
            _ if filters > outputs => product.order(),
            1 => Order::Groups,
            _ => Order::Blocks(block(outputs, product.depth)),
        }
    }
}
