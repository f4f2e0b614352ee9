//! What no prompt accepts, each an error that says what is wrong.

use flowinone_prompts::{
    ClassToImage, Colour, Coordinate, Doodle, Drawing, Force, ForceArrow, Mark, Point, PromptError,
    Region, Stroke, TextBox, TextInImage, TextStyle, TextToImage, Track, Trajectory, VisualMarker,
    VisualPrompt,
};
use image::{Rgb, RgbImage};

fn photo() -> RgbImage {
    RgbImage::from_fn(640, 480, |x, y| Rgb([(x / 3) as u8, (y / 2) as u8, 140]))
}

fn message(result: Result<RgbImage, PromptError>) -> String {
    result.expect_err("this prompt is wrong").to_string()
}

fn edit(text: &str) -> Result<RgbImage, PromptError> {
    TextInImage::new(photo(), text).render(128)
}

#[test]
fn empty_text_is_refused() {
    for text in ["", "  \n\t ", "\u{200b}\u{feff}"] {
        assert!(message(edit(text)).contains("the instruction is empty"));
        assert!(message(ClassToImage::new(text).render(64)).contains("class name"));
        assert!(message(TextToImage::new(text).render(64)).contains("caption"));
        let region = Region::fraction(0.3, 0.3, 0.3, 0.3);
        assert!(message(TextBox::new(photo(), region, text).render(64)).contains("empty"));
        let force = Force::new(photo()).push(Point::fraction(0.4, 0.4), Point::fraction(0.6, 0.6));
        let force = force.instruction(text).render(64);
        match text.is_empty() {
            true => assert!(force.is_ok(), "an arrow says enough without words"),
            false => assert!(message(force).contains("empty")),
        }
    }
}

#[test]
fn boxes_outside_or_without_area_are_refused() {
    for (region, reason) in [
        (
            Region::pixels(600.0, 10.0, 100.0, 50.0),
            "outside the square",
        ),
        (Region::pixels(10.0, 10.0, 100.0, 50.0), "x from 80 to 560"),
        (Region::pixels(100.0, 10.0, 0.0, 50.0), "larger"),
        (Region::pixels(100.0, 10.0, -50.0, 50.0), "larger"),
        (Region::pixels(f64::NAN, 10.0, 50.0, 50.0), "finite"),
        (Region::fraction(0.3, 0.3, f64::INFINITY, 0.1), "finite"),
        (Region::fraction(0.5, 0.5, 0.1, 0.6), "outside"),
    ] {
        let text = message(TextBox::new(photo(), region, "a hat").render(64));
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn marks_that_cannot_be_seen_are_refused() {
    let p = Point::pixels;
    let nan = p(f64::NAN, 100.0);
    let marked = |mark: Mark| message(VisualMarker::new(photo(), "go").mark(mark).render(64));
    for (text, reason) in [
        (
            marked(Mark::arrow(p(200.0, 200.0), p(200.0, 200.0))),
            "larger",
        ),
        (
            marked(Mark::arrow(p(10.0, 200.0), p(200.0, 200.0))),
            "arrow's tail",
        ),
        (
            marked(Mark::arrow(p(200.0, 200.0), p(200.0, 900.0))),
            "arrow's tip",
        ),
        (marked(Mark::arrow(nan, p(200.0, 200.0))), "finite"),
        (
            marked(Mark::circle(p(200.0, 200.0), Coordinate::Pixels(0.0))),
            "larger",
        ),
        (
            marked(Mark::circle(p(200.0, 200.0), Coordinate::Pixels(f64::NAN))),
            "finite",
        ),
        (
            marked(Mark::circle(p(200.0, 200.0), Coordinate::Pixels(1e9))),
            "64 times",
        ),
        (
            marked(Mark::cross(p(200.0, 200.0), Coordinate::Fraction(-0.1))),
            "larger",
        ),
        (marked(Mark::Scribble { points: vec![] }), "larger"),
        (
            marked(Mark::highlight(Region::pixels(200.0, 200.0, 1.0, 1.0))),
            "larger",
        ),
        (
            message(VisualMarker::new(photo(), "go").render(64)),
            "at least one mark",
        ),
        (
            message(Force::new(photo()).render(64)),
            "at least one arrow",
        ),
        (
            message(Force::new(photo()).push(nan, nan).render(64)),
            "finite",
        ),
        (
            message(
                Force::new(photo())
                    .push(p(200.0, 200.0), p(200.0, 200.0))
                    .render(64),
            ),
            "larger",
        ),
        (
            message(Trajectory::new(photo()).render(64)),
            "at least one path",
        ),
        (
            message(Doodle::new(photo()).render(64)),
            "at least one drawing",
        ),
        (
            message(
                Doodle::new(photo())
                    .drawing(Drawing::Strokes(vec![]))
                    .render(64),
            ),
            "one stroke",
        ),
        (
            message(Doodle::new(photo()).stroke(Stroke::new([nan])).render(64)),
            "finite",
        ),
        (
            message(
                Doodle::new(photo())
                    .stroke(Stroke::new([p(1e12, 0.0)]))
                    .render(64),
            ),
            "beyond",
        ),
        (
            message(
                Doodle::new(photo())
                    .stroke(Stroke::new([p(9.0, 9.0)]))
                    .render(64),
            ),
            "outside",
        ),
    ] {
        assert!(text.contains(reason), "{text}");
    }
    for (angle, strength) in [(f64::NAN, 0.5), (0.0, 0.0), (0.0, f64::NAN), (0.0, 2.0)] {
        let arrow = ForceArrow::Global { angle, strength };
        assert!(Force::new(photo()).arrow(arrow).render(64).is_err());
    }
    for points in [
        vec![],
        vec![p(200.0, 200.0)],
        vec![p(200.0, 200.0); 5],
        vec![nan; 3],
    ] {
        assert!(
            Trajectory::new(photo())
                .path(Track::smooth(points))
                .render(64)
                .is_err()
        );
    }
    let many = (0..100).fold(Force::new(photo()), |force, _| {
        force.push(p(200.0, 200.0), p(300.0, 200.0))
    });
    assert!(message(many.render(64)).contains("100"));
    let thick = VisualMarker {
        width: f32::NAN,
        ..VisualMarker::new(photo(), "go")
    };
    assert!(
        thick
            .mark(Mark::arrow(p(200.0, 200.0), p(300.0, 200.0)))
            .render(64)
            .is_err()
    );
}

#[test]
fn styles_that_make_no_sense_are_refused() {
    let base = TextStyle::default();
    for style in [
        TextStyle {
            size: f32::NAN,
            ..base
        },
        TextStyle { size: 0.0, ..base },
        TextStyle {
            line_height: -1.0,
            ..base
        },
        TextStyle {
            margin: 256.0,
            ..base
        },
        TextStyle {
            margin: 0.0,
            ..base
        },
        TextStyle {
            outline_width: f32::INFINITY,
            ..base
        },
        TextStyle {
            spacing: -100.0,
            ..base
        },
        TextStyle { place: 2.0, ..base },
        TextStyle {
            tallest: 0.0,
            ..base
        },
    ] {
        let text = message(TextInImage::new(photo(), "go").style(style).render(64));
        assert!(text.contains("must be"), "{text}");
    }
    assert!("red".parse::<Colour>().is_err() && "#12345é".parse::<Colour>().is_err());
    assert_eq!("#ff6c48".parse::<Colour>().unwrap(), Colour::MARKER);
}
