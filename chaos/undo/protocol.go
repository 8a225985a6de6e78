package undo

import (
	"errors"
	"time"
)

// protocol is the version of what harness and helper say to each other, one
// JSON object a line. Both are the same program unless it was replaced meanwhile.
//
//	harness                                     helper
//	{"hello":{"protocol":1,"lease":..,..}}      {"ready":1}
//	{"register":1,"step":{...}}                 {"registered":1}
//	{"done":1}                                  {"released":1}
//	{"renew":true}
//	                                            {"taken":{...}}          for each step
//	                                            {"over":true,"by":"lease"}
//
// End of file without a step registered is an orderly end.
const protocol = 1

// word is a line to the helper.
type word struct {
	Hello    *hello `json:"hello,omitempty"`
	Register int    `json:"register,omitempty"`
	Step     *Step  `json:"step,omitempty"`
	Done     int    `json:"done,omitempty"`
	Renew    bool   `json:"renew,omitempty"`
}

type hello struct {
	Protocol int           `json:"protocol"`
	Lease    time.Duration `json:"lease"` // nanoseconds
	File     string        `json:"file"`
}

// reply is a line from the helper.
type reply struct {
	Ready      int    `json:"ready,omitempty"`
	Registered int    `json:"registered,omitempty"`
	Released   int    `json:"released,omitempty"`
	Taken      *Taken `json:"taken,omitempty"`
	Over       bool   `json:"over,omitempty"`
	By         string `json:"by,omitempty"`
	Error      string `json:"error,omitempty"`
}

// The reasons of taking steps.
const (
	byEnd   = "end"   // of the harness
	byLease = "lease" // the harness hangs
)

// ErrLease is the error of a helper that took its steps because it had not
// heard from the harness for the length of the lease.
var ErrLease = errors.New("the harness was not heard of for the length of the lease")
