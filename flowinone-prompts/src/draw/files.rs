//! The files that a prompt names: its pictures and drawings, each read once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use flowinone_files::sha256_of;

use super::{Drawing, Picture, Prompt, PromptError};
use flowinone_image::Error;
use flowinone_image::{Profiles, decode_picture_with, read_picture_file};

/// The content of every file that a prompt names.
#[derive(Debug, Clone)]
pub struct PromptFiles(BTreeMap<PathBuf, Vec<u8>>);

impl PromptFiles {
    /// Reads the files of a prompt.
    ///
    /// # Errors
    /// Names the file that cannot be read or is larger than
    /// [`MAX_FILE`](flowinone_image::MAX_FILE).
    pub fn read(prompt: &Prompt) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        for path in prompt.files() {
            if let Entry::Vacant(place) = files.entry(path) {
                let bytes = read_picture_file(place.key())?;
                place.insert(bytes);
            }
        }
        Ok(Self(files))
    }

    /// SHA-256 of each file.
    pub fn digests(&self) -> BTreeMap<PathBuf, String> {
        let digest = |(path, bytes): (&PathBuf, &Vec<u8>)| (path.clone(), sha256_of(bytes));
        self.0.iter().map(digest).collect()
    }

    /// The prompt with its pictures in memory, so that drawing it reads them no more (an SVG file
    /// is read when it is drawn).
    ///
    /// # Errors
    /// Names the file that is no usable picture.
    pub fn embed(&self, mut prompt: Prompt, profiles: Profiles) -> Result<Prompt, PromptError> {
        for picture in prompt.pictures_mut() {
            if let Picture::File(path) = picture
                && let Some(bytes) = self.0.get(path)
            {
                let pixels = decode_picture_with(bytes, profiles)
                    .map_err(|reason| Error::picture(path, reason))?;
                *picture = Picture::Pixels(pixels);
            }
        }
        Ok(prompt)
    }
}

impl Prompt {
    /// The files that the prompt names, in the order in which it names them.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = vec![];
        // A prompt that names its files is small.
        self.clone().each_file(|path| files.push(path.clone()));
        files
    }

    /// Shows every file that the prompt names, to be renamed.
    pub fn each_file(&mut self, mut see: impl FnMut(&mut PathBuf)) {
        if let Self::Doodle(prompt) = self {
            for drawing in &mut prompt.drawings {
                if let Drawing::Svg(path) = drawing {
                    see(path);
                }
            }
        }
        for picture in self.pictures_mut() {
            if let Picture::File(path) = picture {
                see(path);
            }
        }
    }

    /// Makes relative paths of pictures and drawings ones that start at `folder`.
    pub fn resolve(&mut self, folder: &Path) {
        self.each_file(|path| *path = folder.join(&path));
    }

    fn pictures_mut(&mut self) -> Vec<&mut Picture> {
        match self {
            Self::ClassToImage(_) | Self::TextToImage(_) => vec![],
            Self::TextInImage(prompt) => vec![&mut prompt.picture],
            Self::TextBox(prompt) => vec![&mut prompt.picture],
            Self::VisualMarker(prompt) => vec![&mut prompt.picture],
            Self::Doodle(prompt) => {
                let drawn = prompt
                    .drawings
                    .iter_mut()
                    .filter_map(|drawing| match drawing {
                        Drawing::Picture(picture) => Some(picture),
                        Drawing::Strokes(_) | Drawing::Svg(_) => None,
                    });
                std::iter::once(&mut prompt.picture).chain(drawn).collect()
            }
            Self::Force(prompt) => vec![&mut prompt.picture],
            Self::Trajectory(prompt) => vec![&mut prompt.picture],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Doodle, VisualPrompt};
    use image::{Rgb, RgbImage};

    #[test]
    fn a_prompt_knows_its_files_and_draws_the_same_from_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let photo = RgbImage::from_pixel(64, 64, Rgb([90, 120, 30]));
        photo.save(path("photo.png")).unwrap();
        let mut lines = RgbImage::from_pixel(64, 64, Rgb([255; 3]));
        (10..50).for_each(|x| lines.put_pixel(x, 30, Rgb([0; 3])));
        lines.save(path("lines.png")).unwrap();
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><path d="M5 5H60"/></svg>"#;
        std::fs::write(path("a.svg"), svg).unwrap();

        let doodle = Doodle::new("photo.png").instruction(None);
        let doodle = doodle.drawing(Drawing::Svg("a.svg".into()));
        let mut prompt = Prompt::from(doodle.drawing(Drawing::Picture("lines.png".into())));
        assert_eq!(
            prompt.files(),
            ["a.svg", "photo.png", "lines.png"].map(PathBuf::from)
        );
        assert!(
            PromptFiles::read(&prompt)
                .unwrap_err()
                .to_string()
                .contains("a.svg")
        );

        prompt.resolve(folder.path());
        let files = PromptFiles::read(&prompt).unwrap();
        assert_eq!(files.digests().len(), 3);
        assert_eq!(files.digests()[&path("a.svg")], sha256_of(svg.as_bytes()));
        let embedded = files.embed(prompt.clone(), Profiles::Convert).unwrap();
        assert_eq!(embedded.files(), [path("a.svg")]);
        assert_eq!(embedded.render(64).unwrap(), prompt.render(64).unwrap());

        std::fs::write(path("photo.png"), "no picture").unwrap();
        let files = PromptFiles::read(&prompt).unwrap();
        let text = files
            .embed(prompt, Profiles::Convert)
            .unwrap_err()
            .to_string();
        assert!(text.contains("photo.png"), "{text}");
    }
}
