//! Contestants take turns, round by round, each charged its own processor time.

/// How long a contestant runs in a round, at least, in seconds.
const TURN: f64 = 0.08;

pub struct Contestant<'a> {
    pub name: &'static str,
    /// Runs so many times; seconds of all.
    run: Box<dyn FnMut(usize) -> f64 + 'a>,
    repeats: usize,
}

impl<'a> Contestant<'a> {
    /// Tries it once, to know how often it fits into a turn.
    pub fn new(name: &'static str, mut run: impl FnMut(usize) -> f64 + 'a) -> Contestant<'a> {
        let once = run(1).max(1e-7);
        Contestant { name, run: Box::new(run), repeats: (TURN / once).ceil().max(1.0) as usize }
    }

    fn turn(&mut self) -> f64 {
        (self.run)(self.repeats) / self.repeats as f64
    }
}

/// Seconds of one run, per contestant and round.
pub fn contest(contestants: &mut [Contestant<'_>], rounds: usize) -> Vec<Vec<f64>> {
    let mut seconds = vec![Vec::with_capacity(rounds); contestants.len()];
    for _ in 0..rounds {
        for (contestant, seconds) in contestants.iter_mut().zip(&mut seconds) {
            seconds.push(contestant.turn());
        }
    }
    seconds
}

pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A closure's seconds when it runs so many times.
pub fn timed(clock: fn() -> f64, mut run: impl FnMut()) -> impl FnMut(usize) -> f64 {
    move |repeats| {
        let begin = clock();
        (0..repeats).for_each(|_| run());
        clock() - begin
    }
}
