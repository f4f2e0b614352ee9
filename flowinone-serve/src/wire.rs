//! Bytes in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes in base 64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes as an address that holds them.
pub(crate) fn data_url(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", base64(bytes))
}

/// The bytes of an address that holds them; `None` if it is no such address.
pub(crate) fn of_data_url(text: &str) -> Option<Result<Vec<u8>, String>> {
    let rest = text.strip_prefix("data:")?;
    let Some((head, data)) = rest.split_once(',') else {
        return Some(Err("the data URL has no comma".into()));
    };
    if !head.ends_with(";base64") {
        return Some(Err("the data URL is not in base64".into()));
    }
    let bytes = STANDARD.decode(data.trim_end());
    Some(bytes.map_err(|e| format!("the data URL is no base64: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_url_holds_its_bytes() {
        let url = data_url("image/png", b"abc");
        assert_eq!(of_data_url(&url).unwrap().unwrap(), b"abc");
        assert!(of_data_url("/etc/passwd").is_none());
        for bad in ["data:", "data:image/png,abc", "data:;base64,a?"] {
            assert!(of_data_url(bad).unwrap().is_err(), "{bad}");
        }
    }
}
