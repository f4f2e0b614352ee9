//! What a file is by its first bytes, where it is not what was asked for: an error that says so
//! saves a long search.

/// What `bytes`, the beginning of a file, are of the things that usually lie where a checkpoint or
/// a picture was meant, and what to do about it; `None` if they are none of these.
pub fn recognised(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = text.trim_ascii_start();
    let lower: Vec<u8> = text.iter().take(64).map(u8::to_ascii_lowercase).collect();
    let begins = |start: &[u8]| bytes.starts_with(start);
    Some(match () {
        () if begins(b"version https://git-lfs") => {
            "a Git LFS pointer, not the file itself: run `git lfs pull`, or download it from its page"
        }
        () if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") => {
            "a web page: the download got a page instead of the file, often one that asks to log in"
        }
        () if lower.starts_with(b"<svg") => "an SVG drawing",
        () if lower.starts_with(b"<?xml") => {
            "an XML document, often what a server says instead of sending a file"
        }
        () if begins(b"GGUF") => {
            "GGUF, whose quantised weights are not read: take the safetensors or PyTorch file"
        }
        () if begins(b"\x1f\x8b") => "compressed by gzip: unpack it first (`gunzip`)",
        () if begins(b"\xfd7zXZ\0") => "compressed by xz: unpack it first (`unxz`)",
        () if begins(b"\x28\xb5\x2f\xfd") => "compressed by Zstandard: unpack it first (`unzstd`)",
        () if begins(b"BZh") => "compressed by bzip2: unpack it first (`bunzip2`)",
        () if begins(b"7z\xbc\xaf\x27\x1c") => "a 7z archive: unpack it first",
        () if begins(b"\x89PNG\r\n\x1a\n") => "a PNG picture",
        () if begins(b"\xff\xd8\xff") => "a JPEG picture",
        () if begins(b"GIF8") => "a GIF picture",
        () if begins(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") => "a WebP picture",
        () if begins(b"II*\0") || begins(b"MM\0*") => "a TIFF picture",
        () if bytes.get(4..8) == Some(b"ftyp") => match bytes.get(8..12) {
            Some(b"avif" | b"avis") => "an AVIF picture, which is not read: save it as PNG",
            Some(b"heic" | b"heix" | b"mif1" | b"msf1" | b"hevc") => {
                "a HEIC photo, which is not read: save it as JPEG or PNG"
            }
            _ => "a video",
        },
        () if begins(b"\xff\x0a") || begins(b"\0\0\0\x0cJXL ") => {
            "a JPEG XL picture, which is not read: save it as PNG"
        }
        () if begins(b"%PDF") => "a PDF document",
        () if begins(b"8BPS") => "a Photoshop document: save it as PNG",
        () if begins(b"PAR1") => {
            "a Parquet table: `generate` and `judge` read its pairs where the program was built with `--features parquet`"
        }
        () if begins(b"\x89HDF\r\n\x1a\n") => "HDF5, as older Keras writes: save it as safetensors",
        () if begins(b"\x00\x05\x16\x07") => {
            "a companion that macOS writes beside a file on a foreign disk, without its content"
        }
        () if begins(b"\xff\xfe") || begins(b"\xfe\xff") => "UTF-16 text: save it as UTF-8",
        () => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_where_weights_were_meant_is_told() {
        for (bytes, word) in [
            (
                &b"version https://git-lfs.github.com/spec/v1\noid"[..],
                "git lfs pull",
            ),
            (b"\xef\xbb\xbf\r\n<!DOCTYPE HTML><html>", "web page"),
            (b"<html><head>", "web page"),
            (b"GGUF\x03\0\0\0", "GGUF"),
            (b"\x1f\x8b\x08\0", "gunzip"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG"),
            (b"\0\0\0\x1cftypavif", "AVIF"),
            (b"\0\x05\x16\x07\0\x02\0\0Mac OS X", "macOS"),
        ] {
            let told = recognised(bytes).unwrap();
            assert!(told.contains(word), "{told}");
        }
        for bytes in [
            &b""[..],
            b"\x80\x02",
            b"PK\x03\x04",
            b"{\"a\": 1}",
            b"hello",
        ] {
            assert_eq!(recognised(bytes), None);
        }
    }
}
