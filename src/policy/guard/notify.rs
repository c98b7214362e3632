//! PJSIPNotify: Asterisk sends a NOTIFY with headers and body of the client's to an endpoint or into a call. To
//! any address at all, which it would do as well, is a way around every firewall in front of it.
//! Source: `res/res_pjsip_notify.c`, `manager_notify`.

use crate::policy::user::User;
use crate::protocol::request::Request;

pub(super) fn check(_user: &User, request: Request<'_>) -> Result<(), &'static str> {
    if request.get_or_empty("URI").is_empty() {
        Ok(())
    } else {
        Err("Permission denied")
    }
}
