//! Published models by name: which file to download, and how to know it again.

/// A published model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What people call it.
    pub name: &'static str,
    /// The file, among the releases of `xinntao/Real-ESRGAN`.
    pub file: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// The beginning of its SHA-256.
    pub sha256: &'static str,
    /// What it is for.
    pub about: &'static str,
}

/// The models of Real-ESRGAN, BSD-3-Clause, Copyright (c) 2021 Xintao Wang.
pub const KNOWN: [Known; 5] = [
    Known {
        name: "x4plus",
        file: "RealESRGAN_x4plus.pth",
        bytes: 67_040_989,
        sha256: "4fa0d389",
        about: "photos, 4 times",
    },
    Known {
        name: "x4plus-anime",
        file: "RealESRGAN_x4plus_anime_6B.pth",
        bytes: 17_938_799,
        sha256: "f872d837",
        about: "drawings, 4 times, crisp",
    },
    Known {
        name: "x2plus",
        file: "RealESRGAN_x2plus.pth",
        bytes: 67_061_725,
        sha256: "49fafd45",
        about: "photos, twice",
    },
    Known {
        name: "general-x4v3",
        file: "realesr-general-x4v3.pth",
        bytes: 4_885_111,
        sha256: "8dc7edb9",
        about: "photos, 4 times, small",
    },
    Known {
        name: "animevideov3",
        file: "realesr-animevideov3.pth",
        bytes: 2_504_012,
        sha256: "b8a83768",
        about: "drawings and icons, 4 times, small and clean",
    },
];
