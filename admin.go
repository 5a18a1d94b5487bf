package aiproxy

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(new(AdminAPI))
}

// adminPrefix is what all our paths on the admin endpoint begin with.
const adminPrefix = "/aiproxy/"

// AdminAPI serves `/aiproxy/*` on Caddy's admin endpoint: the groups, tokens,
// channels and models that are made at run time, and what was changed.
//
// Caddy makes one with each config and tells it nothing when that config goes;
// so it keeps no app, but asks for the active one with each request.
type AdminAPI struct {
	routes []adminRoute
}

// CaddyModule returns the Caddy module information.
func (*AdminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.aiproxy",
		New: func() caddy.Module { return new(AdminAPI) },
	}
}

// Provision makes the table of routes.
func (a *AdminAPI) Provision(caddy.Context) error {
	a.routes = adminRoutes()
	return nil
}

// Routes returns one route for all paths: which of them exist, and with which
// methods, is answered by our own table.
func (a *AdminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{{Pattern: adminPrefix, Handler: caddy.AdminHandlerFunc(a.serve)}}
}

// serve answers one request. It holds the view to the end, so that a reload
// does not close the store underneath.
func (a *AdminAPI) serve(w http.ResponseWriter, r *http.Request) error {
	route, params, allow := matchRoute(a.routes, r.Method, strings.TrimPrefix(r.URL.EscapedPath(), adminPrefix))
	switch {
	case allow == "":
		return refuse(http.StatusNotFound, "there is nothing at %s; /aiproxy/openapi.json lists what there is", r.URL.Path)
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", allow)
		w.WriteHeader(http.StatusNoContent)
		return nil
	case route == nil:
		w.Header().Set("Allow", allow)
		return refuse(http.StatusMethodNotAllowed, "the method %s is not allowed here, but %s", r.Method, allow)
	}
	v, err := activeView()
	if err != nil {
		return err
	}
	defer v.leave()
	w.Header().Set("Cache-Control", "no-store")
	return answerError(route.serve(&adminCall{
		w: w, r: r, params: params, routes: a.routes, view: v, app: v.app, state: v.state,
	}))
}

// activeView enters the app of the config that is running now.
func activeView() (*view, error) {
	app, err := caddy.ActiveContext().AppIfConfigured("aiproxy")
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "no aiproxy app is configured")
	}
	v, err := app.(*App).enter()
	if err != nil {
		return nil, caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err, Message: "the gateway is not ready"}
	}
	return v, nil
}

// refuse makes an error that the caller is to read.
func refuse(status int, format string, args ...any) error {
	return caddy.APIError{HTTPStatus: status, Message: fmt.Sprintf(format, args...)}
}

// answerError gives an error the status and the text that it is answered with.
// What is not known here is for the log alone.
func answerError(err error) error {
	var known caddy.APIError
	var field *tenancy.FieldError
	var config *configError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.As(err, &field), errors.As(err, &config):
		return refuse(http.StatusBadRequest, "%v", err)
	case errors.Is(err, store.ErrNotFound):
		return refuse(http.StatusNotFound, "%v", err)
	case errors.Is(err, store.ErrExists):
		return refuse(http.StatusConflict, "%v", err)
	case errors.Is(err, store.ErrConflict):
		return refuse(http.StatusPreconditionFailed, "%v", err)
	}
	return caddy.APIError{HTTPStatus: http.StatusInternalServerError, Err: err,
		Message: "the store could not be read or written; the log says why"}
}

// Interface guards
var (
	_ caddy.Provisioner = (*AdminAPI)(nil)
	_ caddy.AdminRouter = (*AdminAPI)(nil)
)
