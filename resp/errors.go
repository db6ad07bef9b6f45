package resp

// The texts of Redis 7.2's error replies, complete with their prefix and without
// '-' and CRLF. Clients match on them: never vary one. The tests provoke them
// from a real server.

// Errors of any command.
const (
	ErrSyntax      = "ERR syntax error"
	ErrWrongType   = "WRONGTYPE Operation against a key holding the wrong kind of value"
	ErrNotInteger  = "ERR value is not an integer or out of range"
	ErrNotPositive = "ERR value is out of range, must be positive"
	ErrNotFloat    = "ERR value is not a valid float"
	ErrOutOfRange  = "ERR index out of range"
	ErrTimeout     = "ERR timeout is not an integer or out of range"
	ErrTimeoutSign = "ERR timeout is negative"
	ErrTimeoutLong = "ERR timeout is out of range"
	ErrOOM         = "OOM command not allowed when used memory > 'maxmemory'."
	ErrLoading     = "LOADING Redis is loading the dataset in memory"
)

// Errors of connections and authentication.
const (
	ErrNoAuth          = "NOAUTH Authentication required."
	ErrHelloNoAuth     = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
	ErrWrongPass       = "WRONGPASS invalid username-password pair or user is disabled."
	ErrNoPassword      = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
	ErrNoProto         = "NOPROTO unsupported protocol version"
	ErrProtoNotInteger = "ERR Protocol version is not an integer or out of range"
	ErrClientName      = "ERR Client names cannot contain spaces, newlines or special characters."
	ErrMaxClients      = "ERR max number of clients reached"
	ErrProtected       = "DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside."
)

// Errors of databases and keys.
const (
	ErrDBIndex        = "ERR DB index is out of range"
	ErrFirstDBIndex   = "ERR invalid first DB index"
	ErrSecondDBIndex  = "ERR invalid second DB index"
	ErrNoSuchKey      = "ERR no such key"
	ErrSameObject     = "ERR source and destination objects are the same"
	ErrCursor         = "ERR invalid cursor"
	ErrExpireNXWith   = "ERR NX and XX, GT or LT options at the same time are not compatible"
	ErrExpireGTWithLT = "ERR GT and LT options at the same time are not compatible"
	ErrFreqNotTracked = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
	ErrIdleNotTracked = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
)

// Errors of strings.
const (
	ErrOverflow  = "ERR increment or decrement would overflow"
	ErrDecrement = "ERR decrement would overflow"
	ErrNaN       = "ERR increment would produce NaN or Infinity"
	ErrInfinite  = "ERR value is NaN or Infinity"
	ErrOffset    = "ERR offset is out of range"
	ErrTooBig    = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	ErrLCSType   = "ERR The specified keys must contain string values"
	ErrLCSLenIdx = "ERR If you want both the length and indexes, please just use IDX."
	ErrLCSMemory = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
)

// Errors of sorted sets, and of numbers of keys.
const (
	ErrNXWithXX      = "ERR XX and NX options at the same time are not compatible"
	ErrGTLTNX        = "ERR GT, LT, and/or NX options at the same time are not compatible"
	ErrIncrPairs     = "ERR INCR option supports a single increment-element pair"
	ErrScoreNaN      = "ERR resulting score is not a number (NaN)"
	ErrMinMaxFloat   = "ERR min or max is not a float"
	ErrMinMaxLex     = "ERR min or max not valid string range item"
	ErrLimitByRank   = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
	ErrScoresByLex   = "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
	ErrWeight        = "ERR weight value is not a float"
	ErrNumKeys       = "ERR numkeys should be greater than 0"
	ErrTooManyKeys   = "ERR Number of keys can't be greater than number of args"
	ErrCountPositive = "ERR count should be greater than 0"
	ErrLimitNegative = "ERR LIMIT can't be negative"
	ErrValueRange    = "ERR value is out of range"
)

// Errors of geo commands.
const (
	ErrGeoUnit       = "ERR unsupported unit provided. please use M, KM, FT, MI"
	ErrGeoRadius     = "ERR need numeric radius"
	ErrGeoRadiusSign = "ERR radius cannot be negative"
	ErrGeoWidth      = "ERR need numeric width"
	ErrGeoHeight     = "ERR need numeric height"
	ErrGeoBoxSign    = "ERR height or width cannot be negative"
	ErrGeoMember     = "ERR could not decode requested zset member"
	ErrGeoCount      = "ERR COUNT must be > 0"
	ErrGeoAny        = "ERR the ANY argument requires COUNT argument"
)

// Errors of hashes.
const (
	ErrHashNotInt   = "ERR hash value is not an integer"
	ErrHashNotFloat = "ERR hash value is not a float"

	ErrFieldsMissing  = "ERR Mandatory argument FIELDS is missing or not at the right position"
	ErrNumFields      = "ERR Parameter `numFields` should be greater than 0"
	ErrNumFieldsMatch = "ERR The `numfields` parameter must match the number of arguments"
	ErrNegativeExpire = "ERR invalid expire time, must be >= 0"
)

// Errors of bitmaps.
const (
	ErrBitOffset        = "ERR bit offset is not an integer or out of range"
	ErrBitValue         = "ERR bit is not an integer or out of range"
	ErrBitPos           = "ERR The bit argument must be 1 or 0."
	ErrBitOpNot         = "ERR BITOP NOT must be called with a single source key."
	ErrBitFieldType     = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
	ErrBitFieldOverflow = "ERR Invalid OVERFLOW type specified"
	ErrBitFieldReadOnly = "ERR BITFIELD_RO only supports the GET subcommand"
)

// Errors of lists, and of commands with a number of keys.
const (
	ErrSortScore      = "ERR One or more scores can't be converted into double"
	ErrRankZero       = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list"
	ErrCountNegative  = "ERR COUNT can't be negative"
	ErrMaxLenNegative = "ERR MAXLEN can't be negative"
	ErrTimeoutFloat   = "ERR timeout is not a float or out of range"
)

// Errors of HyperLogLogs.
const (
	ErrNotHLL     = "WRONGTYPE Key is not a valid HyperLogLog string value."
	ErrCorruptHLL = "INVALIDOBJ Corrupted HLL object detected"
	ErrDenseHLL   = "ERR HLL encoding is not sparse"
	ErrNoKeyHere  = "ERR The specified key does not exist"
)

// Errors of transactions.
const (
	ErrNestedMulti        = "ERR MULTI calls can not be nested"
	ErrExecNoMulti        = "ERR EXEC without MULTI"
	ErrDiscardNoMulti     = "ERR DISCARD without MULTI"
	ErrWatchInMulti       = "ERR WATCH inside MULTI is not allowed"
	ErrNoCluster          = "ERR This instance has cluster support disabled"
	ErrNoFailover         = "ERR No failover in progress."
	ErrFailoverTimeout    = "ERR FAILOVER timeout must be greater than 0"
	ErrFailoverReplicas   = "ERR FAILOVER requires connected replicas."
	ErrNoResp2            = "ERR RESP2 is not supported by this command"
	ErrMasterPort         = "ERR Invalid master port"
	ErrDebugProtocol      = "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false"
	ErrSlowlogCount       = "ERR count should be greater than or equal to -1"
	ErrMonitorBlocking    = "ERR MONITOR isn't allowed for DENY BLOCKING client"
	ErrSsubscribeBlocking = "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"
	ErrMonitorKeys        = "ERR Replica can't interact with the keyspace"
	ErrNotInMulti         = "ERR Command not allowed inside a transaction"
	ErrExecAbort          = "EXECABORT Transaction discarded because of previous errors."
)

// Errors of CLIENT.
const (
	ErrNoSuchClient     = "ERR No such client"
	ErrClientID         = "ERR Invalid client ID"
	ErrClientIDPositive = "ERR client-id should be greater than 0"
	ErrPauseMode        = "ERR CLIENT PAUSE mode must be WRITE or ALL"
	ErrUnblockReason    = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"
	ErrUnblocked        = "UNBLOCKED client unblocked via CLIENT UNBLOCK"
	ErrTrackRedirect    = "ERR The client ID you want redirect to does not exist"
	ErrTrackOptBcast    = "ERR OPTIN and OPTOUT are not compatible with BCAST"
	ErrTrackOptBoth     = "ERR You can't specify both OPTIN mode and OPTOUT mode"
	ErrTrackPrefix      = "ERR PREFIX option requires BCAST mode to be enabled"
	ErrCachingMode      = "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
)

// Errors of CONFIG, COMMAND and SHUTDOWN. The Config… texts are reasons for
// ConfigSetFailed, not replies of their own.
const (
	ErrNoConfigFile   = "ERR The server is running without a config file"
	ErrBadCommand     = "ERR Invalid command specified"
	ErrNoKeyArguments = "ERR The command has no key arguments"
	ErrGetKeysArity   = "ERR Invalid number of arguments specified for command"
	ErrGetKeysArgs    = "ERR Invalid arguments specified for command"
	ErrShutdown       = "ERR Errors trying to SHUTDOWN. Check logs."
	ErrNoShutdown     = "ERR No shutdown in progress."

	ConfigImmutable = "can't set immutable config"
	ConfigProtected = "can't set protected config"
	ConfigDuplicate = "duplicate parameter"
	ConfigNotBool   = "argument must be 'yes' or 'no'"
	ConfigNotInt    = "argument couldn't be parsed into an integer"
	ConfigNotMemory = "argument must be a memory value"
)
