package persist

// Append hands a record to a stream and returns the round it is part of. It
// copies the payload, waits for no I/O, and may be called under other locks.
// The order of a stream is the order of its calls. Once the log has failed the
// record is forgotten; its round never becomes durable.
func (l *Log) Append(stream int, r Record) (round uint64) {
	s := &l.streams[stream]
	s.mu.Lock()
	s.add(&r)
	round = l.open
	full := l.grown(s)
	s.mu.Unlock()
	l.appended(full)
	return round
}

// Begin is the first half of an Append that spares a copy of the payload: it returns
// where the caller writes the payload, room bytes at least, which hold anything.
// Nobody else can append to the stream, and no round be taken, until the caller has
// called End, which must be next, in the same goroutine, whatever comes.
func (l *Log) Begin(stream, room int) []byte {
	s := &l.streams[stream]
	s.mu.Lock()
	return s.room(recordHead + room)[recordHead:]
}

// End is the second half: the first bytes of what Begin returned are the payload of
// the record that it appends, whose round it returns.
func (l *Log) End(stream int, shard uint16, seq uint64, payload int) (round uint64) {
	s := &l.streams[stream]
	b := &s.buf
	putHead(b.last[b.used:], 0, shard, seq, payload)
	b.used += recordHead + payload
	// The bytes of the next record are fetched by then; the buffers are more than a
	// processor keeps near while it serves commands.
	if ahead := b.used + 64; ahead < len(b.last) {
		prefetch(&b.last[ahead])
	}
	round = l.open
	full := l.grown(s)
	s.mu.Unlock()
	l.appended(full)
	return round
}

// AppendTxn hands over records that survive a crash together or not at all, and
// returns their round. Parts of one stream keep their order.
func (l *Log) AppendTxn(parts []Part) (round uint64) {
	switch {
	case len(parts) == 0:
		return 0
	case len(parts) == 1:
		return l.Append(parts[0].Stream, parts[0].Record)
	}
	var mine [MaxStreams / 64]uint64
	for i := range parts {
		mine[parts[i].Stream/64] |= 1 << (parts[i].Stream % 64)
	}
	for i := range l.streams {
		if mine[i/64]>>(i%64)&1 != 0 {
			l.streams[i].mu.Lock()
		}
	}
	for i := range parts {
		l.streams[parts[i].Stream].add(&parts[i].Record)
	}
	round = l.open
	full := false
	for i := range l.streams {
		if mine[i/64]>>(i%64)&1 != 0 {
			s := &l.streams[i]
			full = l.grown(s) || full
			s.mu.Unlock()
		}
	}
	l.appended(full)
	return round
}

// Appended returns the last round that holds a record already appended.
func (l *Log) Appended() uint64 {
	for i := range l.streams {
		l.streams[i].mu.Lock()
	}
	round := l.open - 1
	for i := range l.streams {
		if l.streams[i].buf.size() > 0 {
			round = l.open
		}
	}
	for i := range l.streams {
		l.streams[i].mu.Unlock()
	}
	return round
}

// nextRound returns the round that records join now.
func (l *Log) nextRound() uint64 {
	s := &l.streams[0]
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.open
}

// A round is not gathered any longer when a stream's buffer has so many bytes.
const (
	// bigBuffer is about what a core writes in 100 us: the committer may share its
	// core with those who serve clients. What is appended while the committer wakes
	// up still fits into the chunk, so that a round is one write.
	bigBuffer = chunkSize - 16<<10
	// bigSynced is more, under Always: the sync of a round takes longer than that.
	bigSynced = 1 << 20
)

// full returns the size that a stream's buffer may reach.
func (l *Log) full() int {
	if l.Policy() == Always {
		return bigSynced
	}
	return bigBuffer
}

// grown looks at a buffer to which something was appended, and reports whether it
// has just got full. The caller still holds the stream's mu: the round that takes
// what was appended is to find the pressure it made, and end it. Else it could last
// for ever, as callers append nothing while it does.
func (l *Log) grown(s *stream) (full bool) {
	return s.buf.size() >= l.notable && l.notice(s)
}

// notice is grown for a buffer that has got notable.
func (l *Log) notice(s *stream) (full bool) {
	if int64(s.buf.size()) >= l.o.MaxPending && !l.crowded.Load() {
		l.crowded.Store(true)
	}
	if s.buf.size() < l.full() || s.told {
		return false
	}
	s.told = true
	return true
}

// appended wakes the committer if it should begin to gather or to write; full says
// that a buffer has just got full. Under Always it is those who wait for a record
// that wake it.
func (l *Log) appended(full bool) {
	if full || l.asleep.Load() && l.Policy() != Always {
		l.wakeUp()
	}
}

// Hurry has what was appended so far written now, or as soon as the round that is
// being written is durable. Under Always every round needs somebody who asks for
// it, by this or by waiting; without, a round is written once in SyncEvery. So who
// appends for many asks once. A request is forgotten when a round becomes durable:
// who still waits after that asks again.
func (l *Log) Hurry() {
	l.asked.Store(true)
	l.wakeUp()
}

func (l *Log) wakeUp() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Pressure reports whether too much waits in memory for the disk. Callers that
// are about to append much, or from outside, then call WaitRoom first, holding
// no lock.
func (l *Log) Pressure() bool {
	return l.crowded.Load() || State(l.state.Load()) == StateDiskFull
}

// Stalled reports whether too much waits in memory for a disk that is not full: who
// can should append nothing more before WaitStalled has returned.
func (l *Log) Stalled() bool {
	return l.crowded.Load() && State(l.state.Load()) == StateOK
}

// round is what the committer took from the streams.
type round struct {
	number  uint64
	streams []uint16 // that have a part
	parts   []part   // by stream
}

// part is a round's part in one stream.
type part struct {
	chunks  [][]byte // of records; the last one with the mark, once sealed
	size    int      // of the records
	records uint32   // once sealed
	sealed  *segment // the segment whose checksums it has
	written bool
}

// pending returns the bytes that wait in memory, about.
func (l *Log) pending() (n int64) {
	for i := range l.streams {
		s := &l.streams[i]
		s.mu.Lock()
		n += int64(s.buf.size())
		s.mu.Unlock()
	}
	return n + l.count.inFlight.Load()
}
