//! Channels of a picture taken out, put beside each other, and made one: networks have one, three
//! or four of them, whatever the picture has.

use crate::Planes;

/// Some channels of a picture.
pub(crate) fn channels<const N: usize>(planes: &Planes, which: [usize; N]) -> Planes {
    let mut chosen = Planes::zeros(N, planes.height, planes.width);
    for (to, from) in which.into_iter().enumerate() {
        chosen.plane_mut(to).copy_from_slice(planes.plane(from));
    }
    chosen
}

/// Pictures of one channel as channels.
pub(crate) fn joined<'a>(planes: impl Iterator<Item = &'a Planes>) -> Planes {
    let (mut values, mut channels, mut size) = (vec![], 0, [0, 0]);
    for each in planes {
        values.extend_from_slice(&each.values);
        channels += 1;
        size = [each.height, each.width];
    }
    Planes {
        channels,
        height: size[0],
        width: size[1],
        values,
    }
}

/// The mean of three channels.
pub(crate) fn mean(planes: &Planes) -> Planes {
    let mut grey = channels(planes, [0]);
    let (green, blue) = (planes.plane(1), planes.plane(2));
    for ((grey, green), blue) in grey.values.iter_mut().zip(green).zip(blue) {
        *grey = (*grey + green + blue) / 3.0;
    }
    grey
}
