//! The ActionIDs that are sent to Asterisk in place of the clients' own: short, unique in the process, not to be
//! guessed, and recognised on their way back. Form: `<16 hex digits of nonce>-<kind letter>-<sequence in hex>`.

/// What an action is for, so that its messages can be told apart without looking it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Any action that is answered by its response.
    Ordinary,
    /// An Originate that its client wants answered synchronously and that is sent asynchronously.
    SynchronousOriginate,
}

impl TokenKind {
    const fn letter(self) -> u8 {
        match self {
            Self::Ordinary => b'o',
            Self::SynchronousOriginate => b's',
        }
    }

    const fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'o' => Some(Self::Ordinary),
            b's' => Some(Self::SynchronousOriginate),
            _ => None,
        }
    }
}

/// Bytes of the longest token: two numbers of 64 bits in hex, two hyphens and a letter. Asterisk bears 67.
pub const TOKEN_BYTES_MAX: usize = 2 * HEX_BYTES + 3;

const HEX_BYTES: usize = 16;
const _: () = assert!(TOKEN_BYTES_MAX <= super::limits::ACTION_ID_SAFE_BYTES_MAX);

/// One ActionID for Asterisk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token {
    bytes: [u8; TOKEN_BYTES_MAX],
    length: usize,
}

impl Token {
    const EMPTY: Self = Self {
        bytes: [0; TOKEN_BYTES_MAX],
        length: 0,
    };

    /// The ActionID's bytes, all of `[0-9a-z-]`.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push(mut self, byte: u8) -> Self {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
        self
    }

    fn push_all(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |token, &byte| token.push(byte))
    }
}

impl std::fmt::Debug for Token {
    /// Leaves out the nonce, which clients must not learn.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.as_bytes().get(HEX_BYTES..).unwrap_or_default();
        write!(f, "Token(…{})", String::from_utf8_lossy(shown))
    }
}

/// Makes tokens and recognises its own.
#[derive(Clone)]
pub struct TokenMint {
    nonce: [u8; HEX_BYTES],
}

impl TokenMint {
    /// A mint whose tokens bear `nonce`: random, one for each process.
    pub fn new(nonce: u64) -> Self {
        Self { nonce: hex(nonce) }
    }

    /// The number that its tokens bear.
    pub fn nonce(&self) -> u64 {
        number(without_leading_zeros(&self.nonce)).unwrap_or_default()
    }

    /// The token of action number `sequence`.
    pub fn token(&self, sequence: u64, kind: TokenKind) -> Token {
        let digits = hex(sequence);
        Token::EMPTY
            .push_all(&self.nonce)
            .push(b'-')
            .push(kind.letter())
            .push(b'-')
            .push_all(without_leading_zeros(&digits))
    }

    /// Number and kind of a token of this mint; `None` for every value that [`TokenMint::token`] did not write.
    pub fn parse(&self, value: &[u8]) -> Option<(u64, TokenKind)> {
        let rest = value.strip_prefix(&self.nonce)?.strip_prefix(b"-")?;
        let (&letter, rest) = rest.split_first()?;
        let kind = TokenKind::from_letter(letter)?;
        let sequence = number(rest.strip_prefix(b"-")?)?;
        Some((sequence, kind))
    }
}

impl std::fmt::Debug for TokenMint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenMint")
    }
}

/// All sixteen lower-case hex digits of `number`.
fn hex(number: u64) -> [u8; HEX_BYTES] {
    let mut digits = [b'0'; HEX_BYTES];
    let mut rest = number;
    for slot in digits.iter_mut().rev() {
        *slot = match rest & 0xf {
            digit @ 0..=9 => b'0' + digit.to_le_bytes()[0],
            digit => b'a' + digit.to_le_bytes()[0] - 10,
        };
        rest >>= 4;
    }
    digits
}

fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    match digits {
        [b'0', rest @ ..] if !rest.is_empty() => without_leading_zeros(rest),
        _ => digits,
    }
}

/// The number that canonical hex digits write: lower-case, no leading zeros, no sign, at most sixteen.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > HEX_BYTES || without_leading_zeros(digits) != digits {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn form() {
        let token = TokenMint::new(0xabc).token(0x1f, TokenKind::SynchronousOriginate);
        assert_eq!(token.as_bytes(), b"0000000000000abc-s-1f");
        assert_eq!(
            TokenMint::new(0).token(0, TokenKind::Ordinary).as_bytes(),
            b"0000000000000000-o-0"
        );
        let longest = TokenMint::new(u64::MAX).token(u64::MAX, TokenKind::Ordinary);
        assert_eq!(longest.as_bytes().len(), TOKEN_BYTES_MAX);
        assert_eq!(
            format!("{token:?}"),
            "Token(…-s-1f)",
            "the nonce is not shown"
        );
    }

    #[test]
    fn foreign_values_are_not_taken() {
        let mint = TokenMint::new(0xabc);
        assert_eq!(
            mint.parse(b"0000000000000abc-o-1f"),
            Some((0x1f, TokenKind::Ordinary))
        );
        for value in [
            "",
            "0",
            "0000000000000abc",
            "0000000000000abc-o-",
            "0000000000000abc-o",
            "0000000000000abc-x-1",
            "0000000000000ABC-o-1f",
            "0000000000000abc-o-1F",
            "0000000000000abc-O-1f",
            "0000000000000abc-o-01f",
            "0000000000000abc-o-00",
            "0000000000000abc-o-+1",
            "0000000000000abc-o--1",
            "0000000000000abc-o-1f ",
            " 0000000000000abc-o-1f",
            "0000000000000abd-o-1f",
            "0000000000000abc-o-10000000000000000",
            "abc-o-1f",
            "0000000000000abc-o-1g",
            "0000000000000abc-o-1f\n",
        ] {
            assert_eq!(mint.parse(value.as_bytes()), None, "{value:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_is_minted_is_recognised(nonce: u64, other: u64, sequence: u64, shift in 0_u32..64, originate: bool) {
            let kind = if originate { TokenKind::SynchronousOriginate } else { TokenKind::Ordinary };
            let sequence = sequence >> shift;
            let token = TokenMint::new(nonce).token(sequence, kind);
            prop_assert_eq!(TokenMint::new(nonce).parse(token.as_bytes()), Some((sequence, kind)));
            prop_assert_eq!(TokenMint::new(nonce).nonce(), nonce);
            prop_assert!(token.as_bytes().iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-')));
            prop_assert!(nonce == other || TokenMint::new(other).parse(token.as_bytes()).is_none());
        }

        #[test]
        fn only_what_is_minted_is_recognised(tail in "[os]-[0-9a-fA-F+-]{0,18}") {
            let value = format!("0000000000000007-{tail}");
            let mint = TokenMint::new(7);
            if let Some((sequence, kind)) = mint.parse(value.as_bytes()) {
                let token = mint.token(sequence, kind);
                prop_assert_eq!(token.as_bytes(), value.as_bytes());
            }
        }
    }
}
