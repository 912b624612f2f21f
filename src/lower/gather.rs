//! Which code a lane is fed: addresses, padding and idle lanes. The image is never copied.

use super::{Convolution, Gather, Program, Tile};
use crate::design::LaneMap;
use crate::post::{self, bind};

impl Program {
    /// Activation code of scheduled element `k` for output position `m`.
    pub fn activation(&self, image: usize, group: usize, m: usize, k: usize) -> i32 {
        match &self.gather {
            Gather::Matrix => self.activations[m * self.shape.k + k],
            Gather::Convolution(conv) => conv.activation(self, image, group, m, k),
        }
    }

    /// Weight code of scheduled element `k` for channel `n` of a group.
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
        let (beats, whole) = (self.tile_beats(), map.visits == 1 && array.banks == 1);
        into.clear();
        for row in 0..array.rows {
            let fed = if array.banks == 1 { map.position(tile, row) } else { Some(0) };
            let Some(m) = fed else {
                into.resize(into.len() + array.lanes * beats, idle);
                continue;
            };
            if let (Gather::Matrix, 1, true) = (&self.gather, array.lanes, whole) {
                into.extend_from_slice(&self.activations[m * beats..(m + 1) * beats]);
                continue;
            }
            if let (Gather::Matrix, 1) = (&self.gather, array.banks) {
                self.row_of_matrix(m, tile.visit * map.steps, beats, idle, into);
                continue;
            }
            let fed: Vec<Option<usize>> = match array.banks {
                1 => vec![Some(m)],
                banks => (0..banks).map(|bank| map.position(tile, bank)).collect(),
            };
            for lane in 0..array.lanes {
                for beat in (0..beats).step_by(array.banks) {
                    let k = self.k_of(map.step_of(tile.visit, beat), lane);
                    let code = |m: &Option<usize>| {
                        k.zip(*m).map_or(idle, |(k, m)| self.activation(tile.image, tile.group, m, k))
                    };
                    into.extend(fed.iter().map(code));
                }
            }
        }
    }

    /// Row `m` of a matrix in so many steps from `first` on, lane by lane: places are stepped through, not divided for.
    fn row_of_matrix(&self, m: usize, first: usize, beats: usize, idle: i32, into: &mut Vec<i32>) {
        let (lanes, all) = (self.design.array.lanes, self.beats());
        let row = &self.activations[m * self.shape.k..(m + 1) * self.shape.k];
        let [from, step, of_lane] = match self.design.order.lane_map {
            LaneMap::Adjacent => [first * lanes, lanes, 1],
            LaneMap::Strided => [first, 1, all],
        };
        for lane in 0..lanes {
            // Beats behind the last are none of the next lane's.
            let whole = beats.min(all - first.min(all));
            let places = (0..whole).map(|beat| from + beat * step + lane * of_lane);
            into.extend(places.map(|k| row.get(k).copied().unwrap_or(idle)));
            into.resize(into.len() + beats - whole, idle);
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
        for row in 0..array.rows {
            for lane in 0..array.lanes {
                let k = self.k_of(map.step_of(tile.visit, row), lane);
                let code = |vector: usize| match (k.zip(vectors_live[vector]), array.is_turned()) {
                    (Some((k, m)), false) => self.activation(tile.image, tile.group, m, k),
                    (Some((k, n)), true) => self.weight(tile.group, k, n),
                    (None, false) => idle_code(self.design.activation.offset, records, 0),
                    (None, true) => {
                        idle_code(self.design.weight.offset, records, self.record_of(tile) + vector)
                    }
                };
                into.extend((0..vectors).map(code));
            }
        }
    }

    /// The operands that stay while a tile's vectors pass: `[rows][columns · lanes]`.
    pub fn loaded(&self, tile: Tile, records: &[Vec<i64>]) -> Vec<i32> {
        let array = &self.design.array;
        let (map, turned) = (self.map(), array.is_turned());
        let live = |column| if turned { map.position(tile, column) } else { map.channel(tile, column) };
        let columns: Vec<Option<usize>> = (0..array.columns).map(live).collect();
        let code = |row: usize, column: usize, lane: usize| {
            let k = self.k_of(map.step_of(tile.visit, row), lane);
            match (k.zip(columns[column]), turned) {
                (Some((k, n)), false) => self.weight(tile.group, k, n),
                (Some((k, m)), true) => self.activation(tile.image, tile.group, m, k),
                (_, false) => idle_code(self.design.weight.offset, records, self.record_of(tile) + column),
                (_, true) => idle_code(self.design.activation.offset, records, 0),
            }
        };
        let row = |row| {
            (0..array.columns).flat_map(move |column| (0..array.lanes).map(move |lane| (row, column, lane)))
        };
        (0..array.rows).flat_map(row).map(|(row, column, lane)| code(row, column, lane)).collect()
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
        for beat in (0..self.tile_beats()).step_by(array.banks) {
            let (step, start) = (map.step_of(tile.visit, beat), into.len());
            let met: Vec<Option<usize>> = (0..array.lanes).map(|lane| self.k_of(step, lane)).collect();
            for (column, idle) in columns.iter().zip(&idle) {
                let code =
                    |k: &Option<usize>| k.zip(*column).map_or(*idle, |(k, n)| self.weight(tile.group, k, n));
                into.extend(met.iter().map(code));
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
    to[..live.len()].copy_from_slice(live);
    to[live.len()..].copy_from_slice(&idle[live.len()..]);
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
