package progress

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// A Screen is a terminal whose last lines are a frame that is drawn again and again, in
// place. What is written to it while there is one goes above, and stays. All methods may
// be called from any number of goroutines at once.
//
// The cursor is hidden while a frame is drawn and shown again in the same write: however
// the process ends, the terminal is left as it was.
type Screen struct {
	size  func() (width, height int)
	color bool

	mu    sync.Mutex
	out   io.Writer
	frame []Line
	width int          // of the terminal when frame was drawn
	above bytes.Buffer // complete lines that are to go above the frame
	open  bool         // there is a frame, or will be
	part  []byte       // the beginning of a line above
}

// NewScreen is a screen on out. Size is asked before each frame; where it says 0, 80 by
// 24 is assumed. Without color nothing is emphasized.
func NewScreen(out io.Writer, size func() (width, height int), color bool) *Screen {
	return &Screen{out: out, size: size, color: color}
}

// Size is the terminal's of now.
func (s *Screen) Size() (width, height int) {
	if width, height = s.size(); width > 0 && height > 0 {
		return width, height
	}
	return 80, 24
}

// Open begins to keep a frame; from now on lines are written with the next one.
func (s *Screen) Open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = true
}

// Write implements io.Writer: without a frame it writes through, else what is complete
// goes above the next one.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return s.out.Write(p)
	}
	s.part = append(s.part, p...)
	end := bytes.LastIndexByte(s.part, '\n') + 1
	s.above.Write(s.part[:end])
	s.part = append(s.part[:0], s.part[end:]...)
	return len(p), nil
}

// Draw shows a frame in place of the one before, and what was written meanwhile above
// it. It writes only what changed, and nothing when nothing did.
func (s *Screen) Draw(frame []Line) error {
	width, _ := s.Size()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return nil
	}
	return s.draw(frame, width)
}

// Close takes the frame away and writes what is left to write. Closing again does
// nothing; Open begins anew.
func (s *Screen) Close() error {
	width, _ := s.Size()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return nil
	}
	if s.open = false; len(s.part) > 0 {
		s.above.Write(append(s.part, '\n'))
		s.part = nil
	}
	return s.draw(nil, width)
}

func (s *Screen) draw(frame []Line, width int) error {
	same := len(frame) == len(s.frame) && (width == s.width || len(frame) == 0) && s.above.Len() == 0
	if same && slices.Equal(frame, s.frame) {
		return nil
	}
	var b bytes.Buffer
	b.WriteString("\x1b[?25l")
	if same {
		s.patch(&b, frame)
	} else {
		s.repaint(&b, frame, width)
	}
	b.WriteString("\x1b[?25h")
	s.frame, s.width = slices.Clone(frame), width
	_, err := s.out.Write(b.Bytes())
	s.open = s.open && err == nil // what nobody reads is not collected
	return err
}

// patch writes the lines that differ. The cursor stands below the frame, before and
// after.
func (s *Screen) patch(b *bytes.Buffer, frame []Line) {
	for i, line := range frame {
		if line != s.frame[i] {
			up := len(frame) - i
			fmt.Fprintf(b, "\r\x1b[%dA%s\x1b[K\r\x1b[%dB", up, s.styled(line), up)
		}
	}
}

// repaint writes what goes above, and all of the frame below it.
func (s *Screen) repaint(b *bytes.Buffer, frame []Line, width int) {
	b.WriteByte('\r')
	if up := s.rows(width); up > 0 {
		fmt.Fprintf(b, "\x1b[%dA", up)
	}
	for line := range strings.Lines(s.above.String()) {
		b.WriteString(strings.TrimSuffix(line, "\n"))
		b.WriteString("\x1b[K\n")
	}
	s.above.Reset()
	for _, line := range frame {
		b.WriteString(s.styled(line))
		b.WriteString("\x1b[K\n")
	}
	b.WriteString("\x1b[J")
}

// rows is how many the last frame takes on a terminal of that width: one that became
// narrower has wrapped its lines.
func (s *Screen) rows(width int) int {
	n := 0
	for _, line := range s.frame {
		n += max(1, (columns(line.Text)+width-1)/width)
	}
	return n
}

// styled is a line as the terminal gets it.
func (s *Screen) styled(line Line) string {
	code := map[Style]string{Bold: "1", Faint: "2", Alarm: "31"}[line.Style]
	if !s.color || code == "" {
		return line.Text
	}
	return "\x1b[" + code + "m" + line.Text + "\x1b[0m"
}
