//! Random patterns with texts that have a fair chance to match them, from a seed.

/// SplitMix64: small, and the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.next() % bound).unwrap()
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }
}

/// Few letters, so that chance brings them together; some whose other case is far away or of another length.
const LETTERS: [&str; 24] = [
    "a", "b", "a", "b", "c", "A", "B", "x", "0", "1", "_", "-", " ", ",", "é", "É", "ż", "ß", "ı",
    "ſ", "K", "ⱥ", "€", "😀",
];
/// What may stand in texts besides.
const TEXTUAL: [&[u8]; 15] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\t",
    b".",
    b"*",
    b"(",
    b")",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\\",
    "\u{a0}".as_bytes(),
    "٣".as_bytes(),
];
/// Bytes that are not UTF-8, alone or before others.
const INVALID: [&[u8]; 9] = [
    b"\x80",
    b"\xbf",
    b"\xc3",
    b"\xe9",
    b"\xff",
    b"\xc0\x80",
    b"\xe2\x82",
    b"\xf0\x9f\x98",
    b"\0",
];
const CLASSES: [&str; 12] = [
    "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "xdigit",
];
const WORD_ANCHORS: [&str; 4] = ["\\b", "\\B", "\\<", "\\>"];
const ANCHORS: [&str; 6] = ["^", "$", "^", "$", "\\`", "\\'"];
const ESCAPED: [&str; 16] = [
    "\\.", "\\*", "\\(", "\\)", "\\[", "\\]", "\\{", "\\}", "\\|", "\\^", "\\$", "\\\\", "\\-",
    "\\A", "\\0", "\\é",
];
/// Members of brackets, each with a character that it stands for.
const MEMBERS: [(&str, &str); 10] = [
    ("[.a.]", "a"),
    ("[=b=]", "b"),
    ("[.-.]", "-"),
    ("[.x.]-z", "y"),
    ("\\", "\\"),
    ("^", "^"),
    ("$", "$"),
    ("[", "["),
    ("*", "*"),
    ("\n", "\n"),
];
const RANGES: [(&str, &str); 8] = [
    ("a-c", "b"),
    ("a-b", "a"),
    ("A-Z", "C"),
    ("0-9", "7"),
    ("+--", ","),
    ("!-~", "="),
    ("c-a", "b"),
    ("Z-a", "^"),
];
/// Pieces that make malformed patterns as often as strange ones.
const SOUP: [&str; 44] = [
    "a",
    "b",
    "c",
    "é",
    "-",
    "^",
    "$",
    "(",
    ")",
    "(",
    ")",
    "|",
    "|",
    "*",
    "+",
    "?",
    "{",
    "}",
    "1",
    "2",
    ",",
    "{2}",
    "{,2}",
    "{0}",
    "{1,",
    "[",
    "]",
    "[",
    "]",
    "[^",
    "[a-c]",
    "[]",
    "[:alpha:]",
    "[:",
    ":]",
    "[.",
    ".]",
    "[=b=]",
    "\\",
    "\\w",
    "\\b",
    "\\\\",
    ".",
    "z",
];

/// A pattern, and a text that it might have been written for.
#[derive(Default)]
pub(crate) struct Case {
    pub(crate) pattern: String,
    sample: Vec<u8>,
    pub(crate) word_anchors: bool,
}

/// A pattern by the grammar, of bounded depth.
pub(crate) fn pattern(random: &mut Random) -> Case {
    let mut case = Case::default();
    if random.one_in(6) {
        for _ in 0..1 + random.below(9) {
            let piece = random.pick(&SOUP);
            case.pattern.push_str(piece);
            case.sample.extend(piece.bytes());
        }
        case.word_anchors = case.pattern.contains("\\b");
        return case;
    }
    choice(random, &mut case, 0);
    case
}

/// A text for it: the sample, disturbed.
pub(crate) fn text(random: &mut Random, case: &Case) -> Vec<u8> {
    let mut text = Vec::new();
    if !random.one_in(4) {
        text.extend(&case.sample);
    }
    for _ in 0..random.below(4) {
        let piece: &[u8] = match random.below(8) {
            0 => random.pick(&TEXTUAL),
            // glibc takes the word anchors beside such bytes for something else.
            1 if !case.word_anchors => random.pick(&INVALID),
            _ => random.pick(&LETTERS).as_bytes(),
        };
        let mut at = match random.below(4) {
            0 => 0,
            1 => text.len(),
            _ => random.below(text.len() + 1),
        };
        // Not into the middle of a character, except where invalid bytes are wanted.
        while case.word_anchors && text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80) {
            at -= 1;
        }
        let end = if at < text.len() && !case.word_anchors && random.one_in(3) {
            at + 1
        } else {
            at
        };
        text.splice(at..end, piece.iter().copied());
    }
    text
}

fn choice(random: &mut Random, case: &mut Case, depth: usize) {
    let branches = if random.one_in(3) {
        1 + random.below(3)
    } else {
        1
    };
    let start = case.sample.len();
    let mut samples = Vec::new();
    for index in 0..branches {
        if index > 0 {
            case.pattern.push('|');
        }
        if !random.one_in(12) {
            for _ in 0..1 + random.below(4) {
                expression(random, case, depth);
            }
        }
        samples.push(case.sample.split_off(start));
    }
    let taken = random.below(samples.len());
    case.sample.append(&mut samples[taken]);
}

fn expression(random: &mut Random, case: &mut Case, depth: usize) {
    let start = case.sample.len();
    match random.below(20) {
        0..7 => {
            let letter = random.pick(&LETTERS);
            case.pattern.push_str(letter);
            case.sample.extend(letter.bytes());
        }
        7..9 => {
            case.pattern.push('.');
            case.sample.extend(random.pick(&LETTERS).bytes());
        }
        9..12 => bracket(random, case),
        12 => {
            let escaped = random.pick(&ESCAPED);
            case.pattern.push_str(escaped);
            case.sample.extend(escaped.bytes().skip(1));
        }
        13 => {
            let (shorthand, sample) =
                random.pick(&[("\\w", "a"), ("\\W", "-"), ("\\s", " "), ("\\S", "é")]);
            case.pattern.push_str(shorthand);
            case.sample.extend(sample.bytes());
        }
        14 => {
            case.pattern.push_str(random.pick(&ANCHORS));
            return;
        }
        15 => {
            case.pattern.push_str(random.pick(&WORD_ANCHORS));
            case.word_anchors = true;
            return;
        }
        _ if depth < 3 => {
            case.pattern.push('(');
            if !random.one_in(15) {
                choice(random, case, depth + 1);
            }
            case.pattern.push(')');
        }
        _ => {
            case.pattern.push('a');
            case.sample.push(b'a');
        }
    }
    let mut least = 4;
    while random.one_in(least) {
        repetition(random, case, start);
        least += 4;
    }
}

/// Repeats the sample as often as the pattern then allows, or nearly.
fn repetition(random: &mut Random, case: &mut Case, start: usize) {
    let (operator, min, max) = match random.below(8) {
        0 | 1 => ("*".to_owned(), 0, 3),
        2 => ("+".to_owned(), 1, 3),
        3 => ("?".to_owned(), 0, 1),
        4 => ("{,2}".to_owned(), 0, 2),
        5 => ("{1,}".to_owned(), 1, 3),
        6 => {
            let count = random.below(4);
            (format!("{{{count}}}"), count, count)
        }
        _ => {
            let (min, more) = (random.below(3), random.below(3));
            (format!("{{{min},{}}}", min + more), min, min + more)
        }
    };
    case.pattern.push_str(&operator);
    let times = min + random.below(max - min + 1);
    let once = case.sample.split_off(start);
    for _ in 0..times {
        case.sample.extend(&once);
    }
}

fn bracket(random: &mut Random, case: &mut Case) {
    case.pattern.push('[');
    let negated = random.one_in(3);
    if negated {
        case.pattern.push('^');
    }
    if random.one_in(12) {
        case.pattern.push(']');
    }
    let mut sample = "";
    for _ in 0..1 + random.below(3) {
        let (member, first) = match random.below(10) {
            0 => random.pick(&MEMBERS),
            1 => random.pick(&RANGES),
            2 => {
                let class = random.pick(&CLASSES);
                case.pattern.push_str("[:");
                case.pattern.push_str(class);
                (":]", "a")
            }
            _ => {
                let letter = random.pick(&LETTERS);
                (letter, letter)
            }
        };
        case.pattern.push_str(member);
        sample = first;
    }
    case.pattern.push(']');
    if negated {
        sample = random.pick(&LETTERS);
    }
    case.sample.extend(sample.bytes());
}
