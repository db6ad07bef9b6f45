package server

// maxTogether bounds the arguments of commands that run as one step.
const maxTogether = 1024

// runTogether executes the at-th of n commands of the window and those behind it that
// are about the same key in the same way, as one step if their row can do that. It
// returns how many there are beyond the first, 0 if nothing was done: the first is then
// dispatched as ever. One look-up and one change of a pipeline's sixteen pushes cost a
// third of sixteen.
func (x *executor) runTogether(c *client, at, n int) (more int) {
	first := &x.window[at]
	row := first.row
	if row == nil || row.Together == nil || at+1 == n || !x.unwatched(c) || x.refusal(c, first) != "" {
		return 0
	}
	calls, size := append(x.many[:0], first.args), len(first.args)
	for i := at + 1; i < n; i++ {
		k := &x.window[i]
		size += len(k.args)
		if k.row != row || size > maxTogether || !row.ArityOK(len(k.args)) || string(k.args[row.FirstKey()]) != string(first.args[row.FirstKey()]) {
			break
		}
		calls = append(calls, k.args)
	}
	x.many = calls
	if len(calls) == 1 {
		return 0
	}
	c.row = row
	x.meter.errors = x.w.Errors()
	mark := x.w.Len()
	ctx := x.begin(c, row, first.args)
	done := row.Together(ctx, calls)
	ctx.Txn.End()
	if !done {
		return 0
	}
	moved := int64(x.w.Len()-mark) / int64(len(calls))
	for i := range calls {
		k := &x.window[at+i]
		k.ran = true
		k.moved += moved
	}
	x.counts.commands += int64(len(calls))
	x.countFailure(row)
	return len(calls) - 1
}

// unwatched says whether nobody is to see the client's commands one by one, but in
// their replies: not who measures or monitors them, or holds some of them back.
func (x *executor) unwatched(c *client) bool {
	return !x.meter.single && !x.meter.monitored && c.tx == nil && !c.session.Listens && c.replies == replyOn &&
		x.srv.pauses.mode.Load() == 0 && !x.srv.congested()
}
