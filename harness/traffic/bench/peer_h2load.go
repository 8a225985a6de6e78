package main

import "fmt"

// h2load has no open loop and tells no percentiles.
var h2load = peer{
	name: "h2load",
	closed: func(j job) []string {
		return []string{"--h1", "-t1", fmt.Sprintf("-c%d", j.connections), fmt.Sprintf("-D%d", j.seconds), j.url}
	},
	read: func(out []byte) (r report, err error) {
		r.perSecond, err = number(out, `finished in .*, ([0-9.]+) req/s`)
		return r, err
	},
}
