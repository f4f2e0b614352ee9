//! Text that fits: characters become lines no wider than an area, at the largest size whose lines
//! are not taller than it, `size_k = size_0 * 0.95^k`, down to a stated smallest size.

use std::ops::Range;

use tiny_skia::{Path, PathBuilder};
use unicode_bidi::BidiInfo;
use unicode_linebreak::{BreakOpportunity, linebreaks};
use unicode_segmentation::UnicodeSegmentation;

use super::{Align, Letter, PromptError, TextStyle, Typeface};

/// The size below which text does not shrink, in reference pixels.
pub const SMALLEST_TEXT: f32 = 14.0;

/// How much text shrinks from one attempt to the next.
const SHRINK: f32 = 0.95;

/// Middle of a small letter above the baseline, in em.
const MIDDLE: f32 = 0.23;

/// Longest text that is laid out, in characters: more than a canvas holds at the smallest size.
const LONGEST: usize = 8_000;

/// A text, read and measured in one face.
#[derive(Debug)]
pub struct Text<'a> {
    what: &'static str,
    text: String,
    length: usize,
    style: &'a TextStyle,
    /// Width in em of everything before a byte, and the number of clusters before it.
    before: Vec<(f32, u32)>,
}

/// Lines that fit an area.
#[derive(Debug)]
pub struct Block {
    pub(crate) size: f32,
    lines: Vec<Range<usize>>,
}

impl<'a> Text<'a> {
    /// Reads `text`, which is called `what` in errors.
    ///
    /// # Errors
    /// A text without visible characters, or with characters that the face lacks; a style outside
    /// its range.
    pub fn new(what: &'static str, text: &str, style: &'a TextStyle) -> Result<Self, PromptError> {
        style.validate()?;
        let length = text.trim().chars().count();
        let text = plain(text.trim(), LONGEST);
        if text.chars().all(|c| c.is_whitespace() || ignorable(c)) {
            return Err(PromptError::EmptyText(what));
        }
        let mut read = Self {
            what,
            length,
            style,
            before: vec![],
            text,
        };
        read.before = read.measure()?;
        Ok(read)
    }

    fn measure(&self) -> Result<Vec<(f32, u32)>, PromptError> {
        let text = &self.text;
        let mut advances = vec![(0.0, 0); text.len() + 1];
        let mut missing = vec![];
        let bidi = BidiInfo::new(text, None);
        for run in level_runs(&bidi) {
            let right_to_left = bidi.levels[run.start].is_rtl();
            for glyph in self.style.face.shape(&text[run.clone()], right_to_left) {
                let at = run.start + glyph.cluster;
                if glyph.id == 0 {
                    // An accent shares the cluster of its base, which may well be there.
                    let absent = |c: &char| !self.style.face.covers(*c) && !ignorable(*c);
                    missing.extend(text[at..].chars().find(absent));
                }
                let (advance, clusters) = &mut advances[at];
                *advance += glyph.advance;
                *clusters += u32::from(glyph.advance != 0.0);
            }
        }
        missing.retain(|&c| c != '\n' && !ignorable(c));
        if !missing.is_empty() {
            missing.sort_unstable();
            missing.dedup();
            return Err(PromptError::MissingGlyphs {
                what: self.what,
                face: self.style.face.name(),
                glyphs: missing,
            });
        }
        let (mut width, mut count) = (0.0, 0);
        for entry in &mut advances {
            let (advance, clusters) = std::mem::replace(entry, (width, count));
            width += advance;
            count += clusters;
        }
        Ok(advances)
    }

    /// The largest lines that fit `width` x `height` reference pixels.
    ///
    /// # Errors
    /// A text that does not fit at the smallest size; the error says how much of it does.
    pub fn fit(&self, width: f32, height: f32) -> Result<Block, PromptError> {
        let smallest = self.style.size.min(SMALLEST_TEXT);
        let width = width - 2.0 * self.style.outline_width;
        let mut size = self.style.size;
        loop {
            let last = size <= smallest;
            let most = self.lines_in(size, height);
            let lines = self.lines(size, width, last);
            match lines {
                Some(lines) if lines.len() <= most && self.length <= LONGEST => {
                    return Ok(Block { size, lines });
                }
                lines if last => {
                    let end = lines.and_then(|l| l.get(..most)?.last().map(|line| line.end));
                    return Err(PromptError::TooLong {
                        what: self.what,
                        length: self.length,
                        fits: self.text[..end.unwrap_or(0)].chars().count(),
                        smallest,
                    });
                }
                _ => size = (size * SHRINK).max(smallest),
            }
        }
    }

    fn lines_in(&self, size: f32, height: f32) -> usize {
        let [above, below] = self.style.face.extents();
        let rest = height - (above + below) * size;
        match rest >= 0.0 {
            true => 1 + (rest / (size * self.style.line_height)) as usize,
            false => 0,
        }
    }

    /// Greedy lines; `None` if a word is too wide and words must stay whole.
    fn lines(&self, size: f32, width: f32, split_words: bool) -> Option<Vec<Range<usize>>> {
        let mut lines = vec![];
        let mut line = 0..0;
        let fits = |range: Range<usize>| self.width(size, self.trimmed(range)) <= width;
        for (end, kind) in linebreaks(&self.text) {
            // As published: "real-world" moves to the next line rather than break.
            let hyphenated = self.text[..end].ends_with('-') && end < self.text.len();
            if hyphenated && kind == BreakOpportunity::Allowed && !split_words {
                continue;
            }
            if !fits(line.start..end) && line.end > line.start {
                lines.push(self.trimmed(line.clone()));
                line = line.end..line.end;
            }
            if !fits(line.start..end) {
                if !split_words {
                    return None;
                }
                let word = line.start..end;
                for (at, _) in self.text[word.clone()].grapheme_indices(true).skip(1) {
                    let next = word.start + at;
                    let after = self.text[next..end]
                        .graphemes(true)
                        .next()
                        .map_or(end, |grapheme| next + grapheme.len());
                    if !fits(line.start..after) {
                        lines.push(line.start..next);
                        line.start = next;
                    }
                }
            }
            line.end = end;
            if kind == BreakOpportunity::Mandatory {
                lines.push(self.trimmed(line.clone()));
                line = end..end;
            }
        }
        if line.end > line.start {
            lines.push(self.trimmed(line));
        }
        Some(lines)
    }

    fn trimmed(&self, range: Range<usize>) -> Range<usize> {
        range.start..range.start + self.text[range].trim_end().len()
    }

    fn width(&self, size: f32, range: Range<usize>) -> f32 {
        let (from, to) = (self.before[range.start], self.before[range.end]);
        let gaps = (to.1 - from.1).saturating_sub(1) as f32;
        (to.0 - from.0) * size + gaps * self.spacing(size)
    }

    /// Letter spacing shrinks with the text.
    fn spacing(&self, size: f32) -> f32 {
        self.style.spacing * size / self.style.size
    }

    /// Height of a block, from the top of its first line to the foot of its last.
    pub fn height(&self, block: &Block) -> f32 {
        let [above, below] = self.style.face.extents();
        let pitches = block.lines.len().saturating_sub(1) as f32 * self.style.line_height;
        (above + below + pitches) * block.size
    }

    /// The outlines of a block whose top lies at `top`, aligned between `left` and `right`, and
    /// where its letters stand, in the same pixels.
    pub fn path(
        &self,
        block: &Block,
        [left, right]: [f32; 2],
        top: f32,
    ) -> (Option<Path>, Vec<Letter>) {
        let bidi = BidiInfo::new(&self.text, None);
        let (face, size) = (self.style.face, block.size);
        let outline = self.style.outline_width;
        let (left, right) = (left + outline, right - outline);
        let mut path = PathBuilder::new();
        let mut letters = vec![];
        let mut baseline = top + face.extents()[0] * size;
        for line in &block.lines {
            let glyphs = visual_glyphs(&bidi, face, line.clone());
            let gap = self.spacing(size);
            let width = glyphs.iter().map(|g| g.advance).sum::<f32>() * size
                + gap
                    * glyphs
                        .iter()
                        .filter(|g| g.advance != 0.0)
                        .count()
                        .saturating_sub(1) as f32;
            let mut x = match self.style.align {
                Align::Left => left,
                Align::Centre => (left + right - width) / 2.0,
                Align::Right => right - width - gap,
            };
            for glyph in glyphs {
                let [dx, dy] = glyph.offset;
                face.outline(
                    glyph.id,
                    size,
                    [x + dx * size, baseline - dy * size],
                    &mut path,
                );
                if glyph.advance != 0.0 {
                    let at = [x + glyph.advance * size / 2.0, baseline - MIDDLE * size];
                    let letter = self.text[glyph.cluster..].chars().next();
                    let seen = letter.filter(|letter| !letter.is_whitespace());
                    letters.extend(seen.map(|letter| Letter { letter, at }));
                    x += glyph.advance * size + gap;
                }
            }
            baseline += self.style.line_height * size;
        }
        (path.finish(), letters)
    }
}

/// The glyphs of a line from left to right; their clusters are bytes of the text.
fn visual_glyphs(bidi: &BidiInfo, face: Typeface, line: Range<usize>) -> Vec<super::font::Glyph> {
    let holds = |p: &&unicode_bidi::ParagraphInfo| p.range.contains(&line.start);
    let Some(paragraph) = bidi.paragraphs.iter().find(holds) else {
        return vec![];
    };
    let (levels, runs) = bidi.visual_runs(paragraph, line);
    runs.into_iter()
        .flat_map(|run| {
            let glyphs = face.shape(&bidi.text[run.clone()], levels[run.start].is_rtl());
            glyphs.into_iter().map(move |glyph| super::font::Glyph {
                cluster: run.start + glyph.cluster,
                ..glyph
            })
        })
        .collect()
}

/// Ranges of one direction, none of which crosses a paragraph.
fn level_runs(bidi: &BidiInfo) -> Vec<Range<usize>> {
    let mut runs = vec![];
    for paragraph in &bidi.paragraphs {
        let range = paragraph.range.clone();
        let mut start = range.start;
        for at in range.clone() {
            if bidi.levels[at] != bidi.levels[start] {
                runs.push(start..at);
                start = at;
            }
        }
        runs.push(start..range.end);
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The first `most` characters, one kind of line end, tabs as spaces.
fn plain(text: &str, most: usize) -> String {
    let mut plain = String::new();
    let mut characters = text.chars().take(most).peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' | '\u{2028}' | '\u{2029}' | '\u{85}' => plain.push('\n'),
            '\t' => plain.push(' '),
            other => plain.push(other),
        }
    }
    plain
}

/// Characters that steer text and are not seen themselves.
fn ignorable(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hebrew_runs_from_right_to_left() {
        let style = TextStyle::default();
        let text = Text::new("text", "abc שלום", &style).unwrap();
        let block = text.fit(400.0, 100.0).unwrap();
        let bidi = BidiInfo::new(&text.text, None);
        let glyphs = visual_glyphs(&bidi, Typeface::Serif, block.lines[0].clone());
        let shin = Typeface::Serif.shape("ש", true)[0].id;
        assert_eq!(glyphs.last().unwrap().id, shin);
    }

    #[test]
    fn words_are_split_only_at_the_smallest_size() {
        let style = TextStyle::default();
        let word = "w".repeat(90);
        let text = Text::new("text", &word, &style).unwrap();
        let block = text.fit(400.0, 300.0).unwrap();
        assert_eq!(block.size, SMALLEST_TEXT);
        assert!(block.lines.len() > 1);
        assert_eq!(block.lines.iter().map(|l| l.len()).sum::<usize>(), 90);
        let text = Text::new("text", "some words that wrap", &style).unwrap();
        assert_eq!(text.fit(120.0, 300.0).unwrap().size, style.size);
    }

    #[test]
    fn line_ends_are_kept() {
        let style = TextStyle::default();
        let text = Text::new("text", "one\r\ntwo\n\nfour", &style).unwrap();
        assert_eq!(text.fit(400.0, 300.0).unwrap().lines.len(), 4);
    }
}
