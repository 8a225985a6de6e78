package reports

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/race"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// However little room there is, what is written fits, says that it was cut, and leaves
// nothing open: no fold, no block, no row of a table.
func TestMarkdownIsCutInWholePieces(t *testing.T) {
	run := failingRun()
	for i := range 200 {
		run.Result.Checks = append(run.Result.Checks, verify.Finding{ID: fmt.Sprintf("slo/many/%d", i), Verdict: verify.Fail,
			Wanted: "a | b `c` <d>", Measured: "é\n```", Reason: "because | of <script>", Evidence: []verify.Evidence{{Text: "</details> ```"}}})
	}
	whole := render(t, run, Markdown)
	for most := 0; most < len(whole)+200; most += 1 + most/race.Less(50, 4) {
		var out bytes.Buffer
		must(t, MarkdownWithin(&out, run, most))
		text := out.String()
		if len(text) > most {
			t.Fatalf("%d bytes, %d are allowed", len(text), most)
		}
		if cut := strings.Contains(text, strings.TrimSpace(markdownCut)); text != "" && cut == (text == whole) {
			t.Fatalf("of %d bytes %d were written: it says cut %v", len(whole), len(text), cut)
		}
		for _, pair := range [][2]string{{"<details>", "</details>"}, {"<pre>", "</pre>"}, {"<summary>", "</summary>"}} {
			if strings.Count(text, pair[0]) != strings.Count(text, pair[1]) {
				t.Fatalf("within %d bytes a %s stays open", most, pair[0])
			}
		}
		if strings.Contains(text, "```") || strings.Contains(text, "<script>") {
			t.Fatal("a text of the run is taken for Markdown")
		}
		for _, line := range strings.Split(text, "\n") {
			if strings.HasPrefix(line, "| ") && !strings.HasSuffix(line, "|") {
				t.Fatalf("within %d bytes a row is cut: %q", most, line)
			}
		}
	}
}

// Rows have as many cells as their head, whatever stands in them.
func TestMarkdownRowsKeepTheirCells(t *testing.T) {
	run := failingRun()
	run.Result.Checks[0].Wanted, run.Result.Checks[0].Measured = "a|b||c", `\|`
	cells := func(line string) int {
		return strings.Count(strings.NewReplacer(`\\`, "", `\|`, "").Replace(line), "|")
	}
	head := 0
	for _, line := range strings.Split(render(t, run, Markdown), "\n") {
		switch {
		case !strings.HasPrefix(line, "|"):
			head = 0
		case head == 0:
			head = cells(line)
		case cells(line) != head:
			t.Errorf("%d cells, and the head has %d: %s", cells(line), head, line)
		}
	}
}
