package scenarios

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReadDay(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []float64
		err        string
	}{
		{"one a line", "1\n2.5\n\n# noon\n3", []float64{1, 2.5, 3}, ""},
		{"last column, with a heading", "time,requests\r\n00:00,1\r\n01:00,\"2\"\r\n", []float64{1, 2}, ""},
		{"columns with tabs and semicolons", "a\t1\nb;2\nc 3\n", []float64{1, 2, 3}, ""},
		{"a second heading", "time\ntime\n1\n2\n", nil, `line 2: "time" is not a number`},
		{"a first number that is none", "1o\n2\n3\n", nil, `line 1: "1o" is not a number`},
		{"only separators", "1\n,;\n", nil, `line 2: "" is not a number`},
		{"negative", "1\n-2\n", nil, "line 2: -2 is negative"},
		{"not finite", "1\n1e999\n", nil, "line 2"},
		{"one value", "1\n", nil, "there are 1 values"},
		{"zeros", "0\n0\n", nil, "every value is zero"},
		{"too many", strings.Repeat("1\n", mostMeasured+1), nil, "line 10001: there are more than 10000 values"},
		{"a line without end", strings.Repeat("1", 1<<17), nil, "token too long"},
	} {
		file := filepath.Join(t.TempDir(), "day")
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readDay(file)
		if tt.err == "" && (err != nil || !slices.Equal(got, tt.want)) || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %v, %v", tt.name, got, err)
		}
	}
}

// A device that never ends, or a pipe that nobody writes to, is not read.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	text := strings.Replace(string(read(t, "testdata/valid/least.yaml")), "{constant: 1/s}", "{day: {file: "+os.DevNull+", peak: 1/s}}", 1)
	_, problems := all2(t, text, shop())
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "is not a regular file") {
		t.Errorf("got %v", problems)
	}
}
