//! How far a picture has come from one state to another, and what is left of the prompt's marks.
//!
//! `progress = <r - s, t - s> / |t - s|^2` over a region: 0 where the result `r` is still the scene
//! `s`, 1 where it is the target `t`; above 1/2 it is nearer to the target, since
//! `|r - t|^2 < |r - s|^2` says the same.

use image::{Rgb, RgbImage};

use super::likeness::distance;
use super::region::Region;

/// Mean square of a difference that nobody sees, per channel: about 4 of 255.
const UNSEEN: f64 = 16.0;
/// Difference of a channel from which on a pixel of the prompt is a mark.
const VISIBLE: u8 = 32;

/// How far `result` has come from `scene` to `target` in a region; `None` where the two do not
/// visibly differ.
pub(crate) fn progress(
    result: &RgbImage,
    scene: &RgbImage,
    target: &RgbImage,
    region: &Region,
) -> Option<f64> {
    let pixels = result.pixels().zip(scene.pixels()).zip(target.pixels());
    let (mut along, mut whole, mut count) = (0i64, 0i64, 0u64);
    for ((result, scene), target) in region.select(pixels) {
        for c in 0..3 {
            let from = |v: u8| i64::from(v) - i64::from(scene.0[c]);
            along += from(result.0[c]) * from(target.0[c]);
            whole += from(target.0[c]).pow(2);
        }
        count += 3;
    }
    (whole as f64 > UNSEEN * count as f64).then(|| along as f64 / whole as f64)
}

/// The pixels in which a prompt shows something that neither its scene nor its target has: words,
/// arrows, lines.
pub(crate) fn marks(prompt: &RgbImage, scene: &RgbImage, target: &RgbImage) -> Region {
    let differ = |Rgb(a): &Rgb<u8>, Rgb(b): &Rgb<u8>| {
        a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) >= VISIBLE)
    };
    let pixels = prompt.pixels().zip(scene.pixels()).zip(target.pixels());
    Region::of_pixels(
        pixels.map(|((prompt, scene), target)| differ(prompt, scene) && differ(prompt, target)),
    )
}

/// The share of the marks' pixels in which `result` is nearer to the prompt than to any pixel of
/// the target at most `reach` away, so that an edge that lies a little off is no mark; `None` if
/// there are no marks.
pub(crate) fn marks_left(
    result: &RgbImage,
    prompt: &RgbImage,
    target: &RgbImage,
    marks: &Region,
    reach: u32,
) -> Option<f64> {
    let (width, height) = target.dimensions();
    let near = |at: u32, end: u32| at.saturating_sub(reach)..(at + reach + 1).min(end);
    let pixels = result.enumerate_pixels().zip(prompt.pixels());
    let (mut left, mut count) = (0u64, 0u64);
    for ((x, y, result), prompt) in marks.select(pixels) {
        let marked = distance(*result, *prompt);
        let mut around = near(y, height).flat_map(|y| near(x, width).map(move |x| (x, y)));
        let clean = around.any(|(x, y)| distance(*result, *target.get_pixel(x, y)) <= marked);
        left += u64::from(!clean);
        count += 1;
    }
    (count > 0).then(|| left as f64 / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(value: u8) -> RgbImage {
        RgbImage::from_pixel(8, 8, Rgb([value; 3]))
    }

    fn whole() -> Region {
        Region::of_boxes(8, &[]).outside()
    }

    #[test]
    fn progress_runs_from_the_scene_to_the_target() {
        let of = |value| progress(&plain(value), &plain(50), &plain(150), &whole());
        assert_eq!(of(50), Some(0.0));
        assert_eq!(of(100), Some(0.5));
        assert_eq!(of(150), Some(1.0));
        let nothing = progress(&plain(9), &plain(50), &plain(52), &whole());
        assert_eq!(nothing, None, "a change that nobody sees");
    }

    #[test]
    fn marks_are_what_only_the_prompt_shows() {
        let (scene, mut prompt, mut target) = (plain(100), plain(100), plain(100));
        for x in 0..4 {
            prompt.put_pixel(x, 3, Rgb([0; 3]));
        }
        target.put_pixel(0, 3, Rgb([10; 3])); // a dark object lies where a mark was
        let found = marks(&prompt, &scene, &target);
        assert!(found.select(0..64).eq([25, 26, 27]));
        let left =
            |result: &RgbImage, reach| marks_left(result, &prompt, &target, &found, reach).unwrap();
        assert_eq!(left(&target, 0), 0.0);
        assert_eq!(left(&prompt, 0), 1.0);
        let mut partly = target.clone();
        partly.put_pixel(2, 3, Rgb([40; 3]));
        assert!((left(&partly, 0) - 1.0 / 3.0).abs() < 1e-9);
        // The dark object a pixel further to the right is no mark.
        let mut off = target.clone();
        off.put_pixel(1, 3, Rgb([10; 3]));
        assert!(left(&off, 0) > 0.3 && left(&off, 1) == 0.0);
        let none = marks(&scene, &scene, &target);
        assert_eq!(marks_left(&target, &scene, &target, &none, 1), None);
    }
}
