//! What people call a colour: the name of the shade that looks least different.

use flowinone_data::{Colour, ColourName};
use flowinone_image::{Lab, lab, lab_distance};

/// Besides the plain shade of each name: a light and a dark or strong one that people call the
/// same.
const OTHERS: [(ColourName, [[u8; 3]; 2]); 10] = [
    (ColourName::White, [[255, 255, 255], [236, 238, 240]]),
    (ColourName::Gray, [[200, 202, 206], [104, 108, 112]]),
    (ColourName::Brown, [[176, 136, 104], [100, 66, 42]]),
    (ColourName::Red, [[232, 112, 104], [180, 36, 40]]),
    (ColourName::Orange, [[248, 180, 110], [232, 116, 24]]),
    (ColourName::Yellow, [[246, 236, 160], [250, 214, 40]]),
    (ColourName::Green, [[160, 212, 152], [44, 122, 62]]),
    (ColourName::Blue, [[150, 190, 240], [36, 72, 168]]),
    (ColourName::Purple, [[190, 164, 230], [104, 56, 152]]),
    (ColourName::Pink, [[250, 200, 222], [232, 100, 164]]),
];

/// What people call a colour: the name of the nearest shade. `own` is a shade that has a name in
/// this item, whatever it looks like.
pub(super) fn named(colour: Lab, own: Option<Colour>) -> ColourName {
    let plain = ColourName::ALL.map(Colour::from).into_iter();
    let others = OTHERS.iter().flat_map(|(name, shades)| {
        let colour = |rgb: &[u8; 3]| Colour {
            name: *name,
            rgb: *rgb,
        };
        shades.iter().map(colour)
    });
    let far = |shade: &Colour| lab_distance(colour, lab(shade.rgb.map(f32::from)));
    let nearest = plain
        .chain(others)
        .chain(own)
        .min_by(|a, b| far(a).total_cmp(&far(b)));
    nearest.expect("there are shades").name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_near_a_name_have_that_name() {
        for name in ColourName::ALL {
            // The jitter of grounds: 8 in each channel.
            for corner in 0..8 {
                let shade: [f32; 3] = std::array::from_fn(|c| {
                    let jitter = if corner >> c & 1 == 1 { 8.0 } else { -8.0 };
                    (f32::from(name.rgb()[c]) + jitter).min(255.0)
                });
                assert_eq!(named(lab(shade), None), name, "{shade:?}");
            }
        }
    }

    #[test]
    fn a_shade_of_the_item_has_the_name_it_is_given_there() {
        let odd = Colour {
            name: ColourName::Blue,
            rgb: [120, 220, 215],
        };
        let seen = lab(odd.rgb.map(f32::from));
        assert_ne!(named(seen, None), ColourName::Blue);
        assert_eq!(named(seen, Some(odd)), ColourName::Blue);
    }
}
