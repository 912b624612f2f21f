//! Activations as the kernels want them: a few rows of positions, gathered once for all panels of a group.

use crate::functional::kernels::Piece;
use crate::lower::{Convolution, Gather, Program};

/// What one activation becomes in a kernel's row.
pub trait Element: Copy + Default + Send + Sync {
    /// From an effective activation; `base` is the smallest one.
    fn of(activation: i32, base: i32) -> Self;
}

impl Element for u8 {
    // The licence of the 8-bit kernels: activations span at most 256 values.
    fn of(activation: i32, base: i32) -> Self {
        (activation - base) as u8
    }
}

impl Element for i16 {
    // The licence of the 16-bit kernels.
    fn of(activation: i32, _: i32) -> Self {
        activation as i16
    }
}

impl Element for i32 {
    fn of(activation: i32, _: i32) -> Self {
        activation
    }
}

/// Twice the same 16 bits.
impl Element for u32 {
    fn of(activation: i32, _: i32) -> Self {
        u32::from(activation as i16 as u16) * 0x1_0001
    }
}

/// Codes as they come: a program's, or bytes of a matrix.
pub trait Code: Copy + Send + Sync {
    /// The code as a number.
    fn code(self) -> i32;
}

impl Code for i32 {
    fn code(self) -> i32 {
        self
    }
}

impl Code for u8 {
    fn code(self) -> i32 {
        i32::from(self)
    }
}

impl Code for i8 {
    fn code(self) -> i32 {
        i32::from(self)
    }
}

/// Which scheduled element every position works on: k = beat · lanes + lane, or strided; idle ones have none.
#[derive(Debug, Clone)]
pub struct Positions {
    /// Element of each position; `None` where a lane idles.
    pub k: Vec<Option<u32>>,
    /// Position p works on element p, and there are K of them.
    pub plain: bool,
}

impl Positions {
    /// In the order of the program's beats.
    pub fn new(program: &Program) -> Positions {
        let lanes = program.design.array.lanes;
        let k: Vec<Option<u32>> = (0..program.beats() * lanes)
            .map(|p| program.k_of(p / lanes, p % lanes).and_then(|k| u32::try_from(k).ok()))
            .collect();
        let plain = k.iter().enumerate().all(|(p, k)| k.is_none_or(|k| k as usize == p));
        Positions { k, plain }
    }
}

/// How an activation's code becomes a number in front of the multiplier.
#[derive(Debug, Clone, Copy)]
pub struct Offset {
    /// Added to every code.
    pub add: i32,
    /// The smallest effective activation.
    pub base: i32,
}

/// Some rows of a matrix of codes `[…][k]`.
pub fn matrix_rows<C: Code, E: Element>(
    codes: &[C],
    k: usize,
    positions: &Positions,
    offset: Offset,
    [stride, count]: [usize; 2],
    into: &mut Vec<E>,
) {
    into.clear();
    into.reserve(count * stride);
    let of = |code: C| E::of(code.code() + offset.add, offset.base);
    for (row, from) in codes.chunks_exact(k).take(count).enumerate() {
        if positions.plain {
            into.extend(from.iter().map(|code| of(*code)));
        } else {
            let at = |k: &Option<u32>| k.map_or(E::default(), |k| of(from[k as usize]));
            into.extend(positions.k.iter().map(at));
        }
        into.resize((row + 1) * stride, E::default());
    }
}

/// One image of one group with its padding, laid out so that the positions of a row are long runs.
pub struct Image<E> {
    elements: Vec<E>,
    /// From one output position to the next, down and across.
    step: [usize; 2],
    /// Output positions in a row of the image.
    across: usize,
}

/// Runs of neighbours: (first position, first element, length).
pub type Runs = Vec<(u32, u32, u32)>;

/// Where the taps of a convolution lie in an [`Image`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taps {
    /// Height and width with padding.
    size: [usize; 2],
    /// Elements between neighbours: channels, rows, columns.
    strides: [usize; 3],
    runs: Runs,
}

impl Taps {
    /// Channels lie innermost where they do in the order of the products.
    pub fn new(conv: &Convolution, positions: &Positions) -> Taps {
        let reach = |axis: usize| {
            (conv.output[axis] - 1) * conv.stride[axis] + (conv.kernel[axis] - 1) * conv.dilation[axis] + 1
        };
        let size = [reach(0).max(conv.pad[0] + conv.height), reach(1).max(conv.pad[1] + conv.width)];
        let inner = conv.taps.get(1).is_some_and(|tap| tap[2] == 1);
        let strides = match inner {
            true => [1, size[1] * conv.cin, conv.cin],
            false => [size[0] * size[1], size[1], 1],
        };
        let mut runs = Runs::new();
        for (p, k) in positions.k.iter().enumerate() {
            let Some(k) = k else { continue };
            let [kh, kw, cin] = conv.taps[*k as usize];
            let at =
                cin * strides[0] + kh * conv.dilation[0] * strides[1] + kw * conv.dilation[1] * strides[2];
            let (p, at) = (p as u32, at as u32);
            match runs.last_mut() {
                Some((to, from, length)) if *to + *length == p && *from + *length == at => *length += 1,
                _ => runs.push((p, at, 1)),
            }
        }
        Taps { size, strides, runs }
    }
}

impl<E: Element> Image<E> {
    /// The codes of `image` and `group` as elements, padded.
    pub fn new(
        program: &Program,
        conv: &Convolution,
        taps: &Taps,
        offset: Offset,
        [image, group]: [usize; 2],
    ) -> Self {
        let [height, width] = taps.size;
        let padding = E::of(conv.padding_code + offset.add, offset.base);
        let mut elements = vec![padding; height * width * conv.cin];
        let planes = (image * program.shape.groups + group) * conv.cin;
        for c in 0..conv.cin {
            let plane = &program.activations[(planes + c) * conv.height * conv.width..];
            for (y, line) in plane.chunks_exact(conv.width).take(conv.height).enumerate() {
                let at =
                    c * taps.strides[0] + (y + conv.pad[0]) * taps.strides[1] + conv.pad[1] * taps.strides[2];
                let to = elements[at..].iter_mut().step_by(taps.strides[2]);
                for (to, code) in to.zip(line) {
                    *to = E::of(code + offset.add, offset.base);
                }
            }
        }
        let step = [conv.stride[0] * taps.strides[1], conv.stride[1] * taps.strides[2]];
        Image { elements, step, across: conv.output[1] }
    }

    /// Rows of output positions `first..first + count`.
    pub fn rows(&self, taps: &Taps, first: usize, [stride, count]: [usize; 2], into: &mut Vec<E>) {
        into.clear();
        into.resize(count * stride, E::default());
        for (m, to) in (first..).zip(into.chunks_exact_mut(stride)) {
            let from = &self.elements[m / self.across * self.step[0] + m % self.across * self.step[1]..];
            for (p, at, length) in &taps.runs {
                let (p, at, length) = (*p as usize, *at as usize, *length as usize);
                to[p..p + length].copy_from_slice(&from[at..at + length]);
            }
        }
    }
}

/// The positions of a row as pairs of 16 bits, cut where a beat ends: each piece, and the mask of its halves.
pub fn pieces(positions: usize, lanes: usize) -> (Vec<Piece>, Vec<u32>) {
    let (mut pieces, mut masks): (Vec<Piece>, Vec<u32>) = (Vec::new(), Vec::new());
    for p in 0..positions {
        let (pair, half) = ((p / 2) as u32, 0xffff << (16 * (p % 2)));
        let ends_beat = (p + 1).is_multiple_of(lanes);
        match (pieces.last_mut(), masks.last_mut()) {
            (Some(piece), Some(mask)) if piece.pair == pair && !piece.ends_beat => {
                *mask |= half;
                piece.ends_beat = ends_beat;
            }
            _ => {
                pieces.push(Piece { pair, ends_beat });
                masks.push(half);
            }
        }
    }
    (pieces, masks)
}

/// The taps of a convolution; nothing for a plain product.
pub fn taps(program: &Program, positions: &Positions) -> Option<Taps> {
    match &program.gather {
        Gather::Matrix => None,
        Gather::Convolution(conv) => Some(Taps::new(conv, positions)),
    }
}
