//! The internal database: `DBGet`, `DBGetTree`, `DBPut`, `DBDel` (`main/db.c`).

use super::{Execution, Outcome};

/// The entry's path, or the error for a missing header.
fn path(execution: &mut Execution<'_>) -> Option<Vec<u8>> {
    let (family, key) = (
        execution.get("Family").to_vec(),
        execution.get("Key").to_vec(),
    );
    if family.is_empty() {
        execution.reply.error("No family specified.");
        return None;
    }
    if key.is_empty() {
        execution.reply.error("No key specified.");
        return None;
    }
    Some([b"/", &*family, b"/", &*key].concat())
}

pub(super) fn get(execution: &mut Execution<'_>) -> Outcome {
    let Some(path) = path(execution) else {
        return Outcome::Done;
    };
    let (family, key) = (
        execution.get("Family").to_vec(),
        execution.get("Key").to_vec(),
    );
    let Some(value) = execution.world.database.get(&path).cloned() else {
        execution.reply.error("Database entry not found");
        return Outcome::Done;
    };
    execution.reply.list_start("Result will follow");
    let item = execution
        .reply
        .item("DBGetResponse")
        .header("Family", family);
    item.header("Key", key)
        .header("Val", value)
        .action_id_in(256)
        .end();
    execution.reply.list_end("DBGetComplete", 1).end();
    Outcome::Done
}

pub(super) fn get_tree(execution: &mut Execution<'_>) -> Outcome {
    let mut prefix = Vec::new();
    for name in ["Family", "Key"] {
        let part = execution.get(name);
        if !part.is_empty() {
            prefix.extend_from_slice(b"/");
            prefix.extend_from_slice(part);
        }
    }
    let below = [&*prefix, b"/"].concat();
    execution.reply.list_start("Result will follow");
    let mut count = 0;
    for (path, value) in &execution.world.database {
        if *path == prefix || path.starts_with(&below) {
            let item = execution
                .reply
                .item("DBGetTreeResponse")
                .header("Key", path);
            item.header("Val", value).action_id_in(256).end();
            count += 1;
        }
    }
    execution.reply.list_end("DBGetTreeComplete", count).end();
    Outcome::Done
}

pub(super) fn put(execution: &mut Execution<'_>) -> Outcome {
    /// Most entries; a real one has a disk.
    const ENTRIES_MAX: usize = 100_000;
    let Some(path) = path(execution) else {
        return Outcome::Done;
    };
    if execution.world.database.len() >= ENTRIES_MAX {
        execution.reply.error("Failed to update entry");
        return Outcome::Done;
    }
    let value = execution.get("Val").to_vec();
    execution.world.database.insert(path, value);
    execution.reply.success("Updated database successfully");
    Outcome::Done
}

pub(super) fn del(execution: &mut Execution<'_>) -> Outcome {
    let Some(path) = path(execution) else {
        return Outcome::Done;
    };
    if execution.world.database.remove(&path).is_some() {
        execution.reply.success("Key deleted successfully");
    } else {
        execution.reply.error("Database entry could not be deleted");
    }
    Outcome::Done
}
