// Package wire reads and writes the JSON of the services' HTTP interfaces.
package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// MaxBody is the largest request body accepted, in bytes.
const MaxBody = 64 << 10

// Read decodes a request body strictly: one JSON value, no unknown fields, at
// most MaxBody bytes. The error is meant for the client.
func Read(w http.ResponseWriter, r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the body is not the JSON expected here: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body holds more than one JSON value")
	}
	return nil
}

// Write answers with a value as JSON.
func Write(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil { // a programming error: all values are our own structs
		Error(w, http.StatusInternalServerError, "the answer could not be encoded")
		return
	}
	Raw(w, status, append(body, '\n'))
}

// Raw answers with JSON that is already encoded.
func Raw(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // the client may be gone; there is nobody left to tell
}

// Error answers with {"error": message}.
func Error(w http.ResponseWriter, status int, message string) {
	Write(w, status, map[string]string{"error": message})
}
