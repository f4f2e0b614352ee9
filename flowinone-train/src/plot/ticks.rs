//! Where the lines of a scale lie, and how their numbers are written.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// A linear scale with lines at places of our own.
pub(super) struct Scale {
    ticks: Vec<f64>,
    range: Range<f64>,
}

impl Scale {
    pub(super) fn new(ticks: Vec<f64>, range: Range<f64>) -> Self {
        Self { ticks, range }
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        first + (f64::from(last - first) * share).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, _hint: H) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// Up to about `count` round numbers in a range: multiples of 1, 2 or 5 times a power of ten.
pub(super) fn nice(range: &Range<f64>, count: usize) -> Vec<f64> {
    let length = range.end - range.start;
    let rough = length / count as f64;
    let power = 10f64.powf(rough.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let fits = |factor: &f64| factor * power >= rough * 0.999;
    let step = power * factors.into_iter().find(fits).unwrap_or(10.0);
    let [first, last] = [(range.start / step).ceil(), (range.end / step).floor()];
    let numbers = (0..=(last - first).max(0.0) as u32).map(|k| (first + f64::from(k)) * step);
    numbers.collect()
}

/// Decimal exponents in a range: those of 1, 2 and 5 times powers of ten over a few decades, those
/// of powers alone over many, and whatever is round over less than one of them.
pub(super) fn exponents(range: &Range<f64>) -> Vec<f64> {
    let decades = range.end - range.start;
    let factors: &[f64] = match decades {
        d if d > 4.0 => &[1.0],
        _ => &[1.0, 2.0, 5.0],
    };
    let every = (decades / 12.0).ceil().max(1.0) as i32;
    let powers = range.start.floor() as i32..=range.end.ceil() as i32;
    let of_power = |power: i32| factors.iter().map(move |f| f.log10() + f64::from(power));
    let powers = powers.filter(|power| power.rem_euclid(every) == 0);
    let found: Vec<f64> = powers
        .flat_map(of_power)
        .filter(|e| range.contains(e))
        .collect();
    if found.len() >= 3 {
        return found;
    }
    let values = 10f64.powf(range.start)..10f64.powf(range.end);
    let round = nice(&values, 6).into_iter().filter(|value| *value > 0.0);
    round.map(f64::log10).collect()
}

/// A number in few digits.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        v if v < 1e-12 => "0".into(),
        v if !(1e-3..1e6).contains(&v) => format!("{value:.0e}"),
        _ => {
            let text = format!("{value:.4}");
            text.trim_end_matches('0').trim_end_matches('.').into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(numbers: &[f64]) -> Vec<String> {
        numbers.iter().copied().map(short).collect()
    }

    #[test]
    fn lines_lie_at_round_numbers() {
        assert_eq!(written(&nice(&(0.0..1000.0), 10))[..3], ["0", "100", "200"]);
        assert_eq!(written(&nice(&(0.13..0.49), 6)), ["0.2", "0.3", "0.4"]);
        assert_eq!(
            nice(&(-3.0..3.0), 6),
            [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]
        );
        let powers = |range| {
            written(
                &exponents(&range)
                    .iter()
                    .map(|e| 10f64.powf(*e))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            powers(-2.0..0.1),
            ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]
        );
        assert_eq!(powers(-6.5..0.5).len(), 7);
        assert_eq!(powers(0.01..0.2), ["1.1", "1.2", "1.3", "1.4", "1.5"]);
        assert!(exponents(&(-300.0..300.0)).len() < 14);
    }

    #[test]
    fn numbers_are_short() {
        let numbers = [0.0, 0.25, 1000.0, 1e-5, -2.5, 3e7, 1e-300];
        let expected = ["0", "0.25", "1000", "1e-5", "-2.5", "3e7", "0"];
        assert_eq!(written(&numbers), expected);
    }
}
