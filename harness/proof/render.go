package proof

import (
	"bytes"
	"encoding/json"
	"io"
)

// WriteJSON writes the result of an experiment as the file in its directory
// has it.
func WriteJSON(w io.Writer, result any) error {
	content, err := render(result)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

func render(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
