//! `identify`: every scheme is recognised by samples of it, and everything that is said is held against formulas that
//! share no code with `src` (`schemes`), or against what frameworks were seen to do (`frameworks`).

#[path = "../oracle/mod.rs"]
mod oracle;

mod bad_input;
mod command;
mod frameworks;
mod presets;
mod schemes;
mod searched;

use std::collections::BTreeSet;

use goldpath::identify::{Answer, Class, Factors, Named, Question, Samples, Scale};
use goldpath::num::Format;
use schemes::Numbers;

/// Numbers by chance: the same for the same seed.
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn within(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.next() % (high.abs_diff(low) + 1)).unwrap()
    }
}

fn format(text: &str) -> Format {
    text.parse().unwrap()
}

/// One channel of these pairs.
fn samples(pairs: &[(i64, i64)]) -> Samples {
    Samples {
        accumulators: pairs.iter().map(|pair| pair.0).collect(),
        outputs: pairs.iter().map(|pair| pair.1).collect(),
        channels: vec![0; pairs.len()],
        channel_count: 1,
    }
}

fn question(pairs: &[(i64, i64)], output: &str, zero_point: Option<i64>, scale: Scale) -> Question {
    let output = format(output);
    let bounds = (output.min(), output.max());
    Question { samples: samples(pairs), input: format("s32"), output, bounds, zero_point, scale }
}

fn whole(scale: f64) -> Scale {
    Scale::Factors(vec![Factors::whole(scale)])
}

/// As an answer calls it.
fn called(scheme: &Named) -> String {
    match &scheme.rounding {
        Some(rounding) => format!("{}:{rounding}", scheme.preset),
        None => scheme.preset.clone(),
    }
}

fn names(class: &Class) -> BTreeSet<String> {
    class.members.iter().map(|member| called(&member.scheme)).collect()
}

/// Everything that explains the samples.
fn explaining(answer: &Answer) -> BTreeSet<String> {
    answer.classes.iter().flat_map(names).collect()
}

/// Holds whatever an answer says against the formulas: what explains, what does not and by which samples, what tells apart.
/// How many outputs were computed for that.
fn hold(question: &Question, answer: &Answer) -> usize {
    let Samples { accumulators, outputs, channels, .. } = &question.samples;
    let all = || accumulators.iter().zip(outputs).zip(channels).enumerate();
    let mut computed = 0;
    let mut of = |scheme: &Named, x: i64, channel: usize| {
        computed += 1;
        schemes::output(scheme, &Numbers::of(scheme, channel), x, question)
    };
    for scheme in answer.classes.iter().flat_map(|class| &class.members).map(|member| &member.scheme) {
        for (index, ((x, y), channel)) in all() {
            assert_eq!(of(scheme, *x, *channel), *y, "{scheme:?}: sample {index}, {x}");
        }
    }
    for miss in &answer.misses {
        let wrong: Vec<(usize, i64)> = all()
            .filter_map(|(index, ((x, y), channel))| {
                let got = of(&miss.scheme, *x, *channel);
                (got != *y).then_some((index, got))
            })
            .collect();
        assert_eq!(wrong.len(), miss.refuting, "{:?}", miss.scheme);
        assert!(!wrong.is_empty(), "{:?} explains everything", miss.scheme);
        for refuting in &miss.first {
            assert!(wrong.contains(&(refuting.index, refuting.scheme)), "{miss:?}");
            let index = refuting.index;
            assert_eq!((accumulators[index], outputs[index]), (refuting.accumulator, refuting.sample));
        }
    }
    let mut unlike = BTreeSet::new();
    for telling in &answer.apart {
        assert!(question.input.contains(telling.accumulator.into()));
        for (a, class) in answer.classes.iter().enumerate() {
            for member in &class.members {
                let got = of(&member.scheme, telling.accumulator, telling.channel);
                assert_eq!(got, telling.outputs[a], "{:?}: {telling:?}", member.scheme);
            }
            let others = (0..a).filter(|b| telling.outputs[*b] != telling.outputs[a]);
            unlike.extend(others.map(|b| (b, a)));
        }
    }
    let count = answer.classes.len();
    assert_eq!(
        unlike.len(),
        count * count.saturating_sub(1) / 2,
        "some classes are not told apart: {answer:?}"
    );
    computed
}
