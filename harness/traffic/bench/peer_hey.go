package main

import "fmt"

// hey limits the rate of each worker.
var hey = peer{
	name:   "hey",
	closed: heyArgs,
	open: func(j job) []string {
		return append([]string{"-q", fmt.Sprint(float64(j.rate) / float64(j.connections))}, heyArgs(j)...)
	},
	read: func(out []byte) (r report, err error) {
		r.perSecond, err = number(out, `Requests/sec:\s+([0-9.]+)`)
		if p99, unknown := number(out, `99%+ in ([0-9.]+) secs`); unknown == nil {
			r.p99 = seconds(p99)
		}
		return r, err
	},
}

func heyArgs(j job) []string {
	return []string{"-z", fmt.Sprintf("%ds", j.seconds), "-c", fmt.Sprint(j.connections), j.url}
}
