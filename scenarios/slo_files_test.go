package scenarios

import (
	"os"
	"testing"
)

// Whatever stands in a file of SLOs, every problem has a place in it, and where there
// is none each SLO can be planned.
func FuzzSLOFiles(f *testing.F) {
	for _, file := range []string{"openslo.yaml", "openslo-wrong.yaml", "sloth.yaml", "sloth-wrong.yaml", "hpa-not-yaml.yaml"} {
		text, err := os.ReadFile("testdata/files/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, key := range []string{"openslo", "sloth"} {
			slos, problems := decodeSLOs(key, "slo.yaml", text)
			for _, p := range problems {
				if p.File != "slo.yaml" || p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Errorf("%+v", p)
				}
			}
			if len(problems) == 0 && len(slos) == 0 {
				t.Error("neither an SLO nor a problem")
			}
			for _, s := range slos {
				planned := sloOfFile(s, defaultScrape, defaultScrape)
				if n := len(planned.Queries(defaultScrape)); planned.Ratio && n != 1 || !planned.Ratio && n != 2 {
					t.Errorf("%d queries of %+v", n, planned)
				}
			}
		}
	})
}
