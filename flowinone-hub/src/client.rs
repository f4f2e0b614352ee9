//! One request and its redirections, which are followed here: what the Hub says of a file stands in
//! the answer that redirects, and the token must not go on to another host.

use std::io::Read;

use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

use crate::address::{is_local, origin, redirected};
use crate::refusal::{Fault, Refusal};
use crate::reply::{Facts, header};
use crate::{Environment, Patience, Token};

/// Most redirections of one request.
const MOST_REDIRECTIONS: usize = 8;
/// Most bytes of a refusal that are read.
const MOST_WORDS: u64 = 4096;

/// Sends requests, with the token to the endpoint alone.
pub(crate) struct Client {
    /// For this machine, which a proxy does not see.
    direct: Agent,
    proxied: Agent,
    origin: String,
    token: Option<Token>,
}

/// An answer with a body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) facts: Facts,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

#[derive(Clone, Copy, PartialEq)]
enum Method {
    Get,
    Head,
}

impl Client {
    pub(crate) fn new(environment: &Environment, patience: &Patience) -> Self {
        let config = || {
            Agent::config_builder()
                .user_agent(concat!("flowinone/", env!("CARGO_PKG_VERSION")))
                .accept_encoding("identity")
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .timeout_connect(Some(patience.silence))
                .timeout_recv_response(Some(patience.silence))
                .timeout_per_read(Some(patience.silence))
                .timeout_per_write(Some(patience.silence))
        };
        Self {
            direct: config().proxy(None).build().new_agent(),
            proxied: config().build().new_agent(),
            origin: origin(&environment.endpoint).unwrap_or_default(),
            token: environment.token.clone(),
        }
    }

    /// Asks for a file, from a byte on.
    pub(crate) fn get(&self, address: &str, from: u64) -> Result<Reply, Fault> {
        let (facts, response) = self.follow(Method::Get, address, from)?;
        let Some(response) = response else {
            return Err(Fault::passing("it redirects without end"));
        };
        let (parts, body) = response.into_parts();
        if let Some(encoding) = header(&parts.headers, "content-encoding")
            && !encoding.trim().eq_ignore_ascii_case("identity")
        {
            let reason = format!(
                "it sends the file encoded as {encoding}, which was not asked for: a proxy in between may do so"
            );
            return Err(Fault::last(address, reason));
        }
        Ok(Reply {
            status: parts.status.as_u16(),
            facts,
            headers: parts.headers,
            body,
        })
    }

    /// Asks what a file is.
    pub(crate) fn head(&self, address: &str) -> Result<Facts, Fault> {
        self.follow(Method::Head, address, 0)
            .map(|(facts, _)| facts)
    }

    fn follow(
        &self,
        method: Method,
        address: &str,
        from: u64,
    ) -> Result<(Facts, Option<Response<Body>>), Fault> {
        let mut facts = Facts::default();
        let mut at = address.to_string();
        for _ in 0..=MOST_REDIRECTIONS {
            let host = origin(&at).map_err(|reason| Fault::last(address, reason))?;
            let by_hub = host == self.origin;
            let agent = match is_local(&at) {
                true => &self.direct,
                false => &self.proxied,
            };
            let mut request = match method {
                Method::Get => agent.get(&at),
                Method::Head => agent.head(&at),
            };
            let token = self.token.as_ref().filter(|_| by_hub);
            if let Some(token) = token {
                request = request.header("Authorization", token.header());
            }
            if from > 0 {
                request = request.header("Range", format!("bytes={from}-"));
            }
            let response = request
                .call()
                .map_err(|error| self.unsent(address, &error))?;
            if by_hub {
                facts.add(response.headers());
            }
            match response.status().as_u16() {
                200 | 206 => return Ok((facts, Some(response))),
                301 | 302 | 303 | 307 | 308 => {
                    let location = header(response.headers(), "location").unwrap_or_default();
                    at =
                        redirected(&at, location).map_err(|reason| Fault::last(address, reason))?;
                    let elsewhere = origin(&at).is_ok_and(|host| host != self.origin);
                    if method == Method::Head && by_hub && elsewhere {
                        return Ok((facts, None));
                    }
                }
                status => return Err(self.refused(address, status, response, by_hub)),
            }
        }
        Err(Fault::last(
            address,
            format!("it redirects more than {MOST_REDIRECTIONS} times"),
        ))
    }

    fn refused(&self, address: &str, status: u16, reply: Response<Body>, by_hub: bool) -> Fault {
        let (parts, mut body) = reply.into_parts();
        let mut bytes = vec![];
        let read = body.as_reader().take(MOST_WORDS).read_to_end(&mut bytes);
        let said = read.map_or(String::new(), |_| {
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let refusal = Refusal {
            address,
            status,
            headers: &parts.headers,
            body: &self.hidden(&said),
            by_hub,
            with_token: by_hub && self.token.is_some(),
        };
        refusal.fault()
    }

    /// A request that brought no answer.
    fn unsent(&self, address: &str, error: &ureq::Error) -> Fault {
        use ureq::Error;
        let reason = self.hidden(&error.to_string());
        match error {
            Error::BadUri(_) | Error::Http(_) | Error::Tls(_) | Error::TlsRequired => {
                Fault::last(address, reason)
            }
            Error::InvalidProxyUrl => {
                Fault::last(address, format!("{reason}: see HTTPS_PROXY and ALL_PROXY"))
            }
            Error::HostNotFound => Fault::passing(format!(
                "{reason}: is there a network? HF_ENDPOINT names a mirror, HTTPS_PROXY a proxy"
            )),
            _ => Fault::passing(reason),
        }
    }

    fn hidden(&self, text: &str) -> String {
        match &self.token {
            Some(token) => token.hidden(text),
            None => text.into(),
        }
    }
}
