//! TLS to the server, in the shape that the driver wants, and what is said where there is none.
//!
//! Order of a connection: the driver asks for TLS with one message and takes one byte, 'S', for yes (PostgreSQL 15
//! documentation, 55.2.10); then [`tls::client`] shakes hands; only then is the server told a user's name. A password is
//! bound to the server's certificate where both sides can (SCRAM-SHA-256-PLUS, RFC 5929 §4), so that a server with
//! another certificate cannot pass it on.
//!
//! What it never does: go on in plain text, or name any part of the address in an error.

use std::convert::Infallible;
use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tls::client::{Client, ClientSettings, TlsStream, Unproven, server_end_point};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{self as driver, ChannelBinding, MakeTlsConnect, TlsConnect};

use super::from_postgres;
use crate::DbError;

/// For one connection: the files are read anew for each, so that new ones count without a restart.
pub(super) struct Encryption {
    client: Arc<Client>,
}

/// For one host of it.
pub(super) struct Handshake {
    client: Arc<Client>,
    host: String,
}

pub(super) struct Encrypted<S>(TlsStream<S>);

type Shaken<S> = Pin<Box<dyn Future<Output = Result<Encrypted<S>, Unproven>> + Send>>;

impl Encryption {
    pub fn open(settings: &ClientSettings) -> Result<Self, DbError> {
        let client = Client::open(settings).map_err(|refusal| {
            let text = format!(
                "TLS to the database (sslrootcert, sslcert and sslkey of database_url): {refusal}"
            );
            DbError::Unavailable(text)
        })?;
        Ok(Self { client: Arc::new(client) })
    }
}

/// The error of a connection that should have been encrypted, with what helps.
pub(super) fn refused(error: tokio_postgres::Error, settings: &ClientSettings) -> DbError {
    // Of a server's own words nothing is changed.
    let is_of_tls = error.as_db_error().is_none()
        && error.to_string().starts_with("error performing TLS handshake");
    if !is_of_tls {
        return from_postgres(error);
    }
    let cause = error.source().and_then(|cause| cause.downcast_ref::<Unproven>());
    let why = match (cause, &settings.authority_file) {
        (Some(Unproven::Authority), Some(_)) => "its certificate is of no authority in the file \
            that sslrootcert of database_url names"
            .to_owned(),
        (Some(Unproven::Authority), None) => "its certificate is of no authority of this system; \
            name the file of its own with sslrootcert in database_url"
            .to_owned(),
        (Some(Unproven::Name), _) => "its certificate is for another name than the host of \
            database_url (sslmode=verify-full)"
            .to_owned(),
        (Some(Unproven::Time), _) => {
            "its certificate has ended or does not hold yet (sslmode=verify-full in database_url)"
                .to_owned()
        }
        (Some(other), _) => format!("{other} (sslmode=verify-full in database_url)"),
        // It answered with another byte than 'S'.
        (None, _) => "it has no TLS (ssl = on in its postgresql.conf), which database_url asks \
            for (sslmode=verify-full)"
            .to_owned(),
    };
    DbError::Unavailable(why)
}

impl<S> MakeTlsConnect<S> for Encryption
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type TlsConnect = Handshake;
    type Error = Infallible;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, Infallible> {
        Ok(Handshake { client: Arc::clone(&self.client), host: host.to_owned() })
    }
}

impl<S> TlsConnect<S> for Handshake
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type Error = Unproven;
    type Future = Shaken<S>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { self.client.connect(&self.host, stream).await.map(Encrypted) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> driver::TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        server_end_point(&self.0)
            .map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
