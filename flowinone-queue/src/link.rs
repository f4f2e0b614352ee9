//! The connection to Redis: opened again when it breaks, with growing pauses, until patience ends.

use std::time::{Duration, Instant};

use redis::{Client, Connection, ErrorKind, RedisError, RedisResult, ServerErrorKind};

use crate::Error;

/// The first pause before another attempt, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];
/// How long the connection may take to open, and an answer to come.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(20);

/// A connection that comes back.
pub(crate) struct Link {
    client: Client,
    address: String,
    connection: Option<Connection>,
    patience: Duration,
    /// How often it was lost.
    pub(crate) losses: u64,
}

impl Link {
    /// A link to `url`, `redis://[user:password@]host[:port][/db]` or `unix://path`; nothing is
    /// opened yet. Each call waits for Redis up to `patience`.
    ///
    /// # Errors
    /// An address that is none, or one with TLS.
    pub(crate) fn new(url: &str, patience: Duration) -> Result<Self, Error> {
        let address = without_password(url);
        if url.starts_with("rediss:") || url.starts_with("valkeys:") {
            return Err(Error::Address(format!(
                "{address} asks for TLS, which this program does not speak to Redis; give a redis:// address of a TLS tunnel (stunnel, or your cloud's proxy)"
            )));
        }
        let client = Client::open(url).map_err(|error| {
            Error::Address(format!(
                "{address} is no address of Redis ({}); write redis://HOST:PORT, redis://:PASSWORD@HOST:PORT/DB or unix:///PATH",
                error.category()
            ))
        })?;
        Ok(Self {
            client,
            address,
            connection: None,
            patience,
            losses: 0,
        })
    }

    /// Where Redis is, without its password.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The answer to a command, asked again over a new connection if the old one broke. Commands
    /// that are given here may run twice.
    ///
    /// # Errors
    /// What Redis refuses, and that it cannot be reached within the patience.
    pub(crate) fn call<T>(
        &mut self,
        command: impl FnMut(&mut Connection) -> RedisResult<T>,
    ) -> Result<T, Error> {
        self.call_within(self.patience, command)
    }

    /// As [`call`](Self::call), with another patience.
    pub(crate) fn call_within<T>(
        &mut self,
        patience: Duration,
        mut command: impl FnMut(&mut Connection) -> RedisResult<T>,
    ) -> Result<T, Error> {
        let begin = Instant::now();
        let mut pause = PAUSES[0];
        loop {
            let error = match self.attempt(&mut command) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let spent = begin.elapsed();
            if !passes(&error) {
                return Err(self.refused(&error));
            }
            if self.connection.take().is_some() {
                self.losses += 1;
            }
            if spent + pause > patience {
                return Err(Error::Away {
                    address: self.address.clone(),
                    seconds: spent.as_secs(),
                    reason: said(&error),
                });
            }
            std::thread::sleep(pause);
            pause = (2 * pause).min(PAUSES[1]);
        }
    }

    fn attempt<T>(
        &mut self,
        command: &mut impl FnMut(&mut Connection) -> RedisResult<T>,
    ) -> RedisResult<T> {
        if self.connection.is_none() {
            let connection = self.client.get_connection_with_timeout(CONNECT)?;
            connection.set_read_timeout(Some(ANSWER))?;
            connection.set_write_timeout(Some(ANSWER))?;
            self.connection = Some(connection);
        }
        command(self.connection.as_mut().expect("it was opened"))
    }

    fn refused(&self, error: &RedisError) -> Error {
        let said = said(error);
        let reason = match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => format!(
                "Redis does not take the user or password ({said}); write them as redis://USER:PASSWORD@HOST"
            ),
            (_, Some("NOAUTH")) => {
                format!("Redis wants a password ({said}); write it as redis://:PASSWORD@HOST")
            }
            (ErrorKind::Server(ServerErrorKind::NoPerm), _) | (_, Some("NOPERM")) => {
                format!("the user has no right to do this in Redis: {said}")
            }
            (_, Some("MOVED" | "CROSSSLOT" | "ASK")) => format!(
                "it is a cluster ({said}), and a queue lives in one Redis; give the address of one that is none"
            ),
            (_, Some("WRONGTYPE")) => format!(
                "Redis has something else under the names of this queue ({said}); choose another --name"
            ),
            _ => said,
        };
        Error::Refused {
            address: self.address.clone(),
            reason,
        }
    }
}

/// Whether an error is one that passes: Redis is away, starts, or changes its master.
fn passes(error: &RedisError) -> bool {
    let kind = matches!(
        error.kind(),
        ErrorKind::Io
            | ErrorKind::Parse
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ReadOnly
            )
    );
    kind || error.is_io_error() || error.is_connection_dropped() || error.code() == Some("OOM")
}

/// What an error says, in one line.
fn said(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}

/// An address with dots in the place of its password.
pub(crate) fn without_password(url: &str) -> String {
    // What follows a question mark may be a password too: unix:///PATH?pass=PASSWORD.
    let url = url.split_once('?').map_or(url, |(url, _)| url);
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_string();
    };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            format!("{scheme}://{user}:...@{host}")
        }
        None => url.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_holds_a_password() {
        let away = Link::new("redis://me:se@cret@127.0.0.1:1/3", Duration::ZERO);
        let mut away = away.unwrap();
        let error = away
            .call(|c| redis::cmd("PING").query::<()>(c))
            .unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("cret"), "{text}");
        assert!(text.contains("redis://me:...@127.0.0.1:1/3"), "{text}");
        assert!(matches!(error, Error::Away { .. }), "{text}");
    }

    #[test]
    fn addresses_that_cannot_be_are_refused_with_what_to_write() {
        for (url, reason) in [
            ("rediss://host:6380", "TLS"),
            ("http://host", "redis://HOST:PORT"),
            ("host:6379", "redis://HOST:PORT"),
            ("", "redis://HOST:PORT"),
        ] {
            let Err(error) = Link::new(url, Duration::ZERO) else {
                panic!("{url}");
            };
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
