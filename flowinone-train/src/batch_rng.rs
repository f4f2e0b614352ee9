//! The random numbers of one batch: a stream for each (seed, batch), so that a resumed run draws
//! what an uninterrupted one would have drawn, and the parts of a divided batch what the whole
//! would have.

use burn::tensor::{Device, Shape, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Random numbers of a batch, drawn on the host. Every call draws `items * k` values, `k` for each
/// item, in item order.
#[derive(Debug, Clone)]
pub struct BatchRng {
    random: ChaCha8Rng,
    part: usize,
    parts: usize,
}

impl BatchRng {
    /// The numbers of batch `batch` of a run.
    pub fn new(seed: u64, batch: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(batch);
        Self {
            random,
            part: 0,
            parts: 1,
        }
    }

    /// The numbers of part `part`, from 0, of a batch that is divided into `parts` equal ones.
    ///
    /// # Panics
    /// If there is no such part.
    pub fn of_part(self, part: usize, parts: usize) -> Self {
        assert!(part < parts, "part {part} of {parts}");
        Self {
            part,
            parts,
            ..self
        }
    }

    /// Standard normal numbers.
    pub fn normals(&mut self, count: usize) -> Vec<f32> {
        self.draw(count, |random| StandardNormal.sample(random))
    }

    /// Uniform numbers in [0, 1).
    pub fn uniforms(&mut self, count: usize) -> Vec<f32> {
        self.draw(count, |random| random.random())
    }

    /// Whole numbers below `end`.
    pub fn below(&mut self, end: usize, count: usize) -> Vec<usize> {
        self.draw(count, |random| random.random_range(0..end))
    }

    /// Draws for the whole batch and keeps the part's values.
    fn draw<T>(&mut self, count: usize, mut one: impl FnMut(&mut ChaCha8Rng) -> T) -> Vec<T> {
        let all = (0..count * self.parts).map(|_| one(&mut self.random));
        let all: Vec<T> = all.collect();
        all.into_iter()
            .skip(self.part * count)
            .take(count)
            .collect()
    }

    /// Standard normal noise on a device.
    pub fn noise<const D: usize>(&mut self, shape: [usize; D], device: &Device) -> Tensor<D> {
        let values = self.normals(shape.iter().product());
        Tensor::from_data(TensorData::new(values, Shape::from(shape)), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_own_numbers_and_always_the_same() {
        let draw = |batch| BatchRng::new(7, batch).normals(4);
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        let uniforms = BatchRng::new(7, 3).uniforms(100);
        assert!(uniforms.iter().all(|u| (0.0..1.0).contains(u)));
    }

    #[test]
    fn the_parts_of_a_batch_draw_what_the_whole_draws() {
        let draw = |mut rng: BatchRng, count| {
            let numbers = (rng.normals(2 * count), rng.below(9, count));
            (numbers, rng.uniforms(count))
        };
        let ((normals, below), uniforms) = draw(BatchRng::new(7, 3), 6);
        for part in 0..3 {
            let drawn = draw(BatchRng::new(7, 3).of_part(part, 3), 2);
            let [two, four] = [2, 4].map(|n| part * n..(part + 1) * n);
            let expected = (normals[four].to_vec(), below[two.clone()].to_vec());
            assert_eq!(drawn, (expected, uniforms[two].to_vec()));
        }
    }
}
