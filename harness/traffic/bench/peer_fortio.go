package main

import (
	"encoding/json"
	"fmt"
)

var fortio = peer{name: "fortio", closed: fortioArgs, open: fortioArgs, read: readFortio}

// fortioArgs: a rate of 0 is as fast as it can.
func fortioArgs(j job) []string {
	return []string{"load", "-quiet", "-c", fmt.Sprint(j.connections), "-qps", fmt.Sprint(j.rate),
		"-t", fmt.Sprintf("%ds", j.seconds), "-r", "0.00001", "-p", "99", "-json", "-", j.url}
}

func readFortio(out []byte) (report, error) {
	var said struct {
		ActualQPS         float64
		DurationHistogram struct {
			Percentiles []struct{ Percentile, Value float64 }
		}
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return report{}, err
	}
	r := report{perSecond: said.ActualQPS}
	for _, p := range said.DurationHistogram.Percentiles {
		if p.Percentile == 99 {
			r.p99 = seconds(p.Value)
		}
	}
	return r, nil
}
