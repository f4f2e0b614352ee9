//! Contact sheets: pictures that belong together as entries in a grid, with their names, a caption
//! for each entry and headings between groups.

mod fit;
mod label;
mod row;

use std::io::{Cursor, Write};
use std::path::Path;

use flowinone_files::AtomicFile;
use image::imageops;
use image::{ImageFormat, Rgb, RgbImage};

use self::fit::fitted;
use self::label::{Label, Setting};
use self::row::{Entry, GAP, Group, Row, SEAM};
use super::Error;
use flowinone_prompts::{Align, Typeface};

/// Sides that a picture can have on the sheet, in pixels.
const CELLS: [u32; 2] = [16, 1024];
/// Most entries side by side.
const MOST_ACROSS: usize = 32;
/// Most pixels of a sheet; rows that would exceed them are counted in its last line.
const MOST_PIXELS: u64 = 64_000_000;
const PAPER: Rgb<u8> = Rgb([250; 3]);
const FRAME: Rgb<u8> = Rgb([196; 3]);
const MISSING: Rgb<u8> = Rgb([226; 3]);
const INK: Rgb<u8> = Rgb([24; 3]);
const PALE_INK: Rgb<u8> = Rgb([96; 3]);

/// Entries of `N` pictures each (prompt and target; prompt, target and result), drawn as one
/// picture.
///
/// ```
/// use flowinone_data::ContactSheet;
/// use image::RgbImage;
///
/// let (prompt, target) = (RgbImage::new(256, 256), RgbImage::new(256, 256));
/// let mut sheet = ContactSheet::new(["prompt", "target"], 128).across(4);
/// sheet.heading("force");
/// sheet.push("apply force", [&prompt, &target]);
/// sheet.push("no target", [Some(&prompt), None]);
/// let picture = sheet.render();
/// assert!(picture.width() > 4 * 128);
/// ```
#[derive(Debug, Clone)]
pub struct ContactSheet<const N: usize> {
    names: [String; N],
    cell: u32,
    across: usize,
    stacked: bool,
    groups: Vec<Group<N>>,
}

impl<const N: usize> ContactSheet<N> {
    /// An empty sheet for entries whose pictures have these names and, fitted without distortion,
    /// at most `cell` pixels a side (16 to 1024; the nearest of these otherwise).
    ///
    /// The pictures of an entry lie side by side, and the entries one below the other.
    pub fn new(names: [&str; N], cell: u32) -> Self {
        Self {
            names: names.map(String::from),
            cell: cell.clamp(CELLS[0], CELLS[1]),
            across: 1,
            stacked: false,
            groups: vec![],
        }
    }

    /// Puts `entries` of them (1 to 32) side by side.
    #[must_use]
    pub fn across(self, entries: usize) -> Self {
        let across = entries.clamp(1, MOST_ACROSS);
        Self { across, ..self }
    }

    /// Puts the pictures of an entry one below the other, the first on top.
    #[must_use]
    pub fn stacked(self) -> Self {
        Self {
            stacked: true,
            ..self
        }
    }

    /// Begins a new line under a heading; what is pushed from now on belongs to it.
    pub fn heading(&mut self, text: impl Into<String>) {
        self.groups.push(Group {
            heading: text.into(),
            entries: vec![],
        });
    }

    /// Adds an entry: pictures of any size in the order of the names, `None` where one is missing,
    /// and a caption, which may be empty.
    ///
    /// Characters that the bundled typeface lacks are shown as "?", and what does not fit into
    /// three lines as "…".
    pub fn push<'a, P>(&mut self, caption: impl Into<String>, pictures: [P; N])
    where
        P: Into<Option<&'a RgbImage>>,
    {
        let cell = self.cell;
        let entry = Entry {
            caption: caption.into(),
            pictures: pictures.map(|picture| picture.into().and_then(|p| fitted(p, cell))),
        };
        if self.groups.is_empty() {
            self.heading("");
        }
        if let Some(group) = self.groups.last_mut() {
            group.entries.push(entry);
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.entries.len()).sum()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Draws the sheet, of up to 64 megapixels; entries beyond that are counted in its last line.
    pub fn render(&self) -> RgbImage {
        let names = self.names.each_ref().map(|name| self.name(name));
        let gutter = match self.stacked {
            true => names.iter().flatten().map(|l| l.ink_width() + SEAM).max(),
            false => None,
        };
        let left = GAP + gutter.unwrap_or(0);
        let [width, height] = self.entry();
        let longest = self.groups.iter().map(|group| group.entries.len()).max();
        let columns = longest.unwrap_or(0).clamp(1, self.across) as u32;
        let sheet_width = left + columns * (width + GAP);
        let header = match self.stacked {
            true => GAP,
            false => GAP + names.iter().flatten().map(|l| l.height).max().unwrap_or(0),
        };

        let (mut rows, mut total, mut shown) = (vec![], header, 0);
        for row in self.rows(width, sheet_width - 2 * GAP) {
            let next = total + row.height(height);
            let pixels = u64::from(next) * u64::from(sheet_width);
            if pixels > MOST_PIXELS && !rows.is_empty() {
                break;
            }
            (total, shown) = (next, shown + row.entries.len());
            rows.push(row);
        }
        let rest = self.len() - shown;
        let more = (rest > 0).then(|| format!("{rest} more are not shown"));
        let more = more.and_then(|text| self.line(&text, Typeface::Serif, sheet_width - 2 * GAP));
        let foot = more.as_ref().map_or(0, |label| label.height + GAP);
        let mut sheet = RgbImage::from_pixel(sheet_width, total + foot, PAPER);

        if !self.stacked {
            for column in 0..columns {
                for (place, name) in names.iter().enumerate() {
                    let [x, _] = self.place(place);
                    let at = [left + column * (width + GAP) + x, GAP - SEAM];
                    draw(name.as_ref(), &mut sheet, at, PALE_INK);
                }
            }
        }
        let mut y = header;
        for row in &rows {
            if let Some(heading) = &row.heading {
                heading.draw(&mut sheet, [GAP, y], INK);
                y += heading.height + SEAM;
            }
            if self.stacked {
                for (place, name) in names.iter().enumerate() {
                    let [_, below] = self.place(place);
                    draw(name.as_ref(), &mut sheet, [GAP, y + below], PALE_INK);
                }
            }
            for (column, (entry, caption)) in row.entries.iter().zip(&row.captions).enumerate() {
                let x = left + column as u32 * (width + GAP);
                for (place, picture) in entry.pictures.iter().enumerate() {
                    let [right, below] = self.place(place);
                    self.picture(&mut sheet, [x + right, y + below], picture.as_ref());
                }
                draw(caption.as_ref(), &mut sheet, [x, y + height + SEAM], INK);
            }
            y += row.height(height) - row.heading_height();
        }
        draw(more.as_ref(), &mut sheet, [GAP, y], PALE_INK);
        sheet
    }

    /// Draws the sheet into a PNG file that appears whole or not at all.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let mut png = Cursor::new(vec![]);
        let picture = self.render();
        let encoded = picture.write_to(&mut png, ImageFormat::Png);
        let encoded = encoded.map_err(std::io::Error::other);
        let written = encoded.and_then(|()| {
            let mut file = AtomicFile::create(path)?;
            file.write_all(png.get_ref())?;
            file.commit()
        });
        written.map_err(Error::io("write", path))
    }

    /// The lines of entries, group by group.
    fn rows(&self, width: u32, whole: u32) -> impl Iterator<Item = Row<'_, N>> {
        let caption = move |entry: &Entry<N>| {
            let setting = Setting {
                face: Typeface::Serif,
                size: self.text_size(),
                align: Align::Left,
                width,
                lines: 3,
            };
            Label::new(&entry.caption, &setting)
        };
        self.groups.iter().flat_map(move |group| {
            let lines = group.entries.chunks(self.across).enumerate();
            lines.map(move |(number, entries)| Row {
                heading: match number {
                    0 => self.line(&group.heading, Typeface::SerifBold, whole),
                    _ => None,
                },
                entries,
                captions: entries.iter().map(caption).collect(),
            })
        })
    }

    /// Width and height of an entry's pictures.
    fn entry(&self) -> [u32; 2] {
        let long = N as u32 * (self.cell + SEAM) - SEAM.min(N as u32 * SEAM);
        match self.stacked {
            true => [self.cell, long],
            false => [long, self.cell],
        }
    }

    /// Where a picture of an entry lies, from the entry's corner.
    fn place(&self, number: usize) -> [u32; 2] {
        let along = number as u32 * (self.cell + SEAM);
        match self.stacked {
            true => [0, along],
            false => [along, 0],
        }
    }

    /// Larger cells carry larger words: 11 to 16 pixels.
    fn text_size(&self) -> f32 {
        (self.cell as f32 / 12.0).clamp(11.0, 16.0)
    }

    fn name(&self, text: &str) -> Option<Label> {
        self.line(text, Typeface::Serif, self.cell)
    }

    fn line(&self, text: &str, face: Typeface, width: u32) -> Option<Label> {
        let size = match face {
            Typeface::SerifBold => 1.2 * self.text_size(),
            _ => self.text_size(),
        };
        let setting = Setting {
            face,
            size,
            align: Align::Left,
            width,
            lines: 1,
        };
        Label::new(text, &setting)
    }

    /// Puts a picture into the middle of its cell, with a thin frame around it.
    fn picture(&self, sheet: &mut RgbImage, [x, y]: [u32; 2], picture: Option<&RgbImage>) {
        let empty = RgbImage::from_pixel(self.cell, self.cell, MISSING);
        let picture = picture.unwrap_or(&empty);
        let [width, height] = [picture.width(), picture.height()];
        let x = x + (self.cell - width) / 2;
        let y = y + (self.cell - height) / 2;
        let frame = RgbImage::from_pixel(width + 2, height + 2, FRAME);
        imageops::replace(sheet, &frame, i64::from(x) - 1, i64::from(y) - 1);
        imageops::replace(sheet, picture, x.into(), y.into());
    }
}

fn draw(label: Option<&Label>, sheet: &mut RgbImage, at: [u32; 2], ink: Rgb<u8>) {
    if let Some(label) = label {
        label.draw(sheet, at, ink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(width: u32, height: u32, colour: [u8; 3]) -> RgbImage {
        RgbImage::from_pixel(width, height, Rgb(colour))
    }

    fn count(sheet: &RgbImage, colour: [u8; 3]) -> usize {
        sheet.pixels().filter(|pixel| pixel.0 == colour).count()
    }

    const RED: [u8; 3] = [200, 10, 10];
    const BLUE: [u8; 3] = [10, 10, 200];

    #[test]
    fn every_picture_is_on_the_sheet_undistorted() {
        for stacked in [false, true] {
            let mut sheet = ContactSheet::new(["prompt", "target"], 64).across(3);
            if stacked {
                sheet = sheet.stacked();
            }
            sheet.heading("force");
            for _ in 0..5 {
                sheet.push("a ball", [&plain(128, 64, RED), &plain(16, 16, BLUE)]);
            }
            sheet.push("half", [None, Some(&plain(64, 64, BLUE))]);
            assert_eq!(sheet.len(), 6);
            let drawn = sheet.render();
            assert_eq!(count(&drawn, RED), 5 * 64 * 32);
            assert_eq!(count(&drawn, BLUE), 6 * 64 * 64);
            assert!(count(&drawn, MISSING.0) >= 64 * 64);
            assert!(count(&drawn, INK.0) > 50, "the captions can be read");
        }
    }

    #[test]
    fn rows_are_filled_from_the_left_and_a_heading_begins_a_new_one() {
        let red = plain(64, 64, RED);
        let height = |counts: &[usize]| {
            let mut sheet = ContactSheet::new(["prompt"], 64).across(4);
            for count in counts {
                sheet.heading("");
                (0..*count).for_each(|_| sheet.push("", [&red]));
            }
            sheet.render().height()
        };
        assert_eq!(height(&[1]), height(&[4]));
        assert_eq!(height(&[4]) + 64 + GAP, height(&[5]));
        assert_eq!(height(&[5]), height(&[1, 1]));
    }

    #[test]
    fn an_empty_sheet_and_an_endless_one_are_pictures_too() {
        let empty = ContactSheet::new(["prompt"], 64);
        assert!(empty.is_empty() && empty.render().width() > 64);
        let mut long = ContactSheet::new(["prompt"], 1024).across(100);
        let red = plain(1, 1, RED);
        (0..40).for_each(|_| long.push("word ".repeat(900), [&red]));
        let drawn = long.render();
        assert!(u64::from(drawn.width()) * u64::from(drawn.height()) < 2 * MOST_PIXELS);
        assert_eq!(
            count(&drawn, RED),
            32 * 1024 * 1024,
            "the first row is always shown"
        );
    }
}
