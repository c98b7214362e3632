//! Answers: the body, which is whole or a stream, and the headers that all of them have.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::sync::mpsc;

use super::connection::Answering;
use super::page::ErrorPage;

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Content {
    /// All of it.
    Whole(Full<Bytes>),
    /// What comes, until the sender is dropped.
    Stream(mpsc::Receiver<Bytes>),
}

/// A body, and the note that its request is being answered until it has been handed to hyper.
#[derive(Debug)]
pub(super) struct ReplyBody {
    content: Content,
    answering: Option<Answering>,
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().content {
            Content::Whole(whole) => Pin::new(whole).poll_frame(context),
            Content::Stream(stream) => stream
                .poll_recv(context)
                .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(whole) => whole.is_end_stream(),
            Content::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(whole) => whole.size_hint(),
            Content::Stream(_) => SizeHint::default(),
        }
    }
}

/// An answer.
pub(super) type Reply = Response<ReplyBody>;

/// An answer with that body.
pub(super) fn reply(status: StatusCode, media_type: &'static str, content: Content) -> Reply {
    let body = ReplyBody {
        content,
        answering: None,
    };
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    set(&mut reply, header::CONTENT_TYPE, media_type);
    set(&mut reply, header::CACHE_CONTROL, "no-cache, no-store");
    set(&mut reply, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    reply
}

/// The request counts as being answered until the body has been taken.
pub(super) fn answering(reply: &mut Reply, answering: Answering) {
    reply.body_mut().answering = Some(answering);
}

/// An answer that is whole.
pub(super) fn whole(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Reply {
    reply(status, media_type, Content::Whole(Full::new(body.into())))
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Reply {
    whole(status, "application/json", value.to_string())
}

/// An error in JSON.
pub(super) fn json_error(status: StatusCode, reason: &str) -> Reply {
    json(status, &json!({ "error": reason }))
}

/// Asterisk's page for an error.
pub(super) fn error_page(page: ErrorPage<'_>, server_name: Option<&str>) -> Reply {
    let mut text = BytesMut::new();
    page.write(server_name, &mut text);
    let status = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    whole(status, "text/html", text)
}

/// Sets a header whose value is known here.
pub(super) fn set(reply: &mut Reply, name: HeaderName, value: &'static str) {
    reply
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}

/// Sets a header, unless no header can have that value.
pub(super) fn set_text(reply: &mut Reply, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}
