//! A table that another program has locked: what needs it is refused, in the time of one wait for a lock.
