//! What lies behind: the median of the border, and what stands out from it.
//!
//! `foreground = |lab(p) - lab(behind)| > 15`. Behind a plain ground lies one colour everywhere;
//! where the true ground is a gradient or a pattern, that ground lies there, moved to the picture's
//! shade, if it explains the border better.

use super::areas::{SIDE, areas};
use super::mask::Mask;
use flowinone_data::SceneBackground;
use flowinone_image::{Lab, lab, lab_distance};

/// Side at which a true ground is drawn, in pixels: means over 4 x 4 of them.
const DRAWN: u32 = 4 * SIDE as u32;

/// A picture against its ground.
pub(super) struct Picture {
    /// Means of areas, sRGB values.
    pub(super) areas: Vec<[f32; 3]>,
    /// What lies behind them.
    pub(super) behind: Vec<[f32; 3]>,
    /// The ground as one colour.
    pub(super) ground: [f32; 3],
    /// How much each area differs from what lies behind it, in Lab.
    pub(super) departure: Vec<f32>,
}

impl Picture {
    /// `true_ground` is the one that the picture should have.
    pub(super) fn new(areas: Vec<[f32; 3]>, true_ground: &SceneBackground) -> Self {
        let (ground, behind) = behind(&areas, true_ground);
        let plain = lab(ground);
        let differ = |(area, behind): (&[f32; 3], &[f32; 3])| {
            let area = lab(*area);
            lab_distance(area, plain).min(lab_distance(area, lab(*behind)))
        };
        let departure = areas.iter().zip(&behind).map(differ).collect();
        Self {
            areas,
            behind,
            ground,
            departure,
        }
    }

    /// The areas that differ by more than `least`.
    pub(super) fn foreground(&self, least: f32) -> Mask {
        self.departure.iter().map(|far| *far > least).collect()
    }
}

/// The colour of a ground by itself, seen as that of a picture is.
pub(super) fn colour(ground: &SceneBackground) -> Lab {
    match ground {
        SceneBackground::Plain { colour } => lab(colour.rgb.map(f32::from)),
        _ => lab(median(&areas(&ground.render(DRAWN)))),
    }
}

fn border() -> impl Iterator<Item = usize> {
    let edge = |at: &usize| {
        [at % SIDE, at / SIDE]
            .iter()
            .any(|v| [0, SIDE - 1].contains(v))
    };
    (0..SIDE * SIDE).filter(edge)
}

/// The median of the border, channel by channel.
fn median(areas: &[[f32; 3]]) -> [f32; 3] {
    std::array::from_fn(|c| {
        let mut values: Vec<f32> = border().map(|at| areas[at][c]).collect();
        values.sort_by(f32::total_cmp);
        values[values.len() / 2]
    })
}

/// The ground as one colour, and what lies behind every area: that colour, or the true ground moved
/// by the median of its differences from the picture.
fn behind(areas: &[[f32; 3]], true_ground: &SceneBackground) -> ([f32; 3], Vec<[f32; 3]>) {
    let ground = median(areas);
    let plain = vec![ground; SIDE * SIDE];
    if matches!(true_ground, SceneBackground::Plain { .. }) {
        return (ground, plain);
    }
    let drawn = self::areas(&true_ground.render(DRAWN));
    let pairs = areas.iter().zip(&drawn);
    let differences: Vec<[f32; 3]> = pairs
        .map(|(area, drawn)| std::array::from_fn(|c| area[c] - drawn[c]))
        .collect();
    let way = median(&differences);
    let moved = |from: [f32; 3]| -> [f32; 3] {
        std::array::from_fn(|c| (from[c] + way[c]).clamp(0.0, 255.0))
    };
    let patterned: Vec<[f32; 3]> = drawn.iter().map(|drawn| moved(*drawn)).collect();
    let error = |behind: &[[f32; 3]]| -> f32 {
        let far = border().map(|at| lab_distance(lab(areas[at]), lab(behind[at])));
        far.sum()
    };
    match error(&patterned) < error(&plain) {
        true => (moved(median(&drawn)), patterned),
        false => (ground, plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowinone_data::ColourName;

    #[test]
    fn a_true_gradient_is_no_foreground_and_a_plain_result_is_none_either() {
        let gradient = SceneBackground::Gradient {
            colour: ColourName::Blue.into(),
            to: [230, 235, 250],
            across: false,
        };
        let shown = areas(&gradient.render(128));
        let picture = Picture::new(shown.clone(), &gradient);
        assert!(picture.foreground(4.0).iter().all(|seen| !seen));
        let plain = SceneBackground::Plain {
            colour: ColourName::Blue.into(),
        };
        let ends = Picture::new(shown, &plain).foreground(15.0);
        assert!(
            ends[0] && !ends[SIDE * SIDE / 2],
            "nobody asked for a gradient"
        );
        let picture = Picture::new(areas(&plain.render(128)), &gradient);
        assert!(picture.foreground(1.0).iter().all(|seen| !seen));
    }

    #[test]
    fn the_median_does_not_see_what_is_cut_by_the_edge() {
        let ground = SceneBackground::Plain {
            colour: ColourName::Green.into(),
        };
        let mut shown = areas(&ground.render(64));
        for (at, area) in shown.iter_mut().enumerate() {
            if at % SIDE < 20 && at / SIDE < 20 {
                *area = [255.0, 0.0, 0.0];
            }
        }
        let picture = Picture::new(shown, &ground);
        assert_eq!(picture.ground, ColourName::Green.rgb().map(f32::from));
        assert_eq!(picture.foreground(15.0).iter().filter(|s| **s).count(), 400);
    }
}
