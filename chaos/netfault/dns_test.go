package netfault

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// query asks for the address of a name.
func query(t testing.TB, id uint16, name string) []byte {
	t.Helper()
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLieConcerns(t *testing.T) {
	for _, c := range []struct {
		names string
		asked string
		want  bool
	}{
		{"", "anything.example.", true},
		{"pay.example", "pay.example.", true},
		{"pay.example", "PAY.Example.", true},
		{"Pay.Example.", "pay.example.", true},
		{"pay.example", "api.pay.example.", true},
		{".pay.example", "api.pay.example.", true},
		{"pay.example", "xpay.example.", false}, // ends in the letters, not in the labels
		{"pay.example", "example.", false},
		{"payments", "payments.", true},
		{"a.example,b.example", "b.example.", true},
	} {
		d := order.DNS{Answer: order.NXDomain}
		if c.names != "" {
			d.Names = strings.Split(c.names, ",")
		}
		l, err := newLie(d)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.concerns(c.asked); got != c.want {
			t.Errorf("%q concerns %q: %v, want %v", c.names, c.asked, got, c.want)
		}
	}
}

func TestNewLieRefuses(t *testing.T) {
	for want, d := range map[string]order.DNS{
		`answer ""`:           {},
		`answer "refused"`:    {Answer: "refused"},
		"delay -1s":           {Answer: order.SlowAnswer, Delay: -time.Second},
		"name 2 of 2 is empt": {Answer: order.NXDomain, Names: []string{"a", "."}},
	} {
		if _, err := newLie(d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", d, err, want)
		}
	}
}

func TestRefusalAnswersItsQuery(t *testing.T) {
	var m dnsmessage.Message
	if err := m.Unpack(refusal(query(t, 4711, "pay.example."), dnsmessage.RCodeServerFailure)); err != nil {
		t.Fatal(err)
	}
	if m.ID != 4711 || !m.Response || !m.RecursionDesired || m.RCode != dnsmessage.RCodeServerFailure || len(m.Questions) != 1 || m.Questions[0].Name.String() != "pay.example." || len(m.Answers) != 0 {
		t.Fatalf("the answer is %+v", m)
	}
	if refusal([]byte("no query"), dnsmessage.RCodeNameError) != nil {
		t.Error("there is an answer to what is no query")
	}
}

// TestSlowAnswers are held up by as much as was asked for, and let go when it is over.
func TestSlowAnswers(t *testing.T) {
	slow := func(t *testing.T, l *lie, done chan struct{}) time.Duration {
		began := time.Now()
		got := l.answer(nil, func() []byte { time.Sleep(time.Second); return []byte("real") }, done)
		if string(got) != "real" {
			t.Errorf("the answer is %q", got)
		}
		return time.Since(began)
	}
	for _, c := range []struct {
		name  string
		delay time.Duration
		end   func(*lie, chan struct{})
		want  time.Duration
	}{
		{"in time", 5 * time.Second, nil, 6 * time.Second},
		{"by default", 0, nil, 3 * time.Second},
		{"until the fault is over", time.Minute, func(l *lie, _ chan struct{}) { close(l.over) }, 4 * time.Second},
		{"until the end", time.Minute, func(_ *lie, done chan struct{}) { close(done) }, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, err := newLie(order.DNS{Answer: order.SlowAnswer, Delay: c.delay})
				if err != nil {
					t.Fatal(err)
				}
				done := make(chan struct{})
				if c.end != nil {
					time.AfterFunc(4*time.Second, func() { c.end(l, done) })
				}
				if got := slow(t, l, done); got != c.want {
					t.Errorf("it took %s, want %s", got, c.want)
				}
			})
		})
	}
}

func FuzzQuestion(f *testing.F) {
	f.Add(query(f, 1, "pay.example."))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		name := question(b)
		if answer := refusal(b, dnsmessage.RCodeNameError); name != "" && answer != nil && question(answer) != "" {
			t.Errorf("the answer %x to %x looks like a query", answer, b)
		}
	})
}
