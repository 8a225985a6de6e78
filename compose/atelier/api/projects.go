package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/hot"
	"github.com/shakedown-dev/shakedown/compose/atelier/importer"
	"github.com/shakedown-dev/shakedown/compose/atelier/sessions"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
	"github.com/shakedown-dev/shakedown/compose/atelier/wire"
)

// pageSize is how many projects a list holds at most, and projectsLifetime how long
// it is kept in the cache.
const (
	pageSize         = 20
	projectsLifetime = 15 * time.Second
)

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
	a.Hot.Forget(r.Context(), a.projectsOf(s.Account))
	wire.Write(w, http.StatusCreated, a.shown(project))
}

// projectsOf is the list of an account's projects, in the form that clients see.
func (a *API) projectsOf(account string) hot.Item {
	item := hot.Item{Kind: "projects", ID: account, Lifetime: projectsLifetime}
	if a.Slugs >= SlugsOn {
		item.Form = "slugs"
	}
	return item
}

func (a *API) listProjects(w http.ResponseWriter, r *http.Request, s sessions.Session) {
	body, err := a.Hot.Get(r.Context(), a.projectsOf(s.Account), func(ctx context.Context) ([]byte, error) {
		projects, err := a.Store.Projects(ctx, s.Account, pageSize)
		if err != nil {
			return nil, err
		}
		for i := range projects {
			projects[i] = a.shown(projects[i])
		}
		return json.Marshal(map[string]any{"projects": projects})
	})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	wire.Raw(w, http.StatusOK, body)
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
