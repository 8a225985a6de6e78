package importer_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/compose/atelier/importer"
)

// A model is a reader of so many equal objects.
type model struct {
	objects int
	rest    string
}

func (m *model) Read(p []byte) (int, error) {
	if m.rest == "" {
		if m.objects == 0 {
			return 0, io.EOF
		}
		m.rest = `{"name":"beam","kind":"beam","position":[17,1.5,-2e3]}` + "\n"
		m.objects--
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

func TestUploadedObjectsAreCounted(t *testing.T) {
	for text, want := range map[string]int{
		`{"name":"a","colour":"red"}`: 1,
		"{\"name\":\"a\"}\r\n\n {\"name\":\"b\",\"kind\":\"slab\",\"position\":[1,2,3]}\n": 2,
	} {
		if got, err := importer.Scan(strings.NewReader(text)); got != want || err != nil {
			t.Errorf("%q: %d objects, %v; want %d", text, got, err, want)
		}
	}
	if got, err := importer.Scan(&model{objects: 2500}); got != 2500 || err != nil {
		t.Errorf("%d objects, %v; want 2500", got, err)
	}
}

func TestUploadTakesNoMoreMemoryForALargerModel(t *testing.T) {
	most := func(objects int) (peak uint64) {
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := importer.Scan(io.TeeReader(&model{objects: objects}, writerFunc(func() {
			if objects--; objects == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
			}
		})))
		if err != nil {
			t.Fatal(err)
		}
		return max(now.HeapAlloc, before.HeapAlloc) - before.HeapAlloc
	}
	if small, large := most(100), most(20_000); large > small+256<<10 {
		t.Errorf("%d bytes are held for 100 objects and %d for 20000", small, large)
	}
}

type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) { f(); return len(p), nil }

func TestBadUploadsAreRefused(t *testing.T) {
	broken := errors.New("the line is broken")
	for _, tt := range []struct {
		name string
		body io.Reader
		kind error
		want string
	}{
		{"nothing", strings.NewReader("\n\n"), importer.ErrInvalid, "no objects"},
		{"not JSON", strings.NewReader(`{"name":"a"}` + "\nbeam\n"), importer.ErrInvalid, "object 2: invalid character"},
		{"a list", strings.NewReader(`[{"name":"a"}]`), importer.ErrInvalid, "object 1"},
		{"two on a line", strings.NewReader(`{"name":"a"}{"name":"b"}`), importer.ErrInvalid, "object 1: invalid character '{'"},
		{"no name", strings.NewReader(`{"kind":"beam"}`), importer.ErrInvalid, "name must have"},
		{"no place", strings.NewReader(`{"name":"a","position":"here"}`), importer.ErrInvalid, "position"},
		{"a long object", strings.NewReader(`{"name":"a"}` + "\n" + `{"name":"` + strings.Repeat("a", 64<<10) + `"}`), importer.ErrTooLarge, "object 2 has more than 64 KiB"},
		{"too many objects", &model{objects: 1001}, importer.ErrTooLarge, "more than 1000 objects"},
		{"too many bytes", blanks{}, importer.ErrTooLarge, "more than 1 MiB"},
		{"cut off", io.MultiReader(&model{objects: 3}, failing{broken}), broken, "after object 3"},
	} {
		if n, err := importer.ScanWithin(tt.body, 1000, 1<<20); n != 0 || !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %d, %v; want %v with %q", tt.name, n, err, tt.kind, tt.want)
		}
	}
}

// blanks are blank lines without end.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	p[len(p)-1] = '\n'
	return len(p), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
