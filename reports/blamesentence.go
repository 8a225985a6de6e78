package reports

import "fmt"

// Sentence is the attribution as text and Markdown have it: "34 requests failed on
// api-2, 0.2 to 1.1 s after SIGTERM, all on reused connections". See blame.String,
// which says the same of the figures behind this row.
func (b pageBlame) Sentence() string {
	if b.Failed == 0 {
		return fmt.Sprintf("%s given up by the client on %s, %s", plural(b.Unknown, "request"), b.Who, b.When)
	}
	text := plural(b.Failed, "request") + " failed"
	switch b.When {
	case nobodyReady:
		return text + " because no instance of " + b.Who + " was ready"
	case nobodyYet:
		return text + " " + nobodyYet + ", because no instance of " + b.Who + " was ready"
	}
	text += " on " + b.Who + ", " + b.When
	switch {
	case b.Fresh == 0:
		text += ", all on reused connections"
	case b.Reused == 0:
		text += ", all on new connections"
	default:
		text += fmt.Sprintf(", %d on reused and %d on new connections", b.Reused, b.Fresh)
	}
	return text + " (" + b.How + ")"
}
