//! Pictures as planes of float32: `[channels, height, width]`, values in [0, 1].

use crate::Error;

/// Numbers of a picture, channel by channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Planes {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `[channels, height, width]`.
    pub values: Vec<f32>,
}

impl Planes {
    /// Zeros.
    pub fn zeros(channels: usize, height: usize, width: usize) -> Self {
        Self {
            channels,
            height,
            width,
            values: vec![0.0; channels * height * width],
        }
    }

    /// Of bytes `[height, width, channels]`: `x / 255`.
    pub fn of_bytes(bytes: &[u8], channels: usize, height: usize, width: usize) -> Self {
        let mut planes = Self::zeros(channels, height, width);
        let size = height * width;
        for (at, pixel) in bytes.chunks_exact(channels).enumerate() {
            for (channel, byte) in pixel.iter().enumerate() {
                planes.values[channel * size + at] = f32::from(*byte) / 255.0;
            }
        }
        planes
    }

    /// As bytes `[height, width, channels]`: clamped, times 255, halves to the even side.
    ///
    /// # Errors
    /// [`Error::NotFinite`] rather than black pixels.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let size = self.height * self.width;
        let mut bytes = vec![0; self.values.len()];
        for (at, pixel) in bytes.chunks_exact_mut(self.channels).enumerate() {
            for (channel, byte) in pixel.iter_mut().enumerate() {
                let value = self.values[channel * size + at].clamp(0.0, 1.0);
                *byte = (255.0 * value).round_ties_even() as u8;
            }
        }
        Ok(bytes)
    }

    /// Refuses values that are not finite.
    ///
    /// # Errors
    /// [`Error::NotFinite`] with their number.
    pub fn check(&self) -> Result<(), Error> {
        let count = self.values.iter().filter(|x| !x.is_finite()).count();
        match count {
            0 => Ok(()),
            count => Err(Error::NotFinite(count)),
        }
    }

    /// One channel.
    pub fn plane(&self, channel: usize) -> &[f32] {
        let size = self.height * self.width;
        &self.values[channel * size..][..size]
    }

    /// One channel, to be changed.
    pub fn plane_mut(&mut self, channel: usize) -> &mut [f32] {
        let size = self.height * self.width;
        &mut self.values[channel * size..][..size]
    }

    /// The rectangle from (`top`, `left`) on, `height` by `width`; `place` tells from a row or
    /// column outside, and the number of these, where its numbers are.
    pub(crate) fn window(
        &self,
        [top, left]: [isize; 2],
        [height, width]: [usize; 2],
        place: impl Fn(isize, usize) -> usize,
    ) -> Self {
        let mut window = Self::zeros(self.channels, height, width);
        let columns: Vec<usize> = (0..width)
            .map(|x| place(left + x as isize, self.width))
            .collect();
        for channel in 0..self.channels {
            let from = self.plane(channel);
            let to = window.plane_mut(channel);
            for (y, to) in to.chunks_exact_mut(width).enumerate() {
                let row = place(top + y as isize, self.height);
                let from = &from[row * self.width..][..self.width];
                for (to, column) in to.iter_mut().zip(&columns) {
                    *to = from[*column];
                }
            }
        }
        window
    }
}

/// A place beyond an edge mirrored at the pixel on it, or the edge itself where too few pixels are
/// there.
pub(crate) fn reflected(at: isize, count: usize) -> usize {
    let last = count as isize - 1;
    let mirrored = match at {
        at if at < 0 => -at,
        at if at > last => 2 * last - at,
        at => at,
    };
    mirrored.clamp(0, last) as usize
}

/// A place in a picture that repeats.
pub(crate) fn wrapped(at: isize, count: usize) -> usize {
    at.rem_euclid(count as isize) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_halves_go_to_the_even_side() {
        let bytes: Vec<u8> = (0..24).map(|n| (n * 11) as u8).collect();
        let planes = Planes::of_bytes(&bytes, 3, 2, 4);
        assert_eq!(planes.to_bytes().unwrap(), bytes);
        let mut odd = Planes::zeros(1, 1, 3);
        odd.values = vec![0.5 / 255.0, 1.5 / 255.0, 2.0];
        assert_eq!(odd.to_bytes().unwrap(), [0, 2, 255]);
        odd.values[1] = f32::NAN;
        assert!(matches!(odd.to_bytes(), Err(Error::NotFinite(1))));
    }

    #[test]
    fn edges_are_mirrored_or_wrapped() {
        let mirrored: Vec<usize> = (-2..6).map(|at| reflected(at, 4)).collect();
        assert_eq!(mirrored, [2, 1, 0, 1, 2, 3, 2, 1]);
        assert_eq!(reflected(3, 1), 0);
        let wrapped: Vec<usize> = (-2..6).map(|at| wrapped(at, 4)).collect();
        assert_eq!(wrapped, [2, 3, 0, 1, 2, 3, 0, 1]);
    }
}
