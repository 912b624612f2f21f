//! Which code a lane is fed: addresses, padding and idle lanes. The image is never copied.

use super::{Convolution, Gather, Program, Tile};
use crate::design::LaneMap;
use crate::post::{self, bind};

impl Program {
    /// Activation code of scheduled element `k` for output position `m`.
    #[inline]
    pub fn activation(&self, image: usize, group: usize, m: usize, k: usize) -> i32 {
        match &self.gather {
            Gather::Matrix => self.activations[m * self.shape.k + k],
            Gather::Convolution(conv) => conv.activation(self, image, group, m, k),
        }
    }

    /// Weight code of scheduled element `k` for channel `n` of a group.
    #[inline]
    pub fn weight(&self, group: usize, k: usize, n: usize) -> i32 {
        self.weights[(group * self.shape.k + k) * self.shape.n + n]
    }

    /// What every row of PEs is fed in a tile, stream by stream: `[rows · lanes][tile_beats]`. Idle lanes and rows carry
    /// the code whose sum with the offset is 0.
    pub fn left_stream(&self, tile: Tile, records: &[Vec<i64>], into: &mut Vec<i32>) {
        if self.design.array.sums_travel() {
            self.vectors(tile, records, into);
            return;
        }
        let array = &self.design.array;
        let idle = idle_code(self.design.activation.offset, records, 0);
        let map = self.map();
        let beats = self.tile_beats();
        into.clear();
        if let Gather::Matrix = &self.gather {
            into.resize(array.rows * array.lanes * beats, idle);
            for (row, places) in into.chunks_exact_mut(array.lanes * beats).enumerate() {
                for bank in 0..array.banks {
                    let fed = if array.banks == 1 { row } else { bank };
                    if let Some(m) = map.position(tile, fed) {
                        self.row_of_matrix(m, tile.visit * map.steps, (&mut places[bank..], beats));
                    }
                }
            }
            return;
        }
        let k_of = self.works_on();
        for row in 0..array.rows {
            let fed: Vec<Option<usize>> = match array.banks {
                1 => vec![map.position(tile, row)],
                banks => (0..banks).map(|bank| map.position(tile, bank)).collect(),
            };
            for lane in 0..array.lanes {
                for beat in (0..beats).step_by(array.banks) {
                    let k = k_of(map.step_of(tile.visit, beat), lane);
                    let code = |m: &Option<usize>| {
                        k.zip(*m).map_or(idle, |(k, m)| self.activation(tile.image, tile.group, m, k))
                    };
                    into.extend(fed.iter().map(code));
                }
            }
        }
    }

    /// Row `m` of a matrix from step `first` on, lane by lane of so many beats, which banks take in turns: places are stepped
    /// through, not divided for. What is behind its end stays as it is.
    fn row_of_matrix(&self, m: usize, first: usize, (places, beats): (&mut [i32], usize)) {
        let (lanes, banks, all) = (self.design.array.lanes, self.design.array.banks, self.beats());
        let row = &self.activations[m * self.shape.k..(m + 1) * self.shape.k];
        let [from, step, of_lane] = match self.design.order.lane_map {
            LaneMap::Adjacent => [first * lanes, lanes, 1],
            LaneMap::Strided => [first, 1, all],
        };
        // Beats behind the last are none of the next lane's.
        let whole = (beats / banks).min(all - first.min(all));
        for lane in 0..lanes {
            let own = row.get(from + lane * of_lane..).unwrap_or_default();
            let places = &mut places[lane * beats..];
            if [step, banks] == [1, 1] {
                let count = whole.min(own.len());
                places[..count].copy_from_slice(&own[..count]);
                continue;
            }
            for beat in 0..whole {
                let Some(code) = own.get(beat * step) else { break };
                places[beat * banks] = *code;
            }
        }
    }

    /// The vectors that pass operands that stay.
    fn vectors(&self, tile: Tile, records: &[Vec<i64>], into: &mut Vec<i32>) {
        let (array, map, vectors) = (&self.design.array, self.map(), self.tile_beats());
        // A tile of as many vectors as there are words may have more than there are positions left.
        let live = |vector: usize| match array.is_turned() {
            true => map.channel(tile, vector),
            false => map.position(tile, vector),
        };
        let vectors_live: Vec<Option<usize>> = (0..vectors).map(live).collect();
        into.clear();
        let (live, k_of) = (vectors_live.iter().flatten().count(), self.works_on());
        for row in 0..array.rows {
            for lane in 0..array.lanes {
                let k = k_of(map.step_of(tile.visit, row), lane);
                if let (Some(k), true) = (k, map.is_straight()) {
                    self.live_vectors(tile, k, live, into);
                    let idle = |vector| self.idle_vector(tile, records, vector);
                    into.extend((live..vectors).map(idle));
                    continue;
                }
                let code = |vector: usize| match (k.zip(vectors_live[vector]), array.is_turned()) {
                    (Some((k, m)), false) => self.activation(tile.image, tile.group, m, k),
                    (Some((k, n)), true) => self.weight(tile.group, k, n),
                    (None, _) => self.idle_vector(tile, records, vector),
                };
                into.extend((0..vectors).map(code));
            }
        }
    }

    /// Element `k` of the first `count` vectors of a tile, which are positions or channels in order.
    fn live_vectors(&self, tile: Tile, k: usize, count: usize, into: &mut Vec<i32>) {
        match (self.design.array.is_turned(), &self.gather) {
            (true, _) => {
                let first = (tile.group * self.shape.k + k) * self.shape.n + tile.n0;
                into.extend_from_slice(&self.weights[first..first + count]);
            }
            (false, Gather::Matrix) => {
                let rows = self.activations[tile.m0 * self.shape.k + k..].iter();
                into.extend(rows.step_by(self.shape.k).take(count));
            }
            (false, Gather::Convolution(_)) => {
                let code = |m| self.activation(tile.image, tile.group, m, k);
                into.extend((tile.m0..tile.m0 + count).map(code));
            }
        }
    }

    /// What idles in a vector's place.
    fn idle_vector(&self, tile: Tile, records: &[Vec<i64>], vector: usize) -> i32 {
        match self.design.array.is_turned() {
            false => idle_code(self.design.activation.offset, records, 0),
            true => idle_code(self.design.weight.offset, records, self.record_of(tile) + vector),
        }
    }

    /// The operands that stay while a tile's vectors pass: `[rows][columns · lanes]`.
    pub fn loaded(&self, tile: Tile, records: &[Vec<i64>]) -> Vec<i32> {
        let array = &self.design.array;
        let (map, turned) = (self.map(), array.is_turned());
        let live = |column| if turned { map.position(tile, column) } else { map.channel(tile, column) };
        let columns: Vec<Option<usize>> = (0..array.columns).map(live).collect();
        let record = self.record_of(tile);
        let idle = |column: usize| match turned {
            false => idle_code(self.design.weight.offset, records, record + column),
            true => idle_code(self.design.activation.offset, records, 0),
        };
        let idle: Vec<i32> = (0..array.columns).map(idle).collect();
        let (k_of, mut loaded) =
            (self.works_on(), Vec::with_capacity(array.rows * array.columns * array.lanes));
        let mut met = Vec::with_capacity(array.lanes);
        for row in 0..array.rows {
            let step = map.step_of(tile.visit, row);
            if let (1, false, true, Some(k)) = (array.lanes, turned, map.is_straight(), k_of(step, 0)) {
                let first = (tile.group * self.shape.k + k) * self.shape.n + tile.n0;
                loaded.extend_from_slice(&self.weights[first..first + map.columns_of(tile)]);
                if map.columns_of(tile) < idle.len() {
                    loaded.extend_from_slice(&idle[map.columns_of(tile)..]);
                }
                continue;
            }
            met.clear();
            met.extend((0..array.lanes).map(|lane| k_of(step, lane)));
            for (column, idle) in columns.iter().zip(&idle) {
                let code = |k: &Option<usize>| match (k.zip(*column), turned) {
                    (Some((k, n)), false) => self.weight(tile.group, k, n),
                    (Some((k, m)), true) => self.activation(tile.image, tile.group, m, k),
                    (None, _) => *idle,
                };
                loaded.extend(met.iter().map(code));
            }
        }
        loaded
    }

    /// What every column of PEs is fed in a tile, beat by beat: `[beats][columns · lanes]`; where sums stay.
    pub fn above_stream(&self, tile: Tile, records: &[Vec<i64>], into: &mut Vec<i32>) {
        let (array, map) = (&self.design.array, self.map());
        let columns: Vec<Option<usize>> =
            (0..array.columns).map(|column| map.channel(tile, column)).collect();
        let record = self.record_of(tile);
        let idle = |column| idle_code(self.design.weight.offset, records, record + column);
        let idle: Vec<i32> = (0..array.columns).map(idle).collect();
        if array.lanes == 1 && map.visits == 1 && array.banks == 1 && map.is_straight() {
            let rows = self.weights[tile.group * self.shape.k * self.shape.n..].chunks(self.shape.n);
            let live = columns.iter().flatten().count();
            into.resize(self.beats() * array.columns, 0);
            for (to, from) in into.chunks_exact_mut(array.columns).zip(rows) {
                copy_row(to, &from[tile.n0..tile.n0 + live], &idle);
            }
            return;
        }
        into.clear();
        into.reserve(self.tile_beats() * array.columns * array.lanes);
        let (k_of, mut met) = (self.works_on(), Vec::with_capacity(array.lanes));
        let idle_beat: Vec<i32> =
            idle.iter().flat_map(|code| std::iter::repeat_n(*code, array.lanes)).collect();
        for beat in (0..self.tile_beats()).step_by(array.banks) {
            let (step, start) = (map.step_of(tile.visit, beat), into.len());
            if map.is_straight() {
                into.extend_from_slice(&idle_beat);
                for lane in 0..array.lanes {
                    let Some(k) = k_of(step, lane) else { continue };
                    let row = &self.weights[(tile.group * self.shape.k + k) * self.shape.n + tile.n0..];
                    for (column, code) in row[..map.columns_of(tile)].iter().enumerate() {
                        into[start + column * array.lanes + lane] = *code;
                    }
                }
            } else {
                met.clear();
                met.extend((0..array.lanes).map(|lane| k_of(step, lane)));
                for (column, idle) in columns.iter().zip(&idle) {
                    let code = |k: &Option<usize>| {
                        k.zip(*column).map_or(*idle, |(k, n)| self.weight(tile.group, k, n))
                    };
                    into.extend(met.iter().map(code));
                }
            }
            // Every bank is given the same.
            let end = into.len();
            (1..array.banks).for_each(|_| into.extend_from_within(start..end));
        }
    }
}

/// One beat's weights; columns without a channel idle.
fn copy_row(to: &mut [i32], live: &[i32], idle: &[i32]) {
    // A whole row of the commonest width is four vectors, not a call.
    if let (Some(to), Some(live)) = (to.as_mut_array::<16>(), live.as_array::<16>()) {
        *to = *live;
        return;
    }
    to.iter_mut().zip(live).for_each(|(to, code)| *to = *code);
    to.iter_mut().zip(idle).skip(live.len()).for_each(|(to, idle)| *to = *idle);
}

/// The code an idle lane carries: −offset. `lower` has checked that the operand's format holds it.
fn idle_code(offset: Option<post::Operand>, records: &[Vec<i64>], record: usize) -> i32 {
    let value = offset.map_or(0, |o| bind(o, records, record));
    i32::try_from(-value).unwrap_or_default()
}

impl Convolution {
    fn activation(&self, program: &Program, image: usize, group: usize, m: usize, k: usize) -> i32 {
        let [kh, kw, cin] = self.taps[k];
        let y = m / self.output[1] * self.stride[0] + kh * self.dilation[0];
        let x = m % self.output[1] * self.stride[1] + kw * self.dilation[1];
        // Coordinates are those of the padded image, so that they never go below 0.
        let inside = (self.pad[0]..self.pad[0] + self.height).contains(&y)
            && (self.pad[1]..self.pad[1] + self.width).contains(&x);
        if !inside {
            return self.padding_code;
        }
        let channel = (image * program.shape.groups + group) * self.cin + cin;
        program.activations[(channel * self.height + y - self.pad[0]) * self.width + x - self.pad[1]]
    }
}
