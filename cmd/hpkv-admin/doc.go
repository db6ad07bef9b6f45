// Command hpkv-admin looks after the log of hpkv-server while no server has it
// open, and takes backups of a running one.
//
//	hpkv-admin check DIR                  verify a log or a backup
//	hpkv-admin repair DIR --cut | --skip  make a damaged log usable
//	hpkv-admin dump DIR                   print what is in a log
//	hpkv-admin backup DIR|ADDR DEST       copy a log, of a running server by its address
//	hpkv-admin restore SRC DIR            copy a log up to its end, a time or a round
//
// Results go to standard output, progress and errors to standard error. The
// exit status is 0 if all is well, 1 if not, 2 for wrong use.
//
// There is one file for each subcommand; what they do is in package persist.
package main
