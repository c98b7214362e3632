//! TLS of one connection after its handshake: plaintext on one side, records on the other, and never a wait. A write
//! takes no more than 64 KiB of plaintext, and nothing while encrypted bytes of an earlier one still wait, so that what
//! waits is bounded. The wire is anything that reads and writes without waiting.

use std::fmt;
use std::io::{BufRead, Error, ErrorKind, IoSlice, Read, Result, Write};

use arrayvec::ArrayVec;
use rustls::Connection;

/// Plaintext that one write takes at most.
const PLAINTEXT_BYTES_MAX: usize = 64 * 1024;

/// Parts that one write looks at.
const PARTS_MAX: usize = 64;

/// Plaintext of one record towards Asterisk: it reads no more of a record, and does not look for the rest until more
/// bytes arrive (`main/iostream.c`; `struct mansession_session`, `inbuf`).
const LINES_RECORD_BYTES_MAX: usize = 1024;

/// Times that the wire is read in a row without any plaintext from it: a full record needs five.
const READS_MAX: usize = 16;

/// How what is written is cut into records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// As large as they may be.
    Large,
    /// Each holds whole lines, as many as fit in 1,024 bytes: for Asterisk, which stalls on what is behind them.
    Lines,
}

/// The state of TLS on one connection.
pub(super) struct Tls {
    connection: Connection,
    records: Records,
    /// The peer broke the rules of TLS.
    failed: Option<rustls::Error>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tls")
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Takes over after the handshake.
    pub(super) fn new(mut connection: Connection, records: Records) -> Self {
        // Ours is stricter: nothing is taken while anything waits.
        connection.set_buffer_limit(None);
        Self {
            connection,
            records,
            failed: None,
        }
    }

    /// Whether a read would bring something, if only the end, without looking at the wire.
    pub(super) fn has_input(&mut self) -> bool {
        match self.connection.reader().fill_buf() {
            Ok(_) => true,
            Err(error) => error.kind() != ErrorKind::WouldBlock || self.failed.is_some(),
        }
    }

    /// Hands plaintext to `take`, which says how much of it it took; `Ok(0)` is the end of input, also where the peer
    /// did not announce it.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there yet; anything else: the wire is broken, or the peer breaks the rules.
    pub(super) fn read(
        &mut self,
        wire: &mut (impl Read + Write),
        mut take: impl FnMut(&[u8]) -> usize,
    ) -> Result<usize> {
        let mut total = 0;
        let mut reads = 0;
        loop {
            let mut reader = self.connection.reader();
            match reader.fill_buf() {
                Ok([]) => return Ok(total),
                Ok(plaintext) => {
                    let taken = take(plaintext).min(plaintext.len());
                    let is_full = taken < plaintext.len();
                    reader.consume(taken);
                    total += taken;
                    if is_full {
                        return Ok(total);
                    }
                }
                Err(_) if total > 0 => return Ok(total),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                // Who sends records without content is not read for ever while others wait.
                Err(_) if reads >= READS_MAX => return Err(ErrorKind::WouldBlock.into()),
                Err(_) => {
                    reads += 1;
                    self.receive(wire)?;
                }
            }
        }
    }

    fn receive(&mut self, wire: &mut (impl Read + Write)) -> Result<()> {
        if let Some(failed) = &self.failed {
            return Err(Error::new(ErrorKind::InvalidData, failed.clone()));
        }
        match self.connection.read_tls(wire) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let processed = self.connection.process_new_packets();
        // The alert that says what was wrong, or an answer to a change of keys; what does not go now goes with the next
        // write.
        let _ = self.flush(wire);
        match processed {
            Ok(_) => Ok(()),
            Err(error) => {
                self.failed = Some(error);
                Ok(())
            }
        }
    }

    /// Encrypts what can be taken and sends what goes; how much plaintext was taken.
    ///
    /// # Errors
    /// `WouldBlock` while encrypted bytes of an earlier write wait; anything else: the connection is broken.
    pub(super) fn write(&mut self, wire: &mut impl Write, parts: &[IoSlice<'_>]) -> Result<usize> {
        self.flush(wire)?;
        let taken = match self.records {
            Records::Large => self.encrypt(parts)?,
            Records::Lines => {
                let mut full = parts.iter().filter(|part| !part.is_empty());
                full.next().map_or(Ok(0), |part| self.encrypt_lines(part))?
            }
        };
        match self.flush(wire) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    fn encrypt(&mut self, parts: &[IoSlice<'_>]) -> Result<usize> {
        let mut room = PLAINTEXT_BYTES_MAX;
        let mut taken = ArrayVec::<IoSlice<'_>, PARTS_MAX>::new();
        for part in parts.iter().take(PARTS_MAX) {
            let part = part.get(..room).unwrap_or(part);
            room -= part.len();
            if !part.is_empty() {
                taken.push(IoSlice::new(part));
            }
        }
        if taken.is_empty() {
            return Ok(0);
        }
        let written = self.connection.writer().write_vectored(&taken)?;
        some(written)
    }

    fn encrypt_lines(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut taken = 0;
        while taken < PLAINTEXT_BYTES_MAX {
            let record = next_record(bytes.get(taken..).unwrap_or_default());
            if record.is_empty() {
                break;
            }
            taken += some(self.connection.writer().write(record)?)?;
        }
        Ok(taken)
    }

    /// Sends the encrypted bytes that wait.
    ///
    /// # Errors
    /// `WouldBlock` when not all of them could be sent; anything else: the connection is broken.
    pub(super) fn flush(&mut self, wire: &mut impl Write) -> Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(wire) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Nothing more will be written; the peer is told with the next [`Tls::flush`].
    pub(super) fn finish(&mut self) {
        self.connection.send_close_notify();
    }
}

/// Nothing taken of something means that nothing ever will be.
fn some(written: usize) -> Result<usize> {
    match written {
        0 => Err(ErrorKind::BrokenPipe.into()),
        written => Ok(written),
    }
}

/// What goes into the next record towards Asterisk. A line that is longer than a record is cut: Asterisk drops it
/// whatever it is sent in.
fn next_record(bytes: &[u8]) -> &[u8] {
    let Some((record, _)) = bytes.split_at_checked(LINES_RECORD_BYTES_MAX) else {
        return bytes;
    };
    match memchr::memrchr(b'\n', record) {
        Some(end) => record.get(..=end).unwrap_or(record),
        None => record,
    }
}

#[cfg(test)]
pub(super) mod tests;
