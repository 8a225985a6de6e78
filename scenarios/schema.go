package scenarios

import (
	_ "embed"
	"slices"
)

//go:generate go test -run TestSchemaIsFresh -update .

//go:embed scenario.schema.json
var schema []byte

// Schema is the JSON Schema of scenario files, in keywords of draft-07. Files
// that Parse accepts satisfy it; it cannot see everything that Parse sees. The
// caller may change the copy it gets.
func Schema() []byte { return slices.Clone(schema) }
