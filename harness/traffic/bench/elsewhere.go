//go:build !linux

package main

import "errors"

var errLinux = errors.New("the benchmark needs Linux: it pins processes to cores and serves over epoll")

func serve([]string) error { return errLinux }
