package main

import "fmt"

// wrk has no open loop.
var wrk = peer{
	name: "wrk",
	closed: func(j job) []string {
		return []string{"-t1", fmt.Sprintf("-c%d", j.connections), fmt.Sprintf("-d%ds", j.seconds), "--latency", j.url}
	},
	read: readWrk,
}

// wrk2 is wrk with a rate; a closed loop is a rate that it cannot reach.
var wrk2 = peer{
	name: "wrk2",
	closed: func(j job) []string {
		j.rate = 1_000_000
		return wrk2Args(j)
	},
	open: wrk2Args,
	read: readWrk,
}

func wrk2Args(j job) []string {
	return []string{"-t1", fmt.Sprintf("-c%d", j.connections), fmt.Sprintf("-d%ds", j.seconds), fmt.Sprintf("-R%d", j.rate), "--latency", j.url}
}

func readWrk(out []byte) (r report, err error) {
	r.perSecond, err = number(out, `Requests/sec:\s+([0-9.]+)`)
	r.p99 = span(out, `\s99(?:\.000)?%\s+([0-9.]+(?:us|ms|s|m))\s`)
	return r, err
}
