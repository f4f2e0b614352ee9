//! Seeded damage to a file: what disks, downloads and attackers do to bytes.

/// A damaged copy of `bytes`: truncated, bits flipped, bytes overwritten with telling values,
/// a piece removed, doubled, or zeroed; the same for the same seed, never equal to the original.
pub fn mutated(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut random = SplitMix(seed);
    let mut copy = bytes.to_vec();
    while copy == bytes {
        match random.below(7) {
            0 => copy.truncate(random.below(bytes.len())),
            kind => {
                // Headers are short and matter most: half of the damage goes to either end.
                let at = match random.below(4) {
                    0 => random.below(bytes.len().min(256)),
                    1 => bytes.len() - 1 - random.below(bytes.len().min(1024)),
                    _ => random.below(bytes.len()),
                };
                let end = (at + 1 + random.below(16)).min(bytes.len());
                match kind {
                    1 => copy[at] ^= 1 << random.below(8),
                    2 => copy[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
                    3 => copy[at..end].fill(0xff),
                    4 => copy[at..end].fill(0),
                    5 => drop(copy.drain(at..end)),
                    _ => {
                        let piece = copy[at..end].to_vec();
                        copy.splice(at..at, piece);
                    }
                }
            }
        }
    }
    copy
}

struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }
}
