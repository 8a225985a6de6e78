package reports

import (
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

func TestEvidenceWindow(t *testing.T) {
	w := window{from: 10 * time.Second, to: 110 * time.Second}
	at := func(from, to float64) verify.Evidence {
		return verify.Evidence{From: time.Duration(from * 1e9), To: time.Duration(to * 1e9)}
	}
	for name, c := range map[string]struct {
		evidence []verify.Evidence
		from, to float64
		ok       bool
	}{
		"none":                       {nil, 0, 0, false},
		"without a time":             {[]verify.Evidence{{Text: "counted"}}, 0, 0, false},
		"one moment":                 {[]verify.Evidence{at(50, 50)}, 49, 51, true},
		"several, in any order":      {[]verify.Evidence{at(70, 80), at(40, 41)}, 36, 84, true},
		"turned round":               {[]verify.Evidence{at(60, 50)}, 49, 61, true},
		"margin stays on the axis":   {[]verify.Evidence{at(10.5, 109.5)}, 10, 110, true},
		"what lies outside is left":  {[]verify.Evidence{at(2, 3), at(50, 50), at(200, 210)}, 49, 51, true},
		"all outside":                {[]verify.Evidence{at(2, 3), at(200, 210)}, 0, 0, false},
		"reaches in from both sides": {[]verify.Evidence{at(5, 500)}, 10, 110, true},
	} {
		t.Run(name, func(t *testing.T) {
			from, to, ok := evidenceWindow(c.evidence, w)
			if from != c.from || to != c.to || ok != c.ok {
				t.Errorf("got %v to %v, %v; want %v to %v, %v", from, to, ok, c.from, c.to, c.ok)
			}
		})
	}
}
