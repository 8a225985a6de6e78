package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios/template"
)

// checkComparisons checks what was acknowledged, and where it is to be read.
func (d *Document) checkComparisons() {
	first := map[string]location{}
	for _, c := range d.comparisons() {
		d.checkOnce(c, first)
		if c.of != nil {
			d.checkAcknowledged(c.at.to("of"), *c.of)
		}
		if c.want == wantNone {
			d.reportUseless(c.at, "of", "with want: none whatever is read is a mistake", "leave it out, or want")
		}
		d.checkTruth(c.readAt, c.read)
	}
}

// checkOnce checks that nothing is compared under the same name already.
func (d *Document) checkOnce(c comparison, first map[string]location) {
	earlier, taken := first[c.id]
	kind, rest, _ := strings.Cut(c.id, "/")
	switch {
	case strings.HasSuffix(c.id, "/") || strings.Contains(c.id, "//"): // a name that is missing, reported already
	case !taken:
		first[c.id] = c.at
	case kind == "integrity":
		d.reportSecond(c.at.to("name"), "integrity check", rest)
	default:
		_, path := d.find(earlier)
		d.reportKey(c.at, fmt.Sprintf("the same is compared in %s already", path), "keep one of the two")
	}
}

// checkAcknowledged checks the request whose success is followed. Its key is
// checked in the walk through the journey, where its variables are known.
func (d *Document) checkAcknowledged(at location, a Acknowledged) {
	journey := d.checkWalked(at.to("journey"), a.Journey)
	if a.Step != "" && journey != nil {
		d.checkName(at.to("step"), "step", a.Step, names(journey.requests(), func(r JourneyStep) string { return r.Name }))
	}
	t, err := template.Parse(a.Key)
	if err == nil && a.Key != "" && len(t.Names()) == 0 {
		d.report(at.to("key"), fmt.Sprintf("%q is the same for every request", shorten(a.Key)), "write a variable that tells them apart, as ${order}")
	}
}

// acknowledged checks the keys of a request that checks follow: they may use
// what the request itself extracts.
func (w *walk) acknowledged(s JourneyStep) {
	for _, c := range w.followed {
		if s.Name == "" || c.of.Step != s.Name {
			continue
		}
		at := c.at.to("of", "key")
		t, err := template.Parse(c.of.Key)
		if err != nil {
			w.text(at, c.of.Key)
			continue
		}
		for _, name := range t.Names() {
			switch why := w.variables.unknown(name); {
			case why.message == "":
			case w.variables.later[name] && w.variables.partial[name].message == "":
				w.doc.report(at, fmt.Sprintf("${%s} is not known yet when step %q is acknowledged", name, s.Name), "extract it in that step or in one before it, or name a later step")
			default:
				w.doc.report(at, why.message, why.suggestion)
			}
		}
	}
}

// checkTruth checks where something is read.
func (d *Document) checkTruth(at location, t Truth) {
	d.checkPositive(at.to("within"), t.Within, "the time to show it")
	if t.SQL != nil {
		d.checkSQL(at.to("sql"), *t.SQL)
	}
	if t.HTTP != nil {
		d.checkHTTP(at.to("http"), *t.HTTP)
	}
}

func (d *Document) checkSQL(at location, r SQLRead) {
	if r.URLFrom != "" && !variableForm.MatchString(r.URLFrom) {
		// It may be the address itself, with a password: it is not repeated.
		d.report(at.to("url_from"), "is not the name of an environment variable", "name the variable of the service that holds the address, as DATABASE_URL")
	}
	if message, suggestion := checkQuery(r.Query); r.Query != "" && message != "" {
		d.report(at.to("query"), message, suggestion)
	}
}

func (d *Document) checkHTTP(at location, r HTTPRead) {
	d.checkReading(at, r.Request, r.Headers)
	for key, path := range map[string]string{"items": r.Items, "key": r.Key, "next": r.Next} {
		if path != "" {
			d.checkPath(at.to(key), path, d.report)
		}
	}
}

// checkReading checks a request that only reads, and that no session makes.
func (d *Document) checkReading(at location, request string, headers map[string]string) {
	line, err := parseRequest(request)
	switch {
	case request == "":
	case err != nil && line.Method == "":
		d.report(at.to("request"), fmt.Sprintf("%q is not a request", shorten(request)), "write GET service/path, as in GET api/v1/orders")
	case err != nil:
		d.reportForm(at.to("request"), err)
	case line.Method != "GET":
		d.report(at.to("request"), fmt.Sprintf("%s may change what is to be read", line.Method), fmt.Sprintf("write GET %s%s, or a path that lists it", line.Service, shorten(line.Path)))
	case strings.Contains(line.Path, "${"):
		d.report(at.to("request"), "variables belong to sessions, and no session sends this", "name a path that has everything in it")
	}
	for _, name := range keys(headers) {
		at := at.to("headers", name)
		d.checkHeader(at, name, d.reportKey)
		d.checkOwnHeader(at, name, d.reportKey)
		if strings.ContainsAny(headers[name], "\r\n") {
			d.report(at, "the header has a line break in it", "write its value in one line")
		}
	}
}

// checkQuery says what is wrong with a query, as far as can be told without a
// database.
func checkQuery(query string) (message, suggestion string) {
	words, rest := firstStatement(query)
	first, _, _ := strings.Cut(strings.Join(strings.Fields(words), " "), " ")
	switch {
	case first == "":
		return "there is no query in it", "write SELECT, and the column that holds the key"
	case !slices.Contains([]string{"SELECT", "WITH"}, strings.ToUpper(first)):
		return fmt.Sprintf("the query begins with %q and does not only read", shorten(first)), "begin it with SELECT or WITH"
	case strings.TrimSpace(rest) != "":
		return "there is more than one statement in it", "keep one SELECT; only the end may have a semicolon"
	}
	return "", ""
}

// firstStatement splits SQL at the end of its first statement. Comments become
// spaces, and semicolons in quotes do not count.
func firstStatement(query string) (first, rest string) {
	var parts [2]strings.Builder
	part := 0
	for i := 0; i < len(query); {
		skip, n := 0, 0 // what counts for nothing, and what is kept
		switch left := query[i:]; {
		case left[0] == '\'' || left[0] == '"':
			n = 1 + through(left[1:], left[:1])
		case strings.HasPrefix(left, "--"):
			skip = through(left, "\n")
		case strings.HasPrefix(left, "/*"):
			skip = 2 + through(left[2:], "*/")
		case left[0] == ';':
			part, skip = 1, 1
		default:
			n = 1
		}
		if skip > 0 {
			parts[part].WriteByte(' ')
		}
		parts[part].WriteString(query[i : i+n])
		i += skip + n
	}
	return parts[0].String(), parts[1].String()
}

// through is the length of a text up to and with the first end in it, all of it
// without one.
func through(text, end string) int {
	if i := strings.Index(text, end); i >= 0 {
		return i + len(end)
	}
	return len(text)
}
