//! Training what comes after latents that stay: fine levels and compositor of an autoencoder, on
//! crops of pictures decoded from latents that are disturbed as a flow disturbs them:
//!
//! ```text
//! z <- what the flow makes of the prompt, for a share of the pictures; of the others
//! z <- z + a (mean of 3 x 3 - z) + s e,    a ~ blur U(0, 1),  s ~ noise U(0, 1),  e ~ N(0, 1)
//! fine levels, or the decoder where there are none  |x - y| + g |dx - dy| + q (x - y)^2
//! compositor   |m p + (1 - m) y - x| + c CE(m, p is x)
//! ```
//!
//! with targets x, decoded pictures y (smoothly enlarged where they are made larger afterwards),
//! prompts p and masks m. Whether p is x at a pixel, and at all near it, is known here, where
//! targets are; the compositor sees p and y alone.

use burn::tensor::activation::{log_sigmoid, sigmoid};
use burn::tensor::{Device, Tensor, TensorData};
use flowinone_data::Example;
use flowinone_encoder::structure_pixels;
use flowinone_vae::{Autoencoder, enlarged_smoothly, means};
use image::RgbImage;

use crate::flow_made::Asked;
use crate::reconstruction::errors;
use crate::{AutoencoderTrainTask, BatchRng, FlowMade, Losses, Reconstruction};

/// Crops begin and end at multiples of so many pixels, on which all networks agree.
pub(crate) const GRID: u32 = 16;
/// Places that are tried for a crop; the one with most edges is taken.
const TRIED: usize = 3;
/// Bytes by which a prompt may differ from the target and still be it.
const SAME: u8 = 2;
/// Weight of a pixel that changes: what is left of a mark is seen sooner than what is blurred.
const LEFT: f64 = 3.0;
/// Pixels around what changes that are not to be kept either: the rim of what goes would stay
/// behind.
const NEAR: usize = 3;

/// A picture to be decoded, and what it is an edit of.
#[derive(Clone)]
pub(crate) struct Shown {
    /// The picture.
    pub(crate) picture: RgbImage,
    /// The prompt beside it, of the same size, if its structure is kept.
    pub(crate) prompt: Option<RgbImage>,
    /// What the flow is to be asked for to make it, if the run has one.
    pub(crate) asked: Option<Asked>,
}

impl Shown {
    /// The target of an example in a square of `side` pixels, or its prompt, which is an edit of
    /// nothing.
    /// What a flow would be asked for is kept if `asked`.
    pub(crate) fn new(example: &Example, side: u32, prompt: bool, asked: bool) -> Self {
        let crop = |picture| flowinone_image::center_crop(picture, side);
        match prompt {
            true => Self {
                picture: crop(&example.input),
                prompt: None,
                asked: None,
            },
            false => Self {
                picture: crop(&example.output),
                prompt: example.keeps_structure().then(|| crop(&example.input)),
                asked: asked.then(|| Asked::of(example)),
            },
        }
    }
}

/// A square part of a picture of the batch.
struct Crop {
    item: usize,
    corner: [u32; 2],
    side: u32,
}

/// The losses of fine levels and compositor.
pub(crate) fn losses(
    model: &Autoencoder,
    task: &AutoencoderTrainTask,
    batch: &[Shown],
    rng: &mut BatchRng,
) -> Losses {
    let (weights, device) = (&task.reconstruction, &task.device);
    let whole = batch[0].picture.width();
    let crops = crops(batch, weights, whole, rng);
    // Pixels of a whole picture for one of the encoder's, along each side.
    let pooling = (model.config().pooling() * model.config().compositor_scale) as u32;
    let seen = |shown: &Shown| flowinone_image::center_crop(&shown.picture, whole / pooling);
    let seen: Vec<_> = batch.iter().map(seen).collect();
    let latent = model.encode_means(structure_pixels(&seen, device)).mode();
    let latent = disturbed(latent, weights, rng);
    let latent = match &task.flow {
        Some(flow) => with_flow_made(latent, flow, weights.flow_made, batch, rng),
        None => latent,
    };
    let latent = model.post_quant_conv.forward(latent / model.config().scale);
    let features = model.decoder.features(latent); // [b, c, h / pooling, w / pooling]
    let cut = |x: &Tensor<4>| {
        let cut = |crop: &Crop| {
            let [left, top, side] =
                [crop.corner[0], crop.corner[1], crop.side].map(|at| (at / pooling) as usize);
            let row = x.clone().narrow(0, crop.item, 1);
            row.narrow(2, top, side).narrow(3, left, side)
        };
        Tensor::cat(crops.iter().map(cut).collect(), 0)
    };
    let small = model.decoder.small_picture(features.clone());
    let (features, small) = (cut(&features), cut(&small)); // [crops, c, ..]
    let x = cropped(&crops, device, |item| &batch[item].picture);
    let (y, difference) = match &model.decoder.fine {
        Some(fine) => {
            let y = fine.forward(features, small);
            (y.clone(), y - x.clone())
        }
        None => {
            let difference = small.clone() - means(x.clone(), pooling as usize);
            (enlarged_smoothly(small, pooling as usize), difference)
        }
    };
    let Losses {
        mut total,
        mut parts,
    } = errors(difference, weights.gradient, weights.squared);
    if let Some(found) = composed(model, &crops, batch, [x, y], device) {
        let [left, entropy] = found;
        total = total + left.clone() + entropy.clone().mul_scalar(weights.cross_entropy);
        parts.extend([("composed", left), ("cross_entropy", entropy)]);
    }
    Losses { total, parts }
}

/// The absolute error of composed pictures and the cross entropy of their masks, if there is a
/// compositor and a crop that is an edit.
fn composed(
    model: &Autoencoder,
    crops: &[Crop],
    batch: &[Shown],
    [x, y]: [Tensor<4>; 2],
    device: &Device,
) -> Option<[Tensor<1>; 2]> {
    let compositor = model.compositor.as_ref()?;
    let edits = |(_, crop): &(usize, &Crop)| batch[crop.item].prompt.is_some();
    let (rows, crops): (Vec<usize>, Vec<&Crop>) = crops.iter().enumerate().filter(edits).unzip();
    if rows.is_empty() {
        return None;
    }
    let pick = |x: Tensor<4>| {
        let row = |&row: &usize| x.clone().narrow(0, row, 1);
        Tensor::cat(rows.iter().map(row).collect(), 0)
    };
    let (x, y) = (pick(x), pick(y).detach());
    let prompt = |item: usize| batch[item].prompt.as_ref().unwrap_or(&batch[item].picture);
    let p = cropped(crops.iter().copied(), device, prompt);
    let same = |crop: &&Crop| same(crop, &batch[crop.item]);
    let values: Vec<f32> = crops.iter().flat_map(same).collect();
    let side = crops[0].side as usize;
    let same = Tensor::from_data(TensorData::new(values, [rows.len(), 1, side, side]), device);
    let odds = compositor.log_odds(y.clone(), p.clone());
    let mask = sigmoid(odds.clone());
    let entropy = same.clone() * log_sigmoid(odds.clone())
        + same.neg().add_scalar(1.0) * log_sigmoid(odds.neg()).mul_scalar(LEFT);
    let left = (y.clone() + mask * (p - y) - x).abs().mean();
    Some([left, entropy.mean().neg()])
}

/// Latents as a flow may make them, `[b, c, h, w]`.
pub(crate) fn disturbed(z: Tensor<4>, weights: &Reconstruction, rng: &mut BatchRng) -> Tensor<4> {
    let ([b, c, h, w], device) = (z.dims(), z.device());
    let amounts = |most: f64, rng: &mut BatchRng| {
        let amounts = rng.uniforms(b).into_iter();
        let amounts = amounts.map(|u| most as f32 * u).collect::<Vec<_>>();
        Tensor::<4>::from_data(TensorData::new(amounts, [b, 1, 1, 1]), &device)
    };
    let blur = amounts(weights.blur, rng);
    let noise = amounts(weights.noise, rng);
    let e: Tensor<4> = rng.noise([b, c, h, w], &device);
    z.clone() + (blurred(z.clone()) - z) * blur + e * noise
}

/// The latents `[b, c, h, w]` with a `share` of them as the flow makes them.
fn with_flow_made(
    latent: Tensor<4>,
    flow: &FlowMade,
    share: f64,
    batch: &[Shown],
    rng: &mut BatchRng,
) -> Tensor<4> {
    let chances = rng.uniforms(batch.len()).into_iter();
    let asked = batch.iter().zip(chances);
    let asked = asked.map(|(shown, chance)| {
        let made = f64::from(chance) < share;
        shown.asked.as_ref().filter(|_| made)
    });
    let asked: Vec<Option<&Asked>> = asked.collect();
    let wanted: Vec<&Asked> = asked.iter().flatten().copied().collect();
    if wanted.is_empty() {
        return latent;
    }
    let made = Tensor::from_inner(flow.latents(&wanted, rng)).to_device(&latent.device());
    let mut next = 0;
    let mut row = |(item, asked): (usize, &Option<&Asked>)| match asked {
        Some(_) => {
            next += 1;
            made.clone().narrow(0, next - 1, 1)
        }
        None => latent.clone().narrow(0, item, 1),
    };
    Tensor::cat(asked.iter().enumerate().map(&mut row).collect(), 0)
}

/// Means of 3 x 3 values, those at the edges repeated.
fn blurred(z: Tensor<4>) -> Tensor<4> {
    let along = |z: Tensor<4>, axis: usize| {
        let length = z.dims()[axis];
        let part = |from, count| z.clone().narrow(axis, from, count);
        let before = Tensor::cat(vec![part(0, 1), part(0, length - 1)], axis);
        let after = Tensor::cat(vec![part(1, length - 1), part(length - 1, 1)], axis);
        (before + z + after).div_scalar(3.0)
    };
    along(along(z, 2), 3)
}

/// Random parts of each picture.
fn crops(batch: &[Shown], weights: &Reconstruction, whole: u32, rng: &mut BatchRng) -> Vec<Crop> {
    let side = weights.crop.map_or(whole, |crop| crop.min(whole));
    let each = if side == whole { 1 } else { weights.crops };
    let room = ((whole - side) / GRID + 1) as usize;
    let mut crops = vec![];
    for _ in 0..each {
        let places = rng.below(room, 2 * TRIED * batch.len());
        for (item, places) in places.chunks(2 * TRIED).enumerate() {
            let places = places.chunks(2).map(|at| [at[0] as u32, at[1] as u32]);
            let crop = |at: [u32; 2]| Crop {
                item,
                corner: at.map(|at| GRID * at),
                side,
            };
            crops.extend(
                places
                    .map(crop)
                    .max_by_key(|crop| busy(crop, &batch[item].picture)),
            );
        }
    }
    crops
}

/// How much goes on in a part of a picture: differences of every other pixel and its neighbours.
fn busy(crop: &Crop, picture: &RgbImage) -> u64 {
    let [left, top] = crop.corner;
    let mut sum = 0;
    for y in (top..top + crop.side - 1).step_by(2) {
        for x in (left..left + crop.side - 1).step_by(2) {
            let here = picture.get_pixel(x, y).0[1];
            let near = [picture.get_pixel(x + 1, y), picture.get_pixel(x, y + 1)];
            sum += near
                .map(|pixel| u64::from(pixel.0[1].abs_diff(here)))
                .iter()
                .sum::<u64>();
        }
    }
    sum
}

/// Where the prompt is what the target is, and so is all that is near: 1 or 0 for each pixel of a
/// part.
fn same(crop: &Crop, shown: &Shown) -> Vec<f32> {
    let prompt = shown.prompt.as_ref().unwrap_or(&shown.picture);
    let side = crop.side as usize;
    let mut changed = vec![false; side * side];
    for (at, changed) in changed.iter_mut().enumerate() {
        let [x, y] = [at % side, at / side].map(|at| at as u32);
        let [x, y] = [crop.corner[0] + x, crop.corner[1] + y];
        let [a, b] = [prompt, &shown.picture].map(|picture| picture.get_pixel(x, y).0);
        *changed = a.iter().zip(b).any(|(a, b)| a.abs_diff(b) > SAME);
    }
    // First along rows, then along columns.
    for [step, across] in [[1, side], [side, 1]] {
        let lines = changed.clone();
        for line in 0..side {
            for at in 0..side {
                let near = at.saturating_sub(NEAR)..(at + NEAR + 1).min(side);
                let mut near = near.map(|near| lines[line * across + near * step]);
                changed[line * across + at * step] = near.any(|changed| changed);
            }
        }
    }
    let same = changed.into_iter().map(|changed| u8::from(!changed));
    same.map(f32::from).collect()
}

/// Parts of pictures as `[crops, 3, side, side]` in [-1, 1].
fn cropped<'a, 'b>(
    crops: impl IntoIterator<Item = &'a Crop>,
    device: &Device,
    picture: impl Fn(usize) -> &'b RgbImage,
) -> Tensor<4> {
    let part = |crop: &Crop| {
        let [x, y] = crop.corner;
        image::imageops::crop_imm(picture(crop.item), x, y, crop.side, crop.side).to_image()
    };
    let parts: Vec<_> = crops.into_iter().map(part).collect();
    structure_pixels(&parts, device)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn the_busiest_of_the_tried_places_is_taken_on_the_grid() {
        let picture = RgbImage::from_fn(64, 64, |x, y| {
            let dark = (32..48).contains(&x) && (32..48).contains(&y) && (x + y) % 2 == 0;
            Rgb([if dark { 0 } else { 255 }; 3])
        });
        let shown = Shown {
            picture,
            prompt: None,
            asked: None,
        };
        let weights = Reconstruction {
            crop: Some(16),
            crops: 400,
            ..Reconstruction::default()
        };
        let crops = crops(&[shown], &weights, 64, &mut BatchRng::new(1, 1));
        assert_eq!(crops.len(), 400);
        assert!(
            crops
                .iter()
                .all(|crop| crop.corner.iter().all(|at| at % GRID == 0))
        );
        // One place of 16 is busy: three tries find it in 18 % of crops, one would in 6 %.
        let found = crops.iter().filter(|crop| crop.corner == [32, 32]).count();
        assert!((45..=100).contains(&found), "{found}");
    }

    #[test]
    fn what_changes_is_not_the_same_and_neither_is_its_rim() {
        let picture = RgbImage::from_pixel(32, 32, Rgb([100; 3]));
        let mut prompt = picture.clone();
        prompt.put_pixel(16 + 5, 16, Rgb([100, 103, 100]));
        prompt.put_pixel(16 + 12, 16 + 12, Rgb([102, 98, 100]));
        let shown = Shown {
            picture,
            prompt: Some(prompt),
            asked: None,
        };
        let crop = Crop {
            item: 0,
            corner: [16, 16],
            side: 16,
        };
        let found = same(&crop, &shown);
        for (at, same) in found.into_iter().enumerate() {
            let rim = (2..=8).contains(&(at % 16)) && at / 16 <= 3;
            assert_eq!(same, f32::from(u8::from(!rim)), "{at}");
        }
    }

    #[test]
    fn nothing_is_disturbed_by_nothing_and_a_plain_latent_has_no_blur() {
        let device = Device::flex();
        let weights = |blur, noise| Reconstruction {
            blur,
            noise,
            ..Reconstruction::default()
        };
        let z: Tensor<4> = BatchRng::new(2, 0).noise([3, 2, 4, 5], &device);
        let data = |x: Tensor<4>| x.into_data();
        let still = disturbed(z.clone(), &weights(0.0, 0.0), &mut BatchRng::new(3, 0));
        assert_eq!(data(still), data(z.clone()));
        let plain = z.full_like(1.5);
        let spread = disturbed(plain.clone(), &weights(1.0, 0.0), &mut BatchRng::new(3, 0)) - plain;
        assert!(spread.abs().max().into_scalar::<f32>() < 1e-6); // thirds
        let noisy = disturbed(z.clone(), &weights(0.0, 1.0), &mut BatchRng::new(3, 0)) - z;
        let amounts = BatchRng::new(3, 0).uniforms(6);
        for (item, most) in amounts[3..].iter().enumerate() {
            let noise = noisy.clone().narrow(0, item, 1);
            let deviation: f32 = noise.square().mean().sqrt().into_scalar();
            // 40 normal numbers.
            assert!(
                (deviation / most - 1.0).abs() < 0.4,
                "{deviation} of {most}"
            );
        }
    }
}
