//! Our prompts compared with the published ones: the same instructions, the same places, measured.
//! The pairs are written as `published | ours` to `target/tmp/gallery`.

use std::path::Path;

use flowinone_image::read_picture;
use flowinone_prompts::{
    Align, Background, Canvas, Colour, Doodle, Force, Mark, Picture, Point, Prompt, Region, Stroke,
    TextBox, TextInImage, TextStyle, TextToImage, Track, Trajectory, Typeface, VisualMarker,
    VisualPrompt,
};
use image::{Rgb, RgbImage, imageops};

const SIDE: u32 = 512;

fn published(name: &str) -> RgbImage {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/prompts");
    read_picture(folder.join(name)).unwrap()
}

/// The mean colour of a picture everywhere: a ground without marks.
fn ground(picture: &RgbImage) -> Picture {
    let mut sum = [0u64; 3];
    for pixel in picture.pixels() {
        (0..3).for_each(|i| sum[i] += u64::from(pixel.0[i]));
    }
    let mean = sum.map(|value| (value / u64::from(picture.width() * picture.height())) as u8);
    RgbImage::from_pixel(SIDE, SIDE, Rgb(mean)).into()
}

/// Draws our prompt on the ground of the published one and writes both.
fn beside(name: &str, prompt: impl FnOnce(Picture) -> Prompt) -> [RgbImage; 2] {
    let theirs = published(name);
    let ours = prompt(ground(&theirs)).render(SIDE).unwrap();
    let mut pair = RgbImage::new(2 * SIDE, SIDE);
    imageops::replace(&mut pair, &theirs, 0, 0);
    imageops::replace(&mut pair, &ours, SIDE.into(), 0);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gallery");
    std::fs::create_dir_all(&folder).unwrap();
    let name = Path::new(name).with_extension("png");
    pair.save(folder.join(name)).unwrap();
    [theirs, ours]
}

fn black(pixel: [u8; 3]) -> bool {
    pixel.iter().all(|&value| value < 60)
}

/// Within 40 of a colour in every channel.
fn near(colour: [u8; 3]) -> impl Fn([u8; 3]) -> bool {
    move |pixel| (0..3).all(|i| pixel[i].abs_diff(colour[i]) <= 40)
}

/// Left, top, right and bottom of the pixels in `[x0, y0, x1, y1]` that `is` holds for.
fn extent(picture: &RgbImage, window: [u32; 4], is: impl Fn([u8; 3]) -> bool) -> [i32; 4] {
    let [x0, y0, x1, y1] = window;
    let mut extent = [i32::MAX, i32::MAX, i32::MIN, i32::MIN];
    for y in y0..y1 {
        for x in x0..x1 {
            if is(picture.get_pixel(x, y).0) {
                let [px, py] = [x as i32, y as i32];
                extent = [
                    extent[0].min(px),
                    extent[1].min(py),
                    extent[2].max(px + 1),
                    extent[3].max(py + 1),
                ];
            }
        }
    }
    extent
}

/// The same extent in both pictures, each edge within `tolerance` pixels of 512.
fn agree(
    what: &str,
    pair: &[RgbImage; 2],
    windows: [[u32; 4]; 2],
    is: impl Fn([u8; 3]) -> bool,
    tolerance: [i32; 4],
) {
    let [theirs, ours] = [0, 1].map(|i| extent(&pair[i], windows[i], &is));
    println!("gallery {what}: published {theirs:?}, ours {ours:?}");
    for i in 0..4 {
        let difference = (theirs[i] - ours[i]).abs();
        assert!(
            difference <= tolerance[i],
            "{what}: {theirs:?} against {ours:?}"
        );
    }
}

/// Our whole canvas between two rows.
fn rows(from: u32, to: u32) -> [u32; 4] {
    [0, from, SIDE, to]
}

#[test]
fn caption() {
    let pair = beside("t2i.png", |_| {
        let style = TextStyle {
            align: Align::Right,
            place: 0.332,
            ..TextStyle::caption()
        };
        let canvas = Canvas {
            ground: Background::Plain(Colour([253, 111, 167])),
            style,
        };
        TextToImage::new("tourists walking past an asian food stall")
            .canvas(canvas)
            .into()
    });
    assert_eq!(pair[0].get_pixel(5, 5), pair[1].get_pixel(5, 5));
    for (line, from, to) in [("1", 110, 186), ("2", 187, 250), ("3", 252, 310)] {
        let windows = [rows(from, to); 2];
        agree(
            &format!("caption {line}"),
            &pair,
            windows,
            black,
            [5, 4, 5, 4],
        );
        let white = |pixel: [u8; 3]| pixel.iter().all(|&value| value > 235);
        agree(
            &format!("caption outline {line}"),
            &pair,
            windows,
            white,
            [5, 4, 5, 4],
        );
    }
}

#[test]
fn written_instruction() {
    let ink = [215, 236, 248];
    let pair = beside("text_in_image.png", |picture| {
        // The published face is Comic Sans, which is not free; Comic Neue is drawn after it.
        let style = TextStyle {
            face: Typeface::Comic,
            size: 27.0,
            fill: Colour(ink),
            outline: Colour::BLACK,
            spacing: 3.9,
            line_height: 1.44,
            margin: 8.0,
            foot: 22.0,
            ..TextStyle::instruction()
        };
        let text =
            "Add a great white shark in the foreground, facing the camera, behind some metal bars.";
        TextInImage::new(picture, text).style(style).into()
    });
    for (line, from, to) in [("1", 387, 417), ("2", 426, 455), ("3", 466, 492)] {
        let windows = [rows(from, to); 2];
        agree(
            &format!("edit {line}"),
            &pair,
            windows,
            near(ink),
            [14, 5, 14, 5],
        );
    }
}

#[test]
fn boxed_text() {
    let pair = beside("textbox.png", |picture| {
        let region = Region::pixels(187.0, 180.0, 242.0, 274.0);
        TextBox::new(picture, region, "put a blue jay").into()
    });
    let red = |[r, g, b]: [u8; 3]| r > 230 && g < 25 && b < 25;
    agree("box", &pair, [rows(0, SIDE); 2], red, [0; 4]);
    // Three pixels of pure red on every edge.
    for picture in &pair {
        for x in 186..189 {
            assert_eq!(picture.get_pixel(x, 300).0, [255, 0, 0]);
        }
        for y in 452..455 {
            assert_eq!(picture.get_pixel(300, y).0, [255, 0, 0]);
        }
        assert_ne!(picture.get_pixel(189, 300).0, [255, 0, 0]);
    }
    let white = |pixel: [u8; 3]| pixel.iter().all(|&value| value > 235);
    let dark = |pixel: [u8; 3]| pixel.iter().all(|&value| value < 20);
    let windows = [[200, 140, 420, 179]; 2];
    agree("label", &pair, windows, white, [4; 4]);
    agree("label outline", &pair, windows, dark, [4; 4]);
}

#[test]
fn marker() {
    let pair = beside("visual_marker.png", |picture| {
        let text = "Remove the object pointed to by the arrow in the foreground.";
        let arrow = Mark::arrow(Point::pixels(507.5, 321.5), Point::pixels(258.0, 253.0));
        VisualMarker::new(picture, text).mark(arrow).into()
    });
    let orange = near([255, 108, 72]);
    agree("marker arrow", &pair, [rows(240, 330); 2], &orange, [2; 4]);
    // The head, up to where the shaft begins, and the shaft.
    agree(
        "arrow head",
        &pair,
        [[250, 240, 276, 290]; 2],
        &orange,
        [2; 4],
    );
    for x in [300, 350, 400, 450] {
        agree(
            "shaft",
            &pair,
            [[x, 240, x + 1, 330]; 2],
            &orange,
            [1, 2, 1, 2],
        );
    }
    // The published block is centred at 271, ours in the middle.
    for (line, from, to) in [("1", 405, 438), ("2", 440, 470)] {
        let windows = [[60, from, 480, to], [40, from, 480, to]];
        agree(
            &format!("marker text {line}"),
            &pair,
            windows,
            black,
            [17, 3, 17, 3],
        );
        let [theirs, ours] = [0, 1].map(|i| extent(&pair[i], windows[i], black));
        let widths = [theirs[2] - theirs[0], ours[2] - ours[0]];
        assert!(widths[0].abs_diff(widths[1]) <= 5, "{widths:?}");
    }
}

#[test]
fn doodle() {
    let pair = beside("doodles.png", |picture| {
        let smile = [
            (68.0, 202.0),
            (95.0, 248.0),
            (150.0, 275.0),
            (210.0, 284.0),
            (270.0, 274.0),
            (312.0, 240.0),
            (332.0, 188.0),
            (372.0, 205.0),
            (386.0, 260.0),
            (340.0, 315.0),
            (280.0, 342.0),
            (200.0, 348.0),
            (110.0, 336.0),
            (50.0, 302.0),
            (26.0, 262.0),
            (34.0, 222.0),
        ];
        let cloud = [
            (-5.0, 22.0),
            (18.0, 13.0),
            (38.0, 20.0),
            (44.0, 34.0),
            (62.0, 27.0),
            (74.0, 36.0),
            (92.0, 42.0),
            (96.0, 58.0),
            (90.0, 66.0),
            (100.0, 82.0),
            (76.0, 93.0),
            (58.0, 92.0),
            (36.0, 84.0),
            (16.0, 98.0),
            (-5.0, 92.0),
        ];
        let points = |list: &[(f64, f64)]| -> Vec<Point> {
            list.iter().map(|&(x, y)| Point::pixels(x, y)).collect()
        };
        Doodle::new(picture)
            .stroke(Stroke::new(points(&smile)).smooth().closed())
            .stroke(Stroke::new(points(&cloud)).smooth())
            .into()
    });
    for (line, window) in [("1", [45, 450, 470, 474]), ("2", [150, 477, 400, 502])] {
        agree(
            &format!("doodle text {line}"),
            &pair,
            [window; 2],
            black,
            [4; 4],
        );
    }
    // Across the upper line: four dark and three light lines within ten pixels.
    for picture in &pair {
        let light: Vec<u8> = (272..302).map(|y| picture.get_pixel(210, y).0[1]).collect();
        let peaks = light
            .windows(3)
            .filter(|w| w[1] > 200 && w[1] >= w[0] && w[1] > w[2])
            .count();
        assert_eq!(peaks, 3, "{light:?}");
    }
}

#[test]
fn force() {
    let pair = beside("force.png", |picture| {
        Force::new(picture)
            .push(Point::pixels(94.0, 209.0), Point::pixels(200.5, 194.5))
            .into()
    });
    let turquoise =
        |[r, g, b]: [u8; 3]| r.abs_diff(70) < 20 && g.abs_diff(231) < 20 && b.abs_diff(224) < 20;
    agree(
        "force arrow",
        &pair,
        [[86, 180, 210, 225]; 2],
        turquoise,
        [2; 4],
    );
    agree(
        "force head",
        &pair,
        [[180, 180, 210, 225]; 2],
        turquoise,
        [2; 4],
    );
    for x in [100, 120, 150, 170] {
        agree(
            "force shaft",
            &pair,
            [[x, 180, x + 1, 225]; 2],
            turquoise,
            [0, 1, 0, 1],
        );
    }
    for (line, window) in [("2", [150, 447, 490, 470]), ("3", [218, 475, 330, 501])] {
        let dark = |pixel: [u8; 3]| pixel.iter().all(|&value| value < 45);
        agree(
            &format!("force text {line}"),
            &pair,
            [window; 2],
            dark,
            [4; 4],
        );
    }
}

#[test]
fn trajectory() {
    let pair = beside("trajectory.jpg", |picture| {
        let track = |from: (f64, f64), to: (f64, f64)| {
            Track::straight([from, to].map(|(x, y)| Point::pixels(x, y)))
        };
        Trajectory::new(picture)
            .path(track((47.0, 252.0), (0.0, 408.0)))
            .path(track((128.0, 16.0), (178.0, 0.0)))
            .into()
    });
    let green = |[r, g, b]: [u8; 3]| g > 120 && r < 90 && b < 130;
    for y in [270, 300, 350] {
        agree("track", &pair, [[0, y, 100, y + 1]; 2], green, [2, 0, 2, 0]);
    }
    // The published text is grey from JPEG.
    let dark = |pixel: [u8; 3]| pixel.iter().all(|&value| value < 90);
    for (line, window) in [("1", [20, 448, 500, 474]), ("2", [100, 476, 420, 502])] {
        agree(
            &format!("trajectory text {line}"),
            &pair,
            [window; 2],
            dark,
            [4; 4],
        );
    }
}
