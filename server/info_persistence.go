package server

import (
	"fmt"
	"time"

	"hpkv/persist"
)

// infoPersistence has Redis' fields. Its rdb_ fields speak of the last time when
// everything was known to be on the disk (SAVE, BGSAVE), its rewrites are
// compactions. There is no child process: what would be about one is 0. No key is
// left out while loading because its time is over: it expires afterwards as others
// do. A change is what the log has a record of: a command's change of a key, of
// however many elements, where Redis counts these.
func infoPersistence(w *infoWriter, s *Server) {
	d := &s.durability
	loading := d.obstacle.Load()&obstacleLoading != 0
	j := d.journal.Load()
	var st persist.Stats
	if j != nil {
		st = j.Log().Stats()
	}
	w.num("loading", bit(loading))
	w.num("async_loading", 0)
	w.num("current_cow_peak", 0)
	w.num("current_cow_size", 0)
	w.num("current_cow_size_age", 0)
	w.str("current_fork_perc", "0.00")
	w.num("current_save_keys_processed", 0)
	w.num("current_save_keys_total", 0)
	unix, changes := d.lastSave()
	w.num("rdb_changes_since_last_save", int64(w.engine().Changes-changes))
	d.save.info(func(t *taskInfo) {
		w.num("rdb_bgsave_in_progress", bit(t.running))
		w.num("rdb_last_save_time", unix)
		w.str("rdb_last_bgsave_status", okOrErr(t.failures == 0))
		w.num("rdb_last_bgsave_time_sec", t.last)
		w.num("rdb_current_bgsave_time_sec", t.current)
		w.num("rdb_saves", t.runs)
	})
	w.num("rdb_last_cow_size", 0)
	w.num("rdb_last_load_keys_expired", 0)
	w.num("rdb_last_load_keys_loaded", d.loaded.Load())
	w.num("aof_enabled", bit(j != nil))
	d.compaction.info(func(t *taskInfo) {
		w.num("aof_rewrite_in_progress", bit(t.running))
		w.num("aof_rewrite_scheduled", 0)
		w.num("aof_last_rewrite_time_sec", t.last)
		w.num("aof_current_rewrite_time_sec", t.current)
		w.str("aof_last_bgrewrite_status", okOrErr(t.failures == 0))
		w.num("aof_rewrites", t.runs)
		w.num("aof_rewrites_consecutive_failures", t.failures)
	})
	w.str("aof_last_write_status", okOrErr(st.State == persist.StateOK))
	w.num("aof_last_cow_size", 0)
	w.num("module_fork_in_progress", 0)
	w.num("module_fork_last_cow_size", 0)
	if j != nil {
		w.num("aof_current_size", st.Size)
		w.num("aof_base_size", st.BaseSize)
		w.num("aof_pending_rewrite", 0)
		w.num("aof_buffer_length", st.Pending)
		w.num("aof_pending_bio_fsync", bit(st.Synced < st.Written))
		w.num("aof_delayed_fsync", st.Delayed)
	}
	if loading {
		d.infoLoading(w)
	}
	if j != nil {
		infoLog(w, &st)
		d.infoBackup(w)
	}
}

// infoBackup tells how far backups are. Of several that are written at once the bytes
// are those of the one that has just copied some.
func (d *durability) infoBackup(w *infoWriter) {
	b := &d.backup
	b.Lock()
	defer b.Unlock()
	w.num("log_backups_in_progress", b.running)
	w.num("log_backup_copied_bytes", b.done)
	w.num("log_backup_total_bytes", b.total)
}

func (d *durability) infoLoading(w *infoWriter) {
	l := &d.load
	l.Lock()
	defer l.Unlock()
	w.num("loading_start_time", l.begun.Unix())
	w.num("loading_total_bytes", l.total)
	w.num("loading_rdb_used_mem", 0)
	w.num("loading_loaded_bytes", l.done)
	w.str("loading_loaded_perc", fmt.Sprintf("%.2f", 100*float64(l.done)/float64(max(l.total, 1))))
	w.num("loading_eta_seconds", d.etaLocked())
}

// infoLog has the log's own figures, which Redis has no fields for.
func infoLog(w *infoWriter, st *persist.Stats) {
	w.str("log_state", st.State.String())
	w.num("log_segments", int64(st.Segments))
	w.num("log_rounds", st.Rounds)
	w.num("log_rounds_written", int64(st.Written))
	w.num("log_rounds_synced", int64(st.Synced))
	w.num("log_records", st.Records)
	w.num("log_bytes", st.Bytes)
	w.num("log_syncs", st.Syncs)
	w.num("log_last_sync_usec", st.LastSync.Microseconds())
	w.num("log_sync_usec_total", st.SyncTotal.Microseconds())
	w.num("log_compactions", st.Compactions)
}

// taskInfo is a task at one moment. Times are in seconds, -1 for none.
type taskInfo struct {
	running        bool
	last, current  int64
	runs, failures int64
}

func (t *task) info(write func(*taskInfo)) {
	t.mu.Lock()
	i := taskInfo{running: !t.since.IsZero(), last: -1, current: -1, runs: t.runs, failures: t.failures}
	if t.last > 0 {
		i.last = int64(t.last / time.Second)
	}
	if i.running {
		i.current = int64(time.Since(t.since) / time.Second)
	}
	t.mu.Unlock()
	write(&i)
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func okOrErr(ok bool) string {
	if ok {
		return "ok"
	}
	return "err"
}
