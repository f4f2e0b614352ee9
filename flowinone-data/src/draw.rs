//! Random numbers for procedural data: one `ChaCha` stream for each pair, and the few draws made
//! from it.
//!
//! The draws are written out here, so that the same seed gives the same pairs whatever a later
//! version of a random-number library makes of its ranges.

use rand::SeedableRng;
use rand::rand_core::Rng;
use rand_chacha::ChaCha8Rng;

/// The stream of random numbers of one pair.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// Stream `index` of the generator of `seed` and `realm` (one realm for each split).
    pub(crate) fn new(seed: u64, realm: u64, index: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&realm.to_le_bytes());
        let mut random = ChaCha8Rng::from_seed(key);
        random.set_stream(index);
        Self(random)
    }

    /// A whole number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "nothing to choose from");
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// A number in `[0, 1)`, with 24 bits.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// A number in `[from, to)`.
    pub(crate) fn between(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * self.unit()
    }

    /// Whether an event of this probability happens.
    pub(crate) fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// One of `choices`.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// A hash of two numbers (SplitMix64): the `counter`-th random number of `seed`.
pub(crate) fn scramble(seed: u64, counter: u64) -> u64 {
    let mut z = seed
        .wrapping_mul(0xd134_2543_de82_ef95)
        .wrapping_add(counter.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A hash of words (FNV-1a), the same on every machine and in every version.
pub(crate) fn hash(words: &[&str]) -> u64 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    let fnv = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    scramble(fnv, 0)
}

/// The numbers `0..n` in the random order of (`seed`, `round`) (Fisher and Yates).
pub(crate) fn permutation(n: usize, seed: u64, round: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let key = scramble(seed, round);
    for last in (1..n).rev() {
        let other = (u128::from(scramble(key, last as u64)) * (last as u128 + 1)) >> 64;
        order.swap(last, other as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_and_repeat() {
        let first = |seed, realm, index| Draw::new(seed, realm, index).below(usize::MAX);
        assert_eq!(first(1, 2, 3), first(1, 2, 3));
        let all = [
            first(1, 2, 3),
            first(1, 2, 4),
            first(1, 3, 3),
            first(2, 2, 3),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(!all[..place].contains(one));
        }
    }

    #[test]
    fn draws_cover_their_range_evenly() {
        let mut draw = Draw::new(7, 0, 0);
        let mut counts = [0; 5];
        (0..5000).for_each(|_| counts[draw.below(5)] += 1);
        assert!(counts.iter().all(|n| (900..1100).contains(n)), "{counts:?}");
        let mean = (0..5000).map(|_| draw.between(2.0, 4.0)).sum::<f32>() / 5000.0;
        assert!((mean - 3.0).abs() < 0.03, "{mean}");
    }

    #[test]
    fn a_permutation_holds_every_number_once() {
        let mut order = permutation(100, 3, 1);
        assert_ne!(order, permutation(100, 3, 2));
        order.sort_unstable();
        assert!(order.into_iter().eq(0..100));
        assert!(permutation(0, 1, 1).is_empty());
    }
}
