package journal

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

// What is read without the library's histogram is what the library reads.
func TestDecodePackedAgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := NewHistogram()
		for range rapid.IntRange(0, 50).Draw(rt, "values") {
			value := rapid.OneOf(rapid.Int64Range(0, 5000), rapid.Int64Range(0, h.HighestTrackableValue())).Draw(rt, "value")
			if err := h.RecordValues(value, rapid.Int64Range(1, 1<<40).Draw(rt, "count")); err != nil {
				rt.Fatal(err)
			}
		}
		text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err != nil {
			rt.Fatal(err)
		}
		d := slotDecoder{}
		have, ok := d.decode(text)
		if !ok {
			rt.Fatal("the library had to read it")
		}
		theirs, err := hdrhistogram.Decode(text)
		if err != nil {
			rt.Fatal(err)
		}
		if want := pack(nil, sparse(theirs)); !bytes.Equal(have, want) {
			rt.Fatalf("have %x, want %x", have, want)
		}
	})
}

// Whatever stands in a line, it is read as the library reads it or refused.
func FuzzDecodePacked(f *testing.F) {
	h := NewHistogram()
	_ = h.RecordValues(1234, 5)
	good, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		f.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(string(good))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:len(raw)-3])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := slotDecoder{}
		packed, ok := d.decode([]byte(base64.StdEncoding.EncodeToString(raw)))
		if !ok {
			return
		}
		last := int64(-1)
		each(packed, func(value, count int64) {
			if value <= last || count <= 0 {
				t.Fatalf("%d times %d after %d", count, value, last)
			}
			last = value
		})
	})
}
