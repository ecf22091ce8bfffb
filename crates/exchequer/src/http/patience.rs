//! A connection whose peer must move: it is given up when no byte went either way for too long.
//!
//! hyper limits the wait for a head that has begun. It waits for ever on a client that never says a
//! first word (it looks whether this is HTTP/2) and on one that asks and does not read the answers;
//! each would keep one of the connections' places at no cost. Cost: a timer moved for each read and
//! write. What it never does: limit how long a request takes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

pub(super) struct Patient {
    stream: TcpStream,
    limit: Duration,
    standstill: Pin<Box<Sleep>>,
}

impl Patient {
    /// Waits `first` for the first byte and `limit` for every other.
    pub fn new(stream: TcpStream, first: Duration, limit: Duration) -> Self {
        Self { stream, limit, standstill: Box::pin(tokio::time::sleep(first)) }
    }

    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match polled {
            Poll::Ready(result) => {
                let limit = self.limit;
                self.standstill.as_mut().reset(Instant::now() + limit);
                Poll::Ready(result)
            }
            Poll::Pending => {
                let over = self.standstill.as_mut().poll(context);
                over.map(|()| Err(io::Error::from(io::ErrorKind::TimedOut)))
            }
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.judge(context, polled)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.judge(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        // A flush of a socket moves nothing and so proves nothing.
        match polled {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => self.judge(context, Poll::Pending),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
