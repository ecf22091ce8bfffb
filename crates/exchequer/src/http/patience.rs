//! A connection whose peer must move: it is given up when it keeps its place and does nothing with it.
//!
//! Limits, in seconds: for the head of a request, from the connection's start or the head's first byte to
//! its last; between two requests; and for a standstill, in which no byte goes either way while an answer
//! is made or is not read. The service tells through [`Progress`] where a request begins and ends, as the
//! stream cannot know. HTTP/2 has several requests at once and pings of its own between them: only its
//! first head and the standstill are limited here.
//!
//! Cost: one timer a connection, moved when it fires and when half a head has come, so a request that
//! arrives whole costs no look at the clock. For that, the limits between requests and for a standstill
//! are felt up to a quarter of the idle limit late. What it never does: limit how long a request takes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// How long a peer may keep a connection waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub head: Duration,
    pub idle: Duration,
    pub standstill: Duration,
}

/// The requests of one connection, as its service sees them. All on one task, so nothing is ordered by it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    begun: AtomicU32,
    answered: AtomicU32,
    multiplexed: AtomicBool,
}

impl Progress {
    pub fn begin(&self, version: http::Version) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        if version == http::Version::HTTP_2 {
            self.multiplexed.store(true, Ordering::Relaxed);
        }
    }

    pub fn answer(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    /// No request is under way, so what comes now is the next one's head.
    fn is_between(&self) -> bool {
        !self.multiplexed.load(Ordering::Relaxed)
            && self.begun() == self.answered.load(Ordering::Relaxed)
    }
}

pub(super) struct Patient {
    stream: TcpStream,
    limits: Limits,
    progress: Arc<Progress>,
    timer: Pin<Box<Sleep>>,
    waits_for: Wait,
    /// Whom the timer wakes.
    waker: Option<Waker>,
    /// A byte went since the timer was set.
    moved: bool,
    /// For how long none did when it was set.
    quiet: Duration,
    /// The number of the request whose head was begun last.
    head: u32,
}

/// What is judged when the timer fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// The whole head of the request with this number.
    Head(u32),
    /// A byte.
    Movement,
}

impl Patient {
    /// The wait for the first head begins here.
    pub fn new(stream: TcpStream, limits: Limits, progress: Arc<Progress>) -> Self {
        Self {
            stream,
            limits,
            progress,
            timer: Box::pin(tokio::time::sleep(limits.head)),
            waits_for: Wait::Head(0),
            waker: None,
            moved: false,
            quiet: Duration::ZERO,
            head: 0,
        }
    }

    /// Called where the peer has nothing for us or takes nothing from us: ready when it must go.
    fn run_out(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let head = Wait::Head(self.head);
        if self.is_in_head() && self.waits_for != head {
            self.set(head, self.limits.head);
        } else if !self.timer.is_elapsed()
            && self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()))
        {
            return Poll::Pending;
        }
        loop {
            self.waker = Some(context.waker().clone());
            ready!(self.timer.as_mut().poll(context));
            if self.is_over() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.moved = false;
            self.set(Wait::Movement, self.step());
        }
    }

    /// Judges when the timer has fired, and notes for how long nothing has moved.
    fn is_over(&mut self) -> bool {
        match self.waits_for {
            Wait::Head(number) if self.is_in_head() && number == self.head => return true,
            Wait::Head(_) => self.quiet = Duration::ZERO,
            Wait::Movement if self.moved => self.quiet = Duration::ZERO,
            Wait::Movement => self.quiet += self.step(),
        }
        let between = self.progress.is_between();
        self.quiet >= if between { self.limits.idle } else { self.limits.standstill }
    }

    fn is_in_head(&self) -> bool {
        self.progress.is_between() && self.head == self.progress.begun()
    }

    fn step(&self) -> Duration {
        self.limits.idle / 4
    }

    fn set(&mut self, waits_for: Wait, limit: Duration) {
        self.waits_for = waits_for;
        self.timer.as_mut().reset(Instant::now() + limit);
    }

    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match polled {
            Poll::Ready(result) => {
                self.moved = true;
                Poll::Ready(result)
            }
            Poll::Pending => self.run_out(context).map(Err),
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
        if polled.is_ready() && self.progress.is_between() {
            self.head = self.progress.begun();
        }
        self.judge(context, polled)
    }
}

/// Bytes of an answer that are copied together: one part costs the kernel less than two.
const SMALL: usize = 1280;

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
        let total = parts.iter().map(|part| part.len()).sum();
        let mut together = [0; SMALL];
        let Some(mut free) = together.get_mut(..total) else {
            let polled = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
            return self.judge(context, polled);
        };
        for part in parts {
            let (place, rest) = free.split_at_mut(part.len());
            place.copy_from_slice(part);
            free = rest;
        }
        self.poll_write(context, &together[..total])
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A flush of a socket moves nothing and so proves nothing.
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => self.run_out(context).map(Err),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
