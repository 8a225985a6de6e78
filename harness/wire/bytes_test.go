package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// blocks are heads with what follows them.
var blocks = []string{
	"HTTP/1.1 200 OK\r\nA: b\r\n\r\nrest", "HTTP/1.1 200 OK\nA: b\n\nrest", "HTTP/1.1 200 OK\r\n\nrest", "HTTP/1.1 200 OK\n\r\nrest",
	"\r\n", "\n", "\nrest", "\r\nHTTP/1.1 200 OK\r\n\r\n", "a\r\n\r\r\n\r\n\r\n", "a\r\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n\r\n",
	"HTTP/1.1 200 OK\r\nA:\r\n\r\n", "HTTP/1.1 200 OK\r\nA b\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n",
}

func TestParseResponseIsReadResponse(t *testing.T) {
	for _, data := range blocks {
		var read, parsed Head
		r := bufio.NewReader(strings.NewReader(data))
		readErr := read.ReadResponse(r, MaxHead)
		n := BlockEnd([]byte(data), 0)
		if n != read.Size {
			t.Fatalf("%q: the block has %d bytes, the reader read %d", data, n, read.Size)
		}
		block := []byte(data)[:n]
		parsedErr := parsed.ParseResponse(block)
		copy(block, bytes.Repeat([]byte("X"), n)) // it must have copied what it needs
		if fmt.Sprint(parsedErr) != fmt.Sprint(readErr) {
			t.Errorf("%q: %v, the reader says %v", data, parsedErr, readErr)
		}
		if got, want := fmt.Sprintf("%q %q", parsed.Start, parsed.Fields), fmt.Sprintf("%q %q", read.Start, read.Fields); readErr == nil && got != want {
			t.Errorf("%q: %s, the reader says %s", data, got, want)
		}
	}
}

func TestBlockEndGoesOn(t *testing.T) {
	for _, data := range blocks {
		want, seen := BlockEnd([]byte(data), 0), 0
		if want == 0 {
			t.Fatalf("%q has no end", data)
		}
		for n := 1; n <= len(data); n++ {
			got := BlockEnd([]byte(data)[:n], seen)
			if n < want && got != 0 || n >= want && got != want {
				t.Fatalf("%q: with %d bytes the end is at %d, want %d", data, n, got, want)
			}
			if got == 0 {
				seen = n
			}
		}
	}
}

func TestParseTrailer(t *testing.T) {
	for block, want := range map[string]string{
		"\r\n":                "[] <nil>",
		"A: b\r\nC:d\n\r\n":   `[{"A" "b"} {"C" "d"}] <nil>`,
		"A: b\r\nbad\r\n\r\n": `[{"A" "b"}] malformed header field`,
	} {
		var h Head
		err := h.ParseTrailer([]byte(block))
		if got := fmt.Sprintf("%q %v", h.Fields, err); got != want {
			t.Errorf("%q: %s, want %s", block, got, want)
		}
	}
}

func TestFramingAllocatesNothing(t *testing.T) {
	var h Head
	block := []byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
	if n := testing.AllocsPerRun(100, func() {
		if h.ParseResponse(block) != nil {
			t.Fatal("not parsed")
		}
		if f, err := h.ResponseFraming("GET"); err != nil || f.Length != 5 {
			t.Fatalf("%v, %v", f, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
