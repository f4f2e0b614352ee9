//! Numbers of bytes for people.

/// "345 B", "4.2 kB", "335 MB", "6.83 GB": decimal, as disks and the Hub count.
pub(crate) fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 || unit == "GB" {
            return match value {
                v if unit == "B" => format!("{v} B"),
                v if v < 9.995 => format!("{v:.2} {unit}"),
                v if v < 99.95 => format!("{v:.1} {unit}"),
                v => format!("{v:.0} {unit}"),
            };
        }
        value /= 1000.0;
    }
    unreachable!("the last unit takes everything")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_shown() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (334_701_393, "335 MB"),
            (6_829_752_381, "6.83 GB"),
            (45_000_000_000, "45.0 GB"),
            (12_345_678_901_234, "12346 GB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
