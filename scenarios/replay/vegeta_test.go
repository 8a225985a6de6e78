package replay

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"pgregory.net/rapid"
)

var someTargets = rapid.Custom(func(t *rapid.T) vegeta.Target {
	target := vegeta.Target{
		Method: rapid.SampledFrom([]string{"GET", "POST", "PUT", "DELETE"}).Draw(t, "method"),
		URL:    "http://shop.example" + rapid.StringMatching(`(/[a-z0-9%&=?.~-]{0,8}){1,3}`).Draw(t, "path"),
		Header: http.Header{},
	}
	target.URL = strings.ReplaceAll(target.URL, "%", "%25")
	for _, name := range rapid.SliceOfN(rapid.SampledFrom([]string{"Accept", "X-Trace", "Content-Type"}), 0, 3).Draw(t, "headers") {
		target.Header.Add(name, rapid.StringMatching(`[a-z0-9:;@#/]{1,12}`).Draw(t, "value"))
	}
	if rapid.Bool().Draw(t, "with a body") {
		target.Body = rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "body")
	}
	return target
})

// What vegeta reads from a file of targets, we read from it.
func TestTargetsAreReadAsVegetaReadsThem(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		targets := rapid.SliceOfN(someTargets, 1, 8).Draw(rt, "targets")
		var asJSON, asHTTP bytes.Buffer
		encode := vegeta.NewJSONTargetEncoder(&asJSON)
		for i := range targets {
			if err := encode(&targets[i]); err != nil {
				rt.Fatal(err)
			}
			writeTarget(rt, &asHTTP, dir, i, targets[i])
		}
		// vegeta looks for body files in the working directory, we beside the file
		absolute := strings.ReplaceAll(asHTTP.String(), "@body-", "@"+dir+"/body-")
		compare(rt, dir, VegetaJSON, asJSON.String(), vegeta.NewJSONTargeter(strings.NewReader(asJSON.String()), nil, nil))
		compare(rt, dir, VegetaHTTP, asHTTP.String(), vegeta.NewHTTPTargeter(strings.NewReader(absolute), nil, nil))
	})
}

func writeTarget(t *rapid.T, to *bytes.Buffer, dir string, i int, target vegeta.Target) {
	fmt.Fprintf(to, "%s %s\n", target.Method, target.URL)
	for _, name := range slices.Sorted(maps.Keys(target.Header)) {
		for _, value := range target.Header[name] {
			fmt.Fprintf(to, "%s: %s\n", name, value)
		}
	}
	if target.Body != nil {
		name := fmt.Sprintf("body-%d", i)
		if err := os.WriteFile(filepath.Join(dir, name), target.Body, 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(to, "@%s\n", name)
	} else {
		to.WriteString("\n")
	}
}

func compare(t *rapid.T, dir, format, content string, targeter vegeta.Targeter) {
	want, err := vegeta.ReadAllTargets(targeter)
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(strings.NewReader(content), int64(len(content)), dir, Options{Service: "api"}, usual)
	if err != nil {
		t.Fatal(err)
	}
	if got.Format != format || len(got.Requests) != len(want) {
		t.Fatalf("%s: %d of %d targets in\n%s\n%v", got.Format, len(got.Requests), len(want), content, got.Samples)
	}
	for i, request := range got.Requests {
		target := want[i]
		header := http.Header{}
		for _, field := range request.Header {
			header.Add(field.Name, field.Value)
		}
		if request.Method != target.Method || "http://shop.example"+request.Path != target.URL ||
			!bytes.Equal(request.Body, target.Body) || !maps.EqualFunc(header, target.Header, slices.Equal) {
			t.Fatalf("%s: %s, vegeta reads %+v", format, shown(request), target)
		}
	}
}
