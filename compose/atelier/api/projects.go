package api

import (
	"fmt"
	"net/http"

	"github.com/shakedown-dev/shakedown/compose/atelier/importer"
	"github.com/shakedown-dev/shakedown/compose/atelier/sessions"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
	"github.com/shakedown-dev/shakedown/compose/atelier/wire"
)

// pageSize is how many projects a list holds at most.
const pageSize = 20

func (a *API) createProject(w http.ResponseWriter, r *http.Request, s sessions.Session) {
	var request struct {
		Name string `json:"name"`
	}
	if err := wire.Read(w, r, &request); err != nil {
		wire.Error(w, http.StatusBadRequest, err.Error())
		return
	}
	if request.Name == "" || len(request.Name) > 200 {
		wire.Error(w, http.StatusUnprocessableEntity, "name must have 1 to 200 characters")
		return
	}
	slug := ""
	if a.Slugs >= SlugsDual {
		slug = store.Slug(request.Name)
	}
	project, err := a.Store.CreateProject(r.Context(), s.Account, request.Name, slug)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	wire.Write(w, http.StatusCreated, a.shown(project))
}

func (a *API) listProjects(w http.ResponseWriter, r *http.Request, s sessions.Session) {
	projects, err := a.Store.Projects(r.Context(), s.Account, pageSize)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	for i := range projects {
		projects[i] = a.shown(projects[i])
	}
	wire.Write(w, http.StatusOK, map[string]any{"projects": projects})
}

// shown is a project as clients see it.
func (a *API) shown(p store.Project) store.Project {
	if a.Slugs < SlugsOn {
		p.Slug = ""
	}
	return p
}

func (a *API) createImport(w http.ResponseWriter, r *http.Request, s sessions.Session) {
	var request struct {
		Objects int `json:"objects"`
	}
	if err := wire.Read(w, r, &request); err != nil {
		wire.Error(w, http.StatusBadRequest, err.Error())
		return
	}
	if request.Objects < 1 || request.Objects > importer.MaxObjects {
		wire.Error(w, http.StatusUnprocessableEntity, fmt.Sprintf("objects must be from 1 to %d", importer.MaxObjects))
		return
	}
	a.queueImport(w, r, s, request.Objects)
}

// queueImport makes an import of so many objects, hands it to the importers and
// answers with it.
func (a *API) queueImport(w http.ResponseWriter, r *http.Request, s sessions.Session, objects int) {
	created, err := a.Store.CreateImport(r.Context(), s.Account, r.PathValue("id"), objects)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if err := a.Imports.Push(r.Context(), created.ID); err != nil {
		// The import stands; the importers' sweep finds it.
		a.Log.Warn("import not queued, left to the sweep", "import", created.ID, "error", err.Error())
	}
	w.Header().Set("Location", "/v1/imports/"+created.ID)
	wire.Write(w, http.StatusAccepted, created)
}

func (a *API) getImport(w http.ResponseWriter, r *http.Request, s sessions.Session) {
	found, err := a.Store.Import(r.Context(), s.Account, r.PathValue("id"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	wire.Write(w, http.StatusOK, found)
}
