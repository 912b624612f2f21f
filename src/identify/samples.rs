//! The samples: once each, by channel, the largest accumulators first, as these say the most about a scale.

use serde::Serialize;

/// Accumulators and what became of them.
#[derive(Debug, Clone)]
pub struct Samples {
    /// In the order of their file.
    pub accumulators: Vec<i64>,
    /// One for each.
    pub outputs: Vec<i64>,
    /// The channel of each.
    pub channels: Vec<usize>,
    /// Channels that have numbers of their own; 1 where all share them.
    pub channel_count: usize,
}

/// One accumulator with two outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// Of both.
    pub channel: usize,
    /// Of both.
    pub accumulator: i64,
    /// Place of the first, from 0, in C order.
    pub first: usize,
    /// What came out there.
    pub first_output: i64,
    /// Place of the other.
    pub second: usize,
    /// What came out there.
    pub second_output: i64,
}

/// An accumulator and its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub x: i64,
    pub y: i64,
    /// Where it stands first, in C order.
    pub index: usize,
    /// How often it stands there.
    pub times: usize,
}

/// Samples of every channel.
#[derive(Debug)]
pub(super) struct Groups {
    pub channels: Vec<Vec<Sample>>,
    pub conflicts: Vec<Conflict>,
}

impl Groups {
    pub fn new(samples: &Samples) -> Groups {
        let mut channels: Vec<Vec<Sample>> = vec![Vec::new(); samples.channel_count];
        let pairs = samples.accumulators.iter().zip(&samples.outputs);
        for (index, ((x, y), channel)) in pairs.zip(&samples.channels).enumerate() {
            channels[*channel].push(Sample { x: *x, y: *y, index, times: 1 });
        }
        let mut conflicts = Vec::new();
        for (channel, group) in channels.iter_mut().enumerate() {
            group.sort_unstable_by_key(|s| (std::cmp::Reverse(s.x.unsigned_abs()), s.x, s.y, s.index));
            group.dedup_by(|next, kept| {
                let same = (next.x, next.y) == (kept.x, kept.y);
                kept.times += usize::from(same);
                same
            });
            let unequal = group.windows(2).filter(|pair| pair[0].x == pair[1].x);
            conflicts.extend(unequal.map(|pair| {
                let [mut a, mut b] = [pair[0], pair[1]];
                if b.index < a.index {
                    std::mem::swap(&mut a, &mut b);
                }
                Conflict {
                    channel,
                    accumulator: a.x,
                    first: a.index,
                    first_output: a.y,
                    second: b.index,
                    second_output: b.y,
                }
            }));
        }
        Groups { channels, conflicts }
    }

    /// Every sample with its channel.
    pub fn all(&self) -> impl Iterator<Item = (usize, &Sample)> {
        self.channels.iter().enumerate().flat_map(|(channel, group)| group.iter().map(move |s| (channel, s)))
    }
}
