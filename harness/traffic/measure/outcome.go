package measure

// An Outcome is how a request or a session ended. The driver says when it is
// which; here they are only counted.
type Outcome int

// The outcomes.
const (
	OK      Outcome = iota // a complete answer, and the right one
	Fail                   // a wrong answer, or surely not processed
	Unknown                // no complete answer although sending had begun
)

// String is the word in the journal.
func (o Outcome) String() string {
	switch o {
	case OK:
		return "ok"
	case Fail:
		return "fail"
	}
	return "unknown"
}
