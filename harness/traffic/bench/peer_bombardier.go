package main

import (
	"encoding/json"
	"fmt"
	"time"
)

var bombardier = peer{
	name:   "bombardier",
	closed: bombardierArgs,
	open:   func(j job) []string { return append([]string{"-r", fmt.Sprint(j.rate)}, bombardierArgs(j)...) },
	read:   readBombardier,
}

func bombardierArgs(j job) []string {
	return []string{"-c", fmt.Sprint(j.connections), "-d", fmt.Sprintf("%ds", j.seconds), "-l", "-p", "r", "-o", "json", j.url}
}

func readBombardier(out []byte) (report, error) {
	var said struct {
		Result struct {
			RPS     struct{ Mean float64 }
			Latency struct{ Percentiles map[string]float64 } // microseconds
		}
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return report{}, err
	}
	p99 := time.Duration(said.Result.Latency.Percentiles["99"] * float64(time.Microsecond))
	return report{said.Result.RPS.Mean, p99}, nil
}
