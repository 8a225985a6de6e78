package alerts

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// journaled is a journal in lines.
func journaled(events []journal.Event) string {
	var b strings.Builder
	for _, e := range events {
		switch x := e.Body.(type) {
		case journal.AlertChanged:
			fmt.Fprintf(&b, "%v %s%v %s->%s since %v at %v\n", e.T, x.Alert, x.Labels, x.From, x.To, x.ActiveAt, x.Value)
		case journal.RuleFailed:
			fmt.Fprintf(&b, "%v %s failed: %s\n", e.T, x.Rule, x.Error)
		}
	}
	return b.String()
}

func lines(of ...string) string { return strings.Join(of, "\n") + "\n" }

func TestTransitions(t *testing.T) {
	for name, c := range map[string]struct{ rule, series, want string }{
		"fires at once without for": {
			`{alert: Down, expr: up == 0}`, `up{job="api"} 1x3 0x3 1x3`,
			lines("4s Down[job:api] inactive->firing since 4s at 0", "8s Down[job:api] firing->inactive since 4s at 0")},
		"is pending for as long as for says": {
			`{alert: High, expr: m > 5, for: 3s}`, `m 0x2 9x6 0`,
			lines("3s High[] inactive->pending since 3s at 9", "6s High[] pending->firing since 3s at 9", "10s High[] firing->inactive since 3s at 9")},
		"begins again after a gap while pending": {
			`{alert: High, expr: m > 5, for: 3s}`, `m 0 9x1 0 8x3 0`,
			lines("1s High[] inactive->pending since 1s at 9", "3s High[] pending->inactive since 1s at 9",
				"4s High[] inactive->pending since 4s at 8", "7s High[] pending->firing since 4s at 8", "8s High[] firing->inactive since 4s at 8")},
		"keeps firing": {
			`{alert: High, expr: m > 5, keep_firing_for: 3s}`, `m 0 9 0x1 9 0x6`,
			lines("1s High[] inactive->firing since 1s at 9", "8s High[] firing->inactive since 1s at 9")},
		"is a new one for each label set": {
			`{alert: High, expr: m > 5, for: 1s}`, "m{a=\"1\"} 0 9 9 0\nm{a=\"2\"} 0 0 7 7",
			lines("1s High[a:1] inactive->pending since 1s at 9", "2s High[a:1] pending->firing since 1s at 9",
				"2s High[a:2] inactive->pending since 2s at 7", "3s High[a:1] firing->inactive since 1s at 9",
				"3s High[a:2] pending->firing since 2s at 7")},
		"of data that are absent": {
			`{alert: Gone, expr: 'absent(m{job="api"})', for: 1s}`, `m{job="api"} 1 1 stale _x2 1`,
			lines("2s Gone[job:api] inactive->pending since 2s at 1", "3s Gone[job:api] pending->firing since 2s at 1",
				"5s Gone[job:api] firing->inactive since 2s at 1")},
		"NaN is above nothing, and unequal to everything": {
			`{alert: High, expr: m > 5 or m != 1}`, `m 1 1 NaN 1`,
			lines("2s High[] inactive->firing since 2s at 0", "3s High[] firing->inactive since 2s at 0")},
		"infinite is the largest number": {
			`{alert: Ratio, expr: m / 0 > 1}`, `m 0 1`,
			lines(fmt.Sprintf("1s Ratio[] inactive->firing since 1s at %v", math.MaxFloat64))},
		"nothing is evaluated at the start": {
			`{alert: Always, expr: vector(1)}`, `m 0x1`, lines("1s Always[] inactive->firing since 1s at 1")},
		"in a group with a limit all or nothing is active": {
			`{alert: High, expr: m > 5}`, "m{a=\"1\"} 0 9 9 9\nm{a=\"2\"} 0 0 7 0",
			lines("1s High[a:1] inactive->firing since 1s at 9", "2s High failed: exceeded limit of 1 with 2 alerts",
				"2s High[a:1] firing->inactive since 1s at 9", "3s High[a:1] inactive->firing since 3s at 9")},
		"a failure is told once, and alerts stay as they are": {
			`{alert: Two, expr: 'label_replace(m, "a", "", "", "") > 0'}`, "m{a=\"1\"} 2x8\nm{a=\"2\"} _x2 1x3 stale",
			lines("1s Two[] inactive->firing since 1s at 2", "2s Two failed: vector cannot contain metrics with the same labelset")},
	} {
		t.Run(name, func(t *testing.T) {
			limit := ""
			if strings.Contains(name, "limit") {
				limit = "limit: 1, "
			}
			l := newLab(t, time.Second)
			all := promtool(t, c.series)
			l.run(load(t, "groups: [{name: g, "+limit+"rules: ["+c.rule+"]}]", 1), all, len(all[0].values))
			got := strings.ReplaceAll(journaled(l.events), "map", "")
			if got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestLabelsAndAnnotationsAreExpanded(t *testing.T) {
	l := newLab(t, time.Second)
	l.run(load(t, `
groups:
  - name: g
    labels: {team: shop}
    rules:
      - alert: High
        expr: m > 5
        labels: {severity: '{{ if gt $value 7.0 }}page{{ else }}ticket{{ end }}'}
        annotations:
          summary: '{{ $labels.job }} is {{ $value | humanize }}{{ $externalURL }}'
          asked: '{{ with query "n" }}{{ . | first | value }}{{ end }}'
          wrong: '{{ index $labels.job 7 }}'
`, 1), promtool(t, "m{job=\"api\"} 0 9\nn 0 42"), 2)
	if len(l.changes()) != 1 || len(l.failed()) != 1 {
		t.Fatal(journaled(l.events))
	}
	got := l.changes()[0].Body.(journal.AlertChanged)
	if want := fmt.Sprint(map[string]string{"job": "api", "severity": "page", "team": "shop"}); fmt.Sprint(got.Labels) != want {
		t.Errorf("labels %v, want %v", got.Labels, want)
	}
	if got.Annotations["summary"] != "api is 9" || got.Annotations["asked"] != "42" {
		t.Errorf("annotations %v", got.Annotations)
	}
	failed := l.failed()[0].Body.(journal.RuleFailed)
	if want := "annotation wrong: the template cannot be expanded: at <index $labels.job 7>"; !strings.HasPrefix(failed.Error, want) ||
		failed.Group != "g" || failed.Rule != "High" {
		t.Errorf("got %+v, want %s…", failed, want)
	}
}

// What Prometheus writes into ALERTS is what the journal says.
func TestTheStoreHasWhatPrometheusWrites(t *testing.T) {
	l := newLab(t, time.Second)
	l.run(load(t, `
groups:
  - name: g
    rules:
      - record: job:m:double
        expr: 2 * m
        labels: {kind: double}
      - {alert: High, expr: "job:m:double > 10", for: 2s, labels: {severity: page}}
`, 1), promtool(t, `m 0 9x5 0`), 8)
	for second, want := range map[int]string{
		2: `{__name__="ALERTS", alertname="High", alertstate="pending", kind="double", severity="page"} 1`,
		4: `{__name__="ALERTS", alertname="High", alertstate="firing", kind="double", severity="page"} 1`,
		7: ``,
	} {
		if got := l.ask("ALERTS", second); got != want {
			t.Errorf("ALERTS at %d s is %s, want %s", second, got, want)
		}
	}
	since := fmt.Sprintf(`{__name__="ALERTS_FOR_STATE", alertname="High", kind="double", severity="page"} %v`, float64(began.Unix()+1))
	if got := l.ask("ALERTS_FOR_STATE", 5); got != since {
		t.Errorf("got %s, want %s", got, since)
	}
	if got, want := l.ask("job:m:double", 6), `{__name__="job:m:double", kind="double"} 18`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// ask is what an expression comes to at a second.
func (l *lab) ask(expr string, second int) string {
	l.t.Helper()
	q, err := l.engine.NewInstantQuery(context.Background(), l.store, nil, expr, began.Add(time.Duration(second)*time.Second))
	if err != nil {
		l.t.Fatal(err)
	}
	defer q.Close()
	v, err := q.Exec(context.Background()).Vector()
	if err != nil {
		l.t.Fatal(err)
	}
	var out []string
	for _, s := range v {
		out = append(out, fmt.Sprint(s.Metric, " ", s.F))
	}
	return strings.Join(out, "\n")
}

func TestASlotIsEvaluatedOnceAndThoseThatPassedAreCounted(t *testing.T) {
	l := newLab(t, time.Second)
	rules := load(t, `
groups:
  - {name: fast, rules: [{record: fast, expr: time()}]}
  - {name: slow, interval: 4s, rules: [{record: slow, expr: time()}]}
`, 1)
	e := NewEvaluator(rules, l.config(began))
	for _, ms := range []int{-5000, 0, 999, 1000, 1000, 1700, 3999, 4001, 4500, 9000, 8000} {
		e.Eval(context.Background(), began.Add(time.Duration(ms)*time.Millisecond))
	}
	// fast: 1, 3 (2 skipped), 4, 9 (5 to 8 skipped); slow: 4, 8
	if got, want := e.Counts(), (Counts{Evaluated: 6, Skipped: 5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for second, want := range map[int]string{1: "+1", 2: "+1", 3: "+3", 4: "+4", 9: "+9"} {
		if got := l.ask(fmt.Sprintf("fast - %d", began.Unix()), second); got != "{} "+want[1:] {
			t.Errorf("fast at %d s is %s, want %s", second, got, want)
		}
	}
	if got := l.ask(fmt.Sprintf("slow - %d", began.Unix()), 9); got != "{} 8" {
		t.Errorf("slow at 9 s is %s, want 8", got)
	}
}

func TestWhatIsCutOffIsNoFailure(t *testing.T) {
	l := newLab(t, time.Second)
	e := NewEvaluator(load(t, `groups: [{name: g, rules: [{alert: Always, expr: vector(1)}]}]`, 1), l.config(began))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e.Eval(ctx, began.Add(time.Second))
	if len(l.events) > 0 || e.Counts() != (Counts{}) {
		t.Errorf("%s%+v", journaled(l.events), e.Counts())
	}
}

func TestFailuresDoNotFillTheJournal(t *testing.T) {
	l := newLab(t, time.Second)
	var text strings.Builder
	for i := range 40 { // one series more each second: another message each time
		fmt.Fprintf(&text, "m{i=\"%d\"} _x%d 1x40\n", i, i)
	}
	l.run(load(t, `groups: [{name: g, limit: 1, rules: [{record: x, expr: m}]}]`, 1), promtool(t, text.String()), 40)
	if n := len(l.failed()); n != mostFailures {
		t.Errorf("%d failures, want %d\n%s", n, mostFailures, journaled(l.events))
	}
}

func TestFiringIsAsOfTheLastEvaluation(t *testing.T) {
	l := newLab(t, time.Second)
	rules := load(t, `
groups:
  - name: g
    rules:
      - {alert: B, expr: m > 5, for: 1s, annotations: {summary: "{{ $value }}"}}
      - {alert: A, expr: m > 7}
`, 1)
	e := l.run(rules, promtool(t, "m{a=\"2\"} 0 9 9\nm{a=\"1\"} 0 6 6.5"), 3)
	var got []string
	for _, a := range e.Firing() {
		got = append(got, fmt.Sprint(a.Group, a.Name, a.Labels, a.Annotations, a.ActiveAt, a.FiredAt, a.Value))
	}
	want := []string{"g B map[a:1] map[summary:6.5] 1s 2s 6.5", "g B map[a:2] map[summary:9] 1s 2s 9", "g A map[a:2] map[] 1s 1s 9"}
	for i, g := range got {
		got[i] = strings.TrimSpace(strings.NewReplacer("gB", "g B ", "gA", "g A ", "]map", "] map", "]1", "] 1").Replace(g))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	e.Firing()[0].Labels["a"] = "spoilt"
	if e.Firing()[0].Labels["a"] != "1" {
		t.Error("an answer is not its caller's own")
	}
}

func TestFiringCanBeAskedWhileRulesAreEvaluated(t *testing.T) {
	l := newLab(t, time.Second)
	e := NewEvaluator(load(t, `groups: [{name: g, rules: [{alert: Always, expr: vector(1)}]}]`, 1), l.config(began))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range 100 {
				if f := e.Firing(); len(f) > 1 || len(f) == 0 && e.Counts().Evaluated < 0 {
					t.Error(f)
				}
				if n%25 == 0 {
					e.Eval(context.Background(), began.Add(time.Duration(n)*time.Second))
				}
			}
		})
	}
	wg.Wait()
	if len(e.Firing()) != 1 {
		t.Error(e.Firing())
	}
}
