//! How long to wait, and how often: the wait after failure `n` in a row is `first * 2^n`, at least
//! what the server asks for; bytes that arrive end the row.

use std::time::Duration;

/// When a request counts as failed, and when it is tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patience {
    /// Failures in a row, without a byte in between, after which the download ends.
    pub tries: u32,
    /// The first wait.
    pub first: Duration,
    /// The longest wait; a server that asks for a longer one is not waited for.
    pub longest: Duration,
    /// The longest silence of a server.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 6,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            silence: Duration::from_secs(30),
        }
    }
}

impl Patience {
    /// The wait after failure `number`, from 0 on; `None` if the server asks for too long a one.
    pub(crate) fn wait(&self, number: u32, asked: Option<Duration>) -> Option<Duration> {
        let asked = asked.unwrap_or_default();
        let doubled = self
            .first
            .saturating_mul(2u32.saturating_pow(number.min(20)));
        (asked <= self.longest).then(|| doubled.min(self.longest).max(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_a_server_may_ask_for_more() {
        let patience = Patience {
            longest: Duration::from_secs(10),
            ..Patience::default()
        };
        let wait = |number, asked: Option<u64>| {
            let wait = patience.wait(number, asked.map(Duration::from_secs));
            wait.map(|wait| wait.as_secs())
        };
        assert_eq!(
            [0, 1, 2, 3, 4].map(|n| wait(n, None)),
            [1, 2, 4, 8, 10].map(Some)
        );
        assert_eq!([wait(0, Some(7)), wait(3, Some(7))], [Some(7), Some(8)]);
        assert_eq!([wait(0, Some(10)), wait(0, Some(11))], [Some(10), None]);
    }
}
