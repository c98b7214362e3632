//! Access control lists: from which addresses anybody may connect, and a user log in.
//!
//! The rules are Asterisk's (`main/acl.c`, `ast_append_ha` and `ast_apply_ha`): a list starts from "allow", every rule
//! is tried in order, the last one that matches decides. What Asterisk takes in old BSD notation (`10/8`, `10.1`,
//! leading zeros) rarely means what its author thought, so it is refused here; nothing is ever dropped.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// What a rule does with an address that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// The address may log in.
    Permit,
    /// The address may not log in.
    Deny,
}

impl Sense {
    const fn reversed(self) -> Self {
        match self {
            Self::Permit => Self::Deny,
            Self::Deny => Self::Permit,
        }
    }
}

/// Address bits and the mask that says which of them count; IPv4 and IPv6 never match each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    V4 { bits: u32, mask: u32 },
    V6 { bits: u128, mask: u128 },
}

/// One entry of a `permit` or `deny` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    sense: Sense,
    network: Network,
}

/// Why an entry of a `permit` or `deny` line is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// Nothing between two commas, or nothing at all.
    #[error("an address is missing")]
    Empty,
    /// A blank in the entry; Asterisk takes it for part of the address.
    #[error("there is a blank in '{0}'")]
    Blank(String),
    /// Fewer than four numbers.
    #[error("'{0}' is a short form of an IPv4 address")]
    ShortForm(String),
    /// A number with a leading zero, which Asterisk reads as octal.
    #[error("'{0}' has a leading zero, which Asterisk reads as octal")]
    LeadingZero(String),
    /// Neither an IPv4 nor an IPv6 address: a host name, a port, a typing error.
    #[error("'{0}' is not an address")]
    NotAnAddress(String),
    /// Not a number, or more bits than the address has.
    #[error("'{0}' is not a prefix length")]
    Prefix(String),
    /// The mask is not an address of the same family.
    #[error("'{0}' is not a mask for this kind of address")]
    Mask(String),
}

impl RuleError {
    /// What to write instead.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Empty => "write addresses separated by single commas",
            Self::Blank(_) => "separate addresses by commas without blanks",
            Self::ShortForm(_) => "write all four numbers, as in 10.0.0.0/8",
            Self::LeadingZero(_) => "write the numbers without leading zeros",
            Self::NotAnAddress(_) => {
                "write a numeric address without port, as in 192.0.2.0/24 or 2001:db8::/32"
            }
            Self::Prefix(_) => {
                "write 0 to 32 for IPv4 (IPv4-mapped addresses included), 0 to 128 for IPv6"
            }
            Self::Mask(_) => "write a prefix length, as in 10.0.0.0/8",
        }
    }
}

impl Rule {
    /// Reads one entry, `[!]address[/mask]`; `!` reverses `sense`. The mask is a prefix length or an address of the
    /// same family; without one the rule is about a single host.
    ///
    /// # Errors
    /// Whatever is not exactly that, old BSD notation included.
    pub fn parse(entry: &str, sense: Sense) -> Result<Self, RuleError> {
        if entry.is_empty() {
            return Err(RuleError::Empty);
        }
        if entry.contains(|c: char| c.is_whitespace()) {
            return Err(RuleError::Blank(cut(entry)));
        }
        let (sense, text) = match entry.strip_prefix('!') {
            Some(rest) => (sense.reversed(), rest),
            None => (sense, entry),
        };
        let (address, mask) = match text.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (text, None),
        };
        let network = match unmapped(parse_address(address)?) {
            IpAddr::V4(address) => {
                let mask = mask.map_or(Ok(u32::MAX), parse_mask_v4)?;
                Network::V4 {
                    bits: address.to_bits() & mask,
                    mask,
                }
            }
            IpAddr::V6(address) => {
                let mask = mask.map_or(Ok(u128::MAX), parse_mask_v6)?;
                Network::V6 {
                    bits: address.to_bits() & mask,
                    mask,
                }
            }
        };
        Ok(Self { sense, network })
    }

    /// Address and mask.
    pub fn network(&self) -> (IpAddr, IpAddr) {
        match self.network {
            Network::V4 { bits, mask } => {
                let (bits, mask) = (Ipv4Addr::from_bits(bits), Ipv4Addr::from_bits(mask));
                (bits.into(), mask.into())
            }
            Network::V6 { bits, mask } => {
                let (bits, mask) = (Ipv6Addr::from_bits(bits), Ipv6Addr::from_bits(mask));
                (bits.into(), mask.into())
            }
        }
    }

    /// What the rule does, `!` taken into account.
    pub const fn sense(&self) -> Sense {
        self.sense
    }

    /// Whether the rule is about every IPv4 address.
    pub const fn is_all_ipv4(&self) -> bool {
        matches!(self.network, Network::V4 { mask: 0, .. })
    }

    /// Whether the rule is about every IPv6 address.
    pub const fn is_all_ipv6(&self) -> bool {
        matches!(self.network, Network::V6 { mask: 0, .. })
    }

    /// Whether the rule is about IPv6 addresses, some or all.
    pub const fn is_ipv6(&self) -> bool {
        matches!(self.network, Network::V6 { .. })
    }

    fn matches(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (Network::V4 { bits, mask }, IpAddr::V4(address)) => address.to_bits() & mask == bits,
            (Network::V6 { bits, mask }, IpAddr::V6(address)) => address.to_bits() & mask == bits,
            _ => false,
        }
    }
}

/// As in the configuration: `permit 192.0.2.0/24`. A mask that is no prefix length is shown as an address.
impl std::fmt::Display for Rule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sense = match self.sense {
            Sense::Permit => "permit",
            Sense::Deny => "deny",
        };
        match self.network {
            Network::V4 { bits, mask } => {
                write!(formatter, "{sense} {}/", Ipv4Addr::from_bits(bits))?;
                match mask.leading_ones() + mask.trailing_zeros() {
                    u32::BITS.. => write!(formatter, "{}", mask.leading_ones()),
                    _ => write!(formatter, "{}", Ipv4Addr::from_bits(mask)),
                }
            }
            Network::V6 { bits, mask } => {
                write!(formatter, "{sense} {}/", Ipv6Addr::from_bits(bits))?;
                match mask.leading_ones() + mask.trailing_zeros() {
                    u128::BITS.. => write!(formatter, "{}", mask.leading_ones()),
                    _ => write!(formatter, "{}", Ipv6Addr::from_bits(mask)),
                }
            }
        }
    }
}

/// Rules in order; the last that matches decides, without any match the address is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleList {
    name: Option<String>,
    rules: Vec<Rule>,
}

impl RuleList {
    /// An empty list with the name that it has in `acl.conf`.
    pub fn named(name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            rules: Vec::new(),
        }
    }

    /// Appends the entries of one `permit` or `deny` line. Nothing is appended when one of them is refused.
    ///
    /// # Errors
    /// The first entry that is refused.
    pub fn push_line(&mut self, sense: Sense, line: &str) -> Result<(), RuleError> {
        let rules: Result<Vec<Rule>, RuleError> = line
            .split(',')
            .map(|entry| Rule::parse(entry, sense))
            .collect();
        self.rules.extend(rules?);
        Ok(())
    }

    /// The rules in the order in which they are tried.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether there is no rule, in which case every address is allowed.
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rule that decides about the address: the last that matches.
    fn deciding(&self, address: IpAddr) -> Option<&Rule> {
        let address = unmapped(address);
        self.rules.iter().rev().find(|rule| rule.matches(address))
    }

    /// Whether this list allows the address.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.deciding(address)
            .is_none_or(|rule| rule.sense == Sense::Permit)
    }

    /// Whether a rule of this list permits the address. Unlike [`RuleList::allows`], the list names nobody without one.
    pub fn names(&self, address: IpAddr) -> bool {
        self.deciding(address)
            .is_some_and(|rule| rule.sense == Sense::Permit)
    }
}

/// From where a user may log in: a list of its own and any number of named ones; all must allow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acl {
    lists: Vec<RuleList>,
}

impl Acl {
    /// Adds a list that must allow as well: the user's own rules, or a named list.
    pub fn push(&mut self, list: RuleList) {
        self.lists.push(list);
    }

    /// Whether a client at this address may log in. An IPv4-mapped IPv6 address counts as IPv4.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.lists.iter().all(|list| list.allows(address))
    }

    /// What each list says about an address: its name in `acl.conf` (`None` for the user's own lines), the rule
    /// that decides (`None` when no rule matches, so that the list allows), whether it allows.
    pub fn verdicts(
        &self,
        address: IpAddr,
    ) -> impl Iterator<Item = (Option<&str>, Option<&Rule>, bool)> {
        self.lists.iter().map(move |list| {
            let name = list.name.as_deref();
            (name, list.deciding(address), list.allows(address))
        })
    }

    /// Every list: its name in `acl.conf` (`None` for the user's own lines), its rules.
    pub fn lists(&self) -> impl Iterator<Item = (Option<&str>, &[Rule])> {
        let lists = self.lists.iter();
        lists.map(|list| (list.name.as_deref(), list.rules()))
    }

    /// Every rule of every list.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.lists.iter().flat_map(|list| list.rules())
    }
}

/// IPv4-mapped addresses as IPv4, everything else as it is.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn parse_address(text: &str) -> Result<IpAddr, RuleError> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .filter(|inner| inner.contains(':'))
        .unwrap_or(text);
    bare.parse().map_err(|_| why_no_address(text))
}

fn why_no_address(text: &str) -> RuleError {
    if text.is_empty() {
        return RuleError::Empty;
    }
    let numbers = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let leading_zero = |part: &str| part.len() > 1 && part.starts_with('0');
    if numbers && text.split('.').any(leading_zero) {
        RuleError::LeadingZero(cut(text))
    } else if numbers && text.split('.').count() < 4 {
        RuleError::ShortForm(cut(text))
    } else {
        RuleError::NotAnAddress(cut(text))
    }
}

fn parse_mask_v4(text: &str) -> Result<u32, RuleError> {
    if text.contains(['.', ':']) {
        let mask: Ipv4Addr = text.parse().map_err(|_| RuleError::Mask(cut(text)))?;
        return Ok(mask.to_bits());
    }
    let length = prefix_length(text, u32::BITS)?;
    Ok(u32::MAX.checked_shl(u32::BITS - length).unwrap_or(0))
}

fn parse_mask_v6(text: &str) -> Result<u128, RuleError> {
    if text.contains(['.', ':']) {
        let mask: Ipv6Addr = text.parse().map_err(|_| RuleError::Mask(cut(text)))?;
        return Ok(mask.to_bits());
    }
    let length = prefix_length(text, u128::BITS)?;
    Ok(u128::MAX.checked_shl(u128::BITS - length).unwrap_or(0))
}

fn prefix_length(text: &str, bits: u32) -> Result<u32, RuleError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|length| digits && *length <= bits)
        .ok_or_else(|| RuleError::Prefix(cut(text)))
}

/// The offending text, short enough for a message.
fn cut(text: &str) -> String {
    text.chars().take(50).collect()
}

#[cfg(test)]
#[path = "acl_tests.rs"]
mod tests;
