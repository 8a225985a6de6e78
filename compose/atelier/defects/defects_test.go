package defects_test

import (
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		list string
		want string // the set, "" for none
	}{
		{"", ""},
		{" , ", ""},
		{"ready-early", "ready-early"},
		{"ready-early, drain-ignored", "drain-ignored, ready-early"},
		{"drain-listener-first,drain-listener-first", "drain-listener-first"},
	} {
		set, err := defects.Parse(tt.list)
		if err != nil || set.String() != tt.want {
			t.Errorf("Parse(%q) = %q, %v; want %q", tt.list, set, err, tt.want)
		}
	}
}

func TestUnknownDefectIsRefusedWithTheKnownOnes(t *testing.T) {
	_, err := defects.Parse("drain-ignored,drian-ignored")
	if err == nil {
		t.Fatal("a misspelt defect was accepted")
	}
	for _, want := range []string{`"drian-ignored"`, "drain-ignored", "drain-listener-first", "ready-early"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not mention %s", err, want)
		}
	}
}
