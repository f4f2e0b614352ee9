//! How far a push has come: `s(tau) = tau (2 - tau)`.
//!
//! A push of length `L` slides its object a way in proportion to `L`, slowed evenly by dry
//! friction: with the deceleration `a` and `v0 = sqrt(2 a way)` it rests after
//! `T = v0 / a ~ sqrt(L)`, and at the time `tau T` has gone the part `s(tau)` of its way, whatever
//! `a` and the reach of an arrow are.

/// The part of its way that a push has gone at a share of the time that the longest push takes, for
/// a push whose length is the part `of_longest` of the longest: `s(share / sqrt(of_longest))`, at
/// most 1.
pub fn part_of_way(share: f64, of_longest: f64) -> f64 {
    let tau = (share / of_longest.sqrt()).min(1.0);
    tau * (2.0 - tau)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_time_is_three_quarters_of_the_way() {
        assert_eq!(part_of_way(0.5, 1.0), 0.75);
        assert_eq!(part_of_way(1.0, 1.0), 1.0);
        assert_eq!(
            part_of_way(0.5, 0.25),
            1.0,
            "a quarter of the length takes half of the time"
        );
    }
}
