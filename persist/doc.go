// Package persist keeps an append-only log of opaque records in one directory.
// FORMAT.md describes every byte of it.
//
// # Streams and rounds
//
// A Log has several streams, each a sequence of segment files. [Log.Append]
// copies a record into its stream's buffer in memory and never waits for the
// disk. A committer goroutine gathers what all streams hold into a round: it
// takes all buffers at one moment, which makes the round a consistent cut,
// writes them, each followed by a round mark, and syncs the files as the policy
// says. After a crash a round counts entirely or not at all, and only if every
// round before it counts; so records handed over together, by
// [Log.AppendTxn], survive together.
//
// # Generations and compaction
//
// Every Open begins a generation: the log of the runs before is closed where
// recovery found its end, and new segments are begun. So the number of streams
// may differ from run to run. Compaction copies nothing by itself: between
// [Log.BeginCompaction] and [Compaction.Finish] the caller appends its whole
// state as ordinary records; Finish then drops what is older.
//
// # What goes wrong, and what happens then
//
//   - Disk full: the round is kept in memory and tried again until there is
//     room; [Log.State] is StateDiskFull meanwhile, and callers refuse writes.
//   - Any other error of a write, and any error of a sync: StateFailed until
//     the log is closed and opened again. A sync that succeeds after one that
//     failed proves nothing: the system may have dropped the data.
//   - Directory removed or replaced under a running log: StateFailed within
//     about a second.
//   - Directory not writable, or in use by another process: Open fails and
//     leaves everything as it was.
//   - A torn or damaged end of the log: cut, and told in [RecoveryReport].
//   - Damage before data that was known to be synced, a missing segment, a
//     damaged or missing manifest: Open fails with a [*CorruptError] and
//     changes nothing; [Repair] (hpkv-admin repair) is the way on.
//   - The clock goes backwards: the times in round marks stand still until the
//     clock has caught up, so they never decrease.
package persist
