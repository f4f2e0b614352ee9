//! How far a push has come: `s(tau) = tau (2 - tau)`.
//!
//! A push of length `L` slides its object a way in proportion to `L`, slowed evenly by dry friction: with
//! the deceleration `a` and `v0 = sqrt(2 a way)` it rests after `T = v0 / a ~ sqrt(L)`, and at the time
//! `tau T` has gone the part `s(tau)` of its way, whatever `a` and the reach of an arrow are.

/// The part of its way that a push has gone at a share of the time that the longest push takes, for a
/// push whose length is the part `of_longest` of the longest: `s(share / sqrt(of_longest))`, at most 1.
pub(crate) fn part_of_way(share: f64, of_longest: f64) -> f64 {
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

    #[cfg(feature = "dataset")]
    #[test]
    fn the_part_of_the_way_is_that_of_the_physics() {
        use crate::data::{Disc, Physics};
        let physics = Physics::default();
        let disc = |arrow: [f64; 2]| Disc {
            center: [0.1, 0.5],
            radius: 0.01,
            velocity: physics.velocity(arrow),
        };
        let ways = |length: f64| -> Vec<f64> {
            let states = physics.run(vec![disc([length, 0.0])]);
            states.map(|discs| discs[0].center[0] - 0.1).collect()
        };
        let (long, short) = (ways(0.4), ways(0.1));
        for share in [0.2, 0.5, 0.8] {
            let step = (share * long.len() as f64).round() as usize;
            let gone = long[step] / 0.6;
            assert!(
                (gone - part_of_way(share, 1.0)).abs() < 0.01,
                "{share}: {gone}"
            );
            let gone = short[step.min(short.len() - 1)] / 0.15;
            assert!(
                (gone - part_of_way(share, 0.25)).abs() < 0.01,
                "{share}: {gone}"
            );
        }
    }
}
