//! The laws of framing and rebuilding, over recorded traffic and made-up bytes.

use super::fuzzing::*;
use proptest::prelude::*;

#[test]
fn the_model_reads_as_recorded() {
    let lines = |input: &[u8]| {
        read_as_asterisk(input)
            .iter()
            .map(|m| m.lines.len())
            .collect::<Vec<_>>()
    };
    let long = |length: usize| {
        [
            b"Action: Ping\r\nX: ".as_slice(),
            &vec![b'x'; length - 3],
            b"\r\n\r\n",
        ]
        .concat()
    };
    assert_eq!(lines(b"Action: Ping\nActionID: lf\r\n\n\r\n"), [2, 0]);
    assert_eq!(lines(b"A: b\r\n\0hidden\r\nC: d\r\n\r\n"), [1, 1]);
    assert!(!read_as_asterisk(&long(1022))[0].line_too_long);
    assert_eq!(lines(&long(1023)), [1, 0], "the splitting hazard");
    assert!(read_as_asterisk(&long(1024))[0].line_too_long);
    let many = "A: b\r\n".repeat(129) + "\r\n";
    assert!(read_as_asterisk(many.as_bytes())[0].too_many_lines);
}

#[test]
fn seeds_hold_the_laws() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/framers");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        framers(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 10, "the seeds are there: {count}");
}

/// Pieces that make up hazards when they meet.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            &b"\r\n"[..],
            b"\n",
            b"\r",
            b"\0",
            b"\r\n\r\n",
            b"\n\r\n",
            b"Action: Ping\r\n",
            b"action:\x01x\n",
            b"ActionID: 7\r\n",
            b"actionid:\n",
            b"Response: Follows\r\n",
            b"Response: Success\r\n",
            b"Event: X\r\n",
            b"Privilege: call,all\r\n",
            b"Timestamp: 1.0\r\n",
            b"--END COMMAND--\r\n",
            b"EventList: start\r\n",
            b" ",
            b":",
            b"Respons",
            b"Event",
        ])
        .prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 0..20),
        (
            prop::sample::select(vec![
                100_usize, 1020, 1021, 1022, 1023, 1024, 1025, 2046, 2047, 3000
            ]),
            any::<u8>()
        )
            .prop_map(|(length, byte)| vec![byte; length]),
        (120_usize..135).prop_map(|count| b"A: b\n".repeat(count)),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn laws_hold_for_hazardous_streams(seed: u8, stream in stream()) {
        framers(&[&[seed], stream.as_slice()].concat());
    }
}
