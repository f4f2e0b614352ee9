//! What a student learns in one step: pairs of times on the paths of a batch, those that lead
//! somewhere first, then the instants.

use super::time_pairs::PARTS;
use crate::{BatchRng, TimePair, TimePairs};

/// The rows of a step.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Rows {
    /// The item of each, whose path it lies on.
    pub(crate) items: Vec<usize>,
    /// Where it begins.
    pub(crate) t: Vec<f32>,
    /// Where it leads.
    pub(crate) r: Vec<f32>,
    /// How many lead somewhere.
    pub(crate) spans: usize,
}

impl Rows {
    /// `each` rows for each of `items` items.
    pub(crate) fn draw(pairs: &TimePairs, items: usize, each: usize, rng: &mut BatchRng) -> Self {
        let count = items * each;
        let (kinds, places) = (rng.uniforms(count), rng.uniforms(count));
        let drawn = (0..count).map(|row| (row / each, pairs.pair(kinds[row], places[row])));
        let time = |eighths: usize| eighths as f32 / PARTS as f32;
        let mut rows = Self::default();
        let mut instants = vec![];
        for (item, pair) in drawn {
            match pair {
                TimePair::Span { from, to } => {
                    rows.items.push(item);
                    rows.t.push(time(from));
                    rows.r.push(time(to));
                }
                TimePair::Instant(t) => instants.push((item, t)),
            }
        }
        rows.spans = rows.items.len();
        for (item, t) in instants {
            rows.items.push(item);
            rows.t.push(t);
            rows.r.push(t);
        }
        rows
    }

    /// `each` rows for each of `items` items on straight lines, where any time will do: half of
    /// them instants if there are `two_times`, a quarter up to the end, a quarter from anywhere
    /// to anywhere later; else instants alone.
    pub(crate) fn on_lines(two_times: bool, items: usize, each: usize, rng: &mut BatchRng) -> Self {
        let count = items * each;
        let [kinds, from, to] = [(); 3].map(|()| rng.uniforms(count));
        let (mut spans, mut instants) = (vec![], vec![]);
        for row in 0..count {
            let (item, a, b) = (row / each, from[row], to[row]);
            match kinds[row] {
                kind if !two_times || kind < 0.5 || a == b => instants.push((item, a, a)),
                kind if kind < 0.75 => spans.push((item, a, 1.0)),
                _ => spans.push((item, a.min(b), a.max(b))),
            }
        }
        let mut rows = Self {
            spans: spans.len(),
            ..Self::default()
        };
        for (item, t, r) in spans.into_iter().chain(instants) {
            rows.items.push(item);
            rows.t.push(t);
            rows.r.push(r);
        }
        rows
    }

    /// For each row, 1 if it leads from start to end, else 0; `None` if none does.
    pub(crate) fn whole(&self) -> Option<Vec<f32>> {
        let ways = self.t.iter().zip(&self.r);
        let whole: Vec<f32> = ways
            .map(|way| f32::from(u8::from(way == (&0.0, &1.0))))
            .collect();
        whole.contains(&1.0).then_some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_on_lines_lead_forward_and_instants_come_last() {
        let rows = Rows::on_lines(true, 50, 4, &mut BatchRng::new(1, 0));
        assert!((0..rows.spans).all(|row| rows.t[row] < rows.r[row]));
        assert!((rows.spans..200).all(|row| rows.t[row] == rows.r[row]));
        assert!((70..130).contains(&rows.spans), "{}", rows.spans);
        let ends = rows.r[..rows.spans].iter().filter(|&&r| r == 1.0).count();
        assert!((25..75).contains(&ends), "{ends}");
        assert_eq!(
            Rows::on_lines(false, 5, 4, &mut BatchRng::new(1, 0)).spans,
            0
        );
    }

    #[test]
    fn every_item_has_its_rows_and_instants_come_last() {
        let rows = Rows::draw(&TimePairs::default(), 50, 4, &mut BatchRng::new(1, 0));
        assert_eq!(rows.items.len(), 200);
        for item in 0..50 {
            assert_eq!(rows.items.iter().filter(|&&i| i == item).count(), 4);
        }
        let leads = |row: usize| rows.r[row] > rows.t[row];
        assert!((0..rows.spans).all(leads));
        assert!((rows.spans..200).all(|row| rows.r[row] == rows.t[row]));
        let instants = 200 - rows.spans;
        assert!((8..40).contains(&instants), "{instants} of 200, wanted 20");
        let whole = rows.whole().unwrap();
        let count: f32 = whole.iter().sum();
        assert!((40.0..80.0).contains(&count), "{count} of 200, wanted 60");
    }
}
