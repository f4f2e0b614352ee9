//! Addresses: what a redirection means, and whose server it leads to.

/// Scheme and host of an address with its port, in lower case: `https://huggingface.co:443`.
///
/// # Errors
/// A sentence that says why it is no address.
pub(crate) fn origin(address: &str) -> Result<String, String> {
    let bad = || format!("{:?} is no address of a web server", shown(address));
    let (scheme, rest) = address.split_once("://").ok_or_else(bad)?;
    let port = match &*scheme.to_ascii_lowercase() {
        "http" => 80,
        "https" => 443,
        _ => return Err(format!("{} is neither http nor https", shown(address))),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("an address that carries a name or password is not used".into());
    }
    let host = authority.to_ascii_lowercase();
    let (name, given) = match host.rsplit_once(':') {
        Some((name, digits)) if !digits.ends_with(']') => (name, Some(digits)),
        _ => (&*host, None),
    };
    let port = match given {
        Some(digits) => digits.parse::<u16>().map_err(|_| bad())?,
        None => port,
    };
    let bare = name.trim_matches(['[', ']']);
    if bare.is_empty() || bare.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(bad());
    }
    Ok(format!("{}://{name}:{port}", scheme.to_ascii_lowercase()))
}

/// Where a redirection from `address` leads.
///
/// # Errors
/// A sentence that says why it is not followed.
pub(crate) fn redirected(address: &str, location: &str) -> Result<String, String> {
    let location = location.trim();
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let next = match location {
        "" => return Err("it redirects to nowhere".into()),
        _ if location.contains("://") => location.to_string(),
        _ if location.starts_with("//") => format!("{scheme}:{location}"),
        _ if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
        _ => {
            let path = rest.split(['?', '#']).next().unwrap_or_default();
            let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
            format!("{scheme}://{folder}/{location}")
        }
    };
    let (before, after) = (origin(address)?, origin(&next)?);
    match before.starts_with("https:") && after.starts_with("http:") {
        true => Err(format!("it redirects from https to {}", shown(&next))),
        false => Ok(next),
    }
}

/// Whether an address is that of this machine, which a proxy does not see.
pub(crate) fn is_local(address: &str) -> bool {
    let Ok(origin) = origin(address) else {
        return false;
    };
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    host.starts_with("localhost:") || host.starts_with("[::1]:") || host.starts_with("127.")
}

/// An address for people: without the query, which may be a signature.
pub(crate) fn shown(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or_default()
}

/// A path in an address: what a name may not hold there is written as `%20`.
pub(crate) fn encoded(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(byte.into());
            }
            _ => text += &format!("%{byte:02X}"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (address, expected) in [
            (
                "https://HuggingFace.co/a/b?x=http://c",
                "https://huggingface.co:443",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("HTTP://[::1]/", "http://[::1]:80"),
            ("http://[::1]:81?a", "http://[::1]:81"),
        ] {
            assert_eq!(origin(address).as_deref(), Ok(expected));
        }
        for bad in [
            "",
            "huggingface.co",
            "ftp://a/b",
            "https:///x",
            "http://a:b/",
            "http://a:99999/",
            "https://me:secret@a/",
            "http://a b/",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
        let told = origin("https://me:secret@a/").unwrap_err();
        assert!(!told.contains("secret"), "{told}");
    }

    #[test]
    fn redirections_are_absolute_or_relative_and_never_less_safe() {
        let from = "https://hub.example/a/resolve/main/w.bin?download=true";
        for (location, expected) in [
            ("https://cdn.example/x?sig=1", "https://cdn.example/x?sig=1"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("/api/cache/w.bin", "https://hub.example/api/cache/w.bin"),
            ("v.bin", "https://hub.example/a/resolve/main/v.bin"),
        ] {
            assert_eq!(redirected(from, location).as_deref(), Ok(expected));
        }
        for bad in [
            "",
            "http://cdn.example/x",
            "ftp://a/x",
            "file:///etc/passwd",
        ] {
            assert!(redirected(from, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_encoded_and_signatures_not_shown() {
        assert_eq!(encoded("a b/c+d.bin"), "a%20b/c%2Bd.bin");
        assert_eq!(shown("https://a/b?X-Sig=1"), "https://a/b");
        assert!(is_local("http://127.0.0.1:1/x") && is_local("http://localhost/"));
        assert!(!is_local("https://localhost.example/") && !is_local("what"));
    }
}
