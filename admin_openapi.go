package aiproxy

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object of an OpenAPI document.
type object map[string]any

// showOpenAPI answers with the document of the table that serves.
func showOpenAPI(c *adminCall) error {
	return c.send(http.StatusOK, openAPI(c.routes))
}

// openAPI makes the OpenAPI 3.1 document of the routes.
func openAPI(routes []adminRoute) object {
	schemas := object{"Error": object{
		"type":       "object",
		"properties": object{"error": object{"type": "string"}},
		"required":   []string{"error"},
	}}
	paths := object{}
	for _, r := range routes {
		path := adminPrefix + strings.ReplaceAll(r.pattern, "...}", "}")
		item, ok := paths[path].(object)
		if !ok {
			item = object{}
			paths[path] = item
			if params := pathParams(path); params != nil {
				item["parameters"] = params
			}
		}
		item[strings.ToLower(r.method)] = operation(r, schemas)
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title":       "aiproxy admin API",
			"version":     "1",
			"description": "Served on Caddy's admin endpoint. Errors are {\"error\": \"…\"}.",
		},
		"paths":      paths,
		"components": object{"schemas": schemas},
	}
}

// pathParams lists the parameters that a path holds.
func pathParams(path string) []object {
	var params []object
	for segment := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			params = append(params, parameter("path", strings.TrimSuffix(name, "}"), object{"type": "string"}, ""))
		}
	}
	return params
}

func parameter(in, name string, schema object, doc string) object {
	p := object{"in": in, "name": name, "schema": schema}
	if in == "path" {
		p["required"] = true
	}
	if doc != "" {
		p["description"] = doc
	}
	return p
}

// operation describes one route.
func operation(r adminRoute, schemas object) object {
	errors := object{"description": "An error.", "content": content(object{"$ref": "#/components/schemas/Error"}, typeJSON)}
	answer := object{"description": http.StatusText(r.status)}
	op := object{
		"summary":     r.summary,
		"operationId": operationID(r),
		"responses":   object{strconv.Itoa(r.status): answer, "default": errors},
	}
	if r.status == http.StatusNotImplemented {
		op["responses"] = object{strconv.Itoa(r.status): errors}
		op["description"] = "Not built yet."
		return op
	}
	var params []object
	switch r.method {
	case http.MethodPatch, http.MethodDelete:
		params = append(params, parameter("header", "If-Match", object{"type": "string"},
			"The ETag that the entity must still have; else the answer is 412."))
	}
	if r.list {
		params = append(params,
			parameter("query", "limit", object{"type": "integer", "minimum": 1, "maximum": adminPageMax, "default": adminPage}, ""),
			parameter("query", "after", object{"type": "string"}, "The `next` of the page before."))
	}
	if params != nil {
		op["parameters"] = params
	}
	if r.in != nil {
		types := []string{typeJSON}
		if r.method == http.MethodPatch {
			types = []string{typeMerge, typeJSON}
		}
		op["requestBody"] = object{
			"required": reflect.TypeOf(r.in) != reflect.TypeFor[probeRequest](),
			"content":  content(schemaOf(reflect.TypeOf(r.in), schemas), types...),
		}
	}
	if r.out != nil {
		schema := schemaOf(reflect.TypeOf(r.out), schemas)
		if r.list {
			schema = object{"type": "object", "required": []string{"items", "next"}, "properties": object{
				"items": object{"type": "array", "items": schema}, "next": object{"type": "string"},
			}}
		}
		answer["content"] = content(schema, typeJSON)
	}
	return op
}

// operationID makes a name out of method and pattern: patch_groups_group.
func operationID(r adminRoute) string {
	words := strings.FieldsFunc(r.pattern, func(c rune) bool { return strings.ContainsRune("/{}.", c) })
	return strings.ToLower(r.method) + "_" + strings.Join(words, "_")
}

func content(schema object, types ...string) object {
	c := object{}
	for _, t := range types {
		c[t] = object{"schema": schema}
	}
	return c
}

// schemaOf returns the schema of a type; one of ours becomes a component.
func schemaOf(t reflect.Type, schemas object) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return object{}
	case reflect.TypeFor[keyList]():
		return object{"type": "array", "items": object{"oneOf": []object{
			{"type": "string", "writeOnly": true}, structSchema(reflect.TypeFor[keyHint](), schemas),
		}}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return object{"oneOf": []object{schemaOf(t.Elem(), schemas), {"type": "null"}}}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem(), schemas)}
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return object{"type": "object"}
		}
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem(), schemas)}
	case reflect.Struct:
		name := strings.TrimSuffix(t.Name(), "Doc")
		name = strings.ToUpper(name[:1]) + name[1:]
		if _, ok := schemas[name]; !ok {
			schemas[name] = structSchema(t, schemas)
		}
		return object{"$ref": "#/components/schemas/" + name}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	default:
		return object{"type": "integer"}
	}
}

func structSchema(t reflect.Type, schemas object) object {
	properties := object{}
	for _, f := range docFields(t) {
		schema := schemaOf(f.typ, schemas)
		if f.doc != "" {
			schema["description"] = f.doc
		}
		if f.readOnly {
			schema["readOnly"] = true
		}
		properties[f.name] = schema
	}
	return object{"type": "object", "properties": properties}
}
