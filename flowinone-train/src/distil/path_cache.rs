//! Paths of pictures that come again, cached on disk: one file a picture, which holds the states
//! and the structure latent. Its name tells the teacher, how the path is solved and the prompt, so
//! that another teacher never finds it; its noise follows from that name.

use std::sync::Arc;

use burn::tensor::{DType, Tensor, TensorData};
use flowinone_files::sha256_of;
use flowinone_tasks::Dtype;

use super::teacher::{Teacher, TeacherPaths};
use super::time_pairs::PARTS;
use crate::cache::{Cache, CacheKey};
use crate::{BatchRng, FlowBatch};

/// Where paths are kept.
#[derive(Debug, Clone)]
pub(crate) struct PathCache {
    cache: Arc<Cache>,
    digest: String,
}

impl PathCache {
    /// For a teacher whose products have that precision.
    pub(crate) fn new(cache: Cache, teacher: &Teacher, matmul_precision: Dtype) -> Self {
        let digest = format!("{} {matmul_precision}", teacher.path_digest());
        Self {
            cache: Arc::new(cache),
            digest: sha256_of(digest.as_bytes()),
        }
    }

    /// The folder, and what happened in it.
    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The paths of a batch. If one is missing all are solved, so that its bits depend on the batch
    /// alone and not on what else is there.
    pub(crate) fn paths(&self, teacher: &Teacher, batch: &FlowBatch) -> TeacherPaths {
        let items = batch.keeps.len();
        let keys: Vec<CacheKey> = (0..items).map(|item| self.key(batch, item)).collect();
        let [_, channels, side, _] = teacher.latents(1);
        let shape = [PARTS + 2, channels, side, side];
        let mut found: Vec<_> = keys
            .iter()
            .map(|key| self.cache.find(key, &shape))
            .collect();
        if found.contains(&None) {
            let solved = teacher.paths(batch, noise(teacher, &keys));
            for (item, place) in found.iter_mut().enumerate() {
                let path = || self.cache.keep(&keys[item], solved.path(item).into_data());
                place.get_or_insert_with(path);
            }
        }
        let device = teacher.device();
        let path = |data: TensorData| Tensor::from_data(data, (device, DType::F32));
        TeacherPaths::of(found.into_iter().flatten().map(path), &batch.keeps)
    }

    fn key(&self, batch: &FlowBatch, item: usize) -> CacheKey {
        let structure = match batch.keeps[item] {
            true => sha256_of(batch.structure[item].as_raw()),
            false => String::new(),
        };
        let digest = format!("{} {structure}", self.digest);
        CacheKey::new(&digest, &batch.vision[item])
    }
}

/// Noise that follows from the names of paths.
fn noise(teacher: &Teacher, keys: &[CacheKey]) -> [Tensor<4>; 2] {
    [0, 1].map(|purpose| {
        let one = |key: &CacheKey| {
            let mut rng = BatchRng::new(key.seed(), purpose);
            rng.noise(teacher.latents(1), teacher.device())
        };
        Tensor::cat(keys.iter().map(one).collect(), 0)
    })
}
