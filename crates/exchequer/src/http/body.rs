//! The body of a request, as it comes from a connection or from within the process.
//!
//! A body that comes in one piece, as nearly all do, is not boxed, copied or asked for its end. Bound: what
//! [`Sent::gather`] is told. What it never does: wait longer than its caller does, or look at what it reads.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body as AxumBody;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};

use super::codes::Code;
use super::problem::Problem;

pub(super) enum Sent {
    Wire(hyper::body::Incoming),
    Held(AxumBody),
}

impl Sent {
    /// All of it. Trailers (RFC 9110 §6.5) are no part of it.
    ///
    /// Errors: `body_too_large` past so many bytes, `malformed_request` where it breaks off.
    pub async fn gather(mut self, limit: usize) -> Result<Bytes, Problem> {
        let (mut first, mut whole, mut left) = (Bytes::new(), BytesMut::new(), limit);
        while !self.is_end_stream() {
            let Some(frame) = self.frame().await else { break };
            let frame = frame.map_err(|error| {
                Problem::new(Code::MalformedRequest)
                    .detail("the body could not be read")
                    .cause(error)
            })?;
            let Ok(piece) = frame.into_data() else { continue };
            left = left.checked_sub(piece.len()).ok_or_else(|| Problem::new(Code::BodyTooLarge))?;
            if first.is_empty() {
                first = piece;
                continue;
            }
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(if whole.is_empty() { first } else { whole.freeze() })
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Self::Wire(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|read| read.map_err(axum::Error::new))),
            Self::Held(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Wire(body) => body.is_end_stream(),
            Self::Held(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Wire(body) => body.size_hint(),
            Self::Held(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;

    use futures_util::FutureExt;
    use http::HeaderMap;

    use super::*;

    /// A body that comes in these frames.
    struct Pieces(VecDeque<io::Result<Frame<Bytes>>>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
            Poll::Ready(self.0.pop_front())
        }
    }

    fn data(text: &'static str) -> Frame<Bytes> {
        Frame::data(Bytes::from_static(text.as_bytes()))
    }

    fn broken() -> io::Result<Frame<Bytes>> {
        Err(io::ErrorKind::ConnectionReset.into())
    }

    fn gathered(
        frames: impl IntoIterator<Item = io::Result<Frame<Bytes>>>,
        limit: usize,
    ) -> Result<Bytes, Code> {
        let body = AxumBody::new(Pieces(frames.into_iter().collect()));
        let read = Sent::Held(body).gather(limit).now_or_never().expect("nothing to wait for");
        read.map_err(|problem| problem.code)
    }

    #[test]
    fn pieces_are_put_together_and_trailers_left_out() {
        let trailers = || Frame::trailers(HeaderMap::new());
        assert_eq!(gathered([], 0), Ok(Bytes::new()));
        assert_eq!(gathered([Ok(data("{}"))], 2).as_deref(), Ok(&b"{}"[..]));
        let many = [data(""), data("{\"a\""), data(""), data(":"), data("1}"), trailers()];
        assert_eq!(gathered(many.map(Ok), 7).as_deref(), Ok(&b"{\"a\":1}"[..]));
        assert_eq!(gathered([Ok(trailers())], 0), Ok(Bytes::new()));
    }

    #[test]
    fn one_piece_is_not_copied() {
        let piece = Bytes::from(vec![7; 1000]);
        let whole = gathered([Ok(Frame::data(piece.clone()))], 1000).expect("it fits");
        assert_eq!(whole.as_ptr(), piece.as_ptr());
    }

    // The limit is on all pieces together, and felt before the rest has come.
    #[test]
    fn one_byte_too_many_is_too_many() {
        let too_large = Err(Code::BodyTooLarge);
        assert_eq!(gathered([data("12345"), data("6")].map(Ok), 5), too_large);
        assert_eq!(gathered([Ok(data("123456"))], 5), too_large);
        assert_eq!(gathered([Ok(data("123456")), broken()], 5), too_large);
        assert_eq!(gathered([Ok(data("1")), broken()], 5), Err(Code::MalformedRequest));
    }
}
