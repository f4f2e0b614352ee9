//! From which time to which time a student learns to go: shares of kinds of pairs, on a grid of
//! eighths,
//!
//! ```text
//! instant   t -> t, t anywhere          whole   0 -> 1
//! first_half   0 -> 1/2                 second_half   1/2 -> 1
//! quarters   k/4 -> (k+1)/4             eighths   k/8 -> (k+1)/8
//! ```

use serde::{Deserialize, Serialize};

use crate::Fault;

/// Parts of the time between which a path's states are kept.
pub(crate) const PARTS: usize = 8;

/// The shares of all kinds of pairs; only their ratios matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimePairs {
    /// No way at all: the teacher's guided velocity.
    pub instant: f64,
    /// From start to end, which a single step is.
    pub whole: f64,
    /// From the start to the middle.
    pub first_half: f64,
    /// From the middle to the end.
    pub second_half: f64,
    /// One of four equal parts.
    pub quarters: f64,
    /// One of eight equal parts.
    pub eighths: f64,
}

/// A way to learn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TimePair {
    /// The velocity at a time in [0, 1).
    Instant(f32),
    /// The average velocity from one eighth to a later one.
    Span {
        /// Where it begins, in eighths.
        from: usize,
        /// Where it ends, in eighths.
        to: usize,
    },
}

impl Default for TimePairs {
    fn default() -> Self {
        Self {
            instant: 0.1,
            whole: 0.3,
            first_half: 0.15,
            second_half: 0.15,
            quarters: 0.2,
            eighths: 0.1,
        }
    }
}

impl TimePairs {
    fn shares(&self) -> [(&'static str, f64); 6] {
        [
            ("time_pairs.instant", self.instant),
            ("time_pairs.whole", self.whole),
            ("time_pairs.first_half", self.first_half),
            ("time_pairs.second_half", self.second_half),
            ("time_pairs.quarters", self.quarters),
            ("time_pairs.eighths", self.eighths),
        ]
    }

    /// Whether there is no way to learn but the velocity: guidance is distilled, and no more.
    pub fn are_instants(&self) -> bool {
        self.shares()[1..].iter().all(|(_, share)| *share == 0.0)
    }

    /// Checks the shares.
    ///
    /// # Errors
    /// The first that cannot be.
    pub fn check(&self) -> Result<(), Fault> {
        for (key, share) in self.shares() {
            if !(0.0..=1e6).contains(&share) {
                let reason = format!("is {share}, expected a share of 0 to 1e6");
                return Err(Fault { key, reason });
            }
        }
        if self.sum() > 0.0 {
            return Ok(());
        }
        Err(Fault {
            key: "time_pairs",
            reason: "are all 0: there is nothing to learn".into(),
        })
    }

    fn sum(&self) -> f64 {
        self.shares().iter().map(|(_, share)| share).sum()
    }

    /// The pair of two uniform numbers in [0, 1): one for its kind and one for its place.
    pub fn pair(&self, kind: f32, place: f32) -> TimePair {
        let span = |parts: usize| {
            let length = PARTS / parts;
            let part = ((place * parts as f32) as usize).min(parts - 1);
            TimePair::Span {
                from: part * length,
                to: (part + 1) * length,
            }
        };
        let half = PARTS / 2;
        let kinds = [
            TimePair::Instant(place),
            span(1),
            TimePair::Span { from: 0, to: half },
            TimePair::Span {
                from: half,
                to: PARTS,
            },
            span(4),
            span(PARTS),
        ];
        let mut left = f64::from(kind) * self.sum();
        let mut chosen = None;
        for ((_, share), pair) in self.shares().into_iter().zip(kinds) {
            if share > 0.0 {
                chosen = Some(pair);
                if left < share {
                    break;
                }
            }
            left -= share;
        }
        chosen.expect("a share above 0, as was checked")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: usize, to: usize) -> TimePair {
        TimePair::Span { from, to }
    }

    #[test]
    fn kinds_come_by_their_shares_and_places_lie_on_the_grid() {
        let pairs = TimePairs::default();
        pairs.check().unwrap();
        for (kind, place, expected) in [
            (0.05, 0.3, TimePair::Instant(0.3)),
            (0.15, 0.9, span(0, 8)),
            (0.45, 0.9, span(0, 4)),
            (0.65, 0.1, span(4, 8)),
            (0.75, 0.0, span(0, 2)),
            (0.75, 0.99, span(6, 8)),
            (0.95, 0.51, span(4, 5)),
            (0.999_999_9, 0.999_999_9, span(7, 8)),
        ] {
            assert_eq!(pairs.pair(kind, place), expected, "{kind} {place}");
        }
    }

    #[test]
    fn shares_of_nothing_are_never_chosen() {
        let whole = TimePairs {
            instant: 0.0,
            whole: 2.0,
            first_half: 0.0,
            second_half: 0.0,
            quarters: 0.0,
            eighths: 0.0,
        };
        for kind in [0.0, 0.5, 0.999_999_9] {
            assert_eq!(whole.pair(kind, 0.4), span(0, 8));
        }
        assert!(!whole.are_instants());
        let instants = TimePairs {
            instant: 1.0,
            whole: 0.0,
            ..whole
        };
        assert!(instants.are_instants());
        assert_eq!(instants.pair(0.9, 0.4), TimePair::Instant(0.4));
    }

    #[test]
    fn shares_that_cannot_be_are_named() {
        let refused = |pairs: TimePairs| pairs.check().unwrap_err().to_string();
        let negative = TimePairs {
            quarters: -0.5,
            ..TimePairs::default()
        };
        assert!(refused(negative).contains("time_pairs.quarters is -0.5"));
        let none = TimePairs {
            instant: 0.0,
            whole: 0.0,
            first_half: 0.0,
            second_half: 0.0,
            quarters: 0.0,
            eighths: 0.0,
        };
        assert!(refused(none).contains("nothing to learn"));
    }
}
