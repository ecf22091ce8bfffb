//! The whole service: from a request to the route that answers it.
//!
//! Order: the door that the request came to ([`super::doors`]); then a path without `{id}` segments is looked up in the sorted list of such routes; whatever is not found there
//! (paths with segments, other methods, pages, what nobody knows) is the router's, which has all routes. Both lead to
//! the same function of a route, so neither way skips anything. Cost: a binary search over some hundred paths, and one
//! box for the answer to come. What it never does: look at more of a request than its method and path, or decide anything.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::routing::future::RouteFuture;
use bytes::Bytes;
use http_body_util::{Either, Full};

use super::body::Sent;
use super::dispatch;
use super::doors::Doors;
use super::routes::Route;
use crate::bank::Bank;

/// The peer's address, as the connection knows it.
#[derive(Clone)]
pub struct Peer(pub Arc<str>);

/// All routes and pages of a bank; clones share them.
#[derive(Clone)]
pub struct Service(Arc<Parts>);

struct Parts {
    bank: Bank,
    doors: Doors,
    /// Routes without `{id}` segments, in the order of path and method.
    fixed: Vec<(Arc<Route>, Serve)>,
    router: Router,
}

/// What a route answers.
pub(super) type Response = http::Response<Full<Bytes>>;

/// What the service answers: a route or the router.
pub type Answer = http::Response<Either<Full<Bytes>, Body>>;

/// What answers the requests of one route.
pub(super) type Serve = Arc<dyn Fn(&Bank, Incoming) -> Serving + Send + Sync>;
pub(super) type Serving = Pin<Box<dyn Future<Output = Response> + Send>>;

/// An answer that is being made.
pub enum Answering {
    Fixed(Serving),
    Routed(Box<RouteFuture<Infallible>>),
}

/// A request whose route was found.
pub struct Incoming {
    pub(super) peer: Option<Peer>,
    /// Values of the path's `{name}` segments, in order.
    pub(super) segments: Vec<String>,
    pub(super) request: http::Request<Sent>,
}

impl Service {
    pub(super) fn new(bank: &Bank, mut fixed: Vec<(Arc<Route>, Serve)>, router: Router) -> Self {
        fixed.retain(|(route, _)| !route.path.contains('{'));
        fixed.sort_by_key(|(route, _)| (route.path, route.method.to_string()));
        let doors = Doors::of(bank.config());
        Self(Arc::new(Parts { bank: bank.clone(), doors, fixed, router }))
    }

    /// Answers what came over a connection.
    pub fn answer(&self, peer: &Peer, request: http::Request<hyper::body::Incoming>) -> Answering {
        if !self.0.doors.open(&request, &peer.0) {
            return self.nothing_here();
        }
        if let Some(serve) = self.find(&request) {
            let (peer, request) = (Some(peer.clone()), request.map(Sent::Wire));
            let incoming = Incoming { peer, segments: Vec::new(), request };
            return Answering::Fixed(serve(&self.0.bank, incoming));
        }
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        self.route(request)
    }

    fn find<B>(&self, request: &http::Request<B>) -> Option<&Serve> {
        let sought = (request.uri().path(), request.method().as_str());
        let place = self
            .0
            .fixed
            .binary_search_by(|(route, _)| (route.path, route.method.as_str()).cmp(&sought));
        place.ok().and_then(|place| self.0.fixed.get(place)).map(|(_, serve)| serve)
    }

    fn nothing_here(&self) -> Answering {
        let answer = dispatch::nothing_here(&self.0.bank);
        Answering::Fixed(Box::pin(std::future::ready(answer)))
    }

    fn route(&self, request: Request) -> Answering {
        let answer = tower::Service::call(&mut self.0.router.clone(), request);
        Answering::Routed(Box::new(answer))
    }
}

/// For requests of this process, which have their [`Peer`] with them.
impl tower::Service<Request> for Service {
    type Response = Answer;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answering {
        let peer = request.extensions().get::<Peer>().map(|peer| Arc::clone(&peer.0));
        if !self.0.doors.open(&request, peer.as_deref().unwrap_or_default()) {
            return self.nothing_here();
        }
        match self.find(&request) {
            Some(serve) => Answering::Fixed(serve(&self.0.bank, Incoming::of(Vec::new(), request))),
            None => self.route(request),
        }
    }
}

impl Future for Answering {
    type Output = Result<Answer, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.get_mut() {
            Self::Fixed(answer) => Ok(ready!(answer.as_mut().poll(context)).map(Either::Left)),
            Self::Routed(answer) => ready!(Pin::new(&mut **answer).poll(context))
                .map(|answer| answer.map(Either::Right)),
        })
    }
}

impl Incoming {
    fn of(segments: Vec<String>, request: Request) -> Self {
        let peer = request.extensions().get().cloned();
        Self { peer, segments, request: request.map(Sent::Held) }
    }
}

impl<S: Send + Sync> FromRequest<S> for Incoming {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let (mut parts, body) = request.into_parts();
        // A path that is not UTF-8 after decoding names nothing.
        let segments = match RawPathParams::from_request_parts(&mut parts, state).await {
            Ok(params) => params.iter().map(|(_, value)| value.to_owned()).collect(),
            Err(_) => vec![String::new()],
        };
        Ok(Self::of(segments, Request::from_parts(parts, body)))
    }
}
