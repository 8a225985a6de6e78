package platformtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func logsFollow(t *testing.T, w *world) {
	w.start("lines-1", "lines", "2000")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got bytes.Buffer
	if err := w.Logs(ctx, "lines-1", true, &got); err != nil {
		t.Fatalf("follow: %v", err)
	}
	var want strings.Builder
	for i := range 2000 {
		fmt.Fprintln(&want, "line", i)
	}
	text := strings.Replace(got.String(), "all written\n", "", 1) // the other output may come anywhere
	if text != want.String() {
		t.Errorf("followed %d bytes, want %d; they end in %q", len(text), want.Len(), text[max(0, len(text)-60):])
	}
	if len(text) == got.Len() {
		t.Error("standard error is missing")
	}
}

func logsFollowCancelled(t *testing.T, w *world) {
	w.start("followed-1", "stubborn")
	ctx, cancel := context.WithCancel(t.Context())
	seen := &waiter{want: "ready\n", found: cancel}
	if err := w.Logs(ctx, "followed-1", true, seen); !errors.Is(err, context.Canceled) {
		t.Errorf("Logs = %v, want context.Canceled; got %q", err, seen.text())
	}
}

// attach holds a conversation that is larger than any buffer on the way.
func attach(t *testing.T, w *world) {
	spec := w.spec("echo-1", "echo")
	spec.Attach = true
	w.create(spec)
	conn, err := w.Attach(t.Context(), "echo-1")
	w.must(err)
	defer func() { _ = conn.Close() }()
	w.must(w.Start(t.Context(), "echo-1"))

	line := strings.Repeat("x", 1023) + "\n"
	const count = 1024
	sent := make(chan error, 1)
	go func() {
		for range count {
			if _, err := io.WriteString(conn, line); err != nil {
				sent <- err
				return
			}
		}
		sent <- conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	lines := bufio.NewReader(conn)
	for n := range count {
		if got, err := lines.ReadString('\n'); got != line || err != nil {
			t.Fatalf("line %d: %d bytes, %v", n, len(got), err)
		}
	}
	w.must(<-sent)
	rest, err := io.ReadAll(lines)
	if string(rest) != "bye\n" || err != nil {
		t.Errorf("after end of file: %q, %v; want what the instance still said", rest, err)
	}
	if exit := w.wait("echo-1"); exit.Code != 0 {
		t.Errorf("exit = %+v", exit)
	}
	if log := w.logs("echo-1"); log != "echoing\n" {
		t.Errorf("log = %q, want standard error alone", log)
	}
}

// attachCloses: closing gives end of file and releases a reader.
func attachCloses(t *testing.T, w *world) {
	spec := w.spec("echo-2", "echo")
	spec.Attach = true
	w.create(spec)
	conn, err := w.Attach(t.Context(), "echo-2")
	w.must(err)
	w.must(w.Start(t.Context(), "echo-2"))
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(conn)
	if got, err := lines.ReadString('\n'); got != "hello\n" {
		t.Fatalf("echo = %q, %v", got, err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, lines)
		read <- err
	}()
	w.must(conn.Close())
	if err := <-read; err != nil {
		t.Errorf("a read that Close ended: %v", err)
	}
	w.must(conn.Close())
	w.wait("echo-2")
}
