//! How different two colours look: CIE 1976 `L*a*b*` under D65, where the distance `|a - b|` of two
//! colours is about as large as they look different (CIE76).

/// A colour in Lab.
pub type Lab = [f32; 3];

/// An sRGB colour (0 to 255) in Lab.
pub fn lab(rgb: [f32; 3]) -> Lab {
    let [r, g, b] = rgb.map(|v| {
        let v = v / 255.0;
        match v <= 0.04045 {
            true => v / 12.92,
            false => ((v + 0.055) / 1.055).powf(2.4),
        }
    });
    // Over the white of D65.
    let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
    let [x, y, z] = [x, y, z].map(|v| match v > 0.008_856 {
        true => v.cbrt(),
        false => 7.787 * v + 16.0 / 116.0,
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// How different two colours look.
pub fn lab_distance(a: Lab, b: Lab) -> f32 {
    (0..3).map(|c| (a[c] - b[c]).powi(2)).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours_are_where_the_standard_puts_them() {
        for (rgb, expected) in [
            ([255.0, 255.0, 255.0], [100.0, 0.0, 0.0]),
            ([255.0, 0.0, 0.0], [53.24, 80.09, 67.20]),
            ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ] {
            let found = lab(rgb);
            // The matrix is that of the standard, of four decimals.
            assert!(lab_distance(found, expected) < 0.1, "{found:?}");
        }
    }
}
