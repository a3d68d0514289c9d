//! The kinds of faults, by name.

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// `kill -9` of a replica, which is started again.
    KillReplica,
    /// A replica is stopped and goes on later.
    StopReplica,
    /// `FLUSHALL`.
    Flush,
    /// Keys are deleted at random, behind the service's back.
    Evict,
    /// Redis is killed and comes back empty.
    KillRedis,
    /// Redis writes a snapshot, is killed later, and comes back with that snapshot.
    OldSnapshot,
    /// Redis is stopped and goes on later.
    StopRedis,
    /// One replica's way to Redis is slow.
    SlowRedis,
    /// One replica's connections to Redis are cut, and new ones too.
    CutRedis,
    /// One replica's way to Redis takes everything and passes on nothing.
    FreezeRedis,
    /// Sessions of Postgres are ended by an administrator.
    KillBackends,
    /// One replica's way to Postgres is cut.
    CutPostgres,
    /// One replica's way to Postgres is slow.
    SlowPostgres,
    /// Clients hang up in the middle of their calls, all the time.
    CancelRequests,
    /// Another program writes straight into the tables, all the time.
    OtherProgram,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::KillReplica,
        Self::StopReplica,
        Self::Flush,
        Self::Evict,
        Self::KillRedis,
        Self::OldSnapshot,
        Self::StopRedis,
        Self::SlowRedis,
        Self::CutRedis,
        Self::FreezeRedis,
        Self::KillBackends,
        Self::CutPostgres,
        Self::SlowPostgres,
        Self::CancelRequests,
        Self::OtherProgram,
    ];

    /// As it is called at the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KillReplica => "kill-replica",
            Self::StopReplica => "stop-replica",
            Self::Flush => "flush",
            Self::Evict => "evict",
            Self::KillRedis => "kill-redis",
            Self::OldSnapshot => "old-snapshot",
            Self::StopRedis => "stop-redis",
            Self::SlowRedis => "slow-redis",
            Self::CutRedis => "cut-redis",
            Self::FreezeRedis => "freeze-redis",
            Self::KillBackends => "kill-backends",
            Self::CutPostgres => "cut-postgres",
            Self::SlowPostgres => "slow-postgres",
            Self::CancelRequests => "cancel-requests",
            Self::OtherProgram => "other-program",
        }
    }

    /// Whether it happens at moments; the others go on all the time.
    #[must_use]
    pub fn is_event(self) -> bool {
        !matches!(self, Self::CancelRequests | Self::OtherProgram)
    }
}

/// Reads `all`, `none`, or names between commas; with a minus in front of each, all but those.
pub fn parse_kinds(text: &str) -> Result<Vec<FaultKind>, String> {
    let known = |name: &str| {
        FaultKind::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = FaultKind::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("{name}: expected all, none, or some of {}", names.join(","))
        })
    };
    match text {
        "all" => Ok(FaultKind::ALL.to_vec()),
        "none" => Ok(Vec::new()),
        but if but.starts_with('-') => {
            let without = but.split(',').map(|name| known(name.trim_start_matches('-')));
            let without: Vec<FaultKind> = without.collect::<Result<_, _>>()?;
            Ok(FaultKind::ALL.into_iter().filter(|kind| !without.contains(kind)).collect())
        }
        names => names.split(',').map(known).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_excluded_or_refused() {
        assert_eq!(parse_kinds("flush,evict"), Ok(vec![FaultKind::Flush, FaultKind::Evict]));
        assert_eq!(parse_kinds("none"), Ok(Vec::new()));
        assert_eq!(parse_kinds("-flush").map(|kinds| kinds.len()), Ok(FaultKind::ALL.len() - 1));
        assert!(parse_kinds("flood").is_err());
    }
}
