package acknowledged

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/redact"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ledger(id string) scenarios.PlannedLedger {
	return scenarios.PlannedLedger{ID: id, Journey: "shop", Step: "order", Key: "${order}"}
}

func create(t testing.TB, redact func(string) string, ledgers ...scenarios.PlannedLedger) *Book {
	t.Helper()
	b, err := Create(filepath.Join(t.TempDir(), "acknowledged"), ledgers, redact)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t testing.TB, b *Book, ledger int) (all []string) {
	t.Helper()
	if err := b.Read(ledger, func(text []byte) error {
		all = append(all, string(text))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// Whatever the keys are, each is one line, and what is read back tells them apart.
func TestKeysComeBack(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		keys := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.StringMatching(`[a\\\n]{0,4}`), rapid.StringN(990, 1010, -1)), 0, 300).Draw(t, "keys")
		b, err := Create(filepath.Join(dir, fmt.Sprint(n)), []scenarios.PlannedLedger{{ID: "integrity/drift"}, ledger("integrity/orders")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			b.Add(1, key)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := b.Read(1, func(text []byte) error {
			got = append(got, string(text))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		var want []string
		for _, key := range keys {
			text := b.Text(key)
			want = append(want, text)
			if other, taken := texts[text]; taken && other != key {
				t.Fatalf("%q and %q are both %q", key, other, text)
			}
			texts[text] = key
		}
		if !slices.Equal(got, want) || b.Lost(1) != 0 {
			t.Fatalf("%q came back as %q, lost %d", keys, got, b.Lost(1))
		}
	})
}

func TestText(t *testing.T) {
	r := redact.New()
	r.Add("api.TOKEN", "geheim")
	b := create(t, r.String, ledger("a"))
	defer func() { _ = b.Close() }()
	for key, want := range map[string]string{
		"ord_1":                  "ord_1",
		"":                       "",
		"ein Schlüssel":          "ein Schlüssel",
		"a\nb\tc\\d\x00\x7f":     `a\nb\tc\\d\x00\x7f`,
		"geheim-1":               "[env api.TOKEN]-1 #",
		strings.Repeat("x", 1e5): strings.Repeat("x", 1000) + "... #",
	} {
		got := b.Text(key)
		if head, _, digested := strings.Cut(got, "#"); digested {
			got = head + "#"
		}
		if got != want {
			t.Errorf("%.40q is %.60q, want %.60q", key, got, want)
		}
	}
	if first, again := b.Text("geheim-1"), b.Text("geheim-1"); first == b.Text("[env api.TOKEN]-1") || first != again {
		t.Error("what is hidden of a key does not tell it from others")
	}
}

// Secrets are not in the files, whatever the chunks are cut into.
func TestSecretsStayOut(t *testing.T) {
	r := redact.New()
	r.Add("api.TOKEN", "geheim")
	b := create(t, r.String, ledger("a"))
	const n = 20_000
	for i := range n {
		b.Add(0, fmt.Sprintf("geheim-%d", i))
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(b.dir, "a.txt"))
	if err != nil || strings.Contains(string(file), "geheim") {
		t.Errorf("error %v, or the secret is in %.80q", err, file)
	}
	texts := map[string]bool{}
	for _, text := range read(t, b, 0) {
		texts[text] = true
	}
	if len(texts) != n {
		t.Errorf("%d different keys, want %d", len(texts), n)
	}
}

func TestFileNames(t *testing.T) {
	ids := []string{"integrity/orders", "integrity-orders", "integrity+orders", "integrity%2Borders", "release/api/backfill", "release/api-backfill", "../../x", "ä"}
	var ledgers []scenarios.PlannedLedger
	for _, id := range ids {
		ledgers = append(ledgers, ledger(id))
	}
	b := create(t, nil, ledgers...)
	for i, id := range ids {
		b.Add(i, id)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		if got := read(t, b, i); !slices.Equal(got, []string{id}) {
			t.Errorf("%s has %q", id, got)
		}
	}
	if b.names[0] != "integrity+orders.txt" {
		t.Errorf("the file is %s", b.names[0])
	}
}

func TestADirectoryThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(file, []scenarios.PlannedLedger{{ID: "none"}, ledger("integrity/orders")}, nil); err == nil || !strings.Contains(err.Error(), "acknowledgements of integrity/orders") {
		t.Errorf("error %v", err)
	}
}

// A disk is a file that takes nothing until it is let, or breaks.
type disk struct {
	let   chan struct{}
	taken []byte
	room  int
}

var errFull = errors.New("no space left on device")

func (d *disk) Write(p []byte) (int, error) {
	<-d.let
	if n := d.room - len(d.taken); n < len(p) {
		d.taken = append(d.taken, p[:max(n, 0)]...)
		return max(n, 0), errFull
	}
	d.taken = append(d.taken, p...)
	return len(p), nil
}

func (d *disk) Close() error { return nil }

// A disk that stands still holds nobody up: what there is no room for is lost,
// and counted, and everything else is there once it goes on.
func TestADiskThatStandsStill(t *testing.T) {
	b, d := newBook("", []scenarios.PlannedLedger{ledger("a")}, nil), &disk{let: make(chan struct{}), room: 1 << 30}
	b.files[0] = d
	go b.run()
	const n = 1_000_000
	key := strings.Repeat("k", 30)
	for range n {
		b.Add(0, key) // 32 MB, of which there is room for a quarter
	}
	b.Lose(0)
	close(d.let)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	written := len(d.taken) / (len(key) + 1)
	if written+b.Lost(0) != n+1 || written < 200_000 || written > 300_000 {
		t.Errorf("%d written and %d lost of %d", written, b.Lost(0), n)
	}
}

// A full disk costs what it costs: no more is believed to be there than is.
func TestAFullDisk(t *testing.T) {
	b := newBook("", []scenarios.PlannedLedger{ledger("a"), ledger("b")}, nil)
	full, good := &disk{let: make(chan struct{}), room: 100_000}, &disk{let: make(chan struct{}), room: 1 << 30}
	close(full.let)
	close(good.let)
	b.files = []io.WriteCloser{full, good}
	go b.run()
	const n = 30_000
	for i := range n {
		b.Add(i%2, fmt.Sprintf("key-%06d", i))
	}
	err := b.Close()
	if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "a.txt") {
		t.Errorf("error %v", err)
	}
	complete := strings.Count(string(full.taken), "\n")
	if have := n/2 - b.Lost(0); have > complete || have < complete/2 || b.Lost(1) != 0 || strings.Count(string(good.taken), "\n") != n/2 {
		t.Errorf("%d lines, and %d lost of %d; the other ledger lost %d", complete, b.Lost(0), n/2, b.Lost(1))
	}
}

// What was cut off in the middle of a key is no key.
func TestALineThatIsCutOff(t *testing.T) {
	b := create(t, nil, ledger("a"))
	b.Add(0, "one")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(b.dir, "a.txt")
	if err := os.WriteFile(name, []byte("one\ntw"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := read(t, b, 0); !slices.Equal(got, []string{"one"}) {
		t.Errorf("read %q", got)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := b.Read(0, nil); err == nil || strings.Contains(err.Error(), b.dir) {
		t.Errorf("error %v, want one without the path", err)
	}
	stop := errors.New("enough")
	b2 := create(t, nil, ledger("a"))
	b2.Add(0, "one")
	_ = b2.Close()
	if err := b2.Read(0, func([]byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

func TestAHugeKeyIsLost(t *testing.T) {
	b := create(t, nil, ledger("a"))
	b.Add(0, strings.Repeat("x", chunkSize))
	b.Add(0, strings.Repeat("x", chunkSize-headSize))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b.Lost(0) != 1 || len(read(t, b, 0)) != 1 {
		t.Errorf("lost %d, read %d", b.Lost(0), len(read(t, b, 0)))
	}
}

// No book takes nothing.
func TestNoBook(t *testing.T) {
	var b *Book
	if b.Takes(0) || b.Close() != nil {
		t.Error("it takes something")
	}
}

// The share of the loop, and that of the goroutine that writes.
func BenchmarkAdd(b *testing.B) {
	book := create(b, redact.New().String, ledger("a"))
	key := "ord_5cw3mk2n7trq4d6y2x3v5a7b9c"
	b.ReportAllocs()
	for b.Loop() {
		book.Add(0, key)
	}
	if err := book.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(book.Lost(0))/float64(b.N), "lost/op")
}

func BenchmarkWrite(b *testing.B) {
	r := redact.New()
	for i := range 40 {
		r.Add(fmt.Sprintf("api.SECRET_%d", i), fmt.Sprintf("a-secret-that-is-%d", i))
	}
	book := create(b, r.String, ledger("a"))
	b.ReportAllocs()
	for b.Loop() {
		_ = book.Text("ord_5cw3mk2n7trq4d6y2x3v5a7b9c")
	}
	if err := book.Close(); err != nil {
		b.Fatal(err)
	}
}
