//! The colour of a thing: the name of the peak of its hues.
//!
//! Hues are those of HSV, which stay the same when a colour is mixed with black, white or gray, as
//! the shades of one drawing are; each area that has one counts alike, a pale one less.

use super::shade::named;
use flowinone_data::{Colour, ColourName};
use flowinone_image::{lab, lab_distance};

/// Bins around the circle of hues.
const BINS: usize = 36;
const DEGREES: f32 = 360.0 / BINS as f32;
/// Mean chroma, of 255, below which a thing has no hue.
const COLOURLESS: f32 = 20.0;
/// Chroma, of 255, from which on a hue counts in full.
const CLEAR: f32 = 60.0;
/// Names without a hue.
const WITHOUT: [ColourName; 2] = [ColourName::White, ColourName::Gray];
/// Names with the same hue, told apart by their shades.
const ALIKE: [ColourName; 2] = [ColourName::Orange, ColourName::Brown];

/// What people would call the colour of a thing that should have the colour `asked`, from its
/// areas.
pub(super) fn name(areas: impl Iterator<Item = [f32; 3]>, asked: Colour) -> ColourName {
    let areas: Vec<[f32; 3]> = areas.collect();
    let count = areas.len().max(1) as f32;
    let total: f32 = areas.iter().map(|area| chroma(*area)).sum();
    if total < COLOURLESS * count {
        return match WITHOUT.contains(&asked.name) {
            true => asked.name,
            false => {
                let mean = std::array::from_fn(|c| areas.iter().map(|a| a[c]).sum::<f32>() / count);
                nearest_of(WITHOUT, mean, asked)
            }
        };
    }
    let peak = peak(&areas);
    let known = ColourName::ALL.map(Colour::from).into_iter().chain([asked]);
    let known = known.filter(|known| !WITHOUT.contains(&known.name));
    let far = |known: &Colour| between(peak, hue(known.rgb.map(f32::from)));
    let nearest = known.min_by(|a, b| far(a).total_cmp(&far(b)));
    let nearest = nearest.expect("there are colours").name;
    match ALIKE.contains(&nearest) {
        true => {
            let at_peak = |area: &&[f32; 3]| between(hue(**area), peak) < 1.5 * DEGREES;
            let (mut sum, mut weight) = ([0.0; 3], 0.0);
            for area in areas.iter().filter(at_peak) {
                (0..3).for_each(|c| sum[c] += chroma(*area) * area[c]);
                weight += chroma(*area);
            }
            nearest_of(ALIKE, sum.map(|sum| sum / f32::max(weight, 1.0)), asked)
        }
        false => nearest,
    }
}

/// The nearer of two names by Lab, with the asked shade among those of its name.
fn nearest_of(names: [ColourName; 2], rgb: [f32; 3], asked: Colour) -> ColourName {
    let seen = lab(rgb);
    let found = named(seen, Some(asked));
    if names.contains(&found) {
        return found;
    }
    let own = (names.contains(&asked.name)).then_some(asked);
    let known = names.map(Colour::from).into_iter().chain(own);
    let far = |known: &Colour| lab_distance(seen, lab(known.rgb.map(f32::from)));
    let nearest = known.min_by(|a, b| far(a).total_cmp(&far(b)));
    nearest.expect("there are two").name
}

/// The middle of the hues around the bin that has most, smoothed.
fn peak(areas: &[[f32; 3]]) -> f32 {
    let mut bins = [0.0f32; BINS];
    for area in areas {
        bins[(hue(*area) / DEGREES) as usize % BINS] += counts(*area);
    }
    let around = |at: usize| {
        [
            bins[(at + BINS - 1) % BINS],
            bins[at],
            bins[(at + 1) % BINS],
        ]
    };
    let smooth = |at: usize| {
        let [before, here, after] = around(at);
        before + 2.0 * here + after
    };
    let most = (0..BINS).max_by(|a, b| smooth(*a).total_cmp(&smooth(*b)));
    let most = most.expect("there are bins");
    let [before, here, after] = around(most);
    let off = (after - before) / (before + here + after).max(1e-6);
    (most as f32 + 0.5 + off) * DEGREES
}

/// How much the hue of an area counts.
fn counts(rgb: [f32; 3]) -> f32 {
    (chroma(rgb) / CLEAR).min(1.0)
}

/// Largest less smallest channel.
fn chroma([r, g, b]: [f32; 3]) -> f32 {
    r.max(g).max(b) - r.min(g).min(b)
}

/// The hue of HSV in degrees, 0 for gray.
fn hue(rgb: [f32; 3]) -> f32 {
    let chroma = chroma(rgb);
    if chroma <= 0.0 {
        return 0.0;
    }
    let [r, g, b] = rgb;
    let sixth = match r.max(g).max(b) {
        most if most == r => (g - b) / chroma,
        most if most == g => (b - r) / chroma + 2.0,
        _ => (r - g) / chroma + 4.0,
    };
    (60.0 * sixth).rem_euclid(360.0)
}

/// The way from one hue to another, in degrees.
fn between(a: f32, b: f32) -> f32 {
    let way = (a - b).rem_euclid(360.0);
    way.min(360.0 - way)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half of the areas dark, half of them light: the shades of one drawing.
    fn shades(rgb: [u8; 3]) -> impl Iterator<Item = [f32; 3]> {
        let mixed =
            move |to: f32, share: f32| rgb.map(|v| f32::from(v) + (to - f32::from(v)) * share);
        (0..100).map(move |number| match number % 4 {
            0 => mixed(0.0, 0.7),
            1 => mixed(0.0, 0.3),
            2 => mixed(255.0, 0.2),
            _ => mixed(255.0, 0.5),
        })
    }

    #[test]
    fn shades_of_a_colour_have_its_name_and_no_other() {
        for asked in ColourName::ALL {
            for shown in ColourName::ALL {
                let found = name(shades(shown.rgb()), asked.into());
                let both = [asked, shown];
                match WITHOUT.contains(&asked) && WITHOUT.contains(&shown) {
                    true => assert_eq!(found, asked, "white and gray are lightness"),
                    false => assert_eq!(found == asked, asked == shown, "{both:?}: {found:?}"),
                }
            }
        }
    }

    #[test]
    fn the_peak_counts_and_not_the_mean() {
        // Most of it is green; the mean of green and some red would be brown.
        let red = ColourName::Red.rgb().map(f32::from);
        let mixed = shades(ColourName::Green.rgb()).chain(std::iter::repeat_n(red, 45));
        assert_eq!(name(mixed, ColourName::Brown.into()), ColourName::Green);
    }

    #[test]
    fn hues_go_around() {
        assert_eq!(hue([255.0, 0.0, 0.0]), 0.0);
        assert_eq!(hue([0.0, 0.0, 255.0]), 240.0);
        assert_eq!(between(350.0, 20.0), 30.0);
        let around = [[255.0, 0.0, 20.0], [255.0, 20.0, 0.0]];
        assert!(between(peak(&around), 0.0) < 6.0);
    }
}
