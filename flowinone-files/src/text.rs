//! Text as people's programs save it: UTF-8 with a byte order mark or without, or UTF-16 with one,
//! as Notepad and PowerShell write.

/// The text of a file, without its byte order mark.
///
/// # Errors
/// A sentence that says what it is instead.
pub fn text_of(bytes: Vec<u8>) -> Result<String, String> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        if !odd.is_empty() {
            return Err("it is UTF-16 with an odd number of bytes; save it as UTF-8".to_string());
        }
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16(&units).map_err(|_| "it is damaged UTF-16; save it as UTF-8".into())
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest.to_vec()),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        match crate::recognised(error.as_bytes()) {
            Some(what) => format!("it is {what}"),
            None => format!("it is no text: byte {at} is not UTF-8; save it as UTF-8"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_comes_out_however_it_was_saved() {
        let text = "{\"name\": \"grüße 猫 🦀\"}\r\n";
        let units = |big: bool| {
            let pair = |unit: u16| {
                if big {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            };
            let all: Vec<u8> = "\u{feff}"
                .encode_utf16()
                .chain(text.encode_utf16())
                .flat_map(pair)
                .collect();
            all
        };
        let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        for bytes in [text.into(), marked, units(false), units(true)] {
            assert_eq!(text_of(bytes), Ok(text.into()));
        }
        assert!(text_of(vec![0xff, 0xfe, 1]).unwrap_err().contains("UTF-8"));
        assert!(text_of(vec![b'a', 0xff]).unwrap_err().contains("byte 1"));
        let picture = b"\x89PNG\r\n\x1a\n".to_vec();
        assert!(text_of(picture).unwrap_err().contains("PNG"));
    }
}
