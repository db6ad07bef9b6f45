// Package proc starts the servers under measurement, keeps them on their
// processors, and accounts for what they use.
//
// # Life of a server
//
// Start picks a free port, starts the process with the wanted processor
// affinity already in force (so that a runtime that sizes itself from the
// affinity mask sees it), and returns once PING is answered. Stop ends it.
// Pause and Resume stop and continue the whole process: several servers can
// hold their loaded data at once while only the measured one uses processor
// time. On Linux a server dies with the benchmark, also when the benchmark is
// killed.
//
// # CPU time
//
// CPU reads the process's CPU clock where the system has one for other
// processes (Linux: clock_gettime with the clock of the pid, nanoseconds,
// threads that ended included), else user plus system time of
// /proc/PID/stat, which counts in ticks of 10 ms. The two are the same
// quantity; the first can resolve runs of a few milliseconds.
package proc
