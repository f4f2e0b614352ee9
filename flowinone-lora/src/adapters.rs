//! Several adapters, each with its weight, added to the weights of layers.

use flowinone_files::sha256_of;
use rayon::prelude::*;

use crate::{Adapter, Factors};

/// Adapters with their weights, in the order in which they are added.
#[derive(Debug, Clone, Default)]
pub struct Adapters(Vec<(Adapter, f32)>);

impl Adapters {
    /// Of adapters that were opened for the same layers.
    pub fn new(adapters: Vec<(Adapter, f32)>) -> Self {
        Self(adapters)
    }

    /// Whether nothing is added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The adapters and their weights.
    pub fn iter(&self) -> impl Iterator<Item = (&Adapter, f32)> {
        self.0.iter().map(|(adapter, weight)| (adapter, *weight))
    }

    /// Whether the layer at a module path is changed.
    pub fn change(&self, layer: &str) -> bool {
        self.0
            .iter()
            .any(|(adapter, _)| adapter.layers.contains_key(layer))
    }

    /// Adds the changes to the weights `[input, output]` of the layer at a module path.
    ///
    /// # Panics
    /// If the layer has other sizes.
    pub fn add(&self, layer: &str, weights: &mut [f32]) {
        for (adapter, weight) in &self.0 {
            if let Some(factors) = adapter.layers.get(layer) {
                factors.add(*weight, weights);
            }
        }
    }

    /// The digest of a model of digest `base` with these adapters; that of the model itself if
    /// there are none.
    pub fn digest(&self, base: &str) -> String {
        if self.is_empty() {
            return base.to_string();
        }
        let mut text = base.to_string();
        for (adapter, weight) in &self.0 {
            text += &format!(" {} {weight}", adapter.sha256);
        }
        sha256_of(text.as_bytes())
    }
}

impl Factors {
    /// The root mean square of the change, before it is multiplied with a weight.
    pub fn root_mean_square(&self) -> f64 {
        let [input, output] = self.sizes;
        // |A^T B^T|^2 is the sum over two ranks of (A A^T) (B^T B).
        let products = |left: usize, right: usize| {
            let row = |rank: usize| &self.down[rank * input..][..input];
            let down = row(left).iter().zip(row(right)).map(product).sum::<f64>();
            let columns = self.up.chunks_exact(self.rank);
            down * columns
                .map(|row| product((&row[left], &row[right])))
                .sum::<f64>()
        };
        let ranks = 0..self.rank;
        let square: f64 = ranks
            .clone()
            .map(|left| {
                ranks
                    .clone()
                    .map(|right| products(left, right))
                    .sum::<f64>()
            })
            .sum();
        f64::from(self.scale).abs() * (square.max(0.0) / (input * output) as f64).sqrt()
    }

    /// Adds `weight * scale * A^T B^T` to `[input, output]`.
    fn add(&self, weight: f32, weights: &mut [f32]) {
        let [input, output] = self.sizes;
        assert_eq!(weights.len(), input * output, "a layer of these sizes");
        let scale = weight * self.scale;
        // [rank, output], so that what is added to a row lies in order.
        let mut up = vec![0.0; self.up.len()];
        for (index, value) in self.up.iter().enumerate() {
            up[index % self.rank * output + index / self.rank] = *value;
        }
        let rows = weights.par_chunks_exact_mut(output).enumerate();
        rows.for_each(|(row, weights)| {
            for (rank, up) in up.chunks_exact(output).enumerate() {
                let factor = scale * self.down[rank * input + row];
                for (weight, up) in weights.iter_mut().zip(up) {
                    *weight += factor * up;
                }
            }
        });
    }
}

fn product((left, right): (&f32, &f32)) -> f64 {
    f64::from(*left) * f64::from(*right)
}
