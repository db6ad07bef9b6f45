package command

// Flag is a set of properties of a command. Those up to AllowBusy are reported
// by COMMAND under Redis' names; the rest are ours and steer the dispatcher.
type Flag uint64

const (
	Write           Flag = 1 << iota // may modify the data set
	ReadOnly                         // reads keys, never modifies the data set
	DenyOOM                          // refused while memory is above the limit
	Admin                            // for operators; implies @admin and @dangerous
	PubSub                           // publishes or subscribes; implies @pubsub
	NoScript                         // refused inside scripts
	Blocking                         // may park the client; implies @blocking
	Loading                          // served while the data set is loaded
	Stale                            // served by a replica that lost its master
	SkipMonitor                      // not shown to MONITOR
	SkipSlowlog                      // never enters the slow log
	Fast                             // constant or logarithmic time; implies @fast, its absence @slow
	NoAuth                           // served before the client authenticates
	MayReplicate                     // can propagate although it is not a Write (PUBLISH); not reported
	NoMandatoryKeys                  // all of its key arguments are optional
	NoAsyncLoading                   // refused while a replica loads in the background
	NoMulti                          // refused inside MULTI

	// MovableKeys: the legacy first, last, step triple does not tell where all
	// the keys are. Derived by NewTable; a row must not set it.
	MovableKeys

	AllowBusy // served while a script runs too long

	// AllShards: touches keys it does not name (FLUSHALL, SWAPDB, KEYS, SCAN,
	// RANDOMKEY, DBSIZE, ...). EXEC and other multi-command transactions lock
	// every shard for it; alone, the engine operation takes what it needs.
	AllShards

	// Optimistic: names several keys but needs no lock before it runs, because
	// its engine operation is atomic by itself (MGET, EXISTS) or needs no
	// atomicity (TOUCH).
	Optimistic

	// Steady: slow by Redis' list, and yet its time follows from the bytes of
	// the command line and of the reply, as that of a Fast command does.
	Steady

	// In a transaction.
	Immediate // executed at once, not queued
	EndsMulti // ends the transaction, well or not
	RunsQueue // runs what is queued: it does all that the queued commands do (EXEC)

	// On a connection.
	Pushes          // answers by pushes, not by a reply (SUBSCRIBE and its kin)
	WhileSubscribed // allowed to a RESP2 client with subscriptions, which takes other replies for messages
	Probe           // refused, as writes are, while the log cannot be written: clients ask by it whether all is well (PING)
	Patient         // once deferred it may wait for others, as a Blocking command does, or stop them (DEBUG)

	// Over HTTP.
	OfConnection // about the connection it came over: not available
	Events       // can be asked for as server-sent events
	Informs      // an Admin command that changes nothing and tells no secrets: available
	NoData       // neither reads nor changes data or settings: available to who may use some keys only
	TellsKeys    // its reply names keys of its arguments: not available to who does not see their real names
)

// flagNames are the flags COMMAND reports, in Redis' order.
var flagNames = [...]struct {
	flag Flag
	name string
}{
	{Write, "write"}, {ReadOnly, "readonly"}, {DenyOOM, "denyoom"}, {Admin, "admin"},
	{PubSub, "pubsub"}, {NoScript, "noscript"}, {Blocking, "blocking"}, {Loading, "loading"},
	{Stale, "stale"}, {SkipMonitor, "skip_monitor"}, {SkipSlowlog, "skip_slowlog"},
	{Fast, "fast"}, {NoAuth, "no_auth"},
	{NoMandatoryKeys, "no_mandatory_keys"}, {NoAsyncLoading, "no_async_loading"},
	{NoMulti, "no_multi"}, {MovableKeys, "movablekeys"}, {AllowBusy, "allow_busy"},
}

// Names lists the flags that COMMAND reports.
func (f Flag) Names() []string {
	var names []string
	for _, n := range flagNames {
		if f&n.flag != 0 {
			names = append(names, n.name)
		}
	}
	return names
}
