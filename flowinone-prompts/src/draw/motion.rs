//! Motion: a push or a path as a sequence of prompts.
//!
//! Of `n` frames, frame `i` asks for the state after `i / n`: a path is cut at that share of its
//! length, and a push is shortened to the part of its way that it has gone after that share of the
//! time until everything rests, `t (2 - t)` by dry friction. Made with the same noise, the pictures
//! differ as little as their prompts do.

use crate::error::within;
use crate::{Prompt, PromptError, VisualPrompt};

/// Fewest and most frames of a motion.
const FRAMES: [u32; 2] = [2, 1000];

/// The prompts for `frames` moments of a force or trajectory prompt; the last is the prompt itself.
///
/// Other dynamics than those of each push alone, walls and collisions say, are left to the model.
///
/// # Errors
/// A prompt of another task, or a number of frames outside 2 to 1000.
///
/// ```
/// use flowinone_prompts::{Prompt, Trajectory, in_motion};
///
/// let prompt = Prompt::from(Trajectory::new("car.png").path("100,300 400,250".parse()?));
/// let frames = in_motion(&prompt, 24)?;
/// assert_eq!((frames.len(), &frames[23]), (24, &prompt));
/// # Ok::<(), flowinone_prompts::PromptError>(())
/// ```
pub fn in_motion(prompt: &Prompt, frames: u32) -> Result<Vec<Prompt>, PromptError> {
    let [least, most] = FRAMES.map(|frames| frames as f32);
    within("number of frames", frames as f32, least, most, "2 to 1000")?;
    let share = |frame: u32| f64::from(frame) / f64::from(frames);
    let moment = |frame: u32| match (frame == frames, prompt) {
        (true, _) => Ok(prompt.clone()),
        (false, Prompt::Trajectory(whole)) => {
            let mut part = whole.clone();
            for path in &mut part.paths {
                path.until = Some(path.until.unwrap_or(1.0) * share(frame));
            }
            Ok(part.into())
        }
        (false, Prompt::Force(whole)) => {
            let until = whole.until.unwrap_or(1.0) * share(frame);
            Ok(whole.clone().until(until).into())
        }
        (false, other) => Err(PromptError::NoMotion(other.task())),
    };
    (1..=frames).map(moment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Force, Picture, Point, TextToImage, Trajectory};
    use image::{Rgb, RgbImage};

    fn ground() -> Picture {
        RgbImage::from_pixel(256, 256, Rgb([120; 3])).into()
    }

    fn marked(prompt: &Prompt) -> usize {
        let picture = prompt.render(256).unwrap();
        let above = picture.rows().take(180).flatten(); // the sentence is below
        above.filter(|pixel| pixel.0 != [120; 3]).count()
    }

    #[test]
    fn marks_grow_from_frame_to_frame_and_end_whole() {
        let p = Point::pixels;
        let path = Trajectory::new(ground()).path("20,20 100,150 230,40".parse().unwrap());
        let push = Force::new(ground()).push(p(30.0, 100.0), p(220.0, 60.0));
        for prompt in [Prompt::from(path), push.into()] {
            let frames = in_motion(&prompt, 8).unwrap();
            let marks: Vec<usize> = frames.iter().map(marked).collect();
            assert!(
                marks[0] > 0 && marks.is_sorted_by(|a, b| a < b),
                "{marks:?}"
            );
            assert_eq!(frames[7], prompt);
        }
    }

    #[test]
    fn a_motion_of_a_part_is_a_part_of_the_motion() {
        let push = Force::new("a.png").push(Point::pixels(1.0, 1.0), Point::pixels(9.0, 9.0));
        let whole = in_motion(&push.clone().into(), 8).unwrap();
        let half = in_motion(&push.until(0.5).into(), 4).unwrap();
        assert_eq!(half[..3], whole[..3]);
    }

    #[test]
    fn what_does_not_move_is_refused() {
        let text = in_motion(&TextToImage::new("a tram").into(), 8).unwrap_err();
        assert!(text.to_string().contains("text-to-image"), "{text}");
        let path = Prompt::from(Trajectory::new("a.png"));
        for frames in [0, 1, 1001, u32::MAX] {
            let text = in_motion(&path, frames).unwrap_err().to_string();
            assert!(text.contains("2 to 1000"), "{text}");
        }
    }
}
