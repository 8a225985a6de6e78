package settings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/settings"
)

func from(values map[string]string) *settings.Env {
	return settings.New(func(name string) string { return values[name] })
}

func TestValuesAndDefaults(t *testing.T) {
	env := from(map[string]string{"D": "1.5s", "N": "7", "R": "10ms-20ms", "ONE": "30ms", "EMPTY": ""})
	if d := env.Duration("D", time.Hour); d != 1500*time.Millisecond {
		t.Errorf("D = %s", d)
	}
	if d := env.Duration("EMPTY", time.Hour); d != time.Hour {
		t.Errorf("EMPTY = %s, want the default: compose passes on unset variables as empty", d)
	}
	if n := env.Int("N", 1, 1, 9); n != 7 {
		t.Errorf("N = %d", n)
	}
	if low, high := env.DurationRange("R", 0, 0); low != 10*time.Millisecond || high != 20*time.Millisecond {
		t.Errorf("R = %s to %s", low, high)
	}
	if low, high := env.DurationRange("ONE", 0, 0); low != 30*time.Millisecond || high != low {
		t.Errorf("ONE = %s to %s", low, high)
	}
	if err := env.Err(); err != nil {
		t.Errorf("Err = %v", err)
	}
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	env := from(map[string]string{"D": "5", "NEGATIVE": "-1s", "N": "100", "R": "20ms-10ms"})
	env.Duration("D", 0)
	env.Duration("NEGATIVE", 0)
	env.Int("N", 1, 1, 9)
	env.DurationRange("R", 0, 0)
	env.Required("MISSING", "redis:6379")
	err := env.Err()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`D is "5"`, `NEGATIVE is "-1s"`, `N is "100"`, `R is "20ms-10ms"`, "MISSING is not set", "redis:6379"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %s", err, want)
		}
	}
}
