//! The commands and scripts of the cell, each atomic: the protocol's table, a function for each row.
//!
//! A fill, a fence and a lift are scripts in the service; here they are functions from a cell to a cell.

use crate::fencing::cell::{Cell, Token, Version};
use crate::fencing::rules::{FenceDoes, Fill, Lift};

/// `SET NX` of a lease. Gives the new cell, or nothing if something is there.
pub(super) fn acquire(cell: Cell, token: Token) -> Option<Cell> {
    (cell == Cell::Absent).then_some(Cell::Lease(token))
}

/// Early refresh: puts the token into the value, if it is still that value and nobody refreshes it.
pub(super) fn claim(cell: Cell, seen: Version, token: Token) -> Option<Cell> {
    let unclaimed = cell == Cell::value(seen);
    unclaimed.then_some(Cell::Value { version: seen, refresh: token })
}

/// Stores, or rejects.
pub(super) fn fill(rule: Fill, cell: Cell, token: Token, version: Version) -> Option<Cell> {
    let stores = match (rule, cell) {
        (Fill::Always, _) | (Fill::IfNewer, Cell::Absent) => true,
        (Fill::IfNewer, Cell::Value { version: old, .. }) => version > old,
        (Fill::IfNewer, Cell::Lease(_) | Cell::Fence(_)) | (Fill::IfTokenIsThere, Cell::Absent | Cell::Fence(_)) => {
            false
        }
        (Fill::IfTokenIsThere, Cell::Lease(there) | Cell::Value { refresh: there, .. }) => there.matches(token),
    };
    stores.then_some(Cell::value(version))
}

/// Makes the cell this write's fence. `version` is what the write will commit.
pub(super) fn fence(rule: FenceDoes, cell: Cell, token: Token, version: Version) -> Cell {
    match rule {
        FenceDoes::Overwrites => Cell::Fence(token),
        FenceDoes::OnlyIfAbsent if cell == Cell::Absent => Cell::Fence(token),
        FenceDoes::OnlyIfAbsent => cell,
        FenceDoes::Deletes => Cell::Absent,
        FenceDoes::StoresNewVersion => Cell::value(version),
    }
}

/// What the lift makes of the cell. `version` is what the write has committed, 0 if nothing.
pub(super) fn lift(rule: Lift, cell: Cell, token: Token, version: Version) -> Cell {
    let own = matches!(cell, Cell::Fence(there) if there.matches(token));
    let deletes = match rule {
        Lift::DeletesAllButOthersFence => own || !matches!(cell, Cell::Fence(_)),
        Lift::DeletesOwnFence => own,
        Lift::DeletesAll => true,
        Lift::StoresIfNewer => {
            return if version == 0 { cell } else { fill(Fill::IfNewer, cell, Token::NONE, version).unwrap_or(cell) };
        }
        Lift::Never => false,
    };
    if deletes { Cell::Absent } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: Token = Token(3);
    const THEIRS: Token = Token(4);

    #[test]
    fn a_fill_wants_its_own_token() {
        let fill = |cell| fill(Fill::IfTokenIsThere, cell, MINE, 1);
        let refreshed_by = |refresh| Cell::Value { version: 0, refresh };

        assert_eq!(fill(Cell::Lease(MINE)), Some(Cell::value(1)));
        assert_eq!(fill(refreshed_by(MINE)), Some(Cell::value(1)));
        assert_eq!(fill(Cell::Lease(THEIRS)), None);
        assert_eq!(fill(refreshed_by(THEIRS)), None);
        assert_eq!(fill(Cell::Fence(MINE)), None);
        assert_eq!(fill(Cell::Absent), None);
    }

    #[test]
    fn a_lift_deletes_whatever_is_there_but_anothers_fence() {
        let lift = |cell| lift(Lift::DeletesAllButOthersFence, cell, MINE, 1);

        for deleted in [Cell::Absent, Cell::value(0), Cell::Lease(THEIRS), Cell::Fence(MINE)] {
            assert_eq!(lift(deleted), Cell::Absent);
        }
        assert_eq!(lift(Cell::Fence(THEIRS)), Cell::Fence(THEIRS));
    }
}
