//! What `goldpath overflow` says of an output from whose sum something was taken.

use super::Topic;
use crate::num::{Format, Overflow, accumulate, fit, product};

fn topic(name: &'static str, summary: &'static str, text: &'static str, example: fn() -> String) -> Topic {
    Topic { name, kind: "class", summary, text, example: Box::new(example) }
}

#[rustfmt::skip]
pub fn topics() -> Vec<Topic> {
    vec![
        topic("exact_sum", "the bias as it is brought, plus every product as it is",
            "What the classes compare with: no reduction level, accumulator or output clamp has fitted it, and a bias\n\
             that the register does not hold is not cut. Products are exact (R2); what steps of products, or of sums on\n\
             their way to a memory, round is rounded, and their formats cut nothing. An output overflows when an event\n\
             in front of the post steps (product.steps.N, reduce.N, accumulator.start (R9), accumulator,\n\
             accumulator.output, memory.store.N, memory.load.N, memory) took something from its sum; it is then\n\
             transient, surviving, harmful, decisive or unevaluated. Events at post.N\n\
             are counted too, but make no class: the exact sum goes through the same steps, and saturating to the\n\
             output's range is the network's own arithmetic. Outputs with no other event are `only_post`.",
            || {
                let (sum, s16) = (2 * product(255, 113), Format::signed(16).expect("a width below 65"));
                let level = fit(sum, s16, Overflow::Saturate).value;
                format!("255*113 + 255*113 in s16, saturating: the level gives {level}, the exact sum is {sum}")
            }),
        topic("transient", "the accumulator ends with the exact sum after all",
            "A wrapping sum that leaves its register and comes back is right in the end.",
            || {
                let s8 = Format::signed(8).expect("a width below 65");
                let (end, events) = count(s8);
                format!("s8, wrapping: 100 + 100 - 100 is {end}, after {events} events")
            }),
        topic("surviving", "the accumulator differs from the exact sum, the requantised output does not",
            "Both saturate to the same code, or round to it.", String::new),
        topic("harmful", "the output differs; correcting it alone does not change the network's answer",
            "The rest of the network runs again with this one output as the exact sum gives it.", String::new),
        topic("decisive", "the output differs, and correcting it alone changes the network's answer",
            "The answer is the index of the largest value of the network's first output, image by image; the first of\n\
             equals, and never a NaN beside a number.", String::new),
        topic("unevaluated", "the output differs; what its correction would change was not tried",
            "Beyond --decisive-cap of its layer (by default 16, fewer where they would take more than seconds),\n\
             or there is no network.", String::new),
    ]
}

/// 100 + 100 − 100.
fn count(format: Format) -> (i64, u64) {
    let mut events = 0;
    let end = accumulate(0, [100, 100, -100], format, Overflow::Wrap, |_, _| events += 1);
    (end, events)
}
