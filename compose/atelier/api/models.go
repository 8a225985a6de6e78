package api

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/importer"
	"github.com/shakedown-dev/shakedown/compose/atelier/sessions"
	"github.com/shakedown-dev/shakedown/compose/atelier/wire"
)

// uploadModel takes a model: newline-delimited JSON, an object of it a line,
// gzip or not. The objects are checked and counted as they come in, and the
// answer is the import, which GET /v1/imports/{id} tells the progress of.
func (a *API) uploadModel(w http.ResponseWriter, r *http.Request, s sessions.Session) {
	// Asked first, so that nobody uploads for minutes what has no place.
	if _, err := a.Store.Project(r.Context(), s.Account, r.PathValue("id")); err != nil {
		a.fail(w, r, err)
		return
	}
	if wait := a.Workspaces.Admit(r.Context(), s.Account, s.Tier); wait > 0 {
		seconds := int(math.Ceil(wait.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		wire.Error(w, http.StatusTooManyRequests, fmt.Sprintf("there is no room for a large model at the moment, and nothing of this one was kept; send it again in %ds", seconds))
		return
	}
	body, refused := modelBody(r)
	if refused != "" {
		wire.Error(w, http.StatusUnsupportedMediaType, refused)
		return
	}
	// The context does not end a read that waits for the client.
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadLimit)); err != nil {
		a.fail(w, r, fmt.Errorf("set the deadline of an upload: %w", err))
		return
	}
	objects, err := importer.Scan(body)
	switch {
	case err == nil:
		a.queueImport(w, r, s, objects)
	case errors.Is(err, importer.ErrTooLarge):
		wire.Error(w, http.StatusRequestEntityTooLarge, err.Error())
	case errors.Is(err, importer.ErrInvalid):
		wire.Error(w, http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		wire.Error(w, http.StatusRequestTimeout, fmt.Sprintf("the upload took longer than %s; nothing of it was kept", uploadLimit))
	default:
		wire.Error(w, http.StatusBadRequest, "the upload cannot be read: "+err.Error())
	}
}

// modelBody is the body without its encoding, or why it is not accepted.
func modelBody(r *http.Request) (body io.Reader, refused string) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-ndjson" {
		return nil, "send the model as application/x-ndjson: one JSON object a line"
	}
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
		return r.Body, ""
	case "gzip":
		return &gunzip{from: r.Body}, ""
	}
	return nil, "the encoding of the body is not known here; send it with gzip, or as it is"
}

// A gunzip reads what is compressed, from the first Read on: opening a
// gzip.Reader reads already, and that is for the time after the deadline is set.
type gunzip struct {
	from   io.Reader
	reader *gzip.Reader
}

// Read implements io.Reader.
func (g *gunzip) Read(p []byte) (n int, err error) {
	if g.reader == nil {
		if g.reader, err = gzip.NewReader(g.from); err != nil {
			return 0, err
		}
	}
	return g.reader.Read(p)
}
