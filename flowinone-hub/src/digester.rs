//! SHA-256 of bytes as they come, on a thread of its own: the next ones arrive meanwhile.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use flowinone_files::hexadecimal;
use sha2::{Digest, Sha256};

/// Pieces under way to the thread.
const UNDER_WAY: usize = 8;

/// Digests pieces in their order.
pub(crate) struct Digester {
    pieces: SyncSender<Piece>,
    /// Buffers that are free again.
    free: Receiver<Vec<u8>>,
    thread: JoinHandle<Sha256>,
}

/// A buffer, and how much of it counts.
struct Piece {
    buffer: Vec<u8>,
    length: usize,
}

impl Digester {
    pub(crate) fn start() -> Self {
        let (pieces, to_digest) = sync_channel(UNDER_WAY);
        let (give_back, free) = channel();
        Self {
            pieces,
            free,
            thread: std::thread::spawn(move || digest(&to_digest, &give_back)),
        }
    }

    /// A buffer of `size` bytes whose content does not matter.
    pub(crate) fn buffer(&self, size: usize) -> Vec<u8> {
        let mut buffer = self.free.try_recv().unwrap_or_default();
        buffer.resize(size, 0);
        buffer
    }

    /// Adds the first `length` bytes of a buffer.
    pub(crate) fn add(&self, buffer: Vec<u8>, length: usize) {
        let piece = Piece { buffer, length };
        // The thread lives until the last piece has come.
        self.pieces
            .send(piece)
            .expect("the thread waits for pieces");
    }

    /// The digest of all, lower-case hexadecimal.
    pub(crate) fn finish(self) -> String {
        drop(self.pieces);
        match self.thread.join() {
            Ok(digest) => hexadecimal(&digest.finalize()),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn digest(pieces: &Receiver<Piece>, give_back: &Sender<Vec<u8>>) -> Sha256 {
    let mut digest = Sha256::new();
    for Piece { buffer, length } in pieces {
        digest.update(&buffer[..length]);
        let _ = give_back.send(buffer); // no one may be waiting any more
    }
    digest
}

#[cfg(test)]
mod tests {
    use flowinone_files::sha256_of;

    use super::*;

    #[test]
    fn pieces_are_digested_in_their_order() {
        let digester = Digester::start();
        let mut all = vec![];
        for number in 0..100u8 {
            let mut buffer = digester.buffer(1000);
            let length = usize::from(number) * 10;
            buffer[..length].fill(number);
            all.extend(&buffer[..length]);
            digester.add(buffer, length);
        }
        assert_eq!(digester.finish(), sha256_of(&all));
        assert_eq!(Digester::start().finish(), sha256_of(b""));
    }
}
