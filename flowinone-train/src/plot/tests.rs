use super::*;

fn metric_log(
    name: &str,
    number: &str,
    values: impl Iterator<Item = f64>,
) -> (String, Vec<LogEntry>) {
    let entry = |(step, value): (usize, f64)| LogEntry {
        step: step as u64 + 1,
        numbers: [(number.to_string(), value)].into(),
    };
    (name.into(), values.enumerate().map(entry).collect())
}

fn falling() -> impl Iterator<Item = f64> {
    (0..200).map(|k| (-f64::from(k) / 60.0).exp() + 0.05 * f64::from(k % 7))
}

/// Pixels of a picture that have a colour.
fn coloured(plot: &Plot, at: usize) -> usize {
    let RGBColor(r, g, b) = colour(at);
    let picture = plot.picture();
    picture
        .pixels()
        .filter(|pixel| pixel.0 == [r, g, b])
        .count()
}

#[test]
fn every_journal_has_its_curve_in_every_panel() {
    let journals = [
        metric_log("first", "loss", falling()),
        metric_log("second", "loss", falling().map(|loss| loss + 1.0)),
        metric_log("other", "psnr", falling().map(|loss| 30.0 - loss)),
    ];
    let numbers = ["loss".to_string(), "psnr".to_string()];
    let plot = Plot::new(&journals, &numbers).unwrap();
    let height = 2 * PANEL + 3 * LINE + LINE / 2;
    assert_eq!(plot.picture().dimensions(), (WIDTH, height));
    for at in 0..3 {
        assert!(coloured(&plot, at) > 800, "curve {at}");
    }
    let svg = plot.svg();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for text in ["first", "second", "other", "loss", "psnr", "steps"] {
        assert!(svg.contains(&format!("\n{text}\n")), "{text}");
    }
}

#[test]
fn a_number_that_nobody_has_is_named_with_those_that_there_are() {
    let journals = [metric_log("run", "loss", falling())];
    let message = Plot::new(&journals, &["fine".into()])
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("\"fine\"") && message.contains("loss"),
        "{message}"
    );
    assert!(Plot::new(&journals, &[]).is_err());
}

#[test]
fn the_mean_of_neighbours_is_smooth_and_does_not_lag() {
    let line: Vec<(f64, f64)> = (0..9).map(|k| (f64::from(k), f64::from(k))).collect();
    assert_eq!(smoothed(&line, 1), line);
    assert_eq!(
        smoothed(&line, 5)[2..7],
        line[2..7],
        "a straight line stays"
    );
    let jagged: Vec<(f64, f64)> = (0..8).map(|k| (f64::from(k), f64::from(k % 2))).collect();
    assert!(
        smoothed(&jagged, 4)[2..5]
            .iter()
            .all(|(_, value)| *value == 0.5)
    );
    let journals = [metric_log("run", "loss", falling())];
    let plot = Plot::new(&journals, &["loss".into()]).unwrap();
    assert_ne!(plot.clone().smooth(9).picture(), plot.picture());
}

#[test]
fn any_journal_can_be_drawn() {
    let odd: [Vec<f64>; 5] = [
        vec![0.5],
        vec![1.0; 30],
        vec![f64::NAN, 1.0, f64::INFINITY, 2.0],
        vec![-1.0, 0.0],
        (0..30_000).map(f64::from).collect(),
    ];
    for values in odd {
        let journals = [metric_log("run", "loss", values.into_iter())];
        let plot = Plot::new(&journals, &["loss".into()]).unwrap();
        for plot in [plot.clone(), plot.clone().logarithmic().smooth(100)] {
            assert!(plot.svg().len() < 400_000);
            assert_eq!(plot.picture().width(), WIDTH);
        }
    }
}

#[test]
fn curves_of_one_number_over_another_are_drawn() {
    let curve = |height: f64| (0..50).map(move |k| (f64::from(k), height / f64::from(k + 1)));
    let curves = vec![
        ("euler".to_string(), curve(1.0).collect()),
        ("ab2".to_string(), curve(0.3).collect()),
    ];
    let plot = Plot::curves("error", "evaluations", curves).logarithmic();
    for at in 0..2 {
        assert!(coloured(&plot, at) > 400, "curve {at}");
    }
    for text in ["euler", "ab2", "error", "evaluations"] {
        assert!(plot.svg().contains(&format!("\n{text}\n")), "{text}");
    }
}
