//! A connection that can be told to cut its next answer in half, or to send it twice.
//!
//! The service sets the [`Fault`] before it gives the answer to hyper, which writes head and body and then
//! flushes. A connection serves one request after another, so a fault meets the answer that it was set for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What happens to the next answer; shared between the service and the stream.
#[derive(Clone, Default)]
pub(super) struct Fault(Arc<AtomicU8>);

const NONE: u8 = 0;
const CUT: u8 = 1;
const TWICE: u8 = 2;

pub(super) struct Faulty {
    stream: TcpStream,
    fault: Fault,
    /// What was written of the answer that is to be sent twice.
    written: Vec<u8>,
    /// What of it is to be sent once more.
    again: Vec<u8>,
    is_cut: bool,
}

impl Fault {
    pub fn cut(&self) {
        self.0.store(CUT, Ordering::Relaxed);
    }

    pub fn twice(&self) {
        self.0.store(TWICE, Ordering::Relaxed);
    }
}

impl Faulty {
    pub fn new(stream: TcpStream, fault: Fault) -> Self {
        Self { stream, fault, written: Vec::new(), again: Vec::new(), is_cut: false }
    }
}

impl AsyncRead for Faulty {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_cut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let fault = self.fault.0.load(Ordering::Relaxed);
        let part = if fault == CUT { &bytes[..bytes.len() / 2] } else { bytes };
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, part))?;
        match fault {
            CUT => self.is_cut = true,
            TWICE => self.written.extend_from_slice(&part[..count]),
            _ => {}
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.written.is_empty() {
            self.again = std::mem::take(&mut self.written);
            self.fault.0.store(NONE, Ordering::Relaxed);
        }
        while !self.again.is_empty() {
            let Self { stream, again, .. } = &mut *self;
            let count = ready!(Pin::new(stream).poll_write(context, again))?;
            again.drain(..count);
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
