//! How long to wait before the next try: `wait(n) = first * 2^n * u`, `u` random in [1/2, 1], at
//! least what the server asked for, and never longer than a bound.

use std::time::{Duration, SystemTime};

/// When and how often a request is tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Tries of one item, the first included.
    pub tries: u32,
    /// The first wait.
    pub first: Duration,
    /// The longest wait, whatever the server asks for.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 6,
            first: Duration::from_secs(2),
            longest: Duration::from_secs(120),
        }
    }
}

impl Retry {
    /// The wait after failed try `number` (from 0); `chance` in [0, 1) spreads those who wait
    /// together, and `asked` is what the server wants.
    pub(crate) fn wait(&self, number: u32, chance: f64, asked: Option<Duration>) -> Duration {
        let doubled = self
            .first
            .saturating_mul(2u32.saturating_pow(number.min(20)));
        let spread = doubled.min(self.longest).mul_f64(0.5 + chance / 2.0);
        spread.max(asked.unwrap_or_default()).min(self.longest)
    }
}

/// What a `Retry-After` header asks for: seconds, or a date such as
/// `Wed, 21 Oct 2026 07:28:00 GMT`.
pub(crate) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let (_, date) = header.strip_suffix(" GMT")?.split_once(", ")?;
    let mut words = date.split(' ');
    let day: i64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = 1 + MONTHS.iter().position(|month| *month == name)? as i64;
    let year: i64 = words.next()?.parse().ok()?;
    let mut clock = words
        .next()?
        .split(':')
        .map(|part| part.parse::<i64>().ok());
    let [hours, minutes, seconds] = [clock.next()??, clock.next()??, clock.next()??];
    if !(1970..3000).contains(&year) || !(1..=31).contains(&day) || words.next().is_some() {
        return None;
    }
    let at = ((days(year, month, day) * 24 + hours) * 60 + minutes) * 60 + seconds;
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(at).ok()?);
    Some(at.duration_since(now).unwrap_or_default())
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Days from the first of January 1970 to a date of the Gregorian calendar: years begin in March,
/// so that the odd day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_spread() {
        let retry = Retry {
            tries: 9,
            first: Duration::from_secs(2),
            longest: Duration::from_secs(60),
        };
        let seconds = |number, chance| retry.wait(number, chance, None).as_secs_f64();
        assert_eq!([0, 1, 2, 3].map(|n| seconds(n, 0.0)), [1.0, 2.0, 4.0, 8.0]);
        assert!(seconds(3, 0.999) > 15.9 && seconds(3, 0.999) < 16.0);
        assert_eq!(seconds(30, 0.0), 30.0);
        let asked = |seconds| {
            retry
                .wait(0, 0.0, Some(Duration::from_secs(seconds)))
                .as_secs()
        };
        assert_eq!([asked(0), asked(7), asked(3600)], [1, 7, 60]);
    }

    #[test]
    fn servers_ask_in_seconds_or_by_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let asked = |header| retry_after(header, now).map(|wait| wait.as_secs());
        assert_eq!(asked(" 17 "), Some(17));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "long past");
        assert_eq!(
            asked("Tue, 29 Feb 2000 00:00:00 GMT"),
            Some(951_782_400 - 784_111_770)
        );
        for bad in [
            "",
            "soon",
            "-5",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov GMT",
        ] {
            assert_eq!(asked(bad), None, "{bad}");
        }
    }
}
