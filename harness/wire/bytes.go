package wire

import "bytes"

// What follows is the grammar of heads and chunks for those who have bytes in
// hand instead of a reader that waits. It accepts and refuses exactly what the
// readers do.

// MaxChunkLine bounds the line that gives a chunk's size, in bytes, its end
// included.
const MaxChunkLine = maxChunkLine

// BlockEnd returns the length of the block of lines with which p begins, up to
// and with its empty line, or 0 if that is not there yet. The first seen bytes
// of p were searched in vain before; searching goes on from there.
func BlockEnd(p []byte, seen int) int {
	if n := emptyLine(p); n > 0 {
		return n
	}
	at := max(0, seen-2) // the end of a line and a CR may have been seen
	for {
		i := bytes.IndexByte(p[at:], '\n')
		if i < 0 {
			return 0
		}
		at += i + 1
		if n := emptyLine(p[at:]); n > 0 {
			return at + n
		}
	}
}

// emptyLine is the length of the empty line with which p begins, 0 if it does not.
func emptyLine(p []byte) int {
	switch {
	case len(p) > 0 && p[0] == '\n':
		return 1
	case len(p) > 1 && p[0] == '\r' && p[1] == '\n':
		return 2
	}
	return 0
}

// ParseResponse is ReadResponse for a block that BlockEnd found. It copies what
// it needs. The bound on the size of a head is the caller's to keep.
func (h *Head) ParseResponse(block []byte) error {
	h.take(block)
	return h.parseResponse()
}

// ParseTrailer takes the lines after a chunked body apart, into Fields.
func (h *Head) ParseTrailer(block []byte) error {
	h.take(block)
	fields, err := appendFields(h.Fields, h.buf)
	h.Fields = fields
	return err
}

// take makes the block without its empty line the head's own.
func (h *Head) take(block []byte) {
	h.Size = len(block)
	h.Start, h.Fields = [3][]byte{}, h.Fields[:0]
	block = bytes.TrimSuffix(block, []byte{'\n'})
	if bytes.HasSuffix(block, []byte("\n\r")) || string(block) == "\r" {
		block = block[:len(block)-1]
	}
	h.buf = append(h.buf[:0], block...)
}

// ChunkSize is the size that the first line of a chunk gives; the line comes
// without its end.
func ChunkSize(line []byte) (int64, error) { return chunkSize(line) }
