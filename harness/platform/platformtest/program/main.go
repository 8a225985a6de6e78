//go:build unix

// Command program is what the conformance suite runs as instances: one mode
// for each behaviour that a platform has to handle.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: program MODE [ARGUMENT]...")
	}
	mode, arguments := os.Args[1], [2]string{}
	copy(arguments[:], os.Args[2:])
	run, ok := map[string]func(a, b string){
		"serve": serve, "exit": exit, "stubborn": stubborn, "signals": signals, "echo": echo, "hog": hog, "hold": hold,
		"lines": lines, "spin": spin, "env": env, "write": write, "read": read, "get": get, "post": post, "calls": calls, "family": family,
	}[mode]
	if !ok {
		fail("no mode " + mode)
	}
	run(arguments[0], arguments[1])
}

func fail(message any) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(3)
}

// serve answers HTTP on an address until SIGTERM.
func serve(address, _ string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fail(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, "hello")
		}))
	}()
	fmt.Println("ready")
	<-stop
	fmt.Fprintln(os.Stderr, "terminated")
}

// exit ends with a code.
func exit(code, _ string) {
	fmt.Println("exiting with", code)
	n, err := strconv.Atoi(code)
	if err != nil {
		fail(err)
	}
	os.Exit(n)
}

// stubborn ignores SIGTERM.
func stubborn(_, _ string) {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	fmt.Println("ready")
	forever()
}

func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// signals says which signals it gets, and ends after SIGTERM.
func signals(_, _ string) {
	got := make(chan os.Signal, 8)
	signal.Notify(got, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	fmt.Println("ready")
	for s := range got {
		fmt.Println("got", s)
		if s == syscall.SIGTERM {
			return
		}
	}
}

// echo copies input to output and says when the input ended.
func echo(_, _ string) {
	fmt.Fprintln(os.Stderr, "echoing")
	if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
		fail(err)
	}
	fmt.Println("bye")
}

// calls gets a page again and again, until SIGTERM.
func calls(url, _ string) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if response, err := http.Get(url); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
	}
}

// hog takes memory until it is stopped.
func hog(_, _ string) {
	size := 1 << 20
	for kept := touched(size); ; size *= 2 {
		kept = append(kept, touched(size)...)
		runtime.KeepAlive(kept)
	}
}

// hold takes so many MiB, says so, and takes all it can get after SIGHUP.
func hold(mebibytes, _ string) {
	size, err := strconv.Atoi(mebibytes)
	if err != nil {
		fail(err)
	}
	more := make(chan os.Signal, 1)
	signal.Notify(more, syscall.SIGHUP)
	kept := touched(size << 20)
	fmt.Println("holding", mebibytes)
	<-more
	runtime.KeepAlive(kept)
	hog("", "")
}

func touched(size int) []byte {
	block := make([]byte, size)
	for i := 0; i < len(block); i += 512 {
		block[i] = 1
	}
	return block
}

// lines writes n lines to each output and ends.
func lines(n, _ string) {
	count, err := strconv.Atoi(n)
	if err != nil {
		fail(err)
	}
	out := bufio.NewWriter(os.Stdout)
	for i := range count {
		fmt.Fprintln(out, "line", i)
	}
	_ = out.Flush()
	fmt.Fprintln(os.Stderr, "all written")
}

// spin takes 32 MiB and 200 ms of processor time, says so, and stays.
func spin(_, _ string) {
	kept := touched(32 << 20)
	for used() < 200*time.Millisecond {
		for i := range kept {
			kept[i]++
		}
	}
	fmt.Println("spun", len(kept))
	for {
		time.Sleep(time.Hour)
		kept[0]++
	}
}

func used() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		fail(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// env prints variables, given with commas between.
func env(names, _ string) {
	for name := range strings.SplitSeq(names, ",") {
		value, ok := os.LookupEnv(name)
		fmt.Printf("%s=%q %v\n", name, value, ok)
	}
}

func write(path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		fail(err)
	}
}

func read(path, _ string) {
	text, err := os.ReadFile(path)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(text))
}

// get prints what a URL answers.
func get(url, _ string) {
	response, err := http.Get(url)
	if err != nil {
		fail(err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		fail(err)
	}
}

// post sends a text to the URL that a variable has, and prints status and answer.
func post(variable, text string) {
	response, err := http.Post(os.Getenv(variable), "application/json", strings.NewReader(text))
	if err != nil {
		fail(err)
	}
	defer func() { _ = response.Body.Close() }()
	fmt.Println(response.StatusCode)
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		fail(err)
	}
}

// family starts a child in the same process group and one in a session of its
// own, and stays.
func family(_, _ string) {
	for _, attributes := range []*syscall.SysProcAttr{nil, {Setsid: true}} {
		child := exec.Command(os.Args[0], "stubborn")
		child.SysProcAttr = attributes
		out, err := child.StdoutPipe()
		if err != nil {
			fail(err)
		}
		if err := child.Start(); err != nil {
			fail(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			fail(err)
		}
	}
	fmt.Println("ready")
	forever()
}
