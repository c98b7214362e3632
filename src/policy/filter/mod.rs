//! Filters as Asterisk writes them in `manager.conf`: what an event or an action must look like, in the legacy form
//! (one regular expression over the whole message) and in the advanced form (`name`, `header`, `method`). The same
//! grammar serves event filters and their mirror, the action filters.

pub mod advice;
pub mod criteria;
pub mod ere;
pub mod matcher;
pub mod shape;
pub mod table;
pub mod trial;
