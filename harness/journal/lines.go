package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxLine is the longest line that is read. Nothing that the writer makes
// comes near it; it keeps a file of garbage from filling the memory.
const maxLine = 16 << 20

// eachLine calls f for every line with its number from 1, without its
// newline. The bytes are valid until f returns. cut says that the line is the
// last and has no newline: a crash may have cut it off. A line that is too
// long comes with an error instead of its bytes.
func eachLine(r *bufio.Reader, f func(n int, line []byte, cut bool, err error)) error {
	var long []byte // what does not fit the reader's buffer
	for n := 1; ; n++ {
		long = long[:0]
		var size int
		line, err := r.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			if size += len(line); size <= maxLine {
				long = append(long, line...)
			}
			line, err = r.ReadSlice('\n')
		}
		if size += len(line); size <= maxLine && len(long) > 0 {
			long = append(long, line...)
			line = long
		}
		cut := errors.Is(err, io.EOF)
		if err != nil && !cut {
			return err
		}
		switch {
		case cut && size == 0:
			return nil
		case size > maxLine:
			f(n, nil, cut, fmt.Errorf("a line of %d bytes", size))
		case cut:
			f(n, line, true, nil)
		default:
			f(n, line[:len(line)-1], false, nil)
		}
		if cut {
			return nil
		}
	}
}
