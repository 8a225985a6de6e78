package reports

import (
	_ "embed"
	"slices"
)

//go:generate go test -run TestSchemasAreFresh -update .

var (
	//go:embed report.schema.json
	reportSchema []byte
	//go:embed compare.schema.json
	compareSchema []byte
)

// Schema is the JSON Schema, in keywords of draft-07, of what JSON writes. Members that
// it does not name may be added in any version, so it refuses none. The caller may
// change the copy it gets.
func Schema() []byte { return slices.Clone(reportSchema) }

// CompareSchema is the same for Comparison.JSON.
func CompareSchema() []byte { return slices.Clone(compareSchema) }
