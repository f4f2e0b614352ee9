//! Every prompt: drawn the same each time, at any side, text inside the canvas.

use std::time::{Duration, Instant};

use flowinone_prompts::{
    Background, Canvas, ClassToImage, Colour, Coordinate, Doodle, Drawing, Force, ForceArrow, Mark,
    Pen, Picture, Point, Prompt, PromptError, Region, SMALLEST_TEXT, Stroke, Task, TextBox,
    TextInImage, TextStyle, TextToImage, Track, Trajectory, Typeface, VisualMarker, VisualPrompt,
};
use image::{Rgb, RgbImage};

fn photo() -> RgbImage {
    RgbImage::from_fn(640, 480, |x, y| Rgb([(x / 3) as u8, (y / 2) as u8, 140]))
}

fn every(picture: &Picture) -> Vec<Prompt> {
    let picture = || picture.clone();
    let p = Point::pixels;
    vec![
        ClassToImage::new("goldfish")
            .canvas(Canvas::seeded(1))
            .into(),
        TextToImage::new("a bridge at night").into(),
        TextInImage::new(picture(), "Remove the boat.").into(),
        TextBox::new(
            picture(),
            Region::fraction(0.3, 0.4, 0.25, 0.3),
            "a red hat",
        )
        .into(),
        VisualMarker::new(picture(), "Remove what is marked.")
            .mark(Mark::arrow(p(500.0, 100.0), p(300.0, 200.0)))
            .mark(Mark::circle(p(300.0, 200.0), Coordinate::Fraction(0.1)))
            .mark(Mark::cross(p(200.0, 200.0), Coordinate::Pixels(40.0)))
            .mark(Mark::scribble(150.0, 250.0, 90.0, 60.0))
            .mark(Mark::highlight(Region::pixels(400.0, 300.0, 60.0, 50.0)))
            .into(),
        Doodle::new(picture())
            .stroke(Stroke::new([p(200.0, 100.0), p(300.0, 50.0), p(400.0, 150.0)]).smooth())
            .stroke(Stroke {
                colour: Some(Colour([200, 0, 90])),
                ..Stroke::new([p(200.0, 200.0), p(300.0, 250.0)])
            })
            .pen(Pen::Ribbon { width: 8.0 })
            .into(),
        Force::new(picture())
            .push(p(200.0, 200.0), p(330.0, 180.0))
            .arrow(ForceArrow::Global {
                angle: 45.0,
                strength: 0.4,
            })
            .into(),
        Trajectory::new(picture())
            .path("200,100 300,250 450,200".parse::<Track>().unwrap())
            .path(Track::straight([
                Point::fraction(0.5, 0.5),
                Point::fraction(0.6, 0.9),
            ]))
            .into(),
    ]
}

fn message(result: Result<RgbImage, PromptError>) -> String {
    result.expect_err("this prompt is wrong").to_string()
}

fn edit(text: &str) -> Result<RgbImage, PromptError> {
    TextInImage::new(photo(), text).render(128)
}

#[test]
fn every_task_is_drawn_the_same_each_time_at_any_side() {
    let prompts = every(&photo().into());
    assert_eq!(
        prompts.iter().map(|p| p.task()).collect::<Vec<_>>(),
        Task::ALL
    );
    for prompt in &prompts {
        for side in [64, 255, 256, 512, 1024] {
            let drawn = prompt.render(side).unwrap();
            assert_eq!(drawn.dimensions(), (side, side));
            assert_eq!(drawn, prompt.render(side).unwrap(), "{}", prompt.task());
        }
        for side in [0, 15, 4097, u32::MAX] {
            assert!(message(prompt.render(side)).contains("16 to 4096"));
        }
    }
}

#[test]
fn a_json_line_is_a_prompt() {
    let folder = tempfile::tempdir().unwrap();
    photo().save(folder.path().join("photo.png")).unwrap();
    for prompt in every(&"photo.png".into()) {
        let line = serde_json::to_string(&prompt).unwrap();
        let mut read: Prompt = serde_json::from_str(&line).unwrap();
        assert_eq!(read, prompt, "{line}");
        assert!(line.contains(&format!(r#""task":"{}""#, prompt.task())));
        read.resolve(folder.path());
        let name = prompt.task();
        let in_memory = every(&photo().into())
            .into_iter()
            .find(|p| p.task() == name);
        assert_eq!(
            read.render(128).unwrap(),
            in_memory.unwrap().render(128).unwrap()
        );
    }
    let error = serde_json::to_string(&every(&photo().into())[2]).unwrap_err();
    assert!(error.to_string().contains("name the file"), "{error}");
}

#[test]
fn short_json_takes_the_defaults_and_unknown_fields_are_refused() {
    let lines = [
        r#"{"task":"class-to-image","name":"cat"}"#,
        r#"{"task":"text-box","picture":"a.png","box":["10%","20%",0.5,60],"text":"hat"}"#,
        r#"{"task":"visual-marker","picture":"a.png","instruction":"go","marks":[{"circle":{"centre":[9,9],"radius":0.1}}]}"#,
        r#"{"task":"doodle","picture":"a.png","drawings":[{"svg":"a.svg"},{"picture":"b.png"}]}"#,
        r#"{"task":"trajectory","picture":"a.png","paths":[{"points":[[1,2],[3,4]]}]}"#,
    ];
    for line in lines {
        let prompt: Prompt = serde_json::from_str(line).unwrap();
        let misspelt = line.replacen(r#"{"task""#, r#"{"colours":"red","task""#, 1);
        let error = serde_json::from_str::<Prompt>(&misspelt).unwrap_err();
        assert!(error.to_string().contains("colours"), "{error}");
        assert_eq!(prompt.task().name(), line.split('"').nth(3).unwrap());
    }
}

/// Extent of everything that is not the ground.
fn drawn(picture: &RgbImage, ground: Rgb<u8>) -> [u32; 4] {
    let mut extent = [u32::MAX, u32::MAX, 0, 0];
    for (x, y, _) in picture
        .enumerate_pixels()
        .filter(|(_, _, pixel)| **pixel != ground)
    {
        extent = [
            extent[0].min(x),
            extent[1].min(y),
            extent[2].max(x),
            extent[3].max(y),
        ];
    }
    extent
}

#[test]
fn text_never_runs_off_the_canvas() {
    let ground = Rgb([90, 200, 160]);
    let words = "A quick brown fox, jumps — über (extraordinarily) lazy dogs! ŴŶŮ ".repeat(12);
    let characters: Vec<char> = words.chars().collect();
    for side in [64, 256, 512, 1024] {
        let picture = RgbImage::from_pixel(side, side, ground);
        for length in [1, 2, 7, 25, 60, 150, 400, 700] {
            let text: String = characters[..length].iter().collect();
            let prompts: [Prompt; 3] = [
                TextToImage::new(text.clone())
                    .canvas(Canvas {
                        ground: Background::Plain(Colour(ground.0)),
                        ..Canvas::default()
                    })
                    .into(),
                TextInImage::new(picture.clone(), text.clone()).into(),
                TextInImage::new(picture.clone(), "W".repeat(length.min(400))).into(),
            ];
            for prompt in prompts {
                let margin = side / 100;
                let drawn = drawn(&prompt.render(side).unwrap(), ground);
                let inside = drawn[0] >= margin && drawn[1] >= margin;
                assert!(inside, "{length} characters at {side}: {drawn:?}");
                let most = side - 1 - margin;
                assert!(
                    drawn[2] <= most && drawn[3] <= most,
                    "{length} at {side}: {drawn:?}"
                );
            }
        }
    }
}

#[test]
fn labels_find_room_beside_their_box() {
    let ground = Rgb([200, 200, 200]);
    let picture = RgbImage::from_pixel(512, 512, ground);
    for (x, y, w, h) in [
        (0.0, 0.0, 40.0, 40.0),
        (472.0, 0.0, 40.0, 512.0),
        (0.0, 472.0, 512.0, 40.0),
        (0.0, 0.0, 512.0, 512.0),
        (200.0, 30.0, 100.0, 400.0),
    ] {
        let prompt = TextBox::new(
            picture.clone(),
            Region::pixels(x, y, w, h),
            "put a blue jay here",
        );
        let picture = prompt.render(512).unwrap();
        let letters = picture.pixels().filter(|p| p.0 == [255; 3]).count();
        assert!(letters > 400, "box {x},{y},{w},{h}: {letters} white pixels");
    }
}

#[test]
fn too_long_text_says_how_much_fits() {
    for length in [5_000, 100_000, 3_000_000] {
        let text = "word ".repeat(length / 5);
        let begin = Instant::now();
        let error = TextInImage::new(photo(), text).render(256).unwrap_err();
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "{:?}",
            begin.elapsed()
        );
        match error {
            PromptError::TooLong {
                fits,
                length: found,
                smallest,
                ..
            } => {
                assert_eq!((found, smallest), (length - 1, SMALLEST_TEXT));
                assert!((500..2_500).contains(&fits), "{fits}");
                let fitting = "word ".repeat(fits / 5);
                assert!(TextInImage::new(photo(), fitting).render(256).is_ok());
                let longer = "word ".repeat(fits / 5 + 2);
                assert!(TextInImage::new(photo(), longer).render(256).is_err());
            }
            other => panic!("{other}"),
        }
    }
    let text = message(edit(&"x".repeat(100_000)));
    assert!(text.contains("100000 characters"), "{text}");
}

#[test]
fn scripts_that_the_face_covers_are_drawn() {
    for text in [
        "Ελληνικά με τόνους",
        "Русский текст и «кавычки»",
        "שלום עולם, 123 text",
        "Tiếng Việt có dấu",
        "e\u{301} combined, soft\u{ad}hyphen, zero\u{200b}width",
        "two\nlines\tand a tab\r\n",
        "a\u{301}\u{302}\u{303}\u{304}\u{301}\u{302}\u{303}\u{304} piled",
    ] {
        edit(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    }
}

#[test]
fn missing_glyphs_are_named() {
    let text = message(edit("Put a 猫 and a 🐟 and a 猫"));
    assert!(
        text.contains("猫 (U+732B)") && text.contains("🐟 (U+1F41F)"),
        "{text}"
    );
    assert_eq!(text.matches("U+732B").count(), 1);
    let text = message(edit("a bell \u{7} rings"));
    assert!(text.contains("U+0007"), "{text}");
    assert!(Typeface::Serif.covers('ж') && !Typeface::Comic.covers('ж'));
    let style = TextStyle {
        face: Typeface::Comic,
        ..TextStyle::default()
    };
    let text = message(TextInImage::new(photo(), "кот").style(style).render(64));
    assert!(text.contains("comic") && text.contains("U+043A"), "{text}");
}

#[test]
fn line_drawings_lie_over_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let mut drawing = RgbImage::from_pixel(640, 480, Rgb([250, 250, 245]));
    for x in 200..400 {
        for y in 100..104 {
            drawing.put_pixel(x, y, Rgb([10, 10, 30]));
        }
    }
    let plain = Doodle::new(photo()).instruction(None);
    let with = |drawing: RgbImage| {
        plain
            .clone()
            .drawing(Drawing::Picture(drawing.into()))
            .render(512)
    };
    let picture = with(drawing.clone()).unwrap();
    // Row 102 of 480 is row 109 of 512; column 300 of 640 is column 235.
    assert!(picture.get_pixel(235, 109).0.iter().all(|&v| v < 30));
    assert!(picture.get_pixel(235, 105).0.iter().all(|&v| v > 200));
    assert!(message(with(RgbImage::from_pixel(640, 480, Rgb([240; 3])))).contains("no dark lines"));
    assert!(message(with(RgbImage::new(640, 480))).contains("100%"));
    assert!(message(with(RgbImage::from_pixel(900, 100, Rgb([9; 3])))).contains("proportions"));

    let svg = folder.path().join("cloud.svg");
    let body = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 480"><path d="M200 102H400" stroke="black" stroke-width="3"/></svg>"#;
    std::fs::write(&svg, body).unwrap();
    let picture = plain
        .clone()
        .drawing(Drawing::open(&svg).unwrap())
        .render(512)
        .unwrap();
    assert!(
        picture.get_pixel(235, 109).0.iter().all(|&v| v > 150),
        "the ribbon's white heart"
    );
    let json = folder.path().join("strokes.json");
    std::fs::write(
        &json,
        r##"[{"points":[[200,102],[400,102]],"colour":"#ff0000"}]"##,
    )
    .unwrap();
    let picture = plain
        .clone()
        .drawing(Drawing::open(&json).unwrap())
        .render(512)
        .unwrap();
    assert_eq!(picture.get_pixel(235, 109).0, [255, 0, 0]);

    std::fs::write(&json, "{").unwrap();
    let error = Drawing::open(&json).unwrap_err().to_string();
    assert!(error.contains("strokes.json"), "{error}");
    for (name, content) in [("bad.svg", "<svg"), ("text.svg", "hello"), ("none.svg", "")] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let text = message(plain.clone().drawing(Drawing::Svg(path)).render(64));
        assert!(text.contains(name), "{text}");
    }
    let absent = Drawing::open(folder.path().join("absent.svg")).unwrap();
    assert!(message(plain.clone().drawing(absent).render(64)).contains("absent.svg"));
    assert!(message(TextInImage::new("absent.png", "go").render(64)).contains("absent.png"));
    assert!(
        TextInImage::new(RgbImage::new(0, 0), "go")
            .render(64)
            .is_err()
    );
}

#[test]
fn seeded_canvases_differ_and_can_be_read() {
    let canvases: Vec<Canvas> = (0..40).map(Canvas::seeded).collect();
    assert_eq!(canvases[7], Canvas::seeded(7));
    let aligned = |align| canvases.iter().filter(|c| c.style.align == align).count();
    use flowinone_prompts::Align::{Centre, Left, Right};
    assert!(
        [Left, Centre, Right]
            .into_iter()
            .all(|align| aligned(align) > 4)
    );
    assert!(
        canvases
            .iter()
            .any(|c| matches!(c.ground, Background::Gradient { .. }))
    );
    for canvas in canvases {
        TextToImage::new("a tall ship in a storm")
            .canvas(canvas)
            .render(128)
            .unwrap();
    }
}

/// Every letter is told in the order in which it was written, and ink lies where it is told to
/// stand.
#[test]
fn letters_stand_where_their_ink_is() {
    let canvas = Canvas {
        ground: Background::Plain(Colour::WHITE),
        ..Canvas::default()
    };
    let words = "Two owls, one red hat and a moon";
    let prompt = TextToImage::new(words).canvas(canvas);
    for side in [192, 512] {
        let drawn = prompt.draw(side).unwrap();
        let told: String = drawn.letters.iter().map(|letter| letter.letter).collect();
        assert_eq!(told, words.replace(' ', ""));
        for letter in drawn
            .letters
            .iter()
            .filter(|letter| letter.letter.is_alphabetic())
        {
            let [x, y] = letter.at.map(|v| v * side as f32);
            let reach = side as f32 / 32.0; // some strokes miss the middle, as those of "o" do
            let near = |at: u32, middle: f32| (at as f32 + 0.5 - middle).abs() <= reach;
            let dark = drawn
                .picture
                .enumerate_pixels()
                .any(|(column, row, pixel)| near(column, x) && near(row, y) && pixel.0[0] < 100);
            assert!(dark, "{letter:?} of {side} pixels");
        }
    }
}
