//! One prompt of every task, as PNG files and as the JSON line that makes each.
//!
//! `cargo run -p flowinone-tasks --example prompts [FOLDER]`

use std::path::PathBuf;

use flowinone_prompts::{
    Background, Canvas, ClassToImage, Colour, Coordinate, Doodle, Force, ForceArrow, Mark,
    PROMPT_SIDE, Picture, Point, Prompt, Region, Stroke, TextBox, TextInImage, TextToImage, Track,
    Trajectory, VisualMarker, VisualPrompt,
};
use image::RgbImage;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or("prompts".into()));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("scene.png");
    scene().save(&file)?;
    let picture = || Picture::from(file.as_path());
    let ball = Point::pixels(180.0, 250.0);
    let prompts: [Prompt; 8] = [
        ClassToImage::new("golden retriever")
            .canvas(Canvas::seeded(3))
            .into(),
        TextToImage::new("tourists walking past an asian food stall").into(),
        TextInImage::new(picture(), "Make the ball on the meadow blue.").into(),
        TextBox::new(
            picture(),
            Region::pixels(300.0, 190.0, 150.0, 130.0),
            "put a garden chair",
        )
        .into(),
        VisualMarker::new(picture(), "Remove the object pointed to by the arrow.")
            .mark(Mark::arrow(
                Point::pixels(380.0, 120.0),
                Point::pixels(222.0, 222.0),
            ))
            .mark(Mark::circle(ball, Coordinate::Pixels(64.0)))
            .into(),
        Doodle::new(picture())
            .stroke(
                Stroke::new(
                    [
                        (380.0, 80.0),
                        (440.0, 60.0),
                        (480.0, 110.0),
                        (420.0, 140.0),
                        (350.0, 120.0),
                    ]
                    .map(|(x, y)| Point::pixels(x, y)),
                )
                .smooth()
                .closed(),
            )
            .into(),
        Force::new(picture())
            .push(ball, Point::pixels(330.0, 225.0))
            .arrow(ForceArrow::Global {
                angle: 180.0,
                strength: 0.3,
            })
            .into(),
        Trajectory::new(picture())
            .path("180,250 260,330 360,270 470,320".parse::<Track>()?)
            .into(),
    ];
    for prompt in &prompts {
        let path = folder.join(format!("{}.png", prompt.task()));
        prompt.render(PROMPT_SIDE)?.save(&path)?;
        println!("{}", serde_json::to_string(prompt)?);
    }
    println!("pictures are in {}", folder.display());
    Ok(())
}

/// A ball on a meadow.
fn scene() -> RgbImage {
    let sky = Background::Gradient {
        top: Colour([120, 170, 230]),
        foot: Colour([225, 240, 250]),
    };
    let mut scene = sky.paint(512);
    for (x, y, pixel) in scene.enumerate_pixels_mut() {
        if y > 200 {
            pixel.0 = [96, 150, 70 + (y / 8) as u8];
        }
        let [dx, dy] = [f64::from(x) - 180.0, f64::from(y) - 250.0];
        if dx.hypot(dy) < 48.0 {
            let light = 1.0 - (dx + 16.0).hypot(dy + 16.0) / 110.0;
            pixel.0 = [230.0, 60.0, 50.0].map(|value| (value * light) as u8);
        }
    }
    scene
}
