package redact

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// However a text is cut into chunks, the writer lets the same through.
func TestWriterIsIndifferentToChunks(t *testing.T) {
	r := New()
	r.Add("PW", "hunter2!")
	r.Add("PEM", "-----BEGIN KEY-----\nabcdef\nghijkl\n-----END KEY-----")
	r.Add("TAIL", "KEY-----\nnext line")
	in := "one hunter2! two\nCookie: a=b\n-----BEGIN KEY-----\nabcdef\nghijkl\n-----END KEY-----\nnext\n" +
		"-----BEGIN KEY-----\nabcdef\nother\nKEY-----\nnext line\nhttp://u:p@h/ last hunter2!"
	want := r.String(in)
	if strings.Contains(want, "hunter") || strings.Contains(want, "ghijkl") || strings.Contains(want, "next line") {
		t.Fatalf("not redacted: %s", want)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var out strings.Builder
		w := r.Writer(&out)
		for rest := in; rest != ""; {
			n := min(len(rest), 1+random.IntN(20))
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Fatalf("have\n%s\nwant\n%s", out.String(), want)
		}
	}
}

// A line is through as soon as it is complete: whoever follows a log sees it.
func TestWriterDoesNotHoldLinesBack(t *testing.T) {
	r := New()
	r.Add("TWO", "first line\nsecond line")
	var out strings.Builder
	w := r.Writer(&out)
	defer w.Close()
	for _, step := range []struct{ in, out string }{
		{"a", ""}, {"b\n", "ab\n"}, {"x first line\n", "ab\n"}, {"another\n", "ab\nx first line\nanother\n"},
	} {
		if _, err := w.Write([]byte(step.in)); err != nil {
			t.Fatal(err)
		}
		if out.String() != step.out {
			t.Errorf("after %q the output is %q, want %q", step.in, out.String(), step.out)
		}
	}
}

func TestWriterCutsEndlessLines(t *testing.T) {
	r := New()
	r.Add("PW", "hunter2!")
	var out strings.Builder
	w := r.Writer(&out)
	line := strings.Repeat("x", maxLine-3) + "hunter2!" + strings.Repeat("y", 3*maxLine) + "\nnext hunter2!\n"
	if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
		t.Fatal(n, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	have := out.String()
	if strings.Contains(have, "hunt") || !strings.HasSuffix(have, cutLine+"next [env PW]\n") {
		t.Errorf("the output ends with %q", have[max(0, len(have)-200):])
	}
	if len(have) > maxLine+maxChunk+200 || len(have) < maxLine-100 {
		t.Errorf("%d bytes of a line of %d", len(have), len(line))
	}
}

func TestWriterErrors(t *testing.T) {
	broken := errors.New("disk full")
	w := New().Writer(failing{broken})
	if _, err := w.Write([]byte("a\n")); !errors.Is(err, broken) {
		t.Errorf("write: %v", err)
	}
	if _, err := w.Write([]byte("b\n")); !errors.Is(err, broken) {
		t.Errorf("second write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, broken) {
		t.Errorf("close: %v", err)
	}
	if _, err := w.Write([]byte("c")); err == nil {
		t.Error("a write after close succeeded")
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
