//! What stays in pictures that are made larger after decoding: `m prompt + (1 - m) larger`, the
//! shares m being the [codec's](flowinone_vae::LatentCodec::kept).

use burn::tensor::{FloatDType, Tensor};
use flowinone_encoder::{VisualEncoder, structure_pixels};
use flowinone_flow::FlowModel;
use flowinone_image::{Filter, center_crop, resize};
use flowinone_vae::LatentCodec;
use image::{Rgb, RgbImage};

use crate::{Error, Pipeline};

impl<E: VisualEncoder, C: LatentCodec, F: FlowModel> Pipeline<E, C, F> {
    /// `larger`, the decoded square picture `small` made larger, with what the edit of `prompt`
    /// leaves as it is taken from there, as sharp as it is there; `larger` itself if the codec
    /// cannot tell what that is.
    ///
    /// # Errors
    /// [`Error::Decode`] of item 0 if the codec's shares are not finite.
    pub fn keep_in_larger(
        &self,
        small: &RgbImage,
        larger: RgbImage,
        prompt: &RgbImage,
    ) -> Result<RgbImage, Error> {
        let scale = self.codec().kept_scale() as u32;
        if scale == 1 {
            return Ok(larger);
        }
        let side = small.width() * scale;
        let pixels =
            |picture: &RgbImage| self.weights_type(structure_pixels([picture], self.device()));
        let [decoded, seen] = [pixels(small), pixels(&center_crop(prompt, side))];
        let Some(kept) = self.codec().kept(decoded, seen) else {
            return Ok(larger);
        };
        let kept = shares(kept).map_err(|e| Error::Decode(0, e))?;
        let (width, height) = larger.dimensions();
        let kept = resize(&kept, width, height, Filter::Bicubic);
        let prompt = center_crop(prompt, width.max(height));
        let prompt = resize(&prompt, width, height, Filter::Bicubic);
        Ok(mixed(&kept, &prompt, &larger))
    }
}

/// Shares `[1, 1, h, w]` as a grey picture, 255 for one.
fn shares(kept: Tensor<4>) -> Result<RgbImage, flowinone_vae::Error> {
    let levels = (kept.cast(FloatDType::F32) * 2.0 - 1.0).repeat_dim(1, 3);
    Ok(crate::to_pictures(levels)?.remove(0))
}

/// `m prompt + (1 - m) larger`, pixel by pixel.
fn mixed(kept: &RgbImage, prompt: &RgbImage, larger: &RgbImage) -> RgbImage {
    let (width, height) = larger.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let [m, p, l] = [kept, prompt, larger].map(|picture| picture.get_pixel(x, y).0);
        let share = u32::from(m[0]);
        let mix =
            |c: usize| (share * u32::from(p[c]) + (255 - share) * u32::from(l[c]) + 127) / 255;
        Rgb([0, 1, 2].map(|c| mix(c) as u8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_one_is_the_prompt_and_of_none_the_picture() {
        let plain = |value: [u8; 3]| RgbImage::from_pixel(2, 1, Rgb(value));
        let (prompt, larger) = (plain([250, 3, 90]), plain([7, 200, 90]));
        let mut kept = plain([0; 3]);
        kept.put_pixel(1, 0, Rgb([255; 3]));
        let found = mixed(&kept, &prompt, &larger);
        assert_eq!(found.get_pixel(0, 0), larger.get_pixel(0, 0));
        assert_eq!(found.get_pixel(1, 0), prompt.get_pixel(1, 0));
        let half = mixed(&plain([51; 3]), &prompt, &larger); // a fifth
        assert_eq!(half.get_pixel(0, 0).0, [56, 161, 90]);
    }
}
