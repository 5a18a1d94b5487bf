package aiproxy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// adminRoute is a row of the table that serves the admin API and from which its
// OpenAPI document is made.
type adminRoute struct {
	method string
	// pattern is the path below /aiproxy/: {name} stands for one segment,
	// {name...} for the rest.
	pattern string
	summary string
	// in and out are zero values of the bodies of request and answer; nil:
	// there is none.
	in, out any
	// list: the answer is a page of out.
	list bool
	// status is the answer's where all is well.
	status int
	serve  func(*adminCall) error
}

// adminRoutes returns the whole API.
func adminRoutes() []adminRoute {
	const get, post, patch, remove = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	return []adminRoute{
		{get, "groups", "List the groups", nil, groupDoc{}, true, 200, groupKind.list},
		{post, "groups", "Make a group", groupDoc{}, groupDoc{}, false, 201, groupKind.create},
		{get, "groups/{group}", "Show a group", nil, groupDoc{}, false, 200, groupKind.get},
		{patch, "groups/{group}", "Change a group", groupDoc{}, groupDoc{}, false, 200, groupKind.patch},
		{remove, "groups/{group}", "Delete a group with its tokens", nil, nil, false, 204, groupKind.delete},

		{get, "groups/{group}/tokens", "List the tokens of a group", nil, tokenDoc{}, true, 200, tokenKind.list},
		{post, "groups/{group}/tokens", "Make a token; the only answer that shows its key", tokenDoc{}, tokenDoc{}, false, 201, tokenKind.create},
		{get, "tokens/{id}", "Show a token", nil, tokenDoc{}, false, 200, tokenKind.get},
		{patch, "tokens/{id}", "Change a token", tokenDoc{}, tokenDoc{}, false, 200, tokenKind.patch},
		{remove, "tokens/{id}", "Delete a token", nil, nil, false, 204, tokenKind.delete},

		{get, "channels", "List the channels", nil, channelDoc{}, true, 200, channelKind.list},
		{post, "channels", "Make a channel", channelDoc{}, channelDoc{}, false, 201, channelKind.create},
		{get, "channels/{name}", "Show a channel", nil, channelDoc{}, false, 200, channelKind.get},
		{patch, "channels/{name}", "Change a channel", channelDoc{}, channelDoc{}, false, 200, channelKind.patch},
		{remove, "channels/{name}", "Delete a channel", nil, nil, false, 204, channelKind.delete},
		{post, "channels/{name}/test", "Make one small call through a channel", probeRequest{}, probeAnswer{}, false, 200, probeChannel},

		{get, "models", "List the models", nil, modelDoc{}, true, 200, modelKind.list},
		{post, "models", "Describe a model", modelDoc{}, modelDoc{}, false, 201, modelKind.create},
		{get, "models/{model...}", "Show a model", nil, modelDoc{}, false, 200, modelKind.get},
		{patch, "models/{model...}", "Change a model", modelDoc{}, modelDoc{}, false, 200, modelKind.patch},
		{remove, "models/{model...}", "Delete a model's description", nil, nil, false, 204, modelKind.delete},

		{get, "audit", "List the changes, newest first", nil, store.Change{}, true, 200, listAudit},
		{get, "openapi.json", "This API as an OpenAPI document", nil, map[string]any{}, false, 200, showOpenAPI},

		{get, "groups/{group}/credits", "List the credits of a group", nil, nil, false, 501, notBuilt},
		{post, "groups/{group}/credits", "Give a group credit", nil, nil, false, 501, notBuilt},
		{get, "health", "Show channels and models with their error rates", nil, nil, false, 501, notBuilt},
		{get, "logs", "List the calls", nil, nil, false, 501, notBuilt},
		{get, "logs/{request_id}", "Show a call", nil, nil, false, 501, notBuilt},
		{get, "usage", "Sum up usage", nil, nil, false, 501, notBuilt},
		{get, "ledger", "List the ledger's entries", nil, nil, false, 501, notBuilt},
		{post, "ledger/verify", "Verify the ledger", nil, nil, false, 501, notBuilt},
	}
}

// notBuilt answers for the paths of the contract that have nothing behind them
// yet.
func notBuilt(c *adminCall) error {
	return refuse(http.StatusNotImplemented, "%s is not built yet", c.r.URL.Path)
}

// matchRoute returns the route of a method and a path below the prefix, with
// the path's parameters. allow lists the methods that the path has; it is empty
// where there is no such path, and route is nil where the method is not among
// them. HEAD is served as GET.
func matchRoute(routes []adminRoute, method, path string) (route *adminRoute, params map[string]string, allow string) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var methods []string
	for i := range routes {
		found, ok := matchPattern(routes[i].pattern, path)
		if !ok {
			continue
		}
		methods = append(methods, routes[i].method)
		if routes[i].method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		if routes[i].method == method {
			route, params = &routes[i], found
		}
	}
	if methods == nil {
		return nil, nil, ""
	}
	slices.Sort(methods)
	return route, params, strings.Join(append(methods, http.MethodOptions), ", ")
}

// matchPattern compares an escaped path with a pattern, and returns what stands
// for its parameters, unescaped. None of them is empty.
func matchPattern(pattern, path string) (map[string]string, bool) {
	params := make(map[string]string)
	for {
		want, restWant, more := strings.Cut(pattern, "/")
		have, restHave, haveMore := strings.Cut(path, "/")
		name, isParam := strings.CutPrefix(want, "{")
		name = strings.TrimSuffix(name, "}")
		if rest, ok := strings.CutSuffix(name, "..."); ok && isParam {
			have, haveMore, name = path, false, rest
		}
		if isParam {
			value, err := url.PathUnescape(have)
			if err != nil || value == "" {
				return nil, false
			}
			params[name] = value
		} else if want != have {
			return nil, false
		}
		if more != haveMore {
			return nil, false
		}
		if !more {
			return params, true
		}
		pattern, path = restWant, restHave
	}
}
