package server

import (
	"strconv"
	"time"

	"hpkv/resp"
	"hpkv/server/command"
	"hpkv/server/pubsub"
)

// monitorChannel is the channel of hub.monitors that all monitors are on.
var monitorChannel = []byte("monitor")

// redacted stands for arguments that nobody may read in MONITOR or SLOWLOG.
const redacted = "(redacted)"

func monitorRow() command.Row {
	return command.Row{Name: "monitor", Arity: 1, Flags: command.Admin | command.NoScript | command.Loading | command.Stale, Run: monitor}
}

func monitor(ctx *command.Ctx) {
	c := owner(ctx)
	switch {
	case ctx.Host == nil:
		ctx.W.Error(resp.ErrMonitorBlocking)
		return
	case c.monitor == nil:
		c.startMonitor()
	}
	ctx.W.OK()
}

func (c *client) startMonitor() {
	c.ears.Lock()
	defer c.ears.Unlock()
	if c.ears.deaf {
		return
	}
	c.monitor = c.srv.hub.monitors.Subscribe(c.mailbox(), c, monitorChannel)
	c.srv.monitored.Add(1)
}

// origin is whom a command came from, as MONITOR and the slow log show it.
type origin struct {
	addr, name string
	unix       bool
	db         int
}

// origin is where the client's commands come from. Owner.
func (c *client) origin() *origin {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &origin{addr: c.addr, name: c.mu.name, unix: c.unix, db: c.session.DB}
}

// tellMonitors shows a command that has run to the clients that monitor. full is
// an outlet that should be given time before there is more to show, or nil.
func (x *executor) tellMonitors(from *origin, row *command.Row, args [][]byte) (full *outlet) {
	if row.Is(command.SkipMonitor | command.Admin) {
		return nil
	}
	us := time.Now().UnixMicro()
	line := strconv.AppendInt([]byte{'+'}, us/1e6, 10)
	line = append(line, '.')
	for unit := int64(1e5); unit > 0; unit /= 10 {
		line = append(line, byte('0'+us/unit%10))
	}
	line = strconv.AppendInt(append(line, " ["...), int64(from.db), 10)
	line = append(line, ' ')
	if from.unix {
		line = append(line, "unix:"...)
		line = append(line, from.addr[:max(len(from.addr)-len(":0"), 0)]...)
	} else {
		line = append(line, from.addr...)
	}
	line = append(line, ']')
	for i, arg := range args {
		line = append(line, ' ')
		if row.Hides(args, i) {
			line = append(line, `"`+redacted+`"`...)
		} else {
			line = appendQuoted(line, arg)
		}
	}
	line = append(line, "\r\n"...)
	return x.srv.hub.monitors.Send(x.outlet, monitorChannel, pubsub.RawMessage(x.commit(), line))
}

// appendQuoted appends text in double quotes as Redis prints it: what is not
// printable is escaped.
func appendQuoted(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, ch := range text {
		switch {
		case ch == '\\' || ch == '"':
			dst = append(dst, '\\', ch)
		case ch >= ' ' && ch < 0x7f:
			dst = append(dst, ch)
		case ch == '\n':
			dst = append(dst, `\n`...)
		case ch == '\r':
			dst = append(dst, `\r`...)
		case ch == '\t':
			dst = append(dst, `\t`...)
		case ch == '\a':
			dst = append(dst, `\a`...)
		case ch == '\b':
			dst = append(dst, `\b`...)
		default:
			dst = append(dst, '\\', 'x', hex[ch>>4], hex[ch&15])
		}
	}
	return append(dst, '"')
}
