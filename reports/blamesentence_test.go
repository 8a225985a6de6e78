package reports

import (
	"html"
	"strings"
	"testing"
)

// What the page says of failures is what text and Markdown say.
func TestAttributionsAreSentencesInEveryFormat(t *testing.T) {
	run := failingRun()
	blames, _ := blamesOf(run.events())
	if len(blames) < 3 {
		t.Fatalf("%d attributions, want those of two instances and of none", len(blames))
	}
	var p page
	p.blames(run)
	shown := html.UnescapeString(render(t, run, HTML))
	markdown := strings.ReplaceAll(render(t, run, Markdown), `\`, "")
	text := strings.Join(strings.Fields(render(t, run, atWidth(TextOptions{Width: 400}))), " ")
	for i, b := range blames {
		want := b.String()
		if got := p.Blames[i].Sentence(); got != want {
			t.Errorf("the page says %q, want %q", got, want)
		}
		for name, all := range map[string]string{"page": shown, "Markdown": markdown, "text": text} {
			if !strings.Contains(all, want) {
				t.Errorf("%s does not say %q", name, want)
			}
		}
	}
	if want := "34 requests failed on api-2, 199 ms to 1.09 s after SIGTERM, 30 on reused and 4 on new connections"; !strings.HasPrefix(blames[0].String(), want) {
		t.Errorf("%q does not begin with %q", blames[0].String(), want)
	}
}
