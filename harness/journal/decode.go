package journal

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// slotDecoder keeps what decoding needs besides the line: a new inflater for each takes
// 40 KB, and the library's histogram 139 KB more.
type slotDecoder struct {
	packed, plain []byte
	source        bytes.Reader
	zlib          io.ReadCloser
	slots         []slot
}

var slotDecoders = sync.Pool{New: func() any { return &slotDecoder{} }}

// decodePacked reads the V2 compressed form. What is not of NewHistogram's geometry,
// or not in order, goes through the library, which says what is wrong with it.
func decodePacked(text []byte) ([]byte, error) {
	d := slotDecoders.Get().(*slotDecoder)
	defer slotDecoders.Put(d)
	if packed, ok := d.decode(text); ok {
		return packed, nil
	}
	h, err := hdrhistogram.Decode(text)
	if err != nil {
		return nil, err
	}
	return pack(nil, sparse(h)), nil
}

func (d *slotDecoder) decode(text []byte) ([]byte, bool) {
	var err error
	if d.packed, err = base64.StdEncoding.AppendDecode(d.packed[:0], text); err != nil || len(d.packed) < 8 {
		return nil, false
	}
	length := binary.BigEndian.Uint32(d.packed[4:])
	if binary.BigEndian.Uint32(d.packed)|0xf0 != cookieV2Compressed|0xf0 || int(length) != len(d.packed)-8 {
		return nil, false
	}
	if err := d.inflate(d.packed[8:]); err != nil || len(d.plain) < 40 {
		return nil, false
	}
	head := d.plain[:40]
	if binary.BigEndian.Uint32(head) != cookieV2 || int(binary.BigEndian.Uint32(head[4:])) != len(d.plain)-40 ||
		binary.BigEndian.Uint32(head[12:]) != 3 || binary.BigEndian.Uint64(head[16:]) != 1 || binary.BigEndian.Uint64(head[24:]) != 600_000_000 {
		return nil, false
	}
	return d.count(d.plain[40:])
}

func (d *slotDecoder) inflate(packed []byte) error {
	d.source.Reset(packed)
	if d.zlib == nil {
		r, err := zlib.NewReader(&d.source)
		if err != nil {
			return err
		}
		d.zlib = r
	} else if err := d.zlib.(zlib.Resetter).Reset(&d.source, nil); err != nil {
		return err
	}
	d.plain = d.plain[:0]
	for {
		if len(d.plain) == cap(d.plain) {
			d.plain = append(d.plain, 0)[:len(d.plain)]
		}
		n, err := d.zlib.Read(d.plain[len(d.plain):cap(d.plain)])
		d.plain = d.plain[:len(d.plain)+n]
		if len(d.plain) > 40+9*slotsInAll {
			return fmt.Errorf("%d bytes of counts", len(d.plain))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// slotsInAll is how many counts a histogram of NewHistogram's geometry has.
const slotsInAll = 22 << 10

func (d *slotDecoder) count(payload []byte) ([]byte, bool) {
	d.slots = d.slots[:0]
	index := 0
	for len(payload) > 0 {
		v, n := binary.Varint(payload)
		if n <= 0 || n == 9 && payload[8]&0x80 != 0 || n > 9 {
			return nil, false
		}
		payload = payload[n:]
		switch {
		case v < 0:
			if v < -slotsInAll {
				return nil, false
			}
			index += int(-v)
		case v == 0:
			index++
		default:
			if index >= slotsInAll {
				return nil, false
			}
			d.slots = append(d.slots, slot{valueOf(index), v})
			index++
		}
	}
	d.packed = pack(d.packed[:0], d.slots)
	return bytes.Clone(d.packed), true
}

// valueOf is the highest value of a place, the reverse of indexOf.
func valueOf(index int) int64 {
	if index < 2048 {
		return int64(index)
	}
	bucket := index>>10 - 1
	return (int64(index-bucket<<10)+1)<<bucket - 1
}
