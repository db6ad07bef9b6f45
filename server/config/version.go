package config

// Version is hpkv's own version, reported by --version, and by INFO as hpkv_version.
const Version = "0.1.0"

// RedisVersion is the Redis release whose behaviour the server follows. Client
// libraries gate features on it, so INFO, HELLO and LOLWUT report it as the
// server's version.
const RedisVersion = "7.2.4"
