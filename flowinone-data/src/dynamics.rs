//! What a push does: discs that slide, rub, bounce and come to rest.
//!
//! An arrow of length `L` starts its disc with the speed at which it would slide `reach * L` on an
//! empty table: `v0 = sqrt(2 a reach L)`. Every moving disc is slowed by the same deceleration `a`
//! (dry friction). The picture's edges are walls that give back the share `bounce` of the speed
//! across them. Discs collide without friction, giving back the share `restitution` of the speed at
//! which they meet (1: elastic); mass is proportional to area. Lengths are fractions of the
//! picture's side, y points down.

use serde::{Deserialize, Serialize};

/// Seconds of one step.
const STEP: f64 = 1.0 / 480.0;
/// Most steps: everything rests long before.
const MAX_STEPS: usize = 480 * 60;

/// The constants of the table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Physics {
    /// Deceleration by friction, in sides a second squared.
    pub friction: f64,
    /// How far a push slides its disc on an empty table, in lengths of its arrow.
    pub reach: f64,
    /// Share of the speed that a wall gives back.
    pub bounce: f64,
    /// Share of the speed that a collision gives back.
    pub restitution: f64,
}

impl Default for Physics {
    /// Friction 1, reach 1.5, walls that give back half, elastic collisions.
    fn default() -> Self {
        Self {
            friction: 1.0,
            reach: 1.5,
            bounce: 0.5,
            restitution: 1.0,
        }
    }
}

/// A disc on the table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disc {
    /// Centre.
    pub center: [f64; 2],
    /// Radius.
    pub radius: f64,
    /// Velocity, in sides a second.
    pub velocity: [f64; 2],
}

impl Disc {
    fn mass(&self) -> f64 {
        self.radius * self.radius
    }

    fn speed(&self) -> f64 {
        length(self.velocity)
    }
}

impl Physics {
    /// The velocity that an arrow gives.
    pub fn velocity(&self, arrow: [f64; 2]) -> [f64; 2] {
        let long = length(arrow);
        if long == 0.0 {
            return [0.0; 2];
        }
        let speed = (2.0 * self.friction * self.reach * long).sqrt();
        arrow.map(|v| v / long * speed)
    }

    /// The table at every 480th of a second, until all discs rest (or a minute has passed).
    pub fn run(&self, discs: Vec<Disc>) -> impl Iterator<Item = Vec<Disc>> + use<> {
        let physics = *self;
        let moving = |discs: &Vec<Disc>| discs.iter().any(|disc| disc.speed() > 0.0);
        std::iter::successors(Some(discs), move |discs| {
            moving(discs).then(|| physics.step(discs.clone()))
        })
        .take(MAX_STEPS)
    }

    /// Where everything comes to rest.
    pub fn rest(&self, discs: Vec<Disc>) -> Vec<Disc> {
        self.run(discs).last().expect("the first state at least")
    }

    fn step(&self, mut discs: Vec<Disc>) -> Vec<Disc> {
        for disc in &mut discs {
            self.slide(disc);
            self.meet_walls(disc);
        }
        for second in 1..discs.len() {
            let (before, rest) = discs.split_at_mut(second);
            for first in before {
                self.collide(first, &mut rest[0]);
            }
        }
        discs
    }

    /// Uniform deceleration, exact also in the step in which the disc stops.
    fn slide(&self, disc: &mut Disc) {
        let speed = disc.speed();
        if speed == 0.0 {
            return;
        }
        let time = STEP.min(speed / self.friction);
        let way = speed * time - 0.5 * self.friction * time * time;
        // A disc that would move for less than a millionth of a step rests.
        let left = speed - self.friction * STEP;
        let left = if left > 1e-9 { left } else { 0.0 };
        for axis in 0..2 {
            let direction = disc.velocity[axis] / speed;
            disc.center[axis] += direction * way;
            disc.velocity[axis] = direction * left;
        }
    }

    fn meet_walls(&self, disc: &mut Disc) {
        for axis in 0..2 {
            let (low, high) = (disc.radius, 1.0 - disc.radius);
            if low > high {
                continue; // larger than the table: no wall can hold it
            }
            let (at, speed) = (disc.center[axis], disc.velocity[axis]);
            if (at < low && speed < 0.0) || (at > high && speed > 0.0) {
                let wall = at.clamp(low, high);
                disc.center[axis] = wall + (wall - at) * self.bounce;
                disc.velocity[axis] = -speed * self.bounce;
            }
        }
    }

    fn collide(&self, first: &mut Disc, second: &mut Disc) {
        let between = [0, 1].map(|axis| second.center[axis] - first.center[axis]);
        let distance = length(between);
        if distance >= first.radius + second.radius || distance == 0.0 {
            return;
        }
        let normal = between.map(|v| v / distance);
        let closing: f64 = (0..2)
            .map(|axis| (first.velocity[axis] - second.velocity[axis]) * normal[axis])
            .sum();
        if closing <= 0.0 {
            return; // touching, but moving apart
        }
        let (m1, m2) = (first.mass(), second.mass());
        let impulse = (1.0 + self.restitution) * closing * m1 * m2 / (m1 + m2);
        for (axis, part) in normal.into_iter().enumerate() {
            first.velocity[axis] -= impulse / m1 * part;
            second.velocity[axis] += impulse / m2 * part;
        }
    }
}

fn length([x, y]: [f64; 2]) -> f64 {
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disc(center: [f64; 2], radius: f64, velocity: [f64; 2]) -> Disc {
        Disc {
            center,
            radius,
            velocity,
        }
    }

    #[test]
    fn a_push_slides_one_and_a_half_arrows() {
        let physics = Physics::default();
        for arrow in [[0.2, 0.0], [0.0, -0.1], [0.12, 0.09]] {
            let start = disc([0.5, 0.5], 0.05, physics.velocity(arrow));
            let end = physics.rest(vec![start])[0];
            for axis in 0..2 {
                let way = end.center[axis] - 0.5;
                assert!((way - 1.5 * arrow[axis]).abs() < 1e-6, "{arrow:?}: {way}");
            }
            assert_eq!(end.velocity, [0.0; 2]);
        }
    }

    #[test]
    fn walls_hold_every_disc_and_give_back_half() {
        let physics = Physics::default();
        let start = disc([0.8, 0.5], 0.1, physics.velocity([0.2, 0.0]));
        for state in physics.run(vec![start]) {
            assert!((0.0999..=0.9001).contains(&state[0].center[0]));
        }
        // 0.1 to the wall of 0.3: speed^2 falls to 2/3, a quarter of it remains: 0.2 / 4 back.
        let end = physics.rest(vec![start])[0].center[0];
        assert!((end - 0.85).abs() < 2e-3, "{end}");
    }

    #[test]
    fn elastic_collisions_keep_momentum_and_energy() {
        let physics = Physics::default();
        let mut first = disc([0.4, 0.5], 0.1, [0.6, 0.1]);
        let mut second = disc([0.52, 0.56], 0.07, [-0.2, 0.0]);
        let momentum = |a: &Disc, b: &Disc| {
            [0, 1].map(|axis| a.mass() * a.velocity[axis] + b.mass() * b.velocity[axis])
        };
        let energy =
            |a: &Disc, b: &Disc| a.mass() * a.speed().powi(2) + b.mass() * b.speed().powi(2);
        let (p, e) = (momentum(&first, &second), energy(&first, &second));
        physics.collide(&mut first, &mut second);
        assert!((energy(&first, &second) - e).abs() < 1e-12);
        let after = momentum(&first, &second);
        assert!((0..2).all(|axis| (after[axis] - p[axis]).abs() < 1e-12));
        assert!(second.velocity[0] > 0.0);
    }

    #[test]
    fn equal_discs_that_meet_head_on_exchange_their_speeds() {
        let physics = Physics::default();
        let moving = disc([0.2, 0.5], 0.05, physics.velocity([0.2, 0.0]));
        let resting = disc([0.4, 0.5], 0.05, [0.0; 2]);
        let end = physics.rest(vec![moving, resting]);
        // 0.1 of the 0.3 until they touch; the other slides the remaining 0.2.
        assert!((end[0].center[0] - 0.3).abs() < 3e-3, "{end:?}");
        assert!((end[1].center[0] - 0.6).abs() < 6e-3, "{end:?}");
        assert_eq!(end[1].center[1], 0.5);
    }

    #[test]
    fn without_a_push_nothing_moves() {
        let discs = vec![
            disc([0.2, 0.2], 0.1, [0.0; 2]),
            disc([0.3, 0.2], 0.1, [0.0; 2]),
        ];
        assert_eq!(Physics::default().rest(discs.clone()), discs);
    }

    #[test]
    fn a_push_comes_as_far_as_a_shortened_arrow_says() {
        use flowinone_prompts::part_of_way;
        let physics = Physics::default();
        let ways = |length: f64| -> Vec<f64> {
            let pushed = disc([0.1, 0.5], 0.01, physics.velocity([length, 0.0]));
            let states = physics.run(vec![pushed]);
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
