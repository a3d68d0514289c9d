//! The mutants. Each is a natural reading of the protocol, or a guard that one might think away.

use crate::{Change, Mutant};

const SEQUENCE_STARTS_ABOVE: &str = "redis.call('SET', KEYS[1], now[1] .. string.format('%06d', now[2]))";
const SEQUENCE_STARTS_AT_ONE: &str = "redis.call('SET', KEYS[1], 0)";

/// Every mutant.
pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "echo_not_compared",
        does: "replies count whatever number came back behind them",
        changes: &[
            Change {
                file: "crates/aside-redis/src/replies.rs",
                was: " && text == number.to_string().as_bytes()",
                is: " && !text.is_empty()",
            },
            Change {
                file: "crates/aside-redis/src/replies.rs",
                was: "            _another_commands => Err(self.out_of_step()),\n",
                is: "            _another_commands => Ok(replies),\n",
            },
        ],
        noticed_by: &[
            &["--package", "aside-redis", "--lib", "replies_count_only_with_the_number"],
            &["--test", "service", "a_reply_too_many_of_the_right_type"],
        ],
    },
    Mutant {
        name: "checksum_not_compared",
        does: "a value is returned whatever its checksum",
        changes: &[Change {
            file: "crates/aside-cache/src/protocol/entry.rs",
            was: "if header.get_u64() != checksum {",
            is: "if header.get_u64() == 0 && checksum != 0 {",
        }],
        noticed_by: &[&["--test", "service", "the_value_of_another_entry_is_a_miss"]],
    },
    Mutant {
        name: "no_fence",
        does: "writers do not fence, they only delete after their COMMIT",
        changes: &[Change {
            file: "crates/aside-cache/src/protocol/fence.rs",
            was: "        publish(handle, &FENCE, &self.entries, own).await?;\n",
            is: "        let _not_sent = (handle, &FENCE, own);\n",
        }],
        noticed_by: &[&["--test", "service", "crash_after_commit"]],
    },
    Mutant {
        name: "leases_named_by_client",
        does: "a lease names the process and not the fill",
        changes: &[Change {
            file: "crates/aside-cache/src/protocol/lease.rs",
            was: "entries.iter().map(|_| Token::random()).collect();",
            is: "entries.iter().map(|_| Token::from_slice(&[7; 16]).expect(\"16 bytes\")).collect();",
        }],
        noticed_by: &[&["--test", "service", "lease_reused_by_its_owner"]],
    },
    Mutant {
        name: "flights_joined_too_late",
        does: "readers join a load whose statement was issued before they came",
        changes: &[
            Change {
                file: "crates/aside-cache/src/read/misses.rs",
                was: "        self.flights.set_joinable(guards.iter(), false);\n        let handle",
                is: "        let handle",
            },
            Change {
                file: "crates/aside-cache/src/read/misses.rs",
                was: "        let _permit = permit?;\n        self.flights.set_joinable(guards.iter(), false);\n",
                is: "        let _permit = permit?;\n",
            },
        ],
        noticed_by: &[&["--test", "service", "joining_a_dead_flight"]],
    },
    Mutant {
        name: "fences_not_waited_for",
        does: "readers load under a write fence at once, one load after the other until its release",
        changes: &[Change {
            file: "crates/aside-cache/src/read/misses.rs",
            was: "                Acquired::Fenced if now < waits_until.fence => attempted.fenced.push(guard),\n",
            is: "",
        }],
        noticed_by: &[&["--test", "service", "write_of_a_hot_entry"]],
    },
    Mutant {
        name: "invalidation_before_the_commit",
        does: "entries are invalidated, and the fence is released, before the COMMIT",
        changes: &[
            Change {
                file: "crates/aside-cache/src/write.rs",
                was: "        let fence = self.protocol.fence(token, changed.entries).await;\n",
                is: "        let fence = self.protocol.fence(token, changed.entries).await;\n        \
                     let released = fence.release(Ended::Committed).await;\n",
            },
            Change {
                file: "crates/aside-cache/src/write.rs",
                was: "                let released = fence.release(Ended::Committed).await;\n",
                is: "",
            },
            Change {
                file: "crates/aside-cache/src/write.rs",
                was: "                fence.release(Ended::RolledBack).await;\n",
                is: "",
            },
            Change { file: "crates/aside-cache/src/write.rs", was: "                drop(fence);\n", is: "" },
        ],
        noticed_by: &[&["--test", "service", "the_fence_is_set_after_the_rows_are_changed"]],
    },
    Mutant {
        name: "release_of_ones_own_fence_only",
        does: "a release leaves what came in place of a fence that was evicted",
        changes: &[Change {
            file: "crates/aside-cache/src/protocol/scripts/release.lua",
            was: "  if held and (held == ARGV[1] or string.sub(held, 1, 1) ~= 'F') then\n",
            is: "  if held == ARGV[1] then\n",
        }],
        noticed_by: &[&["--test", "service", "evicted_fence"]],
    },
    Mutant {
        name: "no_freshness_check",
        does: "near entries are believed by the messages alone",
        changes: &[Change {
            file: "crates/aside-cache/src/near/freshness.rs",
            was: "last.issued_at.elapsed() <= self.life => {",
            is: "last.issued_at.elapsed() <= self.life + Duration::from_hours(1) => {",
        }],
        noticed_by: &[&["--test", "service", "invalidation_message_lost"]],
    },
    Mutant {
        name: "any_freshness_check_under_way",
        does: "a read believes near entries once the freshness check under way is answered, however old it is by then",
        changes: &[Change {
            file: "crates/aside-cache/src/near/freshness.rs",
            was: "            && self.recent(connection) != Recent::Over\n",
            is: "",
        }],
        noticed_by: &[&["--test", "service", "freshness_check_from_before_a_write"]],
    },
    Mutant {
        name: "commits_at_once",
        does: "writers do not wait, after their fence, for the end of freshness checks from before it",
        changes: &[Change {
            file: "crates/aside-cache/src/protocol/fence.rs",
            was: "                wait_out_freshness_checks().await;\n                fence.is_sure",
            is: "                fence.is_sure",
        }],
        noticed_by: &[&["--test", "service", "writer_goes_on_when_no_older"]],
    },
    Mutant {
        name: "fill_permits_without_identity",
        does: "a reader keeps a value in a slot where another reader has placed its fill permit since",
        changes: &[Change {
            file: "crates/aside-cache/src/near/permit_table.rs",
            was: "*permit.get() == number",
            is: "*permit.get() != u64::MAX",
        }],
        noticed_by: &[&["--package", "aside-cache", "--lib", "a_permit_does_not_count_once_another_was_placed"]],
    },
    Mutant {
        name: "sequence_starts_at_one_again",
        does: "a sequence that was lost begins anew",
        changes: &[
            Change {
                file: "crates/aside-cache/src/protocol/scripts/fence.lua",
                was: SEQUENCE_STARTS_ABOVE,
                is: SEQUENCE_STARTS_AT_ONE,
            },
            Change {
                file: "crates/aside-cache/src/protocol/scripts/release.lua",
                was: SEQUENCE_STARTS_ABOVE,
                is: SEQUENCE_STARTS_AT_ONE,
            },
            Change {
                file: "crates/aside-cache/src/protocol/scripts/invalidate.lua",
                was: SEQUENCE_STARTS_ABOVE,
                is: SEQUENCE_STARTS_AT_ONE,
            },
            Change {
                file: "crates/aside-cache/src/near/start_sequence.lua",
                was: "now[1] .. string.format('%06d', now[2]), 'PX'",
                is: "1, 'PX'",
            },
        ],
        noticed_by: &[&["--test", "service", "sequence"]],
    },
    Mutant {
        name: "relay_that_skips_leases",
        does: "the relay leaves a lease whose load may have begun before the commit",
        changes: &[Change {
            file: "crates/aside-cache/src/protocol/scripts/invalidate.lua",
            was: "  if held ~= '' and held ~= 'F' then\n",
            is: "  if held == 'V' then\n",
        }],
        noticed_by: &[&["--test", "service", "late_fill_after_the_relay_has_invalidated"]],
    },
    Mutant {
        name: "no_run_id",
        does: "keys and values of a Redis that was restarted are believed",
        changes: &[
            Change {
                file: "crates/aside-redis/src/binding.rs",
                was: "namespace: format!(\"{}{run_id}:\", self.key_prefix),",
                is: "namespace: format!(\"{}{}:\", self.key_prefix, &run_id[..0]),",
            },
            // Values carry their identity, which has it too.
            Change {
                file: "crates/aside-redis/src/identity.rs",
                was: "[run_id, replication_id, database]",
                is: "[&run_id[..0], &replication_id[..0], database]",
            },
        ],
        noticed_by: &[&["--test", "service", "snapshot"]],
    },
    Mutant {
        name: "identity_is_the_process",
        does: "values and leases carry the process that they were written to, not its mastership",
        changes: &[Change {
            file: "crates/aside-redis/src/identity.rs",
            was: "[run_id, replication_id, database]",
            is: "[run_id, &replication_id[..0], database]",
        }],
        noticed_by: &[&["--test", "service", "of_a_former_mastership_are_not_shown"]],
    },
    Mutant {
        name: "identity_not_probed",
        does: "a probe does not compare where its connection leads with where it led",
        changes: &[Change {
            file: "crates/aside-redis/src/probe.rs",
            was: "if server.identity != connection.server.identity {",
            is: "if server.run_id.is_empty() {",
        }],
        noticed_by: &[&["--test", "service", "open_connections_that_are_moved"]],
    },
    Mutant {
        name: "self_test_skipped",
        does: "connections through a pooler are used whatever it does with prepared statements",
        changes: &[
            Change {
                file: "crates/aside-postgres/src/primary.rs",
                was: "        self.tested.get_or_try_init(async || self.test().await.map(drop)).await?;\n",
                is: "",
            },
            Change {
                file: "crates/aside-postgres/src/primary.rs",
                was: "self.set_up(self.test().await?).await",
                is: "self.connect().await",
            },
        ],
        noticed_by: &[&["--test", "service", "pooler_that_"]],
    },
    Mutant {
        name: "no_rollback",
        does: "connections are given back with whatever transaction is open on them",
        changes: &[Change {
            file: "crates/aside-postgres/src/pool.rs",
            was: "Ok(Pooled { connection: Some(connection), dirty: Dirty::Transaction })",
            is: "Ok(Pooled { connection: Some(connection), dirty: Dirty::No })",
        }],
        noticed_by: &[&["--test", "service", "no_acknowledged_write_is_lost_to_callers_who_went_away_inside_begin"]],
    },
    Mutant {
        name: "always_trusted",
        does: "Redis is trusted after a write that could not be fenced",
        changes: &[Change {
            file: "crates/aside-cache/src/protocol/trust.rs",
            was: "        self.shared.recovered_at.load(Ordering::SeqCst) == self.losses()\n",
            is: "        self.shared.recovered_at.load(Ordering::SeqCst) > 0\n",
        }],
        noticed_by: &[&["--test", "service", "what_was_written_while_redis_was_out_of_reach_is_never_undone"]],
    },
];

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fs};

    use super::*;
    use crate::sources::{replaced, root};

    /// Else nothing is tried, and nobody knows.
    #[test]
    fn each_guard_is_where_its_mutant_looks_for_it() {
        for mutant in MUTANTS {
            let mut changed = std::collections::HashMap::<&str, String>::new();
            for change in mutant.changes {
                let text = changed
                    .remove(change.file)
                    .unwrap_or_else(|| fs::read_to_string(root().join(change.file)).expect("the file is there"));
                let text = replaced(&text, change).unwrap_or_else(|error| panic!("{}: {error}", mutant.name));
                changed.insert(change.file, text);
            }
        }
    }

    #[test]
    fn each_mutant_has_a_name_of_its_own() {
        let names: HashSet<&str> = MUTANTS.iter().map(|mutant| mutant.name).collect();

        assert_eq!(names.len(), MUTANTS.len());
    }
}
