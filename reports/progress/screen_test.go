package progress

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// terminal understands as much as a Screen uses.
type terminal struct {
	width, height int
	rows          []string // all that there ever was; the last height of them are visible
	row, column   int
	hidden        bool
	writes, bytes int
}

func (s *terminal) Write(p []byte) (int, error) {
	s.writes, s.bytes = s.writes+1, s.bytes+len(p)
	for text := string(p); text != ""; {
		if rest, ok := strings.CutPrefix(text, "\x1b["); ok {
			end := strings.IndexFunc(rest, func(r rune) bool { return r >= 'A' && r <= 'z' })
			s.control(rest[:end], rest[end])
			text = rest[end+1:]
			continue
		}
		r := []rune(text)[0]
		s.put(r)
		text = text[len(string(r)):]
	}
	return len(p), nil
}

func (s *terminal) control(argument string, what byte) {
	n, _ := strconv.Atoi(argument)
	switch what {
	case 'A':
		s.row = max(len(s.rows)-s.height, 0, s.row-n)
	case 'B':
		s.row = min(len(s.rows)-1, s.row+n)
	case 'K':
		s.rows[s.row] = string([]rune(s.line())[:min(s.column, len([]rune(s.line())))])
	case 'J':
		s.control("", 'K')
		for i := s.row + 1; i < len(s.rows); i++ {
			s.rows[i] = ""
		}
	case 'l':
		s.hidden = true
	case 'h':
		s.hidden = false
	}
}

func (s *terminal) line() string {
	for s.row >= len(s.rows) {
		s.rows = append(s.rows, "")
	}
	return s.rows[s.row]
}

func (s *terminal) put(r rune) {
	switch r {
	case '\r':
		s.column = 0
	case '\n':
		s.row, s.column = s.row+1, 0
		s.line()
	default:
		if s.column == s.width {
			s.put('\n')
		}
		line := []rune(s.line() + strings.Repeat(" ", s.width))[:s.width]
		line[s.column] = r
		s.rows[s.row] = strings.TrimRight(string(line), " ")
		s.column++
	}
}

func screenOf(width, height int) (*terminal, *Screen) {
	t := &terminal{width: width, height: height, rows: []string{""}}
	return t, NewScreen(t, func() (int, int) { return t.width, t.height }, false)
}

// Whatever is drawn and written, the terminal ends with all that was written in its
// order, the last frame below it, and a cursor.
func TestAScreenShowsLinesAboveTheLastFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		term, screen := screenOf(20, 8)
		screen.Open()
		var written, frame []string
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "write") {
				line := fmt.Sprintf("line %d", len(written))
				written = append(written, line)
				fmt.Fprintln(screen, line)
				continue
			}
			var lines []Line
			frame = nil
			for range rapid.IntRange(0, 7).Draw(t, "lines") {
				frame = append(frame, rapid.StringMatching(`[a-z]{1,19}`).Draw(t, "line"))
				lines = append(lines, Line{Text: frame[len(frame)-1]})
			}
			screen.Draw(lines)
			want := strings.Join(append(append([]string{}, written...), append(frame, "")...), "\n")
			if have := strings.Join(term.rows, "\n"); strings.TrimRight(have, "\n") != strings.TrimRight(want, "\n") {
				t.Fatalf("the terminal shows\n%s\nwant\n%s", have, want)
			}
		}
		screen.Close()
		if have := strings.TrimRight(strings.Join(term.rows, "\n"), "\n"); have != strings.Join(written, "\n") || term.hidden {
			t.Fatalf("at last it shows\n%s\nwant\n%s\ncursor hidden: %v", have, strings.Join(written, "\n"), term.hidden)
		}
	})
}

// Only what changed is written, and nothing when nothing did.
func TestAScreenWritesOnlyWhatChanged(t *testing.T) {
	term, screen := screenOf(80, 24)
	screen.Open()
	defer screen.Close()
	frame := []Line{{Text: strings.Repeat("a", 70)}, {Text: strings.Repeat("b", 70)}, {Text: "1s"}}
	screen.Draw(frame)
	writes, bytes := term.writes, term.bytes
	screen.Draw(frame)
	if term.writes != writes {
		t.Error("the same frame is written again")
	}
	frame[2].Text = "2s"
	screen.Draw(frame)
	if n := term.bytes - bytes; n > 40 || term.rows[2] != "2s" {
		t.Errorf("%d bytes for one changed line, which is %q", n, term.rows[2])
	}
}

// A terminal that becomes narrower has wrapped the frame; it is taken away whole.
func TestAScreenThatBecomesNarrowerKeepsNothingOfTheOldFrame(t *testing.T) {
	term, screen := screenOf(40, 24)
	screen.Open()
	fmt.Fprintln(screen, "above")
	screen.Draw([]Line{{Text: strings.Repeat("x", 30)}, {Text: "y"}})
	term.width = 16 // as the terminal does it
	term.rows = []string{"above", strings.Repeat("x", 16), strings.Repeat("x", 14), "y", ""}
	term.row, term.column = 4, 0
	screen.Draw([]Line{{Text: "short"}})
	if have := strings.TrimRight(strings.Join(term.rows, "|"), "|"); have != "above|short" {
		t.Errorf("it shows %s", have)
	}
	screen.Close()
}

// Without a frame a screen is what it stands for.
func TestAScreenWithoutAFrameWritesThrough(t *testing.T) {
	term, screen := screenOf(80, 24)
	fmt.Fprint(screen, "part")
	screen.Open()
	screen.Close()
	fmt.Fprintln(screen, " of it")
	if term.rows[0] != "part of it" {
		t.Errorf("it shows %q", term.rows)
	}
}

// A frame at most four times a second, the lines at once with it, and a terminal as it
// was when everything is over.
func TestALiveView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term, screen := screenOf(100, 30)
		state := func() (shown string, writes int, hidden bool) { // the view draws on a goroutine of its own
			screen.mu.Lock()
			defer screen.mu.Unlock()
			return strings.Join(term.rows, "\n"), term.writes, term.hidden
		}
		live := NewLive(screen, launch(), func(text string) string { return strings.ReplaceAll(text, "hunter2", "[env PASSWORD]") })
		start := time.Now()
		_, last, _ := state()
		for _, e := range rehearsal() {
			time.Sleep(e.T - time.Since(start))
			live.Observe(e)
		}
		live.Observe(journal.Event{T: 25 * time.Second, Body: journal.Note{Level: "warning", Text: "\x1b[2Jthe password is hunter2\nsaid the log"}})
		if _, writes, _ := state(); writes-last > 4*25+1 || writes-last < 25 {
			t.Errorf("%d writes in 25 s", writes-last)
		}
		time.Sleep(interval)
		synctest.Wait()
		shown, _, _ := state()
		for _, want := range []string{
			"warmup for 10s", "scale api to 4", "fault slow-bank: answers after 1.5s, on payments",
			"alert LatencyP95High fires", "·[2Jthe password is [env PASSWORD]\n" + strings.Repeat(" ", indent) + "said the log\n", "4 wanted · 3 started · 2 ready",
		} {
			if !strings.Contains(shown, want) {
				t.Errorf("nothing shows %q in\n%s", want, shown)
			}
		}
		if strings.Contains(shown, "network.create") || strings.Contains(shown, "req/s answered") {
			t.Errorf("what the frame shows is told as well:\n%s", shown)
		}
		live.Close()
		live.Close()
		live.Observe(journal.Event{T: 26 * time.Second, Body: journal.Note{Level: "info", Text: "afterwards"}})
		if shown, _, hidden := state(); strings.Contains(shown, "wanted") || !strings.Contains(shown, "afterwards") || hidden {
			t.Errorf("at last it shows\n%s", shown)
		}
	})
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// Who stops reading stops nothing, and nothing is collected for nobody.
func TestALiveViewThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := NewScreen(brokenPipe{}, func() (int, int) { return 80, 24 }, false)
		live := NewLive(screen, launch(), nil)
		for _, e := range rehearsal() {
			live.Observe(e)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		live.Observe(journal.Event{Body: journal.Note{Level: "info", Text: "more"}})
		if screen.above.Len() > 0 {
			t.Errorf("%d bytes are kept", screen.above.Len())
		}
		live.Close()
	})
}

func TestLongLinesBreakBetweenWords(t *testing.T) {
	have := paragraph("the process platform leaves unproven: images and their entry points\nmore", 50)
	want := "the process platform leaves\n" + strings.Repeat(" ", indent) + "unproven: images and their\n" + strings.Repeat(" ", indent) + "entry points\n" + strings.Repeat(" ", indent) + "more"
	if have != want {
		t.Errorf("%s\nwant\n%s", have, want)
	}
}

func BenchmarkFrame(b *testing.B) {
	m := modelAt(25 * time.Second)
	screen := NewScreen(io.Discard, func() (int, int) { return 120, 40 }, true)
	screen.Open()
	i := 0
	for b.Loop() {
		i++
		screen.Draw(Render(m, time.Duration(i)*time.Second, 120, 40))
	}
}
