//! Journals as pictures: one panel a number, one curve a journal, steps to the right; or curves of
//! one number over another.
//!
//! With smoothing the curve is the mean over `n` neighbouring entries, `n / 2` to either side, over
//! the entries themselves in a pale colour.

mod ticks;

use std::ops::Range;
use std::path::Path;
use std::sync::Once;

use flowinone_prompts::Typeface;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

use self::ticks::{Scale, exponents, nice, short};
use crate::{Error, LogEntry};

/// Width of the picture in pixels.
const WIDTH: u32 = 1000;
/// Height of a panel.
const PANEL: u32 = 320;
/// Height of a line of the legend.
const LINE: u32 = 22;
/// Largest number of points of a curve; of more, the least and greatest of neighbours stay.
const POINTS: usize = 4000;
/// Most panels of a picture.
const PANELS: usize = 40;
/// The colours of Okabe and Ito, which everyone can tell apart.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(60, 60, 60),
];
const FONT: &str = "serif";

/// A picture of journals.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    names: Vec<String>,
    panels: Vec<Panel>,
    /// What lies to the right.
    across: String,
    smooth: usize,
    logarithmic: bool,
}

/// The curves of one number.
#[derive(Debug, Clone, PartialEq)]
struct Panel {
    number: String,
    /// For each journal its steps and values, all finite; empty if it has none.
    curves: Vec<Vec<(f64, f64)>>,
}

impl Plot {
    /// A plot of some numbers of journals, each with a name.
    ///
    /// # Errors
    /// A number that no journal has, with those that there are; too many numbers for one picture.
    pub fn new(journals: &[(String, Vec<LogEntry>)], numbers: &[String]) -> Result<Self, Error> {
        if numbers.is_empty() || numbers.len() > PANELS {
            let count = numbers.len();
            let reason = format!("{count} numbers to plot, expected 1 to {PANELS}");
            return Err(Error::Config(reason));
        }
        let mut panels = vec![];
        for number in numbers {
            let curve = |(_, entries): &(String, Vec<LogEntry>)| curve(entries, number);
            let curves: Vec<_> = journals.iter().map(curve).collect();
            if curves.iter().all(Vec::is_empty) {
                return Err(absent(journals, number));
            }
            panels.push(Panel {
                number: number.clone(),
                curves,
            });
        }
        Ok(Self {
            names: journals.iter().map(|(name, _)| name.clone()).collect(),
            panels,
            across: "steps".into(),
            smooth: 1,
            logarithmic: false,
        })
    }

    /// One panel of named curves of a number over another; points that are not finite are left out.
    pub fn curves(number: &str, across: &str, curves: Vec<(String, Vec<(f64, f64)>)>) -> Self {
        let (names, mut curves): (Vec<_>, Vec<_>) = curves.into_iter().unzip();
        for curve in &mut curves {
            curve.retain(|(x, y)| x.is_finite() && y.is_finite());
        }
        Self {
            names,
            panels: vec![Panel {
                number: number.into(),
                curves,
            }],
            across: across.into(),
            smooth: 1,
            logarithmic: false,
        }
    }

    /// Draws moving means over `entries` neighbouring entries; 1 draws the entries themselves.
    #[must_use]
    pub fn smooth(self, entries: usize) -> Self {
        Self {
            smooth: entries.max(1),
            ..self
        }
    }

    /// Draws on a logarithmic scale; values that are not positive are left out.
    #[must_use]
    pub fn logarithmic(self) -> Self {
        Self {
            logarithmic: true,
            ..self
        }
    }

    /// Writes the picture, as PNG or SVG by its extension; it appears whole or not at all.
    ///
    /// # Errors
    /// Another extension, or a file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("svg") => Ok(flowinone_files::write_atomically(
                path,
                self.svg().as_bytes(),
            )?),
            Some("png") => Ok(flowinone_image::write_picture(path, &self.picture())?),
            _ => Err(Error::file(path, "a plot is a .png or an .svg file")),
        }
    }

    /// The picture as an SVG document.
    pub fn svg(&self) -> String {
        let mut text = String::new();
        let area = SVGBackend::with_string(&mut text, self.size()).into_drawing_area();
        self.draw(&area).expect("memory can be drawn to");
        drop(area);
        text
    }

    /// The picture in pixels.
    pub fn picture(&self) -> image::RgbImage {
        let (width, height) = self.size();
        let mut picture = image::RgbImage::new(width, height);
        let area = BitMapBackend::with_buffer(&mut picture, (width, height)).into_drawing_area();
        self.draw(&area).expect("memory can be drawn to");
        drop(area);
        picture
    }

    /// The names in the legend; one journal needs none.
    fn legend(&self) -> &[String] {
        match self.names.len() {
            0 | 1 => &[],
            _ => &self.names,
        }
    }

    /// Height of the legend.
    fn head(&self) -> u32 {
        match self.legend().len() as u32 {
            0 => 0,
            names => names * LINE + LINE / 2,
        }
    }

    fn size(&self) -> (u32, u32) {
        (WIDTH, self.panels.len() as u32 * PANEL + self.head())
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        static FONTS: Once = Once::new();
        FONTS.call_once(|| {
            for (style, face) in [
                (FontStyle::Normal, Typeface::Serif),
                (FontStyle::Bold, Typeface::SerifBold),
            ] {
                let registered = register_font(FONT, style, face.bytes());
                assert!(registered.is_ok(), "the bundled faces are sound");
            }
        });
        area.fill(&WHITE)?;
        for (at, name) in self.legend().iter().enumerate() {
            let y = (at as u32 * LINE + LINE) as i32;
            let line = vec![(30, y), (60, y)];
            area.draw(&PathElement::new(line, colour(at).stroke_width(3)))?;
            area.draw(&Text::new(name.clone(), (70, y - 6), (FONT, 16)))?;
        }
        let (_, panels) = area.split_vertically(self.head() as i32);
        for (panel, area) in self
            .panels
            .iter()
            .zip(panels.split_evenly((self.panels.len(), 1)))
        {
            self.panel(panel, &area)?;
        }
        area.present()
    }

    fn panel<B: DrawingBackend>(&self, panel: &Panel, area: &Area<B>) -> Drawn<B> {
        let shown = |curve: &Vec<(f64, f64)>| -> Vec<(f64, f64)> {
            let height = |&(step, value): &(f64, f64)| match self.logarithmic {
                true => (step, value.log10()),
                false => (step, value),
            };
            let high = curve.iter().map(height);
            high.filter(|(_, height)| height.is_finite()).collect()
        };
        let curves: Vec<Vec<_>> = panel.curves.iter().map(shown).collect();
        let all = || curves.iter().flatten();
        let steps = range(all().map(|(step, _)| *step), 0.0);
        let heights = range(all().map(|(_, height)| *height), 0.05);
        let ticks = match self.logarithmic {
            true => exponents(&heights),
            false => nice(&heights, 6),
        };
        let label = |height: &f64| match self.logarithmic {
            true => short(10f64.powf(*height)),
            false => short(*height),
        };
        let mut chart = ChartBuilder::on(area)
            .caption(&panel.number, (FONT, 22, FontStyle::Bold))
            .margin(12)
            .margin_right(30)
            .x_label_area_size(34)
            .y_label_area_size(66)
            .build_cartesian_2d(
                Scale::new(nice(&steps, 10), steps),
                Scale::new(ticks, heights),
            )?;
        chart
            .configure_mesh()
            .bold_line_style(RGBColor(225, 225, 225))
            .light_line_style(TRANSPARENT)
            .label_style((FONT, 15))
            .x_label_formatter(&|step| short(*step))
            .y_label_formatter(&label)
            .x_desc(self.across.as_str())
            .draw()?;
        for (at, curve) in curves.iter().enumerate() {
            if self.smooth > 1 {
                let pale = colour(at).mix(0.25).stroke_width(1);
                chart.draw_series(LineSeries::new(thinned(curve), pale))?;
            }
            let smooth = thinned(&smoothed(curve, self.smooth));
            chart.draw_series(LineSeries::new(smooth.clone(), colour(at).stroke_width(2)))?;
            if let [only] = smooth[..] {
                chart.draw_series([Circle::new(only, 3, colour(at).filled())])?;
            }
        }
        Ok(())
    }
}

type Area<B> = DrawingArea<B, Shift>;
type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

fn colour(at: usize) -> RGBColor {
    COLOURS[at % COLOURS.len()]
}

fn curve(entries: &[LogEntry], number: &str) -> Vec<(f64, f64)> {
    let values = entries
        .iter()
        .filter_map(|entry| Some((entry.step as f64, *entry.numbers.get(number)?)));
    values.filter(|(_, value)| value.is_finite()).collect()
}

fn absent(journals: &[(String, Vec<LogEntry>)], number: &str) -> Error {
    let entries = journals.iter().flat_map(|(_, entries)| entries);
    let mut known: Vec<&str> = entries
        .flat_map(|entry| entry.numbers.keys().map(String::as_str))
        .collect();
    known.sort_unstable();
    known.dedup();
    if known.contains(&number) {
        return Error::Config(format!(
            "{number:?} is not finite in any entry: there is nothing to draw"
        ));
    }
    let known = known.join(", ");
    Error::Config(format!(
        "no journal has the number {number:?}; there are: {known}"
    ))
}

/// From the least to the greatest value, and this share of that more on either side; never empty.
fn range(values: impl Iterator<Item = f64>, room: f64) -> Range<f64> {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
        (least, most) = (least.min(value), most.max(value));
    }
    if least > most {
        return 0.0..1.0;
    }
    let room = match most - least {
        0.0 => least.abs().max(1.0) * 0.1,
        length => length * room,
    };
    least - room..most + room
}

/// The mean over `count` neighbours of each point, fewer at the ends.
fn smoothed(curve: &[(f64, f64)], count: usize) -> Vec<(f64, f64)> {
    let mut sums = vec![0.0];
    for (_, value) in curve {
        sums.push(sums[sums.len() - 1] + value);
    }
    let mean = |(at, (step, _)): (usize, &(f64, f64))| {
        let begin = at.saturating_sub((count - 1) / 2);
        let end = (at + count / 2 + 1).min(curve.len());
        (*step, (sums[end] - sums[begin]) / (end - begin) as f64)
    };
    curve.iter().enumerate().map(mean).collect()
}

/// A curve of few enough points that looks the same.
fn thinned(curve: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if curve.len() <= POINTS {
        return curve.to_vec();
    }
    let extremes = |points: &[(f64, f64)]| {
        let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let ends = [points.iter().min_by(by), points.iter().max_by(by)];
        let mut ends: Vec<(f64, f64)> = ends.into_iter().flatten().copied().collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        ends
    };
    let each = curve.len().div_ceil(POINTS / 2);
    curve.chunks(each).flat_map(extremes).collect()
}

#[cfg(test)]
mod tests;
