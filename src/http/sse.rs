//! Events as a stream of server-sent events (HTML Standard, section 9.2), and how a follower that comes back says where
//! it had read to.

use bytes::{BufMut, BytesMut};

use crate::session::web::Place;

/// Writes one event: its identifier, if it has one, and `json` as its data. An identifier that cannot stand in a line is
/// left out: those of [`id_of`] can.
pub fn write_event(id: Option<&str>, json: &[u8], out: &mut BytesMut) {
    if let Some(id) = id.filter(|id| !id.contains(['\r', '\n', '\0'])) {
        out.put_slice(b"id: ");
        out.put_slice(id.as_bytes());
        out.put_u8(b'\n');
    }
    // A CR LF in the data, which no JSON of ours has, would come out as two line ends.
    for line in json.split(|byte| matches!(byte, b'\r' | b'\n')) {
        out.put_slice(b"data: ");
        out.put_slice(line);
        out.put_u8(b'\n');
    }
    out.put_u8(b'\n');
}

/// Writes a comment, which followers pass over: it shows that the connection lives.
pub fn write_heartbeat(out: &mut BytesMut) {
    out.put_slice(b":\n\n");
}

/// A place as the identifier of the event before it: `<view, hexadecimal>-<position, decimal>`.
pub fn id_of(place: Place) -> String {
    format!("{:x}-{}", place.view, place.position)
}

/// The place that a `Last-Event-ID` names; `None` if it is not exactly what [`id_of`] writes.
pub fn place_of(id: &[u8]) -> Option<Place> {
    let text = std::str::from_utf8(id).ok()?;
    let (view, position) = text.split_once('-')?;
    let place = Place {
        view: u64::from_str_radix(view, 16).ok()?,
        position: position.parse().ok()?,
    };
    (id_of(place) == text).then_some(place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(id: Option<&str>, json: &[u8]) -> String {
        let mut out = BytesMut::from(&b"before"[..]);
        write_event(id, json, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn events_and_heartbeats() {
        assert_eq!(written(None, b"{}"), "beforedata: {}\n\n");
        assert_eq!(
            written(Some("1f-20"), b"{}"),
            "beforeid: 1f-20\ndata: {}\n\n"
        );
        assert_eq!(written(Some("1\ndata: x"), b"{}"), "beforedata: {}\n\n");
        assert_eq!(
            written(None, b"a\nid: 5\r\n\nb"),
            "beforedata: a\ndata: id: 5\ndata: \ndata: \ndata: b\n\n"
        );
        let mut out = BytesMut::new();
        write_heartbeat(&mut out);
        assert_eq!(&*out, b":\n\n");
    }

    #[test]
    fn only_what_was_written_is_a_place() {
        for wrong in [
            "",
            "-",
            "1-",
            "-1",
            "1",
            "01-1",
            "1-01",
            "A-1",
            "+1-1",
            "1-+1",
            "1--1",
            " 1-1",
            "1-1 ",
            "1-1-1",
            "g-1",
            "1-a",
            "10000000000000000-1",
            "1-18446744073709551616",
            "é-1",
        ] {
            assert_eq!(place_of(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(place_of(b"\xff-1"), None);
        assert_eq!(
            place_of(b"ff-10"),
            Some(Place {
                view: 255,
                position: 10
            })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn places_there_and_back(view: u64, position: u64) {
            let place = Place { view, position };
            prop_assert_eq!(place_of(id_of(place).as_bytes()), Some(place));
        }
    }
}
